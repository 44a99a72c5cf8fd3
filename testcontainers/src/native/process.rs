//! The processes of a run: started with a pipe as standard input, watched, and ended by closing it.
//!
//! Invariant: a process that was started here is gone when its [`Process`] is dropped.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::error::{IoContext, LogEnd, StackError};

/// How much of a log's end goes into an error message.
const TAIL_BYTES: u64 = 8 * 1024;
const TAIL_LINES: usize = 12;
/// How often an ending process is looked at.
const END_POLL: Duration = Duration::from_millis(5);
/// How long a dropped process may take to end by itself before it is killed.
const DROP_GRACE: Duration = Duration::from_millis(2500);

/// What to start.
#[derive(Debug)]
pub(super) struct Launch {
    /// The part's name, also that of its log.
    pub(super) name: String,
    /// Our own program.
    pub(super) executable: PathBuf,
    pub(super) args: Vec<OsString>,
    pub(super) env: Vec<(&'static str, String)>,
    /// Where its log goes.
    pub(super) log_dir: PathBuf,
    /// Where a tether writes its program's process id.
    pub(super) pid_file: Option<PathBuf>,
}

/// A foreign program that is to run under our tether.
#[derive(Debug)]
pub(super) struct Tethered<'a> {
    pub(super) name: &'a str,
    pub(super) executable: &'a Path,
    /// Program and arguments.
    pub(super) command: Vec<OsString>,
    /// From SIGTERM to SIGKILL; zero kills at once.
    pub(super) grace: Duration,
    /// Removed by the tether when the run is over.
    pub(super) remove: Option<&'a Path>,
    pub(super) log_dir: &'a Path,
    pub(super) pid_file: PathBuf,
}

impl Launch {
    pub(super) fn tethered(program: Tethered<'_>) -> Self {
        let grace = humantime::format_duration(program.grace).to_string();
        let mut args = ["part", "tether", "--grace", &grace, "--pid-file"].map(OsString::from).to_vec();
        args.push(program.pid_file.clone().into());
        if let Some(dir) = program.remove {
            args.extend(["--remove".into(), dir.into()]);
        }
        args.push("--".into());
        args.extend(program.command);
        Self {
            name: program.name.to_owned(),
            executable: program.executable.to_owned(),
            args,
            env: Vec::new(),
            log_dir: program.log_dir.to_owned(),
            pid_file: Some(program.pid_file),
        }
    }
}

/// A running part.
#[derive(Debug)]
pub(super) struct Process {
    name: String,
    log: PathBuf,
    pid_file: Option<PathBuf>,
    started: Instant,
    /// Locked for moments only: several tasks look whether it still runs.
    child: Mutex<Child>,
}

impl Process {
    /// Starts a part in a process group of its own, so that Ctrl-C in a terminal reaches the harness
    /// alone; its output goes to `NAME.log`.
    pub(super) fn start(launch: Launch) -> Result<Self, StackError> {
        let log = launch.log_dir.join(format!("{}.log", launch.name));
        let output = File::options().create(true).append(true).open(&log).context("create", &log)?;
        let errors = output.try_clone().context("create", &log)?;
        let mut command = Command::new(&launch.executable);
        command.args(&launch.args).envs(launch.env).process_group(0);
        command.stdin(Stdio::piped()).stdout(output).stderr(errors);
        let child = command.spawn().map_err(|source| StackError::Spawn {
            part: launch.name.clone(),
            program: launch.executable,
            source,
        })?;
        let (name, pid_file) = (launch.name, launch.pid_file);
        Ok(Self { name, log, pid_file, started: Instant::now(), child: Mutex::new(child) })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// For an error message.
    pub(super) fn log_end(&self) -> Box<LogEnd> {
        Box::new(LogEnd { path: self.log.clone(), lines: tail(&self.log) })
    }

    pub(super) fn started(&self) -> Instant {
        self.started
    }

    /// The process id of the part itself, not of its tether, where the tether has said it.
    pub(super) fn pid(&self) -> u32 {
        let told = self.pid_file.as_ref().and_then(|file| fs::read_to_string(file).ok()?.trim().parse().ok());
        told.unwrap_or_else(|| self.child().id())
    }

    /// An error if the process has ended.
    pub(super) fn check(&self) -> Result<(), StackError> {
        let Some(status) = self.status() else { return Ok(()) };
        Err(StackError::PartDied {
            part: self.name.clone(),
            status: describe(status, self.pid_file.is_some()),
            log: self.log_end(),
        })
    }

    /// Closes its standard input, which tells it that the run is over.
    pub(super) fn close(&self) {
        drop(self.child().stdin.take());
    }

    pub(super) fn has_ended(&self) -> bool {
        self.status().is_some()
    }

    /// Asks the part itself, not its tether, to end.
    pub(super) fn terminate(&self) {
        if let Some(pid) = i32::try_from(self.pid()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    pub(super) fn kill(&self) {
        // The only error possible is that it has ended, which is what was wanted.
        let _ = self.child().kill();
    }

    /// `None` while it runs. What cannot be asked for any more has ended.
    fn status(&self) -> Option<ExitStatus> {
        self.child().try_wait().unwrap_or_else(|_| Some(ExitStatus::default()))
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        // A panic elsewhere leaves the child itself as it was.
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        end_blocking(std::slice::from_ref(self), DROP_GRACE);
    }
}

/// Closes all pipes and waits until all have ended, at most `grace`; then kills. For destructors,
/// which cannot await.
pub(super) fn end_blocking(processes: &[Process], grace: Duration) {
    processes.iter().for_each(Process::close);
    let deadline = Instant::now() + grace;
    while !processes.iter().all(Process::has_ended) {
        if Instant::now() >= deadline {
            kill_all(processes);
            return;
        }
        thread::sleep(END_POLL);
    }
}

/// Closes the pipes and waits, at most `grace`. `false` if some still run.
pub(super) async fn end(processes: &[&Process], grace: Duration) -> bool {
    processes.iter().for_each(|process| process.close());
    let deadline = Instant::now() + grace;
    for process in processes {
        if !wait_for_end(process, deadline.saturating_duration_since(Instant::now())).await {
            return false;
        }
    }
    true
}

/// `false` if the process still runs after `patience`.
pub(super) async fn wait_for_end(process: &Process, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    while !process.has_ended() {
        if Instant::now() >= deadline {
            return false;
        }
        tokio::time::sleep(END_POLL).await;
    }
    true
}

fn kill_all(processes: &[Process]) {
    for process in processes.iter().filter(|process| !process.has_ended()) {
        process.kill();
        let _ = process.child().wait();
    }
}

/// A tether passes its program's end on as a shell would: 128 + N for signal N.
fn describe(status: ExitStatus, tethered: bool) -> String {
    match status.code() {
        Some(code) if tethered && code > 128 => format!("ended by signal {}", code - 128),
        _ => status.to_string(),
    }
}

/// The last lines of a log, indented.
fn tail(log: &Path) -> String {
    let text = read_end(log).unwrap_or_else(|error| format!("(cannot be read: {error})"));
    let lines = text.lines().collect::<Vec<_>>();
    let last = &lines[lines.len().saturating_sub(TAIL_LINES)..];
    if last.is_empty() {
        return "  (empty)".to_owned();
    }
    last.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

fn read_end(log: &Path) -> io::Result<String> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
