//! From one or more reports to one document.

use crate::document::{Check, Document, Status};
use crate::error::ImportError;
use crate::id_format::IdFormat;
use crate::junit;
use std::collections::BTreeMap;

/// Most tests that are read.
pub(crate) const TESTS: usize = 100_000;
/// Largest document that is made: gates are handed no larger one.
const DOCUMENT_BYTES: usize = 16 << 20;

/// What the tests were run on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// Revision that the tested image was built from.
    pub revision: String,
    /// Digest of the tested image, if it is known.
    pub image: Option<String>,
    /// Whether the run asks for the strict reading.
    pub strict: bool,
}

/// One JUnit report.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// What it is called in messages.
    pub name: &'a str,
    /// What it holds.
    pub bytes: &'a [u8],
}

/// The results that the reports show together.
///
/// # Errors
/// [`ImportError`]: nothing may be concluded from the reports.
pub fn import(reports: &[Report<'_>], of: Provenance, format: &IdFormat) -> Result<Document, ImportError> {
    let mut checks: BTreeMap<String, Check> = BTreeMap::new();
    for report in reports {
        let read = junit::read(report.bytes, format);
        let read = read.map_err(|problem| ImportError::Report { report: report.name.to_owned(), problem })?;
        for check in read {
            match checks.get(&check.id) {
                Some(known) if known.status != check.status => {
                    let (one, other) = (known.status.word(), check.status.word());
                    return Err(ImportError::Contradiction { id: check.id, one, other });
                }
                Some(_) => {}
                None if checks.len() == TESTS => return Err(ImportError::TooManyTests { limit: TESTS }),
                None => {
                    checks.insert(check.id.clone(), check);
                }
            }
        }
    }
    if checks.values().all(|check| check.status == Status::Skip) {
        return Err(ImportError::NothingRan);
    }
    let Provenance { revision, image, strict } = of;
    let document = Document { format: 1, revision, image, strict, checks: checks.into_values().collect() };
    match document.to_json().len() {
        bytes if bytes > DOCUMENT_BYTES => Err(ImportError::TooLarge { bytes, limit: DOCUMENT_BYTES }),
        _ => Ok(document),
    }
}
