//! What each kind of move tells the outside: tracker, pull request, operator.
//!
//! Pure: from the task and the move to the effects that are written in the same transaction. Keys hold the task's version,
//! which moves at most once, so the same move can never tell twice (I2).

use portcullis_core::effect::{Effect, NewEffect, StatusState, TrackerState};
use portcullis_core::gate::{Evaluation, Finding, Mode, OnFault, Outcome, Severity};
use portcullis_core::ids::{GateName, StageName};
use portcullis_core::task::{Feedback, Task};
use std::fmt::Write;

/// Findings of one gate that a comment shows.
const SHOWN_FINDINGS: usize = 20;
/// Commit statuses of Portcullis begin so; its own echo is known by it (WEB-6).
pub const STATUS_CONTEXT: &str = "portcullis/";

/// The tracker's state for a stage (TRK-1: the board shows the pipeline).
pub fn tracker_state(stage: &StageName, terminal: bool) -> TrackerState {
    match stage.as_str() {
        _ if terminal => TrackerState::Done,
        "analysis" => TrackerState::Analysis,
        "review" => TrackerState::CodeReview,
        "deploy" => TrackerState::Deploying,
        _ => TrackerState::InProgress,
    }
}

/// Numbers the effects of one move.
struct Told<'a> {
    task: &'a Task,
    effects: Vec<NewEffect>,
}

impl<'a> Told<'a> {
    fn of(task: &'a Task) -> Self {
        Self { task, effects: Vec::new() }
    }

    fn tell(mut self, what: &str, effect: Effect) -> Self {
        let key = format!("task-{}/v{}/{what}", self.task.id, self.task.version);
        self.effects.push(NewEffect { key, effect });
        self
    }

    fn state(self, state: TrackerState) -> Self {
        let work_item = self.task.work_item.clone();
        self.tell("tracker-state", Effect::SetTrackerState { work_item, state })
    }

    fn comment(self, text: String) -> Self {
        let work_item = self.task.work_item.clone();
        self.tell("tracker-comment", Effect::TrackerComment { work_item, text })
    }

    /// A commit status named after a stage or a gate.
    fn status(self, name: &str, state: StatusState, description: &str) -> Self {
        let Some(revision) = self.task.head.clone() else { return self };
        let description: String = description.chars().take(140).collect();
        let context = format!("{STATUS_CONTEXT}{name}");
        self.tell(&format!("forge-status/{name}"), Effect::ForgeStatus { revision, context, state, description })
    }

    /// A status for each gate that counts.
    fn green(self, judged: &[&Evaluation]) -> Self {
        let stage = &self.task.stage;
        judged.iter().filter(|evaluation| evaluation.mode == Mode::Enforce).fold(self, |told, evaluation| {
            match &evaluation.report.outcome {
                Outcome::Judged(judgement) => {
                    told.status(&gate_status(stage, &evaluation.gate), StatusState::Success, &judgement.summary)
                }
                Outcome::Faulted(_) => told,
            }
        })
    }

    fn pull_request(self, text: String) -> Self {
        match self.task.pull_request {
            Some(number) => self.tell("pull-request-comment", Effect::PullRequestComment { number, text }),
            None => self,
        }
    }
}

/// A task entered the next stage. `judged`: the answers that it rests on, in the order of the gates; what each of them said
/// becomes a status, unless `merged`: then [`about_to_merge`] has told it.
pub fn advanced(task: &Task, to: &StageName, terminal: bool, judged: &[&Evaluation], merged: bool) -> Vec<NewEffect> {
    let mut text = format!("{} → {to}", task.stage);
    for warning in judged.iter().flat_map(|evaluation| loud_warnings(evaluation)) {
        let _infallible = write!(text, "\n\n**Warning:** {warning}");
    }
    let state = if terminal { TrackerState::Done } else { tracker_state(to, false) };
    let description = format!("every gate to {to} is green");
    let told =
        Told::of(task).state(state).comment(text).status(task.stage.as_str(), StatusState::Success, &description);
    if merged { told.effects } else { told.green(judged).effects }
}

