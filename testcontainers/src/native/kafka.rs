//! Kafka: one KRaft broker, its settings, its start and what makes it ready.
//!
//! Its data is thrown away after each run, so it is killed rather than stopped. How its start is made
//! quick is in `kafka_prepare`.

use std::{
    ffi::OsString,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    error::RDKafkaErrorCode,
    producer::{FutureProducer, FutureRecord},
};
use tokio::net::TcpStream;

use super::{
    process::Process,
    ready::{Deadline, until},
    tools::KafkaJars,
};
use crate::{
    error::{IoContext, StackError},
    lookup::Found,
};

/// The topics of the platform.
const TOPICS: [&str; 4] = ["user.created", "order.placed", "processing.completed", PROBE_TOPIC];
/// Takes one record for each partition before the broker counts as ready.
const PROBE_TOPIC: &str = "proofload.publish";
const PARTITIONS: i32 = 3;
const REPLICAS: i32 = 1;
/// A single request to the broker; it is tried again until the start's deadline.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// The name of the logging settings in a broker's directory.
pub(super) const LOG4J2_FILE: &str = "log4j2.xml";
const LOG4J2: &str = include_str!("log4j2.xml");

/// A broker idles in 300 MB. One collector thread and the quick compiler suit two cores, on which the
/// broker is one of ten processes. Without `UsePerfData` Java leaves no file behind when it is killed,
/// and cannot be held up by writing to one.
const JVM: [&str; 7] = [
    "-Xms128m",
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
];

/// Everything it takes to run Kafka's classes.
#[derive(Debug, Clone)]
pub(super) struct Runtime {
    pub(super) java: Found,
    pub(super) jars: KafkaJars,
}

impl Runtime {
    /// The command line of one of Kafka's programs.
    pub(super) fn command(&self, log4j2: &Path, extra: &[String], class: &str, args: &[&str]) -> Vec<OsString> {
        let mut command = vec![self.java.program.clone().into_os_string()];
        command.extend(JVM.iter().map(OsString::from));
        command.extend(extra.iter().map(OsString::from));
        command.push(format!("-Dlog4j2.configurationFile={}", log4j2.display()).into());
        command.extend(["-cp".into(), self.jars.class_path().into(), class.into()]);
        command.extend(args.iter().map(OsString::from));
        command
    }
}

/// Where one broker listens and keeps its data.
#[derive(Debug, Clone)]
pub(super) struct Broker {
    pub(super) address: SocketAddr,
    pub(super) controller: SocketAddr,
    pub(super) data: PathBuf,
}

impl Broker {
    /// The settings. Apart from addresses these are Kafka's defaults, but for what a single broker
    /// needs (replication of 1), what a start should not wait for (`initial.rebalance.delay`), and
    /// internal topics of few partitions, since each partition is a directory to make.
    fn properties(&self) -> Vec<(&'static str, String)> {
        let text = |text: &str| text.to_owned();
        vec![
            ("process.roles", text("broker,controller")),
            ("node.id", text("1")),
            ("controller.quorum.voters", format!("1@{}", self.controller)),
            ("listeners", format!("PLAINTEXT://{},CONTROLLER://{}", self.address, self.controller)),
            ("advertised.listeners", format!("PLAINTEXT://{}", self.address)),
            ("controller.listener.names", text("CONTROLLER")),
            ("listener.security.protocol.map", text("CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT")),
            ("log.dirs", self.data.display().to_string()),
            ("auto.create.topics.enable", text("false")),
            ("group.initial.rebalance.delay.ms", text("0")),
            ("offsets.topic.replication.factor", text("1")),
            ("offsets.topic.num.partitions", text("3")),
            ("transaction.state.log.replication.factor", text("1")),
            ("transaction.state.log.min.isr", text("1")),
            ("transaction.state.log.num.partitions", text("3")),
            ("share.coordinator.state.topic.replication.factor", text("1")),
            ("share.coordinator.state.topic.min.isr", text("1")),
            ("share.coordinator.state.topic.num.partitions", text("3")),
        ]
    }

    /// Writes `server.properties` and the logging settings into `dir`.
    pub(super) fn write_settings(&self, dir: &Path) -> Result<Settings, StackError> {
        let settings = Settings { properties: dir.join("server.properties"), log4j2: dir.join(LOG4J2_FILE) };
        let lines = self.properties().into_iter().map(|(key, value)| format!("{key}={}\n", escape(&value)));
        fs::write(&settings.properties, lines.collect::<String>()).context("write", &settings.properties)?;
        fs::write(&settings.log4j2, LOG4J2).context("write", &settings.log4j2)?;
        Ok(settings)
    }

