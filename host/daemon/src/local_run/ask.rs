//! Asking one gate by hand.

use super::reads::{LocalReads, Looked};
use crate::images::Images;
use crate::known::Advisories;
use crate::objects::Objects;
use crate::outbound;
use anyhow::Result;
use portcullis_core::digest::Digest;
use portcullis_core::gate::{Call, Evaluation, Grants, Limits, Mode, OnFault, PluginRef, Report, Subject};
use portcullis_core::ids::GateName;
use portcullis_core::time::UnixMillis;
use portcullis_git::ObjectReader;
use portcullis_runtime::{CallInput, Gate, Runtime};
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;
use std::sync::Arc;

/// Everything that an answer follows from, but for the repository's objects.
#[derive(Debug, Clone)]
pub struct Question {
    /// Which code.
    pub plugin: PluginRef,
    /// What it is to judge.
    pub subject: Subject,
    /// Its configuration, as JSON.
    pub config: String,
    /// What it may use.
    pub limits: Limits,
    /// Whom it may call.
    pub grants: Grants,
    /// The work item's folder.
    pub folder: String,
    /// An OCI image layout, where it asks for images.
    pub images: Option<PathBuf>,
    /// The database of advisories; there may be none.
    pub advisories: PathBuf,
    /// The moment that its clocks show.
    pub at: UnixMillis,
}

/// Asks; whatever the gate does, the answer is an evaluation (GAT-1).
///
/// # Errors
/// If this program itself cannot set up what a gate needs.
pub async fn ask(
    runtime: &Runtime,
    gate: &Arc<Gate>,
    reader: ObjectReader,
    question: Question,
    looked: Arc<Looked>,
) -> Result<Evaluation> {
    let Question { plugin, subject, config, limits, grants, folder, images, advisories, at } = question;
    let head = subject.head.clone();
    let (repository, advisories) = (reader.repository().clone(), Advisories::at(advisories));
    let objects = Objects::from(reader);
    let images = images.map_or(Images::Nowhere, Images::Layout);
    let reads = LocalReads { repository, head, folder, images, looked, objects, advisories };
    let outbound = outbound::guarded_once_used();
    let input =
        CallInput { subject: subject.clone(), config: config.clone(), limits, grants, at, outbound: Some(outbound) };
    let report = runtime.evaluate(gate, input, Arc::new(reads)).await;
    Ok(evaluation(plugin, subject, &config, report, at))
}

/// As the daemon would store it.
fn evaluation(plugin: PluginRef, subject: Subject, config: &str, report: Report, at: UnixMillis) -> Evaluation {
    let name = plugin.name.as_str();
    let gate = GateName::new(name.rsplit('/').next().unwrap_or(name));
    Evaluation {
        id: None,
        gate,
        plugin,
        config_digest: Digest::from_sha256(Sha256::digest(config).into()),
        subject,
        call: Call::Evaluate,
        mode: Mode::Enforce,
        on_fault: OnFault::Closed,
        report,
        at,
        rings: 0,
    }
}
