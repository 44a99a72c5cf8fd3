//! The native stack: the documented platform as processes of this machine, without Docker or root.
//!
//! Each run has addresses, a directory and processes of its own. Only the cache of fetched parts is
//! shared. What a part is (settings, readiness) is in the file of its name; the order is in `start`.

mod block;
mod kafka;
mod kafka_prepare;
mod memory;
mod name_server;
mod process;
mod ready;
mod run_dir;
mod running;
mod services;
mod start;
mod tools;
mod traefik;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

pub(crate) use running::Running;

use crate::{
    error::StackError,
    event::{Events, StackEvent},
    platform::Platform,
};

/// How to start the native stack.
#[derive(Debug, Clone)]
pub struct NativeOptions {
    /// The program that has `part service`, `part dns` and `part tether`: the running one, usually.
    pub executable: PathBuf,
    /// Where logs go, one file for each part; made if it is not there.
    pub log_dir: PathBuf,
    /// Where fetched parts live; see [`default_cache_dir`](crate::default_cache_dir).
    pub cache_dir: PathBuf,
    /// Services to slow down, by name (`iam`, `user`, `order`, `product`, `notification`, `profile`,
    /// `email`), and by how much each answer is delayed.
    pub slow: BTreeMap<String, Duration>,
}

/// Starts the platform and waits until every part does what it is there for. `on_event` hears how it
/// goes. Giving up the future ends everything that was started.
///
/// # Errors
///
/// When something that is needed is neither here nor to be fetched, when there is not enough memory,
/// or when a part ends or is not ready in time. Nothing is left running then.
pub async fn start_native(
    options: NativeOptions,
    on_event: &mut dyn FnMut(StackEvent),
) -> Result<Platform, StackError> {
    let (events, mut inbox) = Events::channel();
    let start = start::start(options, events);
    tokio::pin!(start);
    loop {
        tokio::select! {
            biased;
            Some(event) = inbox.recv() => on_event(event),
            result = &mut start => {
                while let Ok(event) = inbox.try_recv() {
                    on_event(event);
                }
                return result;
            }
        }
    }
}
