//! `requirements.txt` and `Pipfile.lock`.

use super::{Lines, Locked, Unreadable, number};
use crate::audit::package::Ecosystem;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// `requirements.txt`: only `==` pins a version.
pub(super) fn requirements(text: &str) -> Result<Locked, Unreadable> {
    let (mut locked, mut joined, mut first) = (Locked::default(), String::new(), 0);
    for (index, line) in text.lines().enumerate() {
        if joined.is_empty() {
            first = index;
        }
        if let Some(begun) = line.strip_suffix('\\') {
            joined.push_str(begun);
            joined.push(' ');
            continue;
        }
        joined.push_str(line);
        requirement(&joined, first, &mut locked)?;
        joined.clear();
    }
    requirement(&joined, first, &mut locked)?;
    Ok(locked)
}

fn requirement(line: &str, index: usize, locked: &mut Locked) -> Result<(), Unreadable> {
    let line = match line.trim_start().starts_with('#') {
        true => "",
        false => line.split(" #").next().unwrap_or(line).split("\t#").next().unwrap_or(line).trim(),
    };
    if line.is_empty() {
        return Ok(());
    }
    if line.starts_with('-') {
        // An option. Only `-e` names a dependency.
        locked.unpinned += usize::from(line.starts_with("-e") || line.starts_with("--editable"));
        return Ok(());
    }
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    let is_address = rest.starts_with([':', '/']) || name.is_empty() && line.starts_with('/') || name.starts_with('.');
    if is_address {
        locked.unpinned += 1;
        return Ok(());
    }
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err(Unreadable::line(index + 1, "a requirement was expected here"));
    }
    let rest = rest.trim_start();
    let rest = match rest.strip_prefix('[') {
        Some(extras) => extras.split_once(']').map_or("", |(_, rest)| rest).trim_start(),
        None => rest,
    };
    let clauses = rest.split(';').next().unwrap_or(rest).split(" --").next().unwrap_or(rest);
    if !clauses.is_empty() && !clauses.starts_with(['=', '<', '>', '!', '~', '@', '(']) {
        return Err(Unreadable::line(index + 1, "no requirement goes on like this"));
    }
    let pin = clauses.trim_matches(['(', ')', ' ']).split(',').find_map(|clause| {
        let version = clause.trim().strip_prefix("==")?.trim_start_matches('=').trim();
        (!version.contains('*')).then_some(version)
    });
    locked.add(Ecosystem::PyPi, name, pin.unwrap_or_default(), number(index));
    Ok(())
}

#[derive(Deserialize)]
struct Entry {
    version: Option<String>,
}

/// `Pipfile.lock`: categories of packages, beside `_meta`.
pub(super) fn pipfile_lock(text: &str) -> Result<Locked, Unreadable> {
    let categories: BTreeMap<String, &RawValue> = serde_json::from_str(text).map_err(Unreadable::new)?;
    let (lines, mut locked) = (Lines::of(text), Locked::default());
    for (_, raw) in categories.iter().filter(|(name, _)| name.as_str() != "_meta") {
        let line = lines.of_part(raw.get());
        let wrong = |line: u32| move |error: serde_json::Error| Unreadable::line(line as usize, error);
        let packages: BTreeMap<String, &RawValue> = serde_json::from_str(raw.get()).map_err(wrong(line))?;
        for (name, raw) in packages {
            let line = lines.of_part(raw.get());
            let entry: Entry = serde_json::from_str(raw.get()).map_err(wrong(line))?;
            let version = entry.version.as_deref().and_then(|version| version.strip_prefix("=="));
            locked.add(Ecosystem::PyPi, &name, version.unwrap_or_default(), line);
        }
    }
    Ok(locked)
}
