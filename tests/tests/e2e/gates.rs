//! Gates at work, well and badly behaved, inside the running daemon.

use portcullis_e2e::registry::{HOSTILE, hostile_courier};
use portcullis_e2e::scene::{further_project, repository};
use portcullis_e2e::{Daemon, OwnRegistry, Scene};
use serde_json::{Value, json};

/// Leaves a file of its own.
const WORK: &str = "echo text > \"$PORTCULLIS_WORK_ITEM.txt\"\n";
/// One return is one too many, so that a red gate is seen by its hold.
pub(crate) const ONE_RETURN: &str = "[queue]\nmax_returns = 1\n";

/// Stages without work but the first, and these edges.
pub(crate) fn manifest(stages: &[&str], edges: &str) -> String {
    let mut text = "format = 1\n\n[[stage]]\nname = \"development\"\nrole = \"developer\"\n".to_owned();
    for stage in stages {
        text.push_str(&format!("\n[[stage]]\nname = \"{stage}\"\n"));
    }
    text + edges
}

pub(crate) fn edge(from: &str, to: &str) -> String {
    format!("\n[[edge]]\nfrom = \"{from}\"\nto = \"{to}\"\n")
}

pub(crate) fn gate(name: &str, plugin: &str, version: &str, more: &str) -> String {
    format!("\n  [[edge.gate]]\n  name = \"{name}\"\n  plugin = \"{plugin}\"\n  version = \"{version}\"\n{more}")
}

fn hostile(name: &str, more: &str) -> String {
    gate(name, HOSTILE, "^1", more)
}

/// Evaluations of one gate, oldest first.
pub(crate) fn evaluations(shown: &Value, gate: &str) -> Vec<Value> {
    shown["evaluations"].as_array().unwrap().iter().filter(|e| e["gate"] == gate).cloned().collect()
}

/// Waits until the board says this.
pub(crate) fn until_said(daemon: &Daemon, id: i64, text: &str) -> Value {
    daemon.until(id, &format!("told `{text}`"), |shown| {
        let comments = shown["board"]["comments"].as_array();
        comments.is_some_and(|all| all.iter().any(|comment| comment["text"].as_str().is_some_and(|t| t.contains(text))))
    })
}

#[test]
fn every_misbehaviour_is_a_typed_fault_that_keeps_the_edge_closed_and_disturbs_nobody() {
    // GAT-1
    let limits = "  limits = { cpu-ms = 200, wall-ms = 3000, memory-mib = 32, host-calls = 1000, findings = 20, output-kib = 64 }\n  config = { do = \"pass\" }\n";
    let registry = OwnRegistry::with_hostile();
    let scene = Scene::builder()
        .registry(registry.folder())
        .manifest(&manifest(&["done"], &(edge("development", "done") + &hostile("hostile", limits))))
        .settings("[queue]\nmax_concurrency = 2\nmax_per_project = 2\n")
        .role("developer", WORK)
        .build();
    let daemon = scene.start();
    let deeds = [
        (json!({ "do": "trap" }), "trap", "held"),
        (json!({ "do": "exit" }), "trap", "held"),
        (json!({ "do": "loop" }), "cpu-limit", "held"),
        (json!({ "do": "memory" }), "memory-limit", "held"),
        (json!({ "do": "stack" }), "stack-overflow", "held"),
        (json!({ "do": "output", "count": 100_000 }), "output-limit", "held"),
        (json!({ "do": "findings", "count": 21 }), "output-limit", "held"),
        (json!({ "do": "host-calls", "count": 5_000 }), "host-call-limit", "held"),
        (json!({ "do": "not-text" }), "malformed-answer", "held"),
        (json!({ "do": "nothing of the kind" }), "refused", "held"),
        // These may go by themselves: the gate is asked again, after a while.
        (json!({ "do": "sleep" }), "wall-limit", "gate-fault"),
        (json!({ "do": "refuse" }), "refused", "gate-fault"),
    ];
    let tasks: Vec<i64> = deeds
        .iter()
        .enumerate()
        .map(|(n, (deed, ..))| daemon.new_task_in("demo", &format!("DEMO-{n}"), &json!({ "hostile": deed })))
        .collect();
    let healthy = daemon.new_task("DEMO-100");
    for ((deed, kind, rest), id) in deeds.iter().zip(tasks) {
        let shown = daemon.until_rests(id, rest);
        let last = evaluations(&shown, "hostile").pop().unwrap();
        assert_eq!(last["fault"]["kind"], *kind, "{deed}: {last:#}");
        assert_eq!(last["verdict"], Value::Null, "a fault is never shown as a verdict: {last:#}");
        assert_eq!((&shown["task"]["stage"], &shown["task"]["returns"]), (&json!("development"), &json!(0)));
        let explained = daemon.explain(id);
        assert!(explained.contains("gate hostile could not judge"), "{explained}");
    }
    daemon.until_rests(healthy, "finished");
    daemon.until_rests(daemon.new_task("DEMO-101"), "finished");
}

