//! Tests of the local registry.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
use super::*;
use crate::sha::digest_of;
use crate::testing::{gate, package, registry};
use portcullis_core::gate::Fault;
use std::fs;
use std::sync::Barrier;

fn name(text: &str) -> PluginName {
    PluginName::new(text)
}

fn wants(text: &str) -> VersionReq {
    VersionReq::parse(text).unwrap()
}

#[test]
fn a_published_plugin_is_listed_inspected_and_loaded_by_its_digest() {
    // PLG-1
    let (_dir, registry) = registry(&[("acme/gate", "1.0.0"), ("acme/gate", "1.10.0"), ("acme/gate", "1.9.0")]);
    let versions: Vec<String> =
        registry.versions(&name("acme/gate")).unwrap().iter().map(|l| l.version.to_string()).collect();
    assert_eq!(versions, ["1.0.0", "1.9.0", "1.10.0"]);
    let inspection = registry.inspect(&name("acme/gate"), &Version::new(1, 9, 0)).unwrap();
    assert_eq!(inspection.capabilities.imports, ["portcullis:read/repository@0.1.0"]);
    let plugin = inspection.listed.plugin();
    let bytes = registry.load(&plugin).unwrap();
    assert_eq!(digest_of(&bytes), plugin.digest);
    assert_eq!(inspection.listed.size, u64::try_from(bytes.len()).unwrap());
}

#[test]
fn a_package_has_the_media_types_of_a_wasm_artifact() {
    // PLG-1
    let (_dir, registry) = registry(&[("acme/gate", "1.0.0")]);
    let read = |digest: &str| -> serde_json::Value {
        let digest = Digest::parse(digest).unwrap();
        serde_json::from_slice(&registry.layout.read_blob(&digest, 100_000).unwrap()).unwrap()
    };
    let index: serde_json::Value =
        serde_json::from_slice(&fs::read(registry.dir().join("index.json")).unwrap()).unwrap();
    let entry = &index["manifests"][0];
    assert_eq!(entry["mediaType"], "application/vnd.oci.image.manifest.v1+json");
    assert_eq!(entry["annotations"]["org.opencontainers.image.ref.name"], "acme/gate:1.0.0");
    let manifest = read(entry["digest"].as_str().unwrap());
    assert_eq!(manifest["annotations"]["org.opencontainers.image.title"], "acme/gate");
    assert_eq!(manifest["annotations"]["org.opencontainers.image.version"], "1.0.0");
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.wasm.config.v0+json");
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 1);
    assert_eq!(manifest["layers"][0]["mediaType"], "application/wasm");
    let config = read(manifest["config"]["digest"].as_str().unwrap());
    assert_eq!((&config["architecture"], &config["os"]), (&"wasm".into(), &"wasip2".into()));
    assert_eq!(config["layerDigests"][0], manifest["layers"][0]["digest"]);
    assert_eq!(config["component"]["imports"][0], "portcullis:read/repository@0.1.0");
    assert_eq!(config["component"]["exports"][0], "portcullis:gate/evaluation@0.1.0");
}

#[test]
fn equal_plugins_make_equal_registries() {
    // PLG-1
    let both = [("acme/gate", "1.0.0"), ("acme/other", "2.0.0")];
    let (_one, first) = registry(&both);
    let (_two, second) = registry(&[both[1], both[0]]);
    let index = |registry: &Registry| fs::read(registry.dir().join("index.json")).unwrap();
    assert_eq!(index(&first), index(&second));
}

#[test]
fn a_published_version_never_changes() {
    // PLG-1
    let (_dir, registry) = registry(&[("acme/gate", "1.0.0")]);
    let before = registry.list().unwrap();
    registry.publish(&package("acme/gate", "1.0.0")).unwrap();
    let other = Package::from_component("acme/gate", "1.0.0", gate("other content")).unwrap();
    let error = registry.publish(&other).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "`acme/gate@1.0.0` is published in `{}` with digest {}, and a published version never changes; publish {} \
             under a new version",
            registry.dir().display(),
            before[0].digest,
            other.plugin().digest
        )
    );
    assert_eq!(registry.list().unwrap(), before);
}

