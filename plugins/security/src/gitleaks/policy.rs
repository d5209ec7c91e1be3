//! Everything that the target branch's gitleaks files ask for, joined: which rules run beside ours, and what excuses a
//! finding.

use super::allow::{Allowlist, Facts};
use super::custom::{self, TeamHit, Wakers};
use super::file::{File, MOST_RULES, TeamRule, shown};
use super::ids;
use super::ignore::{IGNORE_FILE, Ignored};
use super::reader::{Placed, Remark, Remarks};
use crate::rules;
use crate::source::Source;
use portcullis_gate_sdk::Refusal;
use portcullis_gate_sdk::text::short;
use std::collections::{BTreeMap, BTreeSet};

/// The file's name.
const FILE: &str = ".gitleaks.toml";
/// Largest file that is read.
const MOST_BYTES: usize = 1 << 20;
/// How often a file may extend another; gitleaks allows as much.
const MOST_EXTENDED: usize = 2;

/// What the team's gitleaks files say. Its default says nothing.
#[derive(Debug, Default)]
pub struct Policy {
    rules: Vec<TeamRule>,
    wakers: Wakers,
    allowlists: Vec<Allowlist>,
    /// Names that are not to be looked for, and where that is said.
    disabled: BTreeMap<String, String>,
    ignored: Ignored,
    remarks: Vec<Remark>,
    /// Files that were read or would have been.
    files: BTreeSet<String>,
}

impl Policy {
    /// Reads the files as they stand at `revision`, which is the target branch's head.
    ///
    /// # Errors
    /// One of them can't be read, is too large or is no TOML.
    pub fn load<S: Source>(source: &S, revision: &str) -> Result<Self, Refusal> {
        let mut policy = Self::default();
        policy.files.extend([FILE.to_string(), IGNORE_FILE.to_string()]);
        if let Some(text) = read(source, revision, FILE)? {
            policy.add(source, revision, FILE, &text, 0)?;
            policy.settle();
        }
        if let Some(text) = read(source, revision, IGNORE_FILE)? {
            policy.ignored = Ignored::parse(&text, |id| policy.knows(id));
            let remarks = std::mem::take(&mut policy.ignored.remarks);
            policy.remarks.extend(remarks);
        }
        Ok(policy)
    }

    /// Adds a file and, before it, the one that it extends.
    fn add<S: Source>(
        &mut self,
        source: &S,
        revision: &str,
        path: &str,
        text: &str,
        depth: usize,
    ) -> Result<(), Refusal> {
        let file = File::parse(path, text).map_err(Refusal::BadInput)?;
        let mut remarks = Remarks::new(path, text);
        if let Some(other) = &file.extend.path {
            match inside(&other.text) {
                _ if depth == MOST_EXTENDED => {
                    let message = "`extend.path`: a file that extends another's extension is not read";
                    remarks.warn(other.line, message.into());
                }
                None => {
                    let message = "`extend.path` leaves the repository; what stands there was left out";
                    remarks.warn(other.line, message.into());
                }
                Some(inside) => match read(source, revision, &inside)? {
                    Some(text) => self.add(source, revision, &inside, &text, depth + 1)?,
                    None => remarks.warn(other.line, "`extend.path`: the target branch has no such file".into()),
                },
            }
            self.files.extend(inside(&other.text));
        }
        for id in &file.extend.disabled {
            self.disable(path, id, &mut remarks);
        }
        if depth == 0 && !file.extend.default {
            let message = "this file does not extend the default rules; the gate's own rules run all the same, `disabled-rules` in the manifest switches them off";
            remarks.note(1, message.into());
        }
        self.remarks.extend(file.remarks);
        for rule in file.rules {
            self.add_rule(path, rule, &mut remarks);
        }
        self.allowlists.extend(file.allowlists);
        self.remarks.extend(remarks.finish());
        Ok(())
    }

