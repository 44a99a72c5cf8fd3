//! What is written is what is read, also after a violent end.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::io::Write as _;

use common::{header, record, rest, stage};
use proofload_evidence::judge::judge;
use proofload_evidence::{Counts, Evidence, FaultKind, Interval, Outcome, RunDir, RunState, Sample, Verdict};
use proptest::prelude::*;

fn interval(series: &str, second: u32, latencies_ms: &[u64]) -> Interval {
    let mut interval = Interval::new(series, second);
    interval.tally.scheduled = latencies_ms.len() as u64;
    for latency in latencies_ms {
        let sample = Sample { due_ns: 0, sent_ns: 20_000, done_ns: latency * 1_000_000, outcome: Outcome::Ok };
        interval.record(&sample, 100_000_000);
    }
    interval
}

fn run(dir: &std::path::Path, intervals: &[Interval], state: RunState) -> RunDir {
    let run = RunDir::create(dir).unwrap();
    let header = header(vec![rest()], vec![stage(&["rest"], 30)]);
    let mut writer = run.writer(header.started_at).unwrap();
    run.write_record(&record(header, state)).unwrap();
    intervals.iter().for_each(|interval| writer.append(interval).unwrap());
    writer.flush().unwrap();
    run
}

#[test]
fn the_verdict_is_reached_again_from_the_files_alone() {
    let dir = tempfile::tempdir().unwrap();
    let intervals: Vec<_> = (0..30).map(|s| interval("rest", s, &[3; 200])).collect();
    let run = run(dir.path(), &intervals, RunState::Finished);
    let evidence = Evidence::load(&run).unwrap();
    assert_eq!(judge(&evidence).verdict, Verdict::Pass);
    assert_eq!(evidence.accounting()[0].scheduled, 6_000);
}

#[test]
fn stragglers_add_to_the_second_in_which_they_were_due() {
    let dir = tempfile::tempdir().unwrap();
    let run = run(
        dir.path(),
        &[interval("rest", 4, &[3, 4]), interval("rest", 5, &[3]), interval("rest", 4, &[900])],
        RunState::Finished,
    );
    let second = &Evidence::load(&run).unwrap().series["rest"].seconds[&4];
    assert_eq!((second.tally.ok, second.tally.over_limit, second.latency.total()), (3, 1, 3));
}

#[test]
fn a_line_torn_by_a_kill_is_passed_over_and_what_was_in_flight_is_a_fault() {
    let dir = tempfile::tempdir().unwrap();
    let mut open = interval("rest", 1, &[3]);
    open.tally.scheduled = 4;
    let run = run(dir.path(), &[interval("rest", 0, &[3, 3]), open], RunState::Running);
    for path in [run.interval_log(), run.tally_log()] {
        let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(b"{\"series\":\"re").unwrap();
    }
    let evidence = Evidence::load(&run).unwrap();
    let tally = evidence.series["rest"].tally();
    assert_eq!(tally.faults[&FaultKind::Cancelled], 3);
    assert_eq!(tally.scheduled, tally.ok + tally.fault_count() + tally.dropped);
}

#[test]
fn damage_in_the_middle_names_file_and_line() {
    let dir = tempfile::tempdir().unwrap();
    let run = run(dir.path(), &[interval("rest", 0, &[3])], RunState::Finished);
    let mut file = std::fs::OpenOptions::new().append(true).open(run.tally_log()).unwrap();
    file.write_all(b"nonsense\n{}\n").unwrap();
    let message = Evidence::load(&run).unwrap_err().to_string();
    assert!(message.contains("tally.jsonl: line 2"), "{message}");
}

#[test]
fn a_newer_record_is_refused_and_so_is_a_directory_without_one() {
    let dir = tempfile::tempdir().unwrap();
    assert!(RunDir::open(dir.path()).is_err());
    std::fs::write(dir.path().join("run.json"), r#"{"schema_version": 99}"#).unwrap();
    let message = RunDir::open(dir.path()).unwrap().read_record().unwrap_err().to_string();
    assert!(message.contains("schema_version is 99"), "{message}");
}

#[test]
fn a_directory_that_holds_a_run_is_not_written_over() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), &[], RunState::Finished);
    assert!(RunDir::create(dir.path()).unwrap_err().to_string().contains("run in this directory already"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_histogram_survives_the_log(latencies in prop::collection::vec(1_u64..70_000, 1..300)) {
        let dir = tempfile::tempdir().unwrap();
        let written = interval("rest", 0, &latencies);
        let expected = Counts::of(&written.latency);
        let run = run(dir.path(), &[written], RunState::Finished);
        prop_assert_eq!(&Evidence::load(&run).unwrap().series["rest"].seconds[&0].latency, &expected);
    }

    #[test]
    fn intervals_add_up_in_any_order(mut parts in prop::collection::vec((0_u32..3, prop::collection::vec(1_u64..500, 0..20)), 1..12), seed: u64) {
        let load = |parts: &[(u32, Vec<u64>)]| {
            let dir = tempfile::tempdir().unwrap();
            let intervals: Vec<_> = parts.iter().map(|(s, l)| interval("rest", *s, l)).collect();
            let run = run(dir.path(), &intervals, RunState::Finished);
            let series = Evidence::load(&run).unwrap().series["rest"].clone();
            series.seconds.into_iter().map(|(at, s)| (at, s.tally, s.latency)).collect::<Vec<_>>()
        };
        let straight = load(&parts);
        fastrand::Rng::with_seed(seed).shuffle(&mut parts);
        prop_assert_eq!(straight, load(&parts));
    }

    #[test]
    fn foreign_bytes_in_the_logs_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let dir = tempfile::tempdir().unwrap();
        let run = run(dir.path(), &[], RunState::Finished);
        std::fs::write(run.interval_log(), &bytes).unwrap();
        std::fs::write(run.tally_log(), &bytes).unwrap();
        let _ = Evidence::load(&run);
    }
}
