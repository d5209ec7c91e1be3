//! Comparing what is remembered with what was seen. Each function is one invariant, or the part of one that can be seen
//! from outside; each answers sentences that say what is wrong, none if nothing is.
//!
//! Deliberately absent: I4 and I5, which nothing that lies in a database or a repository can show; the runtime's tests do.

use super::history::{Course, Edge, Entry, History, Task};
use super::outside::Outside;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that is wrong after the daemon has come to rest.
pub fn violations(history: &History, outside: &Outside, courses: &[Course]) -> Vec<String> {
    let mut wrong = Vec::new();
    for task in &history.tasks {
        let Some(course) = courses.iter().find(|course| course.project == task.project) else { continue };
        let audit: Vec<&Entry> = history.audit.iter().filter(|entry| entry.task == task.id).collect();
        wrong.extend(path(task, &audit, course));
        wrong.extend(gates(task, &audit, course, history));
        wrong.extend(told(task, &audit, history));
        wrong.extend(merged(task, &audit, course, history, outside));
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

/// I8: it crossed each edge over green gates.
fn gates(task: &Task, audit: &[&Entry], course: &Course, history: &History) -> Vec<String> {
    // With a release in between, the audit does not say which visit a move ended.
    if count(audit, "release") > 0 {
        return Vec::new();
    }
    let mut wrong = Vec::new();
    for (index, (what, from, to)) in moves(audit).enumerate() {
        let visit = index as i64 + 1;
        let gates = course.edge(from).filter(|_| what == "advance").map_or(&[][..], |edge| &edge.gates);
        for gate in gates {
            let mut of_visit = history.evaluations.iter().filter(|e| e.task == task.id && e.visit == visit);
            if !of_visit.any(|e| e.gate == *gate && e.call == "evaluate" && e.ending == "pass") {
                wrong.push(format!("I8: task {}: {from} → {to} without a pass of {gate}", task.id));
            }
        }
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

/// MRG-3: as many merges as it crossed merging edges, each with its work, and one pull request.
fn merged(task: &Task, audit: &[&Entry], course: &Course, history: &History, outside: &Outside) -> Vec<String> {
    let merging = |from: &str| course.edge(from).is_some_and(|edge: &Edge| edge.merge);
    let crossed = moves(audit).filter(|(what, from, _)| *what == "advance" && merging(from)).count();
    let title = format!("Merge {} {}", task.project, task.work_item);
    let merges: Vec<_> = outside.merges.iter().filter(|m| m.project == task.project && m.title == title).collect();
    let mut wrong = Vec::new();
    // A held task may have been merged and not have got any further.
    let most = if task.standing == "held" { crossed + 1 } else { crossed };
    if merges.len() < crossed || merges.len() > most {
        wrong.push(format!("I7: task {}: {} merges for {crossed} times over a merging edge", task.id, merges.len()));
    }
    let folder = format!("docs/work-items/{}/", task.work_item);
    if merges.iter().any(|merge| !merge.tree.iter().any(|path| path.starts_with(&folder))) {
        wrong.push(format!("I7: task {}: a merge without its work", task.id));
    }
    let here = history.pull_requests.iter().map(|pull| (&pull.project, &pull.branch));
    let there = outside.pull_requests.iter().map(|(project, branch)| (project, branch));
    let shown = here.chain(there).filter(|pull| *pull == (&task.project, &task.branch)).count();
    if shown > crossed.max(1) {
        wrong.push(format!("I7: task {}: {shown} pull requests", task.id));
    }
    wrong
}

/// It has ended: finished, or held for a stated reason.
fn ended(task: &Task) -> Option<String> {
    let stated = task.held.as_ref().is_some_and(|reason| !reason.trim().is_empty());
    let ended = task.standing == "finished" || (task.standing == "held" && stated);
    (!ended).then(|| format!("stuck: task {} is {} in {}", task.id, task.standing, task.stage))
}

/// QUE-2, I6: one role at a time works for a visit, and nothing says `running` when all is quiet.
fn jobs(history: &History) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut done: BTreeMap<(i64, i64), Vec<i64>> = BTreeMap::new();
    for job in &history.jobs {
        match job.state.as_str() {
            "running" => wrong.push(format!("I6: job {} is running when all is quiet", job.id)),
            "queued" => wrong.push(format!("stuck: job {} is queued when all is quiet", job.id)),
            "done" if job.lane == "role" => done.entry((job.task, job.visit)).or_default().push(job.id),
            _ => {}
        }
    }
    let twice = done.into_iter().filter(|(_, jobs)| jobs.len() > 1);
    wrong.extend(
        twice.map(|((task, visit), jobs)| format!("QUE-2: task {task}, visit {visit}: jobs {jobs:?} are done")),
    );
    wrong
}

/// LAU-6: an attempt runs once, a run begins once, and two runs of a task never at the same time.
fn runs(history: &History, outside: &Outside) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut attempts = BTreeSet::new();
    for run in &history.runs {
        if !attempts.insert((run.job, run.attempt)) {
            wrong.push(format!("LAU-6: job {} has run attempt {} twice", run.job, run.attempt));
        }
    }
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
    let mut keys = BTreeSet::new();
    let again = history.effects.iter().filter(|effect| !keys.insert((&effect.project, &effect.key)));
    wrong.extend(again.map(|effect| format!("I2: {} of {} was decided twice", effect.key, effect.project)));
    wrong
}

/// I7: nobody holds a lease when all is quiet.
fn leases(history: &History) -> Vec<String> {
    let held = history.leases.iter().filter_map(|lease| lease.holder.as_ref().map(|holder| (&lease.name, holder)));
    held.map(|(name, holder)| format!("I7: {name} is still held by {holder}")).collect()
}
