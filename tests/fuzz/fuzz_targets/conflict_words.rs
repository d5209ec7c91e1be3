//! Fuzzes [`portcullis_fuzz::conflict_words`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| portcullis_fuzz::conflict_words(bytes));
