//! A plugin package: one WASI component that exports a gate contract which this version speaks.
//!
//! A [`Package`] that exists is a well-formed component of at most 64 MiB with the right export. Whether its imports can
//! be satisfied is the runtime's question at load, whether they are granted is asked by `grants.rs`.

use crate::names::{NotAPluginName, check_plugin_name, shown};
use crate::sha::digest_of;
use portcullis_core::gate::{Fault, PluginRef};
use portcullis_core::ids::PluginName;
use semver::Version;
use std::fmt;
use wasmparser::component_types::ComponentEntityType;
use wasmparser::{ComponentExternalKind, Encoding, Parser, Payload, Validator};

/// Largest component, in bytes. Components of interpreted languages carry their interpreter: 12 to 18 MB.
pub const MAX_COMPONENT_BYTES: u64 = 64 * 1024 * 1024;
/// The contract that a gate exports, and its track of versions that this host speaks.
const EVALUATION: &str = "portcullis:gate/evaluation";
const ACTION: &str = "portcullis:gate/action";
/// Newest version of the contract; every version of the same semver track is spoken.
const CONTRACT: Version = Version::new(0, 1, 0);
/// Most imports and exports of one component.
const MAX_NAMES: usize = 1_000;

/// Why some bytes, a name and a version make no package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant is its documentation")]
pub enum PackageError {
    #[error(transparent)]
    Name(#[from] NotAPluginName),
    #[error("`{text}` is no version of plugin `{plugin}`: {detail}; write for example `1.2.0`")]
    BadVersion { plugin: PluginName, text: String, detail: String },
    #[error("`{plugin}` has {bytes} bytes, the limit is {limit}; strip its debug information")]
    TooLarge { plugin: PluginName, bytes: u64, limit: u64 },
    #[error("`{plugin}` is not WebAssembly: it begins with {start}; give the `.wasm` file that the build made")]
    NotWasm { plugin: PluginName, start: String },
    #[error(
        "`{plugin}` is a core WebAssembly module, not a component; build it with `--target wasm32-wasip2`, or wrap it \
         with `wasm-tools component new`"
    )]
    CoreModule { plugin: PluginName },
    #[error("`{plugin}` is a malformed component: {detail}; build it again")]
    Malformed { plugin: PluginName, detail: String },
    #[error(
        "`{plugin}` exports no gate contract: it exports {found}; export `{EVALUATION}@{CONTRACT}` \
         (world `judge` or `actor`)"
    )]
    WrongWorld { plugin: PluginName, found: String },
    #[error(
        "`{plugin}` exports the gate contract in version {found}, this host speaks {CONTRACT} and what is compatible \
         with it; build the plugin against `portcullis:gate@{CONTRACT}`"
    )]
    WrongContract { plugin: PluginName, found: String },
    #[error("`{plugin}` exports `{export}` without {missing}; build it against `portcullis:gate@{CONTRACT}`")]
    Incomplete { plugin: PluginName, export: String, missing: String },
}

impl PackageError {
    /// What an evaluation that needs this package ends as (GAT-1).
    pub fn fault(&self) -> Fault {
        match self {
            Self::WrongWorld { found, .. } | Self::WrongContract { found, .. } => {
                Fault::WrongContract { found: found.clone(), supported: CONTRACT.to_string() }
            }
            Self::Incomplete { missing, .. } => {
                Fault::WrongContract { found: format!("one without {missing}"), supported: CONTRACT.to_string() }
            }
            Self::Name(_)
            | Self::BadVersion { .. }
            | Self::TooLarge { .. }
            | Self::NotWasm { .. }
            | Self::CoreModule { .. }
            | Self::Malformed { .. } => Fault::NotAComponent { detail: self.to_string() },
        }
    }
}

/// What a component can reach and offers, read off its imports and exports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Names of its imports, in its own order.
    pub imports: Vec<String>,
    /// Names of its exports, in its own order.
    pub exports: Vec<String>,
    /// Version of the gate contract that it exports.
    pub contract: Version,
    /// Whether it can also mend what it judges (exports `portcullis:gate/action`).
    pub can_act: bool,
    /// Whether it wants to call out over HTTP (imports `wasi:http/outgoing-handler`), which the manifest must grant.
    pub wants_network: bool,
}

impl Capabilities {
    /// The import that needs a grant of hosts.
    pub fn network_import(&self) -> Option<&str> {
        self.imports.iter().map(String::as_str).find(|import| interface(import) == "wasi:http/outgoing-handler")
    }
}

/// A plugin, checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Package {
    plugin: PluginRef,
    version: Version,
    capabilities: Capabilities,
    bytes: Vec<u8>,
}

impl fmt::Debug for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Package({} {}, {} bytes)", self.plugin, self.plugin.digest.short(), self.bytes.len())
    }
}

impl Package {
    /// Checks a component and gives it a name and a version.
    ///
    /// # Errors
    /// Whatever makes it no plugin; the bytes are taken for hostile.
    pub fn from_component(name: &str, version: &str, bytes: Vec<u8>) -> Result<Self, PackageError> {
        let plugin = check_plugin_name(name)?;
        let version = check_version(&plugin, version)?;
        let capabilities = inspect(&plugin, &bytes)?;
        let plugin = PluginRef { name: plugin, version: version.to_string(), digest: digest_of(&bytes) };
        Ok(Self { plugin, version, capabilities, bytes })
    }

