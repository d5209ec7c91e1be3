//! Reading the database: where a package stands is found with one positioned read, its records with another.

use super::format::{ENTRY, HEADER, Header, PART, PARTS, check, key, part};
use portcullis_core::facts::{AdvisoryDatabase, AdvisoryError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Longest description.
const MOST_ABOUT: u64 = 1 << 20;

/// What the database is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct About {
    pub(super) imported_at_s: i64,
    pub(super) records: u64,
    pub(super) ecosystems: BTreeMap<String, u64>,
}

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be read.
    #[error("failed to read the database of advisories")]
    Io(#[from] std::io::Error),
    /// It is something else, or damaged.
    #[error("the database of advisories is {0}; import it anew")]
    Unusable(&'static str),
}

/// An open database. Stays what it is, even if another is put into its place.
#[derive(Debug)]
pub struct Database {
    file: File,
    header: Header,
    /// Of each part of the index: its entries, those before it, its checksum.
    parts: Vec<(u32, u32, u64)>,
    about: About,
}

impl Database {
    /// Opens it; none if there is no such file.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(path: &Path) -> Result<Option<Self>, OpenError> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let length = file.metadata()?.len();
        let mut bytes = [0; HEADER as usize];
        if length < HEADER {
            return Err(OpenError::Unusable("no database"));
        }
        file.read_exact_at(&mut bytes, 0)?;
        let header = Header::from_bytes(&bytes).ok_or(OpenError::Unusable("no database"))?;
        let whole = header.about.checked_add(header.about_len) == Some(length)
            && header.about.checked_sub(header.table) == Some((PARTS * PART) as u64)
            && header.table >= header.index
            && header.about_len <= MOST_ABOUT;
        if !whole {
            return Err(OpenError::Unusable("not whole"));
        }
        let mut table = vec![0; PARTS * PART];
        file.read_exact_at(&mut table, header.table)?;
        let mut about = vec![0; usize::try_from(header.about_len).unwrap_or(0)];
        file.read_exact_at(&mut about, header.about)?;
        if header.checksum(&table, &about) != header.check {
            return Err(OpenError::Unusable("damaged"));
        }
        let about = serde_json::from_slice(&about).map_err(|_| OpenError::Unusable("damaged"))?;
        let parts = table.as_chunks::<PART>().0.iter().map(|part| {
            let [a, b, c, d] = *part.as_chunks::<4>().0 else { unreachable!("sixteen bytes are four times four") };
            let check = u64::from(u32::from_le_bytes(c)) | u64::from(u32::from_le_bytes(d)) << 32;
            (u32::from_le_bytes(a), u32::from_le_bytes(b), check)
        });
        Ok(Some(Self { file, header, parts: parts.collect(), about }))
    }

    /// What it is.
    pub fn about(&self) -> AdvisoryDatabase {
        let About { imported_at_s, records, ecosystems } = &self.about;
        let ecosystems = ecosystems.keys().cloned().collect();
        AdvisoryDatabase { imported_at_s: *imported_at_s, records: *records, ecosystems }
    }

    /// For each of these packages that has any, its records: a JSON array.
    ///
    /// # Errors
    /// - [`AdvisoryError::TooLarge`]: they are more than `most_bytes` together.
    /// - [`AdvisoryError::Unavailable`]: the file cannot be read, or is damaged.
    pub fn lookup(
        &self,
        ecosystem: &str,
        names: &[String],
        most_bytes: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, AdvisoryError> {
        let (mut found, mut bytes) = (Vec::new(), 0);
        for name in names {
            let records = self.records(ecosystem, name, most_bytes - bytes)?;
            if let Some(records) = records {
                bytes += records.len();
                found.push((name.clone(), records));
            }
        }
        Ok(found)
    }

    fn records(&self, ecosystem: &str, name: &str, most: usize) -> Result<Option<Vec<u8>>, AdvisoryError> {
        let failed =
            |error: std::io::Error| AdvisoryError::Unavailable(format!("the database cannot be read: {error}"));
        let damaged = || AdvisoryError::Unavailable("the database is damaged; import it anew".to_owned());
        let (text, hash) = key(ecosystem, name);
        let (count, before, checksum) = self.parts[part(&hash)];
        let mut entries = vec![0; count as usize * ENTRY];
        let place = self.header.index + u64::from(before) * ENTRY as u64;
        self.file.read_exact_at(&mut entries, place).map_err(failed)?;
        if check(&[&entries]) != checksum {
            return Err(damaged());
        }
        let Some(entry) = entries.as_chunks::<ENTRY>().0.iter().find(|entry| entry[..16] == hash) else {
            return Ok(None);
        };
        let number = |from: usize| entry[from..].first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let (at, length, checksum) = (number(16), number(24) as u32 as usize, number(28));
        if at.checked_add(length as u64).is_none_or(|end| end > self.header.index) {
            return Err(damaged());
        }
        if length.saturating_sub(text.len() + 1) > most {
            return Err(AdvisoryError::TooLarge);
        }
        let mut records = vec![0; length];
        self.file.read_exact_at(&mut records, at).map_err(failed)?;
        let is_ours = records.starts_with(text.as_bytes()) && records.get(text.len()) == Some(&b'\n');
        if !is_ours || check(&[&records]) != checksum {
            return Err(damaged());
        }
        records.drain(..=text.len());
        Ok(Some(records))
    }
}
