//! The rules: what kinds of secret there are and how each one looks.
//!
//! A rule is data in a constant table, one file per family, so that a fresh component instance pays nothing for having
//! them: no file is parsed and no pattern is compiled until a keyword of the rule has been seen.
//!
//! What must hold (each is a test): ids are unique and kebab-case; keywords are lower case and at least three bytes;
//! every pattern compiles and marks the secret as group 1 or as the whole match; every rule has a true case and a
//! look-alike in `tests/kinds.rs`.
//!
//! Absent on purpose: no rule asks a network whether a key is live. The gate is offline.

mod ai;
mod clouds;
mod data;
mod forges;
mod infra;
mod messaging;
mod packages;
mod payment;
mod services;
mod shapes;
mod social;

/// How much of the text a rule's pattern is run over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The line that holds a keyword.
    Line,
    /// The keyword's line and up to 8 KiB after it, for secrets that span lines.
    Block,
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

/// One kind of secret.
#[derive(Debug)]
pub struct Rule {
    /// Stable name, as in findings and allowlists.
    pub id: &'static str,
    /// What it is, for a person: "GitHub token".
    pub about: &'static str,
    /// Lower-case words of which at least one stands in every line the pattern can match.
    pub keywords: &'static [&'static str],
    /// Byte regex without Unicode. Group 1 is the secret; without groups the whole match is.
    pub pattern: &'static str,
    /// Least Shannon entropy of the secret in bits per byte; 0 asks for none.
    pub bits: f32,
    /// Where the pattern is run.
    pub scope: Scope,
    /// What else the secret must pass.
    pub check: Check,
}

impl Rule {
    const fn new(
        id: &'static str,
        about: &'static str,
        keywords: &'static [&'static str],
        pattern: &'static str,
    ) -> Self {
        Self { id, about, keywords, pattern, bits: 3.0, scope: Scope::Line, check: Check::None }
    }

    const fn bits(self, bits: f32) -> Self {
        Self { bits, ..self }
    }

    const fn check(self, check: Check) -> Self {
        Self { check, ..self }
    }

    const fn block(self) -> Self {
        Self { scope: Scope::Block, ..self }
    }
}

/// A value that only its neighbour gives away: `NAME_api_token = "VALUE"`. The name is a case-insensitive pattern.
macro_rules! named {
    ($name:literal, $value:literal) => {
        concat!(
            r"(?i:",
            $name,
            r")[\w.\-]{0,40}(?:[ \t]+(?i:api|app|auth|access|secret|client|personal|bot|token|key|pat|string|str)\w{0,12}){0,3}",
            r"[\s'\x22\x60\]=:>,|(\\\-]{1,10}(?i:bearer[ ]|basic[ ]|token[ ])?",
            "(",
            $value,
            ")",
            r"(?:[^A-Za-z0-9_+/=\-]|$)"
        )
    };
}
use named;

/// Every rule with a pattern, most telling first: where two claim the same bytes, the earlier one has them.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    [
        forges::RULES,
        clouds::RULES,
        ai::RULES,
        packages::RULES,
        payment::RULES,
        messaging::RULES,
        infra::RULES,
        social::RULES,
        services::RULES,
        data::RULES,
        shapes::RULES,
    ]
    .into_iter()
    .flatten()
}

/// The rule of `crate::generic`, which is code and no pattern.
pub static GENERIC: Rule = Rule {
    id: "generic-secret",
    about: "value that looks random, assigned to something named like a secret",
    keywords: &["key", "token", "secret", "passw", "pwd", "passphrase", "credential", "auth"],
    pattern: "",
    bits: 0.0,
    scope: Scope::Line,
    check: Check::None,
};

/// The rule of `crate::kube`, which reads a small structure.
pub static KUBE_SECRET: Rule = Rule {
    id: "kubernetes-secret",
    about: "Kubernetes Secret with its data in the manifest",
    keywords: &["secret"],
    pattern: "",
    bits: 0.0,
    scope: Scope::Line,
    check: Check::None,
};

/// How many kinds of secret are known.
pub fn count() -> usize {
    all().count() + 2
}

/// Whether a rule of this name exists, so that a misspelt allowlist is an error and not a silent nothing.
pub fn exists(id: &str) -> bool {
    id == GENERIC.id || id == KUBE_SECRET.id || all().any(|rule| rule.id == id)
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
        for rule in all().chain([&GENERIC, &KUBE_SECRET]) {
            assert!(seen.insert(rule.id), "{} stands twice", rule.id);
            assert!(rule.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{}", rule.id);
            assert!(!rule.about.is_empty() && !rule.keywords.is_empty(), "{}", rule.id);
            for keyword in rule.keywords {
                assert!(keyword.len() >= 2 && *keyword == keyword.to_ascii_lowercase(), "{}: {keyword}", rule.id);
            }
        }
        assert!(seen.len() >= 100, "only {} rules", seen.len());
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
