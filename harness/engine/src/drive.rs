//! Drives one probe through one schedule, in open loop.
//!
//! Invariants: the loop below waits for due times only, never for answers; every arrival is
//! counted once as scheduled and ends once, as ok, fault or dropped: a task that is thrown away
//! (the run was stopped) leaves a `cancelled` fault behind.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use proofload_evidence::{FaultKind, Interval, Outcome, Sample};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::{LocalSet, spawn_local};

use crate::clock::{RunClock, second_of};
use crate::pace::Arrivals;
use crate::pacer::Pacer;
use crate::probe::{Arrival, Disorder, Probe};
use crate::recorder::Recorder;
use crate::stage::{Event, Stop};

/// Arrivals begun in a row before answers get a turn, where the generator is behind.
const BURST: u64 = 32;

/// A probe with everything that drives it.
pub(crate) struct Drive<P> {
    pub(crate) probe: Rc<P>,
    pub(crate) clock: RunClock,
    pub(crate) schedule: Arrivals,
    pub(crate) start_ns: u64,
    pub(crate) limit: Duration,
    pub(crate) max_in_flight: usize,
    pub(crate) stop: Stop,
    pub(crate) events: UnboundedSender<Event>,
}

/// What the tasks of one probe share.
struct Shared {
    clock: RunClock,
    recorder: RefCell<Recorder>,
    in_flight: Cell<usize>,
    /// The series beside the others, if there is one.
    beside: Option<usize>,
    events: UnboundedSender<Event>,
}

impl<P: Probe> Drive<P> {
    /// Runs the schedule to its end, or until stopped, and gives out all intervals.
    ///
    /// # Errors
    /// If the system has no timer.
    pub(crate) async fn run(self) -> std::io::Result<()> {
        let series = self.probe.series();
        let shared = Rc::new(Shared {
            clock: self.clock,
            recorder: RefCell::new(Recorder::new(&series, self.limit.as_nanos() as u64)),
            in_flight: Cell::new(0),
            beside: self.probe.has_beside().then(|| series.len() - 1),
            events: self.events.clone(),
        });
        let tasks = LocalSet::new();
        let probe = Rc::clone(&self.probe);
        let result = tasks
            .run_until(async {
                spawn_local(give_out_every_second(Rc::clone(&probe), Rc::clone(&shared)));
                self.send_all(&shared).await
            })
            .await;
        // Whatever is still under way ends here, each leaving its fault.
        drop(tasks);
        shared.give_out(&*probe, u32::MAX);
        result
    }

    async fn send_all(self, shared: &Rc<Shared>) -> std::io::Result<()> {
        let pacer = Pacer::new(self.clock)?;
        let mut stop = self.stop;
        let start_ns = self.start_ns;
        for (index, offset_ns) in (0..).zip(self.schedule.clone()) {
            let arrival = Arrival { index, due_ns: start_ns + offset_ns };
            tokio::select! {
                biased;
                () = stop.requested() => return Ok(()),
                waited = pacer.until(arrival.due_ns) => waited?,
            }
            begin(&self.probe, shared, arrival, self.max_in_flight);
            if index % BURST == 0 {
                tokio::task::yield_now().await;
            }
        }
        while shared.in_flight.get() > 0 {
            if stop.is_requested() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.probe.finish().await;
        Ok(())
    }
}

fn begin<P: Probe>(probe: &Rc<P>, shared: &Rc<Shared>, arrival: Arrival, max_in_flight: usize) {
    let series = probe.choose();
    {
        let mut recorder = shared.recorder.borrow_mut();
        recorder.scheduled(series, arrival.due_ns);
        if shared.in_flight.get() >= max_in_flight {
            recorder.dropped(series, arrival.due_ns);
            return;
        }
        if let Some(beside) = shared.beside {
            recorder.scheduled(beside, arrival.due_ns);
        }
    }
    let mut end = End::new(Rc::clone(shared), series, arrival.due_ns);
    let probe = Rc::clone(probe);
    spawn_local(async move {
        let reply = probe.fire(arrival, series).await;
        let sample =
            Sample { due_ns: arrival.due_ns, sent_ns: reply.sent_ns, done_ns: reply.done_ns, outcome: reply.outcome };
        end.with(&sample, reply.beside.as_ref());
    });
}

/// Makes sure that an arrival ends once, whatever happens to its task.
struct End {
    shared: Rc<Shared>,
    series: usize,
    due_ns: u64,
    open: bool,
}

impl End {
    fn new(shared: Rc<Shared>, series: usize, due_ns: u64) -> Self {
        shared.in_flight.set(shared.in_flight.get() + 1);
        Self { shared, series, due_ns, open: true }
    }

