//! Any bytes as the target branch's `.gitleaks.toml` and `.gitleaksignore`: an answer or a refusal, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_gate_sdk::Refusal;
use portcullis_gate_security::gitleaks::Policy;
use portcullis_gate_security::source::{Blob, Commit, Source, TreeChange};

/// A repository of two files and no history.
struct Files<'a> {
    config: &'a [u8],
    ignore: &'a [u8],
}

impl Source for Files<'_> {
    fn merge_base(&self, _: &str, _: &str) -> Result<String, Refusal> {
        Err(Refusal::BadInput("there is no history".into()))
    }

    fn commits(&self, _: &str, _: &str) -> Result<Vec<Commit>, Refusal> {
        Ok(Vec::new())
    }

    fn changes(&self, _: Option<&str>, _: &str) -> Result<Vec<TreeChange>, Refusal> {
        Ok(Vec::new())
    }

    fn blobs(&self, _: Vec<String>, _: u64) -> Box<dyn Iterator<Item = Result<Blob, Refusal>> + '_> {
        Box::new(std::iter::empty())
    }

    fn file(&self, _: &str, path: &str) -> Result<Option<Vec<u8>>, Refusal> {
        Ok(match path {
            ".gitleaks.toml" | "base.toml" => Some(self.config.to_vec()),
            ".gitleaksignore" => Some(self.ignore.to_vec()),
            _ => None,
        })
    }
}

fuzz_target!(|bytes: &[u8]| {
    // What follows a NUL byte is the second file.
    let mut files = bytes.splitn(2, |byte| *byte == 0);
    let (config, ignore) = (files.next().unwrap_or_default(), files.next().unwrap_or_default());
    if let Ok(policy) = Policy::load(&Files { config, ignore }, "0") {
        assert!(policy.remarks().iter().all(|remark| remark.line > 0 && !remark.message.is_empty()));
    }
});
