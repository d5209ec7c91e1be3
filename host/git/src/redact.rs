//! What git complains of, made fit for errors and logs: no credentials, one line, bounded.

/// Longest complaint that is passed on, in characters.
const LIMIT: usize = 1_000;
const MARK: &str = "***";

/// The end of `complaint` without `secrets` and without anything that stands before an `@` in an address.
pub(crate) fn redact(complaint: &[u8], secrets: &[String]) -> String {
    let mut text = String::from_utf8_lossy(complaint).into_owned();
    for secret in secrets {
        // A very short secret would shred the message and is none.
        if secret.len() >= 4 {
            text = text.replace(secret.as_str(), MARK);
        }
    }
    let text = without_userinfo(&text);
    let line: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let line: String = line.join("; ").chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let surplus = line.chars().count().saturating_sub(LIMIT);
    if surplus == 0 { line } else { format!("…{}", line.chars().skip(surplus).collect::<String>()) }
}

/// Replaces `user:password` in every `scheme://user:password@host`.
pub(crate) fn without_userinfo(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        kept.push_str(before);
        let end = after.find(|c: char| c == '/' || c.is_whitespace() || c == '\'' || c == '"').unwrap_or(after.len());
        let (authority, tail) = after.split_at(end);
        match authority.rfind('@') {
            Some(sign) => {
                kept.push_str(MARK);
                kept.push_str(&authority[sign..]);
            }
            None => kept.push_str(authority),
        }
        rest = tail;
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_credential_survives() {
        let complaint = b"fatal: unable to access 'https://bot:hunter2@forge.example/a.git/': s3cr3t-token refused\n";
        let text = redact(complaint, &["s3cr3t-token".to_owned()]);
        assert_eq!(text, "fatal: unable to access 'https://***@forge.example/a.git/': *** refused");
    }

    #[test]
    fn a_complaint_becomes_one_bounded_line_that_keeps_its_end() {
        let complaint = format!("{}\nfatal: \x1b[31mbad\nthe end\n\n", "x".repeat(5_000));
        let text = redact(complaint.as_bytes(), &[]);
        assert!(text.ends_with("; the end") && text.chars().count() == LIMIT + 1 && !text.contains('\x1b'), "{text}");
    }
}
