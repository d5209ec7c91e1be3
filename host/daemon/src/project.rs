//! One project: its repository's mirror, its forge, its tracker, and what the daemon does with them.
//!
//! Git blocks, so every call of it runs on the blocking pool. Errors are sentences: whoever calls shows them to people.

use crate::app::App;
use crate::crash;
use crate::gatehouse::{Gatehouse, chain};
use crate::images::Images;
use crate::run::finish::pending_check;
use crate::settings::ProjectSettings;
use portcullis_catalog::manifest::{LOCK_PATH, MANIFEST_PATH};
use portcullis_connect::forge::Forge;
use portcullis_connect::tracker::Tracker;
use portcullis_core::facts::RepositoryError;
use portcullis_core::ids::{Revision, StageName, TaskId};
use portcullis_core::lease::Fence;
use portcullis_core::task::Task;
use portcullis_git::{Branch, Git, Mirror, PushOutcome, Remote, Repository, Worktree};
use portcullis_runtime::Outbound;
use portcullis_store::{NewCiJob, Store, StoreError};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OwnedMutexGuard;

/// Largest manifest or lock that is read.
const MANIFEST_BYTES: u64 = 1 << 20;

/// A project at work.
pub struct Project {
    /// What the operator set.
    pub settings: ProjectSettings,
    /// Its forge.
    pub forge: Arc<dyn Forge>,
    /// Its tracker.
    pub tracker: Arc<dyn Tracker>,
    /// What its gates may send requests through.
    pub outbound: Arc<dyn Outbound>,
    /// Where its images are looked up.
    pub images: Images,
    git: Git,
    remote: Remote,
    mirror: PathBuf,
    /// The mirror, once it was found sound.
    opened: Mutex<Option<Mirror>>,
    worktrees: PathBuf,
    /// Whoever prepares, commits or publishes a task's worktree is alone there.
    alone: Mutex<HashMap<TaskId, Arc<tokio::sync::Mutex<()>>>>,
    /// The gatehouse of the target head that was looked at last.
    house: Mutex<Option<Looked>>,
    store: Arc<dyn Store>,
}

/// What a project speaks with.
pub struct Links {
    /// Its forge.
    pub forge: Arc<dyn Forge>,
    /// Its tracker.
    pub tracker: Arc<dyn Tracker>,
    /// What its gates may send requests through.
    pub outbound: Arc<dyn Outbound>,
    /// Where its images are looked up.
    pub images: Images,
    /// Where claims are kept.
    pub store: Arc<dyn Store>,
}

/// The target head that was looked at, and what its manifest came to.
type Looked = (Revision, Result<Arc<Gatehouse>, String>);

/// Heads as the remote has them now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heads {
    /// Of the target branch.
    pub target: Revision,
    /// Of the task's branch; none before its first push.
    pub branch: Option<Revision>,
}

/// What a successful run left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Landed {
    /// A new head, published, and the pull request that shows it.
    Published {
        /// The head.
        head: Revision,
        /// The pull request.
        pull_request: Option<u64>,
    },
    /// No change.
    Nothing {
        /// Whether that is expected, because the stage's role acts instead of writing (LAU-4).
        acts: bool,
    },
}

impl Project {
    /// A project that speaks with the world through `links`.
    pub fn new(settings: ProjectSettings, home: &Path, git: Git, remote: Remote, links: Links) -> Self {
        let Links { forge, tracker, outbound, images, store } = links;
        let mirror = home.join("mirrors").join(format!("{}.git", settings.name));
        let worktrees = home.join("worktrees").join(settings.name.as_str());
        Self {
            settings,
            forge,
            tracker,
            outbound,
            images,
            git,
            remote,
            mirror,
            opened: Mutex::default(),
            worktrees,
            alone: Mutex::default(),
            house: Mutex::new(None),
            store,
        }
    }

