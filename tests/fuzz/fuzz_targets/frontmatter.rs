//! Fuzzes [`portcullis_fuzz::frontmatter`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| portcullis_fuzz::frontmatter(bytes));
