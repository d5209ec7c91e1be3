//! The security gate inside the running daemon: the report that it writes (SEC-7), and objects that it cannot read.

use crate::gates::{edge, evaluations, gate, manifest};
use portcullis_e2e::{Daemon, Scene};
use serde_json::{Value, json};

const REPORT: &str = "17-security-report.md";

/// The gate in the order of the default pipeline, with what comes behind it on its edge.
fn pipeline(config: &str, behind: &str) -> String {
    let security = gate("security", "portcullis/security", "^0.1", config);
    let edges = edge("development", "deploy-staging")
        + &edge("deploy-staging", "deploy")
        + "merge = true\n"
        + &security
        + behind
        + &edge("deploy", "done");
    manifest(&["deploy-staging", "deploy", "done"], &edges)
}

const WRITES: &str = "  config = { report = \"write\", allow = [{ path = \"samples/**\", reason = \"a sample\" }] }\n";

/// Put together here, so that this file holds no key.
fn key() -> String {
    ["AKIA", "R4J2X7KQ", "3VN6TZWB"].concat()
}

/// How a role's script makes the same.
const KEY: &str = "key=$(printf 'AKIA%s%s' R4J2X7KQ 3VN6TZWB)\n";

/// Call and verdict of the gate's evaluations, oldest first.
fn verdicts(shown: &Value) -> Vec<(String, String)> {
    let word = |value: &Value| value.as_str().unwrap_or("none").to_owned();
    evaluations(shown, "security").iter().map(|e| (word(&e["call"]), word(&e["verdict"]))).collect()
}

fn said(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(call, verdict)| ((*call).to_owned(), (*verdict).to_owned())).collect()
}

fn path_of(work_item: &str) -> String {
    format!("docs/work-items/{work_item}/{REPORT}")
}

fn in_origin(scene: &Scene, words: &[&str]) -> String {
    scene.repo.run(&scene.repo.origin(), words)
}

/// The value of a key of the report's frontmatter.
fn front<'a>(report: &'a str, key: &str) -> &'a str {
    let table = report.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n")).expect("it has frontmatter").0;
    let line = table.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("no {key} in {table}")).trim_matches('"')
}

/// Waits until the gate behind is asked once more than it was.
fn until_asked_again(daemon: &Daemon, id: i64, gate: &str) -> Value {
    let asked = evaluations(&daemon.task(id), gate).len();
    daemon.until(id, "asked again", |shown| {
        shown["task"]["rest"]["kind"] == "gate-pending" && evaluations(shown, gate).len() > asked
    })
}

#[test]
fn the_report_is_written_once_on_the_branch_read_back_and_merged_with_the_work_that_it_is_about() {
    // SEC-7, SEC-5, OBS-3
    let behind = gate("approval", "portcullis/approval", "^0.1", "  config = { retry-after-s = 1 }\n");
    let work = format!("{KEY}mkdir samples\necho \"access_key_id = $key\" > samples/settings.conf\n");
    let scene = Scene::builder().manifest(&pipeline(WRITES, &behind)).role("developer", &work).build();
    let base = scene.repo.head();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let shown = daemon.until_rests(id, "gate-pending");
    let judged = [("evaluate", "actionable"), ("act", "pass"), ("evaluate", "pass")];
    assert_eq!(verdicts(&shown), said(&judged));

    let (branch, head) = (shown["task"]["branch"].as_str().unwrap(), shown["task"]["head"].as_str().unwrap());
    assert_eq!(scene.repo.origin_head(branch).unwrap().as_str(), head, "it is published");
    let work = in_origin(&scene, &["rev-parse", &format!("{head}~1")]);
    assert_eq!(in_origin(&scene, &["diff", "--name-only", &work, head]), path_of("DEMO-1"), "a commit of its own");
    let all = evaluations(&shown, "security");
    assert_eq!((&all[0]["head"], &all[2]["head"]), (&json!(work), &json!(head)), "judged before and with it");

    let report = in_origin(&scene, &["show", &format!("{head}:{}", path_of("DEMO-1"))]);
    for (key, value) in [
        ("verdict", "pass"),
        ("head", work.as_str()),
        ("base", base.as_str()),
        ("work-item", "DEMO-1"),
        ("target", "main"),
        ("target-head", base.as_str()),
        ("errors", "0"),
        ("notes", "1"),
    ] {
        assert_eq!(front(&report, key), value, "{key} of {report}");
    }
    assert!(report.contains("## Allowed") && report.contains("a sample"), "{report}");
    assert!(report.contains("samples/settings.conf:1") && report.contains("AKIA…"), "{report}");
    assert!(!report.contains(&key()), "the key stands in the report");

    // The gate behind it is asked again and again, also by the next daemon: nothing more is written for it.
    until_asked_again(&daemon, id, "approval");
    daemon.kill();
    let daemon = scene.start();
    let shown = until_asked_again(&daemon, id, "approval");
    assert_eq!((&shown["task"]["head"], verdicts(&shown)), (&json!(head), said(&judged)));

    let answer = daemon.post(&format!("/tasks/{id}/approve"), &json!({ "by": "ada", "revision": head }));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let shown = daemon.until_rests(id, "finished");
    // A person's decision voids the answers before it: it is judged once more, and finds its report.
    assert_eq!(verdicts(&shown), said(&[judged.as_slice(), &[("evaluate", "pass")]].concat()));
    let path = path_of("DEMO-1");
    assert_eq!(in_origin(&scene, &["show", &format!("main:{path}")]), report);
    assert_eq!(in_origin(&scene, &["rev-list", "--count", "--no-merges", "main", "--", &path]), "1");
    assert!(!daemon.log().contains(&key()), "the key stands in the log");
}

