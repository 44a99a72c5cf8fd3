//! What the user may type. What it means is decided by the commands.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use crate::exit;

/// Proves that a microservice platform keeps its documented promises
#[derive(Debug, Parser)]
#[command(version, about, after_help = exit::HELP, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Bring the platform up, load it, and judge its objectives
    #[command(after_help = exit::HELP)]
    Verify(VerifyArgs),
    /// Judge and render a run again, from its evidence alone
    #[command(after_help = exit::HELP)]
    Report(ReportArgs),
    /// One of the processes that a stack is made of
    #[command(hide = true, subcommand)]
    Part(Part),
}

#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// Where the platform runs
    #[arg(long, value_enum, default_value_t = Stack::Native)]
    pub(crate) stack: Stack,
    /// How long to measure: `smoke` takes about 45 s, `standard` about 2 min 20 s
    #[arg(long, default_value = "standard", value_name = "NAME")]
    pub(crate) profile: String,
    /// Judge these objectives only, for example rest,gateway
    #[arg(long, value_delimiter = ',', value_name = "IDS")]
    pub(crate) only: Vec<String>,
    /// Directory for the run [default: proofload-runs/<timestamp>]
    #[arg(long, short, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Scenario file [default: the documented targets]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Slow a reference service down on purpose, for example user=150ms; can be repeated
    #[arg(long, value_name = "SERVICE=TIME", value_parser = parse_slow)]
    pub(crate) slow: Vec<(String, Duration)>,
    /// Seed of the schedule and of every random choice [default: random]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// A run directory, for example proofload-runs/<timestamp>
    pub(crate) run_dir: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stack {
    /// Local processes; needs neither Docker nor root
    Native,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Part {
    /// A reference service
    Service(proofload_services::ServiceArgs),
    /// The name server of the native stack
    Dns(proofload_stack::DnsArgs),
    /// A foreign program that ends with the run
    Tether(proofload_stack::TetherArgs),
    /// Users in the background
    #[command(disable_help_flag = true)]
    Journeys {
        /// goose's own options
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        goose: Vec<String>,
    },
}

/// As far as histograms reach.
const SLOWEST: Duration = Duration::from_secs(60);

fn parse_slow(text: &str) -> Result<(String, Duration), String> {
    let (service, time) = text.split_once('=').ok_or("write SERVICE=TIME, for example user=150ms")?;
    let known = <proofload_services::ServiceName as ValueEnum>::value_variants();
    let names: Vec<String> = known.iter().map(ToString::to_string).collect();
    if !names.iter().any(|name| name == service) {
        return Err(format!("there is no service `{service}`; there are: {}", names.join(", ")));
    }
    let time = humantime::parse_duration(time).map_err(|e| format!("`{time}`: {e}; write for example 150ms"))?;
    if time > SLOWEST {
        return Err(format!("`{text}`: at most 60s; whatever is slower than that is not told apart"));
    }
    Ok((service.to_owned(), time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_wrong_slow_says_what_is_wrong() {
        assert!(parse_slow("user").unwrap_err().contains("SERVICE=TIME"));
        assert!(parse_slow("usr=1s").unwrap_err().contains("iam, user"));
        assert!(parse_slow("user=fast").unwrap_err().contains("150ms"));
        assert!(parse_slow("user=2h").unwrap_err().contains("at most 60s"));
        assert_eq!(parse_slow("user=150ms").unwrap().1, Duration::from_millis(150));
    }
}