/// Every gate of the merging edge is green: what each of them said is shown on the pull request and on the head that will be
/// merged, before it is. `judged`: the answers that it rests on, in the order of the gates.
pub fn about_to_merge(task: &Task, target: &str, judged: &[&Evaluation]) -> Vec<NewEffect> {
    let head = task.head.as_ref().map_or_else(String::new, |head| head.short().to_owned());
    let mut text = format!("Every gate is green for `{head}`; it will be merged into `{target}`.\n");
    for evaluation in judged {
        let Outcome::Judged(judgement) = &evaluation.report.outcome else {
            if let Some(warning) = loud_warning(evaluation) {
                let _infallible = write!(text, "\n- **Warning:** {warning}");
            }
            continue;
        };
        let (gate, summary) = (&evaluation.gate, &judgement.summary);
        let counts = if evaluation.mode == Mode::Enforce { "" } else { " (in shadow: it does not count)" };
        let _infallible = write!(text, "\n- **{gate}**{counts}: {summary}");
        let (shown, more) = first_of(judgement.findings.iter());
        for finding in shown {
            let _infallible = write!(text, "\n  - {finding}");
        }
        if more > 0 {
            let _infallible = write!(text, "\n  - and {more} more; `portcullis task show {}` has them", task.id);
        }
    }
    let told = Told::of(task).green(judged);
    // An edge without gates has nothing to show.
    if judged.is_empty() { told.effects } else { told.pull_request(text).effects }
}

/// Below the stage's own: a gate may be named like another stage.
fn gate_status(stage: &StageName, gate: &GateName) -> String {
    format!("{stage}/{gate}")
}

/// A gate that could not judge and was let through: said loudly in every report (GAT-1).
fn loud_warning(evaluation: &Evaluation) -> Option<String> {
    match (&evaluation.report.outcome, evaluation.on_fault, evaluation.mode) {
        (Outcome::Faulted(fault), OnFault::Open, Mode::Enforce) => Some(format!(
            "gate {} did NOT judge this change ({fault}); it was let through because the manifest says `on-fault = \"open\"`",
            evaluation.gate
        )),
        _ => None,
    }
}

/// All that is said loudly of a gate on whose answer a task goes on: besides that, what a gate that counts let pass with a
/// warning, such as dependencies that nobody could audit (SEC-3).
fn loud_warnings(evaluation: &Evaluation) -> Vec<String> {
    let (Outcome::Judged(judgement), Mode::Enforce) = (&evaluation.report.outcome, evaluation.mode) else {
        return loud_warning(evaluation).into_iter().collect();
    };
    let gate = &evaluation.gate;
    let (shown, more) = first_of(judgement.findings.iter().filter(|finding| finding.severity == Severity::Warning));
    let mut said: Vec<String> = shown.into_iter().map(|finding| format!("gate {gate}: {finding}")).collect();
    if more > 0 {
        said.push(format!("gate {gate}: {more} more warnings"));
    }
    said
}

/// The first of `findings` in words, as many as are shown, and how many more there are.
fn first_of<'f>(mut findings: impl Iterator<Item = &'f Finding>) -> (Vec<String>, usize) {
    let shown = findings.by_ref().take(SHOWN_FINDINGS).map(finding_text).collect();
    (shown, findings.count())
}

/// A failed gate sent a task back.
pub fn returned(task: &Task, to: &StageName, feedback: &Feedback) -> Vec<NewEffect> {
    let text = format!("{} → {to}: gate {} is red\n\n{}", feedback.from, feedback.gate, findings_text(feedback));
    Told::of(task)
        .state(tracker_state(to, false))
        .comment(text.clone())
        .pull_request(text)
        .status(task.stage.as_str(), StatusState::Failure, &format!("{}: {}", feedback.gate, feedback.summary))
        .status(&gate_status(&task.stage, &feedback.gate), StatusState::Failure, &feedback.summary)
        .effects
}

/// A task is held for a person (STG-4): blocked on the board, and the operator is told once.
pub fn held(task: &Task, reason: &str) -> Vec<NewEffect> {
    let text = format!("{} {} is held in {}: {reason}", task.project, task.work_item, task.stage);
    let remedy =
        format!("`portcullis task explain {}` says more; `portcullis task release {0}` lets it go on.", task.id);
    Told::of(task)
        .state(TrackerState::Blocked)
        .comment(format!("Held: {reason}"))
        .tell("notify", Effect::Notify { text: format!("{text}\n{remedy}") })
        .effects
}

