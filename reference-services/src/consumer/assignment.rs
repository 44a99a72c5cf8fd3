//! Which partitions are ours, as the group says. Numbers the assignments, so that events that
//! were fetched under an earlier one can be told: they will be delivered again.

use std::sync::atomic::{AtomicU64, Ordering};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use tracing::{info, warn};

use crate::http::Condition;
use crate::kafka::KafkaLog;

pub(super) struct Assignment {
    number: AtomicU64,
    ours: Condition,
    log: KafkaLog,
}

impl Assignment {
    pub(super) fn new(ours: Condition) -> Self {
        Self { number: AtomicU64::new(0), ours, log: KafkaLog::default() }
    }

    /// Grows whenever partitions are taken away.
    pub(super) fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }
}

impl ClientContext for Assignment {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.log.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.log.error(error, reason);
    }
}

impl ConsumerContext for Assignment {
    fn pre_rebalance(&self, _consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if !matches!(rebalance, Rebalance::Assign(_)) {
            self.number.fetch_add(1, Ordering::AcqRel);
            self.ours.set(false);
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(_) => {
                let partitions = consumer.assignment().map_or(0, |partitions| partitions.count());
                info!("{partitions} partitions assigned");
                self.ours.set(partitions > 0);
            }
            Rebalance::Revoke(lost) => info!("{} partitions taken away", lost.count()),
            Rebalance::Error(error) => warn!("the group could not agree: {error}"),
        }
    }
}
