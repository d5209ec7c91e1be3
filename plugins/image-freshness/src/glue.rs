//! Fetches how the image stands, and runs the operator's commands.

use crate::act::{Staging, act};
use crate::config::Config;
use crate::judge::{Standing, judge};
use portcullis_gate_sdk::host::{documents, images, workspace};
use portcullis_gate_sdk::lineage::Kinship;
use portcullis_gate_sdk::{prelude::*, text};

/// The gate.
pub struct ImageFreshness;

impl Gate for ImageFreshness {
    type Config = Config;
    const CONFIG_SCHEMA: &'static str = include_str!("../config.schema.json");

    fn evaluate(subject: &Subject, config: Config) -> Result<Judgement, Refusal> {
        let standing = Host { subject, config: &config }.standing()?;
        Ok(judge(subject, &standing, &documents::folder(), &config))
    }
}

impl Actor for ImageFreshness {
    fn act(subject: &Subject, config: Config) -> Result<Judgement, Refusal> {
        act(&mut Host { subject, config: &config }, subject, &documents::folder(), &config)
    }
}

struct Host<'a> {
    subject: &'a Subject,
    config: &'a Config,
}

impl Staging for Host<'_> {
    fn standing(&mut self) -> Result<Standing, Refusal> {
        let image = match images::inspect(&self.config.image) {
            Err(images::Error::NotFound) => return Ok(Standing::Absent),
            answer => answer.or_refuse(&format!("inspect image `{}`", text::clip(&self.config.image, 200)))?,
        };
        let digest = image.digest;
        let Some((_, revision)) = image.labels.into_iter().find(|(name, _)| *name == self.config.label) else {
            return Ok(Standing::Unlabelled { digest });
        };
        let kinship = Kinship::of(&revision, &self.subject.head)?;
        Ok(Standing::Labelled { digest, revision, kinship })
    }

    fn run(&mut self, command: &str) -> Result<workspace::Outcome, Refusal> {
        workspace::run(command).or_refuse(&format!("run the command `{}`", text::clip(command, 80)))
    }
}

portcullis_gate_sdk::export_actor!(ImageFreshness);
