//! The dependency audit inside the running daemon, with a database that an operator has imported, and without one.

use crate::gates::{ONE_RETURN, edge, evaluations, gate, manifest, until_said};
use portcullis_e2e::daemon::portcullis;
use portcullis_e2e::{Daemon, Scene};
use serde_json::{Value, json};

/// Adds a package to the lockfile that is there; the work item says which.
const ADDS: &str = r#"
set -eu
case $PORTCULLIS_WORK_ITEM in
    LODASH*) package=lodash version=4.17.15 ;;
    *) package=$(echo "$PORTCULLIS_WORK_ITEM" | tr A-Z a-z) version=1.3.0 ;;
esac
sed -i "s|\"packages\": {|&\n    \"node_modules/$package\": {\"version\": \"$version\"},|" web/package-lock.json
"#;

/// What the target pins already; an advisory is about it too.
const ON_TARGET: &str = "{\n  \"lockfileVersion\": 3,\n  \"packages\": {\n    \"node_modules/minimist\": {\"version\": \"0.0.8\"}\n  }\n}\n";

fn scene(config: &str) -> Scene {
    let security = gate("security", "portcullis/security", "^0.1", config);
    let scene = Scene::builder()
        .manifest(&manifest(&["done"], &(edge("development", "done") + "merge = true\n" + &security)))
        .role("developer", ADDS)
        .settings(ONE_RETURN)
        .build();
    scene.repo.commit_file("web/package-lock.json", ON_TARGET);
    scene
}

fn advisory(id: &str, name: &str, fixed: &str) -> Value {
    json!({
        "schema_version": "1.6.0", "id": id, "modified": "2026-01-01T00:00:00Z",
        "aliases": [format!("CVE-2026-{name}")], "summary": format!("a hole in {name}"),
        "database_specific": { "severity": "HIGH" },
        "affected": [{
            "package": { "ecosystem": "npm", "name": name },
            "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": fixed }] }],
        }],
    })
}

