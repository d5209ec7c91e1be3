//! Reading one JUnit report, as the many tools write it, without believing any of them.
//!
//! There is no standard, so what tells how a test ended is taken from all the places where tools put it: the elements in
//! a `testcase` (`failure`, `error`, `skipped`, Surefire's `flaky…` and `rerun…`), its attributes `status` and `result`
//! (GoogleTest, CTest), failures of a suite as a whole, and the counts that a suite states. The worst of them counts, and
//! what contradicts or is not known is refused. A test that passed only when it was run again has failed.

use crate::document::{Check, Status};
use crate::error::ReportError;
use crate::id_format::{IdFormat, Names};
use crate::import::TESTS;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// Largest report that is read.
const BYTES: usize = 64 << 20;
/// Deepest nesting that is read.
const DEPTH: usize = 64;
/// Most attributes of an element that are read; looking for one that stands there twice costs their square.
const ATTRIBUTES: usize = 64;
/// Longest id, in characters. A longer one is refused: cut, it could be another test's.
const ID: usize = 2_000;
/// Longest message that is kept, in characters.
const MESSAGE: usize = 500;

/// What one report says, in its order; an id may stand there more than once.
pub(crate) fn read(bytes: &[u8], format: &IdFormat) -> Result<Vec<Check>, ReportError> {
    if bytes.len() > BYTES {
        return Err(ReportError::TooLarge { bytes: bytes.len(), limit: BYTES });
    }
    let text = std::str::from_utf8(bytes).map_err(|_| ReportError::NotUtf8)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut walk = Walk { format, open: Vec::new(), seen_root: false, checks: Vec::new() };
    loop {
        let at = reader.buffer_position();
        let event = reader.read_event().map_err(|error| not_xml(&error, at))?;
        match event {
            Event::Start(element) => walk.start(&element, at)?,
            Event::End(_) => walk.end()?,
            Event::Text(content) => walk.text(&content, at)?,
            Event::CData(content) => walk.text(&content, at)?,
            Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                Ok(Some(letter)) => walk.text(letter.encode_utf8(&mut [0; 4]), at)?,
                Ok(None) => match quick_xml::escape::resolve_predefined_entity(&reference) {
                    Some(letter) => walk.text(letter, at)?,
                    None => return Err(ReportError::Entity { name: clip(&reference, 40) }),
                },
                Err(error) => return Err(not_xml(&error, at)),
            },
            Event::Decl(declaration) => {
                if let Some(encoding) = declaration.encoding() {
                    let encoding = encoding.map_err(|error| not_xml(&error.into(), at))?;
                    let plain = encoding.eq_ignore_ascii_case("utf-8") || encoding.eq_ignore_ascii_case("utf8");
                    if !plain && !text.is_ascii() {
                        return Err(ReportError::Encoding { encoding: clip(&encoding, 40) });
                    }
                }
            }
            Event::DocType(_) => return Err(ReportError::DocumentType),
            Event::Empty(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => return walk.finish(),
        }
    }
}

fn not_xml(error: &quick_xml::Error, at: u64) -> ReportError {
    ReportError::NotXml { why: clip(&error.to_string(), 200), at }
}

/// An element that has begun and not ended.
enum Open {
    /// `testsuites` or `testsuite`.
    Suite(Suite),
    Case(Case),
    /// What happened to a test, or to a suite as a whole. Its text is read where it has no message.
    Happening {
        status: Status,
        has_message: bool,
        said: String,
    },
    /// Anything else: properties, output, a tool's own.
    Other,
}

#[derive(Default)]
struct Suite {
    name: String,
    /// What it states: tests, failures and errors together.
    tests_said: Option<u64>,
    failed_said: u64,
    tests: u64,
    failed: u64,
}

struct Case {
    id: String,
    status: Status,
    message: String,
}

struct Walk<'a> {
    format: &'a IdFormat,
    open: Vec<Open>,
    seen_root: bool,
    checks: Vec<Check>,
}

