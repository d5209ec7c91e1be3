//! Import and reading, in real files.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use portcullis_core::facts::AdvisoryError;
use std::io::Write;
use std::path::{Path, PathBuf};

const MANY: usize = 8 << 20;

fn record(id: &str, modified: &str, packages: &[(&str, &str)]) -> String {
    let affected = |(ecosystem, name): &(&str, &str)| {
        serde_json::json!({
            "package": { "ecosystem": ecosystem, "name": name, "purl": "pkg:x/y" },
            "ranges": [
                { "type": "GIT", "repo": "https://x.example", "events": [{ "introduced": "0" }] },
                { "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": "1.2.3" }] },
            ],
            "versions": ["1.0.0"],
            "database_specific": { "source": "somewhere" },
        })
    };
    serde_json::json!({
        "schema_version": "1.6.0", "id": id, "modified": modified, "summary": "s", "details": "long ".repeat(100),
        "affected": packages.iter().map(affected).collect::<Vec<_>>(),
        "database_specific": { "severity": "HIGH", "cwe_ids": ["CWE-1"] },
        "references": [{ "type": "WEB", "url": "https://x.example" }],
    })
    .to_string()
}

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    fn zip(&self, name: &str, files: &[(&str, &str)]) -> PathBuf {
        let path = self.folder.path().join(name);
        let mut file = std::fs::File::create(&path).unwrap();
        let mut zip = rawzip::ZipArchiveWriter::new(&mut file);
        for (index, (name, text)) in files.iter().enumerate() {
            // Some deflated, some as they are.
            let deflated = index % 2 == 0;
            let method = if deflated { rawzip::CompressionMethod::DEFLATE } else { rawzip::CompressionMethod::STORE };
            let (mut entry, config) = zip.new_file(*name).compression_method(method).start().unwrap();
            let descriptor = if deflated {
                let mut writer =
                    config.wrap(flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::fast()));
                writer.write_all(text.as_bytes()).unwrap();
                let (encoder, descriptor) = writer.finish().unwrap();
                encoder.finish().unwrap();
                descriptor
            } else {
                let mut writer = config.wrap(&mut entry);
                writer.write_all(text.as_bytes()).unwrap();
                writer.finish().unwrap().1
            };
            entry.finish(descriptor).unwrap();
        }
        zip.finish().unwrap();
        path
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("advisories.db")
    }

    fn import(&self, sources: &[&Path]) -> Result<Imported, ImportError> {
        let sources: Vec<PathBuf> = sources.iter().map(|path| path.to_path_buf()).collect();
        import(&sources, &self.database(), 1_000)
    }

    fn open(&self) -> Database {
        Database::open(&self.database()).unwrap().unwrap()
    }
}

fn ids(database: &Database, ecosystem: &str, name: &str) -> Vec<String> {
    let found = database.lookup(ecosystem, &[name.to_owned()], MANY).unwrap();
    let Some((_, records)) = found.first() else { return Vec::new() };
    let records: Vec<serde_json::Value> = serde_json::from_slice(records).unwrap();
    records.iter().map(|record| record["id"].as_str().unwrap().to_owned()).collect()
}

// SEC-3
#[test]
fn files_folders_and_archives_become_one_database_that_is_read_by_package() {
    let place = Place::new();
    let file = place.write("one.json", &record("A-1", "2026", &[("npm", "lodash"), ("PyPI", "Foo.Bar")]));
    place.write("folder/deep/two.json", &record("A-2", "2026", &[("npm", "lodash")]));
    place.write("folder/readme.md", "no record");
    let zip =
        place.zip("all.zip", &[("three.json", &record("A-3", "2026", &[("Maven:https://r", "g:a")])), ("x.txt", "")]);
    let imported = place.import(&[&file, &place.folder.path().join("folder"), &zip]).unwrap();
    assert_eq!((imported.records, imported.packages, imported.malformed), (3, 3, 0));
    let about = place.open().about();
    assert_eq!((about.imported_at_s, about.records), (1_000, 3));
    assert_eq!(about.ecosystems, ["Maven", "PyPI", "npm"]);
    let database = place.open();
    assert_eq!(ids(&database, "npm", "lodash"), ["A-1", "A-2"]);
    assert_eq!(ids(&database, "PyPI", "foo-bar"), ["A-1"]);
    assert_eq!(ids(&database, "Maven", "g:a"), ["A-3"]);
    assert_eq!(ids(&database, "npm", "foo-bar"), Vec::<String>::new());
}

// SEC-3
#[test]
fn of_a_record_only_that_is_kept_which_judges_its_package() {
    let place = Place::new();
    let file = place.write("one.json", &record("A-1", "2026", &[("npm", "lodash"), ("npm", "other")]));
    place.import(&[&file]).unwrap();
    let (_, records) = place.open().lookup("npm", &["lodash".to_owned()], MANY).unwrap().remove(0);
    let records: serde_json::Value = serde_json::from_slice(&records).unwrap();
    let wanted = serde_json::json!([{
        "id": "A-1", "summary": "s", "database_specific": { "severity": "HIGH" },
        "affected": [{
            "package": { "ecosystem": "npm", "name": "lodash" },
            "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": "1.2.3" }] }],
            "versions": ["1.0.0"],
        }],
    }]);
    assert_eq!(records, wanted);
}

