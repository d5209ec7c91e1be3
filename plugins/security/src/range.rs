//! What a range of commits is answerable for, and what stands in it.
//!
//! Every commit is looked at, not the net difference: a secret added and removed again is in the history for good. In a
//! commit, every object that it brought in is read whole, and a hit counts if one of its lines stood in none of the parents'
//! versions. Of a merge only what differs from *every* parent is its own; the rest belongs to the commits it merges.
//!
//! What must hold: every object that should have been read was, to the byte that the host announced, or is reported as
//! not scanned, or there is a refusal. Nothing that leaves this module holds a secret.
//!
//! Deliberately absent: diffs. They depend on attributes that the branch writes, and they hide what they call binary.

use crate::archive::{Gap, Limits};
use crate::config::inline;
use crate::gitleaks::{Content, Facts, Policy};
use crate::inside::{self, Inside};
use crate::scan::{MOST_HITS, Reach, ScanError, Scanner};
use crate::source::{Blob, ChangeKind, Commit, EntryKind, Source, TreeChange};
use crate::spot::{self, Spot, Spots};
use crate::text::{self, Lines};
use crate::versions::{self, Version, Versions};
use crate::{paths, redact};
use portcullis_gate_sdk::Refusal;
use portcullis_gate_sdk::text::short;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// How many bytes of files that a commit deleted are read to tell a moved line from a new one.
const MOVED_BYTES: u64 = 64 << 20;

/// Where a secret stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a file's content.
    File,
    /// In a file's name.
    Name,
    /// In a commit's message.
    Message,
    /// The file itself: a rule forbids its path.
    Path,
}

/// A secret that a commit brought in, already without the secret.
#[derive(Clone, Debug)]
pub struct Leak {
    /// Rule name.
    pub rule: String,
    /// What kind of secret, in words.
    pub about: String,
    /// The secret as it may be shown.
    pub shown: String,
    /// The commit that brought it in.
    pub commit: String,
    /// Where.
    pub place: Place,
    /// Readable path; none in a message.
    pub path: Option<String>,
    /// 1-based line in the file, or in the message.
    pub line: u32,
    /// See [`redact::name`].
    pub fingerprint: String,
    /// Whether a comment on its line asks to let it pass.
    pub inline: bool,
    /// Why the target branch's gitleaks files let it pass, if they do.
    pub excused: Option<String>,
}

/// Something with more hits than are told apart: the rest of it was not looked at.
#[derive(Clone, Debug)]
pub struct Crowded {
    /// The commit that brought it in.
    pub commit: String,
    /// Readable path; none for a message.
    pub path: Option<String>,
}

/// A change of what the gates are set up with, by a commit of the branch under judgement.
#[derive(Clone, Debug)]
pub struct Reconfigured {
    /// The commit.
    pub commit: String,
    /// Readable path.
    pub path: String,
}

/// Why something was not scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is a submodule.
    Submodule,
    /// It has this many bytes.
    TooLarge(u64),
    /// It is an archive, or stands in one, and this kept it from being unpacked.
    Packed(Gap),
}

impl Unread {
    /// Whether a secret may hide in it that nobody else looks for. A submodule has a history of its own; archives in
    /// archives and rare kinds of compression are documented as not looked into.
    pub fn matters(self) -> bool {
        match self {
            Self::TooLarge(_) | Self::Packed(Gap::Encrypted | Gap::TooLarge | Gap::Damaged) => true,
            Self::Submodule | Self::Packed(Gap::Foreign(_) | Gap::Nested) => false,
        }
    }
}

/// Something that was not scanned.
#[derive(Clone, Debug)]
pub struct Skipped {
    /// The commit that brought it in.
    pub commit: String,
    /// Readable path.
    pub path: String,
    /// Why.
    pub why: Unread,
}

/// What was looked at, and what was found.
#[derive(Debug, Default)]
pub struct Looked {
    /// Where the range begins.
    pub base: String,
    /// Commits in it.
    pub commits: usize,
    /// Distinct paths of files looked at.
    pub files: usize,
    /// Objects read to be scanned, and their bytes.
    pub objects: u64,
    /// See `objects`.
    pub bytes: u64,
    /// Secrets, in the order of the commits.
    pub leaks: Vec<Leak>,
    /// Objects too large, archives that could not be unpacked, and submodules.
    pub skipped: Vec<Skipped>,
    /// Objects and messages with too many hits.
    pub crowded: Vec<Crowded>,
    /// Changes of what the gates are set up with.
    pub reconfigured: Vec<Reconfigured>,
}

