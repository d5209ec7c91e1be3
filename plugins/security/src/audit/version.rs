//! Which of two versions is the newer, by the rules of their ecosystem. None where one of them is no version there: the
//! caller says so, since nobody knows what is safe then.

mod composer;
mod gem;
mod maven;
mod pep440;

use super::package::Ecosystem;
use std::cmp::Ordering;

/// Longer than this is no version; comparing takes time that grows with the length.
const LONGEST: usize = 256;

/// Compares `a` with `b`.
pub fn compare(ecosystem: Ecosystem, a: &str, b: &str) -> Option<Ordering> {
    if a.len() > LONGEST || b.len() > LONGEST {
        return None;
    }
    match ecosystem {
        Ecosystem::CratesIo | Ecosystem::Npm | Ecosystem::Go => Some(semver(a)?.cmp_precedence(&semver(b)?)),
        Ecosystem::Maven => maven::compare(a, b),
        Ecosystem::Packagist => composer::compare(a, b),
        Ecosystem::PyPi => Some(pep440::Version::parse(a)?.cmp(&pep440::Version::parse(b)?)),
        Ecosystem::RubyGems => gem::compare(a, b),
    }
}

/// Compares by semantic versioning, whatever the ecosystem: for ranges that say so.
pub fn compare_semver(a: &str, b: &str) -> Option<Ordering> {
    if a.len() > LONGEST || b.len() > LONGEST { None } else { Some(semver(a)?.cmp_precedence(&semver(b)?)) }
}

/// Go's `v` in front and missing parts at the end are forgiven: advisories write versions in both ways.
fn semver(text: &str) -> Option<semver::Version> {
    let text = text.trim();
    let text = text.strip_prefix('v').unwrap_or(text);
    if let Ok(version) = semver::Version::parse(text) {
        return Some(version);
    }
    let end = text.find(['-', '+']).unwrap_or(text.len());
    let (core, rest) = text.split_at(end);
    let missing = match core.split('.').count() {
        1 => ".0.0",
        2 => ".0",
        _ => return None,
    };
    semver::Version::parse(&format!("{core}{missing}{rest}")).ok()
}

/// A run of digits without its leading zeros; numbers in versions have no upper bound.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Number(String);

impl Number {
    fn new(digits: &str) -> Self {
        Self(digits.trim_start_matches('0').to_owned())
    }

