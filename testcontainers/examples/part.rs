//! The parts as an executable, for this crate's tests: what `proofload part …` is to users.

use clap::{Parser, Subcommand};
use proofload_services::ServiceArgs;
use proofload_stack::{DnsArgs, TetherArgs, run_dns, run_tether};

#[derive(Parser)]
enum Command {
    /// A process beside the harness
    #[command(subcommand)]
    Part(Part),
}

#[derive(Subcommand)]
enum Part {
    /// Run a foreign program for as long as standard input is open
    Tether(TetherArgs),
    /// Serve names
    Dns(DnsArgs),
    /// Run a reference service
    Service(ServiceArgs),
}

fn main() -> std::process::ExitCode {
    let Command::Part(part) = Command::parse();
    let result = match part {
        Part::Tether(args) => return u8::try_from(run_tether(&args)).map_or(1.into(), Into::into),
        Part::Dns(args) => serve(args),
        Part::Service(args) => proofload_services::run(&args).map_err(|error| format!("{error:#}")),
    };
    match result {
        Ok(()) => 0.into(),
        Err(error) => fail(&error),
    }
}

fn serve(args: DnsArgs) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(run_dns(args)).map_err(|error| error.to_string())
}

#[expect(clippy::print_stderr, reason = "the process's own log")]
fn fail(error: &str) -> std::process::ExitCode {
    eprintln!("{error}");
    1.into()
}
