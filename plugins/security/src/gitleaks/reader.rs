//! A TOML table, read key by key. Nothing that the file says goes by unnoticed: a key of the wrong kind and a key that
//! nobody asked for each leave a remark with their line.

use portcullis_gate_sdk::Severity;
use portcullis_gate_sdk::text::clip;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// More remarks than this are counted, not kept.
const MOST_REMARKS: usize = 400;

/// Something that whoever keeps the file should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// A warning where less is looked for than the file asks, else a note.
    pub severity: Severity,
    /// The file.
    pub path: String,
    /// 1-based line in it.
    pub line: u32,
    /// What is the matter.
    pub message: String,
}

impl Remark {
    pub(super) fn note(path: &str, line: u32, message: String) -> Self {
        Self { severity: Severity::Note, path: path.into(), line, message }
    }
}

/// Remarks on one file.
pub(super) struct Remarks {
    path: String,
    line_ends: Vec<usize>,
    list: Vec<Remark>,
    more: usize,
}

impl Remarks {
    pub(super) fn new(path: &str, text: &str) -> Self {
        let line_ends = memchr::memchr_iter(b'\n', text.as_bytes()).collect();
        Self { path: path.into(), line_ends, list: Vec::new(), more: 0 }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The line of the byte at `offset`.
    pub(super) fn line(&self, offset: usize) -> u32 {
        u32::try_from(self.line_ends.partition_point(|end| *end < offset) + 1).unwrap_or(u32::MAX)
    }

    /// Less is looked for than the file asks.
    pub(super) fn warn(&mut self, line: u32, message: String) {
        self.add(Severity::Warning, line, message);
    }

    /// Worth knowing; nothing is looked for less because of it.
    pub(super) fn note(&mut self, line: u32, message: String) {
        self.add(Severity::Note, line, message);
    }

    fn add(&mut self, severity: Severity, line: u32, message: String) {
        if self.list.len() >= MOST_REMARKS {
            self.more += 1;
            return;
        }
        self.list.push(Remark { severity, path: self.path.clone(), line, message });
    }

    pub(super) fn finish(mut self) -> Vec<Remark> {
        if self.more > 0 {
            let message = format!("{} more remarks on this file are not listed", self.more);
            self.list.push(Remark { severity: Severity::Warning, path: self.path, line: 1, message });
        }
        self.list
    }
}

/// A text and the line on which it stands.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) text: String,
    pub(super) line: u32,
}

/// A table of the file whose keys are taken one by one. Keys are compared without regard to case, as gitleaks does.
pub(super) struct Section<'a, 'i> {
    /// What to call it in a remark.
    name: String,
    pub(super) line: u32,
    keys: Vec<(String, u32, &'a DeValue<'i>)>,
}

impl<'a, 'i> Section<'a, 'i> {
    pub(super) fn new(name: String, at: usize, table: &'a DeTable<'i>, remarks: &Remarks) -> Self {
        let keys = table
            .iter()
            .map(|(key, value)| (key.get_ref().to_lowercase(), remarks.line(key.span().start), value.get_ref()))
            .collect();
        Self { name, line: remarks.line(at), keys }
    }

    /// Says in remarks what it is about, once that is known.
    pub(super) fn rename(&mut self, name: String) {
        self.name = name;
    }

    fn take(&mut self, key: &str) -> Option<(u32, &'a DeValue<'i>)> {
        let at = self.keys.iter().position(|(name, ..)| name == key)?;
        let (_, line, value) = self.keys.swap_remove(at);
        Some((line, value))
    }

    fn wrong(&self, key: &str, line: u32, value: &DeValue<'_>, wanted: &str, remarks: &mut Remarks) {
        let found = value.type_str();
        remarks.warn(line, format!("{}: `{key}` is of type {found} and not {wanted}; it was left out", self.name));
    }

    /// A text that is not empty.
    pub(super) fn string(&mut self, key: &str, remarks: &mut Remarks) -> Option<Placed> {
        let (line, value) = self.take(key)?;
        match value {
            DeValue::String(text) if text.is_empty() => None,
            DeValue::String(text) => Some(Placed { text: text.to_string(), line }),
            other => {
                self.wrong(key, line, other, "string", remarks);
                None
            }
        }
    }

