//! Setting the scene: a repository, gates, roles, settings, and the daemon.

use super::tell::Voice;
use crate::cli::client::Daemon;
use crate::serve::ADDRESS_FILE;
use anyhow::{Context, Result, bail};
use portcullis_catalog::lock::Lock;
use portcullis_catalog::manifest::{LOCK_PATH, MANIFEST_PATH, Manifest};
use portcullis_catalog::registry::Registry;
use portcullis_git::{Branch, Git, GitSettings, Mirror, PushOutcome, Remote, Repository};
use semver::VersionReq;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The project's name.
pub(super) const PROJECT: &str = "greeter";

/// Files of the sample service, with where they stand in its repository.
const REPOSITORY: [(&str, &str); 6] = [
    ("README.md", include_str!("sample/repository/README.md")),
    ("src/greeter.sh", include_str!("sample/repository/greeter.sh")),
    ("src/commands/hello.sh", include_str!("sample/repository/hello.sh")),
    ("tests/run.sh", include_str!("sample/repository/run.sh")),
    ("tests/hello_test.sh", include_str!("sample/repository/hello_test.sh")),
    (MANIFEST_PATH, include_str!("sample/repository/gates.toml")),
];

/// The roles: small programs that do real work.
const ROLES: [(&str, &str); 8] = [
    ("analyst", include_str!("sample/roles/analyst.sh")),
    ("architect", include_str!("sample/roles/architect.sh")),
    ("developer", include_str!("sample/roles/developer.sh")),
    ("reviewer", include_str!("sample/roles/reviewer.sh")),
    ("tester", include_str!("sample/roles/tester.sh")),
    ("deployer", include_str!("sample/roles/deployer.sh")),
    ("stage", include_str!("sample/roles/stage.sh")),
    ("ci", include_str!("sample/roles/ci.sh")),
];

/// Everything that stands.
pub(super) struct Scene {
    /// The temporary home.
    pub home: PathBuf,
    /// The bare repository.
    pub origin: PathBuf,
    /// The daemon over HTTP, with the operator's token.
    pub daemon: Daemon,
    /// Its URL.
    pub url: String,
    /// The operator's token, for `--keep`.
    pub token: String,
    process: std::process::Child,
}

impl Scene {
    /// Ends the daemon.
    pub(super) fn stop(mut self) {
        let pid = i32::try_from(self.process.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            let _gone_already = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ended = self.process.wait();
    }

    /// The daemon's process id.
    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// A colleague's clone of the repository, for what happens beside the task.
    ///
    /// # Errors
    /// If git fails.
    pub(super) fn colleague(&self) -> Result<Mirror> {
        let remote = Remote::new(&self.origin.display().to_string())?;
        Ok(Mirror::ensure(&Git::new(GitSettings::default()), &remote, &self.home.join("colleague.git"))?)
    }
}

/// Sets everything up and starts the daemon.
///
/// # Errors
/// What is missing, with the remedy.
pub(super) async fn set(home: &Path, registry: &Path, port: u16, say: &Voice) -> Result<Scene> {
    let installed = install_gates(home, registry)?;
    say.line(&format!("published {installed} first-party gates to {}", home.join("registry").display()));
    let origin = home.join("greeter.git");
    make_repository(home, &origin)?;
    say.line(&format!("made the repository {} with a small service and its {MANIFEST_PATH}", origin.display()));
    write_roles(&home.join("roles"))?;
    let token = random_token()?;
    let settings = home.join("portcullis.toml");
    std::fs::write(&settings, settings_text(home, &origin, port))?;
    let process = start_daemon(home, &settings, &token)?;
    let url = wait_for_url(home).await?;
    say.line(&format!("started the daemon at {url}"));
    let daemon = Daemon::new(&url, &token).map_err(|_| anyhow::anyhow!("no HTTP client could be made"))?;
    Ok(Scene { home: home.to_owned(), origin, daemon, url, token, process })
}

fn install_gates(home: &Path, source: &Path) -> Result<usize> {
    let from = Registry::open(source).with_context(|| {
        format!(
            "the first-party gates are not in {}; build them with `cargo xtask plugins`, or give --registry",
            source.display()
        )
    })?;
    let to = Registry::create(home.join("registry"))?;
    let mut names: Vec<_> = from.list()?.into_iter().map(|listed| listed.plugin().name).collect();
    names.dedup();
    if names.is_empty() {
        bail!("the registry {} is empty; build the gates with `cargo xtask plugins`", source.display());
    }
    for name in &names {
        to.install_from(&from, name, &VersionReq::STAR)?;
    }
    Ok(names.len())
}

fn make_repository(home: &Path, origin: &Path) -> Result<()> {
    let git = Git::new(GitSettings {
        author_name: "Ada".into(),
        author_email: "ada@example.org".into(),
        ..GitSettings::default()
    });
    let main = Branch::parse("main")?;
    Repository::create(&git, origin, &main)?;
    // The first commit is made in a plain folder and pushed, as anybody would.
    let first = home.join("first");
    for (path, text) in REPOSITORY {
        let path = first.join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(&first))?;
        std::fs::write(&path, text)?;
    }
    let manifest = Manifest::parse(include_str!("sample/repository/gates.toml"))?;
    let lock = Lock::resolve(&manifest, &Registry::open(home.join("registry"))?, None)?;
    std::fs::write(first.join(LOCK_PATH), lock.render())?;
    let repository = Repository::open(&git, origin)?;
    repository.first_commit(&main, &first, "Greet")?;
    std::fs::remove_dir_all(&first)?;
    Ok(())
}

