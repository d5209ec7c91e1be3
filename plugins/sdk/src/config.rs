//! From the manifest's table, which arrives as JSON, to a gate's configuration. Every error names the key.

use crate::Refusal;
use serde::de::DeserializeOwned;

/// Reads a configuration.
///
/// # Errors
/// [`Refusal::BadConfig`], which names the key, what is wrong with it and what was expected.
pub fn parse<C: DeserializeOwned>(json: &str) -> Result<C, Refusal> {
    // By way of a `Value`, whose errors carry no line and column: the operator wrote TOML and never sees this JSON.
    let value: serde_json::Value =
        serde_json::from_str(json).map_err(|e| Refusal::BadConfig(format!("the configuration is not JSON: {e}")))?;
    if !value.is_object() {
        return Err(Refusal::BadConfig("the configuration is not a table".into()));
    }
    serde_path_to_error::deserialize(value).map_err(|e| {
        let key = e.path().to_string();
        Refusal::BadConfig(if key == "." { e.inner().to_string() } else { format!("key `{key}`: {}", e.inner()) })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Config {
        limit: u32,
        names: Vec<String>,
    }

    fn refused(json: &str) -> String {
        match parse::<Config>(json).unwrap_err() {
            Refusal::BadConfig(why) => why,
            other => panic!("refused as {other:?}"),
        }
    }

    #[test]
    fn a_bad_configuration_is_refused_with_the_key_and_the_reason() {
        // GAT-1
        assert_eq!(refused(r#"{"limit": "three"}"#), "key `limit`: invalid type: string \"three\", expected u32");
        assert_eq!(refused(r#"{"names": ["a", 2]}"#), "key `names[1]`: invalid type: integer `2`, expected a string");
        assert!(refused(r#"{"limits": 3}"#).contains("unknown field `limits`, expected `limit` or `names`"));
        assert_eq!(refused("[]"), "the configuration is not a table");
        assert!(refused("{").starts_with("the configuration is not JSON"));
        assert!(refused("").starts_with("the configuration is not JSON"));
    }

    #[test]
    fn a_good_configuration_is_read_and_what_it_leaves_out_is_the_default() {
        assert_eq!(parse::<Config>(r#"{"limit": 3}"#).unwrap(), Config { limit: 3, names: vec![] });
        assert_eq!(parse::<Config>("{}").unwrap(), Config::default());
    }
}
