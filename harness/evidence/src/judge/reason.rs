//! Why a verdict is what it is, and what to do about it: one sentence each, for people.

use std::time::Duration;

use super::delta::DeltaEstimate;
use super::rate::RateEstimate;
use super::share::{self, ShareEstimate};
use crate::counts::Counts;
use crate::evidence::Second;
use crate::finding::{Finding, Verdict};
use crate::header::HostSecond;
use crate::interval::Tally;

/// In simulation, windows from here on keep the error of a pass exactly at the limit under 10 % also
/// where slow spells last for some seconds; one of 18 s does not (15 to 23 %).
const SHORT_S: u32 = 45;

/// Above this share of its processors in use a machine answers late by itself.
const FULL: f64 = 0.9;

fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        p if p >= 99.95 && share < 1.0 => "99.9 %".to_owned(),
        p if p >= 10.0 => format!("{p:.1} %"),
        p if p > 0.0 && p < 0.01 => "0.01 %".to_owned(),
        p => format!("{p:.2} %"),
    }
}

pub(super) fn no_answers(tally: &Tally) -> String {
    if tally.scheduled == 0 {
        "nothing was scheduled in the judged window".to_owned()
    } else {
        format!("none of {} scheduled arrivals was sent (all dropped); raise the probe's capacity", tally.scheduled)
    }
}

pub(super) fn too_short(seconds: usize) -> String {
    if seconds == 0 {
        return "the run ended before anything was measured beyond the warm-up".to_owned();
    }
    format!("only {seconds} s were measured; a verdict needs at least {} s", super::SHORTEST_S)
}

/// What the bound says, then what stands behind it.
pub(super) fn share(e: &ShareEstimate, quantile: f64, limit: Duration, seconds: usize) -> Vec<String> {
    let limit = humantime::format_duration(limit).to_string().replace("ms", " ms");
    let allowed = percent(1.0 - quantile);
    let [low, high] = e.bounds;
    let mut reasons = Vec::new();
    if let Some(outage_s) = e.outage_s {
        reasons.push(format!("in {outage_s} s on end most arrivals ended in errors: the target did not serve"));
    }
    if let Some(at) = e.change_after.filter(|_| e.verdict == Verdict::Inconclusive) {
        reasons.push(format!(
            "the level changed after {at} s, and only one side of the change meets the limit; look at the timeline, \
             then run longer"
        ));
    }
    reasons.push(match e.verdict {
        Verdict::Pass => format!("at most {} of arrivals are over {limit}, {allowed} may be", percent(high)),
        Verdict::Fail if low <= 1.0 - quantile => {
            format!("{} of {} arrivals were over {limit}, {allowed} may be", e.bad, e.n)
        }
        Verdict::Fail => format!("at least {} of arrivals are over {limit}, {allowed} may be", percent(low)),
        Verdict::Inconclusive => format!(
            "between {} and {} of arrivals are over {limit}, {allowed} may be{}",
            percent(low),
            percent(high),
            share::times_longer(e, 1.0 - quantile).map_or_else(
                || "; too close to the limit for any run of reasonable length".to_owned(),
                |m| format!("; a run of about {} s would tell", seconds as u32 * m)
            )
        ),
    });
    if e.beyond > 0 {
        reasons.push(format!("{} of {} arrivals ended in errors, timeouts or without ever being sent", e.beyond, e.n));
    }
    if e.verdict == Verdict::Inconclusive && e.n_eff < 60.0 {
        reasons.push(format!(
            "answers were slow together (design effect {:.0}), so {} of them tell no more than {:.0} independent ones",
            e.design_effect, e.n, e.n_eff
        ));
    }
    reasons
}

pub(super) fn delta(e: &DeltaEstimate, limit: Duration) -> Vec<String> {
    let limit_ms = limit.as_secs_f64() * 1e3;
    let ms = |ns: Option<f64>| ns.map_or_else(|| "unknown".to_owned(), |ns| format!("{:.2} ms", ns / 1e6));
    let arms =
        format!("P95 {} through, {} direct", ms(e.through_ns.map(|ns| ns as f64)), ms(e.direct_ns.map(|ns| ns as f64)));
    let [low, high] = e.interval_ns;
    let mut reasons = vec![match e.verdict {
        Verdict::Pass => format!("adds at most {}, {limit_ms} ms may be ({arms})", ms(high)),
        Verdict::Fail if e.through_ns.is_none() => {
            format!("more than 5 % of the requests through the gateway failed, the direct ones did not ({arms})")
        }
        Verdict::Fail => format!("adds at least {}, {limit_ms} ms may be ({arms})", ms(low)),
        Verdict::Inconclusive if e.direct_ns.is_none() => {
            "more than 5 % of the direct requests failed, so there is nothing to compare with; mend the backend"
                .to_owned()
        }
        Verdict::Inconclusive => {
            format!("adds between {} and {}, {limit_ms} ms may be ({arms}); run longer", ms(low), ms(high))
        }
    }];
    if e.faults > 0 {
        reasons.push(format!("{} of {} requests failed", e.faults, e.n));
    }
    reasons
}

