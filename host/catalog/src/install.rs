//! Installing: making a version available here that was published elsewhere. Copied bytes are checked as if they were
//! new, whatever the other registry says of them.

use crate::layout::{LayoutError, read_capped};
use crate::package::{Capabilities, MAX_COMPONENT_BYTES, Package};
use crate::registry::{Registry, RegistryError};
use portcullis_core::gate::PluginRef;
use portcullis_core::ids::PluginName;
use semver::VersionReq;
use std::path::Path;

/// What was installed, and what it may do: shown to whoever installs it (PLG-5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Name, version and digest.
    pub plugin: PluginRef,
    /// Read off the component's bytes.
    pub capabilities: Capabilities,
    /// False where the very same version was here before.
    pub is_new: bool,
}

impl Registry {
    /// Copies the highest version of `name` in `other` that meets `requirement`.
    ///
    /// # Errors
    /// If `other` has none, if its bytes are not what it lists, or if the version is here already with other content.
    pub fn install_from(
        &self,
        other: &Registry,
        name: &PluginName,
        requirement: &VersionReq,
    ) -> Result<Installed, RegistryError> {
        let listed = other.resolve(name, requirement)?;
        let bytes = other.load(&listed.plugin())?;
        self.install(Package::from_component(name.as_str(), &listed.version.to_string(), bytes)?)
    }

    /// Takes a component from a file, under a name and a version that whoever installs it gives.
    ///
    /// # Errors
    /// If the file cannot be read, is no gate, or the version is here already with other content.
    pub fn install_file(&self, file: &Path, name: &str, version: &str) -> Result<Installed, RegistryError> {
        let bytes = read_component(file)?;
        self.install(Package::from_component(name, version, bytes)?)
    }

    fn install(&self, package: Package) -> Result<Installed, RegistryError> {
        let before = self.versions(&package.plugin().name)?;
        let is_new = before.iter().all(|listed| listed.version != *package.version());
        let plugin = self.publish(&package)?;
        Ok(Installed { plugin, capabilities: package.capabilities().clone(), is_new })
    }
}

/// A component file's bytes, if it is no larger than a component may be.
///
/// # Errors
/// If it cannot be read or is larger.
pub fn read_component(file: &Path) -> Result<Vec<u8>, LayoutError> {
    read_capped(file, MAX_COMPONENT_BYTES)
}
