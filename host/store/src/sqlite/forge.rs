//! What does the embedded forge know? Its pull requests and checks.

use super::row::{Columns, Fail, all, change, hit, missing, one, signed, word};
use crate::model::LocalPullRequest;
use portcullis_core::facts::Check;
use portcullis_core::ids::{ProjectName, Revision};
use rusqlite::{Connection, Row, named_params};

// The index pull_request_open lets a branch have one open pull request.
const OPEN: &str = "
    INSERT INTO pull_request (project, number, branch, base, title, open)
    SELECT :project, coalesce(max(number), 0) + 1, :branch, :base, :title, 1
      FROM pull_request WHERE project = :project
    ON CONFLICT DO NOTHING";

const OPEN_OF_BRANCH: &str = "SELECT * FROM pull_request WHERE project = :project AND branch = :branch AND open = 1";

pub(super) fn open_pull_request(
    db: &Connection,
    project: &ProjectName,
    branch: &str,
    base: &str,
    title: &str,
) -> Result<LocalPullRequest, Fail> {
    let params = named_params! { ":project": project.as_str(), ":branch": branch, ":base": base, ":title": title };
    change(db, OPEN, params)?;
    let params = named_params! { ":project": project.as_str(), ":branch": branch };
    one(db, OPEN_OF_BRANCH, params, pull_request_row)?.ok_or_else(|| missing("pull_request", branch))
}

const ONE: &str = "SELECT * FROM pull_request WHERE project = :project AND number = :number";

pub(super) fn pull_request(
    db: &Connection,
    project: &ProjectName,
    number: u64,
) -> Result<Option<LocalPullRequest>, Fail> {
    let params = named_params! { ":project": project.as_str(), ":number": signed(number) };
    one(db, ONE, params, pull_request_row)
}

// It is merged once: the first commit stays (MRG-3).
const MERGED: &str = "
    UPDATE pull_request SET open = 0, merge_commit = coalesce(merge_commit, :merge_commit)
     WHERE project = :project AND number = :number";

pub(super) fn merged(db: &Connection, project: &ProjectName, number: u64, commit: &Revision) -> Result<(), Fail> {
    let params = named_params! {
        ":project": project.as_str(), ":number": signed(number), ":merge_commit": commit.as_str(),
    };
    if hit(change(db, MERGED, params)?) { Ok(()) } else { Err(missing("pull_request", format!("{project}#{number}"))) }
}

// What was reported last counts, not what bears the later time: clocks are set back.
const PUT_CHECK: &str = "
    INSERT INTO forge_check (project, revision, context, state, description, target_url, reported_at_s)
    VALUES (:project, :revision, :context, :state, :description, :target_url, :reported_at_s)
    ON CONFLICT (project, revision, context) DO UPDATE
       SET state = excluded.state, description = excluded.description, target_url = excluded.target_url,
           reported_at_s = excluded.reported_at_s";

pub(super) fn put_check(
    db: &Connection,
    project: &ProjectName,
    revision: &Revision,
    check: &Check,
) -> Result<(), Fail> {
    let params = named_params! {
        ":project": project.as_str(), ":revision": revision.as_str(), ":context": check.context,
        ":state": word(&check.state)?, ":description": check.description, ":target_url": check.target_url,
        ":reported_at_s": check.reported_at_s,
    };
    change(db, PUT_CHECK, params)?;
    Ok(())
}

const CHECKS: &str = "
    SELECT context, state, description, target_url, reported_at_s FROM forge_check
     WHERE project = :project AND revision = :revision ORDER BY context";

/// A damaged row fails them all: a gate judges by these.
pub(super) fn checks(db: &Connection, project: &ProjectName, revision: &Revision) -> Result<Vec<Check>, Fail> {
    let params = named_params! { ":project": project.as_str(), ":revision": revision.as_str() };
    all(db, CHECKS, params, |row| {
        let columns = Columns::of("forge_check", row);
        Ok(Check {
            context: columns.get("context")?,
            state: columns.word("state")?,
            description: columns.get("description")?,
            target_url: columns.get("target_url")?,
            reported_at_s: columns.get("reported_at_s")?,
        })
    })
}

fn pull_request_row(row: &Row<'_>) -> Result<LocalPullRequest, Fail> {
    let columns = Columns::of("pull_request", row);
    Ok(LocalPullRequest {
        number: columns.count("number")?,
        project: columns.id("project", ProjectName::new)?,
        branch: columns.get("branch")?,
        base: columns.get("base")?,
        title: columns.get("title")?,
        open: columns.get("open")?,
        merge_commit: columns.revision_if("merge_commit")?,
    })
}
