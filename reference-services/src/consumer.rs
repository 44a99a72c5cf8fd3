//! Consumes `user.created` and reports on `processing.completed`: what every consuming service
//! has in common. What the work is, the service says.
//!
//! - Within a partition events are worked on strictly in order; partitions run side by side, up
//!   to a bound.
//! - At least once: an offset is stored, and later committed, only after the work was done and
//!   reported. An event that comes again is recognised by its id and not worked on again.
//! - An event that cannot be read is logged, counted and passed over.
//! - A broker that goes away is waited for.

mod assignment;
mod lane;
mod recent;

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rdkafka::Message as _;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::message::BorrowedMessage;
use tokio::sync::{Semaphore, mpsc};
use tracing::{error, warn};

use crate::events::{PROCESSING_COMPLETED, USER_CREATED, UserCreated};
use crate::http::{Condition, Gate, Readiness};
use crate::kafka;
use crate::publisher::Publisher;
use crate::telemetry::Telemetry;

use assignment::Assignment;
use lane::{Delivery, Lane};

/// Partitions that are worked on at the same time, however many this instance was given.
const LANES_AT_WORK: usize = 16;
/// Events of one partition that wait here. When one partition is that far behind, the others
/// wait for its next event too, and the rest waits in the broker.
const LANE_EVENTS: usize = 1_000;
/// After an error, so that one that does not go away costs nothing.
const ERROR_PAUSE: Duration = Duration::from_millis(100);

/// What a service does with an event.
pub(crate) trait Work: Send + Sync + 'static {
    /// Its name in completions; also that of its consumer group.
    const CONSUMER: &'static str;

    /// Does the work. Is asked again if the fault may pass, and not again after success.
    fn work(&self, event: &UserCreated) -> impl Future<Output = Result<(), WorkFault>> + Send;
}

/// Why an event could not be worked on.
#[derive(Debug)]
pub(crate) struct WorkFault {
    pub(crate) reason: String,
    /// Whether trying again a moment later makes sense.
    pub(crate) may_pass: bool,
}

/// What all lanes of one instance share.
struct Shared<W> {
    work: W,
    consumer: StreamConsumer<Assignment>,
    publisher: Arc<Publisher>,
    telemetry: Arc<Telemetry>,
    delay: Option<Duration>,
    at_work: Semaphore,
}

/// Starts consuming; ready as soon as partitions are assigned and completions can be reported.
pub(crate) fn start<W: Work>(bootstrap: &str, gate: &Gate, work: W) -> anyhow::Result<Readiness> {
    let partitions = Condition::waiting_for("partitions of user.created");
    let config = kafka::consumer_config(bootstrap, W::CONSUMER, W::CONSUMER);
    let consumer: StreamConsumer<Assignment> =
        config.create_with_context(Assignment::new(partitions.clone())).context("cannot build the Kafka consumer")?;
    consumer.subscribe(&[USER_CREATED]).context("cannot subscribe to user.created")?;
    let publisher = Arc::new(Publisher::patient(bootstrap, W::CONSUMER, gate.telemetry())?);
    let readiness = Readiness::when([partitions, publisher.can_publish(PROCESSING_COMPLETED)?]);
    let shared = Shared {
        work,
        consumer,
        publisher,
        telemetry: gate.telemetry(),
        delay: gate.delay(),
        at_work: Semaphore::new(LANES_AT_WORK),
    };
    tokio::spawn(dispatch(Arc::new(shared)));
    Ok(readiness)
}

/// Hands each event to the lane of its partition, for ever.
async fn dispatch<W: Work>(shared: Arc<Shared<W>>) {
    let mut lanes: HashMap<i32, mpsc::Sender<Delivery>> = HashMap::new();
    let mut last_error = String::new();
    loop {
        match shared.consumer.recv().await {
            Ok(message) => {
                last_error.clear();
                let delivery = delivery(&message, shared.consumer.context());
                let lane = lanes
                    .entry(message.partition())
                    .or_insert_with(|| Lane::open(message.partition(), Arc::clone(&shared)));
                if lane.send(delivery).await.is_err() {
                    // A defect of ours. A service that looks alive and works on nothing is worse
                    // than one that is gone.
                    error!("partition {} is not worked on any more", message.partition());
                    std::process::abort();
                }
            }
            Err(problem) => {
                let problem = problem.to_string();
                if problem != last_error {
                    warn!("cannot consume {USER_CREATED}: {problem}");
                    last_error = problem;
                }
                tokio::time::sleep(ERROR_PAUSE).await;
            }
        }
    }
}

fn delivery(message: &BorrowedMessage<'_>, assignment: &Assignment) -> Delivery {
    Delivery {
        assignment: assignment.number(),
        offset: message.offset(),
        key: message.key().unwrap_or_default().to_vec(),
        payload: message.payload().unwrap_or_default().to_vec(),
    }
}

#[cfg(test)]
mod tests;
