//! The merge gate at work: targets that move, commands that hang, branches that others push to, and the lease over it all.

use portcullis_e2e::{Daemon, Scene};
use serde_json::{Value, json};
use std::path::Path;

/// Waits until the test says so, or has gone itself.
const WORK: &str = r#"
here=$(dirname "$0")
touch "$here/begun"
until [ -e "$here/work" ] || [ ! -d "$here" ]; do sleep 0.05; done
echo text > "$PORTCULLIS_WORK_ITEM.txt"
"#;
/// Counts its runs, notes on what it ran, and waits each time until the test lets it go.
const TEST: &str = r#"
here=$(dirname "$0")
n=$(($(cat "$here/count" 2>/dev/null || echo 0) + 1))
echo "$PORTCULLIS_REVISION" > "$here/ran-$n"
echo $n > "$here/count.part" && mv "$here/count.part" "$here/count"
until [ -e "$here/go-$n" ] || [ -e "$here/go" ] || [ ! -d "$here" ]; do sleep 0.05; done
"#;

/// One stage of work and a merging edge that only the merge gate keeps.
fn scene(project: &str, wall_ms: u32, test: &str, settings: &str) -> Scene {
    let manifest = format!(
        "format = 1\n\n[[stage]]\nname = \"development\"\nrole = \"developer\"\n\n[[stage]]\nname = \"done\"\n\n\
         [[edge]]\nfrom = \"development\"\nto = \"done\"\nmerge = true\n\n  [[edge.gate]]\n  name = \"merge-gate\"\n  \
         plugin = \"portcullis/merge-gate\"\n  version = \"^0.1\"\n  limits = {{ wall-ms = {wall_ms} }}\n"
    );
    Scene::builder()
        .manifest(&manifest)
        .role("developer", WORK)
        .command("test", test)
        .project(project)
        .settings(settings)
        .build()
}

/// A task whose branch is behind its target by one commit when its work is done.
fn task_behind(scene: &Scene, daemon: &Daemon) -> i64 {
    let id = daemon.new_task("DEMO-1");
    daemon.eventually("its role is at work", || scene.home().join("begun").exists());
    scene.repo.commit_file("first.txt", "moved on\n");
    touch(scene, "work");
    id
}