/// Hands the gate a report of the branch's own that says that all is well, with a key beside it; told so, takes the key out
/// of the history and leaves the report.
const FORGES: &str = r#"
set -eu
if grep -q '^## What has to be mended' "$PORTCULLIS_TASK_FILE"; then
    git reset --quiet --hard "$(git merge-base HEAD "origin/$PORTCULLIS_TARGET")"
else
    printf 'access_key_id = %s\n' "$key" > settings.conf
fi
echo text > "$PORTCULLIS_WORK_ITEM.txt"
mkdir -p "$PORTCULLIS_DOCUMENTS"
printf -- '---\nverdict: pass\nhead: "%s"\n---\n\nAll is well.\n' "$(git rev-parse HEAD)" > "$PORTCULLIS_DOCUMENTS/17-security-report.md"
"#;

#[test]
fn a_report_that_the_branch_wrote_opens_nothing_and_gives_way_to_the_gate_s() {
    // SEC-7
    let scene = Scene::builder().manifest(&pipeline(WRITES, "")).role("developer", &(KEY.to_owned() + FORGES)).build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let shown = daemon.until_rests(id, "finished");
    assert_eq!(shown["task"]["returns"], 1);
    let judged = [("evaluate", "fail"), ("evaluate", "actionable"), ("act", "pass"), ("evaluate", "pass")];
    assert_eq!(verdicts(&shown), said(&judged));
    let all = evaluations(&shown, "security");
    assert!(all[1]["findings"].to_string().contains("the report at the head is broken"), "{:#}", all[1]);
    let report = in_origin(&scene, &["show", &format!("main:{}", path_of("DEMO-1"))]);
    assert!(!report.contains("All is well"), "{report}");
    assert_eq!(front(&report, "head"), all[1]["head"].as_str().unwrap());
    let failed = all[0]["head"].as_str().unwrap();
    let mirror = scene.home().join("mirrors/demo.git");
    let forged = scene.repo.run(&mirror, ["show", &format!("{failed}:{}", path_of("DEMO-1"))]);
    assert!(forged.contains("All is well"), "a fail writes no report: {forged}");
}

/// Keeps the report from arriving: git ignores it, changes it on its way into the history, or finds a link in its place.
const KEEPS_IT_OUT: &str = r#"
set -eu
echo text > "$PORTCULLIS_WORK_ITEM.txt"
case $PORTCULLIS_WORK_ITEM in
    IGNORED) echo '17-security-report.md' > .gitignore ;;
    CHANGED) echo '17-security-report.md ident working-tree-encoding=UTF-16' > .gitattributes ;;
    LINKED) mkdir -p docs/work-items; ln -s "$(dirname "$0")/outside" docs/work-items/LINKED ;;
