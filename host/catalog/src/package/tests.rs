//! Tests of packages.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
use super::*;
use crate::testing::{ACTION, EVALUATION, component, gate};
use proptest::prelude::*;

fn refusal(bytes: Vec<u8>) -> PackageError {
    Package::from_component("acme/gate", "1.0.0", bytes).expect_err("refused")
}

#[test]
fn a_component_that_exports_the_contract_is_a_package_with_what_it_may_do() {
    // PLG-5
    let imports = ["portcullis:read/repository@0.1.0", "wasi:http/outgoing-handler@0.2.6", "wasi:http/types@0.2.6"];
    let bytes = component("", &imports, &[EVALUATION, ACTION]);
    let package = Package::from_component("acme/gate", "1.2.0-rc.1", bytes.clone()).unwrap();
    assert_eq!(package.plugin().to_string(), "acme/gate@1.2.0-rc.1");
    assert_eq!(package.plugin().digest, digest_of(&bytes));
    let Capabilities { imports: found, exports, contract, can_act, wants_network } = package.capabilities();
    assert_eq!(found, &imports);
    assert_eq!(exports, &[EVALUATION.0, ACTION.0]);
    assert_eq!((contract.to_string().as_str(), can_act, wants_network), ("0.1.0", &true, &true));
}

#[test]
fn a_component_without_those_neither_acts_nor_calls_out() {
    // PLG-5
    let bytes = component("", &["wasi:http/types@0.2.6"], &[EVALUATION]);
    let package = Package::from_component("acme/gate", "1.0.0", bytes).unwrap();
    assert!(!package.capabilities().can_act && !package.capabilities().wants_network);
}

#[test]
fn imports_and_exports_of_what_lies_inside_are_not_its_own() {
    // PLG-5
    let bytes = wat::parse_str(
        r#"(component
             (component $inner (import "portcullis:act/workspace@0.1.0" (instance)))
             (core module $m (import "portcullis:act" "x" (func)) (func (export "f") (result i32) i32.const 0))
             (core module $n (func (export "f") (result i32) i32.const 0))
             (core instance $c (instantiate $n))
             (func $f (result u32) (canon lift (core func $c "f")))
             (instance $i (export "evaluate" (func $f)) (export "config-schema" (func $f)))
             (export "portcullis:gate/evaluation@0.1.0" (instance $i)))"#,
    )
    .unwrap();
    let package = Package::from_component("acme/gate", "1.0.0", bytes).unwrap();
    assert_eq!(package.capabilities().imports, Vec::<String>::new());
}

#[test]
fn each_file_that_is_no_gate_is_refused_with_thing_and_remedy() {
    // GAT-1
    let text = |bytes: Vec<u8>| refusal(bytes).to_string();
    assert_eq!(
        text(Vec::new()),
        "`acme/gate` is not WebAssembly: it begins with nothing (the file is empty); give the `.wasm` file that the build \
         made"
    );
    assert_eq!(
        text(b"#!/bin/sh\nrm".to_vec()),
        "`acme/gate` is not WebAssembly: it begins with `#!/bin/s`; give the `.wasm` file that the build made"
    );
    assert_eq!(
        text(b"\x7fELF\x02\x01\x01\x00".to_vec()),
        "`acme/gate` is not WebAssembly: it begins with `\\x7fELF\\x02\\x01\\x01\\x00`; give the `.wasm` file that the build \
         made"
    );
    assert_eq!(
        text(wat::parse_str("(module)").unwrap()),
        "`acme/gate` is a core WebAssembly module, not a component; build it with `--target wasm32-wasip2`, or wrap it \
         with `wasm-tools component new`"
    );
    assert_eq!(
        text(wat::parse_str("(component)").unwrap()),
        "`acme/gate` exports no gate contract: it exports nothing; export `portcullis:gate/evaluation@0.1.0` (world \
         `judge` or `actor`)"
    );
    assert_eq!(
        text(component("", &[], &[("wasi:cli/run@0.2.6", &["run"])])),
        "`acme/gate` exports no gate contract: it exports `wasi:cli/run@0.2.6`; export \
         `portcullis:gate/evaluation@0.1.0` (world `judge` or `actor`)"
    );
    for version in ["0.2.0", "1.0.0", "0.1.0-draft.1"] {
        assert_eq!(
            text(component("", &[], &[(&format!("portcullis:gate/evaluation@{version}"), EVALUATION.1)])),
            format!(
                "`acme/gate` exports the gate contract in version {version}, this host speaks 0.1.0 and what is compatible \
                 with it; build the plugin against `portcullis:gate@0.1.0`"
            )
        );
    }
    assert_eq!(
        text(component("", &[], &[(EVALUATION.0, &["evaluate"])])),
        "`acme/gate` exports `portcullis:gate/evaluation@0.1.0` without its function `config-schema`; build it against \
         `portcullis:gate@0.1.0`"
    );
    assert_eq!(
        text(component("", &[], &[EVALUATION, (ACTION.0, &["react"])])),
        "`acme/gate` exports `portcullis:gate/action@0.1.0` without its function `act`; build it against \
         `portcullis:gate@0.1.0`"
    );
    let mut cut = gate("");
    cut.truncate(cut.len() - 20);
    assert!(text(cut).starts_with("`acme/gate` is a malformed component: "));
}

