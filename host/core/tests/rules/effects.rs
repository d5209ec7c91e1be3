//! Names of tracker states and targets of effects.

use portcullis_core::effect::{Effect, StatusState, TrackerState};
use portcullis_core::ids::WorkItem;
use proptest::prelude::*;

#[test]
fn every_logical_state_has_one_key_and_is_found_by_it() {
    // TRK-2
    for (index, (state, key)) in TrackerState::ALL.iter().enumerate() {
        assert_eq!(state.key(), *key);
        assert_eq!(TrackerState::from_name(key), Some(*state));
        assert_eq!(serde_json::to_value(state).unwrap(), *key, "the stored name is the key");
        assert!(!TrackerState::ALL[..index].iter().any(|(s, k)| s == state || k == key), "{key} stands twice");
    }
}

#[test]
fn a_states_name_is_read_however_people_write_it() {
    for name in ["To Analyse", "to-analyse", "to_analyse", "  TO ANALYSE "] {
        assert_eq!(TrackerState::from_name(name), Some(TrackerState::ToAnalyse), "{name}");
    }
    for name in ["", "Backlog", "toanalyse", "done!", "Дone"] {
        assert_eq!(TrackerState::from_name(name), None, "{name}");
    }
}

#[test]
fn effects_for_one_outside_system_share_their_target() {
    let item = WorkItem::new("SAM-7");
    let revision = crate::support::rev(1);
    let targets = [
        (Effect::SetTrackerState { work_item: item.clone(), state: TrackerState::Done }, "tracker"),
        (Effect::TrackerComment { work_item: item, text: String::new() }, "tracker"),
        (
            Effect::ForgeStatus {
                revision,
                context: "portcullis".to_owned(),
                state: StatusState::Success,
                description: String::new(),
            },
            "forge",
        ),
        (Effect::PullRequestComment { number: 3, text: String::new() }, "forge"),
        (Effect::Notify { text: String::new() }, "messenger"),
    ];
    for (effect, target) in targets {
        assert_eq!(effect.target(), target, "{effect:?}");
        let stored = serde_json::to_string(&effect).unwrap();
        assert_eq!(serde_json::from_str::<Effect>(&stored).unwrap(), effect);
    }
}

proptest! {
    #[test]
    fn no_name_makes_the_lookup_panic(name in ".{0,60}") {
        if let Some(state) = TrackerState::from_name(&name) {
            prop_assert_eq!(TrackerState::from_name(state.key()), Some(state));
        }
    }
}
