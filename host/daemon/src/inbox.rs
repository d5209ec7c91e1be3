//! What a stored event does: never inside the request (WEB-4), always in one transaction with marking it handled.
//!
//! Events are handled side by side, and in order as far as they come from one sender about one project: a tracker that
//! does not answer keeps nobody else's waiting.
//!
//! Handling an event moves nothing. It makes a task, records a person's decision, or rings; `drive` does the rest.

use crate::app::App;
use crate::crash;
use crate::drive::LEASE_FOR;
use crate::effects::{self, STATUS_CONTEXT};
use crate::gatehouse::chain;
use crate::lanes::Lanes;
use crate::project::Project;
use crate::settings::{ForgeKind, TrackerKind};
use portcullis_connect::webhook::{self, PayloadError};
use portcullis_core::effect::TrackerState;
use portcullis_core::event::{Event, InboxRow, Source};
use portcullis_core::facts::Approval;
use portcullis_core::ids::{InboxId, ProjectName, Revision, StageName, TaskId, WorkItem};
use portcullis_core::job::JobState;
use portcullis_core::lease::{Acquire, LeaseName};
use portcullis_core::reconcile::{self, Stray};
use portcullis_core::retry::Backoff;
use portcullis_core::task::{Change, Commit, Committed, Decision, NewTask, Task};
use portcullis_store::{Action, Settlement, StoreError};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Tries before an event is parked: about half an hour of somebody else's outage.
const MAX_ATTEMPTS: u32 = 12;
/// Wait between them.
const BACKOFF: Backoff = Backoff { first: Duration::from_secs(2), longest: Duration::from_secs(300) };
/// Events that are read at once, bodies and all.
const PAGE: u32 = 100;
/// Events of one lane that are handled before it is looked anew what is due.
const IN_A_ROW: usize = 20;
/// The stage in which work is pushed that nobody here has seen yet (REC-6).
const DEVELOPMENT: &str = "development";

/// The lanes in which events are handled: one for each source of each project. What is nobody's needs no answer from
/// outside.
pub type Senders = Lanes<(Source, Option<ProjectName>)>;

/// Begins to handle what is due: in each lane that is free, in the order in which it came.
///
/// # Errors
/// [`StoreError`] if the list could not be read; a single event's failure is written to it and retried (WEB-4).
pub async fn tick(app: &Arc<App>, senders: &Arc<Senders>) -> Result<(), StoreError> {
    let busy = senders.busy();
    let mut due: HashMap<_, Vec<(InboxRow, Read)>> = HashMap::new();
    let mut after = InboxId(0);
    loop {
        let page = app.store.due_events(app.now(), after, PAGE).await?;
        let is_last = page.len() < PAGE as usize;
        for row in page {
            after = row.id;
            let read = webhook::parse(row.source, &row.event, &row.body);
            let lane = (row.source, read.as_ref().ok().and_then(|event| owner_of(app, row.source, event)));
            if !busy.contains(&lane) {
                let waiting = due.entry(lane).or_default();
                // What is left is found again when these are done.
                if waiting.len() < IN_A_ROW {
                    waiting.push((row, read));
                }
            }
        }
        if is_last {
            break;
        }
    }
    for (lane, events) in due {
        let ringing = app.clone();
        let after = move |handled: Result<(), StoreError>| match handled {
            Ok(()) => ringing.bell.inbox.notify_one(),
            Err(error) if ringing.room.hears(&error, ringing.now()) => {}
            Err(error) => {
                tracing::error!(error = %chain(&error), "what handling an event came to could not be recorded; it is handled again");
            }
        };
        senders.begin(lane, handle_all(app.clone(), events), after).await;
    }
    Ok(())
}

/// What a row says, or why that cannot be read.
type Read = Result<Event, PayloadError>;

