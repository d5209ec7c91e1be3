//! Plane's events: only that a work item was put into a state matters; every other change is ignored.
//!
//! Three shapes are read: the old one by API (`field: "state"`), the old one by the web page (`field: "state_id"`), and
//! the newer one (`event: "workitem.updated"` with `previous_attributes`). Which of an item's states counts: `data` is
//! read by Plane when it queues the delivery and may be newer than `activity`, so the state in `data` is the present
//! truth, and two deliveries about one move mean the same.

use super::parse::{PayloadError, of_no_consequence, read};
use portcullis_core::effect::TrackerState;
use portcullis_core::event::Event;
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
pub(super) struct Payload {
    #[serde(default)]
    event: Option<String>,
    #[serde(default)]
    pub(super) event_id: Option<String>,
    #[serde(default)]
    entity_id: Option<String>,
    #[serde(default)]
    pub(super) data: Option<Item>,
    #[serde(default)]
    activity: Option<Activity>,
    #[serde(default)]
    previous_attributes: Option<Map<String, Value>>,
    #[serde(default)]
    actor: Option<OneOf<Person>>,
}

/// A thing by its id alone, or expanded.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOf<T> {
    Id(String),
    Whole(T),
}

#[derive(Deserialize)]
struct Activity {
    #[serde(default)]
    field: Option<String>,
    #[serde(default)]
    new_value: Option<Value>,
    #[serde(default)]
    actor: Option<OneOf<Person>>,
}

#[derive(Deserialize)]
struct Person {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    display_name: Option<String>,
}

#[derive(Deserialize)]
struct Project {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    identifier: Option<String>,
}

#[derive(Deserialize)]
struct State {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Item {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    name: Option<String>,
    /// An editor's document tree in old versions, a text in others.
    #[serde(default)]
    description: Option<Value>,
    #[serde(default)]
    description_stripped: Option<String>,
    #[serde(default)]
    description_html: Option<String>,
    #[serde(default)]
    identifier: Option<String>,
    #[serde(default)]
    sequence_id: Option<u64>,
    #[serde(default)]
    project: Option<OneOf<Project>>,
    #[serde(default)]
    project_id: Option<String>,
    #[serde(default)]
    project_detail: Option<Project>,
    #[serde(default)]
    state: Option<OneOf<State>>,
    #[serde(default)]
    state_id: Option<String>,
    #[serde(default)]
    state_detail: Option<State>,
    #[serde(default)]
    pub(super) updated_at: Option<String>,
}

impl Item {
    /// The state's id, as far as the payload says.
    pub(super) fn state_id(&self) -> Option<&str> {
        match &self.state {
            Some(OneOf::Id(id)) => Some(id.as_str()),
            Some(OneOf::Whole(state)) => state.id.as_deref(),
            None => None,
        }
        .or(self.state_detail.as_ref().and_then(|state| state.id.as_deref()))
        .or(self.state_id.as_deref())
        .filter(|id| !id.is_empty())
    }

    fn state_name(&self) -> Option<&str> {
        match &self.state {
            Some(OneOf::Whole(state)) => state.name.as_deref(),
            _ => None,
        }
        .or(self.state_detail.as_ref().and_then(|state| state.name.as_deref()))
        .filter(|name| !name.is_empty())
    }

    fn project(&self) -> Option<&Project> {
        match &self.project {
            Some(OneOf::Whole(project)) => Some(project),
            _ => self.project_detail.as_ref(),
        }
    }

    fn project_id(&self) -> Option<&str> {
        match &self.project {
            Some(OneOf::Id(id)) => Some(id.as_str()),
            _ => self.project().and_then(|project| project.id.as_deref()).or(self.project_id.as_deref()),
        }
        .filter(|id| !id.is_empty())
    }

    /// `ORCH-65`; the bare number where the payload does not name the project's identifier.
    fn work_item(&self) -> Option<String> {
        if let Some(identifier) = self.identifier.as_ref().filter(|identifier| !identifier.is_empty()) {
            return Some(identifier.clone());
        }
        let number = self.sequence_id?;
        let project = self.project().and_then(|project| project.identifier.as_deref()).unwrap_or_default();
        Some(if project.is_empty() { number.to_string() } else { format!("{project}-{number}") })
    }