    /// A list of texts; one text is a list of one.
    pub(super) fn strings(&mut self, key: &str, remarks: &mut Remarks) -> Vec<Placed> {
        let Some((line, value)) = self.take(key) else { return Vec::new() };
        let items = match value {
            DeValue::String(text) => return vec![Placed { text: text.to_string(), line }],
            DeValue::Array(items) => items,
            other => {
                self.wrong(key, line, other, "array of strings", remarks);
                return Vec::new();
            }
        };
        let mut texts = Vec::new();
        for item in items.iter() {
            let line = remarks.line(item.span().start);
            match item.get_ref() {
                DeValue::String(text) => texts.push(Placed { text: text.to_string(), line }),
                other => self.wrong(key, line, other, "string", remarks),
            }
        }
        texts
    }

    /// A number, whole or not.
    pub(super) fn number(&mut self, key: &str, remarks: &mut Remarks) -> Option<f32> {
        let (line, value) = self.take(key)?;
        let parsed = match value {
            DeValue::Float(number) => number.as_str().replace('_', "").parse().ok(),
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().replace('_', "").parse().ok(),
            _ => None,
        };
        let usable = parsed.filter(|number: &f32| number.is_finite());
        if usable.is_none() {
            self.wrong(key, line, value, "a usable number", remarks);
        }
        usable
    }

    /// A whole number from zero.
    pub(super) fn whole(&mut self, key: &str, remarks: &mut Remarks) -> Option<u32> {
        let (line, value) = self.take(key)?;
        let parsed = match value {
            DeValue::Integer(number) => u32::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok(),
            _ => None,
        };
        if parsed.is_none() {
            self.wrong(key, line, value, "a whole number from zero", remarks);
        }
        parsed
    }

    /// A switch, off unless set.
    pub(super) fn flag(&mut self, key: &str, remarks: &mut Remarks) -> bool {
        match self.take(key) {
            None => false,
            Some((_, DeValue::Boolean(on))) => *on,
            Some((line, other)) => {
                self.wrong(key, line, other, "boolean", remarks);
                false
            }
        }
    }

    /// Tables of an array, or the one table that stands in its place.
    pub(super) fn sections(&mut self, key: &str, remarks: &mut Remarks) -> Vec<Section<'a, 'i>> {
        let Some((line, value)) = self.take(key) else { return Vec::new() };
        let name = |index: usize| match self.name.as_str() {
            "" => format!("`{key}[{index}]`"),
            outer => format!("{outer}, `{key}[{index}]`"),
        };
        let items = match value {
            DeValue::Table(table) => {
                let section = Section::new(name(0), 0, table, remarks);
                return vec![Section { line, ..section }];
            }
            DeValue::Array(items) => items,
            other => {
                self.wrong(key, line, other, "array of tables", remarks);
                return Vec::new();
            }
        };
        let mut sections = Vec::new();
        for (index, item) in items.iter().enumerate() {
            match item.get_ref() {
                DeValue::Table(table) => sections.push(Section::new(name(index), item.span().start, table, remarks)),
                other => {
                    let line = remarks.line(item.span().start);
                    self.wrong(key, line, other, "table", remarks);
                }
            }
        }
        sections
    }

    /// Drops keys that say nothing to a gate.
    pub(super) fn skip(&mut self, keys: &[&str]) {
        self.keys.retain(|(key, ..)| !keys.contains(&key.as_str()));
    }

    /// What to call it in a remark.
    pub(super) fn name(&self) -> &str {
        if self.name.is_empty() { "the file" } else { &self.name }
    }

    /// Names what nobody asked for.
    pub(super) fn finish(self, remarks: &mut Remarks) {
        for (key, line, _) in &self.keys {
            remarks.note(*line, format!("{}: the key `{}` means nothing here", self.name(), clip(key, 60)));
        }
    }
}

/// Reads `text` as TOML.
///
/// # Errors
/// The line and the reason.
pub(super) fn parse(text: &str) -> Result<Spanned<DeTable<'_>>, (usize, String)> {
    DeTable::parse(text).map_err(|error| (error.span().map_or(0, |span| span.start), clip(error.message(), 200)))
}
