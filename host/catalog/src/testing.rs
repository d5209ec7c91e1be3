//! Real components for this crate's tests, written in the component text format.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use crate::package::Package;
use crate::registry::Registry;

pub(crate) const EVALUATION: (&str, &[&str]) = ("portcullis:gate/evaluation@0.1.0", &["config-schema", "evaluate"]);
pub(crate) const ACTION: (&str, &[&str]) = ("portcullis:gate/action@0.1.0", &["act"]);

/// A component with these imports, which exports each instance with these functions. `mark` makes its bytes its own.
pub(crate) fn component(mark: &str, imports: &[&str], exports: &[(&str, &[&str])]) -> Vec<u8> {
    let imports: String = imports.iter().map(|name| format!("(import \"{name}\" (instance))")).collect();
    let mut instances = String::new();
    for (at, (name, functions)) in exports.iter().enumerate() {
        let functions: String = functions.iter().map(|f| format!("(export \"{f}\" (func $f))")).collect();
        instances += &format!("(instance $i{at} {functions}) (export \"{name}\" (instance $i{at}))");
    }
    let text = format!(
        "(component {imports} (@custom \"mark\" \"{mark}\")
           (core module $m (func (export \"f\") (result i32) i32.const 0))
           (core instance $c (instantiate $m))
           (func $f (result u32) (canon lift (core func $c \"f\")))
           {instances})"
    );
    wat::parse_str(&text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// A gate that reads only.
pub(crate) fn gate(mark: &str) -> Vec<u8> {
    component(mark, &["portcullis:read/repository@0.1.0"], &[EVALUATION])
}

/// The package of such a gate; its content differs with name and version.
pub(crate) fn package(name: &str, version: &str) -> Package {
    Package::from_component(name, version, gate(&format!("{name} {version}"))).unwrap()
}

/// A registry with these packages, in a folder that goes with the first value.
pub(crate) fn registry(packages: &[(&str, &str)]) -> (tempfile::TempDir, Registry) {
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::create(dir.path().join("registry")).unwrap();
    for (name, version) in packages {
        registry.publish(&package(name, version)).unwrap();
    }
    (dir, registry)
}
