//! Whether the staging image is the head's image.
//!
//! Always holds: a pass rests on the image's own label, read by digest, and on nothing that was built since. The work
//! item's documents are written after the image was built (its test results among them), so a head that differs from the
//! image's revision in those alone has the same image.

use crate::config::Config;
use portcullis_gate_sdk::lineage::{Folder, Kinship};
use portcullis_gate_sdk::{prelude::*, text};

/// Most changed paths named in a finding.
const NAMED: usize = 10;

/// What the registry and the repository say about the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The registry does not have it.
    Absent,
    /// It does not say from which revision it was built.
    Unlabelled {
        /// Its digest.
        digest: String,
    },
    /// Its platforms were built from different ones.
    Divided {
        /// Its digest.
        digest: String,
        /// What each says, in the host's words.
        said: String,
    },
    /// It says.
    Labelled {
        /// Its digest.
        digest: String,
        /// The revision on its label.
        revision: String,
        /// How the head is related to that.
        kinship: Kinship,
    },
}

impl Standing {
    /// The digest of the image that is there.
    pub fn digest(&self) -> Option<&str> {
        match self {
            Self::Absent => None,
            Self::Unlabelled { digest } | Self::Divided { digest, .. } | Self::Labelled { digest, .. } => Some(digest),
        }
    }
}

/// Judges the image. `documents` is the work item's folder.
pub fn judge(subject: &Subject, standing: &Standing, documents: &str, config: &Config) -> Judgement {
    let head = text::short(&subject.head);
    let image = text::clip(&config.image, 200);
    match standing {
        Standing::Absent => stale(format!("image `{image}` is not in the registry"), config),
        Standing::Unlabelled { digest } => {
            let label = text::clip(&config.label, 120);
            evidence(
                stale(format!("image `{image}` does not name its revision in the label `{label}`"), config),
                digest,
                None,
            )
        }
        Standing::Divided { digest, said } => {
            let said = text::clip(said, 300);
            let why = format!("the platforms of image `{image}` are not built from one revision ({said})");
            evidence(stale(why, config), digest, None)
        }
        Standing::Labelled { digest, revision, kinship } => {
            let built = text::clip(text::short(revision), 40);
            let judgement = match kinship {
                Kinship::Same => Judgement::pass(format!("the staging image is built from {head}")),
                Kinship::Stranger => {
                    stale(format!("image `{image}` is built from {built}, which {head} does not descend from"), config)
                }
                Kinship::Descendant { changed } => descendant(changed, documents, (head, &image, &built), config),
            };
            evidence(judgement, digest, Some(revision))
        }
    }
    .evidence("image", text::clip(&config.image, 500))
    .evidence("head", &subject.head)
}

fn descendant(
    changed: &[Vec<u8>],
    documents: &str,
    (head, image, built): (&str, &str, &str),
    config: &Config,
) -> Judgement {
    let documents = Folder::try_from(documents.to_owned()).ok();
    let ignored = |path: &[u8]| config.ignore.iter().chain(&documents).any(|folder| folder.holds(path));
    let within: Vec<String> =
        changed.iter().filter(|path| !ignored(path)).map(|path| String::from_utf8_lossy(path).into_owned()).collect();
    if within.is_empty() {
        Judgement::pass(format!(
            "the staging image is built from {built}, and what {head} adds to it is no part of the image (files: {}, such as the work item's documents)",
            changed.len()
        ))
    } else {
        let paths = text::list(&within, NAMED);
        stale(format!("image `{image}` is built from {built}, and {head} changes {paths} since"), config)
    }
}

/// Not the head's image: what `act` can mend where the operator named how, and a failure elsewhere.
fn stale(why: String, config: &Config) -> Judgement {
    let mendable = !config.rebuild.is_empty() && config.pinned().is_none();
    let remedy = if mendable {
        format!("it will be rebuilt by {}", text::list(&config.rebuild, NAMED))
    } else if config.pinned().is_some() {
        "it is pinned by its digest, so build it from this head, test it, and name the new digest".to_owned()
    } else {
        "rebuild it from this head and test it again".to_owned()
    };
    let finding = |severity| {
        Finding::new(severity, "image-stale", format!("{why}; {remedy}")).identified_by(["image-stale", &config.image])
    };
    if mendable {
        Judgement::actionable(why.clone()).finding(finding(Severity::Warning))
    } else {
        Judgement::fail(why.clone()).finding(finding(Severity::Error))
    }
}

fn evidence(judgement: Judgement, digest: &str, revision: Option<&str>) -> Judgement {
    let judgement = judgement.evidence("image-digest", text::clip(digest, 120));
    match revision {
        Some(revision) => judgement.evidence("image-revision", text::clip(revision, 80)),
        None => judgement,
    }
}
