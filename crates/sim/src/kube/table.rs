//! Tables: objects as `kubectl get` prints them, in the columns that their kind names.
//!
//! Sources: `Table` of `meta.k8s.io/v1`, and "Additional printer columns" in the documentation of custom resources.

use jiff::Timestamp;
use jsonpath_rust::parser::model::JpQuery;
use jsonpath_rust::parser::parse_json_path;
use jsonpath_rust::query::js_path_process;
use serde_json::{Value, json};

use super::answer::metadata_of;
use super::request::Call;

/// The columns of a kind.
#[derive(Clone, Debug)]
pub(super) struct Columns(Vec<Column>);

#[derive(Clone, Debug)]
struct Column {
    kind: String,
    definition: Value,
    source: Source,
}

/// Where what stands in a column comes from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// A path in the object.
    Path(JpQuery),
    /// It is made of several fields.
    Made(fn(&Value) -> Value),
}

impl Source {
    /// A path as definitions write it, `.status.phase`. The error says why it is none.
    fn path(path: &str) -> Result<Self, String> {
        parse_json_path(&format!("${path}")).map(Self::Path).map_err(|error| format!("{path}: {error}"))
    }
}

/// What of an object goes with its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Include {
    None,
    Metadata,
    Object,
}

impl Include {
    pub(super) fn read(call: &Call) -> Self {
        match call.parameter("includeObject") {
            Some("None") => Self::None,
            Some("Object") => Self::Object,
            _ => Self::Metadata,
        }
    }
}

/// Whether a table is asked for.
pub(super) fn is_asked_for(call: &Call) -> bool {
    call.accept.split(',').next().unwrap_or_default().contains("as=Table")
}

