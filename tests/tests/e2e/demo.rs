//! The demo as people and scripts start it.

use portcullis_e2e::daemon::portcullis;
use serde_json::Value;

#[test]
fn the_demo_takes_a_work_item_all_the_way_and_says_so_as_one_json_object() {
    // STG-1, STG-3, SEC-5, MRG-1, STV-2
    let output = portcullis(["demo", "--json"]);
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{out}\n{err}");
    let mut values = serde_json::Deserializer::from_str(&out).into_iter::<Value>();
    let told = values.next().expect("there is an object").expect("it is JSON");
    assert!(values.next().is_none(), "nothing else is on standard output: {out}");

    let stages: Vec<&str> = told["stages"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let way = ["analysis", "architecture", "development", "review", "testing", "deploy-staging"];
    assert_eq!(stages[..6], way);
    assert_eq!(stages[6..], ["development", "review", "testing", "deploy-staging", "deploy", "done"]);
    assert_eq!(told["returns"], 1);
    let merge = told["merge_commit"].as_str().unwrap();
    assert!(merge.len() == 40 && merge.bytes().all(|b| b.is_ascii_hexdigit()), "{merge}");
    assert!(told["counts"].is_object() && told["elapsed_ms"].as_u64().unwrap() > 0, "{told:#}");

    let evaluations = told["evaluations"].as_array().unwrap();
    for evaluation in evaluations {
        for field in ["gate", "plugin", "version", "digest", "from", "to", "verdict"] {
            assert!(evaluation[field].is_string(), "{field} of {evaluation:#}");
        }
        assert!(evaluation["findings"].is_array() && evaluation["duration_us"].as_u64().unwrap() > 0, "{evaluation:#}");
    }
    let verdicts = |gate: &str| -> Vec<&str> {
        let of_gate = evaluations.iter().filter(|e| e["gate"] == gate && e["call"] == "evaluate");
        of_gate.filter_map(|e| e["verdict"].as_str()).collect()
    };
    assert_eq!(verdicts("security").first(), Some(&"fail"));
    assert_eq!(verdicts("security").last(), Some(&"pass"));
    assert_eq!(verdicts("merge-gate").first(), Some(&"actionable"), "the target had moved");
    assert_eq!(verdicts("merge-gate").last(), Some(&"pass"));
    assert!(verdicts("ci-green").contains(&"pending"), "CI was pending first");
    let waived =
        evaluations.iter().any(|e| e["gate"] == "staging-verdict" && e["evidence"].to_string().contains("waived"));
    assert!(waived, "a failed check of the sandbox was waived");

    let found = evaluations.iter().find(|e| e["verdict"] == "fail").unwrap();
    assert!(!found["findings"].as_array().unwrap().is_empty());
    let key = ["AKIA", "R4J2X7KQ", "3VN6TZWB"].concat();
    assert!(!out.contains(&key) && !err.contains(&key), "no secret is told");
}
