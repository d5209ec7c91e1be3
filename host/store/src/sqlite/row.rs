//! Asking and reading: how SQL is run here, and how a row becomes a value.
//!
//! A row that does not say what it should is an answer ([`StoreError::Damaged`]), never a panic.

use crate::model::{StoreError, Trouble};
use portcullis_core::ids::Revision;
use portcullis_core::time::UnixMillis;
use rusqlite::types::FromSql;
use rusqlite::{Connection, ErrorCode, Row, ToSql};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why a request failed: SQLite, or something that has its own words already.
#[derive(Debug)]
pub(super) enum Fail {
    Sql(rusqlite::Error),
    Store(StoreError),
}

impl From<rusqlite::Error> for Fail {
    fn from(source: rusqlite::Error) -> Self {
        Self::Sql(source)
    }
}

impl From<StoreError> for Fail {
    fn from(source: StoreError) -> Self {
        Self::Store(source)
    }
}

impl Fail {
    /// As the caller sees it.
    pub(super) fn into_error(self, doing: &'static str) -> StoreError {
        match self {
            Self::Sql(source) => StoreError::Database { doing, trouble: trouble(&source), source: Box::new(source) },
            Self::Store(error) => error,
        }
    }
}

/// What an error of SQLite says about the disk.
pub(super) fn trouble(error: &rusqlite::Error) -> Option<Trouble> {
    match error.sqlite_error_code()? {
        ErrorCode::DiskFull => Some(Trouble::Full),
        ErrorCode::ReadOnly => Some(Trouble::ReadOnly),
        ErrorCode::SystemIoFailure | ErrorCode::CannotOpen => Some(Trouble::Io),
        _ => None,
    }
}

pub(super) type Params<'a> = &'a [(&'a str, &'a dyn ToSql)];

/// Runs a statement and says how many rows it changed.
pub(super) fn change(db: &Connection, sql: &str, params: Params<'_>) -> Result<usize, Fail> {
    Ok(db.prepare_cached(sql)?.execute(params)?)
}

/// Inserts a row and answers its number; none: the statement found no reason to. (RETURNING would tell, too, but makes and
/// drops a table each time.)
pub(super) fn insert(db: &Connection, sql: &str, params: Params<'_>) -> Result<Option<i64>, Fail> {
    Ok(if change(db, sql, params)? == 0 { None } else { Some(db.last_insert_rowid()) })
}

/// The first row, if there is one.
pub(super) fn one<T>(
    db: &Connection,
    sql: &str,
    params: Params<'_>,
    read: impl FnOnce(&Row<'_>) -> Result<T, Fail>,
) -> Result<Option<T>, Fail> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    rows.next()?.map(read).transpose()
}

