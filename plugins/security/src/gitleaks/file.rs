//! What a `.gitleaks.toml` says, piece by piece. A piece that is not usable is left out with a remark and the rest counts:
//! a left-out allowlist lets less pass, a left-out rule is a warning.

use super::allow::{Allowlist, Patterns, Target};
use super::dialect::{self, Pattern};
use super::reader::{self, Placed, Remark, Remarks, Section};
use portcullis_gate_sdk::text::clip;
use std::collections::HashSet;

/// Most rules of all files together.
pub(super) const MOST_RULES: usize = 1000;
/// Most allowlists in a file, and most entries in one of their lists.
const MOST_ALLOWLISTS: usize = 1000;
const MOST_ENTRIES: usize = 2000;
/// Most patterns in a file: compiled, each takes memory.
const MOST_PATTERNS: usize = 4000;

/// A rule of the file.
#[derive(Debug)]
pub(super) struct TeamRule {
    pub(super) id: String,
    pub(super) about: Option<String>,
    pub(super) regex: Option<Pattern>,
    pub(super) path: Option<Pattern>,
    pub(super) group: Option<usize>,
    pub(super) entropy: Option<f32>,
    /// Lower case.
    pub(super) keywords: Vec<String>,
    pub(super) required: Vec<Required>,
    /// Only looked for because another rule requires it.
    pub(super) silent: bool,
    pub(super) allowlists: Vec<Allowlist>,
    /// A pattern of it could not be read: it cannot be run.
    pub(super) broken: bool,
    pub(super) line: u32,
}

/// Another rule that must have a hit near by.
#[derive(Clone, Debug)]
pub(super) struct Required {
    pub(super) id: String,
    pub(super) within_lines: Option<u32>,
    pub(super) within_columns: Option<u32>,
}

/// `[extend]`.
#[derive(Debug, Default)]
pub(super) struct Extend {
    pub(super) default: bool,
    pub(super) path: Option<Placed>,
    pub(super) disabled: Vec<Placed>,
}

/// One file.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) rules: Vec<TeamRule>,
    pub(super) allowlists: Vec<Allowlist>,
    pub(super) extend: Extend,
    pub(super) remarks: Vec<Remark>,
}

impl File {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// It is no TOML: the line and the reason.
    pub(super) fn parse(path: &str, text: &str) -> Result<Self, String> {
        let mut reading = Reading { remarks: Remarks::new(path, text), patterns: 0 };
        let table = reader::parse(text)
            .map_err(|(at, why)| format!("`{path}` is no TOML: line {}: {why}", reading.remarks.line(at)))?;
        let mut top = Section::new(String::new(), 0, table.get_ref(), &reading.remarks);
        top.skip(&["title", "description", "minversion"]);
        let extend = reading.extend(&mut top);
        let rules = reading.rules(&mut top);
        let allowlists = reading.allowlists(&mut top);
        top.finish(&mut reading.remarks);
        Ok(Self { rules, allowlists, extend, remarks: reading.remarks.finish() })
    }
}

struct Reading {
    remarks: Remarks,
    patterns: usize,
}

impl Reading {
    fn extend(&mut self, top: &mut Section<'_, '_>) -> Extend {
        let mut extend = Extend::default();
        for mut section in top.sections("extend", &mut self.remarks) {
            section.rename("`extend`".into());
            extend.default |= section.flag("usedefault", &mut self.remarks);
            extend.path = section.string("path", &mut self.remarks);
            extend.disabled = section.strings("disabledrules", &mut self.remarks);
            if let Some(url) = section.string("url", &mut self.remarks) {
                self.remarks
                    .warn(url.line, "`extend.url`: this gate is offline; what stands there was left out".into());
            }
            section.finish(&mut self.remarks);
        }
        extend
    }