/// Looks at everything that `head` adds to `target`.
///
/// # Errors
/// Anything could not be read, or was not what the host had announced.
pub fn look<S: Source>(
    source: &S,
    scanner: &Scanner,
    policy: &Policy,
    repository: &str,
    target: &str,
    head: &str,
    max_blob: u64,
) -> Result<Looked, Refusal> {
    let base = source.merge_base(target, head)?;
    let commits = source.commits(&base, head)?;
    check_complete(&base, head, &commits)?;
    let looked = Looked { base, commits: commits.len(), ..Looked::default() };
    let mut walk = Walk {
        source,
        scanner,
        policy,
        repository,
        max_blob,
        looked,
        expected: (0, 0),
        clean: HashSet::new(),
        versions: Versions::default(),
        paths: HashSet::new(),
    };
    let mut stretch = Stretch::default();
    for commit in &commits {
        walk.plan(commit, &mut stretch)?;
        if stretch.is_enough() {
            walk.stretch(std::mem::take(&mut stretch))?;
        }
    }
    walk.stretch(stretch)?;
    walk.settle()
}

/// An empty or cut list of commits would be the easiest way to find nothing.
fn check_complete(base: &str, head: &str, commits: &[Commit]) -> Result<(), Refusal> {
    let known: HashSet<&str> = commits.iter().map(|commit| commit.id.as_str()).collect();
    if known.len() != commits.len() {
        return Err(Refusal::BadInput("the range of commits names one of them twice".into()));
    }
    if (base == head) != commits.is_empty() || base != head && !known.contains(head) {
        let (base, head, count) = (short(base), short(head), commits.len());
        return Err(Refusal::BadInput(format!(
            "the range {base}..{head} came with {count} commits, {head} not among them"
        )));
    }
    Ok(())
}

/// A file that a commit brought in, with its versions in the parents.
struct Candidate<'a> {
    change: &'a TreeChange,
    after: &'a str,
    before: Vec<&'a str>,
}

/// What stands in one.
struct Seen<'a> {
    content: &'a [u8],
    hits: Vec<Spot>,
    inside: Inside,
}

/// Under which conditions an object is scanned: its name, whether guesses are made, and its path if that makes a difference.
type Key = (String, bool, Vec<u8>);

/// Commits whose objects are asked for together: each question costs a round trip.
#[derive(Default)]
struct Stretch<'c> {
    /// What each commit changed against each of its parents.
    commits: Vec<(&'c Commit, Vec<Vec<TreeChange>>)>,
    /// Objects that are asked for, in the order of their first use.
    wanted: Vec<String>,
    keys: HashSet<Key>,
    /// Objects that it replaces: each may be one that it brought in earlier.
    replaced: HashSet<String>,
    /// Changes of all commits.
    changes: usize,
}

impl Stretch<'_> {
    /// Whether there is enough to do for a round trip not to matter. Bounds what is remembered of the commits.
    fn is_enough(&self) -> bool {
        self.wanted.len() >= 4_000 || self.commits.len() >= 1_000 || self.changes >= 20_000
    }
}

/// The objects of a stretch as they come.
struct Coming<'s> {
    blobs: Box<dyn Iterator<Item = Result<Blob, Refusal>> + 's>,
    /// Those that have not been used yet.
    keys: HashSet<Key>,
    /// See [`Stretch::replaced`].
    replaced: HashSet<String>,
}

struct Walk<'a, S> {
    source: &'a S,
    scanner: &'a Scanner,
    policy: &'a Policy,
    repository: &'a str,
    max_blob: u64,
    looked: Looked,
    /// Objects and bytes that changes announced, to be compared with what was scanned.
    expected: (u64, u64),
    /// Objects without any hit.
    clean: HashSet<Key>,
    versions: Versions,
    paths: HashSet<Vec<u8>>,
}

