//! Which texts may be names: of plugins in a registry, of stages, roles and gates in a manifest.
//!
//! Plugin names become parts of OCI references and names of every kind reach logs and reports, so the alphabet is small.

use portcullis_core::ids::PluginName;

/// Longest name of a stage, a role or a gate, in bytes.
pub(crate) const MAX_WORD: usize = 64;
/// Longest name of a plugin, in bytes.
const MAX_PLUGIN: usize = 128;

/// A text that is no plugin name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no plugin name; write `owner/name`, each part of lower-case letters, digits and single hyphens, \
     for example `portcullis/security`"
)]
pub struct NotAPluginName(pub String);

/// Checks that `text` names a plugin: two to four parts joined by `/`, 128 bytes at most.
///
/// # Errors
/// [`NotAPluginName`] if it does not.
pub fn check_plugin_name(text: &str) -> Result<PluginName, NotAPluginName> {
    let parts = text.split('/').count();
    if (2..=4).contains(&parts) && text.len() <= MAX_PLUGIN && text.split('/').all(is_word) {
        Ok(PluginName::new(text))
    } else {
        Err(NotAPluginName(shown(text)))
    }
}

/// Whether `text` is a word: lower-case letters and digits, single hyphens between them, 64 bytes at most.
pub(crate) fn is_word(text: &str) -> bool {
    text.len() <= MAX_WORD
        && text
            .split('-')
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
}

/// A hostile text as it may stand in a message: short, on one line, without control characters.
pub(crate) fn shown(text: &str) -> String {
    const MAX_SHOWN: usize = 80;
    let mut short: String = text.chars().take(MAX_SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(MAX_SHOWN).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugin_names_are_two_to_four_lower_case_words() {
        for good in ["portcullis/security", "a/b", "acme/gates/x-1/y2"] {
            assert_eq!(check_plugin_name(good).map(|n| n.as_str().to_owned()), Ok(good.to_owned()));
        }
        let long = format!("a/{}", "x".repeat(65));
        for bad in ["", "security", "/", "a/", "A/b", "a/b_c", "a/-b", "a/b--c", "a/../b", "a/b/c/d/e", "a/b:1", &long]
        {
            assert!(check_plugin_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_a_message_shows_of_a_hostile_text_is_short_and_on_one_line() {
        assert_eq!(shown("a\n\u{1b}[31mb"), "a\\n\\u{1b}[31mb");
        assert_eq!(shown(&"x".repeat(500)).chars().count(), 81);
    }
}
