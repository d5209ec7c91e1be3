//! Fuzzes [`portcullis_fuzz::junit`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| portcullis_fuzz::junit(bytes));
