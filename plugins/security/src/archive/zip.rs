//! zip: a directory at the end says where each entry stands (APPNOTE 6.3). What it does not list, no tool unpacks.

use super::inflate::inflate;
use super::{Budget, Gap, Limits, Visit, u16_at, u32_at};
use memchr::memrchr_iter;
use std::borrow::Cow;

const END: &[u8] = b"PK\x05\x06";
const END_SIZE: usize = 22;
/// The size that says "see the extra field", where zip64 keeps the true one.
const IN_EXTRA: usize = 0xFFFF_FFFF;

/// The record at the end: its place, and that it reaches to the last byte.
fn end(bytes: &[u8]) -> Option<usize> {
    let from = bytes.len().saturating_sub(END_SIZE + 0xFFFF);
    // Every file is asked, and hardly any holds the mark's last byte: looking for that one alone is several times as fast.
    let [.., last] = END else { return None };
    let mut ends = memrchr_iter(*last, &bytes[from..]).map(|at| from + at + 1);
    let at = ends.find(|end| bytes[..*end].ends_with(END))? - END.len();
    (at + END_SIZE + u16_at(bytes, at + 20)? == bytes.len()).then_some(at)
}

/// Begins like a zip file, or ends like one: something may stand before it (programs that unpack themselves).
pub(super) fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
        || end(bytes).is_some_and(|at| u16_at(bytes, at + 10).is_some_and(|count| count > 0))
}

struct Entry<'a> {
    name: &'a [u8],
    flags: usize,
    method: usize,
    packed: usize,
    size: usize,
    offset: usize,
    next: usize,
}

/// The directory's entry at `at`.
fn entry(bytes: &[u8], at: usize) -> Option<Entry<'_>> {
    let (name, extra, comment) = (u16_at(bytes, at + 28)?, u16_at(bytes, at + 30)?, u16_at(bytes, at + 32)?);
    let mut entry = Entry {
        name: bytes.get(at + 46..at + 46 + name)?,
        flags: u16_at(bytes, at + 8)?,
        method: u16_at(bytes, at + 10)?,
        packed: u32_at(bytes, at + 20)?,
        size: u32_at(bytes, at + 24)?,
        offset: u32_at(bytes, at + 42)?,
        next: at + 46 + name + extra + comment,
    };
    let mut wide = zip64(bytes.get(at + 46 + name..at + 46 + name + extra)?).chunks_exact(8);
    for field in [&mut entry.size, &mut entry.packed, &mut entry.offset] {
        if *field == IN_EXTRA {
            *field = usize::try_from(u64::from_le_bytes(wide.next()?.try_into().ok()?)).ok()?;
        }
    }
    Some(entry)
}

/// The body of the extra field that holds the true sizes.
fn zip64(mut extra: &[u8]) -> &[u8] {
    while let (Some(kind), Some(length)) = (u16_at(extra, 0), u16_at(extra, 2)) {
        let Some(body) = extra.get(4..4 + length) else { break };
        if kind == 1 {
            return body;
        }
        extra = &extra[4 + length..];
    }
    &[]
}

/// The content of `entry`, whose local header `before` bytes of something else precede.
fn content<'a>(bytes: &'a [u8], entry: &Entry<'_>, before: usize, room: usize) -> Result<Cow<'a, [u8]>, Gap> {
    if entry.flags & 1 != 0 {
        return Err(Gap::Encrypted);
    }
    if entry.size > room {
        return Err(Gap::TooLarge);
    }
    let packed = || {
        let at = before.checked_add(entry.offset)?;
        let header = bytes.get(at..)?;
        let start = 30 + u16_at(header, 26)? + u16_at(header, 28)?;
        header.starts_with(b"PK\x03\x04").then_some(())?;
        header.get(start..start.checked_add(entry.packed)?)
    };
    let packed = packed().ok_or(Gap::Damaged)?;
    match entry.method {
        0 => Ok(Cow::Borrowed(packed)),
        // Not the size that the directory claims: what comes out is what counts.
        8 => inflate(packed, room).map(|(content, _)| Cow::Owned(content)),
        _ => Err(Gap::Foreign("zip of another compression")),
    }
}

pub(super) fn read<E>(bytes: &[u8], limits: Limits, visit: &mut Visit<'_, E>) -> Result<(), E> {
    let mut budget = Budget::of(limits);
    let directory = end(bytes).and_then(|at| {
        let (count, size, offset) = (u16_at(bytes, at + 10)?, u32_at(bytes, at + 12)?, u32_at(bytes, at + 16)?);
        let start = at.checked_sub(size)?;
        Some((count, start, start.checked_sub(offset)?))
    });
    let Some((count, mut at, before)) = directory else { return visit(b"", Err(Gap::Damaged)) };
    let mut seen = 0;
    while bytes.get(at..at + 4) == Some(b"PK\x01\x02") {
        let Some(entry) = entry(bytes, at) else { return visit(b"", Err(Gap::Damaged)) };
        at = entry.next;
        seen += 1;
        if !budget.allows_entry() {
            return visit(b"", Err(Gap::TooLarge));
        }
        if entry.name.ends_with(b"/") && entry.size == 0 {
            continue;
        }
        match content(bytes, &entry, before, budget.room()) {
            Ok(content) => {
                budget.bytes += content.len();
                visit(entry.name, Ok(&content))?;
            }
            Err(gap) => visit(entry.name, Err(gap))?,
        }
    }
    // 65535 stands for "more than fits here".
    if seen < count && count != 0xFFFF { visit(b"", Err(Gap::Damaged)) } else { Ok(()) }
}
