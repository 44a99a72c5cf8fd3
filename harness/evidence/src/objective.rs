//! A documented promise, as something that can be judged.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What is promised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "judge", rename_all = "snake_case", deny_unknown_fields)]
pub enum Promise {
    /// The quantile of one series stays below the limit.
    QuantileBelow {
        /// The series that is judged.
        series: String,
        /// For example 0.95.
        quantile: f64,
        /// Latency from the due time.
        #[serde(with = "humantime_serde")]
        limit: Duration,
        /// Whether a lost, duplicated or reordered event fails the objective by itself.
        #[serde(default)]
        exactly_once_in_order: bool,
    },
    /// The quantile of one series stays less than the limit above that of another that was
    /// measured in the same seconds.
    DeltaBelow {
        /// The arm that takes the detour.
        through: String,
        /// The arm that does not.
        direct: String,
        /// For example 0.95.
        quantile: f64,
        /// Upper limit of the difference of the two quantiles.
        #[serde(with = "humantime_serde")]
        limit: Duration,
    },
    /// Good answers per second reach the limit, while the quantile stays below its own.
    RateAtLeast {
        /// The series that is judged.
        series: String,
        /// Good answers per second.
        per_s: f64,
        /// For example 0.95.
        quantile: f64,
        /// What counts as good: answered within this time from the due time.
        #[serde(with = "humantime_serde")]
        within: Duration,
    },
}

/// One documented target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// Short name: `rest`, `publish`, ...
    pub id: String,
    /// What a reader calls it.
    pub title: String,
    /// What is promised, in words: `P95 < 100 ms`.
    pub target: String,
    /// What is promised, in numbers.
    pub promise: Promise,
    /// What exactly is measured, in a sentence.
    pub measures: String,
    /// The documented line that it enforces.
    pub source: String,
}

impl Objective {
    /// The series that the objective is judged by; the first is the one it is named for.
    #[must_use]
    pub fn series(&self) -> Vec<&str> {
        match &self.promise {
            Promise::QuantileBelow { series, .. } | Promise::RateAtLeast { series, .. } => vec![series],
            Promise::DeltaBelow { through, direct, .. } => vec![through, direct],
        }
    }

    /// The limit in time against which single answers are counted, if there is one.
    #[must_use]
    pub fn limit(&self) -> Duration {
        match &self.promise {
            Promise::QuantileBelow { limit, .. } | Promise::DeltaBelow { limit, .. } => *limit,
            Promise::RateAtLeast { within, .. } => *within,
        }
    }
}
