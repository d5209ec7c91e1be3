//! Promises about effects, the embedded forge and tracker, and what was found out.

use super::Shared;
use super::fixtures::*;
use crate::model::*;
use portcullis_core::effect::{NewEffect, OutboxState};
use portcullis_core::facts::{CheckState, TestRun};
use portcullis_core::ids::{OutboxId, ProjectName, TaskId, WorkItem};
use portcullis_core::step::Rest;
use portcullis_core::task::Change;
use portcullis_core::time::UnixMillis;

/// Commits `effects` with a rest.
async fn tell(store: &Shared, id: TaskId, effects: Vec<NewEffect>, now: UnixMillis) {
    let lease = drive(store, id, now).await;
    let rest = Change::Rest { rest: Rest::NoHead { role: None }, next_look_at: None };
    let mut commit = decided(&read(store, id).await, rest, now);
    commit.effects = effects;
    let _done = store.commit(&lease, commit).await.unwrap();
    store.release(lease, at(0)).await.unwrap();
}

async fn due(store: &Shared, now: UnixMillis) -> Vec<String> {
    store.due_effects(now, 100).await.unwrap().into_iter().map(|row| row.key).collect()
}

pub(super) async fn effects_of_one_key_are_one_effect(store: &Shared) {
    // I2
    let one = task(store, "A-1").await;
    let other = task_in(store, "beta", "B-1").await;
    tell(store, one, vec![comment("k", "first"), comment("k", "second")], at(1)).await;
    tell(store, one, vec![comment("k", "third")], at(2)).await;
    tell(store, other, vec![comment("k", "of another project")], at(3)).await;
    let rows = store.due_effects(at(9), 100).await.unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].effect, comment("k", "first").effect);
    assert_eq!((rows[0].task, rows[0].project.as_str(), rows[0].created_at), (one, "alpha", at(1)));
    // Nor is it written again after it was sent.
    assert!(store.delivered(rows[0].id, Delivery::Sent, at(10)).await.unwrap());
    tell(store, one, vec![comment("k", "fourth")], at(11)).await;
    assert_eq!(due(store, at(12)).await.len(), 1);
}

pub(super) async fn what_belongs_to_no_move_is_told_once_and_leaves_the_task_as_it_is(store: &Shared) {
    // I2, REC-5
    let id = task(store, "A-1").await;
    let before = read(store, id).await;
    assert!(store.tell(id, notify("n"), at(1)).await.unwrap());
    assert!(!store.tell(id, notify("n"), at(2)).await.unwrap());
    tell(store, id, vec![notify("n")], at(3)).await;
    let rows = store.due_effects(at(9), 100).await.unwrap();
    assert_eq!(rows.iter().map(|row| (row.key.as_str(), row.task)).collect::<Vec<_>>(), [("n", id)]);
    assert!(!store.tell(TaskId(99), notify("m"), at(4)).await.unwrap(), "there is no such task");
    let other = task(store, "A-2").await;
    assert!(store.tell(other, notify("o"), at(5)).await.unwrap());
    assert_eq!(before.version, 1);
    assert_eq!(read(store, other).await.version, 1);
}

pub(super) async fn effects_of_one_target_leave_in_order(store: &Shared) {
    let one = task(store, "A-1").await;
    let two = task(store, "A-2").await;
    let other = task_in(store, "beta", "B-1").await;
    tell(store, one, vec![comment("t1", "1"), notify("n1")], at(1)).await;
    tell(store, two, vec![comment("t2", "2"), notify("n2")], at(2)).await;
    tell(store, other, vec![comment("b1", "3")], at(3)).await;
    assert_eq!(due(store, at(0)).await, Vec::<String>::new());
    assert_eq!(due(store, at(3)).await, ["t1", "n1", "b1"], "one of each target of each project");
    assert_eq!(store.due_effects(at(3), 1).await.unwrap().len(), 1);
    let row = store.due_effects(at(3), 1).await.unwrap().remove(0);
    // Its tracker is down: what comes behind it waits, what goes elsewhere does not.
    let later = Delivery::Retry { reason: "503".to_owned(), not_before: at(1_000) };
    assert!(store.delivered(row.id, later, at(4)).await.unwrap());
    assert_eq!(due(store, at(999)).await, ["n1", "b1"]);
    let again = store.due_effects(at(1_000), 1).await.unwrap().remove(0);
    assert_eq!((again.id, again.attempts, again.reason.as_deref()), (row.id, 1, Some("503")));
    // Given up: the line goes on.
    assert!(store.delivered(row.id, Delivery::Parked { reason: "404".to_owned() }, at(1_001)).await.unwrap());
    assert_eq!(due(store, at(1_001)).await, ["n1", "t2", "b1"]);
    let parked = store.snapshot().await.unwrap().outbox_open.remove(0);
    assert_eq!((parked.id, parked.state, parked.attempts), (row.id, OutboxState::Parked, 2));
}

pub(super) async fn an_effect_is_settled_once(store: &Shared) {
    // I2
    let id = task(store, "A-1").await;
    tell(store, id, vec![comment("k", "text")], at(1)).await;
    let row = store.due_effects(at(1), 1).await.unwrap().remove(0);
    assert!(store.delivered(row.id, Delivery::Sent, at(2)).await.unwrap());
    for late in [
        Delivery::Sent,
        Delivery::Parked { reason: "late".to_owned() },
        Delivery::Retry { reason: "late".to_owned(), not_before: at(3) },
    ] {
        assert!(!store.delivered(row.id, late, at(3)).await.unwrap());
    }
    assert_eq!(due(store, at(9)).await, Vec::<String>::new());
    assert!(!store.delivered(OutboxId(9_999), Delivery::Sent, at(3)).await.unwrap());
}

