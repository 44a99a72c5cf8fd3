//! The gates: the native stack brought up for real, and the documented targets held; and what
//! must turn red, turned red.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![cfg(target_os = "linux")]

mod common;

use std::time::Duration;

use common::{
    alone, assert_adds_up, assert_gone, end, finding, pid_of, pids, proofload, record, short_scenario, signal, start,
    start_short, text, wait_for_load,
};

/// An inconclusive run is no pass and no fail; it is measured again, this often at the most.
const MOST_RUNS: usize = 3;

#[test]
fn the_platform_keeps_its_six_documented_targets() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    for run in 1..=MOST_RUNS {
        let out = dir.path().join(run.to_string());
        let (_, code) = end(start(&out, &[]));
        if code == Some(11) && run < MOST_RUNS {
            continue;
        }
        assert_eq!(code, Some(0));
        let record = record(&out);
        assert_eq!(record["schema_version"], 1);
        assert_eq!(record["verdict"], "pass");
        assert_adds_up(&record);
        let limits = [
            ("rest", "limit_ms", 100.0),
            ("publish", "limit_ms", 50.0),
            ("discovery", "limit_ms", 10.0),
            ("gateway", "limit_ms", 20.0),
            ("processing", "limit_ms", 500.0),
            ("throughput", "limit_per_s", 10_000.0),
        ];
        for (objective, name, limit) in limits {
            let finding = finding(&record, objective);
            assert_eq!(finding[name].as_f64(), Some(limit), "{finding}");
            assert!(finding["interval"][0].is_number() && finding["interval"][1].is_number(), "{finding}");
            assert!(finding["n"].as_u64() > Some(1_000) && !finding["source"].as_str().unwrap().is_empty());
        }
        assert!(finding(&record, "gateway")["delta_p95_ms"].is_number());
        assert!(finding(&record, "throughput")["rate_per_s"].is_number());
        let transactions = record["user_traffic"]["transactions"].as_array().unwrap();
        assert!(transactions.iter().any(|t| t["runs"].as_u64() > Some(0)), "the users did nothing");
        assert_eq!(record["witnesses"].as_array().unwrap().len(), 2, "Traefik's own figures");
        assert!(std::fs::metadata(out.join("report.html")).unwrap().len() > 10_000);
        assert_gone(&pids(&record), Duration::from_secs(1));
        return;
    }
}

#[test]
fn a_user_service_slowed_past_the_limit_turns_rest_red() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let scenario = short_scenario(dir.path());
    let out = dir.path().join("run");
    let slow = ["--only", "rest", "--slow", "user=150ms", "-c", scenario.to_str().unwrap()];
    let (said, code) = end(start(&out, &slow));
    assert_eq!(code, Some(10));
    let record = record(&out);
    let rest = finding(&record, "rest");
    assert_eq!(rest["verdict"], "fail");
    assert!(rest["p95_ms"].as_f64() > Some(150.0));
    assert!(rest["reasons"][0].as_str().unwrap().contains("are over 100 ms"), "{rest}");
    assert!(said.contains("FAIL"));
}

#[test]
fn a_stopped_kafka_turns_publish_and_processing_red_not_green_for_lack_of_data() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let (mut child, out) = start_short(dir.path(), "publish,processing");
    let early = wait_for_load(&out, &mut child);
    signal(pid_of(&early, "kafka"), "STOP");
    assert_eq!(end(child).1, Some(10));
    let record = record(&out);
    for objective in ["publish", "processing"] {
        let finding = finding(&record, objective);
        assert_eq!(finding["verdict"], "fail", "{finding}");
        assert!(finding["p95_ms"].is_null(), "what never came has no latency: {finding}");
        assert!(finding["n"].as_u64() > Some(100), "{finding}");
    }
    assert_adds_up(&record);
    assert_gone(&pids(&record), Duration::from_secs(1));
}

#[test]
fn a_kafka_that_dies_in_mid_window_turns_publish_red_and_is_named() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let (mut child, out) = start_short(dir.path(), "publish");
    let early = wait_for_load(&out, &mut child);
    std::thread::sleep(Duration::from_secs(7));
    signal(pid_of(&early, "kafka"), "KILL");
    assert_eq!(end(child).1, Some(10));
    let record = record(&out);
    assert_eq!(finding(&record, "publish")["verdict"], "fail");
    assert_adds_up(&record);
    let warning = record["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("kafka") && warning.contains("signal 9"), "{warning}");
}

#[test]
fn a_harness_that_was_paused_blames_itself_and_not_the_target() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let (mut child, out) = start_short(dir.path(), "rest,processing");
    wait_for_load(&out, &mut child);
    std::thread::sleep(Duration::from_secs(6));
    signal(child.id(), "STOP");
    std::thread::sleep(Duration::from_secs(4));
    signal(child.id(), "CONT");
    assert_eq!(end(child).1, Some(11));
    let record = record(&out);
    assert_adds_up(&record);
    for objective in ["rest", "processing"] {
        let reasons = finding(&record, objective)["reasons"].to_string();
        assert!(reasons.contains("not offered as planned") || reasons.contains("generator was late"), "{reasons}");
    }
}

#[test]
fn after_kill_9_nothing_is_left_and_the_report_shows_what_was_measured_until_then() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let mut child = start(&out, &[]);
    let early = wait_for_load(&out, &mut child);
    std::thread::sleep(Duration::from_secs(8));
    signal(child.id(), "KILL");
    child.wait().unwrap();
    assert_gone(&pids(&early), Duration::from_secs(5));

    let output = proofload().arg("report").arg(&out).output().unwrap();
    println!("{}", text(&output));
    assert_eq!(output.status.code(), Some(11));
    assert!(text(&output).contains("cut short"));
    let record = record(&out);
    assert_eq!(record["state"], "running");
    assert_adds_up(&record);
    let rest = record["accounting"].as_array().unwrap().iter().find(|row| row["probe"] == "rest").unwrap();
    assert!(rest["ok"].as_u64() > Some(500), "{rest}");
    assert!(std::fs::read_to_string(out.join("report.html")).unwrap().contains("cut short"));
}

#[test]
fn an_interrupted_run_stops_in_order_and_says_so_by_its_exit_code() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let mut child = start(&out, &[]);
    let early = wait_for_load(&out, &mut child);
    std::thread::sleep(Duration::from_secs(3));
    signal(child.id(), "INT");
    assert_eq!(end(child).1, Some(130));
    assert_gone(&pids(&early), Duration::from_secs(1));
    let record = record(&out);
    assert_eq!(record["state"], "cut_short");
    assert_ne!(record["verdict"], "pass");
    assert_adds_up(&record);
}

#[test]
fn two_runs_side_by_side_share_no_address_and_no_file() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let scenario = short_scenario(dir.path());
    let outs = ["one", "two"].map(|name| dir.path().join(name));
    let children =
        outs.each_ref().map(|out| start(out, &["--only", "discovery,publish", "-c", scenario.to_str().unwrap()]));
    for child in children {
        // Two platforms on one small machine may well be too noisy to judge.
        let (said, code) = end(child);
        assert!(matches!(code, Some(0 | 11)), "{said}");
    }
    let addresses = outs.map(|out| {
        let record = record(&out);
        assert_adds_up(&record);
        assert_eq!(record["warnings"].as_array().unwrap().len(), 0, "{}", record["warnings"]);
        let parts = record["parts"].as_array().unwrap().clone();
        parts.into_iter().map(|part| part["address"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    });
    assert!(addresses[0].iter().all(|address| !addresses[1].contains(address)), "{addresses:?}");
}
