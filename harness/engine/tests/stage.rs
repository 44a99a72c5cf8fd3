//! Whole stages against real servers on loopback.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use proofload_engine::{Event, HttpTarget, Measure, Pace, ProbePlan, RunClock, StagePlan, Stop, run_stage};
use proofload_evidence::{Counts, FaultKind, StageSpan, Tally};
use tokio::sync::mpsc::unbounded_channel;

/// What came out of a stage.
#[derive(Default)]
struct Outcome {
    span: Option<StageSpan>,
    tallies: BTreeMap<String, Tally>,
    latencies: BTreeMap<String, Counts>,
}

impl Outcome {
    fn p95_ms(&self, series: &str) -> f64 {
        self.latencies[series].quantile(0.95, 0).unwrap() as f64 / 1e6
    }
}

/// A server that answers each request after what `delay` says for the time since its start.
fn serve(delay: impl Fn(Duration) -> Duration + Send + Sync + 'static, status: u16) -> SocketAddr {
    let (told, address) = std::sync::mpsc::channel();
    let delay = Arc::new(delay);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            told.send(listener.local_addr().unwrap()).unwrap();
            let start = Instant::now();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let delay = Arc::clone(&delay);
                tokio::spawn(async move {
                    let answer = service_fn(move |_| {
                        let wait = delay(start.elapsed());
                        async move {
                            tokio::time::sleep(wait).await;
                            let mut response = Response::new(Full::new(Bytes::from_static(b"hello")));
                            *response.status_mut() = StatusCode::from_u16(status).unwrap();
                            Ok::<_, Infallible>(response)
                        }
                    });
                    let _ =
                        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
                });
            }
        });
    });
    address.recv().unwrap()
}

fn target(address: SocketAddr) -> HttpTarget {
    HttpTarget {
        host: address.ip().to_string(),
        port: address.port(),
        name_server: None,
        path: "/things/{001..100}".to_owned().try_into().unwrap(),
        headers: vec![("x-correlation-id".to_owned(), "{id}".to_owned())],
        connections: 4,
    }
}

fn probe(objective: &str, measure: Measure, per_s: f64) -> ProbePlan {
    ProbePlan {
        objective: objective.to_owned(),
        measure,
        pace: Pace::Constant { per_s },
        limit: Duration::from_millis(100),
        timeout: Duration::from_millis(500),
        max_in_flight: 1_000,
    }
}

fn run(measure_s: u32, probes: Vec<ProbePlan>) -> Outcome {
    let (events, mut received) = unbounded_channel();
    let (_stopper, stop) = Stop::pair();
    let stage = StagePlan { name: "test".to_owned(), warm_up_s: 0, measure_s, background: false, probes };
    run_stage(&stage, 1, RunClock::start(), &stop, &events).unwrap();
    drop(events);
    let mut outcome = Outcome::default();
    while let Ok(event) = received.try_recv() {
        match event {
            Event::Started(span) => outcome.span = Some(span),
            Event::Interval(interval) => {
                outcome.tallies.entry(interval.series.clone()).or_default().add(&interval.tally);
                outcome.latencies.entry(interval.series).or_default().add(&Counts::of(&interval.latency));
            }
        }
    }
    for (series, tally) in &outcome.tallies {
        assert_eq!(tally.unfinished(), 0, "{series}: {tally:?}");
    }
    outcome
}

fn rest(address: SocketAddr) -> ProbePlan {
    probe("rest", Measure::Http { target: target(address) }, 200.0)
}

#[test]
fn every_arrival_is_answered_and_accounted_for() {
    let outcome = run(2, vec![rest(serve(|_| Duration::ZERO, 200))]);
    assert_eq!(outcome.tallies["rest"].scheduled, 400);
    assert_eq!(outcome.tallies["rest"].ok, 400);
    assert_eq!(outcome.span.unwrap().series, ["rest"]);
}

#[test]
fn a_stalled_server_raises_p95() {
    // Nothing is answered in the first 400 ms of every second: two fifths of the arrivals wait.
    let stall = |since: Duration| Duration::from_millis(400_u64.saturating_sub(u64::from(since.subsec_millis())));
    let outcome = run(3, vec![rest(serve(stall, 200))]);
    let p95 = outcome.p95_ms("rest");
    assert!((300.0..420.0).contains(&p95), "{p95}");
}

#[test]
fn errors_timeouts_and_refusals_are_faults_of_their_kind() {
    let outcome = run(
        1,
        vec![
            probe("errors", Measure::Http { target: target(serve(|_| Duration::ZERO, 503)) }, 100.0),
            probe("slow", Measure::Http { target: target(serve(|_| Duration::from_secs(3), 200)) }, 100.0),
            probe("nobody", Measure::Http { target: target("127.0.0.1:1".parse().unwrap()) }, 100.0),
        ],
    );
    let kinds: Vec<_> = outcome.tallies.iter().map(|(name, t)| (name.as_str(), t.faults.clone())).collect();
    let all = |kind| BTreeMap::from([(kind, 100_u64)]);
    assert_eq!(
        kinds,
        [
            ("errors", all(FaultKind::Status(503))),
            ("nobody", all(FaultKind::Connect)),
            ("slow", all(FaultKind::Timeout))
        ]
    );
}

#[test]
fn both_arms_of_the_gateway_get_their_share_of_every_second() {
    let [direct, through] = [serve(|_| Duration::ZERO, 200), serve(|_| Duration::from_millis(30), 200)].map(target);
    let outcome = run(2, vec![probe("gateway", Measure::Gateway { through, direct }, 200.0)]);
    for arm in ["gateway.through", "gateway.direct"] {
        assert!((120..280).contains(&outcome.tallies[arm].ok), "{arm}");
    }
    assert!(outcome.p95_ms("gateway.through") > 29.0 + outcome.p95_ms("gateway.direct"));
}

#[test]
fn a_plan_that_cannot_be_is_refused_with_its_objective() {
    let mut impossible = target("127.0.0.1:1".parse().unwrap());
    impossible.headers.push(("no header".to_owned(), "x".to_owned()));
    let (events, _received) = unbounded_channel();
    let (_stopper, stop) = Stop::pair();
    let possible = target(serve(|_| Duration::ZERO, 200));
    let probes = vec![
        probe("other", Measure::Http { target: possible }, 1.0),
        probe("rest", Measure::Http { target: impossible }, 1.0),
    ];
    let begun = Instant::now();
    let stage = StagePlan { name: "test".to_owned(), warm_up_s: 0, measure_s: 30, background: false, probes };
    let message = run_stage(&stage, 1, RunClock::start(), &stop, &events).unwrap_err().to_string();
    assert!(message.contains("objective `rest`: header `no header`"), "{message}");
    assert!(begun.elapsed() < Duration::from_secs(10), "the other probe's load was waited for");
}
