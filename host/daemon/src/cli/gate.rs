//! `portcullis gate`: a gate asked by hand, about a repository on this machine.

use super::print::{error, json, line};
use super::{CliError, Outcome as Ended, progress};
use crate::clock::SystemClock;
use crate::gatehouse::chain;
use crate::http::tasks::shown;
use crate::local_run::{self, Looked, Question};
use crate::sarif;
use portcullis_catalog::install::read_component;
use portcullis_catalog::manifest::{MANIFEST_PATH, Manifest};
use portcullis_catalog::package::Package;
use portcullis_catalog::registry::Registry;
use portcullis_catalog::{check_plugin_name, requirement};
use portcullis_core::gate::{Evaluation, Finding, Grants, Limits, Outcome, PluginRef, Severity, Subject, Verdict};
use portcullis_core::ids::{Revision, WorkItem};
use portcullis_core::pipeline::GateSpec;
use portcullis_core::time::Clock as _;
use portcullis_git::{Checkout, Git, GitSettings, ObjectReader};
use portcullis_runtime::{Runtime, RuntimeConfig};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Bases that are tried where none is named: what this repository would most likely be merged into.
const LIKELY_BASES: [&str; 5] = ["origin/HEAD", "origin/main", "main", "origin/master", "master"];
/// What a gate may use in a run that somebody waits for: enough for a whole history.
const LOCAL_LIMITS: Limits = Limits {
    cpu_ms: 3_600_000,
    wall_ms: 7_200_000,
    memory_mib: 1_024,
    host_calls: 50_000_000,
    findings: 10_000,
    output_kib: 16_384,
};

/// Arguments of `portcullis gate`.
#[derive(Debug, clap::Args)]
pub struct GateArgs {
    #[command(subcommand)]
    command: GateCommand,
}

#[derive(Debug, clap::Subcommand)]
enum GateCommand {
    /// Judges what a branch adds to another, read-only, as the daemon would
    ///
    /// Ends with 0 if the gate is green, 1 if it is not, 3 if it could not judge. Needs no daemon. What only a daemon knows
    /// (checks of the forge, approvals, test runs) is answered as unavailable.
    Run(Box<RunArgs>),
}

#[derive(Debug, clap::Args)]
struct RunArgs {
    /// Name, or name@requirement, in the registry, e.g. portcullis/security; or the path of a component (.wasm)
    plugin: String,
    /// The repository, or any folder in it
    #[arg(long, default_value = ".")]
    repo: PathBuf,
    /// What the branch is compared with [default: origin/HEAD, main or master, the first that is there]
    #[arg(long)]
    base: Option<String>,
    /// What is judged
    #[arg(long, default_value = "HEAD")]
    head: String,
    /// Configuration of the gate, a TOML or JSON file [default: what the base's .portcullis/gates.toml says of this plugin]
    #[arg(long)]
    config: Option<PathBuf>,
    /// The plugin registry
    #[arg(long, env = "PORTCULLIS_GATES__REGISTRY", default_value = "registry")]
    registry: PathBuf,
    /// The work item, for gates that read its documents
    #[arg(long, default_value = "LOCAL-1")]
    work_item: String,
    /// The folder in the repository that holds the folders of work items
    #[arg(long, default_value = "docs/work-items")]
    documents: String,
    /// An OCI image layout, for gates that ask for images
    #[arg(long)]
    images: Option<PathBuf>,
    /// The database of advisories, for gates that audit dependencies; see `portcullis advisories import`
    #[arg(long, env = "PORTCULLIS_GATES__ADVISORIES", default_value = "advisories.db")]
    advisories: PathBuf,
    /// Write everything that the answer follows from to a new file
    #[arg(long)]
    record: Option<PathBuf>,
    /// Print the evaluation as JSON
    #[arg(long)]
    json: bool,
    /// Print the findings as SARIF 2.1.0
    #[arg(long, conflicts_with = "json")]
    sarif: bool,
}

/// Runs it.
///
/// # Errors
/// What cannot be used, in a sentence.
pub async fn run(args: GateArgs) -> Ended {
    match args.command {
        GateCommand::Run(args) => judge(*args).await,
    }
}

fn fail(error: impl std::error::Error + 'static) -> CliError {
    CliError::Usage(chain(&error))
}

