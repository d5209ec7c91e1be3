//! What each kind of move tells the outside: tracker, pull request, operator.
//!
//! Pure: from the task and the move to the effects that are written in the same transaction. Keys hold the task's version,
//! which moves at most once, so the same move can never tell twice (I2).

use portcullis_core::effect::{Effect, NewEffect, StatusState, TrackerState};
use portcullis_core::gate::{Evaluation, Finding, Mode, OnFault, Outcome, Severity};
use portcullis_core::ids::StageName;
use portcullis_core::task::{Feedback, Task};
use std::fmt::Write;

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

    fn status(self, stage: &StageName, state: StatusState, description: &str) -> Self {
        let Some(revision) = self.task.head.clone() else { return self };
        let description: String = description.chars().take(140).collect();
        let context = format!("{STATUS_CONTEXT}{stage}");
        self.tell("forge-status", Effect::ForgeStatus { revision, context, state, description })
    }

    fn pull_request(self, text: String) -> Self {
        match self.task.pull_request {
            Some(number) => self.tell("pull-request-comment", Effect::PullRequestComment { number, text }),
            None => self,
        }
    }
}

/// A task entered the next stage.
pub fn advanced(task: &Task, to: &StageName, terminal: bool, evaluations: &[Evaluation]) -> Vec<NewEffect> {
    let mut text = format!("{} → {to}", task.stage);
    for warning in evaluations.iter().filter_map(loud_warning) {
        let _infallible = write!(text, "\n\n**Warning:** {warning}");
    }
    let state = if terminal { TrackerState::Done } else { tracker_state(to, false) };
    let description = format!("every gate to {to} is green");
    Told::of(task).state(state).comment(text).status(&task.stage, StatusState::Success, &description).effects
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

/// A failed gate sent a task back.
pub fn returned(task: &Task, to: &StageName, feedback: &Feedback) -> Vec<NewEffect> {
    let text = format!("{} → {to}: gate {} is red\n\n{}", feedback.from, feedback.gate, findings_text(feedback));
    Told::of(task)
        .state(tracker_state(to, false))
        .comment(text.clone())
        .pull_request(text)
        .status(&task.stage, StatusState::Failure, &format!("{}: {}", feedback.gate, feedback.summary))
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
