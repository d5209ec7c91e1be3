//! How does a task move? The one function that does it (STG-2, I1).
//!
//! Everything that a decision writes is one transaction. It is guarded by the task's version (nobody else has changed
//! the task since the decision) and by the number of the drive lease (we are still the one who decides). Whoever loses
//! a guard writes nothing at all.

use super::audit::{self, Entry};
use super::row::{Fail, Params, change as run, missing, to_json, to_json_if};
use super::{evaluations, jobs, known, leases, outbox, tasks};
use portcullis_core::ids::{Revision, RoleName, StageName};
use portcullis_core::lease::LeaseName;
use portcullis_core::step::Rest;
use portcullis_core::task::{Change, Commit, Committed, Feedback, Held, MergeIntent, Task};
use portcullis_core::time::UnixMillis;
use rusqlite::{Connection, named_params};

pub(super) fn commit(db: &Connection, lease: &LeaseName, number: i64, commit: &Commit) -> Result<Committed, Fail> {
    if *lease != LeaseName::drive(commit.task) {
        return Ok(Committed::Stale);
    }
    if !leases::is_held(db, lease, number)? {
        return Ok(Committed::Stale);
    }
    let Some(task) = tasks::task(db, commit.task)? else { return Ok(Committed::Stale) };
    if task.version != commit.version {
        return Ok(Committed::Stale);
    }
    let next_look = match &commit.change {
        // Given back before it could be said that somebody waits: nobody else will say so.
        Change::Rest { rest: Rest::LeaseTaken { lease, .. }, .. } if !leases::is_taken(db, lease)? => Some(commit.at),
        Change::Rest { next_look_at, .. } => next_look(&task, *next_look_at, commit.rings),
        _ => None, // Whatever else is written is looked at again at once.
    };
    if is_known(&task, commit, next_look) {
        return Ok(Committed::Done { version: task.version });
    }
    // Before the move: they belong to the visit in which they were made.
    for evaluation in &commit.evaluations {
        evaluations::add(db, task.id, evaluation)?;
    }
    let change = Applied { db, task: &task, at: commit.at };
    change.apply(&commit.change, next_look)?;
    outbox::add(db, task.id, &commit.effects, commit.at)?;
    if let Some((what, from, to)) = described(&task, &commit.change) {
        let (actor, why) = (&commit.actor, &commit.why);
        let entry = Entry { actor, what, from: &from, to: &to, why, ..Entry::of_task(task.id, commit.at) };
        audit::write(db, &entry)?;
    }
    Ok(Committed::Done { version: task.version + 1 })
}

/// When a resting task is looked at next. A ring that the decision has not seen may have come after the world was read:
/// resting must not silence it, so the look that it asked for stays due.
fn next_look(task: &Task, given: Option<UnixMillis>, seen: i64) -> Option<UnixMillis> {
    if task.rings == seen {
        return given;
    }
    given.into_iter().chain(task.next_look_at).min()
}

/// Whether it says what is stored already. Looking at a resting task again and again writes nothing.
fn is_known(task: &Task, commit: &Commit, next_look: Option<UnixMillis>) -> bool {
    matches!(&commit.change, Change::Rest { rest, .. } if task.rest.as_ref() == Some(rest))
        && task.next_look_at == next_look
        && commit.evaluations.is_empty()
        && commit.effects.is_empty()
}

/// What the audit trail says: what, from, to. A rest is no change of state.
fn described(task: &Task, change: &Change) -> Option<(&'static str, String, String)> {
    let stage = task.stage.to_string();
    let text = |revision: Option<&Revision>| revision.map_or_else(String::new, Revision::to_string);
    Some(match change {
        Change::Advance { to, .. } => ("advance", stage, to.to_string()),
        Change::Return { to, .. } => ("return", stage, to.to_string()),
        Change::Enqueue { role } => ("enqueue", stage, role.to_string()),
        Change::Rest { rest: Rest::Finished, .. } if task.rest != Some(Rest::Finished) => {
            ("finish", stage, "finished".to_owned())
        }
        Change::Rest { .. } => return None,
        Change::Hold { .. } => ("hold", stage, "held".to_owned()),
        Change::Release { .. } => ("release", "held".to_owned(), stage),
        Change::Merging { intent } => {
            let head = |intent: Option<&MergeIntent>| text(intent.map(|intent| &intent.head));
            ("merging", head(task.merging.as_ref()), head(intent.as_ref()))
        }
        Change::Head { head } => ("head", text(task.head.as_ref()), head.to_string()),
    })
}

// Entering a stage starts a visit: jobs and evaluations of the one before mean nothing any more. What a gate said has
// been mended once the stage it was said to is left forward.
const ADVANCE: &str = "
    UPDATE task
       SET version = version + 1, visit = visit + 1, stage = :to, stage_since_ms = :at_ms, fresh_from_ms = :at_ms,
           rest = NULL, standing = iif(held IS NULL, 'active', 'held'), next_look_at_ms = :at_ms, feedback = NULL,
           merge_commit = coalesce(:merge_commit, merge_commit),
           merging = iif(:merge_commit IS NULL, merging, NULL)
     WHERE id = :task AND version = :version";

const RETURN: &str = "
    UPDATE task
       SET version = version + 1, visit = visit + 1, stage = :to, stage_since_ms = :at_ms, fresh_from_ms = :at_ms,
           rest = NULL, standing = iif(held IS NULL, 'active', 'held'), next_look_at_ms = :at_ms,
           feedback = :feedback, returns = returns + 1,
           merge_commit = iif(:forget_merge, NULL, merge_commit),
           merging = NULL,
           pull_request = iif(:forget_merge, NULL, pull_request)
     WHERE id = :task AND version = :version";

