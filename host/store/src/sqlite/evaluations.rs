//! What have the gates said? (GAT-6)
//!
//! Transcripts and logs are large and stand in a table of their own, which lists do not read.

use super::row::{Columns, Fail, all, change, insert, intact, missing, one, signed, to_json, word};
use crate::model::Filter;
use portcullis_core::digest::Digest;
use portcullis_core::gate::{Evaluation, Outcome, PluginRef, Report, Verdict};
use portcullis_core::ids::{EvaluationId, GateName, PluginName, ProjectName, TaskId};
use rusqlite::{Connection, Row, named_params};
use std::time::Duration;

// Project and visit are the task's at this moment: commit writes evaluations before it moves the task. An observation
// has a visit that no task is in.
const ADD: &str = "
    INSERT INTO evaluation (task, project, visit, gate, plugin, plugin_version, plugin_digest, config_digest, subject,
                            call, mode, on_fault, ending, outcome, duration_ns, memory_peak_bytes, host_calls, at_ms, rings)
    SELECT id, project, coalesce(:visit, visit), :gate, :plugin, :plugin_version, :plugin_digest, :config_digest, :subject,
           :call, :mode, :on_fault, :ending, :outcome, :duration_ns, :memory_peak_bytes, :host_calls, :at_ms, :rings
      FROM task WHERE id = :task";

const ADD_RECORD: &str = "
    INSERT INTO evaluation_record (evaluation, transcript, log) VALUES (:evaluation, :transcript, :log)";

/// The visit of observations: a task's first one has number 1.
const NO_VISIT: i64 = 0;

/// Adds an evaluation of the task's present visit.
pub(super) fn add(db: &Connection, task: TaskId, evaluation: &Evaluation) -> Result<(), Fail> {
    write(db, task, None, evaluation)
}

/// Adds one that no decision will rest on.
pub(super) fn observe(db: &Connection, task: TaskId, evaluation: &Evaluation) -> Result<(), Fail> {
    write(db, task, Some(NO_VISIT), evaluation)
}

fn write(db: &Connection, task: TaskId, visit: Option<i64>, evaluation: &Evaluation) -> Result<(), Fail> {
    let report = &evaluation.report;
    let id = insert(
        db,
        ADD,
        named_params! {
            ":task": task.0, ":visit": visit, ":gate": evaluation.gate.as_str(), ":plugin": evaluation.plugin.name.as_str(),
            ":plugin_version": evaluation.plugin.version, ":plugin_digest": evaluation.plugin.digest.as_str(),
            ":config_digest": evaluation.config_digest.as_str(), ":subject": to_json(&evaluation.subject)?,
            ":call": word(&evaluation.call)?, ":mode": word(&evaluation.mode)?,
            ":on_fault": word(&evaluation.on_fault)?, ":ending": ending(&report.outcome),
            ":outcome": to_json(&report.outcome)?,
            ":duration_ns": i64::try_from(report.duration.as_nanos()).unwrap_or(i64::MAX),
            ":memory_peak_bytes": signed(report.memory_peak_bytes), ":host_calls": signed(report.host_calls),
            ":at_ms": evaluation.at.0, ":rings": evaluation.rings,
        },
    )?;
    let id = id.ok_or_else(|| missing("task", task))?;
    let record = named_params! { ":evaluation": id, ":transcript": report.transcript, ":log": report.log };
    change(db, ADD_RECORD, record)?;
    Ok(())
}

/// How an evaluation ended, in one word.
fn ending(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Faulted(_) => "fault",
        Outcome::Judged(judgement) => match judgement.verdict {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Pending => "pending",
            Verdict::Actionable => "actionable",
        },
    }
}

const OF_VISIT: &str = "
    SELECT e.* FROM task t JOIN evaluation e ON e.task = t.id AND e.visit = t.visit AND e.at_ms >= t.fresh_from_ms
     WHERE t.id = :task ORDER BY e.id";

