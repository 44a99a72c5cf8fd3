//! Runs the command as a user does, and looks at what it leaves.
#![allow(dead_code, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "shown where a test fails")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

/// One platform at a time: two on one machine would measure each other.
static MACHINE: Mutex<()> = Mutex::new(());

pub(crate) fn alone() -> MutexGuard<'static, ()> {
    MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn proofload() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_proofload"));
    command.stdin(Stdio::null()).env("NO_COLOR", "1");
    command
}

/// `proofload verify --profile smoke --out OUT …`.
pub(crate) fn verify(out: &Path, more: &[&str]) -> Command {
    let mut command = proofload();
    command.args(["verify", "--profile", "smoke", "--out"]).arg(out).args(more);
    command
}

/// A run under way, with what it says kept.
pub(crate) fn start(out: &Path, more: &[&str]) -> Child {
    verify(out, more).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// A run of these objectives with the shortest stages, and where it is.
pub(crate) fn start_short(dir: &Path, only: &str) -> (Child, PathBuf) {
    let out = dir.join("run");
    let scenario = short_scenario(dir);
    (start(&out, &["--only", only, "-c", scenario.to_str().unwrap()]), out)
}

/// The run's end: what it said (shown where a test fails), and its exit code.
pub(crate) fn end(child: Child) -> (String, Option<i32>) {
    let output = child.wait_with_output().unwrap();
    let said = text(&output);
    println!("{said}");
    (said, output.status.code())
}

/// The documented scenario with the shortest stages that are judged, for gates that must fail and
/// need not be exact about it.
pub(crate) fn short_scenario(dir: &Path) -> PathBuf {
    let documented = include_str!("../../../../scenarios/goodgo.toml");
    let short =
        documented.replacen("warm_up = \"4 s\"\nmeasure = \"18 s\"", "warm_up = \"2 s\"\nmeasure = \"11 s\"", 1);
    assert_ne!(short, documented, "the smoke profile has changed");
    let path = dir.join("short.toml");
    std::fs::write(&path, short).unwrap();
    path
}

pub(crate) fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout))
}

pub(crate) fn record(run: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(run.join("run.json")).unwrap()).unwrap()
}

pub(crate) fn finding<'a>(record: &'a Value, objective: &str) -> &'a Value {
    let findings = record["findings"].as_array().unwrap();
    findings.iter().find(|f| f["objective"] == objective).unwrap_or_else(|| panic!("no finding for {objective}"))
}

/// `scheduled = ok + faults + dropped`, in every row, and there are rows.
pub(crate) fn assert_adds_up(record: &Value) {
    let rows = record["accounting"].as_array().unwrap();
    assert!(!rows.is_empty());
    for row in rows {
        let count = |name: &str| row[name].as_u64().unwrap();
        assert_eq!(count("scheduled"), count("ok") + count("faults") + count("dropped"), "{row}");
    }
}

/// Waits until the first stage is being measured.
pub(crate) fn wait_for_load(run: &Path, child: &mut Child) -> Value {
    let deadline = Instant::now() + Duration::from_secs(120);
    while Instant::now() < deadline {
        assert!(child.try_wait().unwrap().is_none(), "the command ended before it measured anything");
        if let Ok(bytes) = std::fs::read(run.join("run.json"))
            && let Ok(record) = serde_json::from_slice::<Value>(&bytes)
            && record["stages"].as_array().is_some_and(|stages| !stages.is_empty())
        {
            return record;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("nothing was measured within two minutes");
}

/// Process ids of all parts.
pub(crate) fn pids(record: &Value) -> Vec<u32> {
    let parts = record["parts"].as_array().unwrap();
    let pids: Vec<u32> = parts.iter().filter_map(|part| part["pid"].as_u64()).map(|pid| pid as u32).collect();
    assert!(pids.len() >= 9, "kafka, traefik, the name server and seven services: {parts:?}");
    pids
}

pub(crate) fn pid_of(record: &Value, part: &str) -> u32 {
    let parts = record["parts"].as_array().unwrap();
    parts.iter().find(|p| p["name"] == part).unwrap()["pid"].as_u64().unwrap() as u32
}

/// Nothing of the stack lives `within` this time from now.
pub(crate) fn assert_gone(pids: &[u32], within: Duration) {
    let deadline = Instant::now() + within;
    let alive = || pids.iter().copied().filter(|pid| is_alive(*pid)).collect::<Vec<_>>();
    while !alive().is_empty() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(alive(), Vec::<u32>::new(), "still there after {within:?}");
}

/// A zombie that nobody has waited for yet is dead.
fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

pub(crate) fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap();
    assert!(status.success(), "kill -{name} {pid}");
}
