//! What stands inside an archive: zip (so docx, jar and wheels too), tar, gzip and a tar in a gzip. One level deep.
//!
//! What must hold: no archive makes a reader panic, loop or hold more than [`Limits`] allow; every entry is either handed
//! over or named with the reason why not.
//!
//! Absent on purpose: archives within archives, and kinds of compression that only few tools write. Both are named.

mod gzip;
mod inflate;
mod tar;
mod zip;

/// How much may come out of one archive.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one entry.
    pub entry: usize,
    /// Bytes of all entries.
    pub total: usize,
    /// Entries.
    pub entries: usize,
}

impl Limits {
    /// The limits where an object may have `max_object` bytes.
    pub fn of(max_object: u64) -> Self {
        let entry = usize::try_from(max_object).unwrap_or(usize::MAX);
        Self { entry, total: entry.saturating_mul(4), entries: 20_000 }
    }
}

/// Why something in an archive, or an archive, was not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// It needs a password.
    Encrypted,
    /// More would come out of it than [`Limits`] allow.
    TooLarge,
    /// It is cut short or contradicts itself.
    Damaged,
    /// It is of a kind that is not read here.
    Foreign(&'static str),
    /// It is an archive in an archive.
    Nested,
}

/// Receives an entry's name and its content, or why there is none. An empty name stands for the archive itself.
pub type Visit<'v, E> = dyn FnMut(&[u8], Result<&[u8], Gap>) -> Result<(), E> + 'v;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Zip,
    Gzip,
    Tar,
    Foreign(&'static str),
}

fn kind(bytes: &[u8]) -> Option<Kind> {
    const FOREIGN: &[(&[u8], &str)] = &[
        (b"\xFD7zXZ\0", "xz"),
        (b"BZh", "bzip2"),
        (b"\x28\xB5\x2F\xFD", "zstd"),
        (b"7z\xBC\xAF\x27\x1C", "7z"),
        (b"Rar!\x1A\x07", "rar"),
    ];
    if zip::is_zip(bytes) {
        return Some(Kind::Zip);
    }
    if bytes.starts_with(&[0x1F, 0x8B, 8]) {
        return Some(Kind::Gzip);
    }
    if tar::is_tar(bytes) {
        return Some(Kind::Tar);
    }
    FOREIGN.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, name)| Kind::Foreign(name))
}

/// Whether the bytes are an archive, of a kind that is read here or not.
pub fn is_archive(bytes: &[u8]) -> bool {
    kind(bytes).is_some()
}

/// Hands every entry of the archive in `bytes` to `visit`. False: it is no archive, and has none.
///
/// # Errors
/// Those of `visit`.
pub fn read<E>(bytes: &[u8], limits: Limits, visit: &mut Visit<'_, E>) -> Result<bool, E> {
    let kind = kind(bytes);
    match kind {
        None => Ok(()),
        Some(Kind::Zip) => zip::read(bytes, limits, visit),
        Some(Kind::Tar) => tar::read(bytes, limits, visit),
        Some(Kind::Foreign(name)) => visit(b"", Err(Gap::Foreign(name))),
        // A tar in it is unpacked in one piece, so this bounds the memory.
        Some(Kind::Gzip) => match gzip::unpack(bytes, limits.total.min(limits.entry.saturating_mul(2))) {
            Err(gap) => visit(b"", Err(gap)),
            Ok(content) if tar::is_tar(&content) => tar::read(&content, limits, visit),
            Ok(content) => visit(gzip::name(bytes).unwrap_or(b"content"), Ok(&content)),
        },
    }?;
    Ok(kind.is_some())
}

/// Counts what came out of an archive, and says when it is enough.
struct Budget {
    limits: Limits,
    bytes: usize,
    entries: usize,
}

impl Budget {
    fn of(limits: Limits) -> Self {
        Self { limits, bytes: 0, entries: 0 }
    }

    /// Whether one more entry may be read.
    fn allows_entry(&mut self) -> bool {
        self.entries += 1;
        self.entries <= self.limits.entries && self.bytes < self.limits.total
    }

    /// How large the next one may be.
    fn room(&self) -> usize {
        self.limits.entry.min(self.limits.total - self.bytes.min(self.limits.total))
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(2)?)?;
    Some(usize::from(u16::from_le_bytes(bytes.try_into().ok()?)))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
}

#[cfg(test)]
mod tests;
