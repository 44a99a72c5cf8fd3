//! One full look-up of a service's name, as an application does it: A and AAAA, by the platform's
//! resolver, no cache. A single A query is measured beside it.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use proofload_evidence::{FaultKind, Sample};

use super::{Arrival, Probe, Reply};
use crate::clock::RunClock;
use crate::resolve;

pub(crate) struct Discovery {
    clock: RunClock,
    series: String,
    server: Option<SocketAddr>,
    names: Vec<String>,
    timeout: Duration,
    /// One for each look-up under way: a resolver merges identical queries in flight, even with
    /// its cache off, and a merged query is one that was not measured.
    idle: RefCell<Vec<TokioResolver>>,
}

impl Discovery {
    pub(crate) fn new(
        clock: RunClock,
        series: String,
        server: Option<SocketAddr>,
        names: Vec<String>,
        timeout: Duration,
    ) -> Result<Self, String> {
        if names.is_empty() {
            return Err("no names to look up".to_owned());
        }
        let first = resolve::resolver(server)?;
        Ok(Self { clock, series, server, names, timeout, idle: RefCell::new(vec![first]) })
    }

    async fn look_up(&self, resolver: &TokioResolver, name: &str) -> Result<(), FaultKind> {
        match tokio::time::timeout(self.timeout, resolver.lookup_ip(name)).await {
            Err(_) => Err(FaultKind::Timeout),
            Ok(Err(_)) => Err(FaultKind::Name),
            Ok(Ok(found)) => found.iter().next().map(|_| ()).ok_or(FaultKind::Name),
        }
    }

    async fn query(&self, resolver: &TokioResolver, name: &str) -> Sample {
        let sent_ns = self.clock.now_ns();
        let result = match tokio::time::timeout(self.timeout, resolver.ipv4_lookup(name)).await {
            Err(_) => Err(FaultKind::Timeout),
            Ok(answer) => answer.map(|_| ()).map_err(|_| FaultKind::Name),
        };
        let Reply { done_ns, outcome, .. } = Reply::of(sent_ns, self.clock.now_ns(), result);
        // It follows the look-up, so it is due when it is sent.
        Sample { due_ns: sent_ns, sent_ns, done_ns, outcome }
    }
}

impl Probe for Discovery {
    fn series(&self) -> Vec<String> {
        vec![self.series.clone(), format!("{}.a", self.series)]
    }

    fn has_beside(&self) -> bool {
        true
    }

    async fn fire(&self, arrival: Arrival, _series: usize) -> Reply {
        let name = &self.names[arrival.index as usize % self.names.len()];
        let sent_ns = self.clock.now_ns();
        let idle = self.idle.borrow_mut().pop();
        let Some(resolver) = idle.or_else(|| resolve::resolver(self.server).ok()) else {
            return Reply::of(sent_ns, self.clock.now_ns(), Err(FaultKind::Name));
        };
        let result = self.look_up(&resolver, name).await;
        let mut reply = Reply::of(sent_ns, self.clock.now_ns(), result);
        let beside = self.query(&resolver, name).await;
        // The second in which the arrival was due is the one both are counted in.
        reply.beside = Some(Sample {
            due_ns: arrival.due_ns,
            sent_ns: arrival.due_ns,
            done_ns: arrival.due_ns + beside.latency_ns(),
            ..beside
        });
        self.idle.borrow_mut().push(resolver);
        reply
    }
}
