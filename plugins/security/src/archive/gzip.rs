//! gzip: members one after the other, each a header, deflated bytes and a trailer (RFC 1952).

use super::inflate::inflate;
use super::{Gap, u16_at};

/// Where the deflated bytes of the member begin, and the file's name if it is told.
fn header(bytes: &[u8]) -> Option<(usize, Option<&[u8]>)> {
    let flags = *bytes.get(3)?;
    let mut at = 10;
    if flags & 4 != 0 {
        at += 2 + u16_at(bytes, at)?;
    }
    let mut text = |wanted: bool| -> Option<Option<&[u8]>> {
        if !wanted {
            return Some(None);
        }
        let rest = bytes.get(at..)?;
        let end = memchr::memchr(0, rest)?;
        at += end + 1;
        Some(Some(&rest[..end]))
    };
    let name = text(flags & 8 != 0)?;
    text(flags & 16 != 0)?;
    at += if flags & 2 != 0 { 2 } else { 0 };
    (at <= bytes.len()).then_some((at, name))
}

/// The name of the file that was packed.
pub(super) fn name(bytes: &[u8]) -> Option<&[u8]> {
    header(bytes)?.1.filter(|name| !name.is_empty())
}

/// All members, unpacked. What follows the last is no part of it, as for `gunzip`.
pub(super) fn unpack(bytes: &[u8], most: usize) -> Result<Vec<u8>, Gap> {
    let mut content = Vec::new();
    let mut rest = bytes;
    while rest.starts_with(&[0x1F, 0x8B, 8]) {
        let (start, _) = header(rest).ok_or(Gap::Damaged)?;
        let (mut member, read) = inflate(&rest[start..], most - content.len())?;
        content.append(&mut member);
        // Eight bytes of checksum and length follow.
        rest = rest.get(start + read + 8..).ok_or(Gap::Damaged)?;
    }
    Ok(content)
}
