//! What is scanned: always both as a range of commits in a repository and as files in a folder, so that each scanner gets it
//! in the form that suits it, and the same in either.
//!
//! Of a history each version of each file that the range brings in is a file of its own: the bytes that a scanner of git
//! objects has to read, and the bytes that its MB/s are counted in.

use super::score::Label;
use crate::bench::install::answer;
use crate::console::say;
use anyhow::{Context, bail, ensure};
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// What an input is for.
pub(crate) enum Shape {
    Labelled(Vec<Label>),
    Range,
}

/// One input.
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) repository: PathBuf,
    pub(crate) base: String,
    pub(crate) head: String,
    pub(crate) files: PathBuf,
    pub(crate) shape: Shape,
    /// The range in pieces, each a base and a head; one piece, unless it is a labelled set.
    pub(crate) pieces: Vec<(String, String)>,
    pub(crate) commits: usize,
    pub(crate) blobs: usize,
    /// Bytes of the blobs that the range brings in.
    pub(crate) bytes: u64,
    /// Bytes of the lines that its patches add: all that a scanner of `git log -p` reads.
    pub(crate) patch_bytes: u64,
    /// Bytes of the files in the folder.
    pub(crate) file_bytes: u64,
}

/// What the clean tree is.
const CLEAN: &str = "a clean tree: the sources of the crates in this repository's Cargo.lock, in one commit";
/// Files in each piece of a labelled set: so few that the gate lists all of its findings, which are 200 at most.
const PIECE: usize = 60;

/// A labelled set, as files and as commits that add them.
pub(crate) fn labelled(given: &Path, folder: &Path) -> anyhow::Result<Input> {
    let mut set = given.to_owned();
    if given.is_file() {
        set = folder.join("set");
        fs::create_dir_all(&set)?;
        answer(Command::new("tar").arg("-xzf").arg(given).arg("-C").arg(&set))?;
    }
    let labels = fs::read_to_string(set.join("labels.tsv")).context("failed to read the labels")?;
    let labels = labels.lines().skip(1).map(Label::parse).collect::<anyhow::Result<Vec<_>>>()?;
    let mut files: Vec<&str> = labels.iter().map(Label::file).collect();
    files.sort_unstable();
    files.dedup();
    let input = committed("the labelled set", folder, &set.join("files"), &files.chunks(PIECE).collect::<Vec<_>>())?;
    Ok(Input { shape: Shape::Labelled(labels), ..input })
}

/// The sources of every crate in the lock file, as one commit that adds them.
pub(crate) fn clean(root: &Path, folder: &Path) -> anyhow::Result<Input> {
    let sources = folder.join("sources");
    fs::create_dir_all(folder)?;
    let cargo = std::env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from);
    answer(Command::new(cargo).args(["vendor", "--locked", "--quiet"]).arg(&sources).current_dir(root))?;
    committed(CLEAN, folder, &sources, &[&["."]])
}

/// A file of one line, in one commit.
pub(crate) fn next_to_nothing(folder: &Path) -> anyhow::Result<Input> {
    let files = folder.join("files");
    fs::create_dir_all(&files)?;
    fs::write(files.join("settings.txt"), "colour = \"green\"\n")?;
    committed("next to nothing", folder, &files, &[&["."]])
}

/// A range of somebody's repository, which is left as it is.
pub(crate) fn history(told: &str, folder: &Path) -> anyhow::Result<Input> {
    let (path, range) = told.rsplit_once('@').context("it is not PATH@BASE..HEAD")?;
    let (base, head) = range.split_once("..").context("it is not PATH@BASE..HEAD")?;
    let from = std::path::absolute(path)?;
    let commit = |name: &str| -> anyhow::Result<String> {
        let name = format!("{name}^{{commit}}");
        let found = answer(git(&from).args(["rev-parse", "--verify", &name]))?;
        Ok(found.trim().to_owned())
    };
    let (base, head) = (commit(base)?, commit(head)?);
    let repository = repository(folder)?;
    answer(git(&repository).args(["fetch", "--quiet", "--no-tags"]).arg(&from).arg(format!("{head}:refs/heads/main")))?;
    answer(git(&repository).args(["merge-base", "--is-ancestor", &base, &head]))
        .context("the base is not below the head")?;
    let files = folder.join("versions");
    versions(&repository, &base, &head, &files)?;
    let name = from.iter().rev().map(|part| part.to_string_lossy()).find(|part| !matches!(&**part, ".git" | "repo"));
    let name = name.unwrap_or_default().trim_end_matches(".git").replace('+', "/");
    let name = format!("{name} {}..{}", &base[..12.min(base.len())], &head[..12.min(head.len())]);
    measured(name, folder, repository, base, head, files)
}

