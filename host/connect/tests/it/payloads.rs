//! What each kind of payload means.

use crate::{altered, fixture, without};
use portcullis_connect::webhook::{PayloadError, parse};
use portcullis_core::effect::TrackerState;
use portcullis_core::event::{Event, Source};
use portcullis_core::ids::Revision;
use serde_json::json;

const HEAD: &str = "9b8e7d6c5b4a39281706f5e4d3c2b1a0ffeeddcc";
const ITEM: &str = "f81d4fae-3333-4a6b-9c5d-00a0c91e6bf6";
const PROJECT: &str = "7e1f9f3a-2222-4e0e-8a9b-0c1d2e3f4a5b";
const FORGES: [(Source, &str); 2] = [(Source::Gitea, "gitea"), (Source::Github, "github")];

fn head() -> Revision {
    Revision::parse(HEAD).unwrap()
}

fn event(source: Source, name: &str, body: &str) -> Event {
    parse(source, name, body.as_bytes()).unwrap_or_else(|error| panic!("{source:?} {name}: {error}"))
}

fn error(source: Source, name: &str, body: &str) -> PayloadError {
    match parse(source, name, body.as_bytes()) {
        Err(error) => error,
        Ok(event) => panic!("{source:?} {name} was understood as {event:?}"),
    }
}

fn ignored(source: Source, name: &str, body: &str) -> String {
    match event(source, name, body) {
        Event::Ignored { reason } => reason,
        other => panic!("{source:?} {name} was not ignored but understood as {other:?}"),
    }
}

fn check(context: &str) -> Event {
    Event::Check { repository: "harbour/crane".to_owned(), revision: head(), context: context.to_owned() }
}

// WEB-4
#[test]
fn a_push_names_the_branch_and_where_it_is_now() {
    for (source, name) in FORGES {
        let pushed =
            |after| Event::Push { repository: "harbour/crane".to_owned(), branch: "task/ORCH-65".to_owned(), after };
        assert_eq!(event(source, "push", &fixture(&format!("{name}/push"))), pushed(Some(head())));
        let deleted =
            altered(&format!("{name}/push"), &[("/after", json!("0".repeat(40))), ("/head_commit", json!(null))]);
        assert_eq!(event(source, "push", &deleted), pushed(None));
    }
    let deleted = event(Source::Gitea, "delete", &fixture("gitea/delete"));
    let Event::Push { branch, after: None, .. } = deleted else { panic!("{deleted:?}") };
    assert_eq!(branch, "task/ORCH-65");
}

// WEB-5
#[test]
fn pushed_and_deleted_tags_are_ignored() {
    for (source, name) in FORGES {
        let tag = altered(&format!("{name}/push"), &[("/ref", json!("refs/tags/v1.0"))]);
        assert!(ignored(source, "push", &tag).contains("refs/tags/v1.0"));
    }
    let tag = altered("gitea/delete", &[("/ref_type", json!("tag"))]);
    assert!(ignored(Source::Gitea, "delete", &tag).contains("no branch"));
}

// MRG-3
#[test]
fn a_pull_request_says_its_head_and_whether_it_is_merged() {
    let names = ["pull_request", "pull_request_sync", "pull_request_review_approved", "pull_request_rejected"];
    for (action, name) in ["opened", "synchronized", "reviewed", "never heard of"].iter().zip(names) {
        let body = altered("gitea/pull_request", &[("/action", json!(action))]);
        let expected = Event::PullRequest {
            repository: "harbour/crane".to_owned(),
            number: 12,
            branch: "task/ORCH-65".to_owned(),
            head: head(),
            merged: false,
        };
        assert_eq!(event(Source::Gitea, name, &body), expected);
    }
    let closed = event(Source::Github, "pull_request", &fixture("github/pull_request"));
    assert!(matches!(closed, Event::PullRequest { number: 12, merged: true, .. }), "{closed:?}");
    let merged = altered("gitea/pull_request", &[("/action", json!("closed")), ("/pull_request/merged", json!(true))]);
    assert!(matches!(event(Source::Gitea, "pull_request", &merged), Event::PullRequest { merged: true, .. }));
    // A review has no number of its own and no word on merging.
    let review = event(Source::Github, "pull_request_review", &fixture("github/pull_request_review"));
    assert!(matches!(review, Event::PullRequest { number: 12, merged: false, .. }), "{review:?}");
}

// WEB-5
#[test]
fn labels_and_the_like_on_a_pull_request_are_ignored() {
    for action in ["labeled", "label_updated", "assigned", "milestoned", "review_requested"] {
        let body = altered("gitea/pull_request", &[("/action", json!(action))]);
        assert!(ignored(Source::Gitea, "pull_request", &body).contains(action));
    }
}

