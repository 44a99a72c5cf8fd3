//! What the tests of this crate share: the executable with the parts, and looking at processes.

#![allow(dead_code, reason = "each test file uses its own share")]

use std::{
    env, fs,
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

/// The example `part`, which is to this crate what `proofload` is to users. `cargo test` has built it;
/// where only one test target was asked for, it is built now.
pub(crate) fn part() -> PathBuf {
    let tests = env::current_exe().unwrap();
    let part = tests.ancestors().nth(2).unwrap().join("examples/part");
    if !part.exists() {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "-p", "proofload-stack", "--example", "part"]);
        assert!(cargo.status().unwrap().success());
    }
    part
}

/// Whether a process runs; one that waits to be reaped does not.
pub(crate) fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
}

/// Waits for something to become true, at most `patience`.
pub(crate) fn within(patience: Duration, mut done: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    while !done() {
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(10));
    }
    true
}
