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
        (
            Standing::Divided { digest: "sha256:aa".into(), said: "linux/amd64: 3, linux/arm64: 4".into() },
            false,
            "are not built from one revision (linux/amd64: 3, linux/arm64: 4)",
        ),
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
fn a_pinned_image_is_judged_and_never_rebuilt() {
    // IMG-1, IMG-2
    let pinned = Config { image: "shop:staging@sha256:aa".into(), ..config(&["build-staging"]) };
    let judgement = judge(&subject(), &labelled(Kinship::Same), FOLDER, &pinned);
    assert_eq!(judgement.verdict, Verdict::Pass);
    for standing in [labelled(Kinship::Stranger), later(&["src/main.rs"]), Standing::Absent] {
        let judgement = judge(&subject(), &standing, FOLDER, &pinned);
        assert_eq!(judgement.verdict, Verdict::Fail, "{standing:?}");
        assert!(judgement.findings[0].message.contains("pinned by its digest"), "{}", judgement.findings[0].message);
    }
    let mut fake = Fake::of(Standing::Absent, &[]);
    assert_eq!(act(&mut fake, &subject(), FOLDER, &pinned).unwrap().verdict, Verdict::Fail);
    assert!(fake.ran.is_empty());
}

#[test]
fn digest_and_revision_are_the_evidence() {
    // IMG-1, IMG-2
    let judgement = judge(&subject(), &labelled(Kinship::Same), FOLDER, &config(&[]));
    for pair in [
        ("image", "registry.example/shop:staging".to_owned()),
        ("image-digest", "sha256:aa".to_owned()),
        ("image-revision", "3".repeat(40)),
        ("head", "1".repeat(40)),
    ] {
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

/// A registry whose image becomes another once certain commands have run.
struct Fake {
    standing: Standing,
    effects: Vec<(&'static str, Standing)>,
    exit_codes: Vec<(&'static str, i32)>,
    ran: Vec<String>,
}

impl Fake {
    fn of(standing: Standing, effects: &[(&'static str, Standing)]) -> Self {
        Self { standing, effects: effects.to_vec(), exit_codes: Vec::new(), ran: Vec::new() }
    }
}

impl Staging for Fake {
    fn standing(&mut self) -> Result<Standing, Refusal> {
        Ok(self.standing.clone())
    }

    fn run(&mut self, command: &str) -> Result<Outcome, Refusal> {
        self.ran.push(command.into());
        if let Some((_, after)) = self.effects.iter().find(|(name, _)| *name == command) {
            self.standing = after.clone();
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
    let mut fake = Fake { exit_codes, ..Fake::of(standing, &[(effective, labelled(Kinship::Same))]) };
    let judgement = act(&mut fake, &subject(), FOLDER, &config(&["build-staging", "test-staging"])).unwrap();
    (judgement, fake.ran)
}

/// The head's image, under this digest.
fn fresh(digest: &str) -> Standing {
    Standing::Labelled { digest: digest.into(), revision: "1".repeat(40), kinship: Kinship::Same }
}

#[test]
fn an_image_that_moves_while_it_is_tested_does_not_pass_however_fresh_it_is() {
    // IMG-1, IMG-2
    let both = config(&["build-staging", "test-staging"]);
    let absent = Standing::Absent;
    for (effects, passes) in [
        (vec![("build-staging", fresh("sha256:aa"))], true),
        (vec![("build-staging", fresh("sha256:aa")), ("test-staging", fresh("sha256:aa"))], true),
        (vec![("build-staging", fresh("sha256:aa")), ("test-staging", fresh("sha256:bb"))], false),
        (vec![("build-staging", fresh("sha256:aa")), ("test-staging", Standing::Absent)], false),
        // One that is only there after the last command was built by it, and is judged as it is.
        (vec![("test-staging", fresh("sha256:bb"))], true),
    ] {
        let mut fake = Fake::of(absent.clone(), &effects);
        let judgement = act(&mut fake, &subject(), FOLDER, &both).unwrap();
        assert_eq!(judgement.verdict, if passes { Verdict::Pass } else { Verdict::Fail }, "{effects:?}");
        let rules: Vec<&str> = judgement.findings.iter().map(|finding| finding.rule.as_str()).collect();
        assert_eq!(rules, if passes { &[][..] } else { &["image-moved"] }, "{effects:?}");
    }
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

fn any_standing() -> impl Strategy<Value = Standing> {
    let kinship = prop_oneof![
        Just(Kinship::Same),
        Just(Kinship::Stranger),
        prop::collection::vec(any::<Vec<u8>>(), 0..6).prop_map(|changed| Kinship::Descendant { changed }),
    ];
    prop_oneof![
        Just(Standing::Absent),
        any::<String>().prop_map(|digest| Standing::Unlabelled { digest }),
        (any::<String>(), any::<String>()).prop_map(|(digest, said)| Standing::Divided { digest, said }),
        (any::<String>(), any::<String>(), kinship).prop_map(|(digest, revision, kinship)| Standing::Labelled {
            digest,
            revision,
            kinship
        }),
    ]
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

    #[test]
    fn only_an_image_that_says_its_revision_passes_and_whatever_does_not_pass_says_why(
        standing in any_standing(), folder: String, image: String, rebuild in prop::collection::vec(any::<String>(), 0..3),
    ) {
        // IMG-1, GAT-1
        let config = Config { rebuild, ..Config::of(&image) };
        let judgement = judge(&subject(), &standing, &folder, &config);
        let says = matches!(standing, Standing::Labelled { kinship: Kinship::Same | Kinship::Descendant { .. }, .. });
        prop_assert!(judgement.verdict != Verdict::Pass || says);
        prop_assert_eq!(judgement.verdict == Verdict::Pass, judgement.findings.is_empty());
        prop_assert!(judgement.verdict != Verdict::Actionable || (!config.rebuild.is_empty() && !image.contains('@')));
        prop_assert!(judgement.summary.lines().count() <= 1 && judgement.summary.chars().count() < 2_000);
    }

    #[test]
    fn what_acting_passes_is_fresh_at_the_end(
        before in any_standing(), built in any_standing(), tested in any_standing(), code in -1..2_i32,
    ) {
        // IMG-1
        let effects = [("build-staging", built), ("test-staging", tested.clone())];
        let mut fake = Fake { exit_codes: vec![("test-staging", code)], ..Fake::of(before, &effects) };
        let config = config(&["build-staging", "test-staging"]);
        let judgement = act(&mut fake, &subject(), FOLDER, &config).unwrap();
        let at_the_end = judge(&subject(), &fake.standing, FOLDER, &config).verdict;
        prop_assert!(judgement.verdict != Verdict::Pass || at_the_end == Verdict::Pass);
        prop_assert!(judgement.verdict != Verdict::Actionable);
        prop_assert!(judgement.verdict != Verdict::Pass || fake.ran.is_empty() || code == 0);
    }
}
