//! `composer.lock`.

use super::{Lines, Locked, Unreadable};
use crate::audit::package::Ecosystem;
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Lock<'a> {
    #[serde(borrow)]
    packages: Vec<&'a RawValue>,
    #[serde(borrow, default, rename = "packages-dev")]
    packages_dev: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    version: String,
}

/// Reads it.
pub(super) fn composer_lock(text: &str) -> Result<Locked, Unreadable> {
    let lock: Lock<'_> = serde_json::from_str(text).map_err(Unreadable::new)?;
    let (lines, mut locked) = (Lines::of(text), Locked::default());
    for raw in lock.packages.into_iter().chain(lock.packages_dev.unwrap_or_default()) {
        let line = lines.of_part(raw.get());
        let entry: Entry = serde_json::from_str(raw.get()).map_err(|error| Unreadable::line(line as usize, error))?;
        let branch = entry.version.starts_with("dev-") || entry.version.ends_with("-dev");
        let version = if branch { "" } else { entry.version.as_str() };
        locked.add(Ecosystem::Packagist, &entry.name, version, line);
    }
    Ok(locked)
}
