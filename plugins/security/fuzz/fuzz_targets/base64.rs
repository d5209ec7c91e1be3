//! Any bytes behind base64, whole and broken into lines: no panic, and every hit lies in the text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_gate_security::scan::Scanner;

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |chunk: &[u8]| {
        let word = chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        let letter = |place: usize| char::from(ALPHABET[(word >> (18 - 6 * place) & 63) as usize]);
        (0..4).map(|place| if place <= chunk.len() { letter(place) } else { '=' }).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

fuzz_target!(|data: (u8, &[u8])| {
    let (width, bytes) = data;
    // Begins with text, so that it is decoded.
    let encoded = base64(&[b"settings of mine: ", bytes].concat());
    let width = usize::from(width).max(60);
    let lines: Vec<&str> = encoded.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let text = format!("value: {}\n", lines.join("\n  "));
    for hit in Scanner::new(&[]).unwrap().scan(text.as_bytes(), true).unwrap() {
        assert!(hit.secret.start < hit.secret.end && hit.secret.end <= text.len());
    }
});