#[test]
fn a_fault_of_a_gate_that_may_fail_open_lets_work_through_with_a_loud_warning() {
    // GAT-1
    let registry = OwnRegistry::with_hostile();
    let gates = hostile("lenient", "  on-fault = \"open\"\n  config = { do = \"trap\" }\n");
    let scene = Scene::builder()
        .registry(registry.folder())
        .manifest(&manifest(&["done"], &(edge("development", "done") + &gates)))
        .role("developer", WORK)
        .build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let shown = daemon.until_rests(id, "finished");
    let last = evaluations(&shown, "lenient").pop().unwrap();
    assert_eq!((&last["fault"]["kind"], &last["verdict"]), (&json!("trap"), &Value::Null));
    let shown = until_said(&daemon, id, "**Warning:** gate lenient did NOT judge this change");
    assert!(shown["board"].to_string().contains("on-fault"), "{shown:#}");
}

#[test]
fn a_gate_on_trial_never_blocks_and_one_that_is_off_is_not_asked() {
    // GAT-7
    let registry = OwnRegistry::with_hostile();
    let gates = [
        hostile("red-on-trial", "  mode = \"shadow\"\n  config = { do = \"findings\", count = 1 }\n"),
        hostile("faulty-on-trial", "  mode = \"shadow\"\n  config = { do = \"trap\" }\n"),
        hostile("off", "  mode = \"off\"\n  config = { do = \"trap\" }\n"),
    ];
    let scene = Scene::builder()
        .registry(registry.folder())
        .manifest(&manifest(&["done"], &(edge("development", "done") + &gates.concat())))
        .role("developer", WORK)
        .settings(ONE_RETURN)
        .build();
    let daemon = scene.start();
    let shown = daemon.until_rests(daemon.new_task("DEMO-1"), "finished");
    assert_eq!(shown["task"]["returns"], 0);
    let (red, faulty) = (evaluations(&shown, "red-on-trial"), evaluations(&shown, "faulty-on-trial"));
    assert_eq!((red.len(), &red[0]["mode"], &red[0]["verdict"]), (1, &json!("shadow"), &json!("fail")));
    assert_eq!((faulty.len(), &faulty[0]["fault"]["kind"]), (1, &json!("trap")));
    assert!(evaluations(&shown, "off").is_empty());
}

#[test]
fn the_gates_of_an_edge_are_asked_in_order_up_to_the_first_that_is_not_green() {
    // GAT-2, STG-3, STG-4
    let registry = OwnRegistry::with_hostile();
    let gates = [
        hostile("first", "  config = { do = \"pass\" }\n"),
        hostile("second", "  config = { do = \"findings\", count = 1 }\n"),
        hostile("third", "  config = { do = \"pass\" }\n"),
    ];
    let scene = Scene::builder()
        .registry(registry.folder())
        .manifest(&manifest(&["done"], &(edge("development", "done") + &gates.concat())))
        .role("developer", WORK)
        .settings(ONE_RETURN)
        .build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let shown = daemon.until_rests(id, "held");
    let asked: Vec<_> = shown["evaluations"].as_array().unwrap().iter().map(|e| (&e["gate"], &e["verdict"])).collect();
    assert_eq!(asked, [(&json!("first"), &json!("pass")), (&json!("second"), &json!("fail"))]);
    let explained = daemon.explain(id);
    assert!(explained.contains("sent back 1 times; last by gate second on leaving development: many"), "{explained}");
}

