//! Whether what was built or tested at an earlier revision is still what the head holds.
//!
//! The pipeline's own documents (test results among them) are committed after an image was built and tested, so the head
//! that is judged is hardly ever the very revision of the image. What counts is that nothing else differs.

use crate::{OrRefuse, Refusal, host::repository};
use serde::{Deserialize, Serialize};

/// How the head is related to an earlier revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kinship {
    /// It is that revision.
    Same,
    /// It descends from it.
    Descendant {
        /// The paths in which their contents differ.
        changed: Vec<Vec<u8>>,
    },
    /// Neither, as far as the repository knows.
    Stranger,
}

impl Kinship {
    /// Asks the host how `head` is related to `earlier`, which may be any text: what is no full object name is a stranger.
    ///
    /// # Errors
    /// When the repository does not answer.
    pub fn of(earlier: &str, head: &str) -> Result<Self, Refusal> {
        if earlier == head {
            return Ok(Self::Same);
        }
        if !is_object_id(earlier) {
            return Ok(Self::Stranger);
        }
        match repository::is_ancestor(earlier, head) {
            Ok(true) => {}
            Ok(false) | Err(repository::Error::NotFound(_)) => return Ok(Self::Stranger),
            Err(error) => return Err(error.into()),
        }
        let changes =
            repository::changes(Some(earlier), head).or_refuse("compare the head with an earlier revision")?;
        Ok(Self::Descendant { changed: changes.into_iter().map(|change| change.path).collect() })
    }
}

/// Whether `text` is a full object name: 40 or 64 lower-case hexadecimal digits.
pub fn is_object_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// A file or folder of the repository, never the whole of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Folder(String);

impl Folder {
    /// Whether `path` is this file, or lies in this folder.
    pub fn holds(&self, path: &[u8]) -> bool {
        match path.strip_prefix(self.0.as_bytes()) {
            Some(rest) => rest.is_empty() || rest.starts_with(b"/"),
            None => false,
        }
    }
}

impl TryFrom<String> for Folder {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let path = text.strip_suffix('/').unwrap_or(&text);
        let odd = |part: &str| part.is_empty() || part == "." || part == "..";
        if path.split('/').any(odd) || path.contains('*') {
            Err(format!(
                "`{text}` is not a file or folder in the repository; write it like `docs` or `docs/work-items`"
            ))
        } else {
            Ok(Self(path.to_owned()))
        }
    }
}

impl From<Folder> for String {
    fn from(folder: Folder) -> Self {
        folder.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn a_folder_holds_what_lies_in_it_and_nothing_that_only_begins_like_it() {
        // IMG-1, STV-4
        let docs = Folder::try_from("docs/".to_owned()).unwrap();
        let table: [(&[u8], bool); 6] = [
            (b"docs", true),
            (b"docs/a.md", true),
            (b"docs/a/b.md", true),
            (b"docs2/a.md", false),
            (b"src/docs/a.md", false),
            (b"Docs/a.md", false),
        ];
        for (path, held) in table {
            assert_eq!(docs.holds(path), held, "{path:?}");
        }
    }

    #[test]
    fn only_a_full_lower_case_object_name_is_one() {
        assert!(is_object_id(&"0a".repeat(20)) && is_object_id(&"0a".repeat(32)));
        for other in ["", "0a", "main", &"0A".repeat(20), &"0g".repeat(20), &"--".repeat(20), &"é".repeat(20)] {
            assert!(!is_object_id(other), "{other}");
        }
    }

    #[test]
    fn the_whole_repository_cannot_be_ignored() {
        // IMG-1, STV-4
        for wide in ["", "/", ".", "./", "..", "a/..", "/docs", "a//b", "*", "docs/*"] {
            assert!(Folder::try_from(wide.to_owned()).is_err(), "{wide}");
        }
    }
}
