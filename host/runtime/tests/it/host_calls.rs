//! What a gate is told, what is recorded of it, and that the same input gives the same answer.

use crate::support::{AT, FakeReads, Fixture, actor, doing, judge, judgement, plugin};
use portcullis_core::gate::Limits;
use portcullis_core::time::UnixMillis;
use serde_json::Value;
use std::sync::Arc;

#[tokio::test]
async fn every_read_answers_the_gate_and_is_recorded() {
    // GAT-6
    let fixture = Fixture::new();
    let gate = fixture.load(judge()).await;
    let report = fixture.evaluate(&gate, doing(r#"{"do":"read"}"#)).await;
    let told: Vec<&str> = judgement(&report).summary.lines().collect();
    let (a, b, c, d) = ("a".repeat(40), "b".repeat(40), "c".repeat(40), "d".repeat(40));
    let path = format!("{:?}", b"a.txt");
    assert_eq!(told[0], format!("Ok(\"{b}\")"));
    assert_eq!(told[1], "Ok(true)");
    assert_eq!(told[2], format!("Ok(\"{c}\")"));
    assert!(told[3].contains("not a name") && told[3].starts_with("Err("), "{}", told[3]);
    assert!(told[4].contains(&format!("id: \"{a}\", parents: [\"{b}\"], message: [102, 105, 120]")), "{}", told[4]);
    assert!(told[5].contains(&format!("path: {path}")) && told[5].contains("before: None"), "{}", told[5]);
    assert!(told[6].contains(&format!("before: Some(\"{b}\"), after: Some(\"{d}\"), size: 4")), "{}", told[6]);
    assert!(told[6].contains("Modified") && told[6].contains("Executable"), "{}", told[6]);
    assert!(told[7].contains("NotFound") && told[7].contains("a.txt"), "{}", told[7]);
    assert_eq!(told[8], format!("Ok((4, {:?}))", b"test"));
    assert!(told[9].contains("ci/test") && told[9].contains("Skipped"), "{}", told[9]);
    assert_eq!(told[10], "Ok([\"ci/main\"])");
    assert!(told[11].contains("number: 7, open: true, merged: false"), "{}", told[11]);
    assert!(told[12].contains("RateLimited(30)"), "{}", told[12]);
    assert!(told[13].contains("Malformed(\"15-staging-log.md\")"), "{}", told[13]);
    assert_eq!(told[14], format!("Ok({:?})", b"{}"));
    assert_eq!(told[15], "docs/ORCH-65");
    assert!(told[16].contains("org.opencontainers.image.revision"), "{}", told[16]);
    assert!(told[17].contains("approved: true, by: \"ada\", at-s: 8"), "{}", told[17]);
    assert!(told[18].contains("Unavailable(\"no unit\")"), "{}", told[18]);
    assert!(told[19].contains("imported-at-s: 7, records: 1, ecosystems: [\"npm\"]"), "{}", told[19]);
    assert_eq!(told[20], format!("Ok([(\"lodash\", {:?})])", b"[\"npm\"]"));
    assert!(told[21].contains("TooLarge"), "{}", told[21]);

    let text = String::from_utf8(report.transcript.clone()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // Twenty-two questions, one of which reads its object in three more answers (the last one empty).
    assert_eq!(lines.len(), 22 + 3);
    assert_eq!(report.host_calls, 22 + 3);
    let line = lines.iter().find(|line| line["function"] == "merge-base").unwrap();
    assert_eq!(line["interface"], "portcullis:read/repository@0.1.0");
    assert_eq!(line["arguments_digest"], plugin(format!("[\"{a}\",\"{b}\"]").as_bytes()).digest.as_str());
    assert_eq!(line["result"]["Ok"], b.as_str());
    assert!(lines.iter().all(|line| line["arguments_digest"].is_string() && !line["result"].is_null()));
}

#[tokio::test]
async fn the_same_input_gives_the_same_answer_and_the_same_record() {
    // GAT-6
    let fixture = Fixture::new();
    let gate = fixture.load(actor()).await;
    let config = r#"{"do":"random-and-clock"}"#;
    let first = fixture.evaluate(&gate, doing(config)).await;
    let second = fixture.evaluate(&gate, doing(config)).await;
    assert_eq!(judgement(&first), judgement(&second));
    assert_eq!(first.transcript, second.transcript);
    assert!(judgement(&first).summary.contains(&format!(" {} 0ns ", AT.0)), "{:?}", first.outcome);

    // Another moment or another subject is another chance.
    let mut later = doing(config);
    later.at = UnixMillis(AT.0 + 1);
    let mut elsewhere = doing(config);
    elsewhere.subject.pull_request = None;
    let [later, elsewhere] = [fixture.evaluate(&gate, later).await, fixture.evaluate(&gate, elsewhere).await];
    let chance = |report| judgement(report).summary.split(' ').next().unwrap().to_owned();
    assert!(chance(&later) != chance(&first) && chance(&elsewhere) != chance(&first));
    assert_ne!(chance(&later), chance(&elsewhere));
}

#[tokio::test]
async fn a_fresh_instance_answers_each_time() {
    // GAT-1
    let fixture = Fixture::new();
    let gate = fixture.load(actor()).await;
    let config = r#"{"do":"config","n":1}"#;
    let evaluations = (0..16).map(|_| fixture.runtime.evaluate(&gate, doing(config), Arc::new(FakeReads::default())));
    for report in evaluations {
        let report = report.await;
        assert_eq!(judgement(&report).summary, r#"{"do":"config","n":1}"#);
        assert!(report.memory_peak_bytes >= 1 << 16 && !report.duration.is_zero());
        assert!(report.transcript.is_empty() && report.log.is_empty());
    }
}

#[tokio::test]
async fn a_gate_tells_the_schema_of_its_configuration() {
    // GAT-1
    let fixture = Fixture::new();
    let gate = fixture.load(judge()).await;
    let schema = fixture.runtime.config_schema(&gate, Limits::default()).await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&schema).unwrap()["type"], "object");
}
