//! Getting and listing.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::cluster::{Cluster, ObjectKey};
use super::failure::Failure;
use super::field::{FieldError, Wrong};
use super::kinds::Kind;
use super::request::{Call, Target};
use super::selector::Selector;

/// What a list or watch covers.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    pub(super) kind: Arc<Kind>,
    /// `None`: every namespace.
    pub(super) namespace: Option<String>,
    pub(super) selector: Selector,
}

impl Scope {
    /// Reads the scope of a request; a name in the path narrows it to that object.
    pub(super) fn of(kind: &Arc<Kind>, target: &Target, call: &Call) -> Result<Self, Failure> {
        let labels = call.parameter("labelSelector").unwrap_or_default();
        let mut fields = call.parameter("fieldSelector").unwrap_or_default().to_owned();
        if let Some(name) = &target.name {
            fields = format!("{fields},metadata.name={name}");
        }
        let selector = Selector::parse(labels, &fields, selectable(kind))?;
        Ok(Self { kind: kind.clone(), namespace: target.namespace.clone(), selector })
    }

    pub(super) fn covers(&self, object: &Value) -> bool {
        let there = object["metadata"]["namespace"].as_str().unwrap_or_default();
        self.namespace.as_deref().is_none_or(|namespace| namespace == there) && self.selector.matches(object)
    }
}

/// Fields besides name and namespace by which objects of a kind can be selected.
fn selectable(kind: &Kind) -> &'static [&'static str] {
    match (kind.key.group.as_str(), kind.key.resource.as_str()) {
        ("", "events") => &[
            "involvedObject.kind",
            "involvedObject.name",
            "involvedObject.namespace",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "reason",
            "reportingComponent",
            "type",
        ],
        ("events.k8s.io", "events") => &[
            "regarding.kind",
            "regarding.name",
            "regarding.namespace",
            "regarding.uid",
            "regarding.apiVersion",
            "reason",
            "reportingController",
            "type",
        ],
        ("", "namespaces") => &["status.phase"],
        _ => &[],
    }
}

/// One object.
pub(super) fn get(cluster: &Cluster, kind: &Kind, place: &ObjectKey) -> Result<Arc<Value>, Failure> {
    let object = cluster.get(&kind.stored_as, place).ok_or_else(|| Failure::not_found(&kind.key, &place.1))?;
    Ok(Cluster::shown_as(kind, object))
}

/// A version as a parameter gives it.
pub(super) fn version_parameter(call: &Call) -> Result<Option<u64>, Failure> {
    let Some(text) = call.parameter("resourceVersion") else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| {
        let words =
            format!("resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax");
        if call.flag("watch") {
            Failure::unexplained(words)
        } else {
            Failure::bad_request(format!("invalid resource version: {words}"))
        }
    })
}

/// A number that a parameter gives; absent and 0 mean the same.
pub(super) fn number_parameter(call: &Call, name: &str) -> Result<Option<u64>, Failure> {
    let Some(text) = call.parameter(name) else {
        return Ok(None);
    };
    match text.parse::<i64>() {
        Ok(number) => Ok(u64::try_from(number).ok().filter(|number| *number > 0)),
        Err(_) => Err(Failure::bad_request(format!("strconv.ParseInt: parsing {text:?}: invalid syntax"))),
    }
}

