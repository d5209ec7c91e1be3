//! Committing what a role left, and pushing it.

use crate::scene::{Scene, branch, trap, write};
use portcullis_git::{GitError, PushOutcome};
use portcullis_testkit::TempRepo;

#[test]
fn whatever_a_role_left_is_committed_in_the_daemons_name_with_the_message_as_it_is() {
    // LAU-3
    let origin = TempRepo::new();
    origin.write("a.txt", "one\n");
    origin.write("gone.txt", "x\n");
    origin.write(".gitignore", "/build\n");
    origin.commit("start");
    let scene = Scene::over(origin);
    let worktree = scene.task();
    let before = worktree.head().unwrap();
    write(&worktree, "a.txt", "two\n");
    write(&worktree, "deep/-new file", "n\n");
    write(&worktree, "staged.txt", "s\n");
    write(&worktree, "build/out", "o\n");
    scene.origin.run(worktree.path(), ["add", "staged.txt"]);
    std::fs::remove_file(worktree.path().join("gone.txt")).unwrap();

    let mut changed = worktree.changed_files().unwrap();
    changed.sort();
    assert_eq!(changed, [&b"a.txt"[..], b"deep/-new file", b"gone.txt", b"staged.txt"]);
    let message = "developer(ORCH): auto-commit from developer run_id=7\n\n# kept, not a comment";
    let head = worktree.commit_all(message).unwrap().unwrap();

    let reader = scene.repository().reader();
    let commits = reader.commits(&before, &head).unwrap();
    assert_eq!(commits.len(), 1);
    assert_eq!(commits[0].message, format!("{message}\n").as_bytes());
    assert_eq!(reader.changes(Some(&before), &head).unwrap().len(), 4);
    assert_eq!(worktree.head().unwrap(), head);
    let author = scene.origin.run(worktree.path(), ["log", "-1", "--format=%an <%ae> %cn"]);
    assert_eq!(author, "Portcullis <portcullis@localhost> Portcullis");
    assert_eq!(worktree.changed_files().unwrap(), Vec::<Vec<u8>>::new());
    assert_eq!(worktree.commit_all("again").unwrap(), None);
    assert_eq!(worktree.head().unwrap(), head);
}

#[test]
fn file_names_of_any_bytes_are_committed() {
    // LAU-3
    use std::os::unix::ffi::OsStrExt;
    let scene = Scene::new();
    let worktree = scene.task();
    let base = worktree.head().unwrap();
    let names: [&[u8]; 4] = [b"--all", b"new\nline", b"\xff\xfe", b":(glob)*"];
    for name in names {
        std::fs::write(worktree.path().join(std::ffi::OsStr::from_bytes(name)), "x").unwrap();
    }
    let mut changed = worktree.changed_files().unwrap();
    changed.sort();
    let mut wanted: Vec<_> = names.iter().map(|name| name.to_vec()).collect();
    wanted.sort();
    assert_eq!(changed, wanted);
    let head = worktree.commit_all("names").unwrap().unwrap();
    assert_eq!(scene.repository().reader().changes(Some(&base), &head).unwrap().len(), 4);
}

#[test]
fn a_merge_that_a_role_finished_keeps_both_parents() {
    // LAU-3
    let scene = Scene::new();
    let worktree = scene.task();
    write(&worktree, "b.txt", "b\n");
    let own = worktree.commit_all("own").unwrap().unwrap();
    let main = scene.main_moves("c.txt", "c\n");
    scene.origin.run(worktree.path(), ["merge", "--no-commit", "--quiet", main.as_str()]);
    let merged = worktree.commit_all("merge").unwrap().unwrap();
    let commits = scene.repository().reader().commits(&main, &merged).unwrap();
    assert_eq!(commits.last().unwrap().parents, [own, main]);
}

#[test]
fn conflicts_and_a_half_done_rebase_are_never_committed() {
    let scene = Scene::new();
    let worktree = scene.task();
    write(&worktree, "a.txt", "mine\n");
    let own = worktree.commit_all("own").unwrap().unwrap();
    let main = scene.main_moves("a.txt", "theirs\n");
    for verb in ["merge", "rebase"] {
        // Fails by its conflict, as a role would leave it.
        let alias = format!("alias.leave=!git {verb} {main} || true");
        scene.origin.run(worktree.path(), ["-c", &alias, "leave"]);
        let error = worktree.commit_all("no").unwrap_err();
        assert!(matches!(error, GitError::Unfinished { .. }) && error.to_string().contains(verb), "{error}");
        assert_eq!(worktree.head().unwrap(), own);
        worktree.reset(&own).unwrap();
        assert_eq!(worktree.commit_all("nothing").unwrap(), None);
    }
}

#[test]
fn a_lock_left_by_a_killed_git_does_not_stop_the_commit() {
    // LAU-5: the role's git was killed with its group.
    let scene = Scene::new();
    let worktree = scene.task();
    write(&worktree, "b.txt", "b\n");
    let index = scene.origin.run(worktree.path(), ["rev-parse", "--git-path", "index.lock"]);
    std::fs::write(&index, "").unwrap();
    assert!(worktree.commit_all("b").unwrap().is_some());
}

