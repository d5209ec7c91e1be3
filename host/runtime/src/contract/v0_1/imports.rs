//! The observing imports of contract 0.1: arguments in, [`crate::Reads`] asked through the ledger, answers out.

use super::read::{advisories, approvals, documents, forge, images, repository, test_runs, web};
use super::{convert, gate};
use crate::guest::{Blobs, GuestState};
use crate::transcript::{Bytes, Pieces, digest_of};
use portcullis_core::facts::{AdvisoryError, ForgeError, RepositoryError};
use portcullis_core::ids::Revision;
use std::sync::Arc;
use wasmtime::Result;
use wasmtime::component::Resource;

const REPOSITORY: &str = "portcullis:read/repository@0.1.0";
const FORGE: &str = "portcullis:read/forge@0.1.0";
const DOCUMENTS: &str = "portcullis:read/documents@0.1.0";
const IMAGES: &str = "portcullis:read/images@0.1.0";
const APPROVALS: &str = "portcullis:read/approvals@0.1.0";
const TEST_RUNS: &str = "portcullis:read/test-runs@0.1.0";
const ADVISORIES: &str = "portcullis:read/advisories@0.1.0";

/// Most packages that a guest may look up in one call.
const MOST_PACKAGES: usize = 1_000;

/// An object name from a guest.
fn object(name: &str) -> std::result::Result<Revision, RepositoryError> {
    Revision::parse(name).map_err(|error| RepositoryError::Failed(error.to_string()))
}

/// A commit's name from a guest; a forge has none that is not a full object name.
fn commit(name: &str) -> std::result::Result<Revision, ForgeError> {
    Revision::parse(name).map_err(|_| ForgeError::NotFound)
}

impl gate::types::Host for GuestState {}

impl gate::log::Host for GuestState {
    async fn log(&mut self, level: gate::log::Level, message: String) -> Result<()> {
        let level = match level {
            gate::log::Level::Debug => "debug",
            gate::log::Level::Info => "info",
            gate::log::Level::Warn => "warn",
        };
        self.ledger().count()?;
        self.ledger().log_line(level, &message);
        Ok(())
    }
}

type InRepository<T> = Result<std::result::Result<T, repository::Error>>;

impl repository::Host for GuestState {
    async fn merge_base(&mut self, a: String, b: String) -> InRepository<String> {
        let reads = self.reads();
        let answer = async { reads.merge_base(&object(&a)?, &object(&b)?).await };
        let answer = self.ledger().call(REPOSITORY, "merge-base", &(&a, &b), answer).await?;
        Ok(answer.map(convert::text).map_err(convert::repository_error))
    }

    async fn is_ancestor(&mut self, ancestor: String, descendant: String) -> InRepository<bool> {
        let reads = self.reads();
        let answer = async { reads.is_ancestor(&object(&ancestor)?, &object(&descendant)?).await };
        let answer = self.ledger().call(REPOSITORY, "is-ancestor", &(&ancestor, &descendant), answer).await?;
        Ok(answer.map_err(convert::repository_error))
    }

    async fn tree(&mut self, revision: String) -> InRepository<String> {
        let reads = self.reads();
        let answer = async { reads.tree(&object(&revision)?).await };
        let answer = self.ledger().call(REPOSITORY, "tree", &(&revision,), answer).await?;
        Ok(answer.map(convert::text).map_err(convert::repository_error))
    }

    async fn commits(&mut self, base: String, head: String) -> InRepository<Vec<repository::Commit>> {
        let reads = self.reads();
        let answer = async { reads.commits(&object(&base)?, &object(&head)?).await };
        let answer = self.ledger().call(REPOSITORY, "commits", &(&base, &head), answer).await?;
        let commits = answer.map(|commits| commits.into_iter().map(convert::commit).collect());
        Ok(commits.map_err(convert::repository_error))
    }

