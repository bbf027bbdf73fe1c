//! From the bytes of a request to an object in the shape of its kind.

use serde_json::{Number, Value, json};

use super::failure::Failure;
use super::field::{FieldError, Wrong};
use super::kinds::Kind;
use super::{events, metadata};

/// What to do about fields that the schema does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unknown {
    Drop,
    Warn,
    Refuse,
}

/// Reads a body as an object of this kind.
pub(super) fn object(body: &[u8], kind: &Kind) -> Result<Value, Failure> {
    let refuse = |words: String| {
        let message = format!("the object provided is unrecognized (must be of type {}): {words}", kind.name);
        Err(Failure::bad_request(message))
    };
    let object: Value = match serde_json::from_slice(body) {
        Ok(object) => object,
        Err(error) => {
            return refuse(format!("couldn't get version/kind; json parse error: {error}"));
        }
    };
    if !object.is_object() {
        return refuse("couldn't get version/kind; expected a JSON object".to_owned());
    }
    if kind.is_custom() {
        for (field, word) in [("kind", "Kind"), ("apiVersion", "apiVersion")] {
            if object[field].as_str().unwrap_or_default().is_empty() {
                return refuse(format!("Object '{word}' is missing in '{object}'"));
            }
        }
    }
    Ok(object)
}

/// Reads a body as a merge patch.
pub(super) fn merge_patch(body: &[u8]) -> Result<Value, Failure> {
    let patch: Value =
        serde_json::from_slice(body).map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))?;
    if patch.is_object() {
        return Ok(patch);
    }
    Err(Failure::bad_request("error decoding patch: expected a JSON object, as merge patches of objects are"))
}

/// Changes an object by a JSON patch (RFC 6902): all of its operations, or none.
pub(super) fn apply_json_patch(object: &mut Value, body: &[u8]) -> Result<(), Failure> {
    let patch: json_patch::Patch =
        serde_json::from_slice(body).map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))?;
    json_patch::patch(object, &patch).map_err(|_| Failure::unpatchable())
}

/// Checks that an object can be one of this kind, drops the fields that the schema does not know and fills in the
/// defaults. Returns what there is to say about the dropped fields.
pub(super) fn shape(object: &mut Value, kind: &Kind) -> Result<Vec<String>, Failure> {
    check_identity(object, kind)?;
    metadata::check_types(object, kind)?;
    object["apiVersion"] = json!(kind.api_version());
    object["kind"] = json!(kind.name);
    whole_numbers(object);
    let unknown = kind.schema.prune(object);
    kind.schema.default(object);
    if !kind.is_custom() {
        check_built_in(object, kind)?;
        if kind.key.resource == "events" {
            events::complete(object, kind);
        }
    }
    Ok(unknown.iter().map(|path| format!("unknown field {path:?}")).collect())
}

/// The answer to an object with fields that are not known, where that is to be refused.
pub(super) fn not_strict(kind: &Kind, version: &str, unknown: &[String]) -> Failure {
    let name = &kind.name;
    Failure::bad_request(format!(
        "{name} in version {version:?} cannot be handled as a {name}: strict decoding error: {}",
        unknown.join(", ")
    ))
}

/// Of a version of a custom kind that is not served, no field beyond the metadata is known.
pub(super) fn refuse_unknown_version(object: &Value, kind: &Kind) -> Result<(), Failure> {
    let group = format!("{}/", kind.key.group);
    let version = object["apiVersion"].as_str().and_then(|found| found.strip_prefix(&group)).unwrap_or_default();
    if !kind.is_custom() || version.is_empty() || version == kind.version {
        return Ok(());
    }
    let known = ["apiVersion", "kind", "metadata"];
    let fields = object.as_object().into_iter().flat_map(serde_json::Map::keys);
    let unknown = fields.filter(|field| !known.contains(&field.as_str()));
    let unknown: Vec<String> = unknown.map(|field| format!("unknown field {field:?}")).collect();
    if unknown.is_empty() { Ok(()) } else { Err(not_strict(kind, version, &unknown)) }
}

/// Refuses an object of another kind or version than the path names.
fn check_identity(object: &Value, kind: &Kind) -> Result<(), Failure> {
    let text = |name: &str| object[name].as_str().unwrap_or_default();
    let expected = kind.api_version();
    if !text("apiVersion").is_empty() && text("apiVersion") != expected {
        let found = text("apiVersion");
        let message =
            format!("the API version in the data ({found}) does not match the expected API version ({expected})");
        return Err(Failure::bad_request(message));
    }
    if !text("kind").is_empty() && text("kind") != kind.name {
        let error = FieldError::invalid("kind", json!(text("kind")), format!("must be {}", kind.name));
        let name = metadata::text(object, "name");
        return Err(Failure::invalid(&kind.key.group, text("kind"), name, &[error]));
    }
    Ok(())
}

/// Objects of built-in kinds with a wrong type somewhere cannot even be read.
fn check_built_in(object: &Value, kind: &Kind) -> Result<(), Failure> {
    let errors = kind.schema.judge(object, None, "");
    let Some(error) = errors.iter().find(|error| error.wrong == Wrong::TypeInvalid) else {
        return Ok(());
    };
    let name = &kind.name;
    Err(Failure::bad_request(format!(
        "{name} in version {:?} cannot be handled as a {name}: {}",
        kind.version, error.detail
    )))
}

/// Writes numbers that are whole without a fraction, as the server does.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            if let Some(whole) = super::schema::whole(value) {
                *value = Value::Number(Number::from(whole));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(fields) => fields.values_mut().for_each(whole_numbers),
        _ => {}
    }
}
