//! `pom.xml`: the versions that it declares itself, with its properties put in.
//!
//! A version that a parent elsewhere declares, or a range, is not known here and counts as unpinned.

use super::{Lines, Locked, Unreadable};
use crate::audit::package::Ecosystem;
use quick_xml::Reader;
use quick_xml::events::Event;
use std::collections::HashMap;

/// Deeper than this no project is nested.
const MOST_NESTED: usize = 64;
/// Properties may name others; not this often in a row.
const MOST_STEPS: usize = 16;

#[derive(Default)]
struct Dependency {
    group: String,
    artifact: String,
    version: String,
    line: u32,
    managed: bool,
}

#[derive(Default)]
struct Pom {
    properties: HashMap<String, String>,
    dependencies: Vec<Dependency>,
    has_project: bool,
}

/// Reads it.
pub(super) fn pom_xml(text: &str) -> Result<Locked, Unreadable> {
    let pom = Pom::read(text)?;
    let mut locked = Locked::default();
    let resolved = |dependency: &Dependency| {
        let [group, artifact, version] =
            [&dependency.group, &dependency.artifact, &dependency.version].map(|text| pom.resolve(text));
        let name = group.zip(artifact).map(|(group, artifact)| format!("{group}:{artifact}"));
        (name, version.filter(|version| !version.contains(['[', '(', ','])))
    };
    let (managed, own): (Vec<_>, Vec<_>) = pom.dependencies.iter().partition(|dependency| dependency.managed);
    let managed: Vec<_> = managed.into_iter().map(|dependency| (resolved(dependency), dependency.line)).collect();
    for ((name, version), line) in &managed {
        locked.add(
            Ecosystem::Maven,
            name.as_deref().unwrap_or_default(),
            version.as_deref().unwrap_or_default(),
            *line,
        );
    }
    for dependency in own {
        let (name, version) = resolved(dependency);
        // Without a version of its own it has the managed one, which is in already.
        let is_managed = dependency.version.is_empty() && managed.iter().any(|((other, _), _)| *other == name);
        if !is_managed {
            let (name, version) = (name.unwrap_or_default(), version.unwrap_or_default());
            locked.add(Ecosystem::Maven, &name, &version, dependency.line);
        }
    }
    Ok(locked)
}

impl Pom {
    fn read(text: &str) -> Result<Self, Unreadable> {
        let (lines, mut pom) = (Lines::of(text), Self::default());
        let mut reader = Reader::from_str(text);
        let (mut path, mut words) = (Vec::<String>::new(), String::new());
        loop {
            let position = usize::try_from(reader.buffer_position()).unwrap_or(0);
            let line = lines.at(position);
            let wrong = |why: &dyn std::fmt::Display| Unreadable::line(line as usize, why);
            match reader.read_event().map_err(|error| wrong(&error))? {
                Event::Start(tag) => {
                    path.push(tag.local_name().as_ref().to_owned());
                    words.clear();
                    if path.len() > MOST_NESTED {
                        return Err(wrong(&"it is nested too deep"));
                    }
                    pom.begin(&path, line);
                }
                Event::End(_) => {
                    pom.end(&path, words.trim());
                    words.clear();
                    path.pop();
                }
                Event::Text(piece) => words.push_str(&piece),
                Event::CData(piece) => words.push_str(&piece),
                Event::GeneralRef(entity) => match &*entity {
                    "amp" => words.push('&'),
                    "lt" | "gt" | "quot" | "apos" => words.push('?'),
                    // What a document type declares could be anything.
                    other if !other.starts_with('#') => return Err(wrong(&"it uses an entity of its own")),
                    _ => words.push('?'),
                },
                Event::Eof => break,
                Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
        }
        if !path.is_empty() || !pom.has_project {
            return Err(Unreadable::new("it is no complete project of Maven"));
        }
        Ok(pom)
    }

    fn begin(&mut self, path: &[String], line: u32) {
        self.has_project |= matches!(path, [root] if root == "project");
        if let [.., list, last] = path
            && last == "dependency"
            && list == "dependencies"
            && !path.iter().any(|name| name == "plugin")
        {
            let managed = path.iter().any(|name| name == "dependencyManagement");
            self.dependencies.push(Dependency { line, managed, ..Dependency::default() });
        }
    }

    fn end(&mut self, path: &[String], words: &str) {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        match names.as_slice() {
            ["project", "properties", name] => drop(self.properties.insert((*name).to_owned(), words.to_owned())),
            ["project", "profiles", "profile", "properties", name] => {
                self.properties.entry((*name).to_owned()).or_insert_with(|| words.to_owned());
            }
            ["project", name @ ("groupId" | "artifactId" | "version")] => {
                self.properties.insert(format!("project.{name}"), words.to_owned());
            }
            ["project", "parent", name @ ("groupId" | "version")] => {
                self.properties.insert(format!("project.parent.{name}"), words.to_owned());
                self.properties.entry(format!("project.{name}")).or_insert_with(|| words.to_owned());
            }
            [before @ .., "dependencies", "dependency", name] if !before.contains(&"plugin") => {
                let Some(dependency) = self.dependencies.last_mut() else { return };
                match *name {
                    "groupId" => dependency.group = words.to_owned(),
                    "artifactId" => dependency.artifact = words.to_owned(),
                    "version" => dependency.version = words.to_owned(),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// `text` with every `${property}` put in; none if one is not known here.
    fn resolve(&self, text: &str) -> Option<String> {
        let mut text = text.to_owned();
        for _ in 0..MOST_STEPS {
            let Some((before, rest)) = text.split_once("${") else { return Some(text) };
            let (name, after) = rest.split_once('}')?;
            let name = name.strip_prefix("pom.").map_or_else(|| name.to_owned(), |name| format!("project.{name}"));
            text = format!("{before}{}{after}", self.properties.get(&name)?);
            if text.len() > 1024 {
                return None;
            }
        }
        None
    }
}
