//! What is paused? Kill-switches that an operator throws at run time (QUE-7).
//!
//! Here they are only kept: `claim` reads them in its own statement, and the core when it decides about a task.

use super::audit::{self, Entry};
use super::row::{Columns, Fail, change, hit};
use super::tasks;
use portcullis_core::ids::{ProjectName, RoleName};
use portcullis_core::pause::{Pause, PauseScope, Pauses};
use portcullis_core::time::UnixMillis;
use rusqlite::{Connection, named_params};

// The first one stays, with its reason.
const PAUSE: &str = "
    INSERT INTO pause (kind, name, by_whom, why, since_ms) VALUES (:kind, :name, :by, :why, :since_ms)
    ON CONFLICT (kind, name) DO NOTHING";

pub(super) fn pause(db: &Connection, pause: &Pause) -> Result<bool, Fail> {
    let (kind, name) = stored(&pause.scope);
    let params = named_params! {
        ":kind": kind, ":name": name, ":by": pause.by, ":why": pause.why, ":since_ms": pause.since.0,
    };
    let is_new = hit(change(db, PAUSE, params)?);
    if is_new {
        tell(db, "pause", &pause.scope, ("running", "paused"), (&pause.by, &pause.why, pause.since))?;
    }
    Ok(is_new)
}

const RESUME: &str = "DELETE FROM pause WHERE kind = :kind AND name = :name";

pub(super) fn resume(db: &Connection, scope: &PauseScope, by: &str, now: UnixMillis) -> Result<bool, Fail> {
    let (kind, name) = stored(scope);
    if !hit(change(db, RESUME, named_params! { ":kind": kind, ":name": name })?) {
        return Ok(false);
    }
    tell(db, "resume", scope, ("paused", "running"), (by, "", now))?;
    // Their rests say that they wait for this, and no time is set for another look.
    tasks::ring_active(db, project_of(scope), now)?;
    Ok(true)
}

const ALL: &str = "SELECT * FROM pause ORDER BY since_ms, kind, name";

/// A damaged one fails them all: what an operator has stopped must not go on because we cannot read it.
pub(super) fn all(db: &Connection) -> Result<Pauses, Fail> {
    let pauses = super::row::all(db, ALL, &[], |row| {
        let columns = Columns::of("pause", row);
        let name: String = columns.get("name")?;
        let scope = match columns.get::<String>("kind")?.as_str() {
            "project" => PauseScope::Project(ProjectName::new(name)),
            "role" => PauseScope::Role(RoleName::new(name)),
            "gate" => PauseScope::Gate(name),
            _ => PauseScope::Daemon, // The only other word that its CHECK lets in; and the widest.
        };
        Ok(Pause { scope, by: columns.get("by_whom")?, why: columns.get("why")?, since: columns.at("since_ms")? })
    })?;
    Ok(Pauses(pauses))
}

fn tell(
    db: &Connection,
    what: &str,
    scope: &PauseScope,
    (from, to): (&str, &str),
    (actor, why, at): (&str, &str, UnixMillis),
) -> Result<(), Fail> {
    let why = if why.is_empty() { scope.to_string() } else { format!("{scope}: {why}") };
    let project = project_of(scope).map(ProjectName::as_str);
    audit::write(db, &Entry { task: None, project, actor, what, from, to, why: &why, at })
}

fn stored(scope: &PauseScope) -> (&'static str, &str) {
    match scope {
        PauseScope::Daemon => ("daemon", ""),
        PauseScope::Project(name) => ("project", name.as_str()),
        PauseScope::Role(name) => ("role", name.as_str()),
        PauseScope::Gate(name) => ("gate", name),
    }
}

fn project_of(scope: &PauseScope) -> Option<&ProjectName> {
    match scope {
        PauseScope::Project(name) => Some(name),
        PauseScope::Daemon | PauseScope::Role(_) | PauseScope::Gate(_) => None,
    }
}
