//! Making the database from OSV's dumps: JSON files, folders of them, and zip archives of them.
//!
//! What is malformed is counted and the first of it named; the rest is imported. Pieces go to a temporary file as they are
//! read, so that memory holds only where each of them is. A record that comes twice counts in its latest form.

use super::format::{ENTRY, HEADER, Header, Key, PART, PARTS, check, key, part};
use super::reader::About;
use super::record::{Taken, take};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Largest record in bytes.
const MOST_BYTES: u64 = 16 << 20;
/// Most records, all sources together.
const MOST_RECORDS: u64 = 5_000_000;
/// So many malformed records are named.
const MOST_NAMED: usize = 5;
/// Folders deeper than this are not entered.
const MOST_NESTED: usize = 16;

/// What an import came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// Advisories in the database.
    pub records: u64,
    /// Packages that have any.
    pub packages: u64,
    /// Advisories by ecosystem.
    pub ecosystems: BTreeMap<String, u64>,
    /// Advisories left out since they were withdrawn.
    pub withdrawn: u64,
    /// Files that are no advisory.
    pub malformed: u64,
    /// The first of them, and what is wrong.
    pub named: Vec<String>,
}

/// Why there is no new database. The old one, if any, is untouched.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A source cannot be read.
    #[error("failed to read {path}")]
    Source {
        /// The source.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A source is neither a folder nor a `.json` or `.zip` file.
    #[error("{0} is neither a folder nor a .json or .zip file")]
    Unknown(PathBuf),
    /// A source is no zip archive.
    #[error("{path} is no zip archive that can be read: {reason}")]
    Archive {
        /// The source.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// There was nothing in the sources.
    #[error("no advisory was found in {files} files; the database was left as it was")]
    Empty {
        /// Files looked at.
        files: u64,
    },
    /// There was too much.
    #[error("there are more than {0} records")]
    TooMany(u64),
    /// The database cannot be written.
    #[error("failed to write {path}")]
    Write {
        /// The database.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// A piece in the temporary file.
struct Spilled {
    key: Key,
    id: String,
    modified: String,
    /// None: withdrawn.
    place: Option<(u64, u32)>,
}

struct Import<'a> {
    into: &'a Path,
    spill: BufWriter<File>,
    written: u64,
    pieces: Vec<Spilled>,
    keys: BTreeMap<Key, String>,
    files: u64,
    report: Imported,
}

/// Makes the database `into` from `sources`, dated `imported_at_s`, and puts it in the place of the one before.
///
/// # Errors
/// See [`ImportError`].
pub fn import(sources: &[PathBuf], into: &Path, imported_at_s: i64) -> Result<Imported, ImportError> {
    let folder = match into.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let failed = |source| ImportError::Write { path: into.to_owned(), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let spill = tempfile::tempfile_in(folder).map_err(failed)?;
    let mut import = Import {
        into,
        spill: BufWriter::new(spill),
        written: 0,
        pieces: Vec::new(),
        keys: BTreeMap::new(),
        files: 0,
        report: Imported::default(),
    };
    for source in sources {
        import.source(source, true, 0)?;
    }
    if import.pieces.iter().all(|piece| piece.place.is_none()) {
        return Err(ImportError::Empty { files: import.files });
    }
    import.finish(folder, imported_at_s).map_err(failed)
}

impl Import<'_> {
    /// A source that was named (whatever it is must be readable), or something in a folder.
    fn source(&mut self, path: &Path, named: bool, depth: usize) -> Result<(), ImportError> {
        let failed = |source| ImportError::Source { path: path.to_owned(), source };
        let kind = if named { path.metadata() } else { path.symlink_metadata() }.map_err(failed)?;
        let ends = |end: &str| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(end));
        if kind.is_dir() {
            if depth == MOST_NESTED {
                return Ok(());
            }
            let mut inside = Vec::new();
            for entry in std::fs::read_dir(path).map_err(failed)? {
                inside.push(entry.map_err(failed)?.path());
            }
            inside.sort();
            inside.iter().try_for_each(|path| self.source(path, false, depth + 1))
        } else if kind.is_file() && ends("json") {
            let file = File::open(path).map_err(failed)?;
            self.record(file, &path.display().to_string())
        } else if kind.is_file() && ends("zip") {
            self.archive(path)
        } else if named {
            Err(ImportError::Unknown(path.to_owned()))
        } else {
            Ok(())
        }
    }

    fn archive(&mut self, path: &Path) -> Result<(), ImportError> {
        let file = File::open(path).map_err(|source| ImportError::Source { path: path.to_owned(), source })?;
        let broken =
            |why: &dyn std::fmt::Display| ImportError::Archive { path: path.to_owned(), reason: why.to_string() };
        let mut buffer = vec![0; rawzip::RECOMMENDED_BUFFER_SIZE];
        let archive = rawzip::ZipArchive::from_file(file, &mut buffer).map_err(|error| broken(&error))?;
        let (mut entries, mut seen) = (archive.entries(&mut buffer), 0);
        while let Some(entry) = entries.next_entry().map_err(|error| broken(&error))? {
            seen += 1;
            let file_name = String::from_utf8_lossy(entry.file_path().as_ref()).into_owned();
            let (method, place) = (entry.compression_method(), entry.wayfinder());
            if !file_name.ends_with(".json") {
                continue;
            }
            let name = format!("{}: {file_name}", path.display());
            match archive.get_entry(place) {
                Ok(entry) if method == rawzip::CompressionMethod::STORE => {
                    self.record(entry.verifying_reader(entry.reader()), &name)?;
                }
                Ok(entry) if method == rawzip::CompressionMethod::DEFLATE => {
                    let inflated = flate2::read::DeflateDecoder::new(entry.reader());
                    self.record(entry.verifying_reader(inflated), &name)?;
                }
                Ok(_) => self.malformed(&name, &"it is compressed in a way that is not known here"),
                Err(error) => self.malformed(&name, &error),
            }
        }
        if seen != archive.entries_hint() {
            return Err(broken(&format_args!("it has {seen} of {} entries", archive.entries_hint())));
        }
        Ok(())
    }

    fn malformed(&mut self, name: &str, why: &dyn std::fmt::Display) {
        self.files += 1;
        self.report.malformed += 1;
        if self.report.named.len() < MOST_NAMED {
            self.report.named.push(format!("{name}: {why}"));
        }
    }

    fn record(&mut self, reader: impl Read, name: &str) -> Result<(), ImportError> {
        let mut bytes = Vec::new();
        if let Err(error) = reader.take(MOST_BYTES + 1).read_to_end(&mut bytes) {
            self.malformed(name, &error);
            return Ok(());
        }
        if bytes.len() as u64 > MOST_BYTES {
            self.malformed(name, &format_args!("it is larger than {} MiB", MOST_BYTES >> 20));
            return Ok(());
        }
        match take(&bytes) {
            Ok(taken) => self.keep(taken),
            Err(error) => {
                self.malformed(name, &error);
                Ok(())
            }
        }
    }

    fn keep(&mut self, taken: Taken) -> Result<(), ImportError> {
        self.files += 1;
        if self.files > MOST_RECORDS {
            return Err(ImportError::TooMany(MOST_RECORDS));
        }
        for piece in taken.pieces {
            let (text, key) = key(&piece.ecosystem, &piece.name);
            self.keys.entry(key).or_insert(text);
            let place = match u32::try_from(piece.json.len()) {
                Ok(length) if !taken.withdrawn => {
                    let written = self.spill.write_all(&piece.json);
                    written.map_err(|source| ImportError::Write { path: self.into.to_owned(), source })?;
                    let place = (self.written, length);
                    self.written += u64::from(length);
                    Some(place)
                }
                _ => None,
            };
            self.pieces.push(Spilled { key, id: taken.id.clone(), modified: taken.modified.clone(), place });
        }
        Ok(())
    }

    /// Writes the database and puts it into its place.
    fn finish(mut self, folder: &Path, imported_at_s: i64) -> std::io::Result<Imported> {
        let spill = self.spill.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        // The latest of each record first, by package.
        self.pieces.sort_by(|a, b| (&a.key, &a.id, &b.modified).cmp(&(&b.key, &b.id, &a.modified)));
        self.pieces.dedup_by(|later, first| (later.key, &later.id) == (first.key, &first.id));
        let withdrawn: BTreeSet<&str> =
            self.pieces.iter().filter(|piece| piece.place.is_none()).map(|piece| piece.id.as_str()).collect();
        self.report.withdrawn = withdrawn.len() as u64;
        let mut file = BufWriter::with_capacity(1 << 20, tempfile::NamedTempFile::new_in(folder)?);
        file.write_all(&[0; HEADER as usize])?;
        let (mut at, mut index, mut counts) = (HEADER, Vec::new(), vec![0_u32; PARTS]);
        let (mut ids, mut by_ecosystem) = (BTreeSet::new(), BTreeMap::<&str, BTreeSet<&str>>::new());
        for of_package in self.pieces.chunk_by(|a, b| a.key == b.key) {
            let (Some(first), Some(text)) =
                (of_package.first(), of_package.first().and_then(|p| self.keys.get(&p.key)))
            else {
                continue;
            };
            let mut records = text.clone().into_bytes();
            records.push(b'\n');
            let before = records.len();
            for (id, place) in of_package.iter().filter_map(|piece| Some((piece.id.as_str(), piece.place?))) {
                records.push(if records.len() == before { b'[' } else { b',' });
                let start = records.len();
                records.resize(start + place.1 as usize, 0);
                spill.read_exact_at(&mut records[start..], place.0)?;
                ids.insert(id);
                by_ecosystem.entry(text.split('\0').next().unwrap_or(text)).or_default().insert(id);
            }
            if records.len() == before {
                continue;
            }
            records.push(b']');
            let length = u32::try_from(records.len()).map_err(std::io::Error::other)?;
            file.write_all(&records)?;
            index.extend(first.key);
            index.extend(at.to_le_bytes());
            index.extend(length.to_le_bytes());
            index.extend(check(&[&records]).to_le_bytes());
            at += u64::from(length);
            self.report.packages += 1;
            counts[part(&first.key)] += 1;
        }
        self.report.records = ids.len() as u64;
        self.report.ecosystems =
            by_ecosystem.into_iter().map(|(name, ids)| (name.to_owned(), ids.len() as u64)).collect();
        let table = table(&counts, &index);
        let about = About { imported_at_s, records: self.report.records, ecosystems: self.report.ecosystems.clone() };
        let about = serde_json::to_vec(&about)?;
        let mut header = Header {
            index: at,
            table: at + index.len() as u64,
            about: at + index.len() as u64 + table.len() as u64,
            about_len: about.len() as u64,
            check: 0,
        };
        header.check = header.checksum(&table, &about);
        for part in [&index, &table, &about] {
            file.write_all(part)?;
        }
        let file = file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.as_file().write_all_at(&header.to_bytes(), 0)?;
        file.as_file().sync_all()?;
        file.persist(self.into).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()?;
        Ok(self.report)
    }
}

/// See [`PART`].
fn table(counts: &[u32], index: &[u8]) -> Vec<u8> {
    let (mut table, mut before) = (Vec::with_capacity(PARTS * PART), 0_u32);
    for count in counts {
        let end = before + count;
        let entries = &index[before as usize * ENTRY..end as usize * ENTRY];
        table.extend(count.to_le_bytes());
        table.extend(before.to_le_bytes());
        table.extend(check(&[entries]).to_le_bytes());
        before = end;
    }
    table
}
