//! The only code of Portcullis that names wasmtime: engine, limits, linkers, transcript, artifact cache.
//!
//! [`Runtime::load`] makes a plugin a [`Gate`]; [`Runtime::evaluate`] and [`Runtime::act`] call it and always answer with a
//! report (GAT-1). What a gate may look at is [`Reads`], what it may do is [`Acts`], whom it may call is [`Outbound`]: the
//! daemon implements them and this crate counts, limits and records their use.
//!
//! Deliberately absent: stores, git, forges, settings files. No guest type and no wasmtime type appears in the public API.

mod acts;
mod artifacts;
mod config;
mod contract;
mod engine;
mod gate;
mod guest;
mod ledger;
mod limiter;
mod linkers;
mod outbound;
mod outcome;
mod printed;
mod reads;
mod run;
mod runtime;
mod still;
mod ticker;
mod transcript;

pub use acts::Acts;
pub use config::{RuntimeConfig, RuntimeError};
pub use gate::Gate;
pub use outbound::{Outbound, OutboundError};
pub use reads::{BlobStream, Reads, Unavailable};
pub use runtime::{CallInput, Runtime};
