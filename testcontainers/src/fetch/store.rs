//! The cache of fetched parts: an entry is either there and whole, or not there.
//!
//! An entry is made in a directory of its own beside its final place and renamed when it is whole,
//! under a lock that ends with the process. A run that is killed half-way leaves such a directory;
//! the next run that holds the lock removes it. How an entry is made is not known here.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    error::{IoContext, StackError},
    event::Events,
};

/// As long as one run may take to fetch a part, another one waits for it.
const LOCK_WAIT: Duration = Duration::from_secs(15 * 60);
const LOCK_POLL: Duration = Duration::from_millis(100);
/// Digits of the content's sum in a directory's name: enough to tell versions apart by.
const KEY_DIGITS: usize = 12;

/// A directory of entries, shared by all runs of this user.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    dir: PathBuf,
    events: Events,
}

impl Store {
    pub(crate) fn new(dir: PathBuf, events: Events) -> Self {
        Self { dir, events }
    }

    pub(crate) fn events(&self) -> &Events {
        &self.events
    }

    /// Whether the entry is there.
    pub(crate) fn has(&self, name: &str, key: &str) -> bool {
        self.dir.join(entry_name(name, key)).is_dir()
    }

    /// The directory of the entry `name`, whose content is told apart by `key`. If it is not there,
    /// `make` fills an empty directory, which then becomes the entry.
    pub(crate) async fn get_or_make<F>(&self, name: &str, key: &str, make: F) -> Result<PathBuf, StackError>
    where
        F: AsyncFnOnce(&Path) -> Result<(), StackError>,
    {
        let entry = entry_name(name, key);
        let place = self.dir.join(&entry);
        if place.is_dir() {
            return Ok(place);
        }
        fs::create_dir_all(&self.dir).context("create", &self.dir)?;
        let _lock = self.lock(name, &entry).await?;
        if place.is_dir() {
            return Ok(place);
        }
        self.remove_drafts(&entry)?;
        let draft = Draft::create(self.dir.join(format!("{entry}.draft-{:08x}", fastrand::u32(..))))?;
        make(&draft.0).await?;
        sync(&draft.0).context("write", &draft.0)?;
        fs::rename(&draft.0, &place).context("create", &place)?;
        Ok(place)
    }

    /// Takes the entry's lock; says so if it has to wait. The lock file stays: removing it would let
    /// two runs lock two files of one name.
    async fn lock(&self, name: &str, entry: &str) -> Result<File, StackError> {
        let path = self.dir.join(format!("{entry}.lock"));
        let file = File::options().create(true).truncate(false).write(true).open(&path).context("create", &path)?;
        let since = Instant::now();
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => return Err(error).context("lock", path),
                Err(TryLockError::WouldBlock) if since.elapsed() >= LOCK_WAIT => {
                    return Err(StackError::FetchLocked { what: name.to_owned(), waited: LOCK_WAIT, lock: path });
                }
                Err(TryLockError::WouldBlock) => {}
            }
            if !told {
                self.events.stage(format!("waiting for another run that is fetching {name}"));
                told = true;
            }
            tokio::time::sleep(LOCK_POLL).await;
        }
    }

    /// What killed runs left behind. Only called with the lock held.
    fn remove_drafts(&self, entry: &str) -> Result<(), StackError> {
        let prefix = format!("{entry}.draft-");
        for found in fs::read_dir(&self.dir).context("read", &self.dir)?.flatten() {
            if found.file_name().to_string_lossy().starts_with(&prefix) {
                // A package client of the killed run may live for a moment longer and still write;
                // what then stays is removed by the next fetch.
                let _ = fs::remove_dir_all(found.path());
            }
        }
        Ok(())
    }
}

fn entry_name(name: &str, key: &str) -> String {
    format!("{}-{}", name.replace(' ', "-"), key.get(..KEY_DIGITS).unwrap_or(key))
}

/// An entry in the making; removed again unless it was renamed.
struct Draft(PathBuf);

impl Draft {
    fn create(path: PathBuf) -> Result<Self, StackError> {
        fs::create_dir(&path).context("create", &path)?;
        Ok(Self(path))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Brings all files below `dir` to the disk, so that no crash of the machine leaves a whole entry
/// with empty files.
fn sync(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync(&entry.path())?;
        } else if entry.file_type()?.is_file() {
            File::open(entry.path())?.sync_all()?;
        }
    }
    File::open(dir)?.sync_all()
}

/// The size of all files below `dir`; files that vanish meanwhile count as nothing.
pub(crate) fn bytes_below(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => bytes_below(&entry.path()),
            Ok(meta) if meta.is_file() => meta.len(),
            _ => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::event::StackEvent;

    async fn slow_make(made: &AtomicUsize, dir: &Path) -> Result<(), StackError> {
        made.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(300)).await;
        fs::write(dir.join("file"), "whole").unwrap();
        Ok(())
    }

    #[tokio::test]
    async fn two_fetches_at_once_do_it_once_and_the_second_says_that_it_waits() {
        let cache = tempfile::tempdir().unwrap();
        let (events, mut inbox) = Events::channel();
        let store = Store::new(cache.path().to_owned(), events);
        let made = AtomicUsize::new(0);

        let (first, second) = tokio::join!(
            store.get_or_make("thing 1.0", "0123456789abcdef", async |dir| slow_make(&made, dir).await),
            store.get_or_make("thing 1.0", "0123456789abcdef", async |dir| slow_make(&made, dir).await),
        );

        assert_eq!(first.unwrap(), second.unwrap());
        assert_eq!(made.load(Ordering::SeqCst), 1);
        let said = inbox.try_recv().unwrap();
        assert_eq!(said, StackEvent::Stage("waiting for another run that is fetching thing 1.0".to_owned()));
    }

    #[tokio::test]
    async fn a_half_killed_fetch_is_repaired_and_leaves_nothing() {
        let cache = tempfile::tempdir().unwrap();
        let store = Store::new(cache.path().to_owned(), Events::channel().0);
        let left_behind = cache.path().join("thing-1.0-0123456789ab.draft-deadbeef");
        fs::create_dir(&left_behind).unwrap();
        fs::write(left_behind.join("file"), "hal").unwrap();

        let place = store
            .get_or_make("thing 1.0", "0123456789abcdef", async |dir| {
                fs::write(dir.join("file"), "whole").unwrap();
                Ok(())
            })
            .await
            .unwrap();

        assert_eq!(fs::read_to_string(place.join("file")).unwrap(), "whole");
        assert!(!left_behind.exists());
    }

    #[tokio::test]
    async fn an_entry_that_could_not_be_made_is_not_there_and_is_made_the_next_time() {
        let cache = tempfile::tempdir().unwrap();
        let store = Store::new(cache.path().to_owned(), Events::channel().0);

        let failed = store
            .get_or_make("thing 1.0", "key", async |_| {
                Err(StackError::Incomplete { what: "thing 1.0".to_owned(), file: "file".to_owned() })
            })
            .await;
        let made = store.get_or_make("thing 1.0", "key", async |_| Ok(())).await;

        assert!(failed.is_err());
        assert_eq!(made.unwrap(), cache.path().join("thing-1.0-key"));
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 2, "the entry and its lock");
    }
}
