//! One branch and one worktree a task.

use crate::scene::{Scene, branch, read, write};
use portcullis_core::ids::Revision;
use portcullis_git::GitError;

#[test]
fn making_sure_of_a_worktree_again_keeps_what_is_in_it() {
    // QUE-2
    let scene = Scene::new();
    let worktree = scene.task();
    assert_eq!(read(&worktree, "a.txt"), "one\ntwo\nthree\n");
    write(&worktree, "b.txt", "work\n");
    scene.main_moves("c.txt", "c\n");
    // By now `main` is elsewhere: the branch keeps its start.
    let again = scene.task();
    assert_eq!(again.path(), worktree.path());
    assert_eq!(read(&again, "b.txt"), "work\n");
    assert!(!again.path().join("c.txt").exists());
}

#[test]
fn of_rivals_that_make_one_worktree_each_gets_the_same_one() {
    // QUE-2
    let scene = Scene::new();
    let heads: Vec<Revision> = std::thread::scope(|scope| {
        let rivals: Vec<_> = (0..6).map(|_| scope.spawn(|| scene.task().head().unwrap())).collect();
        rivals.into_iter().map(|rival| rival.join().unwrap()).collect()
    });
    assert!(heads.iter().all(|head| *head == scene.origin.head()));
    let listed = scene.origin.run(scene.repository().path(), ["worktree", "list"]);
    assert_eq!(listed.lines().count(), 2, "{listed}");
}

#[test]
fn a_deleted_worktree_is_made_again_from_its_branch_even_if_its_registration_is_locked() {
    // QUE-2
    let scene = Scene::new();
    let worktree = scene.task();
    write(&worktree, "b.txt", "b\n");
    let head = worktree.commit_all("b").unwrap().unwrap();
    scene.origin.run(scene.repository().path(), ["worktree", "lock", worktree.path().to_str().unwrap()]);
    std::fs::remove_dir_all(worktree.path()).unwrap();
    let error = worktree.commit_all("x").unwrap_err();
    assert!(matches!(error, GitError::NoWorktree { .. }), "{error:?}");
    let error = worktree.changed_files().unwrap_err();
    assert!(matches!(error, GitError::NoWorktree { .. }), "{error:?}");
    let again = scene.task();
    assert_eq!((again.head().unwrap(), read(&again, "b.txt")), (head, "b\n".to_owned()));
}

#[test]
fn a_checkout_that_a_dying_daemon_left_half_done_is_made_again() {
    let scene = Scene::new();
    let worktree = scene.task();
    let admin = scene.origin.run(worktree.path(), ["rev-parse", "--absolute-git-dir"]);
    std::fs::write(format!("{admin}/locked"), "initializing").unwrap();
    std::fs::remove_file(worktree.path().join("a.txt")).unwrap();
    assert_eq!(read(&scene.task(), "a.txt"), "one\ntwo\nthree\n");
}

#[test]
fn a_damaged_link_between_folder_and_mirror_is_mended_and_a_foreign_one_is_not_followed() {
    let scene = Scene::new();
    let worktree = scene.task();
    std::fs::remove_file(worktree.path().join(".git")).unwrap();
    // A role that starts a repository of its own there must not move the daemon's commits into it.
    scene.origin.run(worktree.path(), ["init", "--quiet"]);
    write(&worktree, "b.txt", "b\n");
    let head = worktree.commit_all("b").unwrap().unwrap();
    assert_eq!(scene.repository().branch_head(&branch("task")).unwrap(), Some(head.clone()));
    let again = scene.task();
    assert_eq!(scene.origin.run(again.path(), ["rev-parse", "HEAD"]), head.as_str());
}

#[test]
fn a_folder_that_holds_something_else_is_not_touched() {
    let scene = Scene::new();
    let folder = scene.folder("task");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("precious"), "p").unwrap();
    let main = scene.origin.head();
    let error = scene.repository().ensure_worktree(&branch("task"), &folder, &main).unwrap_err();
    assert!(matches!(error, GitError::Occupied { .. }) && error.to_string().contains("worktrees/task"), "{error}");
    let error = scene.repository().remove_worktree(&folder).unwrap_err();
    assert!(matches!(error, GitError::Occupied { .. }), "{error}");
    assert!(folder.join("precious").exists());
    std::fs::remove_file(folder.join("precious")).unwrap();
    scene.repository().ensure_worktree(&branch("task"), &folder, &main).unwrap();
}

