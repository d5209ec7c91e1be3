//! Reading what git prints, byte by byte and without trust.

use crate::error::GitError;
use portcullis_core::facts::Commit;
use portcullis_core::ids::Revision;

/// One line of `cat-file --batch…`: what an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) id: Revision,
    pub(crate) kind: String,
    pub(crate) size: u64,
}

/// Parses `<id> <kind> <size>`; none for any other line, such as `<name> missing`.
pub(crate) fn header(line: &[u8]) -> Option<Header> {
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    let id = Revision::parse(words.next()?).ok()?;
    let kind = words.next()?.to_owned();
    let size = words.next()?.parse().ok()?;
    words.next().is_none().then_some(Header { id, kind, size })
}

/// Parses a raw commit object. Continuation lines of signatures and merged tags start with a space, so a header that
/// stands inside one is never taken for the commit's own.
pub(crate) fn commit(id: Revision, raw: &[u8]) -> Result<Commit, GitError> {
    let malformed = |detail: &str| GitError::Malformed {
        operation: "cat-file".to_owned(),
        detail: format!("commit {id} {detail}"),
    };
    let mut rest = raw;
    let mut parents = Vec::new();
    let mut committed_at_s = None;
    loop {
        let Some(end) = rest.iter().position(|&byte| byte == b'\n') else {
            // A commit made by hand may have headers only.
            rest = &[];
            break;
        };
        let line = &rest[..end];
        rest = &rest[end + 1..];
        if line.is_empty() {
            break;
        }
        if let Some(parent) = line.strip_prefix(b"parent ") {
            let parent = std::str::from_utf8(parent).ok().and_then(|name| Revision::parse(name).ok());
            parents.push(parent.ok_or_else(|| malformed("names a parent that is no revision"))?);
        } else if let Some(committer) = line.strip_prefix(b"committer ") {
            committed_at_s = committed_at_s.or_else(|| seconds(committer));
        }
    }
    // A date that cannot be read is the author's doing, not a reason to refuse the history that holds it.
    let committed_at_s = committed_at_s.unwrap_or(0);
    Ok(Commit { id, parents, message: rest.to_vec(), committed_at_s })
}

/// The tree that a raw commit object names in its first line.
pub(crate) fn tree_of(raw: &[u8]) -> Option<Revision> {
    let line = raw.strip_prefix(b"tree ")?.split(|&byte| byte == b'\n').next()?;
    Revision::parse(std::str::from_utf8(line).ok()?).ok()
}

/// The seconds in `Name <address> seconds zone`. Name and address may hold anything but a line's end.
fn seconds(committer: &[u8]) -> Option<i64> {
    let after = committer.iter().rposition(|&byte| byte == b'>')?;
    std::str::from_utf8(&committer[after + 1..]).ok()?.split_whitespace().next()?.parse().ok()
}

/// Splits what git ended with NUL bytes.
pub(crate) fn fields(printed: &[u8]) -> impl Iterator<Item = &[u8]> {
    printed.strip_suffix(b"\0").unwrap_or(printed).split(|&byte| byte == 0).filter(|field| !field.is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its set-up fails")]
    use super::*;

    fn id(digit: char) -> Revision {
        Revision::parse(&digit.to_string().repeat(40)).unwrap()
    }

    #[test]
    fn a_commit_is_read_past_a_signature_and_a_merged_tag_that_hold_headers() {
        let (a, b) = (id('a'), id('b'));
        let raw = format!(
            "tree {a}\nparent {a}\nparent {b}\nauthor A <a@b> 1 +0000\ncommitter C > D <c@d> 42 +0100\n\
             mergetag object {b}\n type commit\n parent {b}\n committer X <x> 7 +0000\n \n message\n\
             gpgsig -----BEGIN\n parent {b}\n -----END\n\nsubject\n\nbody\0\u{fe}\n"
        );
        let commit = commit(id('c'), raw.as_bytes()).unwrap();
        assert_eq!(commit.parents, [a, b]);
        assert_eq!(commit.committed_at_s, 42);
        assert_eq!(commit.message, "subject\n\nbody\0\u{fe}\n".as_bytes());
    }

    #[test]
    fn a_commit_with_a_broken_date_or_no_message_is_still_read() {
        let read = commit(id('c'), b"tree x\ncommitter nobody 99999999999999999999 +0000\n").unwrap();
        assert_eq!((read.committed_at_s, read.message), (0, Vec::new()));
        assert!(commit(id('c'), b"tree x\nparent nonsense\n\n").is_err());
    }

    #[test]
    fn only_a_whole_header_is_a_header() {
        let line = format!("{} blob 12", id('a'));
        assert_eq!(header(line.as_bytes()), Some(Header { id: id('a'), kind: "blob".to_owned(), size: 12 }));
        for line in ["", "x missing", &format!("{} missing", id('a')), &format!("{} blob 12 more", id('a'))] {
            assert_eq!(header(line.as_bytes()), None, "{line}");
        }
    }
}
