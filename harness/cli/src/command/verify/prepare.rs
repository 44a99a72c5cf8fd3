//! What is decided before anything is measured: scenario, run directory, stack options, header.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use proofload_engine::{Measure, Plan, client_settings, describe_host};
use proofload_evidence::{Part, RunDir, RunHeader, SCHEMA_VERSION};
use proofload_scenarios::{Endpoints, Scenario, Selection};
use proofload_stack::{NativeOptions, Platform, StackError};

use crate::args::VerifyArgs;
use crate::exit::{Exit, Failure};

/// Under the current directory, one directory a run.
const RUNS: &str = "proofload-runs";
/// Kafka has some 300 files open, the harness one for each request under way.
const LEAST_OPEN_FILES: u64 = 1_024;
/// Evidence, report and logs of a standard run are 3 MB; logs of parts in trouble grow.
const LEAST_FREE_BYTES: u64 = 16 << 20;
/// Two runs may start in the same second; more than this many have another problem.
const MOST_IN_A_SECOND: u32 = 100;

pub(super) fn select(args: &VerifyArgs) -> Result<Selection, Failure> {
    let usage = |error| Failure::new(Exit::Usage, error);
    let scenario = match &args.config {
        Some(file) => Scenario::read(file),
        None => Scenario::documented(),
    };
    scenario.map_err(usage)?.select(&args.profile, &args.only).map_err(usage)
}

/// What no part of a stack could do without.
pub(super) fn check_machine() -> Result<(), Failure> {
    let open_files = proofload_engine::raise_open_files_limit();
    if open_files >= LEAST_OPEN_FILES {
        return Ok(());
    }
    let text = format!(
        "this process may open {open_files} files, and Kafka alone needs more; raise the limit with `ulimit -n 4096`"
    );
    Err(Failure::new(Exit::Stack, anyhow::anyhow!(text)))
}

pub(super) fn run_dir(args: &VerifyArgs, started_at: Timestamp) -> Result<RunDir, Failure> {
    let dir = make_run_dir(args, started_at)?;
    let free = rustix::fs::statvfs(dir.root()).map_or(u64::MAX, |fs| fs.f_bavail.saturating_mul(fs.f_frsize));
    if free < LEAST_FREE_BYTES {
        let text = format!(
            "only {} KiB are free at {}, and a run writes some MB; free some space, or choose another directory with --out",
            free / 1024,
            dir.root().display()
        );
        return Err(Failure::new(Exit::Usage, anyhow::anyhow!(text)));
    }
    Ok(dir)
}

fn make_run_dir(args: &VerifyArgs, started_at: Timestamp) -> Result<RunDir, Failure> {
    let usage = |error| Failure::new(Exit::Usage, error);
    if let Some(out) = &args.out {
        return RunDir::create(out).map_err(usage);
    }
    let name = started_at.to_zoned(TimeZone::system()).strftime("%Y-%m-%dT%H-%M-%S").to_string();
    RunDir::create(&free_directory(Path::new(RUNS), &name)?).map_err(usage)
}

/// Makes `parent/name`, or `parent/name-2` where another run has that.
fn free_directory(parent: &Path, name: &str) -> Result<PathBuf, Failure> {
    let cannot = |path: &Path, error: std::io::Error| {
        let text = format!("cannot create {}: {error} (name another directory with --out)", path.display());
        Failure::new(Exit::Usage, anyhow::anyhow!(text))
    };
    std::fs::create_dir_all(parent).map_err(|error| cannot(parent, error))?;
    let mut last = None;
    for number in 1..=MOST_IN_A_SECOND {
        let path = parent.join(if number == 1 { name.to_owned() } else { format!("{name}-{number}") });
        match std::fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => last = Some((path, error)),
            Err(error) => return Err(cannot(&path, error)),
        }
    }
    let (path, error) = last.unwrap_or_else(|| (parent.to_owned(), std::io::ErrorKind::Other.into()));
    Err(cannot(&path, error))
}

pub(super) fn native_options(args: &VerifyArgs, dir: &RunDir) -> Result<NativeOptions, Failure> {
    Ok(NativeOptions {
        executable: std::env::current_exe()?,
        log_dir: dir.logs(),
        cache_dir: proofload_stack::default_cache_dir(),
        slow: args.slow.iter().cloned().collect::<BTreeMap<_, _>>(),
    })
}

