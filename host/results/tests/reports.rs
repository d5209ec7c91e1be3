//! Reports as tools write them, reports that lie, and what must hold for every input.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use portcullis_results::{Document, IdFormat, ImportError, Provenance, Report, Status, import};
use proptest::prelude::*;

fn provenance() -> Provenance {
    Provenance { revision: "9f2c".into(), image: Some("sha256:aa".into()), strict: false }
}

fn of(xml: &str) -> Result<Document, ImportError> {
    import(&[Report { name: "junit.xml", bytes: xml.as_bytes() }], provenance(), &IdFormat::default())
}

/// Ids with their endings.
fn endings(document: &Document) -> Vec<(&str, &str)> {
    document.checks.iter().map(|check| (check.id.as_str(), check.status.word())).collect()
}

#[test]
fn what_each_tool_writes_is_read_as_what_happened() {
    // STV-1, STV-2. Written after the shapes that these tools give their reports.
    let pytest = r#"<?xml version="1.0" encoding="utf-8"?>
<testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="1" tests="4" time="0.05">
<testcase classname="tests.test_cart" name="test_add" time="0.001" />
<testcase classname="tests.test_cart" name="test_pay[eur]" time="0.001"><failure message="assert 1 == 2">def test():&#10;E  assert 1 == 2</failure></testcase>
<testcase classname="tests.test_cart" name="test_late" time="0.0"><skipped type="pytest.skip" message="not here">x</skipped></testcase>
<testcase classname="tests.test_db" name="test_db" time="0.0"><error message="failed on setup with &quot;OSError&quot;">trace</error></testcase>
</testsuite></testsuites>"#;
    assert_eq!(
        endings(&of(pytest).unwrap()),
        [
            ("tests.test_cart.test_add", "pass"),
            ("tests.test_cart.test_late", "skip"),
            ("tests.test_cart.test_pay[eur]", "fail"),
            ("tests.test_db.test_db", "error"),
        ]
    );
    assert_eq!(of(pytest).unwrap().checks[3].message, "failed on setup with \"OSError\"");

    let surefire = r#"<testsuite xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" name="shop.CartTest" tests="3" errors="0" skipped="0" failures="1">
  <properties><property name="java.version" value="21"/></properties>
  <testcase name="adds" classname="shop.CartTest"><system-out><![CDATA[<failure> in the output is no failure]]></system-out></testcase>
  <testcase name="pays" classname="shop.CartTest"><flakyFailure message="once" type="E"><stackTrace>t</stackTrace></flakyFailure></testcase>
  <testcase name="sells" classname="shop.CartTest"><failure type="E"/><rerunFailure type="E">again</rerunFailure></testcase>
</testsuite>"#;
    let surefire = of(surefire).unwrap();
    let expected = [("shop.CartTest.adds", "pass"), ("shop.CartTest.pays", "fail"), ("shop.CartTest.sells", "fail")];
    assert_eq!(endings(&surefire), expected);
    assert_eq!((surefire.checks[1].message.as_str(), surefire.checks[2].message.as_str()), ("once", "again"));

    let googletest = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="3" failures="0" disabled="1" errors="0" name="AllTests"><testsuite name="Cart" tests="3" failures="0" disabled="1" skipped="1" errors="0">
<testcase name="Adds" file="cart.cc" line="3" status="run" result="completed" classname="Cart" />
<testcase name="DISABLED_Pays" status="notrun" result="suppressed" classname="Cart" />
<testcase name="Sells" status="run" result="skipped" classname="Cart"><skipped message="no"/></testcase>
</testsuite></testsuites>"#;
    let expected = [("Cart.Adds", "pass"), ("Cart.DISABLED_Pays", "skip"), ("Cart.Sells", "skip")];
    assert_eq!(endings(&of(googletest).unwrap()), expected);

    let ctest = r#"<testsuite name="Linux" tests="2" failures="1" disabled="0" skipped="0">
<testcase name="fast" classname="fast" status="run"><system-out>ok</system-out></testcase>
<testcase name="slow" classname="slow" status="fail"><failure message=""/><system-out>no</system-out></testcase></testsuite>"#;
    assert_eq!(endings(&of(ctest).unwrap()), [("fast.fast", "pass"), ("slow.slow", "fail")]);

    // A hook that failed before any test of its suite; suites in suites; names without a class.
    let nested = r#"<testsuites><testsuite name="api"><error message="no database"/>
<testsuite name="login"><testcase name="works"/></testsuite></testsuite></testsuites>"#;
    assert_eq!(endings(&of(nested).unwrap()), [("api", "error"), ("works", "pass")]);
    let by_suite = "{suite}: {name}".parse::<IdFormat>().unwrap();
    let report = Report { name: "a.xml", bytes: nested.as_bytes() };
    assert_eq!(import(&[report], provenance(), &by_suite).unwrap().checks[1].id, "api/login: works");
}

