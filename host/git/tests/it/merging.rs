//! Catching up, and the local forge's merge.

use crate::scene::{Scene, branch, read, write};
use portcullis_core::facts::CaughtUp;
use portcullis_core::ids::Revision;
use portcullis_git::{CatchUpStyle, GitError, MergeOutcome, MergeStyle, Repository, Worktree};

const STYLES: [CatchUpStyle; 2] = [CatchUpStyle::Merge, CatchUpStyle::Rebase];

/// Everything in the worktree that a failed attempt could have changed.
fn state(scene: &Scene, worktree: &Worktree) -> (Revision, String, Vec<Vec<u8>>, String) {
    let symbolic = scene.origin.run(worktree.path(), ["symbolic-ref", "HEAD"]);
    (worktree.head().unwrap(), symbolic, worktree.changed_files().unwrap(), read(worktree, "a.txt"))
}

#[test]
fn a_branch_behind_its_target_is_caught_up() {
    // MRG-1
    for style in STYLES {
        let scene = Scene::new();
        let worktree = scene.task();
        write(&worktree, "b.txt", "b\n");
        let own = worktree.commit_all("own").unwrap().unwrap();
        let main = scene.main_moves("c.txt", "c\n");
        let CaughtUp::Merged(head) = worktree.catch_up(&branch("main"), &main, style).unwrap() else {
            panic!("{style:?}")
        };
        assert_eq!(worktree.head().unwrap(), head);
        assert_eq!((read(&worktree, "b.txt"), read(&worktree, "c.txt")), ("b\n".to_owned(), "c\n".to_owned()));
        assert_eq!(worktree.changed_files().unwrap(), Vec::<Vec<u8>>::new());
        let last = scene.repository().reader().commits(&main, &head).unwrap().pop().unwrap();
        match style {
            CatchUpStyle::Merge => {
                assert_eq!(last.parents, [own, main.clone()]);
                assert_eq!(last.message, b"Merge branch 'main' into task\n");
            }
            CatchUpStyle::Rebase => assert_eq!(last.parents, std::slice::from_ref(&main)),
        }
        assert_eq!(worktree.catch_up(&branch("main"), &main, style).unwrap(), CaughtUp::UpToDate);
        assert_eq!(worktree.head().unwrap(), head);
    }
}

#[test]
fn a_rebase_keeps_who_wrote_the_commits() {
    let scene = Scene::new();
    let worktree = scene.task();
    write(&worktree, "b.txt", "b\n");
    scene.origin.run(worktree.path(), ["add", "."]);
    scene.origin.run(worktree.path(), ["commit", "--quiet", "-m", "by Ada"]);
    let main = scene.main_moves("c.txt", "c\n");
    assert!(matches!(worktree.catch_up(&branch("main"), &main, CatchUpStyle::Rebase).unwrap(), CaughtUp::Merged(_)));
    assert_eq!(scene.origin.run(worktree.path(), ["log", "-1", "--format=%an %cn"]), "Ada Portcullis");
}

#[test]
fn a_branch_without_commits_of_its_own_is_moved_forward() {
    for style in STYLES {
        let scene = Scene::new();
        let worktree = scene.task();
        let main = scene.main_moves("c.txt", "c\n");
        let outcome = worktree.catch_up(&branch("main"), &main, style).unwrap();
        assert_eq!(outcome, CaughtUp::Merged(main.clone()));
        assert_eq!((worktree.head().unwrap(), read(&worktree, "c.txt")), (main, "c\n".to_owned()));
    }
}

