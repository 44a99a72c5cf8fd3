//! Waiting until a part does what it is there for, watching meanwhile that it lives.

use std::{
    future::Future,
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::{Request, StatusCode, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

use super::process::Process;
use crate::{
    error::StackError,
    event::{Events, StackEvent},
};

const POLL: Duration = Duration::from_millis(20);

/// When to give up, and how long that is from the beginning.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    at: Instant,
    whole: Duration,
}

impl Deadline {
    pub(super) fn after(whole: Duration) -> Self {
        Self { at: Instant::now() + whole, whole }
    }

    fn left(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }
}

/// Tries `attempt` until it succeeds; `expected` says in words what that is. Ends with an error when
/// the process ends or the deadline passes, also in the middle of an attempt.
pub(super) async fn until<F, T>(
    process: &Process,
    deadline: Deadline,
    expected: &str,
    mut attempt: impl FnMut() -> F,
) -> Result<T, StackError>
where
    F: Future<Output = Result<T, String>>,
{
    let mut seen = "nothing".to_owned();
    loop {
        let outcome = tokio::select! {
            outcome = timeout(deadline.left(), attempt()) => outcome,
            died = death(process) => return Err(died),
        };
        match outcome {
            Ok(Ok(result)) => return Ok(result),
            Ok(Err(error)) => seen = error,
            Err(_) => {}
        }
        process.check()?;
        if deadline.left().is_zero() {
            return Err(StackError::NotReady {
                part: process.name().to_owned(),
                waited: deadline.whole,
                expected: expected.to_owned(),
                seen,
                log: process.log_end(),
            });
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Resolves when the process has ended.
async fn death(process: &Process) -> StackError {
    loop {
        tokio::time::sleep(POLL).await;
        if let Err(died) = process.check() {
            return died;
        }
    }
}

/// Tells that a part is ready, and how long it took.
pub(super) fn announce(process: &Process, events: &Events) {
    events.send(StackEvent::Ready { part: process.name().to_owned(), took: process.started().elapsed() });
}

/// Waits until `GET path` is answered with 200.
pub(super) async fn until_http_ok(
    process: &Process,
    deadline: Deadline,
    address: SocketAddr,
    path: &str,
) -> Result<(), StackError> {
    let expected = format!("200 for GET http://{address}{path}");
    until(process, deadline, &expected, || get(address, path)).await
}

/// One request on a connection of its own.
async fn get(address: SocketAddr, path: &str) -> Result<(), String> {
    /// A single answer that takes longer is asked for again.
    const PATIENCE: Duration = Duration::from_secs(3);

    let exchange = async {
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        let request = Request::get(path)
            .header(header::HOST, address.to_string())
            .header(header::USER_AGENT, "proofload-ready")
            .body(Empty::<Bytes>::new())
            .map_err(|error| error.to_string())?;
        tokio::select! {
            response = sender.send_request(request) => Ok(response.map_err(|error| error.to_string())?.status()),
            ended = connection => Err(format!("the connection ended without an answer ({ended:?})")),
        }
    };
    match timeout(PATIENCE, exchange).await {
        Ok(Ok(StatusCode::OK)) => Ok(()),
        Ok(Ok(status)) => Err(status.to_string()),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(format!("no answer within {}", humantime::format_duration(PATIENCE))),
    }
}
