//! The reference services as data: names, addresses, routes, and the one command line that all accept.

use std::{collections::BTreeMap, ffi::OsString, net::SocketAddr, time::Duration};

use crate::error::StackError;

/// The environment variable that carries the secret: a command line could be read by anybody.
pub(super) const SECRET_ENV: &str = "PROOFLOAD_SERVICE_SECRET";

/// One service.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) name: &'static str,
    pub(super) dns_name: &'static str,
    /// Its host number in the run's block.
    pub(super) host: u8,
    /// Its documented port.
    pub(super) port: u16,
    /// The path below which the gateway leads to it; services without one are internal.
    pub(super) route: Option<&'static str>,
    /// Whether it talks to Kafka: then it is started when the topics are there, because a client that
    /// found no broker would come back late.
    pub(super) needs_kafka: bool,
}

const fn service(name: &'static str, dns_name: &'static str, host: u8, port: u16) -> Service {
    Service { name, dns_name, host, port, route: None, needs_kafka: false }
}

/// All services, as documented.
pub(super) const SERVICES: [Service; 7] = [
    Service { route: Some("/api/v1/auth"), ..service("iam", "iam-service", 11, 3001) },
    Service { route: Some("/api/v1/users"), needs_kafka: true, ..service("user", "user-service", 12, 3002) },
    Service { route: Some("/api/v1/orders"), needs_kafka: true, ..service("order", "order-service", 13, 3003) },
    Service { route: Some("/api/v1/products"), ..service("product", "product-service", 14, 3004) },
    Service { needs_kafka: true, ..service("notification", "notification-service", 15, 3005) },
    Service { needs_kafka: true, ..service("profile", "profile-service", 16, 3006) },
    service("email", "email-api", 17, 3007),
];

/// Services that others call by name; each is an option of the same name.
const CALLED: [&str; 4] = ["iam", "user", "product", "email"];

/// What every service is told.
#[derive(Debug)]
pub(super) struct Surroundings<'a> {
    pub(super) dns: SocketAddr,
    pub(super) kafka: SocketAddr,
    pub(super) addresses: &'a BTreeMap<&'static str, SocketAddr>,
    pub(super) slow: &'a BTreeMap<String, Duration>,
}

impl Surroundings<'_> {
    /// The arguments of `part service …` for one service.
    pub(super) fn args(&self, service: &Service) -> Vec<OsString> {
        let mut args = vec!["part".to_owned(), "service".to_owned(), service.name.to_owned()];
        let mut option = |name: &str, value: String| args.extend([format!("--{name}"), value]);
        option("listen", self.addresses[service.name].to_string());
        option("dns", self.dns.to_string());
        option("kafka", self.kafka.to_string());
        option("service-secret-env", SECRET_ENV.to_owned());
        for called in SERVICES.iter().filter(|service| CALLED.contains(&service.name)) {
            let port = self.addresses[called.name].port();
            option(called.name, format!("http://{}:{port}", called.dns_name));
        }
        if let Some(delay) = self.slow.get(service.name) {
            option("delay", humantime::format_duration(*delay).to_string());
        }
        args.into_iter().map(OsString::from).collect()
    }
}

/// Refuses a delay for a service that does not exist: it would change nothing, silently.
pub(super) fn check_slow(slow: &BTreeMap<String, Duration>) -> Result<(), StackError> {
    let unknown = slow.keys().find(|name| !SERVICES.iter().any(|service| service.name == name.as_str()));
    unknown.map_or(Ok(()), |name| {
        Err(StackError::Unknown {
            kind: "service",
            name: name.clone(),
            known: SERVICES.map(|service| service.name).join(", "),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_for_a_service_that_does_not_exist_is_refused() {
        let slow = BTreeMap::from([("usr".to_owned(), Duration::from_millis(150))]);
        let message = check_slow(&slow).unwrap_err().to_string();
        assert!(message.starts_with("there is no service called `usr`; there are: iam, user"), "{message}");
    }

    #[test]
    fn urls_carry_the_ports_that_are_really_used() {
        let addresses = SERVICES.iter().map(|service| (service.name, "127.64.0.9:41000".parse().unwrap())).collect();
        let slow = BTreeMap::from([("user".to_owned(), Duration::from_millis(150))]);
        let at = "127.64.0.2:5353".parse().unwrap();
        let args = Surroundings { dns: at, kafka: at, addresses: &addresses, slow: &slow }.args(&SERVICES[1]);
        let args = args.iter().map(|arg| arg.to_str().unwrap()).collect::<Vec<_>>().join(" ");
        assert!(args.contains("--iam http://iam-service:41000"), "{args}");
        assert!(args.ends_with("--delay 150ms"), "{args}");
    }
}
