//! The user journeys as a command of their own. Exit codes: 0 the users have finished, 1 it went
//! wrong or a `--threshold` was not kept, 2 the options make no sense.

use std::io::Write as _;
use std::process::ExitCode;

use proofload_scenarios::journeys::{self, JourneysError};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Err(error) = journeys::run(&args) else {
        return ExitCode::SUCCESS;
    };
    // Standard error that is closed leaves the exit code to say it.
    let _ = writeln!(std::io::stderr(), "error: {error}");
    match error {
        JourneysError::Usage(_) => ExitCode::from(2),
        JourneysError::Threshold(_) | JourneysError::Run(_) => ExitCode::FAILURE,
    }
}
