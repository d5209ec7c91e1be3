//! What a branch may hold to make the security gate, or the daemon around it, stumble: files without measure, names and
//! links that lead astray, and files of git, gitleaks and package managers that are not what they should be.

use crate::gates::{edge, evaluations, gate, manifest};
use crate::traps::{errors, judge, line, shown};
use portcullis_e2e::Scene;
use portcullis_testkit::TempRepo;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::process::Output;

fn branch() -> TempRepo {
    let repo = TempRepo::with_commit("README.md", "A service.\n");
    repo.branch("work");
    repo
}

/// Rules and paths of all findings of this weight.
fn of_weight(judged: &Value, severity: &str) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = judged["findings"].as_array().unwrap().iter().filter(|finding| finding["severity"] == severity);
    all.map(|finding| (text(&finding["rule"]), text(&finding["path"]))).collect()
}

fn ends(output: &Output, code: i32) -> Value {
    let judged = shown(output);
    assert_eq!(output.status.code(), Some(code), "{judged:#}");
    judged
}

/// A git object of this length without its content: whoever reads it finds that out. Put together by hand (zlib's header,
/// one stored block, no checksum), since git would take seconds to write a real one.
fn hollow(repo: &TempRepo, length: u64) -> String {
    let name = "1".repeat(40);
    let header = format!("blob {length}\0");
    let size = u16::try_from(header.len()).unwrap();
    let bytes = [&[0x78, 0x01, 0x01][..], &size.to_le_bytes(), &(!size).to_le_bytes(), header.as_bytes()].concat();
    let folder = repo.work().join(".git/objects").join(&name[..2]);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(&name[2..]), bytes).unwrap();
    name
}

#[test]
fn a_file_of_a_gibibyte_is_named_as_not_scanned_and_nobody_reads_it() {
    // SEC-2
    let repo = branch();
    let name = hollow(&repo, 1 << 30);
    for path in ["data/big.bin", "package-lock.json"] {
        repo.git(["update-index", "--add", "--cacheinfo", &format!("100644,{name},{path}")]);
    }
    repo.write("settings.conf", line());
    repo.git(["update-index", "--add", "settings.conf"]);
    let tree = repo.git(["write-tree", "--missing-ok"]);
    let commit = repo.git(["commit-tree", "-m", "large", "-p", "main", &tree]);
    repo.git(["update-ref", "refs/heads/work", &commit]);
    let judged = ends(&judge(&repo.work()), 1);
    let expected =
        [("not-scanned", "data/big.bin"), ("not-scanned", "package-lock.json"), ("github-token", "settings.conf")];
    assert_eq!(errors(&judged), expected.map(|(rule, path)| (rule.to_owned(), path.to_owned())).into());
    assert!(judged.to_string().contains("1024 MiB are more than max-blob-mib = 32"), "{judged:#}");
    assert!(of_weight(&judged, "warning").contains(&("lockfile-unreadable".into(), "package-lock.json".into())));
    // It is hollow indeed: were it small enough to be read, that would be a fault.
    let name = hollow(&repo, 1 << 20);
    assert_eq!(judge(&repo.work()).status.code(), Some(3), "{name}");
}

#[test]
fn a_branch_of_a_repository_with_a_hundred_thousand_files_answers_for_its_own_alone() {
    // SEC-1, SEC-2
    let repo = TempRepo::new();
    let mut stream = "commit refs/heads/main\ncommitter A <a@b.c> 1767603600 +0000\ndata 4\nmany\n".to_owned();
    for n in 0..100_000 {
        let folder = n / 100;
        writeln!(stream, "M 100644 inline f{folder}/{n}.txt\ndata <<E\nline {n}\nE\n").unwrap();
    }
    stream += "commit refs/heads/work\ncommitter A <a@b.c> 1767603600 +0000\ndata 3\nfew\nfrom refs/heads/main\n";
    write!(stream, "M 100644 inline f7/777.txt\ndata <<E\n{}E\n\nM 100644 inline new.txt\ndata 0\n\n", line()).unwrap();
    repo.import(stream.as_bytes());
    let judged = ends(&judge(&repo.work()), 1);
    assert_eq!(errors(&judged), [("github-token".to_owned(), "f7/777.txt".to_owned())].into());
    assert!(judged["summary"].as_str().unwrap().contains("in 1 commit (2 files"), "{judged:#}");
}

#[test]
fn no_link_in_the_place_of_a_file_is_followed_out_of_the_tree() {
    // SEC-2, SEC-6
    let repo = TempRepo::with_commit("README.md", "A service.\n");
    let outside = repo.root().join("outside.toml");
    std::fs::write(&outside, "[allowlist]\npaths = ['.*']\n").unwrap();
    std::os::unix::fs::symlink(&outside, repo.file(b".gitleaks.toml")).unwrap();
    repo.commit("the target's own file is a link");
    repo.branch("work");
    repo.commit_file("settings.conf", &line());
    let output = judge(&repo.work());
    assert!(matches!(output.status.code(), Some(1 | 3)), "what lies outside excuses nothing: {}", shown(&output));

    let repo = branch();
    let secret = repo.root().join("secret.txt");
    std::fs::write(&secret, line()).unwrap();
    for (path, to) in
        [("out.txt", secret.to_str().unwrap()), ("up", "../../../../../.."), ("self", "self"), ("none", "/nowhere")]
    {
        std::os::unix::fs::symlink(to, repo.file(path.as_bytes())).unwrap();
    }
    repo.commit("links");
    let judged = ends(&judge(&repo.work()), 0);
    assert!(judged["summary"].as_str().unwrap().contains("no secrets in 1 commit (4 files"), "{judged:#}");
}

