//! The table of STV-2 row by row, STV-3, STV-4, and what must hold for every input.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use portcullis_gate_sdk::lineage::Kinship;
use portcullis_gate_sdk::prelude::*;
use portcullis_gate_sdk::testing::assert_schema_matches;
use portcullis_gate_staging_verdict::{Check, Config, Expected, Infra, Results, StagingVerdict, Status, judge};
use proptest::prelude::*;

fn check(id: &str, status: Status) -> Check {
    Check { id: id.into(), status, message: "went so".into() }
}

fn results(checks: Vec<Check>) -> Results {
    Results { revision: "9f2c".into(), image: None, strict: false, checks }
}

fn expected() -> Expected {
    Expected::Image { revision: Ok("9f2c".into()), digest: Some("sha256:aa".into()) }
}

fn config(tolerate_infra: bool) -> Config {
    let infra = ["dns", "net-*"].map(|entry| Infra::try_from(entry.to_owned()).unwrap()).into();
    Config { infra, tolerate_infra, ..Config::default() }
}

#[test]
fn a_real_failure_fails_under_every_setting_and_infra_failures_only_where_they_are_not_tolerated() {
    // STV-1, STV-2. Columns: checks, verdict when strict, verdict when tolerant, findings.
    use Status::*;
    let table = [
        (vec![("login", Pass)], Verdict::Pass, Verdict::Pass, 0),
        (vec![("login", Pass), ("cart", Skip)], Verdict::Pass, Verdict::Pass, 0),
        (vec![("login", Fail)], Verdict::Fail, Verdict::Fail, 1),
        (vec![("login", Error)], Verdict::Fail, Verdict::Fail, 1),
        (vec![("login", Fail), ("dns", Fail)], Verdict::Fail, Verdict::Fail, 2),
        (vec![("login", Fail), ("cart", Pass), ("dns", Pass)], Verdict::Fail, Verdict::Fail, 1),
        (vec![("login", Pass), ("dns", Fail)], Verdict::Fail, Verdict::Pass, 1),
        (vec![("login", Pass), ("net-proxy", Error), ("dns", Fail)], Verdict::Fail, Verdict::Pass, 2),
        (vec![("dns", Fail)], Verdict::Fail, Verdict::Pass, 1),
        (vec![("login", Pass), ("dns", Skip)], Verdict::Pass, Verdict::Pass, 0),
        // Nearly on the allowlist is REAL.
        (vec![("dns2", Fail)], Verdict::Fail, Verdict::Fail, 1),
        (vec![("internet-x", Fail)], Verdict::Fail, Verdict::Fail, 1),
    ];
    for (checks, strict, tolerant, findings) in table {
        let results = results(checks.iter().map(|(id, status)| check(id, *status)).collect());
        for (tolerate, expected_verdict) in [(false, strict), (true, tolerant)] {
            let judgement = judge(&expected(), Ok(&results), &config(tolerate));
            assert_eq!(judgement.verdict, expected_verdict, "tolerate={tolerate} {checks:?}");
            assert_eq!(judgement.findings.len(), findings, "tolerate={tolerate} {checks:?}");
        }
    }
}

#[test]
fn waived_checks_are_listed_as_notes_and_as_evidence() {
    // STV-2
    let results =
        results(vec![check("login", Status::Pass), check("net-proxy", Status::Error), check("dns", Status::Fail)]);
    let judgement = judge(&expected(), Ok(&results), &config(true));
    assert_eq!(judgement.verdict, Verdict::Pass);
    assert!(judgement.findings.iter().all(|f| f.severity == Severity::Note && f.rule == "staging-infra-waived"));
    assert!(judgement.evidence.contains(&("waived-checks".into(), "`net-proxy`, `dns`".into())));
    assert_eq!(judgement.summary, "staging checks passed: 1; infra failures waived (2): `net-proxy`, `dns`");

    let strict = judge(&expected(), Ok(&results), &config(false));
    assert!(strict.findings.iter().all(|f| f.severity == Severity::Error && f.rule == "staging-infra"));
    assert!(!strict.evidence.iter().any(|(name, _)| name == "waived-checks"));
}