/// A person's approval is needed.
pub fn needs_approval(task: &Task, summary: &str) -> Vec<NewEffect> {
    let revision = task.head.as_ref().map_or_else(String::new, |head| head.short().to_owned());
    // Keyed by the revision, not the version: asked once for each revision (STG-5), however often it is looked at.
    let key = |what: &str| format!("task-{}/visit-{}/approval-{revision}/{what}", task.id, task.visit);
    let work_item = task.work_item.clone();
    let text = format!("{summary}\nApprove with `portcullis task approve {}` or on the board.", task.id);
    vec![
        NewEffect {
            key: key("tracker-state"),
            effect: Effect::SetTrackerState { work_item: work_item.clone(), state: TrackerState::NeedsInput },
        },
        NewEffect { key: key("tracker-comment"), effect: Effect::TrackerComment { work_item, text } },
    ]
}

/// A Confirm Deploy was found on the board whose event never came: the operator is told, once a visit, and nothing is done
/// about it (REC-8).
pub fn missed_confirm_deploy(task: &Task) -> NewEffect {
    let text = format!(
        "{} {} is in Confirm Deploy on the board, but its event never came. Nothing was deployed because of it: if that is \
         still wanted, move it there again.",
        task.project, task.work_item
    );
    NewEffect {
        key: format!("task-{}/visit-{}/missed-confirm-deploy", task.id, task.visit),
        effect: Effect::Notify { text },
    }
}

/// A gate's findings as text for people and for the next run: word for word, one per paragraph (STG-3).
pub fn findings_text(feedback: &Feedback) -> String {
    let mut text = format!("{}\n", feedback.summary);
    for finding in &feedback.findings {
        let _infallible = write!(text, "\n- {}", finding_text(finding));
    }
    text
}

