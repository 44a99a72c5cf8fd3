//! The reference services on their own, for trying one by hand; `proofload` mounts the same
//! library, so nothing but the command line belongs here.

use clap::Parser;
use proofload_services::ServiceArgs;

/// Run one of the GoodGo reference services.
#[derive(Parser)]
#[command(name = "proofload-services", version)]
struct Cli {
    #[command(flatten)]
    service: ServiceArgs,
}

fn main() -> anyhow::Result<()> {
    proofload_services::run(&Cli::parse().service)
}