    /// What a reader of the report should know about this broker.
    pub(super) fn notable(&self, runtime: &Runtime, class_archive: bool) -> Vec<(String, String)> {
        let notable = ["process.roles", "group.initial.rebalance.delay.ms", "offsets.topic.num.partitions"];
        let mut settings = vec![
            ("java".to_owned(), format!("{} ({})", runtime.java.version, runtime.java.origin)),
            ("jvm".to_owned(), JVM.join(" ")),
            ("class archive".to_owned(), if class_archive { "yes" } else { "no" }.to_owned()),
            ("topics".to_owned(), TOPICS.join(", ")),
            ("partitions".to_owned(), PARTITIONS.to_string()),
            ("replication".to_owned(), REPLICAS.to_string()),
        ];
        let properties = self.properties().into_iter().filter(|(key, _)| notable.contains(key));
        settings.extend(properties.map(|(key, value)| (key.to_owned(), value)));
        settings
    }
}

/// The files a broker is started with.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) properties: PathBuf,
    pub(super) log4j2: PathBuf,
}

/// In a properties file a backslash begins an escape.
fn escape(value: &str) -> String {
    value.replace('\\', "\\\\")
}

/// Waits until the broker acknowledges one record in each partition; makes the topics on the way.
pub(super) async fn until_ready(process: &Process, deadline: Deadline, address: SocketAddr) -> Result<(), StackError> {
    let connect = || async { TcpStream::connect(address).await.map(drop).map_err(|error| error.to_string()) };
    until(process, deadline, &format!("a broker that listens on {address}"), connect).await?;

    // Clients only now: one that found nobody listening would wait longer with each try.
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", address.to_string())
        .set("acks", "all")
        .set("linger.ms", "0")
        .set("reconnect.backoff.ms", "20")
        .set("reconnect.backoff.max.ms", "100")
        .set("message.timeout.ms", REQUEST_TIMEOUT.as_millis().to_string());
    let unusable = |error: rdkafka::error::KafkaError| StackError::Step {
        part: process.name().to_owned(),
        step: "making a client",
        reason: error.to_string(),
    };
    let admin = config.create::<AdminClient<DefaultClientContext>>().map_err(unusable)?;
    // An idempotent producer asks for an id first; the broker fetches its ids when the first one asks,
    // and turns that one away for half a second. Asked for here, they are there when the services come.
    let producer = config.set("enable.idempotence", "true").create::<FutureProducer>().map_err(unusable)?;

    until(process, deadline, "topics that can be created", || create_topics(&admin)).await?;
    until(process, deadline, "a coordinator for consumer groups", || find_coordinator(&admin)).await?;
    let expected = format!("an acknowledged record in each partition of {PROBE_TOPIC}");
    let ready = until(process, deadline, &expected, || produce(&producer)).await;
    // Ending a client joins its threads, which takes a moment that nobody has to wait for.
    tokio::task::spawn_blocking(move || drop((admin, producer)));
    ready
}

async fn create_topics(admin: &AdminClient<DefaultClientContext>) -> Result<(), String> {
    let topics = TOPICS.map(|name| NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(REPLICAS)));
    let options = AdminOptions::new().request_timeout(Some(REQUEST_TIMEOUT)).operation_timeout(Some(REQUEST_TIMEOUT));
    let results = admin.create_topics(&topics, &options).await.map_err(|error| error.to_string())?;
    for result in results {
        match result {
            // Already there: made by an earlier attempt whose answer was lost.
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => return Err(format!("{topic}: {code}")),
        }
    }
    Ok(())
}

/// Kafka makes its topic of consumer positions when somebody first asks for a group's coordinator, and
/// turns that somebody away. Asked for here, it is there when the services come.
async fn find_coordinator(admin: &AdminClient<DefaultClientContext>) -> Result<(), String> {
    const NO_GROUP: &str = "proofload.ready";
    let options = AdminOptions::new().request_timeout(Some(REQUEST_TIMEOUT));
    let results = admin.delete_groups(&[NO_GROUP], &options).await.map_err(|error| error.to_string())?;
    match results.into_iter().next() {
        // Only the coordinator can say that there is no such group.
        Some(Err((_, RDKafkaErrorCode::GroupIdNotFound))) | Some(Ok(_)) => Ok(()),
        Some(Err((_, code))) => Err(code.to_string()),
        None => Err("no answer".to_owned()),
    }
}

async fn produce(producer: &FutureProducer) -> Result<(), String> {
    for partition in 0..PARTITIONS {
        let record = FutureRecord::<str, str>::to(PROBE_TOPIC).partition(partition).payload("ready?");
        producer.send(record, REQUEST_TIMEOUT).await.map_err(|(error, _)| error.to_string())?;
    }
    Ok(())
}