#[test]
fn a_report_that_is_cut_off_lies_or_is_not_understood_gives_no_results() {
    // STV-2
    let one = r#"<testcase name="a"/>"#;
    let deep = "<testsuite>".repeat(70);
    let wide: String = (0..70).map(|n| format!(" a{n}=\"\"")).collect();
    let table = [
        (String::new(), "holds no element"),
        ("hello".into(), "text outside of any element"),
        ("<html></html>".into(), "its outermost element is `html`"),
        ("<testsuite>".into(), "ends in the middle"),
        (format!("<testsuite>{one}"), "ends in the middle"),
        (format!("<testsuite>{one}</testsuit>"), "is no XML"),
        (format!("<testsuite>{one}</testsuite><testsuite/>"), "`testsuite` where none can be"),
        (format!("<testsuite>{one}</testsuite>rest"), "text outside of any element"),
        (format!("<testsuites>{one}</testsuites><testcase"), "is no XML"),
        ("<testsuite><testcase/></testsuite>".into(), "a test without a name"),
        ("<testsuite><testcase name=' '/></testsuite>".into(), "a test without a name"),
        (
            "<testsuite><testcase name='a'><testcase name='b'/></testcase></testsuite>".into(),
            "`testcase` where none can",
        ),
        ("<testsuite><properties><testcase name='b'/></properties></testsuite>".into(), "`testcase` where none can be"),
        ("<testsuite><testcase name='a' status='splendid'/></testsuite>".into(), "test `a` the state `splendid`"),
        ("<testsuite><testcase name='a' name='b'/></testsuite>".into(), "is no XML"),
        (format!("<testsuite><testcase name='a'{wide}/></testsuite>"), "more than 64 attributes"),
        (format!("<testsuite><testcase name='{}'/></testsuite>", "x".repeat(2_001)), "name has 2001 characters"),
        (deep, "nested deeper than 64"),
        (format!("<testsuite name='s' failures='1'>{one}</testsuite>"), "suite `s` has 1 failures, and shows 0"),
        (format!("<testsuite name='s' errors='1'>{one}</testsuite>"), "suite `s` has 1 failures, and shows 0"),
        (format!("<testsuite name='s' tests='2'>{one}</testsuite>"), "suite `s` has 2 tests, and shows 1"),
        (format!("<testsuites tests='2'><testsuite>{one}</testsuite></testsuites>"), "has 2 tests, and shows 1"),
        (format!("<!DOCTYPE x [<!ENTITY a 'b'>]><testsuite>{one}</testsuite>"), "has a document type"),
        ("<testsuite><testcase name='a'><failure>&x;</failure></testcase></testsuite>".into(), "the entity `&x;`"),
        ("<testsuite><testcase name='&x;'/></testsuite>".into(), "is no XML"),
        (format!("<?xml version='1.0' encoding='latin1'?><testsuite>{one}é</testsuite>"), "written in latin1"),
        ("<testsuite/>".into(), "no test ran"),
        ("<testsuite><testcase name='a'><skipped/></testcase></testsuite>".into(), "no test ran"),
        (
            format!("<testsuite>{one}<testcase name='a'><failure/></testcase></testsuite>"),
            "test `a` ended as pass and as fail",
        ),
        (format!("<testsuite>{one}<testcase name='a'><skipped/></testcase></testsuite>"), "ended as pass and as skip"),
    ];
    for (xml, why) in table {
        let found = of(&xml).unwrap_err().to_string();
        assert!(found.contains(why), "{xml}: {found}");
    }
    let latin = Report { name: "l.xml", bytes: b"<testsuite><testcase name='\xe9'/></testsuite>" };
    assert_eq!(import(&[latin], provenance(), &IdFormat::default()).unwrap_err().to_string(), "`l.xml` is not UTF-8");
}

#[test]
fn an_entity_bomb_is_refused_before_anything_is_expanded() {
    // STV-2
    let mut bomb = "<!DOCTYPE lolz [<!ENTITY l0 \"lol\">".to_owned();
    for n in 1..20 {
        bomb += &format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10));
    }
    bomb += "]><testsuite><testcase name=\"&l19;\"/></testsuite>";
    assert!(of(&bomb).unwrap_err().to_string().contains("has a document type"));
}