#[test]
fn a_gate_may_use_vector_instructions() {
    let text = "(component
        (core module $m (func (export \"f\") (result i32) v128.const i64x2 1 0 i32x4.extract_lane 0))
        (core instance $c (instantiate $m))
        (func $f (result u32) (canon lift (core func $c \"f\")))
        (instance $i (export \"evaluate\" (func $f)) (export \"config-schema\" (func $f)))
        (export \"portcullis:gate/evaluation@0.1.0\" (instance $i)))";
    Package::from_component("acme/gate", "1.0.0", wat::parse_str(text).unwrap()).unwrap();
}

#[test]
fn a_later_version_of_the_same_track_is_spoken() {
    let bytes = component("", &[], &[("portcullis:gate/evaluation@0.1.7", EVALUATION.1)]);
    let package = Package::from_component("acme/gate", "1.0.0", bytes).unwrap();
    assert_eq!(package.capabilities().contract.to_string(), "0.1.7");
}

#[test]
fn names_and_versions_that_cannot_be_published_are_refused() {
    // PLG-1
    let refused =
        |name: &str, version: &str| Package::from_component(name, version, gate("")).expect_err("refused").to_string();
    assert!(refused("Gate", "1.0.0").starts_with("`Gate` is no plugin name; write `owner/name`"));
    assert_eq!(
        refused("acme/gate", "1.0"),
        "`1.0` is no version of plugin `acme/gate`: unexpected end of input while parsing minor version number; write for \
         example `1.2.0`"
    );
    assert_eq!(
        refused("acme/gate", "1.0.0+linux"),
        "`1.0.0+linux` is no version of plugin `acme/gate`: build metadata `+linux` is not allowed; write for example \
         `1.2.0`"
    );
}

#[test]
fn every_refusal_is_a_fault_of_the_evaluation_and_never_a_verdict() {
    // GAT-1
    assert!(matches!(refusal(b"x".to_vec()).fault(), Fault::NotAComponent { .. }));
    assert!(matches!(refusal(wat::parse_str("(module)").unwrap()).fault(), Fault::NotAComponent { .. }));
    assert!(matches!(refusal(wat::parse_str("(component)").unwrap()).fault(), Fault::WrongContract { .. }));
    assert!(matches!(
        refusal(component("", &[], &[(EVALUATION.0, &["evaluate"])])).fault(),
        Fault::WrongContract { .. }
    ));
}

proptest! {
    #[test]
    fn looking_at_a_damaged_component_never_panics(at in 0usize..400, with: u8, cut in 0usize..400) {
        let mut bytes = component("", &["wasi:http/types@0.2.6"], &[EVALUATION, ACTION]);
        let len = bytes.len();
        bytes[at % len] = with;
        let _ = inspect(&PluginName::new("a/b"), &bytes);
        bytes.truncate(cut % len);
        let _ = inspect(&PluginName::new("a/b"), &bytes);
    }
}
