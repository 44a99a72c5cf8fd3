//! A scenario file as it is written: its tables, what each must hold, and what each means.
//!
//! Nothing here knows of files or profiles being chosen; that is the scenario's.

use std::collections::BTreeMap;
use std::time::Duration;

use proofload_engine::{HttpTarget, Measure, Pace, PathPattern, ProbePlan};
use proofload_evidence::{Objective, Promise};
use serde::Deserialize;

use super::Endpoints;

/// Five per cent more than the promise, but for rounding.
const OFFERED_ABOVE: f64 = 1.0499;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) name: String,
    pub(super) stages: Vec<String>,
    pub(super) profile: BTreeMap<String, RawProfile>,
    pub(super) objective: Vec<RawObjective>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProfile {
    pub(super) users: usize,
    pub(super) stage: BTreeMap<String, RawStage>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStage {
    #[serde(with = "humantime_serde")]
    pub(super) warm_up: Duration,
    #[serde(with = "humantime_serde")]
    pub(super) measure: Duration,
    #[serde(default)]
    pub(super) background: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawObjective {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) source: String,
    pub(super) measures: String,
    pub(super) promise: RawPromise,
    pub(super) stage: String,
    pub(super) pace: Pace,
    #[serde(with = "humantime_serde")]
    pub(super) timeout: Duration,
    pub(super) max_in_flight: usize,
    pub(super) probe: RawProbe,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "judge", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum RawPromise {
    QuantileBelow {
        quantile: f64,
        #[serde(with = "humantime_serde")]
        limit: Duration,
        #[serde(default)]
        exactly_once_in_order: bool,
    },
    DeltaBelow {
        quantile: f64,
        #[serde(with = "humantime_serde")]
        limit: Duration,
    },
    RateAtLeast {
        per_s: f64,
        quantile: f64,
        #[serde(with = "humantime_serde")]
        within: Duration,
    },
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum RawProbe {
    Http(RawHttp),
    Gateway(RawHttp),
    Publish { topic: String, bytes: usize },
    Processing { topic: String, completions: String, consumers: Vec<String>, event: String },
    Discovery { names: Vec<String> },
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHttp {
    pub(super) service: String,
    pub(super) path: PathPattern,
    pub(super) connections: usize,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
}

impl RawObjective {
    pub(super) fn check(&self, stages: &[String]) -> Result<(), String> {
        if !stages.contains(&self.stage) {
            return Err(format!("stage `{}` is none of `stages`: {}", self.stage, stages.join(", ")));
        }
        let (RawPromise::QuantileBelow { quantile, .. }
        | RawPromise::DeltaBelow { quantile, .. }
        | RawPromise::RateAtLeast { quantile, .. }) = self.promise;
        if !(0.5..=0.999).contains(&quantile) {
            return Err(format!("quantile is {quantile}; write a number from 0.5 to 0.999, for example 0.95"));
        }
        let rate = self.pace.mean_per_s();
        if !(rate.is_finite() && rate > 0.0 && rate <= 1e6) {
            return Err(format!("its rate is {rate} per second; write one above 0 and up to 1000000"));
        }
        if let RawPromise::RateAtLeast { per_s, .. } = self.promise
            && !(per_s.is_finite() && per_s > 0.0)
        {
            return Err(format!("it promises {per_s} per second; write a number above 0"));
        }
        if let RawPromise::RateAtLeast { per_s, .. } = self.promise
            && rate < OFFERED_ABOVE * per_s
        {
            return Err(format!(
                "it offers {rate} per second and promises {per_s}: offer at least {} (5 % more), or a target that \
                 keeps its promise could not show it",
                (1.05 * per_s).ceil()
            ));
        }
        if self.promise.limit().is_zero() || self.timeout <= self.promise.limit() {
            return Err("its timeout must be longer than its limit, and its limit longer than nothing".to_owned());
        }
        if self.timeout > Duration::from_secs(60) {
            return Err("its timeout must be at most 60 s: longer waits are not told apart".to_owned());
        }
        if self.max_in_flight == 0 {
            return Err("max_in_flight is 0, so nothing could be sent".to_owned());
        }
        if self.max_in_flight > 100_000 {
            return Err(
                "max_in_flight must be at most 100000, more connections than one address has ports for".to_owned()
            );
        }
        match (&self.probe, &self.promise) {
            (RawProbe::Gateway(_), RawPromise::DeltaBelow { .. }) => self.probe.check(),
            (RawProbe::Gateway(_), _) => Err("a gateway probe needs judge = \"delta_below\"".to_owned()),
            (_, RawPromise::DeltaBelow { .. }) => Err("delta_below needs a gateway probe".to_owned()),
            _ => self.probe.check(),
        }
    }

    pub(super) fn objective(&self) -> Objective {
        let series = self.id.clone();
        let (target, promise) = match self.promise.clone() {
            RawPromise::QuantileBelow { quantile, limit, exactly_once_in_order } => (
                format!("{} < {}", quantile_name(quantile), in_words(limit)),
                Promise::QuantileBelow { series, quantile, limit, exactly_once_in_order },
            ),
            RawPromise::DeltaBelow { quantile, limit } => {
                let [through, direct] = ["through", "direct"].map(|arm| format!("{}.{arm}", self.id));
                let target = format!("adds < {} at {}", in_words(limit), quantile_name(quantile));
                (target, Promise::DeltaBelow { through, direct, quantile, limit })
            }
            RawPromise::RateAtLeast { per_s, quantile, within } => (
                format!("≥ {per_s}/s, {} < {}", quantile_name(quantile), in_words(within)),
                Promise::RateAtLeast { series, per_s, quantile, within },
            ),
        };
        Objective {
            id: self.id.clone(),
            title: self.title.clone(),
            target,
            promise,
            measures: self.measures.clone(),
            source: self.source.clone(),
        }
    }

    pub(super) fn probe_plan(&self, endpoints: &Endpoints) -> Result<ProbePlan, String> {
        let measure = match self.probe.clone() {
            RawProbe::Http(http) => Measure::Http { target: http.direct(endpoints)? },
            RawProbe::Gateway(http) => {
                Measure::Gateway { through: http.through(endpoints), direct: http.direct(endpoints)? }
            }
            RawProbe::Publish { topic, bytes } => Measure::Publish { brokers: endpoints.kafka.clone(), topic, bytes },
            RawProbe::Processing { topic, completions, consumers, event } => {
                Measure::Processing { brokers: endpoints.kafka.clone(), topic, completions, consumers, event }
            }
            RawProbe::Discovery { names } => Measure::Discovery { server: endpoints.name_server, names },
        };
        Ok(ProbePlan {
            objective: self.id.clone(),
            measure,
            pace: self.pace,
            limit: self.promise.limit(),
            timeout: self.timeout,
            max_in_flight: self.max_in_flight,
        })
    }
}

impl RawProbe {
    fn check(&self) -> Result<(), String> {
        match self {
            Self::Http(http) | Self::Gateway(http) => http.check(),
            Self::Publish { bytes, .. } if *bytes > 1_000_000 => {
                Err("bytes must be at most 1000000, what a broker accepts by default".to_owned())
            }
            Self::Publish { topic, .. } => topic_name(topic),
            Self::Processing { topic, completions, consumers, event } => {
                if consumers.is_empty() || consumers.len() > 8 {
                    return Err(format!("{} consumers are named; name 1 to 8", consumers.len()));
                }
                if !event.contains("{event_id}") {
                    return Err("its event has no {event_id}, so completions could not be told apart".to_owned());
                }
                topic_name(topic).and(topic_name(completions))
            }
            Self::Discovery { names } if names.is_empty() => Err("it names nothing to look up".to_owned()),
            Self::Discovery { .. } => Ok(()),
        }
    }
}

/// What Kafka takes as a topic's name.
fn topic_name(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    if name.is_empty() || name.len() > 249 || !name.chars().all(allowed) {
        return Err(format!("`{name}` is no topic's name: 1 to 249 letters, digits, dots, - and _"));
    }
    Ok(())
}

impl RawPromise {
    fn limit(&self) -> Duration {
        match self {
            Self::QuantileBelow { limit, .. } | Self::DeltaBelow { limit, .. } => *limit,
            Self::RateAtLeast { within, .. } => *within,
        }
    }
}

impl RawHttp {
    fn check(&self) -> Result<(), String> {
        if self.connections == 0 || self.connections > 1_000 {
            return Err(format!("connections is {}; write 1 to 1000", self.connections));
        }
        for (name, value) in &self.headers {
            let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
            if name.is_empty() || !name.chars().all(token) {
                return Err(format!("`{name}` is no header's name"));
            }
            if !value.chars().all(|c| c == '\t' || (' '..='~').contains(&c)) {
                return Err(format!("the value of header `{name}` has characters that a header cannot have"));
            }
        }
        Ok(())
    }

    fn target(&self, endpoints: &Endpoints, host: &str, port: u16) -> HttpTarget {
        let fill = |value: &String| value.replace("{secret}", &endpoints.service_secret);
        HttpTarget {
            host: host.to_owned(),
            port,
            name_server: endpoints.name_server,
            path: self.path.clone(),
            headers: self.headers.iter().map(|(name, value)| (name.clone(), fill(value))).collect(),
            connections: self.connections,
        }
    }

    fn direct(&self, endpoints: &Endpoints) -> Result<HttpTarget, String> {
        let port = endpoints.services.get(&self.service).ok_or_else(|| {
            let known: Vec<&str> = endpoints.services.keys().map(String::as_str).collect();
            format!("the platform has no service `{}`; it has: {}", self.service, known.join(", "))
        })?;
        Ok(self.target(endpoints, &self.service, *port))
    }

    fn through(&self, endpoints: &Endpoints) -> HttpTarget {
        let (host, port) = &endpoints.gateway;
        self.target(endpoints, host, *port)
    }
}

fn quantile_name(quantile: f64) -> String {
    format!("P{}", (quantile * 1e3).round() / 10.0)
}

fn in_words(duration: Duration) -> String {
    if duration.subsec_nanos() == 0 {
        format!("{} s", duration.as_secs())
    } else {
        format!("{} ms", duration.as_secs_f64() * 1e3)
    }
}
