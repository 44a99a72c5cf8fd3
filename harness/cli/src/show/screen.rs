//! Progress while a run goes on: moving lines in a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

use console::style;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use proofload_evidence::Objective;
use proofload_stack::StackEvent;

use super::live::Live;
use super::minutes;

/// A log is read afterwards: one line in this time is enough.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// How wide standard output is, where it is a terminal.
pub(crate) fn columns() -> Option<usize> {
    let terminal = console::Term::stdout();
    terminal.is_term().then(|| terminal.size_checked()).flatten().map(|(_, columns)| columns.into())
}

/// Where progress is shown.
pub(crate) struct Screen {
    started: Instant,
    /// An estimate of the whole run's length.
    total: Duration,
    kind: Kind,
}

enum Kind {
    Terminal { all: MultiProgress, head: ProgressBar, lines: BTreeMap<String, ProgressBar> },
    Plain { last: Instant },
}

impl Screen {
    pub(crate) fn new(total: Duration) -> Self {
        let kind = if console::Term::stderr().is_term() {
            let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10));
            let head = all.add(ProgressBar::new(total.as_secs()));
            head.set_style(template("{bar:24.cyan/dim} {msg}"));
            Kind::Terminal { all, head, lines: BTreeMap::new() }
        } else {
            Kind::Plain { last: Instant::now() }
        };
        Self { started: Instant::now(), total, kind }
    }

    fn clock(&self) -> String {
        format!("{} of about {}", minutes(self.started.elapsed()), minutes(self.total))
    }

    /// Something that stays to be read.
    pub(crate) fn say(&mut self, text: &str) {
        match &self.kind {
            Kind::Terminal { all, .. } => {
                let _ = all.println(text);
            }
            Kind::Plain { .. } => {
                let _ = writeln!(std::io::stderr(), "{text}");
            }
        }
    }

    /// Something that a reader should not miss.
    pub(crate) fn warn(&mut self, text: &str) {
        self.say(&format!("{} {text}", style("warning:").yellow().bold().for_stderr()));
    }

    pub(crate) fn stack(&mut self, event: &StackEvent) {
        let clock = self.clock();
        match (event, &mut self.kind) {
            (StackEvent::Stage(text), Kind::Terminal { head, .. }) => head.set_message(format!("{clock}  {text}")),
            (StackEvent::Stage(text), Kind::Plain { .. }) => self.say(&format!("{clock}  {text}")),
            (StackEvent::Progress { what, done_bytes, total_bytes }, Kind::Terminal { all, lines, .. }) => {
                let bar = lines.entry(what.clone()).or_insert_with(|| {
                    let bar = all.add(ProgressBar::new(*total_bytes));
                    bar.set_style(template("  {bar:22.cyan/dim} {bytes:>10}/{total_bytes:<10} {msg}"));
                    bar.set_message(what.clone());
                    bar
                });
                bar.set_position(*done_bytes);
                if done_bytes >= total_bytes {
                    bar.finish_and_clear();
                }
            }
            (StackEvent::Progress { what, done_bytes, total_bytes }, Kind::Plain { last }) => {
                let done = done_bytes >= total_bytes;
                if done || last.elapsed() >= PLAIN_EVERY {
                    *last = Instant::now();
                    let percent = done_bytes * 100 / (*total_bytes).max(1);
                    self.say(&format!("{clock}  fetching {what}: {percent} %"));
                }
            }
            (StackEvent::Ready { part, took }, _) => {
                let text =
                    format!("  {} {part} is ready after {:.1} s", style("✓").green().for_stderr(), took.as_secs_f64());
                self.say(&text);
            }
            _ => {}
        }
    }

    /// Once a second while a stage is measured.
    pub(crate) fn tick(&mut self, stage: &str, objectives: &[Objective], live: &Live) {
        let clock = self.clock();
        let elapsed = self.started.elapsed().as_secs();
        match &mut self.kind {
            Kind::Terminal { all, head, lines } => {
                head.set_position(elapsed);
                head.set_message(format!("{clock}  {stage}"));
                for objective in objectives {
                    let Some(line) = live.line(objective) else { continue };
                    let bar = lines.entry(objective.id.clone()).or_insert_with(|| {
                        let bar = all.add(ProgressBar::new_spinner());
                        bar.set_style(template("  {msg}"));
                        bar
                    });
                    bar.set_message(format!("{:<11} {line}", objective.id));
                }
            }
            Kind::Plain { last } if last.elapsed() >= PLAIN_EVERY => {
                *last = Instant::now();
                let mut text = format!("{clock}  {stage}");
                for objective in objectives {
                    if let Some(line) = live.line(objective) {
                        let _ = write!(text, "\n    {:<11} {line}", objective.id);
                    }
                }
                self.say(&text);
            }
            Kind::Plain { .. } => {}
        }
    }

    /// A stage is over: its lines make room for the next one's.
    pub(crate) fn clear_lines(&mut self) {
        if let Kind::Terminal { lines, .. } = &mut self.kind {
            std::mem::take(lines).into_values().for_each(|bar| bar.finish_and_clear());
        }
    }

    /// What goes on between and after stages.
    pub(crate) fn doing(&mut self, text: &str) {
        let clock = self.clock();
        match &self.kind {
            Kind::Terminal { head, .. } => head.set_message(format!("{clock}  {text}")),
            Kind::Plain { .. } => self.say(&format!("{clock}  {text}")),
        }
    }

    /// Takes everything that moves off the terminal.
    pub(crate) fn finish(mut self) {
        self.clear_lines();
        if let Kind::Terminal { head, .. } = &self.kind {
            head.finish_and_clear();
        }
    }
}

fn template(text: &str) -> ProgressStyle {
    ProgressStyle::with_template(text).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━━─")
}
