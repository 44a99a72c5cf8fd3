//! Traefik: the gateway's settings and what makes it ready.
//!
//! It is given a settings file rather than flags: Traefik takes its settings from one place only, and
//! a file of that name in /etc or the home directory would silently win over flags.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::services::SERVICES;
use crate::error::{IoContext, StackError};

/// Seconds; resolve the limit of 20 ms, which Traefik's own buckets (0.1, 0.3, 1.2, 5) do not.
const BUCKETS_S: [f64; 10] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0];
/// More than any probe or user holds open, so that Traefik never connects anew under load.
const IDLE_CONNECTIONS: u32 = 1024;
/// What is kept of each request in the access log: enough to tell arms apart and see Traefik's share.
const ACCESS_FIELDS: [&str; 12] = [
    "StartUTC",
    "RequestMethod",
    "RequestPath",
    "RouterName",
    "ServiceName",
    "ServiceAddr",
    "DownstreamStatus",
    "OriginStatus",
    "Duration",
    "OriginDuration",
    "Overhead",
    "RetryAttempts",
];

/// Where Traefik listens and logs.
#[derive(Debug, Clone)]
pub(super) struct Gateway {
    pub(super) web: SocketAddr,
    pub(super) metrics: SocketAddr,
    pub(super) access_log: PathBuf,
}

impl Gateway {
    /// Writes both settings files into `dir`; returns the one to start with. `backends` are addresses
    /// by service name.
    pub(super) fn write_settings(&self, dir: &Path, backends: &[(&str, SocketAddr)]) -> Result<PathBuf, StackError> {
        let (settings, routes) = (dir.join("traefik.toml"), dir.join("routes.toml"));
        write_toml(&routes, &routing(backends))?;
        write_toml(&settings, &self.settings(&routes))?;
        Ok(settings)
    }

    fn settings(&self, routes: &Path) -> Value {
        let keep = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), json!("keep"))).collect::<Value>();
        json!({
            "global": { "checkNewVersion": false, "sendAnonymousUsage": false },
            "log": { "level": "INFO", "noColor": true },
            "entryPoints": {
                // Half a second for requests under way when the run ends; nobody waits for their answers.
                "web": {
                    "address": self.web.to_string(),
                    "transport": { "lifeCycle": { "graceTimeOut": "500ms" } },
                },
                "metrics": {
                    "address": self.metrics.to_string(),
                    "transport": { "lifeCycle": { "graceTimeOut": "100ms" } },
                },
            },
            "ping": { "entryPoint": "metrics" },
            "metrics": { "prometheus": { "entryPoint": "metrics", "buckets": BUCKETS_S, "addRoutersLabels": true } },
            "accessLog": {
                "filePath": self.access_log,
                "format": "json",
                // Unbuffered: what was answered is in the log, also after a kill.
                "bufferingSize": 0,
                "fields": {
                    "defaultMode": "drop",
                    "names": keep(&ACCESS_FIELDS),
                    "headers": { "defaultMode": "drop", "names": keep(&["User-Agent"]) },
                },
            },
            "serversTransport": { "maxIdleConnsPerHost": IDLE_CONNECTIONS },
            "providers": { "file": { "filename": routes, "watch": false } },
        })
    }

    /// What a reader of the report should know about this gateway.
    pub(super) fn notable() -> Vec<(String, String)> {
        vec![
            ("metrics.prometheus.buckets".to_owned(), BUCKETS_S.map(|bound| bound.to_string()).join(", ")),
            ("serversTransport.maxIdleConnsPerHost".to_owned(), IDLE_CONNECTIONS.to_string()),
            ("accessLog.bufferingSize".to_owned(), "0".to_owned()),
            ("healthCheck.interval".to_owned(), HEALTH_INTERVAL.to_owned()),
        ]
    }
}

const HEALTH_INTERVAL: &str = "3s";
const HEALTH_TIMEOUT: &str = "2s";

/// The path at which the gateway passes on whether a service is ready.
pub(super) fn readiness_path(service: &str) -> String {
    format!("/health/{service}")
}

/// The documented routes, and nothing else: what is internal has none.
fn routing(backends: &[(&str, SocketAddr)]) -> Value {
    let (mut routers, mut services) = (serde_json::Map::new(), serde_json::Map::new());
    for service in &SERVICES {
        let Some(route) = service.route else { continue };
        let Some((name, address)) = backends.iter().find(|(name, _)| *name == service.name) else { continue };
        let router = |rule: String| json!({ "entryPoints": ["web"], "rule": rule, "service": name });
        // A prefix alone would also match /api/v1/users-of-somebody-else.
        routers.insert((*name).to_owned(), router(format!("Path(`{route}`) || PathPrefix(`{route}/`)")));
        let mut readiness = router(format!("Path(`{}`)", readiness_path(name)));
        readiness["middlewares"] = json!(["readiness"]);
        routers.insert(format!("{name}-readiness"), readiness);
        let health = json!({ "path": "/health/live", "interval": HEALTH_INTERVAL, "timeout": HEALTH_TIMEOUT });
        let servers = json!([{ "url": format!("http://{address}") }]);
        services.insert((*name).to_owned(), json!({ "loadBalancer": { "servers": servers, "healthCheck": health } }));
    }
    json!({ "http": {
        "routers": routers,
        "services": services,
        "middlewares": { "readiness": { "replacePath": { "path": "/health/ready" } } },
    } })
}

fn write_toml(path: &Path, value: &Value) -> Result<(), StackError> {
    let text = toml::to_string(value).map_err(|error| StackError::Step {
        part: "traefik".to_owned(),
        step: "writing its settings",
        reason: error.to_string(),
    })?;
    fs::write(path, text).context("write", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_documented_routes_lead_inside() {
        let address = "127.0.0.1:3001".parse().unwrap();
        let routing = routing(&[("iam", address), ("user", address), ("email", address)]);
        let rules = routing["http"]["routers"].as_object().unwrap().values();
        let mut rules = rules.map(|router| router["rule"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        rules.sort();
        assert_eq!(
            rules,
            [
                "Path(`/api/v1/auth`) || PathPrefix(`/api/v1/auth/`)",
                "Path(`/api/v1/users`) || PathPrefix(`/api/v1/users/`)",
                "Path(`/health/iam`)",
                "Path(`/health/user`)",
            ]
        );
    }

    #[test]
    fn settings_are_valid_toml() {
        let at = "127.0.0.1:8000".parse().unwrap();
        let gateway = Gateway { web: at, metrics: at, access_log: "/a \"b\"/access.json".into() };
        let dir = tempfile::tempdir().unwrap();
        let file = gateway.write_settings(dir.path(), &[("iam", at)]).unwrap();
        let read = fs::read_to_string(file).unwrap().parse::<toml::Table>().unwrap();
        assert_eq!(read["accessLog"]["filePath"].as_str(), Some("/a \"b\"/access.json"));
    }
}
