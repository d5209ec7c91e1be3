//! A bare repository: its references, and what a call needs to work in it.

use crate::branch::{Branch, broken_rule};
use crate::call::Call;
use crate::error::GitError;
use crate::git::Git;
use crate::reader::ObjectReader;
use portcullis_core::ids::Revision;
use std::path::{Path, PathBuf};

/// A bare repository on this machine: a mirror, or the origin of the local forge. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Repository {
    git: Git,
    dir: PathBuf,
}

impl Repository {
    /// The bare repository at `path`.
    ///
    /// # Errors
    /// [`GitError::NoRepository`] if there is none, or no longer.
    pub fn open(git: &Git, path: &Path) -> Result<Self, GitError> {
        let dir = path.canonicalize().map_err(|_| GitError::NoRepository { path: path.to_owned() })?;
        if !dir.join("HEAD").is_file() || !dir.join("objects").is_dir() {
            return Err(GitError::NoRepository { path: path.to_owned() });
        }
        Ok(Self { git: git.clone(), dir })
    }

    /// Makes an empty bare repository whose first branch is to be `branch`, e.g. for the local forge.
    ///
    /// # Errors
    /// [`GitError::Failed`] if git cannot make it there.
    pub fn create(git: &Git, path: &Path, branch: &Branch) -> Result<Self, GitError> {
        let format = ObjectFormat::Sha1;
        init(git, path, branch, format)?;
        Self::open(git, path)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// A session that reads objects, for one evaluation.
    pub fn reader(&self) -> ObjectReader {
        ObjectReader::new(self.clone())
    }

    /// The head of a branch of this very repository.
    ///
    /// # Errors
    /// [`GitError`] if git cannot tell; that there is no such branch is `None`.
    pub fn branch_head(&self, branch: &Branch) -> Result<Option<Revision>, GitError> {
        self.resolve_full(&branch.full())
    }

    /// The commit for which a full reference name (`refs/…`) stands.
    ///
    /// # Errors
    /// [`GitError::BadBranch`] for anything but a full reference name; [`GitError`] if git cannot tell.
    pub fn resolve(&self, reference: &str) -> Result<Option<Revision>, GitError> {
        let rest = reference.strip_prefix("refs/").unwrap_or_default();
        match broken_rule(rest) {
            None => self.resolve_full(reference),
            Some(why) => Err(GitError::BadBranch { name: reference.chars().take(80).collect(), why }),
        }
    }

    pub(crate) fn resolve_full(&self, reference: &str) -> Result<Option<Revision>, GitError> {
        let name = format!("{reference}^{{commit}}");
        let call = self.call("rev-parse").args(["--verify", "--quiet", &name]);
        match call.run_expecting(&[0, 1])? {
            (0, printed) => Ok(Some(revision("rev-parse", &printed)?)),
            _ => Ok(None),
        }
    }

    /// Protects a revision from housekeeping under `name`, so that what was judged can be read again.
    ///
    /// # Errors
    /// [`GitError::BadBranch`] if `name` is no name; [`GitError::NotFound`] if the revision is not there.
    pub fn keep(&self, name: &str, revision: &Revision) -> Result<(), GitError> {
        let reference = format!("refs/portcullis/keep/{}", Branch::parse(name)?);
        self.require_commit(revision)?;
        self.call("update-ref").args(["--no-deref", &reference, revision.as_str()]).run().map(drop)
    }

    /// Ends the protection of [`Repository::keep`]; that there was none is fine.
    ///
    /// # Errors
    /// [`GitError`] if git cannot remove it.
    pub fn release(&self, name: &str) -> Result<(), GitError> {
        let reference = format!("refs/portcullis/keep/{}", Branch::parse(name)?);
        self.call("update-ref").args(["--no-deref", "-d", &reference]).run().map(drop)
    }

    /// Lets git pack and prune if it thinks that there is reason to. Takes its time: for a quiet hour.
    ///
    /// # Errors
    /// [`GitError`] if git fails.
    pub fn maintain(&self) -> Result<(), GitError> {
        let housekeeping = [("gc.auto", "6700"), ("gc.autoDetach", "false")];
        let housekeeping = housekeeping.map(|(key, value)| (key.to_owned(), value.to_owned()));
        self.call("gc").args(["--auto", "--quiet"]).config(housekeeping).network(Vec::new()).run().map(drop)
    }

    /// Whether every commit of `ancestor` is also in `descendant`.
    pub(crate) fn is_ancestor(&self, ancestor: &Revision, descendant: &Revision) -> Result<bool, GitError> {
        let call = self.reading("merge-base").args(["--is-ancestor", ancestor.as_str(), descendant.as_str()]);
        Ok(call.run_expecting(&[0, 1])?.0 == 0)
    }

    pub(crate) fn require_commit(&self, revision: &Revision) -> Result<(), GitError> {
        let name = format!("{revision}^{{commit}}");
        match self.call("cat-file").args(["-e", &name]).output()? {
            output if output.status.success() => Ok(()),
            output => match self.call("cat-file").failure(&output) {
                GitError::Failed { .. } => Err(GitError::NotFound { what: format!("commit {revision}") }),
                other => Err(other),
            },
        }
    }

    /// Moves a branch from `old` (none: it must not exist) to `new`, and nothing if it is elsewhere. True: moved.
    pub(crate) fn move_branch(
        &self,
        branch: &Branch,
        old: Option<&Revision>,
        new: &Revision,
    ) -> Result<bool, GitError> {
        let nothing = "0".repeat(new.as_str().len());
        let old_name = old.map_or(nothing.as_str(), Revision::as_str);
        let call = self.call("update-ref").args(["--no-deref", &branch.full(), new.as_str(), old_name]);
        let output = call.output()?;
        if output.status.success() {
            return Ok(true);
        }
        if self.branch_head(branch)?.as_ref() != old {
            return Ok(false);
        }
        Err(GitError::RefStuck { name: branch.full(), to: new.clone(), detail: call.complaint(&output) })
    }

    /// A call in this repository.
    pub(crate) fn call(&self, operation: &str) -> Call<'_> {
        self.git.call(operation).env("GIT_DIR", &self.dir).place(&self.dir)
    }

