//! The manifest on the target branch: what makes it unusable, what that stops and what it does not, and how it mends.

use portcullis_e2e::daemon::{portcullis, workspace};
use portcullis_e2e::scene::{further_project, repository};
use portcullis_e2e::{OwnRegistry, Scene};
use portcullis_testkit::TempRepo;
use serde_json::json;
use std::path::Path;
use std::process::Output;

const STAGES: &str = "format = 1\n\n[[stage]]\nname = \"development\"\n\n[[stage]]\nname = \"done\"\n";
const EDGE: &str = "\n[[edge]]\nfrom = \"development\"\nto = \"done\"\n";
const MANIFEST: &str = ".portcullis/gates.toml";

fn guarded(plugin: &str, version: &str, more: &str) -> String {
    format!(
        "{STAGES}{EDGE}\n  [[edge.gate]]\n  name = \"judge\"\n  plugin = \"{plugin}\"\n  version = \"{version}\"\n{more}"
    )
}

/// Manifests that cannot be used, each with what the reason must name.
fn unusable() -> Vec<(&'static str, Option<String>, Vec<&'static str>)> {
    let cycle = "\n[[edge]]\nfrom = \"done\"\nto = \"development\"\n";
    vec![
        ("missing", None, vec!["is missing", "portcullis gates init"]),
        ("empty", Some(String::new()), vec!["does not say its format", "format = 1"]),
        ("key", Some(format!("{STAGES}{EDGE}on-fial = \"development\"\n")), vec!["on-fial", "on-fail", "line 12"]),
        ("toml", Some("format = \n".to_owned()), vec!["line 1"]),
        ("plugin", Some(guarded("acme/none", "^1", "")), vec!["`acme/none` is not in registry", "publish or install"]),
        (
            "version",
            Some(guarded("portcullis/approval", "^9", "")),
            vec!["no version of `portcullis/approval`", "`^9`", "0.1.0"],
        ),
        ("requirement", Some(guarded("portcullis/approval", "latest", "")), vec!["`latest` is no semver", "^1.2"]),
        ("nothing", Some(guarded("portcullis/approval", ">=2, <1", "")), vec!["excludes every version", "widen it"]),
        ("cycle", Some(format!("{STAGES}{EDGE}{cycle}")), vec!["cycle"]),
        ("twice", Some(format!("{STAGES}{EDGE}{EDGE}")), vec!["`development` → `done` stands twice", "put the gates"]),
        (
            "stage",
            Some(format!("{STAGES}\n[[edge]]\nfrom = \"development\"\nto = \"nowhere\"\n")),
            vec!["`nowhere`, which does not exist", "the stages are"],
        ),
        (
            "lock",
            Some(guarded("portcullis/approval", "^0.1", "")),
            vec!["gates.lock", "with digest sha256:0000", "find out which one is right"],
        ),
    ]
}

const WRONG_LOCK: &str = "format = 1\n\n[[plugin]]\nname = \"portcullis/approval\"\nrequirement = \"^0.1\"\nversion = \"0.1.0\"\ndigest = \"sha256:0000000000000000000000000000000000000000000000000000000000000000\"\n";

/// Breaks the manifest on the target branch of `repo`.
fn break_it(repo: &TempRepo, name: &str, text: Option<&str>) {
    match text {
        None => repo.remove(MANIFEST),
        Some(text) => repo.write(MANIFEST, text),
    }
    if name == "lock" {
        repo.write(".portcullis/gates.lock", WRONG_LOCK);
    }
    repo.commit("break the manifest");
}

