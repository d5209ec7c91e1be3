//! What we build on: only published crates, under the licences of `deny.toml`.

use crate::tree::{metadata, top};
use std::process::Command;

/// The target of this machine, as rustc names it.
fn host_target() -> String {
    let output = Command::new("rustc").arg("-vV").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

/// Every package that the host's or the guests' build may contain: name and version, licence, source.
fn packages() -> Vec<(String, Option<String>, Option<String>)> {
    let mut packages = Vec::new();
    for target in [host_target(), "wasm32-wasip2".to_owned()] {
        let metadata = metadata(&["--filter-platform", &target]);
        for package in metadata["packages"].as_array().unwrap() {
            let text = |key: &str| package[key].as_str().map(str::to_owned);
            packages.push((format!("{} {}", package["name"], package["version"]), text("license"), text("source")));
        }
    }
    assert!(packages.len() > 100, "cargo has told too little: {} packages", packages.len());
    packages
}

/// The licences that `deny.toml` allows.
fn allowed() -> Vec<spdx::Licensee> {
    let policy: toml::Table = std::fs::read_to_string(top().join("deny.toml")).unwrap().parse().unwrap();
    let names = policy["licenses"]["allow"].as_array().unwrap();
    names.iter().map(|name| spdx::Licensee::parse(name.as_str().unwrap()).unwrap()).collect()
}

/// Whether a licence expression can be satisfied by what is allowed.
fn is_allowed(expression: &str, allowed: &[spdx::Licensee]) -> bool {
    spdx::Expression::parse_mode(expression, spdx::ParseMode::LAX)
        .is_ok_and(|expression| expression.evaluate(|wanted| allowed.iter().any(|licence| licence.satisfies(wanted))))
}

#[test]
fn every_dependency_has_a_licence_that_the_policy_allows() {
    let allowed = allowed();
    for (name, licence, _) in packages() {
        let ok = licence.as_deref().is_some_and(|licence| is_allowed(licence, &allowed));
        assert!(ok, "{name} is under {licence:?}, which deny.toml does not allow");
    }
}

#[test]
fn the_policy_tells_licences_apart() {
    let allowed = allowed();
    for good in ["MIT", "MIT/Apache-2.0", "GPL-3.0-only OR MIT", "(MIT OR Apache-2.0) AND Unicode-3.0"] {
        assert!(is_allowed(good, &allowed), "{good}");
    }
    for bad in ["GPL-3.0-only", "MIT AND AGPL-3.0-only", "SSPL-1.0", "", "whatever you like"] {
        assert!(!is_allowed(bad, &allowed), "{bad}");
    }
}

#[test]
fn every_dependency_is_a_published_crate() {
    for (name, _, source) in packages() {
        // Our own crates have no source.
        let published = source.as_deref().is_none_or(|source| source.starts_with("registry+"));
        assert!(published, "{name} comes from {source:?}");
    }
}
