//! `proofload part …`: this executable as one of the processes that a stack is made of.
//!
//! Not for people, and so hidden; a stack starts these and holds their standard input.

use crate::args::Part;
use crate::exit::{Exit, Failure};

pub(crate) fn run(part: Part) -> Result<Exit, Failure> {
    match part {
        Part::Service(args) => proofload_services::run(&args)?,
        Part::Dns(args) => super::runtime()?.block_on(proofload_stack::run_dns(args))?,
        Part::Tether(args) => return Ok(ended_with(proofload_stack::run_tether(&args))),
        Part::Journeys { goose } => drop(proofload_scenarios::journeys::run_as_part(&goose)?),
    }
    Ok(Exit::Pass)
}

/// The tether's program's own exit code is in its log; whoever waits only asks whether it was 0.
fn ended_with(code: i32) -> Exit {
    if code == 0 { Exit::Pass } else { Exit::Unexpected }
}
