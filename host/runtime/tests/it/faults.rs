//! Each misbehaviour is its own fault, and a gate that behaves is judged by right afterwards, on the same runtime.

use crate::support::{FakeReads, Fixture, actor, doing, fault, judge, judgement, limited};
use portcullis_core::gate::{Fault, Limits, Refusal, Verdict};
use std::sync::Arc;

/// The fault that this deed comes to under these limits; afterwards all is well.
async fn after(config: &str, limits: Limits) -> Fault {
    let fixture = Fixture::new();
    let gate = fixture.load(actor()).await;
    let report = fixture.evaluate(&gate, limited(config, limits)).await;
    fixture.is_well(&gate).await;
    fault(&report).clone()
}

#[tokio::test]
async fn a_trap_is_a_fault() {
    // GAT-1
    let found = after(r#"{"do":"trap"}"#, Limits::default()).await;
    assert!(matches!(&found, Fault::Trap { trap } if trap.contains("unreachable")), "{found:?}");
}

#[tokio::test]
async fn leaving_without_an_answer_is_a_trap() {
    // GAT-1
    let found = after(r#"{"do":"exit"}"#, Limits::default()).await;
    assert!(matches!(&found, Fault::Trap { trap } if trap.contains("exit")), "{found:?}");
}

#[tokio::test]
async fn an_endless_loop_ends_at_the_processor_limit() {
    // GAT-1
    let limits = Limits { cpu_ms: 40, ..Limits::default() };
    assert_eq!(after(r#"{"do":"loop"}"#, limits).await, Fault::CpuLimit { limit_ms: 40 });
}

#[tokio::test]
async fn an_endless_loop_ends_at_the_wall_limit_if_that_comes_first() {
    // GAT-1
    let limits = Limits { wall_ms: 40, ..Limits::default() };
    assert_eq!(after(r#"{"do":"loop"}"#, limits).await, Fault::WallLimit { limit_ms: 40 });
}

#[tokio::test]
async fn sleeping_ends_at_the_wall_limit_and_costs_no_processor_time() {
    // GAT-1
    let limits = Limits { wall_ms: 60, cpu_ms: 30, ..Limits::default() };
    assert_eq!(after(r#"{"do":"sleep"}"#, limits).await, Fault::WallLimit { limit_ms: 60 });
}

#[tokio::test]
async fn a_memory_bomb_ends_at_the_memory_limit() {
    // GAT-1
    let limits = Limits { memory_mib: 16, ..Limits::default() };
    assert_eq!(after(r#"{"do":"memory"}"#, limits).await, Fault::MemoryLimit { limit_mib: 16 });
}

#[tokio::test]
async fn a_gate_that_takes_no_for_an_answer_has_still_hit_the_memory_limit() {
    // GAT-1
    assert_eq!(after(r#"{"do":"memory-then-loop"}"#, Limits::default()).await, Fault::MemoryLimit { limit_mib: 256 });
}

#[tokio::test]
async fn no_gate_gets_more_memory_than_the_host_allows_whatever_its_manifest_says() {
    // GAT-1
    let fixture = Fixture::with(|config| config.max_memory_mib = 8);
    let gate = fixture.load(actor()).await;
    let limits = Limits { memory_mib: 4_000, ..Limits::default() };
    let report = fixture.evaluate(&gate, limited(r#"{"do":"memory"}"#, limits)).await;
    assert_eq!(fault(&report), &Fault::MemoryLimit { limit_mib: 8 });
    assert!(report.memory_peak_bytes <= 8 << 20 && report.memory_peak_bytes > 1 << 20, "{}", report.memory_peak_bytes);
}

#[tokio::test]
async fn a_recursion_without_end_is_a_stack_overflow() {
    // GAT-1
    assert_eq!(after(r#"{"do":"stack"}"#, Limits::default()).await, Fault::StackOverflow { limit_kib: 512 });
}

#[tokio::test]
async fn too_many_findings_are_an_output_limit() {
    // GAT-1
    let found = after(r#"{"do":"findings","count":1001}"#, Limits::default()).await;
    assert_eq!(found, Fault::OutputLimit { what: "findings".to_owned(), limit: 1_000 });
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_an_output_limit_however_long_it_is() {
    // GAT-1
    let expected = Fault::OutputLimit { what: "KiB".to_owned(), limit: 1_024 };
    assert_eq!(after(r#"{"do":"output","count":1048577}"#, Limits::default()).await, expected);
    assert_eq!(after(r#"{"do":"output","count":60000000}"#, Limits::default()).await, expected);
}

#[tokio::test]
async fn an_answer_that_is_not_what_its_type_promises_is_malformed() {
    // GAT-1
    let found = after(r#"{"do":"not-text"}"#, Limits::default()).await;
    assert!(matches!(found, Fault::MalformedAnswer { .. }), "{found:?}");
}

#[tokio::test]
async fn a_flood_of_host_calls_ends_at_its_limit() {
    // GAT-1
    let limits = Limits { host_calls: 500, ..Limits::default() };
    assert_eq!(after(r#"{"do":"host-calls","count":501}"#, limits).await, Fault::HostCallLimit { limit: 500 });
    let fixture = Fixture::new();
    let gate = fixture.load(actor()).await;
    let report = fixture.evaluate(&gate, limited(r#"{"do":"host-calls","count":500}"#, limits)).await;
    assert_eq!((judgement(&report).verdict, report.host_calls), (Verdict::Pass, 500));
}

#[tokio::test]
async fn a_huge_argument_is_refused_before_the_host_copies_it() {
    // GAT-1
    let found = after(r#"{"do":"huge-argument","count":60000000}"#, Limits::default()).await;
    assert!(matches!(found, Fault::Trap { .. }), "{found:?}");
}

#[tokio::test]
async fn holding_more_than_a_thousand_things_of_the_host_ends_a_gate() {
    // GAT-1
    let found = after(r#"{"do":"blobs","count":5000}"#, Limits::default()).await;
    assert!(matches!(found, Fault::Trap { .. }), "{found:?}");
}

#[tokio::test]
async fn actionable_from_a_gate_that_cannot_act_is_malformed() {
    // GAT-1
    let fixture = Fixture::new();
    let (judge, actor) = (fixture.load(judge()).await, fixture.load(actor()).await);
    assert!(!judge.can_act() && actor.can_act());
    let report = fixture.evaluate(&judge, doing(r#"{"do":"actionable"}"#)).await;
    assert!(matches!(fault(&report), Fault::MalformedAnswer { .. }), "{:?}", report.outcome);
    let report = fixture.evaluate(&actor, doing(r#"{"do":"actionable"}"#)).await;
    assert_eq!(judgement(&report).verdict, Verdict::Actionable);
}

#[tokio::test]
async fn a_refusal_and_an_unusable_configuration_are_faults_with_the_gates_own_words() {
    // GAT-1
    let found = after(r#"{"do":"refuse"}"#, Limits::default()).await;
    assert_eq!(found, Fault::Refused { refusal: Refusal::Unavailable("the moon".to_owned()) });
    let found = after("not json", Limits::default()).await;
    assert!(matches!(&found, Fault::Refused { refusal: Refusal::BadConfig(why) } if why.contains("do")), "{found:?}");
}

#[tokio::test]
async fn a_host_that_panics_is_a_fault_of_the_host_and_brings_nothing_down() {
    // GAT-1
    let fixture = Fixture::new();
    let gate = fixture.load(actor()).await;
    let reads = FakeReads { panics: true, ..FakeReads::default() };
    let report = fixture.runtime.evaluate(&gate, doing(r#"{"do":"host-calls"}"#), Arc::new(reads)).await;
    assert!(
        matches!(fault(&report), Fault::Host { detail } if detail.contains("folder") && !detail.contains("as told")),
        "{:?}",
        report.outcome
    );
    fixture.is_well(&gate).await;
}

#[tokio::test]
async fn a_host_that_panics_outside_a_recorded_call_is_a_fault_of_the_host_too() {
    // GAT-1
    let fixture = Fixture::new();
    let gate = fixture.load(actor()).await;
    let reads = FakeReads { panics: true, ..FakeReads::default() };
    let report = fixture.runtime.evaluate(&gate, doing(r#"{"do":"read"}"#), Arc::new(reads)).await;
    assert!(matches!(fault(&report), Fault::Host { .. }), "{:?}", report.outcome);
    fixture.is_well(&gate).await;
}

#[tokio::test]
async fn what_a_gate_logs_and_prints_is_kept_and_cut_and_never_ends_it() {
    // GAT-1
    let fixture = Fixture::new();
    let gate = fixture.load(actor()).await;
    let report = fixture.evaluate(&gate, doing(r#"{"do":"print","count":3}"#)).await;
    assert_eq!((judgement(&report).verdict, report.log.as_str()), (Verdict::Pass, "out\nerr\n".repeat(3).as_str()));
    for flood in [r#"{"do":"print","count":20000}"#, r#"{"do":"log","count":1000000}"#] {
        let report = fixture.evaluate(&gate, doing(flood)).await;
        assert_eq!(judgement(&report).verdict, Verdict::Pass);
        assert!(report.log.len() < 70_000 && report.log.contains("truncated"), "{}", report.log.len());
    }
}