// GAT-8: a fork may name its branch like one of ours.
#[test]
fn a_fork_s_branch_is_never_taken_for_one_of_ours() {
    for (source, name) in FORGES {
        let name = format!("{name}/pull_request");
        let fork = altered(&name, &[("/pull_request/head/repo/full_name", json!("mallory/crane"))]);
        let gone = altered(&name, &[("/pull_request/head/repo", json!(null))]);
        for (body, expected) in [(fork, "mallory:task/ORCH-65"), (gone, "unknown:task/ORCH-65")] {
            let Event::PullRequest { branch, .. } = event(source, "pull_request", &body) else { panic!("{name}") };
            assert_eq!(branch, expected);
        }
        let silent = without(&name, "/pull_request/head/repo");
        let Event::PullRequest { branch, .. } = event(source, "pull_request", &silent) else { panic!("{name}") };
        assert_eq!(branch, "task/ORCH-65");
    }
}

// CIG-1
#[test]
fn whatever_is_reported_on_a_revision_is_a_check() {
    assert_eq!(event(Source::Gitea, "status", &fixture("gitea/status")), check("ci/test"));
    assert_eq!(event(Source::Gitea, "workflow_job", &fixture("gitea/workflow_job")), check("test"));
    assert_eq!(event(Source::Github, "status", &fixture("github/status")), check("ci/lint"));
    assert_eq!(event(Source::Github, "check_run", &fixture("github/check_run")), check("test (stable)"));
    assert_eq!(event(Source::Github, "check_suite", &fixture("github/check_suite")), check("GitHub Actions"));
    assert_eq!(event(Source::Github, "workflow_job", &fixture("github/workflow_job")), check("test"));
    let run = fixture("gitea/workflow_job").replace("workflow_job", "workflow_run");
    assert_eq!(event(Source::Gitea, "workflow_run", &run), check("test"));
    let unnamed = altered("gitea/status", &[("/context", json!(""))]);
    assert_eq!(event(Source::Gitea, "status", &unnamed), check("default"));
}

// CIG-2
#[test]
fn a_job_that_has_not_ended_is_ignored() {
    for (source, name) in [
        (Source::Gitea, "workflow_job"),
        (Source::Github, "workflow_job"),
        (Source::Github, "check_run"),
        (Source::Github, "check_suite"),
    ] {
        for state in ["queued", "waiting", "in_progress"] {
            let file = format!("{}/{name}", source.as_str());
            let place = format!("/{name}/status");
            let body = altered(&file, &[("/action", json!(state)), (place.as_str(), json!(state))]);
            let reason = ignored(source, name, &body);
            assert!(reason.contains(name) && reason.contains(state), "{reason}");
        }
    }
}

// WEB-5
#[test]
fn unknown_events_are_ignored_with_their_name() {
    for (source, name) in [(Source::Gitea, "wiki"), (Source::Github, "star"), (Source::Plane, "cycle")] {
        assert!(ignored(source, name, "{}").contains(name));
        ignored(source, "", "{}");
    }
    assert!(ignored(Source::Github, "ping", &fixture("github/ping")).contains("ping"));
    let comment = fixture("plane/comment");
    assert!(ignored(Source::Plane, "issue_comment", &comment).contains("issue_comment"));
}

fn moved(work_item: &str, description: &str, state: Option<TrackerState>, state_name: &str) -> Event {
    Event::WorkItem {
        tracker_project: PROJECT.to_owned(),
        item_id: ITEM.to_owned(),
        work_item: Some(work_item.to_owned()),
        title: "Heavier containers".to_owned(),
        description: description.to_owned(),
        state,
        state_name: state_name.to_owned(),
        actor: "ann (0d5a1a52-1111-4c1b-9a55-6f1e2d3c4b5a)".to_owned(),
    }
}

// TRK-1
#[test]
fn a_work_item_put_into_a_state_is_told_by_page_and_by_interface() {
    let expected = moved("65", "Lift up to 40 t. Keep the old rope.", Some(TrackerState::ToAnalyse), "To Analyse");
    assert_eq!(event(Source::Plane, "issue", &fixture("plane/state_by_page")), expected);
    for (action, field, value) in [
        ("update", "state", "52c9b7de-4444-4d2f-b1a6-8e7f6d5c4b3a"),
        ("updated", "state", "To Analyse"),
        // The data is newer than the activity: where it is now counts.
        ("updated", "state_id", "99999999-0000-4000-8000-000000000000"),
    ] {
        let changes =
            [("/action", json!(action)), ("/activity/field", json!(field)), ("/activity/new_value", json!(value))];
        assert_eq!(event(Source::Plane, "issue", &altered("plane/state_by_page", &changes)), expected);
    }
    for action in ["created", "create"] {
        let changes = [("/action", json!(action)), ("/activity/field", json!(null))];
        assert_eq!(event(Source::Plane, "issue", &altered("plane/state_by_page", &changes)), expected);
    }
}

