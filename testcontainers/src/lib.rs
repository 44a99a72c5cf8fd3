//! Places to run the platform, and how they are started, watched and stopped.
//!
//! [`start_native`] brings up the documented platform as local processes: the reference services, a
//! name server, the real Traefik and the real Kafka. It knows nothing of measuring.
//!
//! Invariants: nothing of a stack outlives its run, however the run ends; two runs at once share no
//! address and no file but the cache of fetched parts; this crate prints nothing (see [`StackEvent`])
//! and never ends the process.

#[cfg(not(unix))]
compile_error!("the native stack needs process groups and file locks as Unix has them");

pub mod dns;
mod error;
mod event;
mod fetch;
mod lookup;
mod native;
mod platform;
pub mod tether;

pub use dns::{DnsArgs, DnsError, run_dns};
pub use error::{LogEnd, StackError};
pub use event::StackEvent;
pub use fetch::default_cache_dir;
pub use native::{NativeOptions, start_native};
pub use platform::{Part, Platform, ServiceEndpoint};
pub use tether::{TetherArgs, run_tether};