    /// A call that reads history. A clone that was cut off keeps a list of commits whose parents git takes for none: what lay
    /// behind them would be missing without a word. Without the list git insists on the parents.
    pub(crate) fn reading(&self, operation: &str) -> Call<'_> {
        self.call(operation).env("GIT_SHALLOW_FILE", "")
    }

    pub(crate) fn git(&self) -> &Git {
        &self.git
    }
}

/// How a repository names its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ObjectFormat {
    Sha1,
    Sha256,
}

/// Makes an empty bare repository, without the templates of the machine (they hold hooks).
pub(crate) fn init(git: &Git, path: &Path, branch: &Branch, format: ObjectFormat) -> Result<(), GitError> {
    let format = match format {
        ObjectFormat::Sha1 => "--object-format=sha1",
        ObjectFormat::Sha256 => "--object-format=sha256",
    };
    let branch = format!("--initial-branch={branch}");
    let path =
        std::path::absolute(path).map_err(|source| GitError::Io { action: "find", path: path.to_owned(), source })?;
    git.call("init").args(["--quiet", "--bare", "--template=", format, &branch]).arg("--").arg(path).run().map(drop)
}

/// The revision that git printed, alone on a line.
pub(crate) fn revision(operation: &str, printed: &[u8]) -> Result<Revision, GitError> {
    let text = String::from_utf8_lossy(printed);
    Revision::parse(text.trim_end())
        .map_err(|error| GitError::Malformed { operation: operation.to_owned(), detail: error.to_string() })
}

/// Configuration that disarms every driver (filter, merge, diff) that a repository's `config` defines. Attributes of a
/// branch may name drivers; with these settings none of them starts a program. `config` is a call of that name, in the place in question. A
/// disarmed merge driver reports a
/// conflict, a disarmed filter passes content through.
pub(crate) fn disarm(config: Call<'_>) -> Result<Vec<(String, String)>, GitError> {
    let names = config.args(["--list", "--name-only", "-z"]).run()?;
    let mut disarmed = Vec::new();
    for name in names.split(|&byte| byte == 0).filter_map(|name| std::str::from_utf8(name).ok()) {
        let value = match (name.split('.').next(), name.rsplit('.').next()) {
            (Some("filter"), Some("clean" | "smudge" | "process")) => "",
            (Some("filter"), Some("required")) => "false",
            (Some("merge"), Some("driver")) => "false",
            (Some("diff"), Some("command" | "textconv" | "external")) => "",
            _ => continue,
        };
        disarmed.push((name.to_owned(), value.to_owned()));
    }
    Ok(disarmed)
}
