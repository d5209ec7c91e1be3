//! The daemon as a process, and talking to it over HTTP.

use crate::scene::{OPERATOR, PROJECT, READER, SECRET};
use portcullis_connect::secret::Secret;
use portcullis_connect::webhook::signature_header;
use portcullis_core::event::Source;
use portcullis_testkit::{eventually, eventually_some};
use reqwest::Method;
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// How long anything here is waited for. Nothing takes as long as this: it only keeps a broken test from hanging.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// File in the home folder that says how many milliseconds the daemon's clock is set forward; none: not at all.
pub(crate) const CLOCK_FILE: &str = "clock";

/// The workspace's root.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the workspace").to_owned()
}

/// Cargo, as if it were started from a shell. What it tells a test of its package would make it build anew whatever has a
/// build script that asks for that, and all that stands on it: minutes each time.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let of_the_test = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| of_the_test(&name.to_string_lossy())) {
        cargo.env_remove(name);
    }
    cargo
}

/// The `portcullis` program, built once from this very source.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let args = ["build", "--locked", "--workspace", "--bin", "portcullis", "--message-format=json"];
        let output = cargo().args(args).current_dir(workspace()).stderr(Stdio::inherit()).output();
        let output = output.expect("cargo can be started");
        assert!(output.status.success(), "cargo could not build portcullis");
        let text = String::from_utf8(output.stdout).expect("cargo prints UTF-8");
        let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let built = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back();
        built.expect("cargo says where the program is")
    })
}

/// Runs `portcullis` with these arguments to its end, with nothing of this process's environment that concerns it.
pub fn portcullis<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Output {
    Command::new(program()).args(args).current_dir(workspace()).stdin(Stdio::null()).output().expect("portcullis runs")
}

/// Runs `portcullis` against a daemon, as its operator.
pub fn portcullis_with(daemon: &Daemon, args: &[&str]) -> Output {
    let mut command = Command::new(program());
    command.args(args).current_dir(workspace()).stdin(Stdio::null());
    command.env("PORTCULLIS_URL", daemon.url()).env("PORTCULLIS_TOKEN", OPERATOR);
    command.output().expect("portcullis runs")
}

/// A daemon that runs. Killed, not stopped, when this value goes: tests that care how it ends say so.
pub struct Daemon {
    process: Child,
    url: String,
    log: PathBuf,
    http: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

/// What the daemon answered.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `content-type`; empty if there is none.
    pub content_type: String,
    /// `retry-after` in seconds, if it is set.
    pub retry_after: Option<u64>,
    /// The body, if it was JSON; else its text.
    pub body: Value,
}

impl Daemon {
    /// Starts it and waits until it listens.
    pub(crate) fn start(home: &Path, settings: &Path) -> Self {
        let started = Self::try_start(home, settings, &[]);
        started.unwrap_or_else(|status| panic!("the daemon ended ({status}) before it listened"))
    }

    /// Starts it with more in its environment and waits until it listens, or has ended before that.
    pub(crate) fn try_start(home: &Path, settings: &Path, env: &[(&str, &OsStr)]) -> Result<Self, ExitStatus> {
        let (address, log) = (home.join("url"), home.join("daemon.log"));
        let _none_yet = std::fs::remove_file(&address);
        let errors = std::fs::File::options().create(true).append(true).open(&log).expect("a log can be opened");
        let mut process = Command::new(program())
            .args(["serve", "--config"])
            .arg(settings)
            .envs(env.iter().copied())
            .env("PORTCULLIS_CLOCK_FILE", home.join(CLOCK_FILE))
            .env("RUST_LOG", "info,portcullis=debug,wasmtime=warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn()
            .expect("the daemon starts");
        let url = eventually_some("the daemon listens", PATIENCE, || {
            let url = std::fs::read_to_string(&address).ok().filter(|url| url.ends_with('\n'));
            // Looked at first: one that has just begun to listen may have ended since.
            let ended = process.try_wait().expect("the daemon can be asked for");
            ended.map(Err).or(url.map(Ok))
        })?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let http = portcullis_connect::http::client(PATIENCE).expect("an HTTP client");
        Ok(Self { process, url: url.trim().to_owned(), log, http, runtime })
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.process.try_wait().expect("the daemon can be asked for").is_some()
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The last that it has logged, for the message of a test that failed.
    pub fn end_of_log(&self) -> String {
        let log = self.log();
        let lines: Vec<String> = log.lines().rev().take(60).map(|line| line.chars().take(240).collect()).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Everything that it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// SIGKILL: no chance to clean up.
    pub fn kill(mut self) {
        self.process.kill().expect("the daemon can be killed");
        self.process.wait().expect("the daemon ends");
    }

    /// SIGTERM, and its exit code.
    pub fn stop(mut self) -> Option<i32> {
        let asked = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status().expect("kill runs");
        assert!(asked.success());
        let process = &mut self.process;
        eventually_some("the daemon ends", PATIENCE, || process.try_wait().expect("it can be waited for")).code()
    }

    /// `GET` with the reader's token.
    pub fn get(&self, path: &str) -> Answer {
        self.try_get(path).expect("the daemon answers")
    }

    /// The beginning of an answer that does not end yet: everything up to and with the piece that holds `until`.
    pub fn get_until(&self, path: &str, until: &str) -> String {
        let request = self.http.get(format!("{}{path}", self.url)).header("authorization", format!("Bearer {READER}"));
        self.runtime.block_on(async {
            let mut answer = request.send().await.expect("the daemon answers");
            let mut text = String::new();
            while !text.contains(until) {
                let piece = tokio::time::timeout(PATIENCE, answer.chunk()).await;
                let piece = piece.expect("a piece arrives in time").expect("the answer goes on");
                let piece = piece.unwrap_or_else(|| panic!("the answer ended without `{until}`: {text}"));
                text.push_str(&String::from_utf8_lossy(&piece));
            }
            text
        })
    }

    /// The task in plain words, as `explain` says it.
    pub fn explain(&self, id: i64) -> String {
        let answer = self.get(&format!("/tasks/{id}/explain"));
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["text"].as_str().expect("explain says it in words").to_owned()
    }

    /// `POST` of JSON with the operator's token.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.try_post(path, body).expect("the daemon answers")
    }

    /// Any request.
    pub fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        self.try_send(method, path, headers, body).expect("the daemon answers")
    }

    /// Any request; none if no whole answer came.
    pub fn try_send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Option<Answer> {
        // A connection of its own: the daemon closes one that is idle for long, perhaps just when the next request is sent.
        let request = self.http.request(method, format!("{}{path}", self.url)).body(body);
        let mut request = request.header("connection", "close");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.runtime.block_on(async {
            let answer = request.send().await.ok()?;
            let status = answer.status().as_u16();
            let content_type = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok());
            let content_type = content_type.unwrap_or_default().to_owned();
            let retry_after = answer.headers().get("retry-after").and_then(|after| after.to_str().ok()?.parse().ok());
            let text = answer.text().await.ok()?;
            let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
            Some(Answer { status, content_type, retry_after, body })
        })
    }

