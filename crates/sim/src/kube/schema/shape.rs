//! Bringing an object into the shape of its schema: unknown fields out, defaults in.

use serde_json::Value;

use super::{Additional, Schema};
use crate::kube::field::{child, index};

/// What every object has at its root, whatever its schema says.
const ROOT_FIELDS: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// The fields of an object's metadata.
const METADATA_FIELDS: [&str; 16] = [
    "annotations",
    "clusterName",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

impl Schema {
    /// Removes the fields that the schema does not know; returns their paths.
    pub(in crate::kube) fn prune(&self, object: &mut Value) -> Vec<String> {
        let mut unknown = Vec::new();
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.retain(|field, _| {
                let known = METADATA_FIELDS.contains(&field.as_str());
                if !known {
                    unknown.push(child("metadata", field));
                }
                known
            });
        }
        let in_metadata = unknown.len();
        self.prune_at(object, "", true, &mut unknown);
        unknown[in_metadata..].sort();
        unknown
    }

    fn prune_at(&self, value: &mut Value, path: &str, root: bool, unknown: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                let keeps_all = self.preserve_unknown || matches!(self.additional, Additional::Any);
                fields.retain(|name, _| {
                    let known = self.of_field(name).is_some()
                        || keeps_all
                        || (root || self.embedded) && ROOT_FIELDS.contains(&name.as_str());
                    if !known {
                        unknown.push(child(path, name));
                    }
                    known
                });
                for (name, field) in fields.iter_mut() {
                    if (root || self.embedded) && ROOT_FIELDS.contains(&name.as_str()) {
                        continue;
                    }
                    if let Some(schema) = self.of_field(name) {
                        schema.prune_at(field, &child(path, name), false, unknown);
                    }
                }
            }
            Value::Array(items) => {
                if let Some(schema) = &self.items {
                    for (position, item) in items.iter_mut().enumerate() {
                        schema.prune_at(item, &index(path, position), false, unknown);
                    }
                }
            }
            _ => {}
        }
    }

    /// Fills in the defaults of fields that are missing, and takes away nulls where null is not allowed.
    pub(in crate::kube) fn default(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields
                    .retain(|name, field| !field.is_null() || self.of_field(name).is_none_or(|schema| schema.nullable));
                for (name, schema) in &self.properties {
                    if let (Some(default), false) = (&schema.default, fields.contains_key(name)) {
                        fields.insert(name.clone(), default.clone());
                    }
                }
                for (name, field) in fields.iter_mut() {
                    if let Some(schema) = self.of_field(name) {
                        schema.default(field);
                    }
                }
            }
            Value::Array(items) => {
                let Some(schema) = &self.items else { return };
                for item in items {
                    if let (true, false, Some(default)) = (item.is_null(), schema.nullable, &schema.default) {
                        *item = default.clone();
                    }
                    schema.default(item);
                }
            }
            _ => {}
        }
    }
}
