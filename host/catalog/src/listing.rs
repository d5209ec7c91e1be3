//! `registry/catalog.toml`: name, version and digest of the first-party plugins, and which compiler made them. Git holds
//! it, the packages themselves are built; whoever builds them again with the same compiler must get the same digests.

use crate::registry::Listed;
use portcullis_core::digest::Digest;
use portcullis_core::ids::PluginName;
use semver::Version;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// Where the listing lies, from the root of the source tree.
pub const LISTING_PATH: &str = "registry/catalog.toml";

/// A listing that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{LISTING_PATH}` cannot be read: {0}; run `cargo xtask plugins --update` to write it anew")]
pub struct ListingError(String);

/// The listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    /// Always 1.
    pub format: u32,
    /// Compiler that made the components, as `rustc --version` says it. Another one makes other bytes.
    pub rustc: String,
    /// Platform of that compiler: cargo mixes it into every symbol.
    pub host: String,
    /// The plugins, by name.
    #[serde(default, rename = "plugin")]
    pub plugins: Vec<ListedPlugin>,
}

/// One plugin of the listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListedPlugin {
    /// Name in the registry.
    pub name: PluginName,
    /// Its version.
    pub version: Version,
    /// Digest of the component.
    pub digest: Digest,
    /// Size of the component in bytes.
    pub size: u64,
}

impl From<Listed> for ListedPlugin {
    fn from(Listed { name, version, digest, size, yanked: _ }: Listed) -> Self {
        Self { name, version, digest, size }
    }
}

impl Listing {
    /// Reads the file's text.
    ///
    /// # Errors
    /// If it is malformed or of another format.
    pub fn parse(text: &str) -> Result<Self, ListingError> {
        let listing: Self = toml::from_str(text).map_err(|e| ListingError(e.message().to_owned()))?;
        match listing.format {
            1 => Ok(listing),
            other => Err(ListingError(format!("it has format {other}, this version reads format 1"))),
        }
    }

    /// The file's text.
    pub fn render(&self) -> String {
        let Self { format, rustc, host, plugins } = self;
        let mut text = format!(
            "# The first-party plugins as `cargo xtask plugins` builds them. The digest is that of the component.\n\
             format = {format}\nrustc = {}\nhost = {}\n",
            toml::Value::String(rustc.clone()),
            toml::Value::String(host.clone()),
        );
        for ListedPlugin { name, version, digest, size } in plugins {
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                "\n[[plugin]]\nname = \"{name}\"\nversion = \"{version}\"\ndigest = \"{digest}\"\nsize = {size}\n"
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_rendered_listing_reads_back_as_itself() {
        let listing = Listing {
            format: 1,
            rustc: "rustc 1.95.0 (59807616e 2026-04-14)".into(),
            host: "x86_64-unknown-linux-gnu".into(),
            plugins: vec![ListedPlugin {
                name: "portcullis/security".into(),
                version: Version::new(1, 0, 0),
                digest: Digest::from_sha256([3; 32]),
                size: 81_234,
            }],
        };
        assert_eq!(Listing::parse(&listing.render()), Ok(listing));
    }

    #[test]
    fn a_listing_of_another_format_or_shape_is_refused() {
        let error = Listing::parse("format = 2\nrustc = \"\"\nhost = \"\"\n").unwrap_err();
        assert!(error.to_string().contains("it has format 2, this version reads format 1"), "{error}");
        let error = Listing::parse("format = 1\nrustc = \"\"\nhost = \"\"\nextra = 1\n").unwrap_err();
        assert!(error.to_string().contains("unknown field `extra`"), "{error}");
    }
}
