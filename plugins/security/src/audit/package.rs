//! A package as a lockfile pins it, and the ecosystems that packages come from.

/// Where a package comes from. Each has its own rules for names and versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ecosystem {
    /// Rust.
    CratesIo,
    /// Go modules.
    Go,
    /// Java and its relatives.
    Maven,
    /// JavaScript.
    Npm,
    /// PHP.
    Packagist,
    /// Python.
    PyPi,
    /// Ruby.
    RubyGems,
}

impl Ecosystem {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::CratesIo, Self::Go, Self::Maven, Self::Npm, Self::Packagist, Self::PyPi, Self::RubyGems];

    /// Its name in OSV's advisories.
    pub fn osv(self) -> &'static str {
        match self {
            Self::CratesIo => "crates.io",
            Self::Go => "Go",
            Self::Maven => "Maven",
            Self::Npm => "npm",
            Self::Packagist => "Packagist",
            Self::PyPi => "PyPI",
            Self::RubyGems => "RubyGems",
        }
    }

    /// The ecosystem of this OSV name, which may carry a registry after a colon.
    pub fn from_osv(name: &str) -> Option<Self> {
        let name = name.split(':').next().unwrap_or(name);
        Self::ALL.into_iter().find(|ecosystem| ecosystem.osv() == name)
    }

    /// The one way to write a package's name: `Foo.Bar` and `foo-bar` are one package on PyPI.
    pub fn canonical(self, name: &str) -> String {
        match self {
            Self::PyPi => {
                let mut canonical = String::with_capacity(name.len());
                for c in name.chars() {
                    match c {
                        '-' | '_' | '.' if canonical.ends_with('-') => {}
                        '-' | '_' | '.' => canonical.push('-'),
                        c => canonical.push(c.to_ascii_lowercase()),
                    }
                }
                canonical
            }
            Self::Packagist => name.to_ascii_lowercase(),
            Self::CratesIo | Self::Go | Self::Maven | Self::Npm | Self::RubyGems => name.to_owned(),
        }
    }
}

/// One pinned package.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Package {
    /// Where it comes from.
    pub ecosystem: Ecosystem,
    /// Its name, in the one way to write it.
    pub name: String,
    /// Its version, as the lockfile writes it.
    pub version: String,
}

/// A package and the 1-based line that pins it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinned {
    /// The package.
    pub package: Package,
    /// The line.
    pub line: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    // SEC-3
    #[test]
    fn names_are_compared_as_their_registry_does() {
        assert_eq!(Ecosystem::PyPi.canonical("Zope._-Interface"), "zope-interface");
        assert_eq!(Ecosystem::Packagist.canonical("Symfony/Yaml"), "symfony/yaml");
        assert_eq!(Ecosystem::Npm.canonical("JSONStream"), "JSONStream");
        assert_eq!(Ecosystem::from_osv("Maven:https://repo.example"), Some(Ecosystem::Maven));
        assert_eq!(Ecosystem::from_osv("Debian:12"), None);
        for ecosystem in Ecosystem::ALL {
            assert_eq!(Ecosystem::from_osv(ecosystem.osv()), Some(ecosystem));
        }
    }
}
