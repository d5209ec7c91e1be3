//! Repositories that try to make the daemon start their programs, or to hide what they did.

use crate::scene::{Scene, branch, trap, write};
use portcullis_core::facts::CaughtUp;
use portcullis_git::{CatchUpStyle, MergeOutcome, MergeStyle, PushOutcome};
use portcullis_testkit::TempRepo;
use std::path::PathBuf;

/// Plants every kind of hook and driver that git knows into the mirror, as a role could; answers where a trace would
/// be.
fn booby_trap(scene: &Scene) -> PathBuf {
    let trace = scene.origin.root().join("trace");
    let mirror = scene.repository().path();
    for hook in [
        "pre-commit",
        "commit-msg",
        "prepare-commit-msg",
        "post-commit",
        "post-checkout",
        "pre-rebase",
        "post-rewrite",
        "post-merge",
        "pre-merge-commit",
        "pre-push",
        "reference-transaction",
        "post-index-change",
        "pre-auto-gc",
        "push-to-checkout",
        "applypatch-msg",
    ] {
        trap(&mirror.join("hooks").join(hook), &trace);
    }
    let program = scene.origin.root().join("program");
    trap(&program, &trace);
    let program = program.display().to_string();
    let keys = [
        "filter.evil.clean",
        "filter.evil.smudge",
        "merge.evil.driver",
        "diff.evil.command",
        "diff.evil.textconv",
        "diff.external",
        "core.fsmonitor",
        "core.editor",
        "core.pager",
        "core.sshCommand",
        "gpg.program",
        "sequence.editor",
        "core.alternateRefsCommand",
        "filter.Ev.IL\" =.clean",
    ];
    for key in keys {
        scene.origin.run(mirror, ["config", key, &program]);
    }
    let hooks = mirror.join("hooks").display().to_string();
    for (key, value) in [
        ("core.hooksPath", hooks.as_str()),
        ("filter.evil.required", "true"),
        ("commit.gpgSign", "true"),
        ("push.gpgSign", "if-asked"),
        ("gc.auto", "1"),
        ("commit.template", "/dev/zero"),
        ("rebase.autoStash", "true"),
    ] {
        scene.origin.run(mirror, ["config", key, value]);
    }
    // Configuration of one worktree alone is another file.
    scene.origin.run(mirror, ["config", "extensions.worktreeConfig", "true"]);
    scene.origin.run(mirror, ["config", "--worktree", "core.bare", "true"]);
    scene.origin.run(mirror, ["config", "--local", "--unset", "core.bare"]);
    trace
}

#[test]
fn no_hook_and_no_driver_of_a_repository_is_started_by_any_call() {
    let origin = TempRepo::with_commit("a.txt", "one\ntwo\nthree\n");
    origin.commit_file(".gitattributes", "* filter=evil diff=evil merge=evil\n");
    let base = origin.head();
    let scene = Scene::over(origin);
    // A role plants them while it works: after the daemon made the worktree, before the daemon commits.
    let worktree = scene.task();
    let trace = booby_trap(&scene);
    let process = scene.origin.root().join("program").display().to_string();
    scene.origin.run(worktree.path(), ["config", "--worktree", "filter.evil.process", &process]);
    write(&worktree, "b.txt", "b\n");
    worktree.changed_files().unwrap();
    let own = worktree.commit_all("own").unwrap().unwrap();
    let main = scene.main_moves("c.txt", "c\n");
    for style in [CatchUpStyle::Rebase, CatchUpStyle::Merge] {
        worktree.reset(&own).unwrap();
        assert!(matches!(worktree.catch_up(&branch("main"), &main, style).unwrap(), CaughtUp::Merged(_)));
    }
    let head = worktree.head().unwrap();
    assert!(matches!(scene.mirror.push(&branch("task"), None).unwrap(), PushOutcome::Pushed { .. }));
    // A conflict, where a driver of the branch's choice would be asked.
    write(&worktree, "a.txt", "mine\n");
    worktree.commit_all("mine").unwrap();
    let moved = scene.main_moves("a.txt", "theirs\n");
    let outcome = worktree.catch_up(&branch("main"), &moved, CatchUpStyle::Merge).unwrap();
    assert_eq!(outcome, CaughtUp::Conflict(vec!["a.txt".to_owned()]));

    let reader = scene.repository().reader();
    let changes = reader.changes(Some(&base), &head).unwrap();
    assert_eq!(changes.len(), 2);
    assert_eq!(reader.read_file(&head, b"b.txt", 10).unwrap(), b"b\n");
    reader.commits(&base, &head).unwrap();
    reader.merge_base(&base, &head).unwrap();
    let mut blobs = reader.open_blobs(vec![changes[0].after.clone().unwrap()]).unwrap();
    assert_eq!(blobs.next_pieces().unwrap()[0].bytes, b"b\n");
    scene.repository().keep("x", &head).unwrap();
    // The mirror as a forge: the bare repository's own configuration is as hostile.
    scene.origin.run(scene.repository().path(), ["-c", "core.hooksPath=/dev/null", "branch", "target", base.as_str()]);
    let outcome =
        scene.repository().merge_commit(&branch("target"), &base, &head, "m", MergeStyle::MergeCommit).unwrap();
    assert!(matches!(outcome, MergeOutcome::Merged(_)));
    scene.repository().remove_worktree(worktree.path()).unwrap();
    let again = scene.task();
    assert_eq!(crate::scene::read(&again, "b.txt"), "b\n");

    let trace = std::fs::read_to_string(&trace).unwrap_or_default();
    assert_eq!(trace, "", "these were started");
}

