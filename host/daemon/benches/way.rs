//! How fast tasks go the whole way when their roles do nothing, and what the idle daemon needs.
//!
//! The real daemon as a process, a real repository, roles that end at once (the first leaves one file), seven stages to
//! cross and one merge a task. Prints markdown; asserts nothing.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a bench prints, waits and may panic"
)]

use portcullis_testkit::{TempRepo, eventually, eventually_some};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const TOKEN: &str = "token-of-the-bench";
const CROSSINGS: u64 = 7;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    println!("| tasks | roles at once | seconds | stages crossed per second |\n|--:|--:|--:|--:|");
    for (tasks, at_once) in [(20_u64, 1_u32), (20, 4), (20, 1), (20, 4)] {
        let house = House::open(at_once);
        let began = Instant::now();
        house.go(&runtime, tasks);
        let seconds = began.elapsed().as_secs_f64();
        println!("| {tasks} | {at_once} | {seconds:.1} | {:.1} |", (tasks * CROSSINGS) as f64 / seconds);
    }
    let house = House::open(1);
    runtime.block_on(house.get("/queue"));
    println!("\nresident memory of the idle daemon: {:.0} MB", house.resident_mb());
    house.go(&runtime, 5);
    println!("after five tasks: {:.0} MB", house.resident_mb());
    println!("load average: {}", std::fs::read_to_string("/proc/loadavg").unwrap().trim());
}

struct House {
    daemon: Child,
    url: String,
    _repo: TempRepo,
    _home: tempfile::TempDir,
    http: reqwest::Client,
}

impl House {
    fn open(at_once: u32) -> Self {
        let repo = TempRepo::with_commit("README.md", "# bench\n");
        repo.commit_file(".portcullis/gates.toml", "format = 1\n");
        let home = tempfile::tempdir().unwrap();
        let settings = home.path().join("portcullis.toml");
        std::fs::write(&settings, settings_text(home.path(), &repo.origin(), at_once)).unwrap();
        let daemon = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(["serve", "--config"])
            .arg(&settings)
            .env("PORTCULLIS_OPERATOR_TOKEN", TOKEN)
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let url = eventually_some("the daemon listens", Duration::from_secs(30), || {
            std::fs::read_to_string(home.path().join("url")).ok().filter(|url| url.ends_with('\n'))
        });
        let http = portcullis_connect::http::client(Duration::from_secs(60)).unwrap();
        Self { daemon, url: url.trim().to_owned(), _repo: repo, _home: home, http }
    }

    async fn make(&self, tasks: u64) {
        for n in 0..tasks {
            let body = json!({ "project": "bench", "work_item": format!("B-{}-{n}", self.daemon.id()), "title": "go" });
            let sent =
                self.http.post(format!("{}/tasks", self.url)).bearer_auth(TOKEN).json(&body).send().await.unwrap();
            assert!(sent.status().is_success());
        }
    }

    /// Makes the tasks and waits until all are done.
    fn go(&self, runtime: &tokio::runtime::Runtime, tasks: u64) {
        runtime.block_on(self.make(tasks));
        eventually("every task is done", Duration::from_secs(600), || {
            let shown = runtime.block_on(self.get("/tasks?limit=1000"));
            let all = shown["tasks"].as_array().unwrap();
            assert!(all.iter().all(|task| task["held"] == false), "{shown:#}");
            all.iter().all(|task| task["stage"] == "done")
        });
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.http.get(format!("{}{path}", self.url)).bearer_auth(TOKEN).send().await.unwrap();
        answer.json().await.unwrap()
    }

    fn resident_mb(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.daemon.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _gone = self.daemon.kill();
        let _reaped = self.daemon.wait();
    }
}

fn settings_text(home: &Path, origin: &Path, at_once: u32) -> String {
    let quote = |path: &Path| json!(path.display().to_string()).to_string();
    let mut text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\nhome = {}\noperator_token = {{ env = \"PORTCULLIS_OPERATOR_TOKEN\" }}\n\
         [queue]\nmax_concurrency = {at_once}\nmax_per_project = {at_once}\n[gates]\nmandatory = []\napproved_stages = []\n\
         [[project]]\nname = \"bench\"\nrepository = \"bench/bench\"\nremote = {}\nforge = \"local\"\n[project.roles]\n",
        quote(home),
        quote(origin)
    );
    let work = "mkdir -p \"$PORTCULLIS_DOCUMENTS\" && echo x > \"$PORTCULLIS_DOCUMENTS/work.md\"";
    for role in ["analyst", "architect", "developer", "reviewer", "tester", "deployer"] {
        let script = if role == "analyst" { work } else { ":" };
        text.push_str(&format!("{role}.command = {}\n", json!(["sh", "-c", script])));
    }
    text
}