#[test]
fn one_run_can_ask_for_the_strict_reading() {
    // STV-3
    let results = Results { strict: true, ..results(vec![check("login", Status::Pass), check("dns", Status::Fail)]) };
    let judgement = judge(&expected(), Ok(&results), &config(true));
    assert_eq!(judgement.verdict, Verdict::Fail);
    assert!(judgement.summary.contains("this run asks for the strict reading"), "{}", judgement.summary);
}

#[test]
fn results_that_are_missing_or_cannot_be_trusted_fail_under_every_setting() {
    // STV-2
    for tolerate in [false, true] {
        let judgement = judge(&expected(), Err("is missing from the work item's folder"), &config(tolerate));
        assert_eq!(judgement.verdict, Verdict::Fail);
        let message = "15-staging-results.json is missing from the work item's folder; run the staging suite again";
        assert_eq!(judgement.findings[0].message, message);
    }
}

#[test]
fn results_must_belong_to_the_image_under_judgement() {
    // STV-4. Columns: revision and digest under judgement, revision and digest in the results.
    let unknown = || Err("image `x` has no label `y`".to_owned());
    let table = [
        (Ok("9f2c"), None, "9f2c", None, Verdict::Pass),
        (Ok("9f2c"), None, "9f2c", Some("sha256:aa"), Verdict::Pass),
        (Ok("9f2c"), Some("sha256:aa"), "9f2c", None, Verdict::Pass),
        (Ok("9f2c"), Some("sha256:aa"), "9f2c", Some("sha256:aa"), Verdict::Pass),
        (Ok("9f2c"), Some("sha256:aa"), "9f2c", Some("sha256:bb"), Verdict::Fail),
        (Ok("9f2c"), Some("sha256:aa"), "9f2c", Some(""), Verdict::Fail),
        (Ok("9f2c"), None, "9f2", None, Verdict::Fail),
        (Ok("9f2c"), None, "9F2C", None, Verdict::Fail),
        (Ok("9f2c"), None, "", None, Verdict::Fail),
        (unknown().map(|()| ""), Some("sha256:aa"), "9f2c", Some("sha256:aa"), Verdict::Fail),
    ];
    for (revision, digest, tested, image, verdict) in table {
        let expected = Expected::Image { revision: revision.clone().map(Into::into), digest: digest.map(Into::into) };
        let results = Results {
            revision: tested.into(),
            image: image.map(Into::into),
            ..results(vec![check("a", Status::Pass)])
        };
        for tolerate in [false, true] {
            let judgement = judge(&expected, Ok(&results), &config(tolerate));
            assert_eq!(judgement.verdict, verdict, "{revision:?} {digest:?} {tested:?} {image:?}");
            assert_eq!(judgement.findings.is_empty(), verdict == Verdict::Pass);
        }
    }
}

#[test]
fn without_an_image_results_must_belong_to_the_head_but_for_the_work_items_own_documents() {
    // STV-4
    let later = |paths: &[&str]| Kinship::Descendant { changed: paths.iter().map(|p| p.as_bytes().to_vec()).collect() };
    let table = [
        (Kinship::Same, Verdict::Pass),
        (later(&[]), Verdict::Pass),
        (later(&["docs/work-items/ORCH-65/15-staging-results.json"]), Verdict::Pass),
        (later(&["docs/work-items/ORCH-65/a.md", "src/main.rs"]), Verdict::Fail),
        (later(&["docs/work-items/ORCH-650/a.md"]), Verdict::Fail),
        (Kinship::Stranger, Verdict::Fail),
    ];
    for (kinship, verdict) in table {
        let expected = |documents: &str| Expected::Head {
            head: "h".into(),
            kinship: kinship.clone(),
            documents: documents.into(),
        };
        let results = results(vec![check("a", Status::Pass)]);
        for tolerate in [false, true] {
            let judgement = judge(&expected("docs/work-items/ORCH-65"), Ok(&results), &config(tolerate));
            assert_eq!(judgement.verdict, verdict, "{kinship:?}");
            assert_eq!(judgement.findings.is_empty(), verdict == Verdict::Pass);
        }
        // An unknown folder excuses nothing.
        let nothing_changed = matches!(&kinship, Kinship::Same) || kinship == later(&[]);
        let judgement = judge(&expected(""), Ok(&results), &config(true));
        assert_eq!(judgement.verdict == Verdict::Pass, nothing_changed, "{kinship:?}");
    }
}