// TRK-2
#[test]
fn a_state_that_means_nothing_here_keeps_its_name() {
    let body = altered("plane/state_by_page", &[("/data/state/name", json!("Icebox"))]);
    assert_eq!(
        event(Source::Plane, "issue", &body),
        moved("65", "Lift up to 40 t. Keep the old rope.", None, "Icebox")
    );
}

// TRK-1
#[test]
fn the_newer_shape_names_a_state_by_its_id_alone() {
    let expected = moved("ORCH-65", "Lift up to 40 t.", None, "52c9b7de-4444-4d2f-b1a6-8e7f6d5c4b3a");
    assert_eq!(event(Source::Plane, "workitem.updated", &fixture("plane/state_newer")), expected);
    // The header may be missing; the body says it too.
    assert_eq!(event(Source::Plane, "", &fixture("plane/state_newer")), expected);
}

// TRK-1
#[test]
fn the_project_s_identifier_makes_the_work_item_s_name() {
    let project = json!({ "id": PROJECT, "identifier": "ORCH" });
    let body = altered("plane/state_by_page", &[("/data/project", project)]);
    let moved = event(Source::Plane, "issue", &body);
    let Event::WorkItem { work_item, tracker_project, .. } = moved else { panic!("{moved:?}") };
    assert_eq!((work_item.as_deref(), tracker_project.as_str()), (Some("ORCH-65"), PROJECT));
}

// TRK-1
#[test]
fn other_changes_of_a_work_item_are_ignored() {
    let field = altered("plane/state_by_page", &[("/activity/field", json!("priority"))]);
    assert!(ignored(Source::Plane, "issue", &field).contains("priority"));
    let newer = altered("plane/state_newer", &[("/previous_attributes", json!({ "name": "x", "priority": "low" }))]);
    assert!(ignored(Source::Plane, "workitem.updated", &newer).contains("name, priority"));
    let nothing = altered("plane/state_by_page", &[("/activity", json!(null))]);
    ignored(Source::Plane, "issue", &nothing);
    let deleted = json!({ "event": "issue", "action": "deleted", "data": { "id": ITEM } }).to_string();
    assert!(ignored(Source::Plane, "issue", &deleted).contains("deleted"));
}

// WEB-5
#[test]
fn an_error_names_the_field() {
    for (source, name, file, place, value, field) in [
        (Source::Gitea, "push", "gitea/push", "/after", json!(7), "`after`"),
        (Source::Gitea, "push", "gitea/push", "/after", json!("main"), "`after`"),
        (Source::Github, "push", "github/push", "/repository/full_name", json!([]), "`repository.full_name`"),
        (Source::Gitea, "pull_request", "gitea/pull_request", "/number", json!("12"), "`number`"),
        (Source::Gitea, "pull_request", "gitea/pull_request", "/number", json!(-1), "`number`"),
        (Source::Github, "pull_request", "github/pull_request", "/pull_request/head/sha", json!(""), "head.sha`"),
        (Source::Gitea, "status", "gitea/status", "/sha", json!("Z"), "`sha`"),
        (Source::Github, "check_run", "github/check_run", "/check_run/head_sha", json!({}), "`check_run.head_sha`"),
        (Source::Github, "check_run", "github/check_run", "/check_run", json!(null), "`check_run`"),
        (Source::Plane, "issue", "plane/state_by_page", "/data/id", json!(null), "`data.id`"),
        (Source::Plane, "issue", "plane/state_by_page", "/data/project", json!(""), "`data.project`"),
        (Source::Plane, "issue", "plane/state_by_page", "/data/sequence_id", json!("x"), "`data.sequence_id`"),
    ] {
        let error = error(source, name, &altered(file, &[(place, value)])).to_string();
        assert!(error.contains(field), "{file} {place}: {error}");
        assert!(error.len() < 400, "{error}");
    }
    let missing = error(Source::Gitea, "push", &without("gitea/push", "/repository")).to_string();
    assert!(missing.contains("`repository`"), "{missing}");
}

// WEB-5
#[test]
fn a_truncated_payload_is_an_error_wherever_it_ends() {
    for (source, name, file) in [
        (Source::Gitea, "push", "gitea/push"),
        (Source::Github, "check_run", "github/check_run"),
        (Source::Plane, "issue", "plane/state_by_page"),
    ] {
        let body = fixture(file);
        let body = body.trim_end();
        for length in 0..body.len() {
            assert!(parse(source, name, &body.as_bytes()[..length]).is_err(), "{file} cut at {length}");
        }
    }
}
