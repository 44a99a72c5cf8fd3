//! What makes Kafka's start quick, made once and kept in the cache: a formatted data directory, which
//! each run copies, and an archive of Kafka's loaded classes, which Java maps instead of loading and
//! checking 45 jars. Measured on two idle cores: 1.0 s instead of 2.4 s, with 40 % less work; making both
//! takes six seconds, once.
//!
//! The archive is an aid: without it Kafka starts all the same, only later. Java itself checks that it
//! fits (its own version, the class path, the jars' times) and goes on without it if it does not.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    block::{Block, Transport},
    kafka::{Broker, LOG4J2_FILE as LOG4J2, Runtime, Settings, until_ready},
    process::{Launch, Process, Tethered, wait_for_end},
    ready::Deadline,
};
use crate::{
    error::{IoContext, StackError},
    fetch::{Call, Fetcher, Progress, hex, run},
};

const FORMATTED: &str = "formatted";
const ARCHIVE: &str = "classes.jsa";
const CLASS_LIST: &str = "classes.lst";
const TRAINING_PID: &str = "training.pid";
const FORMAT_DEADLINE: Duration = Duration::from_secs(60);
const TRAINING_DEADLINE: Duration = Duration::from_secs(60);
/// Kafka closes its files when asked to end; on a busy machine that takes a while.
const END_DEADLINE: Duration = Duration::from_secs(20);
/// Writing the archive takes three seconds, on a busy machine many.
const ARCHIVE_DEADLINE: Duration = Duration::from_secs(60);

/// A prepared start.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    dir: PathBuf,
}

impl Prepared {
    /// Puts a formatted data directory at `to`.
    pub(super) fn copy_formatted(&self, to: &Path) -> Result<(), StackError> {
        copy_dir(&self.dir.join(FORMATTED), to).context("create", to)
    }

    /// Java's option for the archive, if there is one.
    pub(super) fn archive_option(&self) -> Option<String> {
        let archive = self.dir.join(ARCHIVE);
        archive.is_file().then(|| format!("-XX:SharedArchiveFile={}", archive.display()))
    }
}

/// The prepared start of this Kafka on this Java; made now if it is not in the cache.
pub(super) async fn prepare(fetcher: &Fetcher, runtime: &Runtime) -> Result<Prepared, StackError> {
    let mut key = Sha256::new();
    key.update(format!("{} {}\n", runtime.java.program.display(), runtime.java.version));
    key.update(runtime.jars.key());
    let name = format!("kafka-start {}", runtime.jars.version);
    let make = async |draft: &Path| {
        fetcher.store.events().stage("preparing Kafka for a quick start (once)");
        let workshop = Workshop { fetcher, runtime, dir: draft };
        workshop.format().await?;
        if workshop.archive_classes().await.is_err() {
            let _ = fs::remove_file(draft.join(ARCHIVE));
        }
        workshop.tidy();
        Ok(())
    };
    let dir = fetcher.store.get_or_make(&name, &hex(&key.finalize()), make).await?;
    Ok(Prepared { dir })
}

/// Where an entry is made.
struct Workshop<'a> {
    fetcher: &'a Fetcher,
    runtime: &'a Runtime,
    dir: &'a Path,
}

impl Workshop<'_> {
    fn broker(&self, block: &Block, data: &str) -> Result<Broker, StackError> {
        let address = block.reserve(4, 9092, Transport::Tcp)?;
        let controller = block.reserve(4, 9093, Transport::Tcp)?;
        Ok(Broker { address: address.address(), controller: controller.address(), data: self.dir.join(data) })
    }

    /// Lets Kafka's own tool format a directory. The format depends on the version alone, not on
    /// addresses, so that a copy serves any run.
    async fn format(&self) -> Result<(), StackError> {
        let settings = self.broker(&Block::claim(), FORMATTED)?.write_settings(self.dir)?;
        let properties = settings.properties.to_string_lossy();
        let args = ["format", "--cluster-id", &cluster_id(), "--config", &properties];
        let command = self.runtime.command(&settings.log4j2, &[], "kafka.tools.StorageTool", &args);
        self.run("formatted data directory", command, FORMAT_DEADLINE).await
    }

    /// Has Java put what the training loaded into an archive. Not an archive of the dynamic kind, which
    /// lies upon one that comes with Java: the wheel's Java comes without.
    async fn archive_classes(&self) -> Result<(), StackError> {
        self.train().await?;
        let option = |name: &str, file: &str| format!("-XX:{name}={}", self.dir.join(file).display());
        let dump = [
            "-Xshare:dump".to_owned(),
            option("SharedClassListFile", CLASS_LIST),
            option("SharedArchiveFile", ARCHIVE),
        ];
        let command = self.runtime.command(&self.dir.join(LOG4J2), &dump, "kafka.Kafka", &[]);
        self.run("class archive", command, ARCHIVE_DEADLINE).await
    }

    async fn run(&self, what: &str, command: Vec<OsString>, deadline: Duration) -> Result<(), StackError> {
        let what = format!("the {what} of Kafka {}", self.runtime.jars.version);
        let call = Call { what, command, env: Vec::new(), deadline };
        let mut silent = Progress::silent(self.fetcher.store.events(), self.dir);
        run(&self.fetcher.executable, &call, &mut silent, |_, _| {}).await
    }

    /// Starts the broker once, has it do what each start does, and lets Java list what it loads.
    async fn train(&self) -> Result<(), StackError> {
        let block = Block::claim();
        let broker = self.broker(&block, "training")?;
        copy_dir(&self.dir.join(FORMATTED), &broker.data).context("create", &broker.data)?;
        let settings = broker.write_settings(self.dir)?;
        let process = self.start(&settings)?;
        until_ready(&process, Deadline::after(TRAINING_DEADLINE), broker.address).await?;
        // Asked directly, to end in good order; the tether has no grace, so that a killed run is gone at once.
        process.terminate();
        wait_for_end(&process, END_DEADLINE).await;
        Ok(())
    }

    fn start(&self, settings: &Settings) -> Result<Process, StackError> {
        let list = format!("-XX:DumpLoadedClassList={}", self.dir.join(CLASS_LIST).display());
        let properties = settings.properties.to_string_lossy();
        let command = self.runtime.command(&settings.log4j2, &[list], "kafka.Kafka", &[&properties]);
        let pid_file = self.dir.join(TRAINING_PID);
        Process::start(Launch::tethered(Tethered {
            name: "training",
            executable: &self.fetcher.executable,
            command,
            grace: Duration::ZERO,
            remove: None,
            log_dir: self.dir,
            pid_file,
        }))
    }

    /// Keeps what later runs need, and the log, in case somebody asks why there is no archive.
    fn tidy(&self) {
        for name in ["server.properties", LOG4J2, CLASS_LIST, TRAINING_PID] {
            let _ = fs::remove_file(self.dir.join(name));
        }
        let _ = fs::remove_dir_all(self.dir.join("training"));
    }
}

/// Kafka writes ids as URL-safe base64; one that began with a dash would be taken for an option.
fn cluster_id() -> String {
    loop {
        let id = BASE64_URL_SAFE_NO_PAD.encode(Uuid::new_v4());
        if !id.starts_with('-') {
            return id;
        }
    }
}

fn copy_dir(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
