//! What the tests share: built guests, a runtime in a folder of its own, and reads that can be told what to do.

mod guests;
mod reads;

pub(crate) use guests::{actor, courier, judge};
pub(crate) use reads::{FakeActs, FakeReads};

use portcullis_core::digest::Digest;
use portcullis_core::gate::{Fault, Grants, Judgement, Limits, Outcome, PluginRef, Report, Subject};
use portcullis_core::ids::Revision;
use portcullis_core::time::UnixMillis;
use portcullis_runtime::{CallInput, Gate, Runtime, RuntimeConfig};
use sha2::{Digest as _, Sha256};
use std::path::Path;
use std::sync::Arc;

/// 2026-01-05T09:00:00Z.
pub(crate) const AT: UnixMillis = UnixMillis(1_767_603_600_000);

pub(crate) struct Fixture {
    pub(crate) runtime: Runtime,
    /// Where a cold fixture has its artifacts.
    pub(crate) cache: tempfile::TempDir,
}

impl Fixture {
    /// Over artifacts that all tests share, so that each guest is compiled once.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// The same with other settings.
    pub(crate) fn with(change: impl FnOnce(&mut RuntimeConfig)) -> Self {
        let mut config = RuntimeConfig::new(Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled"));
        change(&mut config);
        Self { runtime: Runtime::new(config).unwrap(), cache: tempfile::tempdir().unwrap() }
    }

    /// Over artifacts of its own: none yet.
    pub(crate) fn cold() -> Self {
        let cache = tempfile::tempdir().unwrap();
        let config = RuntimeConfig::new(cache.path().join("compiled"));
        Self { runtime: Runtime::new(config).unwrap(), cache }
    }

    /// A cold fixture's runtime that starts again over the same artifacts.
    pub(crate) fn restarted(self) -> Self {
        let Self { runtime, cache } = self;
        drop(runtime);
        let runtime = Runtime::new(RuntimeConfig::new(cache.path().join("compiled"))).unwrap();
        Self { runtime, cache }
    }

    pub(crate) async fn load(&self, bytes: &[u8]) -> Arc<Gate> {
        self.runtime.load(&plugin(bytes), bytes).await.unwrap()
    }

    /// Evaluates with plain reads.
    pub(crate) async fn evaluate(&self, gate: &Arc<Gate>, call: CallInput) -> Report {
        self.runtime.evaluate(gate, call, Arc::new(FakeReads::default())).await
    }

    /// That a gate which behaves is still judged by.
    pub(crate) async fn is_well(&self, gate: &Arc<Gate>) {
        let report = self.evaluate(gate, doing(r#"{"do":"pass"}"#)).await;
        assert_eq!(judgement(&report).summary, "nothing to say");
    }
}

pub(crate) fn plugin(bytes: &[u8]) -> PluginRef {
    let digest = Digest::from_sha256(Sha256::digest(bytes).into());
    PluginRef { name: "test/hostile".into(), version: "1.0.0".to_owned(), digest }
}

pub(crate) fn revision(digit: char) -> Revision {
    Revision::parse(&digit.to_string().repeat(40)).unwrap()
}

pub(crate) fn subject() -> Subject {
    Subject {
        repository: "acme/shop".to_owned(),
        work_item: "ORCH-65".into(),
        from: "review".into(),
        to: "testing".into(),
        branch: "task/ORCH-65".to_owned(),
        head: revision('a'),
        target: "main".to_owned(),
        target_head: revision('b'),
        pull_request: Some(7),
    }
}

/// A call with this configuration.
pub(crate) fn doing(config: &str) -> CallInput {
    limited(config, Limits::default())
}

pub(crate) fn limited(config: &str, limits: Limits) -> CallInput {
    CallInput {
        subject: subject(),
        config: config.to_owned(),
        limits,
        grants: Grants::default(),
        at: AT,
        outbound: None,
    }
}

pub(crate) fn judgement(report: &Report) -> &Judgement {
    match &report.outcome {
        Outcome::Judged(judgement) => judgement,
        Outcome::Faulted(fault) => panic!("{fault}\n{}", report.log),
    }
}

pub(crate) fn fault(report: &Report) -> &Fault {
    match &report.outcome {
        Outcome::Faulted(fault) => fault,
        Outcome::Judged(judgement) => panic!("judged: {judgement:?}\n{}", report.log),
    }
}
