//! Reads and acts that answer with fixed facts, and can be told to wait or to panic.

use super::revision;
use async_trait::async_trait;
use portcullis_core::facts::*;
use portcullis_core::ids::Revision;
use portcullis_runtime::{Acts, BlobStream, Reads, Unavailable};
use std::sync::Mutex;
use tokio::sync::Notify;

/// What `document_folder` does before it answers.
#[derive(Default)]
pub(crate) struct FakeReads {
    /// It says here that it was entered…
    pub(crate) entered: Notify,
    /// …and waits for this, if it should.
    pub(crate) wait: Option<Notify>,
    pub(crate) panics: bool,
}

struct Pieces {
    left: Vec<Vec<Piece>>,
    panics: bool,
}

#[async_trait]
impl BlobStream for Pieces {
    async fn next(&mut self) -> Result<Vec<Piece>, RepositoryError> {
        assert!(!self.panics, "as told");
        Ok(self.left.pop().unwrap_or_default())
    }
}

#[async_trait]
impl Reads for FakeReads {
    async fn merge_base(&self, _: &Revision, b: &Revision) -> Result<Revision, RepositoryError> {
        Ok(b.clone())
    }
    async fn is_ancestor(&self, _: &Revision, _: &Revision) -> Result<bool, RepositoryError> {
        Ok(true)
    }
    async fn tree(&self, _: &Revision) -> Result<Revision, RepositoryError> {
        Ok(revision('c'))
    }
    async fn commits(&self, base: &Revision, head: &Revision) -> Result<Vec<Commit>, RepositoryError> {
        let commit =
            Commit { id: head.clone(), parents: vec![base.clone()], message: b"fix".to_vec(), committed_at_s: 5 };
        Ok(vec![commit])
    }
    async fn changes(&self, before: Option<&Revision>, _: &Revision) -> Result<Vec<TreeChange>, RepositoryError> {
        let change = TreeChange {
            path: b"a.txt".to_vec(),
            kind: ChangeKind::Modified,
            entry: EntryKind::Executable,
            before: before.cloned(),
            after: Some(revision('d')),
            size: 4,
        };
        Ok(vec![change])
    }
    async fn read_file(&self, _: &Revision, path: &[u8]) -> Result<Vec<u8>, RepositoryError> {
        Err(RepositoryError::NotFound(String::from_utf8_lossy(path).into_owned()))
    }
    async fn open_blobs(&self, _: Vec<Revision>) -> Result<Box<dyn BlobStream>, RepositoryError> {
        let piece = |bytes: &[u8]| vec![Piece { index: 0, size: 4, bytes: bytes.to_vec() }];
        let left = vec![piece(b"st"), piece(b"te")];
        Ok(Box::new(Pieces { left, panics: self.panics }))
    }
    async fn checks(&self, _: &Revision) -> Result<Vec<Check>, ForgeError> {
        let check = Check {
            context: "ci/test".to_owned(),
            state: CheckState::Skipped,
            description: "one line".to_owned(),
            target_url: String::new(),
            reported_at_s: Some(9),
        };
        Ok(vec![check])
    }
    async fn required_checks(&self, branch: &str) -> Result<Vec<String>, ForgeError> {
        Ok(vec![format!("ci/{branch}")])
    }
    async fn pull_request(&self, number: u64) -> Result<PullRequest, ForgeError> {
        let (head, base) = (revision('a'), "main".to_owned());
        Ok(PullRequest { number, open: true, merged: false, head, base, merge_commit: None })
    }
    async fn pushed_at(&self, _: &Revision) -> Result<Option<i64>, ForgeError> {
        Err(ForgeError::RateLimited(30))
    }
    async fn frontmatter(&self, name: &str) -> Result<String, DocumentError> {
        Err(DocumentError::Malformed(name.to_owned()))
    }
    async fn read_document(&self, _: &str) -> Result<Vec<u8>, DocumentError> {
        Ok(b"{}".to_vec())
    }
    async fn document_folder(&self) -> String {
        assert!(!self.panics, "as told");
        self.entered.notify_one();
        if let Some(wait) = &self.wait {
            wait.notified().await;
        }
        "docs/ORCH-65".to_owned()
    }
    async fn inspect_image(&self, _: &str) -> Result<Image, ImageError> {
        let labels = vec![("org.opencontainers.image.revision".to_owned(), "aaaa".to_owned())];
        Ok(Image { digest: "sha256:0".to_owned(), labels, created: None })
    }
    async fn latest_approval(&self) -> Result<Option<Approval>, Unavailable> {
        let comment = "fine".to_owned();
        Ok(Some(Approval { approved: true, by: "ada".to_owned(), at_s: 8, revision: revision('a'), comment }))
    }
    async fn latest_test_run(&self, name: &str, _: &str) -> Result<Option<TestRun>, Unavailable> {
        Err(Unavailable(format!("no {name}")))
    }
    async fn advisory_database(&self) -> Result<Option<AdvisoryDatabase>, AdvisoryError> {
        Ok(Some(AdvisoryDatabase { imported_at_s: 7, records: 1, ecosystems: vec!["npm".to_owned()] }))
    }
    async fn advisories(&self, ecosystem: &str, names: &[String]) -> Result<Vec<(String, Vec<u8>)>, AdvisoryError> {
        match names {
            [name] => Ok(vec![(name.clone(), format!("[\"{ecosystem}\"]").into_bytes())]),
            _ => Err(AdvisoryError::TooLarge),
        }
    }
}

/// Notes what was done.
#[derive(Default)]
pub(crate) struct FakeActs {
    pub(crate) done: Mutex<Vec<String>>,
}

#[async_trait]
impl Acts for FakeActs {
    async fn catch_up(&self) -> Result<CaughtUp, ActError> {
        self.done.lock().unwrap().push("catch-up".to_owned());
        Ok(CaughtUp::Merged(revision('e')))
    }
    async fn run(&self, name: &str) -> Result<CommandOutcome, ActError> {
        self.done.lock().unwrap().push(format!("run {name}"));
        Ok(CommandOutcome { exit_code: 0, output_tail: "ok".to_owned(), duration_ms: 3 })
    }
    async fn publish(&self) -> Result<Revision, ActError> {
        self.done.lock().unwrap().push("publish".to_owned());
        Ok(revision('e'))
    }
    async fn write_document(&self, name: &str, content: &[u8]) -> Result<(), ActError> {
        self.done.lock().unwrap().push(format!("write {name}: {}", String::from_utf8_lossy(content)));
        Ok(())
    }
}
