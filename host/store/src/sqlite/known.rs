//! What has the host itself found out? Test runs by tree, when a revision was first expected, the locks of manifests.

use super::row::{Columns, Fail, change, one};
use portcullis_core::facts::TestRun;
use portcullis_core::ids::{ProjectName, Revision};
use portcullis_core::time::UnixMillis;
use rusqlite::{Connection, named_params};

const RECORD_TEST_RUN: &str = "
    INSERT INTO test_run (project, name, tree, exit_code, output_tail, at_s)
    VALUES (:project, :name, :tree, :exit_code, :output_tail, :at_s)
    ON CONFLICT (project, name, tree) DO UPDATE
       SET exit_code = excluded.exit_code, output_tail = excluded.output_tail, at_s = excluded.at_s";

pub(super) fn record_test_run(
    db: &Connection,
    project: &ProjectName,
    name: &str,
    tree: &str,
    run: &TestRun,
) -> Result<(), Fail> {
    let params = named_params! {
        ":project": project.as_str(), ":name": name, ":tree": tree, ":exit_code": run.exit_code,
        ":output_tail": run.output_tail, ":at_s": run.at_s,
    };
    change(db, RECORD_TEST_RUN, params)?;
    Ok(())
}

const TEST_RUN: &str = "
    SELECT name, exit_code, output_tail, at_s FROM test_run WHERE project = :project AND name = :name AND tree = :tree";

pub(super) fn test_run(
    db: &Connection,
    project: &ProjectName,
    name: &str,
    tree: &str,
) -> Result<Option<TestRun>, Fail> {
    one(db, TEST_RUN, named_params! { ":project": project.as_str(), ":name": name, ":tree": tree }, |row| {
        let columns = Columns::of("test_run", row);
        Ok(TestRun {
            exit_code: columns.get("exit_code")?,
            output_tail: columns.get("output_tail")?,
            at_s: columns.get("at_s")?,
        })
    })
}

// The first time stays: a check must be newer than the push that it speaks about (CIG-4).
const EXPECT_HEAD: &str = "
    INSERT INTO expected_head (project, revision, at_ms) VALUES (:project, :revision, :at_ms) ON CONFLICT DO NOTHING";

pub(super) fn expect_head(
    db: &Connection,
    project: &ProjectName,
    revision: &Revision,
    at: UnixMillis,
) -> Result<(), Fail> {
    let params = named_params! { ":project": project.as_str(), ":revision": revision.as_str(), ":at_ms": at.0 };
    change(db, EXPECT_HEAD, params)?;
    Ok(())
}

const PUSHED_AT: &str = "SELECT at_ms FROM expected_head WHERE project = :project AND revision = :revision";

pub(super) fn pushed_at(
    db: &Connection,
    project: &ProjectName,
    revision: &Revision,
) -> Result<Option<UnixMillis>, Fail> {
    let params = named_params! { ":project": project.as_str(), ":revision": revision.as_str() };
    one(db, PUSHED_AT, params, |row| Ok(UnixMillis(row.get(0)?)))
}

const LOCK: &str = "SELECT lock FROM project_lock WHERE project = :project";

pub(super) fn lock_of(db: &Connection, project: &ProjectName) -> Result<Option<String>, Fail> {
    one(db, LOCK, named_params! { ":project": project.as_str() }, |row| Ok(row.get(0)?))
}

const PUT_LOCK: &str = "
    INSERT INTO project_lock (project, lock) VALUES (:project, :lock)
    ON CONFLICT (project) DO UPDATE SET lock = excluded.lock";

pub(super) fn put_lock(db: &Connection, project: &ProjectName, lock: &str) -> Result<(), Fail> {
    change(db, PUT_LOCK, named_params! { ":project": project.as_str(), ":lock": lock })?;
    Ok(())
}
