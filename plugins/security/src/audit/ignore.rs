//! Vulnerabilities that were looked at and accepted, each with a reason and, if wanted, an end.

use super::date;
use super::osv::Advisory;
use super::package::Package;
use portcullis_gate_sdk::Refusal;
use serde::{Deserialize, Serialize};

/// One accepted vulnerability.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ignore {
    /// The advisory's name or one of its aliases, e.g. `CVE-2021-23337`.
    pub id: String,
    /// Only in this package; everywhere without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// Why. Shown with every finding that it covers.
    pub reason: String,
    /// The last day (UTC) on which it is accepted, `YYYY-MM-DD`; for good without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// What the list says of a vulnerability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is accepted, and why.
    Yes(String),
    /// It was accepted until this day.
    Expired(String),
    /// It is not on the list.
    No,
}

impl Ignore {
    /// # Errors
    /// The entry, whose key is given, would not do what its author thinks.
    pub fn check(&self, key: &str) -> Result<(), Refusal> {
        if self.id.trim().is_empty() {
            return Err(Refusal::config(&format!("{key}.id"), "name the advisory"));
        }
        if self.reason.trim().is_empty() {
            return Err(Refusal::config(&format!("{key}.reason"), "say why this may stay"));
        }
        match &self.until {
            Some(until) if date::day(until).is_none() => {
                Err(Refusal::config(&format!("{key}.until"), format_args!("`{until}` is no date like 2026-12-31")))
            }
            _ => Ok(()),
        }
    }
}

/// Asks the list about `advisory` in `package` at a time in seconds since 1970.
pub fn ask(list: &[Ignore], package: &Package, advisory: &Advisory, now_s: i64) -> Accepted {
    let mut answer = Accepted::No;
    for entry in list {
        let named = entry.id == advisory.id || advisory.aliases.contains(&entry.id);
        let here = entry.package.as_ref().is_none_or(|name| package.ecosystem.canonical(name) == package.name);
        if !(named && here) {
            continue;
        }
        match entry.until.as_deref() {
            Some(until) if date::day(until).is_none_or(|last| date::day_of(now_s) > last) => {
                answer = Accepted::Expired(until.to_owned());
            }
            _ => return Accepted::Yes(entry.reason.trim().to_owned()),
        }
    }
    answer
}
