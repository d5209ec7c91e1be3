//! `GET /runs/{id}/log`: what a run prints, followed while it grows (LAU-1).

use super::problem::Problem;
use super::server::Shared;
use crate::redact::Redactor;
use crate::run::process::identify;
use crate::run::shim::{EXIT, LOG};
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use portcullis_core::ids::RunId;
use portcullis_core::job::ProcessIdentity;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::AsyncReadExt;

/// How often a growing log is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The log; ends when the run does.
pub async fn log(State(shared): State<Shared>, Path(id): Path<i64>) -> Result<Response, Problem> {
    let run = shared.app.store.run(RunId(id)).await?.ok_or_else(|| Problem::not_found(format!("run {id}")))?;
    let folder = PathBuf::from(run.folder);
    let file = match tokio::fs::File::open(folder.join(LOG)).await {
        Ok(file) => Some(file),
        Err(_) if run.exit_code.is_none() => None,
        Err(_) => return Err(Problem::not_found(format!("log of run {id} any more"))),
    };
    let following =
        Following { folder, process: run.process, file, redactor: shared.app.redactor.clone(), rest: Vec::new() };
    let stream = futures_stream(following);
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], Body::from_stream(stream)).into_response())
}

struct Following {
    folder: PathBuf,
    process: Option<ProcessIdentity>,
    file: Option<tokio::fs::File>,
    redactor: Redactor,
    /// The beginning of a line whose end has not been printed yet: secrets are blanked in whole lines.
    rest: Vec<u8>,
}

/// Longest line that is held back.
const LINE_BYTES: usize = 64 << 10;

impl Following {
    async fn next(&mut self) -> std::io::Result<Option<Bytes>> {
        loop {
            // Asked before reading: what was printed before the end is read after it.
            let recorded = tokio::fs::try_exists(self.folder.join(EXIT)).await.unwrap_or(false);
            let ended = recorded || self.process.as_ref().is_some_and(|p| identify(p.pid).as_ref() != Some(p));
            if self.file.is_none() {
                self.file = tokio::fs::File::open(self.folder.join(LOG)).await.ok();
            }
            let mut piece = vec![0; 64 << 10];
            let read = match &mut self.file {
                Some(file) => file.read(&mut piece).await?,
                None => 0,
            };
            self.rest.extend_from_slice(&piece[..read]);
            let whole = match self.rest.iter().rposition(|byte| *byte == b'\n') {
                Some(end) => end + 1,
                None if self.rest.len() > LINE_BYTES || (read == 0 && ended) => self.rest.len(),
                None => 0,
            };
            if whole > 0 {
                let lines: Vec<u8> = self.rest.drain(..whole).collect();
                return Ok(Some(Bytes::from(self.redactor.clean(&String::from_utf8_lossy(&lines)))));
            }
            if read == 0 && ended {
                return Ok(None);
            }
            if read == 0 {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }
}

fn futures_stream(following: Following) -> impl futures_util::Stream<Item = std::io::Result<Bytes>> {
    futures_util::stream::try_unfold(following, |mut following| async move {
        Ok(following.next().await?.map(|piece| (piece, following)))
    })
}
