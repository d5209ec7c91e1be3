//! GitHub's REST interface, the public one or an Enterprise Server's.
//!
//! Peculiarities: checks come from two places, commit statuses and check runs; the combined state is `pending` where
//! there is nothing at all, so every item is judged on its own; mergeability that is not known yet is a pause, never a
//! conflict.

use super::merge::{self, Said, Seen, Steps};
use super::page::{PageSize, all};
use super::{Forge, Landing, Merged, comment, named, owner_and_name, seconds, status_word, success};
use crate::http::{Answer, Auth, Connection, Rest, SetupError};
use crate::text::{cut, one_line};
use async_trait::async_trait;
use portcullis_core::effect::StatusState;
use portcullis_core::facts::{Check, CheckState, ForgeError, PullRequest};
use portcullis_core::ids::Revision;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

const PAGE: PageSize = PageSize { parameter: "per_page", value: 100, exact: true };

/// A repository on GitHub.
#[derive(Debug, Clone)]
pub struct GitHub {
    rest: Rest,
    owner: String,
    name: String,
    landing: Landing,
}

#[derive(Deserialize)]
struct CombinedStatus {
    sha: String,
    #[serde(default)]
    statuses: Vec<Status>,
}

#[derive(Deserialize)]
struct Status {
    state: String,
    context: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    target_url: Option<String>,
    #[serde(default)]
    updated_at: Option<String>,
}

#[derive(Deserialize)]
struct CheckRuns {
    #[serde(default)]
    check_runs: Vec<CheckRun>,
}

#[derive(Deserialize)]
struct CheckRun {
    id: u64,
    name: String,
    head_sha: String,
    status: String,
    #[serde(default)]
    conclusion: Option<String>,
    #[serde(default)]
    started_at: Option<String>,
    #[serde(default)]
    completed_at: Option<String>,
    #[serde(default)]
    html_url: Option<String>,
    #[serde(default)]
    output: Option<Output>,
    #[serde(default)]
    check_suite: Option<Suite>,
}

#[derive(Deserialize)]
struct Output {
    #[serde(default)]
    title: Option<String>,
}

#[derive(Deserialize)]
struct Suite {
    #[serde(default)]
    id: u64,
}

#[derive(Deserialize)]
struct Branch {
    commit: BranchCommit,
    #[serde(default)]
    protection: Option<Protection>,
}

#[derive(Deserialize)]
struct BranchCommit {
    sha: String,
}

#[derive(Deserialize)]
struct Protection {
    #[serde(default)]
    required_status_checks: Option<RequiredChecks>,
}

#[derive(Deserialize)]
struct RequiredChecks {
    #[serde(default)]
    enforcement_level: Option<String>,
    #[serde(default)]
    contexts: Vec<String>,
}

#[derive(Deserialize)]
struct Rule {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    parameters: Option<RuleParameters>,
}

#[derive(Deserialize)]
struct RuleParameters {
    #[serde(default)]
    required_status_checks: Option<Vec<RuleCheck>>,
}

#[derive(Deserialize)]
struct RuleCheck {
    context: String,
}

#[derive(Deserialize)]
struct Pull {
    number: u64,
    state: String,
    /// Absent in lists.
    #[serde(default)]
    merged: Option<bool>,
    #[serde(default)]
    merged_at: Option<String>,
    #[serde(default)]
    merge_commit_sha: Option<String>,
    #[serde(default)]
    mergeable: Option<bool>,
    #[serde(default)]
    mergeable_state: Option<String>,
    head: Side,
    base: Side,
}

#[derive(Deserialize)]
struct Side {
    #[serde(rename = "ref")]
    reference: String,
    sha: String,
}

impl GitHub {
    /// The repository `owner/name`; the connection's address is that of the interface, `https://api.github.com` or
    /// `https://HOST/api/v3`.
    ///
    /// # Errors
    /// [`SetupError`] if address, token or name are unusable.
    pub fn new(connection: Connection, repository: &str) -> Result<Self, SetupError> {
        let (owner, name) = owner_and_name(repository)?;
        let headers = [("accept", "application/vnd.github+json"), ("x-github-api-version", "2022-11-28")];
        let rest = Rest::new("GitHub", connection, &[], Auth::Header("authorization", "Bearer "), &headers)?;
        Ok(Self { rest, owner, name, landing: Landing::MergeCommit })
    }

    /// The same, with pull requests merged so.
    #[must_use]
    pub fn landing(self, landing: Landing) -> Self {
        Self { landing, ..self }
    }

