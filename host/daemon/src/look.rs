//! What a decision about a task rests on, as it stands now: heads at the remote, the project's gates, the newest job,
//! evaluations, a person's decision, pauses.
//!
//! Reading only. `drive`, which acts on what it finds, and the reconciler, which never does, look through the same eyes.

use crate::app::App;
use crate::gatehouse::{BoundGate, Gatehouse};
use crate::project::{Heads, Project};
use portcullis_core::facts::Approval;
use portcullis_core::gate::{Evaluation, Subject};
use portcullis_core::ids::{GateName, Revision};
use portcullis_core::job::{Job, JobState};
use portcullis_core::pause::Pauses;
use portcullis_core::step::{GateBinding, Rest, View};
use portcullis_core::task::Task;
use portcullis_core::time::UnixMillis;
use portcullis_store::StoreError;
use std::sync::Arc;

/// What one look at the world found.
pub struct World {
    /// The task's project.
    pub project: Arc<Project>,
    /// Its pipeline and gates, from the target branch.
    pub house: Arc<Gatehouse>,
    /// Head of the target branch.
    pub target_head: Revision,
    /// The newest job of the visit.
    pub job: Option<Job>,
    /// The visit's stored evaluations.
    pub evaluations: Vec<Evaluation>,
    /// The newest decision of a person.
    pub decision: Option<(Approval, UnixMillis)>,
    /// What stands at the task's edge.
    pub gates: Vec<BoundGate>,
    /// What is paused.
    pub pauses: Pauses,
}

/// How a look ended.
pub enum Looked {
    /// This is what there is.
    World(Box<World>),
    /// The branch has another head than the task knows; nothing else was looked at.
    Moved {
        /// The task's project.
        project: Arc<Project>,
        /// The head.
        head: Revision,
    },
    /// There is nothing to decide on.
    Rests(Rest),
}

/// Looks. `heads` are the remote's, if they were asked for before; what was asked for stands there afterwards.
///
/// # Errors
/// [`StoreError`].
pub async fn look(app: &App, task: &Task, job: Option<Job>, heads: &mut Option<Heads>) -> Result<Looked, StoreError> {
    let unusable = |reason: String| Ok(Looked::Rests(Rest::ManifestUnusable { reason }));
    let Some(project) = app.project(&task.project) else {
        return unusable(format!("project {} is no longer in the settings; add it again", task.project));
    };
    let found = match heads.take() {
        Some(heads) => heads,
        None => match project.heads(&task.branch).await {
            Ok(heads) => heads,
            Err(reason) => return Ok(Looked::Rests(Rest::RepositoryUnavailable { reason })),
        },
    };
    *heads = Some(found.clone());
    // While its role is at work, only that work moves the branch; afterwards the remote's word counts (GAT-8).
    let at_work = job.as_ref().is_some_and(|job| job.state == JobState::Running);
    if let Some(head) = found.branch.filter(|head| !at_work && task.held.is_none() && task.head.as_ref() != Some(head))
    {
        return Ok(Looked::Moved { project, head });
    }
    let house = match project.gatehouse(app, &found.target).await? {
        Ok(house) => house,
        Err(reason) => return unusable(reason),
    };
    let gates = house
        .pipeline
        .edge_from(&task.stage)
        .map(|edge| house.bind(edge, &app.settings.gates, &task.overlay))
        .unwrap_or_default();
    let decision = app.store.decision(task.id, &task.stage).await?.map(|d| (d.approval, d.at));
    let evaluations = app.store.evaluations_of_visit(task.id).await?;
    let pauses = app.store.pauses().await?;
    let target_head = found.target;
    Ok(Looked::World(Box::new(World { project, house, target_head, job, evaluations, decision, gates, pauses })))
}

impl World {
    /// The gates as the core needs them.
    pub fn bindings(&self) -> Vec<GateBinding> {
        self.gates.iter().map(BoundGate::binding).collect()
    }

    /// It as the core sees it, with `evaluations` in place of the stored ones alone.
    pub fn view<'a>(
        &'a self,
        task: &'a Task,
        bindings: &'a [GateBinding],
        evaluations: &'a [Evaluation],
        merged: Option<&'a Revision>,
    ) -> View<'a> {
        View {
            task,
            pipeline: &self.house.pipeline,
            target_head: &self.target_head,
            bindings,
            job: self.job.as_ref(),
            evaluations,
            decision: self.decision.as_ref().map(|(approval, at)| (approval, *at)),
            merged,
            pauses: &self.pauses,
        }
    }

    /// A gate of the task's edge, and what it is to be asked about.
    pub fn subject(&self, task: &Task, gate: &GateName) -> Option<(&BoundGate, Subject)> {
        let bound = self.gates.iter().find(|g| g.spec.name == *gate)?;
        let edge = self.house.pipeline.edge_from(&task.stage)?;
        let subject = Subject {
            repository: self.project.settings.repository.clone(),
            work_item: task.work_item.clone(),
            from: edge.from.clone(),
            to: edge.to.clone(),
            branch: task.branch.clone(),
            head: task.head.clone()?,
            target: self.project.settings.default_branch.clone(),
            target_head: self.target_head.clone(),
            pull_request: task.pull_request,
        };
        Some((bound, subject))
    }
}
