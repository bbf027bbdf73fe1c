//! Reading a structural schema from the JSON of a definition, and refusing what a real server would refuse.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::format::{Format, Known};
use super::rules::Rules;
use super::{Additional, Below, Bound, Limits, ListType, Schema, Type};
use crate::kube::field::{FieldError, child, index, key};

/// Keywords that structural schemas must not use.
const FORBIDDEN: [&str; 6] = ["$ref", "definitions", "dependencies", "patternProperties", "id", "additionalItems"];

type Parsed<T> = Result<T, FieldError>;

/// Where in a schema something stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// On the spine: it must say its type.
    Spine,
    /// In a branch of `anyOf` and the like: it only narrows what the spine says.
    Branch,
}

pub(super) fn root(json: &Value) -> Parsed<Schema> {
    if json["type"] != "object" {
        return Err(FieldError::invalid("type", json["type"].clone(), "must be object at the root"));
    }
    let schema = node(json, "", Level::Spine)?;
    check_defaults(&schema, "")?;
    Ok(schema)
}

fn node(json: &Value, path: &str, level: Level) -> Parsed<Schema> {
    if !json.is_object() {
        return Err(FieldError::invalid(path, json.clone(), "must be an object"));
    }
    if let Some(keyword) = FORBIDDEN.into_iter().find(|keyword| !json[keyword].is_null()) {
        return Err(FieldError::forbidden(child(path, keyword), format!("{keyword} is not supported")));
    }
    let flag = |name: &str| json[name] == true;
    let mut properties = BTreeMap::new();
    for (name, property) in json["properties"].as_object().into_iter().flatten() {
        let path = key(&child(path, "properties"), name);
        properties.insert(name.clone(), node(property, &path, level)?);
    }
    let additional = match &json["additionalProperties"] {
        Value::Null | Value::Bool(false) => Additional::None,
        Value::Bool(true) => Additional::Any,
        other => Additional::Of(Box::new(node(other, &child(path, "additionalProperties"), level)?)),
    };
    let items = match &json["items"] {
        Value::Null => None,
        items => Some(Box::new(node(items, &child(path, "items"), level)?)),
    };
    let (int_or_string, preserve_unknown) =
        (flag("x-kubernetes-int-or-string"), flag("x-kubernetes-preserve-unknown-fields"));
    let kind = kind(&json["type"], &child(path, "type"))?;
    if level == Level::Spine && kind == Type::Any && !int_or_string && !preserve_unknown {
        let detail = "must not be empty for specified object fields";
        return Err(FieldError::required(child(path, "type"), detail));
    }
    let schema = Schema {
        kind,
        format: format(json, path)?,
        nullable: flag("nullable"),
        int_or_string,
        preserve_unknown,
        embedded: flag("x-kubernetes-embedded-resource"),
        properties,
        additional,
        items,
        default: json.get("default").filter(|default| !default.is_null()).cloned(),
        list: list(json, path)?,
        limits: limits(json, path)?,
        rules: Rules::parse(json, path)?,
        below: Below::default(),
    };
    Ok(Schema { below: Below::of(&schema), ..schema })
}

fn kind(json: &Value, path: &str) -> Parsed<Type> {
    Ok(match json.as_str() {
        None if json.is_null() => Type::Any,
        Some("object") => Type::Object,
        Some("array") => Type::Array,
        Some("string") => Type::String,
        Some("integer") => Type::Integer,
        Some("number") => Type::Number,
        Some("boolean") => Type::Boolean,
        _ => {
            let detail = "must be one of object, array, string, integer, number, boolean";
            return Err(FieldError::invalid(path, json.clone(), detail));
        }
    })
}

fn format(json: &Value, path: &str) -> Parsed<Option<Format>> {
    let Some(name) = json["format"].as_str() else {
        return Ok(None);
    };
    match Format::find(json["type"].as_str().unwrap_or("string"), name) {
        Known::Checked(format) => Ok(Some(format)),
        Known::Ignored => Ok(None),
        Known::NotOffered => {
            let detail = "this server does not check the format, though a real one would; use a pattern or a rule";
            Err(FieldError::invalid(child(path, "format"), json!(name), detail))
        }
    }
}

