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

/// Under this, followed by a label's name, the host tells what platforms say that do not agree on it.
const DIFFERING: &str = "portcullis.differing.";

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
        if self.config.pinned().is_some_and(|pinned| pinned != digest) {
            let digest = text::clip(&digest, 120);
            return Err(Refusal::BadInput(format!("asked for a pinned image, the registry answers {digest}")));
        }
        let mut labels = image.labels.into_iter();
        let label = self.config.label.as_str();
        let Some((name, value)) = labels.find(|(name, _)| name.strip_prefix(DIFFERING).unwrap_or(name) == label) else {
            return Ok(Standing::Unlabelled { digest });
        };
        if name != label {
            return Ok(Standing::Divided { digest, said: value });
        }
        let revision = value;
        let kinship = Kinship::of(&revision, &self.subject.head)?;
        Ok(Standing::Labelled { digest, revision, kinship })
    }

    fn run(&mut self, command: &str) -> Result<workspace::Outcome, Refusal> {
        workspace::run(command).or_refuse(&format!("run the command `{}`", text::clip(command, 80)))
    }
}

portcullis_gate_sdk::export_actor!(ImageFreshness);
