//! Is the window one regime? Where the warm-up really ends, and whether the level changes later.
//!
//! Sources: MSER, White (1997), *An effective truncation heuristic for bias reduction in
//! simulation output* (here on means of one second, each a batch of many more than five
//! arrivals); the CUSUM test, Brown, Durbin and Evans (1975), with the long-run variance of what
//! remains when the two levels are taken out.

use super::bound::{Trial, long_run_variance, totals};

/// At most this share of the window may be cut as further warm-up. The planned warm-up comes
/// before it; a larger cut would take real stalls out (in simulation, of runs exactly at the
/// limit whose bad arrivals cluster, 13 % passed with a quarter, under 12 % with a tenth).
const LARGEST_CUT: f64 = 0.1;
/// Kolmogorov's distribution at 1 %: a rarer false alarm than the verdict's own error.
const CUSUM_LIMIT: f64 = 1.628;

/// How many leading seconds are still warm-up: the cut that makes the mean of what remains
/// surest. 0 where nothing is gained.
pub(crate) fn warm_up_left(means: &[Option<f64>]) -> usize {
    let known: Vec<f64> = means.iter().flatten().copied().collect();
    if known.len() < means.len() || known.len() < 8 {
        return 0;
    }
    let most = (known.len() as f64 * LARGEST_CUT) as usize;
    let score = |cut: usize| {
        let rest = &known[cut..];
        let n = rest.len() as f64;
        let mean = rest.iter().sum::<f64>() / n;
        rest.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n * n)
    };
    (0..=most).min_by(|a, b| score(*a).total_cmp(&score(*b))).unwrap_or(0)
}

/// The second before which one level held and after which another does, if there is one.
pub(crate) fn change_point(trials: &[Trial]) -> Option<usize> {
    let (n, bad) = totals(trials);
    if trials.len() < 10 || n == 0 || bad == 0 {
        return None;
    }
    let overall = share(trials);
    let mut sum = 0.0;
    let (at, distance) = trials
        .iter()
        .enumerate()
        .map(|(at, t)| {
            sum += t.bad as f64 - overall * t.n as f64;
            (at + 1, f64::abs(sum))
        })
        .take(trials.len() - 1)
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    let (before, after) = trials.split_at(at);
    let residuals: Vec<f64> = [before, after].into_iter().flat_map(residuals).collect();
    // The residuals' plain variance is a floor: a few cosines can miss all of a short series.
    let plain = residuals.iter().map(|r| r * r).sum::<f64>() / residuals.len() as f64;
    let scale = (trials.len() as f64 * long_run_variance(&residuals).max(plain)).sqrt();
    (distance > CUSUM_LIMIT * scale).then_some(at)
}

fn share(part: &[Trial]) -> f64 {
    let (n, bad) = totals(part);
    if n == 0 { 0.0 } else { bad as f64 / n as f64 }
}

fn residuals(part: &[Trial]) -> impl Iterator<Item = f64> {
    let level = share(part);
    part.iter().map(move |t| t.bad as f64 - level * t.n as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seed: u64, level: impl Fn(usize) -> f64) -> Vec<Option<f64>> {
        let mut rng = fastrand::Rng::with_seed(seed);
        (0..60).map(|at| Some(level(at) + rng.f64())).collect()
    }

    #[test]
    fn a_slow_start_is_cut_and_no_more() {
        let cut = warm_up_left(&noise(3, |at| if at < 5 { 50.0 - 8.0 * at as f64 } else { 5.0 }));
        assert!((5..=6).contains(&cut), "{cut}");
    }

    #[test]
    fn no_more_than_a_tenth_is_cut_however_slow_the_start() {
        assert!(warm_up_left(&noise(4, |at| if at < 30 { 50.0 } else { 5.0 })) <= 6);
    }

    #[test]
    fn a_level_that_jumps_is_found_where_it_jumps() {
        let trials: Vec<_> =
            (0..40).map(|at| Trial { n: 200, bad: if at < 20 { 2 + at % 3 } else { 30 + at % 5 } }).collect();
        assert_eq!(change_point(&trials), Some(20));
    }

    #[test]
    fn a_steady_level_has_no_change_point() {
        let alarms = (0..200)
            .filter(|seed| {
                let mut rng = fastrand::Rng::with_seed(*seed);
                let trials: Vec<_> = (0..40)
                    .map(|_| Trial { n: 200, bad: (0..200).filter(|_| rng.f64() < 0.02).count() as u64 })
                    .collect();
                change_point(&trials).is_some()
            })
            .count();
        assert!(alarms <= 6, "{alarms} of 200");
    }
}
