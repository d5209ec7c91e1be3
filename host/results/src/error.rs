//! Why reports are no results.

/// Why nothing was imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant and field is its documentation")]
pub enum ImportError {
    #[error("`{report}` {problem}")]
    Report { report: String, problem: ReportError },
    #[error("test `{id}` ended as {one} and as {other}: a test that ends in two ways has shown nothing")]
    Contradiction { id: String, one: &'static str, other: &'static str },
    #[error("no test ran")]
    NothingRan,
    #[error("there are more than {limit} tests")]
    TooManyTests { limit: usize },
    #[error("the results come to {bytes} bytes, and at most {limit} are read")]
    TooLarge { bytes: usize, limit: usize },
}

/// What is wrong with one report; finishes the phrase "`report.xml` …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant and field is its documentation")]
pub enum ReportError {
    #[error("has {bytes} bytes; at most {limit} are read")]
    TooLarge { bytes: usize, limit: usize },
    #[error("is not UTF-8")]
    NotUtf8,
    #[error("is written in {encoding}; only UTF-8 is read")]
    Encoding { encoding: String },
    #[error("is no XML: {why} (at byte {at})")]
    NotXml { why: String, at: u64 },
    #[error("ends in the middle")]
    CutOff,
    #[error("has a document type, which a test report does not need and which could be a trap")]
    DocumentType,
    #[error("names the entity `&{name};`, which only a document type could define")]
    Entity { name: String },
    #[error("is no JUnit report: its outermost element is `{element}` instead of `testsuites` or `testsuite`")]
    OtherRoot { element: String },
    #[error("is no JUnit report: it holds no element")]
    NoRoot,
    #[error("has an element `{element}` where none can be (at byte {at})")]
    Misplaced { element: String, at: u64 },
    #[error("is nested deeper than {limit} elements")]
    TooDeep { limit: usize },
    #[error("has an element with more than {limit} attributes")]
    TooManyAttributes { limit: usize },
    #[error("has a test without a name (at byte {at})")]
    Nameless { at: u64 },
    #[error("has a test whose name has {chars} characters; at most {limit} are read")]
    LongName { chars: usize, limit: usize },
    #[error("gives test `{id}` the state `{word}`, which is not known")]
    UnknownState { id: String, word: String },
    #[error("has more than {limit} tests")]
    TooManyTests { limit: usize },
    #[error("says that suite `{suite}` has {said} {what}, and shows {shown}")]
    Miscounted { suite: String, what: &'static str, said: u64, shown: u64 },
}
