//! The journeys against a stand-in for the gateway: they sign in, carry their token, and goose's
//! report is read as what happened. One test for all of it: goose's state belongs to the process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::*;

type Seen = Arc<Mutex<BTreeMap<String, u32>>>;

/// Counts what it is asked; one in three looks at a product fails.
async fn answer(State(seen): State<Seen>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let signed_in = request.headers().get(header::AUTHORIZATION).is_some_and(|value| value == "Bearer t");
    let (kind, status) = match (request.method(), path.as_str()) {
        (&Method::POST, "/api/v1/auth/sign-in") => ("sign-in", StatusCode::OK),
        _ if !signed_in => ("stranger", StatusCode::UNAUTHORIZED),
        (&Method::POST, "/api/v1/users") => ("register", StatusCode::CREATED),
        (&Method::POST, "/api/v1/orders") => ("order", StatusCode::CREATED),
        (_, path) if path.starts_with("/api/v1/orders/") => ("order-view", StatusCode::OK),
        (_, path) if path.starts_with("/api/v1/users/") => ("user", StatusCode::OK),
        (_, path) if path.starts_with("/api/v1/products/") => ("product", StatusCode::OK),
        (_, "/api/v1/products") => ("products", StatusCode::OK),
        _ => ("unknown", StatusCode::NOT_FOUND),
    };
    let count = {
        let mut seen = seen.lock().unwrap();
        let count = seen.entry(kind.to_owned()).or_default();
        *count += 1;
        *count
    };
    if kind == "product" && count % 3 == 0 {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    (status, axum::Json(json!({"token": "t", "user_id": "u-00001", "id": "o-1"}))).into_response()
}

/// Serves on a runtime of its own, as a gateway would.
fn gateway(seen: &Seen) -> (Runtime, String) {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let host = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(Arc::clone(seen));
    runtime.spawn(async move { axum::serve(listener, router).await });
    (runtime, host)
}

fn text(args: &[&str]) -> Vec<String> {
    args.iter().map(|&arg| arg.to_owned()).collect()
}

#[test]
fn every_journey_is_walked_signed_in_and_reported_as_it_was() {
    let seen = Seen::default();
    let (_gateway, host) = gateway(&seen);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("journeys.json");

    let outcome = run(&text(&[
        "--host",
        &host,
        "--users",
        "11",
        "--increase-rate",
        "50",
        "--run-time",
        "4s",
        "--no-print-metrics",
        "--report-file",
        file.to_str().unwrap(),
    ]))
    .unwrap();
    let report = report::read_report(&file).unwrap();

    let JourneysOutcome::Finished { requests, failures } = outcome else { panic!("{outcome:?}") };
    let seen = seen.lock().unwrap().clone();
    for kind in ["sign-in", "products", "product", "user", "register", "order", "order-view"] {
        assert!(seen.contains_key(kind), "{kind} is missing in {seen:?}");
    }
    assert!(!seen.contains_key("stranger") && !seen.contains_key("unknown"), "{seen:?}");
    assert!(requests > 20 && failures > 0);
    assert_eq!(report.users, 11);
    let registered = row(&report, "Register a user", "register");
    assert_eq!(registered.failures, 0);
    // What is under way when the run ends is not in goose's figures.
    assert!(registered.runs > 0 && registered.runs <= u64::from(seen["register"]));
    assert!(registered.p95_ms.unwrap() > 0.0 && registered.p95_ms <= registered.max_ms);
    assert!(row(&report, "Browse products", "view a product").failures > 0);
    assert!(report.errors[0].error.contains("503"), "{:?}", report.errors);
    assert_eq!(report.errors[0].request, "GET /api/v1/products/{id}");
}

fn row<'a>(report: &'a report::JourneysReport, journey: &str, transaction: &str) -> &'a report::TransactionRow {
    report
        .transactions
        .iter()
        .find(|row| row.journey == journey && row.transaction == transaction)
        .unwrap_or_else(|| panic!("{journey}/{transaction} is missing in {:?}", report.transactions))
}

#[test]
fn a_run_without_a_host_is_a_usage_error_that_asks_for_it() {
    let error = run(&text(&["--users", "1", "--run-time", "1s"])).unwrap_err();

    assert!(matches!(&error, JourneysError::Usage(text) if text.contains("--host")), "{error:?}");
}

#[test]
fn a_host_that_is_no_url_is_a_usage_error() {
    let error = run(&text(&["--host", "gateway:8000", "--run-time", "1s"])).unwrap_err();

    assert!(matches!(error, JourneysError::Usage(_)), "{error:?}");
}
