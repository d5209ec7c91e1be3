//! The table of IMG-1 row by row, what `act` does in which order, and what must hold for every input.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use portcullis_gate_image_freshness::{Config, ImageFreshness, Staging, Standing, act, judge};
use portcullis_gate_sdk::host::workspace::Outcome;
use portcullis_gate_sdk::lineage::{Folder, Kinship};
use portcullis_gate_sdk::testing::{assert_schema_matches, subject};
use portcullis_gate_sdk::{Judgement, Refusal, Severity, Verdict};
use proptest::prelude::*;

const FOLDER: &str = "docs/work-items/ORCH-65";

fn config(rebuild: &[&str]) -> Config {
    let ignore = vec![Folder::try_from("CHANGELOG.md".to_owned()).unwrap()];
    Config {
        ignore,
        rebuild: rebuild.iter().map(ToString::to_string).collect(),
        ..Config::of("registry.example/shop:staging")
    }
}

fn labelled(kinship: Kinship) -> Standing {
    Standing::Labelled { digest: "sha256:aa".into(), revision: "3".repeat(40), kinship }
}

fn later(paths: &[&str]) -> Standing {
    labelled(Kinship::Descendant { changed: paths.iter().map(|path| path.as_bytes().to_vec()).collect() })
}

#[test]
fn the_image_is_fresh_if_it_is_the_heads_or_differs_in_what_is_no_part_of_it() {
    // IMG-1
    let table = [
        (labelled(Kinship::Same), true, "built from 111111111111"),
        (later(&[]), true, "files: 0,"),
        (later(&["docs/work-items/ORCH-65/15-staging-results.json", "CHANGELOG.md"]), true, "files: 2,"),
        (later(&["docs/work-items/ORCH-65"]), true, "files: 1,"),
        (later(&["docs/work-items/ORCH-65/a.md", "src/main.rs"]), false, "changes `src/main.rs` since"),
        (later(&["docs/work-items/ORCH-650/a.md"]), false, "changes `docs/work-items/ORCH-650/a.md`"),
        (later(&["CHANGELOG.md.exe"]), false, "changes `CHANGELOG.md.exe`"),
        (labelled(Kinship::Stranger), false, "does not descend from"),
        (Standing::Unlabelled { digest: "sha256:aa".into() }, false, "does not name its revision in the label"),
        (Standing::Absent, false, "is not in the registry"),
    ];
    for (standing, fresh, said) in table {
        for (rebuild, stale) in [(&[][..], Verdict::Fail), (&["build-staging"][..], Verdict::Actionable)] {
            let judgement = judge(&subject(), &standing, FOLDER, &config(rebuild));
            assert_eq!(judgement.verdict, if fresh { Verdict::Pass } else { stale }, "{standing:?}");
            assert!(judgement.summary.contains(said), "{}", judgement.summary);
            assert_eq!(judgement.findings.is_empty(), fresh, "{standing:?}");
        }
    }
}

#[test]
fn digest_and_revision_are_the_evidence() {
    // IMG-1, IMG-2
    let judgement = judge(&subject(), &labelled(Kinship::Same), FOLDER, &config(&[]));
    for pair in [("image-digest", "sha256:aa".to_owned()), ("image-revision", "3".repeat(40)), ("head", "1".repeat(40))]
    {
        assert!(judgement.evidence.contains(&(pair.0.into(), pair.1)), "{:?}", judgement.evidence);
    }
}

#[test]
fn an_unknown_documents_folder_ignores_nothing() {
    // IMG-1
    for folder in ["", "/", "."] {
        let judgement = judge(&subject(), &later(&["src/main.rs"]), folder, &config(&[]));
        assert_eq!(judgement.verdict, Verdict::Fail, "{folder:?}");
    }
}

/// A registry whose image becomes `after` once `effective` has run.
struct Fake {
    standing: Standing,
    effective: &'static str,
    after: Standing,
    exit_codes: Vec<(&'static str, i32)>,
    ran: Vec<String>,
}

impl Staging for Fake {
    fn standing(&mut self) -> Result<Standing, Refusal> {
        Ok(self.standing.clone())
    }

