//! The mathematics of a bound on a share of correlated arrivals.
//!
//! Requests that meet the same stall are slow together, so `n` of them tell less than `n`
//! independent ones. The design effect says how much less, and the exact binomial bound is taken
//! at the effective number. Sources: long-run variance by equal-weighted cosines, Lazarus, Lewis,
//! Stock and Watson (2018), *HAR Inference: Recommendations for Practice*; the bound at the
//! effective sample size, Korn and Graubard (1998), *Confidence Intervals for Proportions with
//! Small Expected Number of Positive Counts*; the exact bound, Clopper and Pearson (1934).

use std::f64::consts::PI;

use statrs::distribution::{Beta, ContinuousCDF, StudentsT};

/// One-sided error probability of every bound.
pub(crate) const ALPHA: f64 = 0.05;
/// `z` of the normal distribution at `1 - ALPHA`.
const Z: f64 = 1.644_853_626_951_472_2;

/// Answers in one second: how many, and how many of them bad.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Trial {
    pub(crate) n: u64,
    pub(crate) bad: u64,
}

/// Number of cosines for `seconds` seconds.
pub(crate) fn cosines(seconds: usize) -> usize {
    ((0.4 * (seconds as f64).powf(2.0 / 3.0)).floor() as usize).max(3)
}

/// `t` at `1 - ALPHA` with `freedom` degrees of freedom.
pub(crate) fn student_t(freedom: usize) -> f64 {
    StudentsT::new(0.0, 1.0, freedom as f64).map_or(f64::INFINITY, |t| t.inverse_cdf(1.0 - ALPHA))
}

/// Long-run variance of a series with mean zero, per observation.
pub(crate) fn long_run_variance(residuals: &[f64]) -> f64 {
    let b = residuals.len() as f64;
    let nu = cosines(residuals.len());
    let energy: f64 = (1..=nu)
        .map(|j| {
            let projection: f64 =
                residuals.iter().enumerate().map(|(at, r)| r * (PI * j as f64 * (at as f64 + 0.5) / b).cos()).sum();
            projection * projection * 2.0 / b
        })
        .sum();
    energy / nu as f64
}

/// Variance of the bad share over that of as many independent arrivals; at least 1.
pub(crate) fn design_effect(trials: &[Trial]) -> f64 {
    let (n, bad) = totals(trials);
    if n == 0 || bad == 0 || bad == n {
        return 1.0;
    }
    let (n, p) = (n as f64, bad as f64 / n as f64);
    let residuals: Vec<f64> = trials.iter().map(|t| t.bad as f64 - p * t.n as f64).collect();
    let variance_of_share = trials.len() as f64 * long_run_variance(&residuals) / (n * n);
    (variance_of_share * n / (p * (1.0 - p))).max(1.0)
}

pub(crate) fn totals(trials: &[Trial]) -> (u64, u64) {
    trials.iter().fold((0, 0), |(n, bad), t| (n + t.n, bad + t.bad))
}

/// By how much a bound over this many seconds is wider than a normal one.
pub(crate) fn widening(seconds: usize) -> f64 {
    student_t(cosines(seconds)) / Z
}

/// How many independent arrivals `n` arrivals with this design effect are worth, the uncertainty
/// of the design effect itself (`seconds` give few degrees of freedom) included.
pub(crate) fn effective_size(n: u64, design_effect: f64, seconds: usize) -> f64 {
    n as f64 / design_effect / widening(seconds).powi(2)
}

/// 95 % lower and 95 % upper bound of a share `p` seen in `n` independent arrivals.
pub(crate) fn share_bounds(p: f64, n: f64) -> [f64; 2] {
    [share_lower(p, n), share_upper(p, n)]
}

pub(crate) fn share_upper(p: f64, n: f64) -> f64 {
    beta_inverse(1.0 - ALPHA, p * n + 1.0, (1.0 - p) * n).unwrap_or(1.0)
}

fn share_lower(p: f64, n: f64) -> f64 {
    beta_inverse(ALPHA, p * n, (1.0 - p) * n + 1.0).unwrap_or(0.0)
}

/// `None` at the ends, where the distribution has no width.
fn beta_inverse(probability: f64, a: f64, b: f64) -> Option<f64> {
    let beta = Beta::new(a, b).ok()?;
    // Bisection on the distribution function: 60 halvings are below any figure shown, and it does
    // not depend on how an inverse is approximated.
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if beta.cdf(middle) < probability { low = middle } else { high = middle }
    }
    Some(0.5 * (low + high))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-4
    }

    #[test]
    fn bounds_are_those_of_clopper_and_pearson() {
        // 0 of 59: the rule-of-three sample size for 5 %.
        assert!(close(share_upper(0.0, 58.4), 1.0 - 0.05_f64.powf(1.0 / 58.4)));
        // 5 of 100, two-sided 90 %: [0.0199, 0.1022] (R: binom.test).
        let [low, high] = share_bounds(0.05, 100.0);
        assert!((low - 0.0199).abs() < 2e-4 && (high - 0.1022).abs() < 2e-4, "{low} {high}");
        assert!(close(share_upper(1.0, 10.0), 1.0));
        assert!(close(share_bounds(0.0, 10.0)[0], 0.0));
    }

    #[test]
    fn student_t_is_that_of_the_tables() {
        assert!((student_t(3) - 2.3534).abs() < 1e-3);
        assert!((student_t(10) - 1.8125).abs() < 1e-3);
    }

    #[test]
    fn independent_arrivals_have_a_design_effect_near_one() {
        let mut rng = fastrand::Rng::with_seed(1);
        let mean: f64 = (0..200)
            .map(|_| {
                let trials: Vec<Trial> = (0..60)
                    .map(|_| Trial { n: 200, bad: (0..200).filter(|_| rng.f64() < 0.05).count() as u64 })
                    .collect();
                design_effect(&trials)
            })
            .sum::<f64>()
            / 200.0;
        assert!((1.0..1.5).contains(&mean), "{mean}");
    }

    #[test]
    fn stalls_that_last_several_seconds_raise_the_design_effect() {
        let trials: Vec<Trial> = (0..60).map(|at| Trial { n: 200, bad: if at % 20 < 3 { 60 } else { 0 } }).collect();
        assert!(design_effect(&trials) > 20.0);
    }
}