/// Every row; a damaged one fails them all.
pub(super) fn all<T>(
    db: &Connection,
    sql: &str,
    params: Params<'_>,
    mut read: impl FnMut(&Row<'_>) -> Result<T, Fail>,
) -> Result<Vec<T>, Fail> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

/// Every row that can be read: where many are asked for, a damaged one must not hide the others.
pub(super) fn intact<T>(
    db: &Connection,
    sql: &str,
    params: Params<'_>,
    mut read: impl FnMut(&Row<'_>) -> Result<T, Fail>,
) -> Result<Vec<T>, Fail> {
    let rows = all(db, sql, params, |row| match read(row) {
        Ok(value) => Ok(Some(value)),
        Err(Fail::Store(StoreError::Damaged { table, row, reason })) => {
            tracing::error!(table, row, reason, "a damaged row was left out of a list");
            Ok(None)
        }
        Err(other) => Err(other),
    })?;
    Ok(rows.into_iter().flatten().collect())
}

/// Whether the last statement of `change` hit its row.
pub(super) fn hit(rows: usize) -> bool {
    rows > 0
}

/// An error for a row that has to be there and is not.
pub(super) fn missing(table: &'static str, row: impl ToString) -> Fail {
    Fail::Store(StoreError::Damaged { table, row: row.to_string(), reason: "there is no such row".to_owned() })
}

/// A row of `table`, with the words for what is wrong with it. The row's name stands in its column 0.
pub(super) struct Columns<'a> {
    table: &'static str,
    row: &'a Row<'a>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(table: &'static str, row: &'a Row<'a>) -> Self {
        Self { table, row }
    }

    fn damaged(&self, column: &str, reason: &dyn std::fmt::Display) -> Fail {
        let name = match self.row.get_ref(0) {
            Ok(rusqlite::types::ValueRef::Integer(id)) => id.to_string(),
            Ok(rusqlite::types::ValueRef::Text(text)) => String::from_utf8_lossy(text).into_owned(),
            _ => "?".to_owned(),
        };
        Fail::Store(StoreError::Damaged { table: self.table, row: name, reason: format!("column {column}: {reason}") })
    }

    /// A plain value.
    pub(super) fn get<T: FromSql>(&self, column: &str) -> Result<T, Fail> {
        self.row.get(column).map_err(|source| self.damaged(column, &source))
    }

    /// A name or number with a type of its own.
    pub(super) fn id<T>(&self, column: &str, wrap: impl Fn(String) -> T) -> Result<T, Fail> {
        self.get(column).map(wrap)
    }

    /// A point in time.
    pub(super) fn at(&self, column: &str) -> Result<UnixMillis, Fail> {
        self.get(column).map(UnixMillis)
    }

    /// A point in time, or none.
    pub(super) fn at_if(&self, column: &str) -> Result<Option<UnixMillis>, Fail> {
        Ok(self.get::<Option<i64>>(column)?.map(UnixMillis))
    }

    /// A git object name, or none.
    pub(super) fn revision_if(&self, column: &str) -> Result<Option<Revision>, Fail> {
        let text: Option<String> = self.get(column)?;
        text.map(|text| Revision::parse(&text)).transpose().map_err(|e| self.damaged(column, &e))
    }

    /// An enum's word.
    pub(super) fn word<T: DeserializeOwned>(&self, column: &str) -> Result<T, Fail> {
        let text: String = self.get(column)?;
        serde_json::from_value(serde_json::Value::String(text)).map_err(|e| self.damaged(column, &e))
    }

    /// A value kept as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, Fail> {
        let text: String = self.get(column)?;
        serde_json::from_str(&text).map_err(|e| self.damaged(column, &e))
    }

    /// A value kept as JSON, or none.
    pub(super) fn json_if<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>, Fail> {
        let text: Option<String> = self.get(column)?;
        text.map(|text| serde_json::from_str(&text)).transpose().map_err(|e| self.damaged(column, &e))
    }

    /// A text that `parse` has to accept.
    pub(super) fn parsed<T, E: std::fmt::Display>(
        &self,
        column: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<T, Fail> {
        let text: String = self.get(column)?;
        parse(&text).map_err(|e| self.damaged(column, &e))
    }

    /// A number that is never negative.
    pub(super) fn count<T: TryFrom<i64>>(&self, column: &str) -> Result<T, Fail> {
        let number: i64 = self.get(column)?;
        T::try_from(number).map_err(|_| self.damaged(column, &format!("{number} is out of range")))
    }

    /// A number that is never negative, or none.
    pub(super) fn count_if<T: TryFrom<i64>>(&self, column: &str) -> Result<Option<T>, Fail> {
        if self.get::<Option<i64>>(column)?.is_some() { self.count(column).map(Some) } else { Ok(None) }
    }
}

/// A value as JSON text.
pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String, Fail> {
    serde_json::to_string(value).map_err(unwritable)
}

/// An optional value as JSON text.
pub(super) fn to_json_if<T: Serialize>(value: Option<&T>) -> Result<Option<String>, Fail> {
    value.map(to_json).transpose()
}

/// An enum's word, as its `CHECK` has it.
pub(super) fn word<T: Serialize>(value: &T) -> Result<String, Fail> {
    let json = serde_json::to_value(value).map_err(unwritable)?;
    // Anything but a plain word is refused by the column's CHECK.
    Ok(json.as_str().unwrap_or_default().to_owned())
}

fn unwritable(source: serde_json::Error) -> Fail {
    Fail::Store(StoreError::Database { doing: "write a value as JSON", trouble: None, source: Box::new(source) })
}

/// An unsigned number as SQLite keeps it; what does not fit (beyond 2^63) is kept as the largest that does.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
