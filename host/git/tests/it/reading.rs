//! What gates read.

use crate::scene::Scene;
use portcullis_core::facts::{ChangeKind, EntryKind, Piece, RepositoryError};
use portcullis_core::ids::Revision;
use portcullis_git::{BLOB_LIMIT, BlobStream, PIECE_BYTES};
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

/// Reads a stream to its end: the objects with their announced sizes, and how many bytes came in each answer.
fn read_all(stream: &mut BlobStream) -> (Vec<(u64, Vec<u8>)>, Vec<usize>) {
    let (mut objects, mut answers) = (Vec::new(), Vec::new());
    loop {
        let pieces = stream.next_pieces().unwrap();
        if pieces.is_empty() {
            return (objects, answers);
        }
        answers.push(pieces.iter().map(|piece| piece.bytes.len()).sum());
        for Piece { index, size, bytes } in pieces {
            let index = usize::try_from(index).unwrap();
            if index == objects.len() {
                objects.push((size, Vec::new()));
            }
            assert_eq!(index, objects.len() - 1, "pieces come in the order of the question");
            assert_eq!(objects[index].0, size);
            objects[index].1.extend(bytes);
        }
    }
}

#[test]
fn blobs_come_in_the_order_of_the_question_in_bounded_pieces_and_whole() {
    let origin = TempRepo::new();
    let large: Vec<u8> = (0..PIECE_BYTES * 5 / 2).map(|n| u8::try_from(n % 251).unwrap()).collect();
    origin.write("large", &large);
    origin.write("small", "small\n");
    origin.write("empty", "");
    let head = origin.commit("blobs");
    let scene = Scene::over(origin);

    let reader = scene.repository().reader();
    let changes = reader.changes(None, &head).unwrap();
    let id = |path: &str| {
        let change = changes.iter().find(|change| change.path == path.as_bytes()).unwrap();
        change.after.clone().unwrap()
    };
    let ids = vec![id("small"), id("empty"), id("large"), id("small"), id("empty")];
    let (mut one, mut two) = (reader.open_blobs(ids.clone()).unwrap(), reader.open_blobs(ids).unwrap());
    // Questions between two pieces are answered as ever.
    one.next_pieces().unwrap();
    assert_eq!(reader.read_file(&head, b"small", 10).unwrap(), b"small\n");
    let (objects, answers) = read_all(&mut two);
    let expected: Vec<Vec<u8>> = vec![b"small\n".to_vec(), Vec::new(), large, b"small\n".to_vec(), Vec::new()];
    assert!(objects == expected.into_iter().map(|bytes| (bytes.len() as u64, bytes)).collect::<Vec<_>>());
    assert!(answers.len() == 3 && answers.iter().all(|bytes| *bytes <= PIECE_BYTES), "{answers:?}");
    assert!(two.next_pieces().unwrap().is_empty());
    assert!(reader.open_blobs(Vec::new()).unwrap().next_pieces().unwrap().is_empty());
}

#[test]
fn more_questions_than_a_pipe_holds_are_answered() {
    let origin = TempRepo::new();
    let contents: Vec<String> = (0..300).map(|n| format!("{n}\n").repeat(200 + n)).collect();
    for (n, content) in contents.iter().enumerate() {
        origin.write(format!("file-{n:03}"), content);
    }
    let head = origin.commit("many");
    let scene = Scene::over(origin);
    let reader = scene.repository().reader();
    let changes = reader.changes(None, &head).unwrap();
    assert!(changes.iter().zip(&contents).all(|(change, content)| change.size == content.len() as u64));
    let ids: Vec<Revision> = changes.iter().map(|change| change.after.clone().unwrap()).collect();
    let ids: Vec<Revision> = ids.iter().cycle().take(BLOB_LIMIT).cloned().collect();
    let (objects, _) = read_all(&mut reader.open_blobs(ids.clone()).unwrap());
    assert_eq!(objects.len(), BLOB_LIMIT);
    assert!(objects.iter().zip(contents.iter().cycle()).all(|((_, bytes), content)| bytes == content.as_bytes()));
    let too_many = ids.iter().cycle().take(BLOB_LIMIT + 1).cloned().collect();
    assert!(matches!(reader.open_blobs(too_many), Err(RepositoryError::Failed(_))));
}

