//! How a registry wants to be asked: the `WWW-Authenticate` header.
//!
//! Pure. Deliberately absent: the scope that a registry proposes. We ask for what we are about to do, not for what
//! somebody else would like a token for.

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// Most challenges that are looked at.
const CHALLENGES: usize = 8;

/// How it wants to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// With user name and password.
    Basic,
    /// With a token of this service.
    Bearer { realm: String, service: Option<String> },
}

impl Challenge {
    /// The best of those in `headers` that we can meet.
    pub(super) fn among(headers: &HeaderMap) -> Option<Self> {
        let texts = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let all: Vec<Self> = texts.flat_map(challenges).take(CHALLENGES).collect();
        let bearer = all.iter().find(|challenge| matches!(challenge, Self::Bearer { .. }));
        bearer.or_else(|| all.first()).cloned()
    }
}

/// Every challenge of one header that has a meaning here.
fn challenges(text: &str) -> Vec<Challenge> {
    let mut out = Vec::new();
    let mut open: Option<(String, Vec<(String, String)>)> = None;
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest.find(|c: char| !is_token(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if word.is_empty() {
            break;
        }
        match after.trim_start().strip_prefix('=') {
            // A parameter of the challenge that stands before it.
            Some(value) if open.is_some() => {
                let Some((value, after)) = value_of(value.trim_start()) else { break };
                if let Some((_, parameters)) = &mut open {
                    parameters.push((word.to_ascii_lowercase(), value));
                }
                rest = after;
            }
            Some(_) => break,
            None => {
                out.extend(open.take().and_then(challenge));
                open = Some((word.to_ascii_lowercase(), Vec::new()));
                rest = after;
            }
        }
    }
    out.extend(open.and_then(challenge));
    out
}

fn challenge((scheme, parameters): (String, Vec<(String, String)>)) -> Option<Challenge> {
    let named = |name: &str| parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    match scheme.as_str() {
        "basic" => Some(Challenge::Basic),
        "bearer" => Some(Challenge::Bearer { realm: named("realm")?, service: named("service") }),
        _ => None,
    }
}

/// A parameter's value, quoted or not, and what comes after it.
fn value_of(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|c: char| !is_token(c)).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return Some((value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            other => value.push(other),
        }
    }
    None
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where its preparation fails")]
    use super::*;
    use proptest::prelude::*;
    use reqwest::header::HeaderValue;

    fn among(values: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_str(value).unwrap());
        }
        Challenge::among(&headers)
    }

    fn bearer(realm: &str, service: Option<&str>) -> Option<Challenge> {
        Some(Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) })
    }

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        let hub =
            r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push""#;
        for (values, expected) in [
            (&[hub][..], bearer("https://auth.example/token", Some("registry.example"))),
            (&[r#"Basic realm="a, b""#], Some(Challenge::Basic)),
            (&["basic"], Some(Challenge::Basic)),
            (&[r#"Basic realm="x", Bearer realm="https://t/",service=s"#], bearer("https://t/", Some("s"))),
            (&[r#"Basic realm="x""#, r#"bearer realm="https://t/""#], bearer("https://t/", None)),
            (&[r#"Negotiate, Basic realm="a\"b""#], Some(Challenge::Basic)),
            (&[r#"Bearer service="without a realm""#], None),
            (&[r#"Bearer realm="never closed"#], None),
            (&[r#"realm="of nobody""#], None),
            (&["Negotiate abc=="], None),
            (&[""], None),
            (&[], None),
        ] {
            assert_eq!(among(values), expected, "{values:?}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_headers_never_panic(text in "([Bb]earer|Basic|realm|service|[=\", \\\\]|[a-zé:/]){0,20}") {
            if let Ok(value) = HeaderValue::from_bytes(text.as_bytes()) {
                let _ = Challenge::among(&HeaderMap::from_iter([(WWW_AUTHENTICATE, value)]));
            }
        }
    }
}
