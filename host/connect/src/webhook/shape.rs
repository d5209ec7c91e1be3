//! The parts of payloads that Gitea and GitHub share (Gitea took GitHub's shapes over), and what they mean.
//!
//! Only the fields that are used are named; everything else is skipped unread.

use super::parse::{PayloadError, of_no_consequence, read, revision, revision_or_null};
use portcullis_core::event::Event;
use serde::{Deserialize, Deserializer};

#[derive(Deserialize)]
struct Repository {
    full_name: String,
}

#[derive(Deserialize)]
struct Push {
    #[serde(rename = "ref")]
    reference: String,
    after: String,
    repository: Repository,
}

/// A branch was pushed, or deleted. How many commits the payload lists (it may be cut) does not matter here.
pub(super) fn push(text: &str) -> Result<Event, PayloadError> {
    let push: Push = read(text)?;
    let Some(branch) = push.reference.strip_prefix("refs/heads/") else {
        return Ok(of_no_consequence(format!("push of {}, which is no branch", push.reference)));
    };
    let after = revision_or_null("after", &push.after)?;
    Ok(Event::Push { repository: push.repository.full_name, branch: branch.to_owned(), after })
}

#[derive(Deserialize)]
struct Deletion {
    #[serde(rename = "ref")]
    reference: String,
    #[serde(default)]
    ref_type: Option<String>,
    repository: Repository,
}

/// A branch or tag was deleted. Some versions send this instead of a push to nowhere.
pub(super) fn deletion(text: &str) -> Result<Event, PayloadError> {
    let deletion: Deletion = read(text)?;
    if deletion.ref_type.as_deref() != Some("branch") {
        return Ok(of_no_consequence(format!("deletion of {}, which is no branch", deletion.reference)));
    }
    let branch = deletion.reference.strip_prefix("refs/heads/").unwrap_or(&deletion.reference).to_owned();
    Ok(Event::Push { repository: deletion.repository.full_name, branch, after: None })
}

#[derive(Deserialize)]
struct PullRequestEvent {
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    number: Option<u64>,
    pull_request: PullRequest,
    repository: Repository,
}

#[derive(Deserialize)]
struct PullRequest {
    #[serde(default)]
    number: Option<u64>,
    #[serde(default)]
    merged: Option<bool>,
    head: Head,
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "ref")]
    reference: String,
    sha: String,
    /// Absent is not the same as `null`: `null` means that the fork it came from is gone.
    #[serde(default, deserialize_with = "present")]
    repo: Option<Option<Repository>>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Repository>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Actions that change neither head nor state of a pull request, nor what people decided on it.
const IDLE_ACTIONS: [&str; 17] = [
    "assigned",
    "unassigned",
    "labeled",
    "unlabeled",
    "label_updated",
    "label_cleared",
    "milestoned",
    "demilestoned",
    "locked",
    "unlocked",
    "pinned",
    "unpinned",
    "review_requested",
    "review_request_removed",
    "auto_merge_enabled",
    "auto_merge_disabled",
    "enqueued",
];

/// Something happened to a pull request. An action nobody has heard of counts: to look once too often costs nothing.
pub(super) fn pull_request(text: &str) -> Result<Event, PayloadError> {
    let event: PullRequestEvent = read(text)?;
    let action = event.action.as_deref().unwrap_or_default();
    if IDLE_ACTIONS.contains(&action) {
        return Ok(of_no_consequence(format!("pull request {action}")));
    }
    let number = event
        .number
        .or(event.pull_request.number)
        .ok_or_else(|| PayloadError::field("pull_request.number", "it is missing"))?;
    let head = event.pull_request.head;
    let revision = revision("pull_request.head.sha", &head.sha)?;
    let repository = event.repository.full_name;
    // A fork's branch may be named like one of ours. `:` cannot stand in a branch's name, so these can.
    let branch = match head.repo {
        Some(None) => format!("unknown:{}", head.reference),
        Some(Some(from)) if from.full_name != repository => {
            let owner = from.full_name.split('/').next().unwrap_or_default();
            format!("{owner}:{}", head.reference)
        }
        _ => head.reference,
    };
    let merged = event.pull_request.merged.unwrap_or(false);
    Ok(Event::PullRequest { repository, number, branch, head: revision, merged })
}

#[derive(Deserialize)]
struct StatusEvent {
    sha: String,
    #[serde(default)]
    context: Option<String>,
    repository: Repository,
}

/// A commit status was reported.
pub(super) fn status(text: &str) -> Result<Event, PayloadError> {
    let status: StatusEvent = read(text)?;
    let context = status.context.filter(|context| !context.is_empty()).unwrap_or_else(|| "default".to_owned());
    Ok(Event::Check { repository: status.repository.full_name, revision: revision("sha", &status.sha)?, context })
}

#[derive(Deserialize)]
struct Report {
    head_sha: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    app: Option<App>,
}

#[derive(Deserialize)]
struct App {
    #[serde(default)]
    name: Option<String>,
}

/// Which of the four is there depends on the event.
#[derive(Deserialize)]
struct ReportEvent {
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    workflow_job: Option<Report>,
    #[serde(default)]
    workflow_run: Option<Report>,
    #[serde(default)]
    check_run: Option<Report>,
    #[serde(default)]
    check_suite: Option<Report>,
    repository: Repository,
}

/// What a report is about; its name is the event's and that of the payload's object.
#[derive(Clone, Copy)]
pub(super) enum Reported {
    WorkflowJob,
    WorkflowRun,
    CheckRun,
    CheckSuite,
}

/// A job, run or suite of jobs got further; only its end is a report.
pub(super) fn report(of: Reported, text: &str) -> Result<Event, PayloadError> {
    let event: ReportEvent = read(text)?;
    let (kind, report) = match of {
        Reported::WorkflowJob => ("workflow_job", event.workflow_job),
        Reported::WorkflowRun => ("workflow_run", event.workflow_run),
        Reported::CheckRun => ("check_run", event.check_run),
        Reported::CheckSuite => ("check_suite", event.check_suite),
    };
    let report = report.ok_or_else(|| PayloadError::field(kind, "it is missing"))?;
    let ended = report.status.as_deref() == Some("completed") || event.action.as_deref() == Some("completed");
    if !ended {
        let state = report.status.or(event.action).unwrap_or_default();
        return Ok(of_no_consequence(format!("{kind} not ended yet ({state})")));
    }
    let context = report
        .name
        .or(report.app.and_then(|app| app.name))
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| kind.to_owned());
    let revision = revision(&format!("{kind}.head_sha"), &report.head_sha)?;
    Ok(Event::Check { repository: event.repository.full_name, revision, context })
}