const ENQUEUE: &str = "
    UPDATE task SET version = version + 1, rest = NULL, next_look_at_ms = :at_ms
     WHERE id = :task AND version = :version";

const REST: &str = "
    UPDATE task
       SET version = version + 1, rest = :rest, next_look_at_ms = :next_look_at_ms,
           standing = CASE WHEN held IS NOT NULL THEN 'held' WHEN :is_finished THEN 'finished' ELSE 'active' END
     WHERE id = :task AND version = :version";

const HOLD: &str = "
    UPDATE task
       SET version = version + 1, held = :held, returns = :returns, rest = :rest, standing = 'held',
           next_look_at_ms = NULL
     WHERE id = :task AND version = :version";

// Rung with it: what was answered "not yet" before is asked again.
const RELEASE: &str = "
    UPDATE task
       SET version = version + 1, visit = visit + :again, held = NULL, returns = 0, rest = NULL, standing = 'active',
           stage_since_ms = iif(:again, :at_ms, stage_since_ms),
           fresh_from_ms = :at_ms, rings = rings + 1, next_look_at_ms = :at_ms
     WHERE id = :task AND version = :version";

const MERGING: &str = "
    UPDATE task SET version = version + 1, merging = :merging, rest = NULL, next_look_at_ms = :at_ms
     WHERE id = :task AND version = :version";

const HEAD: &str = "
    UPDATE task
       SET version = version + 1, head = :head, head_since_ms = :at_ms, rest = NULL, next_look_at_ms = :at_ms
     WHERE id = :task AND version = :version";

/// A change under way.
struct Applied<'a> {
    db: &'a Connection,
    task: &'a Task,
    at: UnixMillis,
}

impl Applied<'_> {
    fn apply(&self, change: &Change, next_look: Option<UnixMillis>) -> Result<(), Fail> {
        match change {
            Change::Advance { to, role, merge_commit } => self.advance(to, role.as_ref(), merge_commit.as_ref()),
            Change::Return { to, role, feedback, forget_merge } => {
                self.send_back(to, role.as_ref(), feedback, *forget_merge)
            }
            Change::Enqueue { role } => self.enqueue(role),
            Change::Rest { rest, .. } => self.rest(rest, next_look),
            Change::Hold { held, returns } => self.hold(held, *returns),
            Change::Release { again } => self.release(*again),
            Change::Merging { intent } => self.merging(intent.as_ref()),
            Change::Head { head } => self.head(head),
        }
    }

    fn advance(&self, to: &StageName, role: Option<&RoleName>, merge: Option<&Revision>) -> Result<(), Fail> {
        let merge = merge.map(Revision::as_str);
        jobs::supersede(self.db, self.task.id, self.at)?;
        self.write(ADVANCE, named_params! { ":to": to.as_str(), ":merge_commit": merge, ":at_ms": self.at.0 })?;
        self.work(role)
    }

    fn send_back(
        &self,
        to: &StageName,
        role: Option<&RoleName>,
        feedback: &Feedback,
        forget_merge: bool,
    ) -> Result<(), Fail> {
        jobs::supersede(self.db, self.task.id, self.at)?;
        let params = named_params! {
            ":to": to.as_str(), ":feedback": to_json(feedback)?, ":forget_merge": forget_merge, ":at_ms": self.at.0,
        };
        self.write(RETURN, params)?;
        self.work(role)
    }

    fn enqueue(&self, role: &RoleName) -> Result<(), Fail> {
        self.write(ENQUEUE, named_params! { ":at_ms": self.at.0 })?;
        self.work(Some(role))
    }

    fn rest(&self, rest: &Rest, next_look: Option<UnixMillis>) -> Result<(), Fail> {
        let params = named_params! {
            ":rest": to_json(rest)?, ":next_look_at_ms": next_look.map(|at| at.0),
            ":is_finished": *rest == Rest::Finished,
        };
        self.write(REST, params)
    }

    fn hold(&self, held: &Held, returns: u32) -> Result<(), Fail> {
        let rest = Rest::Held { reason: held.reason.clone(), by: held.by.clone(), since: held.since };
        let params = named_params! { ":held": to_json(held)?, ":returns": returns, ":rest": to_json(&rest)? };
        self.write(HOLD, params)
    }

    fn release(&self, again: bool) -> Result<(), Fail> {
        if again {
            jobs::supersede(self.db, self.task.id, self.at)?;
        }
        self.write(RELEASE, named_params! { ":again": again, ":at_ms": self.at.0 })
    }

    fn merging(&self, intent: Option<&MergeIntent>) -> Result<(), Fail> {
        self.write(MERGING, named_params! { ":merging": to_json_if(intent)?, ":at_ms": self.at.0 })
    }

    fn head(&self, head: &Revision) -> Result<(), Fail> {
        self.write(HEAD, named_params! { ":head": head.as_str(), ":at_ms": self.at.0 })?;
        known::expect_head(self.db, &self.task.project, head, self.at)
    }

    /// Runs one of the statements above on the task, under its guard.
    fn write(&self, sql: &str, params: Params<'_>) -> Result<(), Fail> {
        let guard = named_params! { ":task": self.task.id.0, ":version": self.task.version };
        // The guard was checked in this transaction; a miss would be our own bug, and undoes everything.
        if run(self.db, sql, &[params, guard].concat())? == 1 { Ok(()) } else { Err(missing("task", self.task.id)) }
    }

    /// Makes the job of the stage that the task is in now.
    fn work(&self, role: Option<&RoleName>) -> Result<(), Fail> {
        role.map_or(Ok(()), |role| jobs::enqueue_role(self.db, self.task.id, role, self.at))
    }
}