#[test]
fn a_conflict_names_its_paths_and_leaves_branch_and_worktree_as_they_were() {
    // MRG-1
    for style in STYLES {
        let scene = Scene::new();
        let worktree = scene.task();
        write(&worktree, "fine.txt", "fine\n");
        worktree.commit_all("first").unwrap();
        write(&worktree, "a.txt", "one\nmine\nthree\n");
        write(&worktree, "odd \"näme\"\n.txt", "mine\n");
        worktree.commit_all("second").unwrap();
        write(&worktree, "build.log", "untracked stays");
        scene.origin.write("odd \"näme\"\n.txt", "theirs\n");
        let main = scene.main_moves("a.txt", "one\ntheirs\nthree\n");
        let before = state(&scene, &worktree);
        let outcome = worktree.catch_up(&branch("main"), &main, style);
        if style == CatchUpStyle::Rebase {
            // Its way back cleans the folder, so it asks for one that holds nothing but commits.
            assert!(matches!(outcome, Err(GitError::Unclean { .. })), "{outcome:?}");
            std::fs::remove_file(worktree.path().join("build.log")).unwrap();
        }
        let before = if style == CatchUpStyle::Rebase { state(&scene, &worktree) } else { before };
        let outcome = worktree.catch_up(&branch("main"), &main, style).unwrap();
        let paths = vec!["a.txt".to_owned(), "odd \"näme\"\n.txt".to_owned()];
        assert_eq!(outcome, CaughtUp::Conflict(paths), "{style:?}");
        assert_eq!(state(&scene, &worktree), before);
        assert_eq!(worktree.commit_all("still ready").unwrap().is_some(), style == CatchUpStyle::Merge);
    }
}

#[test]
fn uncommitted_work_is_never_merged_over() {
    for style in STYLES {
        let scene = Scene::new();
        let worktree = scene.task();
        let main = scene.main_moves("c.txt", "c\n");
        write(&worktree, "a.txt", "unsaved");
        let error = worktree.catch_up(&branch("main"), &main, style).unwrap_err();
        assert!(matches!(error, GitError::Unclean { .. }), "{error:?}");
        assert_eq!(read(&worktree, "a.txt"), "unsaved");
    }
    // A file that nobody tracks but the target brings along.
    let scene = Scene::new();
    let worktree = scene.task();
    let main = scene.main_moves("c.txt", "c\n");
    write(&worktree, "c.txt", "unsaved");
    let head = worktree.head().unwrap();
    assert!(worktree.catch_up(&branch("main"), &main, CatchUpStyle::Merge).is_err());
    assert_eq!((read(&worktree, "c.txt"), worktree.head().unwrap()), ("unsaved".to_owned(), head));
}

#[test]
fn a_target_that_is_not_fetched_yet_is_not_found() {
    let scene = Scene::new();
    let worktree = scene.task();
    let unseen = scene.origin.commit_file("c.txt", "c\n");
    let error = worktree.catch_up(&branch("main"), &unseen, CatchUpStyle::Merge).unwrap_err();
    assert!(matches!(error, GitError::NotFound { .. }), "{error:?}");
}

/// A forge with `main` at the first and `feature` at the second revision.
fn forge(path: &str, content: &str) -> (Scene, Revision, Revision) {
    let scene = Scene::new();
    let main = scene.origin.head();
    scene.origin.branch("feature");
    let head = scene.origin.commit_file(path, content);
    scene.origin.switch("main");
    (scene, main, head)
}

#[test]
fn the_forge_merges_a_branch_without_a_worktree_and_a_second_time_finds_it_merged() {
    // MRG-3
    let (scene, main, head) = forge("b.txt", "b\n");
    let forge = scene.forge();
    let merge = || forge.merge_commit(&branch("main"), &main, &head, "Merge feature (#1)", MergeStyle::MergeCommit);
    let MergeOutcome::Merged(merged) = merge().unwrap() else { panic!("not merged") };
    assert_eq!(scene.origin.origin_head("main"), Some(merged.clone()));
    let last = forge.reader().commits(&main, &merged).unwrap().pop().unwrap();
    assert_eq!(last.parents, [main.clone(), head.clone()]);
    assert_eq!(last.message, b"Merge feature (#1)\n");
    assert_eq!(forge.reader().read_file(&merged, b"b.txt", 10).unwrap(), b"b\n");
    assert_eq!(merge().unwrap(), MergeOutcome::AlreadyMerged(merged.clone()));
    // Still told apart when the target has moved on.
    scene.origin.git(["pull", "--quiet", "--ff-only", "origin", "main"]);
    scene.origin.commit_file("later.txt", "l\n");
    assert_eq!(merge().unwrap(), MergeOutcome::AlreadyMerged(merged));
}

