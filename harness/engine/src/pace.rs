//! When arrivals are due: mathematics, no clock.
//!
//! Invariants: due times ascend, start within the stage and depend on nothing but the pace, the
//! length and the seed; answers cannot move them.

use serde::{Deserialize, Serialize};

/// How arrivals follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "arrivals", rename_all = "snake_case", deny_unknown_fields)]
pub enum Pace {
    /// Evenly spaced.
    Constant {
        /// Arrivals per second.
        per_s: f64,
    },
    /// Independent of each other, as many users are: exponential gaps. What such arrivals see is
    /// what is there on average (Wolff 1982), and several probes do not step on each other in time.
    Poisson {
        /// Arrivals per second on average.
        per_s: f64,
    },
    /// Evenly rising or falling.
    Ramp {
        /// Arrivals per second at the start.
        from_per_s: f64,
        /// Arrivals per second at the end.
        to_per_s: f64,
    },
}

impl Pace {
    /// The mean rate over the whole length.
    #[must_use]
    pub fn mean_per_s(&self) -> f64 {
        match *self {
            Self::Constant { per_s } | Self::Poisson { per_s } => per_s,
            Self::Ramp { from_per_s, to_per_s } => f64::midpoint(from_per_s, to_per_s),
        }
    }

    /// Due times in ns from the start, ascending, below `length_ns`.
    #[must_use]
    pub fn arrivals(&self, length_ns: u64, seed: u64) -> Arrivals {
        Arrivals { pace: *self, length_ns, index: 0, at_s: 0.0, rng: fastrand::Rng::with_seed(seed) }
    }
}

/// Iterator over due times.
#[derive(Debug, Clone)]
pub struct Arrivals {
    pace: Pace,
    length_ns: u64,
    index: u64,
    at_s: f64,
    rng: fastrand::Rng,
}

impl Iterator for Arrivals {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let due_s = match self.pace {
            Pace::Constant { per_s } => self.index as f64 / per_s,
            Pace::Poisson { per_s } => {
                self.at_s += -(1.0 - self.rng.f64()).ln() / per_s;
                self.at_s
            }
            Pace::Ramp { from_per_s, to_per_s } => {
                ramp_due_s(self.index as f64, from_per_s, to_per_s, self.length_ns as f64 / 1e9)
            }
        };
        self.index += 1;
        let due_ns = due_s * 1e9;
        // Not a number (a rate of 0) ends the schedule too.
        (due_ns < self.length_ns as f64).then_some(due_ns as u64)
    }
}

/// The arrivals before `t` are the area under the rate, `n = from t + (to - from) t^2 / (2 length)`;
/// solved for `t` in the form that stays exact where `to = from`.
fn ramp_due_s(n: f64, from: f64, to: f64, length: f64) -> f64 {
    let slope = (to - from) / length;
    if n == 0.0 {
        return 0.0;
    }
    2.0 * n / (from + (from * from + 2.0 * slope * n).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE_NS: u64 = 60_000_000_000;

    #[test]
    fn a_constant_pace_does_not_drift() {
        let due: Vec<u64> = Pace::Constant { per_s: 3.0 }.arrivals(MINUTE_NS, 0).collect();
        assert_eq!(due.len(), 180);
        assert_eq!(due[179], (179.0 / 3.0 * 1e9) as u64);
    }

    #[test]
    fn a_poisson_pace_keeps_its_rate_and_its_seed() {
        let pace = Pace::Poisson { per_s: 200.0 };
        let count = pace.arrivals(MINUTE_NS, 1).count();
        assert!((11_500..12_500).contains(&count), "{count}");
        assert!(pace.arrivals(MINUTE_NS, 1).eq(pace.arrivals(MINUTE_NS, 1)));
        assert!(!pace.arrivals(MINUTE_NS, 1).eq(pace.arrivals(MINUTE_NS, 2)));
    }

    #[test]
    fn a_ramp_has_the_area_under_it() {
        let count = Pace::Ramp { from_per_s: 0.0, to_per_s: 100.0 }.arrivals(MINUTE_NS, 0).count();
        assert!((2_999..=3_001).contains(&count), "{count}");
        let down = Pace::Ramp { from_per_s: 100.0, to_per_s: 0.0 }.arrivals(MINUTE_NS, 0).count();
        assert!((2_999..=3_001).contains(&down), "{down}");
    }

    proptest! {
        #[test]
        fn due_times_ascend_and_stay_inside(from in 0.0..500.0_f64, to in 0.0..500.0_f64, seed: u64) {
            for pace in [
                Pace::Constant { per_s: from },
                Pace::Poisson { per_s: from },
                Pace::Ramp { from_per_s: from, to_per_s: to },
            ] {
                let mut last = 0;
                for due in pace.arrivals(2_000_000_000, seed) {
                    prop_assert!(due >= last && due < 2_000_000_000);
                    last = due;
                }
            }
        }
    }
}
