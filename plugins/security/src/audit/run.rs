//! What a range's lockfiles are answerable for: they are compared at the merge base and at the head, and only what is new
//! there can close the edge (SEC-4).

use super::feed::{self, Answers, Database, Feed};
use super::ignore::{self, Accepted, Ignore};
use super::lockfile::{Format, Locked, go_mod_is_complete};
use super::online;
use super::osv::Advisory;
use super::package::{Package, Pinned};
use super::severity::Level;
use crate::source::{Blob, ChangeKind, EntryKind, Source, TreeChange};
use portcullis_gate_sdk::Refusal;
use portcullis_gate_sdk::text::short;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Lockfiles elsewhere at the merge base that are read to see whether a package was there already.
const MOST_OTHERS: usize = 200;

/// Where advisories are to come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Supply {
    /// The host's database if there is one that answers, else OSV's API.
    Auto,
    /// The host's database alone.
    Offline,
    /// OSV's API alone.
    Online,
}

/// What the audit is to do.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// Where advisories come from.
    pub supply: Supply,
    /// Address of OSV's API.
    pub url: &'a str,
    /// Milder vulnerabilities are notes.
    pub threshold: Level,
    /// What is accepted.
    pub ignore: &'a [Ignore],
    /// Larger lockfiles are not read.
    pub max_bytes: u64,
}

/// Who has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    /// Nobody was asked: no lockfile changed, or none of them pins anything.
    NotAsked,
    /// The host's database.
    Offline(Database),
    /// OSV's API at this address.
    Online(String),
    /// Nobody did; says why.
    Nobody(String),
}

/// What a vulnerability means for the verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The range brings it in. Its acceptance may have ended on a day.
    New {
        /// That day.
        accepted_until: Option<String>,
    },
    /// It was on the target before.
    OnTarget,
    /// It is milder than the threshold.
    Mild,
    /// It is accepted, and why.
    Accepted(String),
}

/// A vulnerable package in a lockfile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The lockfile.
    pub path: Vec<u8>,
    /// Its line.
    pub line: u32,
    /// The package.
    pub package: Package,
    /// What is wrong with it.
    pub advisory: Advisory,
    /// What that means.
    pub standing: Standing,
}

/// What was audited, and what was found.
#[derive(Debug)]
pub struct Audited {
    /// Lockfiles that the range added or changed and that were read.
    pub lockfiles: usize,
    /// Packages in them.
    pub packages: usize,
    /// Of these, those that are new.
    pub new: usize,
    /// Dependencies in them without a version.
    pub unpinned: usize,
    /// Lockfiles that could not be read, and why.
    pub unreadable: Vec<(Vec<u8>, String)>,
    /// Packages that could not be judged, and why. Only new ones.
    pub doubts: Vec<(Package, String)>,
    /// Vulnerabilities.
    pub hits: Vec<Hit>,
    /// Who said so.
    pub answered: Answered,
    /// The time of the evaluation, in seconds since 1970.
    pub now_s: i64,
}