#[test]
fn a_merge_whose_target_moved_changes_nothing_and_tells_where_it_is() {
    // MRG-3
    let (scene, main, head) = forge("b.txt", "b\n");
    let moved = scene.origin.commit_file("c.txt", "c\n");
    for style in [MergeStyle::MergeCommit, MergeStyle::FastForward] {
        let outcome = scene.forge().merge_commit(&branch("main"), &main, &head, "m", style).unwrap();
        assert_eq!(outcome, MergeOutcome::TargetMoved(moved.clone()));
    }
    assert_eq!(scene.origin.origin_head("main"), Some(moved));
}

#[test]
fn of_rivals_that_merge_different_branches_one_wins_and_the_others_are_told() {
    // MRG-2, MRG-3
    let scene = Scene::new();
    let main = scene.origin.head();
    let heads: Vec<_> = (0..5)
        .map(|n| {
            scene.origin.switch("main");
            scene.origin.branch(&format!("feature-{n}"));
            scene.origin.commit_file(&format!("{n}.txt"), "x\n")
        })
        .collect();
    let forge = scene.forge();
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let merge = |head| forge.merge_commit(&branch("main"), &main, head, "m", MergeStyle::MergeCommit).unwrap();
        let rivals: Vec<_> = heads.iter().map(|head| scope.spawn(move || merge(head))).collect();
        rivals.into_iter().map(|rival| rival.join().unwrap()).collect()
    });
    let winner = scene.origin.origin_head("main").unwrap();
    let won = outcomes.iter().filter(|outcome| **outcome == MergeOutcome::Merged(winner.clone())).count();
    let told = outcomes.iter().filter(|outcome| **outcome == MergeOutcome::TargetMoved(winner.clone())).count();
    assert_eq!((won, told), (1, 4), "{outcomes:?}");
}

#[test]
fn a_conflicting_merge_names_its_paths_and_changes_nothing() {
    let (scene, _, head) = forge("a.txt", "one\nmine\nthree\n");
    let moved = scene.origin.commit_file("a.txt", "one\ntheirs\nthree\n");
    let outcome = scene.forge().merge_commit(&branch("main"), &moved, &head, "m", MergeStyle::MergeCommit).unwrap();
    assert_eq!(outcome, MergeOutcome::Conflict(vec!["a.txt".to_owned()]));
    assert_eq!(scene.origin.origin_head("main"), Some(moved));
}

#[test]
fn a_target_is_moved_forward_where_that_is_asked_for_and_possible() {
    let (scene, main, head) = forge("b.txt", "b\n");
    let merge = || scene.forge().merge_commit(&branch("main"), &main, &head, "m", MergeStyle::FastForward).unwrap();
    assert_eq!(merge(), MergeOutcome::Merged(head.clone()));
    assert_eq!(scene.origin.origin_head("main"), Some(head.clone()));
    assert_eq!(merge(), MergeOutcome::AlreadyMerged(head));
}

#[test]
fn a_forge_made_from_nothing_takes_a_first_push() {
    let scene = Scene::new();
    let path = scene.origin.root().join("new/forge.git");
    let forge = Repository::create(&scene.git, &path, &branch("main")).unwrap();
    scene.origin.git(["push", "--quiet", path.to_str().unwrap(), "HEAD:main"]);
    assert_eq!(forge.branch_head(&branch("main")).unwrap(), Some(scene.origin.head()));
    assert_eq!(scene.origin.run(forge.path(), ["symbolic-ref", "HEAD"]), "refs/heads/main");
}

#[test]
fn a_merge_of_or_into_what_is_not_there_is_an_error() {
    let (scene, main, head) = forge("b.txt", "b\n");
    let absent = Revision::parse(&"d".repeat(40)).unwrap();
    for (target, head) in [("absent", &head), ("main", &absent)] {
        let error = scene.forge().merge_commit(&branch(target), &main, head, "m", MergeStyle::MergeCommit).unwrap_err();
        assert!(matches!(error, GitError::NotFound { .. }), "{error:?}");
    }
}
