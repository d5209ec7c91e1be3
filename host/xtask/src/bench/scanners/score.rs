//! Recall and precision on a labelled set. A label is hit if a finding names its file and one of its lines; what a scanner
//! says of lines without a label counts neither way.

use anyhow::Context;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Sources whose look-alikes are the hard ones: taken from real files, not from a rule's own unit test.
const HARD: [&str; 4] = ["FL", "CS", "DS", "SL"];

/// One labelled place.
#[derive(Debug)]
pub(crate) struct Label {
    file: String,
    lines: std::ops::RangeInclusive<u32>,
    pub(crate) provider: String,
    source: String,
    is_secret: bool,
    is_core: bool,
}

impl Label {
    /// Its file.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// Reads a line of `labels.tsv`: file, line, line_end, provider, kind, source, is_secret, tier.
    pub(crate) fn parse(line: &str) -> anyhow::Result<Self> {
        let fields: Vec<&str> = line.split('\t').collect();
        let [file, from, to, provider, _, source, is_secret, tier] = fields.as_slice() else {
            anyhow::bail!("a label with {} fields", fields.len());
        };
        let number = |text: &str| text.parse().with_context(|| format!("the line `{text}`"));
        Ok(Self {
            file: (*file).to_owned(),
            lines: number(from)?..=number(to)?,
            provider: (*provider).to_owned(),
            source: (*source).to_owned(),
            is_secret: *is_secret == "1",
            is_core: *tier == "core",
        })
    }
}

/// A finding's file and line.
pub(crate) type Place = (String, u32);

/// The places that a scanner named.
pub(crate) struct Found(HashMap<String, BTreeSet<u32>>);

impl Found {
    pub(crate) fn new(places: &[Place]) -> Self {
        let mut found: HashMap<String, BTreeSet<u32>> = HashMap::new();
        for (file, line) in places {
            found.entry(file.clone()).or_default().insert(*line);
        }
        Self(found)
    }

    fn hits(&self, label: &Label) -> bool {
        self.0.get(&label.file).is_some_and(|lines| lines.range(label.lines.clone()).next().is_some())
    }
}

/// So many of so many.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Share {
    pub(crate) part: usize,
    pub(crate) whole: usize,
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.whole {
            0 => f.write_str("–"),
            whole => write!(f, "{:.1}", 100.0 * self.part as f64 / whole as f64),
        }
    }
}

/// How a scanner does.
#[derive(Debug, PartialEq)]
pub(crate) struct Score {
    pub(crate) recall: Share,
    pub(crate) precision: Share,
    pub(crate) core: Share,
    pub(crate) flagged: Share,
    pub(crate) hard: Share,
}

/// Scores a scanner on the labels that are from none of these sources.
pub(crate) fn score(labels: &[Label], found: &Found, without: &[&str]) -> Score {
    let share = |wanted: &dyn Fn(&Label) -> bool| {
        let of = labels.iter().filter(|label| !without.contains(&label.source.as_str()) && wanted(label));
        let (mut part, mut whole) = (0, 0);
        for label in of {
            whole += 1;
            part += usize::from(found.hits(label));
        }
        Share { part, whole }
    };
    let recall = share(&|label| label.is_secret);
    let flagged = share(&|label| !label.is_secret);
    Score {
        recall,
        precision: Share { part: recall.part, whole: recall.part + flagged.part },
        core: share(&|label| label.is_secret && label.is_core),
        flagged,
        hard: share(&|label| !label.is_secret && HARD.contains(&label.source.as_str())),
    }
}

/// By provider: the secrets that the one misses and one of the others finds, with the number that every one of them misses.
pub(crate) fn behind<'l>(labels: &'l [Label], ours: &Found, others: &[&Found]) -> (BTreeMap<&'l str, usize>, usize) {
    let (mut by_provider, mut nobody) = (BTreeMap::new(), 0);
    for label in labels.iter().filter(|label| label.is_secret && !ours.hits(label)) {
        if others.iter().any(|found| found.hits(label)) {
            *by_provider.entry(label.provider.as_str()).or_default() += 1;
        } else {
            nobody += 1;
        }
    }
    (by_provider, nobody)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]
    use super::*;

    fn labels() -> Vec<Label> {
        let lines = [
            "a\t1\t2\taws\tkey\tGL\t1\tcore",
            "a\t9\t9\tstripe\tkey\tFL\t1\ttail",
            "b\t1\t1\taws\tkey\tFL\t0\tcore",
            "c\t1\t1\taws\tkey\tGL\t0\tcore",
        ];
        lines.iter().map(|line| Label::parse(line).unwrap()).collect()
    }

    #[test]
    fn a_finding_on_any_line_of_a_label_hits_it() {
        let places = [("a".to_owned(), 2), ("a".to_owned(), 5), ("c".to_owned(), 1)];
        let told = score(&labels(), &Found::new(&places), &[]);
        assert_eq!(told.recall, Share { part: 1, whole: 2 });
        assert_eq!(told.precision, Share { part: 1, whole: 2 });
        assert_eq!(told.core, Share { part: 1, whole: 1 });
        assert_eq!(told.flagged, Share { part: 1, whole: 2 });
        assert_eq!(told.hard, Share { part: 0, whole: 1 });
    }

    #[test]
    fn a_scanners_own_tests_can_be_left_out() {
        let places = [("a".to_owned(), 2), ("a".to_owned(), 9)];
        let told = score(&labels(), &Found::new(&places), &["GL"]);
        assert_eq!((told.recall, told.core.to_string()), (Share { part: 1, whole: 1 }, "–".to_owned()));
    }

    #[test]
    fn what_only_others_find_is_counted_by_provider() {
        let (labels, mine, theirs) = (labels(), [("b".to_owned(), 1)], [("a".to_owned(), 1)]);
        let (by_provider, nobody) = behind(&labels, &Found::new(&mine), &[&Found::new(&theirs)]);
        assert_eq!((by_provider, nobody), (BTreeMap::from([("aws", 1)]), 1));
    }

    #[test]
    fn a_label_with_a_field_missing_is_refused() {
        assert!(Label::parse("a\t1\t2\taws\tkey\tGL\t1").is_err());
        assert!(Label::parse("a\tx\t2\taws\tkey\tGL\t1\tcore").is_err());
    }
}