fn touch(scene: &Scene, name: &str) {
    std::fs::write(scene.home().join(name), "").unwrap();
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

/// Waits for the test command's run number `n`; the revision that it runs on.
fn until_run(scene: &Scene, daemon: &Daemon, n: u32) -> String {
    daemon.eventually(&format!("run {n} of the tests"), || read(&scene.home().join("count")) == n.to_string());
    read(&scene.home().join(format!("ran-{n}")))
}

fn merge_lease(daemon: &Daemon) -> Option<Value> {
    let queue = daemon.get("/queue").body;
    let leases = queue["leases"].as_array().unwrap().clone();
    leases.into_iter().find(|lease| lease["name"].as_str().is_some_and(|name| name.starts_with("merge")))
}

fn parents(scene: &Scene, revision: &str) -> Vec<String> {
    let line = scene.repo.run(&scene.repo.origin(), ["rev-list", "--parents", "-n", "1", revision]);
    line.split(' ').skip(1).map(str::to_owned).collect()
}

fn tree(scene: &Scene, revision: &str) -> String {
    scene.repo.run(&scene.repo.origin(), ["rev-parse", &format!("{revision}^{{tree}}")])
}

#[test]
fn a_target_that_moves_during_the_tests_is_caught_up_with_and_tested_again_under_one_lease() {
    // MRG-1, MRG-2, GAT-8
    let scene = scene("", 120_000, TEST, "");
    let daemon = scene.start();
    let id = task_behind(&scene, &daemon);
    let mut lease = None;
    for n in 1..=3 {
        let ran_on = until_run(&scene, &daemon, n);
        let held = merge_lease(&daemon).expect("tests run under the merge lease");
        // Taken before the first catching up and kept: the number grows with every grant.
        let kept = lease.get_or_insert_with(|| held["number"].clone());
        assert_eq!((&held["holder"], &held["number"]), (&json!(format!("task {id}")), &*kept), "{held:#}");
        let mirror = scene.home().join("mirrors/demo.git");
        let is_on_top = scene.repo.run(&mirror, ["merge-base", &ran_on, scene.repo.head().as_str()]);
        assert_eq!(is_on_top, scene.repo.head().as_str(), "what is tested holds the target's head");
        if n < 3 {
            scene.repo.commit_file(&format!("again-{n}.txt"), "moved on\n");
        }
        touch(&scene, &format!("go-{n}"));
    }
    let shown = daemon.until_rests(id, "finished");
    let tested = read(&scene.home().join("ran-3"));
    let merged = shown["task"]["merge_commit"].as_str().unwrap();
    assert_eq!(scene.repo.origin_head("main").unwrap().as_str(), merged);
    assert_eq!(parents(&scene, merged), [scene.repo.head().as_str(), tested.as_str()], "onto the newest target");
    assert_eq!(tree(&scene, merged), tree(&scene, &tested), "what lands is what was tested");
    assert_eq!(shown["task"]["returns"], 0, "a moving target is nobody's fault");
    daemon.eventually("the lease is given back", || merge_lease(&daemon).is_none());
}

/// Pushes to the target each time.
const RESTLESS: &str = r#"
set -e
here=$(dirname "$0")
n=$(($(cat "$here/count" 2>/dev/null || echo 0) + 1))
echo $n > "$here/count"
rm -rf "$here/clone"
git clone --quiet "$(cat "$here/origin")" "$here/clone"
cd "$here/clone"
echo $n > "moved-$n"
git add .
git -c user.name=Else -c user.email=else@example.org commit --quiet -m "moved $n"
git push --quiet origin HEAD:main
"#;

#[test]
fn a_target_that_moves_during_every_test_holds_the_task_after_a_few_tries() {
    // MRG-1
    let scene = scene("", 120_000, RESTLESS, "");
    std::fs::write(scene.home().join("origin"), scene.repo.origin().display().to_string()).unwrap();
    let daemon = scene.start();
    let id = task_behind(&scene, &daemon);
    daemon.until_rests(id, "held");
    let explained = daemon.explain(id);
    assert!(explained.contains("acted 5 times and is still not green"), "{explained}");
    assert_eq!(read(&scene.home().join("count")), "5");
    daemon.eventually("the lease is given back", || merge_lease(&daemon).is_none());
}

/// Leaves a child behind, does not end, and says that all is well when it is made to.
const HANGS: &str = r#"
here=$(dirname "$0")
trap 'exit 0' TERM
sleep 1000 &
echo $! > "$here/child"
echo "waiting for a lock"
wait
"#;

#[test]
fn a_test_command_that_hangs_is_ended_with_all_that_it_started_and_is_red() {
    // MRG-1, LAU-5
    let settings = "[queue]\nmax_returns = 1\n\n[runs]\nkill_grace_s = 1\n";
    let scene = scene("", 12_000, HANGS, settings);
    let daemon = scene.start();
    let id = task_behind(&scene, &daemon);
    let shown = daemon.until_rests(id, "held");
    let evaluations = shown["evaluations"].as_array().unwrap();
    let last = evaluations.last().unwrap();
    assert_eq!((&last["verdict"], &last["call"]), (&json!("fail"), &json!("act")), "{last:#}");
    let said = last["findings"][0]["message"].as_str().unwrap();
    assert!(said.contains("waiting for a lock") && said.contains("longer than its limit"), "{said}");
    let child = read(&scene.home().join("child"));
    daemon.eventually("its child has gone", || !Path::new("/proc").join(&child).exists());
    let branch = shown["task"]["branch"].as_str().unwrap();
    assert_eq!(parents(&scene, branch).len(), 1, "nothing that was caught up is published");
}

#[test]
fn a_branch_that_somebody_pushes_to_during_the_tests_is_never_overwritten() {
    // MRG-1, GAT-8
    for style in ["merge", "rebase"] {
        let scene = scene(&format!("merge_style = \"{style}\"\n"), 120_000, TEST, "");
        let daemon = scene.start();
        let id = task_behind(&scene, &daemon);
        until_run(&scene, &daemon, 1);
        let branch = daemon.task(id)["task"]["branch"].as_str().unwrap().to_owned();
        scene.repo.git(["fetch", "--quiet", "origin"]);
        scene.repo.git(["switch", "--quiet", "-c", &branch, &format!("origin/{branch}")]);
        let theirs = scene.repo.commit_file("theirs.txt", "in time\n");
        touch(&scene, "go");
        let shown = daemon.until_rests(id, "finished");
        let main = scene.repo.origin_head("main").unwrap();
        let landed = scene.repo.run(&scene.repo.origin(), ["show", &format!("{main}:theirs.txt")]);
        assert_eq!(landed, "in time", "{style}");
        let evaluations = shown["evaluations"].as_array().unwrap();
        let lost = evaluations.iter().find(|e| e["fault"] != Value::Null).expect("the first attempt came to nothing");
        assert!(lost["fault"].to_string().contains("nothing was overwritten"), "{lost:#}");
        assert!(evaluations.iter().any(|e| e["head"] == theirs.as_str()), "what they pushed was judged: {style}");
    }
}

#[test]
fn each_style_lands_the_very_commit_that_was_tested() {
    // MRG-1
    for (style, merges_in_branch) in [("fast-forward", 1), ("rebase", 0)] {
        let scene = scene(&format!("merge_style = \"{style}\"\n"), 120_000, TEST, "");
        touch(&scene, "go");
        let daemon = scene.start();
        let start = scene.repo.head();
        let id = task_behind(&scene, &daemon);
        daemon.until_rests(id, "finished");
        let main = scene.repo.origin_head("main").unwrap();
        let runs = read(&scene.home().join("count"));
        assert_eq!(main.as_str(), read(&scene.home().join(format!("ran-{runs}"))), "{style}");
        let range = format!("{start}..{main}");
        let merges = scene.repo.run(&scene.repo.origin(), ["rev-list", "--count", "--merges", &range]);
        assert_eq!(merges, merges_in_branch.to_string(), "{style}");
        let onto = scene.repo.run(&scene.repo.origin(), ["merge-base", scene.repo.head().as_str(), main.as_str()]);
        assert_eq!(onto, scene.repo.head().as_str(), "it holds the target's head: {style}");
    }
}

/// Commits to the branch that it is to test.
const COMMITS: &str = r#"
echo sneaked > sneaked.txt
git add . && git -c user.name=Test -c user.email=test@example.org commit --quiet -m sneaked
"#;

#[test]
fn what_a_test_command_commits_is_not_published() {
    // MRG-1
    let scene = scene("", 120_000, COMMITS, "");
    let daemon = scene.start();
    let id = task_behind(&scene, &daemon);
    let shown = daemon.until(id, "a lost attempt", |shown| {
        shown["evaluations"].as_array().unwrap().iter().any(|e| e["fault"].to_string().contains("moved the branch"))
    });
    let branch = shown["task"]["branch"].as_str().unwrap();
    let files = scene.repo.run(&scene.repo.origin(), ["ls-tree", "--name-only", branch]);
    assert!(!files.contains("sneaked") && files.contains("DEMO-1.txt"), "{files}");
}
