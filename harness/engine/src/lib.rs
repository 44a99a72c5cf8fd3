//! The load engine: open loop, due times from a plan, every arrival accounted for.
//!
//! A [`Plan`] says what to do; [`run_stage`] does one stage of it, each probe on a thread of its
//! own, and hands out [`Interval`](proofload_evidence::Interval)s once a second.
//!
//! Invariants: due times never wait for answers; an arrival that finds no capacity is dropped and
//! counted; an arrival that was begun ends in exactly one sample, whatever happens to it. Judging,
//! starting platforms and showing progress do not belong here.

mod clock;
mod drive;
mod host;
mod pace;
mod pacer;
mod plan;
mod probe;
mod recorder;
mod resolve;
mod seed;
mod stage;

pub use clock::RunClock;
pub use host::{HostSampler, describe_host, raise_open_files_limit};
pub use pace::Pace;
pub use pacer::Pacer;
pub use plan::{HttpTarget, Measure, PathPattern, Plan, ProbePlan, StagePlan};
pub use probe::client_settings;
pub use recorder::Recorder;
pub use stage::{EngineError, Event, Stop, Stopper, run_stage};