pub(super) async fn a_branch_has_one_open_pull_request(store: &Shared) {
    let (alpha, beta) = (alpha(), ProjectName::new("beta"));
    let mut rivals = tokio::task::JoinSet::new();
    for number in 0..8 {
        let (store, alpha) = (store.clone(), alpha.clone());
        let title = format!("Title {number}");
        rivals.spawn(async move { store.open_pull_request(&alpha, "feature/a", "main", &title).await.unwrap() });
    }
    let opened = rivals.join_all().await;
    assert!(opened.iter().all(|pr| *pr == opened[0]), "{opened:?}");
    let first = &opened[0];
    assert_eq!((first.number, first.open, first.branch.as_str(), first.base.as_str()), (1, true, "feature/a", "main"));
    assert_eq!(store.open_pull_request(&alpha, "feature/b", "main", "b").await.unwrap().number, 2);
    assert_eq!(store.open_pull_request(&beta, "feature/a", "main", "a").await.unwrap().number, 1);
    store.pull_request_merged(&alpha, 1, &revision(9)).await.unwrap();
    // It is merged once (MRG-3).
    store.pull_request_merged(&alpha, 1, &revision(8)).await.unwrap();
    let merged = store.pull_request(&alpha, 1).await.unwrap().unwrap();
    assert_eq!((merged.open, merged.merge_commit), (false, Some(revision(9))));
    assert_eq!(store.open_pull_request(&alpha, "feature/a", "main", "again").await.unwrap().number, 3);
    assert_eq!(store.pull_request(&beta, 2).await.unwrap(), None);
    assert_eq!(store.pull_request(&beta, u64::MAX).await.unwrap(), None);
    store.pull_request_merged(&beta, 99, &revision(9)).await.unwrap_err();
}

pub(super) async fn the_newest_check_of_a_context_counts(store: &Shared) {
    // CIG-1
    let (alpha, head) = (alpha(), revision(1));
    let states = [
        CheckState::Pending,
        CheckState::Failure,
        CheckState::Error,
        CheckState::Warning,
        CheckState::Skipped,
        CheckState::Success,
    ];
    for state in states {
        store.put_check(&alpha, &head, check("ci/test", state, "words", at(1_000))).await.unwrap();
        let checks = store.checks(&alpha, &head).await.unwrap();
        assert_eq!(checks, [check("ci/test", state, "words", at(1_000))]);
    }
    // The clock was set back: it is the newest all the same.
    store.put_check(&alpha, &head, check("ci/test", CheckState::Failure, "late", at(-5_000))).await.unwrap();
    store.put_check(&alpha, &head, check("ci/lint", CheckState::Success, "", at(1))).await.unwrap();
    let contexts: Vec<(String, CheckState)> =
        store.checks(&alpha, &head).await.unwrap().into_iter().map(|c| (c.context, c.state)).collect();
    let expected = [("ci/lint".to_owned(), CheckState::Success), ("ci/test".to_owned(), CheckState::Failure)];
    assert_eq!(contexts, expected);
    assert_eq!(store.checks(&alpha, &revision(2)).await.unwrap(), []);
    assert_eq!(store.checks(&ProjectName::new("beta"), &head).await.unwrap(), []);
}

pub(super) async fn a_card_shows_its_state_and_each_comment_once(store: &Shared) {
    let (alpha, item, other) = (alpha(), WorkItem::new("A-1"), WorkItem::new("A-2"));
    assert_eq!(store.board_item(&alpha, &item).await.unwrap(), None);
    store.set_board_state(&alpha, &item, "analysis").await.unwrap();
    store.add_board_comment(&alpha, &item, "k1", "one", at(1)).await.unwrap();
    store.add_board_comment(&alpha, &item, "k2", "two", at(2)).await.unwrap();
    store.add_board_comment(&alpha, &item, "k1", "once more", at(3)).await.unwrap();
    store.set_board_state(&alpha, &item, "in_progress").await.unwrap();
    store.add_board_comment(&alpha, &other, "k1", "before any state", at(4)).await.unwrap();
    let card = store.board_item(&alpha, &item).await.unwrap().unwrap();
    assert_eq!(card.state, "in_progress");
    let said: Vec<(UnixMillis, &str)> = card.comments.iter().map(|c| (c.at, c.text.as_str())).collect();
    assert_eq!(said, [(at(1), "one"), (at(2), "two")]);
    assert_eq!(store.board_item(&alpha, &other).await.unwrap().unwrap().comments.len(), 1);
}

pub(super) async fn what_was_found_out_is_remembered(store: &Shared) {
    let (alpha, beta) = (alpha(), ProjectName::new("beta"));
    let run = |exit_code, at_s| TestRun { exit_code, output_tail: format!("tail {at_s}"), at_s };
    store.record_test_run(&alpha, "tests", "tree", run(1, 10)).await.unwrap();
    assert_eq!(store.test_run(&alpha, "tests", "tree").await.unwrap(), Some(run(1, 10)));
    store.record_test_run(&alpha, "tests", "tree", run(0, 20)).await.unwrap();
    assert_eq!(store.test_run(&alpha, "tests", "tree").await.unwrap(), Some(run(0, 20)));
    assert_eq!(store.test_run(&alpha, "lint", "tree").await.unwrap(), None);
    assert_eq!(store.test_run(&beta, "tests", "tree").await.unwrap(), None);
    // PLG-3
    assert_eq!(store.lock_of(&alpha).await.unwrap(), None);
    store.put_lock(&alpha, "format = 1\n").await.unwrap();
    store.put_lock(&alpha, "format = 2\n").await.unwrap();
    assert_eq!(store.lock_of(&alpha).await.unwrap().as_deref(), Some("format = 2\n"));
    assert_eq!(store.lock_of(&beta).await.unwrap(), None);
}
