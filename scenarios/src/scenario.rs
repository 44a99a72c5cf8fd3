//! A scenario file: what the user wrote, checked, and turned into objectives and a plan.
//!
//! Invariant: whatever is wrong with a file is found here, before anything is started, and said
//! with the file, the place, what was expected and how to mend it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use proofload_engine::{HttpTarget, Measure, Pace, PathPattern, Plan, ProbePlan, StagePlan};
use proofload_evidence::{Objective, Promise};
use serde::Deserialize;

/// The documented targets, built in.
const GOODGO: &str = include_str!("../goodgo.toml");
const GOODGO_NAME: &str = "goodgo.toml (built in)";

/// What is wrong with a scenario, or with what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file cannot be read.
    #[error("cannot read the scenario {file}: {source}")]
    Read {
        /// Which.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is no TOML, or has wrong keys or types; the message shows the line.
    #[error("{file}: {source}")]
    Syntax {
        /// Which.
        file: String,
        /// Where and what.
        source: Box<toml::de::Error>,
    },
    /// A value makes no sense.
    #[error("{file}: {place}: {problem}")]
    Value {
        /// Which.
        file: String,
        /// The table.
        place: String,
        /// What was expected.
        problem: String,
    },
    /// An id that the scenario does not have.
    #[error("there is no {what} `{asked}` in {file}; it has: {known}")]
    Unknown {
        /// Which.
        file: String,
        /// `objective` or `profile`.
        what: &'static str,
        /// As typed.
        asked: String,
        /// All ids, with commas.
        known: String,
    },
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    name: String,
    stages: Vec<String>,
    profile: BTreeMap<String, RawProfile>,
    objective: Vec<RawObjective>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProfile {
    users: usize,
    stage: BTreeMap<String, RawStage>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStage {
    #[serde(with = "humantime_serde")]
    warm_up: Duration,
    #[serde(with = "humantime_serde")]
    measure: Duration,
    #[serde(default)]
    background: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawObjective {
    id: String,
    title: String,
    source: String,
    measures: String,
    promise: RawPromise,
    stage: String,
    pace: Pace,
    #[serde(with = "humantime_serde")]
    timeout: Duration,
    max_in_flight: usize,
    probe: RawProbe,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "judge", rename_all = "snake_case", deny_unknown_fields)]
enum RawPromise {
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
enum RawProbe {
    Http(RawHttp),
    Gateway(RawHttp),
    Publish { topic: String, bytes: usize },
    Processing { topic: String, completions: String, consumers: Vec<String>, event: String },
    Discovery { names: Vec<String> },
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHttp {
    service: String,
    path: PathPattern,
    connections: usize,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// Where the platform is: what a scenario's names mean in this run.
#[derive(Debug, Clone)]
pub struct Endpoints {
    /// The platform's name server; the system's where absent.
    pub name_server: Option<SocketAddr>,
    /// Ports of the services, by the name under which they are resolved.
    pub services: BTreeMap<String, u16>,
    /// The gateway's host or address, and its port.
    pub gateway: (String, u16),
    /// Kafka's bootstrap servers.
    pub kafka: String,
    /// What services show each other.
    pub service_secret: String,
}

/// A checked scenario.
#[derive(Debug, Clone)]
pub struct Scenario {
    file: String,
    raw: Raw,
}

/// A scenario with a profile and a choice of objectives.
#[derive(Debug, Clone)]
pub struct Selection {
    scenario: Scenario,
    profile: String,
}

impl Scenario {
    /// The documented targets of the GoodGo platform.
    ///
    /// # Errors
    /// Never, as a test of this crate holds.
    pub fn documented() -> Result<Self, ScenarioError> {
        Self::parse(GOODGO_NAME, GOODGO)
    }

    /// Reads a scenario file.
    ///
    /// # Errors
    /// If it cannot be read or makes no sense.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let file = path.display().to_string();
        let text =
            std::fs::read_to_string(path).map_err(|source| ScenarioError::Read { file: file.clone(), source })?;
        Self::parse(&file, &text)
    }

    /// Parses a scenario; `file` is what errors call it.
    ///
    /// # Errors
    /// If it makes no sense.
    pub fn parse(file: &str, text: &str) -> Result<Self, ScenarioError> {
        let raw: Raw = toml::from_str(text)
            .map_err(|source| ScenarioError::Syntax { file: file.to_owned(), source: Box::new(source) })?;
        let scenario = Self { file: file.to_owned(), raw };
        scenario.check()?;
        Ok(scenario)
    }

    /// The scenario's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.raw.name
    }

    /// Chooses a profile, and the objectives named in `only`, or all where that is empty.
    ///
    /// # Errors
    /// If a name is unknown.
    pub fn select(mut self, profile: &str, only: &[String]) -> Result<Selection, ScenarioError> {
        let unknown = |what, asked: &str, known: Vec<&str>| ScenarioError::Unknown {
            file: self.file.clone(),
            what,
            asked: asked.to_owned(),
            known: known.join(", "),
        };
        if !self.raw.profile.contains_key(profile) {
            return Err(unknown("profile", profile, self.raw.profile.keys().map(String::as_str).collect()));
        }
        let ids: Vec<&str> = self.raw.objective.iter().map(|o| o.id.as_str()).collect();
        if let Some(asked) = only.iter().find(|asked| !ids.contains(&asked.as_str())) {
            return Err(unknown("objective", asked, ids));
        }
        self.raw.objective.retain(|o| only.is_empty() || only.contains(&o.id));
        Ok(Selection { scenario: self, profile: profile.to_owned() })
    }

    fn check(&self) -> Result<(), ScenarioError> {
        let wrong = |place: &str, problem: &str| {
            Err(ScenarioError::Value { file: self.file.clone(), place: place.to_owned(), problem: problem.to_owned() })
        };
        if self.raw.objective.is_empty() {
            return wrong("objective", "there is none; write at least one [[objective]] table");
        }
        for (at, o) in self.raw.objective.iter().enumerate() {
            let place = format!("objective `{}`", o.id);
            let simple = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if o.id.is_empty() || !o.id.chars().all(simple) {
                return wrong(&place, "its id must be made of letters, digits, - and _");
            }
            if self.raw.objective[..at].iter().any(|other| other.id == o.id) {
                return wrong(&place, "its id is used twice");
            }
            if let Err(problem) = o.check(&self.raw.stages) {
                return wrong(&place, &problem);
            }
        }
        for (name, profile) in &self.raw.profile {
            for stage in &self.raw.stages {
                let place = format!("profile `{name}`");
                let Some(lengths) = profile.stage.get(stage) else {
                    return wrong(&place, &format!("stage `{stage}` has no [profile.{name}.stage.{stage}] table"));
                };
                if lengths.measure < Duration::from_secs(10) || lengths.measure > Duration::from_secs(86_400) {
                    return wrong(&place, &format!("stage `{stage}`: measure must be between 10 s and 24 h"));
                }
                if lengths.warm_up > Duration::from_secs(3_600) {
                    return wrong(&place, &format!("stage `{stage}`: warm_up must be at most 1 h"));
                }
            }
        }
        Ok(())
    }
}

impl RawObjective {
    fn check(&self, stages: &[String]) -> Result<(), String> {
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
        if self.promise.limit().is_zero() || self.timeout <= self.promise.limit() {
            return Err("its timeout must be longer than its limit, and its limit longer than nothing".to_owned());
        }
        if self.timeout > Duration::from_secs(60) {
            return Err("its timeout must be at most 60 s: longer waits are not told apart".to_owned());
        }
        if self.max_in_flight == 0 {
            return Err("max_in_flight is 0, so nothing could be sent".to_owned());
        }
        match (&self.probe, &self.promise) {
            (RawProbe::Gateway(_), RawPromise::DeltaBelow { .. }) => Ok(()),
            (RawProbe::Gateway(_), _) => Err("a gateway probe needs judge = \"delta_below\"".to_owned()),
            (_, RawPromise::DeltaBelow { .. }) => Err("delta_below needs a gateway probe".to_owned()),
            (RawProbe::Publish { bytes, .. }, _) if *bytes > 1_000_000 => {
                Err("bytes must be at most 1000000, what a broker accepts by default".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn objective(&self) -> Objective {
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

    fn probe_plan(&self, endpoints: &Endpoints) -> Result<ProbePlan, String> {
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

impl RawPromise {
    fn limit(&self) -> Duration {
        match self {
            Self::QuantileBelow { limit, .. } | Self::DeltaBelow { limit, .. } => *limit,
            Self::RateAtLeast { within, .. } => *within,
        }
    }
}

impl RawHttp {
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

impl Selection {
    /// The scenario's name.
    #[must_use]
    pub fn scenario_name(&self) -> &str {
        self.scenario.name()
    }

    /// The profile's name.
    #[must_use]
    pub fn profile(&self) -> &str {
        &self.profile
    }

    /// Users of the background.
    #[must_use]
    pub fn users(&self) -> usize {
        self.scenario.raw.profile[&self.profile].users
    }

    /// The chosen objectives.
    #[must_use]
    pub fn objectives(&self) -> Vec<Objective> {
        self.scenario.raw.objective.iter().map(RawObjective::objective).collect()
    }

    /// Seconds of load over all stages.
    #[must_use]
    pub fn load_s(&self) -> u32 {
        self.stages().map(|(_, lengths)| whole_seconds(lengths.warm_up) + whole_seconds(lengths.measure)).sum()
    }

    /// What an engine has to do against this platform.
    ///
    /// # Errors
    /// If the scenario names a service that the platform has not.
    pub fn plan(&self, endpoints: &Endpoints, seed: u64) -> Result<Plan, ScenarioError> {
        let stages = self
            .stages()
            .map(|(name, lengths)| {
                let probes = self.objectives_of(name).map(|o| {
                    o.probe_plan(endpoints).map_err(|problem| ScenarioError::Value {
                        file: self.scenario.file.clone(),
                        place: format!("objective `{}`", o.id),
                        problem,
                    })
                });
                Ok(StagePlan {
                    name: name.to_owned(),
                    warm_up_s: whole_seconds(lengths.warm_up),
                    measure_s: whole_seconds(lengths.measure),
                    background: lengths.background,
                    probes: probes.collect::<Result<_, _>>()?,
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Plan { seed, stages })
    }

    /// Stages that have something to measure, in order.
    fn stages(&self) -> impl Iterator<Item = (&str, &RawStage)> {
        let lengths = &self.scenario.raw.profile[&self.profile].stage;
        let named = self.scenario.raw.stages.iter().map(|name| (name.as_str(), &lengths[name]));
        named.filter(|(name, _)| self.objectives_of(name).next().is_some())
    }

    fn objectives_of(&self, stage: &str) -> impl Iterator<Item = &RawObjective> {
        self.scenario.raw.objective.iter().filter(move |o| o.stage == stage)
    }
}

fn whole_seconds(duration: Duration) -> u32 {
    duration.as_secs_f64().ceil() as u32
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn endpoints() -> Endpoints {
        Endpoints {
            name_server: None,
            services: [("user-service", 3002), ("product-service", 3003)].map(|(n, p)| (n.to_owned(), p)).into(),
            gateway: ("127.0.0.3".to_owned(), 8000),
            kafka: "127.0.0.4:9092".to_owned(),
            service_secret: "s3cret".to_owned(),
        }
    }

    fn complaint(from: &str, to: &str) -> String {
        assert!(GOODGO.contains(from), "the test replaces nothing");
        Scenario::parse("my.toml", &GOODGO.replacen(from, to, 1)).unwrap_err().to_string()
    }

    #[test]
    fn the_documented_scenario_has_the_six_targets_in_both_profiles() {
        for profile in ["smoke", "standard"] {
            let selection = Scenario::documented().unwrap().select(profile, &[]).unwrap();
            let targets: Vec<_> = selection.objectives().into_iter().map(|o| (o.id, o.target)).collect();
            let expected = [
                ("rest", "P95 < 100 ms"),
                ("publish", "P95 < 50 ms"),
                ("discovery", "P95 < 10 ms"),
                ("gateway", "adds < 20 ms at P95"),
                ("processing", "P95 < 500 ms"),
                ("throughput", "≥ 10000/s, P95 < 100 ms"),
            ];
            assert_eq!(targets, expected.map(|(id, target)| (id.to_owned(), target.to_owned())));
            let plan = selection.plan(&endpoints(), 1).unwrap();
            assert_eq!(plan.stages.iter().map(|s| s.probes.len()).collect::<Vec<_>>(), [5, 1]);
        }
    }

    #[test]
    fn a_stage_without_objectives_is_left_out() {
        let selection = Scenario::documented().unwrap().select("smoke", &["rest".to_owned()]).unwrap();
        let plan = selection.plan(&endpoints(), 1).unwrap();
        assert_eq!(plan.stages.len(), 1);
        assert_eq!(selection.load_s(), 22);
    }

    #[test]
    fn unknown_ids_are_refused_with_those_that_exist() {
        let only = ["rest".to_owned(), "dns".to_owned()];
        let message = Scenario::documented().unwrap().select("smoke", &only).unwrap_err().to_string();
        assert_eq!(
            message,
            "there is no objective `dns` in goodgo.toml (built in); it has: rest, publish, discovery, gateway, \
             processing, throughput"
        );
        let message = Scenario::documented().unwrap().select("quick", &[]).unwrap_err().to_string();
        assert!(message.contains("profile `quick`") && message.contains("smoke, standard"), "{message}");
    }

    #[test]
    fn every_wrong_value_is_named_with_its_place() {
        let cases = [
            ("limit = \"100 ms\"", "limit = \"100 mss\"", "expected a duration"),
            ("per_s = 150", "per_s = 0", "objective `rest`: its rate is 0"),
            ("quantile = 0.95", "quantile = 95", "objective `rest`: quantile is 95"),
            ("stage = \"together\"", "stage = \"other\"", "stage `other` is none of"),
            ("timeout = \"2 s\"", "timeout = \"50 ms\"", "timeout must be longer"),
            ("id = \"publish\"", "id = \"rest\"", "used twice"),
            ("max_in_flight = 256", "max_in_flight = 0", "nothing could be sent"),
            ("path = \"/api/v1/users/u-{00001..10000}\"", "path = \"users\"", "starts with /"),
            ("measure = \"70 s\"", "measure = \"5 s\"", "between 10 s and 24 h"),
            ("users = 10", "usrs = 10", "unknown field `usrs`"),
            ("judge = \"delta_below\"", "judge = \"quantile_below\"", "needs judge = \"delta_below\""),
        ];
        for (from, to, expected) in cases {
            let message = complaint(from, to);
            assert!(message.starts_with("my.toml: ") && message.contains(expected), "{message}");
        }
    }

    #[test]
    fn a_service_that_the_platform_has_not_is_named() {
        let text = GOODGO.replacen("service = \"user-service\"", "service = \"usr\"", 1);
        let selection = Scenario::parse("my.toml", &text).unwrap().select("smoke", &[]).unwrap();
        let message = selection.plan(&endpoints(), 1).unwrap_err().to_string();
        assert!(message.contains("no service `usr`; it has: product-service, user-service"), "{message}");
    }

    #[test]
    fn the_secret_is_filled_in() {
        let plan = Scenario::documented().unwrap().select("smoke", &[]).unwrap().plan(&endpoints(), 1).unwrap();
        let Measure::Http { target } = &plan.stages[0].probes[0].measure else { panic!("rest is http") };
        assert!(target.headers.contains(&("x-service-auth".to_owned(), "s3cret".to_owned())));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*", at in 0_usize..4000) {
            let _ = Scenario::parse("my.toml", &text);
            let mut damaged = GOODGO.to_owned();
            let at = (0..=at).rev().find(|at| damaged.is_char_boundary(*at)).unwrap_or(0);
            damaged.insert_str(at.min(damaged.len()), &text);
            let _ = Scenario::parse("my.toml", &damaged);
        }
    }
}
