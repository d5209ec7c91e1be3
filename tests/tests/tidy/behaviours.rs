//! `docs/behaviours.md` is true: it lists exactly the tests that carry a behaviour's number, and exactly the numbers that
//! no test carries yet.
//!
//! A test carries a number in a comment directly above it or as the first thing inside: `// ABC-1` or `// ABC-1, ABC-2`.
//! After adding tests, `PORTCULLIS_WRITE_DOCS=1 cargo test -p portcullis-e2e --test tidy behaviours` writes the lists
//! anew; what stands above and below them is kept.

use crate::tree::{Source, rust_files, top};
use std::collections::BTreeSet;

const TESTS: &str = "\n## Tests\n";
const NOT_COVERED: &str = "\n## Not covered yet\n";
const ALL: &str = "\n## All numbers\n";

/// A number, e.g. of the contract's line on the first behaviour of gates, ordered as people count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Number {
    prefix: String,
    number: u32,
}

impl Number {
    /// `GAT` `-` `1` or, for the architecture's invariants, `I` `1`.
    fn parse(word: &str) -> Option<Self> {
        let (prefix, digits) = match word.split_once('-') {
            Some((prefix, digits)) if prefix.len() == 3 => (prefix, digits),
            Some(_) => return None,
            None => ("I", word.strip_prefix('I')?),
        };
        let is_prefix = prefix.bytes().all(|b| b.is_ascii_uppercase());
        let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let number = digits.parse().ok().filter(|_| is_prefix && is_number)?;
        Some(Self { prefix: prefix.to_owned(), number })
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dash = if self.prefix.len() == 3 { "-" } else { "" };
        write!(f, "{}{dash}{}", self.prefix, self.number)
    }
}

/// The numbers with which a comment begins; none if it is no comment or begins with something else.
fn numbers(line: &str) -> Vec<Number> {
    let Some(comment) = line.trim_start().strip_prefix("// ") else { return Vec::new() };
    let words = comment.split([' ', ',', ':', ';', '.', '(', ')']).filter(|word| !word.is_empty());
    words.map_while(Number::parse).collect()
}

/// The name of the function whose head this line begins.
fn function(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    for word in ["pub(super) ", "pub(crate) ", "pub ", "async "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    rest.strip_prefix("fn ")?.split(|c: char| !(c.is_alphanumeric() || c == '_')).next()
}

/// Each number with the test that carries it, in the order of the text. In a suite that is run over several
/// implementations no function has the mark of a test; there `is_suite` makes each one a test.
fn carried(text: &str, is_suite: bool) -> Vec<(Number, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let is_preamble = |line: &str| {
        let line = line.trim_start();
        line.starts_with("//") || line.starts_with("#[") || line.starts_with("#!")
    };
    let is_test = |at: usize| {
        let above = lines[..at].iter().rev().take_while(|line| is_preamble(line));
        is_suite || above.into_iter().any(|line| line.contains("#[test]") || line.contains("::test"))
    };
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let numbers = numbers(line);
        if numbers.is_empty() {
            continue;
        }
        let below = lines[at..].iter().position(|line| !is_preamble(line)).map(|skipped| at + skipped);
        let headed = below.filter(|below| function(lines[*below]).is_some());
        // Only as the first comment of the function: further down a number explains a line, it claims no proof.
        let around = || {
            let head = lines[..at].iter().rposition(|line| function(line).is_some())?;
            let is_first = !lines[head..at].iter().any(|line| line.trim_start().starts_with("//"));
            is_first.then_some(head)
        };
        if let Some(head) = headed.or_else(around).filter(|head| is_test(*head)) {
            let name = function(lines[head]).unwrap_or_default();
            found.extend(numbers.into_iter().map(|number| (number, name.to_owned())));
        }
    }
    found
}

/// The table's rows as the tests have them, ordered by number, file and place.
fn rows(sources: &[Source]) -> Vec<(Number, String)> {
    let mut rows: Vec<(Number, usize, String)> = Vec::new();
    for source in sources {
        for (number, test) in carried(&source.text, source.path.contains("/conformance/")) {
            let row = format!("| {number} | {} | {test} |", source.path);
            if !rows.iter().any(|(.., known)| *known == row) {
                rows.push((number, rows.len(), row));
            }
        }
    }
    rows.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    rows.into_iter().map(|(number, _, row)| (number, row)).collect()
}

