//! Turns the reports of test tools (JUnit XML) into the results document that the gate `staging-verdict` judges.
//!
//! Pure: from bytes to a document or a reason. Always holds: a report that is cut off, contradicts itself or says
//! something that is not understood gives no document, so that no import turns red into green; what a document holds, the
//! gate reads without complaint. Deliberately absent: the judgement itself, and any file or network.

mod document;
mod error;
mod id_format;
mod import;
mod junit;

pub use document::{Check, Document, Status};
pub use error::{ImportError, ReportError};
pub use id_format::{FormatError, IdFormat};
pub use import::{Provenance, Report, import};