#[test]
fn the_gates_own_setup_is_the_target_s_and_a_branch_that_changes_it_is_named() {
    // SEC-6, PLG-4
    let repo = branch();
    repo.write(".gitleaks.toml", "[allowlist]\npaths = ['.*']\n");
    repo.write(".gitleaksignore", "settings.conf:github-pat:1\n");
    repo.write(".portcullis/gates.toml", "format = 1\n");
    repo.write("settings.conf", line());
    repo.commit("excuse all of it");
    let judged = ends(&judge(&repo.work()), 1);
    assert_eq!(errors(&judged), [("github-token".to_owned(), "settings.conf".to_owned())].into());
    let changed = [".gitleaks.toml", ".gitleaksignore", ".portcullis/gates.toml"];
    let named = of_weight(&judged, "warning");
    assert_eq!(named, changed.map(|path| ("gate-setup-changed".to_owned(), path.to_owned())));
}

/// Lockfiles that no package manager wrote.
fn broken() -> Vec<(&'static str, String)> {
    let bomb = (0..40).fold(String::new(), |all, n| format!("{all}a{n}: &a{n} [*a{}, *a{}]\n", n + 1, n + 1));
    let entities =
        (1..40).fold("<!ENTITY e0 'x'>".to_owned(), |all, n| format!("{all}<!ENTITY e{n} '&e{};&e{};'>", n - 1, n - 1));
    vec![
        ("a/package-lock.json", "[".repeat(200_000)),
        ("b/package-lock.json", "{\"lockfileVersion\": 3, \"packages\": {".to_owned()),
        ("c/composer.lock", format!("{}1", "{\"packages\":".repeat(100_000))),
        ("d/Pipfile.lock", "\0".repeat(1000)),
        ("e/Cargo.lock", format!("a = {}", "[".repeat(200_000))),
        ("f/poetry.lock", format!("{}[[package]]\n", "[a.b]\n".repeat(1000))),
        ("g/uv.lock", format!("x = {}1", "{a = ".repeat(100_000))),
        ("h/pnpm-lock.yaml", bomb),
        ("i/pnpm-lock.yaml", "- ".repeat(200_000)),
        ("j/pom.xml", "<a>".repeat(200_000)),
        ("k/pom.xml", format!("<!DOCTYPE p [{entities}]><project>&e39;</project>")),
        ("l/Gemfile.lock", "GEM\n<<<<<<< HEAD\n".to_owned()),
        ("m/go.mod", "require (\n\ta\n".to_owned()),
        ("n/yarn.lock", "<<<<<<< HEAD\n".to_owned()),
    ]
}

#[test]
fn lockfiles_that_are_no_lockfiles_are_each_named_and_never_end_the_gate() {
    // SEC-3, GAT-1
    let repo = branch();
    let files = broken();
    for (path, content) in &files {
        repo.write(path, content);
    }
    repo.write("large/package-lock.json", "{\"x\": \"0123456789abcdef\"}\n".repeat(2 << 20));
    repo.commit("lockfiles");
    let judged = ends(&judge(&repo.work()), 1);
    assert_eq!(errors(&judged), [("not-scanned".to_owned(), "large/package-lock.json".to_owned())].into());
    let unreadable = |path: &str| ("lockfile-unreadable".to_owned(), path.to_owned());
    let named = of_weight(&judged, "warning");
    for (path, _) in files.iter().map(|(path, _)| (*path, ())).chain([("large/package-lock.json", ())]) {
        assert!(named.contains(&unreadable(path)), "{path} is not named: {named:#?}");
    }
}

/// Leaves files of git that are none.
const ODD_GIT_FILES: &str = r#"
set -eu
echo text > "$PORTCULLIS_WORK_ITEM.txt"
case $PORTCULLIS_WORK_ITEM in
    MODULES*) printf '[submodule "x\n\tpath = ../../etc\n\0url = ext::sh -c touch%% /tmp/x\n' > .gitmodules ;;
    ATTRIBUTES*) head -c 200000 /dev/zero | tr '\0' 'a' > .gitattributes; printf '\n* text=auto filter=x\n[attr' >> .gitattributes ;;
    IGNORE*) printf '[\n\\\n!*\n\377\n' > .gitignore ;;
esac
"#;

#[test]
fn malformed_files_of_git_on_a_branch_stop_neither_the_gate_nor_the_daemon() {
    // SEC-2, GAT-1
    let security = gate("security", "portcullis/security", "^0.1", "  config = { report = \"write\" }\n");
    let scene = Scene::builder()
        .manifest(&manifest(&["done"], &(edge("development", "done") + "merge = true\n" + &security)))
        .role("developer", ODD_GIT_FILES)
        .build();
    let daemon = scene.start();
    let tasks = ["MODULES", "ATTRIBUTES", "IGNORE"].map(|work_item| (work_item, daemon.new_task(work_item)));
    for (work_item, id) in tasks {
        let shown = daemon.until_rests(id, "finished");
        assert_eq!(shown["task"]["returns"], json!(0), "{work_item}: {shown:#}");
        let last = evaluations(&shown, "security").pop().unwrap();
        assert!(last["summary"].as_str().unwrap().contains("in 2 commits (3 files"), "{work_item}: {last:#}");
    }
}
