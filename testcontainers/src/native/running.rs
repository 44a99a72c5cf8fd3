//! All that runs and is held for one run, and the order in which it ends.

use std::time::Duration;

use super::{
    block::Block,
    process::{Process, end, end_blocking},
    run_dir::RunDir,
};
use crate::error::StackError;

/// Time for the services, then the gateway, then the rest: together the most that a stop takes.
const SERVICES_GRACE: Duration = Duration::from_millis(800);
const GATEWAY_GRACE: Duration = Duration::from_millis(1200);
const REST_GRACE: Duration = Duration::from_millis(800);
/// From SIGTERM to SIGKILL for the gateway; within its share above.
pub(super) const GATEWAY_TERM_GRACE: Duration = Duration::from_millis(800);

/// The processes of a run, its directory and its addresses. Fields are dropped from the top: first
/// what runs, then what it used.
#[derive(Debug)]
pub(crate) struct Running {
    pub(super) services: Vec<Process>,
    pub(super) gateway: Option<Process>,
    /// Name server and Kafka: what the others lean on.
    pub(super) base: Vec<Process>,
    pub(super) run_dir: RunDir,
    pub(super) _block: Block,
}

impl Running {
    pub(super) fn all(&self) -> impl Iterator<Item = &Process> {
        self.services.iter().chain(&self.gateway).chain(&self.base)
    }

    /// An error if a part has ended.
    pub(crate) fn check(&self) -> Result<(), StackError> {
        self.all().try_for_each(Process::check)
    }

    /// An error for every part that has ended.
    pub(crate) fn deaths(&self) -> Vec<StackError> {
        self.all().filter_map(|process| process.check().err()).collect()
    }

    /// Resolves when a part has ended.
    pub(super) async fn death(&self) -> StackError {
        const POLL: Duration = Duration::from_millis(50);
        loop {
            if let Err(died) = self.check() {
                return died;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Ends one part and forgets it. `None` if there is none of that name.
    pub(crate) async fn stop_part(&mut self, name: &str) -> Option<()> {
        let process = self.take(name)?;
        end(&[&process], GATEWAY_GRACE).await;
        // Dropping it kills what did not end.
        tokio::task::spawn_blocking(move || drop(process)).await.ok()
    }

    fn take(&mut self, name: &str) -> Option<Process> {
        if let Some(gateway) = self.gateway.take_if(|gateway| gateway.name() == name) {
            return Some(gateway);
        }
        let lists = [&mut self.services, &mut self.base];
        lists.into_iter().find_map(|list| {
            let index = list.iter().position(|process| process.name() == name)?;
            Some(list.remove(index))
        })
    }

    /// Ends everything, those that carry load first, so that none of them logs that another one went.
    /// Returns the names of parts that had to be killed.
    pub(crate) async fn stop(self) -> Vec<String> {
        end(&self.services.iter().collect::<Vec<_>>(), SERVICES_GRACE).await;
        end(&self.gateway.iter().collect::<Vec<_>>(), GATEWAY_GRACE).await;
        end(&self.base.iter().collect::<Vec<_>>(), REST_GRACE).await;
        let stubborn = self.all().filter(|process| !process.has_ended());
        let names = stubborn.map(|process| {
            process.kill();
            process.name().to_owned()
        });
        names.collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // All pipes at once: here nobody is left who could mind the order.
        self.all().for_each(Process::close);
        let services = std::mem::take(&mut self.services);
        let mut rest = std::mem::take(&mut self.base);
        rest.extend(self.gateway.take());
        rest.extend(services);
        end_blocking(&rest, SERVICES_GRACE + GATEWAY_GRACE + REST_GRACE);
    }
}
