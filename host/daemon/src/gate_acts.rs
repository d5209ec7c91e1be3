//! What a gate may do in `act`, carried out in the task's worktree under its drive lease.

use crate::app::App;
use crate::gatehouse::chain;
use crate::objects::document_path;
use crate::project::Project;
use crate::redact::Redactor;
use crate::run::brief::inherited;
use crate::run::command;
use crate::run::launch::Launcher;
use crate::run::resume::end_earlier_acts;
use crate::run::shim::RunOrder;
use crate::settings::{ImageRegistry, Runs};
use async_trait::async_trait;
use portcullis_core::facts::{ActError, CaughtUp, CommandOutcome, TestRun};
use portcullis_core::gate::Subject;
use portcullis_core::ids::Revision;
use portcullis_core::lease::Fence;
use portcullis_core::task::Task;
use portcullis_core::time::Clock;
use portcullis_git::{Branch, Mirror, Worktree};
use portcullis_runtime::Acts;
use portcullis_store::Store;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// Largest document that a gate may write.
const DOCUMENT_BYTES: usize = 16 << 20;

/// Acts of one call.
pub struct GateActs {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    launcher: Launcher,
    redactor: Redactor,
    runs: Runs,
    run_folders: PathBuf,
    project: Arc<Project>,
    task: Task,
    head: Revision,
    target_head: Revision,
    /// At the judged head when the first act begins.
    worktree: OnceCell<(Mirror, Worktree)>,
    published: Mutex<Option<Revision>>,
    /// The task's drive lease.
    under: Fence,
    /// Where this call itself has put the branch: nothing else is published, whatever a command did to it.
    at: Mutex<Revision>,
    /// When it began, by a clock that nobody sets, and how long it may take.
    began: Instant,
    wall: Duration,
}

impl GateActs {
    /// For one call on a subject, which may take `wall`.
    pub fn new(app: &App, project: Arc<Project>, task: &Task, subject: &Subject, wall: Duration, under: Fence) -> Self {
        tracing::debug!(task.id = task.id.0, %under, "a gate acts");
        Self {
            store: app.store.clone(),
            clock: app.clock.clone(),
            launcher: app.launcher.clone(),
            redactor: app.redactor.clone(),
            runs: app.settings.runs.clone(),
            run_folders: app.run_folder(&format!("task-{}-acts", task.id)),
            project,
            task: task.clone(),
            head: subject.head.clone(),
            target_head: subject.target_head.clone(),
            worktree: OnceCell::new(),
            published: Mutex::new(None),
            under,
            at: Mutex::new(subject.head.clone()),
            began: Instant::now(),
            wall,
        }
    }

    /// The head that was published, if one was.
    pub fn published(&self) -> Option<Revision> {
        self.published.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// After an act that went well: documents that its commands wrote for the work item (staging results, logs) are
    /// committed and published (OBS-3). Anything else that a command left behind is no part of the work and stays out.
    ///
    /// # Errors
    /// In words.
    pub async fn settle(&self) -> Result<(), String> {
        let Some((_, worktree)) = self.worktree.get().cloned() else { return Ok(()) };
        let folder = self.documents();
        let own = self.own_head();
        let message = format!("gate({}): documents of {}", self.task.project, self.task.work_item);
        let base = self.published().unwrap_or_else(|| self.head.clone());
        let settling = tokio::task::spawn_blocking(move || {
            if worktree.head()? != own {
                tracing::info!("commands committed to the branch; nothing of it is published");
                return Ok(false);
            }
            let changed = worktree.changed_files()?;
            let documents = all_in(&changed, &folder);
            if changed.is_empty() || !documents {
                if !documents {
                    tracing::info!(files = changed.len(), "commands left files beside documents; none is committed");
                }
                return Ok(false);
            }
            worktree.commit_all(&message).map(|made| made.is_some())
        });
        let made: Result<bool, portcullis_git::GitError> = settling.await.map_err(|error| error.to_string())?;
        if made.map_err(|error| chain(&error))? {
            let head = self.project.publish(&self.task.branch, Some(&base), &self.under).await?;
            *self.published.lock().unwrap_or_else(PoisonError::into_inner) = Some(head);
        }
        Ok(())
    }

    /// The work item's folder, with a slash at its end.
    fn documents(&self) -> String {
        format!("{}/{}/", self.project.settings.documents, self.task.work_item)
    }

    fn own_head(&self) -> Revision {
        self.at.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How long a command may take now.
    fn command_limit(&self) -> Duration {
        let left = self.wall.saturating_sub(self.began.elapsed());
        let (limit, grace) = (self.runs.time_limit_s, self.runs.kill_grace_s);
        command_limit(left, Duration::from_secs(limit), Duration::from_secs(grace))
    }

    async fn worktree(&self) -> Result<&(Mirror, Worktree), ActError> {
        self.worktree
            .get_or_try_init(|| async {
                // Two must never work in one worktree: what a daemon that is gone had started may still run.
                end_earlier_acts(&self.run_folders).await;
                self.project.worktree_at(&self.task, &self.head).await
            })
            .await
            .map_err(ActError::Failed)
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Mirror, &Worktree) -> Result<T, String> + Send + 'static,
    ) -> Result<T, ActError> {
        let (mirror, worktree) = self.worktree().await?.clone();
        let done = tokio::task::spawn_blocking(move || work(&mirror, &worktree));
        done.await.map_err(|error| ActError::Failed(error.to_string()))?.map_err(ActError::Failed)
    }
}

#[async_trait]
impl Acts for GateActs {
    async fn catch_up(&self) -> Result<CaughtUp, ActError> {
        let (branch, target) = (self.project.settings.default_branch.clone(), self.target_head.clone());
        let style = self.project.settings.merge_style.catch_up();
        let caught_up = self
            .blocking(move |_, worktree| {
                let branch = Branch::parse(&branch).map_err(|error| chain(&error))?;
                worktree.catch_up(&branch, &target, style).map_err(|error| chain(&error))
            })
            .await?;
        if let CaughtUp::Merged(head) = &caught_up {
            *self.at.lock().unwrap_or_else(PoisonError::into_inner) = head.clone();
        }
        Ok(caught_up)
    }

