//! The directory for what a run needs and nobody wants afterwards: Kafka's data, generated settings.
//!
//! Invariant: the directory exists only while its lock, a file beside it, is held; the lock ends with
//! the process. So whoever can take the lock of a directory may remove it, and each start does so
//! with what killed runs left.

use std::{
    env,
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process,
};

use crate::error::{IoContext, StackError};

const PREFIX: &str = "proofload-";
const LOCK: &str = "lock";
/// Only this user: the directory for temporary files is everybody's.
const PRIVATE_DIR: u32 = 0o700;
const PRIVATE_FILE: u32 = 0o600;

/// Removed when dropped; swept by a later run if this one is killed.
#[derive(Debug)]
pub(super) struct RunDir {
    path: PathBuf,
    _lock: File,
}

impl RunDir {
    /// Sweeps what killed runs left, then makes `proofload-PID-RANDOM` in the directory for temporary
    /// files.
    pub(super) fn create() -> Result<Self, StackError> {
        Self::create_in(&env::temp_dir())
    }

    fn create_in(parent: &Path) -> Result<Self, StackError> {
        sweep(parent);
        loop {
            let path = parent.join(format!("{PREFIX}{}-{:08x}", process::id(), fastrand::u32(..)));
            let lock_path = lock_of(&path);
            let mut options = File::options();
            let lock = match options.write(true).create_new(true).mode(PRIVATE_FILE).open(&lock_path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                lock => lock.context("create", &lock_path)?,
            };
            lock.lock().context("lock", &lock_path)?;
            // Between making the file and locking it a sweep may have taken it for a dead one's.
            if lock.metadata().context("read", &lock_path)?.nlink() == 0 {
                continue;
            }
            DirBuilder::new().mode(PRIVATE_DIR).create(&path).context("create", &path)?;
            return Ok(Self { path, _lock: lock });
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A directory inside.
    pub(super) fn subdir(&self, name: &str) -> Result<PathBuf, StackError> {
        let path = self.path.join(name);
        fs::create_dir(&path).context("create", &path)?;
        Ok(path)
    }
}

impl Drop for RunDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
        let _ = fs::remove_file(lock_of(&self.path));
    }
}

fn lock_of(dir: &Path) -> PathBuf {
    dir.with_extension(LOCK)
}

/// Removes the directories of runs that are no more. What cannot be removed, such as another user's,
/// stays.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if !is_ours(&entry.file_name().to_string_lossy()) {
            continue;
        }
        let dir = path.with_extension("");
        let lock_path = lock_of(&dir);
        match File::options().write(true).open(&lock_path) {
            Ok(lock) if lock.try_lock().is_ok() => {
                let _ = fs::remove_dir_all(&dir);
                let _ = fs::remove_file(&lock_path);
            }
            // The lock file goes last, so a directory without one has no owner.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let _ = fs::remove_dir_all(&dir);
            }
            Ok(_) | Err(_) => {}
        }
    }
}

/// `proofload-PID-RANDOM`, with `.lock` or without; nobody else's files that begin alike.
fn is_ours(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX) else { return false };
    let rest = rest.strip_suffix(".lock").unwrap_or(rest);
    rest.split_once('-').is_some_and(|(pid, random)| {
        !pid.is_empty()
            && pid.bytes().all(|byte| byte.is_ascii_digit())
            && random.len() == 8
            && random.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_run_keeps_its_directory_when_another_one_starts() {
        let parent = tempfile::tempdir().unwrap();
        let first = RunDir::create_in(parent.path()).unwrap();
        let second = RunDir::create_in(parent.path()).unwrap();
        assert!(first.path().is_dir() && second.path().is_dir());
        drop((first, second));
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_a_killed_run_left_is_swept_and_what_is_not_ours_stays() {
        let parent = tempfile::tempdir().unwrap();
        let at = |name: &str| parent.path().join(name);
        fs::create_dir_all(at("proofload-4711-0badcafe/kafka")).unwrap();
        fs::write(at("proofload-4711-0badcafe.lock"), "").unwrap();
        fs::create_dir(at("proofload-4712-0badcafe")).unwrap();
        fs::create_dir(at("proofload-runs")).unwrap();
        fs::create_dir(at("proofload-9-mine")).unwrap();

        let run = RunDir::create_in(parent.path()).unwrap();

        assert!(!at("proofload-4711-0badcafe").exists());
        assert!(!at("proofload-4711-0badcafe.lock").exists());
        assert!(!at("proofload-4712-0badcafe").exists());
        assert!(at("proofload-runs").is_dir() && at("proofload-9-mine").is_dir());
        assert!(run.path().is_dir());
    }
}
