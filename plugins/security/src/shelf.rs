//! Whether the head holds the report of its judgement, and putting it there (SEC-7).
//!
//! What must hold: a judgement that is no pass is what it is, whatever document lies there; a pass counts only with the
//! document of this very judgement at the head; and what the document says never decides anything, since the gate has
//! judged the head itself by then. So nothing that a branch could write there opens the edge.
//!
//! Deliberately absent: a memory of having written. The host asks again after an act, and what counts then is what it reads.

use crate::document::{self, Header};
use portcullis_gate_sdk::text::{clip, short};
use portcullis_gate_sdk::{Finding, Judgement, Refusal, Subject, Verdict};

/// Where the document lies.
pub trait Shelf {
    /// The document at the head that is judged, if there is one.
    ///
    /// # Errors
    /// Nobody can tell.
    fn read(&self) -> Result<Option<Vec<u8>>, Refusal>;
    /// Whether `head` is `earlier`, or descends from it and differs from it in the work item's documents alone.
    ///
    /// # Errors
    /// Nobody can tell.
    fn only_documents_since(&self, earlier: &str, head: &str) -> Result<bool, Refusal>;
    /// Puts the document there.
    ///
    /// # Errors
    /// It did not work.
    fn write(&self, content: &str) -> Result<(), Refusal>;
}

/// The judgement, as it counts with what lies at the head: a pass without its document is actionable.
///
/// # Errors
/// The document or the history cannot be read.
pub fn demand(shelf: &impl Shelf, subject: &Subject, judgement: Judgement) -> Result<Judgement, Refusal> {
    if judgement.verdict != Verdict::Pass {
        return Ok(judgement);
    }
    let Err(why) = lies_there(shelf, subject, &judgement)? else {
        return Ok(judgement.evidence("report", document::NAME));
    };
    let summary = format!("{}; the report is to be written", judgement.summary);
    let note = Finding::note("report", why).at(document::NAME, None);
    Ok(Judgement { verdict: Verdict::Actionable, summary, ..judgement }.finding(note))
}

/// Writes the document of a pass, unless it lies there already.
///
/// # Errors
/// The document or the history cannot be read, or it cannot be written.
pub fn supply(shelf: &impl Shelf, subject: &Subject, judgement: Judgement) -> Result<Judgement, Refusal> {
    if judgement.verdict == Verdict::Pass && lies_there(shelf, subject, &judgement)?.is_err() {
        shelf.write(&document::render(subject, &judgement))?;
    }
    Ok(judgement)
}

/// Whether the document of this judgement lies at the head; if not, what is the matter with the one that does.
fn lies_there(shelf: &impl Shelf, subject: &Subject, judgement: &Judgement) -> Result<Result<(), String>, Refusal> {
    let Some(content) = shelf.read()? else { return Ok(Err("there is no report at the head".into())) };
    let header = match document::read(&content) {
        Ok(header) => header,
        Err(why) => return Ok(Err(format!("the report at the head is broken: {}", clip(&why, 200)))),
    };
    if let Err(why) = header.agrees_with(&Header::of(subject, judgement)) {
        return Ok(Err(format!("the report at the head is another's: {}", clip(&why, 200))));
    }
    if !shelf.only_documents_since(&header.head, &subject.head)? {
        return Ok(Err(format!("the report at the head is of {}", clip(short(&header.head), 40))));
    }
    Ok(Ok(()))
}