    async fn changes(&mut self, before: Option<String>, after: String) -> InRepository<Vec<repository::TreeChange>> {
        let reads = self.reads();
        let answer = async {
            let from = before.as_deref().map(object).transpose()?;
            reads.changes(from.as_ref(), &object(&after)?).await
        };
        let answer = self.ledger().call(REPOSITORY, "changes", &(&before, &after), answer).await?;
        let changes = answer.map(|changes| changes.into_iter().map(convert::change).collect());
        Ok(changes.map_err(convert::repository_error))
    }

    async fn read_file(&mut self, revision: String, path: Vec<u8>) -> InRepository<Vec<u8>> {
        let reads = self.reads();
        let answer = async { reads.read_file(&object(&revision)?, &path).await.map(Bytes) };
        let answer = self.ledger().call(REPOSITORY, "read-file", &(&revision, &path), answer).await?;
        Ok(answer.map(|bytes| bytes.0).map_err(convert::repository_error))
    }

    async fn open_blobs(&mut self, ids: Vec<String>) -> InRepository<Resource<Blobs>> {
        let reads = self.reads();
        let mut opened = None;
        let answer = async {
            let ids_of_objects = ids.iter().map(|id| object(id)).collect::<std::result::Result<Vec<_>, _>>()?;
            let stream = reads.open_blobs(ids_of_objects).await?;
            opened = Some(Blobs { names: digest_of(&ids), stream });
            Ok::<(), RepositoryError>(())
        };
        let ledger = Arc::clone(self.ledger_handle());
        let answer = ledger.call(REPOSITORY, "open-blobs", &(&ids,), answer).await?;
        match (answer, opened) {
            (Ok(()), Some(blobs)) => Ok(Ok(self.table().push(blobs)?)),
            (Ok(()), None) => Ok(Err(repository::Error::Failed("the objects were not opened".to_owned()))),
            (Err(error), _) => Ok(Err(convert::repository_error(error))),
        }
    }
}

impl repository::HostBlobs for GuestState {
    async fn next(&mut self, blobs: Resource<Blobs>) -> InRepository<Vec<repository::Piece>> {
        let ledger = Arc::clone(self.ledger_handle());
        let Blobs { names, stream } = self.table().get_mut(&blobs)?;
        let answer = async { stream.next().await.map(Pieces) };
        let answer = ledger.call(REPOSITORY, "[method]blobs.next", &(names.as_str(),), answer).await?;
        let pieces = answer.map(|pieces| pieces.0.into_iter().map(convert::piece).collect());
        Ok(pieces.map_err(convert::repository_error))
    }

    async fn drop(&mut self, blobs: Resource<Blobs>) -> Result<()> {
        self.table().delete(blobs)?;
        Ok(())
    }
}

type InForge<T> = Result<std::result::Result<T, forge::Error>>;

impl forge::Host for GuestState {
    async fn checks(&mut self, revision: String) -> InForge<Vec<forge::Check>> {
        let reads = self.reads();
        let answer = async { reads.checks(&commit(&revision)?).await };
        let answer = self.ledger().call(FORGE, "checks", &(&revision,), answer).await?;
        Ok(answer.map(|checks| checks.into_iter().map(convert::check).collect()).map_err(convert::forge_error))
    }

    async fn required_checks(&mut self, branch: String) -> InForge<Vec<String>> {
        let reads = self.reads();
        let answer = reads.required_checks(&branch);
        let answer = self.ledger().call(FORGE, "required-checks", &(&branch,), answer).await?;
        Ok(answer.map_err(convert::forge_error))
    }

    async fn get_pull_request(&mut self, number: u64) -> InForge<forge::PullRequest> {
        let reads = self.reads();
        let answer = reads.pull_request(number);
        let answer = self.ledger().call(FORGE, "get-pull-request", &(number,), answer).await?;
        Ok(answer.map(convert::pull_request).map_err(convert::forge_error))
    }

    async fn pushed_at(&mut self, revision: String) -> InForge<Option<i64>> {
        let reads = self.reads();
        let answer = async { reads.pushed_at(&commit(&revision)?).await };
        let answer = self.ledger().call(FORGE, "pushed-at", &(&revision,), answer).await?;
        Ok(answer.map_err(convert::forge_error))
    }
}

type InDocuments<T> = Result<std::result::Result<T, documents::Error>>;