/// Refuses options of a list that contradict each other.
fn check_options(call: &Call) -> Result<(), Failure> {
    let field = "resourceVersionMatch";
    let mut errors = Vec::new();
    if let Some(wanted) = call.parameter(field) {
        if call.parameter("resourceVersion").is_none() {
            let detail = "resourceVersionMatch is forbidden unless resourceVersion is provided";
            errors.push(FieldError::forbidden(field, detail));
        }
        if call.parameter("continue").is_some() {
            let detail = "resourceVersionMatch is forbidden when continue is provided";
            errors.push(FieldError::forbidden(field, detail));
        }
        if !matches!(wanted, "Exact" | "NotOlderThan") {
            let detail = "supported values: \"Exact\", \"NotOlderThan\", \"\"";
            errors.push(FieldError::new(Wrong::NotSupported, field, json!(wanted), detail));
        }
    }
    if call.query.contains_key("sendInitialEvents") {
        errors.push(FieldError::forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
    }
    refuse_options(&errors)
}

/// Refuses the options of a list or watch if there is anything wrong with them.
pub(super) fn refuse_options(errors: &[FieldError]) -> Result<(), Failure> {
    if errors.is_empty() { Ok(()) } else { Err(Failure::invalid("meta.k8s.io", "ListOptions", "", errors)) }
}

/// A list of objects, in pages if `limit` is given.
pub(super) fn list(cluster: &Cluster, scope: &Scope, call: &Call) -> Result<Value, Failure> {
    check_options(call)?;
    let limit =
        number_parameter(call, "limit")?.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let asked = version_parameter(call)?;
    let exact = call.parameter("resourceVersionMatch") == Some("Exact");
    if let Some(asked) = asked.filter(|asked| *asked > cluster.version()) {
        return Err(Failure::version_too_large(asked, cluster.version()));
    }
    let (version, start) = match call.parameter("continue") {
        Some(token) => read_token(token)?,
        None if exact => (asked.unwrap_or(cluster.version()), ObjectKey::default()),
        None => (cluster.version(), ObjectKey::default()),
    };
    let expired = || expired_list(cluster, &start);
    let objects: BTreeMap<ObjectKey, Arc<Value>> =
        cluster.at_version(&scope.kind.stored_as, version).ok_or_else(expired)?;

    let mut items = Vec::new();
    let mut rest = objects.range(start..).map(|(place, object)| (place, Cluster::shown_as(&scope.kind, object)));
    let mut next = None;
    for (place, object) in rest.by_ref().filter(|(_, object)| scope.covers(object)) {
        if items.len() == limit {
            next = Some(place.clone());
            break;
        }
        items.push(Value::clone(&object));
    }
    let mut metadata = json!({"resourceVersion": version.to_string()});
    if scope.kind.is_custom() {
        metadata["continue"] = json!("");
    }
    if let Some(next) = next {
        metadata["continue"] = json!(write_token(version, &next));
        metadata["remainingItemCount"] = json!(rest.filter(|(_, object)| scope.covers(object)).count() + 1);
    }
    for item in &mut items {
        // A typed list of the server leaves these out of its items; one of custom objects keeps them.
        if let (false, Some(fields)) = (scope.kind.is_custom(), item.as_object_mut()) {
            fields.remove("apiVersion");
            fields.remove("kind");
        }
    }
    Ok(json!({
        "apiVersion": scope.kind.api_version(),
        "kind": scope.kind.list_name,
        "metadata": metadata,
        "items": items,
    }))
}

/// A token that goes on with the list at `next`, in the state of `version`.
fn write_token(version: u64, next: &ObjectKey) -> String {
    format!("{version}.{}.{}", next.0, next.1)
}

fn read_token(token: &str) -> Result<(u64, ObjectKey), Failure> {
    let mut parts = token.splitn(3, '.');
    let version = parts.next().and_then(|part| part.parse().ok());
    match (version, parts.next(), parts.next()) {
        (Some(version), Some(namespace), Some(name)) => Ok((version, (namespace.to_owned(), name.to_owned()))),
        _ => Err(Failure::bad_request(format!("continue key is not valid: {token:?}"))),
    }
}

fn expired_list(cluster: &Cluster, start: &ObjectKey) -> Failure {
    let mut failure = Failure::expired(
        "The provided continue parameter is too old to display a consistent list result. You can start a new list \
         without the continue parameter, or use the continue token in this response to retrieve the remainder of the \
         results. Continuing with the provided token results in an inconsistent list - objects that were created, \
         modified, or deleted between the time the first chunk was returned and now may show up in the list.",
    );
    failure.continue_token = Some(write_token(cluster.version(), start));
    failure
}