async fn judge(args: RunArgs) -> Ended {
    let git = Git::new(GitSettings::default());
    git.check().map_err(fail)?;
    let checkout = Checkout::open(&git, &args.repo).map_err(fail)?;
    let head = resolved(&checkout, &args.head, "--head")?;
    let (target, target_head) = base(&checkout, args.base.as_deref())?;
    let (plugin, made) = component(&args.plugin, &args.registry)?;
    let reader = checkout.repository().reader();
    let chosen = chosen(&reader, &plugin, &target_head)?;
    let config = match (&args.config, &chosen) {
        (Some(path), _) => config_file(path)?,
        (None, Some(spec)) => spec.config.to_string(),
        (None, None) => "{}".to_owned(),
    };
    let branch = match args.head.as_str() {
        "HEAD" => checkout.branch().map_err(fail)?.unwrap_or(args.head),
        _ => args.head,
    };
    let (from, to) = ("deploy-staging".into(), "deploy".into());
    let work_item = WorkItem::new(&args.work_item);
    let subject = Subject {
        repository: repository_name(checkout.repository().path()),
        work_item,
        from,
        to,
        branch,
        head,
        target,
        target_head,
        pull_request: None,
    };
    let question = Question {
        plugin: plugin.clone(),
        subject,
        config,
        limits: LOCAL_LIMITS,
        grants: chosen.map_or_else(Grants::default, |spec| spec.grants),
        folder: format!("{}/{}", args.documents, args.work_item),
        images: args.images,
        advisories: args.advisories,
        at: SystemClock::default().now(),
    };
    let runtime = Runtime::new(RuntimeConfig::new(cache()?)).map_err(fail)?;
    let gate = match runtime.load_cached(&plugin).await {
        Some(gate) => Ok(gate),
        None => {
            let bytes = made.read(&plugin)?;
            progress::while_waiting("compiling the gate (once)", runtime.load(&plugin, &bytes)).await
        }
    };
    let gate = match gate {
        Ok(gate) => gate,
        Err(fault) => {
            error(&format!("{plugin}: {fault}"));
            return Ok(ExitCode::from(3));
        }
    };
    let looked = Arc::new(Looked::default());
    let asking = local_run::ask(&runtime, &gate, reader, question.clone(), looked.clone());
    let evaluation = progress::while_looking(&looked, asking).await?;
    if let Some(path) = &args.record {
        local_run::write(path, &question, &evaluation)?;
    }
    if args.sarif {
        json(&sarif::render(&evaluation.plugin, &evaluation.subject, &evaluation.report.outcome));
    } else if args.json {
        json(&shown(&evaluation));
    } else {
        show(&evaluation, &looked);
    }
    Ok(code(&evaluation.report.outcome))
}

fn code(outcome: &Outcome) -> ExitCode {
    match outcome {
        Outcome::Judged(judgement) if judgement.verdict == Verdict::Pass => ExitCode::SUCCESS,
        Outcome::Judged(_) => ExitCode::from(1),
        Outcome::Faulted(_) => ExitCode::from(3),
    }
}

fn resolved(checkout: &Checkout, name: &str, option: &str) -> Result<Revision, CliError> {
    let found = checkout.resolve(name).map_err(fail)?;
    found.ok_or_else(|| CliError::Usage(format!("`{name}` is no commit here; name another with {option}")))
}

fn base(checkout: &Checkout, named: Option<&str>) -> Result<(String, Revision), CliError> {
    if let Some(name) = named {
        return Ok((name.to_owned(), resolved(checkout, name, "--base")?));
    }
    for name in LIKELY_BASES {
        if let Some(revision) = checkout.resolve(name).map_err(fail)? {
            return Ok((name.to_owned(), revision));
        }
    }
    Err(CliError::Usage(format!("none of {} is here; name a base with --base", LIKELY_BASES.join(", "))))
}

/// Where a plugin's bytes are: they are needed only if it has not been compiled before.
enum Code {
    Here(Vec<u8>),
    In(Registry),
}

impl Code {
    fn read(self, plugin: &PluginRef) -> Result<Vec<u8>, CliError> {
        match self {
            Self::Here(bytes) => Ok(bytes),
            Self::In(registry) => registry.load(plugin).map_err(fail),
        }
    }
}

/// The plugin: from the registry, or a component that was just built.
fn component(plugin: &str, registry: &Path) -> Result<(PluginRef, Code), CliError> {
    if plugin.ends_with(".wasm") {
        let bytes = read_component(Path::new(plugin)).map_err(fail)?;
        let package = Package::from_component("local/component", "0.0.0", bytes.clone()).map_err(fail)?;
        return Ok((package.plugin().clone(), Code::Here(bytes)));
    }
    let (name, wanted) = plugin.split_once('@').unwrap_or((plugin, "*"));
    let (name, wanted) = (check_plugin_name(name).map_err(fail)?, requirement::parse(wanted).map_err(fail)?);
    let registry = Registry::open(registry).map_err(fail)?;
    let plugin = registry.resolve(&name, &wanted).map_err(fail)?.plugin();
    Ok((plugin, Code::In(registry)))
}

