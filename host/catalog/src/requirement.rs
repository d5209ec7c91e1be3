//! Semver requirements as manifests write them, checked when they are read: one that no version can meet is an error
//! there and not a mystery later.

use crate::names::shown;
use semver::{BuildMetadata, Comparator, Op, Prerelease, Version, VersionReq};

/// Longest requirement that is looked at, in bytes.
const MAX_LEN: usize = 100;

/// Why a text is no usable requirement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant is its documentation")]
pub enum RequirementError {
    #[error("`{text}` is no semver requirement: {detail}; write for example `^1.2`, `~1.2.3` or `=1.2.3`")]
    Malformed { text: String, detail: String },
    #[error("`{text}` excludes every version; widen it, for example to `^1.2`")]
    Impossible { text: String },
}

/// Reads a requirement.
///
/// # Errors
/// If it is malformed, or if no version at all can meet it.
pub fn parse(text: &str) -> Result<VersionReq, RequirementError> {
    let malformed = |detail: String| RequirementError::Malformed { text: shown(text), detail };
    if text.len() > MAX_LEN {
        return Err(malformed(format!("it has {} bytes, the limit is {MAX_LEN}", text.len())));
    }
    let requirement = VersionReq::parse(text).map_err(|e| malformed(e.to_string()))?;
    if is_possible(&requirement) { Ok(requirement) } else { Err(RequirementError::Impossible { text: shown(text) }) }
}

/// Whether any version can meet `requirement`.
///
/// A requirement is a conjunction of intervals, so if any version meets it, the lowest one that does is the lower end
/// of one of them (or of everything). Those ends are few; each is tried.
fn is_possible(requirement: &VersionReq) -> bool {
    let lowest = [version(0, 0, 0, Prerelease::EMPTY), version(0, 0, 0, pre("0"))];
    requirement.comparators.iter().flat_map(lower_ends).chain(lowest).any(|v| requirement.matches(&v))
}

/// Every version that can be the lowest one which `comparator` lets through, with and without pre-release.
fn lower_ends(comparator: &Comparator) -> Vec<Version> {
    let Comparator { major, pre: own_pre, .. } = comparator;
    let (minor, patch) = (comparator.minor.unwrap_or(0), comparator.patch.unwrap_or(0));
    let mut ends = vec![
        version(*major, minor, patch, own_pre.clone()),
        version(*major, minor, patch, Prerelease::EMPTY),
        version(*major, minor, patch, pre("0")),
    ];
    if comparator.op == Op::Greater {
        ends.push(match (comparator.minor, comparator.patch) {
            (None, _) => version(major.saturating_add(1), 0, 0, Prerelease::EMPTY),
            (Some(minor), None) => version(*major, minor.saturating_add(1), 0, Prerelease::EMPTY),
            (Some(minor), Some(patch)) => version(*major, minor, patch.saturating_add(1), Prerelease::EMPTY),
        });
        if !own_pre.is_empty() {
            ends.push(version(*major, minor, patch, pre(&format!("{own_pre}.0"))));
        }
    }
    ends
}

fn version(major: u64, minor: u64, patch: u64, pre: Prerelease) -> Version {
    Version { major, minor, patch, pre, build: BuildMetadata::EMPTY }
}

fn pre(text: &str) -> Prerelease {
    Prerelease::new(text).unwrap_or(Prerelease::EMPTY)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_requirement_that_excludes_every_version_is_refused() {
        for text in [">=2, <1", "=1.2.3, =1.2.4", "<0.0.0-0", ">1, <2", "^1.2, ~2.0", ">1.2.3, <1.2.4", "1.*, >=2"] {
            assert_eq!(parse(text), Err(RequirementError::Impossible { text: text.to_owned() }), "{text}");
        }
    }

    #[test]
    fn a_requirement_that_some_version_meets_is_taken() {
        for text in [
            "*",
            "1",
            "^1.2",
            "~1.2.3",
            ">1, <3",
            ">1.2, <1.3.1",
            "<0.0.1",
            "=1.0.0-rc.1",
            ">1.0.0-a, <1.0.0-b",
            ">=0.9, <1",
        ] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn the_errors_say_what_to_write_instead() {
        assert_eq!(
            parse("one").unwrap_err().to_string(),
            "`one` is no semver requirement: unexpected character 'o' while parsing major version number; write for \
             example `^1.2`, `~1.2.3` or `=1.2.3`"
        );
        assert_eq!(
            parse(">=2, <1").unwrap_err().to_string(),
            "`>=2, <1` excludes every version; widen it, for example to `^1.2`"
        );
        assert!(parse(&"9".repeat(500)).unwrap_err().to_string().contains("it has 500 bytes, the limit is 100"));
    }

    proptest! {
        #[test]
        fn reading_a_requirement_never_panics(text in "[0-9a-z<>=^~*., -]{0,40}") {
            let _ = parse(&text);
        }

        #[test]
        fn a_requirement_met_by_some_version_is_never_called_impossible(
            comparators in proptest::collection::vec(
                ("(<|<=|>|>=|=|\\^|~)", 0u64..3, proptest::option::of((0u64..3, proptest::option::of((0u64..3, "(|-0|-a|-a[.]0|-b)"))))),
                1..4),
            version in (0u64..4, 0u64..4, 0u64..4, "(|-0|-a|-a[.]0|-a[.]1|-b)"),
        ) {
            let text: Vec<String> = comparators.iter().map(|(op, major, rest)| match rest {
                None => format!("{op}{major}"),
                Some((minor, None)) => format!("{op}{major}.{minor}"),
                Some((minor, Some((patch, pre)))) => format!("{op}{major}.{minor}.{patch}{pre}"),
            }).collect();
            let requirement = VersionReq::parse(&text.join(", ")).unwrap();
            let (major, minor, patch, pre) = version;
            let version = Version::parse(&format!("{major}.{minor}.{patch}{pre}")).unwrap();
            if requirement.matches(&version) {
                prop_assert!(is_possible(&requirement), "{requirement} is met by {version}");
            }
        }
    }
}
