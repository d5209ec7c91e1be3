//! Where advisories come from: the host's database or OSV's API, behind one trait, so that tests need neither.

use super::osv::{self, Advisory, Judged};
use super::package::{Ecosystem, Package};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Packages that are asked for in one call.
const BATCH: usize = 1_000;

/// The host's database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// When it was imported, in seconds since 1970.
    pub imported_at_s: i64,
    /// Advisories in it.
    pub records: u64,
    /// Ecosystems that it knows, as OSV names them.
    pub ecosystems: Vec<String>,
}

/// Why the database does not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookupError {
    /// Fewer names must be asked for at once.
    TooLarge,
    /// It cannot be read; says why.
    Unavailable(String),
}

/// An answer over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
}

/// What the audit asks beside the repository.
pub trait Feed {
    /// The time of the evaluation, in seconds since 1970.
    fn now_s(&self) -> i64;

    /// The host's database, if it has one.
    ///
    /// # Errors
    /// It has one that cannot be read; says why.
    fn database(&self) -> Result<Option<Database>, String>;

    /// For each of these packages that has any, a JSON array of OSV records.
    ///
    /// # Errors
    /// See [`LookupError`].
    fn lookup(&self, ecosystem: Ecosystem, names: &[String]) -> Result<Vec<(String, Vec<u8>)>, LookupError>;

    /// Asks over HTTP.
    ///
    /// # Errors
    /// No answer came; says why.
    fn get(&self, url: &str) -> Result<Response, String>;

    /// Sends JSON over HTTP.
    ///
    /// # Errors
    /// No answer came; says why.
    fn post(&self, url: &str, json: Vec<u8>) -> Result<Response, String>;
}

/// Nothing to ask: for whoever only looks for secrets.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFeed;

impl Feed for NoFeed {
    fn now_s(&self) -> i64 {
        0
    }
    fn database(&self) -> Result<Option<Database>, String> {
        Ok(None)
    }
    fn lookup(&self, _: Ecosystem, _: &[String]) -> Result<Vec<(String, Vec<u8>)>, LookupError> {
        Err(LookupError::Unavailable("there is no database here".to_owned()))
    }
    fn get(&self, _: &str) -> Result<Response, String> {
        Err("there is no network here".to_owned())
    }
    fn post(&self, _: &str, _: Vec<u8>) -> Result<Response, String> {
        Err("there is no network here".to_owned())
    }
}

/// What a source of advisories says about packages.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// Advisories by package. Only packages that have any.
    pub advisories: BTreeMap<Package, Vec<Advisory>>,
    /// What could not be judged: the package, and why.
    pub doubts: Vec<(Package, String)>,
}

/// Judges packages, which are in order and unique, by the host's database.
///
/// # Errors
/// The database did not answer; says why.
pub fn offline<F: Feed>(feed: &F, packages: &[Package]) -> Result<Answers, String> {
    let mut answers = Answers::default();
    for of_one in packages.chunk_by(|a, b| a.ecosystem == b.ecosystem) {
        let by_name: Vec<&[Package]> = of_one.chunk_by(|a, b| a.name == b.name).collect();
        for batch in by_name.chunks(BATCH) {
            look_up(feed, batch, &mut answers)?;
        }
    }
    Ok(answers)
}

/// Asks for a batch of names, or for its halves where the answer is too large.
fn look_up<F: Feed>(feed: &F, batch: &[&[Package]], answers: &mut Answers) -> Result<(), String> {
    let Some(ecosystem) = batch.first().and_then(|versions| Some(versions.first()?.ecosystem)) else { return Ok(()) };
    let names: Vec<String> = batch.iter().filter_map(|versions| Some(versions.first()?.name.clone())).collect();
    match feed.lookup(ecosystem, &names) {
        Ok(found) => {
            let found: BTreeMap<String, Vec<u8>> = found.into_iter().collect();
            for versions in batch {
                let records = versions.first().and_then(|package| found.get(&package.name));
                if let Some(records) = records {
                    judge(versions, records, answers);
                }
            }
            Ok(())
        }
        Err(LookupError::TooLarge) if batch.len() > 1 => {
            let (left, right) = batch.split_at(batch.len() / 2);
            look_up(feed, left, answers)?;
            look_up(feed, right, answers)
        }
        Err(LookupError::TooLarge) => {
            let why = "its advisories are more than the host hands over";
            answers
                .doubts
                .extend(batch.iter().flat_map(|versions| versions.iter()).map(|p| (p.clone(), why.to_owned())));
            Ok(())
        }
        Err(LookupError::Unavailable(why)) => Err(why),
    }
}

/// Judges the versions of one package by its advisories.
fn judge(versions: &[Package], records: &[u8], answers: &mut Answers) {
    let list = std::str::from_utf8(records).ok().and_then(|text| serde_json::from_str::<Vec<&RawValue>>(text).ok());
    for package in versions {
        let Some(list) = &list else {
            answers.doubts.push((package.clone(), "its advisories are malformed".to_owned()));
            continue;
        };
        let mut advisories = Vec::new();
        for record in list {
            match osv::judge(record.get(), package) {
                Ok(Judged::Affected(advisory)) => advisories.push(advisory),
                Ok(Judged::Unaffected) => {}
                Ok(Judged::Unclear(id)) => {
                    answers
                        .doubts
                        .push((package.clone(), format!("{id} does not tell whether it is about this version")));
                }
                Err(error) => {
                    answers.doubts.push((package.clone(), format!("an advisory of it is malformed: {error}")))
                }
            }
        }
        if !advisories.is_empty() {
            answers.advisories.insert(package.clone(), osv::join(advisories));
        }
    }
}
