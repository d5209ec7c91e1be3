//! A task on a Gitea, driven by that Gitea's webhooks.

use portcullis_core::event::Source;
use portcullis_e2e::gitea::{FakeGitea, MergeAnswer};
use portcullis_e2e::{Daemon, Scene, payload};
use serde_json::{Value, json};

/// Two stages of work, then the merge. CI is asked again in an hour, so whatever happens sooner was a webhook's doing.
const PIPELINE: &str = r#"
format = 1
[[stage]]
name = "development"
role = "developer"
[[stage]]
name = "review"
role = "reviewer"
acts = true
[[stage]]
name = "deploy"
role = "deployer"
acts = true
[[stage]]
name = "done"
[[edge]]
from = "development"
to = "review"
  [[edge.gate]]
  name = "ci"
  plugin = "portcullis/ci-green"
  version = "^0.1"
  deadline-s = 36000
  config = { retry-after-s = 3600 }
[[edge]]
from = "review"
to = "deploy"
on-fail = "development"
merge = true
"#;

/// One stage, then the merge.
const SHORT: &str = r#"
format = 1
[[stage]]
name = "development"
role = "developer"
[[stage]]
name = "done"
[[edge]]
from = "development"
to = "done"
merge = true
"#;

/// Keeps the task description of each run in the branch, where the test can read it.
const DEVELOP: &str = "mkdir -p \"$PORTCULLIS_DOCUMENTS\"\ncp \"$PORTCULLIS_TASK_FILE\" \"$PORTCULLIS_DOCUMENTS/task-$PORTCULLIS_RUN_ID.md\"\n";

fn scene(gitea: &FakeGitea, manifest: &str) -> Scene {
    let scene = Scene::builder()
        .manifest(manifest)
        .forge(&gitea.forge())
        .role("developer", DEVELOP)
        .role("reviewer", "true\n")
        .role("deployer", "true\n")
        .build();
    gitea.serve(&scene.repo.origin());
    scene
}

