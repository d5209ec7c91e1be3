//! What does a verified body say? Bounded reading, and errors that name the field and the place.
//!
//! Lenient where senders differ (unknown fields, absent optional ones, `null`), strict where a mistake would be acted on
//! (revisions, numbers). An event that Portcullis has no use for is [`Event::Ignored`] with the reason, not an error.

use crate::text::one_line;
use crate::webhook::{gitea, github, plane};
use portcullis_core::event::{Event, Source};
use portcullis_core::ids::Revision;
use serde::de::{DeserializeOwned, IgnoredAny};

/// Deepest nesting of objects and lists that is read (WEB-5). Real payloads have about ten.
pub const MAX_DEPTH: usize = 64;

/// Why a body could not be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// Not UTF-8; the place in bytes.
    #[error("the payload is not UTF-8 (at byte {at})")]
    NotUtf8 {
        /// Offset of the first wrong byte.
        at: usize,
    },
    /// Nested too deeply; the place in bytes.
    #[error("the payload is nested more than {MAX_DEPTH} levels deep (at byte {at})")]
    TooDeep {
        /// Offset of the bracket that was one too many.
        at: usize,
    },
    /// A form, which is what some senders make by default.
    #[error("the payload is a form; set the webhook's content type to application/json")]
    Form,
    /// No JSON.
    #[error("the payload is no JSON at line {line}, column {column}: {what}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What was expected.
        what: String,
    },
    /// JSON, but a field is missing or has a wrong type or value.
    #[error("the payload's field `{field}` is not usable: {what}")]
    Field {
        /// Path of the field, e.g. `pull_request.head.sha`.
        field: String,
        /// What is wrong with it.
        what: String,
    },
}

impl PayloadError {
    pub(super) fn field(field: &str, what: impl std::fmt::Display) -> Self {
        Self::Field { field: field.to_owned(), what: one_line(&what.to_string(), 200) }
    }
}

/// What `body` from `source` means. `event` is what [`super::event_name`] answered for its headers.
///
/// # Errors
/// [`PayloadError`]: trying again with the same bytes is of no use; the operator should see it.
pub fn parse(source: Source, event: &str, body: &[u8]) -> Result<Event, PayloadError> {
    let text = bounded(body)?;
    match source {
        Source::Gitea => gitea::parse(event, text),
        Source::Github => github::parse(event, text),
        Source::Plane => plane::parse(event, text),
    }
}

/// The body as text whose nesting is within bounds.
fn bounded(body: &[u8]) -> Result<&str, PayloadError> {
    let text = std::str::from_utf8(body).map_err(|error| PayloadError::NotUtf8 { at: error.valid_up_to() })?;
    if text.starts_with("payload=") {
        return Err(PayloadError::Form);
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(PayloadError::TooDeep { at });
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(text)
}

/// Reads the fields that `T` names.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, PayloadError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = error.path().to_string();
        let inner = error.into_inner();
        match inner.classify() {
            serde_json::error::Category::Data => {
                let field = if field == "." { "(the payload itself)".to_owned() } else { one_line(&field, 120) };
                PayloadError::Field { field, what: one_line(&inner.to_string(), 200) }
            }
            _ => syntax(&inner),
        }
    })?;
    json.end().map_err(|error| syntax(&error))?;
    Ok(value)
}

fn syntax(error: &serde_json::Error) -> PayloadError {
    PayloadError::Syntax { line: error.line(), column: error.column(), what: one_line(&error.to_string(), 200) }
}

/// The event is of no consequence; its body must be JSON all the same, so that a broken sender is noticed.
pub(super) fn ignored(text: &str, reason: impl Into<String>) -> Result<Event, PayloadError> {
    read::<IgnoredAny>(text)?;
    Ok(Event::Ignored { reason: one_line(&reason.into(), 300) })
}

/// An event for no reason given by the body: [`ignored`] for bodies that have been read.
pub(super) fn of_no_consequence(reason: impl Into<String>) -> Event {
    Event::Ignored { reason: one_line(&reason.into(), 300) }
}

/// A revision; none for git's null name (all zeros), which stands for "there is none".
pub(super) fn revision_or_null(field: &str, text: &str) -> Result<Option<Revision>, PayloadError> {
    let null = !text.is_empty() && text.bytes().all(|byte| byte == b'0');
    if null { Ok(None) } else { revision(field, text).map(Some) }
}

/// A revision that must be there.
pub(super) fn revision(field: &str, text: &str) -> Result<Revision, PayloadError> {
    Revision::parse(text).map_err(|error| PayloadError::field(field, error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where its preparation fails")]
    use super::*;

    const SOURCES: [Source; 3] = [Source::Gitea, Source::Github, Source::Plane];

    // WEB-5
    #[test]
    fn nesting_is_bounded_before_anything_is_built() {
        for source in SOURCES {
            for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
                let deep = |n: usize| {
                    let core = if open == "[" { "" } else { "1" };
                    format!(r#"{{"x":{}{core}{}}}"#, open.repeat(n), close.repeat(n))
                };
                let result = parse(source, "whatever", deep(MAX_DEPTH).as_bytes());
                assert!(matches!(result, Err(PayloadError::TooDeep { .. })), "{result:?}");
                assert!(parse(source, "whatever", deep(MAX_DEPTH - 1).as_bytes()).is_ok(), "{source:?} {open}");
                let huge = parse(source, "whatever", open.repeat(400_000).as_bytes());
                assert!(matches!(huge, Err(PayloadError::TooDeep { .. })));
            }
        }
    }

    // WEB-5
    #[test]
    fn brackets_inside_strings_are_no_nesting() {
        let body = format!(r#"{{"title":"\"{}\\"}}"#, "[".repeat(500));
        assert!(matches!(parse(Source::Gitea, "fork", body.as_bytes()), Ok(Event::Ignored { .. })));
    }

    // WEB-5
    #[test]
    fn no_utf8_no_json_and_forms_are_said_plainly() {
        for source in SOURCES {
            assert_eq!(parse(source, "push", b"{\"a\":\"\xff\"}"), Err(PayloadError::NotUtf8 { at: 6 }));
            assert_eq!(parse(source, "push", b"payload=%7B%7D"), Err(PayloadError::Form));
            for text in ["", "{", r#"{"ref": "refs/heads/m"#, "{}{}", "nul", "\u{feff}{}"] {
                let result = parse(source, "fork", text.as_bytes());
                assert!(matches!(result, Err(PayloadError::Syntax { .. })), "{source:?} {text}: {result:?}");
            }
        }
    }

    // WEB-5
    #[test]
    fn the_null_name_is_no_revision_and_an_empty_one_is_an_error() {
        assert_eq!(revision_or_null("after", &"0".repeat(40)), Ok(None));
        assert!(revision_or_null("after", &"a".repeat(40)).unwrap().is_some());
        let error = revision_or_null("after", "").unwrap_err();
        assert!(error.to_string().contains("`after`"), "{error}");
    }
}
