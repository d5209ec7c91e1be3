//! The record of an evaluation's host calls (GAT-6): one JSON object per line, in the order in which they were answered.
//!
//! `{"interface":…,"function":…,"arguments_digest":"sha256:…","result":…}`, where `result` is the answer as JSON
//! (`{"Ok":…}` or `{"Err":…}` for calls that can fail). Bytes are `{"text":…}`, `{"hex":…}` or, when long,
//! `{"digest":…,"length":…}`: the object store still has those. Pieces of objects are `{"pieces":…,"bytes":…}`, their numbers
//! alone: the objects were asked for by name, so the repository has the rest, and a record holds no secret that a gate was
//! shown. Clocks and random numbers are not recorded: they follow from subject, configuration, moment and plugin. The record is
//! bounded; a last line `{"cut":true}` says so.

use portcullis_core::digest::Digest;
use portcullis_core::facts::Piece;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use std::io::Write as _;

/// Longest byte string that is recorded as it is.
const MAX_BYTES: usize = 64 << 10;
/// Longest answer, as JSON, that is recorded as it is.
const MAX_RESULT: usize = 256 << 10;
/// Longest record.
const MAX_TOTAL: usize = 4 << 20;

/// Bytes that are recorded as text, as hexadecimal digits, or by digest and length.
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if self.0.len() > MAX_BYTES {
            map.serialize_entry("digest", sha256(&self.0).as_str())?;
            map.serialize_entry("length", &self.0.len())?;
        } else if let Ok(text) = std::str::from_utf8(&self.0) {
            map.serialize_entry("text", text)?;
        } else {
            map.serialize_entry("hex", &hex(&self.0))?;
        }
        map.end()
    }
}

/// The next pieces of objects: recorded by their numbers. The objects' names, which `open-blobs` was asked for, are the digests
/// of all of them.
pub(crate) struct Pieces(pub(crate) Vec<Piece>);

impl Serialize for Pieces {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("pieces", &self.0.len())?;
        map.serialize_entry("bytes", &self.0.iter().map(|piece| piece.bytes.len()).sum::<usize>())?;
        map.end()
    }
}

/// The digest of names, a line each.
pub(crate) fn digest_of(names: &[String]) -> Digest {
    let mut hasher = Sha256::new();
    for name in names {
        hasher.update(name.as_bytes());
        hasher.update(b"\n");
    }
    Digest::from_sha256(hasher.finalize().into())
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
        }
    }
    text
}

/// The digest of `bytes`.
pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    Digest::from_sha256(Sha256::digest(bytes).into())
}

/// A record in the making.
#[derive(Default)]
pub(crate) struct Transcript {
    lines: Vec<u8>,
    cut: bool,
    scratch: Vec<u8>,
}

impl Transcript {
    /// Adds one answered call.
    pub(crate) fn record<A: Serialize + ?Sized, R: Serialize>(
        &mut self,
        interface: &'static str,
        function: &'static str,
        arguments: &A,
        result: &R,
    ) {
        if self.cut {
            return;
        }
        let before = self.lines.len();
        if self.write(interface, function, arguments, result).is_err() || self.lines.len() > MAX_TOTAL {
            self.lines.truncate(before);
            self.lines.extend_from_slice(b"{\"cut\":true}\n");
            self.cut = true;
        }
    }

    /// The lines so far.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.lines)
    }

    fn write<A: Serialize + ?Sized, R: Serialize>(
        &mut self,
        interface: &'static str,
        function: &'static str,
        arguments: &A,
        result: &R,
    ) -> Result<(), serde_json::Error> {
        self.scratch.clear();
        serde_json::to_writer(&mut self.scratch, arguments)?;
        let arguments = sha256(&self.scratch);
        self.scratch.clear();
        serde_json::to_writer(&mut self.scratch, result)?;
        // Names of interfaces and functions are this crate's own and need no escapes.
        let head = format!(
            "{{\"interface\":\"{interface}\",\"function\":\"{function}\",\"arguments_digest\":\"{arguments}\",\"result\":"
        );
        self.lines.extend_from_slice(head.as_bytes());
        if self.scratch.len() > MAX_RESULT {
            let (digest, length) = (sha256(&self.scratch), self.scratch.len());
            write!(self.lines, "{{\"digest\":\"{digest}\",\"length\":{length}}}").map_err(serde_json::Error::io)?;
        } else {
            self.lines.extend_from_slice(&self.scratch);
        }
        self.lines.extend_from_slice(b"}\n");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test is the point")]

    use super::*;

    fn lines(transcript: &mut Transcript) -> Vec<serde_json::Value> {
        let bytes = transcript.take();
        bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(|l| serde_json::from_slice(l).unwrap()).collect()
    }

    #[test]
    fn a_call_is_one_json_line_with_its_answer() {
        // GAT-6
        let mut transcript = Transcript::default();
        transcript.record("i", "f", &("a", 1), &Ok::<_, ()>(Bytes(b"hello".to_vec())));
        transcript.record("i", "g", &(), &Ok::<_, ()>(Bytes(vec![0xff])));
        let lines = lines(&mut transcript);
        assert_eq!(lines[0]["result"]["Ok"]["text"], "hello");
        assert_eq!(lines[0]["arguments_digest"], sha256(br#"["a",1]"#).as_str());
        assert_eq!(lines[1]["result"]["Ok"]["hex"], "ff");
    }

    #[test]
    fn pieces_of_objects_are_recorded_by_their_numbers_alone() {
        // GAT-6, SEC-5: what a gate is shown may be a secret that somebody leaked.
        let mut transcript = Transcript::default();
        let piece = Piece { index: 0, size: 8, bytes: b"a secret".to_vec() };
        transcript.record("i", "next", &("9f2c",), &Ok::<_, ()>(Pieces(vec![piece])));
        let lines = lines(&mut transcript);
        assert_eq!(lines[0]["result"], serde_json::json!({ "Ok": { "pieces": 1, "bytes": 8 } }));
    }

    #[test]
    fn long_bytes_are_recorded_by_digest_and_a_full_record_says_that_it_was_cut() {
        // GAT-6
        let mut transcript = Transcript::default();
        let long = vec![b'x'; MAX_BYTES + 1];
        transcript.record("i", "long", &(), &Bytes(long.clone()));
        let text = "y".repeat(MAX_BYTES);
        for _ in 0..=MAX_TOTAL / MAX_BYTES {
            transcript.record("i", "many", &(), &text);
        }
        transcript.record("i", "after", &(), &1);
        let total = transcript.lines.len();
        let lines = lines(&mut transcript);
        assert_eq!(lines[0]["result"]["digest"], sha256(&long).as_str());
        assert_eq!(lines[0]["result"]["length"], long.len());
        assert!(total <= MAX_TOTAL + 16, "{total}");
        assert_eq!(lines.last().unwrap()["cut"], true);
        assert_eq!(lines.iter().filter(|line| line["cut"] == true).count(), 1);
    }
}
