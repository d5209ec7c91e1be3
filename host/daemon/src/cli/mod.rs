//! The command line: one subcommand a file, one rendering of errors.
//!
//! Exit codes: 0 done or gate green, 1 gate red, 2 usage or configuration, 3 gate fault, 4 the daemon can't be reached.

pub mod advisories;
pub mod client;
pub mod events;
pub mod gate;
pub mod gates;
pub mod image;
pub mod plugins;
pub mod print;
pub mod progress;
pub mod queue;
pub mod results;
pub mod switches;
pub mod tasks;

use crate::{demo, projects, run, serve, settings::Settings};
use clap::{CommandFactory, Parser, Subcommand};
use client::Daemon;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Lets work through a delivery pipeline only when its gates say so.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the daemon
    Serve(ServeArgs),
    /// Takes a sample work item through the whole pipeline, in a temporary home, for real
    Demo(demo::DemoArgs),
    /// Shows what runs, what waits and why
    Queue(queue::QueueArgs),
    /// Makes, shows, explains and steers tasks
    Task(tasks::TaskArgs),
    /// Ends a job, or runs its stage again
    Job(switches::JobArgs),
    /// Pauses the daemon, a project, a role or a gate: nothing new begins, what runs goes on
    Pause(switches::PauseArgs),
    /// Lets what was paused go on
    Resume(switches::ResumeArgs),
    /// Lets the daemon read the settings file's projects again
    Reload(switches::ReloadArgs),
    /// Shows received events, and handles one again
    Event(events::EventArgs),
    /// Asks a gate by hand about a repository on this machine; needs no daemon
    Gate(gate::GateArgs),
    /// A repository's manifest: begin one, check it, lock its plugins
    Gates(gates::GatesArgs),
    /// Builds, publishes, installs and shows gate plugins
    Plugin(plugins::PluginArgs),
    /// The database of known vulnerabilities that gates look packages up in
    Advisories(advisories::AdvisoriesArgs),
    /// Shows a container image, and promotes one by its digest
    Image(image::ImageArgs),
    /// Makes the staging results document out of test tools' reports
    Results(results::ResultsArgs),
    /// Prints a completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Starts and watches one run; used by the daemon itself
    #[command(hide = true)]
    Shim {
        /// The run's folder
        folder: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
struct ServeArgs {
    /// The settings file (TOML). Without one: defaults and PORTCULLIS_SECTION__KEY from the environment
    #[arg(long, env = "PORTCULLIS_CONFIG")]
    config: Option<PathBuf>,
    /// Check the settings, print what they come to, and end
    #[arg(long)]
    check: bool,
}

/// How long threads that are blocked may keep a daemon that is stopping. With the time for what is being written
/// ([`serve::Running::stop`]) it ends within 10 s.
const BLOCKED_FOR: Duration = Duration::from_secs(1);

/// What a command came to.
pub type Outcome = Result<ExitCode, CliError>;

/// Why a command could not do what was asked.
#[derive(Debug)]
pub enum CliError {
    /// Usage or configuration: exit code 2.
    Usage(String),
    /// The daemon can't be reached: exit code 4.
    Unreachable(String),
}

impl From<anyhow::Error> for CliError {
    fn from(error: anyhow::Error) -> Self {
        Self::Usage(format!("{error:#}"))
    }
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli.command) {
        Ok(code) => code,
        Err(CliError::Usage(text)) => {
            print::error(&text);
            ExitCode::from(2)
        }
        Err(CliError::Unreachable(text)) => {
            print::error(&text);
            ExitCode::from(4)
        }
    }
}

