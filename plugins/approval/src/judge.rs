//! What the newest decision of a person means for the revision under judgement.
//!
//! A decision holds for the revision that the person saw and for no other, whichever way it went. Deliberately absent: any
//! way for something other than a person's decision to end the wait.

use portcullis_gate_sdk::host::approvals::Approval;
use portcullis_gate_sdk::{prelude::*, text};
use serde::{Deserialize, Serialize};

/// The gate's table in the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// Seconds after which asking again makes sense; a decision also rings the bell by itself.
    pub retry_after_s: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { retry_after_s: 300 }
    }
}

/// Judges `subject` by the newest decision on leaving its stage.
pub fn judge(subject: &Subject, latest: Option<&Approval>, config: &Config) -> Judgement {
    let head = text::short(&subject.head);
    let Some(decision) = latest else {
        return Judgement::pending(format!("waits for approval of {head}"), config.retry_after_s);
    };
    let by = text::clip(&decision.by, 80);
    let seen = text::short(&decision.revision);
    let judgement = match (decision.approved, decision.revision == subject.head) {
        (true, true) => Judgement::pass(format!("{by} approved {head}")),
        (false, true) => {
            let comment = text::clip(&decision.comment, 2_000);
            let said = if comment.is_empty() { "without a comment".into() } else { format!("saying: {comment}") };
            Judgement::fail(format!("{by} rejected {head}"))
                .finding(Finding::error("rejected", format!("{by} rejected this revision {said}")))
        }
        (true, false) => Judgement::pending(
            format!("waits for approval of {head}: {by} approved {seen}, and the branch has moved on since"),
            config.retry_after_s,
        ),
        (false, false) => Judgement::pending(
            format!("waits for approval of {head}: {by} rejected {seen}, and the branch has moved on since"),
            config.retry_after_s,
        ),
    };
    judgement
        .evidence("decided-by", by)
        .evidence("decided-at-s", decision.at_s.to_string())
        .evidence("decided-revision", text::clip(&decision.revision, 80))
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_gate_sdk::testing::{assert_schema_matches, subject};
    use proptest::prelude::*;

    fn decision(approved: bool, revision: &str, comment: &str) -> Approval {
        Approval { approved, by: "ada".into(), at_s: 1_767_600_000, revision: revision.into(), comment: comment.into() }
    }

    #[test]
    fn an_approval_holds_for_the_revision_that_was_seen_and_is_asked_for_again_when_the_branch_moves_on() {
        // STG-5
        let head = "1".repeat(40);
        let older = "3".repeat(40);
        let table = [
            (None, Verdict::Pending, "waits for approval of 111111111111"),
            (Some(decision(true, &head, "")), Verdict::Pass, "ada approved 111111111111"),
            (Some(decision(false, &head, "no")), Verdict::Fail, "ada rejected 111111111111"),
            (Some(decision(true, &older, "")), Verdict::Pending, "approved 333333333333, and the branch has moved on"),
            (Some(decision(false, &older, "")), Verdict::Pending, "rejected 333333333333, and the branch has moved on"),
            (Some(decision(true, "", "")), Verdict::Pending, "waits for approval of 111111111111"),
        ];
        for (latest, verdict, summary) in table {
            let judgement = judge(&subject(), latest.as_ref(), &Config::default());
            assert_eq!(judgement.verdict, verdict, "{latest:?}");
            assert!(judgement.summary.contains(summary), "{}", judgement.summary);
            assert_eq!(judgement.retry_after_s, (verdict == Verdict::Pending).then_some(300));
        }
    }

    #[test]
    fn a_rejection_hands_the_comment_on_to_whoever_mends_it() {
        // STG-5, STG-3
        let rejected =
            |comment| judge(&subject(), Some(&decision(false, &subject().head, comment)), &Config::default());
        assert!(rejected("split the migration").findings[0].message.contains("split the migration"));
        assert!(rejected(" ").findings[0].message.ends_with("without a comment"));
    }

    #[test]
    fn the_schema_says_what_the_type_accepts() {
        assert_schema_matches::<crate::Approval>(&Config::default());
    }

    proptest! {
        #[test]
        fn nothing_but_an_approval_of_this_very_head_passes(approved: bool, same: bool, revision: String, by: String, comment: String) {
            // STG-5
            let revision = if same { subject().head } else { revision };
            let passes = approved && revision == subject().head;
            let latest = Approval { approved, by, at_s: 0, revision, comment };
            let judgement = judge(&subject(), Some(&latest), &Config::default());
            prop_assert_eq!(judgement.verdict == Verdict::Pass, passes);
        }
    }
}
