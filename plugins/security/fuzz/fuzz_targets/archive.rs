//! Any bytes as an archive: no panic, and never more out of it than the limits allow.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_gate_security::archive::{Limits, read};

fuzz_target!(|data: &[u8]| {
    let limits = Limits { entry: 1 << 16, total: 1 << 18, entries: 100 };
    let (mut bytes, mut entries) = (0, 0);
    let _: Result<(), std::convert::Infallible> = read(data, limits, &mut |_, content| {
        if let Ok(content) = content {
            bytes += content.len();
            entries += 1;
        }
        Ok(())
    });
    // A file in a gzip may be twice as long as an entry, and what a tar holds stands in the object itself.
    assert!(bytes <= limits.total + data.len().max(2 * limits.entry) && entries <= limits.entries);
});
