//! Work items' documents: Markdown with YAML frontmatter, read as data that somebody hostile may have written.

use portcullis_core::facts::DocumentError;

/// Largest frontmatter that is read.
const FRONTMATTER_BYTES: usize = 64 << 10;

/// The frontmatter of a document, as JSON.
///
/// # Errors
/// [`DocumentError::Malformed`], which names the line where YAML has one.
pub fn frontmatter(document: &[u8]) -> Result<String, DocumentError> {
    let malformed = |text: &str| DocumentError::Malformed(text.to_owned());
    let text = std::str::from_utf8(document).map_err(|_| malformed("it is not UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let body = text.strip_prefix("---\n").ok_or_else(|| malformed("its first line is not `---`"))?;
    let end = if body.starts_with("---\n") || body == "---" { Some(0) } else { end_of(body) };
    let yaml = &body[..end.ok_or_else(|| malformed("its frontmatter has no closing `---`"))?];
    if yaml.len() > FRONTMATTER_BYTES {
        return Err(malformed(&format!("its frontmatter has more than {FRONTMATTER_BYTES} bytes")));
    }
    if yaml.trim().is_empty() {
        return Ok("{}".to_owned());
    }
    let value: serde_json::Value = serde_saphyr::from_str(yaml)
        .map_err(|error| malformed(error.to_string().lines().next().unwrap_or("its frontmatter is no YAML")))?;
    if !value.is_object() {
        return Err(malformed("its frontmatter is no table of keys and values"));
    }
    Ok(value.to_string())
}

fn end_of(body: &str) -> Option<usize> {
    body.find("\n---\n").or_else(|| body.ends_with("\n---").then(|| body.len() - 4)).map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn frontmatter_is_read_as_json() {
        let text = "---\r\nverdict: approved\r\nchecks: [a, b]\r\nn: 3\r\n---\r\n# Review\r\n";
        assert_eq!(frontmatter(text.as_bytes()).unwrap(), r#"{"checks":["a","b"],"n":3,"verdict":"approved"}"#);
        assert_eq!(frontmatter(b"---\n---\nbody").unwrap(), "{}");
    }

    #[test]
    fn whatever_is_no_frontmatter_is_malformed_and_says_why() {
        for (text, says) in [
            (&b"# Review\n"[..], "first line"),
            (b"---\nverdict: approved\n", "no closing"),
            (b"---\n- a\n---\n", "no table"),
            (b"---\n\xff\n---\n", "UTF-8"),
            (b"---\nverdict: [\n---\n", ""),
        ] {
            let DocumentError::Malformed(reason) = frontmatter(text).unwrap_err() else { panic!("{text:?}") };
            assert!(reason.contains(says), "{reason}");
        }
        // An alias bomb grows ninefold a line; it has to be refused, not expanded.
        let mut bomb = "---\na0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
        for n in 1..12 {
            let of = format!("*a{}", n - 1);
            bomb.push_str(&format!("a{n}: &a{n} [{}]\n", [of.as_str(); 9].join(",")));
        }
        bomb.push_str("---\n");
        assert!(matches!(frontmatter(bomb.as_bytes()), Err(DocumentError::Malformed(_))));
    }
}