impl<S: Source> Walk<'_, S> {
    /// Finds out what a commit changed, and which objects that asks for.
    fn plan<'c>(&self, commit: &'c Commit, stretch: &mut Stretch<'c>) -> Result<(), Refusal> {
        let per_parent: Vec<Vec<TreeChange>> = match commit.parents.as_slice() {
            [] => vec![self.source.changes(None, &commit.id)?],
            parents => {
                parents.iter().map(|parent| self.source.changes(Some(parent), &commit.id)).collect::<Result<_, _>>()?
            }
        };
        for candidate in candidates(&per_parent) {
            if self.unread(&candidate).is_some() {
                continue;
            }
            stretch.replaced.extend(candidate.before.iter().map(|id| (*id).to_owned()));
            let key = self.key(&candidate);
            if !self.clean.contains(&key) && stretch.keys.insert(key) {
                stretch.wanted.push(candidate.after.to_owned());
            }
        }
        stretch.changes += per_parent.iter().map(Vec::len).sum::<usize>();
        stretch.commits.push((commit, per_parent));
        Ok(())
    }

    fn stretch(&mut self, stretch: Stretch<'_>) -> Result<(), Refusal> {
        let blobs = self.source.blobs(stretch.wanted, self.max_blob);
        let mut coming = Coming { blobs, keys: stretch.keys, replaced: stretch.replaced };
        for (commit, per_parent) in &stretch.commits {
            self.commit(commit, per_parent, &mut coming)?;
        }
        Ok(())
    }

    fn key(&self, candidate: &Candidate<'_>) -> Key {
        let path = &candidate.change.path;
        let as_path = if self.policy.depends_on_path() { path.clone() } else { Vec::new() };
        (candidate.after.to_owned(), !paths::is_full_of_hashes(path), as_path)
    }

    /// Why a candidate is not scanned at all.
    fn unread(&self, candidate: &Candidate<'_>) -> Option<Unread> {
        let TreeChange { entry, size, .. } = candidate.change;
        match entry {
            EntryKind::Submodule => Some(Unread::Submodule),
            _ if *size > self.max_blob => Some(Unread::TooLarge(*size)),
            _ => None,
        }
    }

    fn commit(
        &mut self,
        commit: &Commit,
        per_parent: &[Vec<TreeChange>],
        coming: &mut Coming<'_>,
    ) -> Result<(), Refusal> {
        self.message(commit)?;
        let gone: Vec<&str> = per_parent
            .iter()
            .flatten()
            .filter(|change| change.kind == ChangeKind::Deleted && change.entry != EntryKind::Submodule)
            .filter_map(|change| change.before.as_deref())
            .collect();
        for candidate in candidates(per_parent) {
            self.candidate(commit, &candidate, &gone, coming)?;
        }
        self.reconfigured(commit, per_parent);
        Ok(())
    }

    /// Names what the commit itself changed of the gates' setup: in a merge, what is as in none of the parents.
    fn reconfigured(&mut self, commit: &Commit, per_parent: &[Vec<TreeChange>]) {
        let [first, others @ ..] = per_parent else { return };
        let everywhere = |path: &[u8]| others.iter().all(|changes| changes.iter().any(|change| change.path == path));
        for change in first {
            let path = &change.path;
            if (path.starts_with(b".portcullis/") || self.policy.is_read_from(path)) && everywhere(path) {
                let (commit, path) = (commit.id.clone(), redact::readable(path));
                self.looked.reconfigured.push(Reconfigured { commit, path });
            }
        }
    }

    /// See [`spot::all`].
    fn spots(&self, path: Option<&[u8]>, content: &[u8], guess: bool) -> Result<Spots, Refusal> {
        spot::all(self.scanner, self.policy, path, content, guess).map_err(fault)
    }

    /// Names a text with too many hits.
    fn name_if_crowded(&mut self, commit: &Commit, path: Option<&[u8]>, found: &Spots) -> Result<(), Refusal> {
        if found.crowded {
            let path = path.map(|path| self.safe_path(path)).transpose()?;
            self.looked.crowded.push(Crowded { commit: commit.id.clone(), path });
        }
        Ok(())
    }

    /// What may be new in a version of a file: all that is found in it, or in the parts of it that `before` does not hold. And
    /// whether all of it was scanned.
    fn spots_since(
        &self,
        before: Option<&Version>,
        path: &[u8],
        content: &[u8],
        guess: bool,
    ) -> Result<(Spots, bool), Refusal> {
        // How far around a rule of the team's looks is not known.
        let before = before.filter(|before| before.guess == guess && !self.policy.has_rules());
        let mut reach = before.map_or(Reach::Far, |before| before.reach);
        loop {
            let whole = || versions::whole(content);
            let parts = before.map_or_else(whole, |before| versions::news(&before.bytes, content, reach));
            let mut found = Spots { spots: Vec::new(), crowded: false, reach: Reach::Line };
            for part in &parts {
                let mut more = self.spots(Some(path), &content[part.clone()], guess)?;
                if part.start > 0 && !more.spots.is_empty() {
                    let lines = u32::try_from(text::count_lines(&content[..part.start])).unwrap_or(u32::MAX);
                    more.spots.iter_mut().for_each(|spot| spot.shift(part.start, lines));
                }
                found.spots.append(&mut more.spots);
                found.crowded |= more.crowded || found.spots.len() > MOST_HITS;
                found.reach = found.reach.max(more.reach);
            }
            let is_whole = parts == versions::whole(content);
            if is_whole {
                return Ok((found, true));
            }
            if found.reach <= reach {
                found.reach = reach;
                return Ok((found, false));
            }
            reach = found.reach;
        }
    }

    /// A path for people, without a secret that stands in it.
    fn safe_path(&self, path: &[u8]) -> Result<String, Refusal> {
        let found = spot::ours(self.scanner, path, false).map_err(fault)?;
        let secrets: Vec<&[u8]> = found.iter().map(|spot| &path[spot.secret.clone()]).collect();
        Ok(shown_path(path, &secrets))
    }

    fn message(&mut self, commit: &Commit) -> Result<(), Refusal> {
        let message = text::decode(&commit.message);
        let found = self.spots(None, &message, true)?;
        self.name_if_crowded(commit, None, &found)?;
        self.keep(commit, Place::Message, b"", &message, &found.spots, &[]);
        Ok(())
    }

    fn candidate(
        &mut self,
        commit: &Commit,
        candidate: &Candidate<'_>,
        gone: &[&str],
        coming: &mut Coming<'_>,
    ) -> Result<(), Refusal> {
        let path = &candidate.change.path;
        let in_name = spot::ours(self.scanner, path, false).map_err(fault)?;
        let named: Vec<&[u8]> = in_name.iter().map(|hit| &path[hit.secret.clone()]).collect();
        if candidate.before.is_empty() {
            self.keep(commit, Place::Name, path, path, &in_name, &named);
            self.forbidden(commit, path, &named);
        }
        let unread = self.unread(candidate);
        if !matches!(unread, Some(Unread::Submodule)) {
            self.paths.insert(path.clone());
        }
        if let Some(why) = unread {
            self.looked.skipped.push(Skipped { commit: commit.id.clone(), path: shown_path(path, &named), why });
            return Ok(());
        }
        let key = self.key(candidate);
        if self.clean.contains(&key) {
            return Ok(());
        }
        self.expected.0 += 1;
        self.expected.1 += candidate.change.size;
        // One that has hits is read again wherever it turns up again.
        let streamed = if coming.keys.remove(&key) { coming.blobs.next() } else { None };
        let blob = streamed.unwrap_or_else(|| self.source.blob(candidate.after, self.max_blob))?;
        self.check(&blob, candidate.after, candidate.change.size)?;
        let content = text::decode(&blob.bytes);
        let guess = key.1 && !text::is_binary(&content);
        let before = candidate.before.iter().find_map(|id| self.versions.take(id));
        let (found, is_whole) = self.spots_since(before.as_ref(), path, &content, guess)?;
        self.name_if_crowded(commit, Some(path), &found)?;
        self.looked.objects += 1;
        self.looked.bytes += blob.bytes.len() as u64;
        let limits = Limits::of(self.max_blob);
        let inside = inside::look(self.scanner, self.policy, path, &blob.bytes, limits).map_err(fault)?;
        let was_clean = is_whole || before.is_some_and(|before| before.clean);
        let clean = found.spots.is_empty() && inside.is_empty() && was_clean;
        let is_archive = inside.is_archive;
        if clean {
            self.clean.insert(key);
        }
        if !found.spots.is_empty() || !inside.is_empty() {
            let seen = Seen { content: &content, hits: found.spots, inside };
            self.report(commit, candidate, gone, seen, &named)?;
        }
        // Another encoding, or an archive, is not compared: what is scanned of it is not what was read. And what was not looked
        // at to its end is not known.
        let comparable = matches!(content, Cow::Borrowed(_)) && !is_archive && !found.crowded;
        if comparable && coming.replaced.contains(candidate.after) {
            let version = Version { bytes: blob.bytes, guess, clean, reach: found.reach };
            self.versions.keep(candidate.after, version);
        }
        Ok(())
    }

    /// Keeps what of the hits in a file is new.
    fn report(
        &mut self,
        commit: &Commit,
        candidate: &Candidate<'_>,
        gone: &[&str],
        seen: Seen<'_>,
        named: &[&[u8]],
    ) -> Result<(), Refusal> {
        let path = &candidate.change.path;
        let Seen { content, hits, inside } = seen;
        let earlier = self.earlier(candidate, gone)?;
        let mut lines = Lines::default();
        for version in &earlier {
            lines.add(version);
        }
        let is_new = |text: &[u8], hit: &Spot| !lines.hold(text, &hit.span);
        let new: Vec<Spot> =
            hits.into_iter().filter(|hit| is_new(content, hit) && !inside.holds(content, hit)).collect();
        self.keep(commit, Place::File, path, content, &new, named);
        self.inside(commit, &inside, candidate.before.is_empty(), is_new);
        Ok(())
    }

    /// Keeps what stands in an archive.
    fn inside(&mut self, commit: &Commit, inside: &Inside, whole: bool, is_new: impl Fn(&[u8], &Spot) -> bool) {
        for part in &inside.parts {
            let named: Vec<&[u8]> = part.named.iter().map(|hit| &part.path[hit.secret.clone()]).collect();
            if whole {
                self.keep(commit, Place::Name, &part.path, &part.path, &part.named, &named);
            }
            let new: Vec<Spot> = part.hits.iter().filter(|hit| is_new(&part.text, hit)).cloned().collect();
            self.keep(commit, Place::File, &part.path, &part.text, &new, &named);
        }
        for (path, named) in &inside.crowded {
            let named: Vec<&[u8]> = named.iter().map(|hit| &path[hit.secret.clone()]).collect();
            let (commit, path) = (commit.id.clone(), Some(shown_path(path, &named)));
            self.looked.crowded.push(Crowded { commit, path });
        }
        for (path, named, gap) in &inside.gaps {
            let named: Vec<&[u8]> = named.iter().map(|hit| &path[hit.secret.clone()]).collect();
            let (commit, path) = (commit.id.clone(), shown_path(path, &named));
            self.looked.skipped.push(Skipped { commit, path, why: Unread::Packed(*gap) });
        }
    }

    /// Insists on an object's size: a short read is how a scan comes to miss what it was to find.
    fn check(&self, blob: &Blob, id: &str, size: u64) -> Result<(), Refusal> {
        let came = blob.bytes.len() as u64;
        if came == size && blob.announced == size {
            return Ok(());
        }
        Err(Refusal::BadInput(format!(
            "object {} should hold {size} bytes, the host announced {} and handed over {came}",
            short(id),
            blob.announced
        )))
    }

    /// The texts of the file's versions in the parents, or, for a file that is new, of those that the same commit deleted (git
    /// knows no renames), and what stands in them if they are archives: a hit is old if its lines stood there. A version that
    /// cannot be read in full excuses nothing.
    fn earlier(&self, candidate: &Candidate<'_>, gone: &[&str]) -> Result<Vec<Vec<u8>>, Refusal> {
        let earlier = if candidate.before.is_empty() { gone } else { candidate.before.as_slice() };
        let mut budget = MOVED_BYTES.max(self.max_blob);
        let mut texts = Vec::new();
        for id in earlier {
            let blob = self.source.blob(id, budget)?;
            let came = blob.bytes.len() as u64;
            if blob.announced > budget {
                continue;
            }
            if came != blob.announced {
                let (id, announced) = (short(id), blob.announced);
                return Err(Refusal::BadInput(format!(
                    "object {id} was announced with {announced} bytes and {came} came"
                )));
            }
            budget -= came;
            texts.extend(inside::texts(&blob.bytes, Limits::of(self.max_blob)));
            texts.push(text::decode(&blob.bytes).into_owned());
        }
        Ok(texts)
    }

    fn keep(&mut self, commit: &Commit, place: Place, path: &[u8], content: &[u8], hits: &[Spot], named: &[&[u8]]) {
        let secrets: Vec<&[u8]> =
            named.iter().copied().chain(hits.iter().map(|hit| &content[hit.secret.clone()])).collect();
        for hit in hits {
            let secret = &content[hit.secret.clone()];
            let line = &content[text::line_around(content, hit.secret.start)];
            let whole = text::line_around(content, hit.span.start).start..text::line_around(content, hit.span.end).end;
            let back = text::count_lines(&content[hit.span.start.min(hit.secret.start)..hit.secret.start]);
            let begins = hit.line.saturating_sub(u32::try_from(back).unwrap_or(0));
            let excused = self.policy.excuse(&Facts {
                rule: &hit.rule,
                of_team: hit.of_team,
                commit: &commit.id,
                path: (place != Place::Message).then_some(path),
                lines: [begins, hit.line],
                content: Some(Content { secret, matched: &content[hit.span.clone()], line: &content[whole] }),
            });
            self.looked.leaks.push(Leak {
                rule: hit.rule.clone(),
                about: hit.about.clone(),
                shown: redact::redacted(secret),
                commit: commit.id.clone(),
                place,
                path: (place != Place::Message).then(|| shown_path(path, &secrets)),
                line: hit.line,
                fingerprint: redact::name(self.repository, &hit.rule, path, line, secret),
                inline: place == Place::File && inline(line, &hit.rule),
                excused,
            });
        }
    }

    /// A file whose path alone breaks one of the team's rules.
    fn forbidden(&mut self, commit: &Commit, path: &[u8], named: &[&[u8]]) {
        for index in self.policy.forbidding(path) {
            let (rule, about) = self.policy.rule(index);
            let facts = Facts {
                rule: &rule,
                of_team: true,
                commit: &commit.id,
                path: Some(path),
                lines: [1, 1],
                content: None,
            };
            self.looked.leaks.push(Leak {
                excused: self.policy.excuse(&facts),
                about: about.into(),
                shown: "a file that may not be there".into(),
                commit: commit.id.clone(),
                place: Place::Path,
                path: Some(shown_path(path, named)),
                line: 1,
                fingerprint: redact::name(self.repository, &rule, path, path, b""),
                inline: false,
                rule,
            });
        }
    }

    /// The last check of all: what was read is what was announced.
    fn settle(mut self) -> Result<Looked, Refusal> {
        let (objects, bytes) = self.expected;
        if (self.looked.objects, self.looked.bytes) != (objects, bytes) {
            return Err(Refusal::BadInput(format!(
                "{} objects of {} bytes were scanned, but the changes named {objects} of {bytes} bytes",
                self.looked.objects, self.looked.bytes
            )));
        }
        self.looked.files = self.paths.len();
        Ok(self.looked)
    }
}