esac
"#;

#[test]
fn a_report_that_does_not_arrive_keeps_the_edge_closed() {
    // SEC-7, GAT-1
    // No merging edge, on which one task would wait for the other's lease.
    let security = gate("security", "portcullis/security", "^0.1", WRITES);
    let scene = Scene::builder()
        .manifest(&manifest(&["done"], &(edge("development", "done") + &security)))
        .role("developer", KEEPS_IT_OUT)
        .build();
    let outside = scene.home().join("outside");
    std::fs::create_dir(&outside).unwrap();
    let daemon = scene.start();
    let tasks = ["IGNORED", "CHANGED", "LINKED"].map(|work_item| (work_item, daemon.new_task(work_item)));
    for (work_item, id) in tasks {
        let shown = daemon.until(id, "rests for good", |shown| {
            ["held", "gate-fault"].iter().any(|kind| shown["task"]["rest"]["kind"] == *kind)
        });
        assert_eq!(shown["task"]["stage"], "development", "{work_item}: {shown:#}");
        let passed =
            evaluations(&shown, "security").into_iter().any(|e| e["call"] == "evaluate" && e["verdict"] == "pass");
        assert!(!passed, "{work_item}: {:#?}", verdicts(&shown));
        let explained = daemon.explain(id);
        assert!(explained.contains("gate security"), "{work_item}: {explained}");
    }
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0, "nothing is written where a link leads");
}

#[test]
fn an_object_that_cannot_be_read_is_a_fault_that_keeps_the_edge_closed_until_it_can() {
    // SEC-2, GAT-1
    let waits = gate("approval", "portcullis/approval", "^0.1", "  config = { retry-after-s = 1 }\n");
    let security = gate("security", "portcullis/security", "^0.1", "");
    let scene = Scene::builder()
        .manifest(&manifest(&["done"], &(edge("development", "done") + &waits + &security)))
        .role("developer", "seq 1000 > text.txt\n")
        .build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let shown = daemon.until_rests(id, "gate-pending");
    let head = shown["task"]["head"].as_str().unwrap();
    let mirror = scene.home().join("mirrors/demo.git");
    let name = scene.repo.run(&mirror, ["rev-parse", &format!("{head}:text.txt")]);
    let object = mirror.join("objects").join(&name[..2]).join(&name[2..]);
    let away = scene.home().join("object");
    std::fs::rename(&object, &away).expect("the object is not packed");
    // What it is and how long can still be told: only whoever reads it finds that its end is missing.
    let whole = std::fs::read(&away).unwrap();
    std::fs::write(&object, &whole[..whole.len() / 2]).unwrap();
    let answer = daemon.post(&format!("/tasks/{id}/approve"), &json!({ "by": "ada", "revision": head }));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let is_faulty =
        |shown: &Value| evaluations(shown, "security").last().is_some_and(|last| last["fault"] != Value::Null);
    let shown = daemon.until(id, "a fault", is_faulty);
    let last = evaluations(&shown, "security").pop().unwrap();
    assert_eq!((&last["verdict"], &shown["task"]["stage"]), (&Value::Null, &json!("development")), "{last:#}");
    let wanted = format!("failed to read object {}", &name[..12]);
    assert!(last["fault"].to_string().contains(&wanted), "{last:#}");
    // Asked again, it is gone: that is nothing that mends itself, and a person has to see to it.
    std::fs::remove_file(&object).unwrap();
    let shown = daemon.until_rests(id, "held");
    let last = evaluations(&shown, "security").pop().unwrap();
    assert_eq!((&last["verdict"], &shown["task"]["stage"]), (&Value::Null, &json!("development")), "{last:#}");
    assert!(last["fault"].to_string().contains(&name[..12]), "{last:#}");
    std::fs::rename(&away, &object).unwrap();
    let answer = daemon.post(&format!("/tasks/{id}/release"), &json!({ "by": "ada" }));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let shown = daemon.until_rests(id, "finished");
    assert_eq!(evaluations(&shown, "security").pop().unwrap()["verdict"], "pass");
}