    /// `GET` with the reader's token; none if no whole answer came.
    pub fn try_get(&self, path: &str) -> Option<Answer> {
        self.try_send(Method::GET, path, &[("authorization", &format!("Bearer {READER}"))], Vec::new())
    }

    /// `POST` of JSON with the operator's token; none if no whole answer came.
    pub fn try_post(&self, path: &str, body: &Value) -> Option<Answer> {
        let token = format!("Bearer {OPERATOR}");
        let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
        self.try_send(Method::POST, path, &headers, body.to_string().into_bytes())
    }

    /// A webhook, correctly signed.
    pub fn webhook(&self, source: Source, event: &str, delivery: &str, body: &[u8]) -> Answer {
        self.try_webhook(source, event, delivery, body).expect("the daemon answers")
    }

    /// A webhook, correctly signed; none if no whole answer came.
    pub fn try_webhook(&self, source: Source, event: &str, delivery: &str, body: &[u8]) -> Option<Answer> {
        let (name, signature) = signature_header(source, &Secret::new(SECRET), body).expect("the body can be signed");
        let (event_header, delivery_header) = match source {
            Source::Gitea => ("x-gitea-event", "x-gitea-delivery"),
            Source::Github => ("x-github-event", "x-github-delivery"),
            Source::Plane => ("x-plane-event", "x-plane-delivery"),
        };
        let headers = [
            ("content-type", "application/json"),
            (event_header, event),
            (delivery_header, delivery),
            (name, signature.as_str()),
        ];
        self.try_send(Method::POST, &format!("/webhooks/{}", source.as_str()), &headers, body.to_vec())
    }

    /// Makes a task; its number.
    pub fn new_task(&self, work_item: &str) -> i64 {
        self.new_task_in(PROJECT, work_item, &json!({}))
    }

    /// Makes a task of any project, with configuration of its own for single gates; its number.
    pub fn new_task_in(&self, project: &str, work_item: &str, gates: &Value) -> i64 {
        let title = format!("Do {work_item}");
        let body = json!({ "project": project, "work_item": work_item, "title": title, "gates": gates });
        let answer = self.post("/tasks", &body);
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body["task"].as_i64().expect("a task has a number")
    }

    /// The task as `GET /tasks/{id}` shows it.
    pub fn task(&self, id: i64) -> Value {
        let answer = self.get(&format!("/tasks/{id}"));
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }

    /// Waits until the task fulfils `condition`; the task then.
    pub fn until(&self, id: i64, what: &str, condition: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            eventually_some(what, PATIENCE, || {
                last = self.task(id);
                condition(&last).then(|| last.clone())
            })
        }));
        found.unwrap_or_else(|_| panic!("task {id} never: {what}; it is {last:#}\nthe daemon's log:\n{}", self.log()))
    }

    /// Waits until the task is in `stage`.
    pub fn until_stage(&self, id: i64, stage: &str) -> Value {
        self.until(id, &format!("in {stage}"), |shown| shown["task"]["stage"] == stage)
    }

    /// Waits until the task rests for this reason (`finished`, `held`, `gate-pending`, …).
    pub fn until_rests(&self, id: i64, kind: &str) -> Value {
        self.until(id, &format!("rests: {kind}"), |shown| shown["task"]["rest"]["kind"] == kind)
    }

    /// Waits until event `id` is no longer new; the event then.
    pub fn until_handled(&self, id: i64) -> Value {
        eventually_some("the event is handled", PATIENCE, || {
            let event = self.get(&format!("/inbox/{id}")).body;
            (event["state"] != "new").then_some(event)
        })
    }

    /// Waits for a condition on the daemon.
    pub fn eventually(&self, what: &str, condition: impl FnMut() -> bool) {
        eventually(what, PATIENCE, condition);
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _gone_already = self.process.kill();
        let _reaped = self.process.wait();
    }
}
