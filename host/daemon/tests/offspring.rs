//! The processes of a run as their sub-reaper sees them. Every child of this program counts as the run's, so it has one
//! test and does nothing else.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may fail, and starts processes to look at"
)]

use portcullis::run::offspring::Offspring;
use portcullis_testkit::eventually;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// Leaves one process in its group, one in a session of its own, and one that has ended; ends when it is told to.
const SCRIPT: &str = r#"
sleep 600 &
echo $! > grouped
setsid env -i PATH="$PATH" sh -c 'echo $$ > alone; exec sleep 600' &
( sh -c 'echo $$ > ended' & )
echo $$ > leader
read line
exit 3
"#;

/// The letter in which `/proc` shows what a process does; none if there is no such process.
fn state(pid: &str) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat[stat.rfind(')')? + 1..].trim().chars().next()
}

fn told(folder: &Path, name: &str) -> String {
    let read = || std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    eventually("a process says who it is", PATIENCE, || read().ends_with('\n'));
    read().trim().to_owned()
}

#[tokio::test]
async fn orphans_are_reaped_the_leader_keeps_its_number_and_nobody_is_left() {
    // LAU-1, LAU-5
    let folder = tempfile::tempdir().unwrap();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", SCRIPT]).current_dir(folder.path()).stdin(reader).stdout(Stdio::null());
    let mut run = Offspring::start(&mut command).unwrap();
    drop(command);
    let [grouped, alone, ended, leader] = ["grouped", "alone", "ended", "leader"].map(|name| told(folder.path(), name));
    // Nobody else could: its parent has ended before it, or does not wait for it.
    let waiting = tokio::time::timeout(PATIENCE, async {
        tokio::select! {
            () = run.leader_ended() => panic!("nobody has told the leader to end"),
            () = async { while state(&ended).is_some() { tokio::task::yield_now().await } } => {}
        }
    });
    waiting.await.expect("the orphan that has ended is reaped");

    std::io::Write::write_all(&mut writer, b"end\n").unwrap();
    tokio::time::timeout(PATIENCE, run.leader_ended()).await.expect("the leader ends");
    assert_eq!(state(&leader), Some('Z'), "until its group is ended, its number is nobody else's");
    assert!(state(&grouped).is_some() && state(&alone).is_some());
    let status = run.clear_away(PATIENCE).await.unwrap();
    assert_eq!(status.code(), Some(3));
    assert_eq!([&grouped, &alone, &ended, &leader].map(|pid| state(pid)), [None; 4]);
}
