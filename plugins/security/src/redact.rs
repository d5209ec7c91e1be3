//! What may be said of a secret in a finding: enough to recognise it, never enough to use it, nor to guess it from.

use crate::entropy;
use portcullis_gate_sdk::fingerprint;

/// From here on the first four characters are shown. They are mostly the vendor's prefix, and what stays hidden is long.
const SHOW_FROM: usize = 16;

/// A secret of at least this many bits (its length times its entropy) can't be found by trying, so its hash may be told.
const UNGUESSABLE_BITS: f32 = 60.0;

/// `ghp_… (40 characters)`, or for anything short `hidden`: a short secret's length and start are worth guessing from.
pub fn redacted(secret: &[u8]) -> String {
    let head = &secret[..secret.len().min(4)];
    if secret.len() < SHOW_FROM || !head.iter().all(u8::is_ascii_graphic) {
        return "hidden".into();
    }
    format!("{}… ({} characters)", String::from_utf8_lossy(head), secret.len())
}

/// A name for the finding that stays while other lines, other files and the history change.
///
/// It goes into reports that people see who may not see the repository, so it must not be a way to test guesses. For a
/// long random secret a hash is safe. A password could be found from its hash with a word list, so for those the line
/// around it stands in for it, with the secret cut out, plus eight bits of the secret's hash: too few to find it by, enough that
/// an allowed fingerprint most likely does not cover the next password on the same line.
///
/// `repository` is the key: the same secret in two repositories has two fingerprints, so that no table fits all.
pub fn name(repository: &str, rule: &str, path: &[u8], line: &[u8], secret: &[u8]) -> String {
    const DOMAIN: &str = "portcullis-security-1";
    let parts = |kind: &'static str| [DOMAIN.as_bytes(), kind.as_bytes(), repository.as_bytes(), rule.as_bytes(), path];
    if entropy::shannon(secret) * secret.len() as f32 >= UNGUESSABLE_BITS {
        return fingerprint(parts("secret").into_iter().chain([secret]));
    }
    let check = fingerprint(parts("check").into_iter().chain([secret]));
    let masked = mask(line, &[secret]);
    fingerprint(parts("line").into_iter().chain([masked.as_slice(), &check.as_bytes()[..2]]))
}

/// `text` with every one of `secrets` cut out.
pub fn mask(text: &[u8], secrets: &[&[u8]]) -> Vec<u8> {
    let mut secrets: Vec<&[u8]> = secrets.iter().copied().filter(|secret| !secret.is_empty()).collect();
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    let mut masked = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        match secrets.iter().find(|secret| text[at..].starts_with(secret)) {
            Some(secret) => {
                masked.extend_from_slice("…".as_bytes());
                at += secret.len();
            }
            None => {
                masked.push(text[at]);
                at += 1;
            }
        }
    }
    masked
}

/// A path for people: what is no printable UTF-8 is escaped as `\xNN`, so that one line stays one line.
pub fn readable(path: &[u8]) -> String {
    let mut shown = String::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() { shown.extend(c.escape_default()) } else { shown.push(c) }
        }
        for byte in chunk.invalid() {
            shown.push_str(&format!("\\x{byte:02x}"));
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    // SEC-5
    #[test]
    fn a_short_secret_is_hidden_and_a_long_one_shows_four_characters() {
        assert_eq!(redacted(b"hunter2!"), "hidden");
        assert_eq!(redacted(b"abcdefghijklmnop"), "abcd… (16 characters)");
        assert_eq!(redacted(&[0xFF; 40]), "hidden");
    }

    // SEC-5
    #[test]
    fn a_fingerprint_follows_the_secret_and_not_its_place() {
        let long = b"x7Kq2mW9aZ4tB1vC8nL5";
        let name_of = |path: &[u8], line: &[u8], secret: &[u8]| name("acme/shop", "rule", path, line, secret);
        assert_eq!(name_of(b"a", b"k = x7..", long), name_of(b"a", b"other", long));
        assert_ne!(name_of(b"a", b"k", long), name_of(b"b", b"k", long));
        assert_ne!(name_of(b"a", b"k", long), name("acme/other", "rule", b"a", b"k", long));
        assert_eq!(name_of(b"a", b"pw = hunter2", b"hunter2"), name_of(b"a", b"pw = hunter2", b"hunter2"));
        assert_ne!(name_of(b"a", b"pw = hunter2", b"hunter2"), name_of(b"a", b"other = hunter2", b"hunter2"));
    }

    // SEC-5
    #[test]
    fn an_odd_path_stays_readable_and_on_one_line() {
        assert_eq!(readable(b"a\tb/\xff\"c\n\xc3\xbc"), "a\\tb/\\xff\"c\\n\u{fc}");
    }
}
