//! The machine that makes the load: what it is, and how busy it is each second.
//!
//! Figures that the system does not tell are absent, never 0.

use std::fs;

use proofload_evidence::{Host, HostSecond};

/// Lets this process, and all it starts, open as many files as it may; returns how many that are.
/// Every request under way is an open file, and the usual soft limit of 1,024 is soon reached.
pub fn raise_open_files_limit() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // More is never needed, and some programs make a table of as many entries as are allowed.
    let wanted = maximum.unwrap_or(MOST_OPEN_FILES).min(MOST_OPEN_FILES);
    if current.is_some_and(|current| current < wanted) {
        // Not being allowed to costs capacity, which shows as drops and connect faults.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

const MOST_OPEN_FILES: u64 = 65_536;

/// What the machine is.
#[must_use]
pub fn describe_host() -> Host {
    let uname = rustix::system::uname();
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    Host {
        system: format!("{} {} {}", text(uname.sysname()), text(uname.release()), text(uname.machine())),
        processor: field(&read("/proc/cpuinfo"), "model name"),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        memory_bytes: field(&read("/proc/meminfo"), "MemTotal").and_then(|kib| Some(number(&kib)? * 1024)),
    }
}

/// Reads how busy the machine and this process are, as differences between calls.
#[derive(Debug, Default)]
pub struct HostSampler {
    last: Option<Reading>,
}

#[derive(Debug, Clone, Copy)]
struct Reading {
    total: u64,
    idle: u64,
    steal: u64,
    own: u64,
}

impl HostSampler {
    /// What happened since the last call; `None` at the first call, and where the system does not
    /// tell.
    pub fn sample(&mut self, second: u32) -> Option<HostSecond> {
        let now = Reading::take()?;
        let last = self.last.replace(now)?;
        // Called twice at once, or counters that went backwards, as they may on virtual machines.
        let total = now.total.checked_sub(last.total).filter(|ticks| *ticks > 0)? as f64;
        let share = |now: u64, last: u64| now.saturating_sub(last) as f64 / total;
        let idle = share(now.idle, last.idle);
        let steal = share(now.steal, last.steal);
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        Some(HostSecond {
            second,
            busy: (1.0 - idle - steal).max(0.0),
            steal,
            generator_cores: share(now.own, last.own) * cores,
            generator_rss_bytes: resident_bytes().unwrap_or(0),
        })
    }
}

impl Reading {
    fn take() -> Option<Self> {
        // proc(5): user nice system idle iowait irq softirq steal, in ticks, over all cores.
        let stat = read("/proc/stat");
        let ticks: Vec<u64> = stat.lines().next()?.split_whitespace().skip(1).filter_map(|t| t.parse().ok()).collect();
        // The command's name may hold blanks; what follows its closing bracket does not. Fields 14
        // and 15 of the whole line are user and system time.
        let own = read("/proc/self/stat");
        let own: Vec<&str> = own.rsplit_once(')')?.1.split_whitespace().collect();
        Some(Self {
            total: ticks.iter().take(8).sum(),
            idle: ticks.get(3)? + ticks.get(4)?,
            steal: *ticks.get(7)?,
            own: own.get(11)?.parse::<u64>().ok()? + own.get(12)?.parse::<u64>().ok()?,
        })
    }
}

fn resident_bytes() -> Option<u64> {
    field(&read("/proc/self/status"), "VmRSS").and_then(|kib| Some(number(&kib)? * 1024))
}

/// Empty where there is no such file: the figure is then absent.
fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_spinning_process_is_seen() {
        let mut sampler = HostSampler::default();
        assert!(sampler.sample(0).is_none());
        let start = std::time::Instant::now();
        while start.elapsed().as_millis() < 300 {}
        let second = sampler.sample(1).unwrap();
        assert!(second.generator_cores > 0.1 && second.busy > 0.0, "{second:?}");
        assert!(second.generator_rss_bytes > 100_000);
    }
}
