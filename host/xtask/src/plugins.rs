//! `cargo xtask plugins`: builds the first-party gates, publishes them to the local registry, and keeps
//! `registry/catalog.toml`, which git holds, in step with it.

use crate::console::say;
use crate::gates::{self, Gate};
use crate::guests;
use crate::swap::swap;
use crate::toolchain::{self, Toolchain};
use anyhow::{Context, bail};
use portcullis_catalog::install::read_component;
use portcullis_catalog::listing::{LISTING_PATH, ListedPlugin, Listing};
use portcullis_catalog::package::Package;
use portcullis_catalog::registry::Registry;
use std::fs;
use std::path::{Path, PathBuf};

/// What the command line says.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Folder of the registry; what it held before is replaced. `registry` in the source tree, unless given.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Only compares what is built with `registry/catalog.toml`; writes neither it nor the registry.
    #[arg(long, conflicts_with_all = ["out", "update"])]
    check: bool,
    /// Writes `registry/catalog.toml` even if another compiler made the one that is there.
    #[arg(long)]
    update: bool,
}

/// Runs the task.
pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let toolchain = Toolchain::find(root)?;
    toolchain::ensure_target(root)?;
    let sources = gates::find(&toolchain.cargo, root)?;
    let folder = guests::build(root, &toolchain, &sources)?;
    let packages = packages(&folder, &sources.gates)?;
    let built = Listing {
        format: 1,
        rustc: toolchain.version,
        host: toolchain.host,
        plugins: packages.iter().map(listed).collect(),
    };
    let committed = committed(root)?;
    if options.check {
        return check(&built, committed.as_ref());
    }
    publish(&packages, &options.out.clone().unwrap_or_else(|| root.join("registry")))?;
    if options.out.is_none() {
        record(root, &built, committed.as_ref(), options.update)?;
    }
    for plugin in &built.plugins {
        say(format_args!("{} {} {} {:>7} bytes", plugin.name, plugin.version, plugin.digest.short(), plugin.size));
    }
    Ok(())
}

/// Reads and checks each component that was built.
fn packages(folder: &Path, gates: &[Gate]) -> anyhow::Result<Vec<Package>> {
    let package = |gate: &Gate| {
        let bytes = read_component(&folder.join(&gate.file))?;
        let package = Package::from_component(&gate.plugin, &gate.version, bytes);
        package.with_context(|| format!("crate `{}` makes no gate", gate.package))
    };
    gates.iter().map(package).collect()
}

fn listed(package: &Package) -> ListedPlugin {
    ListedPlugin {
        name: package.plugin().name.clone(),
        version: package.version().clone(),
        digest: package.plugin().digest.clone(),
        size: package.size(),
    }
}

/// What git holds; none in a tree in which the plugins were never built.
fn committed(root: &Path) -> anyhow::Result<Option<Listing>> {
    let path = root.join(LISTING_PATH);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(Listing::parse(&text)?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("failed to read `{}`", path.display())),
    }
}

/// Makes the registry anew beside the old one and puts it in its place.
fn publish(packages: &[Package], out: &Path) -> anyhow::Result<()> {
    // Beside the blobs: on the same file system, and where git does not look if this is interrupted.
    let blobs = out.join("blobs");
    fs::create_dir_all(&blobs).with_context(|| format!("failed to create `{}`", blobs.display()))?;
    let fresh = tempfile::Builder::new().prefix(".building-").tempdir_in(&blobs).context("failed to make a folder")?;
    let registry = Registry::create(fresh.path())?;
    for package in packages {
        registry.publish(package)?;
    }
    swap(fresh.path(), out)?;
    say(format_args!("published {} plugins to `{}`", packages.len(), out.display()));
    Ok(())
}

/// Writes `catalog.toml`, unless another compiler made it: then its digests are right for that one and are left alone.
fn record(root: &Path, built: &Listing, committed: Option<&Listing>, update: bool) -> anyhow::Result<()> {
    match committed {
        Some(committed) if committed == built => Ok(()),
        Some(committed) if !update && !is_comparable(built, committed) => {
            say(other_compiler(built, committed));
            say(format_args!("`{LISTING_PATH}` is left as it is; `--update` writes it anew"));
            Ok(())
        }
        _ => {
            let path = root.join(LISTING_PATH);
            fs::write(&path, built.render()).with_context(|| format!("failed to write `{}`", path.display()))?;
            say(format_args!("wrote `{LISTING_PATH}`"));
            Ok(())
        }
    }
}

