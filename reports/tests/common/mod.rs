//! Evidence made by hand: a full run as the documented scenario has it, and an empty one.
#![allow(dead_code, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "what is made by hand can be made")]

mod load;
mod platform;

use std::collections::BTreeMap;
use std::time::Duration;

use load::{Load, series};
use proofload_evidence::judge::judge;
use proofload_evidence::{
    Evidence, FaultKind, HostSecond, Objective, Promise, RunHeader, RunRecord, RunState, SCHEMA_VERSION, StageSpan,
};

/// The page of what the judge says of `evidence`.
pub(crate) fn page(evidence: &Evidence) -> String {
    proofload_reports::render(&judged(evidence), evidence).unwrap()
}

/// The record as the command would write it.
pub(crate) fn judged(evidence: &Evidence) -> RunRecord {
    let judgement = judge(evidence);
    RunRecord {
        verdict: Some(judgement.verdict),
        findings: judgement.findings,
        blind_spots: judgement.blind_spots,
        accounting: evidence.accounting(),
        ..evidence.record.clone()
    }
}

fn objective(id: &str, title: &str, target: &str, promise: Promise, measures: &str, source: &str) -> Objective {
    Objective {
        id: id.into(),
        title: title.into(),
        target: target.into(),
        promise,
        measures: measures.into(),
        source: source.into(),
    }
}

fn below(series: &str, limit_ms: u64, exactly_once_in_order: bool) -> Promise {
    let limit = Duration::from_millis(limit_ms);
    Promise::QuantileBelow { series: series.into(), quantile: 0.95, limit, exactly_once_in_order }
}

/// The six documented targets.
pub(crate) fn objectives() -> Vec<Objective> {
    let gateway = Promise::DeltaBelow {
        through: "gateway.through".into(),
        direct: "gateway.direct".into(),
        quantile: 0.95,
        limit: Duration::from_millis(20),
    };
    let throughput = Promise::RateAtLeast {
        series: "throughput".into(),
        per_s: 10_000.0,
        quantile: 0.95,
        within: Duration::from_millis(100),
    };
    vec![
        objective(
            "rest",
            "REST between services",
            "P95 < 100 ms",
            below("rest", 100, false),
            "From the intended send to the last byte of the answer, called as the user service calls iam: inside the \
             network, resolved by the platform's discovery, over pooled connections, with service authentication.",
            "Performance targets: “REST API response time < 100 ms (P95), internal service-to-service”",
        ),
        objective(
            "publish",
            "Publishing an event",
            "P95 < 50 ms",
            below("publish", 50, false),
            "From the intended send to the broker's acknowledgement (acks=all), message by message.",
            "Performance targets: “Event publishing < 50 ms”",
        ),
        objective(
            "discovery",
            "Service discovery",
            "P95 < 10 ms",
            below("discovery", 10, false),
            "One full look-up of a service name by the platform's resolver, A and AAAA, cache off.",
            "Performance targets: “DNS lookup < 10 ms”",
        ),
        objective(
            "gateway",
            "What the gateway adds",
            "\u{394}P95 < 20 ms",
            gateway,
            "P95 through the gateway less P95 direct: two interleaved arms at the same backend, route and pool size; \
             each request is a coin flip.",
            "Performance targets: “Traefik overhead < 20 ms”",
        ),
        objective(
            "throughput",
            "Throughput of one instance",
            "at least 10,000 req/s",
            throughput,
            "Good answers per second of one instance, offered open-loop at 5 % above the target, while the REST limit \
             holds.",
            "Performance targets: “10,000 req/s per service instance”",
        ),
        objective(
            "processing",
            "Processing an event",
            "P95 < 500 ms",
            below("processing", 500, true),
            "From the intended publish to the moment at which the consuming service has finished its work and said so.",
            "Performance targets: “Kafka event processing < 500 ms (P95), end to end”",
        ),
    ]
}

fn stage(name: &str, series: &[&str], start_s: u32, warm_up_s: u32, measure_s: u32) -> StageSpan {
    let series = series.iter().map(ToString::to_string).collect();
    StageSpan { name: name.into(), series, start_s, warm_up_s, measure_s }
}

fn stages() -> Vec<StageSpan> {
    let together = [
        "rest",
        "publish",
        "discovery",
        "discovery.a",
        "discovery.aaaa",
        "gateway.through",
        "gateway.direct",
        "processing",
        "processing.transit",
    ];
    vec![stage("together", &together, 0, 6, 60), stage("throughput", &["throughput"], 68, 4, 20)]
}

