//! Values that the promises are told with. Time is a number: nothing here looks at a clock.

use super::Shared;
use crate::model::*;
use portcullis_core::digest::Digest;
use portcullis_core::effect::{Effect, NewEffect};
use portcullis_core::event::Source;
use portcullis_core::facts::Approval;
use portcullis_core::gate::{
    Call, Evaluation, Finding, Judgement, Mode, OnFault, Outcome, PluginRef, Report, Severity, Subject, Verdict,
};
use portcullis_core::ids::{GateName, PluginName, ProjectName, Revision, RoleName, StageName, TaskId, WorkItem};
use portcullis_core::job::{Claim, ClaimedJob, Lane};
use portcullis_core::lease::{Acquire, Holder, Lease, LeaseName};
use portcullis_core::task::{Change, Commit, Committed, Created, Decision, Feedback, NewTask, Task};
use portcullis_core::time::UnixMillis;
use std::time::Duration;

pub(super) const BOOT: &str = "boot-1";
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const FREE: Caps = Caps { overall: 100, per_project: 100 };

/// `ms` after the beginning of the story.
pub(super) fn at(ms: i64) -> UnixMillis {
    UnixMillis(1_767_603_600_000 + ms)
}

pub(super) fn alpha() -> ProjectName {
    ProjectName::new("alpha")
}

pub(super) fn revision(number: u32) -> Revision {
    Revision::parse(&format!("{number:040x}")).unwrap()
}

pub(super) fn stage(name: &str) -> StageName {
    StageName::new(name)
}

pub(super) fn new_task(project: &str, item: &str) -> NewTask {
    NewTask {
        project: ProjectName::new(project),
        work_item: WorkItem::new(item),
        tracker_id: Some(format!("uuid-of-{item}")),
        title: format!("Title of {item}"),
        description: "Zeile 1\nline 2 — with \"quotes\" and \u{1F980}".to_owned(),
        stage: stage("analysis"),
        role: Some(RoleName::new("analyst")),
        branch: format!("feature/{item}"),
        overlay: serde_json::json!({ "staging": { "tolerance": false } }),
    }
}

/// A task of project alpha, made at the beginning, with its first job queued.
pub(super) async fn task(store: &Shared, item: &str) -> TaskId {
    task_in(store, "alpha", item).await
}

pub(super) async fn task_in(store: &Shared, project: &str, item: &str) -> TaskId {
    match store.create_task(new_task(project, item), "tester", at(0)).await.unwrap() {
        Created::New(id) => id,
        Created::Exists(id) => panic!("task {id} was there before"),
    }
}

pub(super) async fn read(store: &Shared, id: TaskId) -> Task {
    store.task(id).await.unwrap().unwrap()
}

pub(super) fn holder(boot: &str) -> Holder {
    Holder {
        boot: boot.to_owned(),
        node: "node-1".to_owned(),
        pid: 4711,
        start_ticks: 1 << 40,
        what: "a test".to_owned(),
    }
}

/// The drive lease of a task.
pub(super) async fn drive(store: &Shared, task: TaskId, now: UnixMillis) -> Lease {
    match store.acquire(&LeaseName::drive(task), &holder(BOOT), now, MINUTE).await.unwrap() {
        Acquire::Won(lease) => lease,
        Acquire::Held { by, .. } => panic!("{by:?} drives task {task}"),
    }
}

/// A decision on the task as it stands.
pub(super) fn decided(task: &Task, change: Change, now: UnixMillis) -> Commit {
    Commit {
        task: task.id,
        version: task.version,
        rings: task.rings,
        change,
        evaluations: Vec::new(),
        effects: Vec::new(),
        actor: "portcullis".to_owned(),
        why: "because of the test".to_owned(),
        at: now,
    }
}

/// One whole drive: takes the lease, changes the task as it stands, gives the lease back.
pub(super) async fn change(store: &Shared, id: TaskId, change: Change, now: UnixMillis) -> Task {
    let lease = drive(store, id, now).await;
    let before = read(store, id).await;
    let version = before.version + 1;
    assert_eq!(store.commit(&lease, decided(&before, change, now)).await.unwrap(), Committed::Done { version });
    store.release(lease, at(0)).await.unwrap();
    read(store, id).await
}

