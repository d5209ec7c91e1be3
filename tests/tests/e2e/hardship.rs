//! What an operator never orders: full disks, databases that cannot be written, damaged rows, logs without an end.

use crate::processes::{signal, told};
use portcullis_core::event::Source;
use portcullis_e2e::daemon::{PATIENCE, program};
use portcullis_e2e::invariants::edit::{LOOK_AT_ALL, damages};
use portcullis_e2e::{Daemon, Scene, payload};
use portcullis_testkit::eventually_some;
use serde_json::{Value, json};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// One stage with work in it.
const ONE_STAGE: &str = "
format = 1

[[stage]]
name = \"development\"
role = \"developer\"

[[stage]]
name = \"done\"
";

/// The same, and a person has to approve of the work.
const APPROVED: &str = "
format = 1

[[stage]]
name = \"development\"
role = \"developer\"

[[stage]]
name = \"done\"

[[edge]]
from = \"development\"
to = \"done\"

  [[edge.gate]]
  name = \"approval\"
  plugin = \"portcullis/approval\"
  version = \"^0.1\"
";

/// Works until it is told to end.
const WAITS: &str = r#"
here=$(dirname "$0")
echo "$$" > "$here/$PORTCULLIS_WORK_ITEM.begun"
until [ -e "$here/go" ] || [ ! -d "$here" ]; do sleep 0.05; done
echo "$PORTCULLIS_WORK_ITEM" > "$PORTCULLIS_WORK_ITEM.txt"
"#;

const REVISION: &str = "1111111111111111111111111111111111111111";

fn lines(log: &str, text: &str) -> usize {
    log.lines().filter(|line| line.contains(text)).count()
}

/// Sets how long a file the daemon may write, as a full disk would.
fn limit_files(daemon: &Daemon, bytes: &str) {
    let pid = daemon.pid().to_string();
    let set = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={bytes}:")]).status();
    assert!(set.expect("prlimit runs").success());
}

fn push(daemon: &Daemon, n: usize) -> (u16, Option<u64>, Value) {
    let body = payload::push(&format!("branch-{n}"), REVISION);
    let answer = daemon.webhook(Source::Gitea, "push", &format!("d{n}"), &body);
    (answer.status, answer.retry_after, answer.body)
}

#[test]
fn while_the_disk_is_full_nothing_is_claimed_lost_or_counted_as_a_failure_and_it_is_over_by_itself() {
    // WEB-2, QUE-5, LAU-2
    let scene = Scene::builder().manifest(ONE_STAGE).role("developer", WAITS).build();
    let daemon = scene.start();
    let first = daemon.new_task("DEMO-1");
    told(&daemon, &scene.home().join("DEMO-1.begun"));
    let shown = daemon.until(first, "its run has a process", |shown| shown["job"]["run"]["process"]["pid"].is_u64());
    let exit = Path::new(shown["job"]["run"]["folder"].as_str().unwrap()).join("exit.json");
    let second = daemon.new_task("DEMO-2");
    daemon.until_rests(second, "job-queued");
    assert_eq!(push(&daemon, 0).0, 202);
    let known = daemon.get("/queue").body;
    assert_eq!(known["trouble"], Value::Null);

    let log = std::fs::metadata(scene.home().join("portcullis.db-wal")).unwrap().len();
    limit_files(&daemon, &log.to_string());
    for n in 1..20 {
        let (status, retry_after, body) = push(&daemon, n);
        assert_eq!((status, retry_after), (503, Some(30)), "{body}");
    }
    let ready = daemon.get("/readyz");
    assert_eq!(ready.status, 503);
    assert!(ready.body.to_string().contains("goes on by itself"), "{}", ready.body);
    assert_eq!(daemon.get("/healthz").status, 200);
    let trouble = daemon.get("/queue").body["trouble"].clone();
    assert!(trouble["since"].is_string() && trouble["reason"].is_string(), "{trouble}");
    std::fs::write(scene.home().join("go"), "").unwrap();
    daemon.eventually("the run ends under its shim", || exit.exists());
    let queue = daemon.get("/queue").body;
    assert_eq!((&queue["running"][0]["task"], queue["running"].as_array().unwrap().len()), (&json!(first), 1));
    assert!(queue["waiting"][0]["waits_for"].as_str().unwrap().starts_with("room to work in: "), "{queue:#}");

    limit_files(&daemon, "unlimited");
    daemon.until_rests(first, "finished");
    daemon.until_rests(second, "finished");
    assert_eq!(daemon.get("/readyz").status, 200);
    assert_eq!(daemon.get("/queue").body["trouble"], Value::Null);
    for n in 0..20 {
        let (status, _, body) = push(&daemon, n);
        assert_eq!(
            status,
            if n == 0 { 200 } else { 202 },
            "what was refused was not stored, what was accepted was: {body}"
        );
    }
    let log = daemon.log();
    assert_eq!(
        (lines(&log, "there is no room to work in"), lines(&log, "there is room to work in again")),
        (1, 1),
        "{log}"
    );
    assert_eq!(lines(&log, " ERROR "), 1, "said once: {log}");
    assert_eq!((lines(&log, "a run has begun"), lines(&log, "did not succeed")), (2, 0), "{log}");
}

