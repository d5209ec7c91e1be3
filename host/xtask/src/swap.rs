//! Puts a freshly built registry in the place of an old one without a moment in which readers find neither: first the new
//! blobs, then the index in one step, then the old blobs go.

use anyhow::Context;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

const BLOBS: &str = "blobs/sha256";
const INDEX: &str = "index.json";
const MARKER: &str = "oci-layout";

/// Moves what `fresh` holds into `old`. Both lie on one file system. Files of `old` that belong to no layout stay.
pub(crate) fn swap(fresh: &Path, old: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(old.join(BLOBS)).with_context(|| format!("failed to create `{}`", old.join(BLOBS).display()))?;
    let names = names(&fresh.join(BLOBS))?;
    for name in &names {
        rename(&fresh.join(BLOBS).join(name), &old.join(BLOBS).join(name))?;
    }
    rename(&fresh.join(MARKER), &old.join(MARKER))?;
    rename(&fresh.join(INDEX), &old.join(INDEX))?;
    for name in self::names(&old.join(BLOBS))?.difference(&names) {
        let path = old.join(BLOBS).join(name);
        fs::remove_file(&path).with_context(|| format!("failed to remove `{}`", path.display()))?;
    }
    Ok(())
}

fn names(folder: &Path) -> anyhow::Result<BTreeSet<OsString>> {
    let entries = fs::read_dir(folder).with_context(|| format!("failed to list `{}`", folder.display()))?;
    entries.map(|entry| Ok(entry?.file_name())).collect()
}

fn rename(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::rename(from, to).with_context(|| format!("failed to move `{}` to `{}`", from.display(), to.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
    use super::*;
    use portcullis_catalog::layout::Layout;

    #[test]
    fn the_new_registry_replaces_the_old_one_and_leaves_other_files() {
        let dir = tempfile::tempdir().unwrap();
        let (old, fresh) = (dir.path().join("old"), dir.path().join("fresh"));
        let layout = Layout::create(&old).unwrap();
        let gone = layout.tag("a:1", layout.write_blob("t", b"gone").unwrap()).unwrap();
        let kept = layout.tag("b:1", layout.write_blob("t", b"kept").unwrap()).unwrap();
        fs::write(old.join("catalog.toml"), "format = 1\n").unwrap();
        let new = Layout::create(&fresh).unwrap();
        new.tag("b:1", new.write_blob("t", b"kept").unwrap()).unwrap();
        new.tag("c:1", new.write_blob("t", b"new").unwrap()).unwrap();

        swap(&fresh, &old).unwrap();

        let layout = Layout::open(&old).unwrap();
        let index = layout.index().unwrap();
        let listed: Vec<_> = index.manifests.iter().filter_map(|d| d.ref_name()).collect();
        assert_eq!(listed, ["b:1", "c:1"]);
        assert!(layout.read_blob(&kept.digest, 10).is_ok() && layout.read_blob(&gone.digest, 10).is_err());
        assert_eq!(fs::read_to_string(old.join("catalog.toml")).unwrap(), "format = 1\n");
    }
}
