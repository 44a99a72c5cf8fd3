//! One request, from the due time to the last byte of the answer.

use std::time::Duration;

use super::connection::Connections;
use super::{Arrival, Probe, Reply};
use crate::clock::RunClock;
use crate::plan::HttpTarget;

pub(crate) struct Http {
    clock: RunClock,
    series: String,
    connections: Connections,
    timeout: Duration,
}

impl Http {
    pub(crate) fn new(
        clock: RunClock,
        series: String,
        target: HttpTarget,
        timeout: Duration,
        seed: u64,
    ) -> Result<Self, String> {
        Ok(Self { clock, series, connections: Connections::new(target, seed)?, timeout })
    }
}

impl Probe for Http {
    fn series(&self) -> Vec<String> {
        vec![self.series.clone()]
    }

    async fn prepare(&self) {
        self.connections.warm().await;
    }

    async fn fire(&self, _arrival: Arrival, _series: usize) -> Reply {
        let sent_ns = self.clock.now_ns();
        let result = self.connections.exchange(self.timeout).await;
        Reply::of(sent_ns, self.clock.now_ns(), result)
    }
}