#[test]
fn an_evaluation_changes_nothing_and_is_kept_with_everything_that_it_rested_on() {
    // GAT-3, GAT-6
    let registry = OwnRegistry::with_hostile();
    let gates = hostile("looks", "  config = { do = \"read\" }\n") + &hostile("grabs", "  config = { do = \"act\" }\n");
    let scene = Scene::builder()
        .registry(registry.folder())
        .manifest(&manifest(&["done"], &(edge("development", "done") + &gates)))
        .role("developer", WORK)
        .command("t", "touch \"$(dirname \"$0\")/was-run\"\n")
        .build();
    let daemon = scene.start();
    let shown = daemon.until_rests(daemon.new_task("DEMO-1"), "finished");
    let branch = shown["task"]["branch"].as_str().unwrap();
    let head = scene.repo.origin_head(branch).unwrap();
    let grabbed = evaluations(&shown, "grabs").pop().unwrap();
    assert_eq!(grabbed["call"], "evaluate");
    let said = grabbed["summary"].as_str().unwrap().to_lowercase();
    assert_eq!(
        said.matches("denied").count(),
        4,
        "catching up, running, publishing and writing are all denied: {said}"
    );
    assert_eq!(grabbed["head"], head.as_str());
    assert_eq!(shown["task"]["head"], head.as_str(), "nothing was published");
    assert!(!scene.home().join("was-run").exists(), "no command ran");

    let looked = evaluations(&shown, "looks").pop().unwrap();
    let stored = daemon.get(&format!("/evaluations/{}", looked["evaluation"])).body;
    assert_eq!((&stored["plugin"], &stored["version"]), (&json!(HOSTILE), &json!("1.0.0")));
    assert_eq!(stored["digest"], registry.digest(HOSTILE, "1.0.0"));
    assert_eq!(stored["head"], head.as_str());
    assert_eq!(stored["target_head"], scene.repo.origin_head("main").unwrap().as_str());
    assert!(stored["duration_us"].as_u64().unwrap() > 0 && stored["memory_peak_bytes"].as_u64().unwrap() > 0);
    assert!(stored["config_digest"].as_str().unwrap().starts_with("sha256:"));
    let transcript = daemon.get(&format!("/evaluations/{}/transcript", looked["evaluation"])).body;
    let calls: Vec<Value> = match &transcript {
        Value::String(text) => text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
        single => vec![single.clone()],
    };
    assert!(calls.len() > 15, "each host call is a line: {transcript}");
    assert!(stored["host_calls"].as_u64().unwrap() >= calls.len() as u64);
}

#[test]
fn a_gate_calls_nobody_whom_the_manifest_does_not_name() {
    // GAT-5, PLG-5
    let registry = OwnRegistry::empty();
    assert!(registry.publish(hostile_courier(), "test/courier", "1.0.0").status.success());
    let courier = |more: &str| {
        let call = "  config = { do = \"http\", host = \"elsewhere.example\" }\n";
        manifest(
            &["done"],
            &(edge("development", "done") + &gate("courier", "test/courier", "^1", &(more.to_owned() + call))),
        )
    };
    let granted = repository(&courier("  grant.network = [\"api.example\"]\n"));
    let roles = "[project.roles]\ndeveloper.command = [\"sh\", \"-c\", \"echo text > file.txt\"]\n";
    let scene = Scene::builder()
        .registry(registry.folder())
        .manifest(&courier(""))
        .role("developer", WORK)
        .settings(&further_project("granted", &granted, roles))
        .build();
    let daemon = scene.start();
    let (nothing, other) = (daemon.new_task("DEMO-1"), daemon.new_task_in("granted", "DEMO-1", &json!({})));
    let shown = daemon.until_rests(nothing, "held");
    let last = evaluations(&shown, "courier").pop().unwrap();
    assert_eq!((&last["fault"]["kind"], &last["verdict"]), (&json!("not-granted"), &Value::Null), "{last:#}");
    let explained = daemon.explain(nothing);
    assert!(explained.contains("wasi:http/outgoing-handler") && explained.contains("grant.network"), "{explained}");

    let shown = daemon.until_rests(other, "finished");
    let said = evaluations(&shown, "courier").pop().unwrap()["summary"].as_str().unwrap().to_owned();
    assert!(said.contains("HttpRequestDenied"), "only the named host may be called: {said}");
}

/// First a key is committed, removed again and the gates are taken out of the branch's manifest; told what was found, the
/// developer takes it out of the history.
const LEAK: &str = r#"
set -eu
here=$(dirname "$0")
if grep -q '^## What has to be mended' "$PORTCULLIS_TASK_FILE"; then
    cp "$PORTCULLIS_TASK_FILE" "$here/second.md"
    git reset --quiet --hard "$(git merge-base HEAD "origin/$PORTCULLIS_TARGET")"
    echo region=eu > settings.conf
else
    key=$(printf 'AKIA%s%s' R4J2X7KQ 3VN6TZWB)
    printf 'aws_access_key_id=%s\n' "$key" > settings.conf
    git add settings.conf
    git -c user.name=Dev -c user.email=dev@example.org commit --quiet -m 'Add settings'
    echo region=eu > settings.conf
    sed -i '/edge.gate/,$d' .portcullis/gates.toml
fi
"#;

