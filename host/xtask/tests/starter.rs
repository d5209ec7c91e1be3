//! The manifest that users begin with fits the gates that they get.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use portcullis_catalog::listing::{LISTING_PATH, Listing};
use portcullis_catalog::manifest::{Manifest, STARTER};
use portcullis_catalog::requirement;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn every_requirement_of_the_starter_manifest_is_met_by_a_first_party_plugin() {
    // PLG-3
    let listing = Listing::parse(&fs::read_to_string(root().join(LISTING_PATH)).unwrap()).unwrap();
    for gate in Manifest::parse(STARTER).unwrap().gates() {
        let wanted = requirement::parse(&gate.spec.requirement).unwrap();
        let met = listing.plugins.iter().any(|p| p.name == gate.spec.plugin && wanted.matches(&p.version));
        assert!(met, "{gate}: no {} in {LISTING_PATH} meets {wanted}", gate.spec.plugin);
    }
}

#[test]
fn every_setting_of_the_starter_manifest_is_one_that_its_gate_knows() {
    // PLG-3
    for gate in Manifest::parse(STARTER).unwrap().gates() {
        let folder = gate.spec.plugin.as_str().strip_prefix("portcullis/").unwrap();
        let schema = root().join("plugins").join(folder).join("config.schema.json");
        let schema: serde_json::Value = serde_json::from_slice(&fs::read(schema).unwrap()).unwrap();
        let config = gate.spec.config.as_object().unwrap();
        for key in config.keys() {
            assert!(schema["properties"].get(key).is_some(), "{gate}: the gate knows no `{key}`");
        }
        for key in schema["required"].as_array().into_iter().flatten() {
            assert!(config.contains_key(key.as_str().unwrap()), "{gate}: the gate needs {key}");
        }
    }
}
