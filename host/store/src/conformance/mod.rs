//! What every store has to keep. One function is one promise; [`store_conformance!`](crate::store_conformance) makes a
//! test of each, so that an implementation's test file is a factory and one line.
//!
//! A promise gets an empty store and panics if it is broken. Deliberately absent: anything that only one kind of store
//! can do (opening files, migrations); that is tested beside it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc, reason = "a broken promise panics")]

mod evaluations;
mod fixtures;
mod inbox;
mod leases;
mod looking;
mod moving;
mod outside;
mod pauses;
mod pruning;
mod queue;
mod random;
mod reaping;
mod resting;
mod runs;
mod tasks;
mod turns;

pub use random::{Step, live};

/// A store as many share it.
pub type Shared = std::sync::Arc<dyn crate::Store>;

/// From the list of promises: the table that finds them by name, and the macro that makes tests of them. The first
/// argument is a dollar sign, which the inner macro could not have otherwise.
macro_rules! promises {
    (($d:tt) $($module:ident { $($name:ident,)* })*) => {
        /// Checks the promise `name` on an empty store.
        pub async fn check(name: &str, store: Shared) {
            match name {
                $($(stringify!($name) => Box::pin($module::$name(&store)).await,)*)*
                other => panic!("there is no promise {other}"),
            }
        }

        /// Makes a test of every promise. The argument makes an empty store: `fn() -> Arc<dyn Store>`.
        #[macro_export]
        macro_rules! store_conformance {
            ($d factory:expr) => {
                $($(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $name() {
                        $d crate::conformance::check(stringify!($name), $d factory()).await;
                    }
                )*)*
            };
        }
    };
}

