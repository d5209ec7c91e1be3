//! The store on one SQLite file.
//!
//! One thread writes, a few read beside it (WAL). Whatever was answered has been fsynced. Deliberately absent: any
//! clock but for measuring how long a commit takes (`datetime('now')` included), and any second process on the same file.

mod audit;
mod board;
mod cancel;
mod claim;
mod commit;
mod counters;
mod damage;
mod decisions;
mod due;
mod evaluations;
mod finish;
mod forge;
mod inbox;
mod jobs;
mod known;
mod leases;
mod line;
mod lock;
mod open;
mod outbox;
mod pauses;
#[cfg(test)]
mod plans;
mod prune;
mod readers;
mod rhythm;
mod row;
mod runs;
mod schema;
mod settle;
mod snapshot;
mod store;
mod tasks;
mod writer;

pub use open::SqliteStore;
