//! Reads goose's JSON report: what each journey's transactions took, and what went wrong.
//!
//! Goose shows times twice. The tables of its report (`raw_request_metrics`,
//! `raw_response_metrics`, `transaction_metrics`) have minimum, maximum and every percentile
//! *truncated* to whole milliseconds, which on a fast platform says 0 for everything. Beside them,
//! `raw_metrics` keeps exact microseconds for minimum, maximum and total, and a histogram
//! (`times_us`) whose buckets are at most 1/64 wide. All figures here are taken from the latter:
//! `min_ms`, `mean_ms` and `max_ms` are exact to the microsecond, `median_ms` and `p95_ms` are the
//! middle of their bucket, within 0.8 %.
//!
//! A transaction's time is the user's: until the answer was read. Goose's request times end with
//! the answer's headers and are not used. Up to 2 % of what happened in a run's last moments is
//! missing from goose's figures.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What the users of a run did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JourneysReport {
    /// How long the run took, whole seconds as goose counts them.
    pub seconds: u64,
    /// The most users there were at a time.
    pub users: u64,
    /// What they did, in the order of journeys.
    pub transactions: Vec<TransactionRow>,
    /// What went wrong, most frequent first.
    pub errors: Vec<ErrorRow>,
}

/// One transaction of one journey. A time is `None` where there was no run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TransactionRow {
    /// The journey, such as "Browse products".
    pub journey: String,
    /// What the user did, such as "view a product".
    pub transaction: String,
    /// How often.
    pub runs: u64,
    /// How many of the runs failed.
    pub failures: u64,
    /// Runs per second, over the whole time.
    pub per_s: Option<f64>,
    /// The fastest run.
    pub min_ms: Option<f64>,
    /// The average of all runs.
    pub mean_ms: Option<f64>,
    /// Half of the runs were faster.
    pub median_ms: Option<f64>,
    /// 95 % of the runs were faster.
    pub p95_ms: Option<f64>,
    /// The slowest run.
    pub max_ms: Option<f64>,
}

/// One way in which requests, or transactions for another reason, failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorRow {
    /// The request, such as "GET /api/v1/products/{id}", or the transaction.
    pub request: String,
    /// What happened.
    pub error: String,
    /// How often.
    pub count: u64,
}

/// Why a report cannot be read.
#[derive(Debug, Error)]
pub enum ReportError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The report.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what goose writes.
    #[error("{} is not a JSON report of goose: {source}", path.display())]
    Malformed {
        /// The report.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

/// Reads the report that `--report-file REPORT.json` has written.
///
/// # Errors
/// When the file cannot be read or is not such a report.
pub fn read_report(path: &Path) -> Result<JourneysReport, ReportError> {
    let text = std::fs::read(path).map_err(|source| ReportError::Unreadable { path: path.to_owned(), source })?;
    parse(&text).map_err(|source| ReportError::Malformed { path: path.to_owned(), source })
}

fn parse(text: &[u8]) -> Result<JourneysReport, serde_json::Error> {
    let GooseReport { raw_metrics, errors, transaction_errors } = serde_json::from_slice(text)?;
    let seconds = raw_metrics.duration;
    let transactions = raw_metrics.transactions.into_iter().flatten();
    let of_requests = errors.unwrap_or_default().into_iter().map(ErrorRow::from);
    let of_transactions = transaction_errors.unwrap_or_default().into_iter().map(ErrorRow::from);
    let mut errors: Vec<ErrorRow> = of_requests.chain(of_transactions).collect();
    errors.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.request.cmp(&other.request)));
    Ok(JourneysReport {
        seconds,
        users: raw_metrics.maximum_users,
        transactions: transactions.map(|transaction| transaction.row(seconds)).collect(),
        errors,
    })
}

/// As much of goose's report as is used.
#[derive(Deserialize)]
struct GooseReport {
    raw_metrics: RawMetrics,
    errors: Option<Vec<GooseErrorRow>>,
    /// Without those that are in `errors`, and left out when there are none.
    transaction_errors: Option<Vec<GooseTransactionErrorRow>>,
}

#[derive(Deserialize)]
struct RawMetrics {
    duration: u64,
    maximum_users: u64,
    transactions: Vec<Vec<GooseTransaction>>,
}

#[derive(Deserialize)]
struct GooseTransaction {
    scenario_name: String,
    transaction_name: GooseName,
    success_count: u64,
    fail_count: u64,
    counter: u64,
    min_time_us: u64,
    max_time_us: u64,
    total_time_us: u64,
    /// How many times fell into each bucket, by the bucket's lowest time.
    times_us: BTreeMap<u64, u64>,
}

#[derive(Deserialize)]
enum GooseName {
    InheritNameByRequests(String),
    TransactionOnly(String),
}

#[derive(Deserialize)]
struct GooseErrorRow {
    method: String,
    name: String,
    error: String,
    occurrences: u64,
}

#[derive(Deserialize)]
struct GooseTransactionErrorRow {
    scenario: String,
    name: String,
    error: String,
    occurrences: u64,
}

impl GooseTransaction {
    fn row(self, seconds: u64) -> TransactionRow {
        let runs = self.success_count + self.fail_count;
        let timed = |ms: f64| (self.counter > 0).then_some(ms);
        let mean_us = self.total_time_us as f64 / self.counter.max(1) as f64;
        TransactionRow {
            runs,
            failures: self.fail_count,
            per_s: (seconds > 0).then(|| runs as f64 / seconds as f64),
            min_ms: timed(ms(self.min_time_us)),
            mean_ms: timed(mean_us / 1000.0),
            median_ms: self.quantile_us(0.50).map(ms),
            p95_ms: self.quantile_us(0.95).map(ms),
            max_ms: timed(ms(self.max_time_us)),
            journey: self.scenario_name,
            transaction: match self.transaction_name {
                GooseName::InheritNameByRequests(name) | GooseName::TransactionOnly(name) => name,
            },
        }
    }

