//! Figures as people read them: significant digits, a unit, thin spaces.
//!
//! Invariants: three significant digits unless a figure is a limit, which is shown as it was
//! written; what is not finite has no text. What is unknown is not decided here.

/// Between a figure and its unit, and between groups of three digits.
const THIN: char = '\u{202f}';
const MINUS: char = '\u{2212}';
const SIGNIFICANT: i32 = 3;

/// A duration in ns as `850 µs`, `12.3 ms`, `1.25 s`.
pub(crate) fn duration_ns(ns: f64) -> Option<String> {
    let (scale, unit) = unit_of(ns)?;
    Some(format!("{}{THIN}{unit}", signed(ns / scale)))
}

/// A duration in ms, as [`duration_ns`].
pub(crate) fn duration_ms(ms: f64) -> Option<String> {
    duration_ns(ms * 1e6)
}

/// A limit in ms as its author wrote it: `100 ms`, `0.5 ms`.
pub(crate) fn limit_ms(ms: f64) -> String {
    format!("{ms}{THIN}ms")
}

/// A two-sided interval in ms, the unit told once where both ends share it.
pub(crate) fn interval_ms(interval: [Option<f64>; 2]) -> Option<String> {
    let [low, high] = interval.map(|end| end.filter(|ms| ms.is_finite()));
    match (low, high) {
        (Some(low), Some(high)) => {
            let ((scale, unit), (_, low_unit)) = (unit_of(high * 1e6)?, unit_of(low * 1e6)?);
            let low = if unit == low_unit || low == 0.0 { signed(low * 1e6 / scale) } else { duration_ms(low)? };
            Some(format!("{low} to {}{THIN}{unit}", signed(high * 1e6 / scale)))
        }
        (Some(low), None) => Some(format!("{} or more", duration_ms(low)?)),
        (None, Some(high)) => Some(format!("up to {}", duration_ms(high)?)),
        (None, None) => None,
    }
}

/// A rate as `10 512/s`.
pub(crate) fn rate(per_s: f64) -> Option<String> {
    Some(format!("{}/s", real(per_s)?))
}

/// A two-sided interval of a rate.
pub(crate) fn interval_rate(interval: [Option<f64>; 2]) -> Option<String> {
    let [low, high] = interval.map(|end| end.and_then(real));
    match (low, high) {
        (Some(low), Some(high)) => Some(format!("{low} to {high}/s")),
        (Some(low), None) => Some(format!("{low}/s or more")),
        (None, Some(high)) => Some(format!("up to {high}/s")),
        (None, None) => None,
    }
}

/// A count, its digits in groups of three.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3 * THIN.len_utf8());
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(THIN);
        }
        grouped.push(digit);
    }
    grouped
}

/// A number that need not be whole: grouped from 100 on, three significant digits below.
pub(crate) fn real(value: f64) -> Option<String> {
    match value {
        v if !v.is_finite() => None,
        v if v >= 100.0 => Some(count(v.round() as u64)),
        v => Some(signed(v)),
    }
}

/// A share of one as `0.12 %`; a share that is not quite 0 or 1 is not shown as such.
pub(crate) fn share(share: f64) -> Option<String> {
    let percent = share * 100.0;
    let text = match percent {
        p if !p.is_finite() => return None,
        p if p > 0.0 && p < 0.01 => "< 0.01".to_owned(),
        p if p > 99.99 && p < 100.0 => "> 99.99".to_owned(),
        p if p == 0.0 || p == 100.0 => format!("{p}"),
        p if !(10.0..=99.0).contains(&p) => format!("{p:.2}"),
        p => format!("{p:.1}"),
    };
    Some(format!("{text}{THIN}%"))
}

/// Bytes as `1.25 GB`, decimal.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [(f64, &str); 3] = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    let size = bytes as f64;
    match UNITS.iter().find(|(scale, _)| size >= *scale) {
        Some((scale, unit)) => format!("{}{THIN}{unit}", signed(size / scale)),
        None => format!("{bytes}{THIN}B"),
    }
}

/// Seconds as `60 s`, and as `5 min 30 s` from two minutes on.
pub(crate) fn seconds(seconds: u32) -> String {
    match (seconds / 60, seconds % 60) {
        (0 | 1, _) => format!("{seconds}{THIN}s"),
        (minutes, 0) => format!("{minutes}{THIN}min"),
        (minutes, rest) => format!("{minutes}{THIN}min {rest}{THIN}s"),
    }
}

/// A quantile's name: `P95`, `P99.9`.
pub(crate) fn quantile(quantile: f64) -> String {
    // Rounded, for 0.999 * 100 is not 99.9.
    format!("P{}", (quantile * 1e6).round() / 1e4)
}

/// A text in which no line breaks between a figure and its unit or sign.
pub(crate) fn glued(text: &str) -> String {
    const UNITS: [&str; 8] = ["%", "ms", "µs", "s", "min", "MB", "GB", "req/s"];
    let mut words = text.split(' ').peekable();
    let mut glued = String::with_capacity(text.len());
    while let Some(word) = words.next() {
        glued.push_str(word);
        let Some(next) = words.peek() else { break };
        let is_unit = UNITS.contains(&next.trim_end_matches([',', '.', ';', ':', ')', '”']));
        let sticks =
            (is_unit && word.ends_with(|c: char| c.is_ascii_digit())) || matches!(word, "<" | ">" | "<=" | ">=");
        glued.push(if sticks { THIN } else { ' ' });
    }
    glued
}

