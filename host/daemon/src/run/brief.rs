//! What a run is told: the task description as Markdown, and its environment.

use crate::effects::findings_text;
use crate::project::Project;
use crate::settings::{ImageRegistry, Runs};
use portcullis_core::ids::RunId;
use portcullis_core::job::Job;
use portcullis_core::task::Task;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// File name of the task description in the run's folder.
pub const TASK_FILE: &str = "task.md";

/// The task description. What a gate found stands in it word for word (STG-3).
pub fn text(task: &Task, job: &Job) -> String {
    let mut text = format!("# {} {}\n\nStage: {}\nRole: {}\n", task.work_item, task.title, job.stage, job.role);
    if !task.description.is_empty() {
        let _infallible = write!(text, "\n## What is to be done\n\n{}\n", task.description);
    }
    if let Some(feedback) = &task.feedback {
        let _infallible = write!(
            text,
            "\n## What has to be mended\n\nGate {} did not let this work leave {}:\n\n{}\n",
            feedback.gate,
            feedback.from,
            findings_text(feedback)
        );
    }
    text
}

/// The run's whole environment: little of the daemon's, so that no secret comes along unasked.
pub fn environment(
    project: &Project,
    task: &Task,
    job: &Job,
    run: RunId,
    folder: &Path,
    runs: &Runs,
) -> BTreeMap<String, String> {
    let mut env = inherited(runs);
    if let Some(role) = project.settings.roles.get(&job.role) {
        env.extend(role.env.clone());
    }
    let documents = format!("{}/{}", project.settings.documents, task.work_item);
    let merge_commit = task.merge_commit.as_ref().map_or_else(String::new, ToString::to_string);
    for (name, value) in [
        ("PORTCULLIS_PROJECT", task.project.to_string()),
        ("PORTCULLIS_TASK", task.id.to_string()),
        ("PORTCULLIS_WORK_ITEM", task.work_item.to_string()),
        ("PORTCULLIS_STAGE", job.stage.to_string()),
        ("PORTCULLIS_ROLE", job.role.to_string()),
        ("PORTCULLIS_RUN_ID", run.to_string()),
        ("PORTCULLIS_ATTEMPT", job.attempt.to_string()),
        ("PORTCULLIS_BRANCH", task.branch.clone()),
        ("PORTCULLIS_TARGET", project.settings.default_branch.clone()),
        ("PORTCULLIS_MERGE_COMMIT", merge_commit),
        ("PORTCULLIS_DOCUMENTS", documents),
        ("PORTCULLIS_TASK_FILE", folder.join(TASK_FILE).display().to_string()),
        (
            "PORTCULLIS_IMAGES",
            project.settings.images.as_ref().map_or_else(String::new, |folder| folder.display().to_string()),
        ),
    ] {
        env.insert(name.to_owned(), value);
    }
    env.extend(project.settings.registry.iter().flat_map(ImageRegistry::environment));
    env
}

/// What every run inherits from the daemon's environment.
pub fn inherited(runs: &Runs) -> BTreeMap<String, String> {
    const ALWAYS: [&str; 5] = ["PATH", "HOME", "LANG", "USER", "TMPDIR"];
    let names = ALWAYS.into_iter().chain(runs.inherit_env.iter().map(String::as_str));
    names.filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?))).collect()
}
