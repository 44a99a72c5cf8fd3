//! What can be measured: one file for each.
//!
//! A probe is given an arrival and answers with what became of it, within the plan's timeout. It
//! never decides *when* to send, and never judges.

mod connection;
mod discovery;
mod event_watch;
mod gateway;
mod http;
mod kafka;
mod processing;
mod publish;

use proofload_evidence::{ClientSetting, FaultKind, Outcome, Sample};

pub(crate) use discovery::Discovery;
pub(crate) use gateway::Gateway;
pub(crate) use http::Http;
pub(crate) use processing::{Processing, Route};
pub(crate) use publish::Publish;

use crate::plan::{Measure, ProbePlan};

/// One due time of the schedule.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    /// Position in the schedule, from 0.
    pub(crate) index: u64,
    /// When it is due.
    pub(crate) due_ns: u64,
}

/// What became of an arrival.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reply {
    pub(crate) sent_ns: u64,
    pub(crate) done_ns: u64,
    pub(crate) outcome: Outcome,
    /// What was seen beside it, where the probe has a series for that.
    pub(crate) beside: Option<Sample>,
}

impl Reply {
    /// A reply from a result.
    pub(crate) fn of(sent_ns: u64, done_ns: u64, result: Result<(), FaultKind>) -> Self {
        let outcome = result.map_or_else(Outcome::Fault, |()| Outcome::Ok);
        Self { sent_ns, done_ns, outcome, beside: None }
    }
}

/// A completion that should not have come, or not then, or never came. Told by the due time of its
/// arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disorder {
    Duplicated { due_ns: u64 },
    Reordered { due_ns: u64 },
    Lost { due_ns: u64 },
}

/// A way to measure. Lives on one thread.
pub(crate) trait Probe: 'static {
    /// Its series. The last one is the one beside the others if `has_beside`.
    fn series(&self) -> Vec<String>;

    /// Whether every arrival that is sent also ends in a sample of the last series.
    fn has_beside(&self) -> bool {
        false
    }

    /// Which series the next arrival belongs to.
    fn choose(&self) -> usize {
        0
    }

    /// Opens connections before the first arrival. A target that is not there is no reason to
    /// stop: its arrivals will end in faults.
    async fn prepare(&self) {}

    /// Sends now, and ends within the plan's timeout.
    async fn fire(&self, arrival: Arrival, series: usize) -> Reply;

    /// The schedule has run to its end and nothing is under way any more: what has not been seen by
    /// now never will be. Not called where the run was stopped.
    async fn finish(&self) {}

    /// Disorder seen since the last call.
    fn take_disorder(&self) -> Vec<Disorder> {
        Vec::new()
    }
}

/// The client settings that bear on a probe's figures.
#[must_use]
pub fn client_settings(plan: &ProbePlan) -> Vec<ClientSetting> {
    let settings = match &plan.measure {
        Measure::Http { target } | Measure::Gateway { direct: target, .. } => {
            connection::settings(target, plan.timeout)
        }
        Measure::Publish { .. } => kafka::producer_settings(plan.timeout),
        Measure::Processing { .. } => [kafka::producer_settings(plan.timeout), kafka::consumer_settings()].concat(),
        Measure::Discovery { server, .. } => crate::resolve::settings(*server),
    };
    settings
        .into_iter()
        .map(|(name, value)| ClientSetting { client: plan.objective.clone(), name: name.to_owned(), value })
        .collect()
}