pub(crate) fn header() -> RunHeader {
    RunHeader {
        schema_version: SCHEMA_VERSION,
        proofload: "0.1.0".into(),
        started_at: "2026-01-02T03:04:05Z".parse().unwrap(),
        command: ["proofload", "verify", "--profile", "standard", "--out", "runs/second try"].map(str::to_owned).into(),
        scenario: "goodgo".into(),
        profile: "standard".into(),
        stack: "native".into(),
        stack_notes: vec!["Names are served by an embedded DNS server that answers as Docker's does.".into()],
        host: platform::host(),
        parts: platform::parts(),
        client_settings: platform::client_settings(),
        objectives: objectives(),
        stages: stages(),
        plan: platform::plan(),
        witnesses: platform::witnesses(),
        user_traffic: Some(platform::user_traffic()),
        warnings: vec![],
    }
}

fn evidence(header: RunHeader, state: RunState) -> Evidence {
    let record = RunRecord { header, state, verdict: None, findings: vec![], accounting: vec![], blind_spots: vec![] };
    Evidence { record, series: BTreeMap::new(), host: vec![] }
}

/// A run that kept every promise.
pub(crate) fn all_met() -> Evidence {
    let mut run = evidence(header(), RunState::Finished);
    let loads = [
        ("rest", Load::new(200, 2.0, 0.45, 100).stalled_at(33, 180.0)),
        ("publish", Load::new(100, 1.1, 0.35, 50)),
        ("discovery", Load::new(50, 0.5, 0.3, 10)),
        ("discovery.a", Load::new(50, 0.28, 0.3, 10)),
        ("discovery.aaaa", Load::new(50, 0.22, 0.3, 10)),
        ("gateway.through", Load::new(100, 2.6, 0.45, 20)),
        ("gateway.direct", Load::new(100, 1.1, 0.4, 20)),
        ("processing", Load::new(50, 22.0, 0.35, 500)),
        ("processing.transit", Load::new(50, 2.4, 0.4, 500)),
    ];
    for (seed, (name, load)) in loads.into_iter().enumerate() {
        run.series.insert(name.into(), series(&load, seed as u64, 0..66));
    }
    run.series.insert("throughput".into(), series(&Load::new(10_500, 4.0, 0.6, 100), 99, 68..92));
    run.host = platform::host_seconds(92);
    run
}

/// A run in which every kind of verdict occurs: events are lost, the rate swings around its
/// target, and the machine stalls once.
pub(crate) fn mixed() -> Evidence {
    let mut run = all_met();
    let processing = Load::new(50, 60.0, 0.5, 500)
        .stalled_at(41, 900.0)
        .stalled_at(42, 700.0)
        .with_faults(FaultKind::Timeout, 12, 44)
        .with_faults(FaultKind::Status(503), 5, 45);
    let mut processing = series(&processing, 7, 0..66);
    if let Some(second) = processing.seconds.get_mut(&44) {
        second.tally.lost = 12;
    }
    run.series.insert("processing".into(), processing);
    let rest = Load::new(200, 3.2, 0.6, 100).stalled_at(33, 640.0).with_faults(FaultKind::Timeout, 9, 33);
    run.series.insert("rest".into(), series(&rest, 1, 0..66));
    let throughput = Load::new(10_500, 9.0, 0.7, 100).swinging(1_100.0);
    run.series.insert("throughput".into(), series(&throughput, 99, 68..92));
    run.record.header.warnings = vec!["the machine was 91 % busy in second 33; other work ran beside the load".into()];
    run
}

/// An hour of one series.
pub(crate) fn an_hour() -> Evidence {
    let mut header = header();
    header.stages = vec![stage("together", &["rest"], 0, 60, 3_600)];
    let mut run = evidence(header, RunState::Finished);
    run.series.insert("rest".into(), series(&Load::new(200, 2.0, 0.45, 100), 1, 0..3_660));
    run.host = platform::host_seconds(3_660);
    run
}

/// A run that was killed before anything was measured.
pub(crate) fn empty() -> Evidence {
    let mut header = header();
    header.stages.clear();
    header.parts.clear();
    header.witnesses.clear();
    header.user_traffic = None;
    evidence(header, RunState::Running)
}

/// A run that was killed in its 25th second.
pub(crate) fn killed() -> Evidence {
    let mut run = all_met();
    run.record.state = RunState::Running;
    run.record.header.stages.truncate(1);
    run.series.remove("throughput");
    run.series.values_mut().for_each(|series| series.seconds.retain(|at, _| *at < 25));
    run.host.retain(|second: &HostSecond| second.second < 25);
    run
}
