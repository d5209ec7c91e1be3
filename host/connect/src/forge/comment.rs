//! A comment that is made once: it begins with a marker that only its key makes, and that is looked for first.
//!
//! The marker counts only where a comment begins with it: findings are quoted word for word in comments, and could
//! quote a marker.

use super::page::{PageSize, all};
use super::success;
use crate::http::Rest;
use crate::text::cut;
use portcullis_core::facts::ForgeError;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

/// Forges take 65,536 characters.
const MAX_CHARS: usize = 60_000;

#[derive(Deserialize)]
struct Comment {
    #[serde(default)]
    body: Option<String>,
}

/// Says `text` in the conversation whose comments are at `path`, unless it has been said under `key`.
pub(super) async fn once(rest: &Rest, path: &[&str], size: PageSize, key: &str, text: &str) -> Result<(), ForgeError> {
    let marker = marker(key);
    let said = all(rest, path, &[], size, |comments: Vec<Comment>| Ok(comments)).await?;
    let begins = |comment: &Comment| comment.body.as_deref().is_some_and(|body| body.trim_start().starts_with(&marker));
    if said.iter().any(begins) {
        return Ok(());
    }
    let body = json!({ "body": format!("{marker}\n{}", cut(text, MAX_CHARS)) });
    success(rest.send(Method::POST, path, &body).await?)?;
    Ok(())
}

/// A key that could end the marker early, or is long, is replaced by its digest.
fn marker(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '/' | '#' | '@' | '+');
    let hyphens = !key.contains("--") && !key.ends_with('-');
    if !key.is_empty() && key.len() <= 150 && hyphens && key.chars().all(|c| plain(c) || c == '-') {
        format!("<!-- portcullis:{key} -->")
    } else {
        format!("<!-- portcullis:sha256:{} -->", hex::encode(Sha256::digest(key.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::marker;

    // MRG-3
    #[test]
    fn no_key_can_break_out_of_its_marker() {
        assert_eq!(marker("task-7:merge/3"), "<!-- portcullis:task-7:merge/3 -->");
        for key in ["", "a-->b", "a--b", "a b", "a\nb", "ä", "-"] {
            let marker = marker(key);
            assert!(marker.starts_with("<!-- portcullis:sha256:") && marker.len() < 100, "{key}: {marker}");
        }
        assert_ne!(marker("a b"), marker("a  b"));
    }
}