/// An empty repository without a work tree.
fn repository(folder: &Path) -> anyhow::Result<PathBuf> {
    // Some versions of git make the folders on the way, others do not.
    fs::create_dir_all(folder)?;
    let repository = folder.join("repository.git");
    answer(git(&repository).args(["init", "--quiet", "--bare", "-b", "main"]))?;
    // Whatever the files' own `.gitattributes` say: their bytes as they are.
    fs::create_dir_all(repository.join("info"))?;
    fs::write(repository.join("info/attributes"), "* -text -filter -ident -working-tree-encoding\n")?;
    Ok(repository)
}

/// A repository in which a commit for each of these pieces, on top of an empty one, adds its files.
fn committed(name: &str, folder: &Path, files: &Path, pieces: &[&[&str]]) -> anyhow::Result<Input> {
    let repository = repository(folder)?;
    let run = |arguments: &[&str]| -> anyhow::Result<String> {
        let mut git = git(&repository);
        git.args(["-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "core.autocrlf=false"]);
        git.env("GIT_AUTHOR_DATE", "2026-01-05T09:00:00Z").env("GIT_COMMITTER_DATE", "2026-01-05T09:00:00Z");
        git.arg("--work-tree").arg(files).args(arguments).current_dir(files);
        Ok(answer(&mut git)?.trim().to_owned())
    };
    let mut commits = Vec::new();
    let nothing: &[&str] = &[];
    for piece in std::iter::once(nothing).chain(pieces.iter().copied()) {
        if !piece.is_empty() {
            run(&[["add", "--all", "--force", "--"].as_slice(), piece].concat())?;
        }
        run(&["commit", "--quiet", "--allow-empty", "-m", "More files"])?;
        commits.push(run(&["rev-parse", "HEAD"])?);
    }
    // As a clone would have it, not one file for each object.
    run(&["gc", "--quiet"])?;
    let (base, head) = (commits[0].clone(), commits[commits.len() - 1].clone());
    let input = measured(name.to_owned(), folder, repository, base, head, files.to_owned())?;
    let pieces = commits.windows(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
    Ok(Input { pieces, ..input })
}

/// Counts what is in a range.
fn measured(
    name: String,
    folder: &Path,
    repository: PathBuf,
    base: String,
    head: String,
    files: PathBuf,
) -> anyhow::Result<Input> {
    let range = format!("{base}..{head}");
    let commits = answer(git(&repository).args(["rev-list", "--count", &range]))?.trim().parse()?;
    let mut sizes = batch(&repository, &base, &head, "--batch-check=%(objecttype) %(objectsize) %(rest)")?;
    let (mut blobs, mut bytes) = (0, 0);
    for line in sizes.output.by_ref().split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        if let ["blob", size, ..] = line.splitn(3, ' ').collect::<Vec<_>>().as_slice() {
            blobs += 1;
            bytes += size.parse::<u64>()?;
        }
    }
    sizes.ended_well()?;
    let mut log = git(&repository);
    let log = log.args(["log", "-p", "-U0", "--format=", &range]).stdout(Stdio::piped()).spawn();
    let mut log = log.context("failed to run git log")?;
    let patch_bytes = added(log.stdout.take().context("git log has no output")?)?;
    ensure!(log.wait()?.success(), "git log failed");
    let file_bytes = weight(&files)?;
    say(format_args!("{name}: {blobs} blobs, {bytes} bytes"));
    let folder = folder.to_owned();
    let shape = Shape::Range;
    let pieces = vec![(base.clone(), head.clone())];
    Ok(Input {
        name,
        folder,
        repository,
        base,
        head,
        files,
        shape,
        pieces,
        commits,
        blobs,
        bytes,
        patch_bytes,
        file_bytes,
    })
}

/// Bytes of the added lines of a patch, without their sign.
fn added(patch: impl Read) -> anyhow::Result<u64> {
    let (mut patch, mut line, mut bytes) = (BufReader::new(patch), Vec::new(), 0);
    while patch.read_until(b'\n', &mut line)? > 0 {
        if line.starts_with(b"+") && !line.starts_with(b"+++ ") {
            bytes += line.len() as u64 - 1;
        }
        line.clear();
    }
    Ok(bytes)
}

/// Bytes of all files below a folder.
fn weight(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.metadata()?;
        bytes += if kind.is_dir() { weight(&entry.path())? } else { kind.len() };
    }
    Ok(bytes)
}

/// Writes each blob of the range into a folder of its own, under the path that it has in the history.
fn versions(repository: &Path, base: &str, head: &str, into: &Path) -> anyhow::Result<()> {
    let mut batch = batch(repository, base, head, "--batch=%(objecttype) %(objectsize) %(rest)")?;
    let objects = &mut batch.output;
    let (mut header, mut number) = (Vec::new(), 0);
    while objects.read_until(b'\n', &mut header)? > 0 {
        let mut fields = header.strip_suffix(b"\n").unwrap_or(&header).splitn(3, |byte| *byte == b' ');
        let (kind, size) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let path = PathBuf::from(OsStr::from_bytes(fields.next().unwrap_or_default()));
        let size: usize = String::from_utf8_lossy(size).parse().context("an object without a size")?;
        let mut content = vec![0; size + 1];
        objects.read_exact(&mut content)?;
        content.pop();
        if kind == b"blob" {
            ensure!(path.components().all(|part| matches!(part, Component::Normal(_))), "the path {}", path.display());
            let path = into.join(format!("{number:06}")).join(path);
            fs::create_dir_all(path.parent().context("a file without a folder")?)?;
            fs::write(path, content)?;
            number += 1;
        }
        header.clear();
    }
    batch.ended_well()
}

/// What `git cat-file` says of each object of a range. `asked` has to name `%(rest)`, the path: else git would take it for
/// a part of the object's name.
struct Batch {
    output: BufReader<ChildStdout>,
    processes: [Child; 2],
}

impl Batch {
    /// To be called once everything is read: that it really was everything.
    fn ended_well(mut self) -> anyhow::Result<()> {
        for process in &mut self.processes {
            ensure!(process.wait()?.success(), "git could not list the range");
        }
        Ok(())
    }
}

fn batch(repository: &Path, base: &str, head: &str, asked: &str) -> anyhow::Result<Batch> {
    let mut list = git(repository);
    let list = list.args(["rev-list", "--objects", &format!("{base}..{head}")]).stdout(Stdio::piped()).spawn();
    let mut list = list.context("failed to run git rev-list")?;
    let Some(names) = list.stdout.take() else { bail!("git rev-list has no output") };
    let mut cat = git(repository);
    let cat = cat.args(["cat-file", asked, "--buffer"]).stdin(names).stdout(Stdio::piped()).spawn();
    let mut cat = cat.context("failed to run git cat-file")?;
    let Some(output) = cat.stdout.take() else { bail!("git cat-file has no output") };
    Ok(Batch { output: BufReader::new(output), processes: [list, cat] })
}

fn git(repository: &Path) -> Command {
    let mut git = Command::new("git");
    // Nothing in the background: it would be measured with what runs then.
    git.args(["-c", "gc.auto=0", "-c", "maintenance.auto=false"]);
    git.arg("--git-dir").arg(repository).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    git
}
