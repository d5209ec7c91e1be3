//! Documents as builders write them, and as somebody who means harm would.
#![allow(clippy::unwrap_used, reason = "a test stops where its preparation fails")]

use super::*;
use proptest::prelude::*;
use serde_json::json;

const INDEX: &str = INDEX_TYPES[0];
const MANIFEST: &str = MANIFEST_TYPES[0];

fn read(content_type: &str, document: &serde_json::Value) -> Result<Document, RegistryError> {
    Document::read(content_type, bytes::Bytes::from(document.to_string()))
}

fn descriptor() -> serde_json::Value {
    json!({"mediaType": "application/octet-stream", "digest": format!("sha256:{}", "0".repeat(64)), "size": 2})
}

fn entry(os: &str, architecture: &str, variant: Option<&str>) -> serde_json::Value {
    let mut entry = descriptor();
    entry["platform"] = json!({"os": os, "architecture": architecture, "variant": variant});
    entry
}

fn index(entries: &[serde_json::Value]) -> Index {
    match read(INDEX, &json!({"schemaVersion": 2, "manifests": entries})).unwrap().kind {
        Kind::Index(index) => index,
        Kind::Manifest(_) => unreachable!("it was sent as an index"),
    }
}

// IMG-1
#[test]
fn a_document_is_only_what_bytes_and_media_type_both_say() {
    let image = json!({"schemaVersion": 2, "config": descriptor(), "layers": []});
    let list = json!({"schemaVersion": 2, "manifests": []});
    for media_type in MANIFEST_TYPES {
        assert!(matches!(read(media_type, &image).unwrap().kind, Kind::Manifest(_)));
        assert!(read(media_type, &list).is_err());
        assert!(read(&format!("{media_type}; charset=utf-8"), &image).is_ok());
    }
    for media_type in INDEX_TYPES {
        assert!(matches!(read(media_type, &list).unwrap().kind, Kind::Index(_)));
        assert!(read(media_type, &image).is_err());
    }
    for other in ["", "text/html", "application/json", "application/vnd.docker.distribution.manifest.v1+prettyjws"] {
        assert!(read(other, &image).is_err(), "{other}");
    }
    let mut says_otherwise = image.clone();
    says_otherwise["mediaType"] = json!(INDEX);
    assert!(read(MANIFEST, &says_otherwise).is_err());
    let both = json!({"schemaVersion": 2, "config": descriptor(), "layers": [], "manifests": []});
    assert!(read(MANIFEST, &both).is_err() && read(INDEX, &both).is_err());
    let mut first = image.clone();
    first["schemaVersion"] = json!(1);
    assert!(read(MANIFEST, &first).is_err());
    let mut followed = image.to_string().into_bytes();
    followed.extend_from_slice(b"{}");
    assert!(Document::read(MANIFEST, followed.into()).is_err());
}

// IMG-1
#[test]
fn of_an_index_every_image_counts_or_the_chosen_one() {
    let mut statement = entry("unknown", "unknown", None);
    statement["annotations"] = json!({REFERENCE_TYPE: "attestation-manifest"});
    let all = index(&[
        entry("linux", "amd64", None),
        statement,
        entry("linux", "arm64", Some("v8")),
        entry("linux", "arm64", Some("v9")),
        descriptor(),
    ]);
    let names = |platforms: &str| {
        let chosen = platforms.parse::<Platforms>().unwrap().of(&all);
        chosen.map(|chosen| chosen.into_iter().map(Descriptor::platform_name).collect::<Vec<_>>())
    };
    let every = ["linux/amd64", "linux/arm64/v8", "linux/arm64/v9", "an unnamed platform"];
    assert_eq!(names("every").unwrap(), every);
    assert_eq!(names("linux/arm64").unwrap(), ["linux/arm64/v8"]);
    assert_eq!(names("linux/arm64/v9").unwrap(), ["linux/arm64/v9"]);
    let error = names("windows/amd64").unwrap_err().to_string();
    assert!(error.contains("no image for windows/amd64, only for: linux/amd64, linux/arm64/v8"), "{error}");
    assert!(Platforms::Every.of(&index(&[])).is_err());
    assert!(Platforms::Every.of(&index(&vec![descriptor(); MOST_PLATFORMS])).is_ok());
    assert!(Platforms::Every.of(&index(&vec![descriptor(); MOST_PLATFORMS + 1])).is_err());
}

// IMG-1: what is only marked as a statement, and yet runs somewhere, would be deployed unseen.
#[test]
fn an_image_cannot_hide_as_a_statement_about_another() {
    let mut marked = entry("linux", "amd64", None);
    marked["annotations"] = json!({REFERENCE_TYPE: "attestation-manifest"});
    let unknown = entry("unknown", "unknown", None);
    assert_eq!(Platforms::Every.of(&index(&[marked, unknown])).unwrap().len(), 2);
}

#[test]
fn platforms_are_written_as_builders_write_them() {
    for good in ["every", "linux/amd64", "linux/arm64/v8", "windows/amd64"] {
        assert!(good.parse::<Platforms>().is_ok(), "{good}");
    }
    for bad in ["", "all", "linux", "linux/", "/amd64", "linux/arm64/v8/x", "linux amd64", "linux/amd64,linux/arm64"] {
        assert!(bad.parse::<Platforms>().is_err(), "{bad}");
    }
}

#[test]
fn a_configuration_without_labels_has_none() {
    for text in ["{}", r#"{"config":null}"#, r#"{"config":{}}"#, r#"{"config":{"Labels":null}}"#] {
        assert!(Configuration::read(text.as_bytes()).unwrap().labels().is_empty(), "{text}");
    }
    let text = r#"{"config":{"Labels":{"a":"b"}},"os":"linux","architecture":"arm64","variant":"","history":[{}]}"#;
    let configuration = Configuration::read(text.as_bytes()).unwrap();
    assert_eq!(configuration.labels().into_iter().collect::<Vec<_>>(), [("a".to_owned(), "b".to_owned())]);
    assert_eq!(configuration.platform().unwrap().to_string(), "linux/arm64");
    for garbage in ["", "[]", "nonsense", r#"{"config":{"Labels":{"a":1}}}"#, r#"{"config":{"Labels":["a"]}}"#] {
        assert!(Configuration::read(garbage.as_bytes()).is_err(), "{garbage}");
    }
}

proptest! {
    // IMG-1
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), which in 0..2_usize) {
        let _ = Configuration::read(&bytes);
        let _ = Document::read([INDEX, MANIFEST][which], bytes.into());
    }

    // IMG-1
    #[test]
    fn a_real_document_with_bytes_changed_never_panics(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let document = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry("linux", "arm64", Some("v8"))]});
        let mut bytes = document.to_string().into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(Document { kind: Kind::Index(index), .. }) = Document::read(INDEX, bytes.into()) {
            let _ = Platforms::Every.of(&index);
        }
    }
}
