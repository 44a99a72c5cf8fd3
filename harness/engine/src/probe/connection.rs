//! Warm HTTP/1.1 connections to one target, one request on each at a time.
//!
//! A connection goes back when its answer's body has been read to the end; the one used last is
//! taken first, so that few stay warm and the rest are spare.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper_util::rt::TokioIo;
use proofload_evidence::FaultKind;
use tokio::net::TcpStream;

use crate::plan::HttpTarget;
use crate::resolve;

type Sender = SendRequest<Empty<Bytes>>;

/// Connections to one target.
#[derive(Debug)]
pub(crate) struct Connections {
    target: HttpTarget,
    headers: HeaderMap,
    fresh_id_headers: Vec<HeaderName>,
    idle: RefCell<Vec<Sender>>,
    rng: RefCell<fastrand::Rng>,
}

impl Connections {
    pub(crate) fn new(target: HttpTarget, seed: u64) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        let mut fresh_id_headers = Vec::new();
        let host = format!("{}:{}", target.host, target.port);
        headers.insert(hyper::header::HOST, HeaderValue::from_str(&host).map_err(|e| format!("host `{host}`: {e}"))?);
        for (name, value) in &target.headers {
            let key = HeaderName::from_bytes(name.as_bytes()).map_err(|e| format!("header `{name}`: {e}"))?;
            if value == "{id}" {
                fresh_id_headers.push(key);
            } else {
                let value = HeaderValue::from_str(value).map_err(|e| format!("value of header `{name}`: {e}"))?;
                headers.insert(key, value);
            }
        }
        let rng = RefCell::new(fastrand::Rng::with_seed(seed));
        Ok(Self { target, headers, fresh_id_headers, idle: RefCell::default(), rng })
    }

    /// Opens the connections that the target asks for; stops at the first that cannot be had.
    pub(crate) async fn warm(&self) {
        for _ in 0..self.target.connections {
            match self.connect().await {
                Ok(sender) => self.idle.borrow_mut().push(sender),
                Err(_) => return,
            }
        }
    }

    /// One request, to the last byte of the answer.
    pub(crate) async fn exchange(&self, timeout: Duration) -> Result<(), FaultKind> {
        tokio::time::timeout(timeout, self.exchange_unbounded()).await.unwrap_or(Err(FaultKind::Timeout))
    }

    async fn exchange_unbounded(&self) -> Result<(), FaultKind> {
        let mut sender = self.take().await?;
        let request = self.request()?;
        let response = sender.send_request(request).await.map_err(|e| fault(&e))?;
        let status = response.status();
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            frame.map_err(|e| fault(&e))?;
        }
        self.idle.borrow_mut().push(sender);
        if status.is_success() { Ok(()) } else { Err(FaultKind::Status(status.as_u16())) }
    }

    fn request(&self) -> Result<Request<Empty<Bytes>>, FaultKind> {
        let rng = &mut self.rng.borrow_mut();
        let mut request = Request::new(Empty::new());
        // A pattern whose paths are no URIs shows as a protocol fault on every request.
        *request.uri_mut() = self.target.path.draw(rng).parse().map_err(|_| FaultKind::Protocol)?;
        request.headers_mut().clone_from(&self.headers);
        for name in &self.fresh_id_headers {
            let id = format!("{:016x}", rng.u64(..));
            if let Ok(id) = HeaderValue::try_from(id) {
                request.headers_mut().insert(name.clone(), id);
            }
        }
        Ok(request)
    }

    async fn take(&self) -> Result<Sender, FaultKind> {
        loop {
            let Some(mut sender) = self.idle.borrow_mut().pop() else { return self.connect().await };
            // One that the server closed meanwhile says so here, and costs nothing.
            if sender.ready().await.is_ok() {
                return Ok(sender);
            }
        }
    }

    async fn connect(&self) -> Result<Sender, FaultKind> {
        let stream = match self.target.host.parse::<IpAddr>() {
            Ok(ip) => TcpStream::connect((ip, self.target.port)).await,
            Err(_) => {
                let resolver = resolve::resolver(self.target.name_server).map_err(|_| FaultKind::Name)?;
                let found = resolver.lookup_ip(self.target.host.as_str()).await.map_err(|_| FaultKind::Name)?;
                let addresses: Vec<_> = found.iter().map(|ip| (ip, self.target.port).into()).collect();
                TcpStream::connect::<&[SocketAddr]>(&addresses).await
            }
        };
        let stream = stream.map_err(|_| FaultKind::Connect)?;
        stream.set_nodelay(true).map_err(|_| FaultKind::Connect)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|e| fault(&e))?;
        // Its end is seen by whoever holds the sender.
        tokio::task::spawn_local(async move {
            let _ = connection.await;
        });
        Ok(sender)
    }
}

fn fault(error: &hyper::Error) -> FaultKind {
    if error.is_parse() { FaultKind::Protocol } else { FaultKind::Broken }
}

pub(super) fn settings(target: &HttpTarget, timeout: Duration) -> Vec<(&'static str, String)> {
    vec![
        ("protocol", "HTTP/1.1, keep-alive, TCP_NODELAY".to_owned()),
        ("connections opened ahead", target.connections.to_string()),
        ("timeout", format!("{} ms", timeout.as_millis())),
    ]
}