pub(super) fn rate(e: &RateEstimate, least_per_s: f64) -> String {
    let [low, high] = e.interval;
    match e.verdict {
        Verdict::Pass => format!("at least {low:.0} good answers/s, {least_per_s:.0} are promised"),
        Verdict::Fail => format!("at most {high:.0} good answers/s, {least_per_s:.0} are promised"),
        Verdict::Inconclusive => {
            format!("between {low:.0} and {high:.0} good answers/s, {least_per_s:.0} are promised; run longer")
        }
    }
}

pub(super) fn generator_late(series: &[Vec<Second>], host: &[HostSecond]) -> String {
    let lag = Counts::merged(series.iter().flatten().map(|s| &s.lag));
    let p95 = lag.quantile(0.95, 0).map_or(0.0, super::ms);
    let longest = lag.max().map_or(0.0, super::ms);
    let machine = load_of(host).map_or_else(String::new, |load| format!("; the machine was {load}"));
    format!(
        "the generator was late or out of capacity (send lag P95 {p95:.1} ms, longest {longest:.0} ms{machine}), and \
         the verdict is another one without that; free the machine, or lower the rate"
    )
}

/// How busy the machine was, in words; `None` where nobody knows.
fn load_of(host: &[HostSecond]) -> Option<String> {
    let mean = |of: fn(&HostSecond) -> f64| host.iter().map(of).sum::<f64>() / host.len() as f64 * 100.0;
    (!host.is_empty()).then(|| format!("{:.0} % busy, {:.0} % stolen by its host", mean(|h| h.busy), mean(|h| h.steal)))
}

/// What to think of a verdict that was reached on a machine with nothing to spare.
pub(super) fn machine_full(host: &[HostSecond]) -> Option<String> {
    let full = host.iter().map(|h| h.busy + h.steal).sum::<f64>() > FULL * host.len() as f64;
    let load = load_of(host).filter(|_| full)?;
    Some(format!("the machine was {load}: what was slow may be the machine, not the target"))
}

pub(super) fn not_offered(tally: &Tally) -> String {
    format!(
        "the load was not offered as planned: of {} arrivals {} were dropped and {} sent a second or more late; free \
         the machine, or lower the rate",
        tally.scheduled, tally.dropped, tally.late
    )
}

pub(super) fn only_without_its_start(cut: usize) -> String {
    format!("is proven only without the first {cut} s of the window; give it a longer warm-up, or mend its start")
}

pub(super) fn cut_short(seconds: usize) -> String {
    format!("the run was cut short after {seconds} judged seconds; a run that did not end passes nothing")
}

pub(super) fn does_not_add_up(tally: &Tally) -> String {
    format!(
        "the evidence does not add up: of {} scheduled arrivals {} are on record as ok, {} as faults, {} as dropped, \
         and the histograms tell something else; files were damaged or changed, or this is a defect: please report it",
        tally.scheduled,
        tally.ok,
        tally.fault_count(),
        tally.dropped
    )
}

pub(super) fn disorder(tally: &Tally) -> Option<String> {
    let lost = tally.lost;
    (lost + tally.duplicated + tally.reordered > 0).then(|| {
        format!(
            "{lost} acknowledged events were never reported as processed, {} were processed twice, {} out of order; \
             one is enough to fail",
            tally.duplicated, tally.reordered
        )
    })
}

pub(super) fn further_cut(seconds: usize) -> String {
    format!("the first {seconds} s of the window were warm-up still and are left out (MSER)")
}

/// By the rule of three, what happens less often than three times a window may not happen in it.
pub(super) fn blind_spots(findings: &[Finding]) -> Vec<String> {
    let Some(shortest) = findings.iter().map(|f| f.judged_s).filter(|s| *s > 0).min() else {
        return Vec::new();
    };
    let mut blind = vec![format!(
        "What happens less often than about once in {} s may not have happened in the shortest judged window \
         ({shortest} s); no verdict here speaks of it. Run longer to see rarer stalls.",
        shortest / 3
    )];
    if shortest < SHORT_S {
        blind.push(format!(
            "{shortest} s are a short window: a target exactly at its limit whose slow spells last some seconds would \
             pass up to one time in four, instead of one in twenty. Use a longer profile for close calls."
        ));
    }
    blind
}
