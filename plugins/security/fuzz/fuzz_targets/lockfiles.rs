//! Fuzzes every reader of lockfiles. The first byte chooses the format.
#![no_main]

use portcullis_gate_security::audit::lockfile::Format;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let _ = Format::ALL[usize::from(*first) % Format::ALL.len()].parse(rest);
});
