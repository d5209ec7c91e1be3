//! Fuzzes [`portcullis_fuzz::ci_contexts`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| portcullis_fuzz::ci_contexts(bytes));