/// What the base's manifest says of this plugin, so that a run by hand judges as the daemon does.
fn chosen(reader: &ObjectReader, plugin: &PluginRef, base: &Revision) -> Result<Option<GateSpec>, CliError> {
    let Ok(bytes) = reader.read_file(base, MANIFEST_PATH.as_bytes(), 1 << 20) else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes);
    let manifest = Manifest::parse(&text).map_err(fail)?;
    let found = manifest.gates().find(|used| used.spec.plugin == plugin.name).map(|used| used.spec.clone());
    Ok(found)
}

/// A gate's configuration: TOML, as in a manifest, or JSON. Handed over as JSON.
fn config_file(path: &Path) -> Result<String, CliError> {
    let usage = |what: String| CliError::Usage(format!("{}: {what}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| usage(error.to_string()))?;
    let value: serde_json::Value = if path.extension().is_some_and(|extension| extension == "json") {
        serde_json::from_str(&text).map_err(|error| usage(error.to_string()))?
    } else {
        toml::from_str(&text).map_err(|error| usage(error.to_string()))?
    };
    Ok(value.to_string())
}

/// The name that findings' fingerprints are made with: that of the folder, since nobody knows a forge here.
fn repository_name(git_dir: &Path) -> String {
    let is_dot_git = git_dir.file_name().is_some_and(|name| name == ".git");
    let folder = if is_dot_git { git_dir.parent() } else { Some(git_dir) };
    let name = folder.and_then(Path::file_name).map_or_else(|| "local".into(), |name| name.to_string_lossy());
    format!("local/{}", name.trim_end_matches(".git"))
}

/// Where compiled gates are kept between runs, for this user alone.
fn cache() -> Result<PathBuf, CliError> {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .ok_or_else(|| CliError::Usage("set HOME or XDG_CACHE_HOME: compiled gates are kept there".to_owned()))?;
    let folder = base.join("portcullis");
    std::fs::create_dir_all(&folder)
        .map_err(|error| CliError::Usage(format!("failed to make {}: {error}", folder.display())))?;
    Ok(folder.join("gates"))
}

fn show(evaluation: &Evaluation, looked: &Looked) {
    match &evaluation.report.outcome {
        Outcome::Judged(judgement) => {
            for finding in &judgement.findings {
                line(&told(finding));
            }
            let verdict = match judgement.verdict {
                Verdict::Pass => "pass",
                Verdict::Fail => "fail",
                Verdict::Pending => "pending",
                Verdict::Actionable => "actionable",
            };
            line(&format!("{} {verdict}: {}", evaluation.plugin, judgement.summary));
        }
        Outcome::Faulted(fault) => error(&format!("{}: {fault}", evaluation.plugin)),
    }
    let took = evaluation.report.duration;
    let peak = evaluation.report.memory_peak_bytes >> 20;
    progress::note_if_terminal(&format!("{} in {took:.1?}, {peak} MiB at most", progress::so_far(looked)));
}

/// One finding in a line: `PATH:LINE: error RULE: message`, as compilers do it and editors read it.
fn told(finding: &Finding) -> String {
    let place = match (&finding.path, finding.line) {
        (Some(path), Some(line)) => format!("{path}:{line}: "),
        (Some(path), None) => format!("{path}: "),
        (None, _) => String::new(),
    };
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    format!("{place}{severity} {}: {} [{}]", finding.rule, finding.message, finding.fingerprint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_named_after_its_folder() {
        for (path, name) in [
            ("/src/shop/.git", "local/shop"),
            ("/srv/shop.git", "local/shop"),
            ("/", "local/local"),
            ("/a/b", "local/b"),
        ] {
            assert_eq!(repository_name(Path::new(path)), name, "{path}");
        }
    }

    #[test]
    fn a_finding_is_one_line_that_editors_can_follow() {
        let finding = Finding {
            rule: "aws-access-key".to_owned(),
            severity: Severity::Error,
            message: "a key".to_owned(),
            path: Some("src/a.rs".to_owned()),
            line: Some(7),
            fingerprint: "0123".to_owned(),
        };
        assert_eq!(told(&finding), "src/a.rs:7: error aws-access-key: a key [0123]");
        assert_eq!(told(&Finding { line: None, ..finding.clone() }), "src/a.rs: error aws-access-key: a key [0123]");
        assert_eq!(told(&Finding { path: None, ..finding }), "error aws-access-key: a key [0123]");
    }
}