fn write_roles(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    for (name, text) in ROLES {
        std::fs::write(folder.join(format!("{name}.sh")), text)?;
    }
    Ok(())
}

fn settings_text(home: &Path, origin: &Path, port: u16) -> String {
    let script = |name: &str| {
        toml::Value::from(vec!["sh".to_owned(), home.join("roles").join(format!("{name}.sh")).display().to_string()])
    };
    let mut text = format!(
        "[server]\nlisten = \"127.0.0.1:{port}\"\nhome = {home}\noperator_token = {{ env = \"PORTCULLIS_OPERATOR_TOKEN\" }}\n\n[runs]\ntime_limit_s = 120\n\n\
         [[project]]\nname = \"{PROJECT}\"\nrepository = \"demo/greeter\"\nremote = {remote}\nforge = \"local\"\ntracker = \"builtin\"\n\
         images = {images}\nrequired_checks = [\"ci\"]\n\n[project.roles]\n",
        home = toml::Value::from(home.display().to_string()),
        remote = toml::Value::from(origin.display().to_string()),
        images = toml::Value::from(home.join("images").display().to_string()),
    );
    for role in ["analyst", "architect", "developer", "reviewer", "tester", "deployer"] {
        text.push_str(&format!("{role}.command = {}\n", script(role)));
    }
    text.push_str("\n[project.commands]\n");
    text.push_str(&format!("ci = {}\nstage = {}\ntest = [\"sh\", \"tests/run.sh\"]\n", script("ci"), script("stage")));
    text
}

fn random_token() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("the machine has no random numbers: {error}"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[expect(clippy::disallowed_methods, reason = "the daemon that the demo shows is a process of its own")]
fn start_daemon(home: &Path, settings: &Path, token: &str) -> Result<std::process::Child> {
    let log = std::fs::File::create(home.join("daemon.log"))?;
    let program = std::env::current_exe().context("failed to find our own program")?;
    let mut command = std::process::Command::new(program);
    command.arg("serve").arg("--config").arg(settings);
    command
        .env("PORTCULLIS_OPERATOR_TOKEN", token)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null());
    command.stderr(log).spawn().context("failed to start the daemon")
}

async fn wait_for_url(home: &Path) -> Result<String> {
    for _ in 0..300 {
        if let Ok(url) = std::fs::read_to_string(home.join(ADDRESS_FILE))
            && url.ends_with('\n')
        {
            return Ok(url.trim().to_owned());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let log = std::fs::read_to_string(home.join("daemon.log")).unwrap_or_default();
    bail!("the daemon did not start within 30 s; its log ends: {}", log.lines().last().unwrap_or("(empty)"))
}

/// A colleague pushes to the target branch.
///
/// # Errors
/// If git fails or somebody else was faster.
pub(super) fn push_to_target(scene: &Scene, path: &str, text: &str, message: &str) -> Result<String> {
    let mirror = scene.colleague()?;
    mirror.fetch()?;
    let main = Branch::parse("main")?;
    let before = mirror.fetched_head(&main)?.context("the repository has no main")?;
    let worktree = mirror.repository().ensure_worktree(&main, &scene.home.join("colleague"), &before)?;
    worktree.reset(&before)?;
    let file = worktree.path().join(path);
    std::fs::create_dir_all(file.parent().unwrap_or(worktree.path()))?;
    std::fs::write(file, text)?;
    let made = worktree.commit_all(message)?.context("the colleague changed nothing")?;
    match mirror.push(&main, Some(&before))? {
        PushOutcome::Pushed { .. } => Ok(made.short().to_owned()),
        PushOutcome::Rejected { .. } => bail!("somebody pushed to main at the same time"),
    }
}