/// The page as it must be: head and tail as they are, the two lists from the tests.
fn page(head: &str, tail: &str, rows: &[(Number, String)]) -> String {
    let all: BTreeSet<Number> = tail.split_whitespace().filter_map(Number::parse).collect();
    assert!(all.len() > 50, "the list of all numbers is not complete: {} numbers", all.len());
    let covered: BTreeSet<Number> = rows.iter().map(|(number, _)| number.clone()).collect();
    let unknown: Vec<&Number> = covered.difference(&all).collect();
    assert!(unknown.is_empty(), "tests carry numbers that the contract does not have: {unknown:?}");
    let table: Vec<&str> = rows.iter().map(|(_, row)| row.as_str()).collect();
    let missing: Vec<String> = all.difference(&covered).map(|number| format!("- {number}")).collect();
    let table = table.join("\n");
    let missing = missing.join("\n");
    format!("{head}{TESTS}\n| behaviour | file | test |\n|---|---|---|\n{table}\n{NOT_COVERED}\n{missing}\n{ALL}{tail}")
}

#[test]
fn the_list_of_behaviours_names_every_test_that_carries_one() {
    let path = top().join("docs/behaviours.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once(TESTS).expect("docs/behaviours.md has a section `## Tests`");
    let (_, tail) = rest.split_once(ALL).expect("docs/behaviours.md has a section `## All numbers`");
    let expected = page(head, tail, &rows(&rust_files()));
    if std::env::var_os("PORTCULLIS_WRITE_DOCS").is_some() {
        std::fs::write(&path, expected).unwrap();
        return;
    }
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<String>>();
    let (have, want) = (lines(&text), lines(&expected));
    let missing: Vec<&String> = want.difference(&have).collect();
    let stale: Vec<&String> = have.difference(&want).collect();
    assert!(
        text == expected,
        "docs/behaviours.md is out of date; write it anew with PORTCULLIS_WRITE_DOCS=1\nmissing: {missing:#?}\nstale: {stale:#?}"
    );
}

/// A text of tests whose comments are written here with `@` for the slashes, so that they carry nothing in this file.
fn sample(text: &str) -> Vec<(String, String)> {
    let text = text.replace('@', "//");
    carried(&text, false).into_iter().map(|(number, test)| (number.to_string(), test)).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[test]
fn a_number_is_found_above_a_test_and_inside_it() {
    let text = "
@ GAT-1, I8
#[test]
fn above() {}

#[tokio::test(flavor = \"multi_thread\")]
async fn inside() {
    @ WEB-2: says why
    let x = 1;
}

proptest! {
    #[test]
    fn among_parameters(
        @ QUE-5 QUE-10
        x in 0..3,
    ) {}
}
";
    let expected = [
        ("GAT-1", "above"),
        ("I8", "above"),
        ("WEB-2", "inside"),
        ("QUE-5", "among_parameters"),
        ("QUE-10", "among_parameters"),
    ];
    assert_eq!(sample(text), pairs(&expected));
}

#[test]
fn a_number_in_plain_code_or_in_the_middle_of_a_comment_counts_for_no_test() {
    let text = "
fn helper() {
    @ GAT-1
}

#[test]
fn a_test() {
    @ as GAT-2 says
    @ GAT-4 further down
    @ UTF-8x
}

@@@ GAT-3 in the words of a documentation
fn other() {}
";
    assert_eq!(sample(text), pairs(&[]));
}

#[test]
fn every_function_of_a_suite_is_a_test() {
    let found = carried(&"pub(super) async fn one(store: &Shared) {\n    @ GAT-1\n}\n".replace('@', "//"), true);
    assert_eq!(found, [(Number { prefix: "GAT".to_owned(), number: 1 }, "one".to_owned())]);
}

#[test]
fn the_page_lists_what_is_covered_and_the_rest() {
    let numbers: Vec<String> = (1..=60).map(|n| format!("ABC-{n}")).collect();
    let row = (Number { prefix: "ABC".to_owned(), number: 2 }, "| ABC-2 | a.rs | t |".to_owned());
    let page = page("head\n", &numbers.join("\n"), &[row]);
    assert!(page.starts_with("head\n\n## Tests\n\n| behaviour | file | test |\n|---|---|---|\n| ABC-2 | a.rs | t |\n"));
    let (_, rest) = page.split_once(NOT_COVERED).unwrap();
    assert!(rest.starts_with("\n- ABC-1\n- ABC-3\n") && rest.contains("\n- ABC-60\n"), "{rest}");
}
