//! How the API server would take objects: asked by dry runs, which store nothing.

use kube::api::{Api, DynamicObject, PostParams};
use kube::core::ApiResource;
use kube::{Client, Error};
use serde_json::Value;
use weir_api::{EntryPoint, Environment, TrafficShift, WeightedRoute};

use crate::run::cluster::in_full;

/// What a kind of Weir's is called by the API server.
fn resource(kind: &str) -> Option<ApiResource> {
    match kind {
        "EntryPoint" => Some(ApiResource::erase::<EntryPoint>(&())),
        "Environment" => Some(ApiResource::erase::<Environment>(&())),
        "WeightedRoute" => Some(ApiResource::erase::<WeightedRoute>(&())),
        "TrafficShift" => Some(ApiResource::erase::<TrafficShift>(&())),
        _ => None,
    }
}

/// A shift as it is.
pub(super) async fn shift(client: &Client, namespace: &str, name: &str) -> Option<Value> {
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource("TrafficShift")?);
    serde_json::to_value(api.get(name).await.ok()?).ok()
}

/// An object as the API server would have it once it was applied: what it has no say in, such as the status, as it is there. What
/// is none of Weir's comes back as it was. The error says why the API server would refuse it.
pub(super) async fn apply(client: &Client, object: Value) -> Result<Value, String> {
    let Some(resource) = object["kind"].as_str().and_then(resource) else { return Ok(object) };
    let mut wanted: DynamicObject = serde_json::from_value(object).map_err(|error| error.to_string())?;
    let kind = wanted.types.clone();
    let (name, namespace) = (wanted.metadata.name.clone(), wanted.metadata.namespace.clone());
    let name = name.ok_or("metadata.name is missing; give the object a name")?;
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace.unwrap_or_default(), &resource);
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    let said = |error: Error| match error {
        Error::Api(status) => status.message,
        other => in_full(&other),
    };
    let taken = match api.get_opt(&name).await.map_err(said)? {
        Some(known) => {
            wanted.metadata.resource_version = known.metadata.resource_version;
            // What a manifest does not say of these, an apply leaves alone.
            wanted.metadata.finalizers = known.metadata.finalizers;
            wanted.metadata.labels = wanted.metadata.labels.or(known.metadata.labels);
            wanted.metadata.annotations = wanted.metadata.annotations.or(known.metadata.annotations);
            api.replace(&name, &dry, &wanted).await
        }
        None => api.create(&dry, &wanted).await,
    };
    let mut taken = taken.map_err(said)?;
    taken.types = taken.types.or(kind);
    serde_json::to_value(taken).map_err(|error| error.to_string())
}
