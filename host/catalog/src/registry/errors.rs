//! Everything that a registry may answer instead, and the fault that an evaluation then ends as.

use crate::layout::LayoutError;
use crate::package::PackageError;
use portcullis_core::digest::Digest;
use portcullis_core::gate::{Fault, PluginRef};
use portcullis_core::ids::PluginName;
use std::path::PathBuf;

/// Why the registry did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant is its documentation")]
pub enum RegistryError {
    #[error("the plugin registry failed")]
    Layout(#[from] LayoutError),
    #[error(
        "`{plugin}` is published in `{}` with digest {listed}, and a published version never changes; publish {offered} \
         under a new version", registry.display()
    )]
    Immutable { plugin: Box<PluginRef>, listed: Digest, offered: Digest, registry: PathBuf },
    #[error("plugin `{plugin}` is not in registry `{}`{}; publish or install it", registry.display(), similar(.known))]
    UnknownPlugin { plugin: PluginName, registry: PathBuf, known: Vec<PluginName> },
    #[error(
        "no version of `{plugin}` in registry `{}` meets `{requirement}`; it has {available}", registry.display()
    )]
    NoVersion { plugin: PluginName, requirement: String, registry: PathBuf, available: String },
    #[error("`{plugin}` with digest {digest} is missing from registry `{}`; install it again", registry.display())]
    Missing { plugin: Box<PluginRef>, digest: Digest, registry: PathBuf },
    #[error(
        "`{plugin}` should have digest {wanted}, registry `{}` has {found}; do not use it before you know why: install \
         it again from where it came", registry.display()
    )]
    WrongDigest { plugin: Box<PluginRef>, wanted: Digest, found: Digest, registry: PathBuf },
    #[error("entry `{entry}` of registry `{}` is malformed: {detail}", registry.display())]
    Malformed { entry: String, detail: String, registry: PathBuf },
    #[error(transparent)]
    Package(#[from] PackageError),
}

fn similar(known: &[PluginName]) -> String {
    let names: Vec<String> = known.iter().take(10).map(|name| format!("`{name}`")).collect();
    if names.is_empty() { ", which is empty".into() } else { format!(", which has {}", names.join(", ")) }
}

impl RegistryError {
    /// What an evaluation that needed the answer ends as (GAT-1).
    pub fn fault(&self) -> Fault {
        match self {
            Self::Missing { digest, .. } => Fault::PluginMissing { digest: digest.to_string() },
            Self::UnknownPlugin { plugin, .. } | Self::NoVersion { plugin, .. } => {
                Fault::PluginMissing { digest: plugin.to_string() }
            }
            Self::WrongDigest { wanted, found, .. } => {
                Fault::DigestMismatch { listed: wanted.to_string(), found: found.to_string() }
            }
            Self::Package(error) => error.fault(),
            Self::Layout(error) => Fault::Host { detail: chain(error) },
            Self::Immutable { .. } | Self::Malformed { .. } => Fault::Host { detail: self.to_string() },
        }
    }
}

/// The error with its sources, for the faults that are kept as text.
fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
