//! Kubernetes Secrets committed as manifests: base64 is no protection, so any value of `data` or `stringData` counts.
//!
//! It reads lines and indentation, no YAML: a manifest may be a template that no YAML parser accepts, and a scan must not
//! depend on the file being valid. Encrypted and referring kinds (SealedSecret, ExternalSecret, sops) are other kinds.

use crate::text::line_around;
use crate::value;
use std::ops::Range;

/// How far around `kind: Secret` its data is looked for.
const REACH: usize = 64 * 1024;

/// Whether the line at `keyword` is `kind: Secret`, at whatever depth and however quoted.
fn is_kind(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let line = line.strip_prefix(b"- ").unwrap_or(line).trim_ascii();
    let bare = |text: &[u8]| -> Vec<u8> {
        text.iter().copied().filter(|byte| !matches!(byte, b'\'' | b'"' | b',' | b' ' | b'\t')).collect()
    };
    bare(line) == b"kind:Secret"
}

fn indent(line: &[u8]) -> usize {
    line.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'-')).count()
}

/// The values of the secret whose `kind` stands at `keyword`; none if that says something else.
pub(crate) fn find(text: &[u8], keyword: usize) -> Option<Vec<Range<usize>>> {
    let kind = line_around(text, keyword);
    if !is_kind(&text[kind.clone()]) {
        return None;
    }
    let depth = indent(&text[kind.clone()]);
    let document = document(text, &kind);
    let mut found = Vec::new();
    let mut at = document.start;
    let mut inside = false;
    while at < document.end {
        let line = line_around(text, at);
        at = line.end + 1;
        let content = &text[line.clone()];
        if content.trim_ascii().is_empty() {
            continue;
        }
        let bare = content.trim_ascii();
        let key = bare.strip_prefix(b"- ").unwrap_or(bare);
        if indent(content) == depth || indent(content) < depth {
            inside = [
                b"data:".as_slice(),
                b"stringData:",
                b"\"data\": {",
                b"\"stringData\": {",
                b"'data':",
                b"\"data\":",
                b"'stringData':",
                b"\"stringData\":",
            ]
            .contains(&key);
            continue;
        }
        if inside && let Some(span) = entry(text, &line) {
            found.push(span);
        }
    }
    Some(found)
}

/// The part between `---` lines, or between brackets' neighbours, that `kind` stands in.
fn document(text: &[u8], kind: &Range<usize>) -> Range<usize> {
    let from = kind.start.saturating_sub(REACH);
    let to = (kind.end + REACH).min(text.len());
    let start = memchr::memmem::rfind(&text[from..kind.start], b"\n---").map_or(from, |at| from + at + 4);
    let end = memchr::memmem::find(&text[kind.end..to], b"\n---").map_or(to, |at| kind.end + at);
    start..end
}

/// The value of `key: value`, if it could be one.
fn entry(text: &[u8], line: &Range<usize>) -> Option<Range<usize>> {
    let content = &text[line.clone()];
    let colon = memchr::memchr(b':', content);
    let (start, is_entry) = match colon {
        Some(colon) if content.get(colon + 1).is_none_or(|byte| matches!(byte, b' ' | b'\r')) => (colon + 1, true),
        // A line of a block scalar.
        _ => (0, false),
    };
    let mut span = start..content.len();
    let outer = |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b'\'' | b'"' | b',');
    while span.start < span.end && outer(content[span.start]) {
        span.start += 1;
    }
    if let Some(comment) = memchr::memmem::find(&content[span.clone()], b" #") {
        span.end = span.start + comment;
    }
    while span.end > span.start && outer(content[span.end - 1]) {
        span.end -= 1;
    }
    let secret = &content[span.clone()];
    let decoded = value::base64(secret).filter(|bytes| bytes.len() >= 4 && std::str::from_utf8(bytes).is_ok());
    let plain = decoded.as_deref().unwrap_or(secret);
    let telling = if is_entry {
        secret.len() >= 8
    } else {
        memchr::memchr(b'=', secret).is_some_and(|equals| secret.len() - equals > 8)
            || (decoded.is_some() && secret.len() >= 16)
    };
    let hollow = value::is_template(secret)
        || value::is_template(plain)
        || value::is_placeholder(secret)
        || value::is_placeholder(plain);
    let block = secret.starts_with(b"|")
        || secret.starts_with(b">")
        || secret.starts_with(b"{{")
        || secret.contains(&b'<')
        || secret.starts_with(b"http");
    let words = !plain.iter().any(u8::is_ascii_digit) && decoded.is_none();
    (telling && !hollow && !block && !words && !secret.starts_with(b"#"))
        .then_some(line.start + span.start..line.start + span.end)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn values(text: &str) -> Vec<&str> {
        let at = memchr::memmem::find(text.as_bytes(), b"ecret").unwrap();
        find(text.as_bytes(), at).into_iter().flatten().map(|span| &text[span]).collect()
    }

    // SEC-2
    #[test]
    fn the_data_of_a_secret_is_found_before_and_after_its_kind() {
        assert_eq!(
            values("kind: Secret\ndata:\n  pw: SmR4V3FqaGpXTFRC\nmetadata:\n  name: abcdefgh1\n"),
            ["SmR4V3FqaGpXTFRC"]
        );
        assert_eq!(values("data:\n  pw: 'SmR4V3FqaGpXTFRC'\nkind: 'Secret'\n"), ["SmR4V3FqaGpXTFRC"]);
        assert_eq!(values("kind: Secret\nstringData:\n  pw: Jdx7Wqjh2 # why\n---\nkind: Pod\n"), ["Jdx7Wqjh2"]);
    }

    // SEC-2
    #[test]
    fn templates_other_kinds_and_empty_values_are_not() {
        assert!(values("kind: Secret\ndata:\n  pw: {{ .Values.password1 }}\n  b: \"\"\n").is_empty());
        assert!(values("kind: SealedSecret\ndata:\n  pw: SmR4V3FqaGpXTFRC\n").is_empty());
        assert!(values("kind: Secret\nmetadata:\n  uid: SmR4V3FqaGpXTFRC\n").is_empty());
    }
}
