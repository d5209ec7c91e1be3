//! The daemon and the command line: everything is wired here, and nothing is decided here that `core` could decide.

pub mod app;
pub mod bell;
pub mod builtin_tracker;
pub mod cli;
pub mod clock;
pub mod demo;
pub mod document;
pub mod drive;
pub mod effects;
pub mod gate_acts;
pub mod gate_reads;
pub mod gatehouse;
pub mod http;
pub mod inbox;
pub mod judge;
pub mod local_forge;
pub mod loops;
pub mod merge;
pub mod messengers;
pub mod outbound;
pub mod outbox;
pub mod project;
pub mod redact;
pub mod run;
pub mod serve;
pub mod settings;
