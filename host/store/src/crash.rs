//! Where a test may end the process: right before and right after something becomes durable.
//!
//! The store knows only the places. What happens there is the program's affair: it installs a hook, once. Without debug
//! assertions there are no places and the hook is never called.

use std::sync::OnceLock;

static HOOK: OnceLock<fn(&str)> = OnceLock::new();

/// Calls `hook` at each place from now on, with the place's name: `store/<what is done>/before` where COMMIT is about to
/// make it durable, `store/<what is done>/after` where COMMIT has returned and nobody has been answered yet. Requests
/// that change nothing have no places. The first hook stays.
pub fn install(hook: fn(&str)) {
    let _first = HOOK.get_or_init(|| hook);
}

/// Which side of COMMIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Before,
    After,
}

/// One of the places.
pub(crate) fn point(doing: &str, side: Side) {
    if cfg!(debug_assertions)
        && let Some(hook) = HOOK.get()
    {
        let side = match side {
            Side::Before => "before",
            Side::After => "after",
        };
        hook(&format!("store/{}/{side}", doing.replace(' ', "-")));
    }
}
