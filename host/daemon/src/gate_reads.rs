//! What a gate reads, answered from the project's repository, forge, tracker and the daemon's own memory.

use crate::app::App;
use crate::document;
use crate::known::Advisories;
use crate::objects::{Objects, document_path};
use crate::project::Project;
use async_trait::async_trait;
use portcullis_core::facts::{
    AdvisoryDatabase, AdvisoryError, Approval, Check, Commit, DocumentError, ForgeError, Image, ImageError,
    PullRequest, RepositoryError, TestRun, TreeChange,
};
use portcullis_core::gate::Subject;
use portcullis_core::ids::{Revision, TaskId};
use portcullis_core::task::Task;
use portcullis_git::Repository;
use portcullis_runtime::{BlobStream, Reads, Unavailable};
use portcullis_store::Store;
use std::sync::Arc;

/// Reads for one evaluation.
pub struct GateReads {
    store: Arc<dyn Store>,
    project: Arc<Project>,
    task: TaskId,
    subject: Subject,
    folder: String,
    objects: Objects,
    advisories: Advisories,
}

impl GateReads {
    /// For one subject of a task.
    pub fn new(app: &App, project: Arc<Project>, task: &Task, subject: Subject) -> Self {
        let folder = format!("{}/{}", project.settings.documents, task.work_item);
        let (store, advisories) = (app.store.clone(), Advisories::at(app.settings.advisories()));
        Self { store, project, task: task.id, subject, folder, objects: Objects::default(), advisories }
    }

    async fn repository(&self) -> Result<Repository, RepositoryError> {
        self.project.repository().await.map_err(RepositoryError::Failed)
    }
}

#[async_trait]
impl Reads for GateReads {
    async fn merge_base(&self, a: &Revision, b: &Revision) -> Result<Revision, RepositoryError> {
        self.objects.merge_base(self.repository().await?, a, b).await
    }

    async fn is_ancestor(&self, ancestor: &Revision, descendant: &Revision) -> Result<bool, RepositoryError> {
        self.objects.is_ancestor(self.repository().await?, ancestor, descendant).await
    }

    async fn tree(&self, revision: &Revision) -> Result<Revision, RepositoryError> {
        self.objects.tree(self.repository().await?, revision).await
    }

    async fn commits(&self, base: &Revision, head: &Revision) -> Result<Vec<Commit>, RepositoryError> {
        self.objects.commits(self.repository().await?, base, head).await
    }

    async fn changes(&self, before: Option<&Revision>, after: &Revision) -> Result<Vec<TreeChange>, RepositoryError> {
        self.objects.changes(self.repository().await?, before, after).await
    }

    async fn read_file(&self, revision: &Revision, path: &[u8]) -> Result<Vec<u8>, RepositoryError> {
        self.objects.read_file(self.repository().await?, revision, path).await
    }

    async fn open_blobs(&self, ids: Vec<Revision>) -> Result<Box<dyn BlobStream>, RepositoryError> {
        Ok(Box::new(self.objects.open_blobs(self.repository().await?, ids).await?))
    }

    async fn checks(&self, commit: &Revision) -> Result<Vec<Check>, ForgeError> {
        self.project.forge.checks(commit).await
    }

    async fn required_checks(&self, branch: &str) -> Result<Vec<String>, ForgeError> {
        self.project.forge.required_checks(branch).await
    }

    async fn pull_request(&self, number: u64) -> Result<PullRequest, ForgeError> {
        self.project.forge.pull_request(number).await
    }

    async fn pushed_at(&self, revision: &Revision) -> Result<Option<i64>, ForgeError> {
        let at = self.store.pushed_at(&self.project.settings.name, revision).await;
        let at = at.map_err(|error| ForgeError::Unavailable(error.to_string()))?;
        Ok(at.map(|at| at.0.div_euclid(1000)))
    }

    async fn frontmatter(&self, name: &str) -> Result<String, DocumentError> {
        document::frontmatter(&self.read_document(name).await?)
    }

    async fn read_document(&self, name: &str) -> Result<Vec<u8>, DocumentError> {
        let path = document_path(&self.folder, name)?;
        match self.read_file(&self.subject.head, path.as_bytes()).await {
            Ok(bytes) => Ok(bytes),
            Err(RepositoryError::NotFound(_)) => Err(DocumentError::NotFound),
            Err(error) => Err(DocumentError::Failed(error.to_string())),
        }
    }

    async fn document_folder(&self) -> String {
        self.folder.clone()
    }

    async fn inspect_image(&self, reference: &str) -> Result<Image, ImageError> {
        self.project.images.inspect(reference).await
    }

    async fn latest_approval(&self) -> Result<Option<Approval>, Unavailable> {
        let decision = self.store.decision(self.task, &self.subject.from).await;
        Ok(decision.map_err(|error| Unavailable(error.to_string()))?.map(|decision| decision.approval))
    }

    async fn latest_test_run(&self, name: &str, tree: &str) -> Result<Option<TestRun>, Unavailable> {
        let run = self.store.test_run(&self.project.settings.name, name, tree).await;
        run.map_err(|error| Unavailable(error.to_string()))
    }

    async fn advisory_database(&self) -> Result<Option<AdvisoryDatabase>, AdvisoryError> {
        self.advisories.about().await
    }

    async fn advisories(&self, ecosystem: &str, names: &[String]) -> Result<Vec<(String, Vec<u8>)>, AdvisoryError> {
        self.advisories.lookup(ecosystem, names).await
    }
}
