//! What follows from the evidence: findings, and the record that a run leaves.

use serde::{Deserialize, Serialize};

use crate::header::RunHeader;

/// Whether a promise is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is, with 95 % confidence.
    Pass,
    /// It is not, with 95 % confidence.
    Fail,
    /// The evidence does not tell.
    Inconclusive,
}

impl Verdict {
    /// The verdict on several promises that must all be kept. None at all is not a pass.
    #[must_use]
    pub fn all(verdicts: impl IntoIterator<Item = Self>) -> Self {
        let mut any = false;
        let worst = verdicts.into_iter().fold(Self::Pass, |worst, verdict| {
            any = true;
            match (worst, verdict) {
                (Self::Fail, _) | (_, Self::Fail) => Self::Fail,
                (Self::Inconclusive, _) | (_, Self::Inconclusive) => Self::Inconclusive,
                _ => Self::Pass,
            }
        });
        if any { worst } else { Self::Inconclusive }
    }

    /// The verdict in capitals, as a table shows it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Inconclusive => "INCONCLUSIVE",
        }
    }
}

/// The limit and the measured figure, named by what they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Measured {
    /// A rate in good answers per second. First, because it is told by its own names.
    Rate {
        /// Lowest rate promised.
        limit_per_s: f64,
        /// Measured.
        #[serde(deserialize_with = "present")]
        rate_per_s: Option<f64>,
        /// 95th percentile of the latency at that rate.
        #[serde(deserialize_with = "present")]
        p95_ms: Option<f64>,
    },
    /// A difference of two quantiles.
    Delta {
        /// Highest difference promised.
        limit_ms: f64,
        /// Measured.
        #[serde(deserialize_with = "present")]
        delta_p95_ms: Option<f64>,
    },
    /// A quantile.
    Quantile {
        /// Highest quantile promised.
        limit_ms: f64,
        /// Measured.
        #[serde(deserialize_with = "present")]
        p95_ms: Option<f64>,
    },
}

/// A figure that may be null, but must be there: its name tells which kind it is.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Option::deserialize(deserializer)
}

impl Measured {
    /// The measured figure, in ms or per second.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        match self {
            Self::Rate { rate_per_s, .. } => *rate_per_s,
            Self::Delta { delta_p95_ms, .. } => *delta_p95_ms,
            Self::Quantile { p95_ms, .. } => *p95_ms,
        }
    }

    /// The limit, in ms or per second.
    #[must_use]
    pub fn limit(&self) -> f64 {
        match self {
            Self::Rate { limit_per_s, .. } => *limit_per_s,
            Self::Delta { limit_ms, .. } | Self::Quantile { limit_ms, .. } => *limit_ms,
        }
    }
}

/// The judgement of one objective.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The objective's id.
    pub objective: String,
    /// Its name for readers.
    pub title: String,
    /// What is promised, in words.
    pub target: String,
    /// Kept, broken, or not to be told.
    pub verdict: Verdict,
    /// The limit and the figure.
    #[serde(flatten)]
    pub measured: Measured,
    /// Two-sided 90 % interval of the figure (so each end is a 95 % bound); an unknown end is null.
    pub interval: [Option<f64>; 2],
    /// Arrivals judged.
    pub n: u64,
    /// How many independent arrivals they are worth.
    pub n_eff: Option<f64>,
    /// Arrivals over the limit, faults included.
    pub bad: u64,
    /// 95 % bounds of the share of arrivals over the limit.
    pub bad_share_bounds: Option<[f64; 2]>,
    /// Variance of the bad share over that of independent arrivals.
    pub design_effect: Option<f64>,
    /// Seconds judged, and seconds cut as warm-up.
    pub judged_s: u32,
    /// Seconds of load before the judged ones.
    pub warm_up_s: u32,
    /// Share of the schedule that was sent within a second of its due time.
    pub offered_share: Option<f64>,
    /// Why the verdict is what it is; the first says the most.
    pub reasons: Vec<String>,
    /// The documented line that is enforced.
    pub source: String,
}

/// Where the arrivals of one series went, warm-up included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The series.
    pub probe: String,
    /// Arrivals of the schedule.
    pub scheduled: u64,
    /// Answered as they should be.
    pub ok: u64,
    /// Answered wrongly or not at all.
    pub faults: u64,
    /// Never sent for lack of capacity in the generator.
    pub dropped: u64,
    /// The faults by kind.
    pub faults_by_kind: std::collections::BTreeMap<String, u64>,
}

/// How far the run got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It is going on, or was killed: nobody came back to say how it ended.
    Running,
    /// It was stopped by the user or by an error before its end.
    CutShort,
    /// It ran to its end.
    Finished,
}

/// The content of `run.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// What was run, where, and how.
    #[serde(flatten)]
    pub header: RunHeader,
    /// How far it got.
    pub state: RunState,
    /// The verdict on all objectives together; null while nothing has been judged.
    pub verdict: Option<Verdict>,
    /// By objective.
    pub findings: Vec<Finding>,
    /// By series.
    pub accounting: Vec<Account>,
    /// What no verdict of this run can tell.
    pub blind_spots: Vec<String>,
}

impl RunRecord {
    /// A record in which nothing has been judged yet.
    #[must_use]
    pub fn unjudged(header: RunHeader, state: RunState) -> Self {
        Self { header, state, verdict: None, findings: Vec::new(), accounting: Vec::new(), blind_spots: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_verdicts_at_all_are_not_a_pass() {
        assert_eq!(Verdict::all([]), Verdict::Inconclusive);
        assert_eq!(Verdict::all([Verdict::Pass, Verdict::Inconclusive]), Verdict::Inconclusive);
        assert_eq!(Verdict::all([Verdict::Inconclusive, Verdict::Fail]), Verdict::Fail);
    }

    #[test]
    fn what_is_unknown_is_null_and_reads_back() {
        for measured in [
            Measured::Quantile { limit_ms: 100.0, p95_ms: None },
            Measured::Delta { limit_ms: 20.0, delta_p95_ms: None },
            Measured::Rate { limit_per_s: 1e4, rate_per_s: None, p95_ms: None },
        ] {
            let json = serde_json::to_value(&measured).unwrap();
            assert!(json.as_object().unwrap().values().any(serde_json::Value::is_null));
            assert_eq!(serde_json::from_value::<Measured>(json).unwrap(), measured);
        }
    }
}