#[test]
fn of_ten_rivals_with_different_content_for_one_version_one_wins() {
    // PLG-1
    let (_dir, registry) = registry(&[]);
    let start = Barrier::new(10);
    let won = std::thread::scope(|scope| {
        let rivals: Vec<_> = (0..10)
            .map(|rival| {
                let (registry, start) = (&registry, &start);
                scope.spawn(move || {
                    let package =
                        Package::from_component("acme/gate", "1.0.0", gate(&format!("rival {rival}"))).unwrap();
                    start.wait();
                    registry.publish(&package).ok().map(|plugin| plugin.digest)
                })
            })
            .collect();
        rivals.into_iter().filter_map(|rival| rival.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(won.len(), 1);
    assert_eq!(registry.list().unwrap()[0].digest, won[0]);
}

#[test]
fn of_ten_publishers_at_once_none_loses_a_plugin() {
    // PLG-1
    let (_dir, registry) = registry(&[]);
    let start = Barrier::new(10);
    std::thread::scope(|scope| {
        for publisher in 0..10 {
            let (registry, start) = (&registry, &start);
            scope.spawn(move || {
                let package = package(&format!("acme/gate-{publisher}"), "1.0.0");
                start.wait();
                registry.publish(&package).unwrap();
            });
        }
    });
    assert_eq!(registry.list().unwrap().len(), 10);
}

#[test]
fn a_requirement_resolves_to_the_highest_version_that_meets_it() {
    // PLG-3
    let (_dir, registry) = registry(&[
        ("acme/gate", "1.2.0"),
        ("acme/gate", "1.10.0"),
        ("acme/gate", "2.0.0"),
        ("acme/gate", "2.1.0-rc.1"),
        ("acme/other", "9.0.0"),
    ]);
    let resolved = |text: &str| registry.resolve(&name("acme/gate"), &wants(text)).map(|l| l.version.to_string());
    assert_eq!(resolved("^1.2").unwrap(), "1.10.0");
    assert_eq!(resolved("*").unwrap(), "2.0.0", "no pre-release unasked");
    assert_eq!(resolved("^2.1.0-rc.0").unwrap(), "2.1.0-rc.1", "a pre-release that was asked for");
    assert_eq!(
        resolved("^3").unwrap_err().to_string(),
        format!(
            "no version of `acme/gate` in registry `{}` meets `^3`; it has 2.1.0-rc.1, 2.0.0, 1.10.0, 1.2.0",
            registry.dir().display()
        )
    );
    assert_eq!(
        registry.resolve(&name("acme/gat"), &wants("*")).unwrap_err().to_string(),
        format!(
            "plugin `acme/gat` is not in registry `{}`, which has `acme/gate`, `acme/other`; publish or install it",
            registry.dir().display()
        )
    );
}

#[test]
fn a_yanked_version_is_no_longer_resolved_but_still_loaded() {
    // PLG-1
    let (_dir, registry) = registry(&[("acme/gate", "1.0.0"), ("acme/gate", "1.1.0")]);
    let gate = name("acme/gate");
    registry.set_yanked(&gate, &Version::new(1, 1, 0), true).unwrap();
    assert_eq!(registry.resolve(&gate, &wants("^1")).unwrap().version, Version::new(1, 0, 0));
    let error = registry.resolve(&gate, &wants("=1.1.0")).unwrap_err().to_string();
    assert!(error.ends_with("it has 1.1.0 (yanked), 1.0.0"), "{error}");
    let listed = registry.listed(&gate, &Version::new(1, 1, 0)).unwrap();
    assert!(listed.yanked && registry.load(&listed.plugin()).is_ok());
    registry.set_yanked(&gate, &Version::new(1, 1, 0), false).unwrap();
    assert_eq!(registry.resolve(&gate, &wants("^1")).unwrap().version, Version::new(1, 1, 0));
    assert!(registry.set_yanked(&gate, &Version::new(7, 0, 0), true).is_err());
}

#[test]
fn damaged_content_is_never_loaded() {
    // PLG-5, GAT-1
    let (_dir, registry) = registry(&[("acme/gate", "1.0.0")]);
    let plugin = registry.list().unwrap()[0].plugin();
    let path = registry.layout.blob_path(&plugin.digest);
    fs::write(&path, gate("swapped")).unwrap();
    let error = registry.load(&plugin).unwrap_err();
    let found = digest_of(&gate("swapped"));
    assert_eq!(
        error.to_string(),
        format!(
            "`acme/gate@1.0.0` should have digest {}, registry `{}` has {found}; do not use it before you know why: install \
             it again from where it came",
            plugin.digest,
            registry.dir().display()
        )
    );
    assert_eq!(error.fault(), Fault::DigestMismatch { listed: plugin.digest.to_string(), found: found.to_string() });
    assert!(registry.inspect(&plugin.name, &Version::new(1, 0, 0)).is_err());
    fs::remove_file(&path).unwrap();
    let error = registry.load(&plugin).unwrap_err();
    assert_eq!(error.fault(), Fault::PluginMissing { digest: plugin.digest.to_string() });
}

#[test]
fn a_version_that_is_listed_with_another_digest_than_the_lock_holds_is_refused() {
    // PLG-5
    let (_dir, registry) = registry(&[("acme/gate", "1.0.0")]);
    let listed = registry.list().unwrap()[0].digest.clone();
    let wanted = digest_of(b"what the lock holds");
    let plugin = PluginRef { name: name("acme/gate"), version: "1.0.0".into(), digest: wanted.clone() };
    let fault = registry.load(&plugin).unwrap_err().fault();
    assert_eq!(fault, Fault::DigestMismatch { listed: wanted.to_string(), found: listed.to_string() });
}

#[test]
fn an_index_that_was_tampered_with_is_an_error_that_names_the_entry() {
    // PLG-5
    let (_dir, registry) = registry(&[("acme/gate", "1.0.0"), ("acme/other", "1.0.0")]);
    let index = registry.dir().join("index.json");
    let text = fs::read_to_string(&index).unwrap();
    let other = registry.list().unwrap()[1].digest.clone();
    for (from, to, expected) in [
        ("\"acme/gate\"", "\"../gate\"", "entry `acme/gate:1.0.0` of registry"),
        ("acme/gate:1.0.0", "acme/gate:2.0.0", "its name differs from its plugin and version"),
    ] {
        fs::write(&index, text.replace(from, to)).unwrap();
        let error = registry.list().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    // The entry of one plugin with the component of another.
    let gate = registry_digest(&text, "acme/gate:1.0.0");
    fs::write(&index, text.replacen(&gate, other.as_str(), 1)).unwrap();
    let error = registry.inspect(&name("acme/gate"), &Version::new(1, 0, 0)).unwrap_err();
    assert!(matches!(error, RegistryError::WrongDigest { .. }), "{error}");
}

fn registry_digest(index: &str, entry: &str) -> String {
    let index: serde_json::Value = serde_json::from_str(index).unwrap();
    let entries = index["manifests"].as_array().unwrap();
    let entry = entries.iter().find(|e| e["annotations"][REF_NAME] == entry).unwrap();
    entry["annotations"][COMPONENT].as_str().unwrap().to_owned()
}

#[test]
fn container_images_beside_the_plugins_are_no_business_of_the_registry() {
    let (_dir, registry) = registry(&[("acme/gate", "1.0.0")]);
    registry.layout.write_image("shop:staging", Annotations::new(), None, b"layer").unwrap();
    assert_eq!(registry.list().unwrap().len(), 1);
    registry.publish(&package("acme/gate", "1.1.0")).unwrap();
    assert!(registry.layout.image("shop:staging").is_ok());
}

#[test]
fn installing_copies_one_version_and_says_what_it_may_do() {
    // PLG-2, PLG-5
    let (_there, other) = registry(&[("acme/gate", "1.0.0"), ("acme/gate", "2.0.0")]);
    let (_here, here) = registry(&[]);
    let installed = here.install_from(&other, &name("acme/gate"), &wants("^1")).unwrap();
    assert_eq!(installed.plugin.to_string(), "acme/gate@1.0.0");
    assert_eq!(installed.capabilities.imports, ["portcullis:read/repository@0.1.0"]);
    assert!(installed.is_new);
    assert_eq!(here.list().unwrap().len(), 1);
    assert!(here.load(&installed.plugin).is_ok());
    assert!(!here.install_from(&other, &name("acme/gate"), &wants("^1")).unwrap().is_new);
}

#[test]
fn installing_takes_nothing_that_the_other_registry_lists_wrongly() {
    // PLG-5
    let (_there, other) = registry(&[("acme/gate", "1.0.0")]);
    let (_here, here) = registry(&[]);
    let plugin = other.list().unwrap()[0].plugin();
    fs::write(other.layout.blob_path(&plugin.digest), gate("evil")).unwrap();
    let error = here.install_from(&other, &plugin.name, &wants("*")).unwrap_err();
    assert!(matches!(error, RegistryError::WrongDigest { .. }), "{error}");
    assert_eq!(here.list().unwrap(), []);
}

#[test]
fn a_component_file_is_installed_under_the_name_it_is_given() {
    // PLG-2
    let (dir, registry) = registry(&[]);
    let file = dir.path().join("gate.wasm");
    fs::write(&file, gate("file")).unwrap();
    let installed = registry.install_file(&file, "acme/gate", "0.3.0").unwrap();
    assert_eq!(installed.plugin.to_string(), "acme/gate@0.3.0");
    fs::write(&file, b"(module)").unwrap();
    assert!(registry.install_file(&file, "acme/gate", "0.4.0").unwrap_err().to_string().contains("is not WebAssembly"));
    let missing = registry.install_file(&dir.path().join("nothing.wasm"), "acme/gate", "0.4.0").unwrap_err();
    assert!(matches!(missing, RegistryError::Layout(LayoutError::Io { .. })), "{missing}");
}
