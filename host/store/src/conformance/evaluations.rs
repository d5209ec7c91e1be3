//! Promises about what gates have said (GAT-6, GAT-8).

use super::Shared;
use super::fixtures::*;
use crate::model::*;
use portcullis_core::gate::{Call, Evaluation, Fault, Mode, OnFault, Outcome, Verdict};
use portcullis_core::ids::{EvaluationId, TaskId};
use portcullis_core::step::Rest;
use portcullis_core::task::Change;
use portcullis_core::time::UnixMillis;

/// Commits `evaluations` on a task that rests otherwise.
async fn heard(store: &Shared, id: TaskId, evaluations: Vec<Evaluation>, now: UnixMillis) {
    let lease = drive(store, id, now).await;
    let rest = Change::Rest { rest: Rest::NoHead { role: None }, next_look_at: None };
    let mut commit = decided(&read(store, id).await, rest, now);
    commit.evaluations = evaluations;
    let _done = store.commit(&lease, commit).await.unwrap();
    store.release(lease, at(0)).await.unwrap();
}

fn faulted(now: UnixMillis) -> Evaluation {
    let mut evaluation = evaluation(Verdict::Pass, now);
    evaluation.report.outcome = Outcome::Faulted(Fault::Trap { trap: "unreachable".to_owned() });
    evaluation.report.transcript = (0..=255).cycle().take(300_000).collect();
    evaluation.call = Call::Act;
    evaluation.mode = Mode::Shadow;
    evaluation.on_fault = OnFault::Open;
    evaluation
}

pub(super) async fn an_evaluation_comes_back_bit_for_bit(store: &Shared) {
    // GAT-6
    let id = task(store, "A-1").await;
    let said = vec![evaluation(Verdict::Actionable, at(10)), faulted(at(11))];
    heard(store, id, said.clone(), at(12)).await;
    let ids: Vec<EvaluationId> =
        store.evaluations_of_visit(id).await.unwrap().into_iter().filter_map(|e| e.id).collect();
    assert_eq!(ids.len(), 2);
    for (id, said) in ids.into_iter().zip(said) {
        let kept = store.evaluation(id).await.unwrap().unwrap();
        assert_eq!(kept, Evaluation { id: Some(id), ..said });
    }
    assert_eq!(store.evaluation(EvaluationId(9_999)).await.unwrap(), None);
}

pub(super) async fn lists_leave_the_transcript_out(store: &Shared) {
    let one = task(store, "A-1").await;
    let two = task_in(store, "beta", "B-1").await;
    heard(store, one, vec![faulted(at(1)), evaluation(Verdict::Fail, at(2))], at(3)).await;
    heard(store, two, vec![evaluation(Verdict::Pass, at(4))], at(5)).await;
    let list = store.evaluations(Filter::default()).await.unwrap();
    assert_eq!(list.iter().map(|e| e.at).collect::<Vec<_>>(), [at(4), at(2), at(1)], "newest first");
    assert!(list.iter().all(|e| e.report.transcript.is_empty() && e.report.log.is_empty()));
    let times = |list: Vec<Evaluation>| list.into_iter().map(|e| e.at).collect::<Vec<_>>();
    let of_alpha = Filter { project: Some(alpha()), ..Filter::default() };
    assert_eq!(times(store.evaluations(of_alpha.clone()).await.unwrap()), [at(2), at(1)]);
    assert_eq!(times(store.evaluations(Filter { limit: 1, ..of_alpha.clone() }).await.unwrap()), [at(2)]);
    assert_eq!(times(store.evaluations(Filter { task: Some(two), ..Filter::default() }).await.unwrap()), [at(4)]);
    assert_eq!(times(store.evaluations(Filter { task: Some(two), ..of_alpha }).await.unwrap()), []);
    let counted: Vec<(String, i64)> =
        store.snapshot().await.unwrap().evaluations.into_iter().filter(|(_, n)| *n > 0).collect();
    assert_eq!(counted, [("fail".to_owned(), 1), ("fault".to_owned(), 1), ("pass".to_owned(), 1)]);
}

pub(super) async fn only_evaluations_of_this_visit_since_the_release_count(store: &Shared) {
    // GAT-8
    let id = task(store, "A-1").await;
    heard(store, id, vec![evaluation(Verdict::Pending, at(1)), evaluation(Verdict::Pass, at(2))], at(3)).await;
    let verdicts = async |store: &Shared| -> Vec<UnixMillis> {
        store.evaluations_of_visit(id).await.unwrap().into_iter().map(|e| e.at).collect()
    };
    assert_eq!(verdicts(store).await, [at(1), at(2)], "oldest first");
    let held = portcullis_core::task::Held { reason: "stop".to_owned(), since: at(4), by: "ada".to_owned() };
    change(store, id, Change::Hold { held, returns: 0 }, at(4)).await;
    change(store, id, Change::Release { again: false }, at(5)).await;
    assert_eq!(verdicts(store).await, []);
    heard(store, id, vec![evaluation(Verdict::Pass, at(5))], at(6)).await;
    assert_eq!(verdicts(store).await, [at(5)], "made in the very millisecond of the release");
    change(store, id, advance("architecture", None), at(5)).await;
    assert_eq!(verdicts(store).await, [], "another visit, whatever the clock says");
    assert_eq!(store.evaluations_of_visit(TaskId(9_999)).await.unwrap(), []);
}

pub(super) async fn what_a_plugin_said_last_is_known_beyond_the_visit_and_only_where_it_counted(store: &Shared) {
    // IMG-2
    let (id, other) = (task(store, "A-1").await, task(store, "A-2").await);
    let security = evaluation(Verdict::Pass, at(1)).plugin.name;
    let last = async || store.last_enforced(id, &security).await.unwrap().map(|e| (e.at, e.report.outcome));
    assert_eq!(last().await, None);
    let said = [evaluation(Verdict::Fail, at(1)), evaluation(Verdict::Pass, at(2))];
    let shadow = Evaluation { mode: Mode::Shadow, ..evaluation(Verdict::Fail, at(3)) };
    let mut somebody_else = evaluation(Verdict::Fail, at(4));
    somebody_else.plugin.name = portcullis_core::ids::PluginName::new("acme/other");
    heard(store, id, [said.to_vec(), vec![shadow, somebody_else]].concat(), at(5)).await;
    heard(store, other, vec![evaluation(Verdict::Fail, at(6))], at(7)).await;
    store.record_observation(id, &evaluation(Verdict::Fail, at(8))).await.unwrap();
    let passed = Some((at(2), said[1].report.outcome.clone()));
    assert_eq!(last().await, passed);
    change(store, id, advance("architecture", None), at(9)).await;
    assert_eq!(last().await, passed, "from an earlier visit");
    assert_eq!(store.last_enforced(TaskId(9_999), &security).await.unwrap(), None);
}
