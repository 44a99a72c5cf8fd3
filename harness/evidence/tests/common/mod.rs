//! Evidence made by hand.
#![allow(dead_code, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::time::Duration;

use proofload_evidence::{
    Counts, Evidence, Objective, Promise, RunHeader, RunRecord, RunState, SCHEMA_VERSION, Second, Series, StageSpan,
    Tally,
};

pub(crate) fn objective(id: &str, promise: Promise) -> Objective {
    Objective {
        id: id.into(),
        title: id.into(),
        target: "P95 < 100 ms".into(),
        promise,
        measures: "what the test says".into(),
        source: "README, line 1".into(),
    }
}

pub(crate) fn rest() -> Objective {
    let limit = Duration::from_millis(100);
    objective(
        "rest",
        Promise::QuantileBelow { series: "rest".into(), quantile: 0.95, limit, exactly_once_in_order: false },
    )
}

pub(crate) fn header(objectives: Vec<Objective>, stages: Vec<StageSpan>) -> RunHeader {
    RunHeader { schema_version: SCHEMA_VERSION, objectives, stages, ..RunHeader::default() }
}

pub(crate) fn record(header: RunHeader, state: RunState) -> RunRecord {
    RunRecord::unjudged(header, state)
}

pub(crate) fn stage(series: &[&str], measure_s: u32) -> StageSpan {
    StageSpan {
        name: "together".into(),
        series: series.iter().map(ToString::to_string).collect(),
        start_s: 0,
        warm_up_s: 0,
        measure_s,
    }
}

/// One second of `n` answers of which `over` took 150 ms and the rest 5 to 10 ms.
pub(crate) fn second(n: u64, over: u64) -> Second {
    Second {
        tally: Tally { scheduled: n, ok: n, over_limit: over, service_over_limit: over, ..Tally::default() },
        latency: Counts::from_pairs(
            (0..n).map(|i| (if i < over { 150_000_000 } else { 5_000_000 + (i * 7919 % 1000) * 5_000 }, 1)),
        ),
        service: Counts::from_pairs([(5_000_000, n)]),
        lag: Counts::from_pairs([(50_000, n)]),
    }
}

pub(crate) fn evidence(objective: Objective, seconds: Vec<Second>, state: RunState) -> Evidence {
    let name = objective.series()[0].to_owned();
    let stages = vec![stage(&[&name], seconds.len() as u32)];
    let series = Series { seconds: seconds.into_iter().enumerate().map(|(at, s)| (at as u32, s)).collect() };
    Evidence {
        record: record(header(vec![objective], stages), state),
        series: BTreeMap::from([(name, series)]),
        host: vec![],
    }
}