impl Walk<'_> {
    fn start(&mut self, element: &BytesStart<'_>, at: u64) -> Result<(), ReportError> {
        let name = element.local_name();
        let name = name.as_ref();
        if self.open.len() >= DEPTH {
            return Err(ReportError::TooDeep { limit: DEPTH });
        }
        let misplaced = || ReportError::Misplaced { element: clip(name, 40), at };
        let attributes = Attributes::of(element, at)?;
        let opened = match (self.open.last(), name) {
            (None, _) if self.seen_root => return Err(misplaced()),
            (None, "testsuites" | "testsuite") => Open::Suite(Suite::of(&attributes)),
            (None, other) => return Err(ReportError::OtherRoot { element: clip(other, 40) }),
            (Some(Open::Suite(_)), "testsuite") => Open::Suite(Suite::of(&attributes)),
            (Some(Open::Suite(_)), "testcase") => Open::Case(self.case(&attributes, at)?),
            // A test or a suite somewhere else would be one that nobody counts.
            (Some(_), "testsuites" | "testsuite" | "testcase") => return Err(misplaced()),
            (Some(Open::Suite(_) | Open::Case(_)), happening) => match happened(happening) {
                Some(status) => {
                    let said = clip(attributes.get("message"), MESSAGE);
                    Open::Happening { status, has_message: !said.is_empty(), said }
                }
                None => Open::Other,
            },
            (Some(Open::Happening { .. } | Open::Other), _) => Open::Other,
        };
        self.seen_root = true;
        self.open.push(opened);
        Ok(())
    }

    fn case(&self, attributes: &Attributes, at: u64) -> Result<Case, ReportError> {
        let suites: Vec<&str> = self
            .open
            .iter()
            .filter_map(|open| match open {
                Open::Suite(suite) if !suite.name.is_empty() => Some(suite.name.as_str()),
                Open::Suite(_) | Open::Case(_) | Open::Happening { .. } | Open::Other => None,
            })
            .collect();
        let name = plain(attributes.get("name"));
        if name.is_empty() {
            return Err(ReportError::Nameless { at });
        }
        let (class, file) = (plain(attributes.get("classname")), plain(attributes.get("file")));
        let id = self.format.id(&Names { name: &name, class: &class, suite: &suites.join("/"), file: &file });
        let id = limited(id.trim())?;
        let mut status = Status::Pass;
        for key in ["status", "result"] {
            let word = attributes.get(key);
            let stated =
                state(word).ok_or_else(|| ReportError::UnknownState { id: clip(&id, 120), word: clip(word, 40) })?;
            status = worse(status, stated);
        }
        Ok(Case { id, status, message: String::new() })
    }

    /// Text that belongs to the innermost element.
    fn text(&mut self, text: &str, at: u64) -> Result<(), ReportError> {
        match self.open.last_mut() {
            Some(Open::Happening { said, has_message: false, .. }) if said.len() <= 4 * MESSAGE => {
                said.extend(text.chars().take(MESSAGE));
                Ok(())
            }
            Some(_) => Ok(()),
            None if text.trim().is_empty() => Ok(()),
            None => Err(ReportError::NotXml { why: "text outside of any element".to_owned(), at }),
        }
    }

    /// The innermost element ends; that it is the right one, the reader has checked.
    fn end(&mut self) -> Result<(), ReportError> {
        match (self.open.pop(), self.open.last_mut()) {
            (Some(Open::Happening { status, said, .. }), Some(Open::Case(case))) => {
                if case.message.is_empty() || worse(case.status, status) != case.status {
                    case.message = clip(&said, MESSAGE);
                }
                case.status = worse(case.status, status);
                Ok(())
            }
            // A suite that failed as a whole is a check of its own; one that was skipped has shown nothing.
            (Some(Open::Happening { status, said, .. }), Some(Open::Suite(suite))) if status != Status::Skip => {
                suite.failed += 1;
                let id = if suite.name.is_empty() { "the suite itself".to_owned() } else { limited(&suite.name)? };
                self.found(Check { id, status, message: clip(&said, MESSAGE) })
            }
            (Some(Open::Case(Case { id, status, message })), Some(Open::Suite(suite))) => {
                suite.tests += 1;
                suite.failed += u64::from(matches!(status, Status::Fail | Status::Error));
                self.found(Check { id, status, message })
            }
            (Some(Open::Suite(inner)), outer) => {
                if let Some(Open::Suite(outer)) = outer {
                    outer.tests += inner.tests;
                    outer.failed += inner.failed;
                }
                inner.check_counts()
            }
            _ => Ok(()),
        }
    }

    fn found(&mut self, check: Check) -> Result<(), ReportError> {
        if self.checks.len() == TESTS {
            return Err(ReportError::TooManyTests { limit: TESTS });
        }
        self.checks.push(check);
        Ok(())
    }

    fn finish(self) -> Result<Vec<Check>, ReportError> {
        match (self.seen_root, self.open.is_empty()) {
            (false, _) => Err(ReportError::NoRoot),
            (true, false) => Err(ReportError::CutOff),
            (true, true) => Ok(self.checks),
        }
    }
}

