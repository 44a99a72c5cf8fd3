//! From evidence to findings.
//!
//! Invariants: no data is never a pass; a late generator can only make a latency longer, so a pass
//! stands if the load was offered, and a fail that vanishes when lateness is taken out is
//! inconclusive. A *difference* of latencies can be hidden by lateness as well, so there a pass has
//! to hold without it too. A run that was cut short passes nothing. How a finding looks does not
//! belong here.

mod bound;
mod delta;
mod rate;
mod reason;
mod share;
mod stationary;

use std::time::Duration;

use share::Clock;

use crate::evidence::{Evidence, Second};
use crate::finding::{Finding, Measured, RunState, Verdict};
use crate::header::HostSecond;
use crate::interval::Tally;
use crate::objective::{Objective, Promise};

/// Fewer judged seconds than this say nothing about how bad arrivals cluster.
pub const SHORTEST_S: usize = 10;
/// A pass needs this share of the schedule sent within a second of its due time.
const OFFERED: f64 = 0.99;

/// All that follows from a run's evidence.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// On all objectives together.
    pub verdict: Verdict,
    /// One for each objective, in their order.
    pub findings: Vec<Finding>,
    /// What no verdict of this run can tell.
    pub blind_spots: Vec<String>,
}

/// Judges every objective of a run.
#[must_use]
pub fn judge(evidence: &Evidence) -> Judgement {
    let objectives = &evidence.record.header.objectives;
    let findings: Vec<Finding> = objectives.iter().map(|o| Case::new(evidence, o).decide()).collect();
    Judgement {
        verdict: Verdict::all(findings.iter().map(|f| f.verdict)),
        blind_spots: reason::blind_spots(&findings),
        findings,
    }
}

/// The seconds that are judged, by series, all of the same length.
struct Window {
    series: Vec<Vec<Second>>,
    /// Second of the run in which it begins.
    from: u32,
    warm_up_s: u32,
    /// Seconds after the planned warm-up that were warm-up still.
    further_cut: usize,
}

impl Window {
    fn len(&self) -> usize {
        self.series.first().map_or(0, Vec::len)
    }

    fn judged_s(&self) -> usize {
        self.len() - self.further_cut
    }

    /// Whether every arrival has one end on record and every answer a latency, and the exact counts
    /// at the limit agree with the histograms as far as those can tell.
    fn adds_up(&self, limit: Duration) -> bool {
        let near = |share: f64| (limit.as_nanos() as f64 * share) as u64;
        let whole = |second: &Second| {
            second.tally.adds_up()
                && second.latency.total() == second.tally.ok
                && second.latency.above(near(1.01)) <= second.tally.over_limit
                && second.latency.above(near(0.99)) >= second.tally.over_limit
        };
        self.series.iter().flatten().all(whole)
    }

    fn tally(&self) -> Tally {
        let mut sum = Tally::default();
        self.series.iter().flatten().for_each(|second| sum.add(&second.tally));
        sum
    }

    /// The same window with its further warm-up kept or cut.
    fn cut(&self, seconds: usize) -> Vec<&[Second]> {
        self.series.iter().map(|series| &series[seconds..]).collect()
    }
}

/// One objective before the judge.
struct Case<'a> {
    evidence: &'a Evidence,
    objective: &'a Objective,
}

/// What a promise's own mathematics says, before the rules that hold for all.
struct Opinion {
    verdict: Verdict,
    measured: Measured,
    interval: [Option<f64>; 2],
    n: u64,
    n_eff: f64,
    bad: u64,
    bounds: Option<[f64; 2]>,
    design_effect: f64,
    reasons: Vec<String>,
}

impl<'a> Case<'a> {
    fn new(evidence: &'a Evidence, objective: &'a Objective) -> Self {
        Self { evidence, objective }
    }

    fn decide(&self) -> Finding {
        let Some(window) = self.window() else {
            return self.nothing("nothing was measured: the run ended before this objective's turn");
        };
        let tally = window.tally();
        if tally.answered() == 0 {
            return self.nothing(&reason::no_answers(&tally));
        }
        if window.judged_s() < SHORTEST_S {
            return self.too_short(&window, &tally);
        }
        let Some(mut opinion) = self.opinion(&window, window.further_cut, Clock::Due) else {
            return self.nothing(&reason::no_answers(&tally));
        };
        self.apply_common_rules(&window, &tally, &mut opinion);
        self.finding(&window, &tally, opinion)
    }

