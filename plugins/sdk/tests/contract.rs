//! What the first-party gates really import and export, read from the components themselves.
//!
//! Builds them (the build is shared with everything else that builds guests), because the promise is about what the linker
//! leaves in a component and no source shows that.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use wasmparser::{Parser, Payload};

/// Gate, its imports of the contract beside `portcullis:gate/types`, and whether it acts.
const GATES: [(&str, &[&str], bool); 7] = [
    ("approval", &["portcullis:read/approvals"], false),
    ("ci-green", &["portcullis:read/forge"], false),
    ("document-verdict", &["portcullis:read/documents"], false),
    (
        "image-freshness",
        &[
            "portcullis:act/workspace",
            "portcullis:read/documents",
            "portcullis:read/images",
            "portcullis:read/repository",
        ],
        true,
    ),
    ("merge-gate", &["portcullis:act/workspace", "portcullis:read/repository", "portcullis:read/test-runs"], true),
    (
        "security",
        &[
            "portcullis:act/documents",
            "portcullis:read/advisories",
            "portcullis:read/documents",
            "portcullis:read/repository",
            "portcullis:read/web",
        ],
        true,
    ),
    ("staging-verdict", &["portcullis:read/documents", "portcullis:read/images", "portcullis:read/repository"], false),
];

/// The gates that ask when the evaluation began; the host's clock stands still there.
const ASKS_THE_TIME: [&str; 2] = ["ci-green", "security"];

/// The gates whose hash tables want a seed; the host makes it of the gate's input, so the same input gives the same answer.
const SEEDS_ITS_TABLES: [&str; 1] = ["security"];

/// File name of each built component, by its crate.
fn built() -> BTreeMap<String, String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--target", "wasm32-wasip2", "--profile", "guest", "--message-format", "json"]);
    cargo.args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")]);
    for (gate, ..) in GATES {
        cargo.args(["--package", &format!("portcullis-gate-{gate}")]);
    }
    let output = cargo.stderr(Stdio::inherit()).output().expect("cargo starts");
    assert!(output.status.success(), "the gates build; if the target is missing: rustup target add wasm32-wasip2");
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default())
        .filter_map(|file| file.as_str().filter(|file| file.ends_with(".wasm")).map(ToOwned::to_owned))
        .map(|file| (file.rsplit(['/', '\\']).next().unwrap().to_owned(), file))
        .collect()
}

/// Names that a component imports and exports, without their versions, sorted.
fn interface(component: &[u8]) -> (Vec<String>, Vec<String>) {
    let (mut imports, mut exports, mut depth) = (Vec::new(), Vec::new(), 0);
    let bare = |name: &str| name.split('@').next().unwrap().to_owned();
    for payload in Parser::new(0).parse_all(component) {
        match payload.unwrap() {
            // What is inside of a nested module or component is not the component's own interface.
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 0 => {
                imports.extend(section.into_iter().map(|import| bare(import.unwrap().name.name)));
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                exports.extend(section.into_iter().map(|export| bare(export.unwrap().name.name)));
            }
            _ => {}
        }
    }
    imports.sort();
    exports.sort();
    (imports, exports)
}

#[test]
fn a_gate_imports_what_it_needs_and_only_an_actor_touches_acting() {
    // GAT-3, GAT-5
    let built = built();
    for (gate, contract, acts) in GATES {
        let file = format!("portcullis_gate_{}.wasm", gate.replace('-', "_"));
        let component = std::fs::read(built.get(&file).unwrap_or_else(|| panic!("{file} was built"))).unwrap();
        let (imports, exports) = interface(&component);
        let (wasi, own): (Vec<_>, Vec<_>) = imports.into_iter().partition(|name| name.starts_with("wasi:"));

        let mut expected = vec!["portcullis:gate/types"];
        expected.extend(contract);
        expected.sort_unstable();
        assert_eq!(own, expected, "{gate}");
        let exported: &[&str] = if acts {
            &["portcullis:gate/action", "portcullis:gate/evaluation"]
        } else {
            &["portcullis:gate/evaluation"]
        };
        assert_eq!(exports, exported, "{gate}");
        // What the standard library brings in to print a panic; no files, sockets or random numbers.
        let (clocks, rest): (Vec<_>, Vec<_>) = wasi.into_iter().partition(|name| name.starts_with("wasi:clocks/"));
        // Whoever asks for the time gets the other clock from the standard library as well.
        let both = &["wasi:clocks/monotonic-clock", "wasi:clocks/wall-clock"];
        let clock: &[&str] = if ASKS_THE_TIME.contains(&gate) { both } else { &[] };
        assert_eq!(clocks, clock, "{gate}");
        for name in rest {
            let seeds = name == "wasi:random/insecure-seed" && SEEDS_ITS_TABLES.contains(&gate);
            assert!(name.starts_with("wasi:cli/") || name.starts_with("wasi:io/") || seeds, "{gate} imports {name}");
        }
    }
}