    fn run(&mut self, command: &str) -> Result<Outcome, Refusal> {
        self.ran.push(command.into());
        if command == self.effective {
            self.standing = self.after.clone();
        }
        let exit_code = self.exit_codes.iter().find(|(name, _)| *name == command).map_or(0, |(_, code)| *code);
        Ok(Outcome { exit_code, output_tail: format!("the end of {command}\n"), duration_ms: 1 })
    }
}

fn acted(
    standing: Standing,
    effective: &'static str,
    exit_codes: Vec<(&'static str, i32)>,
) -> (Judgement, Vec<String>) {
    let mut fake = Fake { standing, effective, after: labelled(Kinship::Same), exit_codes, ran: Vec::new() };
    let judgement = act(&mut fake, &subject(), FOLDER, &config(&["build-staging", "test-staging"])).unwrap();
    (judgement, fake.ran)
}

#[test]
fn acting_rebuilds_tests_and_judges_again() {
    // IMG-1
    let (judgement, ran) = acted(Standing::Absent, "build-staging", vec![]);
    assert_eq!(judgement.verdict, Verdict::Pass);
    assert_eq!(ran, ["build-staging", "test-staging"]);
    assert!(judgement.evidence.contains(&("commands-run".into(), "`build-staging`, `test-staging`".into())));
}

#[test]
fn a_command_that_fails_ends_it_with_the_end_of_its_output() {
    // IMG-1
    let (judgement, ran) = acted(later(&["src/main.rs"]), "build-staging", vec![("build-staging", 2)]);
    assert_eq!((judgement.verdict, ran.len()), (Verdict::Fail, 1));
    assert_eq!(judgement.findings[0].message, "command `build-staging` ended with 2:\nthe end of build-staging");
    let (judgement, ran) = acted(later(&["src/main.rs"]), "build-staging", vec![("test-staging", 137)]);
    assert_eq!((judgement.verdict, ran.len()), (Verdict::Fail, 2));
}

#[test]
fn a_rebuild_without_effect_fails_whatever_its_exit_code_says() {
    // IMG-1
    let (judgement, _) = acted(later(&["src/main.rs"]), "nothing", vec![]);
    assert_eq!(judgement.verdict, Verdict::Fail);
    assert_eq!(judgement.findings.len(), 1);
    assert_eq!(
        (judgement.findings[0].rule.as_str(), judgement.findings[0].severity),
        ("rebuild-without-effect", Severity::Error)
    );
}

#[test]
fn a_fresh_image_is_not_built_again() {
    // IMG-1
    let (judgement, ran) = acted(labelled(Kinship::Same), "nothing", vec![]);
    assert_eq!((judgement.verdict, ran.len()), (Verdict::Pass, 0));
}

#[test]
fn the_schema_says_what_the_type_accepts() {
    assert_schema_matches::<ImageFreshness>(&Config::of("registry.example/shop:staging"));
}

proptest! {
    #[test]
    fn one_more_changed_file_of_the_image_never_makes_it_fresh(paths in prop::collection::vec(any::<Vec<u8>>(), 0..6), folder: String) {
        // IMG-1, GAT-1
        let mut changed = paths;
        changed.push(b"src/main.rs".to_vec());
        let judgement = judge(&subject(), &labelled(Kinship::Descendant { changed }), &folder, &config(&[]));
        prop_assume!(folder.trim_end_matches('/') != "src" && folder.trim_end_matches('/') != "src/main.rs");
        prop_assert_eq!(judgement.verdict, Verdict::Fail);
    }
}

fn any_standing() -> impl Strategy<Value = Standing> {
    let kinship = prop_oneof![
        Just(Kinship::Same),
        Just(Kinship::Stranger),
        prop::collection::vec(any::<Vec<u8>>(), 0..4).prop_map(|changed| Kinship::Descendant { changed }),
    ];
    prop_oneof![
        Just(Standing::Absent),
        any::<String>().prop_map(|digest| Standing::Unlabelled { digest }),
        (any::<String>(), any::<String>(), kinship).prop_map(|(digest, revision, kinship)| Standing::Labelled {
            digest,
            revision,
            kinship
        }),
    ]
}

proptest! {
    #[test]
    fn acting_passes_only_if_the_image_as_it_is_then_passes(
        before in any_standing(), after in any_standing(), codes in (any::<bool>(), any::<bool>()), folder: String,
    ) {
        // IMG-1, GAT-1
        let code = |fails: bool| i32::from(fails);
        let exit_codes = vec![("build-staging", code(codes.0)), ("test-staging", code(codes.1))];
        let mut fake =
            Fake { standing: before, effective: "build-staging", after, exit_codes, ran: Vec::new() };
        let config = config(&["build-staging", "test-staging"]);
        let judgement = act(&mut fake, &subject(), &folder, &config).unwrap();
        let now = judge(&subject(), &fake.standing, &folder, &config).verdict;
        prop_assert!(matches!(judgement.verdict, Verdict::Pass | Verdict::Fail));
        prop_assert!(judgement.verdict == Verdict::Fail || now == Verdict::Pass);
        // A command that failed is never forgotten over what it built.
        prop_assert!(fake.ran.is_empty() || !(codes.0 || codes.1) || judgement.verdict == Verdict::Fail);
    }
}