#[test]
fn a_run_that_cannot_be_started_for_want_of_room_is_started_once_there_is_some() {
    // QUE-5
    let scene = Scene::builder().manifest(ONE_STAGE).role("developer", "echo text > work.txt\n").build();
    // Where its order is to be written, the disk is full.
    let folder = scene.home().join("runs/job-1-attempt-1");
    std::fs::create_dir_all(&folder).unwrap();
    symlink("/dev/full", folder.join("run.json")).unwrap();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    daemon.eventually("there is no room", || daemon.log().contains("could not be started for want of room"));
    std::fs::remove_file(folder.join("run.json")).unwrap();
    daemon.until_rests(id, "finished");
    let log = daemon.log();
    assert_eq!((lines(&log, "a run has begun"), lines(&log, "did not succeed")), (1, 0), "{log}");
    assert_eq!(daemon.get("/queue").body["trouble"], Value::Null);
}

#[test]
fn how_a_run_ended_is_known_though_the_disk_was_full_when_it_did() {
    // LAU-2, QUE-5
    let role = "ln -s /dev/full \"$PORTCULLIS_RUN_FOLDER/exit.part\"\necho text > work.txt\n";
    let scene = Scene::builder().manifest(ONE_STAGE).role("developer", role).build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let folder = scene.home().join("runs/job-1-attempt-1");
    let said = || std::fs::read_to_string(folder.join("shim.log")).unwrap_or_default();
    daemon.eventually("the shim finds no room", || said().contains("the exit record cannot be written yet: No space"));
    assert_eq!(daemon.task(id)["job"]["state"], "running");
    std::fs::remove_file(folder.join("exit.part")).unwrap();
    daemon.until_rests(id, "finished");
    let log = daemon.log();
    assert_eq!((lines(&log, "a run has begun"), lines(&log, "did not succeed")), (1, 0), "{log}");
}

#[test]
fn a_run_that_was_lost_while_there_was_no_room_has_not_failed_for_good() {
    // QUE-5
    let scene = Scene::builder().manifest(ONE_STAGE).role("developer", WAITS);
    let scene = scene.settings("[queue]\nmax_attempts = 1\n").build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    told(&daemon, &scene.home().join("DEMO-1.begun"));
    let shown = daemon.until(id, "its run has a process", |shown| shown["job"]["run"]["process"]["pid"].is_u64());
    let log = std::fs::metadata(scene.home().join("portcullis.db-wal")).unwrap().len();
    limit_files(&daemon, &log.to_string());
    daemon.eventually("the database takes no writes", || push(&daemon, 1).0 == 503);
    signal("KILL", &shown["job"]["run"]["process"]["pid"].to_string());
    daemon.eventually("the run is lost", || daemon.log().contains("not counted as a failure"));
    std::fs::write(scene.home().join("go"), "").unwrap();
    limit_files(&daemon, "unlimited");
    daemon.until_rests(id, "finished");
}

#[test]
fn with_too_little_room_on_the_disk_nothing_is_claimed_and_events_are_still_received() {
    // WEB-2, QUE-4
    let scene = Scene::builder().manifest(ONE_STAGE).role("developer", "echo text > work.txt\n").build();
    scene.edit_settings("[server]\n", "[server]\nmin_free_mib = 1000000000000\n");
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    daemon.until_rests(id, "job-queued");
    assert_eq!(push(&daemon, 0).0, 202, "there is room for this");
    assert_eq!(daemon.get("/readyz").status, 503);
    let queue = daemon.get("/queue").body;
    assert!(queue["trouble"]["reason"].as_str().unwrap().contains("server.min_free_mib"), "{queue:#}");
    assert!(queue["waiting"][0]["waits_for"].as_str().unwrap().contains("server.min_free_mib"), "{queue:#}");
    assert_eq!(queue["running"], json!([]));
    assert_eq!(lines(&daemon.log(), "there is no room to work in"), 1, "{}", daemon.log());
    assert_eq!(daemon.stop(), Some(0));
    scene.edit_settings("min_free_mib = 1000000000000\n", "min_free_mib = 1\n");
    scene.start().until_rests(id, "finished");
}

