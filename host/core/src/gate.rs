//! What a gate is asked and what it answers. Mirrors `wit/gate`; `runtime` converts between the two.

use crate::digest::Digest;
use crate::ids::{EvaluationId, GateName, PluginName, Revision, StageName, WorkItem};
use crate::time::UnixMillis;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The attempt being judged. Every revision is pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Forge name of the repository, `owner/name`.
    pub repository: String,
    /// Work item the task belongs to.
    pub work_item: WorkItem,
    /// Stage that the task would leave.
    pub from: StageName,
    /// Stage that it would enter.
    pub to: StageName,
    /// Branch under judgement.
    pub branch: String,
    /// Its head.
    pub head: Revision,
    /// Branch that it will be merged into.
    pub target: String,
    /// Head of that branch when the judgement began.
    pub target_head: Revision,
    /// Pull request number on the forge, where there is one.
    pub pull_request: Option<u64>,
}

/// A gate's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The edge may be crossed.
    Pass,
    /// It may not, and the findings say why.
    Fail,
    /// Not decidable yet: ask again later.
    Pending,
    /// Not passable as things stand, but the gate's `act` can change that.
    Actionable,
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Worth mending.
    Warning,
    /// Must be mended.
    Error,
}

/// One thing that a gate found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable rule name, e.g. `aws-access-key`.
    pub rule: String,
    /// How much it weighs.
    pub severity: Severity,
    /// One sentence for the person who must mend it. Never carries a secret.
    pub message: String,
    /// Path in the repository.
    pub path: Option<String>,
    /// 1-based line in `path`.
    pub line: Option<u32>,
    /// Stable across commits that do not touch the finding.
    pub fingerprint: String,
}

/// What a gate concluded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// The answer.
    pub verdict: Verdict,
    /// One line that reads well in a list.
    pub summary: String,
    /// What was found.
    pub findings: Vec<Finding>,
    /// Named facts that the verdict rests on.
    pub evidence: Vec<(String, String)>,
    /// With `pending`: seconds after which asking again makes sense.
    pub retry_after_s: Option<u32>,
}

/// Why a gate reached no judgement, by its own word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "detail")]
pub enum Refusal {
    /// The configuration is not usable; says which key and why.
    #[error("its configuration is not usable: {0}")]
    BadConfig(String),
    /// Something the gate needs did not answer.
    #[error("something it needs is unavailable: {0}")]
    Unavailable(String),
    /// Something the gate read is malformed.
    #[error("something it read is malformed: {0}")]
    BadInput(String),
}

/// Why an evaluation has no verdict (GAT-1). A fault is never shown as a verdict of the gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case", tag = "kind")]
#[allow(missing_docs, reason = "the message of each variant and field is its documentation")]
pub enum Fault {
    #[error("the gate trapped: {trap}")]
    Trap { trap: String },
    #[error("the gate used more than its {limit_ms} ms of processor time")]
    CpuLimit { limit_ms: u64 },
    #[error("the gate did not answer within {limit_ms} ms")]
    WallLimit { limit_ms: u64 },
    #[error("the gate wanted more than its {limit_mib} MiB of memory")]
    MemoryLimit { limit_mib: u64 },
    #[error("the gate overflowed its stack of {limit_kib} KiB")]
    StackOverflow { limit_kib: u64 },
    #[error("the gate's answer exceeds the limit of {limit} {what}")]
    OutputLimit { what: String, limit: u64 },
    #[error("the gate made more than its {limit} host calls")]
    HostCallLimit { limit: u64 },
    #[error("the gate imports `{import}`, which this host does not offer; it offers {offered}")]
    MissingImport { import: String, offered: String },
    #[error("the gate may not import `{import}`: the manifest does not grant it; add `{remedy}`")]
    NotGranted { import: String, remedy: String },
    #[error(
        "the plugin does not export a gate contract that this host speaks: it has {found}; the host speaks {supported}"
    )]
    WrongContract { found: String, supported: String },
    #[error("the plugin is not a WebAssembly component: {detail}")]
    NotAComponent { detail: String },
    #[error("the gate's answer is malformed: {detail}")]
    MalformedAnswer { detail: String },
    #[error("the gate refused to judge: {refusal}")]
    Refused { refusal: Refusal },
    #[error("the file of plugin {digest} is missing from the registry")]
    PluginMissing { digest: String },
    #[error("the file of plugin {listed} has digest {found}")]
    DigestMismatch { listed: String, found: String },
    #[error("no slot to run the gate was free")]
    PoolExhausted,
    #[error("the host failed: {detail}")]
    Host { detail: String },
}

