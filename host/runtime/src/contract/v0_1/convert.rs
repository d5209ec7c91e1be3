//! Between the generated types of contract 0.1 and those of the core.

use super::read::{advisories, approvals, documents, forge, images, repository, test_runs, web};
use super::{act::workspace, types};
use crate::outbound::{OutboundError, Plain};
use crate::reads::Unavailable;
use portcullis_core::facts;
use portcullis_core::gate::{Finding, Judgement, Refusal, Severity, Subject, Verdict};
use portcullis_core::ids::Revision;

pub(super) fn subject(subject: &Subject) -> types::Subject {
    types::Subject {
        repository: subject.repository.clone(),
        work_item: subject.work_item.as_str().to_owned(),
        from_stage: subject.from.as_str().to_owned(),
        to_stage: subject.to.as_str().to_owned(),
        branch: subject.branch.clone(),
        head: subject.head.as_str().to_owned(),
        target: subject.target.clone(),
        target_head: subject.target_head.as_str().to_owned(),
        pull_request: subject.pull_request,
    }
}

pub(super) fn judged(answer: Result<types::Judgement, types::Refusal>) -> Result<Judgement, Refusal> {
    match answer {
        Ok(judgement) => Ok(Judgement {
            verdict: match judgement.verdict {
                types::Verdict::Pass => Verdict::Pass,
                types::Verdict::Fail => Verdict::Fail,
                types::Verdict::Pending => Verdict::Pending,
                types::Verdict::Actionable => Verdict::Actionable,
            },
            summary: judgement.summary,
            findings: judgement.findings.into_iter().map(finding).collect(),
            evidence: judgement.evidence,
            retry_after_s: judgement.retry_after_s,
        }),
        Err(types::Refusal::BadConfig(detail)) => Err(Refusal::BadConfig(detail)),
        Err(types::Refusal::Unavailable(detail)) => Err(Refusal::Unavailable(detail)),
        Err(types::Refusal::BadInput(detail)) => Err(Refusal::BadInput(detail)),
    }
}

fn finding(finding: types::Finding) -> Finding {
    Finding {
        rule: finding.rule,
        severity: match finding.severity {
            types::Severity::Note => Severity::Note,
            types::Severity::Warning => Severity::Warning,
            types::Severity::Error => Severity::Error,
        },
        message: finding.message,
        path: finding.path,
        line: finding.line,
        fingerprint: finding.fingerprint,
    }
}

pub(super) fn text(revision: Revision) -> String {
    revision.into()
}

pub(super) fn repository_error(error: facts::RepositoryError) -> repository::Error {
    match error {
        facts::RepositoryError::NotFound(what) => repository::Error::NotFound(what),
        facts::RepositoryError::TooLarge(size) => repository::Error::TooLarge(size),
        facts::RepositoryError::Failed(how) => repository::Error::Failed(how),
    }
}

pub(super) fn commit(commit: facts::Commit) -> repository::Commit {
    repository::Commit {
        id: commit.id.into(),
        parents: commit.parents.into_iter().map(text).collect(),
        message: commit.message,
        committed_at_s: commit.committed_at_s,
    }
}

pub(super) fn piece(piece: facts::Piece) -> repository::Piece {
    repository::Piece { index: piece.index, size: piece.size, bytes: piece.bytes }
}

pub(super) fn change(change: facts::TreeChange) -> repository::TreeChange {
    repository::TreeChange {
        path: change.path,
        kind: match change.kind {
            facts::ChangeKind::Added => repository::ChangeKind::Added,
            facts::ChangeKind::Modified => repository::ChangeKind::Modified,
            facts::ChangeKind::Deleted => repository::ChangeKind::Deleted,
            facts::ChangeKind::TypeChanged => repository::ChangeKind::TypeChanged,
        },
        entry: match change.entry {
            facts::EntryKind::File => repository::EntryKind::File,
            facts::EntryKind::Executable => repository::EntryKind::Executable,
            facts::EntryKind::Symlink => repository::EntryKind::Symlink,
            facts::EntryKind::Submodule => repository::EntryKind::Submodule,
        },
        before: change.before.map(text),
        after: change.after.map(text),
        size: change.size,
    }
}

pub(super) fn forge_error(error: facts::ForgeError) -> forge::Error {
    match error {
        facts::ForgeError::NotFound => forge::Error::NotFound,
        facts::ForgeError::RateLimited(seconds) => forge::Error::RateLimited(seconds),
        facts::ForgeError::Unavailable(how) => forge::Error::Unavailable(how),
    }
}

