//! Plugins from file to registry to judgement, and the exit codes that scripts rely on.

use portcullis_e2e::daemon::portcullis;
use portcullis_e2e::registry::{HOSTILE, hostile_actor, hostile_judge};
use portcullis_e2e::scene::{OPERATOR, READER, SECRET, further_project, repository};
use portcullis_e2e::{OwnRegistry, Scene};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};

const WORK: &str = "echo text > \"$PORTCULLIS_WORK_ITEM.txt\"\n";

fn guarded(plugin: &str, version: &str) -> String {
    format!(
        "format = 1\n\n[[stage]]\nname = \"development\"\nrole = \"developer\"\n\n[[stage]]\nname = \"done\"\n\n[[edge]]\n\
         from = \"development\"\nto = \"done\"\n\n  [[edge.gate]]\n  name = \"judge\"\n  plugin = \"{plugin}\"\n  \
         version = \"{version}\"\n  config = {{ do = \"pass\" }}\n"
    )
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[track_caller]
fn ends(output: &Output, code: i32, says: &str) {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    let text = String::from_utf8_lossy(&text);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.contains(says), "`{says}` is not in: {text}");
}

fn listed(registry: &OwnRegistry) -> Vec<Value> {
    let output = portcullis(["plugin", "list", "--json", "--registry", text(registry.folder())]);
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    list["plugins"].as_array().unwrap().clone()
}

#[test]
fn what_is_no_gate_is_not_published_and_the_message_says_what_it_is() {
    // GAT-1, PLG-1
    let registry = OwnRegistry::empty();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let gate = std::fs::read(hostile_judge()).unwrap();
    for (path, says) in [
        (file("text.wasm", b"#!/bin/sh\necho no\n"), "is not WebAssembly"),
        (file("empty.wasm", b""), "is not WebAssembly"),
        (file("core.wasm", b"\0asm\x01\0\0\0"), "is a core WebAssembly module, not a component"),
        (file("world.wasm", b"\0asm\x0d\0\x01\0"), "exports no gate contract"),
        (file("torn.wasm", &gate[..gate.len() / 2]), "is a malformed component"),
        (folder.path().join("nowhere.wasm"), "nowhere.wasm"),
    ] {
        ends(&registry.publish(&path, "acme/none", "1.0.0"), 2, says);
    }
    for (name, version, says) in [
        ("none", "1.0.0", "none"),
        ("../../etc/passwd", "1.0.0", "etc/passwd"),
        ("acme/none", "1", "`1` is no version of plugin `acme/none`"),
        ("acme/none", "latest", "`latest` is no version"),
    ] {
        ends(&registry.publish(hostile_judge(), name, version), 2, says);
    }
    assert_eq!(listed(&registry), Vec::<Value>::new());
}

#[test]
fn a_published_version_never_changes() {
    // PLG-1
    let registry = OwnRegistry::empty();
    ends(&registry.publish(hostile_actor(), HOSTILE, "1.0.0"), 0, "is there now: sha256:");
    ends(&registry.publish(hostile_actor(), HOSTILE, "1.0.0"), 0, "was there already, byte for byte");
    let before = listed(&registry);
    ends(&registry.publish(hostile_judge(), HOSTILE, "1.0.0"), 2, "a published version never changes");
    assert_eq!(listed(&registry), before);
    ends(&registry.publish(hostile_judge(), HOSTILE, "1.1.0"), 0, "is there now");
    assert_eq!(listed(&registry).len(), 2);
}

#[test]
fn a_plugin_is_inspected_listed_and_installed_by_its_bytes() {
    // PLG-1, PLG-5
    let (source, target) = (OwnRegistry::empty(), OwnRegistry::empty());
    for version in ["1.0.0", "1.2.0", "2.0.0-rc.1"] {
        ends(&source.publish(hostile_actor(), HOSTILE, version), 0, "It judges, and may act");
    }
    let (from, to) = (text(source.folder()), text(target.folder()));
    // Nothing is made by looking.
    ends(&portcullis(["plugin", "list", "--registry", to]), 2, "is no OCI image layout");
    let install = |plugin: &str| portcullis(["plugin", "install", plugin, "--from", from, "--registry", to]);
    ends(&install("test/hostile@^1"), 0, "test/hostile 1.2.0 is there now");
    ends(&install("test/hostile@^1"), 0, "was there already");
    ends(&install("test/hostile@^3"), 2, "no version of `test/hostile`");
    ends(&install("test/hostil"), 2, "is not in registry");
    ends(&install("test/hostile@newest"), 2, "is no semver requirement");
    ends(&portcullis(["plugin", "list", "--registry", to]), 0, "1.2.0");
    assert_eq!(listed(&target).len(), 1);

    let output = portcullis(["plugin", "inspect", HOSTILE, "--json", "--registry", to]);
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&seen["plugin"]["version"], &seen["can_act"]), (&json!("1.2.0"), &json!(true)));
    assert!(seen["imports"].to_string().contains("portcullis:act/workspace"), "{seen:#}");
    assert_eq!(seen["config_schema"]["properties"]["do"]["type"], "string", "the gate itself says what it takes");
    ends(&portcullis(["plugin", "inspect", "test/none", "--registry", to]), 2, "is not in registry");

    // Bytes that are not what the other registry lists are not taken over.
    let blob = source.blob(HOSTILE, "1.0.0");
    flip_a_byte(&blob);
    ends(&install("test/hostile@=1.0.0"), 2, "should have digest sha256:");
    ends(&portcullis(["plugin", "inspect", HOSTILE, "--registry", from]), 2, "should have digest sha256:");
    assert_eq!(listed(&target).len(), 1);
}

