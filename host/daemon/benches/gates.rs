//! What the gates that judge outside facts cost as components: from the registry, through the runtime with every limit on,
//! warm, with facts that are answered from memory. The same facts as the native `judge` benchmarks have.
//!
//! `make bench` prints the table; it builds the gates first. Asserts only that each gate passes, so that it was the whole
//! judgement that was measured.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a bench prints, and a broken one may stop"
)]

use async_trait::async_trait;
use portcullis_catalog::check_plugin_name;
use portcullis_catalog::registry::Registry;
use portcullis_core::facts::*;
use portcullis_core::gate::{Grants, Limits, Outcome, Report, Subject, Verdict};
use portcullis_core::ids::Revision;
use portcullis_core::time::UnixMillis;
use portcullis_runtime::{BlobStream, CallInput, Gate, Reads, Runtime, RuntimeConfig, Unavailable};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROUNDS: usize = 1_000;
const WARM_UP: usize = 20;
/// In seconds since 1970.
const AT_S: i64 = 1_767_600_900;
const DIGEST: &str = "sha256:5b3c5b3c5b3c5b3c5b3c5b3c5b3c5b3c5b3c5b3c5b3c5b3c5b3c5b3c5b3c5b3c";

/// One gate with the configuration that it is asked with.
const ASKED: [(&str, &str, &str); 3] = [
    ("portcullis/ci-green", "40 checks, 12 required contexts", "{\"min-age-s\":60}"),
    (
        "portcullis/staging-verdict",
        "300 checks, 3 of them waived",
        "{\"image\":\"registry.example/shop:staging\",\"infra\":[\"egress-*\",\"sandbox-dns\"],\"tolerate-infra\":true}",
    ),
    (
        "portcullis/image-freshness",
        "200 changed documents",
        "{\"image\":\"registry.example/shop:staging\",\"ignore\":[\"CHANGELOG.md\",\"docs/handbook\"]}",
    ),
];

fn revision(digit: char) -> Revision {
    Revision::parse(&digit.to_string().repeat(40)).unwrap()
}

/// The facts.
struct Facts {
    results: Vec<u8>,
}

