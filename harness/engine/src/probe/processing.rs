//! One event, from the due time until every consuming service has done its work and said so. The
//! broker alone (until an observer of the topic sees the event) is measured beside it.
//!
//! One process publishes and observes, so all times are of one monotonic clock.

use std::time::{Duration, Instant};

use proofload_evidence::{FaultKind, Outcome, Sample};

use super::event_watch::{EventWatch, Seen};
use super::kafka::Producer;
use super::{Arrival, Disorder, Probe, Reply};
use crate::clock::RunClock;

pub(crate) struct Processing {
    clock: RunClock,
    series: String,
    producer: Producer,
    watch: EventWatch,
    event: String,
    timeout: Duration,
}

/// Where events go, where they are reported, and by whom.
pub(crate) struct Route<'a> {
    pub(crate) brokers: &'a str,
    pub(crate) topic: &'a str,
    pub(crate) completions: &'a str,
    pub(crate) consumers: &'a [String],
}

impl Processing {
    pub(crate) fn new(
        clock: RunClock,
        series: String,
        route: &Route<'_>,
        event: String,
        timeout: Duration,
    ) -> Result<Self, String> {
        if !event.contains("{event_id}") {
            return Err("the event has no {event_id}, so its completions could not be told apart".to_owned());
        }
        Ok(Self {
            clock,
            series,
            producer: Producer::new(clock, route.brokers, route.topic, timeout)?,
            watch: EventWatch::start(clock, route)?,
            event,
            timeout,
        })
    }

    /// What a wait ended with: the reply, and the broker's part beside it.
    fn reply(&self, arrival: Arrival, sent_ns: u64, seen: Seen) -> Reply {
        let now_ns = self.clock.now_ns();
        let result = match seen.finished_ns {
            None => Err(FaultKind::Timeout),
            Some(_) if seen.failed => Err(FaultKind::Failed),
            Some(_) => Ok(()),
        };
        let transit = seen.transit_ns.map_or(Outcome::Fault(FaultKind::Timeout), |_| Outcome::Ok);
        let done_ns = seen.transit_ns.unwrap_or(now_ns);
        let mut reply = Reply::of(sent_ns, seen.finished_ns.unwrap_or(now_ns), result);
        reply.beside = Some(Sample { due_ns: arrival.due_ns, sent_ns, done_ns, outcome: transit });
        reply
    }
}

impl Probe for Processing {
    fn series(&self) -> Vec<String> {
        vec![self.series.clone(), format!("{}.transit", self.series)]
    }

    fn has_beside(&self) -> bool {
        true
    }

    async fn prepare(&self) {
        self.producer.warm();
        self.watch.ready(Duration::from_secs(5)).await;
    }

    async fn fire(&self, arrival: Arrival, _series: usize) -> Reply {
        let deadline = Instant::now() + self.timeout;
        let sent_ns = self.clock.now_ns();
        let event_id = self.watch.event_id(arrival.index);
        let event = self.event.replace("{event_id}", &event_id).replace("{now}", &jiff::Timestamp::now().to_string());
        let mut waiting = self.watch.expect(arrival);
        let delivery = self.producer.send(&event_id, event.as_bytes()).await;
        if let Err(kind) = delivery.result {
            self.watch.give_up(arrival.index);
            let mut reply = Reply::of(sent_ns, delivery.done_ns, Err(kind));
            let outcome = Outcome::Fault(kind);
            reply.beside = Some(Sample { due_ns: arrival.due_ns, sent_ns, done_ns: delivery.done_ns, outcome });
            return reply;
        }
        self.watch.acknowledged(arrival.index);
        let left = deadline.saturating_duration_since(Instant::now());
        let _ = tokio::time::timeout(left, &mut waiting).await;
        self.reply(arrival, sent_ns, self.watch.give_up(arrival.index))
    }

    async fn finish(&self) {
        self.watch.look_for_losses().await;
    }

    fn take_disorder(&self) -> Vec<Disorder> {
        self.watch.take_disorder()
    }
}