fn flip_a_byte(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::remove_file(file).unwrap();
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn two_projects_run_different_versions_of_one_plugin_at_the_same_time() {
    // PLG-3
    let registry = OwnRegistry::empty();
    ends(&registry.publish(hostile_actor(), HOSTILE, "1.0.0"), 0, "");
    ends(&registry.publish(hostile_judge(), HOSTILE, "2.0.0"), 0, "");
    let newer = repository(&guarded(HOSTILE, "^2"));
    let roles = "[project.roles]\ndeveloper.command = [\"sh\", \"-c\", \"echo text > file.txt\"]\n";
    let scene = Scene::builder()
        .registry(registry.folder())
        .manifest(&guarded(HOSTILE, "^1"))
        .role("developer", WORK)
        .settings("[queue]\nmax_concurrency = 2\n")
        .settings(&further_project("newer", &newer, roles))
        .build();
    let daemon = scene.start();
    let (old, new) = (daemon.new_task("DEMO-1"), daemon.new_task_in("newer", "DEMO-1", &json!({})));
    for (id, version) in [(old, "1.0.0"), (new, "2.0.0")] {
        let shown = daemon.until_rests(id, "finished");
        let judged = &shown["evaluations"][0];
        assert_eq!((&judged["verdict"], &judged["version"]), (&json!("pass"), &json!(version)));
        assert_eq!(judged["digest"], registry.digest(HOSTILE, version));
    }
    assert_ne!(registry.digest(HOSTILE, "1.0.0"), registry.digest(HOSTILE, "2.0.0"));
    // A newer version that fits is there now; what is locked is what judges.
    ends(&registry.publish(hostile_judge(), HOSTILE, "1.5.0"), 0, "");
    let shown = daemon.until_rests(daemon.new_task("DEMO-2"), "finished");
    assert_eq!(shown["evaluations"][0]["version"], "1.0.0");
}

#[test]
fn a_plugin_whose_bytes_have_changed_or_gone_never_judges_and_keeps_the_edge_closed() {
    // GAT-1, PLG-5
    let registry = OwnRegistry::with_hostile();
    ends(&registry.publish(hostile_judge(), "test/gone", "1.0.0"), 0, "");
    let gone = repository(&guarded("test/gone", "^1"));
    let sound = repository(&guarded("portcullis/approval", "^0.1").replace("{ do = \"pass\" }", "{}"));
    let roles = "[project.roles]\ndeveloper.command = [\"sh\", \"-c\", \"echo text > file.txt\"]\n";
    let scene = Scene::builder()
        .registry(registry.folder())
        .manifest(&guarded(HOSTILE, "^1"))
        .role("developer", WORK)
        .settings("[queue]\nmax_concurrency = 3\n")
        .settings(&further_project("gone", &gone, roles))
        .settings(&further_project("sound", &sound, roles))
        .build();
    let blob = registry.blob(HOSTILE, "1.0.0");
    let right = std::fs::read(&blob).unwrap();
    flip_a_byte(&blob);
    std::fs::remove_file(registry.blob("test/gone", "1.0.0")).unwrap();
    let daemon = scene.start();
    let changed = daemon.new_task("DEMO-1");
    let missing = daemon.new_task_in("gone", "DEMO-1", &json!({}));
    let other = daemon.new_task_in("sound", "DEMO-1", &json!({}));

    let shown = daemon.until_rests(changed, "held");
    let fault = &shown["evaluations"][0]["fault"];
    assert_eq!(fault["kind"], "digest-mismatch", "{shown:#}");
    assert_eq!(fault["listed"], registry.digest(HOSTILE, "1.0.0"));
    assert_ne!(fault["listed"], fault["found"]);
    assert_eq!((&shown["evaluations"][0]["verdict"], &shown["task"]["stage"]), (&Value::Null, &json!("development")));
    let shown = daemon.until_rests(missing, "gate-fault");
    assert_eq!(shown["evaluations"][0]["fault"]["kind"], "plugin-missing", "{shown:#}");
    daemon.until_rests(other, "gate-pending");

    std::fs::write(&blob, right).unwrap();
    let answer = daemon.post(&format!("/tasks/{changed}/release"), &json!({ "by": "ada" }));
    assert_eq!(answer.status, 200, "{}", answer.body);
    daemon.until_rests(changed, "finished");
}

#[test]
fn every_command_ends_with_the_code_that_scripts_rely_on() {
    // CFG-1, STG-6
    let unreachable = ["queue", "--url", "http://127.0.0.1:1"];
    ends(&portcullis(unreachable), 4, "is `portcullis serve` running?");
    ends(&portcullis(["task", "list", "--url", "http://127.0.0.1:1"]), 4, "can't be reached");
    ends(&portcullis(["task", "explain"]), 2, "Usage");
    ends(&portcullis(["no-such-command"]), 2, "Usage");
    ends(&portcullis(["--help"]), 0, "Runs the daemon");

    let scene = Scene::builder().manifest(&guarded("portcullis/approval", "^0.1").replace("{ do = \"pass\" }", "{}"));
    let scene = scene.role("developer", WORK).build();
    let daemon = scene.start();
    let url = daemon.url();
    let with = |token: &str, words: &[&str]| {
        let mut command = Command::new(portcullis_e2e::daemon::program());
        command.args(words).env("PORTCULLIS_URL", url).env("PORTCULLIS_TOKEN", token).output().unwrap()
    };
    ends(&with("", &["queue"]), 2, "PORTCULLIS_TOKEN");
    ends(&with(READER, &["queue"]), 0, "0 tasks active");
    let new = ["task", "new", "--work-item", "DEMO-1", "--title", "Do it", "--project"];
    ends(&with(READER, &[&new[..], &["demo"]].concat()), 2, "this token may look but not change anything");
    ends(&with(OPERATOR, &[&new[..], &["dmeo"]].concat()), 2, "there is no project `dmeo`; there are: demo");
    ends(&with(OPERATOR, &[&new[..], &["demo"]].concat()), 0, "task 1 (demo DEMO-1) is in development");
    daemon.until_rests(1, "gate-pending");
    ends(&with(READER, &["task", "explain", "1"]), 0, "gate judge is not decided yet");
    ends(&with(READER, &["task", "show", "1"]), 0, "judge");
    ends(&with(READER, &["task", "show", "7"]), 2, "task 7");
    ends(&with(READER, &["event", "show", "7"]), 2, "event 7");
    ends(&with(OPERATOR, &["task", "approve", "1", "--revision", &"0".repeat(40)]), 2, "look again");
    ends(&with(OPERATOR, &["task", "approve", "1", "--by", "ada"]), 0, "task 1");
    daemon.until_rests(1, "finished");
}

#[test]
fn settings_are_checked_before_anything_starts_and_their_secrets_are_not_printed() {
    // CFG-1
    let scene = Scene::builder().role("developer", WORK).build();
    let path = scene.settings();
    let check = || portcullis(["serve", "--check", "--config", text(path)]);
    let output = check();
    ends(&output, 0, "these settings are usable");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains("max_concurrency = 1") && printed.contains("acme/service"), "{printed}");
    for secret in [OPERATOR, READER, SECRET] {
        assert!(!printed.contains(secret), "{printed}");
    }
    let sound = std::fs::read_to_string(path).unwrap();
    for (from, to, says) in [
        ("[gates]\n", "[gates]\nmandatry = []\n", "mandatry"),
        ("listen = \"127.0.0.1:0\"", "listen = \"here\"", "setting `server.listen`"),
        ("forge = \"local\"", "forge = \"locla\"", "locla"),
        ("forge = \"local\"", "forge = \"gitea\"", "setting `project.demo.forge_url`"),
    ] {
        std::fs::write(path, sound.replacen(from, to, 1)).unwrap();
        ends(&check(), 2, says);
        let url = scene.home().join("url");
        ends(&portcullis(["serve", "--config", text(path)]), 2, says);
        assert!(!url.exists(), "nothing listens");
    }
    let nowhere = scene.home().join("nowhere.toml");
    ends(&portcullis(["serve", "--check", "--config", text(&nowhere)]), 2, "nowhere.toml");
    std::fs::remove_file(scene.home().join("operator")).unwrap();
    std::fs::write(path, sound).unwrap();
    ends(
        &portcullis(["serve", "--config", text(path)]),
        2,
        "setting `server.operator_token`: failed to read the secret",
    );
}
