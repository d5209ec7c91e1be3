//! What one commit brought in, and what of it was not there before.

use super::looked::{Crowded, Leak, Place, Reconfigured, Skipped, Unread};
use super::stretch::Coming;
use super::{Candidate, Walk, candidates, fault};
use crate::archive::Limits;
use crate::config::inline;
use crate::gitleaks::{Content, Facts};
use crate::inside::{self, Inside};
use crate::redact;
use crate::scan::{MOST_HITS, Reach};
use crate::source::{Blob, ChangeKind, Commit, EntryKind, Source, TreeChange};
use crate::spot::{self, Spot, Spots};
use crate::text::{self, Lines};
use crate::versions::{self, Version};
use portcullis_gate_sdk::Refusal;
use portcullis_gate_sdk::text::short;
use std::borrow::Cow;

/// How many bytes of files that a commit deleted are read to tell a moved line from a new one.
const MOVED_BYTES: u64 = 64 << 20;

/// A commit that is being looked at.
pub(super) struct Brought<'w, 'a, 's, S> {
    walk: &'w mut Walk<'a, S>,
    coming: &'w mut Coming<'s>,
    commit: &'w Commit,
    /// Objects of the files that it deleted.
    gone: Vec<&'w str>,
}

/// What stands in a file that it brought in.
struct Seen<'a> {
    content: &'a [u8],
    hits: Vec<Spot>,
    inside: Inside,
}

impl<'w, 'a, 's, S: Source> Brought<'w, 'a, 's, S> {
    /// Looks at all that `commit` changed against each of its parents.
    ///
    /// # Errors
    /// Anything could not be read, or was not what the host had announced.
    pub(super) fn look(
        walk: &'w mut Walk<'a, S>,
        coming: &'w mut Coming<'s>,
        commit: &'w Commit,
        per_parent: &'w [Vec<TreeChange>],
    ) -> Result<(), Refusal> {
        let gone = per_parent
            .iter()
            .flatten()
            .filter(|change| change.kind == ChangeKind::Deleted && change.entry != EntryKind::Submodule)
            .filter_map(|change| change.before.as_deref())
            .collect();
        let mut brought = Self { walk, coming, commit, gone };
        brought.message()?;
        for candidate in candidates(per_parent) {
            brought.candidate(&candidate)?;
        }
        brought.reconfigured(per_parent);
        Ok(())
    }

    /// Names what the commit itself changed of the gates' setup: in a merge, what is as in none of the parents.
    fn reconfigured(&mut self, per_parent: &[Vec<TreeChange>]) {
        let [first, others @ ..] = per_parent else { return };
        let everywhere = |path: &[u8]| others.iter().all(|changes| changes.iter().any(|change| change.path == path));
        for change in first {
            let path = &change.path;
            if (path.starts_with(b".portcullis/") || self.walk.policy.is_read_from(path)) && everywhere(path) {
                let (commit, path) = (self.commit.id.clone(), redact::readable(path));
                self.walk.looked.reconfigured.push(Reconfigured { commit, path });
            }
        }
    }

    /// See [`spot::all`].
    fn spots(&self, path: Option<&[u8]>, content: &[u8], guess: bool) -> Result<Spots, Refusal> {
        spot::all(self.walk.scanner, self.walk.policy, path, content, guess).map_err(fault)
    }

