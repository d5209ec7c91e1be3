//! What a manifest grants against what a plugin wants (PLG-5, GAT-5), and what each import means in plain words.

use crate::manifest::GateUse;
use crate::package::Capabilities;
use portcullis_core::gate::{Fault, PluginRef};

/// A gate that wants more than its manifest grants.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{gate}: plugin `{plugin}` imports `{import}` to call out over HTTP, which the manifest does not grant; add \
     `{remedy}` with the hosts that it may call"
)]
pub struct NotGranted {
    /// The gate, with its edge and place.
    pub gate: String,
    /// The plugin's version.
    pub plugin: Box<PluginRef>,
    /// What it imports.
    pub import: String,
    /// The line to add.
    pub remedy: String,
}

impl NotGranted {
    /// What an evaluation without the grant ends as.
    pub fn fault(&self) -> Fault {
        Fault::NotGranted { import: self.import.clone(), remedy: self.remedy.clone() }
    }
}

/// Checks that the gate's manifest grants what the plugin cannot do without.
///
/// # Errors
/// [`NotGranted`] with the line to add.
pub fn check(gate: &GateUse<'_>, plugin: &PluginRef, capabilities: &Capabilities) -> Result<(), NotGranted> {
    match capabilities.network_import() {
        Some(import) if gate.spec.grants.network.is_empty() => Err(NotGranted {
            gate: gate.to_string(),
            plugin: Box::new(plugin.clone()),
            import: import.to_owned(),
            remedy: "grant.network = [\"host.example\"]".into(),
        }),
        _ => Ok(()),
    }
}

/// What an import lets a plugin do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Power {
    /// Changes something: shown first to whoever installs the plugin.
    Acts,
    /// Reaches out over the network, to hosts that the manifest names.
    Network,
    /// Reads facts of the task under judgement.
    Reads,
    /// Part of every program; reaches nothing outside.
    Harmless,
    /// Not offered by any host that we know of; the plugin will not load.
    Unknown,
}

/// What `import` means, in words for whoever installs a plugin.
pub fn describe(import: &str) -> (Power, &'static str) {
    let name = import.split('@').next().unwrap_or(import);
    match name {
        "portcullis:act/workspace" => {
            (Power::Acts, "catches the branch up, runs the project's named commands, publishes the branch")
        }
        "portcullis:act/documents" => (Power::Acts, "writes documents of the work item, which the host commits"),
        "wasi:http/outgoing-handler" => (Power::Network, "calls the hosts that `grant.network` names"),
        "portcullis:read/repository" => (Power::Reads, "reads commits and files of the repository"),
        "portcullis:read/forge" => (Power::Reads, "reads checks and pull requests on the forge"),
        "portcullis:read/documents" => (Power::Reads, "reads the work item's documents"),
        "portcullis:read/images" => (Power::Reads, "reads labels of container images"),
        "portcullis:read/approvals" => (Power::Reads, "reads what people approved"),
        "portcullis:read/test-runs" => (Power::Reads, "reads recorded test runs"),
        "portcullis:read/advisories" => (Power::Reads, "looks packages up in the host's database of vulnerabilities"),
        "portcullis:read/web" => (Power::Network, "calls the hosts that `grant.network` names, if it names any"),
        "portcullis:gate/log" => (Power::Harmless, "writes log lines that are kept with the evaluation"),
        "portcullis:gate/types" => (Power::Harmless, "types only"),
        "wasi:http/types" => (Power::Harmless, "types of HTTP; sends nothing by itself"),
        _ if name.starts_with("portcullis:act/") => (Power::Acts, "changes something outside the gate"),
        _ if name.starts_with("portcullis:read/") => (Power::Reads, "reads facts of the task"),
        _ if name.starts_with("wasi:filesystem/") => (Power::Harmless, "files; a gate is given none"),
        _ if name.starts_with("wasi:sockets/") => (Power::Harmless, "sockets; a gate is given none"),
        _ if name.starts_with("wasi:clocks/") => (Power::Harmless, "a clock that stands still"),
        _ if name.starts_with("wasi:random/") => (Power::Harmless, "random numbers, repeatable"),
        _ if name.starts_with("wasi:io/") || name.starts_with("wasi:cli/") => {
            (Power::Harmless, "what every program has: streams, an empty environment")
        }
        _ => (Power::Unknown, "no host offers this; the plugin will not load"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
    use super::*;
    use crate::manifest::Manifest;
    use portcullis_core::digest::Digest;

    fn capabilities(imports: &[&str]) -> Capabilities {
        Capabilities {
            imports: imports.iter().map(|i| (*i).to_owned()).collect(),
            exports: vec!["portcullis:gate/evaluation@0.1.0".into()],
            contract: semver::Version::new(0, 1, 0),
            can_act: false,
            wants_network: imports.iter().any(|i| i.starts_with("wasi:http/outgoing-handler")),
        }
    }

    fn manifest(grant: &str) -> Manifest {
        Manifest::parse(&format!(
            "format = 1\n[[edge]]\nfrom = \"review\"\nto = \"testing\"\n[[edge.gate]]\nname = \"audit\"\n\
             plugin = \"acme/audit\"\nversion = \"^1\"\n{grant}\n"
        ))
        .unwrap()
    }

    fn plugin() -> PluginRef {
        PluginRef { name: "acme/audit".into(), version: "1.2.0".into(), digest: Digest::from_sha256([7; 32]) }
    }

    #[test]
    fn a_plugin_that_calls_out_without_a_grant_is_refused_with_the_line_to_add() {
        // PLG-5, GAT-5
        let manifest = manifest("");
        let gate = manifest.gates().next().unwrap();
        let error = check(&gate, &plugin(), &capabilities(&["wasi:http/outgoing-handler@0.2.6"])).unwrap_err();
        assert_eq!(
            error.to_string(),
            ".portcullis/gates.toml, line 6, column 8: gate `audit` on edge `review` → `testing`: plugin \
             `acme/audit@1.2.0` imports `wasi:http/outgoing-handler@0.2.6` to call out over HTTP, which the manifest \
             does not grant; add `grant.network = [\"host.example\"]` with the hosts that it may call"
        );
        assert!(matches!(error.fault(), Fault::NotGranted { .. }));
    }

    #[test]
    fn a_plugin_that_reads_only_needs_no_grant_and_one_with_hosts_has_it() {
        // PLG-5
        let (bare, granted) = (manifest(""), manifest("grant.network = [\"api.osv.dev\"]"));
        let reads = capabilities(&["portcullis:read/repository@0.1.0", "wasi:http/types@0.2.6"]);
        assert_eq!(check(&bare.gates().next().unwrap(), &plugin(), &reads), Ok(()));
        let calls = capabilities(&["wasi:http/outgoing-handler@0.2.6"]);
        assert_eq!(check(&granted.gates().next().unwrap(), &plugin(), &calls), Ok(()));
    }

    #[test]
    fn what_acts_and_what_nobody_offers_is_called_so() {
        // PLG-5
        for (import, power) in [
            ("portcullis:act/workspace@0.1.0", Power::Acts),
            ("portcullis:act/documents@0.1.0", Power::Acts),
            ("portcullis:act/later@0.2.0", Power::Acts),
            ("wasi:http/outgoing-handler@0.2.0", Power::Network),
            ("portcullis:read/images@0.1.0", Power::Reads),
            ("wasi:io/streams@0.2.6", Power::Harmless),
            ("acme:magic/wand", Power::Unknown),
        ] {
            assert_eq!(describe(import).0, power, "{import}");
        }
    }
}
