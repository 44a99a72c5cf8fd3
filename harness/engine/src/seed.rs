//! Independent random streams out of one seed.
//!
//! Neighbouring seeds give neighbouring streams in a small fast generator, so every purpose gets a
//! seed of its own by mixing. Source: Steele, Lea and Flood (2014), *Fast Splittable Pseudorandom
//! Number Generators* (the finaliser of SplitMix64).

/// A seed for `purpose` that tells nothing of those for other purposes.
pub(crate) fn derive(seed: u64, purpose: u64) -> u64 {
    let mut z = seed.wrapping_add(purpose.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pace::Pace;

    #[test]
    fn streams_of_neighbouring_purposes_do_not_move_together() {
        let gaps = |purpose| {
            let due: Vec<u64> = Pace::Poisson { per_s: 1_000.0 }.arrivals(10_000_000_000, derive(1, purpose)).collect();
            due.windows(2).map(|pair| (pair[1] - pair[0]) as f64).take(9_000).collect::<Vec<_>>()
        };
        let (one, other) = (gaps(0), gaps(1));
        let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
        let (m1, m2) = (mean(&one), mean(&other));
        let sum = |f: &dyn Fn(f64, f64) -> f64| one.iter().zip(&other).map(|(a, b)| f(a - m1, b - m2)).sum::<f64>();
        let correlation = sum(&|a, b| a * b) / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt();
        assert!(correlation.abs() < 0.05, "{correlation}");
    }
}
