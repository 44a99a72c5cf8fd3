//! The start, in order: what is checked, fetched, addressed and launched, and what waits for what.
//!
//! Kafka is the slowest, so all that does not need it starts beside it. Services that talk to Kafka
//! start when its topics are there, and Traefik when its backends live, since a health check that
//! fails first would keep it from a backend for a whole interval.

use std::{collections::BTreeMap, fs, net::SocketAddr, path::PathBuf, time::Duration};

use uuid::Uuid;

use super::{
    NativeOptions,
    block::{Block, Reserved, Transport},
    kafka::{self, Broker, Runtime},
    kafka_prepare::{Prepared, prepare},
    memory, name_server,
    process::{Launch, Process, Tethered},
    ready::{Deadline, announce, until_http_ok},
    run_dir::RunDir,
    running::{GATEWAY_TERM_GRACE, Running},
    services::{SECRET_ENV, SERVICES, Service, Surroundings, check_slow},
    tools,
    traefik::{Gateway, readiness_path},
};
use crate::{
    error::{IoContext, StackError},
    event::Events,
    fetch::{Fetcher, Manifest, Store},
    lookup::{Found, Lookup},
    platform::{Part, Platform, ServiceEndpoint},
};

/// From the first process to the last readiness.
const START_DEADLINE: Duration = Duration::from_secs(60);
const ACCESS_LOG: &str = "traefik-access.json";

/// Starts everything; what was started before an error is ended again.
pub(super) async fn start(mut options: NativeOptions, events: Events) -> Result<Platform, StackError> {
    check_slow(&options.slow)?;
    memory::check(&memory::Sources::default())?;
    options.executable = fs::canonicalize(&options.executable).context("find", &options.executable)?;
    options.cache_dir = std::path::absolute(&options.cache_dir).context("find", &options.cache_dir)?;
    options.log_dir = std::path::absolute(&options.log_dir).context("find", &options.log_dir)?;
    fs::create_dir_all(&options.log_dir).context("create", &options.log_dir)?;

    let tools = Tools::find(&options, &events).await?;
    let mut start = Start::new(options, events, tools)?;
    let deadline = Deadline::after(START_DEADLINE);
    start.launch_base()?;
    start.unless_one_dies(start.base_ready(deadline)).await?;
    start.launch_services(|service| service.needs_kafka)?;
    start.unless_one_dies(start.backends_live(deadline)).await?;
    start.launch_gateway()?;
    start.unless_one_dies(start.all_ready(deadline)).await?;
    Ok(start.into_platform())
}

/// The foreign programs and what makes their start quick.
struct Tools {
    traefik: Found,
    kafka: Runtime,
    prepared: Prepared,
}

impl Tools {
    async fn find(options: &NativeOptions, events: &Events) -> Result<Self, StackError> {
        let store = Store::new(options.cache_dir.clone(), events.clone());
        let fetcher = Fetcher::new(options.executable.clone(), store, Lookup::from_env());
        let list = Manifest::embedded();
        let (traefik, java) =
            tokio::join!(tools::traefik_source(&fetcher.lookup, &list), tools::java_source(&fetcher.lookup, &list));
        tools::check_all(&fetcher, &list, &[&traefik, &java]).await?;
        if let Some(passed_over) = tools::java_home_passed_over(&fetcher.lookup, &java) {
            fetcher.store.events().stage(passed_over);
        }
        let kafka = async {
            let java = tools::obtain(&fetcher, java, "bin/java").await?;
            let jars = tools::kafka_jars(&fetcher, &list, &java).await?;
            let runtime = Runtime { java, jars };
            let prepared = prepare(&fetcher, &runtime).await?;
            Ok((runtime, prepared))
        };
        let (traefik, (kafka, prepared)) = tokio::try_join!(tools::obtain(&fetcher, traefik, "traefik"), kafka)?;
        Ok(Self { traefik, kafka, prepared })
    }
}

/// Where everything will listen.
#[derive(Debug)]
struct Addresses {
    dns: SocketAddr,
    web: SocketAddr,
    metrics: SocketAddr,
    kafka: SocketAddr,
    controller: SocketAddr,
    services: BTreeMap<&'static str, SocketAddr>,
}

impl Addresses {
    /// All at once, so that no two parts get one port; they are free again when this returns.
    fn choose(block: &Block) -> Result<Self, StackError> {
        let mut kept = Vec::<Reserved>::new();
        let mut reserve = |host, port, transport| {
            let reserved = block.reserve(host, port, transport)?;
            let address = reserved.address();
            kept.push(reserved);
            Ok::<_, StackError>(address)
        };
        Ok(Self {
            dns: reserve(2, 5353, Transport::TcpAndUdp)?,
            web: reserve(3, 8000, Transport::Tcp)?,
            metrics: reserve(3, 8082, Transport::Tcp)?,
            kafka: reserve(4, 9092, Transport::Tcp)?,
            controller: reserve(4, 9093, Transport::Tcp)?,
            services: SERVICES
                .iter()
                .map(|service| Ok((service.name, reserve(service.host, service.port, Transport::Tcp)?)))
                .collect::<Result<_, StackError>>()?,
        })
    }
}