/// `serve`, which is to end at once: exit code and what it said.
fn refused(mut command: Command, scene: &Scene) -> (Option<i32>, String) {
    command.args(["serve", "--config"]).arg(scene.settings());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut process = Killed(command.spawn().expect("portcullis runs"));
    let ended = || process.0.try_wait().expect("it can be asked for");
    let status = eventually_some("it is refused", PATIENCE, ended);
    let said = std::io::read_to_string(process.0.stderr.take().expect("a pipe")).expect("it says UTF-8");
    (status.code(), said)
}

/// A daemon that is not refused would run for ever.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // One that has ended is what is wanted.
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}

#[test]
fn what_is_no_database_is_refused_with_a_clear_word_and_left_as_it_is() {
    // CFG-1
    let scene = Scene::builder().build();
    let database = scene.home().join("portcullis.db");
    let garbage = "this was never a database\n".repeat(1000);
    std::fs::write(&database, &garbage).unwrap();
    let (code, said) = refused(Command::new(program()), &scene);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("failed to open the database") && said.contains("not a database"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    assert_eq!(std::fs::read_to_string(&database).unwrap(), garbage);

    std::fs::remove_file(&database).unwrap();
    std::fs::create_dir(&database).unwrap();
    let (code, said) = refused(Command::new(program()), &scene);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("failed to open the database"), "{said}");

    std::fs::remove_dir(&database).unwrap();
    scene.start().new_task("DEMO-1");
}

#[test]
fn a_database_that_may_not_be_written_is_refused_with_a_clear_word() {
    // CFG-1
    let scene = Scene::builder().manifest(ONE_STAGE).role("developer", "echo text > work.txt\n").build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    daemon.until_rests(id, "finished");
    assert_eq!(daemon.stop(), Some(0));
    let database = scene.home().join("portcullis.db");
    let before = std::fs::read(&database).unwrap();
    let mode = |bits: u32| std::fs::set_permissions(&database, std::fs::Permissions::from_mode(bits)).unwrap();
    mode(0o400);
    // For the superuser modes count only without his capabilities.
    let is_superuser = std::fs::OpenOptions::new().write(true).open(&database).is_ok();
    let command = if is_superuser {
        let mut command = Command::new("setpriv");
        command.args(["--inh-caps=-all", "--bounding-set=-all"]).arg(program());
        command
    } else {
        Command::new(program())
    };
    let (code, said) = refused(command, &scene);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("failed to open the database") && said.contains("denied"), "{said}");
    assert_eq!(std::fs::read(&database).unwrap(), before, "it was left as it is");
    mode(0o600);
    assert_eq!(scene.start().task(id)["task"]["rest"]["kind"], "finished");
}

