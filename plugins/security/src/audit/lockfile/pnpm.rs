//! `pnpm-lock.yaml`, lockfile versions 5 to 9.
//!
//! Not a YAML reader, but one of the block style in which pnpm writes: everything else is refused, so that no other style
//! can hide a package from it.

use super::{Locked, Unreadable, number};
use crate::audit::package::Ecosystem;

/// Reads it.
pub(super) fn pnpm_lock(text: &str) -> Result<Locked, Unreadable> {
    let (mut locked, mut version, mut in_packages, mut deepest) = (Locked::default(), None, false, 0);
    for (index, line) in text.lines().enumerate() {
        let content = line.trim_start_matches(' ');
        let indent = line.len() - content.len();
        if content.trim().is_empty() || content.starts_with('#') || line.starts_with("---") {
            continue;
        }
        let odd = |why: &str| Unreadable::line(index + 1, why);
        if content.starts_with('\t') {
            return Err(odd("it is indented with a tab"));
        }
        if indent == 0 {
            let (key, value) = entry(content).ok_or_else(|| odd("a key was expected here"))?;
            in_packages = key == "packages";
            if in_packages && !matches!(value, "" | "{}") {
                return Err(odd("`packages` is not written as pnpm writes it"));
            }
            if key == "lockfileVersion" {
                version = Some(major(value).ok_or_else(|| odd("only lockfileVersion 5 to 9 are known"))?);
            }
            deepest = 0;
        } else if in_packages && indent == 2 {
            let (key, _) = entry(content).ok_or_else(|| odd("a package was expected here"))?;
            let major = version.ok_or_else(|| odd("there is no lockfileVersion above it"))?;
            match package(&key, major) {
                Some((name, version)) => locked.add(Ecosystem::Npm, name, version, number(index)),
                None => locked.unpinned += 1,
            }
            deepest = 2;
        } else if in_packages && (indent == 1 || deepest == 0) {
            return Err(odd("`packages` is not indented as pnpm indents it"));
        }
    }
    match version {
        Some(_) => Ok(locked),
        None => Err(Unreadable::new("it names no lockfileVersion")),
    }
}

/// A block mapping's key, without its quotes, and what stands behind the colon.
fn entry(content: &str) -> Option<(String, &str)> {
    if let Some(rest) = content.strip_prefix('\'') {
        let (key, value) = rest.split_once("':")?;
        return (!key.contains('\'')).then(|| (key.to_owned(), value.trim()));
    }
    if let Some(rest) = content.strip_prefix('"') {
        let (key, value) = rest.split_once("\":")?;
        return (!key.contains(['"', '\\'])).then(|| (key.to_owned(), value.trim()));
    }
    // Characters with a meaning of their own at the beginning of a YAML node.
    if content.starts_with(['?', '&', '*', '!', '|', '>', '%', '{', '[', '-', '<']) {
        return None;
    }
    let colon = content.match_indices(':').find(|(at, _)| matches!(content.as_bytes().get(at + 1), None | Some(b' ')));
    let (at, _) = colon?;
    Some((content[..at].to_owned(), content[at + 1..].trim()))
}

fn major(value: &str) -> Option<u32> {
    let digits = value.trim_matches(['\'', '"']).split('.').next()?;
    digits.parse().ok().filter(|major| (5..=9).contains(major))
}

/// Name and version in a package's key, if it comes from a registry.
fn package(key: &str, major: u32) -> Option<(&str, &str)> {
    let key = key.split('(').next().unwrap_or(key);
    let registry = key.strip_prefix('/');
    if major == 5 {
        let (name, rest) = registry.or_else(|| key.split_once('/').map(|(_, rest)| rest))?.rsplit_once('/')?;
        if registry.is_none() && !key.starts_with("registry.") {
            return None;
        }
        return plain(name, rest.split('_').next().unwrap_or(rest));
    }
    let key = registry.unwrap_or(key);
    let at = key.get(1..)?.find('@')? + 1;
    plain(&key[..at], &key[at + 1..])
}

fn plain<'a>(name: &'a str, version: &'a str) -> Option<(&'a str, &'a str)> {
    let is_version = version.starts_with(|c: char| c.is_ascii_digit()) && !version.contains(['/', ':', '@']);
    is_version.then_some((name, version))
}