    async fn run(&self, name: &str) -> Result<CommandOutcome, ActError> {
        let Some(words) = self.project.settings.commands.get(name) else {
            let project = &self.project.settings.name;
            return Err(ActError::Denied(format!(
                "project {project} has no command `{name}`; the operator sets `commands.{name}`"
            )));
        };
        let documents = self.documents();
        let (folder, head, tree, is_tree) = self
            .blocking(move |mirror, worktree| {
                let head = worktree.head().map_err(|error| chain(&error))?;
                let tree = mirror.repository().reader().tree(&head).map_err(|error| error.to_string())?;
                let changed = worktree.changed_files().map_err(|error| chain(&error))?;
                Ok((worktree.path().to_owned(), head, tree, all_in(&changed, &documents)))
            })
            .await?;
        let began = self.clock.now();
        let mut env = inherited(&self.runs);
        env.extend([
            ("PORTCULLIS_PROJECT".to_owned(), self.task.project.to_string()),
            ("PORTCULLIS_WORK_ITEM".to_owned(), self.task.work_item.to_string()),
            ("PORTCULLIS_REVISION".to_owned(), head.to_string()),
            ("PORTCULLIS_DOCUMENTS".to_owned(), format!("{}/{}", self.project.settings.documents, self.task.work_item)),
            (
                "PORTCULLIS_IMAGES".to_owned(),
                self.project.settings.images.as_ref().map_or_else(String::new, |p| p.display().to_string()),
            ),
        ]);
        env.extend(self.project.settings.registry.iter().flat_map(ImageRegistry::environment));
        let order = RunOrder {
            command: words.clone(),
            folder,
            env,
            time_limit_ms: u64::try_from(self.command_limit().as_millis()).unwrap_or(u64::MAX),
            kill_grace_ms: self.runs.kill_grace_s.saturating_mul(1000),
            log_limit_bytes: self.runs.log_limit_bytes,
        };
        let run_folder = self.run_folders.join(format!("{name}-{}", began.0));
        let took = || u64::try_from(self.clock.now().since(began).as_millis()).unwrap_or(u64::MAX);
        let outcome = command::run(&self.launcher, &run_folder, &order, &self.redactor, took)
            .await
            .map_err(|error| ActError::Failed(chain(&error)))?;
        // An earlier command of this call has changed files: what runs on them tells nothing about the tree.
        if !is_tree {
            tracing::info!(command = name, "it ran on files that are in no commit; that is not recorded for the tree");
            return Ok(outcome);
        }
        let run = TestRun {
            exit_code: outcome.exit_code,
            output_tail: outcome.output_tail.clone(),
            at_s: self.clock.now().0.div_euclid(1000),
        };
        // What the host itself ran and recorded for this tree is the only thing that later counts as tested (MRG-1).
        let recorded = self.store.record_test_run(&self.project.settings.name, name, tree.as_str(), run).await;
        recorded.map_err(|error| ActError::Failed(chain(&error)))?;
        Ok(outcome)
    }

