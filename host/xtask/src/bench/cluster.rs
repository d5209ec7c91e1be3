//! A PostgreSQL of our own in a temporary folder: made, asked for empty databases, stopped and removed.
//!
//! Debian's defaults but for three things said outright: a unix socket only, `fsync = on`, `synchronous_commit = on`.

use anyhow::{Context, ensure};
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Where Debian's package has its programs.
pub(crate) const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";
/// Role and database.
const BENCH: &str = "bench";

/// A server that runs until this value goes.
pub(crate) struct Cluster {
    folder: TempDir,
    user: Option<(u32, u32)>,
}

impl Cluster {
    /// Makes one below `place` and starts it.
    pub(crate) fn start(place: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("portcullis-pg-").tempdir_in(place)?;
        let user = user()?;
        if let Some((uid, gid)) = user {
            chown(folder.path(), Some(uid), Some(gid)).context("failed to give the cluster's folder to its user")?;
        }
        let cluster = Self { folder, user };
        let data = cluster.data();
        cluster.run("initdb", &["-U", BENCH, "-A", "trust", "-E", "UTF8", "--locale=C", "-D", &data])?;
        let socket = cluster.folder.path().display();
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories='{socket}' -c fsync=on -c synchronous_commit=on"
        );
        let log = format!("{socket}/log");
        cluster.run("pg_ctl", &["start", "-w", "-s", "-D", &data, "-l", &log, "-o", &options])?;
        Ok(cluster)
    }

    /// Its URL, for a database that is empty now.
    pub(crate) fn empty_database(&self) -> anyhow::Result<String> {
        let socket = self.folder.path().display().to_string();
        let drop = format!("DROP DATABASE IF EXISTS {BENCH} WITH (FORCE)");
        let create = format!("CREATE DATABASE {BENCH}");
        self.run("psql", &["-q", "-h", &socket, "-U", BENCH, "-d", "postgres", "-c", &drop, "-c", &create])?;
        Ok(format!("postgres://{BENCH}@/{BENCH}?host={socket}"))
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    /// Runs one of PostgreSQL's programs to its end.
    fn run(&self, program: &str, arguments: &[&str]) -> anyhow::Result<()> {
        let mut command = Command::new(PathBuf::from(PROGRAMS).join(program));
        command.args(arguments).current_dir(self.folder.path());
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        // Not a pipe: the server inherits it and would keep it open.
        let said = self.folder.path().join(format!("{program}.out"));
        let out = fs::File::create(&said)?;
        let status = command.stdout(out.try_clone()?).stderr(out).status();
        let status = status.with_context(|| format!("failed to run {program}"))?;
        let said = fs::read_to_string(said).unwrap_or_default();
        ensure!(status.success(), "{program} failed ({status}): {}", said.trim());
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _gone_already = self.run("pg_ctl", &["stop", "-s", "-m", "immediate", "-D", &self.data()]);
    }
}

/// Who the server has to be, since it refuses to be root: Debian's user for it. None: ourselves.
fn user() -> anyhow::Result<Option<(u32, u32)>> {
    if fs::metadata("/proc/self").context("failed to find out who we are")?.uid() != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").context("failed to read the users")?;
    let found = users.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        match fields.as_slice() {
            ["postgres", _, uid, gid, ..] => Some((uid.parse().ok()?, gid.parse().ok()?)),
            _ => None,
        }
    });
    found.map(Some).context("there is no user `postgres` for PostgreSQL, which refuses to run as root")
}
