//! Comparing what is remembered with what was seen. Each function is one invariant, or the part of one that can be seen
//! from outside; each answers sentences that say what is wrong, none if nothing is.
//!
//! Deliberately absent: I4 and I5, which nothing that lies in a database or a repository can show; the runtime's tests do.

use super::history::{Course, Entry, History, Task};
use super::judged::{board, gates, merged};
use super::outside::Outside;
use std::collections::{BTreeMap, BTreeSet};

/// A task of one of these projects, with its pipeline and its audit trail.
fn each<'a>(
    history: &'a History,
    courses: &'a [Course],
) -> impl Iterator<Item = (&'a Task, &'a Course, Vec<&'a Entry>)> {
    history.tasks.iter().filter_map(|task| {
        let course = courses.iter().find(|course| course.project == task.project)?;
        Some((task, course, history.audit.iter().filter(|entry| entry.task == task.id).collect()))
    })
}

/// Everything that is wrong with what a daemon remembers, whatever it is about to do: every transaction leaves it right.
pub fn broken_at_any_time(history: &History, courses: &[Course]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (task, course, audit) in each(history, courses) {
        wrong.extend(path(task, &audit, course));
        wrong.extend(gates(task, &audit, course, history));
        wrong.extend(told(task, &audit, history));
        wrong.extend(job_ends(task, &audit, history));
    }
    wrong.extend(one_at_work(history));
    wrong.extend(attempts(history));
    wrong.extend(keys(history));
    wrong
}

/// Everything that is wrong after the daemon has come to rest.
pub fn violations(history: &History, outside: &Outside, courses: &[Course]) -> Vec<String> {
    let mut wrong = broken_at_any_time(history, courses);
    for (task, course, audit) in each(history, courses) {
        wrong.extend(merged(task, &audit, course, history, outside));
        wrong.extend(board(task, &audit, history, outside));
        wrong.extend(ended(task));
    }
    wrong.extend(jobs(history));
    wrong.extend(runs(history, outside));
    wrong.extend(events(history, outside));
    wrong.extend(effects(history, outside));
    wrong.extend(leases(history));
    wrong
}

/// The moves of a task as the audit has them: `(what, from, to)`.
fn moves<'a>(audit: &'a [&Entry]) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
    let moves = audit.iter().filter(|entry| matches!(entry.what.as_str(), "advance" | "return"));
    moves.map(|entry| (entry.what.as_str(), entry.from.as_str(), entry.to.as_str()))
}

fn count(audit: &[&Entry], what: &str) -> i64 {
    audit.iter().map(|entry| i64::from(entry.what == what)).sum()
}

/// I1: its moves are one way along the pipeline's edges, each entry of a stage is one visit.
fn path(task: &Task, audit: &[&Entry], course: &Course) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut say = |text: String| wrong.push(format!("I1: task {}: {text}", task.id));
    if count(audit, "create") != 1 {
        say(format!("made {} times", count(audit, "create")));
    }
    let (mut at, mut entries) = (course.first.as_str(), 1);
    for (what, from, to) in moves(audit) {
        if from != at {
            say(format!("{what} {from} → {to}, though it was in {at}"));
        }
        let legal =
            course.edge(from).is_some_and(|edge| if what == "advance" { edge.to == to } else { edge.on_fail == to });
        if !legal {
            say(format!("{what} {from} → {to} is no move of its pipeline"));
        }
        (at, entries) = (to, entries + 1);
    }
    if at != task.stage {
        say(format!("its moves end in {at}, and it is in {}", task.stage));
    }
    // A release may begin the stage anew; the audit does not say whether it did.
    let anew = count(audit, "release");
    if task.visit < entries || task.visit > entries + anew {
        say(format!("{entries} entries of a stage and {anew} releases, but visit {}", task.visit));
    }
    if count(audit, "finish") > 1 {
        say(format!("finished {} times", count(audit, "finish")));
    }
    let changes = moves(audit).count() as i64 + count(audit, "enqueue") + count(audit, "hold") + anew;
    if changes >= task.version {
        say(format!("{changes} changes, but version {}", task.version));
    }
    wrong
}