    fn is_zero(&self) -> bool {
        self.0.is_empty()
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Runs of digits and runs of letters, in order; whatever else stands between them divides.
fn runs(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let kind = |b: u8| if b.is_ascii_digit() { 1 } else { u8::from(b.is_ascii_alphabetic()) * 2 };
    let (mut found, mut start) = (Vec::new(), 0);
    for at in 1..=bytes.len() {
        let ends = at == bytes.len() || kind(bytes[at]) != kind(bytes[start]);
        if ends {
            if kind(bytes[start]) != 0 {
                found.push(&text[start..at]);
            }
            start = at;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use proptest::prelude::*;

    /// Each of these is older than the next, and every pair is compared.
    fn rises(ecosystem: Ecosystem, versions: &[&str]) {
        for (i, a) in versions.iter().enumerate() {
            for (j, b) in versions.iter().enumerate() {
                assert_eq!(compare(ecosystem, a, b), Some(i.cmp(&j)), "{} {a} {b}", ecosystem.osv());
            }
        }
    }

    fn same(ecosystem: Ecosystem, versions: &[&str]) {
        for a in versions {
            for b in versions {
                assert_eq!(compare(ecosystem, a, b), Some(Ordering::Equal), "{} {a} {b}", ecosystem.osv());
            }
        }
    }

    // SEC-3
    #[test]
    fn semantic_versions_are_ordered_as_their_specification_says() {
        let versions = [
            "0",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.1",
            "1.2",
            "2.0.0",
            "10.0.0",
        ];
        for ecosystem in [Ecosystem::CratesIo, Ecosystem::Npm] {
            rises(ecosystem, &versions);
            same(ecosystem, &["1.0.0", "1.0", "1", "1.0.0+build"]);
            assert_eq!(compare(ecosystem, "1.0.0", "latest"), None);
        }
    }

    // SEC-3
    #[test]
    fn pseudo_versions_of_go_stand_before_the_release_that_they_lead_to() {
        let versions = [
            "v0.0.0-20180904163835-0709b304e793",
            "v0.0.0-20200622213623-75b288015ac9",
            "0.1.0",
            "v1.2.3-pre.0.20191109021931-daa7c04131f5",
            "v1.2.3",
            "v1.2.4-0.20191109021931-daa7c04131f5",
            "v2.0.0+incompatible",
            "2.0.1",
        ];
        rises(Ecosystem::Go, &versions);
        same(Ecosystem::Go, &["v2.0.0+incompatible", "2.0.0"]);
    }

    // SEC-3
    #[test]
    fn python_versions_are_ordered_as_pep_440_says() {
        let versions = [
            "1.dev0",
            "1.0.dev456",
            "1.0a1",
            "1.0a2.dev456",
            "1.0a12.dev456",
            "1.0a12",
            "1.0b1.dev456",
            "1.0b2",
            "1.0b2.post345.dev456",
            "1.0b2.post345",
            "1.0rc1.dev456",
            "1.0rc1",
            "1.0",
            "1.0+abc.5",
            "1.0+abc.7",
            "1.0+5",
            "1.0.post456.dev34",
            "1.0.post456",
            "1.0.15",
            "1.1.dev1",
            "1!0.1",
        ];
        rises(Ecosystem::PyPi, &versions);
        same(Ecosystem::PyPi, &["1.0", "v1", "1.0.0", " 1.0 "]);
        same(Ecosystem::PyPi, &["1.0a1", "1.0-alpha.1", "1.0.ALPHA_1", "1a1"]);
        same(Ecosystem::PyPi, &["1.0c1", "1.0rc1", "1.0pre1", "1.0-preview_1"]);
        same(Ecosystem::PyPi, &["1.0.post1", "1.0-1", "1.0rev1", "1.0-r1"]);
        for odd in ["2004d", "1.0-", "", "a", "1.0+", "1..0", "1.0a1b2"] {
            assert_eq!(compare(Ecosystem::PyPi, odd, "1"), None, "{odd}");
        }
    }

    // SEC-3
    #[test]
    fn maven_versions_are_ordered_as_mavens_reference_says() {
        let versions = [
            "1-alpha",
            "1-alpha2",
            "1-alpha-123",
            "1-beta-2",
            "1-beta-123",
            "1-m2",
            "1-m11",
            "1-rc",
            "1-rc2",
            "1-snapshot",
            "1",
            "1-sp",
            "1-sp2",
            "1-abc",
            "1-1-snapshot",
            "1-1",
            "1-2",
            "1.1",
            "1.10",
        ];
        rises(Ecosystem::Maven, &versions);
        same(Ecosystem::Maven, &["1", "1.0", "1.0.0", "1-0", "1.final", "1-ga", "1.RELEASE", "1.0-GA"]);
        same(Ecosystem::Maven, &["1-a1", "1-alpha-1", "1.0-Alpha1"]);
        same(Ecosystem::Maven, &["1-cr2", "1-rc2"]);
        rises(Ecosystem::Maven, &["2.0.1-xyz", "2.0.1-123"]);
        rises(Ecosystem::Maven, &["9.4.36.v20210114", "9.4.41.v20210516"]);
        rises(Ecosystem::Maven, &["31.1-android", "31.1-jre", "32.0.0-android"]);
    }

    // SEC-3
    #[test]
    fn gems_are_ordered_as_rubygems_does() {
        rises(Ecosystem::RubyGems, &["0", "1.0.a.2", "1.0.b1", "1.0.rc1", "1.0", "1.0.1", "1.1.a", "1.1", "1.10", "2"]);
        rises(Ecosystem::RubyGems, &["1.0.0-beta", "1.0.0"]);
        same(Ecosystem::RubyGems, &["1", "1.0", "1.0.0"]);
        same(Ecosystem::RubyGems, &["1.a", "1.0.a"]);
        assert_eq!(compare(Ecosystem::RubyGems, "x y", "1"), None);
    }

    // SEC-3
    #[test]
    fn php_packages_are_ordered_as_composer_does() {
        let versions = [
            "1.0-dev",
            "1.0.0-alpha1",
            "1.0.0-alpha2",
            "1.0.0-beta1",
            "1.0.0-RC1",
            "1.0.0-RC2",
            "1.0.0",
            "1.0.0-patch1",
            "1.0.0.1",
            "v1.0.1",
            "1.10",
            "20100102",
        ];
        rises(Ecosystem::Packagist, &versions);
        same(Ecosystem::Packagist, &["1.0.0-a1", "1.0-alpha.1", "1.0.0.0alpha1"]);
        same(Ecosystem::Packagist, &["v1.0.0", "1", "1.0.0+build", "1.0.0-stable"]);
        assert_eq!(compare(Ecosystem::Packagist, "dev-main", "1.0"), None);
    }

    proptest! {
        // SEC-3
        #[test]
        fn no_text_is_too_odd_to_compare_and_both_ways_agree(
            a in "[0-9a-z.+_!v-]{0,20}|\\PC{0,12}", b in "[0-9]{1,3}(\\.[0-9a-z]{1,4}){0,4}(-[a-z0-9.]{1,8})?",
        ) {
            for ecosystem in Ecosystem::ALL {
                let forth = compare(ecosystem, &a, &b);
                prop_assert_eq!(forth.map(Ordering::reverse), compare(ecosystem, &b, &a));
                prop_assert_eq!(compare(ecosystem, &b, &b).unwrap_or(Ordering::Equal), Ordering::Equal);
            }
        }
    }
}
