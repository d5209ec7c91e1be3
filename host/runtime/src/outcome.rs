//! From how a guest ended to what the evaluation says: a judgement, or one of the core's typed faults (GAT-1).
//!
//! What the ledger noted comes first, since it names the cause; then the type of the error. The text of an error is shown
//! and never looked at.

use crate::contract::v0_1::Answer;
use crate::ledger::Ledger;
use crate::run::Failed;
use portcullis_core::gate::{Fault, Judgement, Limits, Verdict};
use wasmtime::{PoolConcurrencyLimitError, Trap};
use wasmtime_wasi::I32Exit;

/// Most characters of an error's text.
const MAX_TEXT: usize = 500;

/// The fault behind a guest's failure.
pub(crate) fn fault(ledger: &Ledger, failed: &Failed, stack_kib: u64) -> Fault {
    let error = &failed.error;
    if let Some(noted) = ledger.fault() {
        return noted;
    }
    if failed.returned {
        return unusable_answer(error, ledger.limits());
    }
    if error.is::<PoolConcurrencyLimitError>() {
        return Fault::PoolExhausted;
    }
    if let Some(I32Exit(code)) = error.downcast_ref::<I32Exit>() {
        return Fault::Trap { trap: format!("it called exit({code}) instead of answering") };
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => Fault::StackOverflow { limit_kib: stack_kib },
        Some(trap) => Fault::Trap { trap: trap.to_string() },
        None => Fault::Trap { trap: format!("{error:#}").chars().take(MAX_TEXT).collect() },
    }
}

/// An answer that does not have the shape that its type promises, or else is too large to be taken over at all.
fn unusable_answer(error: &wasmtime::Error, limits: &Limits) -> Fault {
    if let Some(trap) = error.downcast_ref::<Trap>() {
        Fault::MalformedAnswer { detail: trap.to_string() }
    } else if error.is::<std::str::Utf8Error>() || error.is::<std::char::DecodeUtf16Error>() {
        Fault::MalformedAnswer { detail: "a text in it is not valid Unicode".to_owned() }
    } else {
        Fault::OutputLimit { what: "KiB".to_owned(), limit: limits.output_kib }
    }
}

/// The judgement, if the ledger and the limits have nothing against it.
pub(crate) fn judged(ledger: &Ledger, answer: Answer, can_act: bool) -> Result<Judgement, Fault> {
    if let Some(noted) = ledger.fault() {
        return Err(noted);
    }
    let judgement = match answer {
        Answer::Judged(Ok(judgement)) => judgement,
        Answer::Judged(Err(refusal)) => return Err(Fault::Refused { refusal }),
        Answer::Schema(_) => return Err(Fault::Host { detail: "a schema came where a judgement was due".to_owned() }),
    };
    within(&judgement, ledger.limits())?;
    if judgement.verdict == Verdict::Actionable && !can_act {
        return Err(Fault::MalformedAnswer { detail: "`actionable` from a gate that exports no `act`".to_owned() });
    }
    Ok(judgement)
}

fn within(judgement: &Judgement, limits: &Limits) -> Result<(), Fault> {
    if judgement.findings.len() as u64 > limits.findings {
        return Err(Fault::OutputLimit { what: "findings".to_owned(), limit: limits.findings });
    }
    let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let findings = judgement.findings.iter().map(|finding| {
        finding.rule.len() + finding.message.len() + optional(&finding.path) + finding.fingerprint.len()
    });
    let evidence = judgement.evidence.iter().map(|(name, value)| name.len() + value.len());
    let size: usize = judgement.summary.len() + findings.sum::<usize>() + evidence.sum::<usize>();
    if size as u64 > limits.output_kib << 10 {
        return Err(Fault::OutputLimit { what: "KiB".to_owned(), limit: limits.output_kib });
    }
    Ok(())
}
