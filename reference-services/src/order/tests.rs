//! The order service with real iam, user and product services beside it and librdkafka's broker
//! stand-in behind it.

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use super::*;
use crate::ServiceName;
use crate::testing::{self, SECRET, Service};

const AUTH: (&str, &str) = ("x-service-auth", SECRET);

/// The order service and what must live as long as it.
struct Platform {
    order: Service,
    _cluster: MockCluster<'static, DefaultProducerContext>,
}

impl Platform {
    async fn start() -> Self {
        let cluster = MockCluster::new(1).unwrap();
        for topic in [ORDER_PLACED, "user.created"] {
            cluster.create_topic(topic, 3, 1).unwrap();
        }
        let gate = testing::gate();
        let iam = Service::start(crate::iam::router(&gate)).await;
        let product = Service::start(crate::product::router(&gate)).await;
        let mut args = testing::args(ServiceName::User);
        args.kafka = Some(cluster.bootstrap_servers());
        args.iam = Some(iam.url(""));
        let (user, _) = crate::user::start(&args, &gate).unwrap();
        args.name = ServiceName::Order;
        args.user = Some(Service::start(user).await.url(""));
        args.product = Some(product.url("/"));
        let (order, _) = start(&args, &gate).unwrap();
        Self { order: Service::start(order).await, _cluster: cluster }
    }

    async fn place(&self, body: &str) -> testing::Answer {
        self.order.post_with("/api/v1/orders", body, &[AUTH]).await
    }
}

#[tokio::test]
async fn an_order_is_priced_by_the_catalogue_and_can_be_shown() {
    let platform = Platform::start().await;

    let placed = platform
        .place(
            r#"{"user_id":"u-00042","lines":[
                {"product_id":"p-00001","quantity":2},{"product_id":"p-00002","quantity":1}]}"#,
        )
        .await;

    assert_eq!(placed.status, 201, "{}", placed.body);
    let order = placed.json();
    let prices = &order["lines"];
    let expected = prices[0]["price_cents"].as_u64().unwrap() * 2 + prices[1]["price_cents"].as_u64().unwrap();
    assert_eq!(order["total_cents"], expected);
    let path = format!("/api/v1/orders/{}", order["id"].as_str().unwrap());
    assert_eq!(platform.order.get_with(&path, &[AUTH]).await.json(), order);
}

#[tokio::test]
async fn an_order_for_what_does_not_exist_is_a_bad_request_that_names_it() {
    let platform = Platform::start().await;
    let line = r#"{"product_id":"p-00001","quantity":1}"#;
    for (body, named) in [
        (format!(r#"{{"user_id":"u-99999","lines":[{line}]}}"#), "user u-99999"),
        (r#"{"user_id":"u-00001","lines":[{"product_id":"p-9","quantity":1}]}"#.to_owned(), "product p-9"),
    ] {
        let answer = platform.place(&body).await;

        assert_eq!(answer.status, 400, "{}", answer.body);
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(named), "{detail}");
    }
}

#[tokio::test]
async fn an_order_that_makes_no_sense_is_a_bad_request() {
    let platform = Platform::start().await;
    let many = vec![r#"{"product_id":"p-00001","quantity":1}"#; 21].join(",");
    for body in [
        r#"{"user_id":"u-00001","lines":[]}"#.to_owned(),
        r#"{"user_id":"u-00001","lines":[{"product_id":"p-00001","quantity":0}]}"#.to_owned(),
        r#"{"user_id":"../x","lines":[{"product_id":"p-00001","quantity":1}]}"#.to_owned(),
        format!(r#"{{"user_id":"u-00001","lines":[{many}]}}"#),
    ] {
        let answer = platform.place(&body).await;

        assert_eq!(answer.status, 400, "{body}");
    }
}
