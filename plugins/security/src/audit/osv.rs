//! Advisories in OSV's format, and whether one is about a version of a package.
//!
//! Records are read no further than needed: the list of versions, which is most of a record, is only searched. Ranges of
//! git commits are left alone; a lockfile names versions.

use super::package::{Ecosystem, Package};
use super::severity::Level;
use super::version;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::cmp::Ordering;

/// An advisory that is about a package's version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advisory {
    /// Its name, e.g. `GHSA-…`.
    pub id: String,
    /// Other names of the same vulnerability.
    pub aliases: Vec<String>,
    /// One line on what is wrong.
    pub summary: String,
    /// How bad it is, if it says.
    pub severity: Option<Level>,
    /// The first version without it, if there is one.
    pub fixed: Option<String>,
}

/// What an advisory says of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// It has the vulnerability.
    Affected(Advisory),
    /// It does not.
    Unaffected,
    /// A version could not be compared; the advisory's name.
    Unclear(String),
}

#[derive(Deserialize)]
struct Record<'a> {
    id: String,
    #[serde(default)]
    aliases: Vec<String>,
    withdrawn: Option<String>,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    severity: Vec<Severity>,
    database_specific: Option<Specific>,
    #[serde(borrow, default)]
    affected: Vec<Affected<'a>>,
}

#[derive(Deserialize)]
struct Severity {
    score: Option<String>,
}

#[derive(Deserialize)]
struct Specific {
    severity: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Affected<'a> {
    package: Option<Named>,
    #[serde(default)]
    ranges: Vec<Range>,
    #[serde(borrow)]
    versions: Option<&'a RawValue>,
    #[serde(default)]
    severity: Vec<Severity>,
}

#[derive(Deserialize)]
struct Named {
    ecosystem: String,
    name: String,
}

#[derive(Deserialize)]
struct Range {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
    limit: Option<String>,
}

/// What one range says.
enum Within {
    Yes { fixed: Option<String> },
    No,
    Unclear,
}

/// Judges `package` by one record.
///
/// # Errors
/// The record is malformed.
pub fn judge(record: &str, package: &Package) -> Result<Judged, serde_json::Error> {
    let record: Record<'_> = serde_json::from_str(record)?;
    if record.withdrawn.is_some() {
        return Ok(Judged::Unaffected);
    }
    let about = |affected: &&Affected<'_>| {
        affected.package.as_ref().is_some_and(|named| {
            Ecosystem::from_osv(&named.ecosystem) == Some(package.ecosystem)
                && package.ecosystem.canonical(&named.name) == package.name
        })
    };
    let (mut unclear, mut hit) = (false, None::<(Option<String>, Option<Level>)>);
    for affected in record.affected.iter().filter(about) {
        let mut within = None;
        for range in &affected.ranges {
            match range.holds(package) {
                Within::Yes { fixed } => within = Some(fixed),
                Within::No => {}
                Within::Unclear => unclear = true,
            }
        }
        let listed = affected.versions.is_some_and(|versions| lists(versions.get(), package));
        if within.is_some() || listed {
            let fixed = within.flatten().or_else(|| affected.next_fix(package));
            hit = Some((fixed, worst(&affected.severity)));
        }
    }
    let Some((fixed, severity)) = hit else {
        return Ok(if unclear { Judged::Unclear(record.id) } else { Judged::Unaffected });
    };
    Ok(Judged::Affected(record.into_advisory(severity, fixed)))
}

/// The advisory in a record that somebody else found to be about `package`; none if it was withdrawn.
///
/// # Errors
/// The record is malformed.
pub fn found(record: &str, package: &Package) -> Result<Option<Advisory>, serde_json::Error> {
    if let Judged::Affected(advisory) = judge(record, package)? {
        return Ok(Some(advisory));
    }
    let record: Record<'_> = serde_json::from_str(record)?;
    Ok(record.withdrawn.is_none().then(|| record.into_advisory(None, None)))
}

impl Record<'_> {
    fn into_advisory(self, severity: Option<Level>, fixed: Option<String>) -> Advisory {
        let word = self.database_specific.as_ref().and_then(|specific| specific.severity.as_ref()?.as_str());
        let severity = severity.or_else(|| worst(&self.severity)).or_else(|| word.and_then(Level::of_word));
        Advisory { id: self.id, aliases: self.aliases, summary: self.summary, severity, fixed }
    }
}

fn worst(severities: &[Severity]) -> Option<Level> {
    severities.iter().filter_map(|severity| Level::of_vector(severity.score.as_deref()?)).max()
}

/// Whether a JSON list of strings holds the package's version. Quotes mark where a string begins and ends.
fn lists(versions: &str, package: &Package) -> bool {
    let Ok(wanted) = serde_json::to_string(&package.version) else { return false };
    if memchr::memmem::find(versions.as_bytes(), wanted.as_bytes()).is_some() {
        return true;
    }
    // Advisories leave out the `v` that Go and Composer write.
    let bare = package.version.strip_prefix('v').and_then(|bare| serde_json::to_string(bare).ok());
    bare.is_some_and(|bare| memchr::memmem::find(versions.as_bytes(), bare.as_bytes()).is_some())
}

