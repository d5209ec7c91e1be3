//! The rows of MRG-1: what evaluating says, and what acting does in which order.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use portcullis_gate_merge_gate::{Branch, Config, MergeGate, Standing, act, judge};
use portcullis_gate_sdk::host::test_runs::TestRun;
use portcullis_gate_sdk::host::workspace::{CaughtUp, Outcome};
use portcullis_gate_sdk::testing::{assert_schema_matches, subject};
use portcullis_gate_sdk::{Judgement, Refusal, Verdict};
use proptest::prelude::*;

fn recorded(exit_code: i32) -> TestRun {
    TestRun { exit_code, output_tail: "the end of the output\n".into(), at_s: 1_767_600_000 }
}

#[test]
fn a_branch_passes_if_it_holds_its_target_and_this_very_tree_was_tested_green() {
    // MRG-1
    let up_to_date = |run| Standing::UpToDate { tree: "4".repeat(40), run };
    let table = [
        (Standing::Behind, Verdict::Actionable, "behind: 111111111111 does not hold 222222222222 of `main` yet"),
        (up_to_date(None), Verdict::Actionable, "not tested at this tree: `test` has not run on 444444444444"),
        (up_to_date(Some(recorded(0))), Verdict::Pass, "up to date, and `test` passed on exactly this tree"),
        (up_to_date(Some(recorded(1))), Verdict::Fail, "`test` ended with 1"),
        (up_to_date(Some(recorded(-1))), Verdict::Fail, "`test` ended with -1"),
        (up_to_date(Some(recorded(137))), Verdict::Fail, "`test` ended with 137"),
    ];
    for (standing, verdict, summary) in table {
        let judgement = judge(&subject(), &standing, &Config::default());
        assert_eq!((judgement.verdict, judgement.summary.as_str()), (verdict, summary));
        assert_eq!(judgement.findings.is_empty(), verdict != Verdict::Fail);
        assert!(judgement.evidence.contains(&("target-head".into(), subject().target_head)));
    }
}

/// A branch that answers as told and writes down what it was asked to do.
struct Fake {
    catch_up: CaughtUp,
    recorded: Option<i32>,
    exit_code: i32,
    published: Result<&'static str, &'static str>,
    did: Vec<String>,
}

impl Branch for Fake {
    fn catch_up(&mut self) -> Result<CaughtUp, Refusal> {
        self.did.push("catch-up".into());
        Ok(match &self.catch_up {
            CaughtUp::UpToDate => CaughtUp::UpToDate,
            CaughtUp::Merged(head) => CaughtUp::Merged(head.clone()),
            CaughtUp::Conflict(paths) => CaughtUp::Conflict(paths.clone()),
        })
    }

    fn tree(&mut self, revision: &str) -> Result<String, Refusal> {
        Ok(format!("tree of {revision}"))
    }

    fn recorded(&mut self, command: &str, tree: &str) -> Result<Option<TestRun>, Refusal> {
        self.did.push(format!("look up {command} on {tree}"));
        Ok(self.recorded.map(recorded))
    }

    fn run(&mut self, command: &str) -> Result<Outcome, Refusal> {
        self.did.push(format!("run {command}"));
        Ok(Outcome { exit_code: self.exit_code, output_tail: "2 tests failed\n".into(), duration_ms: 1 })
    }

    fn publish(&mut self) -> Result<String, Refusal> {
        self.did.push("publish".into());
        self.published.map(Into::into).map_err(|why| Refusal::Unavailable(why.into()))
    }
}

fn merged() -> Fake {
    Fake {
        catch_up: CaughtUp::Merged("merged".into()),
        recorded: None,
        exit_code: 0,
        published: Ok("merged"),
        did: vec![],
    }
}

fn acted(mut fake: Fake) -> (Result<Judgement, Refusal>, Vec<String>) {
    let judgement = act(&mut fake, &subject(), &Config::default());
    (judgement, fake.did)
}

#[test]
fn acting_catches_up_tests_the_result_and_publishes_it() {
    // MRG-1
    let (judgement, did) = acted(merged());
    let judgement = judgement.unwrap();
    assert_eq!(judgement.verdict, Verdict::Pass);
    assert_eq!(did, ["catch-up", "look up test on tree of merged", "run test", "publish"]);
    assert!(judgement.evidence.contains(&("new-head".into(), "merged".into())));
    assert!(judgement.evidence.contains(&("tree".into(), "tree of merged".into())));
}

