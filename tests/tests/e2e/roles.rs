//! Roles as processes: where they run, what they are told, and every way in which they go wrong.

use crate::processes::{runs, told};
use portcullis_e2e::Scene;
use portcullis_e2e::scene::{OPERATOR, PROJECT, further_project, repository};
use serde_json::{Value, json};

/// One stage with work in it.
const ONE_STAGE: &str = "
format = 1

[[stage]]
name = \"development\"
role = \"developer\"

[[stage]]
name = \"done\"
";

fn run_of(shown: &Value) -> i64 {
    shown["job"]["run"]["id"].as_i64().unwrap_or_else(|| panic!("no run in {shown:#}"))
}

/// The run that a comment on the board says has finished.
fn finished_run(shown: &Value) -> Option<String> {
    let text = shown["board"]["comments"][0]["text"].as_str()?;
    Some(text.split_once("has finished (run ")?.1.split_once(')')?.0.to_owned())
}

#[test]
fn a_run_works_in_the_tasks_worktree_in_a_group_of_its_own_and_its_log_is_served_while_it_grows() {
    // LAU-1, LAU-3
    let work = r#"
here=$(dirname "$0")
echo "group $(cut -d' ' -f5 /proc/$$/stat) of $$"
echo "at $(pwd -P) on $(git symbolic-ref --short HEAD)"
echo "the token is operator-token-of-the-tests"
env | sed 's/^/env /'
echo "begun"
until [ -e "$here/go" ] || [ ! -d "$here" ]; do sleep 0.05; done
echo "ended"
echo text > feature.txt
"#;
    let scene = Scene::builder().manifest(ONE_STAGE).role("developer", work).build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let shown = daemon.until(id, "its run has a process", |shown| shown["job"]["run"]["process"]["pid"].is_u64());
    let run = run_of(&shown);
    let queue = daemon.get("/queue").body;
    assert_eq!(queue["running"][0]["run"], run, "{queue:#}");
    let shim = queue["running"][0]["pid"].as_u64().unwrap();
    let line = std::fs::read_to_string(format!("/proc/{shim}/cmdline")).unwrap();
    assert!(line.contains("\0shim\0"), "{line:?}");

    let log = daemon.get_until(&format!("/runs/{run}/log"), "begun\n");
    assert!(!log.contains("ended"), "the run has not ended yet: {log}");
    assert_eq!(daemon.task(id)["job"]["run"]["exit_code"], Value::Null);
    let group = log.lines().find_map(|line| line.strip_prefix("group ")).unwrap();
    let (group, leader) = group.split_once(" of ").unwrap();
    assert_eq!(group, leader, "the role leads its own process group");
    assert!(group != daemon.pid().to_string() && group != shim.to_string());
    let worktree = scene.home().canonicalize().unwrap().join("worktrees");
    let place = log.lines().find_map(|line| line.strip_prefix("at ")).unwrap();
    let branch = daemon.task(id)["task"]["branch"].as_str().unwrap().to_owned();
    assert!(place.starts_with(worktree.to_str().unwrap()) && place.ends_with(&format!(" on {branch}")), "{place}");

    assert!(!log.contains(OPERATOR), "what a role prints never shows the operator's token: {log}");
    let env: Vec<&str> = log.lines().filter_map(|line| line.strip_prefix("env ")).collect();
    let has = |wanted: &str| env.iter().any(|line| line.starts_with(wanted));
    assert!(has("PORTCULLIS_WORK_ITEM=DEMO-1") && has("PORTCULLIS_STAGE=development") && has("PATH="), "{env:?}");
    assert!(has(&format!("PORTCULLIS_RUN_ID={run}")), "{env:?}");
    let foreign = |line: &&&str| {
        let known = ["PATH=", "HOME=", "LANG=", "USER=", "TMPDIR=", "PORTCULLIS_", "PWD=", "OLDPWD=", "SHLVL=", "_="];
        !known.iter().any(|name| line.starts_with(name))
    };
    assert_eq!(env.iter().find(foreign), None, "nothing else of the daemon's environment comes along");

    std::fs::write(scene.home().join("go"), "").unwrap();
    let shown = daemon.until_rests(id, "finished");
    let log = daemon.get(&format!("/runs/{run}/log")).body;
    assert!(log.as_str().unwrap().ends_with("ended\n"), "{log}");
    let message = scene.repo.run(&scene.repo.origin(), ["log", "-1", "--format=%s", &branch]);
    assert_eq!(message, format!("developer({PROJECT}): auto-commit from developer run_id={run}"));
    assert_eq!(scene.repo.run(&scene.repo.origin(), ["show", &format!("{branch}:feature.txt")]), "text");
    assert_eq!(scene.repo.origin_head(&branch).unwrap().as_str(), shown["task"]["head"].as_str().unwrap());
}