#[test]
fn a_second_daemon_on_the_same_database_is_refused_and_the_first_goes_on_undisturbed() {
    // LSE-1, CFG-1
    let scene = Scene::builder().manifest(ONE_STAGE).role("developer", WAITS).build();
    let daemon = scene.start();
    let first = daemon.new_task("DEMO-1");
    told(&daemon, &scene.home().join("DEMO-1.begun"));
    let files = ["url", "portcullis.db.lock"].map(|name| scene.home().join(name));
    let known = files.each_ref().map(|file| std::fs::read_to_string(file).unwrap());
    let (code, said) = refused(Command::new(program()), &scene);
    assert_eq!(code, Some(2), "{said}");
    let by = format!("is in use by another portcullis (pid {})", daemon.pid());
    assert!(said.contains(&by) && said.contains("stop that one first"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    assert_eq!(files.each_ref().map(|file| std::fs::read_to_string(file).unwrap()), known, "the first is still found");
    // Its run goes on, and what comes in is done.
    let queue = daemon.get("/queue").body;
    assert_eq!((queue["running"].as_array().unwrap().len(), &queue["running"][0]["task"]), (1, &json!(first)));
    std::fs::write(scene.home().join("go"), "").unwrap();
    let second = daemon.new_task("DEMO-2");
    daemon.until_rests(first, "finished");
    daemon.until_rests(second, "finished");
    let log = daemon.log();
    assert_eq!((lines(&log, "a run has begun"), lines(&log, " ERROR ")), (2, 0), "{log}");
    assert_eq!(daemon.stop(), Some(0));
    scene.start().until_rests(second, "finished");
}

#[test]
fn a_daemon_that_is_asked_to_end_the_moment_it_listens_ends_properly() {
    // LAU-6
    let scene = Scene::builder().build();
    for _ in 0..5 {
        assert_eq!(scene.start().stop(), Some(0));
    }
}

#[test]
fn tasks_with_damaged_rows_are_held_with_the_reason_and_the_others_go_on() {
    // REA-6, NOT-1, OBS-2
    let scene = Scene::builder().manifest(APPROVED).role("developer", "echo \"$PORTCULLIS_WORK_ITEM\" > work.txt\n");
    let scene = scene.settings("[queue]\nmax_concurrency = 2\nmax_per_project = 2\n").build();
    let daemon = scene.start();
    let damages = damages();
    let bad: Vec<(i64, &str)> = damages.iter().map(|(item, sql)| (daemon.new_task(item), *sql)).collect();
    let good = daemon.new_task("GOOD");
    for (id, _) in &bad {
        daemon.until_rests(*id, "gate-pending");
    }
    daemon.until_rests(good, "gate-pending");
    daemon.kill();
    for (id, sql) in &bad {
        scene.database(&sql.replace(":id", &id.to_string()));
    }
    scene.database(LOOK_AT_ALL);
    let before = std::fs::metadata(scene.home().join("daemon.log")).unwrap().len();
    let daemon = scene.start();
    let head = daemon.task(good)["task"]["head"].clone();
    let answer = daemon.post(&format!("/tasks/{good}/approve"), &json!({ "by": "ada", "revision": head }));
    assert_eq!(answer.status, 200, "{}", answer.body);
    daemon.until_rests(good, "finished");
    daemon.eventually("each damaged one is held", || daemon.get("/queue").body["tasks"]["held"] == bad.len());
    for (id, sql) in &bad {
        let audit = daemon.get(&format!("/audit?task={id}")).body.to_string();
        assert!(audit.contains("damaged: row ") && audit.contains(" of table "), "{sql}: {audit}");
        let shown = daemon.get(&format!("/tasks/{id}"));
        assert!(shown.body.to_string().contains("damaged"), "whoever asks for it is told: {sql}: {}", shown.body);
    }
    assert_eq!(daemon.get("/tasks").status, 200);
    // A task more goes the whole way meanwhile; by then a loop that never rests would have filled the log.
    let more = daemon.new_task("MORE");
    daemon.until_rests(more, "gate-pending");
    let log = daemon.log()[usize::try_from(before).unwrap()..].to_owned();
    for (id, sql) in &bad {
        let told = lines(&log, &format!("(task {id}) is held: its row in the database is damaged"));
        assert_eq!(told, 1, "one notification: {sql}: {log}");
        let errors = log.lines().filter(|l| l.contains(" ERROR ") && l.contains(&format!("task.id={id} "))).count();
        assert!(errors <= 4, "{errors} errors about task {id} ({sql}): {log}");
    }
}

fn peak_kib(pid: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells the peak");
    peak.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn a_run_that_prints_gigabytes_is_kept_within_the_limit_in_bounded_memory_and_ends() {
    // LAU-1, LAU-5
    let floods = format!("head -c 3G /dev/zero\n{WAITS}");
    let scene = Scene::builder().manifest(ONE_STAGE).role("developer", &floods);
    let scene = scene.settings("[runs]\nlog_limit_bytes = 1000000\n").build();
    let daemon = scene.start();
    let before = peak_kib(&daemon.pid().to_string());
    let id = daemon.new_task("DEMO-1");
    let shown = daemon.until(id, "its run has a process", |shown| shown["job"]["run"]["process"]["pid"].is_u64());
    let run = &shown["job"]["run"];
    let (shim, number) = (run["process"]["pid"].to_string(), run["id"].clone());
    let log = Path::new(run["folder"].as_str().unwrap()).join("output.log");
    told(&daemon, &scene.home().join("DEMO-1.begun"));
    assert!(peak_kib(&shim) < 64 << 10, "the shim took {} KiB", peak_kib(&shim));
    std::fs::write(scene.home().join("go"), "").unwrap();
    daemon.until_rests(id, "finished");
    assert!(std::fs::metadata(&log).unwrap().len() < 1_000_200);
    let served = daemon.get(&format!("/runs/{number}/log")).body;
    let served = served.as_str().unwrap();
    assert!(served.len() < 1_000_200, "{} bytes", served.len());
    assert!(served.ends_with("[3220225472 more bytes of output were dropped: the limit is 1000000]\n"));
    let grown = peak_kib(&daemon.pid().to_string()) - before;
    assert!(grown < 256 << 10, "the daemon grew by {grown} KiB");
}
