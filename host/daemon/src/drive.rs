//! `drive(task)`: the one function in which worker, webhook, reaper, reconciler and operator all end.
//!
//! It takes the task's drive lease, reads the stored world, asks `core::step::next_step` what should happen, does that
//! one thing, and asks again until the task rests. Everything that it decides is written by `Store::commit`; whoever
//! finds the task changed under its hands drops its work (STG-2).

use crate::app::App;
use crate::effects;
use crate::gatehouse::APPROVAL;
use crate::judge::{self, Asking};
use crate::look::{self, Looked, World};
use crate::merge::{self, Hold, MergeEnd};
use crate::project::Heads;
use portcullis_core::effect::NewEffect;
use portcullis_core::gate::{Call, Evaluation, Mode, Outcome, Verdict};
use portcullis_core::ids::{GateName, Revision, StageName, TaskId};
use portcullis_core::job::Job;
use portcullis_core::lease::{Acquire, Lease, LeaseName};
use portcullis_core::step::{Rest, Step, View, next_step};
use portcullis_core::task::{Change, Commit, Committed, Held, Task};
use portcullis_core::time::UnixMillis;
use portcullis_store::StoreError;
use std::time::Duration;

/// How long a drive lease lasts unless renewed; it is renewed while a step takes long.
pub const LEASE_FOR: Duration = Duration::from_secs(60);
/// When to look again at what could not be read.
const UNAVAILABLE_RETRY: Duration = Duration::from_secs(30);
/// When to ask again for a lease that somebody else holds.
const LEASE_RETRY: Duration = Duration::from_secs(5);
/// Steps of one drive: a sound task rests long before.
const MAX_STEPS: usize = 100;

/// How a drive ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Driven {
    /// The task rests.
    Rests(Rest),
    /// Somebody else drives it just now.
    Busy,
    /// The task or the lease changed under our hands; the work was dropped.
    Stale,
    /// There is no such task.
    Gone,
}

/// Looks at a task and does what there is to do.
///
/// # Errors
/// [`StoreError`] if the store did not answer; whatever had been committed stays, the rest comes again.
pub async fn drive(app: &App, id: TaskId) -> Result<Driven, StoreError> {
    let name = LeaseName::drive(id);
    let lease = match app.store.acquire(&name, &app.holder(format!("task {id}")), app.now(), LEASE_FOR).await? {
        Acquire::Won(lease) => lease,
        Acquire::Held { .. } => return Ok(Driven::Busy),
    };
    let mut drive =
        Drive { app, lease, merge_lease: None, fresh: Vec::new(), merged: None, heads: None, written: None };
    let end = match drive.run(id).await {
        // It would be looked at for ever, and nobody would know (REA-6).
        Err(error @ StoreError::Damaged { .. }) => hold_damaged(app, id, &error).await,
        end => end,
    };
    if let Err(error) = &end
        && app.room.hears(error, app.now())
    {
        // The lease can be given back only when the database takes writes again; otherwise the task would wait for its end.
        app.room.takes_writes().await;
    }
    let keep_it = matches!(end, Ok(Driven::Rests(ref rest)) if keeps_merge_lease(rest));
    merge::settle(app, id, drive.merge_lease.take(), keep_it).await;
    app.store.release(drive.lease, app.now()).await?;
    end
}

/// Holds a task whose rows say what they cannot: a person has to look, the others go on.
async fn hold_damaged(app: &App, id: TaskId, error: &StoreError) -> Result<Driven, StoreError> {
    tracing::error!(task.id = id.0, %error, "a task cannot be read; it is held");
    app.store.hold_damaged(id, &error.to_string(), app.now()).await?;
    app.bell.outbox.notify_one();
    Ok(Driven::Gone)
}

/// Between catching up and the merge the lease is kept, also while a gate of that edge is not decided yet (MRG-2).
fn keeps_merge_lease(rest: &Rest) -> bool {
    match rest {
        Rest::GatePending { .. } | Rest::GateFault { .. } | Rest::ForgeUnavailable { .. } => true,
        Rest::Finished
        | Rest::Held { .. }
        | Rest::JobQueued { .. }
        | Rest::JobRunning { .. }
        | Rest::NoHead { .. }
        | Rest::ManifestUnusable { .. }
        | Rest::LeaseTaken { .. }
        | Rest::RepositoryUnavailable { .. }
        | Rest::Paused { .. }
        | Rest::ClockBehind { .. } => false,
    }
}

