//! Tests of the lock file.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
use super::*;
use crate::sha::digest_of;
use crate::testing::{package, registry};
use proptest::prelude::*;

/// One gate for each plugin and requirement, on the edge to deploy.
fn manifest(gates: &[(&str, &str)]) -> Manifest {
    let gates: String = gates
        .iter()
        .enumerate()
        .map(|(n, (plugin, version))| {
            format!("[[edge.gate]]\nname = \"g{n}\"\nplugin = \"{plugin}\"\nversion = \"{version}\"\n")
        })
        .collect();
    Manifest::parse(&format!("format = 1\n[[edge]]\nfrom = \"deploy-staging\"\nto = \"deploy\"\n{gates}")).unwrap()
}

fn versions(lock: &Lock) -> Vec<String> {
    lock.plugins().map(|plugin| plugin.to_string()).collect()
}

#[test]
fn two_projects_may_hold_different_versions_of_one_plugin() {
    // PLG-3
    let (_dir, registry) = registry(&[("acme/gate", "1.4.0"), ("acme/gate", "2.0.0")]);
    let (old, new) = (manifest(&[("acme/gate", "^1.2")]), manifest(&[("acme/gate", "^2")]));
    let locked = |manifest: &Manifest| {
        let lock = Lock::resolve(manifest, &registry, None).unwrap();
        lock.plugin(manifest.gates().next().unwrap().spec).unwrap()
    };
    assert_eq!(locked(&old).to_string(), "acme/gate@1.4.0");
    assert_eq!(locked(&new).to_string(), "acme/gate@2.0.0");
    assert!(registry.load(&locked(&old)).is_ok() && registry.load(&locked(&new)).is_ok());
}

#[test]
fn a_locked_version_stays_until_it_no_longer_meets_the_requirement() {
    // PLG-3
    let (_dir, registry) = registry(&[("acme/gate", "1.0.0")]);
    let wants_1 = manifest(&[("acme/gate", "^1")]);
    let lock = Lock::resolve(&wants_1, &registry, None).unwrap();
    registry.publish(&package("acme/gate", "1.1.0")).unwrap();
    assert_eq!(Lock::resolve(&wants_1, &registry, Some(&lock)).unwrap(), lock);
    assert_eq!(versions(&Lock::resolve(&wants_1, &registry, None).unwrap()), ["acme/gate@1.1.0"], "an update");
    let wants_more = manifest(&[("acme/gate", "^1.1")]);
    assert_eq!(versions(&Lock::resolve(&wants_more, &registry, Some(&lock)).unwrap()), ["acme/gate@1.1.0"]);
}

#[test]
fn a_yanked_version_stays_where_it_is_locked() {
    // PLG-3
    let (_dir, registry) = registry(&[("acme/gate", "1.0.0"), ("acme/gate", "1.1.0")]);
    let manifest = manifest(&[("acme/gate", "^1")]);
    let lock = Lock::resolve(&manifest, &registry, None).unwrap();
    registry.set_yanked(&"acme/gate".into(), &Version::new(1, 1, 0), true).unwrap();
    assert_eq!(versions(&Lock::resolve(&manifest, &registry, Some(&lock)).unwrap()), ["acme/gate@1.1.0"]);
    assert_eq!(versions(&Lock::resolve(&manifest, &registry, None).unwrap()), ["acme/gate@1.0.0"]);
}

#[test]
fn what_cannot_be_resolved_is_named_with_gate_place_and_what_there_is() {
    // PLG-3
    let (_dir, registry) = registry(&[("acme/gate", "1.0.0")]);
    let refusal = |plugin: &str, version: &str| {
        let error = Lock::resolve(&manifest(&[(plugin, version)]), &registry, None).unwrap_err();
        error.to_string().replace(&registry.dir().display().to_string(), "R")
    };
    assert_eq!(
        refusal("acme/gaet", "^1"),
        ".portcullis/gates.toml, line 6, column 8: gate `g0` on edge `deploy-staging` → `deploy`: plugin `acme/gaet` is not \
         in registry `R`, which has `acme/gate`; publish or install it"
    );
    assert_eq!(
        refusal("acme/gate", "^4.2"),
        ".portcullis/gates.toml, line 6, column 8: gate `g0` on edge `deploy-staging` → `deploy`: no version of `acme/gate` \
         in registry `R` meets `^4.2`; it has 1.0.0"
    );
}

#[test]
fn a_registry_that_has_other_content_for_a_locked_version_is_not_believed() {
    // PLG-3, PLG-5
    let (_dir, registry) = registry(&[("acme/gate", "1.0.0")]);
    let manifest = manifest(&[("acme/gate", "^1")]);
    let honest = Lock::resolve(&manifest, &registry, None).unwrap();
    let digest = registry.list().unwrap()[0].digest.to_string();
    let locked = Lock::parse(&honest.render().replace(&digest, digest_of(b"x").as_str())).unwrap();
    let error = Lock::resolve(&manifest, &registry, Some(&locked)).unwrap_err();
    assert!(matches!(error, ResolveError::DigestChanged { .. }), "{error}");
    let gone = Lock::parse(&honest.render().replace("1.0.0", "1.0.1")).unwrap();
    let error = Lock::resolve(&manifest, &registry, Some(&gone)).unwrap_err();
    assert!(error.to_string().contains("meets `=1.0.1`; it has 1.0.0"), "{error}");
}

