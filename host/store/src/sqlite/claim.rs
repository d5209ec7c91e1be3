//! Who gets the next job, and who takes over one that is running? (QUE-1, QUE-3, REG-1, REA-5)

use super::row::{Fail, change, one, word};
use super::{damage, jobs};
use crate::model::{Caps, StoreError};
use portcullis_core::ids::JobId;
use portcullis_core::job::{Claim, ClaimedJob, Lane, TakeOver};
use portcullis_core::time::UnixMillis;
use rusqlite::{Connection, named_params};

// One guarded statement. It looks at the first claimable job of each project that has jobs waiting, whose turn it is
// decides between them. What it reads are partial indexes over queued and running rows; history costs nothing, and a
// long queue little.
const CLAIM: &str = "
    UPDATE job
       SET state = 'running', attempt = attempt + 1, lease = lease + 1, boot = :boot, run = NULL, reason = NULL,
           claimed_at_ms = :now_ms
     WHERE state = 'queued'
       AND id = (
            WITH RECURSIVE
            waiting (project) AS (
                SELECT min(project) FROM job WHERE state = 'queued' AND lane = :lane
                UNION ALL
                SELECT (SELECT min(project) FROM job
                         WHERE state = 'queued' AND lane = :lane AND project > waiting.project)
                  FROM waiting WHERE waiting.project IS NOT NULL),
            first (project, id) AS (
                SELECT w.project,
                       (SELECT j.id FROM job j INDEXED BY job_queued JOIN task t ON t.id = j.task
                         WHERE j.state = 'queued' AND j.lane = :lane AND j.project = w.project
                           AND j.not_before_ms <= :now_ms
                           AND t.standing <> 'held'
                           AND (j.lane = 'ci' OR j.visit = t.visit)
                           AND NOT EXISTS (SELECT 1 FROM pause p WHERE p.kind = 'role' AND p.name = j.role)
                         ORDER BY j.id LIMIT 1)
                  FROM waiting w
                 WHERE w.project IS NOT NULL
                   AND NOT EXISTS (SELECT 1 FROM pause p WHERE p.kind = 'project' AND p.name = w.project)
                   AND (SELECT count(*) FROM job r
                         WHERE r.state = 'running' AND r.lane = :lane AND r.project = w.project) < :per_project)
            SELECT f.id FROM first f LEFT JOIN project_served s ON s.lane = :lane AND s.project = f.project
             WHERE f.id IS NOT NULL
               AND NOT EXISTS (SELECT 1 FROM pause p WHERE p.kind = 'daemon' AND p.name = '')
               AND (SELECT count(*) FROM job r WHERE r.state = 'running' AND r.lane = :lane) < :overall
             ORDER BY coalesce(s.turn, 0), f.id
             LIMIT 1)
 RETURNING id";

// The project goes to the end of the line.
const SERVE: &str = "
    INSERT INTO project_served (lane, project, turn)
    SELECT j.lane, j.project, (SELECT coalesce(max(turn), 0) + 1 FROM project_served) FROM job j WHERE j.id = :id
    ON CONFLICT (lane, project) DO UPDATE SET turn = excluded.turn";

pub(super) fn claim(db: &Connection, lane: Lane, caps: Caps, boot: &str, now: UnixMillis) -> Result<Claim, Fail> {
    let lane = word(&lane)?;
    loop {
        let params = named_params! {
            ":lane": lane, ":overall": caps.overall, ":per_project": caps.per_project, ":boot": boot, ":now_ms": now.0,
        };
        let Some(id) = one(db, CLAIM, params, |row| Ok(JobId(row.get(0)?)))? else { return Ok(Claim::Nothing) };
        match jobs::job(db, id) {
            Ok(Some(job)) => {
                change(db, SERVE, named_params! { ":id": id.0 })?;
                return Ok(Claim::Won(Box::new(ClaimedJob::granted(job))));
            }
            // It would be first in the line for ever and block everybody behind it.
            Err(Fail::Store(StoreError::Damaged { reason, .. })) => drop(damage::fail_running(db, id, &reason, now)?),
            Ok(None) => return Ok(Claim::Nothing),
            Err(other) => return Err(other),
        }
    }
}

// The one write that decides who goes on with a running job (REA-5). The run stays: its process may be alive.
const TAKE_OVER: &str = "
    UPDATE job SET lease = lease + 1, boot = :boot
     WHERE id = :id AND state = 'running' AND lease = :lease
 RETURNING id";

pub(super) fn take_over(db: &Connection, id: JobId, lease: i64, boot: &str) -> Result<TakeOver, Fail> {
    let params = named_params! { ":id": id.0, ":lease": lease, ":boot": boot };
    let won = one(db, TAKE_OVER, params, |row| Ok(JobId(row.get(0)?)))?;
    let job = won.map(|id| jobs::job(db, id)).transpose()?.flatten();
    Ok(job.map_or(TakeOver::Lost, |job| TakeOver::Won(Box::new(ClaimedJob::granted(job)))))
}
