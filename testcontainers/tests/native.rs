//! The native stack with the real Kafka, the real Traefik and the reference services. The first run
//! on a machine fetches the parts.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod common;

use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use common::{part, runs, within};
use proofload_stack::{NativeOptions, Platform, StackError, StackEvent, default_cache_dir, start_native};

fn options(logs: &Path) -> NativeOptions {
    NativeOptions {
        executable: part(),
        log_dir: logs.to_owned(),
        cache_dir: default_cache_dir(),
        slow: BTreeMap::new(),
    }
}

async fn start(logs: &Path) -> Platform {
    start_native(options(logs), &mut |_| {}).await.unwrap()
}

/// The status line's code for a GET, on a connection of its own.
fn get(address: SocketAddr, path: &str) -> u16 {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn part_pids(platform: &Platform) -> Vec<u32> {
    platform.parts.iter().map(|part| part.pid).collect()
}

/// The directory of the settings file that Kafka's command line ends with.
fn kafka_dir(platform: &Platform) -> PathBuf {
    let kafka = platform.parts.iter().find(|part| part.name == "kafka").unwrap();
    let command = fs::read_to_string(format!("/proc/{}/cmdline", kafka.pid)).unwrap();
    let settings = command.trim_end_matches('\0').rsplit('\0').next().unwrap();
    Path::new(settings).parent().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platform_starts_serves_and_stops_with_nothing_left() {
    let logs = tempfile::tempdir().unwrap();
    let mut ready = Vec::new();
    let platform = start_native(options(logs.path()), &mut |event| {
        if let StackEvent::Ready { part, .. } = event {
            ready.push(part);
        }
    })
    .await
    .unwrap();

    ready.sort();
    let all = ["dns", "email", "iam", "kafka", "notification", "order", "product", "profile", "traefik", "user"];
    assert_eq!(ready, all, "each part says once that it is ready");
    platform.check().unwrap();
    let pids = part_pids(&platform);
    assert!(pids.iter().all(|pid| runs(*pid)), "{pids:?}");
    assert_eq!(get(platform.gateway, "/health/user"), 200);
    assert_eq!(get(platform.gateway_metrics, "/ping"), 200);
    for internal in ["/internal/permissions/1", "/api/v1/users/../../../internal/permissions/1", "/health/ready"] {
        assert_eq!(get(platform.gateway, internal), 404, "{internal}");
    }
    let access = fs::read_to_string(&platform.gateway_access_log).unwrap();
    assert!(
        access.contains("\"Overhead\":") && access.contains("\"request_User-Agent\":\"proofload-ready\""),
        "{access}"
    );

    let dir = kafka_dir(&platform);
    assert!(dir.is_dir(), "{}", dir.display());

    let since = Instant::now();
    platform.stop().await.unwrap();

    assert!(since.elapsed() < Duration::from_secs(3));
    assert!(!pids.iter().any(|pid| runs(*pid)));
    assert!(!dir.exists() && !dir.parent().unwrap().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_platforms_at_once_share_no_address_and_a_dead_part_is_named() {
    let (logs, more_logs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (first, mut second) = tokio::join!(start(logs.path()), start(more_logs.path()));

    let addresses = |platform: &Platform| platform.parts.iter().map(|part| part.address.clone()).collect::<Vec<_>>();
    assert!(!addresses(&first).iter().any(|address| addresses(&second).contains(address)));

    let kafka = first.parts.iter().find(|part| part.name == "kafka").unwrap().pid;
    assert!(Command::new("kill").args(["-9", &kafka.to_string()]).status().unwrap().success());
    assert!(within(Duration::from_secs(3), || first.check().is_err()));
    let message = first.check().unwrap_err().to_string();
    assert!(message.starts_with("kafka ended by itself (ended by signal 9)"), "{message}");

    second.stop_part("kafka").await.unwrap();
    second.check().unwrap();
    assert!(matches!(second.stop_part("kafka").await, Err(StackError::Unknown { .. })));
    drop(first);
    second.stop().await.unwrap();
}

#[test]
fn after_a_kill_of_the_harness_everything_is_gone_within_five_seconds() {
    let (pids, dir) = killed_harness(|harness, _| kill9(&[harness]));
    assert!(within(Duration::from_secs(5), || !pids.iter().any(|pid| runs(*pid)) && !Path::new(&dir).exists()));
}

#[test]
fn after_a_kill_of_the_harness_and_all_its_own_parts_no_process_is_left() {
    let (pids, _) = killed_harness(|harness, children| kill9(&[&[harness], children].concat()));
    assert!(within(Duration::from_secs(5), || !pids.iter().any(|pid| runs(*pid))));
}

#[test]
fn without_java_and_pip_the_message_says_what_was_looked_for_and_what_to_install() {
    let empty = tempfile::tempdir().unwrap();
    let output = Command::new(part().with_file_name("stack"))
        .env_clear()
        .env("PATH", empty.path())
        .env("PROOFLOAD_CACHE", empty.path().join("cache"))
        .env("TMPDIR", empty.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    for missing in ["Java 17 or newer was not found", "Traefik 3 was not found", "Apache Kafka 4.4.0 was not found"] {
        assert!(message.contains(missing), "{message}");
    }
    assert!(message.contains("neither `pip`, `pip3` nor `python3 -m pip` works"), "{message}");
    assert!(message.contains("apt-get install"), "{message}");
    assert!(!output.status.success());
}

#[test]
fn an_unknown_service_to_slow_down_is_refused_before_anything_is_started() {
    let logs = tempfile::tempdir().unwrap();
    let mut options = options(logs.path());
    options.slow.insert("usr".to_owned(), Duration::from_millis(150));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let result = runtime.block_on(start_native(options, &mut |event| panic!("{event:?}")));
    assert!(matches!(result, Err(StackError::Unknown { .. })));
}

/// Starts the stack in a process of its own and lets `kill` kill it; returns the parts' process ids
/// and the run's directory.
fn killed_harness(kill: impl Fn(u32, &[u32])) -> (Vec<u32>, String) {
    let logs = tempfile::tempdir().unwrap();
    let example = part().with_file_name("stack");
    let mut harness = Command::new(example);
    harness.env("TMPDIR", std::env::temp_dir()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut harness = harness.current_dir(logs.path()).spawn().unwrap();
    let mut output = String::new();
    let stdout = harness.stdout.as_mut().unwrap();
    let mut bytes = [0; 4096];
    while !output.contains("Platform {") {
        let length = stdout.read(&mut bytes).unwrap();
        assert!(length > 0, "{output}");
        output.push_str(&String::from_utf8_lossy(&bytes[..length]));
    }
    let children = children_of(harness.id());
    let programs = children.iter().flat_map(|child| children_of(*child));
    let all = children.iter().copied().chain(programs).collect::<Vec<_>>();
    assert!(all.len() >= 12, "ten parts and two tethers: {all:?}");
    let dir = run_dir(harness.id());
    assert!(Path::new(&dir).is_dir(), "{dir}");

    kill(harness.id(), &children);
    harness.wait().unwrap();
    (all, dir)
}

fn kill9(pids: &[u32]) {
    let pids = pids.iter().map(u32::to_string);
    assert!(Command::new("kill").arg("-9").args(pids).status().unwrap().success());
}

fn children_of(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let lists = tasks.map(|task| fs::read_to_string(task.path().join("children")).unwrap_or_default());
    lists.flat_map(|list| list.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>()).collect()
}

/// The run directory of a process, while there is one.
fn run_dir(pid: u32) -> String {
    let prefix = format!("proofload-{pid}-");
    let entries = fs::read_dir(std::env::temp_dir()).unwrap().flatten();
    let mut names = entries.map(|entry| entry.path()).filter(|path| {
        path.is_dir() && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix))
    });
    names.next().map(|path| path.display().to_string()).unwrap_or_default()
}
