//! The reconciler's guards, what a board's items mean, and stray CI events, by table and by property.

use crate::support::{START, Scene, act, advance, approval, job, judge, rev, secs};
use portcullis_core::effect::TrackerState;
use portcullis_core::ids::{ProjectName, TaskId};
use portcullis_core::job::JobState;
use portcullis_core::pause::{Pause, PauseScope, Pauses};
use portcullis_core::reconcile::{
    DryLook, Finding, Guard, ItemState, Known, Mark, OnBoard, POLLED, Polled, ReconcileRules, Skip, StateGroup, Stray,
    found_on_board, guard, stray_check,
};
use portcullis_core::step::{Rest, Step};
use portcullis_core::task::{Decision, Feedback, Held, MergeIntent, Task};
use portcullis_core::time::UnixMillis;
use proptest::prelude::*;

fn rules() -> ReconcileRules {
    ReconcileRules {
        skip_blocked: true,
        grace: secs(300),
        stage_grace: [("testing".into(), secs(60)), ("review".into(), secs(900))].into(),
        approved_stages: vec!["analysis".into()],
    }
}

fn task_in(stage: &str) -> Task {
    Scene::leaving(stage, vec![]).task
}

fn held(since: UnixMillis) -> Option<Held> {
    Some(Held { reason: "three returns".to_owned(), since, by: "portcullis".to_owned() })
}

/// An item in a state of the tracker's own group.
fn item(state: TrackerState) -> ItemState {
    let group = match state {
        TrackerState::ToAnalyse => StateGroup::Unstarted,
        TrackerState::Done => StateGroup::Completed,
        TrackerState::Cancelled => StateGroup::Cancelled,
        _ => StateGroup::Started,
    };
    ItemState { name: state.key().to_owned(), state: Some(state), group: Some(group) }
}

/// The guards as the shell asks: without the tracker first, then with it.
fn guarded(task: &Task, board: OnBoard<'_>, now: UnixMillis) -> Guard {
    let done = job("development", "developer", JobState::Done);
    guard(task, Some(&done), &Pauses::default(), board, &rules(), now)
}

const LATER: UnixMillis = UnixMillis(START.0 + 3_600_000);

#[test]
fn a_task_at_rest_is_judged_once_the_tracker_was_asked() {
    // REC-1, REC-2
    let task = task_in("development");
    assert_eq!(guarded(&task, OnBoard::NotAsked, LATER), Guard::AskTracker);
    assert_eq!(guarded(&task, OnBoard::Shows(&item(TrackerState::InProgress)), LATER), Guard::Judge);
    let unnamed = ItemState { name: "Icebox".to_owned(), state: None, group: Some(StateGroup::Started) };
    assert_eq!(guarded(&task, OnBoard::Shows(&unnamed), LATER), Guard::Judge);
}

#[test]
fn what_is_known_without_the_tracker_is_decided_without_it() {
    // REC-1, REC-2
    let with = |change: fn(&mut Task)| {
        let mut task = task_in("development");
        change(&mut task);
        task
    };
    for (task, skip) in [
        (with(|task| task.held = held(START)), Skip::Held),
        (with(|task| task.rest = Some(Rest::Finished)), Skip::Finished),
        (task_in("analysis"), Skip::NeedsApproval),
    ] {
        for board in [OnBoard::NotAsked, OnBoard::Unknown, OnBoard::Shows(&item(TrackerState::InProgress))] {
            assert_eq!(guarded(&task, board, LATER), Guard::Skip(skip), "{board:?}");
        }
    }
    let task = task_in("development");
    for state in [JobState::Queued, JobState::Running] {
        let busy = job("development", "developer", state);
        let guard = guard(&task, Some(&busy), &Pauses::default(), OnBoard::NotAsked, &rules(), LATER);
        assert_eq!(guard, Guard::Skip(Skip::AtWork), "{state:?}");
    }
    // Whoever is rung, or whose time has come, has lost nothing.
    for (next_look_at, expected) in [
        (Some(LATER), Guard::Skip(Skip::Due)),
        (Some(LATER.plus(secs(1))), Guard::AskTracker),
        (None, Guard::AskTracker),
    ] {
        let task = Task { next_look_at, ..task_in("development") };
        assert_eq!(guarded(&task, OnBoard::NotAsked, LATER), expected, "{next_look_at:?}");
    }
    let scope = PauseScope::Project(ProjectName::new("sample"));
    let paused = Pauses(vec![Pause { scope, by: "ada".to_owned(), why: "a release".to_owned(), since: START }]);
    assert_eq!(guard(&task, None, &paused, OnBoard::NotAsked, &rules(), LATER), Guard::Skip(Skip::Paused));
}

