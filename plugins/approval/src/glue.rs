//! Fetches the newest decision and hands it to the judgement.

use crate::judge::{Config, judge};
use portcullis_gate_sdk::prelude::*;

/// The gate.
pub struct Approval;

impl Gate for Approval {
    type Config = Config;
    const CONFIG_SCHEMA: &'static str = include_str!("../config.schema.json");

    fn evaluate(subject: &Subject, config: Config) -> Result<Judgement, Refusal> {
        Ok(judge(subject, host::approvals::latest()?.as_ref(), &config))
    }
}

portcullis_gate_sdk::export_judge!(Approval);
