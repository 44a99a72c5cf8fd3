//! One partition's events, one after the other: work, report, remember, store the offset.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::sync::mpsc;
use tracing::{debug, warn};

use super::recent::Recent;
use super::{LANE_EVENTS, Shared, Work};
use crate::events::{Completion, PROCESSING_COMPLETED, Status, USER_CREATED, UserCreated};

/// Ids remembered for each partition: minutes of events at the rates of this platform, about a
/// megabyte. Events with the same key, and so any second delivery, are in the same partition.
const REMEMBERED: usize = 10_000;
/// Pauses before work that failed is tried again. Short: the partition waits.
const RETRY_PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(200)];

/// Between two tries to report.
const REPORT_PAUSE: Duration = Duration::from_millis(200);

/// An event as it came, with the assignment under which it was fetched.
pub(super) struct Delivery {
    pub(super) assignment: u64,
    pub(super) offset: i64,
    pub(super) key: Vec<u8>,
    pub(super) payload: Vec<u8>,
}

/// What is to be done about a delivery.
enum Task {
    Work(UserCreated),
    Known,
    Unreadable(String),
}

pub(super) struct Lane<W> {
    partition: i32,
    shared: Arc<Shared<W>>,
    recent: Recent,
}

impl<W: Work> Lane<W> {
    /// Opens the lane of a partition; it lives as long as the sender.
    pub(super) fn open(partition: i32, shared: Arc<Shared<W>>) -> mpsc::Sender<Delivery> {
        let (sender, deliveries) = mpsc::channel(LANE_EVENTS);
        let lane = Self { partition, shared, recent: Recent::of(REMEMBERED) };
        tokio::spawn(lane.run(deliveries));
        sender
    }

    async fn run(mut self, mut deliveries: mpsc::Receiver<Delivery>) {
        while let Some(delivery) = deliveries.recv().await {
            // Fetched before partitions were taken away: whoever has them now gets it again.
            if delivery.assignment != self.shared.consumer.context().number() {
                continue;
            }
            self.handle(&delivery).await;
            self.store_offset(delivery.offset);
        }
    }

    async fn handle(&mut self, delivery: &Delivery) {
        let outcome = match task(&delivery.payload, &self.recent) {
            Task::Known => "duplicate",
            Task::Unreadable(reason) => {
                let (partition, offset) = (self.partition, delivery.offset);
                warn!("{USER_CREATED} {partition}:{offset} is passed over: {reason}");
                "malformed"
            }
            Task::Work(event) => {
                let status = self.work(&event).await;
                self.report(delivery, &event, status).await;
                self.recent.remember(&event.event_id);
                status.label()
            }
        };
        self.shared.telemetry.processed(USER_CREATED, outcome);
    }

    async fn work(&self, event: &UserCreated) -> Status {
        // Never closed, so the permit cannot fail; without one the work would still be right.
        let _permit = self.shared.at_work.acquire().await;
        if let Some(delay) = self.shared.delay {
            tokio::time::sleep(delay).await;
        }
        let mut pauses = RETRY_PAUSES.iter();
        loop {
            let fault = match self.shared.work.work(event).await {
                Ok(()) => return Status::Done,
                Err(fault) => fault,
            };
            match pauses.next() {
                Some(pause) if fault.may_pass => tokio::time::sleep(*pause).await,
                _ => {
                    warn!("event {} failed: {}", event.event_id, fault.reason);
                    return Status::Failed;
                }
            }
        }
    }

    /// Returns when the report is acknowledged, however long the broker is away: an event whose
    /// completion was not heard of is not done. An error means that the publisher gave up or was
    /// replaced, so it is tried again.
    async fn report(&self, delivery: &Delivery, event: &UserCreated, status: Status) {
        let completion = Completion {
            event_id: event.event_id.clone(),
            consumer: W::CONSUMER.to_owned(),
            status,
            source_partition: self.partition,
            source_offset: delivery.offset,
        };
        let key = String::from_utf8_lossy(&delivery.key);
        let publisher = &self.shared.publisher;
        while let Err(error) = publisher.publish(PROCESSING_COMPLETED, Some(self.partition), &key, &completion).await {
            warn!("the completion of {} is not acknowledged yet: {error}", event.event_id);
            tokio::time::sleep(REPORT_PAUSE).await;
        }
    }

    fn store_offset(&self, offset: i64) {
        let stored = self.shared.consumer.store_offset(USER_CREATED, self.partition, offset);
        match stored {
            Ok(()) => {}
            // Not ours any more: it is delivered again, here or elsewhere.
            Err(KafkaError::StoreOffset(RDKafkaErrorCode::State)) => {
                debug!("partition {} was taken away", self.partition);
            }
            Err(error) => warn!("offset {}:{offset} is not stored: {error}", self.partition),
        }
    }
}

fn task(payload: &[u8], recent: &Recent) -> Task {
    match UserCreated::parse(payload) {
        Err(reason) => Task::Unreadable(reason),
        Ok(event) if recent.knows(&event.event_id) => Task::Known,
        Ok(event) => Task::Work(event),
    }
}