#[test]
fn a_leaked_key_is_found_though_it_was_removed_again_and_though_the_branch_took_its_gates_out() {
    // SEC-2, SEC-5, PLG-4, STG-3
    let edges = edge("development", "done") + "merge = true\n" + &gate("security", "portcullis/security", "^0.1", "");
    let scene = Scene::builder()
        .manifest(&manifest(&["done"], &edges))
        .mandatory("[\"portcullis/security\"]")
        .role("developer", LEAK)
        .build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let shown = daemon.until_rests(id, "finished");
    assert_eq!(shown["task"]["returns"], 1);
    let judged = evaluations(&shown, "security");
    let (first, last) = (&judged[0], &judged[judged.len() - 1]);
    assert_eq!((&first["verdict"], &last["verdict"]), (&json!("fail"), &json!("pass")), "{judged:#?}");
    let branchs = scene.repo.run(
        &scene.home().join("mirrors/demo.git"),
        ["show", &format!("{}:.portcullis/gates.toml", first["head"].as_str().unwrap())],
    );
    assert!(!branchs.contains("security"), "the branch had taken the gate out: {branchs}");

    let findings = first["findings"].as_array().unwrap();
    let leaks = |finding: &&Value| finding["path"] == "settings.conf" && finding["severity"] == "error";
    assert!(findings.iter().any(|finding| leaks(&finding)), "{findings:#?}");
    let told = std::fs::read_to_string(scene.home().join("second.md")).unwrap();
    for finding in findings {
        for part in ["rule", "message", "path", "fingerprint"] {
            let Some(part) = finding[part].as_str() else { continue };
            assert!(told.contains(part), "`{part}` is not in the next run's task description:\n{told}");
        }
    }
    assert!(told.contains(first["summary"].as_str().unwrap()), "{told}");

    let key = ["AKIA", "R4J2X7KQ", "3VN6TZWB"].concat();
    let shown = until_said(&daemon, id, "gate security is red");
    for (what, text) in [
        ("the task's page", shown.to_string()),
        ("the task description", told),
        ("the daemon's log", daemon.log()),
        ("the queue", daemon.get("/queue").body.to_string()),
        ("the evaluation", daemon.get(&format!("/evaluations/{}", first["evaluation"])).body.to_string()),
    ] {
        assert!(!text.contains(&key), "the key stands in {what}");
    }
    assert_eq!(scene.repo.origin_head("main").unwrap().as_str(), shown["task"]["merge_commit"].as_str().unwrap());
}

/// Runs until the test lets it go, or has gone itself.
const CI: &str = "here=$(dirname \"$0\")\nuntil [ -e \"$here/go\" ] || [ ! -d \"$here\" ]; do sleep 0.1; done\n";

#[test]
fn what_is_pending_is_asked_again_after_a_restart_and_fails_at_its_deadline() {
    // GAT-4, CIG-1, CIG-2
    let checks = "  config = { required = [\"ci\"], retry-after-s = 1 }\n";
    let never = "  deadline-s = 1\n  config = { required = [\"never\"], retry-after-s = 1 }\n";
    let edges = edge("development", "review")
        + &gate("ci-green", "portcullis/ci-green", "^0.1", checks)
        + &edge("review", "done")
        + &gate("late", "portcullis/ci-green", "^0.1", never);
    let scene = Scene::builder()
        .manifest(&manifest(&["review", "done"], &edges))
        .role("developer", WORK)
        .command("ci", CI)
        .settings(ONE_RETURN)
        .build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let before = daemon.until_rests(id, "gate-pending")["task"]["rest"].clone();
    let queue = daemon.get("/queue").body;
    let lanes: Vec<&Value> = queue["running"].as_array().unwrap().iter().map(|job| &job["lane"]).collect();
    assert!(!lanes.contains(&&json!("role")), "waiting takes no place: {queue:#}");
    daemon.kill();

    let daemon = scene.start();
    let asked = evaluations(&daemon.task(id), "ci-green").len();
    let shown = daemon.until(id, "asked again", |shown| {
        shown["task"]["rest"]["kind"] == "gate-pending" && evaluations(shown, "ci-green").len() > asked
    });
    let rest = &shown["task"]["rest"];
    assert_eq!((&rest["since"], &rest["deadline"]), (&before["since"], &before["deadline"]), "time goes on counting");
    std::fs::write(scene.home().join("go"), "").unwrap();
    let shown = daemon.until_stage(id, "review");
    assert_eq!(evaluations(&shown, "ci-green").pop().unwrap()["verdict"], "pass");

    daemon.until_rests(id, "held");
    let explained = daemon.explain(id);
    assert!(explained.contains("gate late") && explained.contains("not decided within 1 s"), "{explained}");
}

