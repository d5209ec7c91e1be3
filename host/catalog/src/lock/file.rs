//! The lock as a file, `.portcullis/gates.lock`: TOML in one fixed order, so that equal locks have equal bytes.

use super::{Lock, Pin};
use crate::manifest::LOCK_PATH;
use crate::names::{check_plugin_name, shown};
use crate::place::Place;
use portcullis_core::digest::Digest;
use semver::Version;
use serde::Deserialize;
use std::fmt::Write;
use toml::Spanned;

/// Largest lock file, in bytes.
const MAX_BYTES: usize = 1024 * 1024;

/// A lock file that cannot be used, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{LOCK_PATH}{}: {detail}; run `portcullis gates lock` to write it anew", at(.place))]
pub struct LockFileError {
    /// Where, if one place is to blame.
    pub place: Option<Place>,
    /// What is wrong.
    pub detail: String,
}

fn at(place: &Option<Place>) -> String {
    place.map_or_else(String::new, |place| format!(", {place}"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLock {
    format: Spanned<i64>,
    #[serde(default)]
    plugin: Vec<RawPin>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPin {
    name: Spanned<String>,
    requirement: Spanned<String>,
    version: Spanned<String>,
    digest: Spanned<String>,
}

impl Lock {
    /// Reads a lock file.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn parse(text: &str) -> Result<Self, LockFileError> {
        if text.len() > MAX_BYTES {
            let detail = format!("it has {} bytes, the limit is {MAX_BYTES}", text.len());
            return Err(LockFileError { place: None, detail });
        }
        let place = |span: std::ops::Range<usize>| Some(Place::of(text, span.start));
        let raw: RawLock = toml::from_str(text).map_err(|e| LockFileError {
            place: e.span().and_then(place),
            detail: e.message().chars().take(400).map(|c| if c.is_control() { ' ' } else { c }).collect(),
        })?;
        if *raw.format.get_ref() != 1 {
            let detail = format!("it has format {}, this version reads format 1", raw.format.get_ref());
            return Err(LockFileError { place: place(raw.format.span()), detail });
        }
        let mut lock = Self::default();
        for raw in &raw.plugin {
            let wrong = |at: &Spanned<String>, detail: String| LockFileError { place: place(at.span()), detail };
            let name = check_plugin_name(raw.name.get_ref()).map_err(|e| wrong(&raw.name, e.to_string()))?;
            let pin = Pin {
                version: Version::parse(raw.version.get_ref()).map_err(|e| {
                    wrong(&raw.version, format!("`{}` is no version: {e}", shown(raw.version.get_ref())))
                })?,
                digest: Digest::parse(raw.digest.get_ref()).map_err(|e| wrong(&raw.digest, e.to_string()))?,
            };
            let key = (name, raw.requirement.get_ref().clone());
            if lock.pins.insert(key, pin).is_some() {
                let detail = format!("`{}` with this requirement stands twice", raw.name.get_ref());
                return Err(wrong(&raw.name, detail));
            }
        }
        Ok(lock)
    }

    /// The file's text.
    pub fn render(&self) -> String {
        let mut text =
            String::from("# Written by `portcullis gates lock`; not meant to be edited by hand.\nformat = 1\n");
        for ((name, requirement), pin) in &self.pins {
            // A requirement that was parsed from a file is any text, so it is quoted as TOML and not pasted.
            let requirement = toml::Value::String(requirement.clone());
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                "\n[[plugin]]\nname = \"{name}\"\nrequirement = {requirement}\nversion = \"{}\"\ndigest = \"{}\"\n",
                pin.version, pin.digest
            );
        }
        text
    }
}