pub(super) fn check(check: facts::Check) -> forge::Check {
    forge::Check {
        context: check.context,
        state: match check.state {
            facts::CheckState::Success => forge::CheckState::Success,
            facts::CheckState::Failure => forge::CheckState::Failure,
            facts::CheckState::Error => forge::CheckState::Error,
            facts::CheckState::Pending => forge::CheckState::Pending,
            facts::CheckState::Warning => forge::CheckState::Warning,
            facts::CheckState::Skipped => forge::CheckState::Skipped,
        },
        description: check.description,
        target_url: check.target_url,
        reported_at_s: check.reported_at_s,
    }
}

pub(super) fn pull_request(pull: facts::PullRequest) -> forge::PullRequest {
    forge::PullRequest {
        number: pull.number,
        open: pull.open,
        merged: pull.merged,
        head: pull.head.into(),
        base: pull.base,
        merge_commit: pull.merge_commit.map(text),
    }
}

pub(super) fn document_error(error: facts::DocumentError) -> documents::Error {
    match error {
        facts::DocumentError::NotFound => documents::Error::NotFound,
        facts::DocumentError::Malformed(how) => documents::Error::Malformed(how),
        facts::DocumentError::Failed(how) => documents::Error::Failed(how),
    }
}

pub(super) fn image(image: facts::Image) -> images::Image {
    images::Image { digest: image.digest, labels: image.labels, created: image.created }
}

pub(super) fn image_error(error: facts::ImageError) -> images::Error {
    match error {
        facts::ImageError::NotFound => images::Error::NotFound,
        facts::ImageError::Denied => images::Error::Denied,
        facts::ImageError::Unavailable(how) => images::Error::Unavailable(how),
    }
}

pub(super) fn approval(approval: facts::Approval) -> approvals::Approval {
    approvals::Approval {
        approved: approval.approved,
        by: approval.by,
        at_s: approval.at_s,
        revision: approval.revision.into(),
        comment: approval.comment,
    }
}

pub(super) fn approvals_error(error: Unavailable) -> approvals::Error {
    approvals::Error::Unavailable(error.0)
}

pub(super) fn test_run(run: facts::TestRun) -> test_runs::TestRun {
    test_runs::TestRun { exit_code: run.exit_code, output_tail: run.output_tail, at_s: run.at_s }
}

pub(super) fn test_runs_error(error: Unavailable) -> test_runs::Error {
    test_runs::Error::Unavailable(error.0)
}

pub(super) fn advisory_database(database: facts::AdvisoryDatabase) -> advisories::Database {
    advisories::Database {
        imported_at_s: database.imported_at_s,
        records: database.records,
        ecosystems: database.ecosystems,
    }
}

pub(super) fn advisory_error(error: facts::AdvisoryError) -> advisories::Error {
    match error {
        facts::AdvisoryError::Unavailable(how) => advisories::Error::Unavailable(how),
        facts::AdvisoryError::TooLarge => advisories::Error::TooLarge,
    }
}

pub(super) fn web_response(response: Plain) -> web::Response {
    web::Response { status: response.status, body: response.body.0 }
}

pub(super) fn web_error(error: OutboundError) -> web::Error {
    match error {
        OutboundError::Denied(why) => web::Error::Denied(why),
        OutboundError::Timeout | OutboundError::TooLarge(_) | OutboundError::Unreachable(_) => {
            web::Error::Failed(error.to_string())
        }
    }
}

pub(super) fn act_error(error: facts::ActError) -> workspace::Error {
    match error {
        facts::ActError::Denied(why) => workspace::Error::Denied(why),
        facts::ActError::Failed(how) => workspace::Error::Failed(how),
    }
}

pub(super) fn caught_up(caught_up: facts::CaughtUp) -> workspace::CaughtUp {
    match caught_up {
        facts::CaughtUp::UpToDate => workspace::CaughtUp::UpToDate,
        facts::CaughtUp::Merged(head) => workspace::CaughtUp::Merged(head.into()),
        facts::CaughtUp::Conflict(paths) => workspace::CaughtUp::Conflict(paths),
    }
}

pub(super) fn command_outcome(outcome: facts::CommandOutcome) -> workspace::Outcome {
    workspace::Outcome {
        exit_code: outcome.exit_code,
        output_tail: outcome.output_tail,
        duration_ms: outcome.duration_ms,
    }
}
