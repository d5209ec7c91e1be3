//! The tables, and how an older database becomes a present one.
//!
//! The list is append-only: a migration that has shipped is never edited, because it has run somewhere already.

use rusqlite::{Connection, TransactionBehavior};

/// Every migration, oldest first. The database's `user_version` says how many of them it has had.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/0001.sql"),
    include_str!("schema/0002.sql"),
    include_str!("schema/0003.sql"),
    include_str!("schema/0004.sql"),
    include_str!("schema/0005.sql"),
];

/// What is wrong with a database that cannot be brought up to date.
#[derive(Debug, thiserror::Error)]
pub(super) enum MigrationError {
    #[error("it has schema {found}, this portcullis knows up to {known}; start the newer portcullis that wrote it")]
    Newer { found: i64, known: usize },
    #[error("schema {number} could not be applied: {source}")]
    Failed { number: usize, source: rusqlite::Error },
    #[error("its schema number could not be read: {0}")]
    Unreadable(rusqlite::Error),
}

/// Applies what is missing, each migration in a transaction of its own.
pub(super) fn migrate(db: &mut Connection) -> Result<(), MigrationError> {
    let found: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(MigrationError::Unreadable)?;
    let newer = MigrationError::Newer { found, known: MIGRATIONS.len() };
    let missing = usize::try_from(found).ok().and_then(|done| MIGRATIONS.get(done..)).ok_or(newer)?;
    let first = MIGRATIONS.len() - missing.len() + 1;
    for (number, sql) in (first..).zip(missing) {
        apply(db, number, sql).map_err(|source| MigrationError::Failed { number, source })?;
    }
    Ok(())
}

fn apply(db: &mut Connection, number: usize, sql: &str) -> rusqlite::Result<()> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(sql)?;
    // A PRAGMA takes no parameters. It is part of the transaction: the number and the tables change together.
    transaction.execute_batch(&format!("PRAGMA user_version = {number}"))?;
    transaction.commit()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]
    use super::*;

    #[test]
    fn migrating_twice_changes_nothing() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate(&mut db).unwrap();
        let tables = |db: &Connection| -> String {
            db.query_row("SELECT group_concat(sql, ';') FROM sqlite_schema", [], |row| row.get(0)).unwrap()
        };
        let before = tables(&db);
        migrate(&mut db).unwrap();
        assert_eq!(tables(&db), before);
    }

    #[test]
    fn a_database_of_a_newer_portcullis_is_refused_and_left_alone() {
        let mut db = Connection::open_in_memory().unwrap();
        db.execute_batch("PRAGMA user_version = 9999").unwrap();
        let refusal = migrate(&mut db).unwrap_err().to_string();
        assert!(refusal.contains("9999") && refusal.contains("newer portcullis"), "{refusal}");
        let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
        assert_eq!(tables, 0);
    }

    #[test]
    fn a_migration_that_fails_leaves_nothing_behind() {
        let mut db = Connection::open_in_memory().unwrap();
        apply(&mut db, 1, "CREATE TABLE half (id INTEGER); SELECT * FROM no_such_table").unwrap_err();
        let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
        let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!((tables, version), (0, 0));
    }

    #[test]
    fn every_table_is_strict() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate(&mut db).unwrap();
        let loose: Option<String> = db
            .query_row(
                "SELECT group_concat(name) FROM pragma_table_list
                  WHERE schema = 'main' AND NOT strict AND name NOT LIKE 'sqlite_%'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(loose, None);
    }
}
