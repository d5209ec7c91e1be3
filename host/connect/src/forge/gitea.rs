//! Gitea's and Forgejo's REST interface (`/api/v1`).
//!
//! Peculiarities: an item's state in a commit's status is called `status`; `mergeable` cannot be relied on; 405 and 409
//! to a merge mean many things (see [`super::merge`]); 201 to a merge means that it was only scheduled.

use super::conflict_words::conflicting_paths;
use super::merge::{self, Said, Seen, Steps};
use super::page::{PageSize, all};
use super::{Forge, Landing, Merged, comment, named, owner_and_name, seconds, status_word, success};
use crate::http::{Auth, Connection, Rest, SetupError};
use crate::text::{cut, one_line};
use async_trait::async_trait;
use portcullis_core::effect::StatusState;
use portcullis_core::facts::{Check, CheckState, ForgeError, PullRequest};
use portcullis_core::ids::Revision;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

const PAGE: PageSize = PageSize { parameter: "limit", value: 50, exact: false };

/// A repository on a Gitea or Forgejo.
#[derive(Debug, Clone)]
pub struct Gitea {
    rest: Rest,
    owner: String,
    name: String,
    landing: Landing,
}

#[derive(Deserialize)]
struct CombinedStatus {
    #[serde(default)]
    sha: Option<String>,
    #[serde(default)]
    statuses: Option<Vec<Status>>,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    id: i64,
    #[serde(default)]
    status: String,
    #[serde(default)]
    context: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    target_url: Option<String>,
    #[serde(default)]
    created_at: Option<String>,
    #[serde(default)]
    updated_at: Option<String>,
}

#[derive(Deserialize)]
struct Branch {
    commit: Option<BranchCommit>,
    #[serde(default)]
    enable_status_check: bool,
    #[serde(default)]
    status_check_contexts: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct BranchCommit {
    id: String,
}

#[derive(Deserialize)]
struct Pull {
    number: u64,
    #[serde(default)]
    state: String,
    #[serde(default)]
    merged: bool,
    #[serde(default)]
    merge_commit_sha: Option<String>,
    head: Side,
    base: Side,
}

#[derive(Deserialize)]
struct Side {
    #[serde(rename = "ref")]
    reference: String,
    #[serde(default)]
    sha: String,
    #[serde(default)]
    repo: Option<Repo>,
}

#[derive(Deserialize)]
struct Repo {
    full_name: String,
}

impl Gitea {
    /// The repository `owner/name` at a Gitea whose web address is the connection's.
    ///
    /// # Errors
    /// [`SetupError`] if address, token or name are unusable.
    pub fn new(connection: Connection, repository: &str) -> Result<Self, SetupError> {
        let (owner, name) = owner_and_name(repository)?;
        let auth = Auth::Header("authorization", "token ");
        let rest = Rest::new("Gitea", connection, &["api", "v1"], auth, &[("accept", "application/json")])?;
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

    async fn find_open(&self, branch: &str, base: &str) -> Result<Option<u64>, ForgeError> {
        let full_name = format!("{}/{}", self.owner, self.name);
        let path = self.path(&["pulls"]);
        let pulls = all(&self.rest, &path, &[("state", "open")], PAGE, |pulls: Vec<Pull>| Ok(pulls)).await?;
        let ours = |pull: &Pull| {
            let own = pull.head.repo.as_ref().is_none_or(|repo| repo.full_name.eq_ignore_ascii_case(&full_name));
            pull.head.reference == branch && pull.base.reference == base && own
        };
        Ok(pulls.iter().find(|pull| ours(pull)).map(|pull| pull.number))
    }
}

fn state(word: &str) -> CheckState {
    match word {
        "success" => CheckState::Success,
        "failure" => CheckState::Failure,
        "pending" => CheckState::Pending,
        "warning" => CheckState::Warning,
        "skipped" => CheckState::Skipped,
        // `error`, and words that are not known yet: what cannot be understood has not succeeded.
        _ => CheckState::Error,
    }
}

fn check(status: Status) -> Check {
    let at = status.updated_at.as_deref().or(status.created_at.as_deref());
    Check {
        state: state(&status.status),
        description: one_line(status.description.as_deref().unwrap_or_default(), 300),
        target_url: one_line(status.target_url.as_deref().unwrap_or_default(), 1000),
        reported_at_s: seconds(at),
        context: if status.context.is_empty() { "default".to_owned() } else { one_line(&status.context, 300) },
    }
}

fn pull_request(pull: Pull) -> Result<PullRequest, ForgeError> {
    let merge_commit = match pull.merge_commit_sha.as_deref().unwrap_or_default() {
        // Before the merge it may name a trial merge.
        sha if pull.merged && !sha.is_empty() => Some(named("merge commit", sha)?),
        _ => None,
    };
    Ok(PullRequest {
        number: pull.number,
        open: pull.state == "open",
        merged: pull.merged,
        head: named("pull request's head", &pull.head.sha)?,
        base: pull.base.reference,
        merge_commit,
    })
}

#[async_trait]
impl Forge for Gitea {
    async fn checks(&self, revision: &Revision) -> Result<Vec<Check>, ForgeError> {
        let path = self.path(&["commits", revision.as_str(), "status"]);
        let statuses = all(&self.rest, &path, &[], PAGE, |page: CombinedStatus| {
            // With no status at all the name is empty.
            match page.sha.as_deref() {
                Some(sha) if !sha.is_empty() && sha != revision.as_str() => {
                    Err(ForgeError::Unavailable(format!("it answered for {} instead of {revision}", one_line(sha, 64))))
                }
                _ => Ok(page.statuses.unwrap_or_default()),
            }
        })
        .await?;
        let mut newest: BTreeMap<String, Status> = BTreeMap::new();
        for status in statuses {
            match newest.get(&status.context) {
                Some(known) if known.id >= status.id => {}
                _ => {
                    newest.insert(status.context.clone(), status);
                }
            }
        }
        Ok(newest.into_values().map(check).collect())
    }

