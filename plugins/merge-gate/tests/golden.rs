//! What people read of this gate, word for word.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use portcullis_gate_merge_gate::{Branch, Config, Standing, act, judge};
use portcullis_gate_sdk::host::test_runs::TestRun;
use portcullis_gate_sdk::host::workspace::{CaughtUp, Outcome};
use portcullis_gate_sdk::testing::{assert_golden, subject};
use portcullis_gate_sdk::{Judgement, Refusal};

/// A branch whose target is merged in as told and whose tests end with this code.
struct Fake(CaughtUp, i32);

impl Branch for Fake {
    fn catch_up(&mut self) -> Result<CaughtUp, Refusal> {
        Ok(std::mem::replace(&mut self.0, CaughtUp::UpToDate))
    }
    fn tree(&mut self, _revision: &str) -> Result<String, Refusal> {
        Ok("4".repeat(40))
    }
    fn recorded(&mut self, _command: &str, _tree: &str) -> Result<Option<TestRun>, Refusal> {
        Ok(None)
    }
    fn run(&mut self, _command: &str) -> Result<Outcome, Refusal> {
        Ok(Outcome { exit_code: self.1, output_tail: "running 2 tests\ntest b ... FAILED\n".into(), duration_ms: 1 })
    }
    fn publish(&mut self) -> Result<String, Refusal> {
        Ok("5".repeat(40))
    }
}

#[test]
fn the_reports_are_the_approved_ones() {
    // MRG-1
    let tested = |exit_code| Standing::UpToDate {
        tree: "4".repeat(40),
        run: Some(TestRun { exit_code, output_tail: "test b ... FAILED\n".into(), at_s: 1_767_600_000 }),
    };
    let untested = Standing::UpToDate { tree: "4".repeat(40), run: None };
    let looked = |standing: &Standing| judge(&subject(), standing, &Config::default());
    let acted =
        |caught_up, code| -> Judgement { act(&mut Fake(caught_up, code), &subject(), &Config::default()).unwrap() };
    let merged = || CaughtUp::Merged("5".repeat(40));
    assert_golden(
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/reports.txt"),
        &[
            ("behind", looked(&Standing::Behind)),
            ("not tested", looked(&untested)),
            ("tested green", looked(&tested(0))),
            ("tested red", looked(&tested(101))),
            ("acts: caught up", acted(merged(), 0)),
            ("acts: up to date already", acted(CaughtUp::UpToDate, 0)),
            ("acts: red", acted(merged(), 101)),
            ("acts: ended at its time limit", acted(merged(), 137)),
            ("acts: conflicts", acted(CaughtUp::Conflict(vec!["src/a.rs".into(), "sub".into()]), 0)),
            ("acts: conflicts without paths", acted(CaughtUp::Conflict(vec![]), 0)),
        ],
    );
}
