//! How random bytes look: Shannon entropy, and how often neighbours change their kind.

/// Shannon entropy of `bytes` in bits per byte, 0 for nothing.
pub(crate) fn shannon(bytes: &[u8]) -> f32 {
    let mut counts = [0u32; 256];
    for &byte in bytes {
        counts[usize::from(byte)] += 1;
    }
    let total = bytes.len() as f32;
    let sum: f32 = counts.iter().filter(|count| **count > 0).map(|&count| count as f32 * (count as f32).log2()).sum();
    if bytes.is_empty() { 0.0 } else { total.log2() - sum / total }
}

/// The share of neighbouring pairs that differ in kind (lower, upper, digit, other). Random base62 has about 0.6, random
/// hexadecimal 0.47, words and identifiers next to nothing.
pub(crate) fn restlessness(bytes: &[u8]) -> f32 {
    let kind = |byte: u8| match byte {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    };
    let changes = bytes.windows(2).filter(|pair| kind(pair[0]) != kind(pair[1])).count();
    changes as f32 / bytes.len().saturating_sub(1).max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    // SEC-2
    #[test]
    fn entropy_is_that_of_the_textbook() {
        assert_eq!(shannon(b""), 0.0);
        assert_eq!(shannon(b"aaaa"), 0.0);
        assert!((shannon(b"abab") - 1.0).abs() < 1e-6);
        assert!((shannon(b"0123456789abcdef") - 4.0).abs() < 1e-6);
    }

    // SEC-2
    #[test]
    fn random_text_is_more_restless_than_a_name() {
        assert!(restlessness(b"x7Kq2mW9aZ4tB1") > 0.5);
        assert!(restlessness(b"get_client_configuration") < 0.2);
        assert_eq!(restlessness(b"a"), 0.0);
    }
}