impl documents::Host for GuestState {
    async fn frontmatter(&mut self, name: String) -> InDocuments<String> {
        let reads = self.reads();
        let answer = reads.frontmatter(&name);
        let answer = self.ledger().call(DOCUMENTS, "frontmatter", &(&name,), answer).await?;
        Ok(answer.map_err(convert::document_error))
    }

    async fn read(&mut self, name: String) -> InDocuments<Vec<u8>> {
        let reads = self.reads();
        let answer = async { reads.read_document(&name).await.map(Bytes) };
        let answer = self.ledger().call(DOCUMENTS, "read", &(&name,), answer).await?;
        Ok(answer.map(|bytes| bytes.0).map_err(convert::document_error))
    }

    async fn folder(&mut self) -> Result<String> {
        let reads = self.reads();
        Ok(self.ledger().call(DOCUMENTS, "folder", &(), reads.document_folder()).await?)
    }
}

impl images::Host for GuestState {
    async fn inspect(&mut self, reference: String) -> Result<std::result::Result<images::Image, images::Error>> {
        let reads = self.reads();
        let answer = reads.inspect_image(&reference);
        let answer = self.ledger().call(IMAGES, "inspect", &(&reference,), answer).await?;
        Ok(answer.map(convert::image).map_err(convert::image_error))
    }
}

impl approvals::Host for GuestState {
    async fn latest(&mut self) -> Result<std::result::Result<Option<approvals::Approval>, approvals::Error>> {
        let reads = self.reads();
        let answer = self.ledger().call(APPROVALS, "latest", &(), reads.latest_approval()).await?;
        Ok(answer.map(|found| found.map(convert::approval)).map_err(convert::approvals_error))
    }
}

impl test_runs::Host for GuestState {
    async fn latest(
        &mut self,
        name: String,
        tree: String,
    ) -> Result<std::result::Result<Option<test_runs::TestRun>, test_runs::Error>> {
        let reads = self.reads();
        let answer = reads.latest_test_run(&name, &tree);
        let answer = self.ledger().call(TEST_RUNS, "latest", &(&name, &tree), answer).await?;
        Ok(answer.map(|found| found.map(convert::test_run)).map_err(convert::test_runs_error))
    }
}

type InAdvisories<T> = Result<std::result::Result<T, advisories::Error>>;

impl advisories::Host for GuestState {
    async fn about(&mut self) -> InAdvisories<Option<advisories::Database>> {
        let reads = self.reads();
        let answer = self.ledger().call(ADVISORIES, "about", &(), reads.advisory_database()).await?;
        Ok(answer.map(|found| found.map(convert::advisory_database)).map_err(convert::advisory_error))
    }

    async fn lookup(&mut self, ecosystem: String, names: Vec<String>) -> InAdvisories<Vec<(String, Vec<u8>)>> {
        let reads = self.reads();
        let answer = async {
            if names.len() > MOST_PACKAGES {
                return Err(AdvisoryError::TooLarge);
            }
            let found = reads.advisories(&ecosystem, &names).await?;
            Ok(found.into_iter().map(|(name, records)| (name, Bytes(records))).collect::<Vec<_>>())
        };
        let answer = self.ledger().call(ADVISORIES, "lookup", &(&ecosystem, &names), answer).await?;
        let found = answer.map(|found| found.into_iter().map(|(name, records)| (name, records.0)).collect());
        Ok(found.map_err(convert::advisory_error))
    }
}

type InWeb = Result<std::result::Result<web::Response, web::Error>>;

impl web::Host for GuestState {
    async fn get(&mut self, url: String) -> InWeb {
        let answer = self.hooks().plain("get", http::Method::GET, &url, "", Vec::new()).await?;
        Ok(answer.map(convert::web_response).map_err(convert::web_error))
    }

    async fn post(&mut self, url: String, content_type: String, body: Vec<u8>) -> InWeb {
        let answer = self.hooks().plain("post", http::Method::POST, &url, &content_type, body).await?;
        Ok(answer.map(convert::web_response).map_err(convert::web_error))
    }
}
