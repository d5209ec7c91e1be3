//! What gates read.

use crate::scene::Scene;
use portcullis_core::facts::{ChangeKind, EntryKind, RepositoryError};
use portcullis_core::ids::Revision;
use portcullis_git::PIECE_BYTES;
use portcullis_testkit::TempRepo;
use std::os::unix::fs::PermissionsExt;

fn absent() -> Revision {
    Revision::parse(&"d".repeat(40)).unwrap()
}

#[test]
fn commits_come_parents_first_with_merges_and_their_messages_as_they_are() {
    // SEC-2: every commit of the range is looked at.
    let origin = TempRepo::with_commit("a.txt", "one\n");
    let base = origin.head();
    origin.branch("side");
    let side = origin.commit_file("side.txt", "x\n");
    origin.switch("main");
    let own = origin.commit_file("b.txt", "y\n");
    let merge = origin.merge("side");
    origin.git(["commit", "--quiet", "--allow-empty", "--cleanup=verbatim", "-m", "tree 1\n\nparent 2\n\n\nend  "]);
    origin.push();
    let head = origin.head();
    let scene = Scene::over(origin);

    let commits = scene.repository().reader().commits(&base, &head).unwrap();
    let names: Vec<_> = commits.iter().map(|commit| &commit.id).collect();
    assert_eq!(names.len(), 4);
    let position = |id: &Revision| names.iter().position(|name| *name == id).unwrap();
    assert!(position(&side) < position(&merge) && position(&own) < position(&merge));
    assert_eq!(position(&head), 3);
    assert_eq!(commits[position(&merge)].parents, [own, side]);
    assert_eq!(commits[3].message, b"tree 1\n\nparent 2\n\n\nend  \n");
    assert!(commits[3].committed_at_s > 1_767_603_600);
    assert_eq!(scene.repository().reader().commits(&head, &base).unwrap(), []);
}