/// Handles events one after another.
async fn handle_all(app: Arc<App>, events: Vec<(InboxRow, Read)>) -> Result<(), StoreError> {
    for (row, read) in events {
        let id = row.id;
        let handled = match read {
            Ok(event) => handle(&app, &row, event).await,
            // The same bytes will not read better later: an operator should see them.
            Err(error) => Ok(Settlement::Parked { reason: error.to_string() }),
        };
        crash::point("event/handled");
        let settlement = match handled {
            // Nothing is tried for ever: then an operator sees it (WEB-4).
            Ok(Settlement::Retry { reason, .. }) if row.attempts + 1 >= MAX_ATTEMPTS => Settlement::Parked { reason },
            Ok(settlement) => settlement,
            Err(NotNow(reason)) if row.attempts + 1 >= MAX_ATTEMPTS => Settlement::Parked { reason },
            Err(NotNow(reason)) => Settlement::Retry {
                reason,
                not_before: app.now().plus(BACKOFF.wait(row.attempts + 1, id.0.unsigned_abs())),
            },
        };
        tracing::info!(event.id = id.0, source = row.source.as_str(), event = %row.event, ?settlement, "an event was handled");
        app.store.settle(id, settlement, app.now()).await?;
        app.bell.ring_all();
    }
    Ok(())
}

/// Why an event could not be handled; a later try may go better.
struct NotNow(String);

impl From<StoreError> for NotNow {
    fn from(error: StoreError) -> Self {
        Self(chain(&error))
    }
}

/// What an event comes to.
async fn handle(app: &App, row: &InboxRow, event: Event) -> Result<Settlement, NotNow> {
    match event {
        Event::Ignored { reason } => ignored(reason),
        Event::Push { repository, branch, .. } => match owner(app, row.source, &repository) {
            None => no_owner(&repository),
            Some(project) if branch == project.settings.default_branch => {
                ring(app.store.open_tasks(&project.settings.name).await?, || {
                    format!("no open task waits for `{branch}`")
                })
            }
            Some(project) => {
                let task = app.store.task_with_branch(&project.settings.name, &branch).await?;
                ring(task.into_iter().collect(), || format!("no task has branch `{branch}`"))
            }
        },
        Event::PullRequest { repository, number, branch, .. } => match owner(app, row.source, &repository) {
            None => no_owner(&repository),
            Some(project) => {
                let task = app.store.task_with_branch(&project.settings.name, &branch).await?;
                ring(task.into_iter().collect(), || format!("no task has branch `{branch}` (pull request {number})"))
            }
        },
        Event::Check { context, .. } if context.starts_with(STATUS_CONTEXT) => {
            ignored(format!("`{context}` is the echo of our own status"))
        }
        Event::Check { repository, revision, .. } => match owner(app, row.source, &repository) {
            None => no_owner(&repository),
            Some(project) => match app.store.tasks_with_head(&project.settings.name, &revision).await? {
                tasks if tasks.is_empty() => stray_check(app, &project, &revision).await,
                tasks => ring(tasks, String::new),
            },
        },
        Event::WorkItem { .. } => work_item(app, row, event).await,
    }
}

fn ignored(reason: String) -> Result<Settlement, NotNow> {
    Ok(Settlement::Ignored { reason })
}

fn no_owner(repository: &str) -> Result<Settlement, NotNow> {
    ignored(format!("no project owns repository `{repository}`"))
}

fn ring(tasks: Vec<TaskId>, nobody: impl FnOnce() -> String) -> Result<Settlement, NotNow> {
    if tasks.is_empty() {
        return ignored(nobody());
    }
    Ok(Settlement::Processed(tasks.into_iter().map(|task| Action::Ring { task }).collect()))
}

/// A report on a revision that is no known head is for the only task in development; else for none (REC-6).
async fn stray_check(app: &App, project: &Project, revision: &Revision) -> Result<Settlement, NotNow> {
    // One that some task has left behind is known, and says nothing about what stands there now.
    if app.store.pushed_at(&project.settings.name, revision).await?.is_some() {
        return ignored(format!("{} is no task's head any more", revision.short()));
    }
    let in_development = app.store.open_tasks_in_stage(&project.settings.name, &StageName::new(DEVELOPMENT)).await?;
    match reconcile::stray_check(&in_development) {
        Stray::Of(task) => {
            tracing::info!(task.id = task.0, %revision, "a check of an unknown revision is given to the only task in development");
            ring(vec![task], String::new)
        }
        Stray::Nobodys => ignored(format!("{} is no task's head", revision.short())),
        Stray::OneOf(tasks) => {
            let reason = format!("{} is no task's head, and {tasks} tasks are in development", revision.short());
            tracing::warn!(project = %project.settings.name, %reason, "a check is given to no task");
            ignored(reason)
        }
    }
}

