//! Names and numbers, each a type of its own so that one cannot stand in for another.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! number_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

number_id! {
    /// A work item on its way through the stages.
    TaskId;
    /// A unit of work in the queue, bound to a task and a stage. A job is run once or, after retries, several times.
    JobId;
    /// One process started for a job.
    RunId;
    /// One stored evaluation of a gate.
    EvaluationId;
    /// One received event.
    InboxId;
    /// One outgoing effect.
    OutboxId;
}

macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps `text` as it is.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }
    )*};
}

text_id! {
    /// A project as the operator named it in the settings.
    ProjectName;
    /// A work item's name in its tracker, e.g. `ORCH-65`.
    WorkItem;
    /// A stage of the pipeline, e.g. `deploy-staging`.
    StageName;
    /// Who works in a stage, e.g. `developer`.
    RoleName;
    /// A gate's name within its edge, e.g. `security`.
    GateName;
    /// A plugin's name in the registry, e.g. `portcullis/security`.
    PluginName;
}

/// A full git object name of a commit: 40 or 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Revision(String);

/// A text that is no full git object name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a full git object name (40 or 64 lower-case hexadecimal digits)")]
pub struct NotARevision(String);

impl Revision {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`NotARevision`] if it has another length or other characters.
    pub fn parse(text: &str) -> Result<Self, NotARevision> {
        let right_length = text.len() == 40 || text.len() == 64;
        if right_length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            Ok(Self(text.to_owned()))
        } else {
            // A hostile text may be long; the message need not be.
            Err(NotARevision(text.chars().take(80).collect()))
        }
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first ten digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..10]
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for Revision {
    type Error = NotARevision;
    fn try_from(text: String) -> Result<Self, NotARevision> {
        Self::parse(&text)
    }
}

impl From<Revision> for String {
    fn from(revision: Revision) -> Self {
        revision.0
    }
}
