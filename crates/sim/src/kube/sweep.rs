//! What holds a namespace or a definition until its contents are gone, and removes both when they are.
//!
//! In a real cluster controllers do this a moment later; here it is done with the deletion itself.

use std::sync::Arc;

use serde_json::{Value, json};

use super::cluster::{Cluster, ObjectKey};
use super::kinds::{GroupResource, Kind};
use super::{definition, metadata};

/// Holds a definition until its objects are gone.
const DEFINITION_FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

/// What the server adds to a new object of a kind that holds others.
pub(super) fn prepare(kind: &Kind, object: &mut Value) {
    if is_namespace(&kind.key) {
        object["spec"]["finalizers"] = json!(["kubernetes"]);
        object["status"] = json!({"phase": "Active"});
        let name = metadata::text(object, "name").to_owned();
        object["metadata"]["labels"]["kubernetes.io/metadata.name"] = json!(name);
    }
}

/// Whether something other than its finalizers keeps this object.
pub(super) fn holds(kind: &Kind, object: &Value) -> bool {
    is_namespace(&kind.key) && object["spec"]["finalizers"].as_array().is_some_and(|list| !list.is_empty())
        || is_definition(&kind.key) && !metadata::is_deleting(object)
}

/// What a deletion changes in an object that stays for now.
pub(super) fn mark(kind: &Kind, object: &mut Value) {
    if is_namespace(&kind.key) {
        object["status"]["phase"] = json!("Terminating");
    }
    if is_definition(&kind.key) {
        object["metadata"]["finalizers"] = json!([DEFINITION_FINALIZER]);
    }
}

/// Empties what is marked as deleted, and removes what is empty.
pub(super) fn sweep(cluster: &mut Cluster) {
    for holder in [GroupResource::new("", "namespaces"), definition::key()] {
        let marked: Vec<(ObjectKey, Arc<Value>)> = cluster
            .all(&holder)
            .filter(|(_, object)| metadata::is_deleting(object))
            .map(|(place, object)| (place.clone(), object.clone()))
            .collect();
        for (place, object) in marked {
            if empty(cluster, &holder, &object) {
                if is_definition(&holder) {
                    definition::retire(cluster, &object);
                }
                cluster.commit(&holder, &place, None);
            }
        }
    }
}

/// Deletes what `object` holds; whether nothing is left of it.
fn empty(cluster: &mut Cluster, holder: &GroupResource, object: &Value) -> bool {
    let held: Vec<(GroupResource, ObjectKey, Arc<Value>)> = cluster
        .everything()
        .filter(|(resource, place, _)| {
            if is_namespace(holder) {
                place.0 == metadata::text(object, "name")
            } else {
                **resource == definition::defined(object)
            }
        })
        .map(|(resource, place, object)| (resource.clone(), place.clone(), object.clone()))
        .collect();
    let mut left = false;
    for (resource, place, object) in held {
        if metadata::finalizers(&object).is_empty() {
            cluster.commit(&resource, &place, None);
            continue;
        }
        left = true;
        if !metadata::is_deleting(&object) {
            let mut marked = Value::clone(&object);
            let generation = metadata::generation(&object);
            let now = cluster.now();
            let fields = metadata::of(&mut marked);
            fields.insert("deletionTimestamp".into(), json!(now));
            fields.insert("deletionGracePeriodSeconds".into(), json!(0));
            if generation > 0 {
                fields.insert("generation".into(), json!(generation + 1));
            }
            cluster.commit(&resource, &place, Some(marked));
        }
    }
    !left
}

fn is_namespace(key: &GroupResource) -> bool {
    key.group.is_empty() && key.resource == "namespaces"
}

fn is_definition(key: &GroupResource) -> bool {
    *key == definition::key()
}
