//! A certificate that nobody trusts, and its key, made anew for each test: no key lies in the repository.

use super::{program, run};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

/// A certificate for 127.0.0.1 that signs itself.
#[derive(Debug, Clone)]
pub struct Certificate {
    folder: Arc<TempDir>,
}

impl Certificate {
    /// A new one.
    ///
    /// # Panics
    /// If `openssl` is missing or fails.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut openssl = program("openssl", folder.path());
        openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=of the test"]);
        run(openssl.args(["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "certificate.pem"]));
        Self { folder: Arc::new(folder) }
    }

    /// The file that holds it.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// The file that holds its key.
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    /// Its bytes in base64, without the lines around them.
    pub fn base64(&self) -> String {
        let text = std::fs::read_to_string(self.file()).expect("it is there");
        text.lines().filter(|line| !line.starts_with("---")).collect()
    }

    /// The signature (RSA, SHA-256) of `text`.
    ///
    /// # Panics
    /// If `openssl` fails.
    pub fn sign(&self, text: &str) -> Vec<u8> {
        let to_sign = tempfile::NamedTempFile::new_in(self.folder.path()).expect("a file can be made");
        std::fs::write(to_sign.path(), text).expect("a file can be written");
        let mut openssl = program("openssl", self.folder.path());
        run(openssl.args(["dgst", "-sha256", "-sign", "key.pem"]).arg(to_sign.path()))
    }
}

impl Default for Certificate {
    fn default() -> Self {
        Self::new()
    }
}
