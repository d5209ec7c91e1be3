//! An OCI image layout on disk: `oci-layout`, `index.json`, and blobs by digest.
//!
//! Held always: a blob is written whole or not at all (temporary file, fsync, rename) and is compared with its digest
//! whenever it is read; `index.json` is replaced under an exclusive file lock, so that of two publishers none loses
//! anything; nothing larger than its cap is read. Readers take no lock: a rename is atomic and blobs never change.
//!
//! Deliberately absent: deleting blobs (nobody can know here who still needs them) and digests other than sha256.

mod errors;

pub use errors::LayoutError;

use crate::names::shown;
use crate::oci::{
    DOCKER_INDEX_TYPE, DOCKER_MANIFEST_TYPE, Descriptor, INDEX_TYPE, ImageManifest, Index, MANIFEST_TYPE,
};
use crate::sha::digest_of;
use portcullis_core::digest::Digest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Largest `index.json`, manifest or configuration that is read, in bytes.
pub const MAX_DOCUMENT_BYTES: u64 = 16 * 1024 * 1024;
/// Marks a folder as a layout; also the file that writers lock, since it is never replaced.
const MARKER: &str = "oci-layout";
const MARKER_TEXT: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;
const INDEX: &str = "index.json";

/// A layout in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    dir: PathBuf,
}

