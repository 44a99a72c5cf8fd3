//! Publishes events and waits for the broker's word. An event counts as published when all
//! replicas have it, never before.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context as _;
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use rdkafka::util::Timeout;
use serde::Serialize;
use tracing::{info, warn};

use crate::http::Condition;
use crate::kafka::{self, KafkaLog};
use crate::telemetry::Telemetry;

/// For requests, which are answered within 5 s. librdkafka looks for expired messages once a
/// second, so that a message ends after 4.5 s at the latest.
const REQUEST_TIMEOUT_MS: u32 = 3_500;
const METADATA_TIMEOUT: Duration = Duration::from_secs(1);
const METADATA_PAUSE: Duration = Duration::from_millis(200);

/// A producer that outlives its own fatal errors.
pub(crate) struct Publisher {
    config: ClientConfig,
    producer: RwLock<FutureProducer<KafkaLog>>,
    log: KafkaLog,
    telemetry: Arc<Telemetry>,
}

impl Publisher {
    /// For events that a request waits for: gives up before the request does.
    pub(crate) fn for_requests(bootstrap: &str, client_id: &str, telemetry: Arc<Telemetry>) -> anyhow::Result<Self> {
        let config = kafka::producer_config(bootstrap, client_id, REQUEST_TIMEOUT_MS);
        Self::new(config, telemetry)
    }

    /// For events that must not be lost while the broker is away: tries until it is back.
    pub(crate) fn patient(bootstrap: &str, client_id: &str, telemetry: Arc<Telemetry>) -> anyhow::Result<Self> {
        Self::new(kafka::producer_config(bootstrap, client_id, 0), telemetry)
    }

    fn new(config: ClientConfig, telemetry: Arc<Telemetry>) -> anyhow::Result<Self> {
        let log = KafkaLog::default();
        let producer = create(&config, &log).context("cannot build the Kafka producer")?;
        Ok(Self { config, producer: RwLock::new(producer), log, telemetry })
    }

    /// Returns after the acknowledgement. Without a partition, the key decides.
    pub(crate) async fn publish(
        &self,
        topic: &'static str,
        partition: Option<i32>,
        key: &str,
        event: &impl Serialize,
    ) -> Result<(), KafkaError> {
        let payload = serde_json::to_vec(event).expect("events are plain data");
        let mut record = FutureRecord::to(topic).key(key).payload(&payload);
        record.partition = partition;
        let producer = self.producer();
        let queue_full = Timeout::After(Duration::from_millis(REQUEST_TIMEOUT_MS.into()));
        match producer.send(record, queue_full).await {
            Ok(_) => {
                self.telemetry.published(topic, "acknowledged");
                Ok(())
            }
            Err((error, _message)) => {
                self.telemetry.published(topic, "failed");
                self.replace_if_broken(&producer);
                Err(error)
            }
        }
    }

    fn producer(&self) -> FutureProducer<KafkaLog> {
        self.producer.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// An idempotent producer that has lost its place (the broker came back empty, say) can never
    /// send again; a new one can.
    fn replace_if_broken(&self, seen: &FutureProducer<KafkaLog>) {
        let Some((_, reason)) = seen.client().fatal_error() else {
            return;
        };
        let mut current = self.producer.write().unwrap_or_else(PoisonError::into_inner);
        if current.client().fatal_error().is_none() {
            return; // Somebody else was faster.
        }
        warn!("the Kafka producer is replaced: {reason}");
        match create(&self.config, &self.log) {
            Ok(producer) => *current = producer,
            Err(error) => warn!("the Kafka producer cannot be replaced: {error}"),
        }
    }

    /// Ready as soon as the broker has told where the topic's partitions are.
    pub(crate) fn can_publish(self: &Arc<Self>, topic: &'static str) -> std::io::Result<Condition> {
        let condition = Condition::waiting_for("Kafka");
        let (publisher, seen) = (Arc::clone(self), condition.clone());
        // The call blocks, hence a thread; it ends with the first answer.
        std::thread::Builder::new().name("kafka-ready".into()).spawn(move || {
            while !publisher.knows(topic) {
                std::thread::sleep(METADATA_PAUSE);
            }
            info!("{topic} can be published");
            seen.set(true);
        })?;
        Ok(condition)
    }

    fn knows(&self, topic: &str) -> bool {
        let producer = self.producer();
        let metadata = producer.client().fetch_metadata(Some(topic), METADATA_TIMEOUT);
        metadata.is_ok_and(|metadata| {
            metadata
                .topics()
                .iter()
                .any(|known| known.name() == topic && known.error().is_none() && !known.partitions().is_empty())
        })
    }
}

fn create(config: &ClientConfig, log: &KafkaLog) -> Result<FutureProducer<KafkaLog>, KafkaError> {
    config.create_with_context(log.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use rdkafka::mocking::MockCluster;
    use std::time::Instant;

    const TOPIC: &str = "user.created";

    #[tokio::test]
    async fn an_event_is_published_when_the_broker_has_said_so() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic(TOPIC, 3, 1).unwrap();
        let telemetry = Arc::new(Telemetry::new());
        let publisher = Publisher::for_requests(&cluster.bootstrap_servers(), "test", Arc::clone(&telemetry)).unwrap();

        publisher.publish(TOPIC, None, "u-1", &"hello").await.unwrap();

        let line = r#"events_published_total{topic="user.created",result="acknowledged"} 1"#;
        assert!(telemetry.text().contains(line));
    }

    #[tokio::test]
    async fn without_a_broker_publishing_fails_within_five_seconds() {
        let nobody = testing::unused_address().to_string();
        let telemetry = Arc::new(Telemetry::new());
        let publisher = Publisher::for_requests(&nobody, "test", telemetry).unwrap();
        let asked = Instant::now();

        let published = publisher.publish(TOPIC, None, "u-1", &"hello").await;

        assert!(published.is_err());
        assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    }
}
