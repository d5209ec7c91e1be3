//! `go.mod` and `go.sum`.

use super::{Locked, Unreadable, number};
use crate::audit::package::Ecosystem;
use std::collections::HashMap;

/// From this version of Go on, `go.mod` names every module that is built.
const COMPLETE_SINCE: (u32, u32) = (1, 17);

/// Directives that say nothing about which modules are built.
const OTHER: [&str; 9] = ["module", "go", "toolchain", "godebug", "exclude", "retract", "tool", "ignore", "comment"];

/// A line without its comment, in words without quotes.
fn words(line: &str) -> Vec<&str> {
    let line = line.split("//").next().unwrap_or(line);
    line.split_whitespace().map(|word| word.trim_matches(['"', '`'])).collect()
}

/// `go.mod`: what is required, after what is replaced.
pub(super) fn go_mod(text: &str) -> Result<Locked, Unreadable> {
    let (mut required, mut replaced) = (Vec::new(), HashMap::new());
    let (mut block, mut has_module) = (None::<&str>, false);
    for (index, line) in text.lines().enumerate() {
        let words = words(line);
        let odd = || Unreadable::line(index + 1, "it is no line of a go.mod file");
        let (directive, rest) = match (block, words.as_slice()) {
            (_, []) => continue,
            (Some(_), [")"]) => {
                block = None;
                continue;
            }
            (Some(directive), rest) => (directive, rest),
            (None, [directive, "("]) => {
                block = Some(directive);
                continue;
            }
            (None, [directive, rest @ ..]) => (*directive, rest),
        };
        match (directive, rest) {
            ("require", [name, version]) => required.push((*name, *version, number(index))),
            ("replace", [name, "=>", to @ ..]) => {
                replaced.insert((*name, None), replacement(to).ok_or_else(odd)?);
            }
            ("replace", [name, version, "=>", to @ ..]) => {
                replaced.insert((*name, Some(*version)), replacement(to).ok_or_else(odd)?);
            }
            (other, _) if OTHER.contains(&other) => has_module |= other == "module",
            _ => return Err(odd()),
        }
    }
    if block.is_some() || !has_module {
        return Err(Unreadable::new(if has_module { "a block of it does not end" } else { "it names no module" }));
    }
    let mut locked = Locked::default();
    for (name, version, line) in required {
        let by = replaced.get(&(name, Some(version))).or_else(|| replaced.get(&(name, None)));
        let (name, version) = by.copied().unwrap_or((name, version));
        locked.add(Ecosystem::Go, name, version, line);
    }
    Ok(locked)
}

/// Another module with its version, or a folder, which has none.
fn replacement<'a>(to: &[&'a str]) -> Option<(&'a str, &'a str)> {
    match to {
        [folder] => Some((folder, "")),
        [name, version] => Some((name, version)),
        _ => None,
    }
}

/// Whether this `go.mod` names every module that is built.
pub(super) fn is_complete(text: &str) -> bool {
    let version = text.lines().find_map(|line| match words(line).as_slice() {
        ["go", version] => Some(*version),
        _ => None,
    });
    let mut parts = version.unwrap_or("1.16").split(['.', 'r', 'b']).map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= COMPLETE_SINCE
}

/// `go.sum`: modules whose content, not just whose `go.mod`, was needed.
pub(super) fn go_sum(text: &str) -> Result<Locked, Unreadable> {
    let mut locked = Locked::default();
    for (index, line) in text.lines().enumerate() {
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            [] => {}
            [name, version, hash] if hash.contains(':') => {
                if !version.ends_with("/go.mod") {
                    locked.add(Ecosystem::Go, name, version, number(index));
                }
            }
            _ => return Err(Unreadable::line(index + 1, "it is no line of a go.sum file")),
        }
    }
    Ok(locked)
}