    fn window(&self) -> Option<Window> {
        let names = self.objective.series();
        let stage = self.evidence.stage_of(names[0])?;
        let from = stage.start_s + stage.warm_up_s;
        let mut to = from + stage.measure_s;
        if self.evidence.record.state != RunState::Finished {
            // The last second on record is a part of a second.
            let last = self.evidence.series.values().filter_map(|s| s.seconds.keys().max()).max()?;
            to = to.min(*last);
        }
        let series: Vec<Vec<Second>> = names
            .iter()
            .map(|name| self.evidence.series.get(*name).map(|s| s.window(from, to.max(from))))
            .collect::<Option<_>>()?;
        let means: Vec<Option<f64>> = series[0].iter().map(|s| s.latency.mean()).collect();
        let spare = means.len().saturating_sub(SHORTEST_S);
        let further_cut = stationary::warm_up_left(&means).min(spare);
        Some(Window { series, from, warm_up_s: stage.warm_up_s, further_cut })
    }

    fn opinion(&self, window: &Window, cut: usize, clock: Clock) -> Option<Opinion> {
        let series = window.cut(cut);
        match &self.objective.promise {
            Promise::QuantileBelow { quantile, .. } => self.share_opinion(series[0], *quantile, clock),
            Promise::DeltaBelow { quantile, .. } => self.delta_opinion(series[0], series[1], *quantile, clock),
            Promise::RateAtLeast { quantile, per_s, .. } => self.rate_opinion(series[0], *quantile, *per_s, clock),
        }
    }

    fn share_opinion(&self, seconds: &[Second], quantile: f64, clock: Clock) -> Option<Opinion> {
        let estimate = share::estimate(seconds, quantile, clock)?;
        Some(Opinion {
            verdict: estimate.verdict,
            measured: Measured::Quantile {
                limit_ms: self.objective.limit().as_secs_f64() * 1e3,
                p95_ms: estimate.quantile_ns.map(ms),
            },
            interval: estimate.interval_ns.map(|ns| ns.map(ms)),
            n: estimate.n,
            n_eff: estimate.n_eff,
            bad: estimate.bad,
            bounds: Some(estimate.bounds),
            design_effect: estimate.design_effect,
            reasons: reason::share(&estimate, quantile, self.objective.limit(), seconds.len()),
        })
    }

    fn delta_opinion(&self, through: &[Second], direct: &[Second], quantile: f64, clock: Clock) -> Option<Opinion> {
        let limit = self.objective.limit();
        let estimate = delta::estimate(through, direct, quantile, limit.as_nanos() as f64, clock)?;
        Some(Opinion {
            verdict: estimate.verdict,
            measured: Measured::Delta {
                limit_ms: limit.as_secs_f64() * 1e3,
                delta_p95_ms: estimate.delta_ns.map(|ns| ns / 1e6),
            },
            interval: estimate.interval_ns.map(|ns| ns.map(|ns| ns / 1e6)),
            n: estimate.n,
            n_eff: estimate.n_eff,
            bad: estimate.faults,
            bounds: None,
            design_effect: estimate.design_effect,
            reasons: reason::delta(&estimate, limit),
        })
    }

    /// The rate and the quantile at that rate: both must hold.
    fn rate_opinion(&self, seconds: &[Second], quantile: f64, per_s: f64, clock: Clock) -> Option<Opinion> {
        let share = share::estimate(seconds, quantile, clock)?;
        let rate = rate::estimate(seconds, per_s, clock)?;
        let mut reasons = vec![reason::rate(&rate, per_s)];
        reasons.extend(reason::share(&share, quantile, self.objective.limit(), seconds.len()));
        if share.verdict != Verdict::Pass && rate.verdict == Verdict::Pass {
            reasons.rotate_left(1);
        }
        Some(Opinion {
            verdict: Verdict::all([rate.verdict, share.verdict]),
            measured: Measured::Rate {
                limit_per_s: per_s,
                rate_per_s: Some(rate.rate_per_s),
                p95_ms: share.quantile_ns.map(ms),
            },
            interval: rate.interval.map(Some),
            n: share.n,
            n_eff: share.n_eff,
            bad: share.bad,
            bounds: Some(share.bounds),
            design_effect: share.design_effect,
            reasons,
        })
    }

    fn apply_common_rules(&self, window: &Window, tally: &Tally, opinion: &mut Opinion) {
        if let Some(why) = self.disorder() {
            opinion.verdict = Verdict::Fail;
            opinion.reasons.insert(0, why);
        } else if let Some(why) = self.doubt(window, tally, opinion.verdict) {
            opinion.verdict = Verdict::Inconclusive;
            opinion.reasons.insert(0, why);
        }
    }