    fn description(&self) -> String {
        let plain = self.description_stripped.as_deref().map(str::trim).filter(|text| !text.is_empty());
        match (plain, &self.description_html, &self.description) {
            (Some(text), ..) => text.to_owned(),
            (None, Some(html), _) if !html.trim().is_empty() => without_tags(html),
            (None, _, Some(Value::String(text))) => text.trim().to_owned(),
            _ => String::new(),
        }
    }
}

pub(super) fn parse(event: &str, text: &str) -> Result<Event, PayloadError> {
    // What is not about work items may have any shape at all.
    let kind: Kind = read(text)?;
    let name = kind.event.unwrap_or_else(|| event.to_owned());
    let (object, verb) = name.split_once('.').map_or((name.as_str(), None), |(object, verb)| (object, Some(verb)));
    if !["issue", "workitem", "work_item", "work-item"].contains(&object) {
        return Ok(of_no_consequence(format!("nothing is done on Plane's event {name}")));
    }
    let verb = verb.map(str::to_owned).or(kind.action).unwrap_or_default();
    let created = match verb.as_str() {
        "created" | "create" => true,
        "updated" | "update" => false,
        other => return Ok(of_no_consequence(format!("work item {other}"))),
    };
    work_item(read(text)?, created)
}

/// Just enough to know whether the rest is worth reading.
#[derive(Deserialize)]
struct Kind {
    #[serde(default)]
    event: Option<String>,
    #[serde(default)]
    action: Option<String>,
}

fn work_item(payload: Payload, created: bool) -> Result<Event, PayloadError> {
    let newer = payload.event.as_deref().is_some_and(|event| event.contains('.'));
    if !created {
        let field = payload.activity.as_ref().and_then(|activity| activity.field.as_deref());
        let before = payload.previous_attributes.as_ref();
        let state_changed = match field {
            Some(field) => field == "state" || field == "state_id",
            None => before.is_some_and(|before| before.contains_key("state_id") || before.contains_key("state")),
        };
        if !state_changed {
            let what = match (field, before) {
                (Some(field), _) => field.to_owned(),
                (None, Some(before)) if newer => before.keys().cloned().collect::<Vec<_>>().join(", "),
                _ => "nothing that is named".to_owned(),
            };
            return Ok(of_no_consequence(format!("work item changed in {what}, not in its state")));
        }
    }
    let item = payload.data.ok_or_else(|| PayloadError::field("data", "it is missing"))?;
    let missing = |field: &str| PayloadError::field(field, "it is missing");
    let item_id =
        item.id.clone().or(payload.entity_id).filter(|id| !id.is_empty()).ok_or_else(|| missing("data.id"))?;
    let tracker_project = item.project_id().ok_or_else(|| missing("data.project"))?.to_owned();
    let activity = payload.activity;
    // Without a name the new value may be one (or an id, which is all that the newer shape has).
    let told = activity.as_ref().and_then(|activity| activity.new_value.as_ref()).and_then(Value::as_str);
    let state_name = item
        .state_name()
        .or_else(|| told.filter(|told| TrackerState::from_name(told).is_some()))
        .or(item.state_id())
        .or(told)
        .ok_or_else(|| missing("data.state"))?
        .to_owned();
    let actor = activity.and_then(|activity| activity.actor).or(payload.actor).map(named).unwrap_or_default();
    Ok(Event::WorkItem {
        work_item: item.work_item(),
        description: item.description(),
        title: item.name.unwrap_or_default(),
        state: TrackerState::from_name(&state_name),
        tracker_project,
        item_id,
        state_name,
        actor,
    })
}

/// `Ann (6bb2…)`: the name for people, the id because names can be chosen freely.
fn named(person: OneOf<Person>) -> String {
    match person {
        OneOf::Id(id) => id,
        OneOf::Whole(Person { id, display_name }) => {
            let name = display_name.filter(|name| !name.trim().is_empty());
            match (name, id) {
                (Some(name), Some(id)) => format!("{} ({id})", name.trim()),
                (Some(name), None) => name.trim().to_owned(),
                (None, id) => id.unwrap_or_default(),
            }
        }
    }
}

/// Plain text of an editor's HTML: blocks become lines, the five basic entities become characters.
pub(crate) fn without_tags(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        out.push_str(&rest[..open]);
        let Some(length) = rest[open..].find('>') else {
            // No tag after all.
            out.push_str(&rest[open..]);
            rest = "";
            break;
        };
        let tag = rest[open + 1..open + length].trim_start_matches('/').trim_end_matches('/').trim();
        if ["p", "br", "li", "div", "h1", "h2", "h3", "h4", "pre", "tr"].contains(&tag) && !out.ends_with('\n') {
            out.push('\n');
        }
        rest = &rest[open + length + 1..];
    }
    out.push_str(rest);
    let text = out.replace("&nbsp;", " ").replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    text.replace("&#39;", "'").replace("&#x27;", "'").replace("&amp;", "&").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::without_tags;

    // TRK-1
    #[test]
    fn an_editor_s_html_becomes_plain_text() {
        let html = r#"<p class="x">First &amp; second</p><p>a &lt; b</p><ul><li>one</li><li>two</li></ul>"#;
        assert_eq!(without_tags(html), "First & second\na < b\none\ntwo");
        assert_eq!(without_tags("1 < 2"), "1 < 2");
        assert_eq!(without_tags("<<<p>é<"), "é<");
        assert_eq!(without_tags("&amp;lt;"), "&lt;");
    }
}
