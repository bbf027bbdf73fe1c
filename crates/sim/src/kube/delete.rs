//! Deleting: at once, or as a mark that finalizers hold up.

use std::sync::Arc;

use serde_json::{Value, json};

use super::cluster::{Cluster, ObjectKey};
use super::failure::Failure;
use super::field::{FieldError, Wrong};
use super::kinds::Kind;
use super::read::Scope;
use super::{metadata, sweep};

/// What a deletion asks for beyond the object.
#[derive(Clone, Debug, Default)]
pub(super) struct KubeOptions {
    uid: Option<String>,
    resource_version: Option<String>,
    dry_run: bool,
}

impl KubeOptions {
    /// Reads `DeleteOptions`; an empty body has none. The propagation policy is taken and makes no difference: there
    /// is no garbage collector, and nothing here owns anything.
    pub(super) fn read(body: &[u8], dry_run: bool) -> Result<Self, Failure> {
        if body.is_empty() {
            return Ok(Self { dry_run, ..Self::default() });
        }
        let options: Value = serde_json::from_slice(body)
            .map_err(|error| Failure::bad_request(format!("unable to decode DeleteOptions: {error}")))?;
        let precondition = |name: &str| options["preconditions"][name].as_str().map(str::to_owned);
        let policy = options["propagationPolicy"].as_str().unwrap_or("Background");
        if !matches!(policy, "Background" | "Foreground" | "Orphan") {
            let detail = "supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"";
            let error = FieldError::new(Wrong::NotSupported, "propagationPolicy", json!(policy), detail);
            return Err(Failure::invalid("meta.k8s.io", "DeleteOptions", "", &[error]));
        }
        Ok(Self {
            uid: precondition("uid"),
            resource_version: precondition("resourceVersion"),
            dry_run: dry_run || options["dryRun"].as_array().is_some_and(|list| list.contains(&json!("All"))),
        })
    }
}

/// Deletes one object. The answer is the object if finalizers hold it, otherwise a `Status` that it is gone.
pub(super) fn delete(
    cluster: &mut Cluster,
    kind: &Arc<Kind>,
    place: &ObjectKey,
    options: &KubeOptions,
) -> Result<Arc<Value>, Failure> {
    let object = cluster.get(&kind.stored_as, place).cloned();
    let object = object.ok_or_else(|| Failure::not_found(&kind.key, &place.1))?;
    check_preconditions(kind, place, &object, options)?;
    let held = !metadata::finalizers(&object).is_empty() || sweep::holds(kind, &object);
    if !held {
        if !options.dry_run {
            cluster.commit(&kind.stored_as, place, None);
            sweep::sweep(cluster);
        }
        return Ok(Arc::new(gone(kind, &object)));
    }
    if metadata::is_deleting(&object) {
        return Ok(Cluster::shown_as(kind, &object));
    }
    let mut marked = Value::clone(&object);
    let now = cluster.now();
    let generation = metadata::generation(&object);
    let fields = metadata::of(&mut marked);
    fields.insert("deletionTimestamp".into(), json!(now));
    fields.insert("deletionGracePeriodSeconds".into(), json!(0));
    if generation > 0 {
        fields.insert("generation".into(), json!(generation + 1));
    }
    sweep::mark(kind, &mut marked);
    if options.dry_run {
        return Ok(Cluster::shown_as(kind, &Arc::new(marked)));
    }
    let marked = cluster.commit(&kind.stored_as, place, Some(marked));
    sweep::sweep(cluster);
    Ok(Cluster::shown_as(kind, &marked))
}

/// Deletes every object in a scope; the answer is the list of them.
pub(super) fn collection(cluster: &mut Cluster, scope: &Scope, options: &KubeOptions) -> Result<Value, Failure> {
    let covered: Vec<(ObjectKey, Arc<Value>)> = cluster
        .all(&scope.kind.stored_as)
        .map(|(place, object)| (place.clone(), Cluster::shown_as(&scope.kind, object)))
        .filter(|(_, object)| scope.covers(object))
        .collect();
    let mut items = Vec::new();
    for (place, object) in covered {
        delete(cluster, &scope.kind, &place, options)?;
        items.push(Value::clone(&object));
    }
    Ok(json!({
        "apiVersion": scope.kind.api_version(),
        "kind": scope.kind.list_name,
        "metadata": {"continue": "", "resourceVersion": cluster.version().to_string()},
        "items": items,
    }))
}

fn check_preconditions(kind: &Kind, place: &ObjectKey, object: &Value, options: &KubeOptions) -> Result<(), Failure> {
    // The server names the kind here where it names the resource elsewhere.
    let key = super::kinds::GroupResource::new(&kind.key.group, &kind.name);
    let checks = [
        ("UID", &options.uid, "uid", "deleted and then recreated"),
        ("ResourceVersion", &options.resource_version, "resourceVersion", "modified"),
    ];
    for (word, wanted, field, guess) in checks {
        let found = metadata::text(object, field);
        if let Some(wanted) = wanted.as_deref().filter(|wanted| *wanted != found) {
            let because = format!(
                "the {word} in the precondition ({wanted}) does not match the {word} in record ({found}). The object \
                 might have been {guess}"
            );
            return Err(Failure::conflict(&key, &place.1, &because));
        }
    }
    Ok(())
}

fn gone(kind: &Kind, object: &Value) -> Value {
    let mut details = json!({"name": metadata::text(object, "name"), "kind": kind.key.resource});
    if !kind.key.group.is_empty() {
        details["group"] = json!(kind.key.group);
    }
    details["uid"] = object["metadata"]["uid"].clone();
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}
