//! A gate asked by hand: `portcullis gate run`, as a person and as a script start it.

use portcullis_e2e::OwnRegistry;
use portcullis_e2e::daemon::{portcullis, workspace};
use portcullis_testkit::TempRepo;
use serde_json::Value;
use std::process::Output;

/// A repository whose branch `work` adds a key and takes it out again, with the main branch's commit before it.
struct Branch {
    repo: TempRepo,
    key: String,
}

fn branch() -> Branch {
    let key = ["AKIA", "R4J2X7KQ", "3VN6TZWB"].concat();
    let repo = TempRepo::with_commit("README.md", "A small service.\n");
    repo.branch("work");
    repo.commit_file("src/settings.conf", &format!("region = eu\naccess_key_id = {key}\n"));
    repo.commit_file("src/settings.conf", "region = eu\n");
    Branch { repo, key }
}

impl Branch {
    fn run(&self, plugin: &str, more: &[&str]) -> Output {
        let (folder, registry) = (self.repo.work(), workspace().join("registry"));
        let mut words = vec!["gate", "run", plugin, "--repo", folder.to_str().unwrap()];
        words.extend(["--registry", registry.to_str().unwrap()]);
        words.extend(more);
        portcullis(words)
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), output.stderr.as_slice()].concat()).into_owned()
}

#[test]
fn a_gate_run_by_hand_finds_what_the_daemon_would_and_says_where() {
    // SEC-2, SEC-5, PLG-7
    let branch = branch();
    let red = branch.run("portcullis/security", &["--base", "main"]);
    assert_eq!(red.status.code(), Some(1), "{}", text(&red));
    let told = text(&red);
    assert!(told.contains("src/settings.conf:2: error aws-access-key: "), "{told}");
    assert!(!told.contains(&branch.key), "no secret is told: {told}");
    let green = branch.run("portcullis/security", &["--base", "main", "--head", "main"]);
    assert_eq!(green.status.code(), Some(0), "{}", text(&green));

    let as_json = branch.run("portcullis/security", &["--json"]);
    assert_eq!(as_json.status.code(), Some(1));
    let shown: Value = serde_json::from_slice(&as_json.stdout).expect("only JSON is on standard output");
    assert_eq!((&shown["verdict"], &shown["findings"][0]["line"]), (&"fail".into(), &2.into()), "{shown:#}");
    assert_eq!(shown["head"], branch.repo.head().as_str());
    assert!(as_json.stderr.is_empty(), "no progress in a pipe: {}", text(&as_json));
}

#[test]
fn the_base_s_manifest_configures_a_run_by_hand_and_the_branch_s_does_not() {
    // PLG-4, SEC-6
    let branch = branch();
    let manifest = |reason: &str| {
        format!(
            "format = 1\n\n[[stage]]\nname = \"development\"\nrole = \"developer\"\n\n[[stage]]\nname = \"done\"\n\n[[edge]]\n\
             from = \"development\"\nto = \"done\"\n\n  [[edge.gate]]\n  name = \"security\"\n  plugin = \
             \"portcullis/security\"\n  version = \"^0.1\"\n  config = {{ allow = [{{ rule = \"aws-access-key\", reason = \
             \"{reason}\" }}] }}\n"
        )
    };
    branch.repo.commit_file(".portcullis/gates.toml", &manifest("the branch says so"));
    let red = branch.run("portcullis/security", &["--base", "main"]);
    assert_eq!(red.status.code(), Some(1), "{}", text(&red));
    branch.repo.switch("main");
    branch.repo.commit_file(".portcullis/gates.toml", &manifest("a sample"));
    let allowed = branch.run("portcullis/security", &["--base", "main", "--head", "work"]);
    assert_eq!(allowed.status.code(), Some(0), "{}", text(&allowed));
    assert!(text(&allowed).contains("a sample"), "what is allowed stays listed: {}", text(&allowed));
}

#[test]
fn what_cannot_be_judged_ends_with_3_and_what_cannot_be_used_with_2_and_a_remedy() {
    // GAT-1
    let branch = branch();
    let registry = OwnRegistry::with_hostile();
    let hostile = |config: &str| {
        let file = branch.repo.root().join("config.toml");
        std::fs::write(&file, config).unwrap();
        let more = ["--base", "main", "--registry", registry.folder().to_str().unwrap(), "--config"];
        let (folder, file) = (branch.repo.work(), file.to_str().unwrap().to_owned());
        let mut words = vec!["gate", "run", "test/hostile", "--repo", folder.to_str().unwrap()];
        words.extend(more);
        words.push(&file);
        portcullis(words)
    };
    let trapped = hostile("do = \"trap\"");
    assert_eq!(trapped.status.code(), Some(3), "{}", text(&trapped));
    assert!(text(&trapped).contains("the gate trapped"), "{}", text(&trapped));
    assert_eq!(hostile("do = \"pass\"").status.code(), Some(0));
    for (output, says) in [
        (hostile("do = "), "config.toml"),
        (branch.run("portcullis/security", &["--base", "nowhere"]), "--base"),
        (branch.run("portcullis/security", &["--head", "nowhere"]), "--head"),
        (branch.run("acme/none", &[]), "acme/none"),
        (portcullis(["gate", "run", "portcullis/security", "--repo", "/nowhere"]), "/nowhere"),
    ] {
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        assert!(text(&output).contains(says), "`{says}` is not in: {}", text(&output));
    }
    // What only a daemon knows is not made up.
    let no_forge = branch.run("portcullis/ci-green", &["--base", "main"]);
    assert_eq!(no_forge.status.code(), Some(3), "{}", text(&no_forge));
    assert!(text(&no_forge).contains("a local run asks no forge"), "{}", text(&no_forge));
}

#[test]
fn a_record_holds_everything_that_the_answer_follows_from_and_is_not_overwritten() {
    // GAT-6
    let branch = branch();
    let file = branch.repo.root().join("record.json");
    let recorded = branch.run("portcullis/security", &["--base", "main", "--record", file.to_str().unwrap()]);
    assert_eq!(recorded.status.code(), Some(1), "{}", text(&recorded));
    let record = std::fs::read_to_string(&file).unwrap();
    let record: Value = serde_json::from_str(&record).unwrap();
    assert_eq!((&record["format"], &record["subject"]["target"]), (&1.into(), &"main".into()));
    assert!(record["plugin"]["digest"].as_str().unwrap().starts_with("sha256:"));
    let functions: Vec<&str> =
        record["host_calls"].as_array().unwrap().iter().filter_map(|call| call["function"].as_str()).collect();
    assert!(functions.contains(&"merge-base") && functions.contains(&"commits"), "{functions:?}");
    let again = branch.run("portcullis/security", &["--base", "main", "--record", file.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(2), "{}", text(&again));
    assert!(text(&again).contains("not overwritten"), "{}", text(&again));
}