#[test]
fn the_schema_says_what_the_type_accepts() {
    assert_schema_matches::<StagingVerdict>(&Config::default());
}

#[test]
fn an_allowlist_that_is_not_narrow_is_refused_with_its_key() {
    // STV-1, GAT-1
    let refused = portcullis_gate_sdk::config::parse::<Config>(r#"{"infra": ["dns", "*"]}"#).unwrap_err();
    assert!(
        matches!(&refused, Refusal::BadConfig(why) if why.contains("`infra[1]`") && why.contains("not narrow")),
        "{refused:?}"
    );
}

fn any_results() -> impl Strategy<Value = Results> {
    use Status::*;
    let ids =
        prop_oneof![prop::sample::select(vec!["dns".to_owned(), "net-a".into(), "login".into()]), any::<String>()];
    let checks = (ids, prop::sample::select(vec![Pass, Fail, Error, Skip]), any::<String>());
    let checks = prop::collection::vec(checks.prop_map(|(id, status, message)| Check { id, status, message }), 0..8);
    let revisions = prop_oneof![3 => Just("9f2c".to_owned()), 1 => any::<String>()];
    (checks, revisions, any::<bool>(), any::<Option<String>>()).prop_map(|(checks, revision, strict, image)| Results {
        revision,
        image,
        strict,
        checks,
    })
}

proptest! {
    #[test]
    fn adding_a_real_failure_always_fails_and_tolerance_never_makes_anything_worse(results in any_results(), tolerate: bool) {
        // STV-2, GAT-1
        let of = |results: &Results, tolerate| judge(&expected(), Ok(results), &config(tolerate)).verdict;
        prop_assert!(matches!(of(&results, tolerate), Verdict::Pass | Verdict::Fail));
        // What passes strictly passes tolerantly; what fails tolerantly fails strictly.
        prop_assert!(of(&results, false) == Verdict::Fail || of(&results, true) == Verdict::Pass);
        let mut worse = results;
        worse.checks.push(check("login", Status::Fail));
        prop_assert_eq!(of(&worse, tolerate), Verdict::Fail);
    }
}

proptest! {
    #[test]
    fn a_failure_added_to_a_document_never_makes_it_pass(
        entries in prop::collection::vec(("[a-d]|dns|net-a", "pass|fail|error|skip|passed"), 0..6),
        id in "[a-d]", status in "fail|error", tolerate: bool, strict: bool,
    ) {
        // STV-2
        let of = |entries: &[(String, String)]| {
            let checks: Vec<_> = entries.iter().map(|(id, status)| serde_json::json!({ "id": id, "status": status })).collect();
            let document = serde_json::json!({ "format": 1, "revision": "9f2c", "strict": strict, "checks": checks });
            let results = Results::parse(document.to_string().as_bytes());
            judge(&expected(), results.as_ref().map_err(String::as_str), &config(tolerate)).verdict
        };
        let mut worse = entries.clone();
        worse.push((id, status));
        let _ = of(&entries);
        prop_assert_eq!(of(&worse), Verdict::Fail);
    }
}
