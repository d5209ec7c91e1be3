//! Mirrors of a remote.

use crate::scene::{Scene, branch};
use portcullis_git::{Git, GitError, GitSettings, Mirror, Remote, Repository};
use portcullis_testkit::TempRepo;
use std::time::Duration;

#[test]
fn a_mirror_follows_its_remotes_branches_and_forgets_those_that_are_gone() {
    let scene = Scene::new();
    let first = scene.origin.head();
    assert_eq!(scene.mirror.fetched_head(&branch("main")).unwrap(), Some(first.clone()));
    scene.origin.branch("side");
    let side = scene.origin.commit_file("b.txt", "x\n");
    assert_eq!(scene.mirror.remote_head(&branch("side")).unwrap(), Some(side.clone()));
    assert_eq!(scene.mirror.fetched_head(&branch("side")).unwrap(), None);
    scene.mirror.fetch().unwrap();
    assert_eq!(scene.mirror.fetched_head(&branch("side")).unwrap(), Some(side));
    scene.origin.git(["push", "--quiet", "origin", ":side"]);
    // A folder's name where a branch's was.
    scene.origin.switch("main");
    scene.origin.git(["branch", "--quiet", "-D", "side"]);
    scene.origin.branch("side/deeper");
    scene.mirror.fetch().unwrap();
    assert_eq!(scene.mirror.fetched_head(&branch("side")).unwrap(), None);
    assert!(scene.mirror.fetched_head(&branch("side/deeper")).unwrap().is_some());
    assert_eq!(scene.mirror.fetched_head(&branch("main")).unwrap(), Some(first));
}

#[test]
fn a_branch_whose_name_ends_like_another_is_not_taken_for_it() {
    let scene = Scene::new();
    scene.origin.branch("x/refs/heads/wanted");
    assert_eq!(scene.mirror.remote_head(&branch("wanted")).unwrap(), None);
}

#[test]
fn making_sure_of_a_mirror_twice_keeps_it_and_an_empty_remote_has_one_too() {
    let scene = Scene::over(TempRepo::new());
    assert_eq!(scene.mirror.remote_head(&branch("main")).unwrap(), None);
    let head = scene.origin.commit_file("a.txt", "one\n");
    scene.mirror.fetch().unwrap();
    let again = Mirror::ensure(&scene.git, scene.mirror.remote(), scene.repository().path()).unwrap();
    assert_eq!(again.fetched_head(&branch("main")).unwrap(), Some(head));
}

