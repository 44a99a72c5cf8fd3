//! The run directory: where evidence is written as the run goes, and read from ever after.
//!
//! Invariants: `run.json` is replaced whole (written beside, synced, renamed), so a reader never
//! sees half of it; logs are appended and flushed every second, so a killed run keeps all but its
//! last second.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use hdrhistogram::serialization::V2DeflateSerializer;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::EvidenceError;
use crate::finding::RunRecord;
use crate::interval::Interval;
use crate::interval_log;
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

/// Paths of a run directory.
#[derive(Debug, Clone)]
pub struct RunDir {
    root: PathBuf,
}

impl RunDir {
    /// Makes the directory; refuses one that holds a run already.
    ///
    /// # Errors
    /// If it cannot be made or written to, or holds a run.
    pub fn create(root: &Path) -> Result<Self, EvidenceError> {
        fs::create_dir_all(root).map_err(EvidenceError::io("create", root))?;
        let root = fs::canonicalize(root).map_err(EvidenceError::io("open", root))?;
        let dir = Self { root };
        // Made anew or not at all: of two runs that are told the same directory one gets it.
        match File::create_new(dir.interval_log()) {
            Ok(_) if !dir.run_json().exists() => {}
            Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(EvidenceError::io("create", dir.interval_log())(e));
            }
            _ => {
                return Err(EvidenceError::malformed(
                    dir.root,
                    "there is a run in this directory already; name another with --out, or move this one away",
                ));
            }
        }
        let others = fs::read_dir(&dir.root).map_err(EvidenceError::io("read", &dir.root))?.count();
        if others > 1 {
            let _ = fs::remove_file(dir.interval_log());
            return Err(EvidenceError::malformed(
                dir.root,
                "the directory is not empty; name an empty or a new one with --out",
            ));
        }
        fs::create_dir_all(dir.logs()).map_err(EvidenceError::io("create", dir.logs()))?;
        Ok(dir)
    }

    /// An existing run directory.
    ///
    /// # Errors
    /// If there is no run in it.
    pub fn open(root: &Path) -> Result<Self, EvidenceError> {
        let dir = Self { root: root.to_owned() };
        if !dir.run_json().is_file() && dir.interval_log().is_file() {
            return Err(EvidenceError::malformed(
                root,
                "this run ended before anything was measured (its stack had not started); see its logs directory",
            ));
        }
        if !dir.run_json().is_file() {
            return Err(EvidenceError::malformed(
                root,
                "no run.json here; name a run directory, for example proofload-runs/<timestamp>",
            ));
        }
        Ok(dir)
    }

    /// The directory itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }
    /// `run.json`.
    #[must_use]
    pub fn run_json(&self) -> PathBuf {
        self.root.join("run.json")
    }
    /// Histograms of every second.
    #[must_use]
    pub fn interval_log(&self) -> PathBuf {
        self.root.join("intervals.hlog")
    }
    /// Exact counts of every second.
    #[must_use]
    pub fn tally_log(&self) -> PathBuf {
        self.root.join("tally.jsonl")
    }
    /// The machine's state in every second.
    #[must_use]
    pub fn host_log(&self) -> PathBuf {
        self.root.join("host.jsonl")
    }
    /// What the platform's parts wrote.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }
    /// The report.
    #[must_use]
    pub fn report_html(&self) -> PathBuf {
        self.root.join("report.html")
    }

    /// Replaces `run.json`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_record(&self, record: &RunRecord) -> Result<(), EvidenceError> {
        let mut json =
            serde_json::to_vec_pretty(record).map_err(|e| EvidenceError::malformed(self.run_json(), e.to_string()))?;
        json.push(b'\n');
        self.replace(&self.run_json(), &json)
    }

    /// Replaces a file of the directory, so that no reader sees half of it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn replace(&self, path: &Path, content: &[u8]) -> Result<(), EvidenceError> {
        // Of this process: `report` may be called while the run goes on.
        let beside = path.with_extension(format!("{}.part", std::process::id()));
        let write = || {
            let mut file = File::create(&beside)?;
            file.write_all(content)?;
            file.sync_all()?;
            fs::rename(&beside, path)
        };
        write().map_err(|e| {
            // Half a file helps nobody, and on a full disk its space does.
            let _ = fs::remove_file(&beside);
            EvidenceError::io("write", path)(e)
        })
    }

    /// Reads `run.json`.
    ///
    /// # Errors
    /// If it is missing, damaged, or of a newer version.
    pub fn read_record(&self) -> Result<RunRecord, EvidenceError> {
        let path = self.run_json();
        let bytes = fs::read(&path).map_err(EvidenceError::io("read", &path))?;
        let version = serde_json::from_slice::<serde_json::Value>(&bytes)
            .ok()
            .and_then(|json| json.get("schema_version")?.as_u64());
        match version {
            Some(version) if version == u64::from(SCHEMA_VERSION) => {}
            Some(version) => {
                return Err(EvidenceError::malformed(
                    &path,
                    format!(
                        "its schema_version is {version}, this proofload reads {SCHEMA_VERSION}; \
                         use the proofload that wrote it"
                    ),
                ));
            }
            None => return Err(EvidenceError::malformed(&path, "not a run record: it has no schema_version")),
        }
        serde_json::from_slice(&bytes).map_err(|e| EvidenceError::malformed(&path, e.to_string()))
    }

    /// Opens the logs for writing.
    ///
    /// # Errors
    /// If they cannot be made.
    pub fn writer(&self, started_at: Timestamp) -> Result<RunWriter, EvidenceError> {
        let create = |path: PathBuf| File::create(&path).map(BufWriter::new).map_err(EvidenceError::io("create", path));
        let mut hlog = create(self.interval_log())?;
        interval_log::write_head(&mut hlog, started_at.as_millisecond() as f64 / 1e3)
            .map_err(EvidenceError::io("write", self.interval_log()))?;
        let mut writer = RunWriter {
            hlog,
            tally: create(self.tally_log())?,
            host: create(self.host_log())?,
            serializer: V2DeflateSerializer::new(),
            dir: self.clone(),
        };
        writer.flush()?;
        Ok(writer)
    }
}

/// Appends to the logs of a run.
pub struct RunWriter {
    hlog: BufWriter<File>,
    tally: BufWriter<File>,
    host: BufWriter<File>,
    serializer: V2DeflateSerializer,
    dir: RunDir,
}

impl RunWriter {
    /// Appends an interval.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn append(&mut self, interval: &Interval) -> Result<(), EvidenceError> {
        interval_log::write_interval(&mut self.hlog, &mut self.tally, &mut self.serializer, interval)
            .map_err(EvidenceError::io("write", self.dir.interval_log()))
    }

    /// Appends a second of the machine's state.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn append_host(&mut self, second: &HostSecond) -> Result<(), EvidenceError> {
        serde_json::to_writer(&mut self.host, second)
            .map_err(std::io::Error::from)
            .and_then(|()| self.host.write_all(b"\n"))
            .map_err(EvidenceError::io("write", self.dir.host_log()))
    }

    /// Hands everything to the operating system; call once a second.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn flush(&mut self) -> Result<(), EvidenceError> {
        self.hlog.flush().map_err(EvidenceError::io("write", self.dir.interval_log()))?;
        self.tally.flush().map_err(EvidenceError::io("write", self.dir.tally_log()))?;
        self.host.flush().map_err(EvidenceError::io("write", self.dir.host_log()))
    }
}
