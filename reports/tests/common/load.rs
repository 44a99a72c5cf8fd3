//! Seconds of a series, drawn from a log-normal distribution with a fixed seed.

use std::ops::Range;

use proofload_evidence::{Counts, FaultKind, Second, Series, Tally};

/// More arrivals than this are drawn as weights: ten thousand a second need not be told apart.
const MOST_DRAWS: u64 = 400;

pub(crate) struct Load {
    per_second: u64,
    median_ms: f64,
    sigma: f64,
    limit_ms: u64,
    stalls: Vec<(u32, f64)>,
    faults: Vec<(FaultKind, u64, u32)>,
    swing: f64,
}

impl Load {
    pub(crate) fn new(per_second: u64, median_ms: f64, sigma: f64, limit_ms: u64) -> Self {
        Self { per_second, median_ms, sigma, limit_ms, stalls: vec![], faults: vec![], swing: 0.0 }
    }

    /// Everything due in the second waits for up to this long.
    pub(crate) fn stalled_at(mut self, second: u32, ms: f64) -> Self {
        self.stalls.push((second, ms));
        self
    }

    pub(crate) fn with_faults(mut self, kind: FaultKind, count: u64, second: u32) -> Self {
        self.faults.push((kind, count, second));
        self
    }

    /// The rate swings by so many answers a second.
    pub(crate) fn swinging(mut self, by: f64) -> Self {
        self.swing = by;
        self
    }

    fn second(&self, rng: &mut fastrand::Rng, at: u32, into: u32) -> Second {
        let swing = self.swing * (f64::from(into) * 0.9).sin();
        let scheduled = self.per_second;
        let kinds = self.faults.iter().filter(|(_, _, second)| *second == at);
        let faults: std::collections::BTreeMap<_, _> = kinds.map(|(kind, n, _)| (*kind, *n)).collect();
        let dropped = (-swing).max(0.0) as u64;
        let ok = scheduled - faults.values().sum::<u64>() - dropped;
        let stall = self.stalls.iter().find(|(second, _)| *second == at).map_or(0.0, |(_, ms)| *ms);
        // The first seconds are slower: connections are made, caches filled.
        let cold = 1.0 + 2.0 * (-f64::from(into) / 2.0).exp();
        let draws = ok.min(MOST_DRAWS);
        let mut second = Second::default();
        let (mut latency, mut service, mut lag, mut over) = (vec![], vec![], vec![], 0);
        for draw in 0..draws {
            let weight = ok / draws + u64::from(draw < ok % draws);
            let ms = self.median_ms * cold * (self.sigma * normal(rng)).exp() + stall * rng.f64();
            let late_ns = 40_000 + (rng.f64().powi(6) * 900_000.0) as u64;
            let ns = three_digits((ms * 1e6) as u64);
            over += if ns + late_ns > self.limit_ms * 1_000_000 { weight } else { 0 };
            latency.push((three_digits(ns + late_ns), weight));
            service.push((ns, weight));
            lag.push((three_digits(late_ns), weight));
        }
        second.tally =
            Tally { scheduled, ok, faults, dropped, over_limit: over, service_over_limit: over, ..Tally::default() };
        (second.latency, second.service, second.lag) =
            (Counts::from_pairs(latency), Counts::from_pairs(service), Counts::from_pairs(lag));
        second
    }
}

pub(crate) fn series(load: &Load, seed: u64, range: Range<u32>) -> Series {
    let mut rng = fastrand::Rng::with_seed(seed);
    let start = range.start;
    Series { seconds: range.map(|at| (at, load.second(&mut rng, at, at - start))).collect() }
}

/// Box and Muller (1958).
fn normal(rng: &mut fastrand::Rng) -> f64 {
    (-2.0 * (1.0 - rng.f64()).ln()).sqrt() * (std::f64::consts::TAU * rng.f64()).cos()
}

/// As a histogram of three significant digits keeps it.
fn three_digits(ns: u64) -> u64 {
    let unit = 10_u64.pow((ns.max(1_000).ilog10()).saturating_sub(2));
    ns.max(1_000).div_ceil(unit) * unit
}
