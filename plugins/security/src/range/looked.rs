//! What a look at a range came to: nothing in here holds a secret.

use crate::archive::Gap;

/// Where a secret stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a file's content.
    File,
    /// In a file's name.
    Name,
    /// In a commit's message.
    Message,
    /// The file itself: a rule forbids its path.
    Path,
}

/// A secret that a commit brought in, already without the secret.
#[derive(Clone, Debug)]
pub struct Leak {
    /// Rule name.
    pub rule: String,
    /// What kind of secret, in words.
    pub about: String,
    /// The secret as it may be shown.
    pub shown: String,
    /// The commit that brought it in.
    pub commit: String,
    /// Where.
    pub place: Place,
    /// Readable path; none in a message.
    pub path: Option<String>,
    /// 1-based line in the file, or in the message.
    pub line: u32,
    /// See [`crate::redact::name`].
    pub fingerprint: String,
    /// Whether a comment on its line asks to let it pass.
    pub inline: bool,
    /// Why the target branch's gitleaks files let it pass, if they do.
    pub excused: Option<String>,
}

/// Something with more hits than are told apart: the rest of it was not looked at.
#[derive(Clone, Debug)]
pub struct Crowded {
    /// The commit that brought it in.
    pub commit: String,
    /// Readable path; none for a message.
    pub path: Option<String>,
}

/// A change of what the gates are set up with, by a commit of the branch under judgement.
#[derive(Clone, Debug)]
pub struct Reconfigured {
    /// The commit.
    pub commit: String,
    /// Readable path.
    pub path: String,
}

/// Why something was not scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is a submodule.
    Submodule,
    /// It has this many bytes.
    TooLarge(u64),
    /// It is an archive, or stands in one, and this kept it from being unpacked.
    Packed(Gap),
}

impl Unread {
    /// Whether a secret may hide in it that nobody else looks for. A submodule has a history of its own; archives in
    /// archives and rare kinds of compression are documented as not looked into.
    pub fn matters(self) -> bool {
        match self {
            Self::TooLarge(_) | Self::Packed(Gap::Encrypted | Gap::TooLarge | Gap::Damaged) => true,
            Self::Submodule | Self::Packed(Gap::Foreign(_) | Gap::Nested) => false,
        }
    }
}

/// Something that was not scanned.
#[derive(Clone, Debug)]
pub struct Skipped {
    /// The commit that brought it in.
    pub commit: String,
    /// Readable path.
    pub path: String,
    /// Why.
    pub why: Unread,
}

/// What was looked at, and what was found.
#[derive(Debug, Default)]
pub struct Looked {
    /// Where the range begins.
    pub base: String,
    /// Commits in it.
    pub commits: usize,
    /// Distinct paths of files looked at.
    pub files: usize,
    /// Objects read to be scanned, and their bytes.
    pub objects: u64,
    /// See `objects`.
    pub bytes: u64,
    /// Secrets, in the order of the commits.
    pub leaks: Vec<Leak>,
    /// Objects too large, archives that could not be unpacked, and submodules.
    pub skipped: Vec<Skipped>,
    /// Objects and messages with too many hits.
    pub crowded: Vec<Crowded>,
    /// Changes of what the gates are set up with.
    pub reconfigured: Vec<Reconfigured>,
}
