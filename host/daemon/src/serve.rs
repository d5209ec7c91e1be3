//! The daemon's life: opening what it needs, its loops, and its end.

use crate::app::{App, HolderProcess};
use crate::bell::Bell;
use crate::builtin_tracker::BuiltinTracker;
use crate::clock::SystemClock;

use crate::http::auth::Tokens;
use crate::http::listen;
use crate::http::server::{Shared, WebhookSecrets, router};
use crate::images::Images;
use crate::local_forge::LocalForge;
use crate::messengers;
use crate::project::{Links, Project};
use crate::projects::Projects;
use crate::reaper;
use crate::reconcile::Reconciler;
use crate::redact::Redactor;
use crate::room::{self, Room};
use crate::run::launch::Launcher;
use crate::run::watch::Watches;
use crate::settings::{ForgeKind, ProjectSettings, SecretSource, Settings, SettingsError, TrackerKind};
use crate::{loops, outbound};
use anyhow::{Context, Result};
use portcullis_catalog::registry::Registry;
use portcullis_connect::forge::{Forge, GitHub, Gitea};
use portcullis_connect::http::Connection;
use portcullis_connect::secret::Secret;
use portcullis_connect::tracker::{Plane, PlaneSettings, Tracker};
use portcullis_core::step::Rules;
use portcullis_core::time::Clock;
use portcullis_git::{Git, GitSettings, Remote};
use portcullis_runtime::{Runtime, RuntimeConfig};
use portcullis_store::Store;
use portcullis_store::sqlite::SqliteStore;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// File in the home folder that holds the daemon's URL.
pub const ADDRESS_FILE: &str = "url";

/// A daemon that is listening.
pub struct Running {
    /// The daemon.
    pub app: Arc<App>,
    /// Where it listens.
    pub address: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

/// What a project is set up with.
pub struct Tools {
    home: PathBuf,
    git: Git,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    keys: Keys,
}

impl Tools {
    /// Those of a running daemon.
    pub fn of(app: &App) -> Self {
        Self {
            home: app.settings.server.home.clone(),
            git: app.git.clone(),
            store: app.store.clone(),
            clock: app.clock.clone(),
            keys: Keys { redactor: app.redactor.clone() },
        }
    }
}

/// Reads every secret that the settings name, into a redactor as well.
struct Keys {
    redactor: Redactor,
}

impl Keys {
    fn read(&self, key: &str, source: Option<&SecretSource>) -> Result<Option<Secret>, SettingsError> {
        let Some(source) = source else { return Ok(None) };
        let text = source.read(key)?;
        self.redactor.add(&text);
        Ok(Some(Secret::new(text)))
    }
}

/// Opens everything and begins to listen. Nothing runs yet that could be missed: the loops start after the listener.
///
/// # Errors
/// Whatever is not usable, with what to do about it.
pub async fn start(settings: Settings) -> Result<Running> {
    portcullis_store::crash::install(crate::crash::point);
    room::survive_file_size_limit().context("failed to catch the signal of the file size limit")?;
    let home = settings.server.home.clone();
    std::fs::create_dir_all(&home).with_context(|| format!("failed to make the home folder {}", home.display()))?;
    let machine_clock = Arc::new(SystemClock::default());
    let clock: Arc<dyn Clock> = machine_clock.clone();
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&settings.database())?);
    let runtime = open_runtime(&settings)?;
    let registry = Registry::create(settings.registry())
        .with_context(|| format!("failed to open the plugin registry {}", settings.registry().display()))?;
    let git = Git::new(GitSettings::default());
    git.check().context("git is not usable")?;
    let keys = Keys { redactor: Redactor::default() };
    let webhooks = WebhookSecrets {
        gitea: keys.read("webhooks.gitea", settings.webhooks.gitea.as_ref())?,
        github: keys.read("webhooks.github", settings.webhooks.github.as_ref())?,
        plane: keys.read("webhooks.plane", settings.webhooks.plane.as_ref())?,
    };
    let reader = keys.read("server.reader_token", settings.server.reader_token.as_ref())?;
    let operator = keys.read("server.operator_token", settings.server.operator_token.as_ref())?;
    let tokens = Tokens::new(reader.as_ref().map(Secret::expose), operator.as_ref().map(Secret::expose));
    let messenger = messengers::from_settings(&settings.notify, |key, source| keys.read(key, source))?;
    let mut projects = BTreeMap::new();
    let tools = Tools { home: home.clone(), git: git.clone(), store: store.clone(), clock: clock.clone(), keys };
    for project in &settings.project {
        let opened =
            open_project(project, &tools).with_context(|| format!("failed to set up project {}", project.name))?;
        projects.insert(project.name.clone(), Arc::new(opened));
    }
    let boot = new_boot()?;
    let rules = Rules { max_returns: settings.queue.max_returns, ..Rules::default() };
    let address = settings.server.listen.clone();
    let app = Arc::new(App {
        store,
        runtime,
        registry,
        projects: Projects::new(projects),
        reloading: tokio::sync::Mutex::default(),
        git,
        clock,
        machine_clock,
        boot,
        bell: Bell::default(),
        launcher: Launcher { program: std::env::current_exe().context("failed to find our own program")? },
        redactor: tools.keys.redactor,
        messenger,
        merge_leases: Mutex::default(),
        watches: Watches::default(),
        room: Room::default(),
        reaper: Mutex::default(),
        reconciler: Reconciler::default(),
        process: HolderProcess::this(),
        rules,
        settings,
    });
    let listener = TcpListener::bind(&address).await.with_context(|| format!("failed to listen on {address}"))?;
    let address = listener.local_addr()?;
    // Where scripts find us when the port was chosen by the machine.
    std::fs::write(home.join(ADDRESS_FILE), format!("http://{address}\n"))
        .context("failed to write the address file")?;
    room::look(&app).await;
    // The first tick takes over what an earlier daemon left: its leases and its runs (LAU-6).
    let reap_again = reaper::tick(&app).await?;
    tracing::info!(%address, home = %home.display(), projects = app.projects.all().len(), "portcullis is up");
    let (stop, stopping) = watch::channel(false);
    let mut tasks = JoinSet::new();
    loops::spawn(&app, &stopping, &mut tasks, reap_again);
    let routes = router(Shared::new(app.clone(), tokens, webhooks));
    let patience = Duration::from_secs(app.settings.server.request_timeout_s.max(1));
    let mut until = stopping;
    tasks.spawn(async move {
        listen::serve(listener, routes, patience, until.wait_for(|stop| *stop)).await;
    });
    Ok(Running { app, address, stop, tasks })
}

