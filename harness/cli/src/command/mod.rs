//! The commands, one file each.

mod part;
mod report;
mod verify;

use std::process::ExitCode;

use crate::args::{Args, Command};
use crate::exit::Failure;

pub(crate) fn run(args: Args) -> Result<ExitCode, Failure> {
    match args.command {
        Command::Verify(args) => verify::run(args).map(ExitCode::from),
        Command::Report(args) => report::run(&args).map(ExitCode::from),
        Command::Part(part) => part::run(part),
    }
}

/// The runtime of the command itself; probes have their own.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
}
