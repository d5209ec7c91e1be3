//! A scene: repository, settings and home, from which a daemon is started, stopped and started again.

use crate::daemon::{CLOCK_FILE, Daemon, workspace};
use portcullis_testkit::TempRepo;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use tempfile::TempDir;

/// The project of every scene.
pub const PROJECT: &str = "demo";
/// The operator's token.
pub const OPERATOR: &str = "operator-token-of-the-tests";
/// The reader's token.
pub const READER: &str = "reader-token-of-the-tests";
/// What every webhook source signs with.
pub const SECRET: &str = "webhook-secret-of-the-tests";

/// A repository with its settings; the daemon's home outlives the daemon.
pub struct Scene {
    /// The repository; its origin is what the daemon works on.
    pub repo: TempRepo,
    home: TempDir,
    settings: PathBuf,
}

/// What a scene is made of.
pub struct SceneBuilder {
    manifest: Option<String>,
    roles: Vec<(String, String)>,
    commands: Vec<(String, String)>,
    project: String,
    more: String,
    forge: String,
    mandatory: String,
    approved_stages: String,
    registry: PathBuf,
    role_limits: Vec<(String, u64)>,
}

impl Default for SceneBuilder {
    fn default() -> Self {
        Self {
            manifest: Some("format = 1\n".to_owned()),
            roles: Vec::new(),
            commands: Vec::new(),
            project: String::new(),
            more: String::new(),
            forge: "forge = \"local\"\n".to_owned(),
            mandatory: "[]".to_owned(),
            approved_stages: "[]".to_owned(),
            registry: workspace().join("registry"),
            role_limits: Vec::new(),
        }
    }
}

impl SceneBuilder {
    /// The manifest on the target branch; without this call: the default pipeline without any gate.
    pub fn manifest(mut self, text: &str) -> Self {
        self.manifest = Some(text.to_owned());
        self
    }

    /// No manifest at all.
    pub fn without_manifest(mut self) -> Self {
        self.manifest = None;
        self
    }

    /// A role's shell script.
    pub fn role(mut self, name: &str, script: &str) -> Self {
        self.roles.push((name.to_owned(), script.to_owned()));
        self
    }

    /// The same shell script for every role of the default pipeline.
    pub fn every_role(mut self, script: &str) -> Self {
        for name in ["analyst", "architect", "developer", "reviewer", "tester", "deployer"] {
            self = self.role(name, script);
        }
        self
    }

    /// How many seconds a role's run may take.
    pub fn role_limit(mut self, name: &str, seconds: u64) -> Self {
        self.role_limits.push((name.to_owned(), seconds));
        self
    }

    /// Another plugin registry than the workspace's.
    pub fn registry(mut self, folder: &Path) -> Self {
        folder.clone_into(&mut self.registry);
        self
    }

    /// A named command's shell script.
    pub fn command(mut self, name: &str, script: &str) -> Self {
        self.commands.push((name.to_owned(), script.to_owned()));
        self
    }

    /// More lines of the `[[project]]` table.
    pub fn project(mut self, lines: &str) -> Self {
        self.project.push_str(lines);
        self
    }

    /// More settings, before the project's table.
    pub fn settings(mut self, text: &str) -> Self {
        self.more.push_str(text);
        self
    }

    /// Another forge than the local one: the lines that say which.
    pub fn forge(mut self, lines: &str) -> Self {
        self.forge = lines.to_owned();
        self
    }

    /// `gates.mandatory`, as TOML.
    pub fn mandatory(mut self, list: &str) -> Self {
        self.mandatory = list.to_owned();
        self
    }

    /// `gates.approved_stages`, as TOML; without this call no stage needs a person.
    pub fn approved_stages(mut self, list: &str) -> Self {
        self.approved_stages = list.to_owned();
        self
    }

    /// Makes repository and settings. No daemon runs yet.
    pub fn build(self) -> Scene {
        let repo = TempRepo::with_commit("README.md", "# A service\n");
        if let Some(manifest) = &self.manifest {
            repo.commit_file(".portcullis/gates.toml", manifest);
        }
        let home = tempfile::tempdir().expect("a home can be made");
        let settings = home.path().join("portcullis.toml");
        let scene = Scene { repo, home, settings };
        scene.write_settings(&self);
        scene
    }
}