pub(super) fn advance(to: &str, role: Option<&str>) -> Change {
    Change::Advance { to: stage(to), role: role.map(RoleName::new), merge_commit: None }
}

pub(super) fn send_back(to: &str, role: Option<&str>, forget_merge: bool) -> Change {
    Change::Return { to: stage(to), role: role.map(RoleName::new), feedback: feedback(), forget_merge }
}

pub(super) fn feedback() -> Feedback {
    Feedback {
        gate: GateName::new("security"),
        from: stage("deploy-staging"),
        summary: "1 secret, »quoted« and\nover two lines".to_owned(),
        findings: vec![Finding {
            rule: "aws-access-key".to_owned(),
            severity: Severity::Error,
            message: "Remove the key \u{0}and revoke it. '; DROP TABLE task; --".to_owned(),
            path: Some("a b/ü.rs".to_owned()),
            line: Some(u32::MAX),
            fingerprint: "f".repeat(64),
        }],
    }
}

pub(super) fn evaluation(verdict: Verdict, now: UnixMillis) -> Evaluation {
    let digest = |digit: &str| Digest::parse(&format!("sha256:{}", digit.repeat(64))).unwrap();
    Evaluation {
        id: None,
        gate: GateName::new("security"),
        plugin: PluginRef {
            name: PluginName::new("portcullis/security"),
            version: "1.2.3".to_owned(),
            digest: digest("a"),
        },
        config_digest: digest("b"),
        subject: Subject {
            repository: "owner/name".to_owned(),
            work_item: WorkItem::new("A-1"),
            from: stage("analysis"),
            to: stage("architecture"),
            branch: "feature/A-1".to_owned(),
            head: revision(1),
            target: "main".to_owned(),
            target_head: revision(2),
            pull_request: Some(7),
        },
        call: Call::Evaluate,
        mode: Mode::Enforce,
        on_fault: OnFault::Closed,
        report: Report {
            outcome: Outcome::Judged(Judgement {
                verdict,
                summary: "a summary".to_owned(),
                findings: feedback().findings,
                evidence: vec![("commits".to_owned(), "3".to_owned())],
                retry_after_s: Some(30),
            }),
            duration: Duration::new(3, 141_592_653),
            memory_peak_bytes: 1 << 40,
            host_calls: 12,
            transcript: vec![0, 255, 10, 13, 128],
            log: "read 3 commits\n".to_owned(),
        },
        at: now,
        rings: 0,
    }
}

pub(super) fn comment(key: &str, text: &str) -> NewEffect {
    let effect = Effect::TrackerComment { work_item: WorkItem::new("A-1"), text: text.to_owned() };
    NewEffect { key: key.to_owned(), effect }
}

pub(super) fn notify(key: &str) -> NewEffect {
    NewEffect { key: key.to_owned(), effect: Effect::Notify { text: format!("about {key}") } }
}

pub(super) fn decision(approved: bool, now: UnixMillis) -> Decision {
    Decision {
        stage: stage("analysis"),
        approval: Approval {
            approved,
            by: "ada".to_owned(),
            at_s: now.0 / 1000,
            revision: revision(1),
            comment: "go on".to_owned(),
        },
        at: now,
    }
}

pub(super) fn event(delivery: &str, meaning: Option<&str>) -> NewEvent {
    NewEvent {
        source: Source::Gitea,
        delivery: delivery.to_owned(),
        meaning: meaning.map(str::to_owned),
        event: "push".to_owned(),
        body: vec![b'{', 0, 0xff, b'}'],
        at: at(0),
    }
}

pub(super) async fn claim(store: &Shared, lane: Lane, caps: Caps, now: UnixMillis) -> Option<ClaimedJob> {
    match store.claim(lane, caps, BOOT, now).await.unwrap() {
        Claim::Won(won) => Some(*won),
        Claim::Nothing => None,
    }
}

/// The same claim, as an owner would have it that never learnt of its end.
pub(super) fn copy(job: &ClaimedJob) -> ClaimedJob {
    ClaimedJob::granted(job.job().clone())
}

pub(super) fn ended(end: JobEnd, now: UnixMillis) -> Finish {
    Finish { end, reason: None, head: None, ci: None, checks: Vec::new(), effects: Vec::new(), at: now }
}