#[test]
fn an_unusable_manifest_rests_its_own_project_with_a_reason_until_the_target_branch_is_mended() {
    // STG-1, STG-6, PLG-3, PLG-4
    let good = format!("{STAGES}{EDGE}");
    let cases = unusable();
    let repos: Vec<TempRepo> = cases.iter().map(|_| repository(&good)).collect();
    let further: Vec<String> =
        cases.iter().zip(&repos).map(|((name, ..), repo)| further_project(name, repo, "")).collect();
    let one_stage =
        "format = 1\n\n[[stage]]\nname = \"development\"\nrole = \"developer\"\n\n[[stage]]\nname = \"done\"\n";
    let scene = Scene::builder()
        .manifest(one_stage)
        .role("developer", "echo text > \"$PORTCULLIS_WORK_ITEM.txt\"\n")
        .settings(&further.concat())
        .build();
    let daemon = scene.start();
    // One task of each project was there before the manifest went bad.
    let tasks: Vec<i64> = cases.iter().map(|(name, ..)| daemon.new_task_in(name, "BEFORE", &json!({}))).collect();
    for (((name, text, says), repo), id) in cases.iter().zip(&repos).zip(&tasks) {
        daemon.until_rests(*id, "no-head");
        break_it(repo, name, text.as_deref());
        let body = json!({ "project": name, "work_item": "AFTER", "title": "Comes too late" });
        let refused = daemon.post("/tasks", &body);
        assert_eq!(refused.status, 422, "{name}: {}", refused.body);
        let looked = daemon.post(&format!("/tasks/{id}/retry"), &json!({}));
        assert_eq!(looked.status, 200, "{name}: {}", looked.body);
        daemon.until_rests(*id, "manifest-unusable");
        let explained = daemon.explain(*id);
        let place = if *name == "lock" { "gates.toml of main" } else { ".portcullis/gates.toml of main" };
        for part in says.iter().chain([&place]) {
            assert!(explained.contains(part), "{name}: `{part}` is not in: {explained}");
            assert!(
                refused.body.to_string().contains(&part.replace('"', "\\\"")),
                "{name}: `{part}`: {}",
                refused.body
            );
        }
    }
    daemon.until_rests(daemon.new_task("ELSEWHERE"), "finished");
    for repo in &repos {
        repo.write(MANIFEST, &good);
        let lock = repo.work().join(".portcullis/gates.lock");
        if lock.exists() {
            std::fs::remove_file(lock).unwrap();
        }
        repo.commit("mend the manifest");
    }
    for id in tasks {
        daemon.until_rests(id, "no-head");
    }
}

#[test]
fn a_manifest_cannot_leave_out_or_weaken_a_gate_that_the_operator_demands() {
    // PLG-4
    let security = |more: &str| guarded("portcullis/security", "^0.1", more);
    let merging = |text: String| text.replacen("to = \"done\"\n", "to = \"done\"\nmerge = true\n", 1);
    let cases = [
        (
            "without",
            merging(format!("{STAGES}{EDGE}")),
            "the operator demands plugin `portcullis/security`, and no edge",
        ),
        ("shadowed", merging(security("  mode = \"shadow\"\n")), "says `mode = \\\"shadow\\\"`; remove that line"),
        ("off", merging(security("  mode = \"off\"\n")), "says `mode = \\\"off\\\"`; remove that line"),
        ("open", merging(security("  on-fault = \"open\"\n")), "says `on-fault = \\\"open\\\"`; remove that line"),
    ];
    let repos: Vec<TempRepo> = cases.iter().map(|(_, text, _)| repository(text)).collect();
    let further: Vec<String> =
        cases.iter().zip(&repos).map(|((name, ..), repo)| further_project(name, repo, "")).collect();
    let scene = Scene::builder()
        .manifest(&merging(security("")))
        .mandatory("[\"portcullis/security\"]")
        .settings(&further.concat())
        .build();
    let daemon = scene.start();
    for (name, _, says) in &cases {
        let body = json!({ "project": name, "work_item": "X-1", "title": "Never begins" });
        let refused = daemon.post("/tasks", &body);
        assert_eq!(refused.status, 422, "{name}: {}", refused.body);
        assert!(refused.body.to_string().contains(says), "{name}: {}", refused.body);
    }
    daemon.until_rests(daemon.new_task("DEMO-1"), "no-head");
}

