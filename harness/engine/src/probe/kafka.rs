//! What the Kafka probes share: settings, and a producer that stamps its own acknowledgements.

use std::time::Duration;

use proofload_evidence::FaultKind;
use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, ProducerContext, ThreadedProducer};
use tokio::sync::oneshot;

use crate::clock::RunClock;

/// An acknowledgement, or what came instead.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delivery {
    /// When the client library knew.
    pub(super) done_ns: u64,
    pub(super) result: Result<(), FaultKind>,
}

/// Stamps deliveries in the library's own thread, so that no wake-up of ours is measured.
#[derive(Debug)]
pub(super) struct Stamp {
    clock: RunClock,
}

impl ClientContext for Stamp {}

impl ProducerContext for Stamp {
    type DeliveryOpaque = Box<oneshot::Sender<Delivery>>;

    fn delivery(&self, delivery: &DeliveryResult<'_>, waiting: Self::DeliveryOpaque) {
        let done_ns = self.clock.now_ns();
        let result = delivery.as_ref().map(|_| ()).map_err(|(error, _)| fault(error));
        // Nobody waits any longer where the run has ended.
        let _ = waiting.send(Delivery { done_ns, result });
    }
}

fn fault(error: &rdkafka::error::KafkaError) -> FaultKind {
    use rdkafka::types::RDKafkaErrorCode::{MessageTimedOut, RequestTimedOut};
    match error.rdkafka_error_code() {
        Some(MessageTimedOut | RequestTimedOut) => FaultKind::Timeout,
        _ => FaultKind::Rejected,
    }
}

/// Sends messages one by one.
pub(super) struct Producer {
    inner: ThreadedProducer<Stamp>,
    topic: String,
    clock: RunClock,
    timeout: Duration,
}

impl Producer {
    pub(super) fn new(clock: RunClock, brokers: &str, topic: &str, timeout: Duration) -> Result<Self, String> {
        let inner = config(brokers, producer_settings(timeout))
            .create_with_context(Stamp { clock })
            .map_err(|e| format!("a producer for {brokers}: {e}"))?;
        Ok(Self { inner, topic: topic.to_owned(), clock, timeout })
    }

    /// Asks for the topic's leaders, so that the first message need not.
    pub(super) fn warm(&self) {
        use rdkafka::producer::Producer as _;
        let _ = self.inner.client().fetch_metadata(Some(&self.topic), Duration::from_secs(3));
    }

    /// Sends one message and waits for its acknowledgement.
    pub(super) async fn send(&self, key: &str, payload: &[u8]) -> Delivery {
        let (sender, waiting) = oneshot::channel();
        let record = BaseRecord::with_opaque_to(&self.topic, Box::new(sender)).key(key).payload(payload);
        if let Err((error, _)) = self.inner.send(record) {
            return Delivery { done_ns: self.clock.now_ns(), result: Err(fault(&error)) };
        }
        // The library gives up by itself at `message.timeout.ms`; this is for a library that hangs.
        let given_up = self.timeout + Duration::from_secs(2);
        match tokio::time::timeout(given_up, waiting).await {
            Ok(Ok(delivery)) => delivery,
            Ok(Err(_)) => Delivery { done_ns: self.clock.now_ns(), result: Err(FaultKind::Rejected) },
            Err(_) => Delivery { done_ns: self.clock.now_ns(), result: Err(FaultKind::Timeout) },
        }
    }
}

pub(super) fn config(brokers: &str, settings: Vec<(&'static str, String)>) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("client.id", "proofload");
    for (name, value) in settings {
        config.set(name, value);
    }
    config
}

/// librdkafka's defaults that would break a limit by themselves are replaced, and all are shown.
pub(super) fn producer_settings(timeout: Duration) -> Vec<(&'static str, String)> {
    vec![
        ("acks", "all".to_owned()),
        ("enable.idempotence", "true".to_owned()),
        ("linger.ms", "0".to_owned()),
        ("socket.nagle.disable", "true".to_owned()),
        ("message.timeout.ms", timeout.as_millis().to_string()),
        ("retry.backoff.ms", "50".to_owned()),
        ("reconnect.backoff.max.ms", "500".to_owned()),
    ]
}

pub(super) fn consumer_settings() -> Vec<(&'static str, String)> {
    vec![
        ("group.id", "proofload-observer".to_owned()),
        ("enable.auto.commit", "false".to_owned()),
        ("fetch.min.bytes", "1".to_owned()),
        ("fetch.wait.max.ms", "100".to_owned()),
        ("fetch.queue.backoff.ms", "1".to_owned()),
        ("fetch.error.backoff.ms", "20".to_owned()),
        ("reconnect.backoff.max.ms", "500".to_owned()),
    ]
}