/// A damaged row fails them all: a decision rests on these (I8).
pub(super) fn of_visit(db: &Connection, task: TaskId) -> Result<Vec<Evaluation>, Fail> {
    all(db, OF_VISIT, named_params! { ":task": task.0 }, evaluation_row)
}

// Observations count nowhere: they have no visit.
const LAST_ENFORCED: &str = "
    SELECT * FROM evaluation WHERE task = :task AND visit > :no_visit AND plugin = :plugin AND mode = 'enforce'
     ORDER BY id DESC LIMIT 1";

pub(super) fn last_enforced(db: &Connection, task: TaskId, plugin: &PluginName) -> Result<Option<Evaluation>, Fail> {
    let params = named_params! { ":task": task.0, ":no_visit": NO_VISIT, ":plugin": plugin.as_str() };
    one(db, LAST_ENFORCED, params, evaluation_row)
}

// Each has an index of its own; one statement with optional conditions would use none.
const LIST: &str = "SELECT * FROM evaluation ORDER BY id DESC LIMIT :limit";
const LIST_OF_TASK: &str = "
    SELECT * FROM evaluation WHERE task = :task AND (:project IS NULL OR project = :project)
     ORDER BY id DESC LIMIT :limit";
const LIST_OF_PROJECT: &str = "SELECT * FROM evaluation WHERE project = :project ORDER BY id DESC LIMIT :limit";

pub(super) fn list(db: &Connection, filter: &Filter) -> Result<Vec<Evaluation>, Fail> {
    let (project, limit) = (filter.project.as_ref().map(ProjectName::as_str), filter.rows());
    match (filter.task, project) {
        (Some(task), _) => {
            let params = named_params! { ":task": task.0, ":project": project, ":limit": limit };
            intact(db, LIST_OF_TASK, params, evaluation_row)
        }
        (None, Some(_)) => {
            intact(db, LIST_OF_PROJECT, named_params! { ":project": project, ":limit": limit }, evaluation_row)
        }
        (None, None) => intact(db, LIST, named_params! { ":limit": limit }, evaluation_row),
    }
}

const ONE: &str = "
    SELECT e.*, r.transcript, r.log FROM evaluation e JOIN evaluation_record r ON r.evaluation = e.id WHERE e.id = :id";

pub(super) fn whole(db: &Connection, id: EvaluationId) -> Result<Option<Evaluation>, Fail> {
    one(db, ONE, named_params! { ":id": id.0 }, |row| {
        let mut evaluation = evaluation_row(row)?;
        let columns = Columns::of("evaluation_record", row);
        evaluation.report.transcript = columns.get("transcript")?;
        evaluation.report.log = columns.get("log")?;
        Ok(evaluation)
    })
}

/// Without its record.
fn evaluation_row(row: &Row<'_>) -> Result<Evaluation, Fail> {
    let columns = Columns::of("evaluation", row);
    Ok(Evaluation {
        id: Some(EvaluationId(columns.get("id")?)),
        gate: columns.id("gate", GateName::new)?,
        plugin: PluginRef {
            name: columns.id("plugin", PluginName::new)?,
            version: columns.get("plugin_version")?,
            digest: columns.parsed("plugin_digest", Digest::parse)?,
        },
        config_digest: columns.parsed("config_digest", Digest::parse)?,
        subject: columns.json("subject")?,
        call: columns.word("call")?,
        mode: columns.word("mode")?,
        on_fault: columns.word("on_fault")?,
        report: Report {
            outcome: columns.json("outcome")?,
            duration: Duration::from_nanos(columns.count("duration_ns")?),
            memory_peak_bytes: columns.count("memory_peak_bytes")?,
            host_calls: columns.count("host_calls")?,
            transcript: Vec::new(),
            log: String::new(),
        },
        at: columns.at("at_ms")?,
        rings: columns.get("rings")?,
    })
}