fn finding_text(finding: &Finding) -> String {
    let weight = match finding.severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    let place = match (&finding.path, finding.line) {
        (Some(path), Some(line)) => format!(" at {path}:{line}"),
        (Some(path), None) => format!(" at {path}"),
        (None, _) => String::new(),
    };
    format!("[{weight}] {}{place}: {} (fingerprint {})", finding.rule, finding.message, finding.fingerprint)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use portcullis_core::digest::Digest;
    use portcullis_core::gate::{Call, Fault, Judgement, PluginRef, Report, Subject, Verdict};
    use portcullis_core::ids::{PluginName, ProjectName, Revision, TaskId, WorkItem};
    use portcullis_core::time::UnixMillis;
    use std::time::Duration;

    const AT: UnixMillis = UnixMillis(0);

    fn task() -> Task {
        Task {
            id: TaskId(7),
            project: ProjectName::new("shop"),
            work_item: WorkItem::new("SHOP-7"),
            tracker_id: None,
            title: "Say goodbye".to_owned(),
            description: String::new(),
            stage: "deploy-staging".into(),
            visit: 1,
            version: 9,
            branch: "task/SHOP-7".to_owned(),
            head: Some(Revision::parse(&"a".repeat(40)).unwrap()),
            head_since: None,
            pull_request: Some(3),
            merging: None,
            merge_commit: None,
            returns: 0,
            held: None,
            feedback: None,
            overlay: serde_json::Value::Null,
            stage_since: AT,
            fresh_from: AT,
            created_at: AT,
            rings: 0,
            next_look_at: None,
            rest: None,
        }
    }

    fn said(gate: &str, mode: Mode, outcome: Outcome) -> Evaluation {
        let task = task();
        let digest = Digest::from_sha256([7; 32]);
        Evaluation {
            id: None,
            gate: GateName::new(gate),
            plugin: PluginRef {
                name: PluginName::new("acme/any"),
                version: "1.0.0".to_owned(),
                digest: digest.clone(),
            },
            config_digest: digest,
            subject: Subject {
                repository: "acme/shop".to_owned(),
                work_item: task.work_item,
                from: task.stage,
                to: "deploy".into(),
                branch: task.branch,
                head: task.head.clone().unwrap(),
                target: "main".to_owned(),
                target_head: task.head.unwrap(),
                pull_request: task.pull_request,
            },
            call: Call::Evaluate,
            mode,
            on_fault: OnFault::Open,
            report: Report {
                outcome,
                duration: Duration::ZERO,
                memory_peak_bytes: 0,
                host_calls: 0,
                transcript: Vec::new(),
                log: String::new(),
            },
            at: AT,
            rings: 0,
        }
    }

    fn passed(summary: &str, notes: usize) -> Outcome {
        let note = |n| Finding {
            rule: format!("rule-{n}"),
            severity: Severity::Note,
            message: "for your information".to_owned(),
            path: Some("a.txt".to_owned()),
            line: Some(1),
            fingerprint: "0".to_owned(),
        };
        Outcome::Judged(Judgement {
            verdict: Verdict::Pass,
            summary: summary.to_owned(),
            findings: (0..notes).map(note).collect(),
            evidence: Vec::new(),
            retry_after_s: None,
        })
    }

    fn comments(effects: &[NewEffect]) -> Vec<&str> {
        let is_comment = |effect: &&NewEffect| matches!(effect.effect, Effect::PullRequestComment { number: 3, .. });
        effects.iter().filter(is_comment).map(|effect| effect.key.as_str()).collect()
    }

    fn statuses(effects: &[NewEffect]) -> Vec<(String, StatusState)> {
        let status = |effect: &NewEffect| match &effect.effect {
            Effect::ForgeStatus { context, state, .. } => Some((context.clone(), *state)),
            _ => None,
        };
        effects.iter().filter_map(status).collect()
    }

    #[test]
    fn before_a_merge_the_pull_request_is_told_once_what_every_gate_said() {
        // SEC-7, GAT-1, GAT-7
        let security = said("security", Mode::Enforce, passed("no secrets in 5 commits", 25));
        let trial = said("trial", Mode::Shadow, passed("fine", 0));
        let broken = said("licences", Mode::Enforce, Outcome::Faulted(Fault::PoolExhausted));
        let effects = about_to_merge(&task(), "main", &[&security, &trial, &broken]);
        assert_eq!(comments(&effects), ["task-7/v9/pull-request-comment"]);
        let Some(Effect::PullRequestComment { text, .. }) = effects.last().map(|last| &last.effect) else {
            panic!("the comment comes last: {effects:?}")
        };
        for part in [
            "it will be merged into `main`",
            "**security**: no secrets in 5 commits",
            "[note] rule-19 at a.txt:1",
            "and 5 more",
            "**trial** (in shadow: it does not count): fine",
            "**Warning:** gate licences did NOT judge",
        ] {
            assert!(text.contains(part), "`{part}` is not in: {text}");
        }
        assert!(!text.contains("rule-20"), "{text}");
        let green = ("portcullis/deploy-staging/security".to_owned(), StatusState::Success);
        assert_eq!(statuses(&effects), [green], "what does not count, or has not judged, is no green status");
        assert_eq!(about_to_merge(&task(), "main", &[]), Vec::new(), "an edge without gates has nothing to show");
    }

    #[test]
    fn what_a_gate_let_pass_with_a_warning_is_said_loudly_on_the_board() {
        // SEC-3
        let warned = |mode, warnings: usize| {
            let mut evaluation = said("security", mode, passed("DEPENDENCIES NOT AUDITED; no secrets", warnings + 1));
            let Outcome::Judged(judgement) = &mut evaluation.report.outcome else { unreachable!("it has passed") };
            judgement.findings.iter_mut().skip(1).for_each(|finding| finding.severity = Severity::Warning);
            evaluation
        };
        let told = |evaluation: &Evaluation| {
            let effects = advanced(&task(), &"deploy".into(), false, &[evaluation], false);
            let comment = effects.into_iter().find_map(|effect| match effect.effect {
                Effect::TrackerComment { text, .. } => Some(text),
                _ => None,
            });
            comment.unwrap()
        };
        assert_eq!(
            told(&warned(Mode::Enforce, 1)),
            "deploy-staging → deploy\n\n**Warning:** gate security: [warning] rule-1 at a.txt:1: for your information (fingerprint 0)"
        );
        let many = told(&warned(Mode::Enforce, 25));
        assert!(many.contains("rule-20") && !many.contains("rule-21") && many.ends_with("5 more warnings"), "{many}");
        for quiet in [warned(Mode::Enforce, 0), warned(Mode::Shadow, 1)] {
            assert_eq!(told(&quiet), "deploy-staging → deploy", "a note is no warning, and a trial does not count");
        }
    }

    #[test]
    fn no_two_effects_of_one_move_share_a_key() {
        // I2
        let same = said("deploy-staging", Mode::Enforce, passed("named like the stage", 0));
        let feedback = Feedback {
            gate: same.gate.clone(),
            from: "deploy-staging".into(),
            summary: String::new(),
            findings: vec![],
        };
        for effects in [
            advanced(&task(), &"deploy".into(), false, &[&same], false),
            about_to_merge(&task(), "main", &[&same]),
            returned(&task(), &"development".into(), &feedback),
        ] {
            let keys: std::collections::BTreeSet<&str> = effects.iter().map(|effect| effect.key.as_str()).collect();
            assert_eq!(keys.len(), effects.len(), "{effects:?}");
        }
    }
}
