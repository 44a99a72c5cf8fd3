//! `proofload verify`: scenario, stack, stages, evidence, verdict, in this order and no other.
//!
//! Invariants: everything that can be wrong with what the user typed is found before anything is
//! started; whatever happens after the stack has started, it is stopped; the verdict is reached by
//! reading back what was written.

mod measure;
mod prepare;

use std::io::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use proofload_evidence::{Evidence, RunDir, RunRecord, RunState};
use proofload_scenarios::Selection;
use proofload_stack::Platform;

use super::report::conclude;
use crate::args::VerifyArgs;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::show::screen::{self, Screen};
use crate::show::table;

/// What start, drain and judging take beside the load, roughly; for the progress line only.
const AROUND_LOAD: Duration = Duration::from_secs(10);

pub(crate) fn run(args: VerifyArgs) -> Result<Exit, Failure> {
    let started_at = Timestamp::now();
    let selection = prepare::select(&args)?;
    prepare::check_machine()?;
    let dir = prepare::run_dir(&args, started_at)?;
    super::runtime()?.block_on(async {
        let screen = Screen::new(Duration::from_secs(selection.load_s().into()) + AROUND_LOAD);
        let interrupt = Interrupt::listen()?;
        Verify { args, started_at, selection, dir, screen, interrupt }.execute().await
    })
}

/// One run of the command.
struct Verify {
    args: VerifyArgs,
    started_at: Timestamp,
    selection: Selection,
    dir: RunDir,
    screen: Screen,
    interrupt: Interrupt,
}

impl Verify {
    async fn execute(mut self) -> Result<Exit, Failure> {
        let mut writer = self.dir.writer(self.started_at).map_err(|e| Failure::new(Exit::Usage, e))?;
        let Some(platform) = self.start_stack().await? else { return Ok(self.interrupted()) };
        let result = self.measure(&platform, &mut writer).await;
        self.stop(platform).await;
        drop(writer);
        let (header, state) = match result {
            Ok(measured) => measured,
            Err(failure) => {
                self.mark_cut_short();
                self.screen.finish();
                return Err(failure);
            }
        };
        self.screen.doing("judging");
        self.dir.write_record(&RunRecord::unjudged(header, state))?;
        let record = conclude(&self.dir, &Evidence::load(&self.dir)?)?;
        self.screen.finish();
        let mut out = std::io::stdout().lock();
        table::write(&mut out, &record, &self.dir, screen::columns())?;
        out.flush()?;
        Ok(match state {
            RunState::Finished => record.verdict.map_or(Exit::Inconclusive, Exit::from),
            RunState::CutShort | RunState::Running => Exit::Interrupted,
        })
    }

    /// `None` where the user did not want to wait for it.
    async fn start_stack(&mut self) -> Result<Option<Platform>, Failure> {
        let options = prepare::native_options(&self.args, &self.dir)?;
        let screen = &mut self.screen;
        let mut on_event = |event| screen.stack(&event);
        tokio::select! {
            started = proofload_stack::start_native(options, &mut on_event) => {
                started.map(Some).map_err(prepare::stack_failure)
            }
            () = self.interrupt.coming() => Ok(None),
        }
    }

    async fn stop(&mut self, platform: Platform) {
        self.screen.doing("stopping the stack");
        if let Err(error) = platform.stop().await {
            self.screen.warn(&error.to_string());
        }
    }

    /// After an error: what was kept stays readable, and does not look as if it were going on. If
    /// not even that can be written, the error that is about to be told has the same reason.
    fn mark_cut_short(&self) {
        if let Ok(record) = self.dir.read_record() {
            let _ = self.dir.write_record(&RunRecord { state: RunState::CutShort, ..record });
        }
    }

    fn interrupted(self) -> Exit {
        self.screen.finish();
        let _ = writeln!(std::io::stderr(), "interrupted before anything was measured");
        Exit::Interrupted
    }
}
