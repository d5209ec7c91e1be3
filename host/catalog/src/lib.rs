//! Plugin packages of Portcullis: what a repository's manifest asks for, what a registry has, and how the two are
//! matched, pinned and checked.
//!
//! - [`manifest`]: `.portcullis/gates.toml`, read into a sound pipeline.
//! - [`package`]: one plugin, a WASI component, and what it may do.
//! - [`layout`]: an OCI image layout on disk, for plugins and for container images ([`image`]).
//! - [`registry`]: plugins by name, version and digest in such a layout; [`install`] moves them between two.
//! - [`lock`]: which version and digest each requirement came to.
//! - [`grants`]: what a manifest grants against what a plugin's imports want.
//! - [`listing`]: `registry/catalog.toml`, the record of the first-party plugins.
//!
//! Deliberately absent: running a component (that is `runtime`), the network, and the clock. Everything read here,
//! manifests and packages and registry files alike, is taken for hostile: it is bounded and checked before it is used.

pub mod grants;
pub mod image;
pub mod install;
pub mod layout;
pub mod listing;
pub mod lock;
pub mod manifest;
pub mod oci;
pub mod package;
pub mod registry;
pub mod requirement;

mod names;
mod place;
mod sha;
#[cfg(test)]
mod testing;

pub use names::{NotAPluginName, check_plugin_name};
pub use place::Place;
pub use sha::digest_of;
