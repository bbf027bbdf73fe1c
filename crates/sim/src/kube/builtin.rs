//! The kinds that the server has from the start.

use serde_json::{Value, json};

use super::field::FieldError;
use super::kinds::{GroupResource, Kind, Origin};
use super::schema::Schema;
use super::table::Columns;
use super::{definition, events};

/// What is special about a built-in kind.
struct BuiltIn {
    group: &'static str,
    plural: &'static str,
    kind: &'static str,
    short_names: &'static [&'static str],
    namespaced: bool,
    has_status: bool,
    has_generation: bool,
    origin: Origin,
}

const BUILT_IN: [BuiltIn; 5] = [
    BuiltIn {
        group: "",
        plural: "namespaces",
        kind: "Namespace",
        short_names: &["ns"],
        namespaced: false,
        has_status: true,
        has_generation: false,
        origin: Origin::BuiltIn { create_on_update: false, unconditional_update: true },
    },
    BuiltIn {
        group: "",
        plural: "events",
        kind: "Event",
        short_names: &["ev"],
        namespaced: true,
        has_status: false,
        has_generation: false,
        origin: Origin::BuiltIn { create_on_update: true, unconditional_update: true },
    },
    BuiltIn {
        group: "events.k8s.io",
        plural: "events",
        kind: "Event",
        short_names: &["ev"],
        namespaced: true,
        has_status: false,
        has_generation: false,
        origin: Origin::BuiltIn { create_on_update: true, unconditional_update: true },
    },
    BuiltIn {
        group: "coordination.k8s.io",
        plural: "leases",
        kind: "Lease",
        short_names: &[],
        namespaced: true,
        has_status: false,
        has_generation: false,
        origin: Origin::BuiltIn { create_on_update: true, unconditional_update: false },
    },
    BuiltIn {
        group: "apiextensions.k8s.io",
        plural: "customresourcedefinitions",
        kind: "CustomResourceDefinition",
        short_names: &["crd", "crds"],
        namespaced: false,
        has_status: true,
        has_generation: true,
        origin: Origin::BuiltIn { create_on_update: false, unconditional_update: false },
    },
];

/// The built-in kinds, as served.
pub(super) fn kinds() -> impl Iterator<Item = Kind> {
    BUILT_IN.into_iter().map(|built_in| {
        let key = GroupResource::new(built_in.group, built_in.plural);
        let stored_as = if key.resource == "events" { GroupResource::new("", "events") } else { key.clone() };
        let schema = Schema::shared(&schema(&key)).expect("the built-in schemas are well formed");
        Kind {
            key,
            stored_as,
            version: "v1".to_owned(),
            name: built_in.kind.to_owned(),
            list_name: format!("{}List", built_in.kind),
            singular: built_in.kind.to_lowercase(),
            short_names: built_in.short_names.iter().map(|&name| name.to_owned()).collect(),
            categories: Vec::new(),
            namespaced: built_in.namespaced,
            has_status: built_in.has_status,
            has_generation: built_in.has_generation,
            origin: built_in.origin,
            schema,
            columns: columns(built_in.plural),
        }
    })
}

/// How objects of a built-in kind are printed.
fn columns(plural: &str) -> Columns {
    let age = ("Age", "date", ".metadata.creationTimestamp");
    match plural {
        "events" => Columns::of_events(),
        "namespaces" => Columns::named(&[("Status", "string", ".status.phase"), age]),
        "leases" => Columns::named(&[("Holder", "string", ".spec.holderIdentity"), age]),
        "customresourcedefinitions" => Columns::named(&[("Created At", "string", ".metadata.creationTimestamp")]),
        _ => Columns::named(&[age]),
    }
}

fn object(properties: Value) -> Value {
    json!({"type": "object", "properties": properties})
}

/// The schema of a built-in kind, as definitions write theirs.
pub(super) fn schema(key: &GroupResource) -> Value {
    let text = json!({"type": "string"});
    let int32 = json!({"type": "integer", "format": "int32"});
    let time = json!({"type": "string", "format": "date-time", "nullable": true});
    let anything = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let reference = object(json!({
        "apiVersion": text, "fieldPath": text, "kind": text, "name": text, "namespace": text,
        "resourceVersion": text, "uid": text,
    }));
    let source = object(json!({"component": text, "host": text}));
    let series = object(json!({"count": int32, "lastObservedTime": time}));
    match (key.group.as_str(), key.resource.as_str()) {
        ("", "namespaces") => object(json!({
            "spec": object(json!({"finalizers": {"type": "array", "items": text}})),
            "status": object(json!({"phase": text, "conditions": {"type": "array", "items": anything}})),
        })),
        ("", "events") => object(json!({
            "action": text, "count": int32, "eventTime": time, "firstTimestamp": time, "involvedObject": reference,
            "lastTimestamp": time, "message": text, "reason": text, "related": reference, "reportingComponent": text,
            "reportingInstance": text, "series": series, "source": source, "type": text,
        })),
        ("events.k8s.io", "events") => object(json!({
            "action": text, "deprecatedCount": int32, "deprecatedFirstTimestamp": time,
            "deprecatedLastTimestamp": time, "deprecatedSource": source, "eventTime": time, "note": text,
            "reason": text, "regarding": reference, "related": reference, "reportingController": text,
            "reportingInstance": text, "series": series, "type": text,
        })),
        ("coordination.k8s.io", "leases") => object(json!({
            "spec": object(json!({
                "acquireTime": time, "holderIdentity": text, "leaseDurationSeconds": int32,
                "leaseTransitions": int32, "preferredHolder": text, "renewTime": time, "strategy": text,
            })),
        })),
        _ if *key == definition::key() => object(json!({"spec": anything, "status": anything})),
        _ => anything,
    }
}

/// What is wrong with an object of a built-in kind beyond its schema.
pub(super) fn validate(kind: &Kind, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
    match (kind.key.group.as_str(), kind.key.resource.as_str()) {
        (_, "events") => events::validate(kind, new, old),
        ("coordination.k8s.io", "leases") => lease(new),
        _ => Vec::new(),
    }
}

fn lease(lease: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let spec = &lease["spec"];
    let least = [
        ("leaseDurationSeconds", 1, "must be greater than 0"),
        ("leaseTransitions", 0, "must be greater than or equal to 0"),
    ];
    for (field, least, detail) in least {
        if spec[field].as_i64().is_some_and(|found| found < least) {
            errors.push(FieldError::invalid(format!("spec.{field}"), spec[field].clone(), detail));
        }
    }
    if !spec["preferredHolder"].is_null() && spec["strategy"].is_null() {
        let detail = "may only be specified if `strategy` is defined";
        errors.push(FieldError::forbidden("spec.preferredHolder", detail));
    }
    errors
}