    /// Names a text with too many hits.
    fn name_if_crowded(&mut self, path: Option<&[u8]>, found: &Spots) -> Result<(), Refusal> {
        if found.crowded {
            let path = path.map(|path| self.safe_path(path)).transpose()?;
            self.walk.looked.crowded.push(Crowded { commit: self.commit.id.clone(), path });
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
        let before = before.filter(|before| before.guess == guess && !self.walk.policy.has_rules());
        let mut reach = before.map_or(Reach::Far, |before| before.reach);
        loop {
            let whole = || versions::whole(content);
            let parts = before.map_or_else(whole, |before| versions::news(&before.bytes, content, reach));
            let mut found = Spots { spots: Vec::new(), crowded: false, reach: Reach::Line };
            let (mut counted, mut lines) = (0, 0);
            for part in &parts {
                let mut more = self.spots(Some(path), &content[part.clone()], guess)?;
                if !more.spots.is_empty() {
                    lines += text::count_lines(&content[counted..part.start]);
                    counted = part.start;
                    let lines = u32::try_from(lines).unwrap_or(u32::MAX);
                    more.spots.iter_mut().for_each(|spot| spot.shift(part.start, lines));
                }
                found.spots.append(&mut more.spots);
                found.crowded |= more.crowded || found.spots.len() > MOST_HITS;
                found.reach = found.reach.max(more.reach);
                // As in a whole text: the object has long been condemned.
                if found.crowded {
                    break;
                }
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
        let found = spot::ours(self.walk.scanner, path, false).map_err(fault)?;
        let secrets: Vec<&[u8]> = found.iter().map(|spot| &path[spot.secret.clone()]).collect();
        Ok(shown_path(path, &secrets))
    }

    fn message(&mut self) -> Result<(), Refusal> {
        let message = text::decode(&self.commit.message);
        let found = self.spots(None, &message, true)?;
        self.name_if_crowded(None, &found)?;
        self.keep(Place::Message, b"", &message, &found.spots, &[]);
        Ok(())
    }

    fn candidate(&mut self, candidate: &Candidate<'_>) -> Result<(), Refusal> {
        let path = &candidate.change.path;
        let in_name = spot::ours(self.walk.scanner, path, false).map_err(fault)?;
        let named: Vec<&[u8]> = in_name.iter().map(|hit| &path[hit.secret.clone()]).collect();
        if candidate.before.is_empty() {
            self.keep(Place::Name, path, path, &in_name, &named);
            self.forbidden(path, &named);
        }
        let unread = self.walk.unread(candidate);
        if !matches!(unread, Some(Unread::Submodule)) {
            self.walk.paths.insert(path.clone());
        }
        if let Some(why) = unread {
            self.walk.looked.skipped.push(Skipped {
                commit: self.commit.id.clone(),
                path: shown_path(path, &named),
                why,
            });
            return Ok(());
        }
        let key = self.walk.key(candidate);
        if self.walk.clean.contains(&key) {
            return Ok(());
        }
        self.walk.expected.0 += 1;
        self.walk.expected.1 += candidate.change.size;
        // One that has hits is read again wherever it turns up again.
        let streamed = if self.coming.keys.remove(&key) { self.coming.blobs.next() } else { None };
        let blob = streamed.unwrap_or_else(|| self.walk.source.blob(candidate.after, self.walk.max_blob))?;
        self.check(&blob, candidate.after, candidate.change.size)?;
        let content = text::decode(&blob.bytes);
        let guess = key.1 && !text::is_binary(&content);
        let before = candidate.before.iter().find_map(|id| self.walk.versions.take(id));
        let (found, is_whole) = self.spots_since(before.as_ref(), path, &content, guess)?;
        self.name_if_crowded(Some(path), &found)?;
        self.walk.looked.objects += 1;
        self.walk.looked.bytes += blob.bytes.len() as u64;
        let limits = Limits::of(self.walk.max_blob);
        let inside = inside::look(self.walk.scanner, self.walk.policy, path, &blob.bytes, limits).map_err(fault)?;
        let was_clean = is_whole || before.is_some_and(|before| before.clean);
        let clean = found.spots.is_empty() && inside.is_empty() && was_clean;
        let is_archive = inside.is_archive;
        if clean {
            self.walk.clean.insert(key);
        }
        if !found.spots.is_empty() || !inside.is_empty() {
            let seen = Seen { content: &content, hits: found.spots, inside };
            self.report(candidate, seen, &named)?;
        }
        // Another encoding, or an archive, is not compared: what is scanned of it is not what was read. And what was not looked
        // at to its end is not known.
        let comparable = matches!(content, Cow::Borrowed(_)) && !is_archive && !found.crowded;
        if comparable && self.coming.replaced.contains(candidate.after) {
            let version = Version { bytes: blob.bytes, guess, clean, reach: found.reach };
            self.walk.versions.keep(candidate.after, version);
        }
        Ok(())
    }

    /// Keeps what of the hits in a file is new.
    fn report(&mut self, candidate: &Candidate<'_>, seen: Seen<'_>, named: &[&[u8]]) -> Result<(), Refusal> {
        let path = &candidate.change.path;
        let Seen { content, hits, inside } = seen;
        let earlier = self.earlier(candidate)?;
        let mut lines = Lines::default();
        for version in &earlier {
            lines.add(version);
        }
        let is_new = |text: &[u8], hit: &Spot| !lines.hold(text, &hit.span);
        let new: Vec<Spot> =
            hits.into_iter().filter(|hit| is_new(content, hit) && !inside.holds(content, hit)).collect();
        self.keep(Place::File, path, content, &new, named);
        self.inside(&inside, candidate.before.is_empty(), is_new);
        Ok(())
    }

    /// Keeps what stands in an archive.
    fn inside(&mut self, inside: &Inside, whole: bool, is_new: impl Fn(&[u8], &Spot) -> bool) {
        for part in &inside.parts {
            let named: Vec<&[u8]> = part.named.iter().map(|hit| &part.path[hit.secret.clone()]).collect();
            if whole {
                self.keep(Place::Name, &part.path, &part.path, &part.named, &named);
            }
            let new: Vec<Spot> = part.hits.iter().filter(|hit| is_new(&part.text, hit)).cloned().collect();
            self.keep(Place::File, &part.path, &part.text, &new, &named);
        }
        for (path, named) in &inside.crowded {
            let named: Vec<&[u8]> = named.iter().map(|hit| &path[hit.secret.clone()]).collect();
            let (commit, path) = (self.commit.id.clone(), Some(shown_path(path, &named)));
            self.walk.looked.crowded.push(Crowded { commit, path });
        }
        for (path, named, gap) in &inside.gaps {
            let named: Vec<&[u8]> = named.iter().map(|hit| &path[hit.secret.clone()]).collect();
            let (commit, path) = (self.commit.id.clone(), shown_path(path, &named));
            self.walk.looked.skipped.push(Skipped { commit, path, why: Unread::Packed(*gap) });
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
    fn earlier(&self, candidate: &Candidate<'_>) -> Result<Vec<Vec<u8>>, Refusal> {
        let earlier = if candidate.before.is_empty() { self.gone.as_slice() } else { candidate.before.as_slice() };
        let mut budget = MOVED_BYTES.max(self.walk.max_blob);
        let mut texts = Vec::new();
        for id in earlier {
            let blob = self.walk.source.blob(id, budget)?;
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
            texts.extend(inside::texts(&blob.bytes, Limits::of(self.walk.max_blob)));
            texts.push(text::decode(&blob.bytes).into_owned());
        }
        Ok(texts)
    }

    fn keep(&mut self, place: Place, path: &[u8], content: &[u8], hits: &[Spot], named: &[&[u8]]) {
        let secrets: Vec<&[u8]> =
            named.iter().copied().chain(hits.iter().map(|hit| &content[hit.secret.clone()])).collect();
        for hit in hits {
            let secret = &content[hit.secret.clone()];
            let line = &content[text::line_around(content, hit.secret.start)];
            let whole = text::line_around(content, hit.span.start).start..text::line_around(content, hit.span.end).end;
            let back = text::count_lines(&content[hit.span.start.min(hit.secret.start)..hit.secret.start]);
            let begins = hit.line.saturating_sub(u32::try_from(back).unwrap_or(0));
            let excused = self.walk.policy.excuse(&Facts {
                rule: &hit.rule,
                of_team: hit.of_team,
                commit: &self.commit.id,
                path: (place != Place::Message).then_some(path),
                lines: [begins, hit.line],
                content: Some(Content { secret, matched: &content[hit.span.clone()], line: &content[whole] }),
            });
            self.walk.looked.leaks.push(Leak {
                rule: hit.rule.clone(),
                about: hit.about.clone(),
                shown: redact::redacted(secret),
                commit: self.commit.id.clone(),
                place,
                path: (place != Place::Message).then(|| shown_path(path, &secrets)),
                line: hit.line,
                fingerprint: redact::name(self.walk.repository, &hit.rule, path, line, secret),
                inline: place == Place::File && inline(line, &hit.rule),
                excused,
            });
        }
    }

    /// A file whose path alone breaks one of the team's rules.
    fn forbidden(&mut self, path: &[u8], named: &[&[u8]]) {
        for index in self.walk.policy.forbidding(path) {
            let (rule, about) = self.walk.policy.rule(index);
            let facts = Facts {
                rule: &rule,
                of_team: true,
                commit: &self.commit.id,
                path: Some(path),
                lines: [1, 1],
                content: None,
            };
            self.walk.looked.leaks.push(Leak {
                excused: self.walk.policy.excuse(&facts),
                about: about.into(),
                shown: "a file that may not be there".into(),
                commit: self.commit.id.clone(),
                place: Place::Path,
                path: Some(shown_path(path, named)),
                line: 1,
                fingerprint: redact::name(self.walk.repository, &rule, path, path, b""),
                inline: false,
                rule,
            });
        }
    }
}

fn shown_path(path: &[u8], secrets: &[&[u8]]) -> String {
    redact::readable(&redact::mask(path, secrets))
}
