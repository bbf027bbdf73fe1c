//! Definitions of custom resources: how one becomes served kinds, and what its status then says.

use serde_json::{Value, json};

use super::cluster::{Cluster, ObjectKey};
use super::field::FieldError;
use super::kinds::{GroupResource, Kind, Origin};
use super::metadata;
use super::schema::Schema;
use super::table::Columns;

/// The resource of the definitions themselves.
pub(super) fn key() -> GroupResource {
    GroupResource::new("apiextensions.k8s.io", "customresourcedefinitions")
}

/// The resource that a definition defines.
pub(super) fn defined(definition: &Value) -> GroupResource {
    let spec = &definition["spec"];
    GroupResource::new(spec["group"].as_str().unwrap_or_default(), spec["names"]["plural"].as_str().unwrap_or_default())
}

/// What is wrong with a definition beyond its schema.
pub(super) fn validate(definition: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let spec = &definition["spec"];
    let defined = defined(definition);
    let expected = format!("{}.{}", defined.resource, defined.group);
    let name = metadata::text(definition, "name");
    if name != expected {
        let detail = "must be spec.names.plural+\".\"+spec.group";
        errors.push(FieldError::invalid("metadata.name", json!(name), detail));
    }
    let versions = spec["versions"].as_array().map(Vec::as_slice).unwrap_or_default();
    if versions.iter().filter(|version| version["storage"] == true).count() != 1 {
        let detail = "must have exactly one version marked as storage version";
        errors.push(FieldError::invalid("spec.versions", spec["versions"].clone(), detail));
    }
    for (index, version) in versions.iter().enumerate() {
        // The server moves the schema of a single version up before it looks at it.
        let path = match versions.len() {
            1 => "spec.validation.openAPIV3Schema".to_owned(),
            _ => format!("spec.versions[{index}].schema.openAPIV3Schema"),
        };
        let schema = &version["schema"]["openAPIV3Schema"];
        if schema.is_null() {
            let field = format!("spec.versions[{index}].schema.openAPIV3Schema");
            errors.push(FieldError::required(field, ""));
        } else if let Err(error) = Schema::shared(schema) {
            errors.push(FieldError { field: format!("{path}.{}", error.field), ..error });
        }
        if let Err(reason) = Columns::of_version(version) {
            let field = format!("spec.versions[{index}].additionalPrinterColumns");
            errors.push(FieldError::invalid(field, version["additionalPrinterColumns"].clone(), reason));
        }
    }
    errors
}

/// After a write: a definition that changed is served as it now is, and says so in its status.
pub(super) fn follow(cluster: &mut Cluster, kind: &Kind, place: &ObjectKey) {
    if kind.key != key() {
        return;
    }
    let Some(definition) = cluster.get(&kind.key, place).cloned() else {
        return;
    };
    serve(cluster, &definition);
    let now = cluster.now();
    let mut accepted = Value::clone(&definition);
    let condition = |kind: &str, reason: &str, message: &str| json!({"type": kind, "status": "True", "lastTransitionTime": now, "reason": reason, "message": message});
    let stored: Vec<&Value> = versions(&definition).filter(|v| v["storage"] == true).map(|v| &v["name"]).collect();
    let mut status = json!({
        "acceptedNames": definition["spec"]["names"],
        "storedVersions": stored,
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
    });
    if !definition["status"]["conditions"].is_null() {
        status["conditions"] = definition["status"]["conditions"].clone();
    }
    accepted["status"] = status;
    if accepted != *definition {
        cluster.commit(&kind.key, place, Some(accepted));
    }
}

/// Serves the kinds of a definition, in the place of what was served of it before.
fn serve(cluster: &mut Cluster, definition: &Value) {
    let resource = defined(definition);
    cluster.kinds.remove(&resource);
    let spec = &definition["spec"];
    let names = &spec["names"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let texts = |value: &Value| value.as_array().into_iter().flatten().map(text).collect::<Vec<_>>();
    for version in versions(definition).filter(|version| version["served"] == true) {
        let schema = Schema::shared(&version["schema"]["openAPIV3Schema"]);
        let kind = text(&names["kind"]);
        let or = |value: String, other: String| if value.is_empty() { other } else { value };
        cluster.kinds.add(Kind {
            key: resource.clone(),
            stored_as: resource.clone(),
            version: text(&version["name"]),
            list_name: or(text(&names["listKind"]), format!("{kind}List")),
            singular: or(text(&names["singular"]), kind.to_lowercase()),
            name: kind,
            short_names: texts(&names["shortNames"]),
            categories: texts(&names["categories"]),
            namespaced: spec["scope"] == "Namespaced",
            has_status: !version["subresources"]["status"].is_null(),
            has_generation: true,
            origin: Origin::Custom,
            schema: schema.expect("a definition whose schema does not parse was refused"),
            columns: Columns::of_version(version).expect("a definition whose columns are no paths was refused"),
        });
    }
}

/// Stops serving what a definition defined.
pub(super) fn retire(cluster: &mut Cluster, definition: &Value) {
    cluster.kinds.remove(&defined(definition));
}

/// Its versions.
pub(super) fn versions(definition: &Value) -> impl Iterator<Item = &Value> {
    definition["spec"]["versions"].as_array().into_iter().flatten()
}
