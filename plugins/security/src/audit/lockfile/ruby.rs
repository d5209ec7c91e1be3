//! `Gemfile.lock`.

use super::{Locked, Unreadable, number};
use crate::audit::package::Ecosystem;

/// Reads it.
pub(super) fn gemfile_lock(text: &str) -> Result<Locked, Unreadable> {
    let (mut locked, mut section, mut in_specs) = (Locked::default(), "", false);
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if line.is_empty() {
            continue;
        }
        let content = line.trim_start_matches(' ');
        match line.len() - content.len() {
            0 => {
                if !content.bytes().all(|b| b.is_ascii_uppercase() || b == b' ') {
                    return Err(Unreadable::line(index + 1, "a section was expected here"));
                }
                (section, in_specs) = (content, false);
            }
            2 => in_specs = content == "specs:",
            // What the project holds itself is no published gem.
            4 if in_specs && section != "PATH" => {
                let (name, version) =
                    spec(content).ok_or_else(|| Unreadable::line(index + 1, "a gem was expected here"))?;
                locked.add(Ecosystem::RubyGems, name, version, number(index));
            }
            _ => {}
        }
    }
    if section.is_empty() { Err(Unreadable::new("it has no section")) } else { Ok(locked) }
}

/// `name (version)` or `name (version-platform)`.
fn spec(content: &str) -> Option<(&str, &str)> {
    let (name, rest) = content.split_once(" (")?;
    let version = rest.strip_suffix(')')?;
    // A platform stands behind a hyphen; a gem's version has none in a lockfile.
    Some((name, version.split('-').next().unwrap_or(version)))
}