impl Fault {
    /// Whether trying again later, with nothing changed, can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::WallLimit { .. } | Self::PoolExhausted | Self::Host { .. } | Self::PluginMissing { .. } => true,
            Self::Refused { refusal } => match refusal {
                Refusal::Unavailable(_) => true,
                Refusal::BadConfig(_) | Refusal::BadInput(_) => false,
            },
            Self::Trap { .. }
            | Self::CpuLimit { .. }
            | Self::MemoryLimit { .. }
            | Self::StackOverflow { .. }
            | Self::OutputLimit { .. }
            | Self::HostCallLimit { .. }
            | Self::MissingImport { .. }
            | Self::NotGranted { .. }
            | Self::WrongContract { .. }
            | Self::NotAComponent { .. }
            | Self::MalformedAnswer { .. }
            | Self::DigestMismatch { .. } => false,
        }
    }
}

/// Verdict or fault: how an evaluation ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The gate answered.
    Judged(Judgement),
    /// It did not.
    Faulted(Fault),
}

/// What a gate may use. Zero is not "unlimited" anywhere: each limit is real.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Limits {
    /// Processor time in milliseconds.
    pub cpu_ms: u64,
    /// Wall time in milliseconds, host calls included.
    pub wall_ms: u64,
    /// Linear memory in MiB.
    pub memory_mib: u64,
    /// Number of host calls.
    pub host_calls: u64,
    /// Number of findings in an answer.
    pub findings: u64,
    /// Size of an answer (summary, findings and evidence together) in KiB.
    pub output_kib: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cpu_ms: 10_000,
            wall_ms: 60_000,
            memory_mib: 256,
            host_calls: 100_000,
            findings: 1_000,
            output_kib: 1_024,
        }
    }
}

/// What a gate may reach beyond the subject itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Grants {
    /// Host names that the gate may call over HTTPS, e.g. `api.osv.dev`. Nothing is granted by default.
    pub network: Vec<String>,
}

/// Whether a gate counts (GAT-7).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Its verdict decides.
    #[default]
    Enforce,
    /// Evaluated and recorded; never blocks and costs no retry.
    Shadow,
    /// Not evaluated.
    Off,
}

/// What a fault means for the edge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFault {
    /// The edge stays closed.
    #[default]
    Closed,
    /// The edge opens, with a loud warning in every report.
    Open,
}

/// Exactly which code judged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PluginRef {
    /// Name in the registry.
    pub name: PluginName,
    /// Semantic version.
    pub version: String,
    /// Digest of the component's bytes.
    pub digest: Digest,
}

impl std::fmt::Display for PluginRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

/// Which of a gate's two functions was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Call {
    /// Read-only judgement.
    Evaluate,
    /// Mending, under the drive lease.
    Act,
}

/// What the runtime reports of one call, whatever its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Verdict or fault.
    pub outcome: Outcome,
    /// From before instantiation to after the drop.
    pub duration: Duration,
    /// Largest linear memory, in bytes.
    pub memory_peak_bytes: u64,
    /// Host calls made.
    pub host_calls: u64,
    /// Host calls with arguments and results, for replay (GAT-6). JSON lines; absent when nothing was called.
    pub transcript: Vec<u8>,
    /// What the gate logged or printed, truncated.
    pub log: String,
}

/// One evaluation as it is stored (GAT-6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Number in the store; absent until stored.
    pub id: Option<EvaluationId>,
    /// The gate's name within its edge.
    pub gate: GateName,
    /// What judged.
    pub plugin: PluginRef,
    /// Digest of the configuration it was given.
    pub config_digest: Digest,
    /// What was judged.
    pub subject: Subject,
    /// Which function was called.
    pub call: Call,
    /// Whether it counts.
    pub mode: Mode,
    /// What a fault of it means.
    pub on_fault: OnFault,
    /// How it ended and what it cost.
    pub report: Report,
    /// When it began.
    pub at: UnixMillis,
    /// How often its task had been rung by then ([`crate::task::Task::rings`]).
    pub rings: i64,
}