#[test]
fn the_traps_of_the_test_above_do_spring_for_a_git_that_is_not_careful() {
    let scene = Scene::new();
    let worktree = scene.task();
    let trace = booby_trap(&scene);
    scene.origin.run(scene.repository().path(), ["config", "commit.gpgSign", "false"]);
    write(&worktree, ".gitattributes", "* filter=evil\n");
    scene.origin.run(worktree.path(), ["add", "."]);
    scene.origin.run(worktree.path(), ["commit", "--quiet", "-m", "x"]);
    let trace = std::fs::read_to_string(&trace).unwrap();
    assert!(trace.contains("program") && trace.contains("pre-commit"), "{trace}");
}

#[test]
fn replaced_objects_and_grafts_do_not_change_what_is_read() {
    let origin = TempRepo::with_commit("a.txt", "one\n");
    let base = origin.head();
    let leak = origin.commit_file("a.txt", "secret\n");
    let head = origin.commit_file("a.txt", "clean\n");
    let scene = Scene::over(origin);
    let mirror = scene.repository().path();
    scene.origin.run(mirror, ["replace", leak.as_str(), base.as_str()]);
    std::fs::create_dir_all(mirror.join("info")).unwrap();
    std::fs::write(mirror.join("info/grafts"), format!("{head} {base}\n")).unwrap();
    let reader = scene.repository().reader();
    let names: Vec<_> = reader.commits(&base, &head).unwrap().into_iter().map(|commit| commit.id).collect();
    assert_eq!(names, [leak.clone(), head]);
    assert_eq!(reader.read_file(&leak, b"a.txt", 10).unwrap(), b"secret\n");
}

#[test]
fn symbolic_links_are_content_and_never_followed() {
    let origin = TempRepo::with_commit("a.txt", "one\n");
    std::os::unix::fs::symlink("/etc/passwd", origin.file(b"link")).unwrap();
    let head = origin.commit("link");
    let scene = Scene::over(origin);
    assert_eq!(scene.repository().reader().read_file(&head, b"link", 100).unwrap(), b"/etc/passwd");
    // A worktree whose folder became a link to somewhere precious is removed as a link.
    let worktree = scene.task();
    let precious = scene.origin.root().join("precious");
    std::fs::create_dir(&precious).unwrap();
    std::fs::write(precious.join("file"), "p").unwrap();
    std::fs::remove_dir_all(worktree.path()).unwrap();
    std::os::unix::fs::symlink(&precious, worktree.path()).unwrap();
    scene.repository().remove_worktree(worktree.path()).unwrap();
    assert!(precious.join("file").exists() && !worktree.path().exists());
}

#[test]
fn references_that_are_no_full_names_are_refused() {
    let scene = Scene::new();
    for name in ["main", "--all", "refs/heads/a..b", "refs/heads/main^{tree}", "refs/", "HEAD", "refs/heads/-x"] {
        assert!(scene.repository().resolve(name).is_err(), "{name}");
    }
    assert_eq!(scene.repository().resolve("refs/heads/absent").unwrap(), None);
    assert_eq!(scene.repository().resolve("refs/remotes/origin/main").unwrap(), Some(scene.origin.head()));
}