impl Running {
    /// Stops claiming and listening, lets what is being written end, and leaves the runs to their shims.
    pub async fn stop(mut self) {
        let _nobody_waits = self.stop.send(true);
        self.app.bell.ring_all();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(Duration::from_secs(8), all).await.is_err() {
            tracing::warn!("some work did not end in time; the next start takes it up");
            self.tasks.abort_all();
        }
    }
}

/// The runtime with this daemon's cache.
///
/// # Errors
/// If wasmtime cannot be set up.
pub fn open_runtime(settings: &Settings) -> Result<Runtime> {
    let mut config = RuntimeConfig::new(settings.server.home.join("gates"));
    config.slots = settings.gates.slots;
    Ok(Runtime::new(config)?)
}

fn new_boot() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("the machine has no random numbers: {error}"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Sets one project up: its forge, its tracker, its remote.
///
/// # Errors
/// A secret that is not there, an address that is none.
pub fn open_project(settings: &ProjectSettings, tools: &Tools) -> Result<Project> {
    let Tools { home, git, store, clock, keys } = tools;
    let token = keys.read(&format!("project.{}.forge_token", settings.name), settings.forge_token.as_ref())?;
    let mut remote = Remote::new(&settings.remote)?;
    let connection = |url: &Option<String>, default: &str| {
        let token = token.clone().unwrap_or_else(|| Secret::new(""));
        Connection::new(url.clone().unwrap_or_else(|| default.to_owned()), token)
    };
    let forge: Arc<dyn Forge> = match settings.forge {
        ForgeKind::Local => Arc::new(LocalForge {
            project: settings.name.clone(),
            repository: PathBuf::from(settings.remote.strip_prefix("file://").unwrap_or(&settings.remote)),
            git: git.clone(),
            store: store.clone(),
            clock: clock.clone(),
            style: settings.merge_style.local(),
            required: settings.required_checks.clone(),
        }),
        ForgeKind::Gitea => Arc::new(
            Gitea::new(connection(&settings.forge_url, ""), &settings.repository)?
                .landing(settings.merge_style.landing()),
        ),
        ForgeKind::Github => {
            let connection = connection(&settings.forge_url, "https://api.github.com");
            Arc::new(GitHub::new(connection, &settings.repository)?.landing(settings.merge_style.landing()))
        }
    };
    if let Some(token) = token.as_ref().filter(|_| settings.remote.starts_with("http")) {
        remote = remote.with_token("x-access-token", token.expose())?;
    }
    let tracker: Arc<dyn Tracker> = match (settings.tracker, &settings.plane) {
        (TrackerKind::Plane, Some(plane)) => {
            let token = keys.read(&format!("project.{}.plane.token", settings.name), Some(&plane.token))?;
            let connection = Connection::new(plane.url.clone(), token.unwrap_or_else(|| Secret::new("")));
            Arc::new(Plane::new(PlaneSettings::new(connection, plane.workspace.clone()), clock.clone())?)
        }
        (TrackerKind::Plane | TrackerKind::Builtin, _) => {
            Arc::new(BuiltinTracker { project: settings.name.clone(), store: store.clone(), clock: clock.clone() })
        }
    };
    let password = settings.registry.as_ref().and_then(|registry| registry.password.as_ref());
    let password = keys.read(&format!("project.{}.registry.password", settings.name), password)?;
    let images = Images::of(settings, password).context("its registry of images is not usable")?;
    let links = Links { forge, tracker, outbound: outbound::guarded()?, images, store: store.clone() };
    Ok(Project::new(settings.clone(), home, git.clone(), remote, links))
}