/// Sends a webhook and waits until it is handled; the event then.
fn tell(daemon: &Daemon, event: &str, delivery: &str, body: &[u8]) -> Value {
    let answer = daemon.webhook(Source::Gitea, event, delivery, body);
    assert_eq!(answer.status, 202, "{answer:?}");
    daemon.until_handled(answer.body["event"].as_i64().unwrap())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

fn head(shown: &Value) -> String {
    text(&shown["task"]["head"])
}

/// Waits until the gate has said "not yet" about the head that the origin has; that head.
fn until_pending(scene: &Scene, daemon: &Daemon, id: i64) -> String {
    let branch = text(&daemon.task(id)["task"]["branch"]);
    let shown = daemon.until(id, "its gate is pending on the origin's head", |shown| {
        let origin = scene.repo.origin_head(&branch);
        shown["task"]["rest"]["kind"] == "gate-pending" && shown["task"]["head"] == json!(origin)
    });
    head(&shown)
}

fn evaluations(daemon: &Daemon, id: i64) -> usize {
    daemon.task(id)["evaluations"].as_array().unwrap().len()
}

/// Somebody pushes one more commit to a branch; its new head.
fn push_from_outside(scene: &Scene, branch: &str, file: &str) -> String {
    let repo = &scene.repo;
    repo.git(["fetch", "--quiet", "origin"]);
    repo.git(["switch", "--quiet", "--force-create", branch, &format!("origin/{branch}")]);
    repo.commit_file(file, "from outside\n").to_string()
}

#[test]
fn webhooks_of_a_gitea_take_a_task_from_its_first_push_to_the_merge() {
    // CIG-1, CIG-2, GAT-4, GAT-8, MRG-3, WEB-6
    let gitea = FakeGitea::start();
    let scene = scene(&gitea, PIPELINE);
    gitea.require(&["ci/test", "ci/lint"]);
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let first = until_pending(&scene, &daemon, id);
    let shown = daemon.task(id);
    assert_eq!(gitea.pull_requests(), 1, "the developer's work is shown in a pull request");
    let number = shown["task"]["pull_request"].as_u64().unwrap();
    let branch = text(&shown["task"]["branch"]);
    let opened = tell(&daemon, "pull_request", "1", &payload::pull_request("opened", number, &branch, &first, false));
    assert_eq!(opened["state"], "processed");
    // What is required stands in the target branch's protection; nobody has reported it yet.
    let why = daemon.explain(id);
    assert!(why.contains("ci/test") && why.contains("ci/lint"), "{why}");

    // A push from outside moves the head: what was said about the old one is void.
    let second = push_from_outside(&scene, &branch, "b.txt");
    assert_eq!(tell(&daemon, "push", "2", &payload::push(&branch, &second))["state"], "processed");
    assert_eq!(until_pending(&scene, &daemon, id), second);
    let third = push_from_outside(&scene, &branch, "c.txt");
    let synchronized = payload::pull_request("synchronized", number, &branch, &third, false);
    assert_eq!(tell(&daemon, "pull_request_sync", "3", &synchronized)["state"], "processed");
    assert_eq!(until_pending(&scene, &daemon, id), third);

    // Green on an older head is not green here.
    gitea.report(&second, "ci/test", "success", "");
    gitea.report(&second, "ci/lint", "success", "");
    let old = tell(&daemon, "status", "4", &payload::status(&second, "ci/test", "success"));
    assert_eq!(old["state"], "ignored", "{second} is no task's head any more: {old}");
    // A status that is not there yet when its webhook comes: asked, and still pending.
    let before = evaluations(&daemon, id);
    gitea.report(&third, "ci/test", "success", "42 passed");
    tell(&daemon, "status", "5", &payload::status(&third, "ci/test", "success"));
    daemon.until(id, "the gate was asked again and lacks ci/lint alone", |shown| {
        let summary = shown["task"]["rest"]["summary"].as_str().unwrap_or_default();
        shown["evaluations"].as_array().unwrap().len() > before
            && summary.contains("ci/lint")
            && !summary.contains("ci/test")
    });
    gitea.report(&third, "ci/lint", "success", "");
    assert_eq!(tell(&daemon, "workflow_job", "6", &payload::workflow_job(&third, "lint"))["state"], "processed");

    let done = daemon.until_rests(id, "finished");
    let merges = gitea.merges_asked();
    assert_eq!(merges.len(), 1, "{merges:?}");
    assert_eq!(merges[0]["head_commit_id"], third, "the merge names the head that the gates judged");
    let merge = text(&done["task"]["merge_commit"]);
    assert_eq!(scene.repo.origin_head("main").unwrap().as_str(), merge);

    // Our own statuses come back as webhooks and mean nothing.
    daemon.eventually("our status has reached the forge", || {
        gitea.statuses(&third).contains(&("portcullis/development".to_owned(), "success".to_owned()))
    });
    // What each gate said is a status of its own.
    daemon.eventually("the gate's own status has reached the forge", || {
        gitea.statuses(&third).contains(&("portcullis/development/ci".to_owned(), "success".to_owned()))
    });
    let echo = tell(&daemon, "status", "7", &payload::status(&third, "portcullis/development", "success"));
    assert_eq!(echo["state"], "ignored");
    assert!(text(&echo["reason"]).contains("echo of our own"), "{echo}");
    // The news of the merge, and everything that ever came once more: nothing is merged again.
    tell(&daemon, "pull_request", "8", &payload::pull_request("closed", number, &branch, &third, true));
    for event in daemon.get("/inbox?limit=1000").body["events"].as_array().unwrap() {
        let number = event["event"].as_i64().unwrap();
        assert_eq!(daemon.post(&format!("/inbox/{number}/replay"), &json!({})).status, 200);
        daemon.until_handled(number);
    }
    daemon.until_rests(id, "finished");
    assert_eq!(gitea.merges_asked().len(), 1);
    assert_eq!(scene.repo.origin_head("main").unwrap().as_str(), merge);
}

#[test]
fn a_red_status_sends_the_task_back_and_the_next_run_reads_it_word_for_word() {
    // CIG-1, STG-3
    let gitea = FakeGitea::start();
    let scene = scene(&gitea, PIPELINE);
    gitea.require(&["ci/test"]);
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let first = until_pending(&scene, &daemon, id);
    gitea.report(&first, "ci/test", "failure", "3 of 42 failed: lift_is_too_heavy");
    tell(&daemon, "status", "1", &payload::status(&first, "ci/test", "failure"));
    let shown = daemon.until(id, "the second run has published", |shown| {
        shown["task"]["returns"] == 1 && shown["task"]["head"] != json!(first)
    });
    let branch = text(&shown["task"]["branch"]);
    let finding = &shown["task"]["feedback"]["findings"][0];
    let message = text(&finding["message"]);
    assert!(message.contains("lift_is_too_heavy"), "{finding}");
    scene.repo.git(["fetch", "--quiet", "origin"]);
    let files = scene.repo.git(["ls-tree", "-r", "--name-only", &format!("origin/{branch}"), "docs/work-items/DEMO-1"]);
    let runs: Vec<String> =
        files.lines().map(|file| scene.repo.git(["show", &format!("origin/{branch}:{file}")])).collect();
    assert_eq!(runs.len(), 2, "{files}");
    let told: Vec<&String> = runs.iter().filter(|text| text.contains("What has to be mended")).collect();
    assert_eq!(told.len(), 1, "only the second run has something to mend");
    assert!(told[0].contains(&message) && told[0].contains("ci/test"), "{}", told[0]);
    // It is said at the pull request and as a status as well.
    let number = shown["task"]["pull_request"].as_u64().unwrap();
    daemon.eventually("the finding stands at the pull request", || {
        gitea.comments(number).iter().filter(|text| text.contains(&message)).count() == 1
    });
    daemon.eventually("the status is red", || {
        gitea.statuses(&first).contains(&("portcullis/development".to_owned(), "failure".to_owned()))
    });
    // Green at the second attempt.
    let second = until_pending(&scene, &daemon, id);
    assert_ne!(first, second);
    gitea.report(&second, "ci/test", "success", "");
    tell(&daemon, "status", "2", &payload::status(&second, "ci/test", "success"));
    daemon.until_rests(id, "finished");
}

#[test]
fn without_a_required_check_nothing_is_green() {
    // CIG-1
    let gitea = FakeGitea::start();
    let scene = scene(&gitea, PIPELINE);
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let head = until_pending(&scene, &daemon, id);
    let before = evaluations(&daemon, id);
    gitea.report(&head, "ci/test", "success", "");
    tell(&daemon, "status", "1", &payload::status(&head, "ci/test", "success"));
    let shown = daemon.until(id, "it was asked again", |shown| shown["evaluations"].as_array().unwrap().len() > before);
    assert_eq!(shown["task"]["stage"], "development");
    daemon.until_rests(id, "gate-pending");
    assert!(gitea.merges_asked().is_empty());
}

#[test]
fn a_merge_whose_answer_is_lost_is_found_out_and_never_repeated() {
    // MRG-3
    let gitea = FakeGitea::start();
    let scene = scene(&gitea, SHORT);
    let mut daemon = scene.start();
    let finish = |daemon: &Daemon, id: i64, merges: usize| {
        let done = daemon.until_rests(id, "finished");
        let merge = text(&done["task"]["merge_commit"]);
        assert_eq!(scene.repo.origin_head("main").unwrap().as_str(), merge);
        assert_eq!(gitea.merges_asked().len(), merges, "asked once for each pull request");
    };
    // The answer says 500, then it breaks off.
    for (at, answer) in [MergeAnswer::Fails, MergeAnswer::IsLost].into_iter().enumerate() {
        gitea.answer_merges(answer);
        let id = daemon.new_task(&format!("DEMO-{at}"));
        finish(&daemon, id, at + 1);
    }
    // The daemon is killed between the merge and its answer; the next one asks before it does anything.
    gitea.answer_merges(MergeAnswer::Hangs);
    let id = daemon.new_task("DEMO-2");
    daemon.eventually("the merge was asked for", || gitea.merges_asked().len() == 3);
    daemon.kill();
    daemon = scene.start();
    finish(&daemon, id, 3);
    // The forge goes down with its answer: nobody can say what became of it until it is back.
    gitea.answer_merges(MergeAnswer::IsTheLastOne);
    let id = daemon.new_task("DEMO-3");
    let shown = daemon.until_rests(id, "forge-unavailable");
    assert_eq!(shown["task"]["stage"], "development");
    let why = daemon.explain(id);
    assert!(why.contains("the forge does not answer") && why.contains("503"), "{why}");
    gitea.set_down(false);
    let (branch, number) = (text(&shown["task"]["branch"]), shown["task"]["pull_request"].as_u64().unwrap());
    tell(&daemon, "pull_request", "1", &payload::pull_request("closed", number, &branch, &head(&shown), true));
    finish(&daemon, id, 4);
    let merges = scene.repo.run(&scene.repo.origin(), ["rev-list", "--count", "--merges", "main"]);
    assert_eq!(merges, "4");
}

#[test]
fn a_task_that_a_person_stops_on_its_way_to_the_merge_keeps_nobody_else_from_merging() {
    // MRG-2
    let gitea = FakeGitea::start();
    let scene = scene(&gitea, SHORT);
    let daemon = scene.start();
    for (at, action) in ["hold", "cancel"].into_iter().enumerate() {
        gitea.answer_merges(MergeAnswer::IsTheLastOne);
        let stopped = daemon.new_task(&format!("STOPPED-{at}"));
        daemon.until_rests(stopped, "forge-unavailable");
        let holders = || daemon.get("/queue").body["leases"].to_string();
        assert!(holders().contains(&format!("task {stopped}")), "{}", holders());
        let body = json!({ "by": "ada", "comment": "not today" });
        assert_eq!(daemon.post(&format!("/tasks/{stopped}/{action}"), &body).status, 200);
        assert!(!holders().contains("merge/"), "{}", holders());
        gitea.set_down(false);
        gitea.answer_merges(MergeAnswer::Arrives);
        let next = daemon.new_task(&format!("NEXT-{at}"));
        daemon.until_rests(next, "finished");
    }
}

#[test]
fn what_somebody_merged_by_hand_is_still_judged_and_then_not_merged_again() {
    // MRG-3
    let gitea = FakeGitea::start();
    let scene = scene(&gitea, PIPELINE);
    gitea.require(&["ci/test"]);
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let head = until_pending(&scene, &daemon, id);
    let shown = daemon.task(id);
    let (branch, number) = (text(&shown["task"]["branch"]), shown["task"]["pull_request"].as_u64().unwrap());
    // Somebody merges by hand: what the gates have not judged yet is not let through because of that.
    gitea.merge_by_hand(number);
    let merge = scene.repo.origin_head("main").unwrap();
    tell(&daemon, "pull_request", "1", &payload::pull_request("closed", number, &branch, &head, true));
    let shown = daemon.until_rests(id, "gate-pending");
    assert_eq!(shown["task"]["stage"], "development");
    // Once they are green, the forge is asked and says that it is merged.
    gitea.report(&head, "ci/test", "success", "");
    tell(&daemon, "status", "2", &payload::status(&head, "ci/test", "success"));
    daemon.until_rests(id, "finished");
    assert_eq!(text(&daemon.task(id)["task"]["merge_commit"]), merge.as_str());
    assert!(gitea.merges_asked().is_empty(), "it was merged already: the step is done, never repeated");
}

#[test]
fn a_repository_that_vanishes_lets_its_task_rest_and_comes_back() {
    // STG-6, REG-1
    let gitea = FakeGitea::start();
    let other = portcullis_e2e::scene::repository(SHORT);
    let command = "[project.roles]\ndeveloper.command = [\"sh\", \"-c\", \"date > work.txt\"]\n";
    let scene = Scene::builder()
        .manifest(PIPELINE)
        .forge(&gitea.forge())
        .role("developer", DEVELOP)
        .role("reviewer", "true\n")
        .role("deployer", "true\n")
        .settings(&portcullis_e2e::scene::further_project("other", &other, command))
        .build();
    gitea.serve(&scene.repo.origin());
    gitea.require(&["ci/test"]);
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let head = until_pending(&scene, &daemon, id);
    let branch = text(&daemon.task(id)["task"]["branch"]);

    let (here, away) = (scene.repo.origin(), scene.repo.root().join("away.git"));
    std::fs::rename(&here, &away).unwrap();
    tell(&daemon, "push", "1", &payload::push(&branch, &head));
    let shown = daemon.until_rests(id, "repository-unavailable");
    let why = daemon.explain(id);
    assert!(why.contains("the repository cannot be read") && why.contains("origin.git"), "{why}");
    assert!(shown["task"]["next_look_at"].is_i64(), "it is looked at again by itself: {shown}");
    let refused = daemon.post("/tasks", &json!({ "project": "demo", "work_item": "DEMO-2", "title": "x" }));
    assert_eq!(refused.status, 422, "{refused:?}");
    // The other project does not notice.
    let others = daemon.new_task_in("other", "OTHER-1", &json!({}));
    daemon.until_rests(others, "finished");

    std::fs::rename(&away, &here).unwrap();
    gitea.report(&head, "ci/test", "success", "");
    tell(&daemon, "status", "2", &payload::status(&head, "ci/test", "success"));
    let done = daemon.until_rests(id, "finished");
    assert_eq!(done["task"]["returns"], 0, "an outage is nobody's failure");
}