    /// Name, version and digest.
    pub fn plugin(&self) -> &PluginRef {
        &self.plugin
    }

    /// The version.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// What it may do.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Size of the component in bytes.
    pub fn size(&self) -> u64 {
        u64::try_from(self.bytes.len()).unwrap_or(u64::MAX)
    }

    /// The component.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads a version that may be published. Build metadata is refused: it does not order, and OCI tags cannot hold `+`.
fn check_version(plugin: &PluginName, text: &str) -> Result<Version, PackageError> {
    let refuse = |detail: String| PackageError::BadVersion { plugin: plugin.clone(), text: shown(text), detail };
    let version = Version::parse(text).map_err(|e| refuse(e.to_string()))?;
    if !version.build.is_empty() {
        return Err(refuse(format!("build metadata `+{}` is not allowed", shown(&version.build))));
    }
    if text.len() > 100 {
        return Err(refuse("it has more than 100 characters".into()));
    }
    Ok(version)
}

/// Checks that `bytes` are a component that exports a contract we speak, and says what it may do.
///
/// # Errors
/// Whatever makes it no gate.
pub fn inspect(plugin: &PluginName, bytes: &[u8]) -> Result<Capabilities, PackageError> {
    let plugin = || plugin.clone();
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if size > MAX_COMPONENT_BYTES {
        return Err(PackageError::TooLarge { plugin: plugin(), bytes: size, limit: MAX_COMPONENT_BYTES });
    }
    if !bytes.starts_with(b"\0asm") {
        return Err(PackageError::NotWasm { plugin: plugin(), start: first_bytes(bytes) });
    }
    if Parser::is_core_wasm(bytes) {
        return Err(PackageError::CoreModule { plugin: plugin() });
    }
    let malformed = |detail: &dyn fmt::Display| PackageError::Malformed {
        plugin: plugin(),
        detail: detail.to_string().chars().take(300).collect(),
    };
    let types = Validator::new().validate_all(bytes).map_err(|e| malformed(&e))?;
    let (imports, exports) = outside(bytes).map_err(|e| malformed(&e))?;
    if imports.len() + exports.len() > MAX_NAMES {
        return Err(malformed(&format_args!("it has more than {MAX_NAMES} imports and exports")));
    }
    let contract = contract(plugin(), &exports)?;
    let functions = |export: &str| match types.as_ref().component_item_for_export(export).map(|item| item.ty) {
        Some(ComponentEntityType::Instance(id)) => types[id].exports.keys().map(String::as_str).collect(),
        _ => Vec::new(),
    };
    let action = exports.iter().find(|export| interface(export) == ACTION);
    let evaluation = format!("{EVALUATION}@{contract}");
    let wanted = [(Some(&evaluation), "evaluate"), (Some(&evaluation), "config-schema"), (action, "act")];
    for (export, function) in wanted {
        let Some(export) = export else { continue };
        if !functions(export).contains(&function) {
            let (export, missing) = (shown(export), format!("its function `{function}`"));
            return Err(PackageError::Incomplete { plugin: plugin(), export, missing });
        }
    }
    let can_act = action.is_some();
    let mut capabilities = Capabilities { imports, exports, contract, can_act, wants_network: false };
    capabilities.wants_network = capabilities.network_import().is_some();
    Ok(capabilities)
}

/// The exported contract's version, if we speak it.
fn contract(plugin: PluginName, exports: &[String]) -> Result<Version, PackageError> {
    let Some(export) = exports.iter().find(|export| interface(export) == EVALUATION) else {
        let found = match exports {
            [] => "nothing".to_owned(),
            some => some.iter().take(5).map(|e| format!("`{}`", shown(e))).collect::<Vec<_>>().join(", "),
        };
        return Err(PackageError::WrongWorld { plugin, found });
    };
    let version = export.rsplit_once('@').and_then(|(_, version)| Version::parse(version).ok());
    match version {
        // One semver track: below 1.0 the minor number is the breaking one. Pre-releases never match.
        Some(v) if (v.major, v.minor) == (CONTRACT.major, CONTRACT.minor) && v.pre.is_empty() => Ok(v),
        Some(v) => Err(PackageError::WrongContract { plugin, found: shown(&v.to_string()) }),
        None => Err(PackageError::WrongContract { plugin, found: "(none)".into() }),
    }
}

/// `namespace:package/interface` of an import's or export's full name.
fn interface(name: &str) -> &str {
    name.split('@').next().unwrap_or(name)
}

/// Names of the imports and exports of the outermost component.
fn outside(bytes: &[u8]) -> wasmparser::Result<(Vec<String>, Vec<String>)> {
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::Version { encoding: Encoding::Component | Encoding::Module, .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    let export = export?;
                    if export.kind != ComponentExternalKind::Type {
                        exports.push(export.name.name.to_owned());
                    }
                }
            }
            _ => {}
        }
    }
    Ok((imports, exports))
}

/// The first bytes, for a person who gave the wrong file.
fn first_bytes(bytes: &[u8]) -> String {
    match bytes {
        [] => "nothing (the file is empty)".into(),
        some => format!("`{}`", some.iter().take(8).flat_map(|b| b.escape_ascii()).map(char::from).collect::<String>()),
    }
}

#[cfg(test)]
mod tests;