/// I2: each move told its part, under the version that it ended, and no version told twice.
fn told(task: &Task, audit: &[&Entry], history: &History) -> Vec<String> {
    let ours = format!("task-{}/v", task.id);
    // Others are keyed by visit and revision: what is asked once for each.
    let version = |key: &str| key.strip_prefix(&ours)?.strip_suffix("/tracker-state")?.parse::<i64>().ok();
    let versions: Vec<i64> = history.effects.iter().filter_map(|effect| version(&effect.key)).collect();
    let different: BTreeSet<&i64> = versions.iter().collect();
    let held = audit.iter().filter(|entry| entry.what == "hold" && entry.actor == "portcullis").count();
    let moves = moves(audit).count() + held;
    if versions.len() == moves && different.len() == moves {
        return Vec::new();
    }
    vec![format!("I2: task {}: {moves} moves, but the board was to be told of {} of them", task.id, versions.len())]
}

/// LAU-2: with a job's end goes its line in the audit trail and the ring of the task that waited for it.
fn job_ends(task: &Task, audit: &[&Entry], history: &History) -> Vec<String> {
    let mut wrong = Vec::new();
    let done = history.jobs.iter().filter(|job| job.task == task.id && job.state == "done").count();
    let told = audit.iter().filter(|entry| entry.what == "end-job" && entry.to == "done").count();
    // Jobs are forgotten before the trail is.
    if done > told {
        wrong.push(format!("LAU-2: task {}: {done} jobs are done, but the trail has the end of {told}", task.id));
    }
    let waits_for = history.jobs.iter().find(|job| Some(job.id) == task.waits_for);
    if let Some(job) = waits_for.filter(|job| !task.is_due && !matches!(&*job.state, "queued" | "running")) {
        wrong.push(format!("LAU-2: task {} waits for job {}, which is {}, and is not due", task.id, job.id, job.state));
    }
    wrong
}

/// It has ended: finished, or held for a stated reason.
fn ended(task: &Task) -> Option<String> {
    let stated = task.held.as_ref().is_some_and(|reason| !reason.trim().is_empty());
    let ended = task.standing == "finished" || (task.standing == "held" && stated);
    (!ended).then(|| format!("stuck: task {} is {} in {}", task.id, task.standing, task.stage))
}

/// QUE-2: one role at a time works for a visit, and one does its work.
fn one_at_work(history: &History) -> Vec<String> {
    let mut wrong = Vec::new();
    for (states, are) in [(&["done"][..], "done"), (&["queued", "running"][..], "at work")] {
        let mut jobs: BTreeMap<(i64, i64), Vec<i64>> = BTreeMap::new();
        for job in history.jobs.iter().filter(|job| job.lane == "role" && states.contains(&&*job.state)) {
            jobs.entry((job.task, job.visit)).or_default().push(job.id);
        }
        let twice = jobs.into_iter().filter(|(_, jobs)| jobs.len() > 1);
        wrong.extend(
            twice.map(|((task, visit), jobs)| format!("QUE-2: task {task}, visit {visit}: jobs {jobs:?} are {are}")),
        );
    }
    wrong
}

/// I6: nothing says `running` when all is quiet.
fn jobs(history: &History) -> Vec<String> {
    let open = history.jobs.iter().filter_map(|job| match job.state.as_str() {
        "running" => Some(format!("I6: job {} is running when all is quiet", job.id)),
        "queued" => Some(format!("stuck: job {} is queued when all is quiet", job.id)),
        _ => None,
    });
    open.collect()
}

/// LAU-6: an attempt runs once, of a job that is known.
fn attempts(history: &History) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut attempts = BTreeSet::new();
    for run in &history.runs {
        if !attempts.insert((run.job, run.attempt)) {
            wrong.push(format!("LAU-6: job {} has run attempt {} twice", run.job, run.attempt));
        }
        if !history.jobs.iter().any(|job| job.id == run.job) {
            wrong.push(format!("LAU-6: run {} is of job {}, which nobody knows", run.id, run.job));
        }
    }
    wrong
}

