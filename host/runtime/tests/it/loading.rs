//! What is not a gate is not loaded, and says why in types.

use crate::support::{Fixture, actor, judge, plugin};
use portcullis_core::gate::Fault;

async fn refused(bytes: &[u8]) -> Fault {
    Fixture::new().runtime.load(&plugin(bytes), bytes).await.unwrap_err()
}

#[tokio::test]
async fn bytes_that_are_no_component_are_not_loaded() {
    // GAT-1
    let module = wat::parse_str("(module)").unwrap();
    let truncated = &actor()[..actor().len() / 2];
    for bytes in [&b"garbage"[..], b"", &module, truncated] {
        let found = refused(bytes).await;
        assert!(matches!(found, Fault::NotAComponent { .. }), "{found:?}");
    }
    assert!(refused(&module).await.to_string().contains("wasm32-wasip2"));
}

#[tokio::test]
async fn bytes_with_another_digest_are_not_loaded() {
    // GAT-1
    let listed = plugin(actor());
    let found = Fixture::new().runtime.load(&listed, judge()).await.unwrap_err();
    let expected =
        Fault::DigestMismatch { listed: listed.digest.to_string(), found: plugin(judge()).digest.to_string() };
    assert_eq!(found, expected);
}

#[tokio::test]
async fn another_world_or_version_is_a_wrong_contract_that_names_both_sides() {
    // GAT-1
    for (text, names) in [
        ("(component)", "no exports"),
        (r#"(component (instance $i) (export "wasi:cli/run@0.2.0" (instance $i)))"#, "wasi:cli/run@0.2.0"),
        (
            r#"(component (instance $i) (export "portcullis:gate/evaluation@0.2.0" (instance $i)))"#,
            "portcullis:gate/evaluation@0.2.0",
        ),
        (
            r#"(component (instance $i) (export "portcullis:gate/evaluation@0.1.0" (instance $i))
                (export "portcullis:gate/action@3.0.0" (instance $i)))"#,
            "portcullis:gate/action@3.0.0",
        ),
        // The right name with nothing in it.
        (r#"(component (instance $i) (export "portcullis:gate/evaluation@0.1.0" (instance $i)))"#, "`evaluate`"),
    ] {
        match refused(&wat::parse_str(text).unwrap()).await {
            Fault::WrongContract { found, supported } => {
                assert!(found.contains(names), "{text}: {found}");
                assert!(supported.contains("portcullis:gate/evaluation@0.1.0"), "{supported}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn an_import_that_the_host_does_not_offer_is_named() {
    // GAT-1
    for import in
        ["portcullis:read/horoscopes@0.1.0", "portcullis:read/forge@0.2.0", "wasi:http/incoming-handler@0.2.0"]
    {
        let text = format!(
            r#"(component (import "{import}" (instance))
                (instance $i) (export "portcullis:gate/evaluation@0.1.0" (instance $i)))"#
        );
        match refused(&wat::parse_str(text).unwrap()).await {
            Fault::MissingImport { import: named, offered } => {
                assert_eq!(named, import);
                assert!(offered.contains("portcullis:read"), "{offered}");
            }
            other => panic!("{import}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn an_import_of_another_shape_is_a_wrong_contract() {
    // GAT-1
    let text = r#"(component
        (import "portcullis:read/documents@0.1.0" (instance (export "folder" (func (result u32)))))
        (instance $i) (export "portcullis:gate/evaluation@0.1.0" (instance $i)))"#;
    match refused(&wat::parse_str(text).unwrap()).await {
        Fault::WrongContract { found, .. } => assert!(found.contains("imports"), "{found}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn everything_that_is_said_to_be_offered_is_there() {
    // GAT-1
    let mut imports = String::new();
    for (package, interfaces) in [
        ("portcullis:gate", "types log"),
        ("portcullis:read", "repository forge documents images approvals test-runs advisories web"),
        ("portcullis:act", "workspace"),
    ] {
        for interface in interfaces.split(' ') {
            imports.push_str(&format!("(import \"{package}/{interface}@0.1.0\" (instance))"));
        }
    }
    for interface in [
        "cli/environment cli/exit cli/stderr cli/stdin cli/stdout cli/terminal-input cli/terminal-output",
        "cli/terminal-stderr cli/terminal-stdin cli/terminal-stdout clocks/monotonic-clock clocks/wall-clock",
        "filesystem/preopens filesystem/types http/types http/outgoing-handler io/error io/poll io/streams",
        "random/insecure random/insecure-seed random/random sockets/instance-network sockets/ip-name-lookup",
        "sockets/network sockets/tcp sockets/tcp-create-socket sockets/udp sockets/udp-create-socket",
    ]
    .iter()
    .flat_map(|line| line.split(' '))
    {
        imports.push_str(&format!("(import \"wasi:{interface}@0.2.0\" (instance))"));
    }
    let text =
        format!(r#"(component {imports} (instance $i) (export "portcullis:gate/evaluation@0.1.0" (instance $i)))"#);
    // All imports are found: what is missing is the gate itself.
    match refused(&wat::parse_str(text).unwrap()).await {
        Fault::WrongContract { found, .. } => assert!(found.contains("`evaluate`"), "{found}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_gate_says_what_it_imports() {
    // GAT-5
    let gate = Fixture::new().load(actor()).await;
    assert!(gate.imports().iter().any(|import| import == "portcullis:act/workspace@0.1.0"), "{:?}", gate.imports());
    assert!(!gate.wants_network());
    assert_eq!(gate.plugin(), &plugin(actor()));
}