/// A start under way.
struct Start {
    options: NativeOptions,
    events: Events,
    tools: Tools,
    addresses: Addresses,
    secret: String,
    parts: Vec<Part>,
    running: Running,
}

impl Start {
    fn new(options: NativeOptions, events: Events, tools: Tools) -> Result<Self, StackError> {
        let block = Block::claim();
        let addresses = Addresses::choose(&block)?;
        let run_dir = RunDir::create()?;
        let running = Running { services: Vec::new(), gateway: None, base: Vec::new(), run_dir, _block: block };
        // 244 random bits of the system's own source.
        let secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        Ok(Self { options, events, tools, addresses, secret, parts: Vec::new(), running })
    }

    /// Kafka, the name server and the services that need neither.
    fn launch_base(&mut self) -> Result<(), StackError> {
        self.events.stage("starting Kafka, the name server and the first services");
        self.launch_kafka()?;
        self.launch_dns()?;
        self.launch_services(|service| !service.needs_kafka)
    }

    fn launch_kafka(&mut self) -> Result<(), StackError> {
        let dir = self.running.run_dir.subdir("kafka")?;
        let broker =
            Broker { address: self.addresses.kafka, controller: self.addresses.controller, data: dir.join("data") };
        self.tools.prepared.copy_formatted(&broker.data)?;
        let settings = broker.write_settings(&dir)?;
        let archive = self.tools.prepared.archive_option();
        let runtime = &self.tools.kafka;
        let notable = broker.notable(runtime, archive.is_some());
        let properties = settings.properties.to_string_lossy();
        let extra = archive.into_iter().collect::<Vec<_>>();
        let command = runtime.command(&settings.log4j2, &extra, "kafka.Kafka", &[&properties]);
        let (version, origin) = (runtime.jars.version.clone(), runtime.jars.origin.clone());
        // No grace: the data is thrown away.
        let process = self.tether("kafka", command, Duration::ZERO)?;
        self.running.base.push(process);
        self.note("kafka", version, self.addresses.kafka, notable, origin);
        Ok(())
    }

    fn launch_dns(&mut self) -> Result<(), StackError> {
        let hosts = SERVICES.iter().map(|service| (service.dns_name, self.addresses.services[service.name]));
        let others = [("gateway", self.addresses.web), ("kafka", self.addresses.kafka)];
        let records = hosts.chain(others).map(|(name, address)| format!("{name}={}", address.ip())).collect::<Vec<_>>();
        let mut args = vec!["part".to_owned(), "dns".to_owned(), "--listen".to_owned(), self.addresses.dns.to_string()];
        args.extend(records.iter().flat_map(|record| ["--record".to_owned(), record.clone()]));
        let process = self.own_part("dns", args.into_iter().map(Into::into).collect(), Vec::new())?;
        self.running.base.push(process);
        let settings = vec![("records".to_owned(), records.join(", "))];
        let version = env!("CARGO_PKG_VERSION").to_owned();
        self.note("dns", version, self.addresses.dns, settings, self.own_origin("part dns"));
        Ok(())
    }

    fn launch_services(&mut self, wanted: impl Fn(&Service) -> bool) -> Result<(), StackError> {
        for service in SERVICES.iter().filter(|service| wanted(service)) {
            let surroundings = Surroundings {
                dns: self.addresses.dns,
                kafka: self.addresses.kafka,
                addresses: &self.addresses.services,
                slow: &self.options.slow,
            };
            let env = vec![(SECRET_ENV, self.secret.clone())];
            let process = self.own_part(service.name, surroundings.args(service), env)?;
            self.running.services.push(process);
            let delay = self.options.slow.get(service.name);
            let settings = delay.map(|delay| ("delay".to_owned(), humantime::format_duration(*delay).to_string()));
            let version = env!("CARGO_PKG_VERSION").to_owned();
            let address = self.addresses.services[service.name];
            let origin = self.own_origin(&format!("part service {}", service.name));
            self.note(service.name, version, address, settings.into_iter().collect(), origin);
        }
        Ok(())
    }

    fn launch_gateway(&mut self) -> Result<(), StackError> {
        self.events.stage("starting Traefik");
        let gateway = Gateway {
            web: self.addresses.web,
            metrics: self.addresses.metrics,
            access_log: self.options.log_dir.join(ACCESS_LOG),
        };
        let backends = self.addresses.services.iter().map(|(name, address)| (*name, *address)).collect::<Vec<_>>();
        let settings = gateway.write_settings(&self.running.run_dir.subdir("traefik")?, &backends)?;
        let program = self.tools.traefik.program.clone();
        let command = vec![program.into(), format!("--configfile={}", settings.display()).into()];
        let process = self.tether("traefik", command, GATEWAY_TERM_GRACE)?;
        self.running.gateway = Some(process);
        let Found { version, origin, .. } = self.tools.traefik.clone();
        self.note("traefik", version, self.addresses.web, Gateway::notable(), origin);
        Ok(())
    }

