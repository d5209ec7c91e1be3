//! Which image may be deployed (IMG-2): the one that `image-freshness` passed last, by its digest.
//!
//! What a deploy hook is told comes from the recorded evaluation, never from the registry as it is by then.

use portcullis_connect::image::Reference;
use portcullis_core::digest::Digest;
use portcullis_core::gate::{Call, Judgement, Outcome, Verdict};
use portcullis_core::ids::{PluginName, TaskId};
use portcullis_store::{Store, StoreError};
use std::collections::BTreeMap;

/// The gate that says so.
const GATE: &str = "portcullis/image-freshness";

/// The variables that tell a run which image it may deploy; none if the task's last such judgement was no pass.
///
/// # Errors
/// [`StoreError`].
pub async fn environment(store: &dyn Store, task: TaskId) -> Result<BTreeMap<String, String>, StoreError> {
    let Some(last) = store.last_enforced(task, &PluginName::new(GATE)).await? else { return Ok(BTreeMap::new()) };
    Ok(match &last.report.outcome {
        Outcome::Judged(judgement) if last.call == Call::Evaluate => told(judgement),
        Outcome::Judged(_) | Outcome::Faulted(_) => BTreeMap::new(),
    })
}

fn told(judgement: &Judgement) -> BTreeMap<String, String> {
    let fact = |name: &str| judgement.evidence.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let digest = fact("image-digest").and_then(|digest| Digest::parse(digest).ok());
    let (Verdict::Pass, Some(digest), Some(revision)) = (judgement.verdict, digest, fact("image-revision")) else {
        return BTreeMap::new();
    };
    let named = fact("image").and_then(|image| Reference::parse(image).ok());
    let image = named.map(|named| Reference { digest: Some(digest.clone()), ..named }.to_string());
    let all = [
        ("PORTCULLIS_IMAGE", image),
        ("PORTCULLIS_IMAGE_DIGEST", Some(digest.to_string())),
        ("PORTCULLIS_IMAGE_REVISION", Some(revision.to_owned())),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judgement(verdict: Verdict, evidence: &[(&str, &str)]) -> Judgement {
        let evidence = evidence.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Judgement { verdict, summary: String::new(), findings: Vec::new(), evidence, retry_after_s: None }
    }

    // IMG-2
    #[test]
    fn a_run_is_told_the_image_that_passed_by_its_digest_and_no_other() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let older = format!("shop@sha256:{}", "cd".repeat(32));
        for (image, told_as) in [("team/shop:staging", "team/shop:staging@"), (older.as_str(), "shop@")] {
            let evidence = [("image", image), ("image-digest", digest.as_str()), ("image-revision", "1111")];
            let told = told(&judgement(Verdict::Pass, &evidence));
            assert_eq!(told["PORTCULLIS_IMAGE"], format!("{told_as}{digest}"));
            assert_eq!(
                (told["PORTCULLIS_IMAGE_DIGEST"].as_str(), told["PORTCULLIS_IMAGE_REVISION"].as_str()),
                (digest.as_str(), "1111")
            );
        }
        let evidence = [("image", "shop"), ("image-digest", digest.as_str()), ("image-revision", "1111")];
        for verdict in [Verdict::Fail, Verdict::Pending, Verdict::Actionable] {
            assert!(told(&judgement(verdict, &evidence)).is_empty(), "{verdict:?}");
        }
        assert!(told(&judgement(Verdict::Pass, &evidence[..2])).is_empty());
        assert!(told(&judgement(Verdict::Pass, &[("image-digest", "sha256:ab"), evidence[2]])).is_empty());
    }
}
