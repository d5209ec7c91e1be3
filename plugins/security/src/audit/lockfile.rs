//! From a lockfile's bytes to the packages that it pins: one parser for each format, chosen by the file's name.
//!
//! A parser is as strict as the tool that writes the file: what it does not understand makes the file unreadable, which is
//! said, since the branch under judgement writes it and a lenient reader could be made to overlook a package.

mod cargo;
mod composer;
mod go;
mod maven;
mod npm;
mod pnpm;
mod python;
mod ruby;
mod yarn;

use super::package::{Ecosystem, Package, Pinned};
use std::fmt::Display;

/// A kind of lockfile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is named after its file")]
pub enum Format {
    CargoLock,
    ComposerLock,
    GemfileLock,
    GoMod,
    GoSum,
    PackageLock,
    PipfileLock,
    PnpmLock,
    PoetryLock,
    PomXml,
    Requirements,
    UvLock,
    YarnLock,
}

/// What a lockfile pins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Locked {
    /// In the order of the lines.
    pub pinned: Vec<Pinned>,
    /// Dependencies that are named without a version that could be looked up: paths, addresses, ranges.
    pub unpinned: usize,
}

/// Why a lockfile could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

impl Unreadable {
    fn new(why: impl Display) -> Self {
        Self(why.to_string())
    }

    fn line(line: usize, why: impl Display) -> Self {
        Self(format!("line {line}: {why}"))
    }
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::CargoLock,
        Self::ComposerLock,
        Self::GemfileLock,
        Self::GoMod,
        Self::GoSum,
        Self::PackageLock,
        Self::PipfileLock,
        Self::PnpmLock,
        Self::PoetryLock,
        Self::PomXml,
        Self::Requirements,
        Self::UvLock,
        Self::YarnLock,
    ];

    /// The format that a file of this path has, if it is a lockfile.
    pub fn of(path: &[u8]) -> Option<Self> {
        let mut parts = path.rsplit(|byte| *byte == b'/');
        let (name, folder) = (parts.next().unwrap_or(path), parts.next().unwrap_or_default());
        Some(match name {
            b"Cargo.lock" => Self::CargoLock,
            b"composer.lock" => Self::ComposerLock,
            b"Gemfile.lock" | b"gems.locked" => Self::GemfileLock,
            b"go.mod" => Self::GoMod,
            b"go.sum" => Self::GoSum,
            b"package-lock.json" | b"npm-shrinkwrap.json" => Self::PackageLock,
            b"Pipfile.lock" => Self::PipfileLock,
            b"pnpm-lock.yaml" => Self::PnpmLock,
            b"poetry.lock" => Self::PoetryLock,
            b"pom.xml" => Self::PomXml,
            b"uv.lock" => Self::UvLock,
            b"yarn.lock" => Self::YarnLock,
            _ => {
                let stem = name.strip_suffix(b".txt")?;
                let named = stem.starts_with(b"requirements") || stem.ends_with(b"requirements");
                (named || folder == b"requirements").then_some(Self::Requirements)?
            }
        })
    }

    /// Reads a lockfile.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(self, bytes: &[u8]) -> Result<Locked, Unreadable> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).map_err(|_| Unreadable::new("it is not UTF-8 text"))?;
        let mut locked = match self {
            Self::CargoLock => cargo::cargo_lock(text),
            Self::ComposerLock => composer::composer_lock(text),
            Self::GemfileLock => ruby::gemfile_lock(text),
            Self::GoMod => go::go_mod(text),
            Self::GoSum => go::go_sum(text),
            Self::PackageLock => npm::package_lock(text),
            Self::PipfileLock => python::pipfile_lock(text),
            Self::PnpmLock => pnpm::pnpm_lock(text),
            Self::PoetryLock => cargo::poetry_lock(text),
            Self::PomXml => maven::pom_xml(text),
            Self::Requirements => python::requirements(text),
            Self::UvLock => cargo::uv_lock(text),
            Self::YarnLock => yarn::yarn_lock(text),
        }?;
        locked.pinned.sort_by(|a, b| (a.line, &a.package).cmp(&(b.line, &b.package)));
        locked.pinned.dedup();
        Ok(locked)
    }
}

/// Whether a `go.mod` names every module that is built, so that its `go.sum` has nothing to add.
pub fn go_mod_is_complete(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(go::is_complete)
}

impl Locked {
    fn add(&mut self, ecosystem: Ecosystem, name: &str, version: &str, line: u32) {
        if name.is_empty() || version.is_empty() {
            self.unpinned += 1;
            return;
        }
        let package = Package { ecosystem, name: ecosystem.canonical(name), version: version.to_owned() };
        self.pinned.push(Pinned { package, line });
    }
}

/// Where the lines of a text begin.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let starts = memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1).collect();
        Self { text, starts }
    }

    /// The line of a byte.
    fn at(&self, offset: usize) -> u32 {
        let before = self.starts.partition_point(|start| *start <= offset);
        u32::try_from(before + 1).unwrap_or(u32::MAX)
    }

    /// The line at which `part`, a piece of the same text, begins; 1 if it is none.
    fn of_part(&self, part: &str) -> u32 {
        let (whole, part) = (self.text.as_ptr() as usize, part.as_ptr() as usize);
        match part.checked_sub(whole) {
            Some(offset) if offset < self.text.len() => self.at(offset),
            _ => 1,
        }
    }
}

/// A line's number as findings have it.
fn number(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