#[test]
fn several_reports_are_one_result_and_contradict_one_another_like_one() {
    // STV-2
    let report = |name, xml: &'static str| Report { name, bytes: xml.as_bytes() };
    let first = report("1.xml", "<testsuite><testcase name='a'/><testcase name='b'/></testsuite>");
    let second = report(
        "2.xml",
        "<testsuite><testcase name='c'><failure message='no'/></testcase><testcase name='a'/></testsuite>",
    );
    let third = report("3.xml", "<testsuite><testcase name='a'><error/></testcase></testsuite>");
    let broken = report("4.xml", "<testsuite>");
    let of = |reports: &[Report<'_>]| import(reports, provenance(), &IdFormat::default());
    assert_eq!(endings(&of(&[first, second]).unwrap()), [("a", "pass"), ("b", "pass"), ("c", "fail")]);
    assert_eq!(
        of(&[first, third]).unwrap_err().to_string().split(':').next(),
        Some("test `a` ended as pass and as error")
    );
    assert_eq!(of(&[first, broken]).unwrap_err().to_string(), "`4.xml` ends in the middle");
    assert_eq!(of(&[]).unwrap_err(), ImportError::NothingRan);
}

#[test]
fn a_document_is_written_as_json_and_as_frontmatter() {
    // STV-1
    let document = of("<testsuite><testcase name='a'/><testcase name='b'><failure message='so &quot;bad&quot;'/></testcase></testsuite>").unwrap();
    let json = r#"{
  "format": 1,
  "revision": "9f2c",
  "image": "sha256:aa",
  "strict": false,
  "checks": [
    {"id":"a","status":"pass"},
    {"id":"b","status":"fail","message":"so \"bad\""}
  ]
}
"#;
    assert_eq!(document.to_json(), json);
    let markdown = "---\nformat: 1\nrevision: \"9f2c\"\nimage: \"sha256:aa\"\nstrict: false\nchecks:\n  - {\"id\":\"a\",\"status\":\"pass\"}\n  - {\"id\":\"b\",\"status\":\"fail\",\"message\":\"so \\\"bad\\\"\"}\n---\n# Staging results\n\npass 1, fail 1, error 0, skip 0\n";
    assert_eq!(document.to_markdown(), markdown);
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn written(cases: &[(String, Status)]) -> String {
    let case = |(name, status): &(String, Status)| {
        let inside = match status {
            Status::Pass => "",
            Status::Fail => "<failure/>",
            Status::Error => "<error/>",
            Status::Skip => "<skipped/>",
        };
        format!("<testcase name=\"{}\">{inside}</testcase>", escaped(name))
    };
    format!("<testsuite>{}</testsuite>", cases.iter().map(case).collect::<String>())
}

fn any_cases() -> impl Strategy<Value = Vec<(String, Status)>> {
    let statuses = prop::sample::select(vec![Status::Pass, Status::Fail, Status::Error, Status::Skip]);
    prop::collection::vec(("[a-c]|[ -~é]{1,12}", statuses), 0..8)
}

fn is_red(document: &Document) -> bool {
    document.checks.iter().any(|check| matches!(check.status, Status::Fail | Status::Error))
}

proptest! {
    #[test]
    fn no_bytes_panic_and_no_damage_makes_a_report_greener(bytes: Vec<u8>, cases in any_cases(), cut in 0.0f64..1.0) {
        // GAT-1, STV-2
        let read = |bytes: &[u8]| import(&[Report { name: "x", bytes }], provenance(), &IdFormat::default());
        let _ = read(&bytes);
        let whole = written(&cases);
        let end = (whole.len() as f64 * cut) as usize;
        prop_assert!(read(&whole.as_bytes()[..end]).is_err(), "a report that is cut off is none");
    }

    #[test]
    fn what_was_written_is_read_and_one_more_failure_is_never_lost(cases in any_cases(), extra in "[a-c]|[a-z]{1,6}") {
        // STV-1, STV-2
        let names: Vec<&str> = cases.iter().map(|(name, _)| name.trim()).collect();
        prop_assume!(names.iter().all(|name| !name.is_empty()));
        let contradicts = cases.iter().any(|(name, status)| {
            cases.iter().any(|(other, ending)| other.trim() == name.trim() && ending != status)
        });
        match of(&written(&cases)) {
            Ok(document) => {
                prop_assert!(!contradicts);
                for (name, status) in &cases {
                    let found = document.checks.iter().find(|check| check.id == name.trim());
                    prop_assert_eq!(found.map(|check| check.status), Some(*status));
                }
            }
            Err(ImportError::Contradiction { .. }) => prop_assert!(contradicts),
            Err(error) => prop_assert_eq!(error, ImportError::NothingRan),
        }
        let mut worse = cases.clone();
        worse.push((extra, Status::Fail));
        prop_assert!(of(&written(&worse)).map_or(true, |document| is_red(&document)));
    }
}
