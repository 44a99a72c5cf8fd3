//! What a user sees who got something wrong: a message that says how to mend it, the documented
//! exit code, and nothing started.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::path::Path;
use std::process::Output;

use common::{proofload, text, verify};

fn complaint(output: &Output, code: i32) -> String {
    let said = text(output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

fn with_config(dir: &Path, content: &str) -> Output {
    let file = dir.join("my.toml");
    std::fs::write(&file, content).unwrap();
    let output = verify(&dir.join("run"), &["-c", "my.toml"]).current_dir(dir).output().unwrap();
    assert!(!dir.join("run").exists(), "a run directory was made for nothing");
    output
}

#[test]
fn an_unknown_objective_is_refused_with_those_that_exist() {
    let dir = tempfile::tempdir().unwrap();
    let output = verify(&dir.path().join("run"), &["--only", "rest,dns"]).output().unwrap();
    insta::assert_snapshot!(complaint(&output, 2), @"error: there is no objective `dns` in goodgo.toml (built in); it has: rest, publish, discovery, gateway, processing, throughput");
}

#[test]
fn a_scenario_that_cannot_be_read_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let output = verify(&dir.path().join("run"), &["-c", "missing.toml"]).current_dir(dir.path()).output().unwrap();
    insta::assert_snapshot!(complaint(&output, 2), @"error: cannot read the scenario missing.toml: No such file or directory (os error 2)");
}

#[test]
fn a_wrong_key_is_shown_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let output = with_config(dir.path(), "name = \"mine\"\nstagess = []\n");
    insta::assert_snapshot!(complaint(&output, 2));
}

#[test]
fn a_value_that_makes_no_sense_is_shown_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let documented = include_str!("../../../scenarios/goodgo.toml");
    let output = with_config(dir.path(), &documented.replacen("per_s = 150", "per_s = -1", 1));
    insta::assert_snapshot!(complaint(&output, 2), @"error: my.toml: objective `rest`: its rate is -1 per second; write one above 0 and up to 1000000");
}

#[test]
fn a_directory_that_holds_a_run_is_not_written_over() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("run.json"), "{}").unwrap();
    let said = complaint(&verify(dir.path(), &[]).output().unwrap(), 2);
    assert!(said.contains("there is a run in this directory already"), "{said}");
}

#[test]
fn a_directory_without_a_run_cannot_be_reported() {
    let dir = tempfile::tempdir().unwrap();
    let said = complaint(&proofload().arg("report").arg(dir.path()).output().unwrap(), 2);
    assert!(said.contains("no run.json here"), "{said}");
}

#[test]
fn without_java_pip_and_maven_the_stack_says_what_to_install() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let mut command = verify(&out, &[]);
    command.env("PATH", "/nonexistent").env("PROOFLOAD_CACHE", dir.path().join("cache"));
    let output = command.env_remove("JAVA_HOME").env_remove("KAFKA_HOME").output().unwrap();
    let said = complaint(&output, 12);
    assert!(said.contains("pip") && said.contains("install"), "{said}");
}

#[test]
fn the_help_lists_the_exit_codes() {
    let output = proofload().arg("--help").output().unwrap();
    insta::assert_snapshot!(complaint(&output, 0));
}