/// The project that a forge's event belongs to. Forges do not care about the case of names.
fn owner(app: &App, source: Source, repository: &str) -> Option<Arc<Project>> {
    let kind = match source {
        Source::Gitea => ForgeKind::Gitea,
        Source::Github => ForgeKind::Github,
        Source::Plane => return None,
    };
    let owns = |p: &&Arc<Project>| p.settings.forge == kind && p.settings.repository.eq_ignore_ascii_case(repository);
    app.projects.all().values().find(owns).cloned()
}

/// The project that a tracker's event belongs to.
fn owner_of_board(app: &App, tracker_project: &str) -> Option<Arc<Project>> {
    let ours = |p: &&Arc<Project>| {
        p.settings.tracker == TrackerKind::Plane
            && p.settings.plane.as_ref().is_some_and(|plane| plane.project_id == tracker_project)
    };
    app.projects.all().values().find(ours).cloned()
}

/// The name of the project that an event belongs to.
fn owner_of(app: &App, source: Source, event: &Event) -> Option<ProjectName> {
    let project = match event {
        Event::Ignored { .. } => None,
        Event::Push { repository, .. } | Event::PullRequest { repository, .. } | Event::Check { repository, .. } => {
            owner(app, source, repository)
        }
        Event::WorkItem { tracker_project, .. } => owner_of_board(app, tracker_project),
    };
    project.map(|project| project.settings.name.clone())
}

/// A work item was moved on the board: a command, if its new state is one (TRK-1).
async fn work_item(app: &App, row: &InboxRow, event: Event) -> Result<Settlement, NotNow> {
    let Event::WorkItem { tracker_project, item_id, work_item, title, description, state, state_name, actor } = event
    else {
        return ignored("no work item".to_owned());
    };
    let Some(project) = owner_of_board(app, &tracker_project) else {
        return ignored(format!("no project owns tracker project `{tracker_project}`"));
    };
    // Some payloads carry the state's id alone; the tracker knows its name.
    let state = match state {
        Some(state) => Some(state),
        None => match project.tracker.state_name(&tracker_project, &state_name).await {
            Ok(name) => name.as_deref().and_then(TrackerState::from_name),
            Err(error) => return Err(NotNow(error.to_string())),
        },
    };
    let task = app.store.task_by_tracker_id(&project.settings.name, &item_id).await?;
    match (state, task) {
        (Some(TrackerState::ToAnalyse), None) => {
            // Some payloads carry the item's number alone; people know it by the project's name before it.
            let name = match work_item {
                Some(number) if number.bytes().all(|b| b.is_ascii_digit()) => {
                    format!("{}-{number}", project.settings.name)
                }
                Some(name) => name,
                None => item_id.clone(),
            };
            let name = WorkItem::new(name);
            let new = new_task(app, &project, name, Some(item_id), title, description, serde_json::json!({})).await;
            Ok(Settlement::Processed(vec![Action::Create(Box::new(new.map_err(NotNow)?))]))
        }
        (Some(TrackerState::ToAnalyse), Some(task)) => {
            if let Some(held) = &task.held {
                // Moved there after it was held, a person lets it go on; a late event of before does not (STG-4).
                let moved_at = webhook::changed_at(row.source, &row.body).unwrap_or(row.received_at);
                if moved_at <= held.since {
                    return ignored(format!("it was put into `{state_name}` before its task was held"));
                }
                release(app, &task, &actor).await?;
            }
            ring(vec![task.id], String::new)
        }
        (Some(TrackerState::InProgress), Some(task)) => {
            if effects::tracker_state(&task.stage, false) == TrackerState::InProgress {
                return ignored(format!("`{state_name}` is the echo of our own state"));
            }
            ring(vec![task.id], String::new)
        }
        (Some(state @ (TrackerState::Approved | TrackerState::Rejected)), Some(task)) => {
            let approved = state == TrackerState::Approved;
            let polled = webhook::is_replay(row.source, &row.delivery);
            if polled && task.head_since.is_some_and(|since| since > row.received_at) {
                return ignored("its branch has moved on since it was found on the board".to_owned());
            }
            let moved_at = webhook::changed_at(row.source, &row.body).unwrap_or(row.received_at);
            if !reconcile::decided_on_what_stands_here(&task, moved_at) {
                return ignored(format!("`{state_name}` was chosen before what stands there now was to be seen"));
            }
            let known = app.store.decision(task.id, &task.stage).await?.map(|known| known.approval);
            if known.is_some_and(|known| known.approved == approved && Some(&known.revision) == task.head.as_ref()) {
                return ignored("that is recorded already for this head".to_owned());
            }
            match decision(app, &task, approved, actor, String::new()) {
                Ok(decision) => Ok(Settlement::Processed(vec![Action::Decide { task: task.id, decision }])),
                Err(reason) => ignored(reason),
            }
        }
        (Some(TrackerState::ConfirmDeploy), Some(task)) if webhook::is_replay(row.source, &row.delivery) => {
            // Found on the board only: it is told, and never acted on (REC-8).
            app.store.tell(task.id, effects::missed_confirm_deploy(&task), app.now()).await?;
            ignored("a Confirm Deploy that was missed is announced, never acted on".to_owned())
        }
        (Some(_), _) => ignored(format!("state `{state_name}` is no command here")),
        (None, _) => ignored(format!("state `{state_name}` means nothing here")),
    }
}

