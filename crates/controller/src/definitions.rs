//! Whether the API server has the definitions that this program was made with. Older ones know less: what they do not know
//! is dropped from what is written, without a word from the API server.
//!
//! They are read as everybody may read them, from the description of the API (`OpenAPI`), so that this needs no right.

use std::collections::BTreeMap;
use std::future;
use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::Value;
use tracing::{debug, info, warn};

use crate::health::{Health, Hindering};
use crate::metrics::Metrics;

/// How soon is looked again at definitions that are older, or could not be read.
const SOON: Duration = Duration::from_secs(15);
/// How soon is looked again at those that are as they should be.
const LATER: Duration = Duration::from_mins(5);
/// How many fields are named.
const NAMED: usize = 5;

/// What is lacking, by kind: the paths of fields, and values as `path=value`.
pub(crate) type Lacking = BTreeMap<String, Vec<String>>;

/// Compares the definitions again and again, and says to probes, metrics and the log what is lacking. Where none are given
/// there is nothing to compare.
pub(crate) async fn watch(
    client: kube::Client,
    definitions: Vec<CustomResourceDefinition>,
    health: Health,
    metrics: Metrics,
) {
    let wanted: Vec<Value> =
        definitions.iter().filter_map(|definition| serde_json::to_value(definition).ok()).collect();
    if wanted.is_empty() {
        return future::pending().await;
    }
    let mut told = Lacking::new();
    loop {
        let pause = match served(&client, &wanted).await {
            Ok(served) => {
                let lacking = lacking(&wanted, &served);
                if lacking != told {
                    tell(&lacking);
                    health.set_hindrance(Hindering::Definitions, in_words(&lacking));
                    metrics.show_outdated(lacking.keys().map(String::as_str));
                    told = lacking;
                }
                if told.is_empty() { LATER } else { SOON }
            }
            // Who is not answered, or may not look, does not know.
            Err(error) => {
                debug!("the definitions of the API server could not be compared: {error}");
                SOON
            }
        };
        tokio::time::sleep(pause).await;
    }
}

fn tell(lacking: &Lacking) {
    if let Some(words) = in_words(lacking) {
        warn!("{words}");
    } else {
        info!("the API server has the definitions of this program");
    }
}

fn in_words(lacking: &Lacking) -> Option<String> {
    let kinds: Vec<String> = lacking
        .iter()
        .map(|(kind, fields)| {
            let named = fields[..fields.len().min(NAMED)].join(", ");
            let more = fields.len().saturating_sub(NAMED);
            if more > 0 { format!("{kind} ({named} and {more} more)") } else { format!("{kind} ({named})") }
        })
        .collect();
    (!kinds.is_empty()).then(|| {
        format!(
            "the API server has definitions that are older than this program; they lack, of {}. Traffic goes back as ever, \
             but nothing moves on that needs these fields; apply those that `weir crds` prints",
            kinds.join(", of ")
        )
    })
}

async fn served(client: &kube::Client, wanted: &[Value]) -> Result<Value, String> {
    let spec = &wanted[0]["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let path = format!("/openapi/v3/apis/{}/{}", text(&spec["group"]), text(&spec["versions"][0]["name"]));
    let request = http::Request::get(path).body(Vec::new()).map_err(|error| error.to_string())?;
    client.request::<Value>(request).await.map_err(|error| error.to_string())
}

/// What the served schemas do not have of those that are wanted. A kind that is not there at all is not told here.
pub(crate) fn lacking(wanted: &[Value], served: &Value) -> Lacking {
    let empty = serde_json::Map::new();
    let schemas = served["components"]["schemas"].as_object().unwrap_or(&empty);
    let mut lacking = Lacking::new();
    for definition in wanted {
        let spec = &definition["spec"];
        let (group, kind) = (&spec["group"], &spec["names"]["kind"]);
        let is_it = |schema: &&Value| {
            let mut names = schema["x-kubernetes-group-version-kind"].as_array().into_iter().flatten();
            names.any(|name| name["group"] == *group && name["kind"] == *kind)
        };
        let Some(found) = schemas.values().find(is_it) else { continue };
        let schema = &spec["versions"][0]["schema"]["openAPIV3Schema"];
        let mut fields = Vec::new();
        for part in ["spec", "status"] {
            compare(&schema["properties"][part], &found["properties"][part], part, &mut fields);
        }
        if !fields.is_empty() {
            lacking.insert(kind.as_str().unwrap_or_default().to_owned(), fields);
        }
    }
    lacking
}

fn compare(wanted: &Value, found: &Value, path: &str, lacking: &mut Vec<String>) {
    let values = |schema: &Value| schema["enum"].as_array().cloned().unwrap_or_default();
    let known = values(found);
    if !known.is_empty() {
        lacking.extend(
            values(wanted)
                .into_iter()
                .filter(|value| !known.contains(value))
                .map(|value| format!("{path}={}", value.as_str().unwrap_or_default())),
        );
    }
    for (name, schema) in wanted["properties"].as_object().into_iter().flatten() {
        let (path, there) = (format!("{path}.{name}"), &found["properties"][name]);
        if there.is_null() {
            lacking.push(path);
        } else {
            compare(schema, there, &path, lacking);
        }
    }
    if wanted["items"].is_object() {
        compare(&wanted["items"], &found["items"], &format!("{path}[]"), lacking);
    }
}

#[cfg(test)]
mod tests;
