//! Whether the API server has the definitions that this program was made with. Older ones know less: what they do not know
//! is dropped from what is written, without a word from the API server.
//!
//! They are read as everybody may read them, from the description of the API (`OpenAPI`), so that this needs no right.

use std::collections::BTreeMap;
use std::future;
use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde::Deserialize;
use serde_json::Value;
use tracing::{debug, info, warn};

use crate::health::{Health, Prerequisite};
use crate::metrics::Metrics;

/// How soon is looked again at definitions that are older, or could not be read.
const SOON: Duration = Duration::from_secs(15);
/// How soon is looked again at those that are as they should be.
const LATER: Duration = Duration::from_mins(5);
/// How many fields are named.
const NAMED: usize = 5;

/// The definitions that a program was made with. Of their schemas only what is compared is kept: they are large, and held for
/// as long as the process lives.
#[derive(Clone, Debug, Default)]
pub struct Definitions(Vec<Definition>);

#[derive(Clone, Debug)]
struct Definition {
    group: String,
    version: String,
    kind: String,
    schema: Schema,
}

/// What is compared of a schema.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Schema {
    properties: BTreeMap<String, Schema>,
    items: Option<Box<Schema>>,
    #[serde(rename = "enum")]
    values: Vec<Value>,
    #[serde(rename = "x-kubernetes-group-version-kind")]
    names: Vec<GroupKind>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct GroupKind {
    group: String,
    kind: String,
}

/// What an API server serves as the description of a group.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Served {
    components: Components,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Components {
    schemas: BTreeMap<String, Schema>,
}

impl Definitions {
    /// Those of some kinds, each with one version.
    pub fn of(definitions: &[CustomResourceDefinition]) -> Self {
        let one = |definition: &CustomResourceDefinition| {
            let version = definition.spec.versions.first()?;
            let schema = serde_json::to_value(version.schema.as_ref()?.open_api_v3_schema.as_ref()?).ok()?;
            Some(Definition {
                group: definition.spec.group.clone(),
                version: version.name.clone(),
                kind: definition.spec.names.kind.clone(),
                schema: Schema::deserialize(&schema).ok()?,
            })
        };
        Self(definitions.iter().filter_map(one).collect())
    }
}

/// What is lacking, by kind: the paths of fields, and values as `path=value`.
type Lacking = BTreeMap<String, Vec<String>>;

/// Compares the definitions again and again, and says to probes, metrics and the log what is lacking. Where none are given
/// there is nothing to compare.
pub(crate) async fn watch(client: kube::Client, wanted: Definitions, health: Health, metrics: Metrics) {
    if wanted.0.is_empty() {
        return future::pending().await;
    }
    let mut told = Lacking::new();
    loop {
        let pause = match served(&client, &wanted).await {
            Ok(served) => {
                let lacking = lacking(&wanted, &served);
                if lacking != told {
                    tell(&lacking);
                    health.set_unmet(Prerequisite::Definitions, in_words(&lacking));
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

async fn served(client: &kube::Client, wanted: &Definitions) -> Result<Served, String> {
    let path = wanted.0.first().map(|kind| format!("/openapi/v3/apis/{}/{}", kind.group, kind.version));
    let request = http::Request::get(path.unwrap_or_default()).body(Vec::new()).map_err(|error| error.to_string())?;
    client.request(request).await.map_err(|error| error.to_string())
}

/// What the served schemas do not have of those that are wanted. A kind that is not there at all is not told here.
fn lacking(wanted: &Definitions, served: &Served) -> Lacking {
    let (mut lacking, nothing) = (Lacking::new(), Schema::default());
    for Definition { group, kind, schema, .. } in &wanted.0 {
        let is_it = |found: &&Schema| found.names.iter().any(|name| name.group == *group && name.kind == *kind);
        let Some(found) = served.components.schemas.values().find(is_it) else { continue };
        let mut fields = Vec::new();
        for (part, wanted) in schema.properties.iter().filter(|(part, _)| ["spec", "status"].contains(&part.as_str())) {
            compare(wanted, found.properties.get(part).unwrap_or(&nothing), part, &mut fields);
        }
        if !fields.is_empty() {
            lacking.insert(kind.clone(), fields);
        }
    }
    lacking
}

fn compare(wanted: &Schema, found: &Schema, path: &str, lacking: &mut Vec<String>) {
    if !found.values.is_empty() {
        let unknown = wanted.values.iter().filter(|value| !found.values.contains(value));
        lacking.extend(unknown.map(|value| format!("{path}={}", value.as_str().unwrap_or_default())));
    }
    for (name, schema) in &wanted.properties {
        let path = format!("{path}.{name}");
        match found.properties.get(name) {
            Some(found) => compare(schema, found, &path, lacking),
            None => lacking.push(path),
        }
    }
    if let Some(wanted) = &wanted.items {
        let nothing = Schema::default();
        compare(wanted, found.items.as_deref().unwrap_or(&nothing), &format!("{path}[]"), lacking);
    }
}

#[cfg(test)]
mod tests;
