//! tar: blocks of 512 bytes, a header before each file (ustar, with the long names of GNU and pax).

use super::{Budget, Gap, Limits, Visit};

const BLOCK: usize = 512;
/// Long names and pax headers are not read beyond this.
const LONGEST_NAME: usize = 64 << 10;

/// A number in octal, or, with the high bit set, in binary.
fn number(field: &[u8]) -> Option<usize> {
    if let [first, rest @ ..] = field
        && first & 0x80 != 0
    {
        let fold = |number: usize, byte: &u8| number.checked_mul(256)?.checked_add(usize::from(*byte));
        return rest.iter().try_fold(usize::from(first & 0x7F), fold);
    }
    let digits = field.trim_ascii().split(|byte| *byte == 0).next().unwrap_or_default().trim_ascii();
    let octal = |number: usize, byte: &u8| match byte {
        b'0'..=b'7' => number.checked_mul(8)?.checked_add(usize::from(byte - b'0')),
        _ => None,
    };
    digits.iter().try_fold(0, octal)
}

/// Whether the block's checksum holds, which it does for no other kind of file.
fn is_header(block: &[u8]) -> bool {
    let sum: usize = block
        .iter()
        .enumerate()
        .map(|(at, byte)| usize::from(if (148..156).contains(&at) { b' ' } else { *byte }))
        .sum();
    block.len() == BLOCK && block[0] != 0 && number(&block[148..156]) == Some(sum)
}

pub(super) fn is_tar(bytes: &[u8]) -> bool {
    bytes.get(..BLOCK).is_some_and(is_header)
}

fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// `path` in a pax header: lines of `length key=value`.
fn pax_path(records: &[u8]) -> Option<&[u8]> {
    let mut lines = records.split(|byte| *byte == b'\n');
    lines.find_map(|line| {
        let at = memchr::memmem::find(line, b" path=")?;
        line[..at].iter().all(u8::is_ascii_digit).then(|| &line[at + 6..])
    })
}

pub(super) fn read<E>(bytes: &[u8], limits: Limits, visit: &mut Visit<'_, E>) -> Result<(), E> {
    let mut budget = Budget::of(limits);
    let mut at = 0;
    let mut long_name: Option<Vec<u8>> = None;
    while let Some(block) = bytes.get(at..at + BLOCK) {
        if block.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        let size = number(&block[124..136]).filter(|_| is_header(block));
        let body = size.and_then(|size| bytes.get(at + BLOCK..(at + BLOCK).checked_add(size)?));
        let Some(body) = body else { return visit(b"", Err(Gap::Damaged)) };
        at += BLOCK + body.len().div_ceil(BLOCK) * BLOCK;
        if !budget.allows_entry() {
            return visit(b"", Err(Gap::TooLarge));
        }
        match block[156] {
            b'L' => long_name = Some(text(&body[..body.len().min(LONGEST_NAME)]).to_vec()),
            b'x' => long_name = pax_path(&body[..body.len().min(LONGEST_NAME)]).map(<[u8]>::to_vec).or(long_name),
            b'0' | 0 | b'7' => {
                let (prefix, short) = (text(&block[345..500]), text(&block[..100]));
                let ustar = block[257..262] == *b"ustar" && !prefix.is_empty();
                let name = if ustar { [prefix, b"/", short].concat() } else { short.to_vec() };
                let name = long_name.take().unwrap_or(name);
                let fits = body.len() <= budget.room();
                budget.bytes += body.len();
                visit(&name, if fits { Ok(body) } else { Err(Gap::TooLarge) })?;
            }
            _ => long_name = None,
        }
    }
    Ok(())
}
