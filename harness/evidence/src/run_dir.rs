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

use crate::error::EvidenceError;
use crate::finding::RunRecord;
use crate::header::{HostSecond, SCHEMA_VERSION};
use crate::interval::Interval;
use crate::interval_log;

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