    fn path<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        [&["repos", self.owner.as_str(), self.name.as_str()], rest].concat()
    }

    async fn branch(&self, branch: &str) -> Result<Branch, ForgeError> {
        let parts: Vec<&str> = std::iter::once("branches").chain(branch.split('/')).collect();
        Ok(success(self.rest.get(&self.path(&parts), &[]).await?)?.json()?)
    }

    async fn pull(&self, number: u64) -> Result<Pull, ForgeError> {
        let number = number.to_string();
        Ok(success(self.rest.get(&self.path(&["pulls", &number]), &[]).await?)?.json()?)
    }

    async fn find_open(&self, branch: &str, base: &str) -> Result<Option<u64>, ForgeError> {
        let head = format!("{}:{branch}", self.owner);
        let query = [("state", "open"), ("head", head.as_str()), ("base", base)];
        let path = self.path(&["pulls"]);
        let pulls = all(&self.rest, &path, &query, PAGE, |pulls: Vec<Pull>| Ok(pulls)).await?;
        let ours = |pull: &&Pull| pull.head.reference == branch && pull.base.reference == base;
        Ok(pulls.iter().find(ours).map(|pull| pull.number))
    }

    async fn statuses(&self, revision: &Revision) -> Result<Vec<Check>, ForgeError> {
        let path = self.path(&["commits", revision.as_str(), "status"]);
        let statuses = all(&self.rest, &path, &[], PAGE, |page: CombinedStatus| {
            same_revision(&page.sha, revision)?;
            Ok(page.statuses)
        })
        .await?;
        Ok(statuses.into_iter().map(check_of_status).collect())
    }

    /// The newest run of each name within each suite. Two suites (two workflows, or one started twice) may have runs
    /// of one name; neither replaces the other.
    async fn runs(&self, revision: &Revision) -> Result<Vec<Check>, ForgeError> {
        let path = self.path(&["commits", revision.as_str(), "check-runs"]);
        let query = [("filter", "latest")];
        let runs = all(&self.rest, &path, &query, PAGE, |page: CheckRuns| Ok(page.check_runs)).await?;
        let mut newest: BTreeMap<(u64, String), CheckRun> = BTreeMap::new();
        for run in runs {
            same_revision(&run.head_sha, revision)?;
            let place = (run.check_suite.as_ref().map_or(0, |suite| suite.id), run.name.clone());
            match newest.get(&place) {
                Some(known) if known.id >= run.id => {}
                _ => {
                    newest.insert(place, run);
                }
            }
        }
        Ok(newest.into_values().map(check_of_run).collect())
    }
}

fn same_revision(found: &str, wanted: &Revision) -> Result<(), ForgeError> {
    if found == wanted.as_str() {
        return Ok(());
    }
    Err(ForgeError::Unavailable(format!("it answered for {} instead of {wanted}", one_line(found, 64))))
}

fn check_of_status(status: Status) -> Check {
    Check {
        state: match status.state.as_str() {
            "success" => CheckState::Success,
            "failure" => CheckState::Failure,
            "pending" => CheckState::Pending,
            // `error`, and words that are not known yet: what cannot be understood has not succeeded.
            _ => CheckState::Error,
        },
        description: one_line(status.description.as_deref().unwrap_or_default(), 300),
        target_url: one_line(status.target_url.as_deref().unwrap_or_default(), 1000),
        reported_at_s: seconds(status.updated_at.as_deref()),
        context: one_line(&status.context, 300),
    }
}

fn check_of_run(run: CheckRun) -> Check {
    let state = match (run.status.as_str(), run.conclusion.as_deref()) {
        ("completed", Some("success")) => CheckState::Success,
        ("completed", Some("failure" | "timed_out" | "startup_failure")) => CheckState::Failure,
        ("completed", Some("neutral" | "skipped")) => CheckState::Skipped,
        // Cancelled, stale, waiting for a person, or a word that is not known yet.
        ("completed", _) => CheckState::Error,
        _ => CheckState::Pending,
    };
    let title = run.output.and_then(|output| output.title).or(run.conclusion).unwrap_or(run.status);
    Check {
        context: one_line(&run.name, 300),
        state,
        description: one_line(&title, 300),
        target_url: one_line(run.html_url.as_deref().unwrap_or_default(), 1000),
        reported_at_s: seconds(run.completed_at.as_deref().or(run.started_at.as_deref())),
    }
}

/// One check per context: of several sources with one name the least good counts, so that none hides another.
fn least_good(checks: Vec<Check>) -> Vec<Check> {
    let rank = |state: CheckState| match state {
        CheckState::Failure => 0,
        CheckState::Error => 1,
        CheckState::Pending => 2,
        CheckState::Warning => 3,
        CheckState::Skipped => 4,
        CheckState::Success => 5,
    };
    let mut out: BTreeMap<String, Check> = BTreeMap::new();
    for check in checks {
        match out.get(&check.context) {
            Some(known) if rank(known.state) <= rank(check.state) => {}
            _ => {
                out.insert(check.context.clone(), check);
            }
        }
    }
    out.into_values().collect()
}

fn pull_request(pull: Pull) -> Result<PullRequest, ForgeError> {
    let merged = pull.merged.unwrap_or(pull.merged_at.is_some());
    let merge_commit = match pull.merge_commit_sha.as_deref() {
        // Before the merge it names a trial merge.
        Some(sha) if merged => Some(named("merge commit", sha)?),
        _ => None,
    };
    Ok(PullRequest {
        number: pull.number,
        open: pull.state == "open",
        merged,
        head: named("pull request's head", &pull.head.sha)?,
        base: pull.base.reference,
        merge_commit,
    })
}

