//! The traps that secret scanners fall into, each in a real repository and judged by the real component; and repositories
//! that cannot be read in full. `docs/security-gate.md` lists trap and test.

use portcullis_e2e::daemon::{portcullis, workspace};
use portcullis_testkit::TempRepo;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Output;

/// Put together here, so that this file holds no token.
pub(crate) fn token() -> String {
    ["gh", "p_", "x7Kq2mW9aZ4tB1vC8", "nL5pR3sD6fG0hJy2kQ7"].concat()
}

pub(crate) fn line() -> String {
    format!("github = '{}'\n", token())
}

/// Asks the security gate about `work` against `main` in this folder, by hand.
pub(crate) fn judge(folder: &Path) -> Output {
    let (folder, registry) = (folder.to_str().unwrap(), workspace().join("registry"));
    let registry = registry.to_str().unwrap();
    let words = ["gate", "run", "portcullis/security", "--repo", folder, "--registry", registry];
    portcullis(words.into_iter().chain(["--base", "main", "--head", "work", "--json"]))
}

pub(crate) fn shown(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{:?}: no JSON: {said}", output.status))
}

/// Rule and place of the findings that close the edge.
pub(crate) fn errors(judged: &Value) -> BTreeSet<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("no file").to_owned();
    let all = judged["findings"].as_array().unwrap().iter().filter(|finding| finding["severity"] == "error");
    all.map(|finding| (text(&finding["rule"]), text(&finding["path"]))).collect()
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let three = |piece: &[u8]| {
        let bits = (0..3).fold(0_u32, |bits, n| bits << 8 | u32::from(piece.get(n).copied().unwrap_or(0)));
        (0..4).map(move |n| char::from(LETTERS[(bits >> (18 - 6 * n)) as usize & 63])).take(piece.len() + 1)
    };
    bytes.chunks(3).flat_map(three).collect()
}

/// Writes an archive that git packs of a repository with one file, `conf/app.env`, with the token in it.
fn archive(repo: &TempRepo, path: &str, format: &str) {
    let packed = TempRepo::with_commit("conf/app.env", &line());
    let file = repo.file(path.as_bytes());
    packed.git(["archive", "--format", format, "--output", file.to_str().unwrap(), "HEAD"]);
}

