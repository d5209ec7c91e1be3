//! Revisions, digests and the names of tracker states: what is accepted, what is refused, and how little of a hostile
//! text comes back in a message.

use portcullis_core::digest::Digest;
use portcullis_core::ids::{Revision, StageName};
use proptest::prelude::*;

#[test]
fn a_revision_is_40_or_64_lower_case_hexadecimal_digits() {
    for good in ["a".repeat(40), "0".repeat(64), "0123456789abcdef0123456789abcdef01234567".to_owned()] {
        assert_eq!(Revision::parse(&good).unwrap().as_str(), good);
    }
    let bad =
        [String::new(), "a".repeat(39), "a".repeat(41), "a".repeat(63), "A".repeat(40), "g".repeat(40), "é".repeat(20)];
    for text in bad {
        assert!(Revision::parse(&text).is_err(), "{text}");
    }
}

#[test]
fn a_digest_is_its_algorithm_and_64_lower_case_hexadecimal_digits() {
    let digest = Digest::from_sha256([0xa5; 32]);
    assert_eq!(digest.as_str(), format!("sha256:{}", "a5".repeat(32)));
    assert_eq!(digest.hex(), "a5".repeat(32));
    assert_eq!(digest.short(), "sha256:a5a5a5a5a5a5");
    assert_eq!(Digest::parse(digest.as_str()), Ok(digest));
    for bad in ["", "sha256:", "a5", "sha512:a5", &"a".repeat(71), &format!("sha256:{}", "A5".repeat(32))] {
        assert!(Digest::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_refused_name_is_quoted_only_in_part() {
    let long = "x".repeat(1_000_000);
    assert!(Revision::parse(&long).unwrap_err().to_string().len() < 200);
    assert!(Digest::parse(&long).unwrap_err().to_string().len() < 250);
}

#[test]
fn what_is_read_back_from_json_is_checked_like_any_other_text() {
    assert!(serde_json::from_str::<Revision>("\"HEAD\"").is_err());
    assert!(serde_json::from_str::<Digest>("\"sha256:zz\"").is_err());
    let revision = Revision::parse(&"b".repeat(40)).unwrap();
    assert_eq!(serde_json::to_string(&revision).unwrap(), format!("\"{}\"", "b".repeat(40)));
    assert_eq!(serde_json::to_string(&StageName::new("review")).unwrap(), "\"review\"");
}

proptest! {
    #[test]
    fn any_text_is_either_taken_as_it_is_or_refused(text in ".{0,90}") {
        if let Ok(revision) = Revision::parse(&text) {
            prop_assert_eq!(revision.as_str(), &text);
            prop_assert_eq!(revision.short().len(), 10);
        }
        if let Ok(digest) = Digest::parse(&text) {
            prop_assert_eq!(digest.as_str(), &text);
        }
    }

    #[test]
    fn any_bytes_have_a_digest_that_reads_back(bytes in any::<[u8; 32]>()) {
        let digest = Digest::from_sha256(bytes);
        prop_assert_eq!(Digest::parse(digest.as_str()), Ok(digest.clone()));
        prop_assert_eq!(digest.hex().len(), 64);
    }
}
