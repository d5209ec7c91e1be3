//! Fuzzes [`portcullis_fuzz::staging_results`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| portcullis_fuzz::staging_results(bytes));
