//! Gitea's and Forgejo's events. A pull request's events come under several names (`pull_request`,
//! `pull_request_sync`, `pull_request_review_approved`, …), which differ between versions and between the two event
//! headers.

use super::parse::{PayloadError, ignored};
use super::shape::{self, Reported};
use portcullis_core::event::Event;

pub(super) fn parse(event: &str, text: &str) -> Result<Event, PayloadError> {
    match event {
        "push" => shape::push(text),
        "delete" => shape::deletion(text),
        "status" => shape::status(text),
        "workflow_job" => shape::report(Reported::WorkflowJob, text),
        "workflow_run" => shape::report(Reported::WorkflowRun, text),
        "pull_request"
        | "pull_request_sync"
        | "pull_request_approved"
        | "pull_request_rejected"
        | "pull_request_review_approved"
        | "pull_request_review_rejected" => shape::pull_request(text),
        "" => ignored(text, "the sender named no event"),
        other => ignored(text, format!("nothing is done on Gitea's event {other}")),
    }
}