/// Lets a held task go on, as a person asked for on the board.
async fn release(app: &App, task: &Task, by: &str) -> Result<(), NotNow> {
    let by = if by.is_empty() { "the board" } else { by };
    let holder = app.holder(format!("{by} on task {}", task.id));
    let Acquire::Won(lease) = app.store.acquire(&LeaseName::drive(task.id), &holder, app.now(), LEASE_FOR).await?
    else {
        return Err(NotNow(format!("task {} is being driven just now", task.id)));
    };
    let job = app.store.job_of_visit(task.id).await?;
    // A role that has failed for good has to run again, or the task would be held again at once.
    let again = job.is_some_and(|job| matches!(job.state, JobState::Failed | JobState::Cancelled));
    let commit = Commit {
        task: task.id,
        version: task.version,
        rings: task.rings,
        change: Change::Release { again },
        evaluations: Vec::new(),
        effects: Vec::new(),
        actor: by.to_owned(),
        why: "resumed on the board".to_owned(),
        at: app.now(),
    };
    let committed = app.store.commit(&lease, commit).await;
    app.store.release(lease, app.now()).await?;
    match committed? {
        Committed::Done { .. } => Ok(()),
        Committed::Stale => Err(NotNow(format!("task {} has changed just now", task.id))),
    }
}

/// A person's decision, pinned to the head that the task has now (STG-5).
///
/// # Errors
/// In words, if there is nothing to decide on.
pub fn decision(app: &App, task: &Task, approved: bool, by: String, comment: String) -> Result<Decision, String> {
    let Some(revision) = task.head.clone() else {
        return Err(format!("task {} has no revision yet that could be approved or rejected", task.id));
    };
    let at = app.now();
    let approval = Approval { approved, by, at_s: at.0.div_euclid(1000), revision, comment };
    Ok(Decision { stage: task.stage.clone(), approval, at })
}

/// A new task for a work item, beginning where the project's pipeline does.
///
/// # Errors
/// In words: the repository or its manifest cannot be read.
pub async fn new_task(
    app: &App,
    project: &Arc<Project>,
    work_item: WorkItem,
    tracker_id: Option<String>,
    title: String,
    description: String,
    overlay: serde_json::Value,
) -> Result<NewTask, String> {
    let branch = format!("{}{}", project.settings.branch_prefix, slug(work_item.as_str()));
    let target = project.heads(&branch).await?.target;
    let house = project.gatehouse(app, &target).await.map_err(|error| error.to_string())??;
    let first = house.pipeline.first();
    Ok(NewTask {
        project: project.settings.name.clone(),
        work_item,
        tracker_id,
        title,
        description,
        stage: first.name.clone(),
        role: first.role.clone(),
        branch,
        overlay,
    })
}

/// A work item's name as part of a branch's: letters, digits, `-`, `_` and `.`; never empty.
fn slug(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let slug: String = name.chars().map(plain).take(80).collect();
    let slug = slug.trim_matches(['.', '-']).replace("..", "-");
    if slug.is_empty() { "item".to_owned() } else { slug.trim_end_matches(".lock").to_owned() }
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn a_work_items_name_makes_a_harmless_branch() {
        for (name, branch) in
            [("ORCH-65", "ORCH-65"), ("../../x", "x"), ("-rf", "rf"), ("", "item"), ("a b/c", "a-b-c"), ("x.lock", "x")]
        {
            assert_eq!(slug(name), branch);
        }
    }
}