    fn rules(&mut self, top: &mut Section<'_, '_>) -> Vec<TeamRule> {
        let mut sections = top.sections("rules", &mut self.remarks);
        if let Some(first) = sections.get(MOST_RULES).map(|section| section.line) {
            let more = sections.len() - MOST_RULES;
            self.remarks.warn(first, format!("{more} rules beyond the first {MOST_RULES} were left out"));
            sections.truncate(MOST_RULES);
        }
        let mut seen = HashSet::new();
        let mut rules: Vec<TeamRule> = Vec::new();
        for section in sections {
            let Some(rule) = self.rule(section) else { continue };
            if !seen.insert(rule.id.clone()) {
                self.remarks.warn(rule.line, format!("rule `{}` stands twice; the later one counts", shown(&rule.id)));
                rules.retain(|earlier| earlier.id != rule.id);
            }
            rules.push(rule);
        }
        rules
    }

    fn rule(&mut self, mut section: Section<'_, '_>) -> Option<TeamRule> {
        let line = section.line;
        let Some(id) = section.string("id", &mut self.remarks) else {
            self.remarks.warn(line, format!("{} has no `id`; it was left out", section.name()));
            return None;
        };
        section.rename(format!("rule `{}`", shown(&id.text)));
        section.skip(&["tags"]);
        let (regex, regex_broken) = self.optional_pattern(&mut section, "regex");
        let (path, path_broken) = self.optional_pattern(&mut section, "path");
        let mut rule = TeamRule {
            id: id.text,
            about: section.string("description", &mut self.remarks).map(|about| clip(&about.text, 120)),
            group: section
                .whole("secretgroup", &mut self.remarks)
                .filter(|group| *group > 0)
                .map(|group| group as usize),
            entropy: section.number("entropy", &mut self.remarks).filter(|bits| *bits != 0.0),
            keywords: section
                .strings("keywords", &mut self.remarks)
                .into_iter()
                .map(|k| k.text.to_lowercase())
                .collect(),
            required: self.required(&mut section),
            silent: section.flag("skipreport", &mut self.remarks),
            allowlists: self.allowlists(&mut section),
            broken: regex_broken || path_broken,
            regex,
            path,
            line,
        };
        if let (Some(group), Some(regex)) = (rule.group, &rule.regex)
            && group > regex.groups()
        {
            let has = regex.groups();
            self.remarks.warn(
                line,
                format!(
                    "{}: `secretGroup` is {group}, the pattern has {has} groups; the first that matches is taken",
                    section.name()
                ),
            );
            rule.group = None;
        }
        section.finish(&mut self.remarks);
        Some(rule)
    }

    fn required(&mut self, section: &mut Section<'_, '_>) -> Vec<Required> {
        let mut required = Vec::new();
        for mut other in section.sections("required", &mut self.remarks) {
            let within_lines = other.whole("withinlines", &mut self.remarks);
            let within_columns = other.whole("withincolumns", &mut self.remarks);
            match other.string("id", &mut self.remarks) {
                Some(id) => required.push(Required { id: id.text, within_lines, within_columns }),
                None => self.remarks.note(other.line, format!("{} has no `id`; it was left out", other.name())),
            }
            other.finish(&mut self.remarks);
        }
        required
    }

    /// Both the tables of today and the single one of older files.
    fn allowlists(&mut self, section: &mut Section<'_, '_>) -> Vec<Allowlist> {
        let mut sections = section.sections("allowlists", &mut self.remarks);
        sections.extend(section.sections("allowlist", &mut self.remarks));
        if let Some(first) = sections.get(MOST_ALLOWLISTS).map(|section| section.line) {
            self.remarks.note(first, format!("allowlists beyond the first {MOST_ALLOWLISTS} were left out"));
            sections.truncate(MOST_ALLOWLISTS);
        }
        sections.into_iter().filter_map(|section| self.allowlist(section)).collect()
    }