    async fn required_checks(&self, branch: &str) -> Result<Vec<String>, ForgeError> {
        let branch = self.branch(branch).await?;
        let contexts = branch.status_check_contexts.unwrap_or_default();
        Ok(if branch.enable_status_check { contexts } else { Vec::new() })
    }

    async fn pull_request(&self, number: u64) -> Result<PullRequest, ForgeError> {
        let number = number.to_string();
        pull_request(success(self.rest.get(&self.path(&["pulls", &number]), &[]).await?)?.json()?)
    }

    async fn open_pull_request(&self, branch: &str, base: &str, title: &str, body: &str) -> Result<u64, ForgeError> {
        if let Some(number) = self.find_open(branch, base).await? {
            return Ok(number);
        }
        let request = json!({ "head": branch, "base": base, "title": one_line(title, 250), "body": cut(body, 60_000) });
        let answer = self.rest.send(Method::POST, &self.path(&["pulls"]), &request).await?;
        if matches!(answer.status, StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY)
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
            json!({ "state": status_word(state), "context": context, "description": one_line(description, 255) });
        success(self.rest.send(Method::POST, &self.path(&["statuses", revision.as_str()]), &request).await?)?;
        Ok(())
    }

    async fn comment(&self, number: u64, key: &str, text: &str) -> Result<(), ForgeError> {
        let number = number.to_string();
        comment::once(&self.rest, &self.path(&["issues", &number, "comments"]), PAGE, key, text).await
    }
}

#[async_trait]
impl Steps for Gitea {
    async fn look(&self, number: u64) -> Result<Seen, ForgeError> {
        // What it says about mergeability is unreliable.
        Ok(Seen { pull_request: self.pull_request(number).await?, conflicts: false })
    }

    async fn branch_head(&self, branch: &str) -> Result<Revision, ForgeError> {
        let commit = self.branch(branch).await?.commit.ok_or(ForgeError::NotFound)?;
        named("branch's head", &commit.id)
    }

    async fn ask(&self, number: u64, head: &Revision, message: &str) -> Result<Said, ForgeError> {
        let (title, body) = message.split_once('\n').unwrap_or((message, ""));
        let way = match self.landing {
            Landing::MergeCommit => "merge",
            // It refuses where the target has moved, instead of making a commit that nobody tested.
            Landing::FastForward => "fast-forward-only",
        };
        let request = json!({
            "Do": way,
            "MergeTitleField": title.trim(),
            "MergeMessageField": body.trim(),
            "head_commit_id": head.as_str(),
            "merge_when_checks_succeed": false,
            "delete_branch_after_merge": false,
        });
        let number = number.to_string();
        let answer = self.rest.send(Method::POST, &self.path(&["pulls", &number, "merge"]), &request).await?;
        match answer.status {
            StatusCode::CREATED | StatusCode::ACCEPTED => Ok(Said::Scheduled),
            StatusCode::CONFLICT => {
                let text = answer.text();
                // Of the many meanings of 409 only this one is about content; it comes with git's output.
                if text.contains("StdOut") || text.contains("CONFLICT (") || text.contains("merge conflict") {
                    Ok(Said::Conflict(conflicting_paths(&text)))
                } else {
                    Ok(Said::Refused(answer.describe()))
                }
            }
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::LOCKED | StatusCode::UNPROCESSABLE_ENTITY => {
                Ok(Said::Refused(answer.describe()))
            }
            _ => success(answer).map(|_| Said::Done),
        }
    }

    async fn cancel(&self, number: u64) -> Result<(), ForgeError> {
        let number = number.to_string();
        let answer = self.rest.delete(&self.path(&["pulls", &number, "merge"])).await?;
        // 404: it is no longer scheduled, which is what we want; the look afterwards says what became of it.
        if answer.status == StatusCode::NOT_FOUND { Ok(()) } else { success(answer).map(|_| ()) }
    }
}
