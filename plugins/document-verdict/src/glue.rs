//! Fetches the document's frontmatter and hands it to the judgement.

use crate::config::Config;
use crate::judge::{Unreadable, judge};
use portcullis_gate_sdk::host::documents;
use portcullis_gate_sdk::prelude::*;

/// The gate.
pub struct DocumentVerdict;

impl Gate for DocumentVerdict {
    type Config = Config;
    const CONFIG_SCHEMA: &'static str = include_str!("../config.schema.json");

    fn evaluate(subject: &Subject, config: Config) -> Result<Judgement, Refusal> {
        config.check()?;
        let frontmatter = match documents::frontmatter(&config.document) {
            Ok(json) => Ok(json),
            Err(documents::Error::NotFound) => Err(Unreadable::Missing),
            Err(documents::Error::Malformed(why)) => Err(Unreadable::Malformed(why)),
            Err(error @ documents::Error::Failed(_)) => Err(error).or_refuse(&format!("read {}", config.document))?,
        };
        Ok(judge(frontmatter.as_deref(), &config).evidence("head", &subject.head))
    }
}

portcullis_gate_sdk::export_judge!(DocumentVerdict);
