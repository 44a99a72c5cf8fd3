//! What can go wrong with evidence: reading and writing it. A bad measurement is not an error.

use std::path::PathBuf;

/// Evidence could not be kept or read. Every message names the file and how to mend it.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The file system said no.
    #[error("cannot {action} {}: {source}{}", path.display(), hint(source))]
    Io {
        /// What was tried, as a verb: `create`, `write`, `read`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system answered.
        source: std::io::Error,
    },
    /// A file is there, but not what it should be.
    #[error("{}: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The place in it, what was expected, and what to do.
        problem: String,
    },
}

/// The remedy, where the system's answer alone does not tell it.
fn hint(source: &std::io::Error) -> &'static str {
    match source.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            " (free some space, or choose another directory with --out)"
        }
        std::io::ErrorKind::PermissionDenied
        | std::io::ErrorKind::ReadOnlyFilesystem
        | std::io::ErrorKind::NotADirectory
        | std::io::ErrorKind::AlreadyExists => " (choose a directory you may write to with --out)",
        _ => "",
    }
}

impl EvidenceError {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }

    pub(crate) fn malformed(path: impl Into<PathBuf>, problem: impl Into<String>) -> Self {
        Self::Malformed { path: path.into(), problem: problem.into() }
    }
}
