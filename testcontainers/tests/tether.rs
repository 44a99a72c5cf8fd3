//! The tether, as a process: what ends when, and what is left.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod common;

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use common::{part, runs, within};

fn tether(options: &[&str], program: &[&str]) -> Child {
    let mut command = Command::new(part());
    command.args(["part", "tether"]).args(options).arg("--").args(program);
    command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

fn pid_in(file: &Path) -> u32 {
    assert!(within(Duration::from_secs(5), || file.exists()));
    fs::read_to_string(file).unwrap().parse().unwrap()
}

#[test]
fn the_tether_ends_its_program_and_removes_the_directory_when_standard_input_closes() {
    let dir = tempfile::tempdir().unwrap();
    let (data, pid_file) = (dir.path().join("data"), dir.path().join("pid"));
    fs::create_dir_all(data.join("deep")).unwrap();
    let options = ["--remove", data.to_str().unwrap(), "--pid-file", pid_file.to_str().unwrap()];
    let mut tether = tether(&options, &["sleep", "600"]);
    let program = pid_in(&pid_file);
    assert!(runs(program));

    drop(tether.stdin.take());

    assert_eq!(tether.wait().unwrap().code(), Some(0));
    assert!(!runs(program));
    assert!(!data.exists());
}

#[test]
fn when_the_tether_is_killed_the_program_dies() {
    let dir = tempfile::tempdir().unwrap();
    let pid_file = dir.path().join("pid");
    let mut tether = tether(&["--pid-file", pid_file.to_str().unwrap()], &["sleep", "600"]);
    let program = pid_in(&pid_file);

    tether.kill().unwrap();
    tether.wait().unwrap();

    assert!(within(Duration::from_secs(2), || !runs(program)));
}

#[test]
fn a_program_that_ignores_sigterm_is_killed_after_the_grace_with_all_it_started() {
    let dir = tempfile::tempdir().unwrap();
    let (pid_file, child_file) = (dir.path().join("pid"), dir.path().join("child"));
    let stubborn = format!("trap '' TERM; sleep 600 & echo $! > {}; wait", child_file.display());
    let options = ["--grace", "200ms", "--pid-file", pid_file.to_str().unwrap()];
    let mut tether = tether(&options, &["sh", "-c", &stubborn]);
    let program = pid_in(&pid_file);
    assert!(within(Duration::from_secs(5), || fs::read_to_string(&child_file).is_ok_and(|text| text.ends_with('\n'))));
    let grandchild = fs::read_to_string(&child_file).unwrap().trim().parse().unwrap();

    let since = Instant::now();
    drop(tether.stdin.take());
    tether.wait().unwrap();

    assert!(since.elapsed() >= Duration::from_millis(200));
    assert!(!runs(program));
    assert!(within(Duration::from_secs(1), || !runs(grandchild)));
}

#[test]
fn a_program_that_ends_by_itself_ends_the_tether_with_its_status_and_keeps_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let ends_with = |options: &[&str], program: &[&str]| {
        let mut tether = tether(options, program);
        // Waiting would close it, which ends the program.
        let _open = tether.stdin.take();
        tether.wait().unwrap().code()
    };

    let keep = ["--remove", dir.path().to_str().unwrap()];
    assert_eq!(ends_with(&keep, &["sh", "-c", "exit 7"]), Some(7));
    assert_eq!(ends_with(&[], &["sh", "-c", "kill -9 $$"]), Some(128 + 9));
    assert_eq!(ends_with(&[], &["/no/such/program"]), Some(127));
    assert!(dir.path().is_dir());
}

#[test]
fn signals_for_the_harness_do_not_end_the_program_but_sigterm_does() {
    let dir = tempfile::tempdir().unwrap();
    let pid_file = dir.path().join("pid");
    let mut tether = tether(&["--pid-file", pid_file.to_str().unwrap()], &["sleep", "600"]);
    let program = pid_in(&pid_file);
    let signal = |name: &str| {
        let pid = tether.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    };

    signal("-INT");
    signal("-HUP");
    assert!(!within(Duration::from_millis(300), || !runs(program)));

    signal("-TERM");
    assert!(within(Duration::from_secs(3), || !runs(program)));
    assert!(tether.wait().unwrap().success());
}