impl Suite {
    fn of(attributes: &Attributes) -> Self {
        let stated = |key| attributes.get(key).trim().parse::<u64>().ok();
        let failed_said = stated("failures").unwrap_or(0).saturating_add(stated("errors").unwrap_or(0));
        Self { name: plain(attributes.get("name")), tests_said: stated("tests"), failed_said, ..Self::default() }
    }

    /// More than is shown must not have been stated: what is missing could be the one red test.
    fn check_counts(&self) -> Result<(), ReportError> {
        let counts = [("tests", self.tests_said.unwrap_or(0), self.tests), ("failures", self.failed_said, self.failed)];
        match counts.into_iter().find(|(_, said, shown)| said > shown) {
            None => Ok(()),
            Some((what, said, shown)) => {
                Err(ReportError::Miscounted { suite: clip(&self.name, 120), what, said, shown })
            }
        }
    }
}

/// The attributes of an element, without their namespaces.
struct Attributes(Vec<(String, String)>);

impl Attributes {
    fn of(element: &BytesStart<'_>, at: u64) -> Result<Self, ReportError> {
        let mut found = Vec::new();
        for attribute in element.attributes() {
            if found.len() == ATTRIBUTES {
                return Err(ReportError::TooManyAttributes { limit: ATTRIBUTES });
            }
            let attribute = attribute.map_err(|error| not_xml(&error.into(), at))?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| not_xml(&error, at))?;
            found.push((attribute.key.local_name().as_ref().to_owned(), value.into_owned()));
        }
        Ok(Self(found))
    }

    /// Empty if it is not there.
    fn get(&self, key: &str) -> &str {
        self.0.iter().find(|(name, _)| name == key).map_or("", |(_, value)| value)
    }
}

/// What an element inside a test or a suite says about it; none if it is no ending.
fn happened(element: &str) -> Option<Status> {
    match element.to_ascii_lowercase().as_str() {
        "failure" | "flakyfailure" | "rerunfailure" => Some(Status::Fail),
        "error" | "flakyerror" | "rerunerror" => Some(Status::Error),
        "skipped" => Some(Status::Skip),
        _ => None,
    }
}

/// What the attributes `status` and `result` of a test mean; none for a word that is not known.
fn state(word: &str) -> Option<Status> {
    match word.trim().to_ascii_lowercase().as_str() {
        "" | "run" | "completed" | "executed" | "pass" | "passed" | "success" | "successful" | "ok" => {
            Some(Status::Pass)
        }
        "notrun" | "disabled" | "skip" | "skipped" | "suppressed" | "ignored" | "pending" => Some(Status::Skip),
        "fail" | "failed" | "failure" => Some(Status::Fail),
        "error" | "errored" | "broken" | "timeout" | "aborted" | "cancelled" | "canceled" => Some(Status::Error),
        _ => None,
    }
}

/// Of two things that are said about one test, what counts.
fn worse(one: Status, other: Status) -> Status {
    let rank = |status| match status {
        Status::Pass => 0,
        Status::Skip => 1,
        Status::Fail => 2,
        Status::Error => 3,
    };
    if rank(other) > rank(one) { other } else { one }
}

/// On one line, without spaces around it.
fn plain(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn clip(text: &str, max: usize) -> String {
    plain(&text.trim().chars().take(max).collect::<String>())
}

fn limited(id: &str) -> Result<String, ReportError> {
    match id.chars().count() {
        chars if chars > ID => Err(ReportError::LongName { chars, limit: ID }),
        _ => Ok(id.to_owned()),
    }
}
