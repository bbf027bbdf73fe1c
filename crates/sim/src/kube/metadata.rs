//! The metadata that every object has: what the server fills in, what it checks, what must not change.

use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::field::FieldError;
use super::kinds::Kind;
use super::names;

/// Fields of the metadata that only the server writes when an object is made.
const SYSTEM_FIELDS: [&str; 5] =
    ["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"];

/// The metadata of an object, made if it is missing.
pub(super) fn of(object: &mut Value) -> &mut Map<String, Value> {
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    object["metadata"].as_object_mut().expect("was just made an object")
}

/// A text field of the metadata; empty if it is missing.
pub(super) fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object["metadata"][name].as_str().unwrap_or_default()
}

/// Whether the object is on its way out.
pub(super) fn is_deleting(object: &Value) -> bool {
    !object["metadata"]["deletionTimestamp"].is_null()
}

/// The finalizers of an object.
pub(super) fn finalizers(object: &Value) -> Vec<&str> {
    object["metadata"]["finalizers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The generation of an object; 0 if it has none.
pub(super) fn generation(object: &Value) -> i64 {
    object["metadata"]["generation"].as_i64().unwrap_or_default()
}

/// Removes what a writer may not bring along into a new object.
pub(super) fn wipe_system_fields(object: &mut Value) {
    let metadata = of(object);
    for field in SYSTEM_FIELDS {
        metadata.remove(field);
    }
}

/// Removes what the server does not keep: nulls, empty labels and the like.
pub(super) fn normalize(object: &mut Value) {
    let metadata = of(object);
    for field in ["labels", "annotations", "finalizers", "ownerReferences"] {
        let empty = match metadata.get(field) {
            Some(Value::Object(map)) => map.is_empty(),
            Some(Value::Array(list)) => list.is_empty(),
            other => other.is_some_and(Value::is_null),
        };
        if empty {
            metadata.remove(field);
        }
    }
    metadata.retain(|_, value| !value.is_null());
    // Field ownership is kept only for server-side apply, which is not offered here.
    metadata.remove("managedFields");
}

/// Puts the object into the namespace of the request, or refuses if it names another.
pub(super) fn settle_namespace(object: &mut Value, namespace: Option<&str>) -> Result<(), Failure> {
    let wanted = namespace.unwrap_or_default();
    let given = text(object, "namespace").to_owned();
    if !given.is_empty() && given != wanted {
        return Err(Failure::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    let metadata = of(object);
    if wanted.is_empty() {
        metadata.remove("namespace");
    } else {
        metadata.insert("namespace".into(), json!(wanted));
    }
    Ok(())
}

/// Types of metadata fields that every kind shares; what breaks them cannot even be read.
pub(super) fn check_types(object: &Value, kind: &Kind) -> Result<(), Failure> {
    let metadata = &object["metadata"];
    let refuse = |field: &str, found: &Value, expected: &str| {
        let name = &kind.name;
        let message = format!(
            "{name} in version {:?} cannot be handled as a {name}: json: cannot unmarshal {} into Go struct field \
             ObjectMeta.{}{field} of type {expected}",
            kind.version,
            word_for(found),
            if kind.is_custom() { "" } else { "metadata." },
        );
        Err(Failure::bad_request(message))
    };
    if !metadata.is_object() && !metadata.is_null() {
        return refuse("metadata", metadata, "v1.ObjectMeta");
    }
    for field in ["name", "generateName", "namespace", "uid", "resourceVersion"] {
        if !metadata[field].is_null() && !metadata[field].is_string() {
            return refuse(field, &metadata[field], "string");
        }
    }
    for field in ["labels", "annotations"] {
        match &metadata[field] {
            Value::Null => {}
            Value::Object(map) => {
                if let Some(value) = map.values().find(|value| !value.is_string()) {
                    return refuse(field, value, "string");
                }
            }
            other => return refuse(field, other, "map[string]string"),
        }
    }
    match &metadata["finalizers"] {
        Value::Null => Ok(()),
        Value::Array(list) => match list.iter().find(|value| !value.is_string()) {
            Some(value) => refuse("finalizers", value, "string"),
            None => Ok(()),
        },
        other => refuse("finalizers", other, "[]string"),
    }
}

/// Go's word for a JSON value, which decoding errors use.
fn word_for(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// What is wrong with the metadata of an object.
pub(super) fn validate(object: &Value, kind: &Kind) -> Vec<FieldError> {
    let name = text(object, "name");
    let mut errors = match name {
        "" => vec![FieldError::required("metadata.name", "name or generateName is required")],
        _ => complaints("name", name, names::object_name(kind, name)),
    };
    errors.extend(validate_words(object));
    for finalizer in finalizers(object) {
        errors.extend(complaints("finalizers", finalizer, names::qualified(finalizer)));
    }
    errors
}

/// What is wrong with labels and annotations.
fn validate_words(object: &Value) -> Vec<FieldError> {
    let metadata = &object["metadata"];
    let mut errors = Vec::new();
    for (key, value) in metadata["labels"].as_object().into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        errors.extend(complaints("labels", key, names::qualified(key)));
        errors.extend(complaints("labels", value, names::label_value(value)));
    }
    for key in metadata["annotations"].as_object().into_iter().flat_map(Map::keys) {
        errors.extend(complaints("annotations", key, names::qualified(&key.to_lowercase())));
    }
    errors
}

fn complaints(field: &str, value: &str, complaints: Vec<String>) -> Vec<FieldError> {
    let error = |complaint| FieldError::invalid(format!("metadata.{field}"), json!(value), complaint);
    complaints.into_iter().map(error).collect()
}

/// What is wrong with how the metadata changed.
pub(super) fn validate_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if is_deleting(old) {
        let had = finalizers(old);
        let mut added: Vec<&str> = finalizers(new).into_iter().filter(|finalizer| !had.contains(finalizer)).collect();
        added.sort_unstable();
        if !added.is_empty() {
            let list: Vec<String> = added.iter().map(|finalizer| format!("{finalizer:?}")).collect();
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                list.join(", ")
            );
            errors.push(FieldError::forbidden("metadata.finalizers", detail));
        }
    }
    for field in ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"] {
        let (is, was) = (&new["metadata"][field], &old["metadata"][field]);
        if is != was {
            errors.push(FieldError::invalid(format!("metadata.{field}"), is.clone(), "field is immutable"));
        }
    }
    errors.extend(validate_words(new));
    errors
}

/// Whether two objects are the same but for their metadata.
pub(super) fn are_same_beside(one: &Value, other: &Value) -> bool {
    fn beside(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
        object.as_object().into_iter().flatten().filter(|(name, _)| *name != "metadata")
    }
    beside(one).eq(beside(other))
}

/// Carries over what an update can neither set nor clear.
pub(super) fn keep_system_fields(new: &mut Value, old: &Value) {
    let metadata = of(new);
    if metadata.get("uid").and_then(Value::as_str).unwrap_or_default().is_empty() {
        metadata.insert("uid".into(), old["metadata"]["uid"].clone());
    }
    for field in ["creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"] {
        let was = &old["metadata"][field];
        let cleared = metadata.get(field).is_none_or(Value::is_null);
        if !was.is_null() && (cleared || field != "deletionGracePeriodSeconds") {
            metadata.insert(field.into(), was.clone());
        }
    }
    match &old["metadata"]["generation"] {
        Value::Null => metadata.remove("generation"),
        generation => metadata.insert("generation".into(), generation.clone()),
    };
}
