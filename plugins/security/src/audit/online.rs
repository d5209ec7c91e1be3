//! OSV's API: which advisories packages have (`POST /v1/querybatch`), then what these say (`GET /v1/vulns/{id}`).
//!
//! The API compares versions itself. What it names counts, even if its details cannot be had.

use super::feed::{Answers, Feed, Response};
use super::osv::{self, Advisory};
use super::package::Package;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Packages in one query.
const BATCH: usize = 1_000;
/// Pages that one query is followed for.
const MOST_PAGES: usize = 50;
/// Advisories whose details are fetched; of further ones only the name is told.
const MOST_DETAILS: usize = 300;

#[derive(Deserialize)]
struct Batch {
    results: Vec<Found>,
}

#[derive(Default, Deserialize)]
struct Found {
    #[serde(default)]
    vulns: Vec<Named>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

/// Judges packages by the API at `base`. Details are fetched for those that `matters` says.
///
/// # Errors
/// It did not answer, or not as it should; says which.
pub fn ask<F: Feed>(
    feed: &F,
    base: &str,
    packages: &[Package],
    matters: impl Fn(&Package) -> bool,
) -> Result<Answers, String> {
    let mut named = BTreeMap::<&Package, BTreeSet<String>>::new();
    for batch in packages.chunks(BATCH) {
        query(feed, base, batch, &mut named)?;
    }
    let (mut answers, mut details) = (Answers::default(), BTreeMap::<String, Option<String>>::new());
    for (package, ids) in named {
        let mut advisories = Vec::new();
        for id in ids {
            if matters(package) && !details.contains_key(&id) && details.len() < MOST_DETAILS {
                details.insert(id.clone(), fetch(feed, base, &id));
            }
            let record = details.get(&id).and_then(Option::as_deref);
            let known = record.map(|record| osv::found(record, package));
            match known {
                Some(Ok(Some(advisory))) => advisories.push(advisory),
                Some(Ok(None)) => {}
                Some(Err(_)) | None => advisories.push(Advisory {
                    id,
                    aliases: Vec::new(),
                    summary: String::new(),
                    severity: None,
                    fixed: None,
                }),
            }
        }
        if !advisories.is_empty() {
            answers.advisories.insert(package.clone(), osv::join(advisories));
        }
    }
    Ok(answers)
}

/// Asks for one batch, and again for those packages whose answer has further pages.
fn query<'a, F: Feed>(
    feed: &F,
    base: &str,
    batch: &'a [Package],
    named: &mut BTreeMap<&'a Package, BTreeSet<String>>,
) -> Result<(), String> {
    let mut open: Vec<(&Package, Option<String>)> = batch.iter().map(|package| (package, None)).collect();
    for _ in 0..MOST_PAGES {
        let queries: Vec<_> = open.iter().map(|(package, token)| one_query(package, token.as_deref())).collect();
        let body = serde_json::json!({ "queries": queries }).to_string().into_bytes();
        let url = format!("{base}/v1/querybatch");
        let body = answer(feed.post(&url, body)?, &url)?;
        let found: Batch =
            serde_json::from_slice(&body).map_err(|error| format!("{url} answered no list of results: {error}"))?;
        if found.results.len() != open.len() {
            return Err(format!("{url} answered {} results to {} queries", found.results.len(), open.len()));
        }
        let mut further = Vec::new();
        for ((package, _), found) in open.into_iter().zip(found.results) {
            let ids = found.vulns.into_iter().map(|vuln| vuln.id);
            if found.next_page_token.as_deref().is_some_and(|token| !token.is_empty()) {
                further.push((package, found.next_page_token));
            }
            let mut ids = ids.peekable();
            if ids.peek().is_some() {
                named.entry(package).or_default().extend(ids);
            }
        }
        if further.is_empty() {
            return Ok(());
        }
        open = further;
    }
    Err(format!("{base}/v1/querybatch has answered {MOST_PAGES} pages and still has more"))
}

fn one_query(package: &Package, token: Option<&str>) -> serde_json::Value {
    let named = serde_json::json!({ "name": package.name, "ecosystem": package.ecosystem.osv() });
    match token {
        Some(token) => serde_json::json!({ "package": named, "version": package.version, "page_token": token }),
        None => serde_json::json!({ "package": named, "version": package.version }),
    }
}

/// An advisory's record, if it can be had.
fn fetch<F: Feed>(feed: &F, base: &str, id: &str) -> Option<String> {
    // It becomes part of an address.
    let plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b)) && !id.contains("..");
    let url = format!("{base}/v1/vulns/{id}");
    let answered = plain.then(|| feed.get(&url).ok().and_then(|response| answer(response, &url).ok())).flatten();
    answered.and_then(|body| String::from_utf8(body).ok())
}

fn answer(response: Response, url: &str) -> Result<Vec<u8>, String> {
    match response.status {
        200 => Ok(response.body),
        status => Err(format!("{url} answered with status {status}")),
    }
}
