//! How a service calls another one: pooled HTTP connections, names looked up at the platform's
//! name server, the service secret and the correlation id on every call.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::http::HeaderValue;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::auth::Authority;
use crate::http::{CORRELATION_ID, Correlation, SERVICE_AUTH};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// The name server is near: an answer that takes longer is lost, and asking again is cheaper.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(1);

/// Why a call brought no answer that can be used.
#[derive(Debug, Error)]
pub(crate) enum CallFault {
    #[error("{url} does not know it")]
    NotFound { url: String },
    #[error("{url} answered {status}")]
    Refused { url: String, status: StatusCode },
    #[error("{url}: {reason}")]
    Broken { url: String, reason: String },
}

impl CallFault {
    /// Whether the same call may succeed a moment later.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::NotFound { .. } => false,
            Self::Refused { status, .. } => status.is_server_error(),
            Self::Broken { .. } => true,
        }
    }
}

/// Calls other services.
pub(crate) struct Caller {
    http: Client,
    /// None where the other side is not a part of the platform.
    service_auth: Option<HeaderValue>,
}

impl Caller {
    /// Calls services of the platform.
    pub(crate) fn internal(dns: Option<SocketAddr>, authority: &Authority) -> anyhow::Result<Self> {
        let mut secret =
            HeaderValue::from_str(authority.secret()).context("the service secret cannot be sent in a header")?;
        secret.set_sensitive(true);
        Ok(Self { http: http_client(dns)?, service_auth: Some(secret) })
    }

    /// Calls others, who must not see the service secret.
    pub(crate) fn external(dns: Option<SocketAddr>) -> anyhow::Result<Self> {
        Ok(Self { http: http_client(dns)?, service_auth: None })
    }

    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        url: String,
        correlation: &Correlation,
    ) -> Result<T, CallFault> {
        let request = self.http.get(&url);
        self.call(url, request, correlation).await
    }

    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        url: String,
        body: &impl Serialize,
        correlation: &Correlation,
    ) -> Result<T, CallFault> {
        let request = self.http.post(&url).json(body);
        self.call(url, request, correlation).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        url: String,
        mut request: RequestBuilder,
        correlation: &Correlation,
    ) -> Result<T, CallFault> {
        if let Some(secret) = &self.service_auth {
            request = request.header(SERVICE_AUTH, secret.clone());
        }
        let request = request.header(CORRELATION_ID, correlation.header());
        let broken = |error: reqwest::Error, url: &str| CallFault::Broken {
            url: url.to_owned(),
            reason: root_cause(&error.without_url()),
        };
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Err(broken(error, &url)),
        };
        match response.status() {
            status if status.is_success() => response.json().await.map_err(|error| broken(error, &url)),
            StatusCode::NOT_FOUND => Err(CallFault::NotFound { url }),
            status => Err(CallFault::Refused { url, status }),
        }
    }
}

fn http_client(dns: Option<SocketAddr>) -> anyhow::Result<Client> {
    let mut builder =
        Client::builder().no_proxy().connect_timeout(CONNECT_TIMEOUT).timeout(CALL_TIMEOUT).tcp_nodelay(true);
    if let Some(server) = dns {
        builder = builder.dns_resolver(PlatformNames::at(server)?);
    }
    builder.build().context("cannot build the HTTP client")
}

/// "error sending request" helps nobody; what lies under it does.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// Looks names up at one server and keeps answers for as long as their TTL says.
#[derive(Clone)]
struct PlatformNames(Arc<TokioResolver>);

impl PlatformNames {
    fn at(server: SocketAddr) -> anyhow::Result<Self> {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()]
            .map(|mut connection| {
                connection.port = server.port();
                connection
            })
            .to_vec();
        let server = NameServerConfig::new(server.ip(), true, connections);
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        let options = builder.options_mut();
        options.timeout = LOOKUP_TIMEOUT;
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        let resolver = builder.build().context("cannot build the DNS resolver")?;
        Ok(Self(Arc::new(resolver)))
    }
}

impl Resolve for PlatformNames {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = Arc::clone(&self.0);
        Box::pin(async move {
            let found = resolver.lookup_ip(name.as_str()).await?;
            let addresses: Vec<IpAddr> = found.iter().collect();
            // The port comes from the URL.
            let addresses = addresses.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, SECRET, Service};
    use axum::Router;
    use axum::http::HeaderMap;
    use axum::http::StatusCode as Status;
    use axum::routing::get;
    use serde_json::{Value, json};

    async fn mirror() -> Service {
        let seen = |headers: HeaderMap| async move {
            let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
            axum::Json(json!({
                "secret": text("x-service-auth"),
                "correlation": text("x-correlation-id"),
            }))
        };
        let router =
            Router::new().route("/seen", get(seen)).route("/broken", get(|| async { Status::INTERNAL_SERVER_ERROR }));
        Service::start(router).await
    }

    #[tokio::test]
    async fn a_call_inside_the_platform_carries_secret_and_correlation_id() {
        let mirror = mirror().await;
        let caller = Caller::internal(None, &Authority::new(SECRET.into())).unwrap();

        let correlation = Correlation::from_event("c-7");
        let seen: Value = caller.get(mirror.url("/seen"), &correlation).await.unwrap();

        assert_eq!(seen, json!({"secret": SECRET, "correlation": "c-7"}));
    }

    #[tokio::test]
    async fn a_call_to_the_outside_does_not_show_the_secret() {
        let mirror = mirror().await;
        let caller = Caller::external(None).unwrap();

        let correlation = Correlation::from_event("c-7");
        let seen: Value = caller.get(mirror.url("/seen"), &correlation).await.unwrap();

        assert_eq!(seen["secret"], Value::Null);
    }

    #[tokio::test]
    async fn a_fault_says_what_went_wrong_and_whether_it_may_pass() {
        let mirror = mirror().await;
        let caller = Caller::external(None).unwrap();
        let correlation = Correlation::from_event("c-7");
        let nobody = testing::unused_address();

        let missing = caller.get::<Value>(mirror.url("/nothing"), &correlation).await.unwrap_err();
        let broken = caller.get::<Value>(mirror.url("/broken"), &correlation).await.unwrap_err();
        let refused = caller.get::<Value>(format!("http://{nobody}/"), &correlation).await.unwrap_err();

        assert!(matches!(missing, CallFault::NotFound { .. }) && !missing.may_pass());
        assert!(broken.to_string().contains("500") && broken.may_pass());
        assert!(refused.to_string().contains("refused") && refused.may_pass());
    }
}