    fn disable(&mut self, path: &str, id: &Placed, remarks: &mut Remarks) {
        let count = self.rules.len();
        self.rules.retain(|rule| rule.id != id.text);
        if is_known(&id.text) {
            self.disabled
                .insert(id.text.clone(), format!("`{}` is disabled in {path}, line {}", shown(&id.text), id.line));
        } else if count == self.rules.len() {
            remarks.note(id.line, format!("`extend.disabledRules`: no rule here goes by `{}`", shown(&id.text)));
        }
    }

    /// A rule of the same id in the file that is extended gives what this one does not.
    fn add_rule(&mut self, path: &str, mut rule: TeamRule, remarks: &mut Remarks) {
        if let Some(at) = self.rules.iter().position(|base| base.id == rule.id) {
            let base = self.rules.remove(at);
            rule.broken |= base.broken && rule.regex.is_none();
            rule.regex = rule.regex.or(base.regex);
            rule.path = rule.path.or(base.path);
            rule.about = rule.about.or(base.about);
            rule.group = rule.group.or(base.group);
            rule.entropy = rule.entropy.or(base.entropy);
            rule.keywords.extend(base.keywords);
            rule.required.extend(base.required);
        }
        let id = shown(&rule.id);
        for mut list in std::mem::take(&mut rule.allowlists) {
            list.rules = vec![rule.id.clone()];
            self.allowlists.push(list);
        }
        if rule.regex.is_none() && rule.path.is_none() && !rule.broken {
            let changes = rule.entropy.is_some() || !rule.keywords.is_empty() || rule.group.is_some();
            match is_known(&rule.id) {
                false => remarks.warn(rule.line, format!("rule `{id}` has neither `regex` nor `path`; it is not run")),
                true if changes => {
                    let message = format!(
                        "rule `{id}` changes a default rule; only its allowlists count, the gate's own rule runs as it is"
                    );
                    remarks.note(rule.line, message);
                }
                true => {}
            }
        }
        if self.rules.len() >= MOST_RULES {
            remarks.warn(rule.line, format!("rule `{id}` in {path} is beyond the first {MOST_RULES}; it is not run"));
            return;
        }
        self.rules.push(rule);
    }

    /// After all files: what they name must exist.
    fn settle(&mut self) {
        let runs: BTreeSet<String> =
            self.rules.iter().filter(|rule| !rule.broken && rule.regex.is_some()).map(|rule| rule.id.clone()).collect();
        let mut remarks = Vec::new();
        for rule in &mut self.rules {
            let (there, missing): (Vec<_>, Vec<_>) =
                std::mem::take(&mut rule.required).into_iter().partition(|required| runs.contains(&required.id));
            rule.required = there;
            for other in missing {
                let (id, other) = (shown(&rule.id), shown(&other.id));
                let message = format!("rule `{id}` requires `{other}`, which is not run here; it is reported without");
                remarks.push(Remark::note(FILE, rule.line, message));
            }
        }
        for list in &self.allowlists {
            for id in list.rules.iter().filter(|id| !self.knows(id)) {
                let message = format!("`targetRules`: no rule here goes by `{}`", shown(id));
                remarks.push(Remark::note(&list.path, list.line, message));
            }
        }
        self.remarks.extend(remarks);
        self.wakers = Wakers::new(&self.rules);
    }

    fn knows(&self, id: &str) -> bool {
        is_known(id) || self.rules.iter().any(|rule| rule.id == id)
    }

    /// What the team's rules find in `text`; see [`custom::scan`].
    pub(crate) fn scan(&self, path: Option<&[u8]>, text: &[u8]) -> Vec<TeamHit> {
        custom::scan(&self.rules, &self.wakers, path, text)
    }

    /// Rules that go by the path alone and that `path` matches, by index.
    pub(crate) fn forbidding(&self, path: &[u8]) -> Vec<usize> {
        let forbids = |rule: &TeamRule| {
            !rule.broken
                && !rule.silent
                && rule.regex.is_none()
                && rule.path.as_ref().is_some_and(|pattern| pattern.is_match(path))
        };
        (0..self.rules.len()).filter(|index| forbids(&self.rules[*index])).collect()
    }

