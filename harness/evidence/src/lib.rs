//! What was measured, and what follows from it.
//!
//! Samples become [`Interval`]s, intervals are kept in a [`RunDir`], [`Evidence`] is read back
//! from it, and [`judge::judge`] turns evidence into [`Finding`]s.
//!
//! Invariants: nothing here reads a clock, opens a socket or starts a thread; the same files give
//! the same findings, always. How load is made, where it runs and how results look does not
//! belong here.

mod counts;
mod error;
mod evidence;
mod finding;
mod header;
mod interval;
mod interval_log;
pub mod judge;
mod objective;
mod run_dir;
mod sample;

pub use counts::Counts;
pub use error::EvidenceError;
pub use evidence::{Evidence, Second, Series};
pub use finding::{Account, Finding, Measured, RunRecord, RunState, Verdict};
pub use header::{
    ClientSetting, Figure, Host, HostSecond, Part, RunHeader, SCHEMA_VERSION, StageSpan, TransactionRow, UserTraffic,
    Witness,
};
pub use interval::{Interval, LatencyHistogram, Tally, new_histogram};
pub use objective::{Objective, Promise};
pub use run_dir::{RunDir, RunWriter};
pub use sample::{FaultKind, Outcome, Sample};
