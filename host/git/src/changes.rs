//! What one tree changed against another.

use crate::dialogue::Dialogue;
use crate::error::GitError;
use crate::kept::Keep;
use crate::reader::ObjectReader;
use crate::repository::Repository;
use crate::wire;
use portcullis_core::facts::{ChangeKind, EntryKind, RepositoryError, TreeChange};
use portcullis_core::ids::Revision;
use std::collections::{BTreeSet, HashMap};
use std::sync::PoisonError;

const OPERATION: &str = "diff-tree";
/// Names no object.
const END: &[u8] = b"end\n";

/// Most paths of one answer.
const CHANGE_LIMIT: usize = 200_000;
/// Most bytes of one answer.
const CHANGES_BYTES: usize = 256 << 20;
/// Bytes of trees about which a process is asked before another one takes its place.
const TREES_HELD: u64 = 64 << 20;
/// Git knows the empty tree without having it.
const EMPTY_TREE_SHA1: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
const EMPTY_TREE_SHA256: &str = "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321";

impl ObjectReader {
    /// What `after` changed against `before` (none: the empty tree); each a commit or a tree. A rename is one deletion
    /// and one addition. Sorted by path, as git sorts.
    ///
    /// # Errors
    /// [`RepositoryError::NotFound`] if one of them is not there; [`RepositoryError::Failed`] past 200 000 paths.
    pub fn changes(&self, before: Option<&Revision>, after: &Revision) -> Result<Vec<TreeChange>, RepositoryError> {
        let after = self.tree_of(after)?;
        let before = before.map(|before| self.tree_of(before)).transpose()?;
        let empty = if after.as_str().len() == 40 { EMPTY_TREE_SHA1 } else { EMPTY_TREE_SHA256 };
        let from = before.as_ref().map_or(empty, Revision::as_str);
        let start = || Differ::start(&self.repository);
        let changes = self.differs.ask(start, |differ| {
            let mut changes = differ.diff(from, after.as_str())?;
            differ.held += self.measure(&mut changes, before.iter().chain([&after]))?;
            Ok(changes)
        });
        Ok(changes.map_err(|error| self.cause(error))?)
    }

    /// The tree of a commit or tree. Asked in a way that makes git keep nothing in memory: of a commit, its first line.
    pub(crate) fn tree_of(&self, revision: &Revision) -> Result<Revision, RepositoryError> {
        if let Some(tree) = self.trees.lock().unwrap_or_else(PoisonError::into_inner).get(revision) {
            return Ok(tree.clone());
        }
        let missing = || RepositoryError::NotFound(format!("commit or tree {revision}"));
        let found = self.info(revision.as_str().as_bytes())?.ok_or_else(missing)?;
        match found.kind.as_str() {
            "tree" => Ok(found.id),
            "commit" => {
                let (_, raw) = self.contents(found.id.as_str().as_bytes(), found.size)?.ok_or_else(missing)?;
                wire::tree_of(&raw).ok_or_else(missing)
            }
            _ => Err(missing()),
        }
    }

    /// Fills in the sizes, all asked of one process at once, and answers how many bytes `trees` have.
    fn measure<'t>(
        &self,
        changes: &mut [TreeChange],
        trees: impl Iterator<Item = &'t Revision>,
    ) -> Result<u64, GitError> {
        let files = changes.iter().filter(|change| change.entry != EntryKind::Submodule);
        let mut ids: Vec<Revision> = trees.cloned().collect();
        let count = ids.len();
        ids.extend(files.filter_map(|change| change.after.as_ref()).collect::<BTreeSet<_>>().into_iter().cloned());
        let names: Vec<&[u8]> = ids.iter().map(|id| id.as_str().as_bytes()).collect();
        let found = self.infos(&names)?;
        let sizes: HashMap<&Revision, u64> =
            ids.iter().zip(&found).filter_map(|(id, found)| Some((id, found.as_ref()?.size))).collect();
        for change in changes.iter_mut().filter(|change| change.entry != EntryKind::Submodule) {
            if let Some(id) = &change.after {
                change.size = *sizes.get(id).ok_or_else(|| GitError::NotFound { what: format!("blob {id}") })?;
            }
        }
        Ok(found[..count].iter().flatten().map(|tree| tree.size).sum())
    }
}

/// One `git diff-tree --stdin` process that compares any number of pairs of trees.
#[derive(Debug)]
pub(crate) struct Differ {
    dialogue: Dialogue,
    /// Bytes of trees that it was asked about: git keeps them.
    held: u64,
    /// [`CHANGES_BYTES`], but in tests.
    most_bytes: usize,
}

impl Keep for Differ {
    fn is_light(&self) -> bool {
        self.held < TREES_HELD
    }
}

impl Differ {
    pub(crate) fn start(repository: &Repository) -> Result<Self, GitError> {
        // `--ignore-submodules=none`: where git finds a `.gitmodules` (today in worktrees only), the branch's own could
        // otherwise hide a change.
        let how = ["--stdin", "-r", "--raw", "-z", "--no-abbrev", "--no-renames", "--no-ext-diff", "--no-textconv"];
        let call = repository.reading(OPERATION).args(how).arg("--ignore-submodules=none");
        let limit = repository.git().settings().local_limit;
        Ok(Self { dialogue: Dialogue::start(&call, OPERATION, limit)?, held: 0, most_bytes: CHANGES_BYTES })
    }

