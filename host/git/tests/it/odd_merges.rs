//! Catching up with what is more than a changed line: renames, deletions, binaries, submodules, LFS pointers, rewritten
//! history.

use crate::scene::{Scene, branch, read, trap, write};
use portcullis_core::facts::CaughtUp;
use portcullis_core::ids::Revision;
use portcullis_git::{CatchUpStyle, PushOutcome, Worktree};
use portcullis_testkit::TempRepo;

const STYLES: [CatchUpStyle; 2] = [CatchUpStyle::Merge, CatchUpStyle::Rebase];
const LONG: &str = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n";

/// What catching up comes to where `mine` is done on the branch and `theirs` on the target; nothing is left behind.
fn conflict(
    style: CatchUpStyle,
    origin: TempRepo,
    mine: impl Fn(&Scene, &Worktree),
    theirs: impl Fn(&TempRepo),
) -> Vec<String> {
    let scene = Scene::over(origin);
    let worktree = scene.task();
    mine(&scene, &worktree);
    let head = worktree.commit_all("mine").unwrap().unwrap();
    scene.origin.switch("main");
    theirs(&scene.origin);
    let main = scene.origin.commit("theirs");
    scene.mirror.fetch().unwrap();
    let CaughtUp::Conflict(mut paths) = worktree.catch_up(&branch("main"), &main, style).unwrap() else {
        panic!("no conflict: {style:?}")
    };
    assert_eq!(worktree.head().unwrap(), head, "{style:?}");
    assert_eq!(worktree.changed_files().unwrap(), Vec::<Vec<u8>>::new(), "{style:?}");
    assert_eq!(scene.origin.run(worktree.path(), ["symbolic-ref", "HEAD"]), "refs/heads/task", "{style:?}");
    paths.sort();
    paths
}

#[test]
fn each_kind_of_conflict_names_its_paths_and_leaves_everything_as_it_was() {
    // MRG-1
    let origin = || {
        let origin = TempRepo::with_commit("dir/a.txt", LONG);
        origin.write("b.bin", b"\0one\xff");
        origin.commit("binary");
        origin
    };
    let remove = |worktree: &Worktree, path: &str| std::fs::remove_file(worktree.path().join(path)).unwrap();
    let rename = |worktree: &Worktree, from: &str, to: &str| {
        std::fs::rename(worktree.path().join(from), worktree.path().join(to)).unwrap();
    };
    for style in STYLES {
        let paths = conflict(
            style,
            origin(),
            |_, mine| remove(mine, "dir/a.txt"),
            |theirs| {
                theirs.write("dir/a.txt", LONG.replace("two", "2"));
            },
        );
        assert_eq!(paths, ["dir/a.txt"], "changed and deleted: {style:?}");
        let paths = conflict(
            style,
            origin(),
            |_, mine| remove(mine, "dir/a.txt"),
            |theirs| {
                theirs.git(["mv", "dir/a.txt", "new.txt"]);
            },
        );
        assert_eq!(paths, ["new.txt"], "renamed and deleted: {style:?}");
        let paths = conflict(
            style,
            origin(),
            |_, mine| rename(mine, "dir/a.txt", "mine.txt"),
            |theirs| {
                theirs.git(["mv", "dir/a.txt", "theirs.txt"]);
            },
        );
        assert_eq!(paths, ["dir/a.txt", "mine.txt", "theirs.txt"], "renamed twice: {style:?}");
        let paths = conflict(
            style,
            origin(),
            |_, mine| write(mine, "b.bin", "\0mine"),
            |theirs| {
                theirs.write("b.bin", b"\0theirs\xff");
            },
        );
        assert_eq!(paths, ["b.bin"], "binary: {style:?}");
        let paths = conflict(
            style,
            origin(),
            |_, mine| write(mine, "new", "mine\n"),
            |theirs| {
                theirs.write("new/file", "theirs\n");
            },
        );
        assert!(paths.iter().any(|path| path.starts_with("new")), "a file and a folder: {style:?} {paths:?}");
    }
}

/// An origin with a submodule at `sub` that cannot be fetched from anywhere.
fn with_submodule() -> TempRepo {
    let origin = TempRepo::with_commit("a.txt", "one\n");
    origin.write(".gitmodules", "[submodule \"sub\"]\n\tpath = sub\n\turl = ext::false\n\tupdate = checkout\n");
    move_submodule(&origin, 'a');
    origin
}

fn gitlink(to: char) -> String {
    format!("160000,{},sub", to.to_string().repeat(40))
}

fn move_submodule(origin: &TempRepo, to: char) {
    std::fs::create_dir_all(origin.file(b"sub")).unwrap();
    origin.git(["update-index", "--add", "--cacheinfo", &gitlink(to)]);
    origin.commit("move the submodule");
}

fn submodule_at(scene: &Scene, revision: &Revision) -> String {
    let line = scene.origin.run(scene.repository().path(), ["ls-tree", revision.as_str(), "sub"]);
    line.split_whitespace().nth(2).unwrap_or_default().chars().take(1).collect()
}

