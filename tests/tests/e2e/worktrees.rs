//! Worktrees and mirrors that somebody removes: nothing is taken for done, and everything is made anew.

use crate::processes::told;
use portcullis_e2e::{Daemon, Scene};
use serde_json::json;

/// Two stages with work in them; a person stands between.
const TWO_STAGES: &str = "
format = 1

[[stage]]
name = \"development\"
role = \"developer\"

[[stage]]
name = \"review\"
role = \"reviewer\"

[[stage]]
name = \"done\"

[[edge]]
from = \"development\"
to = \"review\"

  [[edge.gate]]
  name = \"approval\"
  plugin = \"portcullis/approval\"
  version = \"^0.1\"
";

/// One stage with work in it.
const ONE_STAGE: &str = "
format = 1

[[stage]]
name = \"development\"
role = \"developer\"

[[stage]]
name = \"done\"
";

const AT_ONCE: &str = "[queue]\nretry_first_s = 0\n";

fn begun(daemon: &Daemon) -> usize {
    daemon.log().lines().filter(|line| line.contains("a run has begun")).count()
}

#[test]
fn a_run_whose_worktree_was_removed_is_no_success_and_is_tried_again_in_a_new_one() {
    // LAU-3, QUE-5
    let work = r#"
if [ $PORTCULLIS_ATTEMPT = 1 ]; then here=$(pwd -P); echo lost > lost.txt; cd /; rm -rf "$here"; exit 0; fi
echo text > work.txt
"#;
    let scene = Scene::builder().manifest(ONE_STAGE).role("developer", work).settings(AT_ONCE).build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let branch = daemon.until_rests(id, "finished")["task"]["branch"].as_str().unwrap().to_owned();
    assert!(daemon.log().contains("was removed while it ran"), "{}", daemon.log());
    assert_eq!(begun(&daemon), 2);
    assert_eq!(scene.repo.run(&scene.repo.origin(), ["show", &format!("{branch}:work.txt")]), "text");
}

#[test]
fn what_is_removed_between_two_stages_is_made_anew() {
    // LAU-1, LAU-3
    let scene = Scene::builder().manifest(TWO_STAGES).role("developer", "echo \"$PORTCULLIS_WORK_ITEM\" > one.txt\n");
    let scene = scene.role("reviewer", "cat one.txt > two.txt\n").settings(AT_ONCE).build();
    let daemon = scene.start();
    for (item, removed) in [
        ("TREES", &["worktrees"][..]),
        ("MIRRORS", &["mirrors"]),
        ("BOTH", &["worktrees", "mirrors"]),
        ("RUNS", &["runs"]),
    ] {
        let id = daemon.new_task(item);
        let shown = daemon.until_rests(id, "gate-pending");
        for folder in removed {
            std::fs::remove_dir_all(scene.home().join(folder)).unwrap();
        }
        let approval = json!({ "by": "ada", "revision": shown["task"]["head"] });
        let answer = daemon.post(&format!("/tasks/{id}/approve"), &approval);
        assert_eq!(answer.status, 200, "{item}: {}", answer.body);
        let branch = daemon.until_rests(id, "finished")["task"]["branch"].as_str().unwrap().to_owned();
        let two = scene.repo.run(&scene.repo.origin(), ["show", &format!("{branch}:two.txt")]);
        assert_eq!(two, item, "the second stage found the work of the first");
    }
    assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
    assert_eq!(begun(&daemon), 8, "no run was needed twice");
}

#[test]
fn work_in_a_worktree_whose_mirror_was_removed_is_put_aside_and_done_again() {
    // LAU-3, QUE-5
    let work = r#"
here=$(dirname "$0")
echo "attempt $PORTCULLIS_ATTEMPT" > work.txt
echo "$$" > "$here/begun"
until [ -e "$here/go" ] || [ ! -d "$here" ]; do sleep 0.05; done
"#;
    let scene = Scene::builder().manifest(ONE_STAGE).role("developer", work).settings(AT_ONCE).build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    told(&daemon, &scene.home().join("begun"));
    std::fs::remove_dir_all(scene.home().join("mirrors")).unwrap();
    std::fs::write(scene.home().join("go"), "").unwrap();
    let branch = daemon.until_rests(id, "finished")["task"]["branch"].as_str().unwrap().to_owned();
    let kept = scene.repo.run(&scene.repo.origin(), ["show", &format!("{branch}:work.txt")]);
    assert_ne!(kept, "attempt 1", "what was published was made in a worktree of the new mirror");
    let log = daemon.log();
    assert!(log.contains("was removed while it ran") && log.contains("put aside a worktree"), "{log}");
    let aside = scene.home().join(format!("worktrees/demo/task-{id}.aside-1/work.txt"));
    assert_eq!(std::fs::read_to_string(aside).unwrap(), "attempt 1\n", "nothing that a role has written is deleted");
}
