//! A gate that is ready to run: compiled, checked against the contract, and linked.
//!
//! Everything that can be wrong with a component is found here, from its type and never from the text of an error, so that
//! an evaluation meets no surprise.

use crate::contract::v0_1::{Exports, OtherShape};
use crate::contract::{self, ACTION, EVALUATION, GATE_VERSION, Name, OUTGOING_HTTP};
use crate::guest::GuestState;
use crate::linkers::Linkers;
use portcullis_core::gate::{Fault, PluginRef};
use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre};

/// Most names in a fault, and the most characters of one: a component's author chose them.
const MAX_NAMES: usize = 12;
const MAX_NAME: usize = 100;

/// A gate that is ready to run. Instances of it are fresh for each evaluation.
pub struct Gate {
    plugin: PluginRef,
    imports: Vec<String>,
    can_act: bool,
    wants_network: bool,
    pub(crate) observe: InstancePre<GuestState>,
    /// There if the gate can act.
    pub(crate) act: Option<InstancePre<GuestState>>,
    pub(crate) exports: Exports,
}

impl Gate {
    /// Exactly which code this is.
    pub fn plugin(&self) -> &PluginRef {
        &self.plugin
    }

    /// Whether it exports `act`.
    pub fn can_act(&self) -> bool {
        self.can_act
    }

    /// What it imports: with what it is granted, this is all that it can do.
    pub fn imports(&self) -> &[String] {
        &self.imports
    }

    /// Whether it imports what needs `grant.network`.
    pub fn wants_network(&self) -> bool {
        self.wants_network
    }

    /// Checks and links a compiled component.
    pub(crate) fn new(
        plugin: PluginRef,
        component: &Component,
        engine: &Engine,
        linkers: &Linkers,
    ) -> Result<Self, Fault> {
        let types = component.component_type();
        let exports: Vec<&str> = types.exports(engine).map(|(name, _)| name).collect();
        let can_act = contract_of(&exports)?;
        let imports: Vec<String> = types.imports(engine).map(|(name, _)| name.to_owned()).collect();
        if let Some(missing) = imports.iter().find(|name| !contract::offers(name)) {
            return Err(Fault::MissingImport { import: short(missing), offered: contract::offered() });
        }
        // All names are offered, so what is left to go wrong is the shape of something behind one of them.
        let link = |linker: &wasmtime::component::Linker<GuestState>| {
            linker.instantiate_pre(component).map_err(|error| wrong_shape(&short(&format!("imports ({error})"))))
        };
        let observe = link(&linkers.observe)?;
        let act = if can_act { Some(link(&linkers.act)?) } else { None };
        let exports = Exports::find(&observe, engine, can_act)
            .map_err(|OtherShape(function)| wrong_shape(&format!("`{function}`")))?;
        let wants_network = imports.iter().any(|name| Name::of(name).interface == OUTGOING_HTTP);
        Ok(Self { plugin, imports, can_act, wants_network, observe, act, exports })
    }
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").field("plugin", &self.plugin).field("can_act", &self.can_act).finish_non_exhaustive()
    }
}

/// Whether these exports are a contract that this host speaks, and if so, whether the gate can act.
fn contract_of(exports: &[&str]) -> Result<bool, Fault> {
    let speaks = |interface: &str| {
        exports
            .iter()
            .map(|name| Name::of(name))
            .find(|name| name.interface == interface)
            .map(|n| n.speaks(&GATE_VERSION))
    };
    match (speaks(EVALUATION), speaks(ACTION)) {
        (Some(true), None) => Ok(false),
        (Some(true), Some(true)) => Ok(true),
        (Some(false) | None, _) | (Some(true), Some(false)) => {
            let found = if exports.is_empty() {
                "no exports".to_owned()
            } else {
                let names: Vec<String> = exports.iter().take(MAX_NAMES).map(|name| short(name)).collect();
                names.join(", ")
            };
            Err(Fault::WrongContract { found, supported: contract::supported() })
        }
    }
}

fn wrong_shape(what: &str) -> Fault {
    Fault::WrongContract { found: format!("{what} of another type"), supported: contract::supported() }
}

fn short(name: &str) -> String {
    name.chars().take(MAX_NAME).collect()
}