    /// Runs `work` on the mirror, which is made if it is not there.
    async fn with_mirror<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Mirror) -> Result<T, portcullis_git::GitError> + Send + 'static,
    ) -> Result<T, String> {
        // One that somebody has removed meanwhile is made anew at once: whoever needs it has done nothing wrong.
        let is_there = self.mirror.join("HEAD").is_file();
        let known = self.opened.lock().unwrap_or_else(PoisonError::into_inner).clone().filter(|_| is_there);
        let (git, remote, mirror) = (self.git.clone(), self.remote.clone(), self.mirror.clone());
        let done = tokio::task::spawn_blocking(move || {
            let mirror = known.map_or_else(|| Mirror::ensure(&git, &remote, &mirror), Ok)?;
            work(&mirror).map(|done| (done, mirror))
        });
        let done = match done.await {
            Ok(result) => result.map_err(|error| chain(&error)),
            Err(error) => Err(format!("a git call did not come back: {error}")),
        };
        // After a failure the mirror is looked at anew: somebody may have removed it.
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let (done, mirror) = done.inspect_err(|_| *opened = None)?;
        *opened = Some(mirror);
        Ok(done)
    }

    /// The project's name in its tracker.
    pub fn tracker_project(&self) -> String {
        self.settings.plane.as_ref().map_or_else(|| self.settings.name.to_string(), |plane| plane.project_id.clone())
    }

    /// The repository in which objects are read.
    ///
    /// # Errors
    /// In words.
    pub async fn repository(&self) -> Result<Repository, String> {
        self.with_mirror(|mirror| Ok(mirror.repository().clone())).await
    }

    /// Asks the remote for the heads, and brings what they hold here.
    ///
    /// # Errors
    /// In words: the remote cannot be reached, the target branch is gone.
    pub async fn heads(&self, branch: &str) -> Result<Heads, String> {
        let (branch, target) = (branch.to_owned(), self.settings.default_branch.clone());
        let (target_head, branch_head) = self
            .with_mirror(move |mirror| {
                mirror.fetch()?;
                Ok((mirror.fetched_head(&Branch::parse(&target)?)?, mirror.fetched_head(&Branch::parse(&branch)?)?))
            })
            .await?;
        let target = target_head.ok_or_else(|| {
            format!(
                "{} has no branch `{}`; push it, or set `default_branch`",
                self.remote.url(),
                self.settings.default_branch
            )
        })?;
        Ok(Heads { target, branch: branch_head })
    }

    /// The project's gates as they stand at `target_head`. The inner error says in words why they are not usable.
    ///
    /// # Errors
    /// [`StoreError`] if the kept lock could not be read or written.
    pub async fn gatehouse(
        &self,
        app: &App,
        target_head: &Revision,
    ) -> Result<Result<Arc<Gatehouse>, String>, StoreError> {
        let cached = self.house.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, house)) = cached
            && at == *target_head
            && house.is_ok()
        {
            return Ok(house);
        }
        let house = self.read_gatehouse(app, target_head).await?;
        *self.house.lock().unwrap_or_else(PoisonError::into_inner) = Some((target_head.clone(), house.clone()));
        Ok(house)
    }

    async fn read_gatehouse(
        &self,
        app: &App,
        target_head: &Revision,
    ) -> Result<Result<Arc<Gatehouse>, String>, StoreError> {
        let place = format!("{} of {} at {}", MANIFEST_PATH, self.settings.default_branch, target_head.short());
        let manifest = match self.text(target_head, MANIFEST_PATH).await {
            Ok(Some(text)) => text,
            Ok(None) => {
                return Ok(Err(format!("{place} is missing; `portcullis gates init` writes one to begin with")));
            }
            Err(reason) => return Ok(Err(format!("{place}: {reason}"))),
        };
        let in_branch = match self.text(target_head, LOCK_PATH).await {
            Ok(text) => text,
            Err(reason) => return Ok(Err(format!("{LOCK_PATH}: {reason}"))),
        };
        let kept = app.store.lock_of(&self.settings.name).await?;
        let (gates, registry) = (app.settings.gates.clone(), app.registry.clone());
        let building = tokio::task::spawn_blocking(move || {
            Gatehouse::build(&manifest, in_branch.as_deref(), kept.as_deref(), &gates, &registry)
        });
        let house = match building.await {
            Ok(Ok(house)) => house,
            Ok(Err(reason)) => return Ok(Err(format!("{place}: {reason}"))),
            Err(error) => return Ok(Err(format!("{place} could not be read: {error}"))),
        };
        if let Some(lock) = &house.resolved_lock {
            app.store.put_lock(&self.settings.name, lock).await?;
        }
        Ok(Ok(Arc::new(house)))
    }

    /// A text file at a revision; none if it is not there.
    ///
    /// # Errors
    /// In words.
    pub async fn text(&self, revision: &Revision, path: &str) -> Result<Option<String>, String> {
        let (revision, path) = (revision.clone(), path.to_owned());
        let read = self
            .with_mirror(move |mirror| {
                Ok(mirror.repository().reader().read_file(&revision, path.as_bytes(), MANIFEST_BYTES))
            })
            .await?;
        match read {
            Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| "it is not UTF-8".to_owned()),
            Err(RepositoryError::NotFound(_)) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    fn worktree_folder(&self, task: &Task) -> PathBuf {
        self.worktrees.join(format!("task-{}", task.id))
    }

    /// Waits until nobody else prepares, commits or publishes the task's worktree. Somebody who was given up for silent and
    /// wakes must not commit what the next role has half done: whether his claim still holds is checked in here (I7).
    pub async fn alone_with(&self, task: TaskId) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.alone.lock().unwrap_or_else(PoisonError::into_inner);
            // Those that nobody waits for or holds are made anew when they are needed.
            locks.retain(|_, lock| Arc::strong_count(lock) > 1);
            locks.entry(task).or_default().clone()
        };
        lock.lock_owned().await
    }

    /// The task's worktree, on its branch, at its head or at unpublished work that builds on it. Made if it is not there.
    ///
    /// # Errors
    /// In words.
    pub async fn worktree(&self, task: &Task) -> Result<PathBuf, String> {
        let from = match &task.head {
            Some(head) => head.clone(),
            None => self.heads(&task.branch).await?.target,
        };
        let (branch, dir, head) = (task.branch.clone(), self.worktree_folder(task), task.head.clone());
        self.with_mirror(move |mirror| {
            let worktree = ensure_worktree(mirror.repository(), &Branch::parse(&branch)?, &dir, &from)?;
            if let Some(head) = head {
                follow(mirror.repository(), &worktree, &head)?;
            }
            Ok(worktree.path().to_owned())
        })
        .await
    }

    /// A task's worktree at exactly its head, for gates that act.
    ///
    /// # Errors
    /// In words.
    pub async fn worktree_at(&self, task: &Task, head: &Revision) -> Result<(Mirror, Worktree), String> {
        let (branch, dir, head) = (task.branch.clone(), self.worktree_folder(task), head.clone());
        self.with_mirror(move |mirror| {
            let worktree = ensure_worktree(mirror.repository(), &Branch::parse(&branch)?, &dir, &head)?;
            keep_unpublished(mirror.repository(), &worktree, &head)?;
            worktree.reset(&head)?;
            Ok((mirror.clone(), worktree))
        })
        .await
    }

    /// Why what a role has just left in the task's worktree is lost, if it is: somebody removed it, or its mirror, meanwhile.
    /// Made anew it would look as if the role had done nothing.
    pub async fn lost_work(&self, task: &Task) -> Option<String> {
        let (mirror, dir) = (self.mirror.clone(), self.worktree_folder(task));
        let text = format!("its worktree {} was removed while it ran", dir.display());
        let is_there = tokio::task::spawn_blocking(move || is_worktree(&mirror, &dir)).await;
        is_there.is_ok_and(|is_there| !is_there).then_some(text)
    }

    /// Commits what a role left in the task's worktree (LAU-3). None: nothing was left.
    ///
    /// # Errors
    /// In words.
    pub async fn commit(&self, task: &Task, message: &str) -> Result<Option<Revision>, String> {
        let (branch, dir, message) = (task.branch.clone(), self.worktree_folder(task), message.to_owned());
        let from = task.head.clone();
        self.with_mirror(move |mirror| {
            let branch = Branch::parse(&branch)?;
            let from = match from {
                Some(from) => from,
                None => match mirror.repository().branch_head(&branch)? {
                    Some(head) => head,
                    None => return Ok(None),
                },
            };
            mirror.repository().ensure_worktree(&branch, &dir, &from)?.commit_all(&message)
        })
        .await
    }

    /// Commits, pushes and shows in a pull request what a successful run left, under the claim of its job.
    ///
    /// # Errors
    /// In words.
    pub async fn land(&self, task: &Task, message: &str, under: &Fence) -> Result<Landed, String> {
        crash::point("land/commit/before");
        self.commit(task, message).await?;
        crash::point("land/commit/after");
        let acts = self.acts(&task.stage);
        let branch = task.branch.clone();
        let target = self.settings.default_branch.clone();
        let (head, base) = self
            .with_mirror(move |mirror| {
                let head = mirror.repository().branch_head(&Branch::parse(&branch)?)?;
                Ok((head, mirror.fetched_head(&Branch::parse(&target)?)?))
            })
            .await?;
        let Some(head) = head.filter(|head| task.head.as_ref() != Some(head)) else {
            return Ok(Landed::Nothing { acts });
        };
        if task.head.is_none() && base.as_ref() == Some(&head) {
            return Ok(Landed::Nothing { acts });
        }
        self.publish(&task.branch, task.head.as_ref(), under).await?;
        let pull_request = match task.pull_request {
            Some(number) => Some(number),
            // After the merge the branch only carries the work item's last documents.
            None if task.merge_commit.is_some() => None,
            None => Some(self.open_pull_request(task).await?),
        };
        Ok(Landed::Published { head, pull_request })
    }

    /// Whether a stage's role acts instead of writing (LAU-4), as the pipeline that was read last says.
    fn acts(&self, stage: &StageName) -> bool {
        let looked = self.house.lock().unwrap_or_else(PoisonError::into_inner);
        let house = looked.as_ref().and_then(|(_, house)| house.as_ref().ok());
        house.and_then(|house| house.pipeline.stage(stage)).is_some_and(|stage| stage.acts)
    }

    async fn open_pull_request(&self, task: &Task) -> Result<u64, String> {
        let title = format!("{} {}", task.work_item, task.title);
        let target = &self.settings.default_branch;
        crash::point("pull-request/before");
        let opened = self.forge.open_pull_request(&task.branch, target, &title, &task.description).await;
        crash::point("pull-request/after");
        opened.map_err(|error| format!("failed to open the pull request: {error}"))
    }

    /// Whether `under` still stands: the last question before something is done that no transaction can take back (I7).
    ///
    /// # Errors
    /// In words, if it was lost or nobody can tell.
    pub async fn stands(&self, under: &Fence) -> Result<(), String> {
        match self.store.stands(under).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(format!("{under} was taken over by somebody else meanwhile; nothing was done under it")),
            Err(error) => Err(chain(&error)),
        }
    }

    /// Pushes the task's branch, if the claim still stands and the remote has the branch where it is expected (I7).
    ///
    /// # Errors
    /// In words; a lost race too.
    pub async fn publish(&self, branch: &str, expected: Option<&Revision>, under: &Fence) -> Result<Revision, String> {
        let (name, expected) = (branch.to_owned(), expected.cloned());
        self.stands(under).await?;
        crash::point("push/before");
        let pushed = self.with_mirror(move |mirror| mirror.push(&Branch::parse(&name)?, expected.as_ref())).await?;
        crash::point("push/after");
        match pushed {
            PushOutcome::Pushed { head } => Ok(head),
            PushOutcome::Rejected { actual } => Err(format!(
                "`{branch}` was pushed to by somebody else meanwhile (it is at {}); nothing was overwritten",
                actual.map_or_else(|| "nothing".to_owned(), |a| a.short().to_owned())
            )),
        }
    }

    /// Whether the daemon itself runs the project's CI: with the local forge and a `ci` command.
    pub fn runs_ci_itself(&self) -> bool {
        self.settings.forge == crate::settings::ForgeKind::Local && self.settings.commands.contains_key("ci")
    }

    /// What the local forge does when a branch was pushed to: CI for the new head.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn after_push(&self, app: &App, task: &Task, head: &Revision) -> Result<(), StoreError> {
        if !self.runs_ci_itself() {
            return Ok(());
        }
        let at = app.now();
        let made = app.store.enqueue_ci(NewCiJob { task: task.id, revision: head.clone(), at }).await?;
        if made.is_some() {
            let (revision, check) = pending_check(head.clone(), at);
            app.store.put_check(&self.settings.name, &revision, check).await?;
            app.bell.jobs.notify_one();
        }
        Ok(())
    }

    /// A checkout of one revision under a name of its own.
    ///
    /// # Errors
    /// In words.
    pub async fn checkout(&self, name: &str, revision: &Revision) -> Result<PathBuf, String> {
        let (dir, branch, revision) = (self.worktrees.join(name), format!("portcullis/{name}"), revision.clone());
        self.with_mirror(move |mirror| {
            let worktree = ensure_worktree(mirror.repository(), &Branch::parse(&branch)?, &dir, &revision)?;
            worktree.reset(&revision)?;
            Ok(worktree.path().to_owned())
        })
        .await
    }

    /// Removes a checkout.
    pub async fn discard_checkout(&self, name: &str) {
        let dir = self.worktrees.join(name);
        if let Err(reason) = self.with_mirror(move |mirror| mirror.repository().remove_worktree(&dir)).await {
            tracing::warn!(name, %reason, "failed to remove a checkout");
        }
    }
}