/// A remark as a sentence: a capital at its start and a full stop at its end.
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return String::new() };
    let rest = chars.as_str();
    let stop = if text.ends_with(['.', '!', '?', ':']) { "" } else { "." };
    // A word like `rdkafka` keeps its own spelling elsewhere, but not at a sentence's start.
    glued(&format!("{}{rest}{stop}", first.to_uppercase()))
}

/// The unit in which a duration has one to three digits before the point.
fn unit_of(ns: f64) -> Option<(f64, &'static str)> {
    let size = rounded(ns.abs());
    match size {
        _ if !ns.is_finite() => None,
        s if s >= 1e9 => Some((1e9, "s")),
        s if s >= 1e6 || s == 0.0 => Some((1e6, "ms")),
        _ => Some((1e3, "µs")),
    }
}

/// Rounded to the significant digits, so that 999.7 µs becomes 1 ms and not 1000 µs.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let unit = 10_f64.powi(value.log10().floor() as i32 + 1 - SIGNIFICANT);
    (value / unit).round() * unit
}

fn signed(value: f64) -> String {
    let size = rounded(value.abs());
    let before_point = if size >= 1.0 { size.log10().floor() as i32 + 1 } else { 1 };
    // Below one, three decimals say enough: a unit smaller would be told in the smaller unit.
    let decimals = if size == 0.0 { 0 } else { (SIGNIFICANT - before_point).max(0) as usize };
    let sign = if value < 0.0 && size > 0.0 { MINUS.to_string() } else { String::new() };
    format!("{sign}{size:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spaced(text: impl Into<Option<String>>) -> String {
        text.into().unwrap_or_else(|| "unknown".to_owned()).replace(THIN, " ")
    }

    #[test]
    fn a_duration_has_three_significant_digits_in_the_unit_that_suits_it() {
        let shown: Vec<_> = [0.0, 850.0, 12_345.0, 999_700.0, 1_994_751.0, 123_456_789.0, 2e9, 61e9]
            .map(|ns| spaced(duration_ns(ns)))
            .into();
        assert_eq!(shown, ["0 ms", "0.85 µs", "12.3 µs", "1.00 ms", "1.99 ms", "123 ms", "2.00 s", "61.0 s"]);
    }

    #[test]
    fn a_negative_difference_keeps_its_sign() {
        assert_eq!(spaced(duration_ms(-0.25)), "\u{2212}250 µs");
        assert_eq!(spaced(interval_ms([Some(-1.5), Some(2.25)])), "\u{2212}1.50 to 2.25 ms");
    }

    #[test]
    fn what_is_not_finite_has_no_text() {
        assert_eq!(duration_ns(f64::NAN), None);
        assert_eq!(duration_ms(f64::INFINITY), None);
        assert_eq!(interval_ms([None, None]), None);
        assert_eq!(interval_ms([Some(f64::NAN), None]), None);
        assert_eq!(real(f64::NAN), None);
        assert_eq!(share(f64::NAN), None);
        assert_eq!(interval_rate([None, Some(f64::INFINITY)]), None);
    }

    #[test]
    fn an_interval_tells_its_unit_once_and_an_open_end_in_words() {
        assert_eq!(spaced(interval_ms([Some(11.84), Some(12.9)])), "11.8 to 12.9 ms");
        assert_eq!(spaced(interval_ms([Some(0.9), Some(1.1)])), "900 µs to 1.10 ms");
        assert_eq!(spaced(interval_ms([Some(480.0), None])), "480 ms or more");
        assert_eq!(spaced(interval_rate([Some(10_400.4), Some(10_512.0)])), "10 400 to 10 512/s");
    }

    #[test]
    fn a_limit_is_shown_as_it_was_written() {
        assert_eq!([100.0, 0.5, 20.0].map(|ms| spaced(limit_ms(ms))), ["100 ms", "0.5 ms", "20 ms"]);
    }

    #[test]
    fn a_share_that_is_not_quite_nothing_is_not_shown_as_nothing() {
        let shown = [0.0, 0.000_01, 0.001_25, 0.125, 0.9987, 0.999_99, 1.0].map(|s| spaced(share(s)));
        assert_eq!(shown, ["0 %", "< 0.01 %", "0.12 %", "12.5 %", "99.87 %", "> 99.99 %", "100 %"]);
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(|n| spaced(count(n))), ["0", "999", "1 000", "1 234 567"]);
        assert_eq!(spaced(bytes(8_342_000_000)), "8.34 GB");
        assert_eq!([45, 119, 120, 150].map(|s| spaced(seconds(s))), ["45 s", "119 s", "2 min", "2 min 30 s"]);
    }

    #[test]
    fn quantiles_are_named_without_noise() {
        assert_eq!([0.5, 0.95, 0.999].map(quantile), ["P50", "P95", "P99.9"]);
    }

    #[test]
    fn a_figure_stays_on_one_line_with_its_unit() {
        assert_eq!(glued("P95 < 100 ms, 5 % may be"), "P95 <\u{202f}100\u{202f}ms, 5\u{202f}% may be");
        assert_eq!(glued("of 12 s are"), "of 12\u{202f}s are");
        assert_eq!(glued("what  it says"), "what  it says");
    }

    #[test]
    fn a_reason_becomes_a_sentence() {
        assert_eq!(spaced(sentence("at most 1 % are over")), "At most 1 % are over.");
        assert_eq!(sentence("Done."), "Done.");
        assert_eq!(sentence(""), "");
    }
}
