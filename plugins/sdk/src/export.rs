//! The two macros that turn a gate into a component. Off wasm both expand to nothing, so that a gate's tests link natively
//! and no symbol of the component's interface ends up in a native library.

use crate::{Actor, Gate, Judgement, Refusal, Subject, config};

/// Exports a [`Gate`](crate::Gate) as a component of the contract's world `judge`.
#[macro_export]
macro_rules! export_judge {
    ($gate:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Component;

            impl $crate::bindings::judge::exports::portcullis::gate::evaluation::Guest for Component {
                fn config_schema() -> String {
                    <$gate as $crate::Gate>::CONFIG_SCHEMA.to_string()
                }

                fn evaluate(subject: $crate::Subject, config: String) -> Result<$crate::Judgement, $crate::Refusal> {
                    $crate::__evaluate::<$gate>(&subject, &config)
                }
            }

    $crate::bindings::judge::export_judge_bindings!(Component with_types_in $crate::bindings::judge);
        };
    };
}

/// Exports an [`Actor`](crate::Actor) as a component of the contract's world `actor`.
#[macro_export]
macro_rules! export_actor {
    ($gate:ty) => {
        $crate::export_judge!($gate);

        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Component;

            impl $crate::bindings::acting::exports::portcullis::gate::action::Guest for Component {
                fn act(subject: $crate::Subject, config: String) -> Result<$crate::Judgement, $crate::Refusal> {
                    $crate::__act::<$gate>(&subject, &config)
                }
            }

    $crate::bindings::acting::export_acting_bindings!(Component with_types_in $crate::bindings::acting);
        };
    };
}

/// What [`export_judge!`](crate::export_judge) calls; public only for that.
#[doc(hidden)]
pub fn evaluate<G: Gate>(subject: &Subject, json: &str) -> Result<Judgement, Refusal> {
    G::evaluate(subject, config::parse(json)?)
}

/// What [`export_actor!`](crate::export_actor) calls; public only for that.
#[doc(hidden)]
pub fn act<A: Actor>(subject: &Subject, json: &str) -> Result<Judgement, Refusal> {
    A::act(subject, config::parse(json)?)
}
