//! Whether the branch can be merged as it stands: it holds its target's head, and its very tree was tested.
//!
//! Deliberately absent: whether the pull request is merged already (MRG-3), which the host asks before every merge, and
//! the lease under which branches are merged one after the other (MRG-2).

use crate::config::Config;
use portcullis_gate_sdk::host::test_runs::TestRun;
use portcullis_gate_sdk::{prelude::*, text};

/// How the branch stands.
#[derive(Debug, Clone)]
pub enum Standing {
    /// The target's head is not part of it.
    Behind,
    /// It is.
    UpToDate {
        /// The head's tree.
        tree: String,
        /// The newest recorded run of the tests on exactly that tree.
        run: Option<TestRun>,
    },
}

/// Judges the branch.
pub fn judge(subject: &Subject, standing: &Standing, config: &Config) -> Judgement {
    let head = text::short(&subject.head);
    let command = text::clip(&config.test, 80);
    let judgement = match standing {
        Standing::Behind => {
            let (target, target_head) = (text::clip(&subject.target, 120), text::short(&subject.target_head));
            Judgement::actionable(format!("behind: {head} does not hold {target_head} of `{target}` yet"))
        }
        Standing::UpToDate { tree, run: None } => {
            Judgement::actionable(format!("not tested at this tree: `{command}` has not run on {}", text::short(tree)))
                .evidence("tree", tree)
        }
        Standing::UpToDate { tree, run: Some(run) } if run.exit_code == 0 => {
            Judgement::pass(format!("up to date, and `{command}` passed on exactly this tree"))
                .evidence("tree", tree)
                .evidence("tested-at-s", run.at_s.to_string())
        }
        Standing::UpToDate { tree, run: Some(run) } => red(config, run.exit_code, &run.output_tail)
            .evidence("tree", tree)
            .evidence("tested-at-s", run.at_s.to_string()),
    };
    judgement.evidence("head", &subject.head).evidence("target-head", &subject.target_head)
}

/// The tests ran and did not pass.
pub(crate) fn red(config: &Config, exit_code: i32, output: &str) -> Judgement {
    let command = text::clip(&config.test, 80);
    let said = match text::tail(output, 60, 6_000) {
        tail if tail.is_empty() => "without any output".to_owned(),
        tail => format!("saying:\n{tail}"),
    };
    Judgement::fail(format!("`{command}` ended with {exit_code}")).finding(
        Finding::error("tests-red", format!("`{command}` ended with {exit_code}, {said}"))
            .identified_by(["tests-red", &config.test]),
    )
}
