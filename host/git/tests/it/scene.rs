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

    /// The mirror as a repository whose reader starts git by way of a shell, which takes note; and how often it has done so
    /// for an operation.
    pub(crate) fn counting(&self) -> (Repository, impl Fn(&str) -> usize) {
        let folder = self.repository().path().to_owned();
        // A shell runs the file of the operation's name in the folder in which git is started.
        for operation in ["cat-file", "diff-tree"] {
            let script = "echo >> \"starts-$0\"\nexec git \"$0\" \"$@\"\n";
            std::fs::write(folder.join(operation), script).unwrap();
        }
        let git = Git::new(GitSettings { program: "/bin/sh".into(), ..GitSettings::default() });
        let repository = Repository::open(&git, &folder).unwrap();
        let starts =
            move |operation: &str| std::fs::read(folder.join(format!("starts-{operation}"))).unwrap_or_default().len();
        (repository, starts)
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
