//! The file's layout.
//!
//! A header of fixed size; the packages' records, one JSON array each behind the package's key; the index, sorted by the
//! hash of the key; a table that says for each two bytes with which a hash may begin where in the index such hashes stand;
//! and what the database is, as JSON. All numbers are little-endian. Header, table and description are covered by one
//! checksum, a package's records by another in the index, and each part of the index by one in the table: a damaged
//! database must not be mistaken for one that knows of nothing.

use sha2::{Digest, Sha256};

pub(super) const MAGIC: [u8; 8] = *b"PCLADV01";
pub(super) const HEADER: u64 = 56;
/// Hash, place, length, checksum.
pub(super) const ENTRY: usize = 16 + 8 + 4 + 8;
/// Parts of the index, one for each two bytes with which a hash may begin.
pub(super) const PARTS: usize = 1 << 16;
/// Of each part: its entries, those of all parts before it, and its checksum.
pub(super) const PART: usize = 4 + 4 + 8;

/// Where things stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) index: u64,
    pub(super) table: u64,
    pub(super) about: u64,
    pub(super) about_len: u64,
    /// Over the header without this, the table and the description.
    pub(super) check: u64,
}

impl Header {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = self.unchecked();
        bytes.extend(self.check.to_le_bytes());
        bytes.extend([0; 8]);
        bytes
    }

    fn unchecked(self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for number in [self.index, self.table, self.about, self.about_len] {
            bytes.extend(number.to_le_bytes());
        }
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; HEADER as usize]) -> Option<Self> {
        let (magic, numbers) = bytes.split_at(MAGIC.len());
        let mut numbers = numbers.as_chunks::<8>().0.iter().map(|number| u64::from_le_bytes(*number));
        let mut next = || numbers.next().unwrap_or(0);
        let header = Self { index: next(), table: next(), about: next(), about_len: next(), check: next() };
        (magic == MAGIC).then_some(header)
    }

    /// The checksum that it should have.
    pub(super) fn checksum(self, table: &[u8], about: &[u8]) -> u64 {
        check(&[&self.unchecked(), table, about])
    }
}

/// The first bytes of a sha256.
pub(super) fn check(parts: &[&[u8]]) -> u64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    let hash: [u8; 32] = hash.finalize().into();
    u64::from_le_bytes(hash.as_chunks::<8>().0[0])
}

/// A package's place in the index.
pub(super) type Key = [u8; 16];

/// The text that stands before a package's records, and its hash.
pub(super) fn key(ecosystem: &str, name: &str) -> (String, Key) {
    let ecosystem = base(ecosystem);
    let text = format!("{ecosystem}\0{}", canonical(ecosystem, name));
    let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    (text, hash.as_chunks::<16>().0[0])
}

/// The part of the index in which a key stands.
pub(super) fn part(key: &Key) -> usize {
    usize::from(u16::from_be_bytes([key[0], key[1]]))
}

/// An ecosystem's name without the registry or release behind a colon.
pub(super) fn base(ecosystem: &str) -> &str {
    ecosystem.split(':').next().unwrap_or(ecosystem)
}

/// The one way to write a package's name.
fn canonical(ecosystem: &str, name: &str) -> String {
    match ecosystem {
        "PyPI" => {
            let parts = name.split(['-', '_', '.']).enumerate();
            let kept = parts.filter(|(index, part)| *index == 0 || !part.is_empty()).map(|(_, part)| part);
            let mut joined = kept.collect::<Vec<_>>().join("-").to_ascii_lowercase();
            if name.ends_with(['-', '_', '.']) {
                joined.push('-');
            }
            joined
        }
        "Packagist" => name.to_ascii_lowercase(),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // SEC-3
    #[test]
    fn a_package_has_one_key_however_it_is_written() {
        assert_eq!(key("PyPI", "Zope._Interface"), key("PyPI", "zope-interface"));
        assert_eq!(key("Packagist", "Symfony/Yaml"), key("Packagist", "symfony/yaml"));
        assert_eq!(key("Maven:https://repo.example", "g:a"), key("Maven", "g:a"));
        assert_ne!(key("npm", "JSONStream"), key("npm", "jsonstream"));
        assert_ne!(key("npm", "six"), key("PyPI", "six"));
    }
}
