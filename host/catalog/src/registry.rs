//! The registry: plugins by name, version and digest, in an OCI image layout (PLG-1).
//!
//! Held always: a published version is immutable; what is loaded has the digest that was asked for; each package is one
//! manifest with one `application/wasm` layer. Nothing is cached, so that what another process publishes is seen at once.
//!
//! Entries of the layout that carry no plugin annotation (container images, say) are none of the registry's business.

mod errors;

pub use errors::RegistryError;

use crate::layout::{Layout, LayoutError};
use crate::names::{check_plugin_name, shown};
use crate::oci::{
    Annotations, Descriptor, ImageManifest, MANIFEST_TYPE, REF_NAME, TITLE, VERSION, WASM_CONFIG_TYPE, WASM_LAYER_TYPE,
    WasmConfig, WasmInterface,
};
use crate::package::{self, Capabilities, MAX_COMPONENT_BYTES, Package};
use portcullis_core::digest::Digest;
use portcullis_core::gate::PluginRef;
use portcullis_core::ids::PluginName;
use semver::{Version, VersionReq};
use std::path::{Path, PathBuf};

/// Annotation: the component's digest. It marks an index entry as a plugin.
const COMPONENT: &str = "dev.portcullis.component.digest";
/// Annotation: the component's size in bytes.
const SIZE: &str = "dev.portcullis.component.size";
/// Annotation: present where a version was withdrawn from resolution.
const YANKED: &str = "dev.portcullis.yanked";
/// Packages of equal components are equal, so no package says when it was made.
const EPOCH: &str = "1970-01-01T00:00:00Z";

/// A published version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Plugin.
    pub name: PluginName,
    /// Its version.
    pub version: Version,
    /// Digest of the component.
    pub digest: Digest,
    /// Size of the component in bytes.
    pub size: u64,
    /// Whether it was withdrawn: no requirement resolves to it any more, but locks that hold it stay good.
    pub yanked: bool,
}

impl Listed {
    /// Name, version and digest.
    pub fn plugin(&self) -> PluginRef {
        PluginRef { name: self.name.clone(), version: self.version.to_string(), digest: self.digest.clone() }
    }
}

/// A published version and what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The registry's entry.
    pub listed: Listed,
    /// Read off the component's bytes, not off what its package claims.
    pub capabilities: Capabilities,
}

/// A registry in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    layout: Layout,
}

