//! What most tests start from: an origin with one commit, and a mirror of it.

use portcullis_core::ids::Revision;
use portcullis_git::{Branch, Git, GitSettings, Mirror, Remote, Repository, Worktree};
use portcullis_testkit::TempRepo;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

pub(crate) struct Scene {
    pub(crate) origin: TempRepo,
    pub(crate) git: Git,
    pub(crate) mirror: Mirror,
}

impl Scene {
    /// `a.txt` with three lines on `main`.
    pub(crate) fn new() -> Self {
        Self::over(TempRepo::with_commit("a.txt", "one\ntwo\nthree\n"))
    }

    pub(crate) fn over(origin: TempRepo) -> Self {
        let git = Git::new(GitSettings::default());
        let remote = Remote::new(origin.origin().to_str().unwrap()).unwrap();
        let mirror = Mirror::ensure(&git, &remote, &origin.root().join("home/mirror.git")).unwrap();
        Self { origin, git, mirror }
    }

    /// The mirror as a repository.
    pub(crate) fn repository(&self) -> &Repository {
        self.mirror.repository()
    }

    /// The origin as the local forge has it.
    pub(crate) fn forge(&self) -> Repository {
        Repository::open(&self.git, &self.origin.origin()).unwrap()
    }

    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.origin.root().join("worktrees").join(name)
    }

    /// The worktree `task` on branch `task`, which starts at the origin's `main`.
    pub(crate) fn task(&self) -> Worktree {
        let main = self.origin.origin_head("main").unwrap();
        self.repository().ensure_worktree(&branch("task"), &self.folder("task"), &main).unwrap()
    }

    /// Commits one file on the origin's `main` and fetches it.
    pub(crate) fn main_moves(&self, path: &str, content: &str) -> Revision {
        self.origin.switch("main");
        let head = self.origin.commit_file(path, content);
        self.mirror.fetch().unwrap();
        head
    }
}

pub(crate) fn branch(name: &str) -> Branch {
    Branch::parse(name).unwrap()
}

/// Writes a file as a role would.
pub(crate) fn write(worktree: &Worktree, path: &str, content: &str) {
    let file = worktree.path().join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, content).unwrap();
}

pub(crate) fn read(worktree: &Worktree, path: &str) -> String {
    std::fs::read_to_string(worktree.path().join(path)).unwrap()
}

/// A program that leaves a trace when somebody starts it.
pub(crate) fn trap(path: &Path, trace: &Path) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, format!("#!/bin/sh\necho \"$0\" >> '{}'\ncat\n", trace.display())).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}
