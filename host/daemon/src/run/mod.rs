//! Running things: roles, the projects' CI, and the named commands of gates that act.
//!
//! Every run has a shim of its own ([`shim`]) that outlives the daemon, sees to the run's processes ([`offspring`]) and
//! writes down how it ended. The daemon starts it ([`launch`]), waits for its end through the kernel ([`process`]), and then follows the fixed order of
//! [`finish`]: exit code first, then commit, push, pull request, and only then the job's end (LAU-2). A job is in the
//! hands of exactly one ([`watch`]); one that is in nobody's is taken up by the reaper, which looks at it ([`probe`]) and
//! hands it on ([`resume`]).

pub mod brief;
pub mod command;
pub mod finish;
pub mod launch;
pub mod offspring;
pub mod probe;
pub mod process;
pub mod resume;
pub mod shim;
pub mod validated;
pub mod watch;
pub mod worker;

#[cfg(test)]
pub(crate) fn sample_job(lease: i64) -> portcullis_core::job::Job {
    use portcullis_core::ids::{JobId, ProjectName, RoleName, StageName, TaskId};
    use portcullis_core::job::{Job, JobState, Lane};
    let now = portcullis_core::time::UnixMillis(0);
    Job {
        id: JobId(1),
        task: TaskId(1),
        project: ProjectName::new("demo"),
        lane: Lane::Role,
        stage: StageName::new("review"),
        visit: 1,
        role: RoleName::new("reviewer"),
        revision: None,
        state: JobState::Running,
        attempt: 1,
        lease,
        not_before: now,
        created_at: now,
        ended_at: None,
        reason: None,
        cancel_asked_by: None,
        run: None,
    }
}
