//! The user service with a real iam beside it and librdkafka's broker stand-in behind it.

use rdkafka::mocking::MockCluster;

use super::*;
use crate::ServiceName;
use crate::testing::{self, SECRET, Service};

const AUTH: (&str, &str) = ("x-service-auth", SECRET);

async fn user(iam: &str, kafka: &str) -> Service {
    let gate = testing::gate();
    let mut args = testing::args(ServiceName::User);
    args.iam = Some(iam.to_owned());
    args.kafka = Some(kafka.to_owned());
    let (router, _readiness) = start(&args, &gate).unwrap();
    Service::start(router).await
}

async fn iam() -> Service {
    Service::start(crate::iam::router(&testing::gate())).await
}

#[tokio::test]
async fn a_user_is_shown_with_the_permissions_iam_grants() {
    let iam = iam().await;
    let user = user(&iam.url(""), &testing::unused_address().to_string()).await;

    let answer = user.get_with("/api/v1/users/u-00042", &[AUTH]).await;

    assert_eq!(answer.status, 200);
    let json = answer.json();
    assert_eq!(json["email"], "user00042@goodgo.example");
    assert_eq!(json["roles"][0], "customer");
    assert!(!json["permissions"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn without_iam_a_user_is_a_bad_gateway_and_not_half_an_answer() {
    let nobody = testing::unused_address();
    let user = user(&format!("http://{nobody}"), &nobody.to_string()).await;

    let answer = user.get_with("/api/v1/users/u-00042", &[AUTH]).await;

    assert_eq!(answer.status, 502);
    assert_eq!(answer.json()["error"], "upstream");
}

#[tokio::test]
async fn an_unknown_user_is_not_found() {
    let iam = iam().await;
    let user = user(&iam.url(""), &testing::unused_address().to_string()).await;

    let answer = user.get_with("/api/v1/users/u-99999", &[AUTH]).await;

    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn a_registered_user_can_be_shown_and_registers_once() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(USER_CREATED, 3, 1).unwrap();
    let iam = iam().await;
    let user = user(&iam.url(""), &cluster.bootstrap_servers()).await;
    let body = r#"{"email":"ada@goodgo.example","name":"Ada Berg"}"#;

    let first = user.post_with("/api/v1/users", body, &[AUTH]).await;
    let second = user.post_with("/api/v1/users", body, &[AUTH]).await;

    assert_eq!((first.status, second.status), (201, 409));
    let path = format!("/api/v1/users/{}", first.json()["id"].as_str().unwrap());
    let shown = user.get_with(&path, &[AUTH]).await;
    assert_eq!(shown.json()["name"], "Ada Berg");
}

#[tokio::test]
async fn a_registration_that_kafka_does_not_take_leaves_nothing_behind() {
    let iam = iam().await;
    let user = user(&iam.url(""), &testing::unused_address().to_string()).await;
    let body = r#"{"email":"ada@goodgo.example","name":"Ada Berg"}"#;

    let first = user.post_with("/api/v1/users", body, &[AUTH]).await;
    let second = user.post_with("/api/v1/users", body, &[AUTH]).await;

    assert_eq!((first.status, second.status), (503, 503));
    assert_eq!(first.json()["error"], "event_not_published");
}

#[tokio::test]
async fn a_registration_that_makes_no_sense_is_a_bad_request() {
    let iam = iam().await;
    let user = user(&iam.url(""), &testing::unused_address().to_string()).await;
    for body in [
        r#"{"email":"nobody","name":"Ada"}"#,
        r#"{"email":"ada@goodgo.example","name":"  "}"#,
        r#"{"email":"ada@goodgo.example"}"#,
        "[]",
    ] {
        let answer = user.post_with("/api/v1/users", body, &[AUTH]).await;

        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.json()["error"], "bad_request");
    }
}