#[test]
fn a_submodule_is_carried_along_and_never_fetched_and_moved_on_both_sides_it_is_a_conflict() {
    // MRG-1
    for style in STYLES {
        let scene = Scene::over(with_submodule());
        scene.origin.run(scene.repository().path(), ["config", "submodule.recurse", "true"]);
        let worktree = scene.task();
        write(&worktree, "b.txt", "b\n");
        worktree.commit_all("mine").unwrap();
        scene.origin.switch("main");
        move_submodule(&scene.origin, 'b');
        scene.mirror.fetch().unwrap();
        let main = scene.origin.head();
        let CaughtUp::Merged(head) = worktree.catch_up(&branch("main"), &main, style).unwrap() else {
            panic!("{style:?}")
        };
        assert_eq!(submodule_at(&scene, &head), "b", "{style:?}");
        assert_eq!(worktree.commit_all("nothing more").unwrap(), None, "an empty folder is no change: {style:?}");
        assert_eq!(std::fs::read_dir(worktree.path().join("sub")).unwrap().count(), 0, "{style:?}");

        let mine = |scene: &Scene, worktree: &Worktree| {
            scene.origin.run(worktree.path(), ["update-index", "--cacheinfo", &gitlink('c')]);
        };
        let paths = conflict(style, with_submodule(), mine, |theirs| move_submodule(theirs, 'b'));
        assert_eq!(paths, ["sub"], "{style:?}");
    }
}

fn pointer(digit: char) -> String {
    let digest = digit.to_string().repeat(64);
    format!("version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize 12345\n")
}

#[test]
fn an_lfs_pointer_stays_a_pointer_and_what_its_attributes_name_is_not_started() {
    // MRG-1
    for style in STYLES {
        let origin = TempRepo::with_commit("big.bin", &pointer('a'));
        origin.write("other.bin", pointer('a'));
        origin.commit("pointers");
        let scene = Scene::over(origin);
        let (program, trace) = (scene.origin.root().join("lfs"), scene.origin.root().join("trace"));
        trap(&program, &trace);
        // As `git lfs install --local` would leave them, with a driver besides.
        for key in ["filter.lfs.clean", "filter.lfs.smudge", "filter.lfs.process", "merge.lfs.driver"] {
            scene.origin.run(scene.repository().path(), ["config", key, &program.display().to_string()]);
        }
        scene.origin.run(scene.repository().path(), ["config", "filter.lfs.required", "true"]);
        let worktree = scene.task();
        // The branch brings the attributes along.
        write(&worktree, ".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n");
        write(&worktree, "other.bin", &pointer('b'));
        let own = worktree.commit_all("mine").unwrap().unwrap();
        let main = scene.main_moves("big.bin", &pointer('c'));
        let CaughtUp::Merged(head) = worktree.catch_up(&branch("main"), &main, style).unwrap() else {
            panic!("{style:?}")
        };
        let stored = |path: &str| scene.repository().reader().read_file(&head, path.as_bytes(), 1_000).unwrap();
        for (path, content) in [("big.bin", pointer('c')), ("other.bin", pointer('b'))] {
            assert_eq!((read(&worktree, path), stored(path)), (content.clone(), content.into_bytes()), "{style:?}");
        }
        // Two pointers for one file are a conflict, whatever a driver would make of them.
        worktree.reset(&own).unwrap();
        let moved = scene.main_moves("other.bin", &pointer('d'));
        let outcome = worktree.catch_up(&branch("main"), &moved, style).unwrap();
        assert_eq!(outcome, CaughtUp::Conflict(vec!["other.bin".to_owned()]), "{style:?}");
        assert_eq!(read(&worktree, "other.bin"), pointer('b'), "{style:?}");
        assert_eq!(std::fs::read_to_string(&trace).unwrap_or_default(), "", "these were started: {style:?}");
    }
}

#[test]
fn a_rebased_branch_replaces_the_one_that_was_expected_and_no_other() {
    // MRG-1
    let scene = Scene::new();
    let worktree = scene.task();
    write(&worktree, "b.txt", "b\n");
    let published = worktree.commit_all("mine").unwrap().unwrap();
    assert!(matches!(scene.mirror.push(&branch("task"), None).unwrap(), PushOutcome::Pushed { .. }));
    let main = scene.main_moves("c.txt", "c\n");
    let CaughtUp::Merged(rebased) = worktree.catch_up(&branch("main"), &main, CatchUpStyle::Rebase).unwrap() else {
        panic!("not caught up")
    };
    // Somebody pushes while the tests run.
    scene.origin.git(["fetch", "--quiet", "origin"]);
    scene.origin.git(["switch", "--quiet", "-c", "task", "origin/task"]);
    let theirs = scene.origin.commit_file("theirs.txt", "t\n");
    let outcome = scene.mirror.push(&branch("task"), Some(&published)).unwrap();
    assert_eq!(outcome, PushOutcome::Rejected { actual: Some(theirs.clone()) });
    assert_eq!(scene.origin.origin_head("task"), Some(theirs.clone()));
    // Whoever has seen their work may replace it.
    let outcome = scene.mirror.push(&branch("task"), Some(&theirs)).unwrap();
    assert_eq!(outcome, PushOutcome::Pushed { head: rebased.clone() });
    assert_eq!(scene.origin.origin_head("task"), Some(rebased));
}

#[test]
fn a_target_that_moves_again_is_caught_up_with_again() {
    // MRG-1
    for style in STYLES {
        let scene = Scene::new();
        let worktree = scene.task();
        write(&worktree, "b.txt", "b\n");
        worktree.commit_all("mine").unwrap();
        let mut heads = Vec::new();
        for n in 0..3 {
            let main = scene.main_moves(&format!("{n}.txt"), "n\n");
            let CaughtUp::Merged(head) = worktree.catch_up(&branch("main"), &main, style).unwrap() else {
                panic!("{style:?}")
            };
            assert!(scene.repository().reader().is_ancestor(&main, &head).unwrap());
            heads.push(head);
        }
        assert_eq!(read(&worktree, "b.txt"), "b\n");
        let main = scene.origin.head();
        let own = scene.repository().reader().commits(&main, &heads[2]).unwrap();
        // A merge adds a commit each time; a rebase leaves the branch's own alone on top.
        assert_eq!(own.len(), if style == CatchUpStyle::Merge { 4 } else { 1 }, "{style:?}");
    }
}