#[test]
fn a_role_that_acts_and_changes_nothing_is_as_expected_and_one_that_writes_is_not() {
    // LAU-4, LAU-2
    let manifest = "
format = 1

[[stage]]
name = \"development\"
role = \"developer\"

[[stage]]
name = \"review\"
role = \"reviewer\"

[[stage]]
name = \"rollout\"
role = \"deployer\"
acts = true

[[stage]]
name = \"done\"

[[edge]]
from = \"rollout\"
to = \"done\"

  [[edge.gate]]
  name = \"late\"
  plugin = \"portcullis/ci-green\"
  version = \"^0.1\"
  config = { required = [\"never\"] }
";
    let builder = Scene::builder().manifest(manifest).role("developer", "echo text > feature.txt\n");
    let scene = builder.role("reviewer", "echo looked\n").role("deployer", "echo deployed\n").build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let shown = daemon.until_rests(id, "gate-pending");
    assert_eq!(shown["job"]["run"]["exit_code"], 0, "the exit code is on record: {shown:#}");
    assert_eq!(shown["job"]["reason"], "changed no file, as is expected of a role that acts");
    let log = daemon.log();
    let about = |role: &str| log.lines().filter(|line| line.contains("under-delivery") && line.contains(role)).count();
    assert_eq!((about("role=reviewer"), about("role=deployer")), (1, 0), "{log}");
    let said = |shown: &Value, text: &str| shown["board"].to_string().contains(text);
    daemon.until(id, "the board says what the deployer left", |shown| {
        said(shown, "deployer has finished") && said(shown, "as is expected of a role that acts")
    });
}

/// Ignores SIGTERM, as does its child.
const STUBBORN: &str = r#"
here=$(dirname "$0")
trap '' TERM
sleep 600 &
echo "$$ $!" > "$here/$PORTCULLIS_WORK_ITEM.pids"
wait
sleep 600
"#;

#[test]
fn a_run_past_its_time_limit_ends_with_its_whole_group_though_it_ignores_sigterm_and_waits_for_its_next_attempt() {
    // LAU-5, QUE-4, QUE-5
    let builder = Scene::builder().manifest(ONE_STAGE).role("developer", STUBBORN).role_limit("developer", 2);
    let scene = builder.settings("[runs]\nkill_grace_s = 1\n\n[queue]\nretry_first_s = 600\n").build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let pids = told(&daemon, &scene.home().join("DEMO-1.pids"));
    let shown = daemon.until(id, "its run has ended", |shown| shown["job"]["run"]["exit_code"].is_i64());
    assert_eq!(shown["job"]["run"]["exit_code"], 128 + 9, "SIGKILL came after the grace: {shown:#}");
    for pid in pids.split(' ') {
        daemon.eventually("everybody of the group has ended", || !runs(pid));
    }
    daemon.until(id, "waits for its next attempt", |shown| {
        shown["task"]["rest"]["kind"] == "job-queued" && shown["job"]["state"] == "queued"
    });
    let explained = daemon.explain(id);
    let says = ["waits to start its developer again", "it ran longer than its limit of 2 s"];
    assert!(says.iter().all(|part| explained.contains(part)), "{explained}");
    let waiting = &daemon.get("/queue").body["waiting"][0];
    assert!(waiting["waits_for"].as_str().unwrap().starts_with("its next attempt, at "), "{waiting:#}");
}

/// Leaves processes in sessions of their own, which hold its output open; one of them has forgotten its environment as well.
const LEAVES: &str = r#"
here=$(dirname "$0")
setsid sh -c "echo \$\$ > $here/left; exec sleep 600" &
setsid env -i PATH="$PATH" sh -c "echo \$\$ > $here/hidden; exec sleep 600" &
until [ -s "$here/left" ] && [ -s "$here/hidden" ]; do sleep 0.05; done
"#;

#[test]
fn a_run_ends_with_its_command_and_takes_along_what_that_left_in_other_sessions() {
    // LAU-5
    let role = format!("{LEAVES}echo text > work.txt\n");
    let scene = Scene::builder().manifest(ONE_STAGE).role("developer", &role).build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    daemon.until_rests(id, "finished");
    for name in ["left", "hidden"] {
        let pid = told(&daemon, &scene.home().join(name));
        assert!(!runs(&pid), "{name}: {pid} still runs");
    }
}

#[test]
fn a_run_past_its_time_limit_takes_along_what_it_left_in_other_sessions() {
    // LAU-5
    let builder = Scene::builder().manifest(ONE_STAGE).role("developer", &format!("{LEAVES}sleep 600\n"));
    let settings = "[runs]\nkill_grace_s = 1\n\n[queue]\nmax_attempts = 1\n";
    let scene = builder.role_limit("developer", 3).settings(settings).build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let held = daemon.until_rests(id, "held");
    assert!(held["job"]["reason"].as_str().unwrap().starts_with("it ran longer than its limit of 3 s"), "{held:#}");
    for name in ["left", "hidden"] {
        let pid = told(&daemon, &scene.home().join(name));
        assert!(!runs(&pid), "{name}: {pid} still runs");
    }
}

#[test]
fn cancelling_a_task_ends_its_run_with_the_whole_group_and_retry_starts_it_again() {
    // LAU-5
    let again = format!("if [ -e \"$(dirname \"$0\")/again\" ]; then echo text > f.txt; exit 0; fi\n{STUBBORN}");
    let builder = Scene::builder().manifest(ONE_STAGE).role("developer", &again);
    let scene = builder.settings("[runs]\nkill_grace_s = 1\n").build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let pids = told(&daemon, &scene.home().join("DEMO-1.pids"));
    let shown = daemon.until(id, "its run has a process", |shown| shown["job"]["run"]["process"]["pid"].is_u64());
    let answer = daemon.post(&format!("/tasks/{id}/cancel"), &json!({ "by": "ada", "comment": "not wanted" }));
    assert_eq!(answer.status, 200, "{}", answer.body);
    for pid in pids.split(' ') {
        daemon.eventually("everybody of the group has ended", || !runs(pid));
    }
    let ended = daemon.until(id, "its job has ended", |shown| shown["job"]["state"] == "cancelled");
    assert_eq!(run_of(&ended), run_of(&shown), "nothing was started again");
    assert_eq!(ended["task"]["held"]["by"], "ada");
    let explained = daemon.explain(id);
    assert!(explained.contains("held by ada: not wanted"), "{explained}");

    std::fs::write(scene.home().join("again"), "").unwrap();
    let answer = daemon.post(&format!("/tasks/{id}/release"), &json!({ "by": "ada" }));
    assert_eq!(answer.status, 200, "{}", answer.body);
    daemon.until_rests(id, "finished");
}

#[test]
fn a_role_that_is_missing_crashes_hangs_or_floods_says_so_and_disturbs_nobody() {
    // LAU-5, QUE-1, QUE-5, STG-6
    let roles = |text: &str| format!("\n[project.roles]\n{text}");
    let (empty, absent, trouble) = (repository(ONE_STAGE), repository(ONE_STAGE), repository(ONE_STAGE));
    let crash = r#"["sh", "-c", "echo attempt $PORTCULLIS_ATTEMPT; test $PORTCULLIS_WORK_ITEM != CRASH || exit 3; exec sleep 600"]"#;
    let more = [
        further_project("empty", &empty, ""),
        further_project("absent", &absent, &roles("developer.command = [\"no-such-program-of-the-tests\"]\n")),
        further_project(
            "trouble",
            &trouble,
            &roles(&format!("developer.command = {crash}\ndeveloper.time_limit_s = 2\n")),
        ),
    ];
    let flood = "head -c 3000000 /dev/zero | tr '\\0' 'x'\nif [ $PORTCULLIS_WORK_ITEM = BLEED ]; then exit 3; fi\necho text > \"$PORTCULLIS_WORK_ITEM.txt\"\n";
    let limits = "[queue]\nmax_concurrency = 4\nmax_attempts = 2\nretry_first_s = 0\n\n[runs]\nkill_grace_s = 1\nlog_limit_bytes = 4096\n";
    let builder = Scene::builder().manifest(ONE_STAGE).role("developer", flood);
    let scene = builder.settings(limits).settings(&more.concat()).build();
    let daemon = scene.start();
    let made = |project: &str, item: &str| daemon.new_task_in(project, item, &json!({}));
    let expected = [
        (made("empty", "NOBODY"), "project empty has no command for its developer; set `roles.developer.command`", 1),
        (made("absent", "ABSENT"), "failed to start `no-such-program-of-the-tests`", 1),
        (made("trouble", "CRASH"), "it failed (exit code 3); the end of its output: attempt 2 (2 attempts)", 2),
        (made("trouble", "HANG"), "it ran longer than its limit of 2 s", 2),
    ];
    let healthy = made(PROJECT, "FLOOD");
    daemon.until_rests(healthy, "finished");
    let run = daemon.until(healthy, "the board names its run", |shown| finished_run(shown).is_some());
    let log = daemon.get(&format!("/runs/{}/log", finished_run(&run).unwrap())).body;
    let log = log.as_str().unwrap();
    assert!(log.len() < 5000 && log.starts_with("xxx"), "{} bytes", log.len());
    assert!(log.ends_with("[2995904 more bytes of output were dropped: the limit is 4096]\n"), "{log}");

    for (id, reason, attempts) in expected {
        let shown = daemon.until_rests(id, "held");
        let explained = daemon.explain(id);
        assert!(explained.contains("its developer failed") && explained.contains(reason), "{explained}");
        assert_eq!(
            (shown["job"]["state"].as_str(), shown["job"]["attempt"].as_i64()),
            (Some("failed"), Some(attempts))
        );
        daemon.until(id, "the board shows it", |shown| shown["board"]["state"] == "blocked");
    }
    let bleeding = made(PROJECT, "BLEED");
    let reason = daemon.until_rests(bleeding, "held")["task"]["held"]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("exit code 3") && reason.len() < 2000, "a reason is bounded: {} bytes", reason.len());
    daemon.until_rests(made(PROJECT, "AFTERWARDS"), "finished");
}
