//! What a Portcullis gate is written with.
//!
//! A gate implements [`Gate`] (and [`Actor`], if it can also mend what it judges) and ends with one line, [`export_judge!`]
//! or [`export_actor!`]. The SDK reads the configuration, words its errors, and carries the WIT contract; everything that a
//! gate may look at is under [`host`], what it answers is a [`Judgement`].
//!
//! A whole gate, which refuses branches whose last commit says "WIP":
//!
//! ```
//! use portcullis_gate_sdk::prelude::*;
//!
//! #[derive(serde::Deserialize)]
//! #[serde(deny_unknown_fields, default)]
//! pub struct Config {
//!     word: String,
//! }
//!
//! impl Default for Config {
//!     fn default() -> Self {
//!         Self { word: "WIP".into() }
//!     }
//! }
//!
//! /// The judgement itself: from facts to an answer, so that a plain `#[test]` covers it.
//! fn judge(message: &str, config: &Config) -> Judgement {
//!     if message.contains(&config.word) {
//!         Judgement::fail("the last commit is not meant to leave")
//!             .finding(Finding::error("unfinished", format!("the last commit says `{}`; reword it", config.word)))
//!     } else {
//!         Judgement::pass("the last commit is finished work")
//!     }
//! }
//!
//! pub struct NoWip;
//!
//! impl Gate for NoWip {
//!     type Config = Config;
//!     const CONFIG_SCHEMA: &'static str = r#"{
//!         "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": false,
//!         "properties": { "word": { "type": "string", "default": "WIP" } }
//!     }"#;
//!
//!     fn evaluate(subject: &Subject, config: Self::Config) -> Result<Judgement, Refusal> {
//!         let commits = host::repository::commits(&subject.target_head, &subject.head)?;
//!         let message = commits.last().map(|c| String::from_utf8_lossy(&c.message).into_owned()).unwrap_or_default();
//!         Ok(judge(&message, &config).evidence("head", &subject.head))
//!     }
//! }
//!
//! portcullis_gate_sdk::export_judge!(NoWip);
//! # assert_eq!(judge("WIP: parser", &Config::default()).verdict, Verdict::Fail);
//! # assert_eq!(judge("parser", &Config::default()).verdict, Verdict::Pass);
//! ```
//!
//! Build it as a `cdylib` for `wasm32-wasip2`. Off wasm the export macros expand to nothing and the host's functions panic
//! when called, so native tests cover the pure judgement and leave the fetching of facts to a run under the real host.
//!
//! Deliberately absent: files, sockets, environment, a clock that runs ([`host::began_at_s`] stands still). A gate that
//! wants them would not be replayable.

pub mod bindings;
pub mod config;
mod export;
mod fingerprint;
mod gate;
pub mod host;
mod judgement;
pub mod lineage;
mod refusal;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
pub mod text;

pub use bindings::judge::portcullis::gate::types::{Finding, Judgement, Refusal, Severity, Subject, Verdict};
#[doc(hidden)]
pub use export::{act as __act, evaluate as __evaluate};
pub use fingerprint::fingerprint;
pub use gate::{Actor, Gate};
pub use refusal::OrRefuse;

/// What nearly every gate needs: `use portcullis_gate_sdk::prelude::*;`.
pub mod prelude {
    pub use crate::{
        Actor, Finding, Gate, Judgement, OrRefuse, Refusal, Severity, Subject, Verdict, fingerprint, host, text,
    };
}
