//! The gate itself: the host's repository as a [`Source`], and one function that joins the parts.

use crate::audit::feed::{Database, Feed, LookupError, NoFeed, Response};
use crate::audit::package::Ecosystem;
use crate::audit::run::{Rules, audit};
use crate::config::{Config, DependencyAudit, Gitleaks, Report};
use crate::gitleaks::Policy;
use crate::scan::Scanner;
use crate::shelf::Shelf;
use crate::source::{Blob, Commit, Source, TreeChange};
use crate::stream::Stream;
use crate::{audit, document, range, redact, report, shelf};
use portcullis_gate_sdk::host::{advisories, web};
use portcullis_gate_sdk::lineage::{Folder, Kinship};
use portcullis_gate_sdk::prelude::*;
use portcullis_gate_sdk::text::short;

/// The security gate.
pub struct Security;

impl Gate for Security {
    type Config = Config;
    const CONFIG_SCHEMA: &'static str = include_str!("../config.schema.json");

    fn evaluate(subject: &Subject, config: Self::Config) -> Result<Judgement, Refusal> {
        let judgement = evaluate_with(&Host, &Host, subject, &config)?;
        match config.report {
            Report::Off => Ok(judgement),
            Report::Write => shelf::demand(&Host, subject, judgement),
        }
    }
}

impl Actor for Security {
    fn act(subject: &Subject, config: Self::Config) -> Result<Judgement, Refusal> {
        let judgement = evaluate_with(&Host, &Host, subject, &config)?;
        match config.report {
            Report::Off => Ok(judgement),
            Report::Write => shelf::supply(&Host, subject, judgement),
        }
    }
}

portcullis_gate_sdk::export_actor!(Security);

/// Judges `subject` in the repository `source`, with nobody to ask about advisories.
///
/// # Errors
/// The configuration is not usable, or not everything could be looked at.
pub fn evaluate<S: Source>(source: &S, subject: &Subject, config: &Config) -> Result<Judgement, Refusal> {
    evaluate_with(source, &NoFeed, subject, config)
}

/// Judges `subject` in the repository `source`, asking `feed` about advisories.
///
/// # Errors
/// The configuration is not usable, or not everything could be looked at.
pub fn evaluate_with<S: Source, F: Feed>(
    source: &S,
    feed: &F,
    subject: &Subject,
    config: &Config,
) -> Result<Judgement, Refusal> {
    let allowlist = config.check()?;
    let policy = match config.gitleaks {
        Gitleaks::Honour => Policy::load(source, &subject.target_head)?,
        Gitleaks::Ignore => Policy::default(),
    };
    let scanner = Scanner::new(&[config.disabled_rules.clone(), policy.disabled()].concat())
        .map_err(|error| Refusal::Unavailable(format!("the scanner is broken: {error}")))?;
    let max_blob = config.max_blob_mib << 20;
    let looked =
        range::look(source, &scanner, &policy, &subject.repository, &subject.target_head, &subject.head, max_blob)?;
    let judgement = report::judge(&looked, &subject.head, config, &allowlist, &policy);
    if config.dependency_audit == DependencyAudit::Off {
        return Ok(judgement);
    }
    let rules = Rules {
        supply: config.advisories,
        url: &config.advisories_url,
        threshold: config.severity_threshold,
        ignore: &config.ignore_advisories,
        max_bytes: config.max_lockfile_mib << 20,
    };
    let audited = audit(source, feed, &rules, &looked.base, &subject.head)?;
    let shown = |path: &[u8]| {
        // A scanner that breaks here has broken above already; a path that it cannot clear is not shown.
        let hits = scanner.scan(path, false);
        let secrets: Vec<&[u8]> = match &hits {
            Ok(hits) => hits.iter().map(|hit| &path[hit.secret.clone()]).collect(),
            Err(_) => vec![path],
        };
        redact::readable(&redact::mask(path, &secrets))
    };
    Ok(audit::report::add(judgement, &audited, config, &shown))
}

/// The repository as the host shows it.
struct Host;

