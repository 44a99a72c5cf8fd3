//! One message, from the due time to the broker's acknowledgement (`acks=all`).

use std::time::Duration;

use super::kafka::Producer;
use super::{Arrival, Probe, Reply};
use crate::clock::RunClock;

pub(crate) struct Publish {
    clock: RunClock,
    series: String,
    producer: Producer,
    payload: Vec<u8>,
}

impl Publish {
    pub(crate) fn new(
        clock: RunClock,
        series: String,
        brokers: &str,
        topic: &str,
        bytes: usize,
        timeout: Duration,
        seed: u64,
    ) -> Result<Self, String> {
        // Random letters: a payload of zeros would compress to nothing.
        let mut rng = fastrand::Rng::with_seed(seed);
        let payload = (0..bytes).map(|_| rng.alphanumeric() as u8).collect();
        Ok(Self { clock, series, producer: Producer::new(clock, brokers, topic, timeout)?, payload })
    }
}

impl Probe for Publish {
    fn series(&self) -> Vec<String> {
        vec![self.series.clone()]
    }

    async fn prepare(&self) {
        self.producer.warm();
    }

    async fn fire(&self, arrival: Arrival, _series: usize) -> Reply {
        let sent_ns = self.clock.now_ns();
        let delivery = self.producer.send(&arrival.index.to_string(), &self.payload).await;
        Reply::of(sent_ns, delivery.done_ns, delivery.result)
    }
}
