//! Whole answers in the shapes that Gitea and GitHub document, with everything that is of no use to us: the trimmed ones of
//! the other tests could hide a field whose name or type is another.

use crate::revision;
use crate::server::{Reply, Server};
use portcullis_connect::forge::{Forge, GitHub, Gitea};
use portcullis_connect::http::Connection;
use portcullis_connect::secret::Secret;
use portcullis_core::facts::{Check, CheckState};
use serde_json::{Value, json};

fn sha() -> String {
    "a".repeat(40)
}

fn connection(server: &Server) -> Connection {
    Connection::new(&server.url, Secret::new("tttttttt"))
}

/// What a test is about, of each check.
fn seen(checks: &[Check]) -> Vec<(&str, CheckState, Option<i64>, &str)> {
    checks.iter().map(|c| (c.context.as_str(), c.state, c.reported_at_s, c.target_url.as_str())).collect()
}

// CIG-1, CIG-3
#[tokio::test]
async fn gitea_s_combined_status_and_branch_are_read_as_they_are_documented() {
    let user = json!({ "id": -2, "login": "gitea-actions", "login_name": "", "source_id": 0, "full_name": "", "email": "teabot@gitea.io",
                       "avatar_url": "", "is_admin": false, "last_login": "0001-01-01T00:00:00Z", "created": "0001-01-01T00:00:00Z",
                       "restricted": false, "active": false, "prohibit_login": false, "visibility": "public", "username": "gitea-actions" });
    let status = move |id: u64, context: &str, state: &str| {
        json!({ "id": id, "status": state, "target_url": "/harbour/crane/actions/runs/3/jobs/0", "description": "Successful in 12s",
                "url": format!("https://git.example.org/api/v1/repos/harbour/crane/statuses/{}", sha()), "context": context,
                "creator": user, "created_at": "2026-01-05T10:14:00+01:00", "updated_at": "2026-01-05T10:15:00+01:00" })
    };
    let server = Server::start(move |asked| {
        if asked.what().contains("/branches/") {
            return Reply::json(200, json!({
                "name": "main",
                "commit": { "id": sha(), "message": "Add it\n", "url": "", "author": { "name": "A", "email": "a@example.org", "username": "a" },
                            "committer": { "name": "A", "email": "a@example.org", "username": "a" },
                            "verification": { "verified": false, "reason": "gpg.error.not_signed_commit", "signature": "", "signer": null, "payload": "" },
                            "timestamp": "2026-01-05T10:00:00+01:00", "added": null, "removed": null, "modified": null },
                "protected": true, "required_approvals": 1, "enable_status_check": true,
                "status_check_contexts": ["ci / test (push)", "ci / build*"], "user_can_push": false, "user_can_merge": true,
                "effective_branch_protection_name": "main",
            }));
        }
        let statuses: Vec<Value> = match asked.query("page") {
            Some("1") => vec![status(12, "ci / test (push)", "success"), status(11, "ci / build (push)", "warning")],
            _ => Vec::new(),
        };
        Reply::json(200, json!({ "state": "success", "sha": sha(), "total_count": 2, "statuses": statuses, "repository": { "id": 7, "full_name": "harbour/crane" },
                                 "commit_url": "https://git.example.org/api/v1/repos/harbour/crane/commits/a", "url": "" }))
    })
    .await;
    let gitea = Gitea::new(connection(&server), "harbour/crane").unwrap();
    let (checks, job) = (gitea.checks(&revision('a')).await.unwrap(), "/harbour/crane/actions/runs/3/jobs/0");
    let at = Some(1_767_604_500);
    let expected =
        [("ci / build (push)", CheckState::Warning, at, job), ("ci / test (push)", CheckState::Success, at, job)];
    assert_eq!(seen(&checks), expected);
    assert_eq!(gitea.required_checks("main").await.unwrap(), ["ci / test (push)", "ci / build*"]);
}

