//! The dependency audit: which known vulnerabilities a range of commits brings in with its lockfiles.
//!
//! From the bottom up: [`lockfile`] turns a lockfile's bytes into packages, [`version`] compares versions by each
//! ecosystem's own rules, [`osv`] judges a package by an advisory, [`feed`] and [`online`] say where advisories come from,
//! [`run`] decides what the range is answerable for, and [`report`] words it.
//!
//! What must always hold: what could not be audited is named, never passed over; only what the range adds counts
//! (SEC-4); and nothing that a lockfile or an advisory says can end the gate.
//!
//! Deliberately absent: resolving. What no lockfile pins is counted as unpinned and not guessed.

pub mod date;
pub mod feed;
pub mod ignore;
pub mod lockfile;
pub mod online;
pub mod osv;
pub mod package;
pub mod report;
pub mod run;
pub mod severity;
pub mod version;