    /// Why a verdict may not stand.
    fn doubt(&self, window: &Window, tally: &Tally, verdict: Verdict) -> Option<String> {
        let cut = window.further_cut;
        let again = |cut, clock| self.opinion(window, cut, clock).map(|o| o.verdict);
        let late = || Some(reason::generator_late(&window.series, &self.host(window)));
        let offered = offered_share(tally) >= OFFERED;
        let finished = self.evidence.record.state == RunState::Finished;
        match (verdict, &self.objective.promise) {
            (Verdict::Inconclusive, _) => (!offered).then(|| reason::not_offered(tally)),
            // Good answers were too few because too little was asked for, not because it was slow.
            (Verdict::Fail, Promise::RateAtLeast { quantile, .. }) if !offered => {
                let answers = self.share_opinion(window.cut(cut)[0], *quantile, Clock::Sent)?;
                (answers.verdict == Verdict::Pass).then(|| reason::not_offered(tally))
            }
            (Verdict::Fail, _) if again(cut, Clock::Sent) != Some(Verdict::Fail) => late(),
            (Verdict::Fail, _) => None,
            (Verdict::Pass, _) if !offered => Some(reason::not_offered(tally)),
            (Verdict::Pass, Promise::DeltaBelow { .. }) if again(cut, Clock::Sent) != Some(Verdict::Pass) => late(),
            // The cut may explain a verdict; it may not make one.
            (Verdict::Pass, _) if cut > 0 && again(0, Clock::Due) != Some(Verdict::Pass) => {
                Some(reason::only_without_its_start(cut))
            }
            (Verdict::Pass, _) if !finished => Some(reason::cut_short(window.len())),
            (Verdict::Pass, _) if !window.adds_up(self.objective.limit()) => Some(reason::does_not_add_up(tally)),
            (Verdict::Pass, _) => None,
        }
    }

    /// The machine in the seconds of the window.
    fn host(&self, window: &Window) -> Vec<HostSecond> {
        let seconds = window.from..window.from + window.len() as u32;
        self.evidence.host.iter().filter(|h| seconds.contains(&h.second)).copied().collect()
    }

    /// Lost, duplicated or reordered events fail the objective by themselves, also those of the
    /// warm-up: an event is not less lost for having come early.
    fn disorder(&self) -> Option<String> {
        match &self.objective.promise {
            Promise::QuantileBelow { exactly_once_in_order: true, series, .. } => {
                reason::disorder(&self.evidence.series.get(series)?.tally())
            }
            _ => None,
        }
    }

    fn finding(&self, window: &Window, tally: &Tally, opinion: Opinion) -> Finding {
        let mut reasons = opinion.reasons;
        if opinion.verdict != Verdict::Pass {
            reasons.extend(reason::machine_full(&self.host(window)));
        }
        if window.further_cut > 0 {
            reasons.push(reason::further_cut(window.further_cut));
        }
        Finding {
            measured: opinion.measured,
            verdict: opinion.verdict,
            interval: opinion.interval,
            n: opinion.n,
            // A tenth of an arrival is more than can be known.
            n_eff: Some((opinion.n_eff * 10.0).round() / 10.0),
            bad: opinion.bad,
            bad_share_bounds: opinion.bounds,
            design_effect: Some(opinion.design_effect),
            judged_s: window.judged_s() as u32,
            warm_up_s: window.warm_up_s + window.further_cut as u32,
            offered_share: Some(offered_share(tally)),
            reasons,
            ..self.nothing("")
        }
    }

    /// What was seen, without a verdict: too few seconds say nothing about how bad arrivals cluster.
    fn too_short(&self, window: &Window, tally: &Tally) -> Finding {
        let blank = self.nothing(&reason::too_short(window.len()));
        let opinion = self.opinion(window, 0, Clock::Due);
        Finding {
            measured: opinion.as_ref().map_or(blank.measured, |o| o.measured.clone()),
            n: opinion.as_ref().map_or(tally.answered(), |o| o.n),
            bad: opinion.as_ref().map_or(tally.fault_count(), |o| o.bad),
            judged_s: window.len() as u32,
            warm_up_s: window.warm_up_s,
            offered_share: Some(offered_share(tally)),
            ..blank
        }
    }

    /// A finding without data: inconclusive, every figure unknown.
    fn nothing(&self, why: &str) -> Finding {
        let limit_ms = self.objective.limit().as_secs_f64() * 1e3;
        let measured = match &self.objective.promise {
            Promise::QuantileBelow { .. } => Measured::Quantile { limit_ms, p95_ms: None },
            Promise::DeltaBelow { .. } => Measured::Delta { limit_ms, delta_p95_ms: None },
            Promise::RateAtLeast { per_s, .. } => {
                Measured::Rate { limit_per_s: *per_s, rate_per_s: None, p95_ms: None }
            }
        };
        Finding {
            objective: self.objective.id.clone(),
            title: self.objective.title.clone(),
            target: self.objective.target.clone(),
            verdict: Verdict::Inconclusive,
            measured,
            interval: [None, None],
            n: 0,
            n_eff: None,
            bad: 0,
            bad_share_bounds: None,
            design_effect: None,
            judged_s: 0,
            warm_up_s: 0,
            offered_share: None,
            reasons: vec![why.to_owned()],
            source: self.objective.source.clone(),
        }
    }
}

fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

/// Share of the schedule that was sent within a second of its due time.
fn offered_share(tally: &Tally) -> f64 {
    let sent_in_time = tally.answered().saturating_sub(tally.late);
    if tally.scheduled == 0 { 0.0 } else { sent_in_time as f64 / tally.scheduled as f64 }
}