/// Compares what was built with what git holds.
fn check(built: &Listing, committed: Option<&Listing>) -> anyhow::Result<()> {
    let Some(committed) = committed else {
        bail!("there is no `{LISTING_PATH}`; run `cargo xtask plugins` and commit it");
    };
    let comparable = is_comparable(built, committed);
    if !comparable {
        say(other_compiler(built, committed));
        say("names and versions are compared, digests and sizes cannot be");
    }
    let differences = differences(built, committed, comparable);
    if differences.is_empty() {
        say(format_args!("`{LISTING_PATH}` agrees with what was built"));
        return Ok(());
    }
    bail!(
        "`{LISTING_PATH}` differs from what was built; run `cargo xtask plugins` and commit it:\n{}",
        differences.join("\n")
    )
}

fn is_comparable(built: &Listing, committed: &Listing) -> bool {
    (&built.rustc, &built.host) == (&committed.rustc, &committed.host)
}

fn other_compiler(built: &Listing, committed: &Listing) -> String {
    format!(
        "`{LISTING_PATH}` was made by {} on {}, this is {} on {}: they make different bytes of the same source",
        committed.rustc, committed.host, built.rustc, built.host
    )
}

/// One line for each plugin that is not the same in both.
fn differences(built: &Listing, committed: &Listing, with_digests: bool) -> Vec<String> {
    let named = |listing: &Listing, plugin: &ListedPlugin| {
        listing.plugins.iter().find(|other| other.name == plugin.name).cloned()
    };
    let mut lines = Vec::new();
    for now in &built.plugins {
        match named(committed, now) {
            None => lines.push(format!("  {} {} is not in it", now.name, now.version)),
            Some(then) if then.version != now.version => {
                lines.push(format!("  {}: it has version {}, built was {}", now.name, then.version, now.version));
            }
            Some(then) if with_digests && then.digest != now.digest => {
                lines.push(format!("  {} {}: it has {}, built was {}", now.name, now.version, then.digest, now.digest));
            }
            Some(_) => {}
        }
    }
    let gone = committed.plugins.iter().filter(|then| named(built, then).is_none());
    lines.extend(gone.map(|then| format!("  {} {} is in it, but there is no such gate", then.name, then.version)));
    lines
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
    use super::*;

    fn listing(rustc: &str, plugins: &[(&str, &str, u8)]) -> Listing {
        let mut text = format!("format = 1\nrustc = \"{rustc}\"\nhost = \"h\"\n");
        for (name, version, digest) in plugins {
            let digest = format!("sha256:{}", format!("{digest:02x}").repeat(32));
            text +=
                &format!("[[plugin]]\nname = \"{name}\"\nversion = \"{version}\"\ndigest = \"{digest}\"\nsize = 1\n");
        }
        Listing::parse(&text).unwrap()
    }

    #[test]
    fn each_difference_from_what_git_holds_is_told() {
        // PLG-1
        let built = listing("r1", &[("p/a", "1.0.0", 1), ("p/b", "1.0.0", 2), ("p/c", "1.1.0", 3)]);
        assert!(check(&built, Some(&built)).is_ok());
        let committed = listing("r1", &[("p/b", "1.0.0", 9), ("p/c", "1.0.0", 3), ("p/d", "1.0.0", 4)]);
        let error = check(&built, Some(&committed)).unwrap_err().to_string();
        let digest = |byte: &str| format!("sha256:{}", byte.repeat(32));
        assert_eq!(
            error,
            format!(
                "`registry/catalog.toml` differs from what was built; run `cargo xtask plugins` and commit it:\n  p/a 1.0.0 \
                 is not in it\n  p/b 1.0.0: it has {}, built was {}\n  p/c: it has version 1.0.0, built was 1.1.0\n  p/d \
                 1.0.0 is in it, but there is no such gate",
                digest("09"),
                digest("02")
            )
        );
        assert!(check(&built, None).unwrap_err().to_string().starts_with("there is no `registry/catalog.toml`"));
    }

    #[test]
    fn digests_of_another_compiler_are_not_compared_but_versions_are() {
        // PLG-1
        let built = listing("r2", &[("p/a", "1.0.0", 1)]);
        assert!(check(&built, Some(&listing("r1", &[("p/a", "1.0.0", 9)]))).is_ok());
        assert!(check(&built, Some(&listing("r1", &[("p/a", "1.0.1", 9)]))).is_err());
    }

    #[test]
    fn a_listing_that_another_compiler_made_is_only_replaced_on_demand() {
        // PLG-1
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("registry")).unwrap();
        let (mine, theirs) = (listing("r2", &[("p/a", "1.0.0", 1)]), listing("r1", &[("p/a", "1.0.0", 9)]));
        record(root.path(), &theirs, None, false).unwrap();
        record(root.path(), &mine, Some(&theirs), false).unwrap();
        assert_eq!(committed(root.path()).unwrap().as_ref(), Some(&theirs));
        record(root.path(), &mine, Some(&theirs), true).unwrap();
        assert_eq!(committed(root.path()).unwrap().as_ref(), Some(&mine));
    }
}