#[test]
fn changes_tell_kind_entry_objects_and_size_of_every_path() {
    let origin = TempRepo::new();
    origin.write("gone.txt", "g");
    origin.write("mode.sh", "#!/bin/sh\n");
    origin.write("file-to-link", "x");
    origin.write("kept.txt", "kept");
    let before = origin.commit("before");
    origin.remove("gone.txt");
    std::fs::set_permissions(origin.file(b"mode.sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    origin.remove("file-to-link");
    std::os::unix::fs::symlink("kept.txt", origin.file(b"file-to-link")).unwrap();
    origin.write("new/large.bin", vec![7; 70_000]);
    origin.git(["update-index", "--add", "--cacheinfo", &format!("160000,{before},sub")]);
    let after = origin.commit("after");
    let scene = Scene::over(origin);

    let reader = scene.repository().reader();
    let changes = reader.changes(Some(&before), &after).unwrap();
    let told: Vec<_> = changes
        .iter()
        .map(|change| (std::str::from_utf8(&change.path).unwrap(), change.kind, change.entry, change.size))
        .collect();
    assert_eq!(
        told,
        [
            ("file-to-link", ChangeKind::TypeChanged, EntryKind::Symlink, 8),
            ("gone.txt", ChangeKind::Deleted, EntryKind::File, 0),
            ("mode.sh", ChangeKind::Modified, EntryKind::Executable, 10),
            ("new/large.bin", ChangeKind::Added, EntryKind::File, 70_000),
        ]
    );
    assert_eq!(changes[2].before, changes[2].after);
    assert!(changes[1].after.is_none() && changes[3].before.is_none());
    assert_eq!(reader.changes(None, &before).unwrap().len(), 4);
    let trees = (reader.tree(&before).unwrap(), reader.tree(&after).unwrap());
    assert_eq!(reader.changes(Some(&trees.0), &trees.1).unwrap(), changes);
}

#[test]
fn a_submodule_is_a_change_of_its_commit_even_if_the_branch_says_to_ignore_it() {
    let origin = TempRepo::with_commit("a.txt", "one\n");
    let first = origin.head();
    origin.write(".gitmodules", "[submodule \"sub\"]\n\tpath = sub\n\turl = ../elsewhere\n\tignore = all\n");
    origin.git(["add", ".gitmodules"]);
    origin.git(["update-index", "--add", "--cacheinfo", &format!("160000,{first},sub")]);
    origin.git(["commit", "--quiet", "-m", "mounted"]);
    let mounted = origin.head();
    origin.git(["update-index", "--cacheinfo", &format!("160000,{mounted},sub")]);
    origin.git(["commit", "--quiet", "-m", "moved"]);
    origin.push();
    let moved = origin.head();
    let scene = Scene::over(origin);

    // The forge's HEAD has the `.gitmodules`, the mirror has a configuration to the same end.
    let forge = scene.forge();
    scene.origin.run(scene.repository().path(), ["config", "diff.ignoreSubmodules", "all"]);
    for reader in [scene.repository().reader(), forge.reader()] {
        let changes = reader.changes(Some(&mounted), &moved).unwrap();
        assert_eq!(changes.len(), 1);
        assert_eq!((changes[0].entry, changes[0].size), (EntryKind::Submodule, 0));
        assert_eq!((changes[0].before.as_ref(), changes[0].after.as_ref()), (Some(&first), Some(&mounted)));
        assert!(matches!(reader.read_file(&moved, b"sub", 100), Err(RepositoryError::NotFound(_))));
        assert_eq!(reader.read_file(&moved, b"a.txt", 100).unwrap(), b"one\n");
    }
}

#[test]
fn paths_of_any_bytes_are_told_and_read_as_they_are() {
    let paths: [&[u8]; 7] =
        [b"-rf", b"new\nline", b"tab\there", b"quote\"'`$(x)", b"\xff\xfe latin", b" space ", b"a:b/--help"];
    let origin = TempRepo::with_commit("a.txt", "one\n");
    let before = origin.head();
    for path in paths {
        origin.write(path, path);
    }
    let after = origin.commit("weird");
    let scene = Scene::over(origin);

    let reader = scene.repository().reader();
    let mut told: Vec<_> =
        reader.changes(Some(&before), &after).unwrap().into_iter().map(|change| change.path).collect();
    let mut wanted: Vec<_> = paths.iter().map(|path| path.to_vec()).collect();
    told.sort();
    wanted.sort();
    assert_eq!(told, wanted);
    for path in paths {
        assert_eq!(reader.read_file(&after, path, 100).unwrap(), path);
        assert!(matches!(reader.read_file(&before, path, 100), Err(RepositoryError::NotFound(_))));
        // The same session goes on: a missing name with a line's end in it has not confused it.
        assert_eq!(reader.read_file(&before, b"a.txt", 100).unwrap(), b"one\n");
    }
}

#[test]
fn a_path_that_means_no_entry_is_not_found() {
    let scene = Scene::new();
    let (reader, head) = (scene.repository().reader(), scene.origin.head());
    for path in
        [&b""[..], b"/a.txt", b"./a.txt", b"../a.txt", b"x/../a.txt", b"a.txt/", b"a\0b", b"absent", &[b'x'; 5_000]]
    {
        assert!(matches!(reader.read_file(&head, path, 100), Err(RepositoryError::NotFound(_))), "{path:?}");
    }
}

#[test]
fn a_folder_is_no_file_and_a_file_past_the_cap_is_named_with_its_size() {
    let origin = TempRepo::with_commit("folder/a.txt", "0123456789");
    let scene = Scene::over(origin);
    let (reader, head) = (scene.repository().reader(), scene.origin.head());
    assert!(matches!(reader.read_file(&head, b"folder", 100), Err(RepositoryError::NotFound(_))));
    assert_eq!(reader.read_file(&head, b"folder/a.txt", 9), Err(RepositoryError::TooLarge(10)));
    assert_eq!(reader.read_file(&head, b"folder/a.txt", 10).unwrap(), b"0123456789");
}

#[test]
fn blobs_come_in_pieces_side_by_side_and_whole() {
    let origin = TempRepo::new();
    let large: Vec<u8> = (0..PIECE_BYTES * 5 / 2).map(|n| u8::try_from(n % 251).unwrap()).collect();
    origin.write("large", &large);
    origin.write("small", "small\n");
    origin.write("empty", "");
    let head = origin.commit("blobs");
    let scene = Scene::over(origin);

    let reader = scene.repository().reader();
    let changes = reader.changes(None, &head).unwrap();
    let open = |path: &str| {
        let change = changes.iter().find(|change| change.path == path.as_bytes()).unwrap();
        reader.open_blob(change.after.as_ref().unwrap()).unwrap()
    };
    let (mut one, mut two, mut small, mut empty) = (open("large"), open("large"), open("small"), open("empty"));
    assert_eq!((one.size(), small.size(), empty.size()), (large.len() as u64, 6, 0));
    let mut read = (Vec::new(), Vec::new());
    loop {
        let (a, b) = (one.next_piece().unwrap(), two.next_piece().unwrap());
        assert!(a.len() <= PIECE_BYTES);
        if a.is_empty() {
            assert!(b.is_empty());
            break;
        }
        read.0.extend(a);
        read.1.extend(b);
    }
    assert!(read.0 == large && read.1 == large);
    assert_eq!(small.next_piece().unwrap(), b"small\n");
    assert_eq!(small.next_piece().unwrap(), b"");
    assert_eq!(empty.next_piece().unwrap(), b"");
}

#[test]
fn more_large_blobs_than_the_bound_are_not_streamed_at_once() {
    let origin = TempRepo::new();
    origin.write("large", vec![1; PIECE_BYTES * 2]);
    let head = origin.commit("blob");
    let scene = Scene::over(origin);
    let reader = scene.repository().reader();
    let id = reader.changes(None, &head).unwrap()[0].after.clone().unwrap();
    let mut open: Vec<_> = (0..17).map(|_| reader.open_blob(&id).unwrap()).collect();
    for blob in &mut open[..16] {
        blob.next_piece().unwrap();
    }
    assert!(matches!(open[16].next_piece(), Err(RepositoryError::Failed(_))));
    open.remove(0);
    assert_eq!(open[15].next_piece().unwrap().len(), PIECE_BYTES);
}

#[test]
fn what_is_not_there_yet_is_not_found_everywhere() {
    let scene = Scene::new();
    let (reader, head) = (scene.repository().reader(), scene.origin.head());
    let not_found = |result: Result<(), RepositoryError>| assert!(matches!(result, Err(RepositoryError::NotFound(_))));
    not_found(reader.merge_base(&head, &absent()).map(drop));
    not_found(reader.is_ancestor(&absent(), &head).map(drop));
    not_found(reader.tree(&absent()).map(drop));
    not_found(reader.commits(&absent(), &head).map(drop));
    not_found(reader.commits(&head, &absent()).map(drop));
    not_found(reader.changes(None, &absent()).map(drop));
    not_found(reader.changes(Some(&absent()), &head).map(drop));
    not_found(reader.read_file(&absent(), b"a.txt", 1).map(drop));
    not_found(reader.open_blob(&absent()).map(drop));
    // A tree is no commit, a commit no blob.
    let tree = reader.tree(&head).unwrap();
    not_found(reader.tree(&tree).map(drop));
    not_found(reader.commits(&tree, &head).map(drop));
    not_found(reader.open_blob(&head).map(drop));
}

#[test]
fn ancestry_is_told_and_strangers_have_no_merge_base() {
    let origin = TempRepo::with_commit("a.txt", "one\n");
    let base = origin.head();
    origin.branch("side");
    let side = origin.commit_file("b.txt", "x\n");
    origin.switch("main");
    let main = origin.commit_file("c.txt", "y\n");
    origin.git(["switch", "--quiet", "--orphan", "stranger"]);
    let stranger = origin.commit_file("d.txt", "z\n");
    let scene = Scene::over(origin);
    let reader = scene.repository().reader();
    assert_eq!(reader.merge_base(&main, &side).unwrap(), base);
    assert!(reader.is_ancestor(&base, &side).unwrap() && reader.is_ancestor(&side, &side).unwrap());
    assert!(!reader.is_ancestor(&main, &side).unwrap());
    assert!(matches!(reader.merge_base(&main, &stranger), Err(RepositoryError::NotFound(_))));
}

#[test]
fn a_repository_named_by_sha256_is_mirrored_and_read() {
    let origin = TempRepo::with_object_format("sha256");
    let head = origin.commit_file("a.txt", "one\n");
    let scene = Scene::over(origin);
    let reader = scene.repository().reader();
    assert_eq!(head.as_str().len(), 64);
    assert_eq!(reader.changes(None, &head).unwrap().len(), 1);
    assert_eq!(reader.read_file(&head, b"a.txt", 10).unwrap(), b"one\n");
    let worktree = scene.task();
    crate::scene::write(&worktree, "b.txt", "two\n");
    assert_eq!(worktree.commit_all("b").unwrap().unwrap().as_str().len(), 64);
}

#[test]
fn a_kept_revision_outlives_its_branch_and_housekeeping() {
    let scene = Scene::new();
    let judged = scene.main_moves("b.txt", "x\n");
    scene.repository().keep("evaluation/7", &judged).unwrap();
    scene.origin.git(["reset", "--quiet", "--hard", "HEAD~1"]);
    scene.origin.push();
    scene.mirror.fetch().unwrap();
    scene.origin.run(scene.repository().path(), ["gc", "--quiet", "--prune=now"]);
    scene.repository().maintain().unwrap();
    assert_eq!(scene.repository().reader().read_file(&judged, b"b.txt", 10).unwrap(), b"x\n");
    assert_eq!(scene.repository().resolve("refs/portcullis/keep/evaluation/7").unwrap(), Some(judged.clone()));
    scene.repository().release("evaluation/7").unwrap();
    scene.repository().release("evaluation/7").unwrap();
    scene.origin.run(scene.repository().path(), ["gc", "--quiet", "--prune=now"]);
    assert!(matches!(scene.repository().reader().tree(&judged), Err(RepositoryError::NotFound(_))));
}