    fn tether(&self, name: &str, command: Vec<std::ffi::OsString>, grace: Duration) -> Result<Process, StackError> {
        let run_dir = self.running.run_dir.path();
        Process::start(Launch::tethered(Tethered {
            name,
            executable: &self.options.executable,
            command,
            grace,
            remove: Some(run_dir),
            log_dir: &self.options.log_dir,
            pid_file: run_dir.join(format!("{name}.pid")),
        }))
    }

    fn own_part(
        &self,
        name: &str,
        args: Vec<std::ffi::OsString>,
        env: Vec<(&'static str, String)>,
    ) -> Result<Process, StackError> {
        let executable = self.options.executable.clone();
        let log_dir = self.options.log_dir.clone();
        Process::start(Launch { name: name.to_owned(), executable, args, env, log_dir, pid_file: None })
    }

    fn own_origin(&self, command: &str) -> String {
        format!("{} {command}", self.options.executable.display())
    }

    /// The process id follows when everything runs: a tether says its program's a moment later.
    fn note(&mut self, name: &str, version: String, at: SocketAddr, settings: Vec<(String, String)>, origin: String) {
        let address = at.to_string();
        self.parts.push(Part { name: name.to_owned(), version, address, pid: 0, settings, origin });
    }

    /// Gives up as soon as any part is gone, whichever is being waited for.
    async fn unless_one_dies(&self, ready: impl Future<Output = Result<(), StackError>>) -> Result<(), StackError> {
        tokio::select! {
            ready = ready => ready,
            died = self.running.death() => Err(died),
        }
    }

    async fn base_ready(&self, deadline: Deadline) -> Result<(), StackError> {
        let [kafka, dns] = &self.running.base[..] else { return Ok(()) };
        let kafka_ready = async {
            kafka::until_ready(kafka, deadline, self.addresses.kafka).await?;
            announce(kafka, &self.events);
            Ok(())
        };
        let dns_ready = async {
            name_server::until_ready(dns, deadline, self.addresses.dns, SERVICES[0].dns_name).await?;
            announce(dns, &self.events);
            Ok(())
        };
        tokio::try_join!(kafka_ready, dns_ready, self.services_ready(deadline, |service| !service.needs_kafka))
            .map(drop)
    }

    async fn backends_live(&self, deadline: Deadline) -> Result<(), StackError> {
        for service in SERVICES.iter().filter(|service| service.route.is_some()) {
            let process = self.service(service.name);
            until_http_ok(process, deadline, self.addresses.services[service.name], "/health/live").await?;
        }
        Ok(())
    }

    async fn all_ready(&self, deadline: Deadline) -> Result<(), StackError> {
        let services = self.services_ready(deadline, |service| service.needs_kafka);
        tokio::try_join!(services, self.gateway_ready(deadline)).map(drop)
    }

    async fn services_ready(&self, deadline: Deadline, wanted: impl Fn(&Service) -> bool) -> Result<(), StackError> {
        for service in SERVICES.iter().filter(|service| wanted(service)) {
            let process = self.service(service.name);
            until_http_ok(process, deadline, self.addresses.services[service.name], "/health/ready").await?;
            announce(process, &self.events);
        }
        Ok(())
    }

    /// Ready when each documented route leads to a service that is.
    async fn gateway_ready(&self, deadline: Deadline) -> Result<(), StackError> {
        let Some(gateway) = &self.running.gateway else { return Ok(()) };
        for service in SERVICES.iter().filter(|service| service.route.is_some()) {
            until_http_ok(gateway, deadline, self.addresses.web, &readiness_path(service.name)).await?;
        }
        announce(gateway, &self.events);
        Ok(())
    }

    fn service(&self, name: &str) -> &Process {
        #[expect(clippy::expect_used, reason = "all services were launched, or launching returned an error")]
        self.running.services.iter().find(|process| process.name() == name).expect("a launched service")
    }

    fn into_platform(mut self) -> Platform {
        for part in &mut self.parts {
            part.pid = self.running.all().find(|process| process.name() == part.name).map_or(0, Process::pid);
        }
        let endpoint = |service: &Service| {
            let address = self.addresses.services[service.name];
            (
                service.name.to_owned(),
                ServiceEndpoint { name: service.dns_name.to_owned(), port: address.port(), address },
            )
        };
        Platform {
            kind: "native",
            names: "On this stack the names are served by an embedded DNS server that answers as Docker's does."
                .to_owned(),
            dns: self.addresses.dns,
            gateway: self.addresses.web,
            gateway_metrics: self.addresses.metrics,
            gateway_access_log: PathBuf::from(&self.options.log_dir).join(ACCESS_LOG),
            kafka: self.addresses.kafka.to_string(),
            services: SERVICES.iter().map(endpoint).collect(),
            service_secret: self.secret,
            parts: self.parts,
            running: self.running,
        }
    }
}
