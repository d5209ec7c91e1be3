//! The contract in `wit/`, as `wit-bindgen` renders it. Nobody but the SDK itself and its export macros should name these
//! modules; what gates need is re-exported at the crate's root and under `host`.
//!
//! There are two worlds, so that a gate that only judges neither imports nor exports anything of `portcullis:act`: `judge`
//! is the contract's world, and `acting` is what the contract's `actor` world has beyond it. An actor exports both.

#![allow(missing_docs, unreachable_pub, clippy::all, reason = "generated from wit/, where the documentation stands")]
#![doc(hidden)]

pub mod judge {
    wit_bindgen::generate!({
        path: ["../../wit/read", "../../wit/act", "../../wit/gate"],
        world: "portcullis:gate/judge@0.1.0",
        additional_derives: [PartialEq, Eq],
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export_judge_bindings",
        default_bindings_module: "portcullis_gate_sdk::bindings::judge",
    });
}

pub mod acting {
    wit_bindgen::generate!({
        path: ["../../wit/read", "../../wit/act", "../../wit/gate"],
        inline: "
            package portcullis:sdk@0.1.0;
            world acting {
                import portcullis:act/workspace@0.1.0;
                import portcullis:act/documents@0.1.0;
                export portcullis:gate/action@0.1.0;
            }
        ",
        additional_derives: [PartialEq, Eq],
        with: {
            "portcullis:gate/types@0.1.0": crate::bindings::judge::portcullis::gate::types,
            "portcullis:act/workspace@0.1.0": generate,
            "portcullis:act/documents@0.1.0": generate,
        },
        pub_export_macro: true,
        export_macro_name: "export_acting_bindings",
        default_bindings_module: "portcullis_gate_sdk::bindings::acting",
    });
}
