//! From a webhook's raw bytes to an event: verified first, then parsed, then named so that a repetition is recognised.
//!
//! Everything here is pure and bounded: no payload, however malformed, panics. The order is the caller's duty: nothing
//! may be parsed before [`verify`] has said yes (WEB-1). Deliberately absent: the body's size limit and slow senders
//! (the HTTP server's), storing (the inbox's) and deciding what an event leads to.

mod gitea;
mod github;
mod identity;
mod parse;
mod plane;
mod replay;
mod shape;
mod signature;

pub use crate::secret::Secret;
pub(crate) use identity::millis;
pub use identity::{changed_at, delivery_id, event_name, meaning};
pub use parse::{MAX_DEPTH, PayloadError, parse};
pub(crate) use plane::without_tags;
pub use replay::{Replay, is_replay, replay};
pub use signature::{SignatureError, sign, signature_header, verify};
