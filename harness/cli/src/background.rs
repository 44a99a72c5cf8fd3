//! The users behind the measurement: goose, as a process of its own.
//!
//! It prints, may end its process and keeps global state, so nothing of it runs in ours; what it
//! saw is read from its JSON report. It ends with its standard input, as every part does.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use proofload_evidence::{TransactionRow, UserTraffic};
use proofload_scenarios::journeys::report::{JourneysReport, read_report};
use tokio::process::{Child, Command};

const TOOL: &str = "goose 0.19";
/// Beyond its run time; then it is told to end, and after as long again it is killed.
const GRACE: Duration = Duration::from_secs(4);

/// Users under way.
#[derive(Debug)]
pub(crate) struct Background {
    child: Child,
    report: PathBuf,
    log: PathBuf,
    users: usize,
}

impl Background {
    /// Starts `users` users at the gateway for `seconds`.
    pub(crate) fn start(
        executable: &Path,
        gateway: SocketAddr,
        users: usize,
        seconds: u32,
        run_dir: &Path,
    ) -> anyhow::Result<Self> {
        let report = run_dir.join("journeys.json");
        let log = run_dir.join("logs").join("journeys.log");
        let output = std::fs::File::create(&log).with_context(|| format!("cannot create {}", log.display()))?;
        let child = Command::new(executable)
            .args(["part", "journeys", "--host", &format!("http://{gateway}")])
            .args(["--users", &users.to_string(), "--run-time", &format!("{seconds}s")])
            .arg("--report-file")
            .arg(&report)
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .context("cannot start the users of the background")?;
        Ok(Self { child, report, log, users })
    }

    /// Waits for the users to finish, and reads what they did. Trouble is a part of the answer:
    /// no verdict rests on it.
    pub(crate) async fn finish(mut self, now: bool) -> UserTraffic {
        if now || tokio::time::timeout(GRACE, self.child.wait()).await.is_err() {
            drop(self.child.stdin.take());
            if tokio::time::timeout(GRACE, self.child.wait()).await.is_err() {
                let _ = self.child.kill().await;
            }
        }
        match read_report(&self.report) {
            Ok(report) => traffic(report),
            Err(error) => UserTraffic {
                tool: TOOL.to_owned(),
                users: self.users as u64,
                problem: Some(format!("{error}; what goose said is in {}", self.log.display())),
                ..UserTraffic::default()
            },
        }
    }
}

fn traffic(report: JourneysReport) -> UserTraffic {
    let row = |t: proofload_scenarios::journeys::report::TransactionRow| TransactionRow {
        name: format!("{}: {}", t.journey, t.transaction),
        runs: t.runs,
        failures: t.failures,
        mean_ms: t.mean_ms,
        median_ms: t.median_ms,
        p95_ms: t.p95_ms,
        max_ms: t.max_ms,
    };
    UserTraffic {
        tool: TOOL.to_owned(),
        users: report.users,
        transactions: report.transactions.into_iter().map(row).collect(),
        errors: report.errors.into_iter().map(|e| (format!("{}: {}", e.request, e.error), e.count)).collect(),
        problem: None,
    }
}
