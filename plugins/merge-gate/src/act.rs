//! Bringing the branch up to date, testing the result and publishing it (MRG-1).
//!
//! Always holds: nothing is published that was not tested at exactly the tree that is published, and what a pass names as
//! the new head is what was tested. A merge that fails to test or to publish leaves the remote branch as it was.

use crate::config::Config;
use crate::judge::red;
use portcullis_gate_sdk::host::test_runs::TestRun;
use portcullis_gate_sdk::host::workspace::{CaughtUp, Outcome};
use portcullis_gate_sdk::{prelude::*, text};

/// Most conflicting paths in an answer.
const PATHS: usize = 100;

/// What acting needs of the world; the glue gives it the host's, tests their own.
#[allow(clippy::missing_errors_doc, reason = "each fails when the host cannot do or find out what its line says")]
pub trait Branch {
    /// Brings the target's head into the branch, locally.
    fn catch_up(&mut self) -> Result<CaughtUp, Refusal>;
    /// The tree of a revision.
    fn tree(&mut self, revision: &str) -> Result<String, Refusal>;
    /// The newest recorded run of `command` on exactly this tree.
    fn recorded(&mut self, command: &str, tree: &str) -> Result<Option<TestRun>, Refusal>;
    /// Runs the operator's command on the branch as it now is.
    fn run(&mut self, command: &str) -> Result<Outcome, Refusal>;
    /// Publishes the branch; answers the published head.
    fn publish(&mut self) -> Result<String, Refusal>;
}

/// Catches up, tests and publishes.
///
/// # Errors
/// When a step could not be carried out, as opposed to: was carried out and did not succeed.
pub fn act(branch: &mut impl Branch, subject: &Subject, config: &Config) -> Result<Judgement, Refusal> {
    let head = match branch.catch_up()? {
        CaughtUp::UpToDate => subject.head.clone(),
        CaughtUp::Merged(head) => head,
        CaughtUp::Conflict(paths) => return Ok(evidence(conflict(subject, &paths), subject)),
    };
    let tree = branch.tree(&head)?;
    // An earlier attempt may have got as far as testing this very tree.
    let green = matches!(branch.recorded(&config.test, &tree)?, Some(run) if run.exit_code == 0);
    if !green {
        let outcome = branch.run(&config.test)?;
        if outcome.exit_code != 0 {
            return Ok(evidence(red(config, outcome.exit_code, &outcome.output_tail), subject).evidence("tree", tree));
        }
    }
    if head != subject.head {
        let published = branch.publish()?;
        if published != head {
            return Err(Refusal::Unavailable(format!(
                "failed to publish the branch: {} was tested and {} is published; judge that again",
                text::short(&head),
                text::short(&published)
            )));
        }
    }
    let command = text::clip(&config.test, 80);
    let how = if head == subject.head { "up to date already" } else { "caught up and published" };
    let judgement = Judgement::pass(format!("{how}, and `{command}` passed on {}", text::short(&head)));
    Ok(evidence(judgement, subject).evidence("tree", tree).evidence("new-head", head))
}

fn conflict(subject: &Subject, paths: &[String]) -> Judgement {
    let target = text::clip(&subject.target, 120);
    let finding = |path: &String| {
        let message = format!("conflicts with `{target}`; merge `{target}` into the branch and solve it there");
        Finding::error("merge-conflict", message).at(text::clip(path, 500), None)
    };
    if paths.is_empty() {
        let why = format!("the branch conflicts with `{target}`");
        return Judgement::fail(why.clone()).finding(Finding::error("merge-conflict", why));
    }
    Judgement::fail(format!("conflicts with `{target}` in {}", text::list(paths, 5)))
        .with_findings(paths.iter().map(finding))
        .at_most(PATHS)
}

fn evidence(judgement: Judgement, subject: &Subject) -> Judgement {
    judgement.evidence("head", &subject.head).evidence("target-head", &subject.target_head)
}
