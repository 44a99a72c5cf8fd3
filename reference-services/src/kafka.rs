//! How every service speaks to Kafka: librdkafka's settings, each with its reason, and where its
//! log goes. What is sent and received is elsewhere.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use tracing::{debug, warn};

/// Between two warnings of one client.
const WARNING_INTERVAL: Duration = Duration::from_secs(5);

/// Settings of every client: low latency, and back soon after a broker was away.
pub(crate) fn client_config(bootstrap: &str, client_id: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("client.id", client_id)
        // A small request must not wait for the acknowledgement of the one before.
        .set("socket.nagle.disable", "true")
        // The default lets a client sleep for 10 s after the broker has come back.
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "1000")
        // Topics that are created after us are found within seconds, not minutes.
        .set("topic.metadata.refresh.interval.ms", "5000")
        .set("log.connection.close", "false");
    // By itself it asks a logger that is not ours.
    config.set_log_level(if tracing::enabled!(tracing::Level::DEBUG) {
        RDKafkaLogLevel::Debug
    } else {
        RDKafkaLogLevel::Warning
    });
    config
}

/// Settings of a producer: every message acknowledged by all replicas, in order and once.
/// `message_timeout_ms` of 0 tries for as long as it takes.
pub(crate) fn producer_config(bootstrap: &str, client_id: &str, message_timeout_ms: u32) -> ClientConfig {
    let mut config = client_config(bootstrap, client_id);
    config
        .set("acks", "all")
        .set("enable.idempotence", "true")
        // The default of 5 ms would be a tenth of the documented limit.
        .set("linger.ms", "0")
        .set("retry.backoff.ms", "50")
        .set("message.timeout.ms", message_timeout_ms.to_string());
    config
}

/// Settings of a consumer: events at once, offsets committed only after the work.
pub(crate) fn consumer_config(bootstrap: &str, client_id: &str, group: &str) -> ClientConfig {
    let mut config = client_config(bootstrap, client_id);
    config
        .set("group.id", group)
        .set("auto.offset.reset", "earliest")
        // Commits run in the background, but only what was stored: see `enable.auto.offset.store`.
        .set("enable.auto.commit", "true")
        .set("auto.commit.interval.ms", "500")
        .set("enable.auto.offset.store", "false")
        // The broker answers as soon as there is one byte. The wait bounds idle long polls only,
        // and with it how long a partition that was just added has to wait for its first fetch.
        .set("fetch.min.bytes", "1")
        .set("fetch.wait.max.ms", "50")
        // The defaults of 1000 and 500 ms would each break the documented limit by themselves.
        .set("fetch.queue.backoff.ms", "1")
        .set("fetch.error.backoff.ms", "50")
        // After a broker was killed, the group goes on when the old sessions are over: 6 s is the
        // least that brokers allow by default, 45 s would be the client's default.
        .set("session.timeout.ms", "6000")
        .set("heartbeat.interval.ms", "1000");
    config
}

/// Sends what librdkafka says to our log. While a broker is away it says the same thing twice a
/// second; every few seconds is enough.
#[derive(Clone, Default)]
pub(crate) struct KafkaLog {
    last_warning: Arc<Mutex<Option<Instant>>>,
}

impl ClientContext for KafkaLog {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error
            | RDKafkaLogLevel::Warning => self.warn(facility, message),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
                debug!("Kafka: {facility}: {message}");
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.warn(&error.to_string(), reason);
    }
}

impl KafkaLog {
    fn warn(&self, what: &str, reason: &str) {
        if self.is_due() {
            warn!("Kafka: {what}: {reason}");
        } else {
            debug!("Kafka: {what}: {reason}");
        }
    }

    fn is_due(&self) -> bool {
        let mut last = self.last_warning.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.is_none_or(|last| last.elapsed() >= WARNING_INTERVAL);
        if due {
            *last = Some(Instant::now());
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_that_is_away_does_not_fill_the_log() {
        let log = KafkaLog::default();

        let logged = (0..100).filter(|_| log.is_due()).count();

        assert_eq!(logged, 1);
    }
}
