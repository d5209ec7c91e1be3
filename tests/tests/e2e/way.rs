//! A work item's way through the default pipeline.

use portcullis_e2e::Scene;

/// Leaves a file of its own and ends well.
const WORK: &str = "mkdir -p \"$PORTCULLIS_DOCUMENTS\" && date > \"$PORTCULLIS_DOCUMENTS/$PORTCULLIS_STAGE.md\"\n";

#[test]
fn a_work_item_goes_through_every_stage_of_the_default_pipeline() {
    // STG-1
    let scene = Scene::builder().every_role(WORK).build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let shown = daemon.until_rests(id, "finished");
    let audit = daemon.get(&format!("/audit?task={id}&limit=1000")).body;
    let way: Vec<&str> = audit["audit"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .filter(|row| row["what"] == "create" || row["what"] == "advance")
        .filter_map(|row| row["to"].as_str())
        .collect();
    let stages = ["analysis", "architecture", "development", "review", "testing", "deploy-staging", "deploy", "done"];
    assert_eq!(way, stages);
    let merge = shown["task"]["merge_commit"].as_str().unwrap();
    assert_eq!(scene.repo.origin_head("main").unwrap().as_str(), merge, "the merge is on the target branch");
}