fn list(json: &Value, path: &str) -> Parsed<ListType> {
    let field = child(path, "x-kubernetes-list-type");
    match json["x-kubernetes-list-type"].as_str() {
        None | Some("atomic") => Ok(ListType::Atomic),
        Some("set") => Ok(ListType::Set),
        Some("map") => {
            let keys: Vec<String> = texts(&json["x-kubernetes-list-map-keys"]);
            let properties = &json["items"]["properties"];
            if keys.is_empty() {
                let detail = "must not be empty if x-kubernetes-list-type is map";
                return Err(FieldError::required(child(path, "x-kubernetes-list-map-keys"), detail));
            }
            match keys.iter().find(|name| properties[name.as_str()].is_null()) {
                Some(name) => {
                    let field = index(&child(path, "x-kubernetes-list-map-keys"), 0);
                    Err(FieldError::invalid(field, json!(name), "entries must all be names of item properties"))
                }
                None => Ok(ListType::Map(keys)),
            }
        }
        Some(_) => {
            let detail = "must be one of atomic, set, map";
            Err(FieldError::invalid(field, json["x-kubernetes-list-type"].clone(), detail))
        }
    }
}

fn limits(json: &Value, path: &str) -> Parsed<Limits> {
    let size = |name: &str| json[name].as_u64();
    let bound = |name: &str, exclusive: &str| {
        json[name].as_number().map(|value| Bound { value: value.clone(), exclusive: json[exclusive] == true })
    };
    let branches = |name: &str| -> Parsed<Vec<Schema>> {
        let list = json[name].as_array().map(Vec::as_slice).unwrap_or_default();
        let path = child(path, name);
        list.iter().enumerate().map(|(at, branch)| node(branch, &index(&path, at), Level::Branch)).collect()
    };
    let pattern = match json["pattern"].as_str() {
        None => None,
        Some(text) => Some(Regex::new(text).map_err(|error| {
            FieldError::invalid(
                child(path, "pattern"),
                json!(text),
                format!("must be a valid regular expression, but isn't: {error}"),
            )
        })?),
    };
    let not = match &json["not"] {
        Value::Null => None,
        not => Some(Box::new(node(not, &child(path, "not"), Level::Branch)?)),
    };
    Ok(Limits {
        required: texts(&json["required"]),
        values: json["enum"].as_array().cloned().unwrap_or_default(),
        pattern,
        minimum: bound("minimum", "exclusiveMinimum"),
        maximum: bound("maximum", "exclusiveMaximum"),
        multiple_of: json["multipleOf"].as_f64(),
        min_length: size("minLength"),
        max_length: size("maxLength"),
        min_items: size("minItems"),
        max_items: size("maxItems"),
        unique_items: json["uniqueItems"] == true,
        min_properties: size("minProperties"),
        max_properties: size("maxProperties"),
        all_of: branches("allOf")?,
        any_of: branches("anyOf")?,
        one_of: branches("oneOf")?,
        not,
    })
}

fn texts(json: &Value) -> Vec<String> {
    json.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Refuses defaults that the schema itself would refuse.
fn check_defaults(schema: &Schema, path: &str) -> Parsed<()> {
    if let Some(default) = &schema.default {
        let mut whole = default.clone();
        schema.default(&mut whole);
        if let Some(error) = schema.judge(&whole, None, "").into_iter().next() {
            let field = child(path, "default");
            let field = if error.field.is_empty() { field } else { child(&field, &error.field) };
            return Err(FieldError { field, ..error });
        }
    }
    for (name, property) in &schema.properties {
        check_defaults(property, &key(&child(path, "properties"), name))?;
    }
    if let Additional::Of(additional) = &schema.additional {
        check_defaults(additional, &child(path, "additionalProperties"))?;
    }
    match &schema.items {
        Some(items) => check_defaults(items, &child(path, "items")),
        None => Ok(()),
    }
}

/// A schema without the rules of what lies below it, and without what only people read.
pub(super) fn without_inner_rules(json: &Value) -> Value {
    strip(json, true)
}

fn strip(json: &Value, outermost: bool) -> Value {
    match json {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| {
                !matches!(name.as_str(), "description" | "allOf" | "anyOf" | "oneOf" | "not")
                    && (outermost || *name != "x-kubernetes-validations")
            });
            let strip_field = |(name, value): (&String, &Value)| {
                let value = match (name.as_str(), value) {
                    ("properties", Value::Object(properties)) => {
                        let stripped = properties.iter().map(|(name, schema)| (name.clone(), strip(schema, false)));
                        Value::Object(stripped.collect::<Map<_, _>>())
                    }
                    ("items" | "additionalProperties", schema) => strip(schema, false),
                    _ => value.clone(),
                };
                (name.clone(), value)
            };
            Value::Object(kept.map(strip_field).collect())
        }
        other => other.clone(),
    }
}