    /// What git prints of a pair is the pair, the changes, and then, because it repeats a line that names no object, `END`.
    /// A pair that it cannot read is not printed.
    fn diff(&mut self, before: &str, after: &str) -> Result<Vec<TreeChange>, GitError> {
        self.dialogue.start_clock();
        let pair = [before, " ", after, "\n"].concat();
        self.dialogue.say(&[pair.as_bytes(), END]);
        self.dialogue.listen(|heard| heard.len() >= pair.len() || heard.starts_with(END))?;
        if !self.dialogue.heard().starts_with(pair.as_bytes()) {
            return Err(self.dialogue.out_of_step("nothing of two trees that are there"));
        }
        self.dialogue.take(pair.len());
        let mut changes = Vec::new();
        let mut left = self.most_bytes;
        loop {
            self.dialogue.listen(|heard| heard.len() >= END.len())?;
            if self.dialogue.heard().starts_with(END) {
                self.dialogue.take(END.len());
                return Ok(changes);
            }
            let line = self.field()?;
            let path = self.field()?;
            let over = GitError::TooMuchOutput { operation: OPERATION.to_owned(), limit: self.most_bytes };
            left = left.checked_sub(line.len() + path.len()).ok_or(over)?;
            changes.push(parse(&line, path)?);
            if changes.len() > CHANGE_LIMIT {
                return Err(GitError::TooMany { what: "changed paths", limit: CHANGE_LIMIT });
            }
        }
    }

    fn field(&mut self) -> Result<Vec<u8>, GitError> {
        let end = self.dialogue.listen_to(0)?;
        let field = self.dialogue.heard()[..end].to_vec();
        self.dialogue.take(end + 1);
        Ok(field)
    }
}

/// Parses `:<mode> <mode> <id> <id> <status>`.
fn parse(line: &[u8], path: Vec<u8>) -> Result<TreeChange, GitError> {
    let malformed =
        || GitError::Malformed { operation: OPERATION.to_owned(), detail: "a line that is no change".to_owned() };
    let line = std::str::from_utf8(line).ok().and_then(|line| line.strip_prefix(':')).ok_or_else(malformed)?;
    let words: Vec<&str> = line.split(' ').collect();
    let [mode_before, mode_after, before, after, status] = words[..] else { return Err(malformed()) };
    let kind = match status {
        "A" => ChangeKind::Added,
        "M" => ChangeKind::Modified,
        "D" => ChangeKind::Deleted,
        "T" => ChangeKind::TypeChanged,
        _ => return Err(malformed()),
    };
    if path.is_empty() {
        return Err(malformed());
    }
    let entry = entry(if kind == ChangeKind::Deleted { mode_before } else { mode_after });
    let before = object(before).map_err(|()| malformed())?;
    let after = object(after).map_err(|()| malformed())?;
    Ok(TreeChange { path, kind, entry, before, after, size: 0 })
}

/// Zeros stand for "no object".
fn object(name: &str) -> Result<Option<Revision>, ()> {
    let id = Revision::parse(name).map_err(|_| ())?;
    Ok(if name.bytes().all(|digit| digit == b'0') { None } else { Some(id) })
}

fn entry(mode: &str) -> EntryKind {
    match mode {
        "100755" => EntryKind::Executable,
        "120000" => EntryKind::Symlink,
        "160000" => EntryKind::Submodule,
        // 100644, and 100664 in trees that very old versions wrote.
        _ => EntryKind::File,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where its set-up fails")]
    use super::*;
    use crate::git::{Git, GitSettings};
    use portcullis_testkit::TempRepo;

    /// A commit of three files, and a reader of it.
    fn three_files() -> (TempRepo, Revision, ObjectReader) {
        let repo = TempRepo::new();
        for path in ["file-1", "file-2", "file-3"] {
            repo.write(path, path);
        }
        let head = repo.commit("three files");
        let reader = Repository::open(&Git::new(GitSettings::default()), &repo.origin()).unwrap().reader();
        (repo, head, reader)
    }

    #[test]
    fn an_answer_of_more_bytes_than_the_bound_is_refused_and_the_next_question_gets_a_new_process() {
        let (_repo, head, reader) = three_files();
        let ask = |most_bytes| {
            let differ = Differ::start(&reader.repository).unwrap();
            reader.differs.put_back(Differ { most_bytes, ..differ });
            reader.changes(None, &head)
        };
        // `:000000 100644 <id> <id> A` and a path.
        let bytes = 3 * (15 + 2 * 41 + 1 + "file-1".len());
        assert_eq!(ask(bytes).unwrap().len(), 3);
        let limit = bytes - 1;
        let over = GitError::TooMuchOutput { operation: OPERATION.to_owned(), limit };
        assert_eq!(ask(limit), Err(over.into()));
        // The rest of that answer would be taken for the next one.
        assert_eq!(reader.changes(None, &head).unwrap().len(), 3);
    }

    #[test]
    fn a_process_that_was_kept_for_long_has_the_whole_limit_for_its_next_question() {
        let (_repo, head, reader) = three_files();
        let mut differ = Differ::start(&reader.repository).unwrap();
        differ.dialogue.run_out();
        reader.differs.put_back(differ);
        assert_eq!(reader.changes(None, &head).unwrap().len(), 3);
    }

    #[test]
    fn an_answer_that_is_no_list_of_changes_is_refused_not_guessed_at() {
        let id = "a".repeat(40);
        let good = format!(":100644 100644 {id} {id} M");
        assert!(parse(good.as_bytes(), b"path".to_vec()).is_ok());
        for (line, path) in [
            ("nonsense", "path"),
            (&good, ""),
            (&format!(":100644 100644 {id} {id} R100"), "a"),
            (&format!(":100644 100644 {id} short M"), "a"),
        ] {
            assert!(parse(line.as_bytes(), path.into()).is_err(), "{line:?}");
        }
    }
}
