//! The rules of the judge, and how often it is wrong.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{evidence, objective, rest, second};
use proofload_evidence::judge::judge;
use proofload_evidence::{FaultKind, Promise, RunState, Second, Verdict};
use std::time::Duration;

fn verdict(seconds: Vec<Second>) -> Verdict {
    judge(&evidence(rest(), seconds, RunState::Finished)).verdict
}

fn first_reason(seconds: Vec<Second>) -> String {
    judge(&evidence(rest(), seconds, RunState::Finished)).findings[0].reasons[0].clone()
}

#[test]
fn no_data_is_never_a_pass() {
    assert_eq!(verdict(vec![]), Verdict::Inconclusive);
    assert_eq!(verdict(vec![Second::default(); 30]), Verdict::Inconclusive);
    let finding = &judge(&evidence(rest(), vec![], RunState::Finished)).findings[0];
    assert_eq!((finding.measured.value(), finding.n_eff), (None, None));
}

#[test]
fn an_objective_whose_series_was_never_measured_is_inconclusive() {
    let mut other = evidence(rest(), vec![second(200, 0); 30], RunState::Finished);
    other.series.clear();
    assert_eq!(judge(&other).verdict, Verdict::Inconclusive);
}

#[test]
fn good_answers_pass_and_bad_answers_fail() {
    assert_eq!(verdict(vec![second(200, 0); 30]), Verdict::Pass);
    assert_eq!(verdict(vec![second(200, 200); 30]), Verdict::Fail);
}

#[test]
fn a_few_seconds_are_too_few() {
    assert_eq!(verdict(vec![second(200, 0); 9]), Verdict::Inconclusive);
    assert!(first_reason(vec![second(200, 0); 9]).contains("only 9 s"));
}

#[test]
fn a_point_estimate_just_under_the_limit_is_not_enough() {
    let seconds = (0..60).map(|at| second(200, 9 + at % 2)).collect();
    assert_eq!(verdict(seconds), Verdict::Inconclusive);
}

#[test]
fn errors_count_as_over_the_limit_and_leave_the_quantile_unknown() {
    let mut seconds = vec![second(200, 0); 30];
    for second in &mut seconds {
        second.tally.ok -= 40;
        second.tally.faults.insert(FaultKind::Status(500), 40);
    }
    let judgement = judge(&evidence(rest(), seconds, RunState::Finished));
    assert_eq!(judgement.verdict, Verdict::Fail);
    assert_eq!(judgement.findings[0].bad, 40 * 30);
}

#[test]
fn nothing_but_faults_fails_and_the_quantile_is_unknown() {
    let mut only_faults = Second::default();
    only_faults.tally.scheduled = 100;
    only_faults.tally.faults.insert(FaultKind::Rejected, 100);
    let judgement = judge(&evidence(rest(), vec![only_faults; 20], RunState::Finished));
    assert_eq!(judgement.verdict, Verdict::Fail);
    assert_eq!(judgement.findings[0].measured.value(), None);
}

#[test]
fn a_fail_that_vanishes_without_the_generators_lateness_is_inconclusive() {
    let mut seconds = vec![second(200, 60); 30];
    seconds.iter_mut().for_each(|s| s.tally.service_over_limit = 0);
    assert_eq!(verdict(seconds.clone()), Verdict::Inconclusive);
    assert!(first_reason(seconds).contains("generator was late"));
}

#[test]
fn a_pass_needs_the_load_to_have_been_offered() {
    let mut seconds = vec![second(200, 0); 30];
    for second in &mut seconds {
        second.tally.ok -= 10;
        second.tally.dropped = 10;
    }
    assert_eq!(verdict(seconds.clone()), Verdict::Inconclusive);
    assert!(first_reason(seconds).contains("not offered"));
}

#[test]
fn a_run_that_was_cut_short_passes_nothing_but_still_fails() {
    let judged = |seconds| judge(&evidence(rest(), seconds, RunState::Running)).verdict;
    assert_eq!(judged(vec![second(200, 0); 30]), Verdict::Inconclusive);
    assert_eq!(judged(vec![second(200, 200); 30]), Verdict::Fail);
}

#[test]
fn a_target_that_gets_worse_half_way_is_inconclusive() {
    let seconds: Vec<_> = (0..60).map(|at| second(200, if at < 40 { 0 } else { 16 + at % 3 })).collect();
    assert_eq!(verdict(seconds), Verdict::Inconclusive);
}

#[test]
fn one_lost_duplicated_or_reordered_event_fails_by_itself() {
    let promise = Promise::QuantileBelow {
        series: "processing".into(),
        quantile: 0.95,
        limit: Duration::from_millis(500),
        exactly_once_in_order: true,
    };
    let judged = |spoil: &dyn Fn(&mut Second)| {
        let mut seconds = vec![second(100, 0); 30];
        spoil(&mut seconds[3]);
        judge(&evidence(objective("processing", promise.clone()), seconds, RunState::Finished)).verdict
    };
    assert_eq!(judged(&|_| ()), Verdict::Pass);
    assert_eq!(judged(&|s| s.tally.duplicated = 1), Verdict::Fail);
    assert_eq!(judged(&|s| s.tally.reordered = 1), Verdict::Fail);
    assert_eq!(
        judged(&|s| {
            s.tally.ok -= 1;
            s.tally.faults.insert(FaultKind::Lost, 1);
        }),
        Verdict::Fail
    );
}

#[test]
fn an_accounting_that_does_not_add_up_is_not_a_pass() {
    let mut seconds = vec![second(2000, 0); 30];
    seconds[5].tally.scheduled += 1;
    assert_eq!(verdict(seconds), Verdict::Inconclusive);
}

/// Share of passes over many simulated runs of 60 s at 200/s.
fn pass_share(mut run: impl FnMut(&mut fastrand::Rng) -> Vec<u64>) -> f64 {
    let runs = 400;
    let mut rng = fastrand::Rng::with_seed(7);
    let passes = (0..runs)
        .filter(|_| {
            let seconds = run(&mut rng).into_iter().map(|bad| second(200, bad)).collect();
            verdict(seconds) == Verdict::Pass
        })
        .count();
    passes as f64 / f64::from(runs)
}

fn binomial(rng: &mut fastrand::Rng, n: u64, p: f64) -> u64 {
    (0..n).filter(|_| rng.f64() < p).count() as u64
}

#[test]
fn independent_answers_exactly_at_the_limit_rarely_pass() {
    let share = pass_share(|rng| (0..60).map(|_| binomial(rng, 200, 0.05)).collect());
    assert!(share <= 0.05, "{share}");
}

#[test]
fn answers_that_are_bad_together_exactly_at_the_limit_rarely_pass() {
    // A state that lasts 3 s on average: good with 1 % bad, or bad with 21 %, one fifth of the time.
    let share = pass_share(|rng| {
        let mut in_bad_state = rng.f64() < 0.2;
        (0..60)
            .map(|_| {
                let leave = if in_bad_state { 1.0 / 3.0 } else { 1.0 / 12.0 };
                in_bad_state ^= rng.f64() < leave;
                binomial(rng, 200, if in_bad_state { 0.21 } else { 0.01 })
            })
            .collect()
    });
    assert!(share <= 0.12, "{share}");
}

#[test]
fn answers_far_below_the_limit_almost_always_pass() {
    let share = pass_share(|rng| (0..60).map(|_| binomial(rng, 200, 0.002)).collect());
    assert!(share >= 0.98, "{share}");
}
