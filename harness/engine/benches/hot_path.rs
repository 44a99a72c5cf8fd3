//! What an arrival costs the generator beside the request itself: its due time, its wait, its record.
#![allow(missing_docs, reason = "criterion's macros write public functions without any")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use proofload_engine::{Pace, Pacer, Recorder, RunClock};
use proofload_evidence::{Outcome, Sample};

const SECOND_NS: u64 = 1_000_000_000;

fn pacing(c: &mut Criterion) {
    let mut group = c.benchmark_group("due times of a second at 10,500/s");
    group.throughput(Throughput::Elements(10_500));
    for (name, pace) in
        [("constant", Pace::Constant { per_s: 10_500.0 }), ("poisson", Pace::Poisson { per_s: 10_500.0 })]
    {
        group.bench_function(name, |b| b.iter(|| black_box(pace).arrivals(SECOND_NS, 1).sum::<u64>()));
    }
    group.finish();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return };
    c.bench_function("wait of 200 us (the rest is lateness)", |b| {
        b.iter(|| {
            runtime.block_on(async {
                let clock = RunClock::start();
                let Ok(pacer) = Pacer::new(clock) else { return };
                let _ = pacer.until(200_000).await;
            });
        });
    });
}

fn recording(c: &mut Criterion) {
    let mut recorder = Recorder::new(&["bench".to_owned()], 100_000_000);
    let mut rng = fastrand::Rng::with_seed(1);
    let mut due_ns = 0;
    c.bench_function("schedule and record one sample", |b| {
        b.iter(|| {
            due_ns += 95_000;
            recorder.scheduled(0, due_ns);
            let done_ns = due_ns + rng.u64(100_000..5_000_000);
            recorder.sample(0, &Sample { due_ns, sent_ns: due_ns + 50_000, done_ns, outcome: Outcome::Ok });
            if due_ns % SECOND_NS < 95_000 {
                black_box(recorder.take_before((due_ns / SECOND_NS) as u32));
            }
        });
    });
}

criterion_group!(benches, pacing, recording);
criterion_main!(benches);
