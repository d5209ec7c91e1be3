//! The projects of a running daemon: added, changed and removed without a restart (REG-2).
//!
//! Those of the settings file come and go with it (SIGHUP, or `POST /reload`). Those that were added over HTTP stand in a
//! file each below the home folder, in the same form, so that the next start knows them. Whatever is replaced goes on for
//! whoever has it in hand: a run ends in the project that it began in.
//!
//! A project that is removed is paused first, so that nothing new begins; its tasks rest and say why. Adding it again lets
//! them go on.

use crate::app::App;
use crate::project::Project;
use crate::serve::{Tools, open_project};
use crate::settings::{ProjectSettings, Settings, SettingsError};
use portcullis_core::ids::ProjectName;
use portcullis_core::pause::{Pause, PauseScope};
use portcullis_store::StoreError;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// Who pauses a project that is removed.
const SELF: &str = "portcullis";
/// Folder below the home folder that holds the projects that were added over HTTP.
const FOLDER: &str = "projects.d";

type Map = BTreeMap<ProjectName, Arc<Project>>;

/// The projects by name.
#[derive(Default)]
pub struct Projects(RwLock<Arc<Map>>);

impl Projects {
    /// These.
    pub fn new(projects: Map) -> Self {
        Self(RwLock::new(Arc::new(projects)))
    }

    /// All, as they are now.
    pub fn all(&self) -> Arc<Map> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, projects: Map) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(projects);
    }
}

/// Why projects were not changed. Nothing was.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The settings are not usable.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// One of them could not be set up.
    #[error("{0}")]
    Project(String),
    /// It stands in the settings file.
    #[error("project {0} stands in the settings file; change it there, then `portcullis reload`")]
    InFile(ProjectName),
    /// There is none.
    #[error("there is no project `{0}` that was added over HTTP")]
    Unknown(ProjectName),
    /// Its file.
    #[error("failed to write {path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a change came to.
#[derive(Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Changed {
    /// New.
    pub added: Vec<ProjectName>,
    /// There before, with other settings.
    pub changed: Vec<ProjectName>,
    /// No longer there.
    pub removed: Vec<ProjectName>,
}

/// The projects that were added over HTTP to a daemon with this home.
///
/// # Errors
/// A file that is not usable, by its name.
pub fn added_over_http(home: &Path) -> Result<Vec<ProjectSettings>, SettingsError> {
    let folder = home.join(FOLDER);
    let entries = std::fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|kind| kind == "toml")).collect();
    files.sort();
    let read = |path: PathBuf| {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(&path)
            .map_err(|error| SettingsError::Unreadable { path: name.clone(), reason: error.to_string() })?;
        toml::from_str(&text).map_err(|error| SettingsError::Malformed { path: name, reason: error.to_string() })
    };
    files.into_iter().map(read).collect()
}

/// Reads the settings file again and takes its projects over. What else changed in it counts from the next start on.
///
/// # Errors
/// [`ChangeError`]: everything stays as it was.
pub async fn reload(app: &Arc<App>, by: &str) -> Result<Changed, ChangeError> {
    let _one_at_a_time = app.reloading.lock().await;
    let settings = Settings::load(app.settings.source.as_deref(), std::env::vars())?;
    take_over(app, settings, by).await
}

/// Adds a project, or changes one that was added so.
///
/// # Errors
/// [`ChangeError`]: everything stays as it was.
pub async fn add(app: &Arc<App>, project: ProjectSettings, by: &str) -> Result<Changed, ChangeError> {
    let _one_at_a_time = app.reloading.lock().await;
    let mut settings = Settings::load(app.settings.source.as_deref(), std::env::vars())?;
    let others = added_over_http(&app.settings.server.home)?;
    if !others.iter().any(|other| other.name == project.name)
        && settings.project.iter().any(|other| other.name == project.name)
    {
        return Err(ChangeError::InFile(project.name));
    }
    settings.project.retain(|other| other.name != project.name);
    settings.project.push(project.clone());
    settings.check()?;
    let path = app.settings.server.home.join(FOLDER).join(format!("{}.toml", project.name));
    let changed = take_over(app, settings, by).await?;
    // Written last: what could not be set up is not there at the next start either. The bytes are there before the name.
    let text = toml::to_string(&project).map_err(|error| ChangeError::Project(error.to_string()))?;
    write(&path, &text).map_err(|source| ChangeError::File { path: path.display().to_string(), source })?;
    Ok(changed)
}

/// Removes a project that was added over HTTP.
///
/// # Errors
/// [`ChangeError`]: everything stays as it was.
pub async fn remove(app: &Arc<App>, name: &ProjectName, by: &str) -> Result<Changed, ChangeError> {
    let _one_at_a_time = app.reloading.lock().await;
    let mut settings = Settings::load(app.settings.source.as_deref(), std::env::vars())?;
    if !added_over_http(&app.settings.server.home)?.iter().any(|project| project.name == *name) {
        let in_file = settings.project.iter().any(|project| project.name == *name);
        return Err(if in_file { ChangeError::InFile(name.clone()) } else { ChangeError::Unknown(name.clone()) });
    }
    let path = app.settings.server.home.join(FOLDER).join(format!("{name}.toml"));
    std::fs::remove_file(&path).map_err(|source| ChangeError::File { path: path.display().to_string(), source })?;
    settings.project.retain(|project| project.name != *name);
    take_over(app, settings, by).await
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

async fn take_over(app: &Arc<App>, settings: Settings, by: &str) -> Result<Changed, ChangeError> {
    let old = app.projects.all();
    let tools = Tools::of(app);
    let mut changed = Changed::default();
    let mut new = Map::new();
    for project in &settings.project {
        let known = old.get(&project.name);
        // The same project stays the same value: its caches and its open mirror with it.
        if let Some(known) = known.filter(|known| known.settings == *project) {
            new.insert(project.name.clone(), known.clone());
            continue;
        }
        let opened = open_project(project, &tools).map_err(|error| ChangeError::Project(format!("{error:#}")))?;
        new.insert(project.name.clone(), Arc::new(opened));
        if known.is_some() { &mut changed.changed } else { &mut changed.added }.push(project.name.clone());
    }
    changed.removed = old.keys().filter(|name| !new.contains_key(*name)).cloned().collect();
    // Before it is gone: what would be claimed without a project could only fail.
    for name in &changed.removed {
        let why = format!("{by} removed the project; add it again and its tasks go on");
        let scope = PauseScope::Project(name.clone());
        app.store.pause(Pause { scope, by: SELF.to_owned(), why, since: app.now() }).await?;
    }
    app.projects.replace(new);
    let pauses = app.store.pauses().await?;
    for name in changed.added.iter() {
        let ours = |pause: &&Pause| pause.scope == PauseScope::Project(name.clone()) && pause.by == SELF;
        if let Some(pause) = pauses.0.iter().find(ours) {
            app.store.resume(&pause.scope, by, app.now()).await?;
        }
    }
    let mut concerned = Vec::new();
    for name in changed.added.iter().chain(&changed.changed).chain(&changed.removed) {
        concerned.extend(app.store.open_tasks(name).await?);
    }
    app.store.ring(&concerned, app.now()).await?;
    app.bell.ring_all();
    tracing::warn!(by, ?changed, "the projects were read again");
    Ok(changed)
}
