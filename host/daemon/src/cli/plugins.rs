//! `portcullis plugin`: gate plugins, from source to the registry that the daemon judges with.

use super::print::{json, line, note, table};
use super::{CliError, Outcome};
use crate::gatehouse::chain;
use portcullis_catalog::grants::describe;
use portcullis_catalog::install::Installed;
use portcullis_catalog::package::Capabilities;
use portcullis_catalog::package::Package;
use portcullis_catalog::registry::Registry;
use portcullis_catalog::{check_plugin_name, requirement};
use portcullis_core::ids::PluginName;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `portcullis plugin`.
#[derive(Debug, clap::Args)]
pub struct PluginArgs {
    #[command(subcommand)]
    command: PluginCommand,
}

#[derive(Debug, clap::Subcommand)]
enum PluginCommand {
    /// Builds a gate written in Rust into a component, and prints where it is
    Build {
        /// The gate's crate
        #[arg(default_value = ".")]
        dir: PathBuf,
    },
    /// Puts a component into a registry under a name and a version, for good
    Publish {
        /// The component (.wasm)
        component: PathBuf,
        /// Its name, e.g. acme/licences
        #[arg(long)]
        name: String,
        /// Its version, e.g. 1.0.0
        #[arg(long)]
        version: String,
        #[command(flatten)]
        registry: RegistryArg,
    },
    /// Copies a plugin from another registry into the daemon's, after showing what it may do
    Install {
        /// Name, or name@requirement, e.g. acme/licences@^1.2
        plugin: String,
        /// The registry that it comes from
        #[arg(long)]
        from: PathBuf,
        #[command(flatten)]
        registry: RegistryArg,
    },
    /// Every plugin and version in a registry
    List {
        #[command(flatten)]
        registry: RegistryArg,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// What a plugin may do, read off its bytes, and the configuration that it takes
    Inspect {
        /// Name, or name@requirement
        plugin: String,
        #[command(flatten)]
        registry: RegistryArg,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, clap::Args)]
struct RegistryArg {
    /// The registry (a folder in OCI image layout)
    #[arg(long, env = "PORTCULLIS_GATES__REGISTRY", default_value = "registry")]
    registry: PathBuf,
}

/// Runs it.
///
/// # Errors
/// What is wrong with plugin or registry, in a sentence.
pub async fn run(args: PluginArgs) -> Outcome {
    match args.command {
        PluginCommand::Build { dir } => build(&dir),
        PluginCommand::Publish { component, name, version, registry } => {
            let registry = Registry::create(&registry.registry).map_err(fail)?;
            show_installed(&registry.install_file(&component, &name, &version).map_err(fail)?);
            Ok(ExitCode::SUCCESS)
        }
        PluginCommand::Install { plugin, from, registry } => {
            let (name, wanted) = wanted(&plugin)?;
            let source = Registry::open(from).map_err(fail)?;
            let registry = Registry::create(&registry.registry).map_err(fail)?;
            show_installed(&registry.install_from(&source, &name, &wanted).map_err(fail)?);
            Ok(ExitCode::SUCCESS)
        }
        PluginCommand::List { registry, json: as_json } => list(&registry.registry, as_json),
        PluginCommand::Inspect { plugin, registry, json } => inspect(&plugin, &registry.registry, json).await,
    }
}

fn fail(error: impl std::error::Error + 'static) -> CliError {
    CliError::Usage(chain(&error))
}

fn wanted(text: &str) -> Result<(PluginName, semver::VersionReq), CliError> {
    let (name, wanted) = text.split_once('@').unwrap_or((text, "*"));
    Ok((check_plugin_name(name).map_err(fail)?, requirement::parse(wanted).map_err(fail)?))
}

#[expect(clippy::disallowed_methods, reason = "building is starting cargo; nothing of the daemon runs here")]
fn build(dir: &Path) -> Outcome {
    note(&format!("building {} for wasm32-wasip2", dir.display()));
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = std::process::Command::new(cargo)
        .args(["build", "--release", "--target", "wasm32-wasip2", "--message-format=json-render-diagnostics"])
        .current_dir(dir)
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| CliError::Usage(format!("failed to start cargo: {error}; install Rust")))?;
    if !output.status.success() {
        return Err(CliError::Usage(
            "cargo could not build it; if the target is missing: rustup target add wasm32-wasip2".to_owned(),
        ));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let messages = text.lines().filter_map(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    let files = messages.flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default());
    let built: Vec<String> =
        files.filter_map(|file| file.as_str().filter(|file| file.ends_with(".wasm")).map(str::to_owned)).collect();
    let Some(component) = built.last() else {
        return Err(CliError::Usage(
            "cargo built no component; the crate needs `crate-type = [\"cdylib\"]`".to_owned(),
        ));
    };
    let bytes = portcullis_catalog::install::read_component(Path::new(component)).map_err(fail)?;
    let package = Package::from_component("local/built", "0.0.0", bytes).map_err(fail)?;
    show_capabilities(package.capabilities());
    line(component);
    Ok(ExitCode::SUCCESS)
}

fn show_installed(installed: &Installed) {
    show_capabilities(&installed.capabilities);
    let what = if installed.is_new { "is there now" } else { "was there already, byte for byte" };
    line(&format!("{} {} {what}: {}", installed.plugin.name, installed.plugin.version, installed.plugin.digest));
}

fn show_capabilities(capabilities: &Capabilities) {
    note(if capabilities.can_act { "It judges, and may act:" } else { "It only judges:" });
    for import in &capabilities.imports {
        let (_, meaning) = describe(import);
        note(&format!("  {import}: {meaning}"));
    }
}

fn list(registry: &Path, as_json: bool) -> Outcome {
    let listed = Registry::open(registry).and_then(|registry| registry.list()).map_err(fail)?;
    let plugins: Vec<_> = listed.iter().map(portcullis_catalog::registry::Listed::plugin).collect();
    if as_json {
        json(&serde_json::json!({ "plugins": plugins }));
    } else {
        let row =
            |p: &portcullis_core::gate::PluginRef| vec![p.name.to_string(), p.version.clone(), p.digest.to_string()];
        table(&["plugin", "version", "digest"], &plugins.iter().map(row).collect::<Vec<_>>());
    }
    Ok(ExitCode::SUCCESS)
}

async fn inspect(plugin: &str, registry: &Path, as_json: bool) -> Outcome {
    let (name, wanted) = wanted(plugin)?;
    let registry = Registry::open(registry).map_err(fail)?;
    let listed = registry.resolve(&name, &wanted).map_err(fail)?;
    let plugin = listed.plugin();
    let bytes = registry.load(&plugin).map_err(fail)?;
    let capabilities = portcullis_catalog::package::inspect(&name, &bytes).map_err(fail)?;
    let schema = config_schema(&plugin, &bytes).await?;
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap_or(serde_json::Value::String(schema));
    if as_json {
        json(&serde_json::json!({
            "plugin": plugin, "size": bytes.len(), "imports": capabilities.imports, "exports": capabilities.exports,
            "can_act": capabilities.can_act, "config_schema": schema,
        }));
        return Ok(ExitCode::SUCCESS);
    }
    line(&format!("{} {} ({} KiB)\n{}", plugin.name, plugin.version, bytes.len() / 1024, plugin.digest));
    show_capabilities(&capabilities);
    line("Configuration:");
    json(&schema);
    Ok(ExitCode::SUCCESS)
}

/// Asks the gate itself, under its usual limits, with nothing to look at.
async fn config_schema(plugin: &portcullis_core::gate::PluginRef, bytes: &[u8]) -> Result<String, CliError> {
    let folder = tempfile::tempdir().map_err(|error| CliError::Usage(error.to_string()))?;
    let runtime = portcullis_runtime::Runtime::new(portcullis_runtime::RuntimeConfig::new(folder.path().join("gates")));
    let runtime = runtime.map_err(fail)?;
    let gate = runtime.load(plugin, bytes).await.map_err(fail)?;
    runtime.config_schema(&gate, portcullis_core::gate::Limits::default()).await.map_err(fail)
}
