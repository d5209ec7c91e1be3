//! One allowlist: what must be so that a finding may stay. As in gitleaks, any criterion is enough unless `condition` says
//! that all must hold. A criterion that could not be read counts as given and never holds.

use super::dialect::Pattern;

/// What an allowlist is asked about. Never leaves this module with the secret in it.
pub(crate) struct Facts<'a> {
    /// The rule's id, and whether it is one of the file's and not ours.
    pub(crate) rule: &'a str,
    /// See `rule`.
    pub(crate) of_team: bool,
    /// The commit that brought it in.
    pub(crate) commit: &'a str,
    /// The path; none in a commit's message.
    pub(crate) path: Option<&'a [u8]>,
    /// The line in which the match begins, and that in which the secret does.
    pub(crate) lines: [u32; 2],
    /// What was found; none where a path alone was.
    pub(crate) content: Option<Content<'a>>,
}

/// The three texts that `regexTarget` tells apart.
pub(crate) struct Content<'a> {
    pub(crate) secret: &'a [u8],
    pub(crate) matched: &'a [u8],
    pub(crate) line: &'a [u8],
}

/// Which text `regexes` look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Secret,
    Match,
    Line,
}

/// Patterns of which one must match, and whether any was given.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    pub(super) given: bool,
    pub(super) usable: Vec<Pattern>,
}

impl Patterns {
    fn match_any(&self, text: &[u8]) -> bool {
        self.usable.iter().any(|pattern| pattern.is_match(text))
    }
}

/// An allowlist of the file.
#[derive(Debug)]
pub(super) struct Allowlist {
    /// Shown with every finding that it covers.
    pub(super) reason: String,
    pub(super) all: bool,
    /// Lower case.
    pub(super) commits: Vec<String>,
    pub(super) paths: Patterns,
    pub(super) target: Target,
    pub(super) regexes: Patterns,
    /// Lower case.
    pub(super) stopwords: Vec<String>,
    /// Rules that it is for; all if empty.
    pub(super) rules: Vec<String>,
    /// Where it stands.
    pub(super) path: String,
    /// See `path`.
    pub(super) line: u32,
}

impl Allowlist {
    pub(super) fn covers(&self, facts: &Facts<'_>) -> bool {
        let content = facts.content.as_ref();
        let criteria = [
            (!self.commits.is_empty(), self.commits.iter().any(|commit| commit == facts.commit)),
            (self.paths.given, facts.path.is_some_and(|path| self.paths.match_any(path))),
            (self.regexes.given, content.is_some_and(|content| self.regexes.match_any(self.aim(content)))),
            (!self.stopwords.is_empty(), content.is_some_and(|content| self.stops(content.secret))),
        ];
        let mut given = criteria.iter().filter(|(given, _)| *given).map(|(_, holds)| *holds).peekable();
        if self.all { given.peek().is_some() && given.all(|holds| holds) } else { given.any(|holds| holds) }
    }

    fn aim<'a>(&self, content: &Content<'a>) -> &'a [u8] {
        match self.target {
            Target::Secret => content.secret,
            Target::Match => content.matched,
            Target::Line => content.line,
        }
    }

    fn stops(&self, secret: &[u8]) -> bool {
        let secret = String::from_utf8_lossy(secret).to_lowercase();
        self.stopwords.iter().any(|word| secret.contains(word.as_str()))
    }
}