#[test]
fn a_held_task_is_skipped_before_everything_else() {
    // REC-2: whatever else would be a reason as well.
    let mut task = task_in("analysis");
    task.held = held(START);
    task.rest = Some(Rest::Finished);
    let busy = job("analysis", "analyst", JobState::Running);
    let guard = guard(&task, Some(&busy), &Pauses::default(), OnBoard::Unknown, &rules(), START);
    assert_eq!(guard, Guard::Skip(Skip::Held));
}

#[test]
fn each_stage_has_its_grace_counted_from_the_last_change() {
    // REC-1
    for (stage, grace_s) in [("development", 300), ("testing", 60), ("review", 900)] {
        let task = task_in(stage);
        let at = |ms: i64| guarded(&task, OnBoard::NotAsked, UnixMillis(START.0 + ms));
        let until = START.plus(secs(grace_s));
        assert_eq!(at(i64::try_from(grace_s).unwrap() * 1000 - 1), Guard::Skip(Skip::Fresh { until }), "{stage}");
        assert_eq!(at(i64::try_from(grace_s).unwrap() * 1000), Guard::AskTracker, "{stage}");
        // A clock that was set back makes nothing old.
        assert!(matches!(at(-1_000_000), Guard::Skip(Skip::Fresh { .. })), "{stage}");
    }
    assert_eq!(rules().smallest_grace(), secs(60));
    let changes: [fn(&mut Task, UnixMillis); 3] =
        [|task, at| task.stage_since = at, |task, at| task.head_since = Some(at), |task, at| task.fresh_from = at];
    for change in changes {
        let mut task = task_in("development");
        change(&mut task, LATER);
        assert!(matches!(guarded(&task, OnBoard::NotAsked, LATER), Guard::Skip(Skip::Fresh { .. })));
    }
    let mut ended = job("development", "developer", JobState::Done);
    ended.ended_at = Some(LATER);
    let task = task_in("development");
    let guard = guard(&task, Some(&ended), &Pauses::default(), OnBoard::NotAsked, &rules(), LATER);
    assert!(matches!(guard, Guard::Skip(Skip::Fresh { .. })));
}

#[test]
fn the_board_s_waits_and_ends_are_respected_and_an_unknown_state_too() {
    // REC-2, REC-4
    let task = task_in("development");
    for (state, key) in TrackerState::ALL {
        let expected = match state {
            TrackerState::Done | TrackerState::Cancelled => Guard::Skip(Skip::Terminal),
            TrackerState::Blocked
            | TrackerState::NeedsInput
            | TrackerState::AwaitingDeploy
            | TrackerState::ConfirmDeploy
            | TrackerState::Deploying
            | TrackerState::Monitoring => Guard::Skip(Skip::Waits(state)),
            _ => Guard::Judge,
        };
        assert_eq!(guarded(&task, OnBoard::Shows(&item(state)), LATER), expected, "{key}");
    }
    assert_eq!(guarded(&task, OnBoard::Unknown, LATER), Guard::Skip(Skip::StateUnknown));
    let lenient = ReconcileRules { skip_blocked: false, ..rules() };
    for board in [OnBoard::NotAsked, OnBoard::Unknown, OnBoard::Shows(&item(TrackerState::Blocked))] {
        assert_eq!(guard(&task, None, &Pauses::default(), board, &lenient, LATER), Guard::Judge);
    }
}

#[test]
fn an_item_is_over_by_its_group_and_by_its_meaning_only_where_the_group_is_unknown() {
    // REC-4
    let shown = |state, group: &str| ItemState { name: String::new(), state, group: StateGroup::from_name(group) };
    for (state, group, over) in [
        (Some(TrackerState::Approved), "completed", true),
        (Some(TrackerState::ToAnalyse), "Cancelled", true),
        (None, "canceled", true),
        (None, "completed", true),
        (Some(TrackerState::Done), "started", false),
        (Some(TrackerState::Cancelled), "backlog", false),
        (Some(TrackerState::Done), "", true),
        (Some(TrackerState::Cancelled), "gone", true),
        (Some(TrackerState::Approved), "", false),
        (None, "", false),
    ] {
        assert_eq!(shown(state, group).is_terminal(), over, "{state:?} in {group}");
    }
}

