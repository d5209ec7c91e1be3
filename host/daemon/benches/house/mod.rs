//! A daemon as a process, with one project whose repository and forge lie beside it: what the benchmarks measure.
#![allow(dead_code, reason = "each benchmark uses a part of it")]

use portcullis_testkit::{TempRepo, eventually_some};
use serde_json::{Value, json};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::runtime::Runtime;

const TOKEN: &str = "token-of-the-bench";
/// How long anything is waited for that only has to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1_800);

/// What kind of house.
pub(crate) struct Plan {
    /// Runs of roles at once.
    pub(crate) at_once: u32,
    /// What the analyst does, as a shell's command. The other roles do nothing.
    pub(crate) analyst: &'static str,
    /// What the daemon logs, as `RUST_LOG` has it.
    pub(crate) log: &'static str,
}

/// A daemon and all that it needs.
pub(crate) struct House {
    daemon: Child,
    url: String,
    log: &'static str,
    _repo: TempRepo,
    home: tempfile::TempDir,
    http: reqwest::Client,
    runtime: Runtime,
}

impl House {
    /// Builds it and starts the daemon.
    pub(crate) fn open(plan: &Plan) -> Self {
        let repo = TempRepo::with_commit("README.md", "# bench\n");
        repo.commit_file(".portcullis/gates.toml", "format = 1\n");
        let home = tempfile::tempdir().unwrap();
        std::fs::write(settings(home.path()), settings_text(home.path(), &repo.origin(), plan)).unwrap();
        let daemon = serve(home.path(), plan.log);
        let http = portcullis_connect::http::client(Duration::from_secs(60)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut house = Self { daemon, url: String::new(), log: plan.log, _repo: repo, home, http, runtime };
        house.await_listener();
        house
    }

    /// Its folder.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// SIGKILL for the daemon; its roles go on.
    pub(crate) fn kill(&mut self) {
        self.daemon.kill().unwrap();
        self.daemon.wait().unwrap();
    }

    /// Starts the daemon that was killed. It listens some time later.
    pub(crate) fn start(&mut self) {
        std::fs::remove_file(self.home().join("url")).unwrap();
        self.daemon = serve(self.home.path(), self.log);
    }

    /// Waits until the daemon listens.
    pub(crate) fn await_listener(&mut self) {
        let address = self.home().join("url");
        let url = eventually_some("the daemon listens", PATIENCE, || {
            std::fs::read_to_string(&address).ok().filter(|url| url.ends_with('\n'))
        });
        self.url = url.trim().to_owned();
    }

    /// What the daemon has logged.
    pub(crate) fn log(&self) -> PathBuf {
        self.home().join("log")
    }

    /// Makes this many tasks; their numbers.
    pub(crate) fn make(&self, tasks: usize) -> Vec<i64> {
        let make = |n: usize| {
            let body = json!({ "project": "bench", "work_item": format!("B-{}-{n}", self.daemon.id()), "title": "go" });
            let request = self.http.post(format!("{}/tasks", self.url)).bearer_auth(TOKEN).json(&body);
            let made: Value = self.runtime.block_on(async { request.send().await.unwrap().json().await.unwrap() });
            made["task"].as_i64().unwrap_or_else(|| panic!("no task was made: {made:#}"))
        };
        (0..tasks).map(make).collect()
    }

    /// Asks the daemon.
    pub(crate) fn get(&self, path: &str) -> Value {
        let request = self.http.get(format!("{}{path}", self.url)).bearer_auth(TOKEN);
        self.runtime.block_on(async { request.send().await.unwrap().json().await.unwrap() })
    }

    /// Lets a millisecond pass between two questions.
    pub(crate) fn tick(&self) {
        self.runtime.block_on(async {
            let mut tick = tokio::time::interval(Duration::from_millis(1));
            tick.tick().await; // The first one is at once.
            tick.tick().await;
        });
    }

    /// Its resident memory.
    pub(crate) fn resident_mb(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.daemon.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }

    /// The roles that run: each task with the process of its role.
    pub(crate) fn roles(&self) -> Vec<(i64, u32)> {
        let shown = self.get("/queue");
        let running = shown["running"].as_array().map(Vec::as_slice).unwrap_or_default();
        let role = |job: &Value| Some((job["task"].as_i64()?, child_of(job["pid"].as_u64()?)?));
        running.iter().filter_map(role).collect()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if self.daemon.try_wait().is_ok_and(|ended| ended.is_none()) && !std::thread::panicking() {
            for (_, pid) in self.roles() {
                kill_now(pid);
            }
        }
        let _gone = self.daemon.kill();
        let _reaped = self.daemon.wait();
    }
}

/// SIGKILL.
pub(crate) fn kill_now(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    let _gone_already = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

/// The load average, as the system tells it.
pub(crate) fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap();
    load.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// The only child of a shim: the role.
fn child_of(pid: u64) -> Option<u32> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let children = threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("children")).ok());
    children.collect::<String>().split_whitespace().next()?.parse().ok()
}

fn settings(home: &Path) -> PathBuf {
    home.join("portcullis.toml")
}

fn serve(home: &Path, log: &str) -> Child {
    let to = File::options().create(true).append(true).open(home.join("log")).unwrap();
    Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["serve", "--config"])
        .arg(settings(home))
        .env("PORTCULLIS_OPERATOR_TOKEN", TOKEN)
        .env("PORTCULLIS_LOG", "json")
        .env("RUST_LOG", log)
        .stdin(Stdio::null())
        .stderr(to)
        .spawn()
        .unwrap()
}

fn settings_text(home: &Path, origin: &Path, plan: &Plan) -> String {
    let quote = |path: &Path| json!(path.display().to_string()).to_string();
    let at_once = plan.at_once;
    let mut text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\nhome = {}\noperator_token = {{ env = \"PORTCULLIS_OPERATOR_TOKEN\" }}\n\
         [queue]\nmax_concurrency = {at_once}\nmax_per_project = {at_once}\nmax_attempts = 1\n\
         [gates]\nmandatory = []\napproved_stages = []\n\
         [[project]]\nname = \"bench\"\nrepository = \"bench/bench\"\nremote = {}\nforge = \"local\"\n[project.roles]\n",
        quote(home),
        quote(origin)
    );
    for role in ["analyst", "architect", "developer", "reviewer", "tester", "deployer"] {
        let script = if role == "analyst" { plan.analyst } else { ":" };
        text.push_str(&format!("{role}.command = {}\n", json!(["sh", "-c", script])));
    }
    text
}
