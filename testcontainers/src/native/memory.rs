//! How much memory is left for Kafka: the machine's, and that of every control group above us.
//!
//! Asked before Kafka starts, because a Java that is killed for want of memory says nothing.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::error::StackError;

/// Kafka takes 300 MB, the training start of its class archive 400 MB; Traefik, the services and the
/// harness take the rest.
const NEEDED_MIB: u64 = 700;
const MIB: u64 = 1 << 20;

/// Where Linux tells it; another root for tests.
#[derive(Debug, Clone)]
pub(super) struct Sources {
    pub(super) proc: PathBuf,
    pub(super) cgroup: PathBuf,
}

impl Default for Sources {
    fn default() -> Self {
        Self { proc: "/proc".into(), cgroup: "/sys/fs/cgroup".into() }
    }
}

/// Refuses to start where Kafka would be killed. Where the system does not tell, there is no refusal.
pub(super) fn check(sources: &Sources) -> Result<(), StackError> {
    let tightest = machine(sources).into_iter().chain(groups(sources)).min_by_key(|(bytes, _)| *bytes);
    match tightest {
        Some((bytes, limit)) if bytes < NEEDED_MIB * MIB => {
            Err(StackError::Memory { needed_mib: NEEDED_MIB, available_mib: bytes / MIB, limit })
        }
        _ => Ok(()),
    }
}

/// `MemAvailable` of the machine.
fn machine(sources: &Sources) -> Option<(u64, String)> {
    let text = fs::read_to_string(sources.proc.join("meminfo")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib = line.split_whitespace().next()?.parse::<u64>().ok()?;
    Some((kib * 1024, "MemAvailable of /proc/meminfo".to_owned()))
}

/// What each control group from ours up to the root still allows.
fn groups(sources: &Sources) -> Vec<(u64, String)> {
    let text = fs::read_to_string(sources.proc.join("self/cgroup")).unwrap_or_default();
    text.lines()
        .filter_map(|line| {
            let mut fields = line.splitn(3, ':');
            let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
            let version = match controllers {
                "" => &V2,
                list if list.split(',').any(|one| one == "memory") => &V1,
                _ => return None,
            };
            let root = sources.cgroup.join(version.mount);
            let inner = Path::new(path.trim_start_matches('/')).to_owned();
            let dirs = inner.ancestors().map(|dir| root.join(dir)).collect::<Vec<_>>();
            Some(dirs.into_iter().filter_map(|dir| version.left(&dir)))
        })
        .flatten()
        .collect()
}

/// The two generations of control groups call the same things by different names.
struct Version {
    mount: &'static str,
    limit: &'static str,
    usage: &'static str,
    /// In `memory.stat`: page cache that goes when memory is wanted, though it counts as used.
    reclaimable: &'static str,
}

const V2: Version = Version { mount: "", limit: "memory.max", usage: "memory.current", reclaimable: "inactive_file" };
const V1: Version = Version {
    mount: "memory",
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    reclaimable: "total_inactive_file",
};

impl Version {
    /// `None` where there is no limit: `max`, or no such file.
    fn left(&self, dir: &Path) -> Option<(u64, String)> {
        let number = |file| fs::read_to_string(dir.join(file)).ok()?.trim().parse::<u64>().ok();
        let limit = number(self.limit)?;
        let stat = fs::read_to_string(dir.join("memory.stat")).unwrap_or_default();
        let reclaimable = stat.lines().find_map(|line| line.strip_prefix(self.reclaimable)?.trim().parse().ok());
        let used = number(self.usage)?.saturating_sub(reclaimable.unwrap_or(0));
        let name = format!("{} is {} MiB", dir.join(self.limit).display(), limit / MIB);
        Some((limit.saturating_sub(used), name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine_with(available_kib: u64, membership: &str, files: &[(&str, &str)]) -> (tempfile::TempDir, Sources) {
        let root = tempfile::tempdir().unwrap();
        let sources = Sources { proc: root.path().join("proc"), cgroup: root.path().join("cgroup") };
        fs::create_dir_all(sources.proc.join("self")).unwrap();
        fs::write(sources.proc.join("meminfo"), format!("MemTotal: 1 kB\nMemAvailable: {available_kib} kB\n")).unwrap();
        fs::write(sources.proc.join("self/cgroup"), membership).unwrap();
        for (name, text) in files {
            let file = sources.cgroup.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        (root, sources)
    }

    #[test]
    fn a_machine_without_memory_is_refused_with_the_figures() {
        let (_root, sources) = machine_with(300 * 1024, "", &[]);
        let message = check(&sources).unwrap_err().to_string();
        assert!(message.contains("700 MiB are needed, 300 MiB are available (MemAvailable"), "{message}");
    }

    #[test]
    fn the_limit_of_a_group_above_ours_counts_and_page_cache_does_not() {
        let files = [
            ("a/memory.max", "1073741824\n"),
            ("a/memory.current", "1073741824\n"),
            ("a/memory.stat", "anon 1\ninactive_file 536870912\n"),
            ("a/b/memory.max", "max\n"),
        ];
        let (_root, sources) = machine_with(8 << 20, "0::/a/b\n", &files);
        let message = check(&sources).unwrap_err().to_string();
        assert!(message.contains("512 MiB are available"), "{message}");
        assert!(message.contains("a/memory.max is 1024 MiB"), "{message}");
    }

    #[test]
    fn groups_of_the_first_generation_are_read_too() {
        let files =
            [("memory/box/memory.limit_in_bytes", "524288000"), ("memory/box/memory.usage_in_bytes", "104857600")];
        let (_root, sources) = machine_with(8 << 20, "5:cpu:/x\n4:memory:/box\n", &files);
        assert!(check(&sources).unwrap_err().to_string().contains("400 MiB are available"));
    }

    #[test]
    fn enough_memory_or_a_system_that_does_not_tell_is_no_refusal() {
        let (_root, sources) = machine_with(8 << 20, "0::/a\n", &[]);
        assert!(check(&sources).is_ok());
        assert!(check(&Sources { proc: "/nowhere".into(), cgroup: "/nowhere".into() }).is_ok());
    }
}
