//! Fuzzes [`portcullis_fuzz::document_verdict`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| portcullis_fuzz::document_verdict(bytes));
