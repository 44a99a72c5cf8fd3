//! A scenario file: what the user wrote, checked, and turned into objectives and a plan.
//!
//! Invariant: whatever is wrong with a file is found here, before anything is started, and said
//! with the file, the place, what was expected and how to mend it.

mod file;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use proofload_engine::{Plan, StagePlan};
use proofload_evidence::Objective;

use file::{Raw, RawObjective, RawStage};

/// The documented targets, built in.
const GOODGO: &str = include_str!("../goodgo.toml");
const GOODGO_NAME: &str = "goodgo.toml (built in)";

/// Users walk in real time: more of them than this belong on several machines.
const MOST_USERS: usize = 10_000;
/// Far more than any scenario needs.
const LARGEST_BYTES: u64 = 1 << 20;

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
        let read = || {
            let mut text = String::new();
            std::fs::File::open(path)?.take(LARGEST_BYTES + 1).read_to_string(&mut text)?;
            Ok(text)
        };
        let text: String = read().map_err(|source| ScenarioError::Read { file: file.clone(), source })?;
        if text.len() as u64 > LARGEST_BYTES {
            let source = std::io::Error::other("it is larger than 1 MiB, and so no scenario");
            return Err(ScenarioError::Read { file, source });
        }
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
        for (at, stage) in self.raw.stages.iter().enumerate() {
            if self.raw.stages[..at].contains(stage) {
                return wrong("stages", &format!("`{stage}` is named twice"));
            }
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
            let place = format!("profile `{name}`");
            if profile.users > MOST_USERS {
                return wrong(&place, &format!("users is {}; write at most {MOST_USERS}", profile.users));
            }
            for stage in &self.raw.stages {
                let Some(lengths) = profile.stage.get(stage) else {
                    return wrong(&place, &format!("stage `{stage}` has no [profile.{name}.stage.{stage}] table"));
                };
                if lengths.measure < Duration::from_secs(10) || lengths.measure > Duration::from_secs(3_600) {
                    return wrong(&place, &format!("stage `{stage}`: measure must be between 10 s and 1 h"));
                }
                if lengths.warm_up > Duration::from_secs(3_600) {
                    return wrong(&place, &format!("stage `{stage}`: warm_up must be at most 1 h"));
                }
            }
        }
        Ok(())
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

#[cfg(test)]
mod tests;
