//! Which checks are SANDBOX-INFRA (STV-1): a narrow list of ids. Everything that is not on it is REAL.

use serde::{Deserialize, Serialize};

/// Fewest characters before a closing `*`: a shorter prefix is no narrow allowlist.
const SHORTEST_PREFIX: usize = 3;

/// One entry: an exact id, or a prefix that ends with `*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Infra(String);

impl Infra {
    /// Whether the check `id` is on this entry.
    pub fn covers(&self, id: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(prefix) => id.starts_with(prefix),
            None => self.0 == id,
        }
    }
}

impl TryFrom<String> for Infra {
    type Error = String;

    fn try_from(entry: String) -> Result<Self, String> {
        let prefix = entry.strip_suffix('*').unwrap_or(&entry);
        if prefix.contains('*') {
            Err(format!("`{entry}` has a `*` that is not at its end; name exact ids or `prefix*`"))
        } else if prefix.trim().is_empty() || prefix.trim() != prefix {
            Err(format!("`{entry}` is not narrow: it names no check; name exact ids or `prefix*`"))
        } else if prefix.len() < entry.len() && prefix.chars().count() < SHORTEST_PREFIX {
            Err(format!("`{entry}` is not narrow: a prefix has at least {SHORTEST_PREFIX} characters"))
        } else {
            Ok(Self(entry))
        }
    }
}

impl From<Infra> for String {
    fn from(entry: Infra) -> Self {
        entry.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn an_entry_covers_one_id_or_the_ids_with_one_prefix() {
        // STV-1
        let entry = |text: &str| Infra::try_from(text.to_owned()).unwrap();
        assert!(entry("dns").covers("dns"));
        assert!(!entry("dns").covers("dns-2"));
        assert!(!entry("dns").covers("DNS"));
        assert!(entry("net-*").covers("net-dns"));
        assert!(entry("net-*").covers("net-"));
        assert!(!entry("net-*").covers("ne"));
    }

    #[test]
    fn an_entry_that_is_not_narrow_is_refused() {
        // STV-1
        for wide in ["", " ", "*", "**", "a*", "ab*", "*net", "n*t", "net**", " *", " net*"] {
            assert!(Infra::try_from(wide.to_owned()).is_err(), "{wide:?}");
        }
    }
}
