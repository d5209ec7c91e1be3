//! The rules as they stand in `rules.toml`, and as Rust.

use serde::Deserialize;
use std::error::Error;

/// One `[[rule]]`. What its fields mean is written at the head of `rules.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    id: String,
    about: String,
    #[serde(default)]
    pub(crate) prefix: Vec<String>,
    #[serde(default)]
    pub(crate) keywords: Vec<String>,
    #[serde(default)]
    not_after: String,
    #[serde(default)]
    needs: String,
    pattern: Option<String>,
    name: Option<String>,
    value: Option<String>,
    scope: Option<String>,
    bits: Option<f32>,
    check: Option<String>,
    checksum: Option<String>,
    reader: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rule: Vec<Rule>,
}

/// # Errors
/// The file is no TOML, or a rule contradicts itself.
pub(crate) fn read(text: &str) -> Result<Vec<Rule>, Box<dyn Error>> {
    let file: File = toml::from_str(text)?;
    for rule in &file.rule {
        rule.check().map_err(|why| format!("rule `{}`: {why}", rule.id))?;
    }
    Ok(file.rule)
}

/// A value that only its neighbour gives away. The name is a case-insensitive pattern.
fn named(name: &str, value: &str) -> String {
    let more = r"[\w.\-]{0,40}(?:[ \t]+(?i:api|app|auth|access|secret|client|personal|bot|token|key|pat|string|str)\w{0,12}){0,3}";
    let between = r"[\s'\x22\x60\]=:>,|(\\\-]{1,10}(?i:bearer[ ]|basic[ ]|token[ ])?";
    format!(r"(?i:{name}){more}{between}({value})(?:[^A-Za-z0-9_+/=\-]|$)")
}

/// `basic-auth` as `BasicAuth`.
fn variant(name: &str) -> String {
    let word = |word: &str| word[..1].to_uppercase() + &word[1..];
    name.split('-').map(word).collect()
}

impl Rule {
    fn check(&self) -> Result<(), &'static str> {
        let forms = [self.pattern.is_some(), self.name.is_some() && self.value.is_some(), self.reader.is_some()];
        match () {
            () if self.prefix.is_empty() == self.keywords.is_empty() => Err("give either prefix or keywords"),
            () if forms.iter().filter(|form| **form).count() != 1 => {
                Err("give one of pattern, name with value, and reader")
            }
            () if self.name.is_some() != self.value.is_some() => Err("name and value go together"),
            () if self.prefix.is_empty() && !self.not_after.is_empty() => Err("not_after goes with prefix"),
            () if !self.prefix.is_empty() && (self.scope.is_some() || self.pattern.is_none()) => {
                Err("a prefix goes with a pattern and no scope")
            }
            () if self.keywords.iter().any(|word| word.bytes().any(|byte| byte.is_ascii_uppercase())) => {
                Err("keywords are lower case")
            }
            () => Ok(()),
        }
    }

    fn pattern(&self) -> String {
        match (&self.pattern, &self.name, &self.value) {
            (Some(pattern), ..) if !self.prefix.is_empty() => format!(r"\A(?:{pattern})"),
            (Some(pattern), ..) => pattern.clone(),
            (_, Some(name), Some(value)) => named(name, value),
            _ => String::new(),
        }
    }

    fn scope(&self) -> String {
        match (&self.reader, &self.scope) {
            (Some(reader), _) => variant(reader),
            _ if !self.prefix.is_empty() => "Start".into(),
            (_, Some(scope)) => variant(scope),
            _ => "Line".into(),
        }
    }

    /// What the automaton looks for.
    pub(crate) fn words(&self) -> &[String] {
        if self.prefix.is_empty() { &self.keywords } else { &self.prefix }
    }
}

/// The rules as a slice of `Rule`s. A name of an enum that does not exist is found by the compiler.
pub(crate) fn render(rules: &[Rule]) -> String {
    let render = |rule: &Rule| {
        format!(
            "Rule {{ id: {:?}, about: {:?}, keywords: &{:?}, not_after: {:?}, needs: {:?}, pattern: {:?}, bits: {:?}, \
             scope: Scope::{}, check: Check::{}, checksum: Checksum::{} }},\n",
            rule.id,
            rule.about,
            rule.words(),
            rule.not_after,
            rule.needs,
            rule.pattern(),
            rule.bits.unwrap_or(3.0),
            rule.scope(),
            variant(rule.check.as_deref().unwrap_or("none")),
            variant(rule.checksum.as_deref().unwrap_or("none")),
        )
    };
    format!("&[\n{}]", rules.iter().map(render).collect::<String>())
}
