//! One gate of a manifest: its plugin, requirement, grants, limits and configuration, each checked.

use super::raw::RawGate;
use super::{ManifestError, Problem, Reader};
use crate::names::{check_plugin_name, shown};
use crate::requirement;
use portcullis_core::gate::{Grants, Limits};
use portcullis_core::ids::GateName;
use portcullis_core::pipeline::GateSpec;
use serde_json::Value as Json;
use std::time::Duration;
use toml::Spanned;

pub(super) const MAX_PER_EDGE: usize = 32;
const MAX_HOSTS: usize = 64;
const DEFAULT_DEADLINE_S: u64 = 3_600;
const MAX_DEADLINE_S: u64 = 30 * 24 * 3_600;

pub(super) fn gate(reader: Reader<'_>, raw: &RawGate) -> Result<GateSpec, ManifestError> {
    let name = reader.word("gate", &raw.name)?;
    let plugin = check_plugin_name(raw.plugin.get_ref())
        .map_err(|why| reader.error(&raw.plugin, Problem::BadPlugin { gate: name.clone(), why }))?;
    let wanted = raw.version.get_ref().trim();
    requirement::parse(wanted)
        .map_err(|why| reader.error(&raw.version, Problem::BadRequirement { gate: name.clone(), why }))?;
    Ok(GateSpec {
        plugin,
        requirement: wanted.to_owned(),
        mode: raw.mode,
        on_fault: raw.on_fault,
        grants: grants(reader, &name, raw)?,
        limits: limits(reader, &name, raw)?,
        deadline: deadline(reader, &name, raw)?,
        config: config(reader, &name, raw)?,
        name: GateName::new(name),
    })
}

fn grants(reader: Reader<'_>, gate: &str, raw: &RawGate) -> Result<Grants, ManifestError> {
    let Some(grant) = &raw.grant else { return Ok(Grants::default()) };
    let hosts = &grant.get_ref().network;
    if hosts.len() > MAX_HOSTS {
        let problem = Problem::TooMany { what: "hosts in `grant.network`", count: hosts.len(), limit: MAX_HOSTS };
        return Err(reader.error(grant, problem));
    }
    match hosts.iter().find(|host| !is_host_name(host)) {
        Some(host) => Err(reader.error(grant, Problem::BadHost { gate: gate.to_owned(), host: shown(host) })),
        None => Ok(grant.get_ref().clone()),
    }
}

/// A bare DNS name in lower case: no scheme, port, path or wildcard, so that what is granted can be read off.
fn is_host_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

fn limits(reader: Reader<'_>, gate: &str, raw: &RawGate) -> Result<Limits, ManifestError> {
    let Some(spanned) = &raw.limits else { return Ok(Limits::default()) };
    let limits = *spanned.get_ref();
    // The destructuring makes the compiler ask for the bounds of a limit that is added later.
    let Limits { cpu_ms, wall_ms, memory_mib, host_calls, findings, output_kib } = limits;
    for (key, value, highest) in [
        ("limits.cpu-ms", cpu_ms, 3_600_000),
        ("limits.wall-ms", wall_ms, 3_600_000),
        ("limits.memory-mib", memory_mib, 1_024),
        ("limits.host-calls", host_calls, 100_000_000),
        ("limits.findings", findings, 100_000),
        ("limits.output-kib", output_kib, 65_536),
    ] {
        in_range(reader, gate, spanned, key, value, highest)?;
    }
    Ok(limits)
}

fn deadline(reader: Reader<'_>, gate: &str, raw: &RawGate) -> Result<Duration, ManifestError> {
    let Some(spanned) = &raw.deadline_s else { return Ok(Duration::from_secs(DEFAULT_DEADLINE_S)) };
    let deadline_s = *spanned.get_ref();
    in_range(reader, gate, spanned, "deadline-s", deadline_s, MAX_DEADLINE_S)?;
    Ok(Duration::from_secs(deadline_s))
}

fn in_range<T>(
    reader: Reader<'_>,
    gate: &str,
    at: &Spanned<T>,
    key: &'static str,
    value: u64,
    highest: u64,
) -> Result<(), ManifestError> {
    if (1..=highest).contains(&value) {
        return Ok(());
    }
    Err(reader.error(at, Problem::OutOfRange { gate: gate.to_owned(), key, value, lowest: 1, highest }))
}

fn config(reader: Reader<'_>, gate: &str, raw: &RawGate) -> Result<Json, ManifestError> {
    let Some(spanned) = &raw.config else { return Ok(Json::Object(serde_json::Map::new())) };
    table(spanned.get_ref()).map_err(|(key, number)| {
        let problem = Problem::BadConfigNumber { gate: gate.to_owned(), key: shown(&key), value: number.to_string() };
        reader.error(spanned, problem)
    })
}

/// TOML as JSON: dates become text. The error is the key and value of a number that JSON lacks.
fn json(value: &toml::Value) -> Result<Json, (String, f64)> {
    Ok(match value {
        toml::Value::String(text) => Json::String(text.clone()),
        toml::Value::Integer(number) => Json::from(*number),
        toml::Value::Float(number) => match serde_json::Number::from_f64(*number) {
            Some(number) => Json::Number(number),
            None => return Err((String::new(), *number)),
        },
        toml::Value::Boolean(flag) => Json::Bool(*flag),
        toml::Value::Datetime(at) => Json::String(at.to_string()),
        toml::Value::Array(items) => Json::Array(items.iter().map(json).collect::<Result<_, _>>()?),
        toml::Value::Table(entries) => table(entries)?,
    })
}

fn table(entries: &toml::Table) -> Result<Json, (String, f64)> {
    let mut object = serde_json::Map::new();
    for (key, value) in entries {
        let value = json(value)
            .map_err(|(rest, number)| (if rest.is_empty() { key.clone() } else { format!("{key}.{rest}") }, number))?;
        object.insert(key.clone(), value);
    }
    Ok(Json::Object(object))
}
