//! One list from two sets of rules: ours, and those of the team's gitleaks files.
//!
//! What must hold: a rule of the team's never takes a finding away from ours, but for the two that only guess, since the
//! team's rule knows better what it is that looks random there.

use crate::gitleaks::Policy;
use crate::rules::Scope;
use crate::scan::{Hit, MOST_HITS, Reach, ScanError, Scanner};
use std::ops::Range;

/// A hit of one of our rules or of one of the team's.
#[derive(Clone, Debug)]
pub(crate) struct Spot {
    pub(crate) rule: String,
    pub(crate) about: String,
    pub(crate) of_team: bool,
    /// Whether it is only a guess: a value that looks random, by a rule of ours.
    pub(crate) guessed: bool,
    /// 1-based line in which the secret begins.
    pub(crate) line: u32,
    pub(crate) secret: Range<usize>,
    /// Everything that the rule went by.
    pub(crate) span: Range<usize>,
}

/// What was found in a text.
pub(crate) struct Spots {
    pub(crate) spots: Vec<Spot>,
    /// There are more hits than are told apart: the rest of the text was not looked at.
    pub(crate) crowded: bool,
    /// How far around anything made a rule look.
    pub(crate) reach: Reach,
}

impl Spot {
    /// Moves it from a part of a text, before which there are so many bytes and lines, to its place in the whole.
    pub(crate) fn shift(&mut self, bytes: usize, lines: u32) {
        self.line = self.line.saturating_add(lines);
        for range in [&mut self.secret, &mut self.span] {
            *range = range.start + bytes..range.end + bytes;
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.secret.start < other.secret.end && other.secret.start < self.secret.end
    }
}

/// What our rules find.
pub(crate) fn ours(scanner: &Scanner, content: &[u8], guess: bool) -> Result<Vec<Spot>, ScanError> {
    Ok(ours_and_reach(scanner, content, guess)?.0)
}

fn ours_and_reach(scanner: &Scanner, content: &[u8], guess: bool) -> Result<(Vec<Spot>, Reach), ScanError> {
    let spot = |hit: Hit| Spot {
        rule: hit.rule.id.into(),
        about: hit.rule.about.into(),
        of_team: false,
        guessed: matches!(hit.rule.scope, Scope::Generic | Scope::Kubernetes),
        line: hit.line,
        secret: hit.secret,
        span: hit.span,
    };
    let found = scanner.look(content, guess)?;
    Ok((found.hits.into_iter().map(spot).collect(), found.reach))
}

/// What both find in `content`, which stands at `path` or, without one, in a commit's message. Where both see a secret ours
/// has it, unless ours only guesses.
pub(crate) fn all(
    scanner: &Scanner,
    policy: &Policy,
    path: Option<&[u8]>,
    content: &[u8],
    guess: bool,
) -> Result<Spots, ScanError> {
    let (mut spots, reach) = ours_and_reach(scanner, content, guess)?;
    let team: Vec<Spot> = policy
        .scan(path, content)
        .into_iter()
        .map(|hit| {
            let (rule, about) = policy.rule(hit.rule);
            Spot {
                rule,
                about: about.into(),
                of_team: true,
                guessed: false,
                line: hit.line,
                secret: hit.secret,
                span: hit.span,
            }
        })
        .collect();
    let crowded = spots.len().max(team.len()) > MOST_HITS;
    spots.retain(|spot| !spot.guessed || !team.iter().any(|other| other.overlaps(spot)));
    let own = spots.len();
    for spot in team {
        if !spots[..own].iter().any(|other| other.overlaps(&spot)) {
            spots.push(spot);
        }
    }
    Ok(Spots { spots, crowded, reach })
}
