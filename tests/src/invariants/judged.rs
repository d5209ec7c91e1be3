//! What was judged is what has moved and what was merged (I7, I8): head for head, in the database and in git; and the
//! board shows it.

use super::history::{Card, Course, Edge, Entry, History, Task};
use super::outside::{Merge, Outside};
use portcullis_core::effect::TrackerState;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// A head and the target's head that it would be merged into.
type Subject<'a> = (&'a str, &'a str);

/// One advance of a task.
struct Crossing<'a> {
    edge: &'a Edge,
    /// The visit that it ended. The audit does not say whether a release began one, so there may be several.
    visits: RangeInclusive<i64>,
    /// The head that was to be merged, as it was written down before the merge.
    intent: Option<&'a str>,
}

/// A task's advances, and the head that is still to be merged.
fn crossings<'a>(audit: &[&'a Entry], course: &'a Course) -> (Vec<Crossing<'a>>, Option<&'a str>) {
    let (mut crossings, mut intent, mut entries, mut releases) = (Vec::new(), None, 1, 0);
    for entry in audit {
        match entry.what.as_str() {
            "merging" => intent = Some(entry.to.as_str()).filter(|head| !head.is_empty()),
            "release" => releases += 1,
            what @ ("advance" | "return") => {
                let edge = course.edge(&entry.from).filter(|_| what == "advance");
                crossings.extend(edge.map(|edge| Crossing { edge, visits: entries..=entries + releases, intent }));
                (intent, entries) = (None, entries + 1);
            }
            _ => {}
        }
    }
    (crossings, intent)
}

/// What a gate's last word in these visits is a pass of.
fn passed<'a>(history: &'a History, task: &Task, crossing: &Crossing<'_>, gate: &str) -> BTreeSet<Subject<'a>> {
    let mut last: BTreeMap<Subject<'a>, &str> = BTreeMap::new();
    let of_edge = history.evaluations.iter().filter(|e| e.task == task.id && crossing.visits.contains(&e.visit));
    for said in of_edge.filter(|e| e.gate == gate && e.call == "evaluate" && e.mode == "enforce") {
        last.insert((&said.subject.0, &said.subject.1), &said.ending);
    }
    last.into_iter().filter(|(_, ending)| *ending == "pass").map(|(subject, _)| subject).collect()
}

/// What every gate of an edge has passed; none if the edge has no gates.
fn green<'a>(history: &'a History, task: &Task, crossing: &Crossing<'_>) -> Option<BTreeSet<Subject<'a>>> {
    let of_each = crossing.edge.gates.iter().map(|gate| passed(history, task, crossing, gate));
    of_each.reduce(|all, one| all.intersection(&one).copied().collect())
}

/// I8: it crossed each edge over green gates, all of them about one head.
pub(super) fn gates(task: &Task, audit: &[&Entry], course: &Course, history: &History) -> Vec<String> {
    let mut wrong = Vec::new();
    for crossing in crossings(audit, course).0 {
        let Edge { from, to, gates, .. } = crossing.edge;
        let red: Vec<_> = gates.iter().filter(|gate| passed(history, task, &crossing, gate).is_empty()).collect();
        wrong.extend(red.iter().map(|gate| format!("I8: task {}: {from} → {to} without a pass of {gate}", task.id)));
        if red.is_empty() && green(history, task, &crossing).is_some_and(|green| green.is_empty()) {
            wrong.push(format!("I8: task {}: {from} → {to}, and its gates have passed different heads", task.id));
        }
    }
    wrong
}

/// I7, I8, MRG-3: it was merged as often as it crossed merging edges; each time what its gates had passed and what was
/// written down before, with its work; and it knows by which commit.
pub(super) fn merged(
    task: &Task,
    audit: &[&Entry],
    course: &Course,
    history: &History,
    outside: &Outside,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let title = format!("Merge {} {}", task.project, task.work_item);
    let is_ours = |merge: &&Merge| merge.project == task.project && merge.title == title;
    // As they were made; git shows the newest first.
    let merges: Vec<&Merge> = outside.merges.iter().rev().filter(is_ours).collect();
    let (crossings, open) = crossings(audit, course);
    let merging: Vec<&Crossing<'_>> = crossings.iter().filter(|crossing| crossing.edge.merge).collect();
    // A held task may have been merged and not have got any further.
    let most = merging.len() + usize::from(task.standing == "held" && open.is_some());
    if merges.len() < merging.len() || merges.len() > most {
        let (merges, crossed) = (merges.len(), merging.len());
        wrong.push(format!("I7: task {}: {merges} merges for {crossed} times over a merging edge", task.id));
    }
    let intents = merging.iter().map(|crossing| crossing.intent).chain([open]);
    for (merge, intent) in merges.iter().zip(intents) {
        if intent != Some(&*merge.head) {
            let intent = intent.unwrap_or("nothing");
            wrong.push(format!("I7: task {}: {} was merged, and {intent} was to be", task.id, merge.head));
        }
    }
    for (merge, crossing) in merges.iter().zip(&merging) {
        if green(history, task, crossing).is_some_and(|green| !green.contains(&(&*merge.head, &*merge.base))) {
            let (head, base) = (&merge.head, &merge.base);
            wrong.push(format!("I8: task {}: {head} was merged into {base}, which no gate has passed", task.id));
        }
    }
    let folder = format!("docs/work-items/{}/", task.work_item);
    if merges.iter().any(|merge| !merge.tree.iter().any(|path| path.starts_with(&folder))) {
        wrong.push(format!("I7: task {}: a merge without its work", task.id));
    }
    let last = merges.last().map(|merge| &merge.commit);
    if task.standing == "finished" && task.merge_commit.as_ref() != last {
        let (known, last) = (&task.merge_commit, last);
        wrong.push(format!("I7: task {}: it was merged by {last:?}, and it says {known:?}", task.id));
    }
    let here = history.pull_requests.iter().map(|pull| (&pull.project, &pull.branch));
    let there = outside.pull_requests.iter().map(|(project, branch)| (project, branch));
    let shown = here.chain(there).filter(|pull| *pull == (&task.project, &task.branch)).count();
    if shown > merging.len().max(1) {
        wrong.push(format!("I7: task {}: {shown} pull requests", task.id));
    }
    wrong
}

/// TRK-1: in the end its board shows what it has come to. What a person held is on a person's own account.
pub(super) fn board(task: &Task, audit: &[&Entry], history: &History, outside: &Outside) -> Option<String> {
    let held_by = || audit.iter().rfind(|entry| entry.what == "hold").map(|entry| entry.actor.as_str());
    let expected = match task.standing.as_str() {
        "finished" => TrackerState::Done,
        "held" if held_by() == Some("portcullis") => TrackerState::Blocked,
        _ => return None,
    };
    let is_its = |card: &&Card| {
        card.project == task.project && (card.item == task.work_item || task.tracker_id.as_ref() == Some(&card.item))
    };
    let shown = history.board.iter().chain(&outside.board).find(is_its).map(|card| card.state.as_str());
    let right = shown.and_then(TrackerState::from_name) == Some(expected);
    let shown = shown.unwrap_or("nothing");
    (!right).then(|| format!("TRK-1: task {}: it is {}, and its board shows {shown}", task.id, task.standing))
}