impl Registry {
    /// Opens the registry in `dir`.
    ///
    /// # Errors
    /// If there is none.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, RegistryError> {
        Ok(Self { layout: Layout::open(dir)? })
    }

    /// Opens the registry in `dir`, made if there is none.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn create(dir: impl Into<PathBuf>) -> Result<Self, RegistryError> {
        Ok(Self { layout: Layout::create(dir)? })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        self.layout.dir()
    }

    /// Publishes a package. The same component under the same version again changes nothing.
    ///
    /// # Errors
    /// [`RegistryError::Immutable`] if the version is published with other content. Then nothing has changed but unlisted
    /// blobs.
    pub fn publish(&self, package: &Package) -> Result<PluginRef, RegistryError> {
        let plugin = package.plugin();
        let layer = self.layout.write_blob(WASM_LAYER_TYPE, package.bytes())?;
        let capabilities = package.capabilities();
        let config = WasmConfig {
            created: EPOCH.into(),
            architecture: "wasm".into(),
            os: "wasip2".into(),
            layer_digests: vec![layer.digest.clone()],
            component: WasmInterface { imports: capabilities.imports.clone(), exports: capabilities.exports.clone() },
        };
        let mut annotations = Annotations::new();
        annotations.insert(TITLE.into(), plugin.name.to_string());
        annotations.insert(VERSION.into(), plugin.version.clone());
        let manifest = ImageManifest {
            schema_version: 2,
            media_type: Some(MANIFEST_TYPE.into()),
            config: self.layout.write_document(WASM_CONFIG_TYPE, &config)?,
            layers: vec![layer.clone()],
            annotations: annotations.clone(),
        };
        let mut entry = self.layout.write_document(MANIFEST_TYPE, &manifest)?;
        annotations.insert(REF_NAME.into(), ref_name(plugin));
        annotations.insert(COMPONENT.into(), layer.digest.to_string());
        annotations.insert(SIZE.into(), layer.size.to_string());
        entry.annotations = annotations;
        self.layout.update_index(|index| {
            match self.plugins(&index.manifests)?.into_iter().find(|l| is(l, &plugin.name, &plugin.version)) {
                Some(listed) if listed.digest == plugin.digest => Ok(()),
                Some(listed) => Err(RegistryError::Immutable {
                    plugin: Box::new(plugin.clone()),
                    listed: listed.digest,
                    offered: plugin.digest.clone(),
                    registry: self.dir().into(),
                }),
                None => {
                    index.manifests.push(entry);
                    index.manifests.sort_by(|a, b| a.ref_name().cmp(&b.ref_name()));
                    Ok(())
                }
            }
        })?;
        Ok(plugin.clone())
    }

    /// Withdraws a version from resolution (or brings it back). It can still be loaded, for locks that hold it.
    ///
    /// # Errors
    /// If it is not published.
    pub fn set_yanked(&self, name: &PluginName, version: &Version, yanked: bool) -> Result<(), RegistryError> {
        self.listed(name, version)?;
        let wanted = format!("{name}:{version}");
        self.layout.update_index(|index| {
            for entry in index.manifests.iter_mut().filter(|e| e.ref_name() == Some(&wanted)) {
                if yanked {
                    entry.annotations.insert(YANKED.into(), "true".into());
                } else {
                    entry.annotations.remove(YANKED);
                }
            }
            Ok(())
        })
    }

    /// Every published version, by name and then by version.
    ///
    /// # Errors
    /// If the index cannot be read, or an entry of it is malformed.
    pub fn list(&self) -> Result<Vec<Listed>, RegistryError> {
        let mut all = self.plugins(&self.layout.index()?.manifests)?;
        all.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
        Ok(all)
    }

    /// Every published version of one plugin, lowest first; empty if there is none.
    ///
    /// # Errors
    /// As [`Registry::list`].
    pub fn versions(&self, name: &PluginName) -> Result<Vec<Listed>, RegistryError> {
        Ok(self.list()?.into_iter().filter(|listed| listed.name == *name).collect())
    }

    /// The highest version that meets `requirement` and is not yanked. A pre-release only if the requirement names one.
    ///
    /// # Errors
    /// If there is no such plugin, or no such version.
    pub fn resolve(&self, name: &PluginName, requirement: &VersionReq) -> Result<Listed, RegistryError> {
        let all = self.list()?;
        let of_name: Vec<&Listed> = all.iter().filter(|listed| listed.name == *name).collect();
        if of_name.is_empty() {
            return Err(self.unknown(name, &all));
        }
        let fits = |listed: &&&Listed| !listed.yanked && requirement.matches(&listed.version);
        of_name.iter().rev().find(fits).copied().cloned().ok_or_else(|| RegistryError::NoVersion {
            plugin: name.clone(),
            requirement: requirement.to_string(),
            registry: self.dir().into(),
            available: versions_text(&of_name),
        })
    }

    /// The entry of one version.
    ///
    /// # Errors
    /// If it is not published.
    pub fn listed(&self, name: &PluginName, version: &Version) -> Result<Listed, RegistryError> {
        let all = self.list()?;
        let of_name: Vec<&Listed> = all.iter().filter(|listed| listed.name == *name).collect();
        if of_name.is_empty() {
            return Err(self.unknown(name, &all));
        }
        of_name.iter().find(|l| l.version == *version).copied().cloned().ok_or_else(|| RegistryError::NoVersion {
            plugin: name.clone(),
            requirement: format!("={version}"),
            registry: self.dir().into(),
            available: versions_text(&of_name),
        })
    }

    /// The component's bytes, exactly those of `plugin.digest`.
    ///
    /// # Errors
    /// [`RegistryError::Missing`] or [`RegistryError::WrongDigest`]; see [`RegistryError::fault`].
    pub fn load(&self, plugin: &PluginRef) -> Result<Vec<u8>, RegistryError> {
        match self.layout.read_blob(&plugin.digest, MAX_COMPONENT_BYTES) {
            Ok(bytes) => Ok(bytes),
            Err(LayoutError::Missing { digest, .. }) => {
                let registry = self.dir().into();
                let plugin = Box::new(plugin.clone());
                let listed = self.list()?.into_iter().find(|l| is(l, &plugin.name, &plugin.version));
                Err(match listed {
                    // Same version, other content: somebody changed what must not change.
                    Some(listed) if listed.digest != digest => {
                        RegistryError::WrongDigest { plugin, wanted: digest, found: listed.digest, registry }
                    }
                    _ => RegistryError::Missing { plugin, digest, registry },
                })
            }
            Err(LayoutError::Damaged { listed, found, .. }) => Err(RegistryError::WrongDigest {
                plugin: Box::new(plugin.clone()),
                wanted: listed,
                found,
                registry: self.dir().into(),
            }),
            Err(other) => Err(other.into()),
        }
    }

    /// What a published version may do, read off its bytes; its package is checked on the way.
    ///
    /// # Errors
    /// If it is not published, or its package is not sound.
    pub fn inspect(&self, name: &PluginName, version: &Version) -> Result<Inspection, RegistryError> {
        let listed = self.listed(name, version)?;
        self.check_manifest(&listed)?;
        let bytes = self.load(&listed.plugin())?;
        Ok(Inspection { capabilities: package::inspect(name, &bytes)?, listed })
    }

    /// Compares what the index says of an entry with the package itself.
    fn check_manifest(&self, listed: &Listed) -> Result<(), RegistryError> {
        let plugin = listed.plugin();
        let malformed =
            |detail: String| RegistryError::Malformed { entry: ref_name(&plugin), detail, registry: self.dir().into() };
        let manifest = self.layout.manifest(&self.layout.resolve(&ref_name(&plugin))?)?;
        let says = |key: &str| manifest.annotations.get(key).map(String::as_str);
        if says(TITLE) != Some(plugin.name.as_str()) || says(VERSION) != Some(&plugin.version) {
            return Err(malformed("its manifest names another plugin or version".into()));
        }
        match manifest.layers.as_slice() {
            [layer] if layer.media_type != WASM_LAYER_TYPE => {
                Err(malformed(format!("its layer has media type `{}`", shown(&layer.media_type))))
            }
            [layer] if layer.digest == listed.digest => Ok(()),
            [layer] => Err(RegistryError::WrongDigest {
                plugin: Box::new(plugin.clone()),
                wanted: listed.digest.clone(),
                found: layer.digest.clone(),
                registry: self.dir().into(),
            }),
            layers => Err(malformed(format!("it has {} layers instead of one", layers.len()))),
        }
    }

    fn plugins(&self, entries: &[Descriptor]) -> Result<Vec<Listed>, RegistryError> {
        let plugins = entries.iter().filter(|entry| entry.annotations.contains_key(COMPONENT));
        plugins
            .map(|entry| {
                read_entry(entry).map_err(|detail| RegistryError::Malformed {
                    entry: shown(entry.ref_name().unwrap_or(entry.digest.as_str())),
                    detail,
                    registry: self.dir().into(),
                })
            })
            .collect()
    }

    fn unknown(&self, name: &PluginName, all: &[Listed]) -> RegistryError {
        let mut known: Vec<PluginName> = all.iter().map(|listed| listed.name.clone()).collect();
        known.dedup();
        RegistryError::UnknownPlugin { plugin: name.clone(), registry: self.dir().into(), known }
    }
}

