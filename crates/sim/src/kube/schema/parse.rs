//! Reading a structural schema from the JSON of a definition.

use serde_json::Value;

use super::{Additional, Schema, Type};
use crate::kube::field::child;

/// What keeps a schema from being read.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::kube) struct Mistake {
    /// Where in the schema.
    pub(in crate::kube) path: String,
    /// What stands there.
    pub(in crate::kube) found: Value,
    /// What is wrong with it.
    pub(in crate::kube) complaint: String,
}

impl Mistake {
    fn new(path: &str, found: &Value, complaint: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            found: found.clone(),
            complaint: complaint.into(),
        }
    }
}

pub(super) fn schema(json: &Value, path: &str) -> Result<Schema, Mistake> {
    if !json.is_object() {
        return Err(Mistake::new(path, json, "must be an object"));
    }
    let flag = |name: &str| json[name] == true;
    let mut properties = std::collections::BTreeMap::new();
    for (name, property) in json["properties"].as_object().into_iter().flatten() {
        let path = child(&child(path, "properties"), name);
        properties.insert(name.clone(), schema(property, &path)?);
    }
    let additional = match &json["additionalProperties"] {
        Value::Null | Value::Bool(false) => Additional::None,
        Value::Bool(true) => Additional::Any,
        other => Additional::Of(Box::new(schema(
            other,
            &child(path, "additionalProperties"),
        )?)),
    };
    let items = match &json["items"] {
        Value::Null => None,
        items => Some(Box::new(schema(items, &child(path, "items"))?)),
    };
    Ok(Schema {
        kind: kind(&json["type"], &child(path, "type"))?,
        format: json["format"].as_str().map(str::to_owned),
        nullable: flag("nullable"),
        int_or_string: flag("x-kubernetes-int-or-string"),
        preserve_unknown: flag("x-kubernetes-preserve-unknown-fields"),
        embedded: flag("x-kubernetes-embedded-resource"),
        properties,
        additional,
        items,
        default: json
            .get("default")
            .filter(|default| !default.is_null())
            .cloned(),
    })
}

fn kind(json: &Value, path: &str) -> Result<Type, Mistake> {
    Ok(match json.as_str() {
        None if json.is_null() => Type::Any,
        Some("object") => Type::Object,
        Some("array") => Type::Array,
        Some("string") => Type::String,
        Some("integer") => Type::Integer,
        Some("number") => Type::Number,
        Some("boolean") => Type::Boolean,
        _ => {
            let complaint = "must be one of object, array, string, integer, number, boolean";
            return Err(Mistake::new(path, json, complaint));
        }
    })
}
