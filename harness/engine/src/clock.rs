//! The run's one monotonic clock: nanoseconds since its origin.

use std::time::{Duration, Instant};

/// Reads the time of a run. Copies agree with each other, on every thread.
#[derive(Debug, Clone, Copy)]
pub struct RunClock {
    origin: Instant,
}

impl RunClock {
    /// A clock whose zero is now.
    #[must_use]
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// Nanoseconds since the origin.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        // 584 years fit.
        self.origin.elapsed().as_nanos() as u64
    }

    /// The instant at `ns`.
    #[must_use]
    pub fn instant(&self, ns: u64) -> Instant {
        self.origin + Duration::from_nanos(ns)
    }
}

/// The second of the run in which `ns` lies.
pub(crate) fn second_of(ns: u64) -> u32 {
    (ns / 1_000_000_000) as u32
}
