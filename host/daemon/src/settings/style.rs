//! How a project's branches are brought up to date and into their target.

use portcullis_connect::forge::Landing;
use portcullis_git::{CatchUpStyle, MergeStyle as GitStyle};
use serde::{Deserialize, Serialize};

/// How a branch is brought up to date before it is tested, and then into its target.
///
/// One setting for both: what lands is what was tested, so the second must not undo what the first made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MergeStyle {
    /// The target is merged into the branch; the branch gets into the target by a merge commit.
    #[default]
    Merge,
    /// The target is merged into the branch; the target is moved forward to it.
    FastForward,
    /// The branch's commits are written anew on top of the target, which is moved forward to them.
    Rebase,
}

impl MergeStyle {
    /// How the target's head gets into the branch.
    pub fn catch_up(self) -> CatchUpStyle {
        match self {
            Self::Merge | Self::FastForward => CatchUpStyle::Merge,
            Self::Rebase => CatchUpStyle::Rebase,
        }
    }

    /// How a forge is asked to merge.
    pub fn landing(self) -> Landing {
        match self {
            Self::Merge => Landing::MergeCommit,
            Self::FastForward | Self::Rebase => Landing::FastForward,
        }
    }

    /// How the embedded forge merges.
    pub fn local(self) -> GitStyle {
        match self {
            Self::Merge => GitStyle::MergeCommit,
            Self::FastForward | Self::Rebase => GitStyle::FastForward,
        }
    }
}
