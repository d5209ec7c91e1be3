//! Tests of the OCI image layout.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
use super::*;
use crate::oci::{Annotations, IMAGE_CONFIG_TYPE, Platform, REF_NAME};
use std::sync::Barrier;

fn layout() -> (tempfile::TempDir, Layout) {
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::create(dir.path().join("layout")).unwrap();
    (dir, layout)
}

fn labels(revision: &str) -> Annotations {
    Annotations::from([("org.opencontainers.image.revision".to_owned(), revision.to_owned())])
}

fn platform(os: &str, architecture: &str) -> Option<Platform> {
    Some(Platform { architecture: architecture.into(), os: os.into(), rest: Default::default() })
}

#[test]
fn a_blob_is_read_back_as_it_was_written_and_only_within_its_limit() {
    let (_dir, layout) = layout();
    let written = layout.write_blob("text/plain", b"hello").unwrap();
    assert_eq!(layout.read_blob(&written.digest, 5).unwrap(), b"hello");
    assert!(matches!(layout.read_blob(&written.digest, 4), Err(LayoutError::TooLarge { limit: 4, .. })));
    let mode = fs::metadata(layout.blob_path(&written.digest)).unwrap().permissions().mode();
    assert_eq!(mode & 0o444, 0o444, "others may read it, {mode:o}");
}

#[test]
fn a_damaged_or_missing_blob_is_named_and_writing_it_again_heals_it() {
    // PLG-5
    let (_dir, layout) = layout();
    let written = layout.write_blob("text/plain", b"hello").unwrap();
    let path = layout.blob_path(&written.digest);
    fs::write(&path, b"hullo").unwrap();
    let error = layout.read_blob(&written.digest, 100).unwrap_err();
    assert!(matches!(&error, LayoutError::Damaged { listed, .. } if *listed == written.digest), "{error}");
    layout.write_blob("text/plain", b"hello").unwrap();
    assert_eq!(layout.read_blob(&written.digest, 100).unwrap(), b"hello");
    fs::remove_file(&path).unwrap();
    let error = layout.read_blob(&written.digest, 100).unwrap_err();
    assert!(matches!(error, LayoutError::Missing { .. }), "{error}");
}

#[test]
fn a_folder_that_is_no_layout_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let shown = dir.path().display().to_string();
    let refusal = || Layout::open(dir.path()).unwrap_err().to_string();
    let expected = |detail: &str| {
        format!("`{shown}` is no OCI image layout: {detail}; give the folder that holds `oci-layout` and `index.json`")
    };
    assert_eq!(refusal(), expected("it has no file `oci-layout`"));
    fs::write(dir.path().join("oci-layout"), r#"{"imageLayoutVersion":"2.0.0"}"#).unwrap();
    assert_eq!(refusal(), expected("it has version `2.0.0`, this reads 1.0.0"));
    fs::create_dir(dir.path().join("sub")).unwrap();
    fs::create_dir(dir.path().join("sub/oci-layout")).unwrap();
    assert!(matches!(Layout::open(dir.path().join("sub")), Err(LayoutError::Io { .. })));
}

#[test]
fn a_malformed_index_is_an_error_and_never_an_empty_one() {
    let (_dir, layout) = layout();
    for text in ["", "[]", "{\"schemaVersion\":2}", "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"sha256:1\"}]}"] {
        fs::write(layout.dir().join("index.json"), text).unwrap();
        assert!(matches!(layout.index(), Err(LayoutError::Malformed { .. })), "{text}");
    }
}

#[test]
fn of_two_writers_at_once_none_loses_an_entry() {
    let (_dir, layout) = layout();
    let start = Barrier::new(10);
    std::thread::scope(|scope| {
        for writer in 0..10 {
            let (layout, start) = (&layout, &start);
            scope.spawn(move || {
                start.wait();
                for round in 0..5 {
                    let name = format!("image:{writer}-{round}");
                    let blob = layout.write_blob("text/plain", name.as_bytes()).unwrap();
                    layout.tag(&name, blob).unwrap();
                }
            });
        }
    });
    assert_eq!(layout.index().unwrap().manifests.len(), 50);
    let files = fs::read_dir(layout.dir()).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap());
    assert_eq!(files.filter(|name| name.starts_with(".writing-")).count(), 0);
}

#[test]
fn a_refused_change_leaves_the_index_alone() {
    let (_dir, layout) = layout();
    let before = fs::read(layout.dir().join("index.json")).unwrap();
    let refused: Result<(), LayoutError> = layout.update_index(|index| {
        index.manifests.push(layout.write_blob("text/plain", b"x")?);
        Err(LayoutError::NoPlatform { reference: "x".into(), found: "y".into() })
    });
    assert!(refused.is_err());
    assert_eq!(fs::read(layout.dir().join("index.json")).unwrap(), before);
}

