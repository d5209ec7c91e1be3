//! Telling a story to its end, through as many daemons as it takes.

use super::story::{self, Story};
use crate::daemon::{Daemon, PATIENCE};
use crate::invariants::{history, violations};
use crate::scene::Scene;
use portcullis_testkit::eventually_some;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::OnceLock;
use tempfile::TempDir;

/// How it went.
#[derive(Debug, Default)]
pub struct Played {
    /// The crash points that were reached, by each daemon and its shims.
    pub reached: Vec<Vec<String>>,
    /// What is wrong.
    pub violations: Vec<String>,
}

/// Tells the story. The n-th daemon is armed with the n-th of `points`, those after it with none.
pub fn play(story: &mut dyn Story, points: &[String]) -> Played {
    play_with(story, points, &mut |_| {})
}

/// The same, with something that happens after each death; it is told how many there were.
pub fn play_with(story: &mut dyn Story, points: &[String], after_death: &mut dyn FnMut(usize)) -> Played {
    warm(story.scene());
    let mut played = Played::default();
    loop {
        let armed = points.get(played.reached.len()).map_or("", String::as_str);
        // Each daemon and its shims count for themselves.
        let log = story.scene().home().join(format!("reached-{}", played.reached.len()));
        let ended = life(story, armed, &log);
        let reached = std::fs::read_to_string(&log).unwrap_or_default();
        played.reached.push(reached.lines().map(str::to_owned).collect());
        match ended {
            Life::Died => after_death(played.reached.len()),
            Life::Over => break,
            Life::Stuck(why) => {
                played.violations.push(why);
                break;
            }
        }
    }
    keep_warm(story.scene());
    played.violations.extend(check(story));
    played
}

/// Checks the invariants; no daemon may run.
pub fn check(story: &dyn Story) -> Vec<String> {
    let history = history(&story.scene().home().join("portcullis.db"));
    let mut wrong = violations(&history, &story.outside(), &story.courses());
    let held = history.tasks.iter().filter(|task| task.held.is_some() && !story.may_be_held(&task.work_item));
    wrong.extend(held.map(|task| format!("task {} is held: {}", task.id, task.held.as_deref().unwrap_or_default())));
    wrong
}

enum Life {
    /// The daemon died.
    Died,
    /// The story is over, and the daemon was stopped.
    Over,
    /// It does not come to its end.
    Stuck(String),
}

/// One daemon, to its death or to the end of the story.
fn life(story: &mut dyn Story, armed: &str, log: &Path) -> Life {
    let env = [("PORTCULLIS_CRASH_AT", OsStr::new(armed)), ("PORTCULLIS_CRASH_LOG", log.as_os_str())];
    let Ok(mut daemon) = story.scene().try_start(&env) else { return Life::Died };
    let over = bounded(|| step(story, &mut daemon));
    match over {
        Some(true) => match daemon.stop() {
            Some(0) => Life::Over,
            // It had already decided to stop when it died; nothing is left to be told.
            _ if !armed.is_empty() => Life::Died,
            code => Life::Stuck(format!("the daemon did not stop properly: {code:?}")),
        },
        Some(false) => Life::Died,
        None => Life::Stuck(plight(&daemon)),
    }
}

/// Calls `look` until it answers; none if it takes too long.
pub(super) fn bounded<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let waiting = || eventually_some("the story is over", PATIENCE, &mut look);
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(waiting)).ok()
}

/// Some(true): the story is over. Some(false): the daemon has died.
pub(super) fn step(story: &mut dyn Story, daemon: &mut Daemon) -> Option<bool> {
    if daemon.has_ended() {
        return Some(false);
    }
    let tasks = story::tasks(daemon)?;
    let told = story.go_on(daemon, &tasks);
    (told && story::is_quiet(daemon, &tasks, story.tasks())).then_some(true)
}

/// What keeps a daemon from coming to rest, in its own words.
pub(super) fn plight(daemon: &Daemon) -> String {
    let tasks = story::tasks(daemon).unwrap_or_default();
    let explained = tasks.iter().map(|task| daemon.explain(task["task"]["id"].as_i64().unwrap_or_default()));
    let queue = daemon.try_get("/queue").map(|answer| answer.body).unwrap_or_default();
    let log = daemon.log();
    let tail: Vec<&str> = log.lines().rev().take(60).collect();
    let tail: Vec<&str> = tail.into_iter().rev().collect();
    format!("stuck: {}\nqueue: {queue:#}\nlog:\n{}", explained.collect::<Vec<_>>().join("\n"), tail.join("\n"))
}

/// Gates that an earlier daemon has compiled: hundreds of daemons need not each do it again.
fn cache() -> &'static Path {
    static CACHE: OnceLock<TempDir> = OnceLock::new();
    CACHE.get_or_init(|| tempfile::tempdir().expect("a folder can be made")).path()
}

pub(super) fn warm(scene: &Scene) {
    use std::os::unix::fs::PermissionsExt;
    let gates = scene.home().join("gates");
    std::fs::create_dir_all(&gates).expect("a folder can be made");
    std::fs::set_permissions(&gates, std::fs::Permissions::from_mode(0o700)).expect("a folder can be closed");
    copy(cache(), &gates);
}

pub(super) fn keep_warm(scene: &Scene) {
    copy(&scene.home().join("gates"), cache());
}

/// Links what is not there yet. Artifacts are written once, by rename.
fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a folder can be read").flatten() {
        let name = entry.file_name();
        if name.to_string_lossy().ends_with(".cwasm") {
            let _there_already = std::fs::hard_link(entry.path(), to.join(name));
        }
    }
}