/// As [`Repository::ensure_worktree`]. A folder that this mirror knows nothing about is one of an earlier mirror that
/// somebody removed: it is put aside, with whatever is in it.
fn ensure_worktree(
    repository: &Repository,
    branch: &Branch,
    dir: &Path,
    from: &Revision,
) -> Result<Worktree, portcullis_git::GitError> {
    let occupied = match repository.ensure_worktree(branch, dir, from) {
        Err(error @ portcullis_git::GitError::Occupied { .. }) => error,
        done => return done,
    };
    let mut asides = (1..100).map(|n| dir.with_extension(format!("aside-{n}"))).filter(|aside| !aside.exists());
    let Some(aside) = asides.next().filter(|aside| std::fs::rename(dir, aside).is_ok()) else { return Err(occupied) };
    tracing::warn!(folder = %dir.display(), aside = %aside.display(), "put aside a worktree that its mirror does not know");
    repository.ensure_worktree(branch, dir, from)
}

/// Whether the mirror knows a worktree in `dir`, and `dir` is there. What stands in the folder itself is not believed.
fn is_worktree(mirror: &Path, dir: &Path) -> bool {
    let Ok(link) = dir.canonicalize().map(|dir| dir.join(".git")) else { return false };
    let known = std::fs::read_dir(mirror.join("worktrees")).into_iter().flatten().flatten();
    known.into_iter().any(|entry| {
        std::fs::read_to_string(entry.path().join("gitdir")).is_ok_and(|text| Path::new(text.trim_end()) == link)
    })
}

/// Brings a worktree to `head`, unless it holds unpublished work that builds on it.
fn follow(repository: &Repository, worktree: &Worktree, head: &Revision) -> Result<(), portcullis_git::GitError> {
    let here = worktree.head()?;
    let builds_on = here == *head || repository.reader().is_ancestor(head, &here).unwrap_or(false);
    if !builds_on {
        keep_unpublished(repository, worktree, head)?;
        worktree.reset(head)?;
    }
    Ok(())
}

/// Keeps commits that nobody has published under a reference of their own before the branch leaves them.
fn keep_unpublished(
    repository: &Repository,
    worktree: &Worktree,
    head: &Revision,
) -> Result<(), portcullis_git::GitError> {
    let here = worktree.head()?;
    if here != *head && !repository.reader().is_ancestor(&here, head).unwrap_or(false) {
        tracing::warn!(branch = %worktree.branch(), kept = %here, "unpublished commits were put aside");
        repository.keep(&format!("unpublished/{here}"), &here)?;
    }
    Ok(())
}
