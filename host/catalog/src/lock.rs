//! The lock: for each requirement of a manifest the version and digest that it came to (PLG-3).
//!
//! A lock is a plain value: a repository may keep it beside its manifest, or the daemon for it. Two projects have two
//! locks, so they may run two versions of one plugin at the same time. Gates that are switched off are not locked.

mod file;

pub use file::LockFileError;

use crate::manifest::{GateUse, LOCK_PATH, Manifest};
use crate::registry::{Listed, Registry, RegistryError};
use crate::requirement::{self, RequirementError};
use portcullis_core::digest::Digest;
use portcullis_core::gate::PluginRef;
use portcullis_core::ids::PluginName;
use portcullis_core::pipeline::GateSpec;
use semver::Version;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;

/// A requirement of one plugin, as the manifest writes it.
type Key = (PluginName, String);

/// What a requirement came to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pin {
    version: Version,
    digest: Digest,
}

/// Resolved versions by requirement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    pins: BTreeMap<Key, Pin>,
}

/// Why a manifest's requirements came to nothing.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant is its documentation")]
pub enum ResolveError {
    #[error("{gate}: {why}")]
    Unresolved { gate: String, why: Box<RegistryError> },
    #[error("{gate}: version {why}")]
    BadRequirement { gate: String, why: RequirementError },
    #[error(
        "{gate}: `{LOCK_PATH}` holds `{plugin}` with digest {locked}, registry `{}` has {found}; find out which one is \
         right before you run `portcullis gates update`", registry.display()
    )]
    DigestChanged { gate: String, plugin: Box<PluginRef>, locked: Digest, found: Digest, registry: PathBuf },
}

/// What is not right about a lock, next to its manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant is its documentation")]
pub enum Gap {
    #[error("{gate}: `{plugin}` `{requirement}` is not in `{LOCK_PATH}`; run `portcullis gates lock`")]
    Missing { gate: String, plugin: PluginName, requirement: String },
    #[error(
        "{gate}: `{LOCK_PATH}` holds `{plugin}` {version}, which does not meet `{requirement}`; run \
         `portcullis gates update`"
    )]
    Stale { gate: String, plugin: PluginName, requirement: String, version: Version },
    #[error("`{LOCK_PATH}` holds `{plugin}` `{requirement}`, which no gate asks for; run `portcullis gates lock`")]
    Unused { plugin: PluginName, requirement: String },
}

impl Lock {
    /// Resolves every requirement of `manifest`: to what `previous` holds where that still meets it, else to the highest
    /// version in `registry`. Without `previous` everything is brought up to date.
    ///
    /// # Errors
    /// The first requirement that cannot be resolved, with its gate and place. A previous version that the registry no
    /// longer has, or has with another digest, is an error and never silently another version.
    pub fn resolve(manifest: &Manifest, registry: &Registry, previous: Option<&Lock>) -> Result<Self, ResolveError> {
        let mut lock = Self::default();
        for gate in manifest.gates() {
            if let Entry::Vacant(vacant) = lock.pins.entry(key(gate.spec)) {
                let kept = previous.and_then(|lock| lock.pins.get(vacant.key()));
                vacant.insert(pin(&gate, registry, kept)?);
            }
        }
        Ok(lock)
    }

    /// What judges for this gate; none if the lock misses it or holds a version that does not meet the requirement.
    pub fn plugin(&self, gate: &GateSpec) -> Option<PluginRef> {
        let pin = self.pins.get(&key(gate))?;
        meets(&gate.requirement, &pin.version).then(|| PluginRef {
            name: gate.plugin.clone(),
            version: pin.version.to_string(),
            digest: pin.digest.clone(),
        })
    }

    /// Everything that it pins, by name and then by requirement.
    pub fn plugins(&self) -> impl Iterator<Item = PluginRef> {
        self.pins.iter().map(|((name, _), pin)| PluginRef {
            name: name.clone(),
            version: pin.version.to_string(),
            digest: pin.digest.clone(),
        })
    }

    /// What is missing, stale or superfluous for `manifest`; nothing if they belong together.
    pub fn check(&self, manifest: &Manifest) -> Vec<Gap> {
        let mut gaps = Vec::new();
        for gate in manifest.gates() {
            let (plugin, requirement) = key(gate.spec);
            match self.pins.get(&key(gate.spec)) {
                None => gaps.push(Gap::Missing { gate: gate.to_string(), plugin, requirement }),
                Some(pin) if !meets(&requirement, &pin.version) => {
                    let version = pin.version.clone();
                    gaps.push(Gap::Stale { gate: gate.to_string(), plugin, requirement, version });
                }
                Some(_) => {}
            }
        }
        for (plugin, requirement) in self.pins.keys() {
            if !manifest.gates().any(|gate| gate.spec.plugin == *plugin && gate.spec.requirement == *requirement) {
                gaps.push(Gap::Unused { plugin: plugin.clone(), requirement: requirement.clone() });
            }
        }
        gaps
    }
}

fn key(gate: &GateSpec) -> Key {
    (gate.plugin.clone(), gate.requirement.clone())
}

fn meets(requirement: &str, version: &Version) -> bool {
    requirement::parse(requirement).is_ok_and(|requirement| requirement.matches(version))
}

/// The version for one gate: the kept one if it still meets the requirement, else the highest.
fn pin(gate: &GateUse<'_>, registry: &Registry, kept: Option<&Pin>) -> Result<Pin, ResolveError> {
    let unresolved = |why: RegistryError| ResolveError::Unresolved { gate: gate.to_string(), why: Box::new(why) };
    let wanted = requirement::parse(&gate.spec.requirement)
        .map_err(|why| ResolveError::BadRequirement { gate: gate.to_string(), why })?;
    let Some(kept) = kept.filter(|kept| wanted.matches(&kept.version)) else {
        let Listed { version, digest, .. } = registry.resolve(&gate.spec.plugin, &wanted).map_err(unresolved)?;
        return Ok(Pin { version, digest });
    };
    let listed = registry.listed(&gate.spec.plugin, &kept.version).map_err(unresolved)?;
    if listed.digest == kept.digest {
        return Ok(kept.clone());
    }
    Err(ResolveError::DigestChanged {
        gate: gate.to_string(),
        plugin: Box::new(listed.plugin()),
        locked: kept.digest.clone(),
        found: listed.digest,
        registry: registry.dir().into(),
    })
}

#[cfg(test)]
mod tests;