fn is(listed: &Listed, name: &PluginName, version: &str) -> bool {
    listed.name == *name && listed.version.to_string() == version
}

fn ref_name(plugin: &PluginRef) -> String {
    format!("{}:{}", plugin.name, plugin.version)
}

fn versions_text(of_name: &[&Listed]) -> String {
    let text = |l: &&Listed| if l.yanked { format!("{} (yanked)", l.version) } else { l.version.to_string() };
    // The newest are the ones that somebody may have meant.
    of_name.iter().rev().take(10).map(text).collect::<Vec<_>>().join(", ")
}

fn read_entry(entry: &Descriptor) -> Result<Listed, String> {
    let says = |key: &str| entry.annotations.get(key).map(String::as_str).ok_or(format!("it lacks annotation `{key}`"));
    let listed = Listed {
        name: check_plugin_name(says(TITLE)?).map_err(|e| e.to_string())?,
        version: Version::parse(says(VERSION)?).map_err(|e| format!("annotation `{VERSION}`: {e}"))?,
        digest: Digest::parse(says(COMPONENT)?).map_err(|e| format!("annotation `{COMPONENT}`: {e}"))?,
        size: says(SIZE)?.parse().map_err(|e| format!("annotation `{SIZE}`: {e}"))?,
        yanked: entry.annotations.contains_key(YANKED),
    };
    if says(REF_NAME)? == format!("{}:{}", listed.name, listed.version) {
        Ok(listed)
    } else {
        Err("its name differs from its plugin and version".into())
    }
}

#[cfg(test)]
mod tests;
