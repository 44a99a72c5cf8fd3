//! What every HTTP route of the platform has in common: the gate in front of it (credentials,
//! correlation, delay, metrics), errors as JSON, and the operational routes.
//!
//! Every answer carries `x-correlation-id`, and every error is `{"error", "detail"}`. Routes and
//! what they mean do not belong here.

mod correlation;
mod error;
mod extract;
mod gate;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;

pub(crate) use correlation::{CORRELATION_ID, Correlation};
pub(crate) use error::ApiError;
pub(crate) use extract::{Id, JsonBody, Params};
pub(crate) use gate::{Access, Gate, SERVICE_AUTH, now_s};

/// Larger than any body this platform exchanges.
const BODY_LIMIT_BYTES: usize = 64 * 1024;

/// Something a service must have before it can do its work; it may come and go.
#[derive(Clone)]
pub(crate) struct Condition(Arc<Wait>);

struct Wait {
    over: AtomicBool,
    what: &'static str,
}

impl Condition {
    /// Does not hold until it is set.
    pub(crate) fn waiting_for(what: &'static str) -> Self {
        Self(Arc::new(Wait { over: AtomicBool::new(false), what }))
    }

    pub(crate) fn set(&self, holds: bool) {
        self.0.over.store(holds, Ordering::Release);
    }

    pub(crate) fn holds(&self) -> bool {
        self.0.over.load(Ordering::Acquire)
    }
}

/// Whether the service can do its work, or what it waits for.
pub(crate) struct Readiness(Vec<Condition>);

impl Readiness {
    /// Of a service that depends on nothing.
    pub(crate) fn always() -> Self {
        Self(Vec::new())
    }

    /// Of a service that is ready when all conditions hold.
    pub(crate) fn when(conditions: impl Into<Vec<Condition>>) -> Self {
        Self(conditions.into())
    }

    pub(crate) fn check(&self) -> Result<&'static str, ApiError> {
        match self.0.iter().find(|condition| !condition.holds()) {
            None => Ok("ready"),
            Some(missing) => {
                let detail = format!("waiting for {}", missing.0.what);
                Err(ApiError::unavailable("not_ready", detail))
            }
        }
    }
}

/// Adds health, metrics and the answers for what does not exist. None of them waits or is counted.
pub(crate) fn with_operations(router: Router, gate: &Gate, readiness: Readiness) -> Router {
    let (telemetry, readiness) = (gate.telemetry(), Arc::new(readiness));
    let metrics = move || async move {
        const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        ([(header::CONTENT_TYPE, TEXT)], telemetry.text())
    };
    router
        .route("/health/live", get(|| async { "live" }))
        .route("/health/ready", get(move || async move { readiness.check() }))
        .route("/metrics", get(metrics))
        .fallback(|| async { ApiError::not_found("there is no such route") })
        .method_not_allowed_fallback(|| async {
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this route does not take this method")
        })
        .layer(DefaultBodyLimit::max(BODY_LIMIT_BYTES))
}

/// Serves until `over`. Requests in flight are cut off then: the run has ended.
pub(crate) async fn serve(listener: TcpListener, router: Router, over: impl Future<Output = ()>) -> anyhow::Result<()> {
    let listener = listener.tap_io(|connection| {
        // Without it an answer in two writes waits for the client's delayed acknowledgement.
        let _ = connection.set_nodelay(true);
    });
    tokio::select! {
        served = axum::serve(listener, router) => served.context("serving HTTP failed"),
        () = over => Ok(()),
    }
}

/// `201 Created` with a body.
pub(crate) fn created<T: serde::Serialize>(body: T) -> impl IntoResponse {
    (StatusCode::CREATED, axum::Json(body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, Service};

    #[tokio::test]
    async fn a_service_that_waits_says_what_it_waits_for() {
        let kafka = Condition::waiting_for("Kafka");
        let readiness = Readiness::when([kafka.clone()]);
        let gate = testing::gate();
        let service = Service::start(with_operations(Router::new(), &gate, readiness)).await;

        let waiting = service.get("/health/ready").await;
        kafka.set(true);
        let ready = service.get("/health/ready").await;

        assert_eq!(waiting.status, 503);
        assert_eq!(waiting.json()["detail"], "waiting for Kafka");
        assert_eq!(ready.status, 200);
    }

    #[tokio::test]
    async fn what_does_not_exist_is_told_in_json() {
        let gate = testing::gate();
        let router = with_operations(Router::new(), &gate, Readiness::always());
        let service = Service::start(router).await;

        let no_route = service.get("/nothing").await;
        let no_method = service.post("/health/live", "").await;

        assert_eq!(no_route.status, 404);
        assert_eq!(no_route.json()["error"], "not_found");
        assert_eq!(no_method.status, 405);
        assert_eq!(no_method.json()["error"], "method_not_allowed");
    }
}
