//! A reference to an image: `[host[:port]/]name[:tag][@digest]`.
//!
//! The grammar is checked strictly, so that a reference can stand in a path as it is. Deliberately absent: which
//! registry a reference without a host means (the [`Registry`](super::Registry) that resolves it).

use portcullis_core::digest::Digest;
use std::fmt;

/// Longest name, with host.
const NAME_CHARS: usize = 255;
/// Longest tag.
const TAG_CHARS: usize = 128;

/// Names an image in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The host that was written down, with its port.
    pub host: Option<String>,
    /// The repository within the registry.
    pub repository: String,
    /// The tag.
    pub tag: Option<String>,
    /// The digest. Where there is one, it alone says which image is meant.
    pub digest: Option<Digest>,
}

/// Why a text is no reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a reference to an image: {why}")]
pub struct ReferenceError {
    text: String,
    why: String,
}

impl ReferenceError {
    pub(super) fn new(text: &str, why: impl Into<String>) -> Self {
        Self { text: crate::text::one_line(text, 200), why: why.into() }
    }
}

impl Reference {
    /// Reads a reference.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let wrong = |why: &str| ReferenceError::new(text, why);
        let (named, digest) = match text.split_once('@') {
            None => (text, None),
            Some((named, digest)) => {
                let digest = Digest::parse(digest)
                    .map_err(|_| wrong("after the `@` stands `sha256:` and 64 lower-case hexadecimal digits"))?;
                (named, Some(digest))
            }
        };
        let (host, rest) = match named.split_once('/') {
            Some((first, rest)) if is_host(first) => (Some(first), rest),
            _ => (None, named),
        };
        let (repository, tag) = match rest.split_once(':') {
            None => (rest, None),
            Some((repository, tag)) => (repository, Some(tag)),
        };
        if host.is_some_and(|host| !is_sound_host(host)) {
            return Err(wrong("its host is not one"));
        }
        if named.len() > NAME_CHARS + TAG_CHARS || repository.len() > NAME_CHARS {
            return Err(wrong("it is too long"));
        }
        if !repository.split('/').all(is_component) {
            return Err(wrong(
                "a name is made of lower-case letters, digits and single `.`, `_`, `__` or `-` between them",
            ));
        }
        if let Some(tag) = tag
            && !is_tag(tag)
        {
            return Err(wrong(
                "a tag is made of at most 128 letters, digits, `_`, `.` and `-`, and begins with none of the last two",
            ));
        }
        let owned = |text: &str| text.to_owned();
        Ok(Self { host: host.map(owned), repository: repository.to_owned(), tag: tag.map(owned), digest })
    }

    /// The same image's name, with only this digest.
    #[must_use]
    pub fn at(&self, digest: Digest) -> Self {
        Self { tag: None, digest: Some(digest), ..self.clone() }
    }

    /// What a registry is asked for: the digest, else the tag, else `latest`.
    pub(super) fn wanted(&self) -> &str {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.as_str(),
            (None, Some(tag)) => tag,
            (None, None) => "latest",
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(host) = &self.host {
            write!(f, "{host}/")?;
        }
        f.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// Whether the first part of a name is a host, by the rule that every tool uses: no repository's part looks like this.
fn is_host(part: &str) -> bool {
    part == "localhost" || part.contains(['.', ':', '[']) || part.bytes().any(|b| b.is_ascii_uppercase())
}

fn is_sound_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, "")) => return address.parse::<std::net::Ipv6Addr>().is_ok(),
        Some((address, port)) => {
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return false;
            }
            ("v6", port.strip_prefix(':').or(Some("")))
        }
        None => host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
    };
    let label = |label: &str| {
        let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        !label.is_empty() && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    name.split('.').all(label) && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// Letters and digits, with separators only between them.
fn is_component(part: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let (Some(first), Some(last)) = (part.bytes().next(), part.bytes().next_back()) else { return false };
    if !plain(first) || !plain(last) {
        return false;
    }
    let separators = part.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()).filter(|run| !run.is_empty());
    separators.into_iter().all(|run| matches!(run, "." | "_" | "__") || run.bytes().all(|b| b == b'-'))
}