fn dispatch(command: Command) -> Outcome {
    match command {
        Command::Shim { folder } => Ok(run::shim::main(&folder).map(|()| ExitCode::SUCCESS)?),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "portcullis", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
        Command::Serve(args) => daemon(&args),
        Command::Demo(args) => runtime()?.block_on(demo::run(args)),
        Command::Queue(args) => runtime()?.block_on(queue::run(args)),
        Command::Task(args) => runtime()?.block_on(tasks::run(args)),
        Command::Job(args) => runtime()?.block_on(switches::job(args)),
        Command::Pause(args) => runtime()?.block_on(switches::pause(args)),
        Command::Reload(args) => runtime()?.block_on(switches::reload(args)),
        Command::Resume(args) => runtime()?.block_on(switches::resume(args)),
        Command::Event(args) => runtime()?.block_on(events::run(args)),
        Command::Gate(args) => runtime()?.block_on(gate::run(args)),
        Command::Gates(args) => gates::run(args),
        Command::Advisories(args) => advisories::run(args),
        Command::Results(args) => results::run(args),
        Command::Plugin(args) => runtime()?.block_on(plugins::run(args)),
        Command::Image(args) => runtime()?.block_on(image::run(args)),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Runtime::new().map_err(|error| CliError::Usage(format!("failed to start: {error}")))
}

fn daemon(args: &ServeArgs) -> Outcome {
    let settings =
        Settings::load(args.config.as_deref(), std::env::vars()).map_err(|e| CliError::Usage(e.to_string()))?;
    if args.check {
        let text = toml::to_string(&settings).map_err(|error| CliError::Usage(error.to_string()))?;
        print::line(&text);
        print::line("# these settings are usable");
        return Ok(ExitCode::SUCCESS);
    }
    init_logging();
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        // From the beginning: whoever sees it listen may ask it to end at once.
        let mut asked_to_end = std::pin::pin!(listen_for_end()?);
        let running = tokio::select! {
            running = serve::start(settings) => running?,
            // Nothing has begun that would not survive this.
            () = &mut asked_to_end => return Ok(ExitCode::SUCCESS),
        };
        tokio::select! {
            () = asked_to_end => {}
            failed = reload_when_asked(&running.app) => failed?,
        }
        tracing::info!("stopping: nothing new is begun; runs go on under their shims");
        running.stop().await;
        Ok(ExitCode::SUCCESS)
    });
    // What blocks a thread (a push to a forge that hangs) is not waited for: the next start finds out what came of it.
    runtime.shutdown_timeout(BLOCKED_FOR);
    ended
}

/// Reads the projects again at each SIGHUP (REG-2). Never ends by itself.
async fn reload_when_asked(app: &std::sync::Arc<crate::app::App>) -> anyhow::Result<()> {
    let mut asked = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?;
    while asked.recv().await.is_some() {
        if let Err(error) = projects::reload(app, "SIGHUP").await {
            tracing::error!(error = %crate::gatehouse::chain(&error), "the settings were not taken over; everything stays as it was");
        }
    }
    std::future::pending().await
}

/// From now on SIGTERM and Ctrl-C end nothing by themselves; what it answers is over once one of them came.
fn listen_for_end() -> anyhow::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminated, mut interrupted) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
    })
}

/// Logs to standard error; `RUST_LOG` chooses, `info` without it; JSON with `PORTCULLIS_LOG=json`.
pub fn init_logging() {
    use std::io::IsTerminal;
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,wasmtime=warn,cranelift=warn"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let set = if std::env::var("PORTCULLIS_LOG").is_ok_and(|kind| kind == "json") {
        builder.json().try_init()
    } else {
        builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init()
    };
    // An error only says that somebody set one up before.
    drop(set);
}

/// How the daemon is reached, for every command that asks it.
#[derive(Debug, clap::Args)]
pub struct Reach {
    /// Address of the daemon
    #[arg(long, global = true, env = "PORTCULLIS_URL", default_value = "http://127.0.0.1:8500")]
    url: String,
    /// Bearer token, best given in the environment
    #[arg(long, global = true, env = "PORTCULLIS_TOKEN", hide_env_values = true, default_value = "")]
    token: String,
    /// Print JSON as the daemon answers it
    #[arg(long, global = true)]
    pub json: bool,
}

impl Reach {
    /// The daemon.
    ///
    /// # Errors
    /// If no HTTP client can be made.
    pub fn daemon(&self) -> Result<Daemon, CliError> {
        Daemon::new(&self.url, &self.token)
    }
}
