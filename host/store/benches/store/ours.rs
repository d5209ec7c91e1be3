//! The store itself, asked as the daemon asks it.

use crate::Measured;
use crate::work::{BODY, TRANSCRIPT, Work};
use portcullis_core::digest::Digest;
use portcullis_core::effect::{Effect, NewEffect};
use portcullis_core::event::Source;
use portcullis_core::gate::{Call, Evaluation, Judgement, Mode, OnFault, Outcome, PluginRef, Report, Subject, Verdict};
use portcullis_core::ids::{GateName, PluginName, ProjectName, Revision, RoleName, StageName, TaskId, WorkItem};
use portcullis_core::job::{Claim, Lane};
use portcullis_core::lease::{Acquire, Holder, Lease, LeaseName};
use portcullis_core::task::{Change, Commit, Committed, Created, NewTask};
use portcullis_core::time::UnixMillis;
use portcullis_store::sqlite::SqliteStore;
use portcullis_store::{Caps, Finish, Finished, JobEnd, NewEvent, Received, Store};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const NOW: UnixMillis = UnixMillis(1);

pub(crate) fn run(work: Work, path: &Path, producers: usize, pieces: usize) -> Measured {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let store = Arc::new(SqliteStore::open(path).unwrap());
    runtime.block_on(async {
        let mut leases = prepare(&store, work, producers, pieces).await;
        let start = Arc::new(tokio::sync::Barrier::new(producers + 1));
        let mut tasks = tokio::task::JoinSet::new();
        for producer in 0..producers {
            let (store, start, lease) = (Arc::clone(&store), Arc::clone(&start), leases.pop());
            tasks.spawn(async move {
                start.wait().await;
                let mut waits = Vec::new();
                for number in 0..pieces / producers {
                    let asked = Instant::now();
                    piece(&store, work, producer, number, lease.as_ref()).await;
                    waits.push(asked.elapsed());
                }
                waits
            });
        }
        start.wait().await;
        let begun = Instant::now();
        let waits = tasks.join_all().await.concat();
        Measured { whole: begun.elapsed(), waits }
    })
}

/// What there has to be before the work begins; for moving tasks, each producer's task and its lease.
async fn prepare(store: &Arc<SqliteStore>, work: Work, producers: usize, pieces: usize) -> Vec<(TaskId, Lease)> {
    let tasks = match work {
        Work::Webhook | Work::Enqueue => 0,
        Work::ClaimComplete => pieces,
        Work::Advance => producers,
    };
    let mut made = tokio::task::JoinSet::new();
    for task in 0..tasks {
        let store = Arc::clone(store);
        made.spawn(async move { create(&store, format!("prepared-{task}")).await });
    }
    let mut leases = Vec::new();
    for task in made.join_all().await {
        if work == Work::Advance {
            let holder = Holder {
                boot: "boot".to_owned(),
                node: "node".to_owned(),
                pid: 1,
                start_ticks: 1,
                what: "bench".to_owned(),
            };
            let hour = Duration::from_secs(3_600);
            let taken = store.acquire(&LeaseName::drive(task), &holder, NOW, hour).await.unwrap();
            let Acquire::Won(lease) = taken else { panic!("task {task} is driven") };
            leases.push((task, lease));
        }
    }
    leases
}

async fn create(store: &SqliteStore, item: String) -> TaskId {
    let new = NewTask {
        project: ProjectName::new("alpha"),
        work_item: WorkItem::new(&*item),
        tracker_id: None,
        title: "A title".to_owned(),
        description: "What is to be done.".to_owned(),
        stage: StageName::new("analysis"),
        role: Some(RoleName::new("analyst")),
        branch: format!("feature/{item}"),
        overlay: serde_json::json!({}),
    };
    match store.create_task(new, "bench", NOW).await.unwrap() {
        Created::New(id) => id,
        Created::Exists(id) => panic!("task {id} was there before"),
    }
}

async fn piece(store: &SqliteStore, work: Work, producer: usize, number: usize, lease: Option<&(TaskId, Lease)>) {
    match work {
        Work::Webhook => {
            let event = NewEvent {
                source: Source::Gitea,
                delivery: format!("{producer}-{number}"),
                meaning: None,
                event: "push".to_owned(),
                body: vec![b'x'; BODY],
                at: NOW,
            };
            assert!(matches!(store.receive(event).await.unwrap(), Received::Stored(_)));
        }
        Work::Enqueue => {
            create(store, format!("T-{producer}-{number}")).await;
        }
        Work::ClaimComplete => {
            let caps = Caps { overall: 1_000, per_project: 1_000 };
            let Claim::Won(job) = store.claim(Lane::Role, caps, "boot", NOW).await.unwrap() else {
                panic!("there is one for each")
            };
            let finish = Finish {
                end: JobEnd::Done,
                reason: None,
                head: None,
                ci: None,
                checks: Vec::new(),
                effects: Vec::new(),
                at: NOW,
            };
            assert_eq!(store.finish(&job, finish).await.unwrap(), Finished::Recorded);
        }
        Work::Advance => {
            let (task, lease) = lease.unwrap();
            let answer = store.commit(lease, advance(*task, i64::try_from(number).unwrap() + 1)).await.unwrap();
            assert!(matches!(answer, Committed::Done { .. }));
        }
    }
}

fn advance(task: TaskId, version: i64) -> Commit {
    let effect = Effect::Notify { text: "moved".to_owned() };
    Commit {
        task,
        version,
        rings: 0,
        change: Change::Advance {
            to: StageName::new("review"),
            role: Some(RoleName::new("reviewer")),
            merge_commit: None,
        },
        evaluations: vec![evaluation()],
        effects: vec![NewEffect { key: format!("{task}/{version}"), effect }],
        actor: "portcullis".to_owned(),
        why: "because of the bench".to_owned(),
        at: NOW,
    }
}

fn evaluation() -> Evaluation {
    let digest = Digest::parse(&format!("sha256:{}", "a".repeat(64))).unwrap();
    let revision = Revision::parse(&"b".repeat(40)).unwrap();
    Evaluation {
        id: None,
        gate: GateName::new("ci-green"),
        plugin: PluginRef {
            name: PluginName::new("portcullis/ci-green"),
            version: "1.0.0".to_owned(),
            digest: digest.clone(),
        },
        config_digest: digest,
        subject: Subject {
            repository: "owner/name".to_owned(),
            work_item: WorkItem::new("A-1"),
            from: StageName::new("analysis"),
            to: StageName::new("review"),
            branch: "feature/A-1".to_owned(),
            head: revision.clone(),
            target: "main".to_owned(),
            target_head: revision,
            pull_request: Some(7),
        },
        call: Call::Evaluate,
        mode: Mode::Enforce,
        on_fault: OnFault::Closed,
        report: Report {
            outcome: Outcome::Judged(Judgement {
                verdict: Verdict::Pass,
                summary: "all green".to_owned(),
                findings: Vec::new(),
                evidence: Vec::new(),
                retry_after_s: None,
            }),
            duration: Duration::from_millis(3),
            memory_peak_bytes: 1 << 20,
            host_calls: 12,
            transcript: vec![b'x'; TRANSCRIPT],
            log: String::new(),
        },
        at: NOW,
        rings: 0,
    }
}
