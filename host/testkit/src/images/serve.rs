//! The registry's process: on a free port, with its storage in a folder of its own, gone with the value.

use super::{Certificate, ToMake, cannot_start, program};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

/// The user whom [`Door::Basic`] lets in.
pub const USER: &str = "ci";
/// Their password.
pub const PASSWORD: &str = "pw-of-the-test";
/// Their password as bcrypt (of the least cost) keeps it, in parts, so that it is not taken for somebody's.
const KEPT: [&str; 4] = ["$2b$", "04$", "abcdefghijklmnopqrstuu", "L4NtAPUi/nCvg3lBBtpZ9OKZGNuRhz."];

/// Who may come in.
#[derive(Debug, Clone)]
pub enum Door {
    /// Everybody.
    Open,
    /// [`USER`] with [`PASSWORD`].
    Basic,
    /// Whoever has a token that `realm` gave out and signed with the key of this certificate.
    Token {
        /// The token service's address.
        realm: String,
        /// Whose tokens count.
        signer: Certificate,
    },
    /// Everybody, over TLS with this certificate.
    Tls(Certificate),
}

/// A running registry.
pub struct ImageRegistry {
    folder: Arc<TempDir>,
    process: Child,
    port: u16,
    door: Door,
}

impl Drop for ImageRegistry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl ImageRegistry {
    /// An empty one.
    ///
    /// # Panics
    /// If it cannot be started, with what to install.
    pub fn start(door: Door) -> Self {
        Self::on(Arc::new(tempfile::tempdir().expect("a folder can be made")), door)
    }

    /// Another one with the same storage, behind another door.
    ///
    /// # Panics
    /// As [`Self::start`].
    #[must_use]
    pub fn beside(&self, door: Door) -> Self {
        Self::on(self.folder.clone(), door)
    }

    fn on(folder: Arc<TempDir>, door: Door) -> Self {
        let settings = folder.path().join(format!("settings-{}.yml", door.name()));
        std::fs::write(&settings, door.settings(folder.path())).expect("its settings can be written");
        let mut command = program("docker-registry", folder.path());
        command.arg("serve").arg(&settings).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{}", cannot_start("docker-registry", &error)));
        let mut lines = BufReader::new(process.stderr.take().expect("it is piped")).lines();
        let mut said = String::new();
        let port = loop {
            let Some(Ok(line)) = lines.next() else { panic!("docker-registry ended before it listened: {said}") };
            if let Some(port) = line.split("listening on 127.0.0.1:").nth(1) {
                let digits: String = port.chars().take_while(char::is_ascii_digit).collect();
                break digits.parse().expect("a port");
            }
            said.push_str(&line);
            said.push('\n');
        };
        // It must never wait for somebody to read what it logs.
        std::thread::spawn(move || lines.for_each(drop));
        Self { folder, process, port, door }
    }

    /// Host and port.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its address.
    pub fn url(&self) -> String {
        let scheme = if matches!(self.door, Door::Tls(_)) { "https" } else { "http" };
        format!("{scheme}://{}", self.host())
    }

    /// Makes an image and puts it there as `name` (`shop:staging`). Answers its digest.
    ///
    /// # Panics
    /// If a tool is missing or fails.
    pub fn push(&self, name: &str, image: &ToMake<'_>) -> String {
        let layout = image.make();
        let digest = layout.path().join("digest");
        let mut copy = program("skopeo", layout.path());
        copy.args(["--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false"]);
        copy.args(image.skopeo_options()).arg("--digestfile").arg(&digest);
        if matches!(self.door, Door::Basic) {
            copy.arg(format!("--dest-creds={USER}:{PASSWORD}"));
        }
        super::run(copy.arg("oci:layout:made").arg(format!("docker://{}/{name}", self.host())));
        std::fs::read_to_string(digest).expect("skopeo says the digest").trim().to_owned()
    }

    /// The file of a blob, as the registry keeps it.
    pub fn blob(&self, digest: &str) -> PathBuf {
        let hex = digest.split_once(':').expect("a digest").1;
        let blobs = self.folder.path().join("data/docker/registry/v2/blobs/sha256");
        blobs.join(&hex[..2]).join(hex).join("data")
    }
}

impl Door {
    fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Basic => "basic",
            Self::Token { .. } => "token",
            Self::Tls(_) => "tls",
        }
    }

    fn settings(&self, folder: &Path) -> String {
        let data = folder.join("data");
        let (mut tls, mut auth) = (String::new(), String::new());
        match self {
            Self::Open => {}
            Self::Basic => {
                let file = folder.join("htpasswd");
                std::fs::write(&file, format!("{USER}:{}\n", KEPT.concat())).expect("a file can be written");
                auth = format!("auth: {{htpasswd: {{realm: of the test, path: {}}}}}\n", file.display());
            }
            Self::Token { realm, signer } => {
                let file = signer.file();
                auth = format!(
                    "auth: {{token: {{realm: '{realm}', service: the test, issuer: the test, rootcertbundle: {}}}}}\n",
                    file.display()
                );
            }
            Self::Tls(certificate) => {
                let (file, key) = (certificate.file(), certificate.key());
                tls = format!(", tls: {{certificate: {}, key: {}}}", file.display(), key.display());
            }
        }
        format!(
            "version: 0.1\nlog: {{level: info, accesslog: {{disabled: true}}}}\n\
             storage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\n\
             http: {{addr: '127.0.0.1:0', secret: of the test{tls}}}\n{auth}",
            data.display()
        )
    }
}