pub(super) fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    tag.len() <= TAG_CHARS
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|b| word(b) || matches!(b, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where its preparation fails")]
    use super::*;
    use proptest::prelude::*;

    fn parts(text: &str) -> (Option<String>, String, Option<String>, bool) {
        let reference = Reference::parse(text).unwrap();
        (reference.host, reference.repository, reference.tag, reference.digest.is_some())
    }

    // IMG-2
    #[test]
    fn a_reference_falls_into_host_name_tag_and_digest() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        let some = |text: &str| Some(text.to_owned());
        for (text, host, name, tag, pinned) in [
            ("shop", None, "shop", None, false),
            ("shop:staging", None, "shop", some("staging"), false),
            ("team/shop:1.2_a-b", None, "team/shop", some("1.2_a-b"), false),
            ("localhost/shop", some("localhost"), "shop", None, false),
            ("registry.example/a/b/c:x", some("registry.example"), "a/b/c", some("x"), false),
            ("registry:5000/shop", some("registry:5000"), "shop", None, false),
            ("127.0.0.1:5000/shop:a", some("127.0.0.1:5000"), "shop", some("a"), false),
            ("[::1]:5000/shop", some("[::1]:5000"), "shop", None, false),
            ("[::1]/shop", some("[::1]"), "shop", None, false),
            (&format!("shop@{digest}"), None, "shop", None, true),
            (&format!("r.example:1/shop:t@{digest}"), some("r.example:1"), "shop", some("t"), true),
            ("a__b/c---d.e_f", None, "a__b/c---d.e_f", None, false),
        ] {
            assert_eq!(parts(text), (host, name.to_owned(), tag, pinned), "{text}");
        }
    }

    // IMG-2
    #[test]
    fn what_could_lead_elsewhere_is_no_reference() {
        let upper = format!("shop@sha256:{}", "0A".repeat(32));
        let long = "a".repeat(300);
        for text in [
            "",
            ":tag",
            "/shop",
            "shop/",
            "a//b",
            "../shop",
            "a/../b",
            "a..b",
            "a.-b",
            "a___b",
            "Shop",
            "a/Shop",
            "shop:",
            "shop:.a",
            "shop:-a",
            "shop:a/b",
            "shop:a:b",
            "shop?x=1",
            "shop#x",
            "sh op",
            "shop%2e",
            "shop\n",
            "user@host/shop",
            "user:pw@registry.example/shop",
            "shop@sha256:aa",
            "shop@sha512:aa",
            "registry.example:0/shop",
            "registry.example:99999/shop",
            "registry.example:/shop",
            "-a.example/shop",
            "a..example/shop",
            "[::1/shop",
            "[::1]x/shop",
            "[nonsense]:1/shop",
            "https://registry.example/shop",
            &upper,
            &long,
        ] {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        // IMG-2
        #[test]
        fn arbitrary_text_is_refused_or_comes_back_as_it_was(text in ".{0,60}") {
            if let Ok(reference) = Reference::parse(&text) {
                prop_assert_eq!(reference.to_string(), text);
            }
        }

        // IMG-2
        #[test]
        fn whatever_is_let_through_stays_one_path_below_the_registry(
            text in "[a-c./:@_A-]{0,24}",
        ) {
            if let Ok(reference) = Reference::parse(&text) {
                let path = format!("/v2/{}/manifests/{}", reference.repository, reference.wanted());
                let url = reqwest::Url::parse("https://registry.example/").unwrap().join(&path).unwrap();
                prop_assert_eq!((url.host_str(), url.path()), (Some("registry.example"), path.as_str()));
            }
        }
    }
}
