//! The `proofload` command: arguments in, exit code out.

mod args;
mod background;
mod command;
mod exit;
mod interrupt;
mod show;
mod witness;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match command::run(args::Args::parse()) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}