impl Columns {
    /// The columns that a definition names for a version; without any, the age. The error says which path is none.
    pub(super) fn of_version(version: &Value) -> Result<Self, String> {
        let named = version["additionalPrinterColumns"].as_array().map(Vec::as_slice).unwrap_or_default();
        let age = [json!({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"})];
        let named = if named.is_empty() { &age } else { named };
        let columns = named.iter().map(|column| {
            let text = |field: &str| column[field].as_str().unwrap_or_default();
            let path = text("jsonPath");
            let description = match text("description") {
                "" => format!("Custom resource definition column (in JSONPath format): {path}"),
                description => description.to_owned(),
            };
            let definition = json!({
                "name": text("name"), "type": text("type"), "format": text("format"), "description": description,
                "priority": column["priority"].as_i64().unwrap_or(0),
            });
            Ok(Column { kind: text("type").to_owned(), definition, source: Source::path(path)? })
        });
        Ok(Self(std::iter::once(Ok(Column::name())).chain(columns).collect::<Result<_, String>>()?))
    }

    /// The columns of a built-in kind: those of its own after the name.
    pub(super) fn named(columns: &[(&str, &str, &str)]) -> Self {
        let own = columns.iter().map(|(name, kind, path)| {
            let source = Source::path(path).expect("the paths of built-in columns are paths");
            Column::built_in((name, kind), 0, source)
        });
        Self(std::iter::once(Column::name()).chain(own).collect())
    }

    /// The columns of events, which are not told by their names.
    pub(super) fn of_events() -> Self {
        let path = |path| Source::path(path).expect("the paths of built-in columns are paths");
        let columns = [
            (("Last Seen", "date"), 0, Source::Made(last_seen)),
            (("Type", "string"), 0, path(".type")),
            (("Reason", "string"), 0, path(".reason")),
            (("Object", "string"), 0, Source::Made(involved)),
            (("Subobject", "string"), 1, path(".involvedObject.fieldPath")),
            (("Source", "string"), 1, path(".source.component")),
            (("Message", "string"), 0, path(".message")),
            (("First Seen", "date"), 1, path(".firstTimestamp")),
            (("Count", "integer"), 1, path(".count")),
            (("Name", "string"), 1, path(".metadata.name")),
        ];
        Self(columns.into_iter().map(|(names, priority, source)| Column::built_in(names, priority, source)).collect())
    }

    fn row(&self, object: &Value, include: Include, now: Timestamp) -> Value {
        let cells: Vec<Value> = self.0.iter().map(|column| column.cell(object, now)).collect();
        let object = match include {
            Include::None => Value::Null,
            Include::Metadata => metadata_of(object),
            Include::Object => object.clone(),
        };
        json!({"cells": cells, "object": object})
    }

    /// A table of objects.
    pub(super) fn table<'a>(
        &self,
        objects: impl Iterator<Item = &'a Value>,
        include: Include,
        metadata: &Value,
        now: Timestamp,
    ) -> Value {
        let rows: Vec<Value> = objects.map(|object| self.row(object, include, now)).collect();
        let definitions: Vec<&Value> = self.0.iter().map(|column| &column.definition).collect();
        json!({
            "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
            "columnDefinitions": definitions, "rows": rows,
        })
    }
}

impl Column {
    fn name() -> Self {
        let definition = json!({
            "name": "Name", "type": "string", "format": "name", "priority": 0,
            "description": "Name must be unique within a namespace.",
        });
        let source = Source::Made(|object| object["metadata"]["name"].clone());
        Self { kind: "string".to_owned(), definition, source }
    }

    fn built_in((name, kind): (&str, &str), priority: i64, source: Source) -> Self {
        // An age is told in words.
        let shown = if kind == "date" { "string" } else { kind };
        let definition = json!({"name": name, "type": shown, "format": "", "description": "", "priority": priority});
        Self { kind: kind.to_owned(), definition, source }
    }

    /// What stands in the column for an object; nothing where the object has nothing there.
    fn cell(&self, object: &Value, now: Timestamp) -> Value {
        let values: Vec<Value> = match &self.source {
            Source::Path(path) => {
                let found = js_path_process(path, object).unwrap_or_default();
                found.into_iter().map(|found| found.val().clone()).collect()
            }
            Source::Made(make) => vec![make(object)],
        };
        if self.kind == "string" {
            let words: Vec<String> = values.iter().filter(|value| !value.is_null()).map(words).collect();
            return if words.is_empty() { Value::Null } else { json!(words.join(" ")) };
        }
        match (self.kind.as_str(), values.first()) {
            ("integer" | "number", Some(value @ Value::Number(_))) | ("boolean", Some(value @ Value::Bool(_))) => {
                value.clone()
            }
            ("date", Some(Value::String(text))) => match text.parse::<Timestamp>() {
                Ok(instant) => json!(age(now.duration_since(instant).as_secs())),
                Err(_) => json!("<invalid>"),
            },
            _ => Value::Null,
        }
    }
}

/// When an event was last seen, whichever of its fields says it.
fn last_seen(event: &Value) -> Value {
    let fields = [&event["series"]["lastObservedTime"], &event["lastTimestamp"], &event["eventTime"]];
    fields.into_iter().find(|field| field.is_string()).cloned().unwrap_or_default()
}

/// What an event is about, `trafficshift/checkout`.
fn involved(event: &Value) -> Value {
    let text = |field: &str| event["involvedObject"][field].as_str().unwrap_or_default().to_owned();
    json!(format!("{}/{}", text("kind").to_lowercase(), text("name")))
}

fn words(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A span in seconds as kubectl tells ages: in two units while the first is small.
fn age(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let years = days / 365;
    let two = |first: i64, unit: &str, second: i64, smaller: &str| match second {
        0 => format!("{first}{unit}"),
        second => format!("{first}{unit}{second}{smaller}"),
    };
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        _ if years < 2 => format!("{days}d"),
        _ if years < 8 => two(years, "y", days % 365, "d"),
        _ => format!("{years}y"),
    }
}

#[cfg(test)]
mod tests;
