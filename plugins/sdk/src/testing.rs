//! For a gate's own tests, native only.

#![allow(clippy::panic, reason = "assertions")]

use crate::{Gate, Subject};
use serde::Serialize;
use serde_json::{Map, Value};

/// A subject to test with: `ORCH-65` on its way from `deploy-staging` to `deploy`, head `1…1`, target head `2…2`.
pub fn subject() -> Subject {
    Subject {
        repository: "acme/shop".into(),
        work_item: "ORCH-65".into(),
        from_stage: "deploy-staging".into(),
        to_stage: "deploy".into(),
        branch: "feature/orch-65".into(),
        head: "1".repeat(40),
        target: "main".into(),
        target_head: "2".repeat(40),
        pull_request: Some(7),
    }
}

/// Checks that a gate's hand-written schema and its configuration type say the same: the same keys, the same defaults,
/// and that other keys are refused.
///
/// Keys whose default is `null` (not set), and those that the schema calls `required`, need no `default` there.
///
/// # Panics
/// When they differ, with what differs.
pub fn assert_schema_matches<G: Gate>(defaults: &G::Config)
where
    G::Config: Serialize,
{
    let schema: Value =
        serde_json::from_str(G::CONFIG_SCHEMA).unwrap_or_else(|e| panic!("the schema is not JSON: {e}"));
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "the schema names its draft");
    assert_eq!(schema["additionalProperties"], false, "the schema refuses unknown keys");
    let none = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&none);
    let Ok(Value::Object(defaults)) = serde_json::to_value(defaults) else {
        panic!("the configuration is not a table")
    };
    let (mut in_schema, mut in_type): (Vec<_>, Vec<_>) = (properties.keys().collect(), defaults.keys().collect());
    in_schema.sort();
    in_type.sort();
    assert_eq!(in_schema, in_type, "the schema's keys (left) and the type's (right) differ");
    for (key, default) in &defaults {
        assert!(properties[key]["description"].is_string(), "key `{key}` has no description in the schema");
        let required = schema["required"].as_array().is_some_and(|keys| keys.iter().any(|k| k == key.as_str()));
        let default = if required { &Value::Null } else { default };
        assert_eq!(properties[key].get("default").unwrap_or(&Value::Null), default, "the defaults of `{key}` differ");
    }
    let refused = crate::config::parse::<G::Config>(r#"{"no-such-key-exists": 1}"#);
    assert!(refused.is_err(), "the type takes unknown keys; add #[serde(deny_unknown_fields)]");
}
