//! Which of a project's states stands for a logical one? (TRK-2) A pure function of the board's names and groups.
//!
//! The state of that name, else a base state of the same group. Two things never happen: `confirm_deploy` standing in
//! by another state, and a state that is a person's command (`to_analyse`, `approved`, `rejected`, `confirm_deploy`)
//! standing in for anything else: the tool would give itself orders.

use portcullis_core::effect::TrackerState;

/// A state of a project's board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoardState {
    /// The tracker's id of it.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Its group: `backlog`, `unstarted`, `started`, `completed` or `cancelled`.
    pub group: String,
}

/// The states of a project.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Board {
    /// In the tracker's order.
    pub states: Vec<BoardState>,
}

impl Board {
    /// The state that shows `wanted`; none if the board has nothing that may.
    pub fn state_for(&self, wanted: TrackerState) -> Option<&BoardState> {
        let exact = self.states.iter().find(|state| TrackerState::from_name(&state.name) == Some(wanted));
        if exact.is_some() || wanted == TrackerState::ConfirmDeploy {
            return exact;
        }
        let (group, base_names) = group_of(wanted);
        let may_stand_in = |state: &&BoardState| state.group.eq_ignore_ascii_case(group) && !is_command(state);
        let base = |state: &&BoardState| base_names.iter().any(|name| state.name.trim().eq_ignore_ascii_case(name));
        // A base state by its usual name; else one of the group that means nothing else here.
        let meaningless = |state: &&BoardState| TrackerState::from_name(&state.name).is_none();
        let candidates = || self.states.iter().filter(may_stand_in);
        candidates().find(base).or_else(|| candidates().find(meaningless))
    }

    /// The state with this id.
    pub fn by_id(&self, id: &str) -> Option<&BoardState> {
        self.states.iter().find(|state| state.id == id)
    }
}

fn is_command(state: &BoardState) -> bool {
    matches!(
        TrackerState::from_name(&state.name),
        Some(TrackerState::ToAnalyse | TrackerState::Approved | TrackerState::Rejected | TrackerState::ConfirmDeploy)
    )
}

/// The group that a state belongs to, and the usual names of its base states.
fn group_of(state: TrackerState) -> (&'static str, &'static [&'static str]) {
    match state {
        TrackerState::ToAnalyse => ("unstarted", &["todo", "to do"]),
        TrackerState::Analysis
        | TrackerState::InProgress
        | TrackerState::CodeReview
        | TrackerState::NeedsInput
        | TrackerState::Blocked
        | TrackerState::Approved
        | TrackerState::Rejected
        | TrackerState::AwaitingDeploy
        | TrackerState::ConfirmDeploy
        | TrackerState::Deploying
        | TrackerState::Monitoring => ("started", &["in progress"]),
        TrackerState::Done => ("completed", &["done"]),
        TrackerState::Cancelled => ("cancelled", &["cancelled", "canceled"]),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where its preparation fails")]
    use super::*;

    fn board(states: &[(&str, &str)]) -> Board {
        let state = |(name, group): &(&str, &str)| BoardState {
            id: format!("id of {name}"),
            name: (*name).to_owned(),
            group: (*group).to_owned(),
        };
        Board { states: states.iter().map(state).collect() }
    }

    fn plain() -> Board {
        board(&[
            ("Backlog", "backlog"),
            ("Todo", "unstarted"),
            ("In Progress", "started"),
            ("Done", "completed"),
            ("Cancelled", "cancelled"),
        ])
    }

    fn name_for(board: &Board, state: TrackerState) -> Option<&str> {
        board.state_for(state).map(|state| state.name.as_str())
    }

    // TRK-2
    #[test]
    fn every_state_is_found_by_its_own_name() {
        let names: Vec<String> = TrackerState::ALL.iter().map(|(_, key)| key.replace('_', " ")).collect();
        let pairs: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "started")).collect();
        let board = board(&pairs);
        for (state, key) in TrackerState::ALL {
            assert_eq!(name_for(&board, state), Some(key.replace('_', " ").as_str()));
        }
    }

    // TRK-2
    #[test]
    fn a_missing_state_falls_back_to_a_base_state_of_its_group_but_confirm_deploy_never_does() {
        let board = plain();
        for (state, key) in TrackerState::ALL {
            let expected = match state {
                TrackerState::ConfirmDeploy => None,
                TrackerState::ToAnalyse => Some("Todo"),
                TrackerState::Done => Some("Done"),
                TrackerState::Cancelled => Some("Cancelled"),
                _ => Some("In Progress"),
            };
            assert_eq!(name_for(&board, state), expected, "{key}");
        }
    }

    // TRK-2
    #[test]
    fn a_person_s_command_never_stands_in_for_another_state() {
        let board = board(&[("Approved", "started"), ("Confirm Deploy", "started"), ("To Analyse", "unstarted")]);
        assert_eq!(name_for(&board, TrackerState::Deploying), None);
        assert_eq!(name_for(&board, TrackerState::Rejected), None);
        assert_eq!(name_for(&board, TrackerState::Approved), Some("Approved"));
    }

    // TRK-2
    #[test]
    fn a_base_state_with_an_unusual_name_serves_and_one_with_another_meaning_does_not() {
        let board = board(&[("Blocked", "started"), ("Doing", "Started"), ("Shipped", "completed")]);
        assert_eq!(name_for(&board, TrackerState::CodeReview), Some("Doing"));
        assert_eq!(name_for(&board, TrackerState::Done), Some("Shipped"));
        assert_eq!(name_for(&board, TrackerState::Cancelled), None);
    }
}
