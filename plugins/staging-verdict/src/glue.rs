//! Fetches the results and what they must belong to, and hands both to the judgement.

use crate::config::Config;
use crate::judge::{Expected, judge};
use crate::results::Results;
use portcullis_gate_sdk::host::{documents, images};
use portcullis_gate_sdk::lineage::Kinship;
use portcullis_gate_sdk::{prelude::*, text};

/// The gate.
pub struct StagingVerdict;

impl Gate for StagingVerdict {
    type Config = Config;
    const CONFIG_SCHEMA: &'static str = include_str!("../config.schema.json");

    fn evaluate(subject: &Subject, config: Config) -> Result<Judgement, Refusal> {
        let results = results(&config)?;
        let expected = match &config.image {
            Some(reference) => of_image(reference, &config)?,
            None => of_head(subject, results.as_ref().ok())?,
        };
        let judgement = judge(&expected, results.as_ref().map_err(String::as_str), &config);
        let judgement = judgement.evidence("head", &subject.head);
        Ok(match expected {
            Expected::Image { digest: Some(digest), .. } => {
                judgement.evidence("image-digest", text::clip(&digest, 120))
            }
            Expected::Image { digest: None, .. } | Expected::Head { .. } => judgement,
        })
    }
}

/// The results, or why there are none; refuses only where asking again may help.
fn results(config: &Config) -> Result<Result<Results, String>, Refusal> {
    let name = &config.document;
    let content = if name.ends_with(".md") {
        documents::frontmatter(name).map(String::into_bytes)
    } else {
        documents::read(name)
    };
    match content {
        Ok(json) => Ok(Results::parse(&json)),
        Err(documents::Error::NotFound) => Ok(Err("is missing from the work item's folder".into())),
        Err(documents::Error::Malformed(why)) => Ok(Err(format!("is malformed: {}", text::clip(&why, 300)))),
        Err(error @ documents::Error::Failed(_)) => Err(error).or_refuse(&format!("read {name}")),
    }
}

fn of_head(subject: &Subject, results: Option<&Results>) -> Result<Expected, Refusal> {
    let kinship = match results {
        Some(results) => Kinship::of(&results.revision, &subject.head)?,
        None => Kinship::Stranger,
    };
    Ok(Expected::Head { head: subject.head.clone(), kinship, documents: documents::folder() })
}

fn of_image(reference: &str, config: &Config) -> Result<Expected, Refusal> {
    let shown = text::clip(reference, 200);
    let image = match images::inspect(reference) {
        Err(images::Error::NotFound) => {
            return Ok(Expected::Image {
                revision: Err(format!("image `{shown}` is not in the registry")),
                digest: None,
            });
        }
        answer => answer.or_refuse(&format!("inspect image `{shown}`"))?,
    };
    let revision = image.labels.into_iter().find(|(name, _)| *name == config.label).map(|(_, value)| value);
    let without =
        || format!("image `{shown}` has no label `{}`; build it with that label", text::clip(&config.label, 120));
    Ok(Expected::Image { revision: revision.ok_or_else(without), digest: Some(image.digest) })
}

portcullis_gate_sdk::export_judge!(StagingVerdict);
