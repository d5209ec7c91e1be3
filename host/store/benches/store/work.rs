//! The kinds of work that are measured.

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// A webhook's event is made durable.
    Webhook,
    /// A task is made with its first job.
    Enqueue,
    /// A job is claimed, then finished: two transactions.
    ClaimComplete,
    /// A task enters the next stage: its last job's visit ends, the next job, one evaluation with its record, one effect
    /// and the audit row are written, guarded by the task's version.
    Advance,
}

impl Work {
    pub(crate) const ALL: [Self; 4] = [Self::Webhook, Self::Enqueue, Self::ClaimComplete, Self::Advance];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Enqueue => "enqueue",
            Self::ClaimComplete => "claim-complete",
            Self::Advance => "advance",
        }
    }

    /// What the bare loops write for one piece of it.
    pub(crate) fn bare_writes(self) -> &'static str {
        match self {
            Self::Webhook => "1 row with a body of 4096 bytes, its delivery id unique",
            Self::Enqueue => "3 rows (task with a unique name, job, audit row)",
            Self::ClaimComplete => {
                "4 rows in two transactions (job to running, the oldest by a partial index; then job to done, task rung, \
                 audit row)"
            }
            Self::Advance => {
                "7 rows (task under its version, the queued job called off, the next job, evaluation, its record of 2048 \
                 bytes, effect with a unique key, audit row)"
            }
        }
    }
}

/// Size of an event's body: about that of a push with two commits.
pub(crate) const BODY: usize = 4_096;
/// Size of an evaluation's transcript.
pub(crate) const TRANSCRIPT: usize = 2_048;
