//! What the terminal shows: progress on standard error, results on standard output.

pub(crate) mod live;
pub(crate) mod screen;
pub(crate) mod table;

use std::time::Duration;

/// `2.1 ms`, `12 ms`, `1.50 s`: three digits, the unit that suits. Unknown is a dash.
pub(crate) fn milliseconds(ms: Option<f64>) -> String {
    match ms {
        None => "–".to_owned(),
        Some(ms) if ms.abs() >= 1_000.0 => format!("{:.2} s", ms / 1e3),
        Some(ms) if ms.abs() >= 100.0 => format!("{ms:.0} ms"),
        Some(ms) if ms.abs() >= 10.0 => format!("{ms:.1} ms"),
        Some(ms) => format!("{ms:.2} ms"),
    }
}

/// `+0.82 ms`, `-0.10 ms`.
pub(crate) fn difference(ms: Option<f64>) -> String {
    let sign = if ms.is_some_and(|ms| ms >= 0.0) { "+" } else { "" };
    format!("{sign}{}", milliseconds(ms))
}

/// `10,500`.
pub(crate) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 && digit.is_ascii_digit() && !out.ends_with('-') {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1:05`.
pub(crate) fn minutes(time: Duration) -> String {
    format!("{}:{:02}", time.as_secs() / 60, time.as_secs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_the_digits_that_mean_something() {
        assert_eq!(milliseconds(None), "–");
        assert_eq!(milliseconds(Some(0.4567)), "0.46 ms");
        assert_eq!(milliseconds(Some(12.34)), "12.3 ms");
        assert_eq!(milliseconds(Some(151.4)), "151 ms");
        assert_eq!(milliseconds(Some(2_345.0)), "2.35 s");
        assert_eq!(milliseconds(Some(-0.2)), "-0.20 ms");
        assert_eq!([Some(0.5), Some(-0.5), None].map(difference), ["+0.50 ms", "-0.50 ms", "–"]);
        assert_eq!([0.0, 999.0, 10_500.4, 1_234_567.0].map(grouped), ["0", "999", "10,500", "1,234,567"]);
    }
}
