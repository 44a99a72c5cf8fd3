//! The tether: runs one foreign program and ends it when the run is over.
//!
//! Traefik and Java cannot notice that the harness died; this process can, because its standard
//! input is a pipe of which only the harness holds the other end. End of file means "the run is
//! over, however it ended".
//!
//! Invariants: the program is never left running when the tether ends, not even when the tether is
//! killed (on Linux); signals go to the program only while its process id is its own, because it is
//! not reaped before the last signal. What the program does and whether it is ready is not known here.

use std::{
    fs, io,
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

/// The program could not be started: the shell's code for it.
const EXIT_CANNOT_RUN: i32 = 127;
/// A program ended by signal N is reported as 128 + N, as shells do.
const EXIT_SIGNAL_BASE: i32 = 128;
/// How long directories are tried again while something still writes into them.
const REMOVE_FOR: Duration = Duration::from_secs(2);

/// Arguments of `part tether`.
#[derive(Debug, Clone, clap::Args)]
pub struct TetherArgs {
    /// Directory to remove when standard input has ended and the program is gone; can be repeated
    #[arg(long = "remove", value_name = "DIR")]
    pub remove: Vec<PathBuf>,
    /// How long the program may take to end after SIGTERM before it is killed; 0s kills at once
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = humantime::parse_duration)]
    pub grace: Duration,
    /// File to write the program's process id to, once it runs
    #[arg(long, value_name = "FILE")]
    pub pid_file: Option<PathBuf>,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    pub command: Vec<std::ffi::OsString>,
}

/// What the tether waits for.
enum Event {
    /// Standard input ended, or the tether itself was asked to end.
    RunOver,
    /// The program ended.
    Exited,
}

/// Runs the program until it ends or standard input does; returns the exit code for the process.
///
/// That is the program's own exit code, 128 + N if signal N ended it, 127 if it could not be run
/// (the reason goes to standard error), and 0 if it was ended because the run was over.
///
/// Must be called on a thread that lives as long as the process, such as the main thread: on Linux
/// the program is killed when the thread that started it ends.
#[must_use]
pub fn run_tether(args: &TetherArgs) -> i32 {
    // Handlers come first: a signal in the moment between fork and registration would end the
    // tether without its program. They are reset in the program by `exec`.
    let signals = match Signals::new([SIGINT, SIGHUP, SIGTERM]) {
        Ok(signals) => signals,
        Err(error) => return cannot_run(args, &error),
    };
    let mut child = match spawn(&args.command) {
        Ok(child) => child,
        Err(error) => return cannot_run(args, &error),
    };
    if let Some(file) = &args.pid_file
        && let Err(error) = write_atomically(file, &child.id().to_string())
    {
        say(&format!("cannot write {}: {error}", file.display()));
    }

    let (events, inbox) = channel();
    watch_signals(signals, events.clone());
    watch_input(events.clone());
    watch_exit(group_of(&child), events);

    let run_is_over = match inbox.recv() {
        Ok(Event::RunOver) => {
            end_group(group_of(&child), args.grace, &inbox);
            true
        }
        Ok(Event::Exited) | Err(_) => {
            // Whatever it started and left behind ends with it.
            kill_group(group_of(&child), Signal::KILL);
            false
        }
    };
    let status = child.wait();
    if run_is_over {
        for dir in &args.remove {
            remove_dir(dir);
        }
        return 0;
    }
    status.map_or(EXIT_CANNOT_RUN, exit_code)
}

/// Starts the program as the leader of a process group of its own.
fn spawn(command: &[std::ffi::OsString]) -> io::Result<Child> {
    let [program, args @ ..] = command else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no program was given"));
    };
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).process_group(0);
    #[cfg(target_os = "linux")]
    die_with_parent(&mut command);
    command.spawn()
}

/// Asks the kernel to kill the program when this process dies, whatever kills it.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "`pre_exec` is the only way to set the parent-death signal")]
fn die_with_parent(command: &mut Command) {
    use rustix::process::{getpid, getppid, set_parent_process_death_signal};

    let tether = getpid();
    let set = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // Had the tether died before the line above, the signal would never come: the program
        // would already have another parent.
        if getppid() != Some(tether) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(())
    };
    // SAFETY: between fork and exec only async-signal-safe functions may be called. The closure
    // makes two raw system calls (`prctl`, `getppid`), takes no lock and does not allocate: both
    // error values are plain codes.
    unsafe {
        command.pre_exec(set);
    }
}

fn watch_input(events: Sender<Event>) {
    thread::spawn(move || {
        // An error means as little future as an end of file.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let _ = events.send(Event::RunOver);
    });
}

/// SIGTERM ends the run of this program; SIGINT and SIGHUP are meant for the harness, which closes
/// the pipe when it has drawn its conclusions.
fn watch_signals(mut signals: Signals, events: Sender<Event>) {
    thread::spawn(move || {
        if signals.forever().any(|signal| signal == SIGTERM) {
            let _ = events.send(Event::RunOver);
        }
    });
}

/// Waits for the program's end without reaping it, so that its process id stays its own.
fn watch_exit(program: Pid, events: Sender<Event>) {
    thread::spawn(move || {
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(program), ended) {}
        let _ = events.send(Event::Exited);
    });
}

/// SIGTERM, then SIGKILL for all that is left after `grace`.
fn end_group(group: Pid, grace: Duration, inbox: &Receiver<Event>) {
    if !grace.is_zero() {
        kill_group(group, Signal::TERM);
        let deadline = Instant::now() + grace;
        // Another end of the run, by a signal, changes nothing.
        while let Ok(Event::RunOver) = inbox.recv_timeout(deadline.saturating_duration_since(Instant::now())) {}
    }
    kill_group(group, Signal::KILL);
}

fn kill_group(group: Pid, signal: Signal) {
    // The only error possible is that nobody is left, which is what was wanted.
    let _ = kill_process_group(group, signal);
}

/// The program leads its group, so the two ids are one.
fn group_of(child: &Child) -> Pid {
    Pid::from_child(child)
}

/// Removes a directory; tries again for a while, because another tether may be at it at the same
/// time or a dying program may still write into it. What stays is swept at the next start.
fn remove_dir(dir: &Path) {
    let deadline = Instant::now() + REMOVE_FOR;
    while fs::remove_dir_all(dir).is_err() && dir.symlink_metadata().is_ok() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(20));
    }
}

fn write_atomically(file: &Path, text: &str) -> io::Result<()> {
    let draft = file.with_extension("draft");
    fs::write(&draft, text)?;
    fs::rename(draft, file)
}

fn exit_code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| EXIT_SIGNAL_BASE + signal)).unwrap_or(EXIT_CANNOT_RUN)
}

fn cannot_run(args: &TetherArgs, error: &io::Error) -> i32 {
    let program = args.command.first().map(PathBuf::from).unwrap_or_default();
    say(&format!("cannot run {}: {error}", program.display()));
    EXIT_CANNOT_RUN
}

/// Standard error of a part is its log file.
#[expect(clippy::print_stderr, reason = "the tether is a process of its own; this is its log")]
fn say(text: &str) {
    eprintln!("tether: {text}");
}