// SEC-3
#[test]
fn malformed_records_are_counted_and_named_and_the_rest_is_imported() {
    let place = Place::new();
    let good = record("A-1", "2026", &[("npm", "lodash")]);
    let zip = place.zip("all.zip", &[("a.json", "{"), ("b.json", &good), ("c.json", "{\"id\": 3}"), ("d.json", "")]);
    let imported = place.import(&[&zip]).unwrap();
    assert_eq!((imported.records, imported.malformed, imported.named.len()), (1, 3, 3));
    assert!(imported.named[0].contains("all.zip: a.json: EOF"), "{:?}", imported.named);
    let many: Vec<(String, &str)> = (0..9).map(|n| (format!("{n}.json"), "{")).collect();
    let many: Vec<(&str, &str)> =
        many.iter().map(|(name, text)| (name.as_str(), *text)).chain([("b.json", &*good)]).collect();
    let imported = place.import(&[&place.zip("many.zip", &many)]).unwrap();
    assert_eq!((imported.malformed, imported.named.len()), (9, 5));
}

// SEC-3
#[test]
fn the_latest_form_of_a_record_counts_and_a_withdrawn_one_not_at_all() {
    let place = Place::new();
    let withdrawn = |id: &str, modified: &str| {
        let mut record: serde_json::Value = serde_json::from_str(&record(id, modified, &[("npm", "a")])).unwrap();
        record["withdrawn"] = "2026-01-01T00:00:00Z".into();
        record.to_string()
    };
    let newer = record("A-1", "2026-02", &[("npm", "a")]).replace("1.2.3", "9.9.9");
    let files = [
        place.write("1.json", &newer),
        place.write("2.json", &record("A-1", "2026-01", &[("npm", "a")])),
        place.write("3.json", &record("A-2", "2026-01", &[("npm", "a")])),
        place.write("4.json", &withdrawn("A-2", "2026-02")),
        place.write("5.json", &withdrawn("A-3", "2026-02")),
    ];
    let imported = place.import(&files.each_ref().map(PathBuf::as_path)).unwrap();
    assert_eq!((imported.records, imported.withdrawn), (1, 2));
    let (_, records) = place.open().lookup("npm", &["a".to_owned()], MANY).unwrap().remove(0);
    assert!(String::from_utf8(records).unwrap().contains("9.9.9"));
}

// SEC-3
#[test]
fn an_import_that_fails_leaves_the_old_database_and_one_that_is_open_stays_what_it_is() {
    let place = Place::new();
    let good = place.write("one.json", &record("A-1", "2026", &[("npm", "a")]));
    place.import(&[&good]).unwrap();
    let open = place.open();
    let broken = place.write("broken.zip", "no zip");
    let none = place.folder.path().join("none.json");
    let text = place.write("notes.txt", "");
    let empty = place.write("empty.json", "{");
    assert!(matches!(place.import(&[&good, &broken]), Err(ImportError::Archive { .. })));
    assert!(matches!(place.import(&[&good, &none]), Err(ImportError::Source { .. })));
    assert!(matches!(place.import(&[&good, &text]), Err(ImportError::Unknown(_))));
    assert!(matches!(place.import(&[&empty]), Err(ImportError::Empty { files: 1 })));
    assert_eq!(ids(&place.open(), "npm", "a"), ["A-1"]);
    let other = place.write("two.json", &record("A-2", "2026", &[("npm", "a")]));
    place.import(&[&other]).unwrap();
    assert_eq!((ids(&open, "npm", "a"), ids(&place.open(), "npm", "a")), (vec!["A-1".into()], vec!["A-2".into()]));
    let left: Vec<_> =
        std::fs::read_dir(place.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".tmp")), "{left:?}");
}

// SEC-3
#[test]
fn an_answer_that_is_too_large_is_refused_and_smaller_ones_are_not() {
    let place = Place::new();
    let file = place.write("one.json", &record("A-1", "2026", &[("npm", "a"), ("npm", "b")]));
    place.import(&[&file]).unwrap();
    let database = place.open();
    let names = ["a".to_owned(), "b".to_owned()];
    let size = database.lookup("npm", &names[..1], MANY).unwrap()[0].1.len();
    assert_eq!(database.lookup("npm", &names, size * 2).unwrap().len(), 2);
    assert_eq!(database.lookup("npm", &names, size * 2 - 1), Err(AdvisoryError::TooLarge));
    assert_eq!(database.lookup("npm", &names[..1], size).unwrap().len(), 1);
}

// SEC-3
#[test]
fn a_damaged_database_never_answers_wrongly() {
    let place = Place::new();
    let files: Vec<(String, String)> = (0..40)
        .map(|n| (format!("{n}.json"), record(&format!("A-{n}"), "2026", &[("npm", &format!("p{n}"))])))
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    place.import(&[&place.zip("all.zip", &files)]).unwrap();
    let whole = std::fs::read(place.database()).unwrap();
    let names: Vec<String> = (0..40).map(|n| format!("p{n}")).collect();
    let right = place.open().lookup("npm", &names, MANY).unwrap();
    assert_eq!(right.len(), 40);
    let copy = place.folder.path().join("copy.db");
    for at in (0..whole.len()).step_by(whole.len() / 97) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x40;
        std::fs::write(&copy, &bytes).unwrap();
        if let Ok(database) = Database::open(&copy)
            && let Ok(found) = database.unwrap().lookup("npm", &names, MANY)
        {
            assert_eq!(found, right, "byte {at}");
        }
        std::fs::write(&copy, &whole[..at]).unwrap();
        assert!(Database::open(&copy).is_err(), "cut at {at}");
    }
    assert!(Database::open(&place.folder.path().join("none.db")).unwrap().is_none());
}