promises! { ($)
    inbox {
        an_event_is_stored_as_it_came,
        a_redelivery_under_the_same_id_is_the_same_event,
        the_same_meaning_under_a_new_id_is_the_same_event,
        an_event_of_another_source_is_another_event,
        rivals_with_one_delivery_store_it_once,
        due_events_come_oldest_first_once_their_time_has_come,
        settling_writes_the_event_and_what_it_does_together,
        an_event_whose_action_fails_stays_new_and_does_nothing,
        a_settled_event_is_not_settled_again,
        a_parked_event_can_be_replayed_and_the_trail_says_by_whom_and_why,
    }
    tasks {
        a_new_task_is_due_and_has_its_first_job,
        rivals_making_one_task_make_one_task_and_one_job,
        a_work_item_known_by_its_tracker_id_is_the_same_task,
        tasks_are_found_by_every_name_in_their_own_project_only,
        ringing_makes_a_task_due_and_leaves_its_version,
        ringing_a_task_that_is_overdue_does_not_put_it_behind_others,
        the_newest_decision_counts_whenever_it_arrives,
        a_decision_of_an_earlier_visit_is_void,
        next_due_is_the_earliest_of_all_that_time_alone_can_move,
    }
    moving {
        advancing_writes_the_stage_the_job_the_evaluations_and_the_effects_together,
        a_commit_on_an_old_version_writes_nothing,
        a_commit_without_the_drive_lease_writes_nothing,
        rivals_on_one_version_move_it_once,
        of_sixteen_drivers_of_thirty_two_tasks_one_moves_each_version,
        a_return_keeps_the_feedback_word_for_word_until_it_is_mended,
        a_return_over_the_merge_forgets_it,
        entering_a_stage_calls_off_what_was_queued_for_the_last_visit,
        a_held_task_is_let_go_by_a_release_alone,
        a_release_with_another_run_is_a_new_visit,
        a_rest_that_says_nothing_new_writes_nothing,
        a_ring_during_a_look_is_not_silenced_by_its_rest,
        an_answer_keeps_how_many_rings_it_has_seen_whatever_the_clock_says,
        a_ring_before_a_look_is_answered_by_it,
        a_finished_task_is_not_open_any_more,
        a_merge_is_decided_and_done_or_called_off,
        a_head_keeps_the_time_when_it_was_first_expected,
        every_move_is_in_the_audit_trail,
    }
    evaluations {
        an_evaluation_comes_back_bit_for_bit,
        lists_leave_the_transcript_out,
        only_evaluations_of_this_visit_since_the_release_count,
        what_a_plugin_said_last_is_known_beyond_the_visit_and_only_where_it_counted,
    }
    leases {
        a_lease_has_one_holder_and_a_number_that_grows,
        rivals_for_a_lease_have_one_winner,
        a_claim_stands_until_somebody_else_has_it,
        whoever_waits_for_a_lease_is_due_when_it_is_given_back_one_at_a_time,
        a_lease_past_its_deadline_is_reclaimed_and_its_old_number_is_void,
        renewing_never_shortens_and_works_until_somebody_else_has_it,
        leases_of_dead_daemons_are_freed_and_cannot_be_renewed,
        leases_past_their_deadline_are_freed_even_of_a_living_daemon,
    }
    pauses {
        a_paused_job_is_claimed_by_nobody,
        what_is_paused_is_passed_over_and_wakes_nobody,
        a_pause_is_kept_once_with_who_when_and_why,
        rivals_pausing_one_thing_pause_it_once,
        resuming_rings_the_active_tasks_of_its_scope,
    }
    pruning {
        what_belongs_to_an_earlier_visit_goes_with_its_runs_and_records,
        what_is_active_is_kept_whatever_its_age,
        parked_rows_have_a_time_of_their_own,
        pruning_takes_the_oldest_first_and_few_at_a_time,
        a_number_is_never_given_twice,
    }
    reaping {
        a_take_over_makes_the_last_owner_stale,
        what_its_last_owner_recorded_stays_for_the_heir,
        only_a_running_job_under_that_number_is_taken_over,
        of_rivals_taking_over_one_job_one_wins,
        a_take_over_or_a_finish_wins_never_both,
        a_damaged_job_is_failed_once_and_only_while_it_runs,
    }
    resting {
        a_task_is_at_rest_once_nothing_has_changed_for_long_enough,
        a_task_whose_role_is_at_work_is_not_at_rest,
        a_stage_s_open_tasks_are_found,
        an_observation_is_kept_and_decides_nothing,
        a_task_that_cannot_be_read_is_held_once_and_told,
        counters_add_up,
        a_probe_changes_nothing_that_is_shown,
    }
    queue {
        rivals_for_jobs_win_each_job_once_within_the_caps,
        caps_hold_overall_and_for_each_project,
        each_lane_has_caps_of_its_own,
        projects_are_served_by_turns,
        jobs_that_mean_nothing_now_are_not_claimed,
        a_job_is_not_claimed_before_its_time,
        cancelling_ends_a_queued_job_at_once,
        a_running_job_whose_end_was_asked_for_is_cancelled_unless_it_is_done,
        a_revision_is_tested_once_unless_its_job_failed,
        the_order_shown_is_the_order_of_the_claims,
    }
    runs {
        one_claim_launches_one_process,
        the_first_exit_code_stays,
        finishing_writes_everything_that_belongs_to_it,
        a_job_claimed_anew_is_not_finished_by_its_last_owner,
        a_job_of_an_earlier_visit_leaves_the_task_alone,
        a_run_that_pushed_nothing_new_voids_nothing,
    }
    outside {
        effects_of_one_key_are_one_effect,
        what_belongs_to_no_move_is_told_once_and_leaves_the_task_as_it_is,
        effects_of_one_target_leave_in_order,
        an_effect_is_settled_once,
        a_branch_has_one_open_pull_request,
        the_newest_check_of_a_context_counts,
        a_card_shows_its_state_and_each_comment_once,
        what_was_found_out_is_remembered,
    }
    looking {
        a_snapshot_shows_what_is_active,
        the_audit_trail_is_read_newest_first,
    }
}