/// A repository whose target branch has this manifest.
pub fn repository(manifest: &str) -> TempRepo {
    let repo = TempRepo::with_commit("README.md", "# A service\n");
    repo.commit_file(".portcullis/gates.toml", manifest);
    repo
}

/// The settings of a further project, for [`SceneBuilder::settings`]. `more` follows: `[project.roles]` and the like.
pub fn further_project(name: &str, repo: &TempRepo, more: &str) -> String {
    let remote = serde_json::to_string(&repo.origin().display().to_string()).expect("a path is text");
    format!(
        "\n[[project]]\nname = \"{name}\"\nrepository = \"acme/{name}\"\nremote = {remote}\nforge = \"local\"\n{more}\n"
    )
}

impl Scene {
    /// A scene to be described.
    pub fn builder() -> SceneBuilder {
        SceneBuilder::default()
    }

    /// The daemon's home.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The settings file.
    pub fn settings(&self) -> &Path {
        &self.settings
    }

    /// Changes the settings' text: every `from` becomes `to`.
    pub fn edit_settings(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(&self.settings).expect("the settings can be read");
        assert!(text.contains(from), "the settings have no {from}");
        std::fs::write(&self.settings, text.replace(from, to)).expect("the settings can be written");
    }

    /// Changes the database while no daemon runs, for what the product itself would never write.
    pub fn database(&self, sql: &str) {
        let db = rusqlite::Connection::open(self.home().join("portcullis.db")).expect("the database opens");
        db.execute_batch(sql).expect("the database takes it");
    }

    /// Sets the daemon's clock: forward, or back if negative, from what the machine says. A daemon that runs sees it at once.
    pub fn set_clock(&self, forward_ms: i64) {
        let (file, part) = (self.home().join(CLOCK_FILE), self.home().join("clock.part"));
        std::fs::write(&part, forward_ms.to_string()).expect("the clock can be set");
        std::fs::rename(part, file).expect("the clock can be set");
    }

    /// Starts the daemon and waits until it listens.
    pub fn start(&self) -> Daemon {
        Daemon::start(self.home(), &self.settings)
    }

    /// Starts the daemon with more in its environment and waits until it listens.
    ///
    /// # Errors
    /// It has ended before that.
    pub fn try_start(&self, env: &[(&str, &OsStr)]) -> Result<Daemon, ExitStatus> {
        Daemon::try_start(self.home(), &self.settings, env)
    }

    fn write_settings(&self, builder: &SceneBuilder) {
        let quote = |path: &Path| serde_json::to_string(&path.display().to_string()).expect("a path is text");
        let secret = |text: &str, name: &str| {
            let path = self.home().join(name);
            std::fs::write(&path, text).expect("a secret can be written");
            format!("{{ file = {} }}", quote(&path))
        };
        let script = |kind: &str, name: &str, text: &str| {
            let path = self.home().join(format!("{kind}-{name}.sh"));
            std::fs::write(&path, text).expect("a script can be written");
            format!("[\"sh\", {}]", quote(&path))
        };
        let mut text = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\nhome = {}\noperator_token = {}\nreader_token = {}\n\n[webhooks]\n",
            quote(self.home()),
            secret(OPERATOR, "operator"),
            secret(READER, "reader"),
        );
        for source in ["gitea", "github", "plane"] {
            text.push_str(&format!("{source} = {}\n", secret(SECRET, "webhook")));
        }
        text.push_str(&format!(
            "\n[gates]\nregistry = {}\nmandatory = {}\napproved_stages = {}\n\n",
            quote(&builder.registry),
            builder.mandatory,
            builder.approved_stages,
        ));
        text.push_str(&builder.more);
        text.push_str(&format!(
            "\n[[project]]\nname = \"{PROJECT}\"\nrepository = \"acme/service\"\nremote = {}\n{}{}\n[project.roles]\n",
            quote(&self.repo.origin()),
            builder.forge,
            builder.project,
        ));
        for (name, body) in &builder.roles {
            text.push_str(&format!("{name}.command = {}\n", script("role", name, body)));
        }
        for (name, seconds) in &builder.role_limits {
            text.push_str(&format!("{name}.time_limit_s = {seconds}\n"));
        }
        text.push_str("\n[project.commands]\n");
        for (name, body) in &builder.commands {
            text.push_str(&format!("{name} = {}\n", script("command", name, body)));
        }
        std::fs::write(&self.settings, text).expect("the settings can be written");
    }
}