/// `portcullis gates COMMAND` on a folder.
fn gates(command: &str, folder: &Path, registry: &Path) -> Output {
    let (folder, registry) = (folder.to_str().unwrap(), registry.to_str().unwrap());
    match command {
        "init" => portcullis(["gates", "init", folder]),
        _ => portcullis(["gates", command, folder, "--registry", registry]),
    }
}

#[track_caller]
fn ends(output: &Output, code: i32, says: &str) {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    let text = String::from_utf8_lossy(&text);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.contains(says), "`{says}` is not in: {text}");
}

#[test]
fn the_gates_command_begins_checks_and_locks_a_manifest() {
    // PLG-3
    let folder = tempfile::tempdir().unwrap();
    let (dir, registry) = (folder.path(), workspace().join("registry"));
    ends(&gates("check", dir, &registry), 2, "portcullis gates init` writes one");
    ends(&gates("init", dir, &registry), 0, "commit it to the target branch");
    ends(&gates("init", dir, &registry), 2, "is there already");
    ends(&gates("check", dir, &registry), 0, "the manifest is sound");
    ends(&gates("lock", dir, &registry), 0, "wrote ");
    let locked = std::fs::read_to_string(dir.join(".portcullis/gates.lock")).unwrap();
    assert!(locked.contains("portcullis/security") && locked.contains("sha256:"), "{locked}");
    let checked = gates("check", dir, &registry);
    ends(&checked, 0, "deploy-staging → deploy: security = portcullis/security ^0.1 (0.1.0 sha256:");

    let path = dir.join(MANIFEST);
    let sound = std::fs::read_to_string(&path).unwrap();
    for (from, to, says) in [
        ("on-fault = ", "on-fautl = ", "on-fautl"),
        ("mode = \"enforce\"", "mode = \"strict\"", "strict"),
        ("plugin = \"portcullis/security\"", "plugin = \"security\"", "security"),
        ("cpu-ms = 10000", "cpu-ms = 0", "from 1 to"),
        ("from = \"review\"", "from = \"reveiw\"", "`reveiw`, which does not exist"),
    ] {
        assert!(sound.contains(from), "{from}");
        std::fs::write(&path, sound.replacen(from, to, 1)).unwrap();
        let output = gates("check", dir, &registry);
        ends(&output, 2, says);
        ends(&output, 2, "gates.toml");
        ends(&output, 2, "line ");
    }
    std::fs::write(&path, sound.replace("version = \"^0.1\"", "version = \"=0.1.0\"")).unwrap();
    ends(&gates("check", dir, &registry), 2, "run `portcullis gates lock`");
    ends(&gates("lock", dir, &registry), 0, "portcullis/security 0.1.0");
    ends(&gates("check", dir, &registry), 0, "the manifest is sound");
    std::fs::write(&path, sound.replace("version = \"^0.1\"", "version = \"^7\"")).unwrap();
    ends(&gates("lock", dir, &registry), 2, "no version of `portcullis/");
    ends(&gates("lock", dir, &dir.join("nothing-here")), 2, "is no OCI image layout");
}

#[test]
fn lock_keeps_what_is_locked_and_update_takes_what_is_new() {
    // PLG-3
    let registry = OwnRegistry::empty();
    let publish = |version: &str| {
        let output = registry.publish(portcullis_e2e::registry::hostile_judge(), "acme/judge", version);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    publish("1.0.0");
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(".portcullis")).unwrap();
    std::fs::write(folder.path().join(MANIFEST), guarded("acme/judge", "^1", "")).unwrap();
    ends(&gates("lock", folder.path(), registry.folder()), 0, "acme/judge 1.0.0 sha256:");
    publish("1.1.0");
    publish("2.0.0");
    ends(&gates("lock", folder.path(), registry.folder()), 0, "acme/judge 1.0.0 sha256:");
    ends(&gates("update", folder.path(), registry.folder()), 0, "acme/judge 1.1.0 sha256:");
    ends(&gates("check", folder.path(), registry.folder()), 0, "acme/judge ^1 (1.1.0 sha256:");
}