/// `portcullis advisories import`, as the operator of this daemon does it.
fn import(scene: &Scene, records: &[Value]) {
    let folder = tempfile::tempdir().unwrap();
    for record in records {
        let name = format!("{}.json", record["id"].as_str().unwrap());
        std::fs::write(folder.path().join(name), record.to_string()).unwrap();
    }
    let (from, to) = (folder.path().to_str().unwrap(), scene.home().join("advisories.db"));
    let output = portcullis(["advisories", "import", from, "--database", to.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// How the task ended, and the security gate's last word.
fn judged(daemon: &Daemon, id: i64, rest: &str) -> Value {
    let shown = daemon.until_rests(id, rest);
    evaluations(&shown, "security").pop().unwrap()
}

/// Severity, path and message of the findings of a rule.
fn of_rule<'a>(evaluation: &'a Value, rule: &str) -> Vec<[&'a str; 3]> {
    let all = evaluation["findings"].as_array().unwrap().iter().filter(|finding| finding["rule"] == rule);
    all.map(|finding| ["severity", "path", "message"].map(|key| finding[key].as_str().unwrap_or_default())).collect()
}

const VULNERABLE: &str = "vulnerable-dependency";
const LOCKFILE: &str = "web/package-lock.json";

#[test]
fn a_vulnerable_package_fails_if_the_branch_brings_it_and_is_a_note_if_the_target_has_it() {
    // SEC-3, SEC-4
    let scene = scene("");
    let known =
        [advisory("GHSA-1111-1111-1111", "lodash", "4.17.19"), advisory("GHSA-2222-2222-2222", "minimist", "1.2.6")];
    import(&scene, &known);
    let daemon = scene.start();
    let (new, clean) = (daemon.new_task("LODASH"), daemon.new_task("LEFT-PAD"));
    let there = [
        "note",
        LOCKFILE,
        "was there before: minimist 0.0.8 (npm) has GHSA-2222-2222-2222 (CVE-2026-minimist), high: a hole in minimist; fixed in 1.2.6",
    ];
    let failed = judged(&daemon, new, "held");
    assert_eq!(failed["verdict"], "fail");
    let brought = [
        "error",
        LOCKFILE,
        "lodash 4.17.15 (npm) has GHSA-1111-1111-1111 (CVE-2026-lodash), high: a hole in lodash; fixed in 4.17.19",
    ];
    assert_eq!(of_rule(&failed, VULNERABLE), [brought, there]);
    let passed = judged(&daemon, clean, "finished");
    assert_eq!((&passed["verdict"], of_rule(&passed, VULNERABLE)), (&json!("pass"), vec![there]));

    // A new database counts for the next evaluation of the daemon that runs.
    import(&scene, &[advisory("GHSA-3333-3333-3333", "lodash", "4.17.20")]);
    let failed = judged(&daemon, daemon.new_task("LODASH-AGAIN"), "held");
    let found = of_rule(&failed, VULNERABLE);
    assert!(found.len() == 1 && found[0][2].contains("GHSA-3333-3333-3333"), "{failed:#}");
}

const UNAVAILABLE: &str = "advisories-unavailable";

#[test]
fn an_audit_that_nobody_answers_passes_with_a_loud_warning_and_where_it_is_strict_it_fails() {
    // SEC-3
    // A name that nobody has, and an address of the house: granted, but the host sends nothing there.
    let scene = scene("  grant.network = [\"advisories.invalid\", \"127.0.0.1\"]\n");
    let daemon = scene.start();
    let asked = |work_item: &str, config: &Value| daemon.new_task_in("demo", work_item, &json!({ "security": config }));
    let online = |url: &str| json!({ "advisories": "online", "advisories-url": url });
    let strict = |config: &Value| {
        let mut config = config.clone();
        config["dependency-audit"] = json!("strict");
        config
    };
    let sources = [
        ("NO-DATABASE", json!({ "advisories": "offline" })),
        ("NO-NAME", online("https://advisories.invalid")),
        ("OWN-HOUSE", online("https://127.0.0.1:9")),
        ("NOT-GRANTED", online("https://elsewhere.invalid")),
    ];
    for (work_item, config) in &sources {
        let failed = judged(&daemon, asked(&format!("LODASH-{work_item}"), &strict(config)), "held");
        assert_eq!((&failed["verdict"], of_rule(&failed, UNAVAILABLE)[0][0]), (&json!("fail"), "error"), "{failed:#}");
        let id = asked(work_item, config);
        let passed = judged(&daemon, id, "finished");
        let found = of_rule(&passed, UNAVAILABLE);
        assert_eq!((&passed["verdict"], found[0][0]), (&json!("pass"), "warning"), "{passed:#}");
        assert!(passed["summary"].as_str().unwrap().starts_with("DEPENDENCIES NOT AUDITED; "), "{passed:#}");
        let said =
            "**Warning:** gate security: [warning] advisories-unavailable: the dependencies were not audited, 1 new";
        until_said(&daemon, id, said);
    }
}

#[test]
fn a_database_that_is_damaged_is_none_and_never_a_clean_answer() {
    // SEC-3
    let scene = scene("  config = { dependency-audit = \"strict\" }\n");
    import(&scene, &[advisory("GHSA-1111-1111-1111", "lodash", "4.17.19")]);
    let file = scene.home().join("advisories.db");
    let whole = std::fs::read(&file).unwrap();
    let daemon = scene.start();
    // Were it believed, the advisory would be about older versions only.
    let at = whole.windows(7).position(|text| text == b"4.17.19").expect("it holds the advisory as it was");
    let altered = [&whole[..at], b"4.17.10", &whole[at + 7..]].concat();
    let damages: [(&str, Vec<u8>); 4] = [
        ("EMPTY", Vec::new()),
        ("CUT", whole[..whole.len() / 2].to_vec()),
        ("GARBAGE", vec![b'x'; whole.len()]),
        ("ALTERED", altered),
    ];
    for (work_item, bytes) in damages {
        std::fs::write(&file, bytes).unwrap();
        let failed = judged(&daemon, daemon.new_task(&format!("LODASH-{work_item}")), "held");
        assert_eq!(failed["verdict"], "fail", "{work_item}: {failed:#}");
        let said = of_rule(&failed, UNAVAILABLE);
        assert!(said.len() == 1 && said[0][2].contains("import it anew"), "{work_item}: {failed:#}");
    }
}