// CIG-1, CIG-3
#[tokio::test]
async fn github_s_statuses_check_runs_protection_and_rules_are_read_as_they_are_documented() {
    let server = Server::start(|asked| {
        let what = asked.what();
        if what.ends_with("/status") {
            return Reply::json(200, json!({
                "state": "pending",
                "statuses": [{ "url": "https://api.github.com/x", "avatar_url": "https://github.com/images/error/hubot.gif", "id": 1, "node_id": "MDY6",
                               "state": "pending", "description": "Build is running", "target_url": "https://ci.example.com/1000/output",
                               "context": "continuous-integration/jenkins", "created_at": "2026-01-05T09:14:00Z", "updated_at": "2026-01-05T09:15:00Z" }],
                "sha": sha(), "total_count": 1, "repository": { "id": 1_296_269, "full_name": "harbour/crane" },
                "commit_url": "https://api.github.com/x", "url": "https://api.github.com/x",
            }));
        }
        if what.ends_with("/check-runs") {
            return Reply::json(200, json!({
                "total_count": 1,
                "check_runs": [{ "id": 4, "head_sha": sha(), "node_id": "MDg6", "external_id": "", "url": "https://api.github.com/x",
                                 "html_url": "https://github.com/harbour/crane/runs/4", "details_url": "https://example.com", "status": "completed",
                                 "conclusion": "neutral", "started_at": "2026-01-05T09:14:00Z", "completed_at": "2026-01-05T09:15:00Z",
                                 "output": { "title": "Mighty Readme report", "summary": "There are 0 failures", "text": "", "annotations_count": 2,
                                             "annotations_url": "https://api.github.com/x" },
                                 "name": "mighty_readme", "check_suite": { "id": 5 },
                                 "app": { "id": 1, "slug": "octoapp", "node_id": "MDEx", "name": "Octocat App", "permissions": { "checks": "write" }, "events": ["push"] },
                                 "pull_requests": [{ "id": 1934, "number": 3956, "head": { "ref": "x", "sha": sha() }, "base": { "ref": "main", "sha": sha() } }] }],
            }));
        }
        if what.contains("/rules/branches/") {
            return Reply::json(200, json!([
                { "type": "commit_message_pattern", "ruleset_source_type": "Repository", "ruleset_source": "harbour/crane", "ruleset_id": 42,
                  "parameters": { "operator": "starts_with", "pattern": "issue" } },
                { "type": "required_status_checks", "ruleset_source_type": "Organization", "ruleset_source": "harbour", "ruleset_id": 73,
                  "parameters": { "strict_required_status_checks_policy": true, "do_not_enforce_on_create": false,
                                  "required_status_checks": [{ "context": "audit", "integration_id": 15368 }] } },
            ]));
        }
        Reply::json(200, json!({
            "name": "main", "commit": { "sha": sha(), "node_id": "MDY6", "commit": { "message": "x" }, "parents": [] },
            "_links": { "html": "https://github.com/x", "self": "https://api.github.com/x" }, "protected": true,
            "protection": { "enabled": true, "required_status_checks": { "enforcement_level": "non_admins", "contexts": ["mighty_readme"],
                                                                         "checks": [{ "context": "mighty_readme", "app_id": 1 }] } },
            "protection_url": "https://api.github.com/x",
        }))
    })
    .await;
    let github = GitHub::new(connection(&server), "harbour/crane").unwrap();
    let checks = github.checks(&revision('a')).await.unwrap();
    let at = Some(1_767_604_500);
    let expected = [
        ("continuous-integration/jenkins", CheckState::Pending, at, "https://ci.example.com/1000/output"),
        ("mighty_readme", CheckState::Skipped, at, "https://github.com/harbour/crane/runs/4"),
    ];
    assert_eq!(seen(&checks), expected);
    assert_eq!(checks[1].description, "Mighty Readme report");
    assert_eq!(github.required_checks("main").await.unwrap(), ["audit", "mighty_readme"]);
}
