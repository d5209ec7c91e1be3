//! Any bytes as an object: no panic, and every hit lies in the text, on the line that it names.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_gate_security::scan::Scanner;
use portcullis_gate_security::text;

thread_local! {
    /// Patterns are compiled once, not for every input.
    static SCANNER: Scanner = Scanner::new(&[]).unwrap();
}

fuzz_target!(|data: &[u8]| {
    let text = text::decode(data);
    for guess in [false, true] {
        for hit in SCANNER.with(|scanner| scanner.scan(&text, guess)).unwrap() {
            assert!(hit.span.start <= hit.secret.start && hit.secret.end <= hit.span.end && hit.span.end <= text.len());
            assert_eq!(hit.line as usize, text::count_lines(&text[..hit.secret.start]) + 1);
        }
    }
});