#[test]
fn conflicts_fail_with_one_finding_a_path_and_nothing_is_run_or_published() {
    // MRG-1
    let paths = vec!["src/a.rs".to_owned(), "src/b.rs".into()];
    let (judgement, did) = acted(Fake { catch_up: CaughtUp::Conflict(paths.clone()), ..merged() });
    let judgement = judgement.unwrap();
    assert_eq!(judgement.verdict, Verdict::Fail);
    let found: Vec<_> = judgement.findings.iter().filter_map(|f| f.path.clone()).collect();
    assert_eq!((found, did), (paths, vec!["catch-up".to_owned()]));
    let (judgement, _) = acted(Fake { catch_up: CaughtUp::Conflict(vec![]), ..merged() });
    assert_eq!(judgement.unwrap().findings.len(), 1);
    let many = (0..2_000).map(|n| n.to_string()).collect();
    let (judgement, _) = acted(Fake { catch_up: CaughtUp::Conflict(many), ..merged() });
    assert_eq!(judgement.unwrap().findings.len(), 101);
}

#[test]
fn red_tests_fail_with_the_end_of_their_output_and_nothing_is_published() {
    // MRG-1
    let (judgement, did) = acted(Fake { exit_code: 101, ..merged() });
    let judgement = judgement.unwrap();
    assert_eq!(judgement.verdict, Verdict::Fail);
    assert_eq!(judgement.findings[0].message, "`test` ended with 101, saying:\n2 tests failed");
    assert!(!did.contains(&"publish".to_owned()));
}

#[test]
fn an_up_to_date_branch_is_tested_and_not_published_again() {
    // MRG-1
    let (judgement, did) = acted(Fake { catch_up: CaughtUp::UpToDate, ..merged() });
    let judgement = judgement.unwrap();
    assert_eq!(judgement.verdict, Verdict::Pass);
    assert_eq!(did.last().unwrap(), "run test");
    assert!(judgement.evidence.contains(&("new-head".into(), subject().head)));
}

#[test]
fn what_an_earlier_attempt_tested_green_is_not_tested_again_and_red_is() {
    // MRG-1, GAT-1
    let (judgement, did) = acted(Fake { recorded: Some(0), exit_code: 1, ..merged() });
    assert_eq!(judgement.unwrap().verdict, Verdict::Pass);
    assert_eq!(did, ["catch-up", "look up test on tree of merged", "publish"]);
    let (judgement, did) = acted(Fake { recorded: Some(1), ..merged() });
    assert_eq!(judgement.unwrap().verdict, Verdict::Pass);
    assert!(did.contains(&"run test".to_owned()));
}

#[test]
fn a_branch_that_moved_meanwhile_is_no_pass_and_no_failure_of_the_work() {
    // MRG-1, GAT-8
    let (refused, _) = acted(Fake { published: Err("failed to publish the branch: it moved"), ..merged() });
    assert!(matches!(refused, Err(Refusal::Unavailable(_))));
    let (refused, _) = acted(Fake { published: Ok("another"), ..merged() });
    assert!(
        matches!(refused, Err(Refusal::Unavailable(why)) if why.contains("merged was tested and another is published"))
    );
}

#[test]
fn the_schema_says_what_the_type_accepts() {
    assert_schema_matches::<MergeGate>(&Config::default());
}

proptest! {
    #[test]
    fn nothing_passes_that_was_not_tested_green(exit_code: i32, output: String, paths: Vec<String>, before: Option<i32>) {
        // MRG-1, GAT-1
        let run = TestRun { exit_code, output_tail: output, at_s: i64::MIN };
        let judgement = judge(&subject(), &Standing::UpToDate { tree: String::new(), run: Some(run) }, &Config::default());
        prop_assert_eq!(judgement.verdict == Verdict::Pass, exit_code == 0);
        let (acting, did) = acted(Fake { exit_code, recorded: before, ..merged() });
        prop_assert_eq!(acting.unwrap().verdict == Verdict::Pass, exit_code == 0 || before == Some(0));
        prop_assert_eq!(did.contains(&"publish".to_owned()), exit_code == 0 || before == Some(0));
        let (conflict, _) = acted(Fake { catch_up: CaughtUp::Conflict(paths), ..merged() });
        prop_assert_eq!(conflict.unwrap().verdict, Verdict::Fail);
    }
}
