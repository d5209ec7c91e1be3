//! Who is next in line? The order in which waiting jobs will be claimed if nothing changes.
//!
//! Says in advance what `claim` will do, by the same rule: the project that was served longest ago comes first, and
//! within a project the oldest job.

use super::row::{Columns, Fail, all};
use portcullis_core::ids::{JobId, ProjectName};
use portcullis_core::job::{Job, Lane};
use portcullis_core::time::UnixMillis;
use rusqlite::Connection;
use std::collections::{BTreeSet, HashMap, VecDeque};

type Turns = HashMap<(Lane, ProjectName), i64>;

const TURNS: &str = "SELECT project, lane, turn FROM project_served";

// No claim takes them, whatever the hour.
const BLOCKED: &str = "
    SELECT j.id FROM job j JOIN task t ON t.id = j.task
     WHERE j.state = 'queued'
       AND (t.standing = 'held' OR (j.lane = 'role' AND j.visit <> t.visit)
            OR EXISTS (SELECT 1 FROM pause p
                        WHERE (p.kind = 'daemon' AND p.name = '')
                           OR (p.kind = 'project' AND p.name = j.project)
                           OR (p.kind = 'role' AND p.name = j.role)))";

/// Puts `queued` (oldest first) in that order: by turns; then those whose time has not come, by time; last those that
/// cannot be claimed.
pub(super) fn in_order(db: &Connection, queued: Vec<Job>) -> Result<Vec<Job>, Fail> {
    let turns = all(db, TURNS, &[], |row| {
        let columns = Columns::of("project_served", row);
        Ok(((columns.word("lane")?, columns.id("project", ProjectName::new)?), columns.get("turn")?))
    })?;
    let blocked = all(db, BLOCKED, &[], |row| Ok(JobId(row.get(0)?)))?;
    Ok(arranged(queued, &turns.into_iter().collect(), &blocked.into_iter().collect()))
}

/// The jobs of one project in one lane.
struct Line {
    turn: i64,
    jobs: VecDeque<Job>,
}

fn arranged(queued: Vec<Job>, turns: &Turns, blocked: &BTreeSet<JobId>) -> Vec<Job> {
    // The store has no clock; it is at least as late as when the newest job was made.
    let now = queued.iter().map(|job| job.created_at).max().unwrap_or(UnixMillis(0));
    let (never, queued): (Vec<Job>, Vec<Job>) = queued.into_iter().partition(|job| blocked.contains(&job.id));
    let (mut later, ready): (Vec<Job>, Vec<Job>) = queued.into_iter().partition(|job| job.not_before > now);
    later.sort_by_key(|job| (job.not_before, job.id));

    let mut lines: HashMap<(Lane, ProjectName), Line> = HashMap::new();
    for job in ready {
        let key = (job.lane, job.project.clone());
        let turn = turns.get(&key).copied().unwrap_or(0);
        lines.entry(key).or_insert_with(|| Line { turn, jobs: VecDeque::new() }).jobs.push_back(job);
    }
    let mut turn = turns.values().copied().max().unwrap_or(0);
    let mut ordered = Vec::new();
    // Serves the line whose turn it is, and sends it to the end.
    while let Some((line, job)) = lines
        .values_mut()
        .filter(|line| !line.jobs.is_empty())
        .min_by_key(|line| (line.turn, line.jobs.front().map(|job| job.id)))
        .and_then(|line| line.jobs.pop_front().map(|job| (line, job)))
    {
        turn += 1;
        line.turn = turn;
        ordered.push(job);
    }
    ordered.extend(later);
    ordered.extend(never);
    ordered
}