/// Audits what `head` adds to `base`.
///
/// # Errors
/// The repository does not answer, or not with what it announced.
pub fn audit<S: Source, F: Feed>(
    source: &S,
    feed: &F,
    rules: &Rules<'_>,
    base: &str,
    head: &str,
) -> Result<Audited, Refusal> {
    let mut audited = Audited {
        lockfiles: 0,
        packages: 0,
        new: 0,
        unpinned: 0,
        unreadable: Vec::new(),
        doubts: Vec::new(),
        hits: Vec::new(),
        answered: Answered::NotAsked,
        now_s: feed.now_s(),
    };
    if base == head {
        return Ok(audited);
    }
    let changes = source.changes(Some(base), head)?;
    let changed: Vec<(&TreeChange, Format)> =
        changes.iter().filter_map(|change| Some((change, lockfile(change)?))).collect();
    let reader = Reader { source, max_bytes: rules.max_bytes };
    let complete = reader.complete_go_mods(&changed)?;
    let (mut before, mut pinned) = (BTreeSet::new(), Vec::<(&[u8], Pinned)>::new());
    for (change, format) in &changed {
        before.extend(reader.before(change, *format)?.into_iter().map(|pinned| pinned.package));
        let covered = *format == Format::GoSum && complete.contains(folder(&change.path));
        let Some(after) = change.after.as_deref().filter(|_| !covered) else { continue };
        match reader.read(after, *format, Some(change.size))? {
            Ok(locked) => {
                audited.lockfiles += 1;
                audited.unpinned += locked.unpinned;
                pinned.extend(locked.pinned.into_iter().map(|pinned| (change.path.as_slice(), pinned)));
            }
            Err(why) => audited.unreadable.push((change.path.clone(), why)),
        }
    }
    let packages: BTreeSet<&Package> = pinned.iter().map(|(_, pinned)| &pinned.package).collect();
    let packages: Vec<Package> = packages.into_iter().cloned().collect();
    audited.packages = packages.len();
    audited.new = packages.iter().filter(|package| !before.contains(*package)).count();
    if packages.is_empty() {
        return Ok(audited);
    }
    let (answers, answered) = ask(feed, rules, &packages, |package| !before.contains(package));
    audited.answered = answered;
    let suspects: BTreeSet<&Package> = answers
        .advisories
        .keys()
        .chain(answers.doubts.iter().map(|(package, _)| package))
        .filter(|package| !before.contains(*package))
        .collect();
    let elsewhere = reader.elsewhere(base, &changed, &suspects)?;
    let is_new = |package: &Package| !before.contains(package) && !elsewhere.contains(package);
    audited.doubts = answers.doubts.iter().filter(|(package, _)| is_new(package)).cloned().collect();
    let standing = |package: &Package, advisory: &Advisory| {
        let accepted = ignore::ask(rules.ignore, package, advisory, audited.now_s);
        match accepted {
            Accepted::Yes(reason) => Standing::Accepted(reason),
            _ if !is_new(package) => Standing::OnTarget,
            // Of unknown severity is not mild.
            _ if advisory.severity.is_some_and(|severity| severity < rules.threshold) => Standing::Mild,
            Accepted::Expired(day) => Standing::New { accepted_until: Some(day) },
            Accepted::No => Standing::New { accepted_until: None },
        }
    };
    audited.hits = hits(&pinned, &answers, standing);
    Ok(audited)
}

/// Every advisory of every place; a package that a lockfile pins on several lines counts at the first.
fn hits(pinned: &[(&[u8], Pinned)], answers: &Answers, standing: impl Fn(&Package, &Advisory) -> Standing) -> Vec<Hit> {
    let (mut seen, mut hits) = (HashSet::new(), Vec::new());
    for (path, pinned) in pinned {
        let Some(advisories) = answers.advisories.get(&pinned.package) else { continue };
        if !seen.insert((*path, &pinned.package)) {
            continue;
        }
        hits.extend(advisories.iter().map(|advisory| Hit {
            path: path.to_vec(),
            line: pinned.line,
            package: pinned.package.clone(),
            advisory: advisory.clone(),
            standing: standing(&pinned.package, advisory),
        }));
    }
    hits
}

/// Asks whom the rules name, one after the other.
fn ask<F: Feed>(
    feed: &F,
    rules: &Rules<'_>,
    packages: &[Package],
    is_new: impl Fn(&Package) -> bool,
) -> (Answers, Answered) {
    let mut failed = Vec::new();
    if rules.supply != Supply::Online {
        let answered = match feed.database() {
            Ok(Some(database)) => feed::offline(feed, packages).map(|answers| (answers, database)),
            Ok(None) => Err("the host has no database of advisories".to_owned()),
            Err(why) => Err(format!("the host's database of advisories: {why}")),
        };
        match answered {
            Ok((mut answers, database)) => {
                doubt_unknown_ecosystems(&mut answers, &database, packages);
                return (answers, Answered::Offline(database));
            }
            Err(why) => failed.push(why),
        }
    }
    if rules.supply != Supply::Offline {
        let base = rules.url.trim_end_matches('/');
        match online::ask(feed, base, packages, is_new) {
            Ok(answers) => return (answers, Answered::Online(base.to_owned())),
            Err(why) => failed.push(why),
        }
    }
    (Answers::default(), Answered::Nobody(failed.join("; ")))
}

