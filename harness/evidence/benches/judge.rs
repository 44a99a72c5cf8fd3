//! What a verdict costs: reading a run back, and judging it.
#![allow(missing_docs, reason = "criterion's macros write public functions without any")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use proofload_evidence::judge::judge;
use proofload_evidence::{
    Counts, Evidence, Objective, Promise, RunHeader, RunRecord, RunState, Second, Series, StageSpan, Tally,
};

const SECONDS: u32 = 70;
const PER_SECOND: u64 = 200;

fn series(seed: u64) -> Series {
    let mut rng = fastrand::Rng::with_seed(seed);
    let second = |_| Second {
        tally: Tally { scheduled: PER_SECOND, ok: PER_SECOND, ..Tally::default() },
        latency: Counts::from_pairs((0..PER_SECOND).map(|_| (rng.u64(500..5_000) * 1_000, 1))),
        ..Second::default()
    };
    Series { seconds: (0..SECONDS).zip((0..SECONDS).map(second)).collect() }
}

fn evidence(promise: Promise, series: BTreeMap<String, Series>) -> Evidence {
    let objective = Objective {
        id: "bench".into(),
        title: "bench".into(),
        target: "bench".into(),
        promise,
        measures: String::new(),
        source: String::new(),
    };
    let stage = StageSpan {
        name: "bench".into(),
        series: series.keys().cloned().collect(),
        start_s: 0,
        warm_up_s: 0,
        measure_s: SECONDS,
    };
    let header = RunHeader { objectives: vec![objective], stages: vec![stage], ..RunHeader::default() };
    Evidence { record: RunRecord::unjudged(header, RunState::Finished), series, host: Vec::new() }
}

fn judging(c: &mut Criterion) {
    let share = evidence(
        Promise::QuantileBelow {
            series: "a".into(),
            quantile: 0.95,
            limit: Duration::from_millis(100),
            exactly_once_in_order: false,
        },
        BTreeMap::from([("a".to_owned(), series(1))]),
    );
    c.bench_function("judge a quantile, 70 s at 200/s", |b| b.iter(|| judge(black_box(&share))));
    let delta = evidence(
        Promise::DeltaBelow {
            through: "a".into(),
            direct: "b".into(),
            quantile: 0.95,
            limit: Duration::from_millis(20),
        },
        BTreeMap::from([("a".to_owned(), series(1)), ("b".to_owned(), series(2))]),
    );
    c.bench_function("judge a difference by bootstrap, 70 s at 2 x 200/s", |b| b.iter(|| judge(black_box(&delta))));
}

criterion_group!(benches, judging);
criterion_main!(benches);
