//! What a service tells about itself: log lines when something starts, stops or fails, and
//! metrics for everything that happens often. Nothing is logged per request.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tracing_subscriber::EnvFilter;

/// Bucket bounds in seconds: fine below the documented 100 ms, coarse above.
const LATENCY_BUCKETS_S: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    method: &'static str,
    route: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabels {
    topic: &'static str,
    result: &'static str,
}

/// The metrics of one instance. Every method is cheap enough for every request.
pub(crate) struct Telemetry {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    latency: Family<RouteLabels, Histogram, fn() -> Histogram>,
    published: Family<EventLabels, Counter>,
    processed: Family<EventLabels, Counter>,
}

impl Telemetry {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("goodgo");
        let requests = Family::default();
        let latency = Family::new_with_constructor(latency_histogram as fn() -> Histogram);
        let published = Family::default();
        let processed = Family::default();
        registry.register("http_requests", "Requests answered, by route and status", requests.clone());
        registry.register(
            "http_request_duration_seconds",
            "Time from the request's head to the answer's head",
            latency.clone(),
        );
        registry.register("events_published", "Events handed to Kafka, by topic and result", published.clone());
        registry.register(
            "events_processed",
            "Events taken from Kafka, by topic and what became of them",
            processed.clone(),
        );
        Self { registry, requests, latency, published, processed }
    }

    pub(crate) fn answered(&self, method: &Method, route: &'static str, status: StatusCode, took: Duration) {
        let method = method_label(method);
        let status = status.as_u16();
        let labels = RequestLabels { method, route, status };
        self.requests.get_or_create(&labels).inc();
        self.latency.get_or_create(&RouteLabels { method, route }).observe(took.as_secs_f64());
    }

    pub(crate) fn published(&self, topic: &'static str, result: &'static str) {
        self.published.get_or_create(&EventLabels { topic, result }).inc();
    }

    pub(crate) fn processed(&self, topic: &'static str, result: &'static str) {
        self.processed.get_or_create(&EventLabels { topic, result }).inc();
    }

    /// All metrics in the text format.
    pub(crate) fn text(&self) -> String {
        let mut text = String::with_capacity(4096);
        encode(&mut text, &self.registry).expect("writing to a string cannot fail");
        text
    }
}

fn latency_histogram() -> Histogram {
    Histogram::new(LATENCY_BUCKETS_S)
}

/// A label must not grow with what clients invent.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        _ => "other",
    }
}

/// Logs to standard error; `RUST_LOG` changes the level. A second call changes nothing.
pub(crate) fn init_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(false)
        .try_init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_events_show_up_in_the_text_format() {
        let telemetry = Telemetry::new();

        telemetry.answered(&Method::GET, "/api/v1/products/{id}", StatusCode::OK, Duration::from_millis(3));
        telemetry.published("user.created", "acknowledged");

        let text = telemetry.text();
        let route = r#"method="GET",route="/api/v1/products/{id}""#;
        for line in [
            format!("goodgo_http_requests_total{{{route},status=\"200\"}} 1"),
            format!("goodgo_http_request_duration_seconds_bucket{{le=\"0.005\",{route}}} 1"),
            r#"goodgo_events_published_total{topic="user.created",result="acknowledged"} 1"#.into(),
        ] {
            assert!(text.contains(&line), "{line} is missing in\n{text}");
        }
    }
}
