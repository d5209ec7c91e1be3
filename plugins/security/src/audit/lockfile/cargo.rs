//! The lockfiles in TOML, all of them lists of `[[package]]`: Cargo's, Poetry's and uv's.

use super::{Lines, Locked, Unreadable};
use crate::audit::package::Ecosystem;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use toml::Spanned;

#[derive(Deserialize)]
struct Lock<S> {
    #[serde(default = "Vec::new")]
    package: Vec<Entry<S>>,
}

#[derive(Deserialize)]
struct Entry<S> {
    name: Spanned<String>,
    version: Option<String>,
    source: Option<S>,
}

/// uv's and Poetry's: a table whose keys say what kind of source it is.
#[derive(Deserialize)]
struct Source {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(flatten)]
    keys: BTreeMap<String, IgnoredAny>,
}

fn read<'a, S: Deserialize<'a>>(text: &'a str) -> Result<Lock<S>, Unreadable> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| Lines::of(text).at(span.start));
        Unreadable::line(line as usize, error.message())
    })
}

fn collect<S>(text: &str, lock: Lock<S>, ecosystem: Ecosystem, is_ours: impl Fn(Option<&S>) -> bool) -> Locked {
    let (lines, mut locked) = (Lines::of(text), Locked::default());
    for entry in lock.package.into_iter().filter(|entry| !is_ours(entry.source.as_ref())) {
        let line = lines.at(entry.name.span().start);
        locked.add(ecosystem, entry.name.get_ref(), entry.version.as_deref().unwrap_or_default(), line);
    }
    locked
}

/// `Cargo.lock`: what has no source is the workspace itself, what comes from git is no published crate.
pub(super) fn cargo_lock(text: &str) -> Result<Locked, Unreadable> {
    let lock = read::<String>(text)?;
    let from_git = |source: Option<&String>| source.is_some_and(|source| source.starts_with("git+"));
    let git = lock.package.iter().filter(|entry| from_git(entry.source.as_ref())).count();
    let mut locked =
        collect(text, lock, Ecosystem::CratesIo, |source| source.is_none_or(|source| source.starts_with("git+")));
    locked.unpinned += git;
    Ok(locked)
}

/// `poetry.lock`.
pub(super) fn poetry_lock(text: &str) -> Result<Locked, Unreadable> {
    let is_ours = |source: Option<&Source>| source.is_some_and(|s| s.kind.as_deref() == Some("directory"));
    Ok(collect(text, read(text)?, Ecosystem::PyPi, is_ours))
}

/// `uv.lock`.
pub(super) fn uv_lock(text: &str) -> Result<Locked, Unreadable> {
    let ours = ["virtual", "editable", "directory"];
    let is_ours = |source: Option<&Source>| source.is_some_and(|s| ours.iter().any(|key| s.keys.contains_key(*key)));
    Ok(collect(text, read(text)?, Ecosystem::PyPi, is_ours))
}