/// LAU-6: a run begins once, and two runs of a task never at the same time.
fn runs(history: &History, outside: &Outside) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut begun = BTreeSet::new();
    for note in outside.notes.iter().filter(|note| note.begins) {
        if !begun.insert(note.run) {
            wrong.push(format!("LAU-6: run {} has begun twice", note.run));
        }
        if !history.runs.iter().any(|run| run.id == note.run) {
            wrong.push(format!("LAU-6: run {} has begun and nobody knows of it", note.run));
        }
        let begins = |other: i64| outside.notes.iter().find(|n| n.begins && n.run == other).map(|n| n.at_ns);
        // A run that was killed has no end of its own; it is not known to have been there longer than it said.
        let during = outside.notes.iter().find(|end| {
            !end.begins
                && (end.task, end.run != note.run) == (note.task, true)
                && end.at_ns > note.at_ns
                && begins(end.run).is_some_and(|begin| begin < note.at_ns)
        });
        if let Some(other) = during {
            wrong.push(format!("LAU-6: task {}: run {} began while run {} went on", note.task, note.run, other.run));
        }
    }
    wrong
}

/// I3: whatever was acknowledged was handled, or parked with its reason.
fn events(history: &History, outside: &Outside) -> Vec<String> {
    let mut wrong = Vec::new();
    for id in &outside.accepted {
        if !history.events.iter().any(|event| event.id == *id) {
            wrong.push(format!("I3: event {id} was acknowledged and is not there"));
        }
    }
    for event in &history.events {
        let settled = match event.state.as_str() {
            "processed" => true,
            "ignored" | "parked" => event.reason.as_ref().is_some_and(|reason| !reason.is_empty()),
            _ => false,
        };
        if !settled {
            wrong.push(format!("I3: event {} is {} when all is quiet", event.id, event.state));
        }
    }
    wrong
}

/// I2: what was decided has left, under its key, with one content; and nothing else has.
fn effects(history: &History, outside: &Outside) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut arrived: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for delivery in &outside.deliveries {
        arrived.entry((&delivery.project, &delivery.key)).or_default().insert(&delivery.content);
    }
    for ((project, key), contents) in &arrived {
        if contents.len() > 1 {
            wrong.push(format!("I2: {key} of {project} arrived with {} contents", contents.len()));
        }
        if !history.effects.iter().any(|effect| effect.key == *key && effect.project == *project) {
            wrong.push(format!("I2: {key} of {project} arrived and was never decided"));
        }
    }
    for effect in &history.effects {
        let (key, project) = (effect.key.as_str(), effect.project.as_str());
        if effect.state != "sent" {
            let reason = effect.reason.as_deref().unwrap_or("no reason");
            wrong.push(format!("I2: {key} of {project} is {} when all is quiet: {reason}", effect.state));
        }
        let observed = effect.effect["kind"].as_str().is_some_and(|kind| outside.observed.contains(&(project, kind)));
        if observed && effect.state == "sent" && !arrived.contains_key(&(project, key)) {
            wrong.push(format!("I2: {key} of {project} says it was sent and never arrived"));
        }
    }
    wrong
}

/// I2: a key is decided once.
fn keys(history: &History) -> Vec<String> {
    let mut keys = BTreeSet::new();
    let again = history.effects.iter().filter(|effect| !keys.insert((&effect.project, &effect.key)));
    again.map(|effect| format!("I2: {} of {} was decided twice", effect.key, effect.project)).collect()
}

/// I7: nobody holds a lease when all is quiet.
fn leases(history: &History) -> Vec<String> {
    let held = history.leases.iter().filter_map(|lease| lease.holder.as_ref().map(|holder| (&lease.name, holder)));
    held.map(|(name, holder)| format!("I7: {name} is still held by {holder}")).collect()
}
