//! One stage of a plan: its probes side by side, each on a thread and runtime of its own, so that
//! a busy probe delays no other one's sends.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::mpsc as std_mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use proofload_evidence::{Interval, StageSpan};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use crate::clock::{RunClock, second_of};
use crate::drive::Drive;
use crate::plan::{Measure, ProbePlan, StagePlan};
use crate::probe::{self, Discovery, Gateway, Http, Probe, Processing, Publish};
use crate::seed;

/// Room for the threads to see the start before it comes.
const START_AHEAD_NS: u64 = 50_000_000;

/// Connections that are not open by then are opened as they are needed.
const PREPARE_AT_MOST: Duration = Duration::from_secs(8);

/// Why a stage could not be measured. A target that does not answer is no such reason.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The plan asks for something that cannot be.
    #[error("objective `{objective}`: {problem}")]
    Plan {
        /// Whose probe.
        objective: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The machine has no more of something.
    #[error("objective `{objective}`: the load generator cannot run: {source}")]
    System {
        /// Whose probe.
        objective: String,
        /// What the system answered.
        source: std::io::Error,
    },
    /// A defect of ours.
    #[error("objective `{objective}`: its probe ended in a panic; please report this")]
    Panic {
        /// Whose probe.
        objective: String,
    },
}

/// What comes out of a stage while it runs.
#[derive(Debug)]
pub enum Event {
    /// All probes are ready; the first arrival is due at `start_s`.
    Started(StageSpan),
    /// A second of a series, or a part of it.
    Interval(Box<Interval>),
}

/// Tells probes to stop.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

/// The other end of [`Stop`].
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

impl Stop {
    /// Both ends.
    #[must_use]
    pub fn pair() -> (Stopper, Self) {
        let (sender, receiver) = watch::channel(false);
        (Stopper(sender), Self(receiver))
    }

    pub(crate) fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when stopping was asked for, or can be asked for no longer.
    pub(crate) async fn requested(&mut self) {
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

impl Stopper {
    /// Asks everything to stop: sends end, what is under way is cancelled and counted.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

/// Runs a stage to its end and hands out intervals as seconds pass. Blocks.
///
/// # Errors
/// If the plan is impossible, or the machine has no threads or timers left.
pub fn run_stage(
    stage: &StagePlan,
    seed: u64,
    clock: RunClock,
    stop: &Stop,
    events: &UnboundedSender<Event>,
) -> Result<(), EngineError> {
    let (ready_tx, ready) = std_mpsc::channel();
    let (start_tx, start) = watch::channel(None);
    let threads: Vec<(String, JoinHandle<Result<(), EngineError>>)> = stage
        .probes
        .iter()
        .zip(0..)
        .map(|(plan, number)| {
            let seat = Seat {
                plan: plan.clone(),
                length_ns: u64::from(stage.load_s()) * 1_000_000_000,
                seed: seed::derive(seed, number),
                clock,
                stop: stop.clone(),
                events: events.clone(),
                ready: Cell::new(Some(ready_tx.clone())),
                start: start.clone(),
            };
            let system = |source| EngineError::System { objective: plan.objective.clone(), source };
            let thread = thread::Builder::new().name(format!("probe-{}", plan.objective)).spawn(move || seat.run());
            Ok((plan.objective.clone(), thread.map_err(system)?))
        })
        .collect::<Result<_, EngineError>>()?;
    drop(ready_tx);
    // Ends when every thread has its series ready, or has failed and hung up.
    let all: Vec<Vec<String>> = ready.iter().collect();
    if all.len() < threads.len() || stop.is_requested() {
        // The others see that there will be no start, and end.
        drop(start_tx);
        return join(threads);
    }
    let start_s = second_of(clock.now_ns() + START_AHEAD_NS) + 1;
    let span = StageSpan {
        name: stage.name.clone(),
        series: all.concat(),
        start_s,
        warm_up_s: stage.warm_up_s,
        measure_s: stage.measure_s,
    };
    let _ = events.send(Event::Started(span));
    start_tx.send_replace(Some(u64::from(start_s) * 1_000_000_000));
    join(threads)
}

/// Waits for all threads; the first failure is told.
fn join(threads: Vec<(String, JoinHandle<Result<(), EngineError>>)>) -> Result<(), EngineError> {
    let results: Vec<_> = threads
        .into_iter()
        .map(|(objective, thread)| thread.join().unwrap_or(Err(EngineError::Panic { objective })))
        .collect();
    results.into_iter().collect()
}

/// All that one probe's thread needs.
struct Seat {
    plan: ProbePlan,
    length_ns: u64,
    seed: u64,
    clock: RunClock,
    stop: Stop,
    events: UnboundedSender<Event>,
    /// Given up as soon as it has been used: the stage starts when nobody holds one any more.
    ready: Cell<Option<std_mpsc::Sender<Vec<String>>>>,
    start: watch::Receiver<Option<u64>>,
}

impl Seat {
    fn run(self) -> Result<(), EngineError> {
        let problem = |problem| EngineError::Plan { objective: self.plan.objective.clone(), problem };
        let system = |source| EngineError::System { objective: self.plan.objective.clone(), source };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(system)?;
        let (clock, seed) = (self.clock, seed::derive(self.seed, 1));
        let (series, timeout) = (self.plan.objective.clone(), self.plan.timeout);
        runtime.block_on(async {
            match self.plan.measure.clone() {
                Measure::Http { target } => {
                    self.drive(Http::new(clock, series, target, timeout, seed).map_err(problem)?).await
                }
                Measure::Gateway { through, direct } => {
                    let arms = [through, direct];
                    self.drive(Gateway::new(clock, series, arms, timeout, seed).map_err(problem)?).await
                }
                Measure::Publish { brokers, topic, bytes } => {
                    let probe = Publish::new(clock, series, &brokers, &topic, bytes, timeout, seed);
                    self.drive(probe.map_err(problem)?).await
                }
                Measure::Processing { brokers, topic, completions, consumers, event } => {
                    let route = probe::Route {
                        brokers: &brokers,
                        topic: &topic,
                        completions: &completions,
                        consumers: &consumers,
                    };
                    self.drive(Processing::new(clock, series, &route, event, timeout).map_err(problem)?).await
                }
                Measure::Discovery { server, names } => {
                    self.drive(Discovery::new(clock, series, server, names, timeout).map_err(problem)?).await
                }
            }
            .map_err(system)
        })
    }

    async fn drive<P: Probe>(&self, probe: P) -> std::io::Result<()> {
        let probe = Rc::new(probe);
        let set = tokio::task::LocalSet::new();
        let mut stop = self.stop.clone();
        tokio::select! {
            // A target that lets connections hang shows in its arrivals, not in a start that never comes.
            _ = tokio::time::timeout(PREPARE_AT_MOST, set.run_until(probe.prepare())) => {}
            () = stop.requested() => {}
        }
        if let Some(ready) = self.ready.take() {
            let _ = ready.send(probe.series());
        }
        // Hung up: another probe's thread could not be made, and the stage has ended.
        let mut start = self.start.clone();
        let Ok(start_ns) = start.wait_for(Option::is_some).await.map(|start| *start) else { return Ok(()) };
        let drive = Drive {
            probe,
            clock: self.clock,
            schedule: self.plan.pace.arrivals(self.length_ns, seed::derive(self.seed, 0)),
            start_ns: start_ns.unwrap_or_default(),
            limit: self.plan.limit,
            max_in_flight: self.plan.max_in_flight,
            stop: self.stop.clone(),
            events: self.events.clone(),
        };
        set.run_until(drive.run()).await
    }
}
