//! `.gitleaksignore`: findings by place, `file:rule:line` or `commit:file:rule:line`.

use super::allow::Facts;
use super::ids;
use super::reader::{Remark, Remarks};
use portcullis_gate_sdk::lineage::is_object_id;
use portcullis_gate_sdk::text::clip;
use std::collections::HashMap;

/// Most entries.
const MOST_ENTRIES: usize = 50_000;

/// The file's name.
pub(super) const IGNORE_FILE: &str = ".gitleaksignore";

/// Entries by rule and line: the file and, if the entry names one, the commit.
#[derive(Debug, Default)]
pub(super) struct Ignored {
    entries: HashMap<(String, u32), Vec<Entry>>,
    pub(super) remarks: Vec<Remark>,
}

#[derive(Debug)]
struct Entry {
    commit: Option<String>,
    file: Vec<u8>,
    stands_at: u32,
}

impl Ignored {
    /// Reads the file. `has_rule` knows the ids of the team's own rules.
    pub(super) fn parse(text: &str, has_rule: impl Fn(&str) -> bool) -> Self {
        let mut remarks = Remarks::new(IGNORE_FILE, text);
        let mut entries: HashMap<(String, u32), Vec<Entry>> = HashMap::new();
        let lines = (1u32..).zip(text.lines()).map(|(at, line)| (at, line.trim()));
        let mut count = 0;
        for (at, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            count += 1;
            if count > MOST_ENTRIES {
                remarks.note(at, format!("entries beyond the first {MOST_ENTRIES} excuse nothing"));
                break;
            }
            let Some((rule, number, entry)) = read(at, line) else {
                remarks
                    .note(at, "this is no `file:rule:line` and no `commit:file:rule:line`; it excuses nothing".into());
                continue;
            };
            if !has_rule(rule) && !ids::is_known(rule) {
                let message = format!("no rule here goes by `{}`; this entry excuses nothing", clip(rule, 80));
                remarks.note(at, message);
            }
            entries.entry((rule.to_string(), number)).or_default().push(entry);
        }
        Self { entries, remarks: remarks.finish() }
    }

    /// The line of the entry that names this finding under `id`.
    pub(super) fn line(&self, facts: &Facts<'_>, id: &str) -> Option<u32> {
        let path = facts.path?;
        facts.lines.iter().find_map(|line| {
            let entries = self.entries.get(&(id.to_string(), *line))?;
            let names = |entry: &&Entry| {
                entry.file == path && entry.commit.as_deref().is_none_or(|commit| commit == facts.commit)
            };
            entries.iter().find(names).map(|entry| entry.stands_at)
        })
    }
}

/// Read from its end, since a file's name may hold colons.
fn read(stands_at: u32, line: &str) -> Option<(&str, u32, Entry)> {
    let (rest, number) = line.rsplit_once(':')?;
    let (place, rule) = rest.rsplit_once(':')?;
    let (commit, file) = match place.split_once(':') {
        Some((commit, file)) if is_object_id(&commit.to_ascii_lowercase()) => (Some(commit.to_ascii_lowercase()), file),
        _ => (None, place),
    };
    if file.is_empty() || rule.is_empty() {
        return None;
    }
    // Made on Windows, it names the same file.
    let file = file.replace('\\', "/").into_bytes();
    Some((rule, number.trim().parse().ok()?, Entry { commit, file, stands_at }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use proptest::prelude::*;

    fn facts<'a>(commit: &'a str, path: &'a str, line: u32) -> Facts<'a> {
        let lines = [line, line];
        Facts { rule: "jwt", of_team: false, commit, path: Some(path.as_bytes()), lines, content: None }
    }

    // SEC-6
    #[test]
    fn an_entry_names_a_file_a_rule_and_a_line_and_may_name_the_commit() {
        let commit = "0a".repeat(20);
        let text =
            format!("# old\n\nsrc/a.rs:jwt:7\n{commit}:src\\b:c.rs:jwt:8\nnonsense\nx:y:z\na.rs:no-such-rule:1\n");
        let ignored = Ignored::parse(&text, |id| id == "ours");
        assert_eq!(ignored.line(&facts("any", "src/a.rs", 7), "jwt"), Some(3));
        assert_eq!(ignored.line(&facts("any", "src/a.rs", 8), "jwt"), None);
        assert_eq!(ignored.line(&facts("any", "src/a.rs", 7), "npm-access-token"), None);
        assert_eq!(ignored.line(&facts(&commit, "src/b:c.rs", 8), "jwt"), Some(4));
        assert_eq!(ignored.line(&facts("other", "src/b:c.rs", 8), "jwt"), None);
        let lines: Vec<u32> = ignored.remarks.iter().map(|remark| remark.line).collect();
        assert_eq!(lines, [5, 6, 7], "{:?}", ignored.remarks);
        assert!(ignored.remarks[2].message.contains("no-such-rule"));
    }

    proptest! {
        // SEC-6
        #[test]
        fn no_file_makes_the_reader_panic(text in r"([a-c:/\\#]|[0-9]|\n|\PC){0,80}") {
            Ignored::parse(&text, |_| false);
        }
    }
}
