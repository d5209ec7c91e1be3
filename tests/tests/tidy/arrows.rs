//! Who may depend on whom. The picture is in docs/ARCHITECTURE.md; a new arrow is a visible decision, taken here.

use crate::tree::metadata;
use std::collections::BTreeMap;

/// Every crate of the house with the crates of the house that it may depend on. A plugin's gate is not named: each may
/// depend on the SDK alone.
const ARROWS: &[(&str, &[&str])] = &[
    ("portcullis-core", &[]),
    ("portcullis-store", &["portcullis-core"]),
    ("portcullis-git", &["portcullis-core"]),
    ("portcullis-runtime", &["portcullis-core"]),
    ("portcullis-catalog", &["portcullis-core"]),
    ("portcullis-connect", &["portcullis-core"]),
    // Pure, and of no use to the core.
    ("portcullis-results", &[]),
    (
        "portcullis",
        &[
            "portcullis-core",
            "portcullis-store",
            "portcullis-git",
            "portcullis-runtime",
            "portcullis-catalog",
            "portcullis-connect",
            "portcullis-results",
        ],
    ),
    ("portcullis-testkit", &["portcullis-core"]),
    // It packs what the catalog reads.
    ("xtask", &["portcullis-core", "portcullis-catalog"]),
    ("portcullis-gate-sdk", &[]),
    // A gate and the host's reader of objects in one process, without what is between them: only measured.
    (
        "portcullis-native-gate",
        &["portcullis-core", "portcullis-git", "portcullis-gate-sdk", "portcullis-gate-security"],
    ),
    ("portcullis-hostile-guest", &["portcullis-gate-sdk"]),
    // The end-to-end tests stand on top of everything of the host.
    (
        "portcullis-e2e",
        &[
            "portcullis",
            "portcullis-core",
            "portcullis-store",
            "portcullis-git",
            "portcullis-runtime",
            "portcullis-catalog",
            "portcullis-connect",
            "portcullis-testkit",
        ],
    ),
];

/// Crates from outside that only one crate of the house may name, so that they can be replaced in one place.
const ALONE: &[(&str, &[&str])] = &[
    ("wasmtime", &["portcullis-runtime"]),
    // The end-to-end tests look into the database where no interface does: what must always hold, a rival node.
    ("rusqlite", &["portcullis-store", "portcullis-e2e"]),
    ("wit-bindgen", &["portcullis-gate-sdk", "portcullis-hostile-guest"]),
    ("axum", &["portcullis"]),
];

/// All that the pure core is made of.
const CORE: [&str; 3] = ["serde", "serde_json", "thiserror"];

struct Package {
    name: String,
    /// Name, whether only for tests and benchmarks, whether it is of the house.
    dependencies: Vec<(String, bool, bool)>,
}

fn packages() -> Vec<Package> {
    let metadata = metadata(&["--no-deps"]);
    let packages = metadata["packages"].as_array().unwrap();
    let dependency = |d: &serde_json::Value| {
        (d["name"].as_str().unwrap().to_owned(), d["kind"].as_str() == Some("dev"), d["path"].is_string())
    };
    packages
        .iter()
        .map(|p| Package {
            name: p["name"].as_str().unwrap().to_owned(),
            dependencies: p["dependencies"].as_array().unwrap().iter().map(dependency).collect(),
        })
        .collect()
}

fn is_gate(package: &str) -> bool {
    package.starts_with("portcullis-gate-") && package != "portcullis-gate-sdk"
}

fn allowed(package: &str) -> Vec<&'static str> {
    if is_gate(package) {
        return vec!["portcullis-gate-sdk"];
    }
    match ARROWS.iter().find(|(name, _)| *name == package) {
        Some((_, to)) => to.to_vec(),
        None => panic!("crate `{package}` is not in the picture; add it to ARROWS and to docs/ARCHITECTURE.md"),
    }
}

#[test]
fn crates_depend_on_one_another_only_along_the_arrows() {
    for package in packages() {
        let allowed = allowed(&package.name);
        for (name, for_tests, ours) in &package.dependencies {
            // A crate may name itself in its tests, to switch a feature on for them.
            let test_help = *for_tests && (name == "portcullis-testkit" || *name == package.name);
            let ok = !ours || allowed.contains(&name.as_str()) || test_help;
            assert!(ok, "`{}` may not depend on `{name}`; it may depend on {allowed:?}", package.name);
        }
    }
}

#[test]
fn the_testkit_never_reaches_the_product() {
    for package in packages().iter().filter(|p| p.name != "portcullis-e2e") {
        for (name, for_tests, _) in &package.dependencies {
            assert!(name != "portcullis-testkit" || *for_tests, "`{}` ships the testkit", package.name);
        }
    }
}

#[test]
fn each_engine_has_one_crate_that_names_it() {
    for package in packages() {
        for (name, ..) in &package.dependencies {
            let engine = ALONE.iter().find(|(engine, _)| name == engine || name.starts_with(&format!("{engine}-")));
            if let Some((engine, owners)) = engine {
                let owns = owners.contains(&package.name.as_str());
                assert!(owns, "`{}` names `{name}`; only {owners:?} may name {engine}", package.name);
            }
        }
    }
}

#[test]
fn the_core_stays_pure() {
    let packages: BTreeMap<String, Package> = packages().into_iter().map(|p| (p.name.clone(), p)).collect();
    for (name, for_tests, _) in &packages["portcullis-core"].dependencies {
        assert!(*for_tests || CORE.contains(&name.as_str()), "the core does not need `{name}`");
    }
}

#[test]
fn the_arrows_form_no_circle() {
    // Crates in the order in which they can be built: each only names earlier ones. Gates name the SDK alone.
    let mut built: Vec<&str> = Vec::new();
    while let Some((name, _)) =
        ARROWS.iter().find(|(name, to)| !built.contains(name) && to.iter().all(|t| built.contains(t) || is_gate(t)))
    {
        built.push(name);
    }
    assert_eq!(built.len(), ARROWS.len(), "only these can be built: {built:?}");
}