#[test]
fn a_branch_gets_no_second_worktree_until_the_first_is_gone() {
    // QUE-2
    let scene = Scene::new();
    let first = scene.task();
    let main = scene.origin.head();
    let second = scene.folder("second");
    let error = scene.repository().ensure_worktree(&branch("task"), &second, &main).unwrap_err();
    assert!(matches!(error, GitError::BranchInUse { .. }), "{error:?}");
    std::fs::remove_dir_all(first.path()).unwrap();
    scene.repository().ensure_worktree(&branch("task"), &second, &main).unwrap();
}

#[test]
fn removing_a_worktree_keeps_its_branch_and_may_be_repeated() {
    let scene = Scene::new();
    let worktree = scene.task();
    write(&worktree, "b.txt", "b\n");
    let head = worktree.commit_all("b").unwrap();
    write(&worktree, "uncommitted", "x");
    scene.repository().remove_worktree(worktree.path()).unwrap();
    assert!(!worktree.path().exists());
    scene.repository().remove_worktree(worktree.path()).unwrap();
    assert_eq!(scene.repository().branch_head(&branch("task")).unwrap(), head);
    assert_eq!(scene.task().head().ok(), head);
}

#[test]
fn a_worktree_that_a_role_left_on_another_branch_is_put_back_and_its_commits_are_kept() {
    let scene = Scene::new();
    let worktree = scene.task();
    write(&worktree, "b.txt", "b\n");
    let head = worktree.commit_all("b").unwrap().unwrap();
    scene.origin.run(worktree.path(), ["checkout", "--quiet", "--detach", "HEAD~1"]);
    scene.origin.run(worktree.path(), ["commit", "--quiet", "--allow-empty", "-m", "stray"]);
    let stray = scene.origin.run(worktree.path(), ["rev-parse", "HEAD"]);
    let again = scene.task();
    assert_eq!(again.head().unwrap(), head);
    assert_eq!(scene.origin.run(again.path(), ["symbolic-ref", "HEAD"]), "refs/heads/task");
    assert_eq!(read(&again, "b.txt"), "b\n");
    let kept = scene.repository().resolve(&format!("refs/portcullis/stray/task/{stray}")).unwrap().unwrap();
    assert_eq!(kept.as_str(), stray);
}

#[test]
fn a_reset_worktree_is_as_its_commit_but_for_what_git_ignores() {
    let scene = Scene::new();
    let worktree = scene.task();
    let base = worktree.head().unwrap();
    write(&worktree, ".gitignore", "/cache\n");
    let ignoring = worktree.commit_all("ignore").unwrap().unwrap();
    write(&worktree, "a.txt", "changed");
    write(&worktree, "nested/new", "x");
    write(&worktree, "cache/warm", "x");
    scene.origin.run(&worktree.path().join("nested"), ["init", "--quiet"]);
    worktree.reset(&ignoring).unwrap();
    assert_eq!(read(&worktree, "a.txt"), "one\ntwo\nthree\n");
    assert!(!worktree.path().join("nested").exists() && worktree.path().join("cache/warm").exists());
    worktree.reset(&base).unwrap();
    assert_eq!(worktree.head().unwrap(), base);
    let absent = Revision::parse(&"d".repeat(40)).unwrap();
    assert!(matches!(worktree.reset(&absent), Err(GitError::NotFound { .. })));
    assert_eq!(worktree.head().unwrap(), base);
}

#[test]
fn a_new_branch_needs_a_start_that_is_there() {
    let scene = Scene::new();
    let absent = Revision::parse(&"d".repeat(40)).unwrap();
    let error = scene.repository().ensure_worktree(&branch("task"), &scene.folder("task"), &absent).unwrap_err();
    assert!(matches!(error, GitError::NotFound { .. }), "{error:?}");
    assert_eq!(scene.repository().branch_head(&branch("task")).unwrap(), None);
    assert!(!scene.folder("task").exists());
}
