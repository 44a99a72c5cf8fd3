//! Two arms at the same backend, one by way of the gateway: each request is a coin flip, so both
//! arms meet the same seconds of the same backend.

use std::cell::RefCell;
use std::time::Duration;

use super::connection::Connections;
use super::{Arrival, Probe, Reply};
use crate::clock::RunClock;
use crate::plan::HttpTarget;
use crate::seed;

const THROUGH: usize = 0;

pub(crate) struct Gateway {
    clock: RunClock,
    series: String,
    /// Through, then direct.
    arms: [Connections; 2],
    timeout: Duration,
    coin: RefCell<fastrand::Rng>,
}

impl Gateway {
    pub(crate) fn new(
        clock: RunClock,
        series: String,
        [through, direct]: [HttpTarget; 2],
        timeout: Duration,
        seed: u64,
    ) -> Result<Self, String> {
        let arms =
            [Connections::new(through, seed::derive(seed, 0))?, Connections::new(direct, seed::derive(seed, 1))?];
        let coin = RefCell::new(fastrand::Rng::with_seed(seed::derive(seed, 2)));
        Ok(Self { clock, series, arms, timeout, coin })
    }
}

impl Probe for Gateway {
    fn series(&self) -> Vec<String> {
        ["through", "direct"].map(|arm| format!("{}.{arm}", self.series)).into()
    }

    fn choose(&self) -> usize {
        THROUGH + usize::from(self.coin.borrow_mut().bool())
    }

    async fn prepare(&self) {
        for arm in &self.arms {
            arm.warm().await;
        }
    }

    async fn fire(&self, _arrival: Arrival, series: usize) -> Reply {
        let sent_ns = self.clock.now_ns();
        let result = self.arms[series].exchange(self.timeout).await;
        Reply::of(sent_ns, self.clock.now_ns(), result)
    }
}