#[test]
fn rivals_that_make_one_mirror_all_get_it() {
    let origin = TempRepo::with_commit("a.txt", "one\n");
    let git = Git::new(GitSettings::default());
    let remote = Remote::new(origin.origin().to_str().unwrap()).unwrap();
    let dir = origin.root().join("home/mirror.git");
    std::thread::scope(|scope| {
        let rivals: Vec<_> = (0..4).map(|_| scope.spawn(|| Mirror::ensure(&git, &remote, &dir))).collect();
        for rival in rivals {
            let mirror = rival.join().unwrap().unwrap();
            mirror.fetch().unwrap();
            assert_eq!(mirror.fetched_head(&branch("main")).unwrap(), Some(origin.head()));
        }
    });
    let left: Vec<_> = std::fs::read_dir(origin.root().join("home")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn a_repository_that_vanishes_is_named_with_the_remedy() {
    let scene = Scene::new();
    let (forge, head) = (scene.forge(), scene.origin.head());
    std::fs::remove_dir_all(scene.origin.origin()).unwrap();
    let path = scene.origin.origin().display().to_string();
    for error in [
        scene.mirror.fetch().unwrap_err(),
        scene.mirror.remote_head(&branch("main")).unwrap_err(),
        forge.branch_head(&branch("main")).unwrap_err(),
        forge.keep("x", &head).unwrap_err(),
        Repository::open(&scene.git, &scene.origin.origin()).unwrap_err(),
    ] {
        assert!(matches!(error, GitError::NoRepository { .. }), "{error:?}");
        assert!(error.to_string().contains(&path) && error.to_string().contains("put it back"), "{error}");
    }
    let error = forge.reader().tree(&head).unwrap_err();
    assert!(error.to_string().contains(&path), "{error}");
}

#[test]
fn a_repository_that_vanishes_under_an_open_reader_is_named() {
    let scene = Scene::new();
    let (reader, head) = (scene.repository().reader(), scene.origin.head());
    reader.tree(&head).unwrap();
    std::fs::remove_dir_all(scene.repository().path()).unwrap();
    let error = reader.merge_base(&head, &head).unwrap_err().to_string();
    assert!(error.contains("mirror.git"), "{error}");
    let error = scene.mirror.fetch().unwrap_err();
    assert!(matches!(error, GitError::NoRepository { .. }), "{error:?}");
}

#[test]
fn a_folder_that_is_no_mirror_is_refused_and_left_alone() {
    let scene = Scene::new();
    let dir = scene.origin.root().join("not-a-mirror");
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("notes.txt"), "mine").unwrap();
    let error = Mirror::ensure(&scene.git, scene.mirror.remote(), &dir).unwrap_err();
    assert!(matches!(error, GitError::DamagedMirror { .. }) && error.to_string().contains("remove"), "{error}");
    assert!(dir.join("notes.txt").exists());
    let error = Mirror::ensure(&scene.git, scene.mirror.remote(), &scene.origin.work().join(".git")).unwrap_err();
    assert!(matches!(error, GitError::DamagedMirror { .. }), "{error}");
}

#[test]
fn a_remote_that_cannot_be_reached_is_named_and_its_token_is_not() {
    // A port on which nobody listens: taken and given back.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = format!("http://127.0.0.1:{port}/o/r.git");
    let remote = Remote::new(&url).unwrap().with_token("bot", "very-secret-token").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let git = Git::new(GitSettings::default());
    let error = Mirror::ensure(&git, &remote, &folder.path().join("m.git")).unwrap_err();
    assert!(matches!(error, GitError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains(&url), "{error}");
    assert!(!format!("{error} {error:?} {remote:?}").contains("very-secret"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_remote_that_never_answers_is_given_up_at_the_limit() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let remote = Remote::new(&format!("http://{}/r.git", listener.local_addr().unwrap())).unwrap();
    let settings = GitSettings { network_limit: Duration::from_millis(300), ..GitSettings::default() };
    let folder = tempfile::tempdir().unwrap();
    let error = Mirror::ensure(&Git::new(settings), &remote, &folder.path().join("m.git")).unwrap_err();
    assert!(matches!(error, GitError::Timeout { limit_ms: 300, .. }), "{error:?}");
}

#[test]
fn a_token_reaches_the_remote_in_a_header_and_no_redirect_carries_it_on() {
    use std::io::{Read, Write};
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("http://{}/r.git/info/refs", elsewhere.local_addr().unwrap());
    let remote = Remote::new(&format!("http://{}/r.git", listener.local_addr().unwrap())).unwrap();
    let remote = remote.with_token("bot", "very-secret-token").unwrap();
    let server = std::thread::spawn(move || {
        let (mut peer, _) = listener.accept().unwrap();
        let mut heard = Vec::new();
        let mut piece = [0; 4_096];
        while !heard.windows(4).any(|end| end == b"\r\n\r\n") {
            let read = peer.read(&mut piece).unwrap();
            heard.extend_from_slice(&piece[..read]);
        }
        let answer =
            format!("HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        peer.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(heard).unwrap()
    });
    let folder = tempfile::tempdir().unwrap();
    // Whoever follows the redirect waits for an answer that nobody gives.
    let settings = GitSettings { network_limit: Duration::from_secs(30), ..GitSettings::default() };
    let error = Mirror::ensure(&Git::new(settings), &remote, &folder.path().join("m.git")).unwrap_err();
    assert!(matches!(error, GitError::Unreachable { .. }), "{error:?}");
    let heard = server.join().unwrap();
    // base64 of `bot:very-secret-token`, in two parts, so that no secret scan takes this file for a leak.
    let credential = ["Ym90OnZlcnktc2Vj", "cmV0LXRva2Vu"].concat();
    assert!(heard.contains(&format!("Authorization: Basic {credential}")), "{heard}");
    assert!(elsewhere.accept().is_err(), "the redirect was followed");
}
