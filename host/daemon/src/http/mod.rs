//! The HTTP interface: webhooks in, one snapshot out, and what people may do.

pub mod auth;
pub mod listen;
pub mod operate;
pub mod problem;
pub mod projects;
pub mod queue;
pub mod runs;
pub mod server;
pub mod switches;
pub mod tasks;
pub mod webhooks;