impl Source for Host {
    fn merge_base(&self, a: &str, b: &str) -> Result<String, Refusal> {
        host::repository::merge_base(a, b).or_refuse(&format!("find the merge base of {} and {}", short(a), short(b)))
    }

    fn commits(&self, base: &str, head: &str) -> Result<Vec<Commit>, Refusal> {
        host::repository::commits(base, head).or_refuse(&format!(
            "list the commits of {}..{}",
            short(base),
            short(head)
        ))
    }

    fn changes(&self, before: Option<&str>, after: &str) -> Result<Vec<TreeChange>, Refusal> {
        host::repository::changes(before, after).or_refuse(&format!("list the changes of commit {}", short(after)))
    }

    fn blobs(&self, ids: Vec<String>, most: u64) -> Box<dyn Iterator<Item = Result<Blob, Refusal>> + '_> {
        Box::new(Stream::of(ids, most, |ids, wanted| {
            let blobs = host::repository::open_blobs(ids).or_refuse(wanted)?;
            Ok(move |wanted: &str| blobs.next().or_refuse(wanted))
        }))
    }

    fn file(&self, revision: &str, path: &str) -> Result<Option<Vec<u8>>, Refusal> {
        match host::repository::read_file(revision, path.as_bytes()) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(host::repository::Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error).or_refuse(&format!("read `{path}` at {}", short(revision))),
        }
    }
}

impl Shelf for Host {
    fn read(&self) -> Result<Option<Vec<u8>>, Refusal> {
        match host::documents::read(document::NAME) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(host::documents::Error::NotFound) => Ok(None),
            Err(error) => Err(error).or_refuse(&format!("read `{}`", document::NAME)),
        }
    }

    fn only_documents_since(&self, earlier: &str, head: &str) -> Result<bool, Refusal> {
        let folder = Folder::try_from(host::documents::folder()).map_err(Refusal::BadInput)?;
        Ok(match Kinship::of(earlier, head)? {
            Kinship::Same => true,
            Kinship::Descendant { changed } => changed.iter().all(|path| folder.holds(path)),
            Kinship::Stranger => false,
        })
    }

    fn write(&self, content: &str) -> Result<(), Refusal> {
        host::own_documents::write(document::NAME, content.as_bytes()).or_refuse(&format!("write `{}`", document::NAME))
    }
}

impl Feed for Host {
    fn now_s(&self) -> i64 {
        let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since_1970.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }

    fn database(&self) -> Result<Option<Database>, String> {
        let known = |known: advisories::Database| Database {
            imported_at_s: known.imported_at_s,
            records: known.records,
            ecosystems: known.ecosystems,
        };
        match advisories::about() {
            Ok(database) => Ok(database.map(known)),
            Err(advisories::Error::Unavailable(why)) => Err(why),
            Err(advisories::Error::TooLarge) => Err("it does not say what it is".to_owned()),
        }
    }

    fn lookup(&self, ecosystem: Ecosystem, names: &[String]) -> Result<Vec<(String, Vec<u8>)>, LookupError> {
        advisories::lookup(ecosystem.osv(), names).map_err(|error| match error {
            advisories::Error::Unavailable(why) => LookupError::Unavailable(why),
            advisories::Error::TooLarge => LookupError::TooLarge,
        })
    }

    fn get(&self, url: &str) -> Result<Response, String> {
        answered(web::get(url))
    }

    fn post(&self, url: &str, json: Vec<u8>) -> Result<Response, String> {
        answered(web::post(url, "application/json", &json))
    }
}

fn answered(answer: Result<web::Response, web::Error>) -> Result<Response, String> {
    match answer {
        Ok(web::Response { status, body }) => Ok(Response { status, body }),
        Err(web::Error::Denied(why) | web::Error::Failed(why)) => Err(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_gate_sdk::testing::assert_schema_matches;

    // GAT-1
    #[test]
    fn schema_and_configuration_say_the_same() {
        assert_schema_matches::<Security>(&Config::default());
    }
}
