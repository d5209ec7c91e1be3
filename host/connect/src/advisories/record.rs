//! From a record as OSV publishes it to what a judgement needs of it, one piece for each package that it is about.

use super::format::base;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Characters of a summary that are kept.
const SUMMARY: usize = 240;

#[derive(Deserialize)]
struct Published<'a> {
    id: String,
    #[serde(default)]
    modified: String,
    withdrawn: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    summary: String,
    #[serde(borrow)]
    severity: Option<&'a RawValue>,
    #[serde(borrow)]
    database_specific: Option<Specific<'a>>,
    #[serde(borrow, default)]
    affected: Vec<Affected<'a>>,
}

#[derive(Serialize, Deserialize)]
struct Specific<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    severity: Option<&'a RawValue>,
}

#[derive(Serialize, Deserialize)]
struct Affected<'a> {
    package: Option<Named>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    ranges: Vec<Range<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    versions: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    severity: Option<&'a RawValue>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Named {
    ecosystem: String,
    name: String,
}

#[derive(Serialize, Deserialize)]
struct Range<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    events: &'a RawValue,
}

/// What is kept.
#[derive(Serialize)]
struct Kept<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    aliases: &'a [String],
    #[serde(skip_serializing_if = "str::is_empty")]
    summary: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    database_specific: Option<&'a Specific<'a>>,
    affected: &'a [Affected<'a>],
}

/// A record, taken apart.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) id: String,
    /// As OSV writes it; later ones sort later.
    pub(super) modified: String,
    pub(super) withdrawn: bool,
    pub(super) pieces: Vec<Piece>,
}

/// What is kept of a record for one package.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) ecosystem: String,
    pub(super) name: String,
    pub(super) json: Vec<u8>,
}

/// Takes a record apart.
///
/// # Errors
/// It is no record of OSV's.
pub(super) fn take(bytes: &[u8]) -> Result<Taken, serde_json::Error> {
    let record: Published<'_> = serde_json::from_slice(bytes)?;
    let mut by_package = BTreeMap::<Named, Vec<Affected<'_>>>::new();
    for mut affected in record.affected {
        let Some(named) = affected.package.clone() else { continue };
        affected.ranges.retain(|range| range.kind != "GIT");
        by_package.entry(named).or_default().push(affected);
    }
    let summary =
        record.summary.char_indices().nth(SUMMARY).map_or(&*record.summary, |(end, _)| &record.summary[..end]);
    let mut pieces = Vec::with_capacity(by_package.len());
    for (named, affected) in &by_package {
        let kept = Kept {
            id: &record.id,
            aliases: &record.aliases,
            summary,
            severity: record.severity,
            database_specific: record.database_specific.as_ref().filter(|specific| specific.severity.is_some()),
            affected,
        };
        let (ecosystem, name) = (base(&named.ecosystem).to_owned(), named.name.clone());
        pieces.push(Piece { ecosystem, name, json: serde_json::to_vec(&kept)? });
    }
    Ok(Taken { id: record.id, modified: record.modified, withdrawn: record.withdrawn.is_some(), pieces })
}
