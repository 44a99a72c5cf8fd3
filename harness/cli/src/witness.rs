//! What Traefik itself says about its overhead: its JSON access log and its metrics. Stands
//! beside the gateway's verdict as an independent observer; no verdict rests on it.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use proofload_evidence::{Counts, Figure, Witness};
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How the gateway's probe names itself, see `goodgo.toml`.
const PROBE: &str = "proofload-gateway";
const OBJECTIVE: &str = "gateway";

/// Watches the gateway from a point in time on.
#[derive(Debug)]
pub(crate) struct GatewayWitness {
    access_log: PathBuf,
    offset: u64,
    metrics: SocketAddr,
    before: Option<Totals>,
}

/// Sums since the gateway's start.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Totals {
    entry_s: f64,
    entry_n: f64,
    service_s: f64,
    service_n: f64,
}

impl GatewayWitness {
    /// Notes where the log and the counters are now.
    pub(crate) async fn start(access_log: &Path, metrics: SocketAddr) -> Self {
        let offset = std::fs::metadata(access_log).map_or(0, |m| m.len());
        Self { access_log: access_log.to_owned(), offset, metrics, before: scrape(metrics).await }
    }

    /// What was seen since the start. A witness that says nothing is left out.
    pub(crate) async fn testify(self) -> Vec<Witness> {
        let after = scrape(self.metrics).await;
        let from_metrics = self.before.zip(after).and_then(|(before, after)| mean_overhead(before, after));
        let from_log = File::open(&self.access_log).ok().and_then(|log| read_log(log, self.offset));
        [from_log, from_metrics].into_iter().flatten().collect()
    }
}

/// One line of the access log, as far as it matters; durations in ns.
#[derive(Debug, Deserialize)]
struct LogLine {
    #[serde(rename = "Overhead")]
    overhead: u64,
    #[serde(rename = "request_User-Agent")]
    user_agent: String,
}

fn read_log(mut log: File, offset: u64) -> Option<Witness> {
    log.seek(SeekFrom::Start(offset)).ok()?;
    let overheads = BufReader::new(log)
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| serde_json::from_str::<LogLine>(&line).ok())
        .filter(|line| line.user_agent == PROBE)
        .map(|line| (line.overhead, 1));
    let counts = Counts::from_pairs(overheads);
    let figure =
        |name: &str, q| Figure { name: name.to_owned(), value_ms: counts.quantile(q, 0).map(|ns| ns as f64 / 1e6) };
    (counts.total() > 0).then(|| Witness {
        objective: OBJECTIVE.to_owned(),
        source: "Traefik's access log, field Overhead, of the probe's requests".to_owned(),
        n: counts.total(),
        figures: vec![figure("P50", 0.5), figure("P95", 0.95), figure("P99", 0.99)],
    })
}

fn mean_overhead(before: Totals, after: Totals) -> Option<Witness> {
    let mean = |sum: f64, n: f64| (n > 0.0).then(|| sum / n);
    let entry = mean(after.entry_s - before.entry_s, after.entry_n - before.entry_n)?;
    let service = mean(after.service_s - before.service_s, after.service_n - before.service_n)?;
    Some(Witness {
        objective: OBJECTIVE.to_owned(),
        source: "Traefik's metrics: mean duration at the entry point minus mean duration at the services, all requests"
            .to_owned(),
        n: (after.entry_n - before.entry_n) as u64,
        figures: vec![Figure { name: "mean".to_owned(), value_ms: Some((entry - service) * 1e3) }],
    })
}

async fn scrape(metrics: SocketAddr) -> Option<Totals> {
    let fetch = async {
        let mut stream = TcpStream::connect(metrics).await.ok()?;
        stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: traefik\r\n\r\n").await.ok()?;
        let mut answer = String::new();
        // A page of metrics has some 100 KB.
        stream.take(8 << 20).read_to_string(&mut answer).await.ok()?;
        totals(answer.split_once("\r\n\r\n")?.1)
    };
    tokio::time::timeout(std::time::Duration::from_secs(2), fetch).await.ok()?
}

fn totals(page: &str) -> Option<Totals> {
    let scrape = prometheus_parse::Scrape::parse(page.lines().map(|line| Ok(line.to_owned()))).ok()?;
    let sum = |name: &str, keep: &dyn Fn(&prometheus_parse::Sample) -> bool| {
        scrape
            .samples
            .iter()
            .filter(|s| s.metric == name && keep(s))
            .map(|s| match s.value {
                prometheus_parse::Value::Counter(v)
                | prometheus_parse::Value::Gauge(v)
                | prometheus_parse::Value::Untyped(v) => v,
                _ => 0.0,
            })
            .sum::<f64>()
    };
    // The gateway's own entry point (metrics, ping) serves nobody's requests.
    let web = |s: &prometheus_parse::Sample| s.labels.get("entrypoint") == Some("web");
    let forwarded = |s: &prometheus_parse::Sample| s.labels.get("service").is_some_and(|s| s.ends_with("@file"));
    Some(Totals {
        entry_s: sum("traefik_entrypoint_request_duration_seconds_sum", &web),
        entry_n: sum("traefik_entrypoint_request_duration_seconds_count", &web),
        service_s: sum("traefik_service_request_duration_seconds_sum", &forwarded),
        service_n: sum("traefik_service_request_duration_seconds_count", &forwarded),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn only_the_probes_lines_after_the_start_are_read_and_nonsense_is_passed_over() {
        let mut file = tempfile::tempfile().unwrap();
        let line = |overhead, agent| format!("{{\"Overhead\":{overhead},\"request_User-Agent\":\"{agent}\"}}\n");
        let early = line(9_000_000, PROBE);
        for text in [&early, &line(1_000_000, PROBE), "nonsense\n", &line(7_000_000, "goose"), &line(2_000_000, PROBE)]
        {
            file.write_all(text.as_bytes()).unwrap();
        }
        let witness = read_log(file, early.len() as u64).unwrap();
        assert_eq!(witness.n, 2);
        assert_eq!(witness.figures[2].value_ms, Some(2.0));
    }

    #[test]
    fn sums_are_taken_at_the_web_entry_point_and_the_services_only() {
        let page = "\
            # TYPE traefik_entrypoint_request_duration_seconds histogram\n\
            traefik_entrypoint_request_duration_seconds_bucket{entrypoint=\"web\",le=\"0.1\"} 4\n\
            traefik_entrypoint_request_duration_seconds_sum{entrypoint=\"web\"} 2\n\
            traefik_entrypoint_request_duration_seconds_count{entrypoint=\"web\"} 4\n\
            traefik_entrypoint_request_duration_seconds_sum{entrypoint=\"metrics\"} 9\n\
            # TYPE traefik_service_request_duration_seconds histogram\n\
            traefik_service_request_duration_seconds_sum{service=\"user@file\"} 1\n\
            traefik_service_request_duration_seconds_count{service=\"user@file\"} 4\n";
        let totals = totals(page).unwrap();
        assert_eq!(totals, Totals { entry_s: 2.0, entry_n: 4.0, service_s: 1.0, service_n: 4.0 });
        let witness = mean_overhead(Totals::default(), totals).unwrap();
        assert_eq!(witness.figures[0].value_ms, Some(250.0));
    }
}