    async fn publish(&self) -> Result<Revision, ActError> {
        let own = self.own_head();
        let there = self.blocking(|_, worktree| worktree.head().map_err(|error| chain(&error))).await?;
        if there != own {
            return Err(ActError::Failed(format!(
                "a command moved the branch from {} to {}, which was not tested; nothing is published",
                own.short(),
                there.short()
            )));
        }
        let head =
            self.project.publish(&self.task.branch, Some(&self.head), &self.under).await.map_err(ActError::Failed)?;
        *self.published.lock().unwrap_or_else(PoisonError::into_inner) = Some(head.clone());
        Ok(head)
    }

    async fn write_document(&self, name: &str, content: &[u8]) -> Result<(), ActError> {
        if content.len() > DOCUMENT_BYTES {
            let size = content.len();
            return Err(ActError::Denied(format!("a document may have {DOCUMENT_BYTES} bytes, this one has {size}")));
        }
        let folder = format!("{}/{}", self.project.settings.documents, self.task.work_item);
        document_path(&folder, name).map_err(|error| ActError::Denied(error.to_string()))?;
        let (name, content) = (name.to_owned(), content.to_owned());
        self.blocking(move |_, worktree| write_below(worktree.path(), &folder, &name, &content)).await
    }
}

/// Writes a file into a folder of a checked-out branch. The branch decides what stands there: a link on the way would lead
/// out of the worktree and is refused, one in the file's own place is replaced and not followed.
fn write_below(top: &Path, folder: &str, name: &str, content: &[u8]) -> Result<(), String> {
    let mut at = top.to_owned();
    for part in folder.split('/') {
        at.push(part);
        match std::fs::symlink_metadata(&at) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(format!("{folder} is no folder on the branch: {part} is a file or a link")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                std::fs::create_dir(&at).map_err(|error| format!("failed to make {folder}: {error}"))?;
            }
            Err(error) => return Err(format!("failed to look at {folder}: {error}")),
        }
    }
    let failed = |error: std::io::Error| format!("failed to write {folder}/{name}: {error}");
    let mut file = tempfile::NamedTempFile::new_in(&at).map_err(failed)?;
    file.write_all(content).map_err(failed)?;
    file.persist(at.join(name)).map(drop).map_err(|error| failed(error.error))
}

/// Whether all of these paths lie in `folder`, which ends with a slash.
fn all_in(paths: &[Vec<u8>], folder: &str) -> bool {
    paths.iter().all(|path| path.starts_with(folder.as_bytes()))
}

/// How long a command may take: not longer than any run, and so much less than what the gate has left that its end can
/// still be judged.
fn command_limit(left: Duration, limit: Duration, kill_grace: Duration) -> Duration {
    let spare = kill_grace.saturating_add(Duration::from_secs(1)).min(left / 5);
    limit.min(left.saturating_sub(spare))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    // SEC-7
    #[test]
    fn a_document_is_written_into_its_folder_and_replaced() {
        let top = tempfile::tempdir().unwrap();
        for content in [b"one".as_slice(), b"two"] {
            write_below(top.path(), "docs/ORCH-65", "a.md", content).unwrap();
            assert_eq!(std::fs::read(top.path().join("docs/ORCH-65/a.md")).unwrap(), content);
        }
        assert_eq!(std::fs::read_dir(top.path().join("docs/ORCH-65")).unwrap().count(), 1);
    }

    // SEC-7
    #[test]
    fn no_link_of_the_branch_leads_a_document_out_of_the_worktree() {
        let (top, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink(outside.path(), top.path().join("docs")).unwrap();
        assert!(
            write_below(top.path(), "docs/ORCH-65", "a.md", b"x").unwrap_err().contains("docs is a file or a link")
        );
        let secret = outside.path().join("secret");
        std::fs::write(&secret, "theirs").unwrap();
        std::fs::create_dir(top.path().join("work")).unwrap();
        std::os::unix::fs::symlink(&secret, top.path().join("work/a.md")).unwrap();
        write_below(top.path(), "work", "a.md", b"x").unwrap();
        assert_eq!(std::fs::read_to_string(&secret).unwrap(), "theirs");
        assert_eq!(std::fs::read(top.path().join("work/a.md")).unwrap(), b"x");
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_command_ends_early_enough_to_be_judged() {
        // MRG-1. Columns in seconds: left, limit of a run, grace; what the command gets.
        for (left, limit, grace, expected) in [
            (1800, 3600, 10, 1789),
            (1800, 600, 10, 600),
            (60, 3600, 10, 49),
            (10, 3600, 10, 8),
            (0, 3600, 10, 0),
            (60, 3600, u64::MAX, 48),
        ] {
            let [left, limit, grace, expected] = [left, limit, grace, expected].map(Duration::from_secs);
            assert_eq!(command_limit(left, limit, grace), expected, "{left:?} {limit:?} {grace:?}");
        }
    }
}