/// A database without any advisory for an ecosystem knows nothing about its packages.
fn doubt_unknown_ecosystems(answers: &mut Answers, database: &Database, packages: &[Package]) {
    for package in packages.iter().filter(|p| !database.ecosystems.iter().any(|known| known == p.ecosystem.osv())) {
        let why = format!("the host's database holds nothing about {}; import it", package.ecosystem.osv());
        answers.doubts.push((package.clone(), why));
    }
}

fn lockfile(change: &TreeChange) -> Option<Format> {
    match change.entry {
        EntryKind::File | EntryKind::Executable => Format::of(&change.path),
        EntryKind::Symlink | EntryKind::Submodule => None,
    }
}

fn folder(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'/').map_or(b"", |slash| &path[..slash])
}

/// Reads lockfiles from the repository.
struct Reader<'a, S> {
    source: &'a S,
    max_bytes: u64,
}

impl<S: Source> Reader<'_, S> {
    /// A lockfile, or why it cannot be read. An object that is not what the host announced is a refusal.
    fn read(&self, id: &str, format: Format, size: Option<u64>) -> Result<Result<Locked, String>, Refusal> {
        Ok(match self.bytes(id, size)? {
            Some(bytes) => format.parse(&bytes).map_err(|unreadable| unreadable.0),
            None => Err(format!("it is larger than max-lockfile-mib = {}", self.max_bytes >> 20)),
        })
    }

    /// An object's bytes, unless it is too large.
    fn bytes(&self, id: &str, size: Option<u64>) -> Result<Option<Vec<u8>>, Refusal> {
        if size.is_some_and(|size| size > self.max_bytes) {
            return Ok(None);
        }
        let Blob { announced, bytes } = self.source.blob(id, self.max_bytes)?;
        if announced > self.max_bytes {
            return Ok(None);
        }
        let came = bytes.len() as u64;
        if came != announced || size.is_some_and(|size| size != came) {
            let id = short(id);
            return Err(Refusal::BadInput(format!("object {id} was announced with {announced} bytes and {came} came")));
        }
        Ok(Some(bytes))
    }

    /// What a lockfile pinned before. One that could not be read excuses nothing.
    fn before(&self, change: &TreeChange, format: Format) -> Result<Vec<Pinned>, Refusal> {
        let was_file = matches!(change.kind, ChangeKind::Modified | ChangeKind::Deleted);
        let Some(before) = change.before.as_deref().filter(|_| was_file) else { return Ok(Vec::new()) };
        Ok(self.read(before, format, None)?.map(|locked| locked.pinned).unwrap_or_default())
    }

    /// Folders whose `go.mod` is in the range and makes the `go.sum` beside it superfluous.
    fn complete_go_mods<'c>(&self, changed: &[(&'c TreeChange, Format)]) -> Result<BTreeSet<&'c [u8]>, Refusal> {
        let mut folders = BTreeSet::new();
        for (change, _) in changed.iter().filter(|(_, format)| *format == Format::GoMod) {
            let Some(after) = change.after.as_deref() else { continue };
            if self.bytes(after, Some(change.size))?.is_some_and(|bytes| go_mod_is_complete(&bytes)) {
                folders.insert(folder(&change.path));
            }
        }
        Ok(folders)
    }

    /// Which of `suspects` another lockfile, which the range leaves alone, pinned at the merge base.
    fn elsewhere(
        &self,
        base: &str,
        changed: &[(&TreeChange, Format)],
        suspects: &BTreeSet<&Package>,
    ) -> Result<BTreeSet<Package>, Refusal> {
        let mut found = BTreeSet::new();
        if suspects.is_empty() {
            return Ok(found);
        }
        let known: HashSet<&[u8]> = changed.iter().map(|(change, _)| change.path.as_slice()).collect();
        let all = self.source.changes(None, base)?;
        let others: BTreeMap<&str, Format> = all
            .iter()
            .filter(|change| !known.contains(change.path.as_slice()))
            .filter_map(|change| Some((change.after.as_deref()?, lockfile(change)?)))
            .collect();
        for (id, format) in others.into_iter().take(MOST_OTHERS) {
            if let Ok(locked) = self.read(id, format, None)? {
                let packages = locked.pinned.into_iter().map(|pinned| pinned.package);
                found.extend(packages.filter(|package| suspects.contains(package)));
            }
        }
        Ok(found)
    }
}
