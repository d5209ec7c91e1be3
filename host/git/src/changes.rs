//! What one tree changed against another.

use crate::error::GitError;
use crate::reader::ObjectReader;
use crate::wire::{self, fields};
use portcullis_core::facts::{ChangeKind, EntryKind, RepositoryError, TreeChange};
use portcullis_core::ids::Revision;
use std::collections::HashMap;

/// Most paths of one answer.
const CHANGE_LIMIT: usize = 200_000;
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
        for tree in before.into_iter().chain([after]) {
            match self.info(tree.as_str().as_bytes())? {
                Some(found) if found.kind == "commit" || found.kind == "tree" => {}
                _ => return Err(RepositoryError::NotFound(format!("commit or tree {tree}"))),
            }
        }
        let empty = if after.as_str().len() == 40 { EMPTY_TREE_SHA1 } else { EMPTY_TREE_SHA256 };
        let before = before.map_or(empty, Revision::as_str);
        // `--ignore-submodules=none`: where git finds a `.gitmodules` (today in worktrees only), the branch's own could
        // otherwise hide a change.
        let how = ["-r", "--raw", "-z", "--no-abbrev", "--no-renames", "--no-ext-diff", "--no-textconv"];
        let call = self.repository.call("diff-tree").args(how).arg("--ignore-submodules=none");
        let printed = call.args([before, after.as_str(), "--"]).run()?;
        let mut changes = parse(&printed)?;
        self.measure(&mut changes)?;
        Ok(changes)
    }

    /// Fills in the sizes, all asked of one process at once.
    fn measure(&self, changes: &mut [TreeChange]) -> Result<(), RepositoryError> {
        let measured = |change: &&mut TreeChange| change.entry != EntryKind::Submodule && change.after.is_some();
        let mut question = String::new();
        for change in changes.iter_mut().filter(measured) {
            if let Some(id) = &change.after {
                question.push_str(id.as_str());
                question.push('\n');
            }
        }
        if question.is_empty() {
            return Ok(());
        }
        let printed = self.repository.call("cat-file").arg("--batch-check").input(question).run()?;
        let lines = printed.split(|&byte| byte == b'\n').filter_map(wire::header);
        let sizes: HashMap<Revision, u64> = lines.map(|found| (found.id, found.size)).collect();
        for change in changes.iter_mut().filter(measured) {
            if let Some(id) = &change.after {
                change.size = *sizes.get(id).ok_or_else(|| RepositoryError::NotFound(format!("blob {id}")))?;
            }
        }
        Ok(())
    }
}

/// Parses `:<mode> <mode> <id> <id> <status>` and the path after it, each ended by NUL.
fn parse(printed: &[u8]) -> Result<Vec<TreeChange>, GitError> {
    let malformed =
        || GitError::Malformed { operation: "diff-tree".to_owned(), detail: "a line that is no change".to_owned() };
    let mut changes = Vec::new();
    let mut parts = fields(printed);
    while let Some(line) = parts.next() {
        let path = parts.next().ok_or_else(malformed)?.to_vec();
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
        let entry = entry(if kind == ChangeKind::Deleted { mode_before } else { mode_after });
        let before = object(before).map_err(|()| malformed())?;
        let after = object(after).map_err(|()| malformed())?;
        changes.push(TreeChange { path, kind, entry, before, after, size: 0 });
        if changes.len() > CHANGE_LIMIT {
            return Err(GitError::TooMany { what: "changed paths", limit: CHANGE_LIMIT });
        }
    }
    Ok(changes)
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
    use super::*;

    #[test]
    fn an_answer_that_is_no_list_of_changes_is_refused_not_guessed_at() {
        let id = "a".repeat(40);
        for printed in [
            "nonsense\0path\0".to_owned(),
            format!(":100644 100644 {id} {id} M\0"),
            format!(":100644 100644 {id} {id} R100\0a\0b\0"),
            format!(":100644 100644 {id} short M\0a\0"),
        ] {
            assert!(parse(printed.as_bytes()).is_err(), "{printed:?}");
        }
    }
}
