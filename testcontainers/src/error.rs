//! Why a stack could not be started or kept: each message says what is wrong, where, what was
//! expected and how to mend it.

use std::{fmt, io, net::SocketAddr, path::PathBuf, time::Duration};

/// A stack did not start, or lost a part.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StackError {
    /// A program that must be there is neither on the machine nor to be fetched.
    #[error("{what} was not found ({looked}), and it cannot be fetched because {why_not}; {remedy}")]
    Missing {
        /// The program and the version wanted.
        what: String,
        /// Where was looked, and what was there instead.
        looked: String,
        /// Why it cannot be fetched.
        why_not: String,
        /// What the user can type.
        remedy: String,
    },
    /// Several programs are missing: all are named, so that they can be mended in one go.
    #[error("{}", join_lines(.0))]
    SeveralMissing(Vec<StackError>),
    /// A package client failed.
    #[error(
        "making {what} with `{}` failed ({status}){}; its last words:\n{output}",
        shortened(command),
        memory_hint(output)
    )]
    Fetch {
        /// The part and its version.
        what: String,
        /// The command line that was run.
        command: String,
        /// How it ended.
        status: String,
        /// The end of its output.
        output: String,
    },
    /// A fetched file is not the one that was pinned.
    #[error(
        "{file} is not the file that was expected: SHA-256 expected {expected}, got {got} ({path}); \
         nothing of it was used. A mirror or a proxy may have changed it: try another one, or report it"
    )]
    Checksum {
        /// The file's name.
        file: String,
        /// Where it was when it was checked; it is deleted afterwards.
        path: PathBuf,
        /// The sum in `parts.toml`, in hexadecimal.
        expected: String,
        /// The sum of what came.
        got: String,
    },
    /// A package client said it was done, but a file is not there.
    #[error("fetching {what} ended without an error, but {file} is not among what came")]
    Incomplete {
        /// The part and its version.
        what: String,
        /// The file that is missing.
        file: String,
    },
    /// Another run holds the lock of a part for too long.
    #[error(
        "waited {} for another run that is fetching {what}; if there is none, see who holds {}",
        humantime::format_duration(*waited), lock.display()
    )]
    FetchLocked {
        /// The part and its version.
        what: String,
        /// How long was waited.
        waited: Duration,
        /// The lock file.
        lock: PathBuf,
    },
    /// Not enough memory for Kafka.
    #[error(
        "not enough memory to start Kafka: {needed_mib} MiB are needed, {available_mib} MiB are available \
         ({limit}); close something or give this machine or container more memory"
    )]
    Memory {
        /// What Kafka and the rest of the stack take, in MiB.
        needed_mib: u64,
        /// What is left, in MiB.
        available_mib: u64,
        /// Which limit says so.
        limit: String,
    },
    /// No free address or port.
    #[error("no free {what} on {address}: {source}")]
    Address {
        /// What was to be bound.
        what: String,
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A part could not be run at all.
    #[error("cannot run {} for {part}: {source}", program.display())]
    Spawn {
        /// The part's name.
        part: String,
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A part ended although the run goes on.
    #[error("{part} ended by itself ({status}); {log}")]
    PartDied {
        /// The part's name.
        part: String,
        /// How it ended.
        status: String,
        /// What it said last.
        log: Box<LogEnd>,
    },
    /// A part did not answer in time.
    #[error(
        "{part} was not ready after {} (expected: {expected}; last seen: {seen}); {log}",
        humantime::format_duration(*waited)
    )]
    NotReady {
        /// The part's name.
        part: String,
        /// The deadline that passed.
        waited: Duration,
        /// What it should have done.
        expected: String,
        /// What it did instead.
        seen: String,
        /// What it said last.
        log: Box<LogEnd>,
    },
    /// Parts did not end when asked to, and were killed.
    #[error("did not end when the run was over, and had to be killed: {parts}")]
    Stubborn {
        /// Their names.
        parts: String,
    },
    /// A name was given that no part has.
    #[error("there is no {kind} called `{name}`; there are: {known}")]
    Unknown {
        /// What was looked for: a service, a part.
        kind: &'static str,
        /// The name.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A file or directory could not be read, written or made.
    #[error("cannot {action} {}: {source}{}", path.display(), from_setting(path))]
    Io {
        /// What was tried: `create`, `read`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A fetched archive could not be unpacked.
    #[error("cannot unpack {}: {reason}", archive.display())]
    Unpack {
        /// The archive.
        archive: PathBuf,
        /// Why.
        reason: String,
    },
    /// A part took a step that did not succeed.
    #[error("{part}: {step} failed: {reason}")]
    Step {
        /// The part's name.
        part: String,
        /// What was tried.
        step: &'static str,
        /// What came of it.
        reason: String,
    },
}

/// A command line that a person can read: class paths are thousands of characters long.
fn shortened(command: &str) -> String {
    const MOST: usize = 160;
    match command.char_indices().nth(MOST) {
        Some((end, _)) => format!("{} …", &command[..end]),
        None => command.to_owned(),
    }
}

/// Java says it in many words, and not what to do.
fn memory_hint(output: &str) -> &'static str {
    let output = output.to_lowercase();
    if ["enough space for", "insufficient memory", "cannot allocate memory", "could not allocate"]
        .iter()
        .any(|words| output.contains(words))
    {
        " for want of memory: about 700 MB must be free for Kafka; see `free -m`, `ulimit -v` and the container's limit"
    } else {
        ""
    }
}

/// The setting that a path comes from, where it is not one the user has typed.
fn from_setting(path: &std::path::Path) -> String {
    let set = |name: &str| std::env::var_os(name).is_some_and(|dir| !dir.is_empty() && path.starts_with(dir));
    match ["PROOFLOAD_CACHE", "KAFKA_HOME", "JAVA_HOME", "TMPDIR", "XDG_CACHE_HOME"].into_iter().find(|name| set(name))
    {
        Some(name) => format!(" (the directory is from {name}: mend that, or unset it)"),
        None => String::new(),
    }
}

fn join_lines(errors: &[StackError]) -> String {
    errors.iter().map(StackError::to_string).collect::<Vec<_>>().join("\n")
}

/// The last lines of a part's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEnd {
    /// The log file.
    pub path: PathBuf,
    /// Its last lines, indented; `(empty)` if it has none.
    pub lines: String,
}

impl fmt::Display for LogEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the end of its log, {}:\n{}", self.path.display(), self.lines)
    }
}

/// Puts an action and a path to an [`io::Error`].
pub(crate) trait IoContext<T> {
    /// `action` is a verb: the message reads "cannot ACTION PATH: …".
    fn context(self, action: &'static str, path: impl Into<PathBuf>) -> Result<T, StackError>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn context(self, action: &'static str, path: impl Into<PathBuf>) -> Result<T, StackError> {
        self.map_err(|source| StackError::Io { action, path: path.into(), source })
    }
}