struct Drive<'a> {
    app: &'a App,
    lease: Lease,
    /// The repository's merge lease, once something on a merging edge acts (MRG-2).
    merge_lease: Option<Lease>,
    /// Evaluations made in this drive that no commit has written yet.
    fresh: Vec<Evaluation>,
    /// The merge that this drive has just confirmed.
    merged: Option<Revision>,
    /// The remote's heads, as this drive asked for them. What moves there later rings, and before a merge the remote is
    /// asked again; what this drive itself publishes makes it ask again too.
    heads: Option<Heads>,
    /// The version that this drive has written last.
    written: Option<i64>,
}

/// Whether the drive goes on after a step.
enum Next {
    Again,
    End(Driven),
}

impl Drive<'_> {
    async fn run(&mut self, id: TaskId) -> Result<Driven, StoreError> {
        for _ in 0..MAX_STEPS {
            let Some(task) = self.app.store.task(id).await? else { return Ok(Driven::Gone) };
            if self.written != Some(task.version) {
                // Somebody else has changed it, a role that has just published perhaps: heads from before would put an
                // older one back.
                self.heads = None;
            }
            match self.once(&task).await? {
                Next::Again => {}
                Next::End(end) => return Ok(end),
            }
        }
        tracing::error!(task.id = id.0, "a task took {MAX_STEPS} steps without coming to rest; looking again later");
        Ok(Driven::Stale)
    }

    async fn once(&mut self, task: &Task) -> Result<Next, StoreError> {
        let began = self.app.now();
        let job = self.app.store.job_of_visit(task.id).await?;
        let world = match self.look(task, job).await? {
            Ok(world) => world,
            Err(rest) => return self.rest(task, began, rest, Some(began.plus(UNAVAILABLE_RETRY))).await,
        };
        let Some(world) = world else { return Ok(Next::Again) };
        let mut evaluations = world.evaluations.clone();
        evaluations.extend(self.fresh.iter().cloned());
        let merged = self.merged.clone();
        let bindings = world.bindings();
        let view = world.view(task, &bindings, &evaluations, merged.as_ref());
        let step = next_step(&view, &self.app.rules, self.app.now());
        tracing::debug!(task.id = task.id.0, stage = %task.stage, ?step, "next step");
        self.take(task, &world, &view, step, began).await
    }

    /// Does one step.
    async fn take(
        &mut self,
        task: &Task,
        world: &World,
        view: &View<'_>,
        step: Step,
        began: UnixMillis,
    ) -> Result<Next, StoreError> {
        match step {
            Step::Rest { rest, next_look_at } => self.rest(task, began, rest, next_look_at).await,
            Step::Enqueue { role } => {
                let why = format!("{} needs its {role}", task.stage);
                self.commit(task, Change::Enqueue { role }, Vec::new(), why).await
            }
            Step::Judge { gate } => self.ask(task, world, &gate, Asking::Evaluate).await,
            Step::Act { gate } => {
                if let Some(next) = self.rest_without_merge_lease(task, world, began).await? {
                    return Ok(next);
                }
                let under = self.lease.fence();
                self.ask(task, world, &gate, Asking::Act { under }).await
            }
            Step::BeginMerge { intent } => {
                if let Some(next) = self.rest_without_merge_lease(task, world, began).await? {
                    return Ok(next);
                }
                let why = format!("every gate is green; {} will be merged", intent.head.short());
                let target = &world.project.settings.default_branch;
                let effects = effects::about_to_merge(task, target, &judged(world, view, &intent.head));
                self.commit(task, Change::Merging { intent: Some(intent) }, effects, why).await
            }
            Step::Merge { intent } => {
                if let Some(next) = self.rest_without_merge_lease(task, world, began).await? {
                    return Ok(next);
                }
                // It was taken or renewed a moment ago; without it there is nothing to merge under.
                let Some(under) = self.merge_lease.as_ref().map(Lease::fence) else { return Ok(Next::Again) };
                let merging = merge::merge(&world.project, task, &intent, &under);
                let Some(end) = keep(self.app, &mut self.lease, &mut self.merge_lease, merging).await? else {
                    return Ok(Next::End(Driven::Stale));
                };
                self.heads = None;
                match end {
                    MergeEnd::Merged(commit) => {
                        self.merged = Some(commit);
                        Ok(Next::Again)
                    }
                    MergeEnd::Void(why) => self.commit(task, Change::Merging { intent: None }, Vec::new(), why).await,
                    MergeEnd::Conflict(paths) => {
                        let step = portcullis_core::step::after_conflict(view, &self.app.rules, &paths);
                        self.move_task(task, world, view, step).await
                    }
                    MergeEnd::Outside(reason) => {
                        self.move_task(task, world, view, Step::Hold { reason, returns: task.returns }).await
                    }
                    MergeEnd::NotYet(reason) => {
                        let again = self.app.now().plus(UNAVAILABLE_RETRY);
                        self.rest(task, began, Rest::ForgeUnavailable { reason }, Some(again)).await
                    }
                }
            }
            Step::Advance { .. } | Step::Return { .. } | Step::Hold { .. } => {
                self.move_task(task, world, view, step).await
            }
        }
    }

    /// The three steps that move or hold a task.
    async fn move_task(&mut self, task: &Task, world: &World, view: &View<'_>, step: Step) -> Result<Next, StoreError> {
        match step {
            Step::Advance { from, to, role } => {
                let terminal = world.house.pipeline.is_terminal(&to);
                let judged = task.head.as_ref().map_or_else(Vec::new, |head| judged(world, view, head));
                let effects = effects::advanced(task, &to, terminal, &judged, self.merged.is_some());
                let why = self.why_green(&from, &to, world);
                tracing::info!(task.id = task.id.0, %from, %to, "a task advances");
                let change = Change::Advance { to, role, merge_commit: self.merged.take() };
                self.commit(task, change, effects, why).await
            }
            Step::Return { to, role, feedback, forget_merge } => {
                let effects = effects::returned(task, &to, &feedback);
                let why = format!("gate {} is red: {}", feedback.gate, feedback.summary);
                tracing::info!(task.id = task.id.0, from = %task.stage, %to, gate = %feedback.gate, "a task is sent back");
                self.commit(task, Change::Return { to, role, feedback, forget_merge }, effects, why).await
            }
            Step::Hold { reason, returns } => {
                let effects = effects::held(task, &reason);
                let held = Held { reason: reason.clone(), since: self.app.now(), by: "portcullis".to_owned() };
                tracing::warn!(task.id = task.id.0, stage = %task.stage, %reason, "a task is held for a person");
                self.commit(task, Change::Hold { held, returns }, effects, reason).await
            }
            Step::Rest { .. }
            | Step::Enqueue { .. }
            | Step::Judge { .. }
            | Step::Act { .. }
            | Step::BeginMerge { .. }
            | Step::Merge { .. } => Ok(Next::Again),
        }
    }

    fn why_green(&self, from: &StageName, to: &StageName, world: &World) -> String {
        let gates: Vec<&str> =
            world.gates.iter().filter(|g| g.spec.mode == Mode::Enforce).map(|g| g.spec.name.as_str()).collect();
        if gates.is_empty() { format!("{from} → {to} has no gates") } else { format!("green: {}", gates.join(", ")) }
    }

    /// Reads what the decision rests on. `Ok(Ok(None))`: something was put right on the way, look again.
    async fn look(&mut self, task: &Task, job: Option<Job>) -> Result<Result<Option<World>, Rest>, StoreError> {
        match look::look(self.app, task, job, &mut self.heads).await? {
            Looked::World(world) => Ok(Ok(Some(*world))),
            Looked::Rests(rest) => Ok(Err(rest)),
            Looked::Moved { project, head } => {
                let why = "the branch was pushed to".to_owned();
                project.after_push(self.app, task, &head).await?;
                self.commit(task, Change::Head { head }, Vec::new(), why).await?;
                Ok(Ok(None))
            }
        }
    }

    /// Asks one gate and keeps its answer for the next decision.
    async fn ask(&mut self, task: &Task, world: &World, gate: &GateName, asking: Asking) -> Result<Next, StoreError> {
        let Some((bound, subject)) = world.subject(task, gate) else { return Ok(Next::Again) };
        let asking = judge::ask(self.app, &world.project, task, bound, subject, asking);
        let Some(asked) = keep(self.app, &mut self.lease, &mut self.merge_lease, asking).await? else {
            return Ok(Next::End(Driven::Stale));
        };
        self.fresh.push(asked.evaluation);
        match asked.published {
            Some(head) => {
                self.heads = None;
                world.project.after_push(self.app, task, &head).await?;
                let why = format!("gate {gate} published {}", head.short());
                self.commit(task, Change::Head { head }, Vec::new(), why).await
            }
            None => Ok(Next::Again),
        }
    }

    /// Takes the merge lease before anything on a merging edge acts (MRG-2). Some: somebody else has it; the task rests.
    async fn rest_without_merge_lease(
        &mut self,
        task: &Task,
        world: &World,
        began: UnixMillis,
    ) -> Result<Option<Next>, StoreError> {
        if !world.house.pipeline.edge_from(&task.stage).is_some_and(|edge| edge.merge) {
            return Ok(None);
        }
        if let Some(lease) = &mut self.merge_lease
            && merge::renew(self.app, lease).await?
        {
            return Ok(None);
        }
        let rest = match merge::hold_lease(self.app, task.id, &world.project.settings.repository).await? {
            Hold::Taken(lease) => {
                self.merge_lease = Some(lease);
                return Ok(None);
            }
            Hold::Elsewhere(rest) => rest,
        };
        let again = self.app.now().plus(LEASE_RETRY);
        self.rest(task, began, rest, Some(again)).await.map(Some)
    }

    async fn rest(
        &mut self,
        task: &Task,
        began: UnixMillis,
        rest: Rest,
        next_look_at: Option<UnixMillis>,
    ) -> Result<Next, StoreError> {
        let effects = match &rest {
            Rest::GatePending { gate, summary, .. } if self.is_approval(gate) => effects::needs_approval(task, summary),
            _ => Vec::new(),
        };
        let why = rest.to_string();
        let change = Change::Rest { rest: rest.clone(), next_look_at };
        match self.write(task, change, effects, why, began).await? {
            Committed::Done { .. } => Ok(Next::End(Driven::Rests(rest))),
            Committed::Stale => Ok(Next::End(Driven::Stale)),
        }
    }

    /// Whether the gate that just said "not yet" waits for a person.
    fn is_approval(&self, gate: &GateName) -> bool {
        self.fresh.iter().rev().any(|e| {
            e.gate == *gate
                && e.plugin.name.as_str() == APPROVAL
                && matches!(&e.report.outcome, Outcome::Judged(j) if j.verdict == Verdict::Pending)
        })
    }

    async fn commit(
        &mut self,
        task: &Task,
        change: Change,
        effects: Vec<NewEffect>,
        why: String,
    ) -> Result<Next, StoreError> {
        let at = self.app.now();
        match self.write(task, change, effects, why, at).await? {
            Committed::Done { .. } => Ok(Next::Again),
            Committed::Stale => Ok(Next::End(Driven::Stale)),
        }
    }

    async fn write(
        &mut self,
        task: &Task,
        change: Change,
        effects: Vec<NewEffect>,
        why: String,
        at: UnixMillis,
    ) -> Result<Committed, StoreError> {
        let commit = Commit {
            task: task.id,
            version: task.version,
            rings: task.rings,
            change,
            evaluations: std::mem::take(&mut self.fresh),
            effects,
            actor: "portcullis".to_owned(),
            why,
            at,
        };
        let committed = self.app.store.commit(&self.lease, commit).await?;
        if let Committed::Done { version } = committed {
            self.written = Some(version);
            self.app.bell.jobs.notify_one();
            self.app.bell.outbox.notify_one();
        }
        Ok(committed)
    }
}

/// What each gate of the edge said last about `head`.
fn judged<'a>(world: &World, view: &View<'a>, head: &Revision) -> Vec<&'a Evaluation> {
    let last = |gate: &GateName| {
        let about = |e: &&Evaluation| e.gate == *gate && e.call == Call::Evaluate && e.subject.head == *head;
        view.evaluations.iter().rev().find(about)
    };
    world.gates.iter().filter_map(|bound| last(&bound.spec.name)).collect()
}

/// Awaits `work` and renews the leases meanwhile. None: one was lost; the work was dropped.
async fn keep<T>(
    app: &App,
    lease: &mut Lease,
    merge_lease: &mut Option<Lease>,
    work: impl Future<Output = T>,
) -> Result<Option<T>, StoreError> {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Ok(Some(done)),
            () = tokio::time::sleep(LEASE_FOR / 3) => {
                if !app.store.renew(lease, app.now(), LEASE_FOR).await? {
                    return Ok(None);
                }
                if let Some(lease) = merge_lease
                    && !merge::renew(app, lease).await?
                {
                    return Ok(None);
                }
            }
        }
    }
}