impl Affected<'_> {
    /// The lowest fix above the package's version, in any range.
    fn next_fix(&self, package: &Package) -> Option<String> {
        let fixes = self.ranges.iter().filter(|range| range.kind != "GIT").flat_map(|range| &range.events);
        let newer =
            |fix: &&String| version::compare(package.ecosystem, fix, &package.version) == Some(Ordering::Greater);
        let lowest = fixes
            .filter_map(|event| event.fixed.as_ref())
            .filter(newer)
            .min_by(|a, b| version::compare(package.ecosystem, a, b).unwrap_or(Ordering::Equal));
        lowest.cloned()
    }
}

/// What an event does to the versions from it on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Introduced,
    Fixed,
    LastAffected,
}

impl Range {
    /// Evaluates the events in the order of their versions, as OSV's specification does.
    fn holds(&self, package: &Package) -> Within {
        let compare = |a: &str, b: &str| match self.kind.as_str() {
            "SEMVER" => version::compare_semver(a, b),
            _ => version::compare(package.ecosystem, a, b),
        };
        if !matches!(self.kind.as_str(), "SEMVER" | "ECOSYSTEM") {
            return Within::No;
        }
        let mut turns = Vec::new();
        for event in &self.events {
            let turn = [
                (Turn::Introduced, &event.introduced),
                (Turn::Fixed, &event.fixed),
                (Turn::LastAffected, &event.last_affected),
            ];
            for (turn, at) in turn.into_iter().filter_map(|(turn, at)| Some((turn, at.as_deref()?))) {
                // "0" is before every version, also before what leads to it.
                let place = if at == "0" && turn == Turn::Introduced {
                    Some(Ordering::Greater)
                } else {
                    compare(&package.version, at)
                };
                let Some(place) = place else { return Within::Unclear };
                turns.push((turn, at, place));
            }
        }
        if !self.before_limits(&compare, &package.version) {
            return Within::No;
        }
        // At most one comparison of two events can fail to be sorted: each was comparable with the package's version.
        turns.sort_by(|(x, a, _), (y, b, _)| {
            let order = match (*a, *b) {
                ("0", "0") => Ordering::Equal,
                ("0", _) if *x == Turn::Introduced => Ordering::Less,
                (_, "0") if *y == Turn::Introduced => Ordering::Greater,
                (a, b) => compare(a, b).unwrap_or(Ordering::Equal),
            };
            // A version that is fixed and introduced anew at once is affected.
            order.then_with(|| y.cmp(x))
        });
        let mut affected = false;
        for (turn, _, place) in &turns {
            match turn {
                Turn::Introduced if place.is_ge() => affected = true,
                Turn::Fixed if place.is_ge() => affected = false,
                Turn::LastAffected if place.is_gt() => affected = false,
                Turn::Introduced | Turn::Fixed | Turn::LastAffected => {}
            }
        }
        if !affected {
            return Within::No;
        }
        let fix = turns.iter().find(|(turn, _, place)| *turn == Turn::Fixed && place.is_lt());
        Within::Yes { fixed: fix.map(|(_, at, _)| (*at).to_owned()) }
    }

    /// Whether the version lies below one of the limits; without any it does.
    fn before_limits(&self, compare: &impl Fn(&str, &str) -> Option<Ordering>, version: &str) -> bool {
        let mut limits = self.events.iter().filter_map(|event| event.limit.as_deref()).peekable();
        limits.peek().is_none()
            || limits.any(|limit| limit == "*" || compare(version, limit).is_none_or(Ordering::is_lt))
    }
}

/// Joins advisories about one package that name the same vulnerability: databases copy from one another.
pub fn join(advisories: Vec<Advisory>) -> Vec<Advisory> {
    let mut joined: Vec<Advisory> = Vec::new();
    for mut next in advisories {
        let is_same = |other: &Advisory, next: &Advisory| {
            let names =
                |advisory: &Advisory| advisory.aliases.iter().chain([&advisory.id]).cloned().collect::<Vec<_>>();
            let others = names(other);
            names(next).iter().any(|name| others.contains(name))
        };
        // It may be what shows that two others are one.
        while let Some(index) = joined.iter().position(|other| is_same(other, &next)) {
            let other = joined.swap_remove(index);
            next = merge(other, next);
        }
        joined.push(next);
    }
    joined.sort_by(|a, b| a.id.cmp(&b.id));
    joined
}

fn merge(a: Advisory, b: Advisory) -> Advisory {
    let (mut first, second) = if a.id <= b.id { (a, b) } else { (b, a) };
    first.aliases.extend(second.aliases);
    first.aliases.push(second.id);
    first.aliases.sort();
    first.aliases.dedup();
    first.aliases.retain(|alias| *alias != first.id);
    first.severity = first.severity.max(second.severity);
    first.fixed = first.fixed.or(second.fixed);
    if first.summary.is_empty() {
        first.summary = second.summary;
    }
    first
}

#[cfg(test)]
#[path = "osv/tests.rs"]
mod tests;
