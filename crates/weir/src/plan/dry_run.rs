//! How the API server would take objects: asked by dry runs, which store nothing.

use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams, TypeMeta};
use kube::core::ApiResource;
use kube::{Client, Error};
use serde_json::{Value, json};
use weir_api::TrafficShift;
use weir_controller::{kind_of, resource};

use crate::run::cluster::in_full;

/// Where kubectl keeps what it has applied last.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

fn said(error: Error) -> String {
    match error {
        Error::Api(status) => status.message,
        other => in_full(&other),
    }
}

/// A shift as the API server would have it with another environment in `spec.to`; `None` where there is no such shift.
pub(super) async fn shift_to(
    client: &Client,
    namespace: &str,
    name: &str,
    to: &str,
) -> Result<Option<Result<Value, String>>, String> {
    let resource = ApiResource::erase::<TrafficShift>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    if api.get_opt(name).await.map_err(said)?.is_none() {
        return Ok(None);
    }
    Ok(Some(merge(&api, name, &json!({"spec": {"to": to}}), &resource).await))
}

/// An object as the API server would have it once `kubectl apply` has applied it: what the manifest does not say, and no manifest
/// before said, stays as it is. What is none of Weir's comes back as it was. The error says why the API server would refuse it.
pub(super) async fn apply(client: &Client, object: Value) -> Result<Value, String> {
    let Some(resource) = kind_of(&object).map(resource) else { return Ok(object) };
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    let (name, namespace) = (text("name"), text("namespace"));
    if name.is_empty() || namespace.is_empty() {
        return Err("metadata.name and metadata.namespace are names; give the object a name".to_owned());
    }
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &resource);
    if let Some(known) = api.get_opt(&name).await.map_err(said)? {
        let applied = known.metadata.annotations.as_ref().and_then(|all| all.get(LAST_APPLIED));
        let applied = applied.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        return merge(&api, &name, &without_what_was(object, &applied), &resource).await;
    }
    let wanted: DynamicObject = serde_json::from_value(object).map_err(|error| error.to_string())?;
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    typed(api.create(&dry, &wanted).await.map_err(said)?, &resource)
}

async fn merge(api: &Api<DynamicObject>, name: &str, patch: &Value, resource: &ApiResource) -> Result<Value, String> {
    let dry = PatchParams { dry_run: true, ..PatchParams::default() };
    typed(api.patch(name, &dry, &Patch::Merge(patch)).await.map_err(said)?, resource)
}

fn typed(mut object: DynamicObject, resource: &ApiResource) -> Result<Value, String> {
    let types = TypeMeta { api_version: resource.api_version.clone(), kind: resource.kind.clone() };
    object.types = object.types.or(Some(types));
    serde_json::to_value(object).map_err(|error| error.to_string())
}

/// A manifest as a merge patch that takes away what an earlier one said and this one does not.
fn without_what_was(mut wanted: Value, applied: &Value) -> Value {
    if let (Some(wanted), Some(applied)) = (wanted.as_object_mut(), applied.as_object()) {
        for (field, before) in applied {
            let now = wanted.remove(field).map_or(Value::Null, |now| without_what_was(now, before));
            wanted.insert(field.clone(), now);
        }
    }
    wanted
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::without_what_was;

    #[test]
    fn what_is_said_no_more_is_taken_away() {
        let applied = json!({"spec": {"to": "blue", "paused": true, "strategy": {"linear": {"step": 5}}}});
        let wanted = json!({"spec": {"to": "green", "strategy": {"allAtOnce": {}}}});
        let patch = json!({"spec": {"to": "green", "paused": null, "strategy": {"linear": null, "allAtOnce": {}}}});
        assert_eq!(without_what_was(wanted.clone(), &applied), patch);
        assert_eq!(without_what_was(wanted.clone(), &json!(null)), wanted);
    }
}
