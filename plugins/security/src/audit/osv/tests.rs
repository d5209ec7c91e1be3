//! OSV's rules, as tables.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use proptest::prelude::*;

fn package(ecosystem: Ecosystem, version: &str) -> Package {
    Package { ecosystem, name: "left-pad".into(), version: version.into() }
}

fn record(ecosystem: Ecosystem, affected: &str) -> String {
    let named = format!(r#""package": {{"ecosystem": "{}", "name": "left-pad"}}"#, ecosystem.osv());
    format!(r#"{{"id": "GHSA-1", "affected": [{{{named}, {affected}}}]}}"#)
}

/// `Some(fix)` where the version is affected.
fn asked(ecosystem: Ecosystem, affected: &str, version: &str) -> Option<Option<String>> {
    match judge(&record(ecosystem, affected), &package(ecosystem, version)).unwrap() {
        Judged::Affected(advisory) => Some(advisory.fixed),
        Judged::Unaffected => None,
        Judged::Unclear(id) => panic!("{id} is unclear about {version}"),
    }
}

fn range(kind: &str, events: &str) -> String {
    format!(r#""ranges": [{{"type": "{kind}", "events": [{events}]}}]"#)
}

// SEC-3
#[test]
fn a_range_is_evaluated_in_the_order_of_its_versions() {
    let two =
        range("SEMVER", r#"{"introduced": "3.0.0"}, {"fixed": "1.5.0"}, {"introduced": "1.0.0"}, {"fixed": "3.2.1"}"#);
    let table = [
        ("0.9.9", None),
        ("1.0.0-rc.1", None),
        ("1.0.0", Some("1.5.0")),
        ("1.4.9", Some("1.5.0")),
        ("1.5.0-rc.1", Some("1.5.0")),
        ("1.5.0", None),
        ("2.9.0", None),
        ("3.0.0", Some("3.2.1")),
        ("3.2.1", None),
    ];
    for (version, fix) in table {
        let fix = fix.map(|fix| Some(fix.to_owned()));
        assert_eq!(asked(Ecosystem::Npm, &two, version), fix, "{version}");
    }
}

// SEC-3
#[test]
fn each_kind_of_event_ends_a_range_in_its_own_way() {
    let from_the_beginning = range("ECOSYSTEM", r#"{"introduced": "0"}, {"last_affected": "2.0"}"#);
    for (version, hit) in [("0.dev1", true), ("0", true), ("2.0.0", true), ("2.0.post1", false), ("2.1", false)] {
        assert_eq!(asked(Ecosystem::PyPi, &from_the_beginning, version).is_some(), hit, "{version}");
    }
    let limited = range("SEMVER", r#"{"introduced": "0"}, {"limit": "2.0.0"}"#);
    for (version, hit) in [("1.9.9", true), ("2.0.0", false), ("3.0.0", false)] {
        assert_eq!(asked(Ecosystem::CratesIo, &limited, version).is_some(), hit, "{version}");
    }
    let open = range("ECOSYSTEM", r#"{"introduced": "1.2"}"#);
    assert_eq!(asked(Ecosystem::Maven, &open, "1.10"), Some(None));
    assert_eq!(asked(Ecosystem::Maven, &open, "1.1"), None);
    assert_eq!(asked(Ecosystem::Npm, &range("GIT", r#"{"introduced": "0"}"#), "1.0.0"), None);
}

// SEC-3
#[test]
fn a_listed_version_is_affected_whatever_the_ranges_say() {
    let listed =
        format!(r#"{}, "versions": ["1.0", "1.10"]"#, range("ECOSYSTEM", r#"{"introduced": "5"}, {"fixed": "6"}"#));
    assert_eq!(asked(Ecosystem::PyPi, &listed, "1.10"), Some(Some("6".into())));
    assert_eq!(asked(Ecosystem::PyPi, &listed, "1.1"), None);
    assert_eq!(asked(Ecosystem::Packagist, r#""versions": ["1.2.0"]"#, "v1.2.0"), Some(None));
}

// SEC-3
#[test]
fn what_is_withdrawn_or_about_another_package_does_not_count() {
    let affected = range("SEMVER", r#"{"introduced": "0"}"#);
    let text = record(Ecosystem::Npm, &affected)
        .replace(r#""id": "GHSA-1""#, r#""id": "G", "withdrawn": "2026-01-01T00:00:00Z""#);
    assert_eq!(judge(&text, &package(Ecosystem::Npm, "1.0.0")).unwrap(), Judged::Unaffected);
    assert_eq!(found(&text, &package(Ecosystem::Npm, "1.0.0")).unwrap(), None);
    let text = record(Ecosystem::Npm, &affected);
    assert_eq!(judge(&text, &package(Ecosystem::PyPi, "1.0.0")).unwrap(), Judged::Unaffected);
    assert!(matches!(judge(&text, &package(Ecosystem::Npm, "1.0.0")).unwrap(), Judged::Affected(_)));
}

// SEC-3
#[test]
fn a_version_that_cannot_be_compared_is_unclear_and_never_fine() {
    let affected = range("ECOSYSTEM", r#"{"introduced": "0"}, {"fixed": "1.0"}"#);
    let text = record(Ecosystem::PyPi, &affected);
    assert_eq!(judge(&text, &package(Ecosystem::PyPi, "2004d")).unwrap(), Judged::Unclear("GHSA-1".into()));
    assert!(judge("{", &package(Ecosystem::PyPi, "1")).is_err());
    assert!(judge(r#"{"aliases": []}"#, &package(Ecosystem::PyPi, "1")).is_err());
}

// SEC-3
#[test]
fn the_severity_is_the_packages_own_then_the_advisorys_then_the_databases_word() {
    let level = |severity: &str, own: &str| {
        let affected = format!(r#""versions": ["1"], "severity": [{own}]"#);
        let text = record(Ecosystem::Npm, &affected).replace(r#""id": "GHSA-1""#, &format!(r#""id": "G", {severity}"#));
        match judge(&text, &package(Ecosystem::Npm, "1")).unwrap() {
            Judged::Affected(advisory) => advisory.severity,
            other => panic!("{other:?}"),
        }
    };
    let word = r#""database_specific": {"severity": "MODERATE"}"#;
    let high = r#"{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}"#;
    let critical = r#"{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}"#;
    let both = format!(r#""severity": [{high}], {word}"#);
    assert_eq!(level(word, ""), Some(Level::Medium));
    assert_eq!(level(&both, ""), Some(Level::High));
    assert_eq!(level(&both, critical), Some(Level::Critical));
    assert_eq!(level(r#""database_specific": {"severity": null}"#, ""), None);
}

// SEC-3
#[test]
fn advisories_that_share_a_name_are_one() {
    let advisory = |id: &str, aliases: &[&str], severity| Advisory {
        id: id.into(),
        aliases: aliases.iter().map(ToString::to_string).collect(),
        summary: String::new(),
        severity,
        fixed: None,
    };
    let all = vec![
        advisory("PYSEC-1", &["CVE-1"], None),
        advisory("GHSA-1", &["CVE-9"], Some(Level::Low)),
        advisory("OTHER-1", &["CVE-1", "CVE-9"], Some(Level::High)),
        advisory("GHSA-2", &["CVE-2"], None),
    ];
    let joined = join(all);
    let ids: Vec<_> = joined.iter().map(|advisory| advisory.id.as_str()).collect();
    assert_eq!(ids, ["GHSA-1", "GHSA-2"]);
    assert_eq!(joined[0].aliases, ["CVE-1", "CVE-9", "OTHER-1", "PYSEC-1"]);
    assert_eq!(joined[0].severity, Some(Level::High));
}

proptest! {
    // SEC-3
    #[test]
    fn no_record_is_too_odd_to_judge(
        introduced in "[0-9a-z.-]{0,8}", fixed in "[0-9a-z.-]{0,8}", version in "\\PC{0,10}", text in "\\PC{0,40}",
    ) {
        let event = |key: &str, at: &str| serde_json::json!({ key: at }).to_string();
        for ecosystem in Ecosystem::ALL {
            let events = [event("introduced", &introduced), event("fixed", &fixed)].join(",");
            prop_assert!(judge(&record(ecosystem, &range("ECOSYSTEM", &events)), &package(ecosystem, &version)).is_ok());
            let _ = judge(&text, &package(ecosystem, &version));
        }
    }
}