impl Layout {
    /// Opens the layout in `dir`.
    ///
    /// # Errors
    /// If there is none, or one of another version.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, LayoutError> {
        let layout = Self { dir: dir.into() };
        let refuse = |detail: String| LayoutError::NotALayout { dir: layout.dir.clone(), detail };
        let marker = match read_capped(&layout.dir.join(MARKER), 64 * 1024) {
            Err(LayoutError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(refuse(format!("it has no file `{MARKER}`")));
            }
            other => other?,
        };
        let marker: serde_json::Value = serde_json::from_slice(&marker).map_err(|e| refuse(e.to_string()))?;
        match marker.get("imageLayoutVersion").and_then(|v| v.as_str()) {
            Some("1.0.0") => Ok(layout),
            other => Err(refuse(format!("it has version `{}`, this reads 1.0.0", shown(other.unwrap_or("(none)"))))),
        }
    }

    /// Opens the layout in `dir`, made if there is none.
    ///
    /// # Errors
    /// If the folder cannot be written, or holds a layout of another version.
    pub fn create(dir: impl Into<PathBuf>) -> Result<Self, LayoutError> {
        let dir = dir.into();
        let blobs = dir.join("blobs/sha256");
        fs::create_dir_all(&blobs).map_err(failed("create", &blobs))?;
        if !dir.join(INDEX).exists() {
            write_new(&dir, INDEX, &json(&Index::default(), &dir)?)?;
        }
        if !dir.join(MARKER).exists() {
            write_new(&dir, MARKER, MARKER_TEXT.as_bytes())?;
        }
        Self::open(dir)
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What `index.json` lists now.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn index(&self) -> Result<Index, LayoutError> {
        let bytes = read_capped(&self.dir.join(INDEX), MAX_DOCUMENT_BYTES)?;
        self.parse(&bytes, || format!("`{INDEX}`"))
    }

    /// Changes `index.json` while no other writer can. `change` sees the newest index; its error leaves the file alone.
    ///
    /// # Errors
    /// What `change` answers, or why the file could not be read or replaced.
    pub fn update_index<T, E: From<LayoutError>>(
        &self,
        change: impl FnOnce(&mut Index) -> Result<T, E>,
    ) -> Result<T, E> {
        let marker = self.dir.join(MARKER);
        let lock = File::open(&marker).map_err(failed("open", &marker))?;
        lock.lock().map_err(failed("lock", &marker))?; // given back when `lock` is dropped, or its process dies
        let before = self.index()?;
        let mut index = before.clone();
        let answer = change(&mut index)?;
        if index != before {
            write_replacing(&self.dir, INDEX, &json(&index, &self.dir)?)?;
        }
        Ok(answer)
    }

    /// Lists `descriptor` under `reference`, in place of what stood there.
    ///
    /// # Errors
    /// If the index could not be replaced.
    pub fn tag(&self, reference: &str, mut descriptor: Descriptor) -> Result<Descriptor, LayoutError> {
        descriptor.annotations.insert(crate::oci::REF_NAME.into(), reference.into());
        self.update_index(|index| {
            index.manifests.retain(|d| d.ref_name() != Some(reference));
            index.manifests.push(descriptor.clone());
            Ok(descriptor)
        })
    }

    /// Writes a blob, unless it is there and sound.
    ///
    /// # Errors
    /// If it could not be written; then there is none, or the one that was there.
    pub fn write_blob(&self, media_type: &str, bytes: &[u8]) -> Result<Descriptor, LayoutError> {
        let digest = digest_of(bytes);
        let size = size_of(bytes);
        if self.read_blob(&digest, size).is_err() {
            write_replacing(&self.dir.join("blobs/sha256"), digest.hex(), bytes)?;
        }
        Ok(Descriptor {
            media_type: media_type.into(),
            digest,
            size,
            annotations: Default::default(),
            platform: None,
            rest: Default::default(),
        })
    }

    /// Writes a document as a blob; equal documents have equal bytes.
    ///
    /// # Errors
    /// As [`Layout::write_blob`].
    pub fn write_document(&self, media_type: &str, document: &impl Serialize) -> Result<Descriptor, LayoutError> {
        self.write_blob(media_type, &json(document, &self.dir)?)
    }

    /// A blob's bytes, at most `limit` of them, compared with the digest.
    ///
    /// # Errors
    /// If it is missing, damaged or too large.
    pub fn read_blob(&self, digest: &Digest, limit: u64) -> Result<Vec<u8>, LayoutError> {
        let dir = || self.dir.clone();
        let bytes = match read_capped(&self.blob_path(digest), limit) {
            Err(LayoutError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(LayoutError::Missing { digest: digest.clone(), dir: dir() });
            }
            other => other?,
        };
        let found = digest_of(&bytes);
        if found == *digest {
            Ok(bytes)
        } else {
            Err(LayoutError::Damaged { listed: digest.clone(), found, dir: dir() })
        }
    }

    /// A blob that holds a JSON document.
    ///
    /// # Errors
    /// As [`Layout::read_blob`], or if it is not the document expected.
    pub fn read_document<T: DeserializeOwned>(&self, descriptor: &Descriptor) -> Result<T, LayoutError> {
        let bytes = self.read_blob(&descriptor.digest, MAX_DOCUMENT_BYTES)?;
        self.parse(&bytes, || format!("blob {}", descriptor.digest))
    }

    /// Where a blob lies.
    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.dir.join("blobs/sha256").join(digest.hex())
    }

    /// What `reference` points to: a name as the index lists it, `…@sha256:…` or a bare digest; for `name:tag` also the
    /// bare tag, which is all that some tools write.
    ///
    /// # Errors
    /// If the index lists no such thing.
    pub fn resolve(&self, reference: &str) -> Result<Descriptor, LayoutError> {
        let manifests = self.index()?.manifests;
        let digest = reference.rsplit('@').next().and_then(|d| Digest::parse(d).ok());
        let tag = reference.rsplit_once(':').map(|(_, tag)| tag).filter(|tag| !tag.contains('/'));
        let named = |name: &str| manifests.iter().find(|d| d.ref_name() == Some(name));
        let found = match digest {
            Some(digest) => manifests.iter().find(|d| d.digest == digest),
            None => named(reference).or_else(|| tag.and_then(named)),
        };
        found.cloned().ok_or_else(|| {
            let names: Vec<&str> = manifests.iter().filter_map(Descriptor::ref_name).take(20).collect();
            let known = if names.is_empty() { "nothing".into() } else { shown_list(&names) };
            LayoutError::UnknownReference { reference: shown(reference), dir: self.dir.clone(), known }
        })
    }

    /// The image manifest that `descriptor` points to. Of an index's several, the one for linux/amd64, or the only one.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub fn manifest(&self, descriptor: &Descriptor) -> Result<ImageManifest, LayoutError> {
        match descriptor.media_type.as_str() {
            MANIFEST_TYPE | DOCKER_MANIFEST_TYPE => self.read_document(descriptor),
            INDEX_TYPE | DOCKER_INDEX_TYPE => {
                let index: Index = self.read_document(descriptor)?;
                self.read_document(&pick(descriptor, index)?)
            }
            other => Err(LayoutError::Malformed {
                what: format!("descriptor {}", descriptor.digest),
                dir: self.dir.clone(),
                detail: format!("its media type `{}` is neither a manifest's nor an index's", shown(other)),
            }),
        }
    }

    fn parse<T: DeserializeOwned>(&self, bytes: &[u8], what: impl Fn() -> String) -> Result<T, LayoutError> {
        serde_json::from_slice(bytes).map_err(|e| LayoutError::Malformed {
            what: what(),
            dir: self.dir.clone(),
            detail: shown(&e.to_string()),
        })
    }
}

