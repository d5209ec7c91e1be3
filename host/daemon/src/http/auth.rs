//! Who may look and who may change things: two bearer tokens, compared in constant time.

use super::problem::Problem;
use axum::http::{HeaderMap, StatusCode, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What a token lets its bearer do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Look.
    Reader,
    /// Look and change.
    Operator,
}

/// The tokens, as digests: equal lengths compare in constant time.
#[derive(Clone, Default)]
pub struct Tokens {
    reader: Option<[u8; 32]>,
    operator: Option<[u8; 32]>,
}

impl Tokens {
    /// From the tokens themselves; none: nobody has that right by a token.
    pub fn new(reader: Option<&str>, operator: Option<&str>) -> Self {
        let digest = |token: &str| Sha256::digest(token).into();
        Self { reader: reader.map(digest), operator: operator.map(digest) }
    }

    /// Lets a request through that has at least the right `wanted`.
    ///
    /// # Errors
    /// 401 without a token that is known, 403 for a reader that wants to change something.
    pub fn check(&self, headers: &HeaderMap, wanted: Right) -> Result<(), Problem> {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = given.and_then(|text| text.strip_prefix("Bearer "));
        let given: [u8; 32] = Sha256::digest(given.unwrap_or_default().trim()).into();
        let is = |known: &Option<[u8; 32]>| known.is_some_and(|known| bool::from(known.ct_eq(&given)));
        // Both are compared, whatever the first says.
        let (reader, operator) = (is(&self.reader), is(&self.operator));
        match (wanted, reader, operator) {
            (_, _, true) | (Right::Reader, true, _) => Ok(()),
            (Right::Operator, true, false) => Err(Problem::new(
                StatusCode::FORBIDDEN,
                "this token may look but not change anything; use the operator's",
            )),
            (_, false, false) => Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "a bearer token is needed: `Authorization: Bearer …`, as set in server.operator_token or server.reader_token",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn each_token_opens_what_it_is_for_and_no_token_opens_nothing() {
        let headers = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, text.parse().unwrap());
            headers
        };
        let tokens = Tokens::new(Some("look"), Some("change"));
        assert!(tokens.check(&headers("Bearer look"), Right::Reader).is_ok());
        assert!(tokens.check(&headers("Bearer look"), Right::Operator).is_err());
        assert!(tokens.check(&headers("Bearer change"), Right::Operator).is_ok());
        for wrong in ["Bearer ", "Bearer nope", "Basic look", "look"] {
            assert!(tokens.check(&headers(wrong), Right::Reader).is_err(), "{wrong}");
        }
        assert!(tokens.check(&HeaderMap::new(), Right::Reader).is_err());
        assert!(Tokens::default().check(&headers("Bearer "), Right::Reader).is_err(), "no token set opens nothing");
    }
}