#[test]
fn a_lock_file_is_the_same_text_for_the_same_lock_and_reads_back() {
    // PLG-3
    let (_dir, registry) = registry(&[("acme/b", "1.0.0"), ("acme/a", "2.0.0"), ("acme/a", "1.5.0")]);
    let one = manifest(&[("acme/b", "*"), ("acme/a", "^1"), ("acme/a", "^2")]);
    let two = manifest(&[("acme/a", "^2"), ("acme/a", "^1"), ("acme/b", "*"), ("acme/b", "*")]);
    let lock = Lock::resolve(&one, &registry, None).unwrap();
    let text = lock.render();
    assert_eq!(Lock::resolve(&two, &registry, None).unwrap().render(), text);
    assert_eq!(Lock::parse(&text), Ok(lock));
    let digest = registry.versions(&"acme/a".into()).unwrap()[0].digest.clone();
    let head = format!(
        "# Written by `portcullis gates lock`; not meant to be edited by hand.\nformat = 1\n\n[[plugin]]\n\
         name = \"acme/a\"\nrequirement = \"^1\"\nversion = \"1.5.0\"\ndigest = \"{digest}\"\n\n[[plugin]]\n\
         name = \"acme/a\"\nrequirement = \"^2\"\n"
    );
    assert!(text.starts_with(&head), "{text}");
}

#[test]
fn a_lock_beside_another_manifest_says_what_is_missing_stale_and_unused() {
    // PLG-3
    let (_dir, registry) = registry(&[("acme/a", "1.0.0"), ("acme/b", "1.0.0")]);
    let before = manifest(&[("acme/a", "^1"), ("acme/b", "^1")]);
    let lock = Lock::resolve(&before, &registry, None).unwrap();
    assert_eq!(lock.check(&before), []);
    let stale = Lock::parse(&lock.render().replacen("version = \"1.0.0\"", "version = \"2.0.0\"", 1)).unwrap();
    let after = manifest(&[("acme/a", "^1"), ("acme/c", "*")]);
    let gaps: Vec<String> = stale.check(&after).iter().map(ToString::to_string).collect();
    assert_eq!(
        gaps,
        [
            ".portcullis/gates.toml, line 6, column 8: gate `g0` on edge `deploy-staging` → `deploy`: \
             `.portcullis/gates.lock` holds `acme/a` 2.0.0, which does not meet `^1`; run `portcullis gates update`",
            ".portcullis/gates.toml, line 10, column 8: gate `g1` on edge `deploy-staging` → `deploy`: `acme/c` `*` is not \
             in `.portcullis/gates.lock`; run `portcullis gates lock`",
            "`.portcullis/gates.lock` holds `acme/b` `^1`, which no gate asks for; run `portcullis gates lock`",
        ]
    );
    assert_eq!(stale.plugin(after.gates().next().unwrap().spec), None, "a stale pin judges nothing");
}

#[test]
fn a_gate_that_is_off_needs_no_plugin() {
    // GAT-7
    let (_dir, registry) = registry(&[]);
    let text = "format = 1\n[[edge]]\nfrom = \"deploy\"\nto = \"done\"\n[[edge.gate]]\nname = \"x\"\nplugin = \"a/b\"\n\
                version = \"1\"\nmode = \"off\"\n";
    let lock = Lock::resolve(&Manifest::parse(text).unwrap(), &registry, None).unwrap();
    assert_eq!(versions(&lock), Vec::<String>::new());
}

#[test]
fn each_unusable_lock_file_is_refused_with_place_and_remedy() {
    // PLG-3
    let digest = digest_of(b"x");
    let entry = |name: &str, version: &str, digest: &str| {
        format!("[[plugin]]\nname = \"{name}\"\nrequirement = \"*\"\nversion = \"{version}\"\ndigest = \"{digest}\"\n")
    };
    let good = entry("a/b", "1.0.0", digest.as_str());
    for (text, expected) in [
        (String::new(), ", line 1, column 1: missing field `format`"),
        ("format = 3\n".into(), ", line 1, column 10: it has format 3, this version reads format 1"),
        ("format = 1\nx = 1\n".into(), ", line 2, column 1: unknown field `x`, expected `format` or `plugin`"),
        (
            format!("format = 1\n{}", entry("a/b", "1", digest.as_str())),
            ", line 5, column 11: `1` is no version: unexpected end of input while parsing major version number",
        ),
        (
            format!("format = 1\n{}", entry("a/b", "1.0.0", "sha256:12")),
            ", line 6, column 10: `sha256:12` is not a digest (sha256: and 64 lower-case hexadecimal digits)",
        ),
        (format!("format = 1\n{good}{good}"), ", line 8, column 8: `a/b` with this requirement stands twice"),
    ] {
        let error = Lock::parse(&text).unwrap_err().to_string();
        let expected = format!(".portcullis/gates.lock{expected}; run `portcullis gates lock` to write it anew");
        assert_eq!(error, expected, "{text}");
    }
}

proptest! {
    #[test]
    fn reading_any_text_as_a_lock_never_panics(text in "\\PC{0,200}") {
        let _ = Lock::parse(&text);
        let _ = Lock::parse(&format!("format = 1\n{text}"));
    }

    #[test]
    fn any_requirement_text_survives_the_file(requirement in "\\PC{0,40}|[\"'\\\\\n\r\t\u{7f}]{0,9}") {
        let pin = Pin { version: Version::new(1, 0, 0), digest: digest_of(b"x") };
        let lock = Lock { pins: BTreeMap::from([(("a/b".into(), requirement), pin)]) };
        prop_assert_eq!(Lock::parse(&lock.render()), Ok(lock));
    }
}
