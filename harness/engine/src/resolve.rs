//! Names to addresses, by the platform's own name server and without a cache: what is measured is
//! a look-up, not a memory of one.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;

/// How long one attempt waits; a second one follows, as most systems do it.
const ATTEMPT: Duration = Duration::from_secs(2);
const ATTEMPTS: usize = 2;

/// A resolver on `server`, or on the system's, with the system's own search path, where there is none.
pub(crate) fn resolver(server: Option<SocketAddr>) -> Result<TokioResolver, String> {
    let mut builder = match server {
        None => TokioResolver::builder_tokio().map_err(|e| format!("the system's name servers: {e}"))?,
        Some(server) => {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                connection.port = server.port();
                connection
            });
            let server = NameServerConfig::new(server.ip(), true, connections.into());
            let config = ResolverConfig::from_name_servers(vec![server]);
            let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
            let options = builder.options_mut();
            options.ndots = 0;
            options.timeout = ATTEMPT;
            options.attempts = ATTEMPTS;
            // A platform's name server decides alone; the machine's hosts file has no say.
            options.use_hosts_file = ResolveHosts::Never;
            builder
        }
    };
    let options = builder.options_mut();
    options.cache_size = 0;
    // A and AAAA together, as getaddrinfo asks.
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    builder.build().map_err(|e| e.to_string())
}

/// The settings that bear on a look-up's figures.
pub(crate) fn settings(server: Option<SocketAddr>) -> Vec<(&'static str, String)> {
    let mut settings = vec![("cache", "off".to_owned()), ("records", "A and AAAA together".to_owned())];
    if let Ok(resolver) = resolver(server) {
        let options = resolver.options();
        settings.push(("ndots", options.ndots.to_string()));
        settings.push(("timeout", format!("{} s, {} attempts", options.timeout.as_secs(), options.attempts)));
    }
    settings
}