/// 422 is how GitHub says that it has no such commit.
fn known_commit(error: ForgeError) -> ForgeError {
    match error {
        ForgeError::Unavailable(why) if why.contains("No commit found") => ForgeError::NotFound,
        other => other,
    }
}

#[async_trait]
impl Forge for GitHub {
    async fn checks(&self, revision: &Revision) -> Result<Vec<Check>, ForgeError> {
        let mut checks = self.statuses(revision).await.map_err(known_commit)?;
        checks.extend(self.runs(revision).await.map_err(known_commit)?);
        Ok(least_good(checks))
    }

    async fn required_checks(&self, branch: &str) -> Result<Vec<String>, ForgeError> {
        let protection = self.branch(branch).await?.protection.and_then(|protection| protection.required_status_checks);
        let mut required: BTreeSet<String> = match protection {
            Some(checks) if checks.enforcement_level.as_deref() != Some("off") => checks.contexts.into_iter().collect(),
            _ => BTreeSet::new(),
        };
        let parts: Vec<&str> = ["rules", "branches"].into_iter().chain(branch.split('/')).collect();
        match all(&self.rest, &self.path(&parts), &[], PAGE, |rules: Vec<Rule>| Ok(rules)).await {
            Ok(rules) => required.extend(
                rules
                    .into_iter()
                    .filter(|rule| rule.kind == "required_status_checks")
                    .filter_map(|rule| rule.parameters?.required_status_checks)
                    .flatten()
                    .map(|check| check.context),
            ),
            // Older Enterprise Servers have no rule sets.
            Err(ForgeError::NotFound) => {}
            Err(error) => return Err(error),
        }
        Ok(required.into_iter().collect())
    }

    async fn pull_request(&self, number: u64) -> Result<PullRequest, ForgeError> {
        pull_request(self.pull(number).await?)
    }

    async fn open_pull_request(&self, branch: &str, base: &str, title: &str, body: &str) -> Result<u64, ForgeError> {
        if let Some(number) = self.find_open(branch, base).await? {
            return Ok(number);
        }
        let request = json!({ "head": branch, "base": base, "title": one_line(title, 250), "body": cut(body, 60_000) });
        let answer = self.rest.send(Method::POST, &self.path(&["pulls"]), &request).await?;
        if answer.status == StatusCode::UNPROCESSABLE_ENTITY
            && let Some(number) = self.find_open(branch, base).await?
        {
            // A rival opened it meanwhile.
            return Ok(number);
        }
        let pull: Pull = success(answer)?.json()?;
        Ok(pull.number)
    }

    async fn merge(
        &self,
        number: u64,
        head: &Revision,
        target_head: &Revision,
        message: &str,
    ) -> Result<Merged, ForgeError> {
        merge::merge(self, number, head, target_head, message).await
    }

    async fn set_status(
        &self,
        revision: &Revision,
        context: &str,
        state: StatusState,
        description: &str,
    ) -> Result<(), ForgeError> {
        let request =
            json!({ "state": status_word(state), "context": context, "description": one_line(description, 140) });
        success(self.rest.send(Method::POST, &self.path(&["statuses", revision.as_str()]), &request).await?)
            .map_err(known_commit)?;
        Ok(())
    }

    async fn comment(&self, number: u64, key: &str, text: &str) -> Result<(), ForgeError> {
        let number = number.to_string();
        comment::once(&self.rest, &self.path(&["issues", &number, "comments"]), PAGE, key, text).await
    }
}

#[async_trait]
impl Steps for GitHub {
    async fn look(&self, number: u64) -> Result<Seen, ForgeError> {
        let pull = self.pull(number).await?;
        let conflicts = pull.mergeable == Some(false) && pull.mergeable_state.as_deref() == Some("dirty");
        Ok(Seen { pull_request: pull_request(pull)?, conflicts })
    }

    async fn branch_head(&self, branch: &str) -> Result<Revision, ForgeError> {
        named("branch's head", &self.branch(branch).await?.commit.sha)
    }

    async fn ask(&self, number: u64, head: &Revision, message: &str) -> Result<Said, ForgeError> {
        let (title, body) = message.split_once('\n').unwrap_or((message, ""));
        let sha = head.as_str();
        let request = match self.landing {
            Landing::MergeCommit => json!({
                "merge_method": "merge", "commit_title": title.trim(), "commit_message": body.trim(), "sha": sha,
            }),
            // The nearest that there is: it makes new commits with the same trees, and takes no message.
            Landing::FastForward => json!({ "merge_method": "rebase", "sha": sha }),
        };
        let number = number.to_string();
        let answer: Answer = self.rest.send(Method::PUT, &self.path(&["pulls", &number, "merge"]), &request).await?;
        match answer.status {
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => {
                Ok(Said::Refused(answer.describe()))
            }
            // Merge queues answer so.
            StatusCode::ACCEPTED => Ok(Said::Scheduled),
            _ => success(answer).map(|_| Said::Done),
        }
    }

    async fn cancel(&self, _number: u64) -> Result<(), ForgeError> {
        Err(ForgeError::Unavailable(
            "it queued the merge, which cannot be taken back here; take the merge queue off the branch".to_owned(),
        ))
    }
}
