//! Archives made here byte by byte: what stands in them, and what is said of those that cannot be read.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use pack::{gzip, tar, zip};
use proptest::prelude::*;

const LIMITS: Limits = Limits { entry: 4096, total: 16_384, entries: 100 };

#[path = "../../tests/model/pack.rs"]
mod pack;

type Seen = Vec<(String, Result<Vec<u8>, Gap>)>;

fn seen(bytes: &[u8]) -> Seen {
    let mut seen = Vec::new();
    let mut visit = |name: &[u8], content: Result<&[u8], Gap>| -> Result<(), std::convert::Infallible> {
        seen.push((String::from_utf8_lossy(name).into_owned(), content.map(<[u8]>::to_vec)));
        Ok(())
    };
    let Ok(_) = read(bytes, LIMITS, &mut visit);
    seen
}

fn whole(name: &str, content: &[u8]) -> (String, Result<Vec<u8>, Gap>) {
    (name.into(), Ok(content.to_vec()))
}

fn gap(name: &str, gap: Gap) -> (String, Result<Vec<u8>, Gap>) {
    (name.into(), Err(gap))
}

// SEC-2
#[test]
fn entries_of_a_zip_are_read_stored_or_deflated_also_behind_a_program() {
    let archive = zip(&[("a.txt", b"stored", 0, 0), ("dir/", b"", 0, 0), ("b/c.txt", b"deflated deflated", 8, 0)]);
    let expected = [whole("a.txt", b"stored"), whole("b/c.txt", b"deflated deflated")];
    assert_eq!(seen(&archive), expected);
    assert_eq!(seen(&[b"#!/bin/sh\nexec unzip\n".to_vec(), archive].concat()), expected);
}

// SEC-2
#[test]
fn entries_of_a_tar_are_read_with_their_long_names_and_so_is_a_tar_in_a_gzip() {
    let long = "l".repeat(150);
    let pax = format!("{} path={long}\n", long.len() + 10);
    let archive = tar(&[
        ("a.txt", b'0', b"one"),
        ("././@LongLink", b'L', format!("{long}\0").as_bytes()),
        ("llll", b'0', b"two"),
        ("dir", b'5', b""),
        ("pax", b'x', pax.as_bytes()),
        ("llll", b'0', b"three"),
    ]);
    let expected = [whole("a.txt", b"one"), whole(&long, b"two"), whole(&long, b"three")];
    assert_eq!(seen(&archive), expected);
    assert_eq!(seen(&gzip(&archive)), expected);
    assert_eq!(seen(&gzip(b"just text")), [whole("app.env", b"just text")]);
    assert_eq!(seen(&[gzip(b"one "), gzip(b"two")].concat()), [whole("app.env", b"one two")]);
}

// SEC-2
#[test]
fn what_is_encrypted_too_large_damaged_or_foreign_is_named() {
    let bomb = vec![b'a'; 5000];
    assert_eq!(seen(&zip(&[("a", b"x", 8, 1), ("b", b"y", 0, 0)])), [gap("a", Gap::Encrypted), whole("b", b"y")]);
    assert_eq!(seen(&zip(&[("a", &bomb, 8, 0)])), [gap("a", Gap::TooLarge)]);
    assert_eq!(seen(&zip(&[("a", b"x", 93, 0)])), [gap("a", Gap::Foreign("zip of another compression"))]);
    assert_eq!(seen(&tar(&[("a", b'0', &bomb)])), [gap("a", Gap::TooLarge)]);
    assert_eq!(seen(&gzip(&[b'a'; 20_000])), [gap("", Gap::TooLarge)]);
    assert_eq!(seen(b"7z\xBC\xAF\x27\x1C and so on"), [gap("", Gap::Foreign("7z"))]);
    let archive = zip(&[("a.txt", b"stored", 0, 0)]);
    assert_eq!(seen(&archive[..archive.len() - 5]), [gap("", Gap::Damaged)]);
    let packed = gzip(b"some text some text");
    assert_eq!(seen(&packed[..packed.len() - 12]), [gap("", Gap::Damaged)]);
    let archive = tar(&[("a.txt", b'0', &[b'x'; 600])]);
    assert_eq!(seen(&archive[..1000]), [gap("", Gap::Damaged)]);
}

// SEC-2
#[test]
fn a_directory_that_lies_about_a_size_does_not_widen_the_limits() {
    let mut archive = zip(&[("a", &[b'a'; 5000], 8, 0)]);
    let size = 5000u32.to_le_bytes();
    while let Some(at) = archive.windows(4).position(|window| window == size) {
        archive[at..at + 4].copy_from_slice(&7u32.to_le_bytes());
    }
    assert_eq!(seen(&archive), [gap("a", Gap::TooLarge)]);
}

// SEC-2
#[test]
fn more_than_the_limits_allow_in_sum_ends_the_reading_and_is_named() {
    let content = vec![b'a'; 4096];
    let entries: Vec<(&str, &[u8], u16, u16)> = (0..6).map(|_| ("a", content.as_slice(), 8, 0)).collect();
    let found = seen(&zip(&entries));
    assert_eq!((found.len(), found.last()), (5, Some(&gap("", Gap::TooLarge))));
    let many: Vec<(&str, &[u8], u16, u16)> = (0..101).map(|_| ("a", b"".as_slice(), 0, 0)).collect();
    let found = seen(&zip(&many));
    assert_eq!((found.len(), found.last()), (101, Some(&gap("", Gap::TooLarge))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    // SEC-2
    #[test]
    fn no_archive_with_any_bytes_changed_makes_a_reader_panic(
        which in 0usize..3, changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12), cut in any::<prop::sample::Index>()
    ) {
        let text = b"key = value\n".repeat(20);
        let mut bytes = match which {
            0 => zip(&[("a.txt", &text, 8, 0), ("b.txt", b"stored", 0, 0)]),
            1 => tar(&[("a.txt", b'0', &text), ("b", b'L', b"name")]),
            _ => gzip(&text),
        };
        for (at, byte) in &changes {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        seen(&bytes);
        bytes.truncate(cut.index(bytes.len()));
        seen(&bytes);
    }
}
