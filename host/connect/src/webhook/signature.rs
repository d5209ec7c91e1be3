//! Is a body from whom it says? HMAC-SHA256 over the raw bytes, compared in constant time (WEB-1).
//!
//! A missing or blank secret or signature is a refusal, never a pass: Gitea without a secret sends an *empty* signature
//! header. The first signature header that is present decides; a second one cannot rescue it.

use crate::secret::Secret;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use portcullis_core::event::Source;
use sha2::Sha256;

/// Why a body is not believed. None of these says anything about the secret or the right signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No secret is configured; without one anybody could sign.
    #[error("no webhook secret is configured for this sender; set one here and there")]
    NoSecret,
    /// No signature header, or an empty one (which is what a sender without a secret sends).
    #[error("the delivery has no signature; set the webhook's secret at the sender")]
    Missing,
    /// Not 64 hexadecimal digits, with the header's prefix where it has one.
    #[error("the signature header `{0}` is no HMAC-SHA256 in hexadecimal")]
    Malformed(&'static str),
    /// Well formed, and made with another secret or over another body.
    #[error("the signature does not match; the secrets here and at the sender differ, or the body was changed")]
    Wrong,
}

/// Header and prefix, the sender's own one first.
fn candidates(source: Source) -> &'static [(&'static str, &'static str)] {
    match source {
        Source::Gitea => &[("x-gitea-signature", ""), ("x-forgejo-signature", ""), ("x-hub-signature-256", "sha256=")],
        Source::Github => &[("x-hub-signature-256", "sha256=")],
        Source::Plane => &[("x-plane-signature", "")],
    }
}

/// Checks that `body` was signed with `secret`.
///
/// # Errors
/// [`SignatureError`]: refuse the delivery (401) and parse nothing of it.
pub fn verify(source: Source, secret: &Secret, headers: &HeaderMap, body: &[u8]) -> Result<(), SignatureError> {
    if secret.is_blank() {
        return Err(SignatureError::NoSecret);
    }
    let (name, prefix, value) = candidates(source)
        .iter()
        .find_map(|(name, prefix)| headers.get(*name).map(|value| (*name, *prefix, value)))
        .ok_or(SignatureError::Missing)?;
    let value = value.to_str().map_err(|_| SignatureError::Malformed(name))?.trim();
    if value.is_empty() {
        return Err(SignatureError::Missing);
    }
    let digits = value.strip_prefix(prefix).ok_or(SignatureError::Malformed(name))?;
    let mut claimed = [0; 32];
    hex::decode_to_slice(digits, &mut claimed).map_err(|_| SignatureError::Malformed(name))?;
    let mut mac = keyed(secret)?;
    mac.update(body);
    mac.verify_slice(&claimed).map_err(|_| SignatureError::Wrong)
}

/// The hexadecimal HMAC-SHA256 of `body`, as senders compute it: for tests, for tools that replay a delivery, and for
/// what Portcullis itself sends.
///
/// # Errors
/// [`SignatureError::NoSecret`] if the secret is blank.
pub fn sign(secret: &Secret, body: &[u8]) -> Result<String, SignatureError> {
    if secret.is_blank() {
        return Err(SignatureError::NoSecret);
    }
    let mut mac = keyed(secret)?;
    mac.update(body);
    Ok(hex::encode(mac.finalize().into_bytes()))
}

/// The header that `source` sends its signature in, and the signature as it stands there.
///
/// # Errors
/// [`SignatureError::NoSecret`] if the secret is blank.
pub fn signature_header(
    source: Source,
    secret: &Secret,
    body: &[u8],
) -> Result<(&'static str, String), SignatureError> {
    let (name, prefix) = candidates(source)[0];
    Ok((name, format!("{prefix}{}", sign(secret, body)?)))
}

