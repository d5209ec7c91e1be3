//! Rebuilding the staging image from the branch, testing it, and judging again (IMG-1).
//!
//! Always holds: the last word is the same judgement of the image as the registry then has it, so that a command that
//! exits with 0 and built nothing does not pass. An image that is fresh already is not built again, and one that another
//! image takes the place of while it is tested does not pass.

use crate::config::Config;
use crate::judge::{Standing, judge};
use portcullis_gate_sdk::host::workspace::Outcome;
use portcullis_gate_sdk::{prelude::*, text};

/// What acting needs of the world; the glue gives it the host's, tests their own.
pub trait Staging {
    /// How the image stands now.
    ///
    /// # Errors
    /// When that cannot be found out.
    fn standing(&mut self) -> Result<Standing, Refusal>;
    /// Runs one of the operator's commands.
    ///
    /// # Errors
    /// When it could not be run at all.
    fn run(&mut self, command: &str) -> Result<Outcome, Refusal>;
}

/// Makes the image fresh where it is not, and judges it.
///
/// # Errors
/// When the image or a command cannot be had.
pub fn act(
    staging: &mut impl Staging,
    subject: &Subject,
    documents: &str,
    config: &Config,
) -> Result<Judgement, Refusal> {
    let before = judge(subject, &staging.standing()?, documents, config);
    if before.verdict != Verdict::Actionable {
        return Ok(before);
    }
    let mut built = None;
    for (at, command) in config.rebuild.iter().enumerate() {
        if at > 0 && at + 1 == config.rebuild.len() {
            // What the last command is to test, if all that builds has run.
            let standing = staging.standing()?;
            let fresh = judge(subject, &standing, documents, config).verdict == Verdict::Pass;
            built = standing.digest().filter(|_| fresh).map(str::to_owned);
        }
        let outcome = staging.run(command)?;
        if outcome.exit_code != 0 {
            return Ok(failed(command, &outcome).evidence("head", &subject.head));
        }
    }
    let standing = staging.standing()?;
    let after = judge(subject, &standing, documents, config).evidence("commands-run", text::list(&config.rebuild, 20));
    if let Some(built) = built.filter(|built| standing.digest() != Some(built)) {
        return Ok(moved(&built, &standing, after));
    }
    Ok(match after.verdict {
        Verdict::Actionable => {
            let why = format!("the rebuild ended well and changed nothing: {}", after.summary);
            let message = format!("{why}; check that its commands build and push the image with its label");
            let findings = vec![Finding::error("rebuild-without-effect", message)];
            Judgement { verdict: Verdict::Fail, summary: why, findings, ..after }
        }
        Verdict::Pass | Verdict::Fail | Verdict::Pending => after,
    })
}

/// The image that was built is not the one that is there after its test: which of them was tested, nobody knows.
fn moved(built: &str, standing: &Standing, after: Judgement) -> Judgement {
    let (built, there) = (text::clip(built, 120), text::clip(standing.digest().unwrap_or("nothing"), 120));
    let why = format!("the image moved while it was tested: from {built} to {there}");
    let message = format!("{why}; let nothing else write this tag, and let the last of the commands only test");
    Judgement { verdict: Verdict::Fail, findings: vec![Finding::error("image-moved", message)], summary: why, ..after }
}

fn failed(command: &str, outcome: &Outcome) -> Judgement {
    let (name, code) = (text::clip(command, 80), outcome.exit_code);
    Judgement::fail(format!("command `{name}` ended with {code}")).finding(
        Finding::error(
            "rebuild-failed",
            format!("command `{name}` ended with {code}:\n{}", text::tail(&outcome.output_tail, 60, 6_000)),
        )
        .identified_by(["rebuild-failed", command]),
    )
}
