//! Real git repositories for tests: a bare origin and a clone to work in, cut off from the user's and the system's
//! configuration.
//!
//! Identity, dates and branch names are fixed, so the same steps give the same revisions on every machine.

use portcullis_core::ids::Revision;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;

/// 2026-01-05T09:00:00Z, the date of the first commit; each command comes a minute after the one before.
const FIRST_COMMIT_AT_S: i64 = 1_767_603_600;

/// A bare origin with branch `main` and a clone of it. Both vanish with this value.
pub struct TempRepo {
    root: TempDir,
    minutes: AtomicI64,
}

impl TempRepo {
    /// A repository whose branch `main` has no commit yet.
    pub fn new() -> Self {
        Self::with_object_format("sha1")
    }

    /// One whose objects are named by `format`: `sha1` or `sha256`.
    pub fn with_object_format(format: &str) -> Self {
        let root = tempfile::tempdir().expect("a temporary folder can be made");
        let repo = Self { root, minutes: AtomicI64::new(0) };
        std::fs::create_dir(repo.root().join("home")).expect("the home can be made");
        let format = format!("--object-format={format}");
        repo.run(repo.root(), ["init", "--quiet", "--bare", "-b", "main", &format, "origin.git"]);
        repo.run(repo.root(), ["init", "--quiet", "-b", "main", &format, "work"]);
        repo.git(["remote", "add", "origin", "../origin.git"]);
        repo
    }

    /// A repository whose first commit, already pushed, holds one file.
    pub fn with_commit(path: &str, content: &str) -> Self {
        let repo = Self::new();
        repo.commit_file(path, content);
        repo
    }

    /// The folder that holds everything; tests may put more into it.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The bare repository that plays the forge.
    pub fn origin(&self) -> PathBuf {
        self.root().join("origin.git")
    }

    /// The clone in which this value's own commits are made.
    pub fn work(&self) -> PathBuf {
        self.root().join("work")
    }

    /// Writes a file into the clone, folders included, and commits nothing. The path may be any bytes.
    pub fn write(&self, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) {
        let file = self.file(path.as_ref());
        let folder = file.parent().expect("a file has a folder");
        std::fs::create_dir_all(folder).expect("the file's folder can be made");
        std::fs::write(file, content).expect("the file can be written");
    }

    /// Removes a file from the clone and commits nothing.
    pub fn remove(&self, path: impl AsRef<[u8]>) {
        std::fs::remove_file(self.file(path.as_ref())).expect("the file can be removed");
    }

    /// Where `path` lies in the clone.
    pub fn file(&self, path: &[u8]) -> PathBuf {
        self.work().join(OsStr::from_bytes(path))
    }

    /// Commits whatever the clone holds, even nothing new, and pushes the branch.
    pub fn commit(&self, message: &str) -> Revision {
        self.git(["add", "--all"]);
        self.git(["commit", "--quiet", "--allow-empty", "-m", message]);
        self.push();
        self.head()
    }

    /// Writes one file, commits it and pushes the branch.
    pub fn commit_file(&self, path: &str, content: &str) -> Revision {
        self.write(path, content);
        self.commit(&format!("write {path}"))
    }

    /// Makes a branch at the head, switches to it and pushes it.
    pub fn branch(&self, name: &str) {
        self.git(["switch", "--quiet", "-c", name]);
        self.push();
    }

    /// Switches to a branch that is there already.
    pub fn switch(&self, name: &str) {
        self.git(["switch", "--quiet", name]);
    }

    /// Merges another branch into the current one by a merge commit and pushes that.
    pub fn merge(&self, name: &str) -> Revision {
        self.git(["merge", "--quiet", "--no-ff", "-m", &format!("merge {name}"), name]);
        self.push();
        self.head()
    }

    /// Pushes the current branch, whatever the origin has there.
    pub fn push(&self) {
        self.git(["push", "--quiet", "--force", "origin", "HEAD"]);
    }

    /// The clone's head.
    pub fn head(&self) -> Revision {
        self.revision("HEAD")
    }

    /// What a name of the clone stands for.
    ///
    /// # Panics
    /// If it stands for nothing.
    pub fn revision(&self, name: &str) -> Revision {
        Revision::parse(&self.git(["rev-parse", name])).expect("git prints a revision")
    }

    /// The head of a branch of the origin, if there is one.
    pub fn origin_head(&self, branch: &str) -> Option<Revision> {
        let branch = format!("refs/heads/{branch}");
        let name = self.run(&self.origin(), ["for-each-ref", "--format=%(objectname) %(refname)", &branch]);
        let line = name.lines().find(|line| line.ends_with(&format!(" {branch}")))?;
        Some(Revision::parse(line.split(' ').next()?).expect("git prints a revision"))
    }

    /// Runs git in the clone and returns what it printed, trimmed: for what has no method of its own.
    ///
    /// # Panics
    /// If git fails.
    pub fn git<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> String {
        self.run(&self.work(), args)
    }

    /// Makes many commits or files at once: a stream of `git fast-import` for the clone's objects and references, without a
    /// working tree and without a push.
    pub fn import(&self, stream: &[u8]) {
        let file = self.root().join("stream");
        std::fs::write(&file, stream).expect("the stream can be written");
        let input = File::open(&file).expect("the stream can be read");
        self.run_with(&self.work(), ["fast-import", "--quiet", "--force"], input.into());
        std::fs::remove_file(file).expect("the stream can be removed");
    }

    /// Runs git in any folder.
    ///
    /// # Panics
    /// If git fails.
    pub fn run<A: AsRef<OsStr>>(&self, folder: &Path, args: impl IntoIterator<Item = A>) -> String {
        self.run_with(folder, args, Stdio::null())
    }

    #[expect(clippy::disallowed_methods, reason = "what is tested must not be what builds the test")]
    fn run_with<A: AsRef<OsStr>>(&self, folder: &Path, args: impl IntoIterator<Item = A>, input: Stdio) -> String {
        let args: Vec<OsString> = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        // A merge or a rebase makes commits too, so every command has a minute of its own.
        let at_s = FIRST_COMMIT_AT_S + 60 * self.minutes.fetch_add(1, Ordering::SeqCst);
        let output = Command::new("git")
            .args(&args)
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.root().join("home"))
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_AUTHOR_NAME", "Ada")
            .env("GIT_AUTHOR_EMAIL", "ada@example.org")
            .env("GIT_AUTHOR_DATE", format!("{at_s} +0000"))
            .env("GIT_COMMITTER_NAME", "Ada")
            .env("GIT_COMMITTER_EMAIL", "ada@example.org")
            .env("GIT_COMMITTER_DATE", format!("{at_s} +0000"))
            .stdin(input)
            .output()
            .expect("git is installed");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {args:?} in {} failed: {complaint}", folder.display());
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Default for TempRepo {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_steps_give_the_same_revisions() {
        let steps = || {
            let repo = TempRepo::with_commit("a.txt", "one\n");
            repo.branch("feature");
            repo.commit_file("b.txt", "two\n");
            repo.switch("main");
            repo.commit_file("c.txt", "three\n");
            repo.merge("feature")
        };
        assert_eq!(steps(), steps());
    }

    #[test]
    fn a_commit_is_on_the_origin_at_once() {
        let repo = TempRepo::with_commit("a.txt", "one\n");
        assert_eq!(repo.origin_head("main"), Some(repo.head()));
        assert_eq!(repo.origin_head("absent"), None);
    }
}
