//! What stands in the archives of a commit: the entries with hits, and what could not be looked at.

use crate::archive::{self, Gap, Limits};
use crate::gitleaks::Policy;
use crate::scan::{ScanError, Scanner};
use crate::spot::{self, Spot};
use crate::{paths, text};

/// An entry of an archive that holds something.
pub(crate) struct Part {
    /// The archive's path, `!/` and the entry's name.
    pub(crate) path: Vec<u8>,
    /// The entry's text.
    pub(crate) text: Vec<u8>,
    /// Hits in its text.
    pub(crate) hits: Vec<Spot>,
    /// Hits in its path.
    pub(crate) named: Vec<Spot>,
}

/// What an archive holds.
#[derive(Default)]
pub(crate) struct Inside {
    /// Whether it is an archive at all.
    pub(crate) is_archive: bool,
    /// Entries with hits.
    pub(crate) parts: Vec<Part>,
    /// Entries, or the archive itself, that were not looked at: path, the hits in it, and why.
    pub(crate) gaps: Vec<(Vec<u8>, Vec<Spot>, Gap)>,
    /// Entries with more hits than are told apart: path, and the hits in it.
    pub(crate) crowded: Vec<(Vec<u8>, Vec<Spot>)>,
}

impl Inside {
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.gaps.is_empty() && self.crowded.is_empty()
    }

    /// Whether an entry holds the secret of `hit` in `text`, so that the archive's own bytes need not be named as well.
    pub(crate) fn holds(&self, text: &[u8], hit: &Spot) -> bool {
        let secret = text.get(hit.secret.clone());
        let same = |of: &[u8], inner: &Spot| inner.rule == hit.rule && of.get(inner.secret.clone()) == secret;
        self.parts.iter().any(|part| {
            part.hits.iter().any(|inner| same(&part.text, inner))
                || part.named.iter().any(|inner| same(&part.path, inner))
        })
    }
}

/// Looks into the archive in `bytes`, if it is one.
///
/// # Errors
/// Those of the scanner.
pub(crate) fn look(
    scanner: &Scanner,
    policy: &Policy,
    path: &[u8],
    bytes: &[u8],
    limits: Limits,
) -> Result<Inside, ScanError> {
    let mut inside = Inside::default();
    inside.is_archive = archive::read(bytes, limits, &mut |name, content| {
        let whole = if name.is_empty() { path.to_vec() } else { [path, b"!/", name].concat() };
        let named = spot::ours(scanner, &whole, false)?;
        match content {
            Err(gap) => inside.gaps.push((whole, named, gap)),
            Ok(content) => {
                if archive::is_archive(content) {
                    inside.gaps.push((whole.clone(), named.clone(), Gap::Nested));
                }
                let decoded = text::decode(content);
                let guess = !paths::is_full_of_hashes(name) && !text::is_binary(&decoded);
                let found = spot::all(scanner, policy, Some(&whole), &decoded, guess)?;
                if found.crowded {
                    inside.crowded.push((whole.clone(), named.clone()));
                }
                // What the archive's own path holds is told of the archive.
                let named: Vec<Spot> = named.into_iter().filter(|hit| hit.secret.end > path.len()).collect();
                if !found.spots.is_empty() || !named.is_empty() {
                    let (text, hits) = (decoded.into_owned(), found.spots);
                    inside.parts.push(Part { path: whole, text, hits, named });
                }
            }
        }
        Ok(())
    })?;
    Ok(inside)
}

/// The text of every entry of an earlier version, to tell what is new. One that cannot be read excuses nothing.
pub(crate) fn texts(bytes: &[u8], limits: Limits) -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    let Ok(_) = archive::read(bytes, limits, &mut |_, content| -> Result<(), std::convert::Infallible> {
        if let Ok(content) = content {
            texts.push(text::decode(content).into_owned());
        }
        Ok(())
    });
    texts
}