    fn with(&mut self, sample: &Sample, beside: Option<&Sample>) {
        self.open = false;
        let mut recorder = self.shared.recorder.borrow_mut();
        recorder.sample(self.series, sample);
        if let Some(series) = self.shared.beside {
            recorder.sample(series, beside.unwrap_or(sample));
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.shared.in_flight.set(self.shared.in_flight.get() - 1);
        if self.open {
            let now_ns = self.shared.clock.now_ns();
            let outcome = Outcome::Fault(FaultKind::Cancelled);
            self.with(
                &Sample { due_ns: self.due_ns, sent_ns: self.due_ns.min(now_ns), done_ns: now_ns, outcome },
                None,
            );
        }
    }
}

impl Shared {
    fn give_out<P: Probe>(&self, probe: &P, before_second: u32) {
        let mut recorder = self.recorder.borrow_mut();
        for disorder in probe.take_disorder() {
            match disorder {
                Disorder::Duplicated { due_ns } => recorder.duplicated(0, due_ns),
                Disorder::Reordered { due_ns } => recorder.reordered(0, due_ns),
                Disorder::Lost { due_ns } => recorder.lost(0, due_ns),
            }
        }
        for interval in recorder.take_before(before_second) {
            self.send(interval);
        }
    }

    fn send(&self, interval: Interval) {
        // Nobody listens any longer where the run has failed; it is ending then.
        let _ = self.events.send(Event::Interval(Box::new(interval)));
    }
}

async fn give_out_every_second<P: Probe>(probe: Rc<P>, shared: Rc<Shared>) {
    loop {
        let next = second_of(shared.clock.now_ns()) + 1;
        // A little after the second's end, when most of its last answers have come.
        let at = shared.clock.instant(u64::from(next) * 1_000_000_000) + Duration::from_millis(50);
        tokio::time::sleep_until(at.into()).await;
        shared.give_out(&*probe, next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pace::Pace;
    use crate::probe::Reply;
    use proofload_evidence::Tally;
    use tokio::sync::mpsc::unbounded_channel;

    /// Answers after a fixed time; arrivals of `hang` never are.
    struct Fake {
        clock: RunClock,
        service: Duration,
        hang: bool,
    }

    impl Probe for Fake {
        fn series(&self) -> Vec<String> {
            vec!["fake".to_owned(), "fake.beside".to_owned()]
        }
        fn has_beside(&self) -> bool {
            true
        }
        async fn fire(&self, _: Arrival, _: usize) -> Reply {
            let sent_ns = self.clock.now_ns();
            if self.hang {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(self.service).await;
            Reply::of(sent_ns, self.clock.now_ns(), Ok(()))
        }
    }

    fn run(service: Duration, hang: bool, max_in_flight: usize, stop_after: Option<Duration>) -> Vec<Tally> {
        let clock = RunClock::start();
        let (events, mut received) = unbounded_channel();
        let (stopper, stop) = Stop::pair();
        let drive = Drive {
            probe: Rc::new(Fake { clock, service, hang }),
            clock,
            schedule: Pace::Constant { per_s: 200.0 }.arrivals(500_000_000, 1),
            start_ns: 0,
            limit: Duration::from_millis(100),
            max_in_flight,
            stop,
            events,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (result, ()) = tokio::join!(drive.run(), async {
                if let Some(after) = stop_after {
                    tokio::time::sleep(after).await;
                    stopper.stop();
                }
            });
            result.unwrap();
        });
        let mut sums = vec![Tally::default(), Tally::default()];
        while let Ok(Event::Interval(interval)) = received.try_recv() {
            sums[usize::from(interval.series == "fake.beside")].add(&interval.tally);
        }
        sums
    }

    #[test]
    fn every_arrival_ends_once() {
        let sums = run(Duration::from_millis(20), false, 100, None);
        assert_eq!((sums[0].scheduled, sums[0].ok), (100, 100));
        assert_eq!((sums[1].scheduled, sums[1].ok), (100, 100));
    }

    #[test]
    fn answers_do_not_hold_the_schedule_up_and_what_finds_no_capacity_is_dropped() {
        let sums = run(Duration::from_secs(2), false, 10, None);
        assert_eq!((sums[0].scheduled, sums[0].ok, sums[0].dropped), (100, 10, 90));
        assert_eq!(sums[1].scheduled, 10);
    }

    #[test]
    fn a_stopped_run_leaves_faults_not_gaps() {
        let sums = run(Duration::ZERO, true, 1_000, Some(Duration::from_millis(250)));
        assert!(sums[0].scheduled > 10);
        for sum in sums {
            assert_eq!(sum.faults.get(&FaultKind::Cancelled), Some(&sum.scheduled));
        }
    }
}
