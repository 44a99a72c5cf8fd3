//! Exit codes: the interface to scripts, in one place.

use std::io::Write as _;
use std::process::ExitCode;

/// How the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Every objective passed, or there was nothing to judge.
    Pass = 0,
    /// Something that should not happen: a full disk in mid-run, a defect.
    Unexpected = 1,
    /// The command line, the scenario or a directory named in them cannot be used.
    Usage = 2,
    /// At least one objective failed.
    Failed = 10,
    /// None failed, but at least one could not be judged.
    Inconclusive = 11,
    /// The stack could not be started.
    Stack = 12,
    /// Interrupted by the user.
    Interrupted = 130,
}

/// What `--help` says of it.
pub(crate) const HELP: &str = "\
Exit codes:
  0    every objective passed
  1    unexpected: the run could not be carried out or recorded
  2    wrong usage, scenario or directory
  10   an objective failed
  11   inconclusive: none failed, but at least one could not be judged
  12   the stack could not be started
  130  interrupted";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<proofload_evidence::Verdict> for Exit {
    fn from(verdict: proofload_evidence::Verdict) -> Self {
        match verdict {
            proofload_evidence::Verdict::Pass => Self::Pass,
            proofload_evidence::Verdict::Fail => Self::Failed,
            proofload_evidence::Verdict::Inconclusive => Self::Inconclusive,
        }
    }
}

/// An error with the exit code that it leads to.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    error: anyhow::Error,
}

impl Failure {
    pub(crate) fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self { exit, error: error.into() }
    }

    /// Says what went wrong, on standard error.
    pub(crate) fn report(&self) -> ExitCode {
        // Where standard error is closed, the exit code still tells.
        let _ = writeln!(std::io::stderr(), "error: {}", self.text());
        self.exit.into()
    }

    /// The error and its causes, except those that it already tells itself.
    fn text(&self) -> String {
        let mut text = self.error.to_string();
        for cause in self.error.chain().skip(1).map(ToString::to_string) {
            if !text.contains(&cause) {
                text = format!("{text}: {cause}");
            }
        }
        text
    }
}

/// Anything not told apart is unexpected.
impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(Exit::Unexpected, error)
    }
}
