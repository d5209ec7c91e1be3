//! No gate notices another (I5), and none has what it was not given (GAT-3, GAT-5).

use crate::support::{FakeActs, FakeReads, Fixture, actor, doing, fault, judge, judgement, limited};
use portcullis_core::gate::{Fault, Limits, Verdict};
use std::sync::Arc;
use tokio::sync::Notify;

#[tokio::test]
async fn while_gates_loop_on_every_thread_another_is_evaluated() {
    // GAT-1, I5
    let fixture = Fixture::with(|config| config.guest_threads = 1);
    let gate = fixture.load(actor()).await;
    // Far more than the test may take, so that it is the other evaluation that comes back first or the test that fails.
    let limits = Limits { cpu_ms: 600_000, wall_ms: 600_000, ..Limits::default() };
    let looping: Vec<_> = (0..3)
        .map(|_| {
            let (runtime, gate) = (fixture.runtime.clone(), Arc::clone(&gate));
            tokio::spawn(async move {
                runtime.evaluate(&gate, limited(r#"{"do":"loop"}"#, limits), Arc::new(FakeReads::default())).await
            })
        })
        .collect();
    for _ in 0..20 {
        fixture.is_well(&gate).await;
    }
    for evaluation in &looping {
        assert!(!evaluation.is_finished());
        evaluation.abort();
    }
    // Dropping the wait ends the guest: all slots come free again.
    let waiting = (0..8).map(|_| fixture.is_well(&gate));
    for evaluation in waiting {
        evaluation.await;
    }
}

#[tokio::test]
async fn without_a_free_slot_within_its_wall_time_a_gate_is_told_to_come_again() {
    // GAT-1
    let fixture = Fixture::with(|config| config.slots = 1);
    let gate = fixture.load(actor()).await;
    let reads = Arc::new(FakeReads { wait: Some(Notify::new()), ..FakeReads::default() });
    let (runtime, held, theirs) = (fixture.runtime.clone(), Arc::clone(&gate), Arc::clone(&reads));
    let first = tokio::spawn(async move { runtime.evaluate(&held, doing(r#"{"do":"host-calls"}"#), theirs).await });
    reads.entered.notified().await;

    let limits = Limits { wall_ms: 20, ..Limits::default() };
    let second = fixture.evaluate(&gate, limited(r#"{"do":"pass"}"#, limits)).await;
    assert_eq!(fault(&second), &Fault::PoolExhausted);
    assert!(fault(&second).is_transient());

    reads.wait.as_ref().unwrap().notify_one();
    assert_eq!(judgement(&first.await.unwrap()).verdict, Verdict::Pass);
    fixture.is_well(&gate).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_evaluations_than_slots_all_get_their_turn_whatever_some_of_them_do() {
    // GAT-1
    let fixture = Fixture::with(|config| config.slots = 3);
    let gate = fixture.load(actor()).await;
    let limits = Limits { cpu_ms: 20, memory_mib: 8, ..Limits::default() };
    let deeds = ["pass", "trap", "pass", "loop", "pass", "memory", "pass", "stack"];
    let evaluations: Vec<_> = (0..48)
        .map(|turn| {
            let (runtime, gate, deed) = (fixture.runtime.clone(), Arc::clone(&gate), deeds[turn % deeds.len()]);
            tokio::spawn(async move {
                let call = limited(&format!(r#"{{"do":"{deed}"}}"#), limits);
                (deed, runtime.evaluate(&gate, call, Arc::new(FakeReads::default())).await)
            })
        })
        .collect();
    for evaluation in evaluations {
        let (deed, report) = evaluation.await.unwrap();
        match deed {
            "pass" => assert_eq!(judgement(&report).verdict, Verdict::Pass),
            "trap" => assert!(matches!(fault(&report), Fault::Trap { .. })),
            "loop" => assert_eq!(fault(&report), &Fault::CpuLimit { limit_ms: 20 }),
            "memory" => assert_eq!(fault(&report), &Fault::MemoryLimit { limit_mib: 8 }),
            _ => assert_eq!(fault(&report), &Fault::StackOverflow { limit_kib: 512 }),
        }
    }
}

#[tokio::test]
async fn an_evaluation_has_no_effect_whatever_the_gate_calls() {
    // GAT-3, I4
    let fixture = Fixture::new();
    let gate = fixture.load(actor()).await;
    let report = fixture.evaluate(&gate, doing(r#"{"do":"act"}"#)).await;
    let summary = &judgement(&report).summary;
    assert_eq!(summary.matches("denied").count() + summary.matches("Denied").count(), 4, "{summary}");
    assert_eq!(report.host_calls, 4);
}

#[tokio::test]
async fn acting_reaches_the_effects_and_is_recorded() {
    // GAT-3
    let fixture = Fixture::new();
    let gate = fixture.load(actor()).await;
    let acts = Arc::new(FakeActs::default());
    let report = fixture
        .runtime
        .act(&gate, doing(r#"{"do":"act"}"#), Arc::new(FakeReads::default()), Arc::clone(&acts) as _)
        .await;
    assert_eq!(judgement(&report).verdict, Verdict::Pass);
    assert_eq!(*acts.done.lock().unwrap(), ["catch-up", "run t", "write a.md: mine", "publish"]);
    assert_eq!(String::from_utf8(report.transcript).unwrap().lines().count(), 4);
}

#[tokio::test]
async fn a_gate_without_act_is_not_asked_to_act() {
    // GAT-3
    let fixture = Fixture::new();
    let gate = fixture.load(judge()).await;
    let acts = Arc::new(FakeActs::default());
    let report = fixture
        .runtime
        .act(&gate, doing(r#"{"do":"pass"}"#), Arc::new(FakeReads::default()), Arc::clone(&acts) as _)
        .await;
    assert!(matches!(fault(&report), Fault::WrongContract { .. }), "{:?}", report.outcome);
    assert!(acts.done.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_gate_finds_no_file_no_variable_no_argument_and_no_socket() {
    // GAT-5
    let fixture = Fixture::new();
    let gate = fixture.load(actor()).await;
    let report = fixture.evaluate(&gate, doing(r#"{"do":"files-and-network"}"#)).await;
    assert_eq!(judgement(&report).summary, "file true; folder true; variables 0; arguments 0; socket true");
}
