//! A guest that misbehaves on request, for the tests of the runtime.
//!
//! The configuration says how: `{"do": "trap"}`. See `deeds` for the list. It uses the bare bindings and no SDK, so that
//! nothing stands between it and the host. Elsewhere than in WebAssembly there is nothing to see.

#[cfg(target_family = "wasm")]
mod deeds;
