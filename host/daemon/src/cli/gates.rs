//! `portcullis gates`: a repository's manifest and lock.

use super::print::line;
use super::{CliError, Outcome};
use crate::gatehouse::chain;
use portcullis_catalog::lock::Lock;
use portcullis_catalog::manifest::Manifest;
use portcullis_catalog::manifest::{LOCK_PATH, MANIFEST_PATH, STARTER};
use portcullis_catalog::registry::Registry;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `portcullis gates`.
#[derive(Debug, clap::Args)]
pub struct GatesArgs {
    #[command(subcommand)]
    command: GatesCommand,
}

#[derive(Debug, clap::Subcommand)]
enum GatesCommand {
    /// Writes a manifest to begin with
    Init(Dir),
    /// Checks manifest and lock
    Check(Where),
    /// Locks each plugin to the highest version that the manifest allows, keeping what is locked already
    Lock(Where),
    /// Locks afresh, taking newer versions where the manifest allows them
    Update(Where),
}

#[derive(Debug, clap::Args)]
struct Dir {
    /// The repository
    #[arg(default_value = ".")]
    dir: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Where {
    /// The repository
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// The plugin registry to resolve against
    #[arg(long, env = "PORTCULLIS_GATES__REGISTRY", default_value = "registry")]
    registry: PathBuf,
}

/// Runs it.
///
/// # Errors
/// What is wrong with the manifest, in a sentence.
pub fn run(args: GatesArgs) -> Outcome {
    match args.command {
        GatesCommand::Init(Dir { dir }) => init(&dir),
        GatesCommand::Check(place) => check(&place),
        GatesCommand::Lock(place) => lock(&place, true),
        GatesCommand::Update(place) => lock(&place, false),
    }
}

fn usage(text: String) -> CliError {
    CliError::Usage(text)
}

fn init(dir: &Path) -> Outcome {
    let path = dir.join(MANIFEST_PATH);
    if path.exists() {
        return Err(usage(format!("{} is there already; `portcullis gates check` checks it", path.display())));
    }
    let written = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, STARTER));
    written.map_err(|error| usage(format!("failed to write {}: {error}", path.display())))?;
    line(&format!("wrote {}; commit it to the target branch: only there it counts", path.display()));
    Ok(ExitCode::SUCCESS)
}

fn manifest(dir: &Path) -> Result<Manifest, CliError> {
    let path = dir.join(MANIFEST_PATH);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        usage(format!("failed to read {}: {error}; `portcullis gates init` writes one", path.display()))
    })?;
    Manifest::parse(&text).map_err(|error| usage(format!("{}: {}", path.display(), chain(&error))))
}

fn previous(dir: &Path) -> Result<Option<Lock>, CliError> {
    let path = dir.join(LOCK_PATH);
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            Lock::parse(&text).map(Some).map_err(|error| usage(format!("{}: {}", path.display(), chain(&error))))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(usage(format!("failed to read {}: {error}", path.display()))),
    }
}

fn check(place: &Where) -> Outcome {
    let manifest = manifest(&place.dir)?;
    let way: Vec<&str> = manifest.pipeline().way().iter().map(|stage| stage.as_str()).collect();
    line(&format!("pipeline: {}", way.join(" → ")));
    let lock = previous(&place.dir)?;
    for used in manifest.gates() {
        let locked = lock.as_ref().and_then(|lock| lock.plugin(used.spec));
        let locked = locked.map_or_else(|| "not locked".to_owned(), |p| format!("{} {}", p.version, p.digest.short()));
        line(&format!(
            "{} → {}: {} = {} {} ({locked})",
            used.edge.from, used.edge.to, used.spec.name, used.spec.plugin, used.spec.requirement
        ));
    }
    if let Some(lock) = &lock {
        let gaps = lock.check(&manifest);
        if !gaps.is_empty() {
            let gaps: Vec<String> = gaps.iter().map(ToString::to_string).collect();
            return Err(usage(format!(
                "{LOCK_PATH} does not fit the manifest: {}; run `portcullis gates lock`",
                gaps.join("; ")
            )));
        }
    }
    line("the manifest is sound");
    Ok(ExitCode::SUCCESS)
}

fn lock(place: &Where, keep: bool) -> Outcome {
    let manifest = manifest(&place.dir)?;
    let registry = Registry::open(&place.registry).map_err(|error| usage(chain(&error)))?;
    let before = previous(&place.dir)?.filter(|_| keep);
    let lock = Lock::resolve(&manifest, &registry, before.as_ref()).map_err(|error| usage(chain(&error)))?;
    let path = place.dir.join(LOCK_PATH);
    std::fs::write(&path, lock.render())
        .map_err(|error| usage(format!("failed to write {}: {error}", path.display())))?;
    for plugin in lock.plugins() {
        line(&format!("{} {} {}", plugin.name, plugin.version, plugin.digest));
    }
    line(&format!("wrote {}", path.display()));
    Ok(ExitCode::SUCCESS)
}