fn fault(error: ScanError) -> Refusal {
    Refusal::Unavailable(format!("the scanner is broken: {error}"))
}

fn shown_path(path: &[u8], secrets: &[&[u8]]) -> String {
    redact::readable(&redact::mask(path, secrets))
}

/// What differs from every parent and still exists.
fn candidates(per_parent: &[Vec<TreeChange>]) -> Vec<Candidate<'_>> {
    let [first, others @ ..] = per_parent else { return Vec::new() };
    let others: Vec<HashMap<&[u8], &TreeChange>> =
        others.iter().map(|changes| changes.iter().map(|change| (change.path.as_slice(), change)).collect()).collect();
    first
        .iter()
        .filter_map(|change| {
            let after = change.after.as_deref()?;
            let mut before: Vec<&str> =
                change.before.as_deref().filter(|_| is_blob_before(change)).into_iter().collect();
            for changes in &others {
                let other = changes.get(change.path.as_slice())?;
                before.extend(other.before.as_deref().filter(|_| is_blob_before(other)));
            }
            Some(Candidate { change, after, before })
        })
        .collect()
}

/// After a change of type the earlier object may be a submodule's commit, which is in no object store here: it excuses
/// nothing.
fn is_blob_before(change: &TreeChange) -> bool {
    change.kind == ChangeKind::Modified && change.entry != EntryKind::Submodule
}
