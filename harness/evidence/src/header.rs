//! What is known of a run beside its measurements: where, with what and against what it was made.
//!
//! Every field is shown in the report; none of them moves a verdict except the objectives and the
//! stages' spans.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::objective::Objective;

/// The version of `run.json`. A reader refuses a newer one.
pub const SCHEMA_VERSION: u32 = 1;

/// The machine that made the load.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// Operating system and kernel release.
    pub system: String,
    /// Processor model, if the system tells it.
    pub processor: Option<String>,
    /// Logical cores this process may use.
    pub cores: usize,
    /// Physical memory in bytes, if the system tells it.
    pub memory_bytes: Option<u64>,
}

/// One part of the platform.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// `traefik`, `kafka`, `user`, ...
    pub name: String,
    /// Its own version.
    pub version: String,
    /// Where it listens.
    pub address: String,
    /// Where the program came from.
    pub origin: String,
    /// Its process, where it is one of ours.
    pub pid: Option<u32>,
    /// Settings that bear on the figures.
    pub settings: Vec<(String, String)>,
}

/// A setting of a measuring client that bears on the figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClientSetting {
    /// Which client: `publish producer`, `rest`.
    pub client: String,
    /// The setting's name as the client's manual has it.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A stretch of the run in which some series are measured together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageSpan {
    /// For example `together` or `throughput`.
    pub name: String,
    /// The series that are measured in it.
    pub series: Vec<String>,
    /// Second of the run at which its first arrival is due.
    pub start_s: u32,
    /// Seconds that are loaded but not judged.
    pub warm_up_s: u32,
    /// Seconds that are judged.
    pub measure_s: u32,
}

/// The machine's state in one second of the run; shares are of all cores together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HostSecond {
    /// Second of the run.
    pub second: u32,
    /// Share of processor time in use.
    pub busy: f64,
    /// Share of processor time that the hypervisor gave to others.
    pub steal: f64,
    /// Processor time of the load generator, in cores.
    pub generator_cores: f64,
    /// Resident memory of the load generator.
    pub generator_rss_bytes: u64,
}

/// A named figure in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What it is: `P95`.
    pub name: String,
    /// The figure, `None` where unknown.
    pub value_ms: Option<f64>,
}

/// What another observer says about an objective. Shown beside the verdict, never part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Witness {
    /// The objective that it speaks to.
    pub objective: String,
    /// Who says so: `Traefik's access log, field Overhead`.
    pub source: String,
    /// How many requests it saw.
    pub n: u64,
    /// What it says.
    pub figures: Vec<Figure>,
}

/// One transaction of the user journeys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TransactionRow {
    /// `journey: transaction` or a request's name.
    pub name: String,
    /// How often it was run.
    pub runs: u64,
    /// How often it failed.
    pub failures: u64,
    /// Mean in ms.
    pub mean_ms: Option<f64>,
    /// Median in ms.
    pub median_ms: Option<f64>,
    /// 95th percentile in ms.
    pub p95_ms: Option<f64>,
    /// Longest in ms.
    pub max_ms: Option<f64>,
}

/// What the users in the background did. Makes the load realistic; no verdict rests on it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct UserTraffic {
    /// Which tool drove them, with its version.
    pub tool: String,
    /// How many users there were.
    pub users: u64,
    /// By transaction.
    pub transactions: Vec<TransactionRow>,
    /// Distinct errors, each with its count.
    pub errors: Vec<(String, u64)>,
    /// Why there is nothing, or less than there should be.
    pub problem: Option<String>,
}

/// Everything known of a run except what follows from its measurements.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunHeader {
    /// See [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// proofload's own version.
    pub proofload: String,
    /// When the command started.
    pub started_at: Timestamp,
    /// The command line.
    pub command: Vec<String>,
    /// The scenario's name.
    pub scenario: String,
    /// `smoke`, `standard`, ...
    pub profile: String,
    /// Which stack: `native`.
    pub stack: String,
    /// What a reader has to know of the stack to read the figures right.
    pub stack_notes: Vec<String>,
    /// The machine.
    pub host: Host,
    /// The platform's parts.
    pub parts: Vec<Part>,
    /// Settings of the measuring clients.
    pub client_settings: Vec<ClientSetting>,
    /// The targets.
    pub objectives: Vec<Objective>,
    /// Stages, each added when it starts.
    pub stages: Vec<StageSpan>,
    /// What the engine was told to do.
    pub plan: serde_json::Value,
    /// What others saw.
    pub witnesses: Vec<Witness>,
    /// What the users in the background did.
    pub user_traffic: Option<UserTraffic>,
    /// What happened that a reader has to know.
    pub warnings: Vec<String>,
}
