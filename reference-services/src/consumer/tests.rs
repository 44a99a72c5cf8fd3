//! The consumer against librdkafka's own broker stand-in: order, partitions, duplicates, events
//! that cannot be read, work that fails, a broker that goes away.

use std::sync::Mutex;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::BaseConsumer;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use tokio::time::timeout;

use super::*;
use crate::events::{Completion, EventUser, PROCESSING_COMPLETED, Status};
use crate::testing;

const PATIENCE: Duration = Duration::from_secs(30);

/// Remembers what it worked on; fails for users called so.
#[derive(Clone, Default)]
struct Notebook(Arc<Mutex<Vec<String>>>);

impl Work for Notebook {
    const CONSUMER: &'static str = "notebook";

    async fn work(&self, event: &UserCreated) -> Result<(), WorkFault> {
        let tries = {
            let mut seen = self.0.lock().unwrap();
            seen.push(event.event_id.clone());
            seen.iter().filter(|id| **id == event.event_id).count()
        };
        let fault = |may_pass| WorkFault { reason: event.user.name.clone(), may_pass };
        match event.user.name.as_str() {
            "fails" => Err(fault(false)),
            "fails once" if tries == 1 => Err(fault(true)),
            _ => Ok(()),
        }
    }
}

/// A cluster, a consuming service in it, and both ends of the topics. The cluster is
/// leaked: it must outlive the runtime, because clients that close without their broker wait for it.
struct Bench {
    producer: FutureProducer,
    completions: StreamConsumer,
    notebook: Notebook,
    gate: Gate,
    readiness: Readiness,
    cluster: &'static MockCluster<'static, DefaultProducerContext>,
}

impl Bench {
    fn start() -> Self {
        let cluster: &'static _ = Box::leak(Box::new(MockCluster::new(1).unwrap()));
        for topic in [USER_CREATED, PROCESSING_COMPLETED] {
            cluster.create_topic(topic, 3, 1).unwrap();
        }
        let bootstrap = cluster.bootstrap_servers();
        let completions: StreamConsumer = kafka::consumer_config(&bootstrap, "bench", "bench").create().unwrap();
        let mut partitions = TopicPartitionList::new();
        partitions.add_partition_range(PROCESSING_COMPLETED, 0, 2);
        // Not a subscription: forming a group takes the stand-in three seconds.
        completions.assign(&partitions).unwrap();
        let (gate, notebook) = (testing::gate(), Notebook::default());
        let readiness = start(&bootstrap, &gate, notebook.clone()).unwrap();
        Self {
            producer: kafka::producer_config(&bootstrap, "bench", 5_000).create().unwrap(),
            cluster,
            completions,
            notebook,
            gate,
            readiness,
        }
    }

    async fn send(&self, partition: i32, payload: &str) {
        let record = FutureRecord::to(USER_CREATED).partition(partition).key("u-1").payload(payload);
        self.producer.send(record, Timeout::Never).await.unwrap();
    }

    async fn completion(&self) -> (Completion, i32, String) {
        loop {
            let received = timeout(PATIENCE, self.completions.recv()).await.unwrap();
            // While the broker is away there are errors in between.
            let Ok(message) = received else { continue };
            let completion = serde_json::from_slice(message.payload().unwrap()).unwrap();
            let key = String::from_utf8(message.key().unwrap().to_vec()).unwrap();
            return (completion, message.partition(), key);
        }
    }

    fn worked_on(&self) -> Vec<String> {
        self.notebook.0.lock().unwrap().clone()
    }

    fn counted(&self, result: &str) -> bool {
        let line = format!(r#"events_processed_total{{topic="user.created",result="{result}"}} 1"#);
        self.gate.telemetry().text().contains(&line)
    }
}

fn event(id: &str, name: &str) -> String {
    let user = EventUser { id: "u-1".into(), email: "a@goodgo.example".into(), name: name.into() };
    let mut event = UserCreated::now("c-1", user);
    event.event_id = id.into();
    serde_json::to_string(&event).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_is_worked_through_in_order_and_reported_in_the_same_partition() {
    let bench = Bench::start();
    for number in 0..20 {
        bench.send(2, &event(&format!("e-{number:02}"), "Ada")).await;
    }

    for number in 0..20 {
        let (completion, partition, key) = bench.completion().await;
        assert_eq!(completion.event_id, format!("e-{number:02}"));
        assert_eq!((completion.source_partition, partition), (2, 2));
        assert_eq!(completion.source_offset, number);
        assert_eq!(completion.status, Status::Done);
        assert_eq!((completion.consumer.as_str(), key.as_str()), ("notebook", "u-1"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_comes_twice_is_worked_on_and_reported_once() {
    let bench = Bench::start();
    for id in ["e-1", "e-1", "e-2"] {
        bench.send(0, &event(id, "Ada")).await;
    }

    let (first, ..) = bench.completion().await;
    let (second, ..) = bench.completion().await;

    assert_eq!((first.event_id.as_str(), second.event_id.as_str()), ("e-1", "e-2"));
    assert_eq!(bench.worked_on(), ["e-1", "e-2"]);
    assert!(bench.counted("duplicate"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_cannot_be_read_does_not_stop_the_partition() {
    let bench = Bench::start();
    bench.send(0, "{ this is no event").await;
    bench.send(0, &event("e-1", "Ada")).await;

    let (completion, ..) = bench.completion().await;

    assert_eq!((completion.event_id.as_str(), completion.source_offset), ("e-1", 1));
    assert!(bench.counted("malformed"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_fails_is_tried_again_if_that_can_help_and_reported_as_failed_if_not() {
    let bench = Bench::start();
    bench.send(0, &event("e-1", "fails once")).await;
    bench.send(0, &event("e-2", "fails")).await;

    let (recovered, ..) = bench.completion().await;
    let (failed, ..) = bench.completion().await;

    assert_eq!(recovered.status, Status::Done);
    assert_eq!(failed.status, Status::Failed);
    assert_eq!(bench.worked_on(), ["e-1", "e-1", "e-2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_is_ready_once_it_has_partitions() {
    let bench = Bench::start();
    bench.send(0, &event("e-1", "Ada")).await;

    bench.completion().await;

    assert!(bench.readiness.check().is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_was_away_is_found_again() {
    let bench = Bench::start();
    bench.send(0, &event("e-1", "Ada")).await;
    bench.completion().await;

    bench.cluster.broker_down(1).unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    bench.cluster.broker_up(1).unwrap();
    bench.send(0, &event("e-2", "Ada")).await;

    let (completion, ..) = bench.completion().await;
    assert_eq!(completion.event_id, "e-2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offsets_are_committed_after_the_work() {
    let bench = Bench::start();
    bench.send(1, &event("e-1", "Ada")).await;
    bench.completion().await;
    let observer: BaseConsumer =
        kafka::consumer_config(&bench.cluster.bootstrap_servers(), "observer", "notebook").create().unwrap();
    let mut partition = TopicPartitionList::new();
    partition.add_partition(USER_CREATED, 1);

    let committed = (0..50).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        observer
            .committed_offsets(partition.clone(), PATIENCE)
            .is_ok_and(|offsets| offsets.elements()[0].offset() == rdkafka::Offset::Offset(1))
    });

    assert!(committed);
}
