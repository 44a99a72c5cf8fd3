//! The command line of the journeys: goose's own options, and defaults that suit
//! this platform. What goose would print before it ends the process is put into words here
//! instead, so that the caller stays in charge.

use std::fmt::Write as _;

use clap::Parser;
use clap::error::ErrorKind;
use goose::config::GooseConfiguration;

use super::{JourneysError, users};

/// Enough that every journey is walked all the time.
const DEFAULT_USERS: usize = 20;
const DEFAULT_RUN_TIME: &str = "1m";
/// Goose starts one user a second by itself, which is a long wait for twenty.
const DEFAULT_INCREASE_RATE: &str = "10";

const OUR_DEFAULTS: &str = "Defaults that differ from goose's: 20 users, 10 of them started per second, for 1m; \
    quiet (-q), no controllers, and the metrics of the ramp up are kept.";

/// Walk the user journeys of the GoodGo platform through its gateway.
#[derive(Parser)]
#[command(
    name = "proofload-scenarios",
    args_override_self = true,
    allow_negative_numbers = true,
    after_help = OUR_DEFAULTS
)]
struct CommandLine {
    #[command(flatten)]
    goose: GooseConfiguration,
}

/// What the command line asks for.
pub(super) enum Request {
    Show(String),
    Run(Box<GooseConfiguration>),
}

pub(super) fn parse(args: &[String]) -> Result<Request, JourneysError> {
    let program = "proofload-scenarios".to_owned();
    let parsed = CommandLine::try_parse_from(std::iter::once(&program).chain(args));
    let CommandLine { mut goose } = match parsed {
        Ok(line) => line,
        Err(error) if error.kind() == ErrorKind::DisplayHelp => {
            return Ok(Request::Show(error.to_string()));
        }
        Err(error) => return Err(JourneysError::Usage(complaint(&error))),
    };
    if goose.version {
        return Ok(Request::Show(format!("proofload-scenarios {}\n", env!("CARGO_PKG_VERSION"))));
    }
    if goose.list {
        return Ok(Request::Show(list()?));
    }
    if goose.scenarios_list {
        return Ok(Request::Show(names()?));
    }
    check_host(&goose)?;
    set_defaults(&mut goose, args);
    Ok(Request::Run(Box::new(goose)))
}

/// Goose takes `gateway:8000` for a URL of the scheme `gateway` and lets every request fail.
fn check_host(goose: &GooseConfiguration) -> Result<(), JourneysError> {
    let Some(host) = &goose.host else {
        // It may come later, or nothing is run at all.
        let needed = !goose.no_autostart && goose.render_report.is_none();
        let missing = || JourneysError::Usage("--host URL is missing: where is the gateway?".to_owned());
        return if needed { Err(missing()) } else { Ok(()) };
    };
    let url = reqwest::Url::parse(host);
    if url.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
        return Ok(());
    }
    Err(JourneysError::Usage(format!("--host {host}: not a URL such as http://gateway:8000")))
}

/// Clap's message without the word "error", which the caller says.
fn complaint(error: &clap::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("error: ").unwrap_or(&text).trim_end().to_owned()
}

fn set_defaults(goose: &mut GooseConfiguration, args: &[String]) {
    // The controller listens on a fixed port: two runs side by side would meet there.
    goose.no_telnet |= goose.telnet_host.is_none() && goose.telnet_port.is_none();
    if goose.verbose == 0 && goose.quiet == 0 {
        goose.quiet = 1;
    }
    // A plan brings its own shape, and goose allows neither option beside it. (Goose keeps what
    // it has parsed of it to itself.)
    if args.iter().any(|arg| arg == "--test-plan" || arg.starts_with("--test-plan=")) {
        return;
    }
    goose.users.get_or_insert(DEFAULT_USERS);
    if goose.increase_time.is_none() && goose.increase_rate.is_none() {
        goose.increase_rate = Some(DEFAULT_INCREASE_RATE.to_owned());
    }
    if goose.iterations.is_none() {
        goose.run_time.get_or_insert_with(|| DEFAULT_RUN_TIME.to_owned());
        // What happened while the users were starting happened too.
        goose.no_reset_metrics = true;
    }
}

/// The journeys and what their users do, with how often relative to each other.
fn list() -> Result<String, JourneysError> {
    let mut text = String::new();
    for journey in users::journeys()? {
        let _ = writeln!(text, "{} (weight {})", journey.name, journey.weight);
        for transaction in &journey.transactions {
            let how_often = if transaction.on_start {
                "once, at the start".to_owned()
            } else {
                format!("weight {}", transaction.weight)
            };
            let name = transaction.name.name_for_transaction();
            let _ = writeln!(text, "    {name} ({how_often})");
        }
    }
    Ok(text)
}

/// The names `--scenarios` takes.
fn names() -> Result<String, JourneysError> {
    let mut text = String::new();
    for journey in users::journeys()? {
        let _ = writeln!(text, "{}: \"{}\"", journey.machine_name, journey.name);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Result<Request, JourneysError> {
        parse(&args.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>())
    }

    fn goose(args: &[&str]) -> GooseConfiguration {
        match parsed(args).unwrap() {
            Request::Run(options) => *options,
            Request::Show(text) => panic!("{text}"),
        }
    }

    fn shown(args: &[&str]) -> String {
        match parsed(args).unwrap() {
            Request::Show(text) => text,
            Request::Run(_) => panic!("nothing was shown"),
        }
    }

    #[test]
    fn goose_options_are_taken_from_the_slice() {
        let goose = goose(&["--host", "http://gateway:8000", "--users", "3", "--run-time", "5s"]);

        assert_eq!(goose.host.as_deref(), Some("http://gateway:8000"));
        assert_eq!((goose.users, goose.run_time.as_deref()), (Some(3), Some("5s")));
    }

    #[test]
    fn defaults_are_quiet_finite_and_keep_every_figure() {
        let goose = goose(&["--host", "http://gateway"]);

        assert_eq!((goose.quiet, goose.users), (1, Some(DEFAULT_USERS)));
        assert_eq!(goose.run_time.as_deref(), Some("1m"));
        assert!(goose.no_reset_metrics && goose.no_telnet);
    }

    #[test]
    fn defaults_do_not_get_in_the_way_of_what_goose_allows_only_alone() {
        let iterations = goose(&["--host", "http://gateway", "--iterations", "3"]);
        let plan = goose(&["--host", "http://gateway", "--test-plan", "5,1s;0,1s"]);

        assert!(iterations.run_time.is_none() && !iterations.no_reset_metrics);
        assert!(plan.users.is_none() && plan.run_time.is_none() && plan.increase_rate.is_none());
    }

    #[test]
    fn an_unknown_option_is_a_usage_error_that_names_it() {
        let error = parsed(&["--hots", "http://x"]).err().unwrap().to_string();

        assert!(error.contains("--hots") && !error.starts_with("error"), "{error}");
    }

    #[test]
    fn help_and_lists_are_shown_and_do_not_end_the_process() {
        assert!(shown(&["--help"]).contains("--report-file"));
        assert!(shown(&["--list"]).contains("register (weight"));
        assert!(shown(&["--scenarios-list"]).contains("placeanorder: \"Place an order\""));
        assert!(shown(&["--version"]).starts_with("proofload-scenarios "));
    }
}
