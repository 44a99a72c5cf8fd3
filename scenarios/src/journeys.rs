//! User journeys: closed-loop users with think time, driven by goose, through the gateway.
//!
//! They make the background of a run realistic and are a tool of their own. Nothing is judged by
//! them: verdicts come from probes. Goose keeps global state, prints, and may end the process, so
//! a run with probes has the journeys in a process of its own and reads goose's JSON report.

mod options;
pub mod report;
mod users;

use std::io::{Read, Write as _};
use std::time::Duration;

use goose::config::GooseConfiguration;
use goose::metrics::GooseMetrics;
use goose::{GooseAttack, GooseError};
use thiserror::Error;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use options::Request;

/// How long users may take to finish when standard input has ended.
const GRACE: Duration = Duration::from_secs(2);

/// How a call to [`run`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JourneysOutcome {
    /// Help, the version or a list was asked for and shown.
    Shown,
    /// The users have finished.
    Finished {
        /// Requests made, as goose counted them.
        requests: u64,
        /// Requests that failed.
        failures: u64,
    },
    /// Standard input ended, and the users did not finish in time.
    CutShort,
}

/// Why there was no run, or none that counts.
#[derive(Debug, Error)]
pub enum JourneysError {
    /// The command line makes no sense.
    #[error("{0}")]
    Usage(String),
    /// A `--threshold` was not kept; reports were written.
    #[error("a threshold was not kept: {0}")]
    Threshold(String),
    /// Anything else.
    #[error("the journeys could not be run: {0}")]
    Run(String),
}

/// Runs the journeys with goose's own options (without the name of the program).
///
/// Builds its own runtime, so it is called from a plain thread, not from inside another runtime.
///
/// # Errors
/// When the options make no sense, a `--threshold` was not kept, or goose could not run.
///
/// ```no_run
/// use proofload_scenarios::journeys;
///
/// let options = ["--host", "http://127.0.0.1:8000", "--users", "20", "--run-time", "1m"];
/// let outcome = journeys::run(&options.map(String::from))?;
/// # Ok::<(), journeys::JourneysError>(())
/// ```
pub fn run(args: &[String]) -> Result<JourneysOutcome, JourneysError> {
    match options::parse(args)? {
        Request::Show(text) => show(&text),
        Request::Run(options) => block_on(attack(*options)?, std::future::pending()),
    }
}

/// As [`run`], for a process whose life is its standard input: when that ends, the users stop,
/// reports are written, and if that takes too long the run ends without them. Goose's tables are
/// not printed.
///
/// # Errors
/// As [`run`].
pub fn run_as_part(args: &[String]) -> Result<JourneysOutcome, JourneysError> {
    match options::parse(args)? {
        Request::Show(text) => show(&text),
        Request::Run(mut options) => {
            options.no_print_metrics = true;
            let (over, ended) = oneshot::channel();
            watch_stdin(over)?;
            let too_late = async {
                // A watcher that is gone without a word has seen the end too.
                let _ = ended.await;
                goose::trigger_killswitch("standard input has ended");
                tokio::time::sleep(GRACE).await;
            };
            block_on(attack(*options)?, too_late)
        }
    }
}

/// The whole of standard output is ours here; a reader that has gone is no error.
fn show(text: &str) -> Result<JourneysOutcome, JourneysError> {
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(JourneysOutcome::Shown)
}

fn attack(options: GooseConfiguration) -> Result<GooseAttack, JourneysError> {
    let mut attack = GooseAttack::initialize_with_config(options)?;
    for journey in users::journeys()? {
        attack = attack.register_scenario(journey);
    }
    Ok(attack)
}

fn block_on(attack: GooseAttack, too_late: impl Future<Output = ()>) -> Result<JourneysOutcome, JourneysError> {
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            finished = attack.execute() => Ok(outcome(&finished?)),
            () = too_late => Ok(JourneysOutcome::CutShort),
        }
    });
    runtime.shutdown_timeout(Duration::from_millis(200));
    outcome
}

/// Two workers: the users are the background and must not crowd out what is measured.
fn runtime() -> Result<Runtime, JourneysError> {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| JourneysError::Run(error.to_string()))
}

fn outcome(metrics: &GooseMetrics) -> JourneysOutcome {
    let count = |of: fn(&goose::metrics::GooseRequestMetricAggregate) -> usize| {
        metrics.requests.values().map(|request| of(request) as u64).sum::<u64>()
    };
    let failures = count(|request| request.fail_count);
    JourneysOutcome::Finished { requests: failures + count(|request| request.success_count), failures }
}

/// A thread of its own: tokio's standard input would hold up the end of the runtime.
fn watch_stdin(over: oneshot::Sender<()>) -> Result<(), JourneysError> {
    std::thread::Builder::new()
        .name("stdin".into())
        .spawn(move || {
            wait_for_end_of(std::io::stdin().lock());
            let _ = over.send(());
        })
        .map(drop)
        .map_err(|error| JourneysError::Run(error.to_string()))
}

/// What is read is thrown away; an error means that nobody can hold the other end any more.
fn wait_for_end_of(mut input: impl Read) {
    let mut scrap = [0_u8; 512];
    loop {
        match input.read(&mut scrap) {
            Ok(0) => return,
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => return,
            Ok(_) | Err(_) => {}
        }
    }
}

impl From<GooseError> for JourneysError {
    fn from(error: GooseError) -> Self {
        match error {
            GooseError::InvalidOption { option, value, detail } => {
                let option = option.replace('`', "").replace("configuration.", "--").replace('_', "-");
                let value = if value.is_empty() { value } else { format!(" {value}") };
                Self::Usage(format!("{option}{value}: {detail}"))
            }
            GooseError::InvalidHost { host, parse_error, .. } => Self::Usage(format!("--host {host}: {parse_error}")),
            GooseError::NoScenarios { detail } => Self::Usage(detail),
            GooseError::ThresholdsFailed { failed, .. } => {
                let rules: Vec<String> =
                    failed.iter().map(|result| format!("{} (observed {})", result.rule, result.observed)).collect();
                Self::Threshold(rules.join(", "))
            }
            other => Self::Run(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
