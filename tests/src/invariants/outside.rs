//! What the world outside of the daemon has seen.

use super::history::Card;
use portcullis_testkit::TempRepo;
use std::path::Path;

/// Everything that was seen.
#[derive(Debug, Clone, Default)]
pub struct Outside {
    /// What the roles noted.
    pub notes: Vec<Note>,
    /// Keyed messages that arrived somewhere, again and again too.
    pub deliveries: Vec<Delivery>,
    /// Projects and kinds of effects whose every delivery is among them, as the effects' JSON names them.
    pub observed: Vec<(&'static str, &'static str)>,
    /// Numbers of the webhooks that were answered with a 2xx.
    pub accepted: Vec<i64>,
    /// What was merged into the target branches.
    pub merges: Vec<Merge>,
    /// Branches for which pull requests were opened at the forge, with their projects; once for each.
    pub pull_requests: Vec<(String, String)>,
    /// Where the work items stand on the boards of trackers.
    pub board: Vec<Card>,
}

/// A line that a role has noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Whether it began; otherwise it ended.
    pub begins: bool,
    /// Number of the run.
    pub run: i64,
    /// Number of the task.
    pub task: i64,
    /// When, in nanoseconds.
    pub at_ns: u128,
}

/// A message that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Whose.
    pub project: String,
    /// Its idempotency key.
    pub key: String,
    /// All the rest.
    pub content: String,
}

/// A merge commit on a target branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// Whose target branch.
    pub project: String,
    /// First line of its message.
    pub title: String,
    /// The commit itself.
    pub commit: String,
    /// Where the target branch was.
    pub base: String,
    /// What was merged into it.
    pub head: String,
    /// Paths that its tree has.
    pub tree: Vec<String>,
}

/// Shell text that notes a line, for [`notes`]; `what` is `start` or `end`.
pub fn note(what: &str, file: &Path) -> String {
    format!("echo \"{what} $PORTCULLIS_RUN_ID $PORTCULLIS_TASK $(date +%s%N)\" >> {}\n", file.display())
}

/// The lines that roles have noted.
pub fn notes(text: &str) -> Vec<Note> {
    let one = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let [what, run, task, at] = words[..] else { panic!("`{line}` is no note") };
        let number = |word: &str| word.parse().unwrap_or_else(|_| panic!("`{line}` is no note"));
        Note { begins: what == "start", run: number(run), task: number(task), at_ns: at.parse().unwrap() }
    };
    text.lines().map(one).collect()
}

/// The merge commits on the target branch of a bare repository, newest first.
pub fn merges(repo: &TempRepo, origin: &Path, project: &str) -> Vec<Merge> {
    let log = repo.run(origin, ["log", "--first-parent", "--merges", "--format=%H %P %s", "main"]);
    let one = |line: &str| {
        let words: Vec<String> = line.splitn(4, ' ').map(str::to_owned).collect();
        let Ok([commit, base, head, title]) = <[String; 4]>::try_from(words) else { panic!("`{line}` is no merge") };
        let tree = repo.run(origin, ["ls-tree", "-r", "--name-only", &commit]);
        let tree = tree.lines().map(str::to_owned).collect();
        Merge { project: project.to_owned(), title, commit, base, head, tree }
    };
    log.lines().map(one).collect()
}