#[test]
fn a_dry_look_rings_for_what_is_to_be_done_and_is_silent_about_the_rest() {
    // REC-1, GAT-3
    let intent = MergeIntent { head: rev(1), target_head: rev(9) };
    let feedback = Feedback { gate: "ci".into(), from: "review".into(), summary: String::new(), findings: vec![] };
    let back = Step::Return { to: "development".into(), role: None, feedback, forget_merge: false };
    let hold = Step::Hold { reason: "no plugin".to_owned(), returns: 1 };
    let rest = Step::Rest { rest: Rest::Finished, next_look_at: None };
    let enqueue = Step::Enqueue { role: "tester".into() };
    for (step, expected) in [
        (advance("review", "testing", None), DryLook::Ring),
        (Step::BeginMerge { intent: intent.clone() }, DryLook::Ring),
        (Step::Merge { intent }, DryLook::Ring),
        (enqueue, DryLook::Ring),
        (back, DryLook::Red),
        (hold, DryLook::Red),
        (act("merge"), DryLook::Ring),
        (rest, DryLook::Rests),
    ] {
        assert_eq!(DryLook::of(&step), expected, "{step:?}");
    }
    assert_eq!(DryLook::of(&judge("ci")), DryLook::Judge(&"ci".into()));
}

#[test]
fn only_another_stage_or_visit_is_an_unblocking() {
    // REC-5
    let mut task = task_in("review");
    let mark = Mark::of(&task);
    task.version += 5;
    task.head = Some(rev(4));
    assert!(!mark.is_left_by(&task), "it was looked at, and that is all");
    task.visit += 1;
    assert!(mark.is_left_by(&task), "it was sent back and is here again");
    let mut task = task_in("review");
    task.stage = "testing".into();
    assert!(mark.is_left_by(&task));
}

#[derive(Debug, Clone)]
struct Board {
    item: ItemState,
    moved_at: UnixMillis,
    task: Option<Task>,
    decision: Option<Decision>,
    shown_by_us: Option<TrackerState>,
}

impl Board {
    fn shows(state: TrackerState, task: Option<Task>) -> Self {
        Self { item: item(state), moved_at: LATER, task, decision: None, shown_by_us: None }
    }

    fn means_at(&self, now: UnixMillis) -> Finding {
        let polled = Polled {
            item: &self.item,
            moved_at: self.moved_at,
            task: self.task.as_ref(),
            decision: self.decision.as_ref(),
            shown_by_us: self.shown_by_us,
        };
        found_on_board(&polled, &rules(), now)
    }

    fn means(&self) -> Finding {
        self.means_at(LATER)
    }
}

fn decision(approved: bool, revision: u8, at: UnixMillis) -> Option<Decision> {
    Some(Decision { stage: "analysis".into(), approval: approval(approved, rev(revision)), at })
}

#[test]
fn only_to_analyse_means_something_for_an_item_without_a_task() {
    // REC-3, TRK-1
    for (state, key) in TrackerState::ALL {
        let expected = match state {
            TrackerState::ToAnalyse => Finding::Replay,
            TrackerState::Done | TrackerState::Cancelled => Finding::Nothing(Known::Terminal),
            _ if POLLED.contains(&state) => Finding::Nothing(Known::NotOurs),
            _ => Finding::Nothing(Known::NoCommand),
        };
        assert_eq!(Board::shows(state, None).means(), expected, "{key}");
    }
}

#[test]
fn to_analyse_resumes_a_held_task_only_if_it_was_moved_there_afterwards() {
    // REC-3, STG-4, TRK-1
    let mut task = task_in("review");
    assert_eq!(Board::shows(TrackerState::ToAnalyse, Some(task.clone())).means(), Finding::Nothing(Known::Done));
    task.held = held(UnixMillis(5_000_000));
    let mut board = Board::shows(TrackerState::ToAnalyse, Some(task));
    for (moved_at, expected) in [
        (4_999_999, Finding::Nothing(Known::Stale)),
        (5_000_000, Finding::Nothing(Known::Stale)),
        (5_000_001, Finding::Replay),
    ] {
        board.moved_at = UnixMillis(moved_at);
        assert_eq!(board.means(), expected, "{moved_at}");
    }
}

