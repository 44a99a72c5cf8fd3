//! Names to addresses, by the platform's own name server and without a cache: what is measured is
//! a look-up, not a memory of one.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;

/// How long one attempt waits; a second one follows, as most systems do it.
const ATTEMPT: Duration = Duration::from_secs(2);
const ATTEMPTS: usize = 2;

/// A resolver on `server`, or on the system's where there is none.
pub(crate) fn resolver(server: Option<SocketAddr>) -> Result<TokioResolver, String> {
    let builder = match server {
        None => TokioResolver::builder_tokio().map_err(|e| format!("the system's name servers: {e}"))?,
        Some(server) => {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()]
                .map(|mut connection| {
                    connection.port = server.port();
                    connection
                })
                .into();
            let config = ResolverConfig::from_name_servers(vec![NameServerConfig::new(server.ip(), true, connections)]);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        }
    };
    builder.with_options(options(server.is_some())).build().map_err(|e| e.to_string())
}

fn options(own_server: bool) -> ResolverOpts {
    let mut options = ResolverOpts::default();
    options.cache_size = 0;
    // A and AAAA together, as getaddrinfo asks.
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.timeout = ATTEMPT;
    options.attempts = ATTEMPTS;
    options.ndots = 0;
    if own_server {
        // A platform's name server decides alone; the machine's hosts file has no say.
        options.use_hosts_file = ResolveHosts::Never;
    }
    options
}

/// The settings that bear on a look-up's figures.
pub(crate) fn settings() -> Vec<(&'static str, String)> {
    vec![
        ("cache", "off".to_owned()),
        ("records", "A and AAAA together".to_owned()),
        ("ndots", "0".to_owned()),
        ("timeout", format!("{} s, {ATTEMPTS} attempts", ATTEMPT.as_secs())),
    ]
}
