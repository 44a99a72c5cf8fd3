//! The GoodGo reference services: a small, honest microservice platform to measure.
//!
//! One process is one service instance. A service knows what any service of a platform knows
//! (an address to listen on, a name server, a broker, the URLs of those it calls) and nothing of
//! what measures it. A process ends when its standard input does, unless told to stay.
//!
//! What belongs here: the services and what they share. What does not: starting and stopping
//! them, and measuring them.

mod args;
mod auth;
mod client;
mod consumer;
mod email;
mod events;
mod http;
mod iam;
mod kafka;
mod lifetime;
mod notification;
mod order;
mod product;
mod profile;
mod publisher;
mod seed;
mod telemetry;
#[cfg(test)]
mod testing;
mod user;

use anyhow::Context as _;
use axum::Router;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tracing::info;

pub use args::{ServiceArgs, ServiceName};

use http::{Gate, Readiness};

/// Runs one service until its standard input ends (with `--stay`: until the process is ended).
///
/// Builds its own runtime, so it is called from a plain thread, not from inside another runtime.
///
/// # Errors
/// When something the service needs is missing or cannot be used: the secret, a URL, the address
/// to listen on, or Kafka's configuration. A broker that is merely away is not an error; the
/// service says so on `/health/ready` and waits for it.
pub fn run(args: &ServiceArgs) -> anyhow::Result<()> {
    telemetry::init_logging();
    let runtime = runtime(args.name).context("cannot start the runtime")?;
    let result = runtime.block_on(serve(args));
    // Nothing that is still in flight matters once the run is over.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    result
}

/// A service that answers from memory runs on one thread: with the load on the same two cores
/// that took 15 % less CPU per request than two workers, and the slowest percent took 0.2 ms
/// instead of 3 ms, because no request moves to a thread that has to be woken. A service with a
/// Kafka client has a second worker, as some of that client's calls can block.
fn runtime(name: ServiceName) -> std::io::Result<Runtime> {
    match name {
        ServiceName::Iam | ServiceName::Product | ServiceName::Email => {
            Builder::new_current_thread().enable_all().build()
        }
        ServiceName::User | ServiceName::Order | ServiceName::Notification | ServiceName::Profile => {
            Builder::new_multi_thread().worker_threads(2).enable_all().build()
        }
    }
}

async fn serve(args: &ServiceArgs) -> anyhow::Result<()> {
    // The parent may end while we start, so watch from the first moment.
    let over = lifetime::end_of_run(args.stay)?;
    let gate = Gate::new(args.secret()?, args.delay);
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("{} cannot listen on {}", args.name, args.listen))?;
    let (router, readiness) = build(args, &gate)?;
    let router = http::with_operations(router, &gate, readiness);
    info!("{} listens on {}", args.name, listener.local_addr()?);
    http::serve(listener, router, over).await?;
    info!("{} stops", args.name);
    Ok(())
}

/// The routes of the named service, and what says whether it is ready to take requests.
fn build(args: &ServiceArgs, gate: &Gate) -> anyhow::Result<(Router, Readiness)> {
    match args.name {
        ServiceName::Iam => Ok((iam::router(gate), Readiness::always())),
        ServiceName::Product => Ok((product::router(gate), Readiness::always())),
        ServiceName::Email => Ok((email::router(gate), Readiness::always())),
        ServiceName::User => user::start(args, gate),
        ServiceName::Order => order::start(args, gate),
        ServiceName::Notification => notification::start(args, gate),
        ServiceName::Profile => profile::start(args, gate),
    }
}