/// A stack that did not start; where a damaged cache may be the reason, that is said.
pub(super) fn stack_failure(error: StackError) -> Failure {
    let started = matches!(error, StackError::PartDied { .. } | StackError::NotReady { .. } | StackError::Fetch { .. });
    if !started {
        return Failure::new(Exit::Stack, error);
    }
    let cache = proofload_stack::default_cache_dir();
    let text =
        format!("{error}\nIf nothing above explains it: remove {} and run again, it is filled anew.", cache.display());
    Failure::new(Exit::Stack, anyhow::anyhow!(text))
}

pub(super) fn endpoints(platform: &Platform) -> Endpoints {
    Endpoints {
        name_server: Some(platform.dns),
        services: platform.services.values().map(|s| (s.name.clone(), s.port)).collect(),
        gateway: (platform.gateway.ip().to_string(), platform.gateway.port()),
        kafka: platform.kafka.clone(),
        service_secret: platform.service_secret.clone(),
    }
}

pub(super) fn header(
    args: &VerifyArgs,
    selection: &Selection,
    started_at: Timestamp,
    platform: &Platform,
    plan: &Plan,
) -> anyhow::Result<RunHeader> {
    let slowed = args.slow.iter().map(|(service, time)| {
        format!("{service} was slowed by {} on purpose (--slow)", humantime::format_duration(*time))
    });
    Ok(RunHeader {
        schema_version: SCHEMA_VERSION,
        proofload: env!("CARGO_PKG_VERSION").to_owned(),
        started_at,
        command: std::env::args().collect(),
        scenario: selection.scenario_name().to_owned(),
        profile: selection.profile().to_owned(),
        stack: platform.kind.to_owned(),
        stack_notes: vec![platform.names.clone()],
        host: describe_host(),
        parts: platform.parts.iter().map(part).collect(),
        client_settings: plan.stages.iter().flat_map(|s| &s.probes).flat_map(client_settings).collect(),
        objectives: selection.objectives(),
        stages: Vec::new(),
        plan: serde_json::to_value(without_secrets(plan))?,
        witnesses: Vec::new(),
        user_traffic: None,
        warnings: slowed.collect(),
    })
}

/// The plan as it may be kept and shown: values of headers that may be secrets stay out of it.
fn without_secrets(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    for probe in plan.stages.iter_mut().flat_map(|stage| &mut stage.probes) {
        match &mut probe.measure {
            Measure::Http { target } => hide(&mut target.headers),
            Measure::Gateway { through, direct } => [through, direct].into_iter().for_each(|t| hide(&mut t.headers)),
            Measure::Publish { .. } | Measure::Processing { .. } | Measure::Discovery { .. } => {}
        }
    }
    plan
}

fn hide(headers: &mut [(String, String)]) {
    const TELLTALE: [&str; 6] = ["auth", "cookie", "key", "token", "secret", "password"];
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        if TELLTALE.iter().any(|part| name.contains(part)) {
            "(not kept)".clone_into(value);
        }
    }
}

fn part(part: &proofload_stack::Part) -> Part {
    Part {
        name: part.name.clone(),
        version: part.version.clone(),
        address: part.address.clone(),
        origin: part.origin.clone(),
        pid: Some(part.pid),
        settings: part.settings.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_not_kept() {
        let mut headers = ["Authorization", "x-service-auth", "X-Api-Key", "user-agent"]
            .map(|name| (name.to_owned(), "value".to_owned()));
        hide(&mut headers);
        assert_eq!(headers.map(|(_, value)| value), ["(not kept)", "(not kept)", "(not kept)", "value"]);
    }

    #[test]
    fn runs_that_start_in_the_same_second_have_directories_of_their_own() {
        let dir = tempfile::tempdir().unwrap();
        let first = free_directory(dir.path(), "now").unwrap();
        let second = free_directory(dir.path(), "now").unwrap();
        assert_eq!(first, dir.path().join("now"));
        assert_eq!(second, dir.path().join("now-2"));
    }
}
