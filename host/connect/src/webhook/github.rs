//! GitHub's events.

use super::parse::{PayloadError, ignored};
use super::shape::{self, Reported};
use portcullis_core::event::Event;

pub(super) fn parse(event: &str, text: &str) -> Result<Event, PayloadError> {
    match event {
        "push" => shape::push(text),
        "status" => shape::status(text),
        "check_run" => shape::report(Reported::CheckRun, text),
        "check_suite" => shape::report(Reported::CheckSuite, text),
        "workflow_job" => shape::report(Reported::WorkflowJob, text),
        "workflow_run" => shape::report(Reported::WorkflowRun, text),
        "pull_request" => shape::pull_request(text),
        // Its `pull_request` object has the same fields; the number stands inside.
        "pull_request_review" => shape::pull_request(text),
        "ping" => ignored(text, "ping: the webhook is set up"),
        "delete" => ignored(text, "deletion: the push event of it says the same"),
        "" => ignored(text, "the sender named no event"),
        other => ignored(text, format!("nothing is done on GitHub's event {other}")),
    }
}