/// HMAC takes keys of every length, so the error cannot happen; it is passed on rather than unwrapped.
fn keyed(secret: &Secret) -> Result<Hmac<Sha256>, SignatureError> {
    Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).map_err(|_| SignatureError::NoSecret)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where its preparation fails")]
    use super::*;
    use http::{HeaderName, HeaderValue};

    const BODY: &[u8] = br#"{"zen":"It's not fully shipped until it's fast."}"#;
    const SOURCES: [Source; 3] = [Source::Gitea, Source::Github, Source::Plane];

    fn secret() -> Secret {
        Secret::new("It's a Secret to Everybody")
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    // WEB-1: a published test vector, so that `sign` and `verify` are not merely wrong together.
    #[test]
    fn the_documented_example_verifies() {
        let digits = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert_eq!(sign(&secret(), b"Hello, World!").unwrap(), digits);
        let headers = headers(&[("x-hub-signature-256", &format!("sha256={digits}"))]);
        assert_eq!(verify(Source::Github, &secret(), &headers, b"Hello, World!"), Ok(()));
    }

    // WEB-1
    #[test]
    fn each_sender_s_own_header_verifies() {
        for source in SOURCES {
            let (name, value) = signature_header(source, &secret(), BODY).unwrap();
            assert_eq!(verify(source, &secret(), &headers(&[(name, &value)]), BODY), Ok(()), "{source:?}");
        }
        let digits = sign(&secret(), BODY).unwrap();
        for pair in [("x-forgejo-signature", digits.clone()), ("x-hub-signature-256", format!("sha256={digits}"))] {
            assert_eq!(verify(Source::Gitea, &secret(), &headers(&[(pair.0, &pair.1)]), BODY), Ok(()));
        }
    }

    // WEB-1
    #[test]
    fn another_secret_or_another_body_is_refused() {
        for source in SOURCES {
            let (name, value) = signature_header(source, &Secret::new("other"), BODY).unwrap();
            assert_eq!(verify(source, &secret(), &headers(&[(name, &value)]), BODY), Err(SignatureError::Wrong));
            let (name, value) = signature_header(source, &secret(), BODY).unwrap();
            let longer = [BODY, b" "].concat();
            assert_eq!(verify(source, &secret(), &headers(&[(name, &value)]), &longer), Err(SignatureError::Wrong));
        }
    }

    // WEB-1
    #[test]
    fn a_missing_or_empty_secret_or_signature_is_refused() {
        for source in SOURCES {
            let (name, value) = signature_header(source, &secret(), BODY).unwrap();
            for blank in ["", "  \n"] {
                let refused = verify(source, &Secret::new(blank), &headers(&[(name, &value)]), BODY);
                assert_eq!(refused, Err(SignatureError::NoSecret), "{source:?}");
            }
            assert_eq!(verify(source, &secret(), &HeaderMap::new(), BODY), Err(SignatureError::Missing));
            assert_eq!(verify(source, &secret(), &headers(&[(name, "")]), BODY), Err(SignatureError::Missing));
        }
        assert_eq!(sign(&Secret::new(""), BODY), Err(SignatureError::NoSecret));
    }

    // WEB-1: the HMAC of an empty key is what anybody can compute.
    #[test]
    fn a_signature_made_with_the_empty_key_is_refused() {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"").unwrap();
        mac.update(BODY);
        let digits = hex::encode(mac.finalize().into_bytes());
        let headers = headers(&[("x-gitea-signature", &digits)]);
        assert_eq!(verify(Source::Gitea, &Secret::new(""), &headers, BODY), Err(SignatureError::NoSecret));
        assert_eq!(verify(Source::Gitea, &secret(), &headers, BODY), Err(SignatureError::Wrong));
    }

    // WEB-1
    #[test]
    fn truncated_overlong_and_foreign_digits_are_refused() {
        let digits = sign(&secret(), BODY).unwrap();
        let bad =
            [&digits[..62], &digits[..63], &format!("{digits}00"), &format!("zz{}", &digits[2..]), "sha256=", "é"];
        for value in bad {
            let name = "x-gitea-signature";
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            assert_eq!(
                verify(Source::Gitea, &secret(), &headers, BODY),
                Err(SignatureError::Malformed(name)),
                "{value}"
            );
        }
    }

    // WEB-1
    #[test]
    fn a_missing_prefix_is_refused_and_a_wrong_header_is_not_rescued_by_a_right_one() {
        let digits = sign(&secret(), BODY).unwrap();
        let bare = headers(&[("x-hub-signature-256", &digits)]);
        assert_eq!(
            verify(Source::Github, &secret(), &bare, BODY),
            Err(SignatureError::Malformed("x-hub-signature-256"))
        );
        let mixed = headers(&[("x-gitea-signature", ""), ("x-hub-signature-256", &format!("sha256={digits}"))]);
        assert_eq!(verify(Source::Gitea, &secret(), &mixed, BODY), Err(SignatureError::Missing));
        let weak = headers(&[("x-hub-signature", &format!("sha1={}", &digits[..40]))]);
        assert_eq!(verify(Source::Github, &secret(), &weak, BODY), Err(SignatureError::Missing));
    }
}
