//! The rules: what kinds of secret there are and how each one looks.
//!
//! They stand in `rules.toml`; the build makes them a constant table, so that a fresh component instance pays nothing for
//! having them: no file is parsed and no pattern is compiled until a keyword of the rule has been seen.
//!
//! What must hold (each is a test): ids are unique and kebab-case; every pattern compiles and marks the secret as group 1 or
//! as the whole match; every rule has a true case and a look-alike in `tests/kinds.rs`.
//!
//! Absent on purpose: no rule asks a network whether a key is live. The gate is offline.

/// Where a rule's pattern is run, or which code stands in for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// At the keyword, which is how the secret begins.
    Start,
    /// The line that holds a keyword.
    Line,
    /// The keyword's line and up to 8 KiB after it, for secrets that span lines.
    Block,
    /// `crate::generic`: something named like a secret is given a value that looks random.
    Generic,
    /// `crate::kube`: the data of a Kubernetes Secret.
    Kubernetes,
}

/// What a candidate must pass beyond the pattern. The cheap checks (placeholder, entropy) apply to all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Nothing more.
    None,
    /// Holds letters and digits both.
    Mixed,
    /// As `Mixed`, and neither a name in a program nor made of words.
    Random,
    /// Letters of both cases in restless order, no digits needed.
    Letters,
    /// A password that somebody chose: anything but a variable, a template or a word that says "put yours here".
    Password,
    /// Three base64url parts, the first of which decodes to a JSON header with `alg`.
    Jwt,
    /// Base64 of `user:password`, neither of them a placeholder.
    BasicAuth,
    /// The pattern may match any bytes: do not look for placeholder words in it (key material in base64).
    Opaque,
}

/// A checksum that a vendor puts into its secrets. One that holds makes a secret of whatever it stands in; where it does
/// not hold, somebody may have changed a letter or made the value up, so it must look drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// The kind has none.
    None,
    /// The last six characters are the CRC-32 of those between the first `_` and them, in base 62 (GitHub, npm).
    Crc32,
}

/// One kind of secret.
#[derive(Debug)]
pub struct Rule {
    /// Stable name, as in findings and allowlists.
    pub id: &'static str,
    /// What it is, for a person: "GitHub token".
    pub about: &'static str,
    /// Words of which at least one stands in every line the pattern can match. With [`Scope::Start`] the secret begins with
    /// one of them, letter by letter; else their case does not matter.
    pub keywords: &'static [&'static str],
    /// With [`Scope::Start`]: what may not stand right before, beside letters, digits and `_`.
    pub not_after: &'static str,
    /// Stands in every text that the pattern can match, beside a keyword; empty for nothing.
    pub needs: &'static str,
    /// Byte regex without Unicode. Group 1 is the secret; without groups the whole match is. Empty where code stands for it.
    pub pattern: &'static str,
    /// Least Shannon entropy of the secret in bits per byte; 0 asks for none.
    pub bits: f32,
    /// Where the pattern is run.
    pub scope: Scope,
    /// What else the secret must pass.
    pub check: Check,
    /// Which checksum the secret holds.
    pub checksum: Checksum,
}

/// Every rule, most telling first: where two claim the same bytes, the earlier one has them.
pub static RULES: &[Rule] = include!(concat!(env!("OUT_DIR"), "/rules.rs"));

/// Every rule, most telling first.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    RULES.iter()
}

/// How many kinds of secret are known.
pub fn count() -> usize {
    RULES.len()
}

/// Whether a rule of this name exists, so that a misspelt allowlist is an error and not a silent nothing.
pub fn exists(id: &str) -> bool {
    all().any(|rule| rule.id == id)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use std::collections::HashSet;

    // SEC-2
    #[test]
    fn every_rule_is_well_formed() {
        let mut seen = HashSet::new();
        for rule in all() {
            assert!(seen.insert(rule.id), "{} stands twice", rule.id);
            assert!(rule.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{}", rule.id);
            assert!(!rule.about.is_empty() && !rule.keywords.is_empty(), "{}", rule.id);
            for keyword in rule.keywords {
                assert!(keyword.len() >= 2, "{}: {keyword}", rule.id);
                let begins = keyword.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
                assert!(rule.scope != Scope::Start || begins, "{}: `{keyword}` begins no word", rule.id);
            }
        }
        assert!(seen.len() >= 150, "only {} rules", seen.len());
    }

    // SEC-2
    #[test]
    fn every_pattern_compiles_and_marks_at_most_one_secret() {
        for rule in all() {
            let compiled = crate::scan::compile(rule).unwrap_or_else(|error| panic!("{}: {error}", rule.id));
            assert!(compiled.captures_len() <= 2, "{} has {} groups", rule.id, compiled.captures_len());
        }
    }
}
