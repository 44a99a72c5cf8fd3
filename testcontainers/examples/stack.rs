//! Starts the native stack, says how it goes and keeps it until Enter is pressed: for trying by hand.
//!
//! `cargo run -p proofload-stack --example stack`, after `cargo build -p proofload-stack --examples`.

use std::{collections::BTreeMap, env, io, time::Instant};

use proofload_stack::{NativeOptions, default_cache_dir, start_native};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let begun = Instant::now();
    let options = NativeOptions {
        executable: env::current_exe()?.with_file_name("part"),
        log_dir: env::temp_dir().join("proofload-stack-logs"),
        cache_dir: default_cache_dir(),
        slow: BTreeMap::new(),
    };
    let platform = start_native(options, &mut |event| say(begun, &event)).await.map_err(|error| error.to_string())?;
    say(begun, &platform);
    io::stdin().read_line(&mut String::new())?;
    let begun = Instant::now();
    platform.stop().await?;
    say(begun, &"stopped");
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example shows what happens")]
fn say(begun: Instant, what: &impl std::fmt::Debug) {
    println!("{:6.2} s {what:?}", begun.elapsed().as_secs_f64());
}