#[test]
fn in_progress_that_we_show_ourselves_is_our_echo() {
    // WEB-6, REC-3
    let mut board = Board::shows(TrackerState::InProgress, Some(task_in("review")));
    board.shown_by_us = Some(TrackerState::CodeReview);
    assert_eq!(board.means(), Finding::Replay);
    board.shown_by_us = Some(TrackerState::InProgress);
    assert_eq!(board.means(), Finding::Nothing(Known::Echo));
    board.shown_by_us = None;
    board.task.as_mut().unwrap().held = held(START);
    assert_eq!(board.means(), Finding::Nothing(Known::NoCommand));
}

#[test]
fn a_decision_is_replayed_once_per_visit_and_head_and_only_by_who_can_have_seen_it() {
    // REC-3, STG-5
    for (state, approved) in [(TrackerState::Approved, true), (TrackerState::Rejected, false)] {
        let board = || Board::shows(state, Some(task_in("analysis")));
        assert_eq!(board().means(), Finding::Replay);
        let known = Board { decision: decision(approved, 1, START), ..board() };
        assert_eq!(known.means(), Finding::Nothing(Known::Done), "the same on the same head");
        let opposite = Board { decision: decision(!approved, 1, START), ..board() };
        assert_eq!(opposite.means(), Finding::Replay, "changed their mind");
        let other_head = Board { decision: decision(approved, 2, START), ..board() };
        assert_eq!(other_head.means(), Finding::Replay, "asked again for a new head");
        let told = Board { decision: decision(!approved, 2, LATER), ..board() };
        assert_eq!(told.means(), Finding::Nothing(Known::Done), "this very move is recorded already");
        let mut stale = board();
        stale.task.as_mut().unwrap().head_since = Some(LATER);
        stale.moved_at = UnixMillis(LATER.0 - 10_001);
        assert_eq!(stale.means(), Finding::Nothing(Known::Stale), "nobody can have seen that head");
        stale.moved_at = UnixMillis(LATER.0 - 10_000);
        assert_eq!(stale.means(), Finding::Replay, "clocks differ a little");
        let mut earlier = board();
        earlier.task.as_mut().unwrap().stage_since = LATER;
        assert_eq!(earlier.means(), Finding::Replay);
        earlier.moved_at = UnixMillis(LATER.0 - 1);
        assert_eq!(earlier.means(), Finding::Nothing(Known::Stale), "it was about the stage before");
        for change in [|task: &mut Task| task.head = None, |task: &mut Task| task.rest = Some(Rest::Finished)] {
            let mut moot = board();
            change(moot.task.as_mut().unwrap());
            assert_eq!(moot.means(), Finding::Nothing(Known::NoCommand), "there is nothing to decide on");
        }
    }
}

#[test]
fn a_missed_confirm_deploy_is_announced_in_deploy_alone_and_never_replayed() {
    // REC-3, REC-8
    let board = |stage: &str| Board::shows(TrackerState::ConfirmDeploy, Some(task_in(stage)));
    assert_eq!(board("deploy").means_at(LATER.plus(secs(300))), Finding::Announce);
    assert_eq!(board("deploy").means_at(LATER.plus(secs(299))), Finding::Nothing(Known::Fresh));
    assert_eq!(board("deploy-staging").means_at(LATER.plus(secs(300))), Finding::Nothing(Known::NoCommand));
    let mut done = board("deploy");
    done.task.as_mut().unwrap().rest = Some(Rest::Finished);
    assert_eq!(done.means_at(LATER.plus(secs(300))), Finding::Nothing(Known::NoCommand));
}

#[test]
fn a_terminal_item_is_no_command_whatever_its_state_is_called() {
    // REC-4
    for state in POLLED {
        for group in [StateGroup::Completed, StateGroup::Cancelled] {
            let mut board = Board::shows(state, Some(task_in("deploy")));
            board.item.group = Some(group);
            assert_eq!(board.means_at(LATER.plus(secs(900))), Finding::Nothing(Known::Terminal), "{state:?} {group:?}");
        }
    }
}

#[test]
fn a_stray_check_belongs_to_the_only_task_in_development_or_to_none() {
    // REC-6
    for (tasks, expected) in [
        (vec![], Stray::Nobodys),
        (vec![TaskId(4)], Stray::Of(TaskId(4))),
        (vec![TaskId(4), TaskId(5)], Stray::OneOf(2)),
        (vec![TaskId(4), TaskId(5), TaskId(6)], Stray::OneOf(3)),
    ] {
        assert_eq!(stray_check(&tasks), expected);
    }
}

