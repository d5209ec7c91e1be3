//! Repositories that somebody else works in.

use portcullis_git::{Checkout, Git, GitError, GitSettings};
use portcullis_testkit::TempRepo;
use std::fs;

fn git() -> Git {
    Git::new(GitSettings::default())
}

#[test]
fn a_checkout_is_found_from_any_folder_and_names_are_resolved_in_it() {
    let repo = TempRepo::with_commit("a.txt", "one\n");
    let first = repo.head();
    repo.commit_file("below/b.txt", "two\n");
    let checkout = Checkout::open(&git(), &repo.work().join("below")).unwrap();
    let head = repo.head();
    for (name, found) in [
        ("HEAD", Some(&head)),
        ("main", Some(&head)),
        ("HEAD~1", Some(&first)),
        (&head.as_str()[..12], Some(&head)),
        ("HEAD:a.txt", None),
        ("no-such-branch", None),
        ("--help", None),
        ("", None),
        ("a\0b", None),
    ] {
        assert_eq!(checkout.resolve(name).unwrap().as_ref(), found, "{name:?}");
    }
    assert_eq!(checkout.branch().unwrap().as_deref(), Some("main"));
    assert_eq!(checkout.repository().reader().commits(&first, &head).unwrap().len(), 1);
}

#[test]
fn a_linked_worktree_has_its_own_head_and_the_common_objects() {
    let repo = TempRepo::with_commit("a.txt", "one\n");
    let folder = repo.root().join("linked");
    repo.git(["worktree", "add", "--quiet", "--detach", folder.to_str().unwrap()]);
    repo.commit_file("b.txt", "two\n");
    let checkout = Checkout::open(&git(), &folder).unwrap();
    let main = repo.head();
    assert_eq!(checkout.resolve("main").unwrap().as_ref(), Some(&main));
    assert_ne!(checkout.resolve("HEAD").unwrap().as_ref(), Some(&main));
    assert_eq!(checkout.branch().unwrap(), None);
    assert!(checkout.repository().reader().tree(&main).is_ok());
}

#[test]
fn what_is_no_repository_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = Checkout::open(&git(), folder.path()).unwrap_err();
    assert!(matches!(error, GitError::NoRepository { .. }), "{error}");
    let error = Checkout::open(&git(), &folder.path().join("nowhere")).unwrap_err();
    assert!(matches!(error, GitError::NoRepository { .. }), "{error}");
    // Git looks further up than to a folder that only looks like a repository.
    fs::create_dir(folder.path().join(".git")).unwrap();
    assert!(Checkout::open(&git(), folder.path()).is_err());
}
