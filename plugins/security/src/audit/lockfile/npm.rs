//! `package-lock.json`, lockfile versions 1 to 3, and `npm-shrinkwrap.json`, which is the same.

use super::{Lines, Locked, Unreadable};
use crate::audit::package::Ecosystem;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Deeper than this nothing is nested that npm wrote.
const MOST_NESTED: usize = 64;

type Entries<'a> = BTreeMap<String, &'a RawValue>;

#[derive(Deserialize)]
struct Lock<'a> {
    #[serde(rename = "lockfileVersion")]
    version: Option<u64>,
    /// Versions 2 and 3: by place in the tree of folders.
    #[serde(borrow)]
    packages: Option<Entries<'a>>,
    /// Versions 1 and 2: by name, nested.
    #[serde(borrow)]
    dependencies: Option<Entries<'a>>,
}

#[derive(Deserialize)]
struct Placed {
    name: Option<String>,
    version: Option<String>,
    #[serde(default)]
    link: bool,
}

#[derive(Deserialize)]
struct Nested<'a> {
    version: Option<String>,
    #[serde(borrow)]
    dependencies: Option<Entries<'a>>,
}

/// Reads it.
pub(super) fn package_lock(text: &str) -> Result<Locked, Unreadable> {
    let lock: Lock<'_> = serde_json::from_str(text).map_err(Unreadable::new)?;
    if !(1..=3).contains(&lock.version.unwrap_or(1)) {
        return Err(Unreadable::new("only lockfileVersion 1, 2 and 3 are known"));
    }
    let (lines, mut locked) = (Lines::of(text), Locked::default());
    match (lock.packages, lock.dependencies) {
        (Some(packages), _) => placed(&packages, &lines, &mut locked)?,
        (None, Some(dependencies)) => nested(&dependencies, &lines, &mut locked, 0)?,
        (None, None) if lock.version.is_some() => {}
        (None, None) => return Err(Unreadable::new("there are neither `packages` nor `dependencies` in it")),
    }
    Ok(locked)
}

fn placed(packages: &Entries<'_>, lines: &Lines<'_>, locked: &mut Locked) -> Result<(), Unreadable> {
    for (place, raw) in packages {
        // What does not lie in a folder of modules is the project itself or one of its workspaces.
        let Some((_, folder)) = place.rsplit_once("node_modules/") else { continue };
        let line = lines.of_part(raw.get());
        let entry: Placed = serde_json::from_str(raw.get()).map_err(|error| Unreadable::line(line as usize, error))?;
        if !entry.link {
            let name = entry.name.as_deref().unwrap_or(folder);
            locked.add(Ecosystem::Npm, name, entry.version.as_deref().unwrap_or_default(), line);
        }
    }
    Ok(())
}

fn nested(entries: &Entries<'_>, lines: &Lines<'_>, locked: &mut Locked, depth: usize) -> Result<(), Unreadable> {
    if depth > MOST_NESTED {
        return Err(Unreadable::new(format_args!("its dependencies are nested more than {MOST_NESTED} deep")));
    }
    for (name, raw) in entries {
        let line = lines.of_part(raw.get());
        let entry: Nested<'_> =
            serde_json::from_str(raw.get()).map_err(|error| Unreadable::line(line as usize, error))?;
        let version = entry.version.as_deref().unwrap_or_default();
        match version.strip_prefix("npm:").and_then(|alias| alias.rsplit_once('@')) {
            Some((name, version)) => locked.add(Ecosystem::Npm, name, version, line),
            // An address or a path.
            None if version.contains([':', '/']) => locked.unpinned += 1,
            None => locked.add(Ecosystem::Npm, name, version, line),
        }
        if let Some(inner) = &entry.dependencies {
            nested(inner, lines, locked, depth + 1)?;
        }
    }
    Ok(())
}
