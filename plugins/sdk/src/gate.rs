//! What a gate implements.

use crate::{Judgement, Refusal, Subject};
use serde::de::DeserializeOwned;

/// A pure judge of one attempt to cross one stage edge.
pub trait Gate {
    /// The gate's table in the manifest. Refuse unknown keys (`#[serde(deny_unknown_fields)]`): a misspelt key that is
    /// silently ignored is a gate that judges something else than its operator thinks.
    type Config: DeserializeOwned;

    /// JSON Schema (draft 2020-12) of [`Self::Config`], usually `include_str!("../config.schema.json")`. The check that it
    /// agrees with the type is `testing::assert_schema_matches`.
    const CONFIG_SCHEMA: &'static str;

    /// Judges `subject`. Same subject, same configuration and same answers of the host must give the same judgement.
    ///
    /// # Errors
    /// When no judgement can be reached: the host's policy then decides, not the gate. Something that is *wrong* with the
    /// work is no refusal but a judgement with verdict `fail`.
    fn evaluate(subject: &Subject, config: Self::Config) -> Result<Judgement, Refusal>;
}

/// A gate that can also mend what it judges. Its [`Gate::evaluate`] answers `actionable` where [`Actor::act`] would help.
pub trait Actor: Gate {
    /// Mends and judges again. Called only for the one attempt that holds the task's drive lease.
    ///
    /// # Errors
    /// As with [`Gate::evaluate`].
    fn act(subject: &Subject, config: Self::Config) -> Result<Judgement, Refusal>;
}