    /// The time that a share of the runs kept: the smallest bucket with at least that many at or
    /// below it. `None` without runs.
    fn quantile_us(&self, share: f64) -> Option<u64> {
        let total: u64 = self.times_us.values().sum();
        let wanted = (share * total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let (&bucket, _) = self.times_us.iter().find(|&(_, &count)| {
            seen += count;
            seen >= wanted
        })?;
        Some(middle_of(bucket).clamp(self.min_time_us, self.max_time_us.max(self.min_time_us)))
    }
}

/// Goose's buckets: one for each microsecond below 128, from there on 64 for each power of two.
fn middle_of(bucket_us: u64) -> u64 {
    const EXACT_BELOW_US: u64 = 128;
    const SUB_BUCKET_BITS: u32 = 6;
    if bucket_us < EXACT_BELOW_US {
        return bucket_us;
    }
    let width_us = 1_u64 << (bucket_us.ilog2() - SUB_BUCKET_BITS);
    bucket_us + width_us / 2
}

fn ms(us: u64) -> f64 {
    us as f64 / 1000.0
}

impl From<GooseErrorRow> for ErrorRow {
    fn from(row: GooseErrorRow) -> Self {
        let request = format!("{} {}", row.method, row.name);
        Self { request, error: row.error, count: row.occurrences }
    }
}

impl From<GooseTransactionErrorRow> for ErrorRow {
    fn from(row: GooseTransactionErrorRow) -> Self {
        let request = format!("{}: {}", row.scenario, row.name);
        let error = row.error.strip_prefix("TransactionError: ").unwrap_or(&row.error).to_owned();
        Self { request, error, count: row.occurrences }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(transaction: &str, errors: &str) -> Result<JourneysReport, serde_json::Error> {
        let text = format!(
            r#"{{"goose_version":"0.19.0","raw_metrics":{{"duration":10,"maximum_users":3,
                "transactions":[[{transaction}]]}},"errors":{errors}}}"#
        );
        parse(text.as_bytes())
    }

    const BROWSE: &str = r#"{"scenario_index":0,"scenario_name":"Browse products","transaction_index":1,
        "transaction_name":{"TransactionOnly":"view a product"},"min_time":0,"max_time":2,"total_time":4,
        "counter":20,"times_us":{"100":18,"256":1,"2048":1},"min_time_us":100,"max_time_us":2050,
        "total_time_us":4110,"success_count":19,"fail_count":1}"#;

    #[test]
    fn times_below_a_millisecond_are_not_lost() {
        let report = report(BROWSE, "null").unwrap();

        let row = &report.transactions[0];
        assert_eq!((row.journey.as_str(), row.transaction.as_str()), ("Browse products", "view a product"));
        assert_eq!((row.runs, row.failures, row.per_s), (20, 1, Some(2.0)));
        assert_eq!((row.min_ms, row.median_ms, row.max_ms), (Some(0.1), Some(0.1), Some(2.05)));
        assert_eq!(row.mean_ms, Some(0.2055));
        assert_eq!(row.p95_ms, Some(0.258));
    }

    #[test]
    fn a_transaction_that_never_ran_has_no_times() {
        let text = r#"{"scenario_name":"J","transaction_name":{"TransactionOnly":"t"},"counter":0,"times_us":{},
            "min_time_us":0,"max_time_us":0,"total_time_us":0,"success_count":0,"fail_count":0}"#;

        let report = report(text, "null").unwrap();

        let row = &report.transactions[0];
        assert_eq!((row.runs, row.min_ms, row.mean_ms, row.p95_ms), (0, None, None, None));
    }

    #[test]
    fn errors_come_with_the_most_frequent_first() {
        let errors = r#"[{"method":"GET","name":"/a","error":"503","occurrences":1},
            {"method":"POST","name":"/b","error":"timeout","occurrences":7}]"#;

        let report = report(BROWSE, errors).unwrap();

        assert_eq!(report.errors[0].request, "POST /b");
        assert_eq!(report.errors[0].count, 7);
        assert_eq!(report.errors[1].request, "GET /a");
    }

    #[test]
    fn errors_of_transactions_stand_beside_those_of_requests() {
        let errors = r#"[],"transaction_errors":[{"transaction":"3.2","scenario":"View a user",
            "name":"view own account","error":"TransactionError: custom error (no)","occurrences":5}]"#;

        let report = report(BROWSE, errors).unwrap();

        let expected =
            ErrorRow { request: "View a user: view own account".into(), error: "custom error (no)".into(), count: 5 };
        assert_eq!(report.errors, [expected]);
    }

    #[test]
    fn a_file_that_is_no_report_is_named() {
        let path = std::env::temp_dir().join("proofload-no-such-report.json");

        let error = read_report(&path).unwrap_err().to_string();

        assert!(error.contains("proofload-no-such-report.json"), "{error}");
    }

    #[test]
    fn the_middle_of_a_bucket_is_as_far_from_both_its_ends() {
        assert_eq!(middle_of(127), 127);
        assert_eq!(middle_of(128), 129);
        assert_eq!(middle_of(2048), 2064);
    }
}
