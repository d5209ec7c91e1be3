//! How a test's names become the id of a check.

use std::str::FromStr;

/// A pattern such as `{class}.{name}`. The default is that, without the class where a test has none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IdFormat(Option<Vec<Part>>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Name,
    Class,
    Suite,
    File,
}

/// Why a pattern is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant and field is its documentation")]
pub enum FormatError {
    #[error("`{{{name}}}` is not known; there are {{name}}, {{class}}, {{suite}} and {{file}}")]
    Unknown { name: String },
    #[error("a `{{` is not closed, or a `}}` not opened")]
    Unbalanced,
    #[error("`{{name}}` is missing: all tests of a class would have one id")]
    NoName,
}

/// The names of one test.
pub(crate) struct Names<'a> {
    pub(crate) name: &'a str,
    pub(crate) class: &'a str,
    /// The names of the suites around it, from the outside, joined by `/`.
    pub(crate) suite: &'a str,
    /// The file that the test says it stands in.
    pub(crate) file: &'a str,
}

impl IdFormat {
    pub(crate) fn id(&self, names: &Names<'_>) -> String {
        match &self.0 {
            None if names.class.is_empty() => names.name.to_owned(),
            None => format!("{}.{}", names.class, names.name),
            Some(parts) => parts
                .iter()
                .map(|part| match part {
                    Part::Text(text) => text.as_str(),
                    Part::Name => names.name,
                    Part::Class => names.class,
                    Part::Suite => names.suite,
                    Part::File => names.file,
                })
                .collect(),
        }
    }
}

impl FromStr for IdFormat {
    type Err = FormatError;

    fn from_str(pattern: &str) -> Result<Self, FormatError> {
        let mut parts = Vec::new();
        let mut rest = pattern;
        while !rest.is_empty() {
            let (text, after) = match rest.split_once('{') {
                Some((text, after)) => (text, Some(after)),
                None => (rest, None),
            };
            if text.contains('}') {
                return Err(FormatError::Unbalanced);
            }
            if !text.is_empty() {
                parts.push(Part::Text(text.to_owned()));
            }
            let Some(after) = after else { break };
            let (name, after) = after.split_once('}').ok_or(FormatError::Unbalanced)?;
            parts.push(match name {
                "name" => Part::Name,
                "class" => Part::Class,
                "suite" => Part::Suite,
                "file" => Part::File,
                other => return Err(FormatError::Unknown { name: other.chars().take(40).collect() }),
            });
            rest = after;
        }
        if parts.contains(&Part::Name) { Ok(Self(Some(parts))) } else { Err(FormatError::NoName) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn a_pattern_puts_the_names_together_and_one_that_would_merge_tests_is_refused() {
        // STV-1
        let names = Names { name: "n", class: "c", suite: "a/b", file: "f.py" };
        for (pattern, id) in [("{class}.{name}", "c.n"), ("x {name}!", "x n!"), ("{suite}:{file}:{name}", "a/b:f.py:n")]
        {
            assert_eq!(pattern.parse::<IdFormat>().unwrap().id(&names), id);
        }
        assert_eq!(IdFormat::default().id(&names), "c.n");
        assert_eq!(IdFormat::default().id(&Names { class: "", ..names }), "n");
        for (pattern, why) in [
            ("", "`{name}` is missing"),
            ("{class}", "`{name}` is missing"),
            ("{name", "not closed"),
            ("name}", "not opened"),
            ("{test}", "`{test}` is not known"),
            ("{{name}}", "`{{name}` is not known"),
        ] {
            let found = pattern.parse::<IdFormat>().unwrap_err().to_string();
            assert!(found.contains(why), "{pattern}: {found}");
        }
    }
}