#[test]
fn no_trap_hides_a_secret_in_a_real_repository_and_what_only_looks_like_a_leak_is_none() {
    // SEC-2, SEC-6
    let (token, line) = (token(), line());
    let old = format!("first\nsecond\nthird\nfourth\nold = '{}'\n", token.replace("x7Kq", "y8Lr"));
    let repo = TempRepo::with_commit("README.md", "A service.\n");
    repo.write("only-removed.txt", line.replace("x7Kq", "w6Jp"));
    repo.write("renamed-from.txt", &old);
    repo.commit("what the target has");
    repo.branch("work");

    // The branch's own word on what is to be looked at.
    repo.write(".gitattributes", "* binary -diff -text filter=none export-ignore\n");
    repo.write(".gitleaks.toml", "[allowlist]\npaths = ['.*']\n[extend]\ndisabledRules = ['github-pat']\n");
    repo.write(".gitleaksignore", "excused.txt:github-pat:1\n");
    repo.commit("attributes and exceptions");

    let utf16: Vec<u8> = std::iter::once(0xFEFF).chain(line.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let files: [(&[u8], Vec<u8>); 12] = [
        (b"excused.txt", line.clone().into_bytes()),
        (b"inline.txt", format!("{} # gitleaks:allow portcullis:allow github-token\n", line.trim_end()).into_bytes()),
        (b"utf16.txt", utf16),
        (b"nul.bin", [b"\0\x01\0", line.as_bytes()].concat()),
        (b"base64.txt", format!("data: {}\n", base64(line.as_bytes())).into_bytes()),
        (b"long-line.js", format!("{}{}", "var a=1;".repeat(400_000), line.trim_end()).into_bytes()),
        (
            b"web/package-lock.json",
            format!("{{\"lockfileVersion\": 3, \"packages\": {{}}, \"x\": \"{token}\"}}\n").into_bytes(),
        ),
        (b"node_modules/x/index.js", line.clone().into_bytes()),
        (b"tab\there\nand a line.txt", line.clone().into_bytes()),
        (b"quote\"'.txt", line.clone().into_bytes()),
        (b"not-utf8-\xff.txt", line.clone().into_bytes()),
        (b"crlf.txt", format!("one\r\n{}\r\n", line.trim_end()).into_bytes()),
    ];
    for (path, content) in &files {
        repo.write(path, content);
    }
    archive(&repo, "packed.zip", "zip");
    archive(&repo, "report.docx", "zip");
    archive(&repo, "packed.tar", "tar");
    archive(&repo, "packed.tar.gz", "tar.gz");
    std::os::unix::fs::symlink(format!("/../../{token}"), repo.file(b"link")).unwrap();
    repo.commit("everything at once");

    repo.write("removed.txt", &line);
    repo.commit("add for a moment");
    repo.remove("removed.txt");
    repo.commit(&format!("take out again\n\nit was {token}\n"));

    repo.remove("renamed-from.txt");
    repo.write("renamed-to.txt", format!("{old}new = '{}'\n", token.replace("x7Kq", "z9Ms")));
    repo.commit("rename and edit");
    repo.remove("only-removed.txt");
    repo.commit("only remove");

    // A merge that brings in what stands in neither of its parents.
    repo.git(["switch", "--quiet", "-c", "side", "main"]);
    repo.commit_file("side.txt", "side\n");
    repo.switch("work");
    repo.git(["merge", "--quiet", "--no-ff", "--no-commit", "side"]);
    repo.write("merged.txt", &line);
    repo.commit("merge");

    let output = judge(&repo.work());
    let judged = shown(&output);
    assert_eq!(output.status.code(), Some(1), "{judged:#}");
    let mut expected: BTreeSet<&str> = [
        "excused.txt",
        "inline.txt",
        "utf16.txt",
        "nul.bin",
        "base64.txt",
        "long-line.js",
        "web/package-lock.json",
        "node_modules/x/index.js",
        "tab\\there\\nand a line.txt",
        "quote\"'.txt",
        "not-utf8-\\xff.txt",
        "crlf.txt",
        "packed.zip!/conf/app.env",
        "report.docx!/conf/app.env",
        "packed.tar!/conf/app.env",
        "packed.tar.gz!/conf/app.env",
        "link",
        "removed.txt",
        "no file",
        "renamed-to.txt",
        "merged.txt",
    ]
    .into();
    let found = errors(&judged);
    for (rule, path) in &found {
        assert!(rule == "github-token" && expected.remove(path.as_str()), "{rule} in `{path}`: {judged:#}");
    }
    assert!(expected.is_empty(), "not found: {expected:?} in {judged:#}");
    assert!(!judged.to_string().contains(&token[6..]), "the token is told: {judged:#}");
}

/// A repository whose branch adds a file with the token and takes it out again, so that only its history tells.
fn leaked() -> TempRepo {
    let repo = TempRepo::with_commit("README.md", "A service.\n");
    repo.branch("work");
    repo.commit_file("settings.conf", &line());
    repo.commit_file("settings.conf", "nothing\n");
    repo
}

/// The file in which git keeps this object, as long as it is not packed.
fn object(repo: &TempRepo, name: &str) -> PathBuf {
    let name = repo.git(["rev-parse", name]);
    let file = repo.work().join(".git/objects").join(&name[..2]).join(&name[2..]);
    assert!(file.exists(), "{name} is packed");
    file
}

#[test]
fn a_repository_that_is_not_whole_is_never_clean() {
    // SEC-2, GAT-1
    assert_eq!(judge(&leaked().work()).status.code(), Some(1));
    for (name, what) in [
        ("work~1:settings.conf", "a file of the history"),
        ("work:settings.conf", "a file of the head"),
        ("work~1^{tree}", "a folder"),
        ("work~1", "a commit in the range"),
        ("work^{tree}", "the head's folder"),
    ] {
        for damage in ["gone", "cut", "empty", "garbage"] {
            let repo = leaked();
            let file = object(&repo, name);
            let whole = std::fs::read(&file).unwrap();
            std::fs::remove_file(&file).unwrap();
            match damage {
                "cut" => std::fs::write(&file, &whole[..whole.len() / 2]).unwrap(),
                "empty" => std::fs::write(&file, b"").unwrap(),
                "garbage" => std::fs::write(&file, b"no object").unwrap(),
                _ => {}
            }
            let output = judge(&repo.work());
            let code = output.status.code();
            assert!(matches!(code, Some(2 | 3)), "{what} is {damage}: {code:?} {}", shown(&output));
        }
    }
}

/// The same, caught up with a target that has moved: another way leads from the head to the common commit.
fn leaked_and_caught_up() -> TempRepo {
    let repo = leaked();
    repo.switch("main");
    repo.commit_file("more.txt", "main moved on\n");
    repo.switch("work");
    repo.merge("main");
    repo.commit_file("last.txt", "the last\n");
    repo
}

#[test]
fn a_history_that_was_cut_off_is_never_clean() {
    // SEC-2: as shallow clones are, which CI makes by default.
    let repo = leaked_and_caught_up();
    let shallow = repo.root().join("shallow");
    let origin = format!("file://{}", repo.origin().display());
    let here = |words: &[&str]| repo.run(&shallow, words);
    assert_eq!(judge(&repo.work()).status.code(), Some(1));
    for depth in 1..=5 {
        std::fs::create_dir(&shallow).unwrap();
        here(&["init", "--quiet", "-b", "none"]);
        here(&["fetch", "--quiet", "--depth", &depth.to_string(), &origin, "main:main", "work:work"]);
        let output = judge(&shallow);
        let said = shown(&output).to_string();
        match output.status.code() {
            // Deep enough for the whole range.
            Some(1) => assert!(depth > 1, "{said}"),
            other => assert!(other != Some(0) && said.contains("--unshallow"), "at depth {depth}: {said}"),
        }
        std::fs::remove_dir_all(&shallow).unwrap();
    }
    // Without a common commit there is no range.
    repo.git(["switch", "--quiet", "--orphan", "alone"]);
    repo.commit_file("alone.txt", "alone\n");
    repo.git(["branch", "--force", "work", "alone"]);
    let output = judge(&repo.work());
    assert!(matches!(output.status.code(), Some(2 | 3)), "{}", shown(&output));
}

#[test]
fn a_history_that_was_cut_off_later_is_never_clean() {
    // SEC-2: the objects are all there, but git was told to stop in the middle of the branch.
    let repo = leaked_and_caught_up();
    let origin = format!("file://{}", repo.origin().display());
    assert_eq!(judge(&repo.work()).status.code(), Some(1));
    repo.git(["fetch", "--quiet", "--depth", "3", &origin, "main", "work"]);
    assert!(repo.work().join(".git/shallow").exists());
    let output = judge(&repo.work());
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
}