fn any_state() -> impl Strategy<Value = Option<TrackerState>> {
    prop_oneof![Just(None), (0..TrackerState::ALL.len()).prop_map(|at| Some(TrackerState::ALL[at].0))]
}

fn any_group() -> impl Strategy<Value = Option<StateGroup>> {
    prop_oneof![
        Just(None),
        Just(Some(StateGroup::Backlog)),
        Just(Some(StateGroup::Unstarted)),
        Just(Some(StateGroup::Started)),
        Just(Some(StateGroup::Completed)),
        Just(Some(StateGroup::Cancelled)),
    ]
}

prop_compose! {
    fn any_task()(
        stage in prop::sample::select(crate::support::WAY.to_vec()), held_since in prop::option::of(0..100_i64),
        head in prop::option::of(0..100_i64), since in 0..100_i64, finished: bool
    ) -> Task {
        let mut task = task_in(stage);
        task.held = held_since.and_then(|at| held(UnixMillis(at * 1000)));
        task.head_since = head.map(|at| UnixMillis(at * 1000));
        task.head = head.map(|_| rev(1));
        task.stage_since = UnixMillis(since * 1000);
        task.rest = finished.then_some(Rest::Finished);
        task
    }
}

prop_compose! {
    fn any_board()(
        state in any_state(), group in any_group(), moved in 0..100_i64, task in prop::option::of(any_task()),
        decided in prop::option::of((any::<bool>(), 1..3_u8, 0..100_i64)), shown_by_us in any_state()
    ) -> Board {
        Board {
            item: ItemState { name: String::new(), state, group },
            moved_at: UnixMillis(moved * 1000),
            task,
            decision: decided.and_then(|(approved, revision, at)| decision(approved, revision, UnixMillis(at * 1000))),
            shown_by_us,
        }
    }
}

proptest! {
    #[test]
    fn a_later_move_never_means_less(board in any_board(), later in 0..100_i64, now in 0..1_000_000_i64) {
        // REC-3: so a poll that knows only the last change may ask with that.
        prop_assume!(board.item.state != Some(TrackerState::ConfirmDeploy));
        let early = board.means_at(UnixMillis(now));
        let late = Board { moved_at: UnixMillis(board.moved_at.0 + later * 1000), ..board }.means_at(UnixMillis(now));
        prop_assert!(early != Finding::Replay || late == Finding::Replay, "{:?} became {:?}", early, late);
    }

    #[test]
    fn the_reconciler_never_replays_a_confirm_deploy(board in any_board(), now in 0..10_000_000_i64) {
        // REC-8
        let found = board.means_at(UnixMillis(now));
        if board.item.state == Some(TrackerState::ConfirmDeploy) {
            prop_assert_ne!(found, Finding::Replay);
        } else {
            prop_assert_ne!(found, Finding::Announce);
        }
    }

    #[test]
    fn nobody_is_asked_about_a_task_that_is_held_finished_or_left_to_a_person(
        task in any_task(), state in any_state(), group in any_group(), now in 0..10_000_000_i64
    ) {
        // REC-2
        let item = ItemState { name: String::new(), state, group };
        let left_alone = task.held.is_some() || task.rest.is_some() || task.stage.as_str() == "analysis";
        for board in [OnBoard::NotAsked, OnBoard::Unknown, OnBoard::Shows(&item)] {
            let guard = guarded(&task, board, UnixMillis(now));
            prop_assert!(!left_alone || matches!(guard, Guard::Skip(_)), "{:?}", guard);
            if matches!(guard, Guard::AskTracker) {
                prop_assert!(matches!(board, OnBoard::NotAsked));
            }
            if item.is_terminal() && matches!(board, OnBoard::Shows(_)) {
                prop_assert_ne!(guard, Guard::Judge);
            }
        }
    }

    #[test]
    fn a_tool_s_own_states_are_never_found_to_be_a_person_s_word(board in any_board(), now in 0..10_000_000_i64) {
        // WEB-6
        let own = Board { item: ItemState { state: board.shown_by_us, ..board.item.clone() }, ..board };
        let command = matches!(
            own.shown_by_us,
            Some(TrackerState::ToAnalyse | TrackerState::Approved | TrackerState::Rejected | TrackerState::ConfirmDeploy)
        );
        if !command {
            prop_assert!(matches!(own.means_at(UnixMillis(now)), Finding::Nothing(_)));
        }
    }
}
