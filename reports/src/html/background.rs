//! What stands behind the verdicts: where arrivals went, what users did, what the machine did.

use proofload_evidence::{Account, HostSecond, RunHeader, TransactionRow, UserTraffic};

use super::component::{Known, Table};
use crate::chart::{self, Chart};
use crate::{ReportError, format};

/// Where the arrivals of one series went.
pub(super) struct AccountRow<'a> {
    pub(super) series: &'a str,
    pub(super) scheduled: String,
    pub(super) ok: String,
    pub(super) faults: String,
    pub(super) dropped: String,
    pub(super) kinds: String,
    pub(super) adds_up: bool,
}

impl<'a> AccountRow<'a> {
    pub(super) fn new(account: &'a Account) -> Self {
        let kinds = account.faults_by_kind.iter().map(|(kind, n)| format!("{} {kind}", format::count(*n)));
        Self {
            series: &account.probe,
            scheduled: format::count(account.scheduled),
            ok: format::count(account.ok),
            faults: format::count(account.faults),
            dropped: format::count(account.dropped),
            kinds: kinds.collect::<Vec<_>>().join(", "),
            adds_up: account.scheduled == account.ok + account.faults + account.dropped,
        }
    }
}

/// What users did of one kind.
pub(super) struct TrafficRow<'a> {
    pub(super) name: &'a str,
    pub(super) runs: String,
    pub(super) failures: String,
    pub(super) failed: bool,
    pub(super) times: [(&'static str, Known); 4],
}

pub(super) fn traffic(traffic: Option<&UserTraffic>) -> Vec<TrafficRow<'_>> {
    traffic.map(|t| t.transactions.iter().map(traffic_row).collect()).unwrap_or_default()
}

fn traffic_row(row: &TransactionRow) -> TrafficRow<'_> {
    let known = |ms: Option<f64>| Known::new(ms.and_then(format::duration_ms));
    TrafficRow {
        name: &row.name,
        runs: format::count(row.runs),
        failures: format::count(row.failures),
        failed: row.failures > 0,
        times: [
            ("mean", known(row.mean_ms)),
            ("P50", known(row.median_ms)),
            ("P95", known(row.p95_ms)),
            ("longest", known(row.max_ms)),
        ],
    }
}

/// The machine that made the load.
pub(super) struct Machine {
    pub(super) facts: Vec<(&'static str, Known)>,
    pub(super) chart: Option<Chart>,
    pub(super) figures: Option<Table>,
}

impl Machine {
    pub(super) fn new(header: &RunHeader, seconds: &[HostSecond]) -> Result<Self, ReportError> {
        let host = &header.host;
        let known = |text: &str| Known::new((!text.is_empty()).then(|| text.to_owned()));
        let facts = vec![
            ("System", known(&host.system)),
            ("Processor", Known::new(host.processor.clone())),
            ("Cores", Known::new((host.cores > 0).then(|| format::count(host.cores as u64)))),
            ("Memory", Known::new(host.memory_bytes.map(format::bytes))),
        ];
        if seconds.is_empty() {
            return Ok(Self { facts, chart: None, figures: None });
        }
        let chart = chart::machine(seconds, &header.stages, host.cores)?;
        Ok(Self { facts, chart: Some(chart), figures: Some(figures(seconds)) })
    }
}

fn figures(seconds: &[HostSecond]) -> Table {
    let row = |name: &str, of: &dyn Fn(&HostSecond) -> f64, show: &dyn Fn(f64) -> Option<String>| {
        let mean = seconds.iter().map(of).sum::<f64>() / seconds.len() as f64;
        let most = seconds.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
        (name.to_owned(), vec![Known::new(show(mean)), Known::new(show(most))])
    };
    let cores = |cores: f64| Some(format!("{} cores", format::real(cores)?));
    Table {
        caption: "Over the whole run".to_owned(),
        columns: vec!["mean".to_owned(), "highest second".to_owned()],
        rows: vec![
            row("busy", &|h| h.busy, &format::share),
            row("stolen by its host", &|h| h.steal, &format::share),
            row("load generator", &|h| h.generator_cores, &cores),
            row("its memory", &|h| h.generator_rss_bytes as f64, &|b| Some(format::bytes(b as u64))),
        ],
        note: Some(
            "A busy or stolen machine makes the generator late; lateness only ever lengthens latency.".to_owned(),
        ),
    }
}