/// Leaves the results of a staging suite; the work item says which.
const STAGING: &str = r#"
set -eu
echo text > "$PORTCULLIS_WORK_ITEM.txt"
git add .
git -c user.name=Dev -c user.email=dev@example.org commit --quiet -m work
login=pass strict=false
case $PORTCULLIS_WORK_ITEM in REAL) login=fail ;; STRICT) strict=true ;; esac
mkdir -p "$PORTCULLIS_DOCUMENTS"
printf '{"format": 1, "revision": "%s", "strict": %s, "checks": [
  {"id": "login", "status": "%s"}, {"id": "egress-proxy", "status": "error", "message": "no route to host"}]}\n' \
  "$(git rev-parse HEAD)" "$strict" "$login" > "$PORTCULLIS_DOCUMENTS/15-staging-results.json"
"#;

#[test]
fn tolerance_for_the_sandbox_can_be_switched_off_for_one_task_and_for_the_whole_daemon() {
    // STV-2, STV-3
    let config = "  config = { infra = [\"egress-*\"], tolerate-infra = true }\n";
    let edges = edge("development", "done") + &gate("staging", "portcullis/staging-verdict", "^0.1", config);
    let scene =
        Scene::builder().manifest(&manifest(&["done"], &edges)).role("developer", STAGING).settings(ONE_RETURN).build();
    let daemon = scene.start();
    let waived = daemon.new_task("WAIVED");
    let strict_here = daemon.new_task_in("demo", "OVERLAY", &json!({ "staging": { "tolerate-infra": false } }));
    let strict_run = daemon.new_task("STRICT");
    let real = daemon.new_task("REAL");
    let shown = daemon.until_rests(waived, "finished");
    let passed = evaluations(&shown, "staging").pop().unwrap();
    assert_eq!(passed["verdict"], "pass");
    assert!(passed["evidence"].to_string().contains("egress-proxy"), "what was waived is named: {passed:#}");
    for id in [strict_here, strict_run, real] {
        let shown = daemon.until_rests(id, "held");
        let failed = evaluations(&shown, "staging").pop().unwrap();
        assert_eq!(failed["verdict"], "fail", "{failed:#}");
    }
    assert_eq!(daemon.stop(), Some(0));

    let off = "\n[gates.overlay.\"portcullis/staging-verdict\"]\ntolerate-infra = false\n";
    let text = std::fs::read_to_string(scene.settings()).unwrap();
    std::fs::write(scene.settings(), text + off).unwrap();
    let daemon = scene.start();
    let shown = daemon.until_rests(daemon.new_task("EVERYWHERE"), "held");
    assert_eq!(evaluations(&shown, "staging").pop().unwrap()["verdict"], "fail");
}

#[test]
fn a_verdict_is_void_as_soon_as_the_branch_moves() {
    // GAT-8, STG-5
    let gates = gate("approval", "portcullis/approval", "^0.1", "  config = { retry-after-s = 1 }\n")
        + &gate(
            "ci-green",
            "portcullis/ci-green",
            "^0.1",
            "  config = { required = [\"never\"], retry-after-s = 1 }\n",
        );
    let scene = Scene::builder()
        .manifest(&manifest(&["done"], &(edge("development", "done") + &gates)))
        .role("developer", WORK)
        .build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let waits_for = |gate: &'static str| move |shown: &Value| shown["task"]["rest"]["gate"] == gate;
    let shown = daemon.until(id, "waits for a person", waits_for("approval"));
    let (branch, seen) = (shown["task"]["branch"].as_str().unwrap().to_owned(), shown["task"]["head"].clone());
    let answer = daemon.post(&format!("/tasks/{id}/approve"), &json!({ "by": "ada", "revision": seen }));
    assert_eq!(answer.status, 200, "{}", answer.body);
    daemon.until(id, "approved", waits_for("ci-green"));

    scene.repo.git(["fetch", "--quiet", "origin"]);
    scene.repo.git(["switch", "--quiet", "-c", &branch, &format!("origin/{branch}")]);
    let moved = scene.repo.commit_file("more.txt", "more\n");
    let shown = daemon.until(id, "asks for the approval again", waits_for("approval"));
    assert_eq!(shown["task"]["head"], moved.as_str());
    let answer = daemon.post(&format!("/tasks/{id}/approve"), &json!({ "by": "ada", "revision": seen }));
    assert_eq!(answer.status, 409, "an approval of what is no longer there is refused: {}", answer.body);
    let last = evaluations(&shown, "approval").pop().unwrap();
    assert_eq!((&last["head"], &last["verdict"]), (&json!(moved.as_str()), &json!("pending")));
}
