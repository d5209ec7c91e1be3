//! The gate contracts that this host speaks, one adapter module for each major version.
//!
//! An adapter converts between the types that `wit/` generates and those of the core, and does nothing else. A component
//! asks for interfaces by semver track: `0.1.x` is one track, so is `1.x`; pre-releases stand alone.

pub(crate) mod v0_1;

use semver::Version;

/// Interface that every gate exports.
pub(crate) const EVALUATION: &str = "portcullis:gate/evaluation";
/// Interface that gates export which can also act.
pub(crate) const ACTION: &str = "portcullis:gate/action";
/// Package that only acting gates need.
pub(crate) const WORKSPACE: &str = "portcullis:act/workspace";
/// What a gate imports to use the network.
pub(crate) const OUTGOING_HTTP: &str = "wasi:http/outgoing-handler";

/// Version of the gate contract.
pub(crate) const GATE_VERSION: Version = Version::new(0, 1, 0);
/// Version of WASI.
const WASI_VERSION: Version = Version::new(0, 2, 12);

/// The gate interfaces that a component may import, all at [`GATE_VERSION`].
pub(crate) const GATE_IMPORTS: [&str; 12] = [
    "portcullis:gate/types",
    "portcullis:gate/log",
    "portcullis:read/repository",
    "portcullis:read/forge",
    "portcullis:read/documents",
    "portcullis:read/images",
    "portcullis:read/approvals",
    "portcullis:read/test-runs",
    "portcullis:read/advisories",
    "portcullis:read/web",
    WORKSPACE,
    "portcullis:act/documents",
];

/// The WASI interfaces that a component may import, all at [`WASI_VERSION`]. Files and sockets are here because compilers
/// of other languages always import them; there is nothing behind them.
pub(crate) const WASI_IMPORTS: [&str; 29] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:http/types",
    OUTGOING_HTTP,
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
];

/// An import's or export's name, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name<'a> {
    /// Without the version.
    pub(crate) interface: &'a str,
    version: &'a str,
}

impl<'a> Name<'a> {
    pub(crate) fn of(name: &'a str) -> Self {
        let (interface, version) = name.split_once('@').unwrap_or((name, ""));
        Self { interface, version }
    }

    /// Whether it is on the same track as `offered`.
    pub(crate) fn speaks(&self, offered: &Version) -> bool {
        Version::parse(self.version).is_ok_and(|wanted| track(&wanted) == track(offered))
    }
}

/// Versions with equal tracks can stand in for one another, as the linker sees it.
fn track(version: &Version) -> (u64, u64, u64, &str) {
    if !version.pre.is_empty() {
        return (version.major, version.minor, version.patch, version.pre.as_str());
    }
    match (version.major, version.minor, version.patch) {
        (0, 0, patch) => (0, 0, patch, ""),
        (0, minor, _) => (0, minor, 0, ""),
        (major, _, _) => (major, 0, 0, ""),
    }
}

/// Whether the host has something behind the import `name`.
pub(crate) fn offers(name: &str) -> bool {
    let name = Name::of(name);
    (GATE_IMPORTS.contains(&name.interface) && name.speaks(&GATE_VERSION))
        || (WASI_IMPORTS.contains(&name.interface) && name.speaks(&WASI_VERSION))
}

/// What the host offers, for people.
pub(crate) fn offered() -> String {
    format!("portcullis:gate, portcullis:read and portcullis:act at {GATE_VERSION}, and WASI 0.2 up to {WASI_VERSION}")
}

/// The contracts that the host speaks, for people.
pub(crate) fn supported() -> String {
    format!("{EVALUATION}@{GATE_VERSION}, and beside it {ACTION}@{GATE_VERSION}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_is_matched_by_its_semver_track() {
        // GAT-1
        for name in ["portcullis:read/forge@0.1.0", "portcullis:read/forge@0.1.7", "wasi:io/poll@0.2.3"] {
            assert!(offers(name), "{name}");
        }
        for name in [
            "portcullis:read/forge",
            "portcullis:read/forge@0.2.0",
            "portcullis:read/forge@0.1.0-rc.1",
            "portcullis:read/nonsense@0.1.0",
            "wasi:io/poll@0.3.0",
            "wasi:http/incoming-handler@0.2.0",
            "",
        ] {
            assert!(!offers(name), "{name}");
        }
    }
}
