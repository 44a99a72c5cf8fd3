//! What to do, in numbers. Serialisable, so that it can be kept with the evidence and handed to
//! an engine in another process.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::pace::Pace;

/// Everything an engine does in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Of every random choice: the same seed gives the same schedule.
    pub seed: u64,
    /// One after the other.
    pub stages: Vec<StagePlan>,
}

/// Probes that measure together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StagePlan {
    /// For example `together`.
    pub name: String,
    /// Loaded, not judged.
    pub warm_up_s: u32,
    /// Loaded and judged.
    pub measure_s: u32,
    /// Whether the users of the background are there.
    pub background: bool,
    /// At least one.
    pub probes: Vec<ProbePlan>,
}

impl StagePlan {
    /// Seconds of load.
    #[must_use]
    pub fn load_s(&self) -> u32 {
        self.warm_up_s + self.measure_s
    }
}

/// One probe: what it measures, how often, and against what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbePlan {
    /// The objective that it serves; its series are named after it.
    pub objective: String,
    /// What it measures.
    pub measure: Measure,
    /// When.
    pub pace: Pace,
    /// Against what single answers are counted.
    #[serde(with = "humantime_serde")]
    pub limit: Duration,
    /// When an answer is given up, counted from the due time's send.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// Arrivals that may be under way at once; one more is dropped and counted.
    pub max_in_flight: usize,
}

/// What a probe measures. One file in `probe/` for each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "probe", rename_all = "snake_case")]
pub enum Measure {
    /// One request, to its last body byte. Series: the objective's id.
    Http {
        /// To whom.
        target: HttpTarget,
    },
    /// Two arms at the same backend, each request a coin flip. Series: `<id>.through`, `<id>.direct`.
    Gateway {
        /// By way of the gateway.
        through: HttpTarget,
        /// Straight to the backend.
        direct: HttpTarget,
    },
    /// One message, to the broker's acknowledgement. Series: the objective's id.
    Publish {
        /// `host:port,...`.
        brokers: String,
        /// Which must exist.
        topic: String,
        /// Size of the payload.
        bytes: usize,
    },
    /// One event, until every named consumer has reported its work done. Series: the objective's
    /// id, and `<id>.transit` for the broker alone.
    Processing {
        /// `host:port,...`.
        brokers: String,
        /// Where events are published.
        topic: String,
        /// Where consumers report.
        completions: String,
        /// Who has to report, at most 8.
        consumers: Vec<String>,
        /// The event, with `{event_id}` and `{now}` to be filled in; its key is the event's id.
        event: String,
    },
    /// One full look-up of a name as an application does it (A and AAAA). Series: the objective's
    /// id, and `<id>.a` for a single A query.
    Discovery {
        /// The platform's name server; the system's where absent.
        server: Option<SocketAddr>,
        /// Names that the platform knows; each look-up takes one of them.
        names: Vec<String>,
    },
}

/// A place to send requests to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HttpTarget {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The name server that knows `host`; the system's where absent.
    pub name_server: Option<SocketAddr>,
    /// The path, for example `/api/v1/users/u-{00001..10000}`.
    pub path: PathPattern,
    /// Sent with every request. `{id}` becomes a fresh identifier.
    pub headers: Vec<(String, String)>,
    /// Connections opened before the first arrival; more are opened as they are needed.
    pub connections: usize,
}

/// A path in which one range `{00001..10000}` stands for a number drawn anew for each request;
/// leading zeros give the width.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PathPattern {
    text: String,
    range: Option<Range>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Range {
    before: String,
    after: String,
    first: u64,
    last: u64,
    width: usize,
}

impl PathPattern {
    /// A path for one request.
    #[must_use]
    pub fn draw(&self, rng: &mut fastrand::Rng) -> String {
        match &self.range {
            None => self.text.clone(),
            Some(r) => format!("{}{:0w$}{}", r.before, rng.u64(r.first..=r.last), r.after, w = r.width),
        }
    }
}

impl TryFrom<String> for PathPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = |what: &str| format!("`{text}`: {what}; write a path like /users or /users/u-{{00001..10000}}");
        if !text.starts_with('/') || text.contains(char::is_whitespace) {
            return Err(wrong("a path starts with / and has no blanks"));
        }
        let Some((before, rest)) = text.split_once('{') else { return Ok(Self { text, range: None }) };
        let (range, after) = rest.split_once('}').ok_or_else(|| wrong("the { is never closed"))?;
        let (first, last) = range.split_once("..").ok_or_else(|| wrong("a range needs .. between its numbers"))?;
        let number = |s: &str| s.parse::<u64>().map_err(|_| wrong(&format!("`{s}` is not a number")));
        let parsed = Range {
            before: before.to_owned(),
            after: after.to_owned(),
            first: number(first)?,
            last: number(last)?,
            width: first.len(),
        };
        if parsed.first > parsed.last {
            return Err(wrong("the range is empty"));
        }
        Ok(Self { range: Some(parsed), text })
    }
}

impl From<PathPattern> for String {
    fn from(pattern: PathPattern) -> Self {
        pattern.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_range_is_drawn_with_its_width() {
        let pattern = PathPattern::try_from("/users/u-{00001..00003}/x".to_owned()).unwrap();
        let drawn = pattern.draw(&mut fastrand::Rng::with_seed(1));
        assert!(["/users/u-00001/x", "/users/u-00002/x", "/users/u-00003/x"].contains(&drawn.as_str()));
    }

    #[test]
    fn a_wrong_range_says_what_is_wrong() {
        for (text, part) in [
            ("users", "starts with /"),
            ("/{1..", "never closed"),
            ("/{1-2}", "needs .."),
            ("/{5..2}", "empty"),
            ("/{a..2}", "`a` is not"),
        ] {
            let message = PathPattern::try_from(text.to_owned()).unwrap_err();
            assert!(message.contains(part), "{message}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            if let Ok(pattern) = PathPattern::try_from(text) {
                prop_assert!(!pattern.draw(&mut fastrand::Rng::with_seed(1)).is_empty());
            }
        }
    }
}