impl Facts {
    fn new() -> Self {
        let check = |n: usize| match n % 100 {
            7 => format!(r#"{{"id": "egress-{n}", "status": "error", "message": "no route to host"}}"#),
            _ => format!(r#"{{"id": "shop.checkout.CartTest.case_{n}", "status": "pass", "message": "in {n} ms"}}"#),
        };
        let checks: Vec<String> = (0..300).map(check).collect();
        let (built, checks) = (revision('b'), checks.join(","));
        let results = format!(
            r#"{{"format": 1, "revision": "{built}", "image": "{DIGEST}", "strict": false, "checks": [{checks}]}}"#
        );
        Self { results: results.into_bytes() }
    }
}

#[async_trait]
impl Reads for Facts {
    async fn merge_base(&self, _: &Revision, b: &Revision) -> Result<Revision, RepositoryError> {
        Ok(b.clone())
    }
    async fn is_ancestor(&self, _: &Revision, _: &Revision) -> Result<bool, RepositoryError> {
        Ok(true)
    }
    async fn tree(&self, _: &Revision) -> Result<Revision, RepositoryError> {
        Ok(revision('c'))
    }
    async fn commits(&self, _: &Revision, _: &Revision) -> Result<Vec<Commit>, RepositoryError> {
        Ok(Vec::new())
    }
    async fn changes(&self, before: Option<&Revision>, _: &Revision) -> Result<Vec<TreeChange>, RepositoryError> {
        let path = |n: usize| match n % 2 {
            0 => format!("docs/work-items/ORCH-65/notes/{n}.md").into_bytes(),
            _ => format!("docs/handbook/chapter-{n}.md").into_bytes(),
        };
        let change = |n| TreeChange {
            path: path(n),
            kind: ChangeKind::Modified,
            entry: EntryKind::File,
            before: before.cloned(),
            after: Some(revision('d')),
            size: 4_000,
        };
        Ok((0..200).map(change).collect())
    }
    async fn read_file(&self, _: &Revision, path: &[u8]) -> Result<Vec<u8>, RepositoryError> {
        Err(RepositoryError::NotFound(String::from_utf8_lossy(path).into_owned()))
    }
    async fn open_blobs(&self, _: Vec<Revision>) -> Result<Box<dyn BlobStream>, RepositoryError> {
        Err(RepositoryError::NotFound("an object".to_owned()))
    }
    async fn checks(&self, _: &Revision) -> Result<Vec<Check>, ForgeError> {
        let check = |n: i64| Check {
            context: format!("ci/workflow-{} / build and test ({n})", n % 8),
            state: CheckState::Success,
            description: "Successful in 4m".to_owned(),
            target_url: format!("https://ci.example.org/harbour/crane/actions/runs/{n}"),
            reported_at_s: Some(AT_S - 600 + n),
        };
        Ok((0..40).map(check).collect())
    }
    async fn required_checks(&self, _: &str) -> Result<Vec<String>, ForgeError> {
        let exact = (0..8).map(|n| format!("ci/workflow-{n} / build and test ({n})"));
        Ok(exact.chain((0..4).map(|n| format!("ci/workflow-{n} / * (*)"))).collect())
    }
    async fn pull_request(&self, _: u64) -> Result<PullRequest, ForgeError> {
        Err(ForgeError::NotFound)
    }
    async fn pushed_at(&self, _: &Revision) -> Result<Option<i64>, ForgeError> {
        Ok(Some(AT_S - 900))
    }
    async fn frontmatter(&self, _: &str) -> Result<String, DocumentError> {
        Err(DocumentError::NotFound)
    }
    async fn read_document(&self, _: &str) -> Result<Vec<u8>, DocumentError> {
        Ok(self.results.clone())
    }
    async fn document_folder(&self) -> String {
        "docs/work-items/ORCH-65".to_owned()
    }
    async fn inspect_image(&self, _: &str) -> Result<Image, ImageError> {
        let labels = vec![("org.opencontainers.image.revision".to_owned(), revision('b').to_string())];
        Ok(Image { digest: DIGEST.to_owned(), labels, created: None })
    }
    async fn latest_approval(&self) -> Result<Option<Approval>, Unavailable> {
        Ok(None)
    }
    async fn latest_test_run(&self, _: &str, _: &str) -> Result<Option<TestRun>, Unavailable> {
        Ok(None)
    }
    async fn advisory_database(&self) -> Result<Option<AdvisoryDatabase>, AdvisoryError> {
        Ok(None)
    }
    async fn advisories(&self, _: &str, _: &[String]) -> Result<Vec<(String, Vec<u8>)>, AdvisoryError> {
        Ok(Vec::new())
    }
}

fn call(config: &str) -> CallInput {
    let subject = Subject {
        repository: "acme/shop".to_owned(),
        work_item: "ORCH-65".into(),
        from: "deploy-staging".into(),
        to: "deploy".into(),
        branch: "task/ORCH-65".to_owned(),
        head: revision('a'),
        target: "main".to_owned(),
        target_head: revision('b'),
        pull_request: Some(7),
    };
    CallInput {
        subject,
        config: config.to_owned(),
        limits: Limits::default(),
        grants: Grants::default(),
        at: UnixMillis(AT_S * 1_000),
        outbound: None,
    }
}

/// That it passed, and its own time.
fn passed(report: &Report) -> Duration {
    match &report.outcome {
        Outcome::Judged(judgement) if judgement.verdict == Verdict::Pass => report.duration,
        Outcome::Judged(judgement) => panic!("{}", judgement.summary),
        Outcome::Faulted(fault) => panic!("{fault}\n{}", report.log),
    }
}

async fn load(runtime: &Runtime, registry: &Registry, name: &str) -> Arc<Gate> {
    let plugin = registry.resolve(&check_plugin_name(name).unwrap(), &semver::VersionReq::STAR).unwrap().plugin();
    runtime.load(&plugin, &registry.load(&plugin).unwrap()).await.unwrap()
}

fn row(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_nanos() as f64 / 1e3;
    println!("| {what} | {:.0} µs | {:.0} µs | {} |", at(50), at(99), times.len());
}

fn main() {
    let registry = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../registry");
    let Ok(registry) = Registry::open(registry) else {
        println!("No gates are built; `make bench` builds them first, or `cargo xtask plugins`.");
        return;
    };
    let host = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::new(RuntimeConfig::new(folder.path())).unwrap();
    let facts: Arc<dyn Reads> = Arc::new(Facts::new());
    println!("Load average: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    println!("\n| component, warm | p50 | p99 | times |\n|---|---|---|---|");
    for (name, what, config) in ASKED {
        let (mut whole, mut inside) = (Vec::new(), Vec::new());
        host.block_on(async {
            let gate = load(&runtime, &registry, name).await;
            for round in 0..WARM_UP + ROUNDS {
                let since = Instant::now();
                let report = runtime.evaluate(&gate, call(config), Arc::clone(&facts)).await;
                let took = since.elapsed();
                let own = passed(&report);
                if round >= WARM_UP {
                    whole.push(took);
                    inside.push(own);
                }
            }
        });
        row(&format!("{name}: {what}"), &mut whole);
        row("… of which on the guest's thread", &mut inside);
    }
}