#[test]
fn what_other_tools_wrote_into_the_index_survives_our_changes() {
    let (_dir, layout) = layout();
    let index = layout.dir().join("index.json");
    let digest = digest_of(b"x");
    fs::write(
        &index,
        format!(
            r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"a/b","digest":"{digest}","size":1,"urls":["u"]}}],"theirs":7}}"#
        ),
    )
    .unwrap();
    layout.tag("ours:1", layout.write_blob("text/plain", b"y").unwrap()).unwrap();
    let now: serde_json::Value = serde_json::from_slice(&fs::read(&index).unwrap()).unwrap();
    assert_eq!(now["theirs"], 7);
    assert_eq!(now["manifests"][0]["urls"][0], "u");
    assert_eq!(now["manifests"][1]["annotations"][REF_NAME], "ours:1");
}

#[test]
fn an_image_tells_its_digest_labels_and_age_and_a_tag_moves() {
    // IMG-1
    let (_dir, layout) = layout();
    let first = layout.write_image("shop:staging", labels("aaa"), Some("2026-01-05T09:00:00Z".into()), b"one").unwrap();
    let image = layout.image("shop:staging").unwrap();
    assert_eq!(image.digest, first.digest.to_string());
    assert_eq!(image.labels, [("org.opencontainers.image.revision".to_owned(), "aaa".to_owned())]);
    assert_eq!(image.created.as_deref(), Some("2026-01-05T09:00:00Z"));
    let second = layout.write_image("shop:staging", labels("bbb"), None, b"two").unwrap();
    assert_eq!(layout.image("shop:staging").unwrap().digest, second.digest.to_string());
    assert_eq!(layout.index().unwrap().manifests.len(), 1);
}

#[test]
fn a_reference_is_a_name_a_bare_tag_or_a_digest() {
    let (_dir, layout) = layout();
    let image = layout.write_image("staging", labels("aaa"), None, b"one").unwrap();
    for reference in ["staging", "shop:staging", "registry.example:5000/shop:staging"] {
        assert_eq!(layout.resolve(reference).unwrap().digest, image.digest, "{reference}");
    }
    for reference in [format!("shop@{}", image.digest), image.digest.to_string()] {
        assert_eq!(layout.resolve(&reference).unwrap().digest, image.digest, "{reference}");
    }
    let error = layout.resolve("shop:prod").unwrap_err().to_string();
    assert_eq!(error, format!("`shop:prod` is not in `{}`; it lists `staging`", layout.dir().display()));
    assert!(layout.resolve("registry.example:5000/staging").is_err(), "a port is no tag");
}

#[test]
fn of_several_images_the_one_for_this_platform_is_taken() {
    let (_dir, layout) = layout();
    let one = |revision: &str, os: &str, architecture: &str| {
        let mut descriptor = layout.write_image("scratch", labels(revision), None, revision.as_bytes()).unwrap();
        descriptor.annotations.clear();
        descriptor.platform = platform(os, architecture);
        descriptor
    };
    let nested = |manifests: Vec<Descriptor>| {
        let index = Index { manifests, ..Index::default() };
        let listed = layout.write_document(INDEX_TYPE, &index).unwrap();
        layout.tag("shop:staging", listed.clone()).unwrap();
        listed
    };
    let outer =
        nested(vec![one("arm", "linux", "arm64"), one("amd", "linux", "amd64"), one("att", "unknown", "unknown")]);
    let image = layout.image("shop:staging").unwrap();
    assert_eq!(image.labels[0].1, "amd");
    assert_eq!(image.digest, outer.digest.to_string(), "the tag's own digest, which a retag moves");
    nested(vec![one("arm", "linux", "arm64"), one("att", "unknown", "unknown")]);
    assert_eq!(layout.image("shop:staging").unwrap().labels[0].1, "arm", "the only image");
    nested(vec![one("arm", "linux", "arm64"), one("win", "windows", "amd64")]);
    assert_eq!(
        layout.image("shop:staging").unwrap_err().to_string(),
        "`shop:staging` has no image for linux/amd64; it has `linux/arm64`, `windows/amd64`"
    );
    nested(vec![]);
    assert!(layout.image("shop:staging").unwrap_err().to_string().ends_with("it has no image at all"));
}

#[test]
fn an_entry_that_is_no_image_is_refused() {
    let (_dir, layout) = layout();
    let blob = layout.write_blob(IMAGE_CONFIG_TYPE, b"{}").unwrap();
    layout.tag("odd:1", blob).unwrap();
    let error = layout.image("odd:1").unwrap_err().to_string();
    assert!(error.contains("is neither a manifest's nor an index's"), "{error}");
}