#[test]
fn commits_made_elsewhere_are_taken_if_they_build_on_the_branch_and_refused_otherwise() {
    let scene = Scene::new();
    let worktree = scene.task();
    let base = worktree.head().unwrap();
    scene.origin.run(worktree.path(), ["switch", "--quiet", "-c", "my-own-idea"]);
    write(&worktree, "b.txt", "b\n");
    scene.origin.run(worktree.path(), ["add", "."]);
    scene.origin.run(worktree.path(), ["commit", "--quiet", "-m", "elsewhere"]);
    write(&worktree, "c.txt", "c\n");
    let head = worktree.commit_all("home").unwrap().unwrap();
    assert_eq!(worktree.head().unwrap(), head);
    assert_eq!(scene.repository().reader().commits(&base, &head).unwrap().len(), 2);

    scene.origin.run(worktree.path(), ["checkout", "--quiet", base.as_str()]);
    write(&worktree, "d.txt", "d\n");
    let error = worktree.commit_all("lost").unwrap_err();
    assert!(matches!(error, GitError::WrongBranch { .. }), "{error:?}");
    assert_eq!(worktree.head().unwrap(), head);
}

#[test]
fn a_push_publishes_the_branch_and_saying_it_twice_is_fine() {
    let scene = Scene::new();
    let worktree = scene.task();
    write(&worktree, "b.txt", "b\n");
    let head = worktree.commit_all("b").unwrap().unwrap();
    let pushed = PushOutcome::Pushed { head: head.clone() };
    assert_eq!(scene.mirror.push(&branch("task"), None).unwrap(), pushed);
    assert_eq!(scene.origin.origin_head("task"), Some(head.clone()));
    // As after a crash: what is expected is older than what this very push has done.
    assert_eq!(scene.mirror.push(&branch("task"), None).unwrap(), pushed);
    write(&worktree, "b.txt", "c\n");
    let next = worktree.commit_all("c").unwrap().unwrap();
    assert_eq!(scene.mirror.push(&branch("task"), Some(&head)).unwrap(), PushOutcome::Pushed { head: next });
}

#[test]
fn a_push_that_lost_the_race_changes_nothing_and_tells_the_actual_head() {
    // I7
    let scene = Scene::new();
    let worktree = scene.task();
    let base = worktree.head().unwrap();
    write(&worktree, "b.txt", "b\n");
    worktree.commit_all("b").unwrap();
    scene.origin.branch("task");
    let rival = scene.origin.commit_file("rival.txt", "r\n");
    for expected in [None, Some(&base)] {
        let outcome = scene.mirror.push(&branch("task"), expected).unwrap();
        assert_eq!(outcome, PushOutcome::Rejected { actual: Some(rival.clone()) });
    }
    assert_eq!(scene.origin.origin_head("task"), Some(rival.clone()));
    scene.origin.git(["push", "--quiet", "origin", ":task"]);
    let outcome = scene.mirror.push(&branch("task"), Some(&rival)).unwrap();
    assert_eq!(outcome, PushOutcome::Rejected { actual: None });
    assert_eq!(scene.origin.origin_head("task"), None);
}

#[test]
fn of_ten_rivals_that_push_different_heads_one_wins() {
    // I7
    let scene = Scene::new();
    let base = scene.origin.head();
    let mut mirrors = Vec::new();
    for n in 0..10 {
        let dir = scene.origin.root().join(format!("home/rival-{n}.git"));
        let mirror = portcullis_git::Mirror::ensure(&scene.git, scene.mirror.remote(), &dir).unwrap();
        let folder = scene.folder(&format!("rival-{n}"));
        let worktree = mirror.repository().ensure_worktree(&branch("task"), &folder, &base).unwrap();
        write(&worktree, "b.txt", &format!("{n}\n"));
        worktree.commit_all("mine").unwrap();
        mirrors.push(mirror);
    }
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let rivals: Vec<_> =
            mirrors.iter().map(|mirror| scope.spawn(|| mirror.push(&branch("task"), None).unwrap())).collect();
        rivals.into_iter().map(|rival| rival.join().unwrap()).collect()
    });
    let winners: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            PushOutcome::Pushed { head } => Some(head.clone()),
            PushOutcome::Rejected { .. } => None,
        })
        .collect();
    assert_eq!(winners.len(), 1, "{outcomes:?}");
    assert_eq!(scene.origin.origin_head("task"), winners.into_iter().next());
}

#[test]
fn a_push_that_the_forge_refuses_is_an_error_that_says_why() {
    let scene = Scene::new();
    let worktree = scene.task();
    write(&worktree, "b.txt", "b\n");
    worktree.commit_all("b").unwrap();
    let hook = scene.origin.origin().join("hooks/pre-receive");
    trap(&hook, &scene.origin.root().join("trace"));
    std::fs::write(&hook, "#!/bin/sh\necho branch is protected >&2\nexit 1\n").unwrap();
    let error = scene.mirror.push(&branch("task"), None).unwrap_err();
    assert!(matches!(error, GitError::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("branch is protected"), "{error}");
    assert!(matches!(scene.mirror.push(&branch("absent"), None), Err(GitError::NotFound { .. })));
}
