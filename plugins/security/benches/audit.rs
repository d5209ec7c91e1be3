//! How long the audit of a lockfile with 2,000 packages takes against a database that is made up, but shaped like npm's: one
//! package in seven has advisories, most of these few and some of them many, with long lists of versions. Prints the median
//! of some runs. The database answers from memory here; what reading it from disk takes is the host's.

#![allow(clippy::print_stdout, reason = "a command-line tool")]

use portcullis_gate_sdk::Refusal;
use portcullis_gate_security::audit::feed::{Database, Feed, LookupError, Response};
use portcullis_gate_security::audit::package::Ecosystem;
use portcullis_gate_security::audit::run::{Audited, Rules, Supply, audit};
use portcullis_gate_security::audit::severity::Level;
use portcullis_gate_security::source::{Blob, ChangeKind, Commit, EntryKind, Source, TreeChange};
use std::collections::HashMap;
use std::time::{Duration, Instant};

const PACKAGES: usize = 2_000;
const RUNS: usize = 21;

struct Lockfiles {
    before: Vec<u8>,
    after: Vec<u8>,
}

impl Source for Lockfiles {
    fn merge_base(&self, a: &str, _: &str) -> Result<String, Refusal> {
        Ok(a.to_owned())
    }
    fn commits(&self, _: &str, _: &str) -> Result<Vec<Commit>, Refusal> {
        Ok(Vec::new())
    }
    fn changes(&self, before: Option<&str>, _: &str) -> Result<Vec<TreeChange>, Refusal> {
        let change = TreeChange {
            path: b"package-lock.json".to_vec(),
            kind: ChangeKind::Modified,
            entry: EntryKind::File,
            before: Some("before".to_owned()),
            after: Some("after".to_owned()),
            size: self.after.len() as u64,
        };
        Ok(before.map(|_| change).into_iter().collect())
    }
    fn blobs(&self, ids: Vec<String>, _: u64) -> Box<dyn Iterator<Item = Result<Blob, Refusal>> + '_> {
        Box::new(ids.into_iter().map(|id| {
            let bytes = if id == "before" { self.before.clone() } else { self.after.clone() };
            Ok(Blob { announced: bytes.len() as u64, bytes })
        }))
    }
    fn file(&self, _: &str, _: &str) -> Result<Option<Vec<u8>>, Refusal> {
        Ok(None)
    }
}

struct Records(HashMap<String, Vec<u8>>);

impl Feed for Records {
    fn now_s(&self) -> i64 {
        0
    }
    fn database(&self) -> Result<Option<Database>, String> {
        Ok(Some(Database { imported_at_s: 0, records: 0, ecosystems: vec!["npm".to_owned()] }))
    }
    fn lookup(&self, _: Ecosystem, names: &[String]) -> Result<Vec<(String, Vec<u8>)>, LookupError> {
        Ok(names.iter().filter_map(|name| Some((name.clone(), self.0.get(name)?.clone()))).collect())
    }
    fn get(&self, _: &str) -> Result<Response, String> {
        Err(String::new())
    }
    fn post(&self, _: &str, _: Vec<u8>) -> Result<Response, String> {
        Err(String::new())
    }
}

fn lockfile(patch: usize) -> Vec<u8> {
    let entry = |n: usize| {
        let integrity = format!("sha512-{n:086}==");
        serde_json::json!({
            "version": format!("{}.{}.{}", n % 5, n % 17, if n.is_multiple_of(10) { patch } else { 0 }),
            "resolved": format!("https://registry.example/package-{n}/-/package-{n}.tgz"),
            "integrity": integrity, "license": "MIT",
            "dependencies": { "a": "^1.0.0", "b": "~2.3.4" }, "engines": { "node": ">=18" },
        })
    };
    let packages: serde_json::Map<String, serde_json::Value> =
        (0..PACKAGES).map(|n| (format!("node_modules/package-{n}"), entry(n))).collect();
    let lock = serde_json::json!({ "name": "x", "lockfileVersion": 3, "packages": packages });
    serde_json::to_vec_pretty(&lock).unwrap_or_default()
}

fn records() -> HashMap<String, Vec<u8>> {
    let record = |package: &str, n: usize| {
        let versions: Vec<String> = (0..60).map(|v| format!("{}.{}.{v}", n % 5, n % 17)).collect();
        serde_json::json!({
            "id": format!("GHSA-{n:04}-{package}"), "aliases": [format!("CVE-2026-{n:05}")],
            "summary": "Regular expression denial of service in the parser of ranges",
            "severity": [{ "type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H" }],
            "database_specific": { "severity": "HIGH" },
            "affected": [{
                "package": { "ecosystem": "npm", "name": package },
                "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": "0.9.4" },
                    { "introduced": "1.0.0-rc.1" }, { "fixed": format!("1.{n}.2") }] }],
                "versions": versions,
            }],
        })
    };
    let many = |n: usize| if n.is_multiple_of(70) { 40 } else { 1 + n % 5 };
    let with_any = (0..PACKAGES).filter(|n| n.is_multiple_of(7));
    with_any
        .map(|n| {
            let name = format!("package-{n}");
            let all: Vec<_> = (0..many(n)).map(|m| record(&name, m)).collect();
            (name, serde_json::to_vec(&all).unwrap_or_default())
        })
        .collect()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (source, feed) = (Lockfiles { before: lockfile(1), after: lockfile(2) }, Records(records()));
    let rules = Rules { supply: Supply::Offline, url: "", threshold: Level::Low, ignore: &[], max_bytes: 8 << 20 };
    let mut times: Vec<Duration> = Vec::with_capacity(RUNS);
    let mut last: Option<Audited> = None;
    for _ in 0..RUNS {
        let started = Instant::now();
        last = Some(audit(&source, &feed, &rules, "base", "head").map_err(|refusal| format!("{refusal:?}"))?);
        times.push(started.elapsed());
    }
    times.sort();
    let audited = last.ok_or("no run")?;
    let bytes: usize = feed.0.values().map(Vec::len).sum();
    println!(
        "{} packages ({} new), a lockfile of {} KiB twice, {} KiB of advisories, {} hits: median {:.1?}, worst {:.1?}",
        audited.packages,
        audited.new,
        source.after.len() >> 10,
        bytes >> 10,
        audited.hits.len(),
        times[RUNS / 2],
        times[RUNS - 1],
    );
    Ok(())
}