/// The manifest of a nested index that is meant for us. Attestations (platform `unknown`) are no images.
fn pick(outer: &Descriptor, index: Index) -> Result<Descriptor, LayoutError> {
    let is_manifest = |d: &Descriptor| matches!(d.media_type.as_str(), MANIFEST_TYPE | DOCKER_MANIFEST_TYPE);
    let is_attestation = |d: &Descriptor| d.platform.as_ref().is_some_and(|p| p.os == "unknown");
    let is_ours = |d: &Descriptor| d.platform.as_ref().is_some_and(|p| p.os == "linux" && p.architecture == "amd64");
    let images: Vec<Descriptor> =
        index.manifests.into_iter().filter(|d| is_manifest(d) && !is_attestation(d)).collect();
    let chosen = match images.as_slice() {
        [only] => Some(only),
        several => several.iter().find(|d| is_ours(d)),
    };
    chosen.cloned().ok_or_else(|| {
        let platforms: Vec<String> = images
            .iter()
            .take(20)
            .map(|d| d.platform.as_ref().map_or("(none)".into(), |p| format!("{}/{}", p.os, p.architecture)))
            .collect();
        let platforms: Vec<&str> = platforms.iter().map(String::as_str).collect();
        LayoutError::NoPlatform {
            reference: outer.ref_name().map_or_else(|| outer.digest.to_string(), shown),
            found: if platforms.is_empty() { "no image at all".into() } else { shown_list(&platforms) },
        }
    })
}

fn shown_list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{}`", shown(name))).collect::<Vec<_>>().join(", ")
}

fn json(document: &impl Serialize, dir: &Path) -> Result<Vec<u8>, LayoutError> {
    serde_json::to_vec(document).map_err(|e| LayoutError::Malformed {
        what: "a document to be written".into(),
        dir: dir.into(),
        detail: e.to_string(),
    })
}

fn size_of(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LayoutError {
    move |source| LayoutError::Io { doing, path: path.into(), source }
}

/// A regular file's bytes, if there are no more than `limit`.
pub(crate) fn read_capped(path: &Path, limit: u64) -> Result<Vec<u8>, LayoutError> {
    // Asked before the file is opened: opening a pipe would wait for its other end.
    if !fs::metadata(path).map_err(failed("read", path))?.is_file() {
        return Err(failed("read", path)(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")));
    }
    let file = File::open(path).map_err(failed("read", path))?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed("read", path))?;
    if size_of(&bytes) > limit {
        return Err(LayoutError::TooLarge { path: path.into(), limit });
    }
    Ok(bytes)
}

/// Puts `name` into `dir` in one step, in place of what stood there, and makes both durable.
fn write_replacing(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), LayoutError> {
    let path = dir.join(name);
    staged(dir, bytes)?.persist(&path).map_err(|e| failed("write", &path)(e.error))?;
    sync(dir)
}

/// As [`write_replacing`], but leaves what a rival has put there meanwhile.
fn write_new(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), LayoutError> {
    let path = dir.join(name);
    match staged(dir, bytes)?.persist_noclobber(&path) {
        Err(e) if e.error.kind() != io::ErrorKind::AlreadyExists => Err(failed("write", &path)(e.error)),
        _ => sync(dir),
    }
}

fn staged(dir: &Path, bytes: &[u8]) -> Result<tempfile::NamedTempFile, LayoutError> {
    let mut file = tempfile::Builder::new()
        .prefix(".writing-")
        .permissions(fs::Permissions::from_mode(0o644))
        .tempfile_in(dir)
        .map_err(failed("write to", dir))?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(failed("write", file.path()))?;
    Ok(file)
}

fn sync(dir: &Path) -> Result<(), LayoutError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed("sync", dir))
}

#[cfg(test)]
mod tests;
