//! A repository in memory: trees of paths, commits with parents, and lies that a broken host might tell.

use portcullis_gate_sdk::{Refusal, fingerprint};
use portcullis_gate_security::source::{Blob, ChangeKind, Commit, EntryKind, Source, TreeChange};
use std::collections::{BTreeMap, HashMap, HashSet};

type Tree = BTreeMap<Vec<u8>, (EntryKind, String)>;

/// What the host gets wrong.
#[derive(Default)]
pub(crate) struct Lies {
    pub(crate) cut_blobs: bool,
    pub(crate) announce_less: bool,
    pub(crate) no_blobs: bool,
    pub(crate) no_commits: bool,
    pub(crate) drop_head: bool,
    pub(crate) no_changes: bool,
    pub(crate) no_merge_base: bool,
}

/// The first commit is the target's head; everything else is the branch.
pub(crate) struct Repo {
    pub(crate) lies: Lies,
    objects: HashMap<String, Vec<u8>>,
    /// In the order of creation, so parents come before children.
    commits: Vec<(Commit, Tree)>,
    head: String,
}

impl Repo {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let mut repo =
            Self { lies: Lies::default(), objects: HashMap::new(), commits: Vec::new(), head: String::new() };
        let files: Vec<_> = files.iter().map(|(path, content)| (*path, Some(*content))).collect();
        repo.record("base", &[], Tree::new(), &files);
        repo
    }

    pub(crate) fn head(&self) -> String {
        self.head.clone()
    }

    pub(crate) fn base(&self) -> String {
        self.commits[0].0.id.clone()
    }

    pub(crate) fn checkout(&mut self, commit: &str) {
        self.head = commit.to_string();
    }

    /// A commit on the head that writes (or, with none, deletes) files.
    pub(crate) fn commit(&mut self, message: &str, files: &[(&str, Option<&str>)]) -> String {
        let parent = self.head.clone();
        self.record(message, &[&parent], self.tree(&parent).clone(), files)
    }

    /// A merge whose tree is the first parent's with these files on top.
    pub(crate) fn merge(&mut self, message: &str, first: &str, second: &str, files: &[(&str, Option<&str>)]) -> String {
        self.record(message, &[first, second], self.tree(first).clone(), files)
    }

    /// A commit on the head of one entry of any kind, name and content.
    pub(crate) fn commit_raw(&mut self, message: &str, path: &[u8], kind: EntryKind, content: &[u8]) -> String {
        let parent = self.head.clone();
        let mut tree = self.tree(&parent).clone();
        let id = self.object(content);
        tree.insert(path.to_vec(), (kind, id));
        self.record(message, &[&parent], tree, &[])
    }

    fn record(&mut self, message: &str, parents: &[&str], mut tree: Tree, files: &[(&str, Option<&str>)]) -> String {
        for (path, content) in files {
            match content {
                Some(content) => {
                    let id = self.object(content.as_bytes());
                    tree.insert(path.as_bytes().to_vec(), (EntryKind::File, id));
                }
                None => drop(tree.remove(path.as_bytes())),
            }
        }
        let id = fingerprint([b"commit".as_slice(), &self.commits.len().to_be_bytes()]).repeat(3)[..40].to_string();
        let parents = parents.iter().map(ToString::to_string).collect();
        let commit = Commit { id: id.clone(), parents, message: message.as_bytes().to_vec(), committed_at_s: 0 };
        self.commits.push((commit, tree));
        self.head = id.clone();
        id
    }

    fn object(&mut self, content: &[u8]) -> String {
        let id = fingerprint([b"blob".as_slice(), content]).repeat(3)[..40].to_string();
        self.objects.insert(id.clone(), content.to_vec());
        id
    }

    fn tree(&self, commit: &str) -> &Tree {
        &self.commits.iter().find(|(c, _)| c.id == commit).unwrap().1
    }

    fn reachable(&self, from: &str) -> HashSet<String> {
        let (mut seen, mut next) = (HashSet::new(), vec![from.to_string()]);
        while let Some(id) = next.pop() {
            if seen.insert(id.clone()) {
                next.extend(self.commits.iter().find(|(c, _)| c.id == id).unwrap().0.parents.clone());
            }
        }
        seen
    }
}

fn broken<T>(what: &str) -> Result<T, Refusal> {
    Err(Refusal::Unavailable(what.into()))
}

impl Repo {
    fn handed_over(&self, id: &str) -> Result<Blob, Refusal> {
        if self.lies.no_blobs {
            return broken("no blobs today");
        }
        let mut bytes = self.objects[id].clone();
        let mut announced = bytes.len() as u64;
        if self.lies.announce_less {
            bytes.pop();
            announced -= 1;
        }
        if self.lies.cut_blobs {
            bytes.pop();
        }
        Ok(Blob { announced, bytes })
    }
}

impl Source for Repo {
    fn merge_base(&self, a: &str, b: &str) -> Result<String, Refusal> {
        let (a, b) = (self.reachable(a), self.reachable(b));
        let common =
            self.commits.iter().rev().map(|(commit, _)| &commit.id).find(|id| a.contains(*id) && b.contains(*id));
        common.filter(|_| !self.lies.no_merge_base).cloned().ok_or(Refusal::BadInput("no merge base".into()))
    }

    fn commits(&self, base: &str, head: &str) -> Result<Vec<Commit>, Refusal> {
        let (old, all) = (self.reachable(base), self.reachable(head));
        let new = |id: &str| all.contains(id) && !old.contains(id);
        let mut commits: Vec<_> =
            self.commits.iter().map(|(commit, _)| commit).filter(|commit| new(&commit.id)).cloned().collect();
        if self.lies.no_commits {
            commits.clear();
        }
        if self.lies.drop_head {
            commits.pop();
        }
        Ok(commits)
    }

    fn changes(&self, before: Option<&str>, after: &str) -> Result<Vec<TreeChange>, Refusal> {
        if self.lies.no_changes {
            return broken("no changes today");
        }
        let empty = Tree::new();
        let (old, new) = (before.map_or(&empty, |before| self.tree(before)), self.tree(after));
        let paths: std::collections::BTreeSet<_> = old.keys().chain(new.keys()).collect();
        let change = |path: &Vec<u8>| {
            let (was, is) = (old.get(path), new.get(path));
            let kind = match (was, is) {
                (Some(was), Some(is)) if was == is => return None,
                (Some(was), Some(is)) if (was.0 == EntryKind::Symlink) != (is.0 == EntryKind::Symlink) => {
                    ChangeKind::TypeChanged
                }
                (Some(_), Some(_)) => ChangeKind::Modified,
                (None, _) => ChangeKind::Added,
                (_, None) => ChangeKind::Deleted,
            };
            let after = is.map(|(_, id)| id.clone());
            let size = after.as_ref().map_or(0, |id| self.objects[id].len() as u64);
            let (entry, before) = (is.or(was)?.0, was.map(|(_, id)| id.clone()));
            Some(TreeChange { path: path.clone(), kind, entry, before, after, size })
        };
        Ok(paths.into_iter().filter_map(change).collect())
    }

    fn blobs(&self, ids: Vec<String>, _most: u64) -> Box<dyn Iterator<Item = Result<Blob, Refusal>> + '_> {
        Box::new(ids.into_iter().map(|id| self.handed_over(&id)))
    }

    fn file(&self, revision: &str, path: &str) -> Result<Option<Vec<u8>>, Refusal> {
        Ok(self.tree(revision).get(path.as_bytes()).map(|(_, id)| self.objects[id].clone()))
    }
}
