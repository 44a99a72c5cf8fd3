//! `proofload part …`: this executable as one of the processes that a stack is made of.
//!
//! Not for people, and so hidden; a stack starts these and holds their standard input.

use std::process::ExitCode;

use crate::args::Part;
use crate::exit::Failure;

pub(crate) fn run(part: Part) -> Result<ExitCode, Failure> {
    match part {
        Part::Service(args) => proofload_services::run(&args)?,
        Part::Dns(args) => super::runtime()?.block_on(proofload_stack::run_dns(args))?,
        // The program's own code: the stack tells a signal from an exit by it.
        Part::Tether(args) => return Ok(ExitCode::from(proofload_stack::run_tether(&args) as u8)),
        Part::Journeys { goose } => drop(proofload_scenarios::journeys::run_as_part(&goose)?),
    }
    Ok(ExitCode::SUCCESS)
}
