//! Runs the plan's stages one after the other and keeps what comes out of them, second by second.
//!
//! A part of the platform that dies is evidence, not an error: its objectives fail by what is
//! measured, and the report says what died. Not being able to keep evidence is an error.

use std::time::Duration;

use proofload_engine::{Event, HostSampler, Measure, RunClock, StagePlan, Stop, Stopper, run_stage};
use proofload_evidence::{Objective, RunHeader, RunRecord, RunState, RunWriter, StageSpan};
use proofload_stack::{Platform, StackError};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::MissedTickBehavior;

use super::{Verify, prepare};
use crate::background::Background;
use crate::exit::{Exit, Failure};
use crate::show::live::Live;
use crate::witness::GatewayWitness;

/// What belongs to the run as a whole.
struct Keeper<'a> {
    header: RunHeader,
    writer: &'a mut RunWriter,
    clock: RunClock,
    host: HostSampler,
}

/// What belongs to the stage that is going on.
struct Stage<'a> {
    plan: &'a StagePlan,
    objectives: Vec<Objective>,
    live: Live,
    span: Option<StageSpan>,
    witness: Option<GatewayWitness>,
    stopper: Stopper,
}

impl Verify {
    /// Everything between the start of the stack and its stop.
    pub(super) async fn measure(
        &mut self,
        platform: &Platform,
        writer: &mut RunWriter,
    ) -> Result<(RunHeader, RunState), Failure> {
        let seed = self.args.seed.unwrap_or_else(|| fastrand::u64(..1 << 53));
        let plan = self.selection.plan(&prepare::endpoints(platform), seed);
        let plan = plan.map_err(|e| Failure::new(Exit::Usage, e))?;
        let header = prepare::header(&self.args, &self.selection, self.started_at, platform, &plan)?;
        let mut keeper = Keeper { header, writer, clock: RunClock::start(), host: HostSampler::default() };
        self.keep_header(&keeper)?;
        for (stage, seed) in plan.stages.iter().zip((plan.seed..).step_by(1_000)) {
            if self.interrupt.came() {
                break;
            }
            self.measure_stage(platform, stage, seed, &mut keeper).await?;
        }
        let state = if self.interrupt.came() { RunState::CutShort } else { RunState::Finished };
        Ok((keeper.header, state))
    }

    async fn measure_stage(
        &mut self,
        platform: &Platform,
        stage: &StagePlan,
        seed: u64,
        keeper: &mut Keeper<'_>,
    ) -> Result<(), Failure> {
        let background = self.start_users(platform, stage)?;
        let (events, mut received) = unbounded_channel();
        let (stopper, stop) = Stop::pair();
        let (clock, plan_of_stage) = (keeper.clock, stage.clone());
        let engine = tokio::task::spawn_blocking(move || run_stage(&plan_of_stage, seed, clock, &stop, &events));
        let ids: Vec<&str> = stage.probes.iter().map(|p| p.objective.as_str()).collect();
        let objectives = keeper.header.objectives.iter().filter(|o| ids.contains(&o.id.as_str())).cloned().collect();
        let mut going = Stage { plan: stage, objectives, live: Live::default(), span: None, witness: None, stopper };
        let kept = self.follow(platform, &mut going, &mut received, keeper).await;
        // On an error of ours the probes still have to be brought to their end.
        going.stopper.stop();
        engine.await??;
        kept?;
        self.screen.clear_lines();
        if let Some(witness) = going.witness {
            keeper.header.witnesses.extend(witness.testify().await);
        }
        if let Some(background) = background {
            self.screen.doing("waiting for the users to finish");
            keeper.header.user_traffic = Some(background.finish(self.interrupt.came()).await);
        }
        self.keep_header(keeper)
    }

    fn start_users(&self, platform: &Platform, stage: &StagePlan) -> anyhow::Result<Option<Background>> {
        let users = self.selection.users();
        if !stage.background || users == 0 {
            return Ok(None);
        }
        let executable = std::env::current_exe()?;
        let background = Background::start(&executable, platform.gateway, users, stage.load_s(), self.dir.root())?;
        Ok(Some(background))
    }

    /// Keeps and shows what the engine hands out, until it has nothing more.
    async fn follow(
        &mut self,
        platform: &Platform,
        stage: &mut Stage<'_>,
        received: &mut UnboundedReceiver<Event>,
        keeper: &mut Keeper<'_>,
    ) -> Result<(), Failure> {
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        // After a pause of the whole process one tick is enough.
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut interrupted = self.interrupt.came();
        loop {
            tokio::select! {
                event = received.recv() => match event {
                    None => break,
                    Some(Event::Interval(interval)) => {
                        keeper.writer.append(&interval)?;
                        stage.live.add(&interval);
                    }
                    Some(Event::Started(span)) => {
                        keeper.header.stages.push(span.clone());
                        stage.span = Some(span);
                        self.keep_header(keeper)?;
                    }
                },
                _ = tick.tick() => self.tick(platform, stage, keeper).await?,
                () = self.interrupt.coming(), if !interrupted => {
                    interrupted = true;
                    self.screen.doing("interrupted; stopping the load");
                    stage.stopper.stop();
                }
            }
        }
        Ok(keeper.writer.flush()?)
    }

    async fn tick(
        &mut self,
        platform: &Platform,
        stage: &mut Stage<'_>,
        keeper: &mut Keeper<'_>,
    ) -> Result<(), Failure> {
        let second = (keeper.clock.now_ns() / 1_000_000_000) as u32;
        if let Some(sample) = keeper.host.sample(second.saturating_sub(1)) {
            keeper.writer.append_host(&sample)?;
        }
        keeper.writer.flush()?;
        let judged = stage.span.as_ref().is_some_and(|span| second >= span.start_s + span.warm_up_s);
        let gateway = stage.plan.probes.iter().any(|p| matches!(p.measure, Measure::Gateway { .. }));
        if judged && gateway && stage.witness.is_none() {
            let witness = GatewayWitness::start(&platform.gateway_access_log, platform.gateway_metrics).await;
            stage.witness = Some(witness);
        }
        for warning in platform.deaths().iter().map(first_line) {
            if !keeper.header.warnings.contains(&warning) {
                self.screen.warn(&warning);
                keeper.header.warnings.push(warning);
            }
        }
        let doing = if judged { "measuring" } else { "warming up" };
        self.screen.tick(&format!("{doing}: {}", stage.plan.name), &stage.objectives, &stage.live);
        Ok(())
    }

    /// Until the end the record says that the run is going on; a killed run never says more.
    fn keep_header(&self, keeper: &Keeper<'_>) -> Result<(), Failure> {
        Ok(self.dir.write_record(&RunRecord::unjudged(keeper.header.clone(), RunState::Running))?)
    }
}

/// What died, how, and where its log is; what the log says stays in the log.
fn first_line(death: &StackError) -> String {
    let text = death.to_string();
    text.lines().next().unwrap_or_default().trim_end_matches(':').to_owned()
}
