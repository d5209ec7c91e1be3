//! `yarn.lock`, of the classic Yarn and of its successor ("berry").

use super::{Locked, Unreadable, number};
use crate::audit::package::Ecosystem;

/// An entry that is being read.
struct Entry<'a> {
    line: usize,
    name: &'a str,
    version: Option<&'a str>,
    /// Berry says here what it came to: `name@npm:version`, `name@workspace:path`.
    resolution: Option<&'a str>,
}

/// Reads it.
pub(super) fn yarn_lock(text: &str) -> Result<Locked, Unreadable> {
    let (mut locked, mut open) = (Locked::default(), None::<Entry<'_>>);
    let mut known = text.trim().is_empty();
    for (index, line) in text.lines().enumerate() {
        known |= line.starts_with("# yarn lockfile") || line.starts_with("__metadata:");
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let odd = |why: &str| Unreadable::line(index + 1, why);
        if !line.starts_with([' ', '\t']) {
            if let Some(entry) = open.take() {
                close(&mut locked, &entry)?;
            }
            let key = line.trim_end().strip_suffix(':').ok_or_else(|| odd("an entry was expected here"))?;
            if key != "__metadata" {
                let name = name(key).ok_or_else(|| odd("the entry names no package"))?;
                open = Some(Entry { line: index, name, version: None, resolution: None });
            }
            continue;
        }
        let Some(field) = line.strip_prefix("  ").filter(|field| !field.starts_with([' ', '\t'])) else { continue };
        let Some(entry) = &mut open else { continue };
        let (key, value) = field.split_once([':', ' ']).unwrap_or((field, ""));
        let value = value.trim_start_matches([':', ' ']).trim().trim_matches('"');
        match key.trim_matches('"') {
            "version" => entry.version = Some(value),
            "resolution" => entry.resolution = Some(value),
            _ => {}
        }
    }
    if let Some(entry) = open.take() {
        close(&mut locked, &entry)?;
    }
    if known { Ok(locked) } else { Err(Unreadable::new("it does not say that it is a lockfile of Yarn")) }
}

fn close(locked: &mut Locked, entry: &Entry<'_>) -> Result<(), Unreadable> {
    let version = entry.version.ok_or_else(|| Unreadable::line(entry.line + 1, "the entry has no version"))?;
    let line = number(entry.line);
    let Some(resolution) = entry.resolution else {
        locked.add(Ecosystem::Npm, entry.name, version, line);
        return Ok(());
    };
    let (name, source) = split(resolution).ok_or_else(|| Unreadable::line(entry.line + 1, "its resolution is odd"))?;
    match source.split(':').next() {
        Some("npm" | "patch") => locked.add(Ecosystem::Npm, name, version, line),
        Some("workspace" | "link" | "portal") => {}
        _ => locked.unpinned += 1,
    }
    Ok(())
}

/// The package of an entry's first descriptor, e.g. of `"@scope/name@^1.0", "@scope/name@^1.1"`.
fn name(key: &str) -> Option<&str> {
    let first = key.split(',').next()?.trim().trim_matches('"');
    let (name, range) = split(first)?;
    match range.strip_prefix("npm:").and_then(split) {
        // An alias: what is installed is the package behind it.
        Some((real, _)) => Some(real),
        None => Some(name),
    }
}

/// What stands before and behind the `@` that ends a name, which may begin with one.
fn split(descriptor: &str) -> Option<(&str, &str)> {
    let at = descriptor.get(1..)?.find('@')? + 1;
    Some((&descriptor[..at], &descriptor[at + 1..]))
}