#[test]
fn trees_of_any_size_are_compared_one_pair_after_the_other_and_a_process_that_holds_too_many_is_replaced() {
    // Each question is about two trees of 1.8 MB: after 19 of them the process has been asked about more than 64 MiB.
    let origin = TempRepo::with_commit("a.txt", "one\n");
    let mut stream =
        "blob\nmark :1\ndata 0\n\nreset refs/heads/wide\ncommit refs/heads/wide\ncommitter A <a@b> 0 +0000\ndata 0\n"
            .to_owned();
    for n in 0..20_000 {
        stream += &format!("M 100644 :1 a-long-name-so-that-the-tree-itself-has-some-size-to-it-{n:06}\n");
    }
    for n in 0..30 {
        stream += &format!(
            "\ncommit refs/heads/wide\ncommitter A <a@b> {n} +0000\ndata 0\nM 100644 inline changed\ndata 2\n{:02}\n",
            n
        );
    }
    origin.import(stream.as_bytes());
    origin.git(["push", "--quiet", "origin", "wide"]);
    let mut commits = vec![origin.revision("wide~30")];
    commits.extend((0..30).rev().map(|n| origin.revision(&format!("wide~{n}"))));
    let scene = Scene::over(origin);
    let (counting, starts) = scene.counting();
    let reader = counting.reader();
    let mut started = Vec::new();
    for pair in commits.windows(2) {
        let changes = reader.changes(Some(&pair[0]), &pair[1]).unwrap();
        assert_eq!(changes.iter().map(|change| change.path.as_slice()).collect::<Vec<_>>(), [b"changed"]);
        started.push(starts("diff-tree"));
    }
    assert_eq!(started, [[1; 19].as_slice(), &[2; 11]].concat());
    assert_eq!(starts("cat-file"), 1, "what keeps nothing is not replaced");
}

#[test]
fn a_history_of_more_bytes_than_the_bound_is_refused() {
    let origin = TempRepo::with_commit("a.txt", "one\n");
    let base = origin.head();
    let mut stream = format!("reset refs/heads/long\nfrom {base}\n");
    for n in 0..5 {
        let message = "m".repeat(15 << 20);
        stream += &format!("commit refs/heads/long\ncommitter A <a@b> {n} +0000\ndata {}\n{message}\n", message.len());
    }
    origin.import(stream.as_bytes());
    let head = origin.revision("long");
    origin.git(["push", "--quiet", "origin", "long"]);
    let scene = Scene::over(origin);
    let reader = scene.repository().reader();
    assert_eq!(reader.commits(&base, &head), Err(RepositoryError::TooLarge(64 << 20)));
}

#[test]
fn more_streams_than_the_bound_are_not_opened_at_once() {
    let scene = Scene::new();
    let reader = scene.repository().reader();
    let id = reader.changes(None, &scene.origin.head()).unwrap()[0].after.clone().unwrap();
    let mut open: Vec<_> = (0..16).map(|_| reader.open_blobs(vec![id.clone()]).unwrap()).collect();
    assert!(matches!(reader.open_blobs(vec![id.clone()]), Err(RepositoryError::Failed(_))));
    open.pop();
    assert_eq!(reader.open_blobs(vec![id]).unwrap().next_pieces().unwrap().len(), 1);
}

#[test]
fn a_blob_that_is_not_there_ends_the_stream_and_not_the_reader() {
    let scene = Scene::new();
    let (reader, head) = (scene.repository().reader(), scene.origin.head());
    let id = reader.changes(None, &head).unwrap()[0].after.clone().unwrap();
    for wrong in [absent(), head.clone()] {
        let mut stream = reader.open_blobs(vec![id.clone(), wrong, id.clone()]).unwrap();
        assert!(matches!(stream.next_pieces(), Err(RepositoryError::NotFound(_))));
        assert!(stream.next_pieces().is_err(), "what follows a hole is not handed over");
        assert_eq!(reader.open_blobs(vec![id.clone()]).unwrap().next_pieces().unwrap().len(), 1);
    }
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
    // A tree is no commit, a commit no blob.
    let tree = reader.tree(&head).unwrap();
    not_found(reader.tree(&tree).map(drop));
    not_found(reader.commits(&tree, &head).map(drop));
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