    fn allowlist(&mut self, mut section: Section<'_, '_>) -> Option<Allowlist> {
        let line = section.line;
        let description = section.string("description", &mut self.remarks);
        let condition = section.string("condition", &mut self.remarks);
        let target = section.string("regextarget", &mut self.remarks);
        let all = match condition.as_ref().map(|c| c.text.to_uppercase()).as_deref() {
            None | Some("OR" | "||") => false,
            Some("AND" | "&&") => true,
            Some(_) => {
                self.left_out(&section, condition.as_ref(), "its `condition` is neither `AND` nor `OR`");
                return None;
            }
        };
        let target = match target.as_ref().map(|t| t.text.as_str()) {
            None | Some("secret") => Target::Secret,
            Some("match") => Target::Match,
            Some("line") => Target::Line,
            Some(_) => {
                self.left_out(&section, target.as_ref(), "its `regexTarget` is none of `secret`, `match` and `line`");
                return None;
            }
        };
        let list = Allowlist {
            reason: self.reason(line, description.as_ref()),
            all,
            commits: self.lower(&mut section, "commits"),
            paths: self.patterns(&mut section, "paths"),
            target,
            regexes: self.patterns(&mut section, "regexes"),
            stopwords: self.lower(&mut section, "stopwords"),
            rules: section.strings("targetrules", &mut self.remarks).into_iter().map(|rule| rule.text).collect(),
            path: self.remarks.path().to_string(),
            line,
        };
        if list.commits.is_empty() && !list.paths.given && !list.regexes.given && list.stopwords.is_empty() {
            self.left_out(&section, None, "it says neither `commits` nor `paths`, `regexes` or `stopwords`");
            section.finish(&mut self.remarks);
            return None;
        }
        section.finish(&mut self.remarks);
        Some(list)
    }

    fn left_out(&mut self, section: &Section<'_, '_>, at: Option<&Placed>, why: &str) {
        let line = at.map_or(section.line, |placed| placed.line);
        self.remarks.note(line, format!("{}: {why}; it allows nothing", section.name()));
    }

    fn reason(&self, line: u32, description: Option<&Placed>) -> String {
        let place = format!("allowlist of {}, line {line}", self.remarks.path());
        match description {
            Some(text) => format!("{} ({place})", clip(&text.text, 160)),
            None => place,
        }
    }

    fn entries(&mut self, section: &mut Section<'_, '_>, key: &str) -> Vec<Placed> {
        let mut entries = section.strings(key, &mut self.remarks);
        if let Some(first) = entries.get(MOST_ENTRIES).map(|entry| entry.line) {
            let name = section.name();
            self.remarks.note(first, format!("{name}: `{key}` beyond the first {MOST_ENTRIES} were left out"));
            entries.truncate(MOST_ENTRIES);
        }
        entries
    }

    fn lower(&mut self, section: &mut Section<'_, '_>, key: &str) -> Vec<String> {
        let entries = self.entries(section, key);
        entries.into_iter().map(|entry| entry.text.trim().to_lowercase()).filter(|text| !text.is_empty()).collect()
    }

    fn patterns(&mut self, section: &mut Section<'_, '_>, key: &str) -> Patterns {
        let entries = self.entries(section, key);
        let mut patterns = Patterns { given: !entries.is_empty(), usable: Vec::new() };
        for entry in entries {
            match self.compile(section, key, &entry) {
                Ok(pattern) => patterns.usable.push(pattern),
                Err(why) => {
                    let name = section.name();
                    self.remarks.note(
                        entry.line,
                        format!("{name}: a pattern in `{key}` cannot be used and allows nothing: {why}"),
                    );
                }
            }
        }
        patterns
    }

    fn optional_pattern(&mut self, section: &mut Section<'_, '_>, key: &str) -> (Option<Pattern>, bool) {
        let Some(entry) = section.string(key, &mut self.remarks) else { return (None, false) };
        match self.compile(section, key, &entry) {
            Ok(pattern) => (Some(pattern), false),
            Err(why) => {
                let name = section.name();
                self.remarks.warn(entry.line, format!("{name} is not run, its `{key}` cannot be used: {why}"));
                (None, true)
            }
        }
    }

    fn compile(&mut self, section: &Section<'_, '_>, key: &str, entry: &Placed) -> Result<Pattern, String> {
        self.patterns += 1;
        if self.patterns > MOST_PATTERNS {
            return Err(format!("a file may have {MOST_PATTERNS} patterns"));
        }
        let pattern = dialect::compile(&entry.text)?;
        if pattern.folds_ascii_only {
            let name = section.name();
            self.remarks.note(
                entry.line,
                format!("{name}: in `{key}` letters outside ASCII are taken as they are written, in spite of `(?i)`"),
            );
        }
        Ok(pattern)
    }
}

/// A name from the file as a report may show it.
pub(super) fn shown(id: &str) -> String {
    clip(id, 80)
}