    /// The id of a rule, and what it looks for.
    pub(crate) fn rule(&self, index: usize) -> (String, &str) {
        let rule = &self.rules[index];
        (shown(&rule.id), rule.about.as_deref().unwrap_or("secret of a kind of the team's own"))
    }

    /// Whether there are rules of the team's own. How far around they look is not known.
    pub(crate) fn has_rules(&self) -> bool {
        !self.rules.is_empty()
    }

    /// Whether what is found in an object depends on its path.
    pub(crate) fn depends_on_path(&self) -> bool {
        self.rules.iter().any(|rule| rule.path.is_some())
    }

    /// Why a finding may stay, if it may.
    pub(crate) fn excuse(&self, facts: &Facts<'_>) -> Option<String> {
        let secret = facts.content.as_ref().map_or(b"".as_slice(), |content| content.secret);
        let theirs: Vec<&str> = if facts.of_team { Vec::new() } else { ids::names(facts.rule, secret).collect() };
        let names = || theirs.iter().copied().chain([facts.rule]);
        let for_it =
            |list: &&Allowlist| list.rules.is_empty() || names().any(|name| list.rules.iter().any(|id| id == name));
        if let Some(list) = self.allowlists.iter().filter(for_it).find(|list| list.covers(facts)) {
            return Some(list.reason.clone());
        }
        if !theirs.is_empty() && theirs.iter().all(|name| self.disabled.contains_key(*name)) {
            return self.disabled.get(theirs[0]).cloned();
        }
        let entry = names().find_map(|name| self.ignored.line(facts, name));
        entry.map(|line| format!("listed in {IGNORE_FILE}, line {line}"))
    }

    /// Rules of ours that are not to be run at all.
    pub fn disabled(&self) -> Vec<String> {
        let ours = self.disabled.keys().filter(|id| rules::exists(id)).cloned();
        ids::rules_of(|id| self.disabled.contains_key(id)).map(String::from).chain(ours).collect()
    }

    /// What whoever keeps the files should know.
    pub fn remarks(&self) -> &[Remark] {
        &self.remarks
    }

    /// How many of the team's rules are run.
    pub fn rules(&self) -> usize {
        self.rules.iter().filter(|rule| !rule.broken && (rule.regex.is_some() || rule.path.is_some())).count()
    }

    /// Whether `path` is one of the files that the policy is read from.
    pub(crate) fn is_read_from(&self, path: &[u8]) -> bool {
        self.files.iter().any(|file| file.as_bytes() == path)
    }
}

fn is_known(id: &str) -> bool {
    ids::is_known(id) || rules::exists(id)
}

/// A file's text; none if there is no such file.
fn read<S: Source>(source: &S, revision: &str, path: &str) -> Result<Option<String>, Refusal> {
    let Some(bytes) = source.file(revision, path)? else { return Ok(None) };
    let at = short(revision);
    if bytes.len() > MOST_BYTES {
        let size = bytes.len();
        return Err(Refusal::BadInput(format!("`{path}` at {at} has {size} bytes; {MOST_BYTES} are the most")));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = crate::text::count_lines(&error.as_bytes()[..error.utf8_error().valid_up_to()]) + 1;
        Refusal::BadInput(format!("`{path}` at {at}: line {line} is no UTF-8"))
    })?;
    Ok(Some(text.strip_prefix('\u{feff}').map(String::from).unwrap_or(text)))
}

/// A path as git writes it, if it stays inside the repository.
fn inside(path: &str) -> Option<String> {
    if path.starts_with(['/', '\\', '~']) || path.contains(':') {
        return None;
    }
    let mut parts = Vec::new();
    for part in path.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    // SEC-6
    #[test]
    fn only_a_path_inside_the_repository_is_followed() {
        for (path, stays) in [
            ("ci/base.toml", Some("ci/base.toml")),
            ("./ci//x/../base.toml", Some("ci/base.toml")),
            ("../base.toml", None),
            ("a/../../base.toml", None),
            ("/etc/gitleaks.toml", None),
            ("C:\\base.toml", None),
            ("~/base.toml", None),
            ("", None),
        ] {
            assert_eq!(inside(path).as_deref(), stays, "{path}");
        }
    }
}
