//! Fetches the head's checks, the required contexts, the time of the push and the present, and hands them to the
//! judgement.

use crate::config::Config;
use crate::judge::{Facts, judge};
use portcullis_gate_sdk::host::forge;
use portcullis_gate_sdk::{prelude::*, text};

/// The gate.
pub struct CiGreen;

impl Gate for CiGreen {
    type Config = Config;
    const CONFIG_SCHEMA: &'static str = include_str!("../config.schema.json");

    fn evaluate(subject: &Subject, config: Config) -> Result<Judgement, Refusal> {
        let checks = match forge::checks(&subject.head) {
            // The forge may learn of a revision later than the host does: nothing is reported yet.
            Err(forge::Error::NotFound) => Vec::new(),
            answer => answer.or_refuse(&format!("read the checks of {}", text::short(&subject.head)))?,
        };
        let required = match &config.required {
            Some(contexts) => contexts.clone(),
            None => match forge::required_checks(&subject.target) {
                Err(forge::Error::NotFound) => Vec::new(),
                answer => answer.or_refuse(&format!("read which checks branch `{}` requires", subject.target))?,
            },
        };
        let pushed_at_s = forge::pushed_at(&subject.head).or_refuse("learn when the head was pushed")?;
        let facts = Facts { required, checks, pushed_at_s, began_at_s: host::began_at_s() };
        Ok(judge(subject, &facts, &config))
    }
}

portcullis_gate_sdk::export_judge!(CiGreen);
