//! What is served, for clients that ask before they act.

use std::sync::Arc;

use serde_json::{Value, json};

use super::cluster::Cluster;
use super::kinds::{Kind, Kinds};
use super::{builtin, definition};

/// The version that the server says it has.
const VERSION: &str = "v1.36.3";

/// `/version`
pub(super) fn version() -> Value {
    json!({
        "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36",
        "minCompatibilityMajor": "1", "minCompatibilityMinor": "35",
        "gitVersion": VERSION, "gitCommit": "", "gitTreeState": "", "buildDate": "",
        "goVersion": "", "compiler": "", "platform": "",
    })
}

/// `/api`
pub(super) fn core_versions() -> Value {
    json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
}

/// `/apis`
pub(super) fn groups(kinds: &Kinds) -> Value {
    let groups: Vec<Value> = kinds.groups().keys().filter_map(|name| group_entry(kinds, name)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/GROUP`
pub(super) fn group(kinds: &Kinds, name: &str) -> Option<Value> {
    let mut entry = group_entry(kinds, name)?;
    entry["kind"] = json!("APIGroup");
    entry["apiVersion"] = json!("v1");
    Some(entry)
}

fn group_entry(kinds: &Kinds, name: &str) -> Option<Value> {
    let groups = kinds.groups();
    let versions = groups.get(name)?.iter().rev();
    let versions: Vec<Value> =
        versions.map(|version| json!({"groupVersion": format!("{name}/{version}"), "version": version})).collect();
    Some(json!({"name": name, "versions": versions, "preferredVersion": versions[0]}))
}

/// `/api/v1` and `/apis/GROUP/VERSION`
pub(super) fn resources(kinds: &Kinds, group: &str, version: &str) -> Option<Value> {
    let served: Vec<&Kind> = kinds
        .all()
        .map(std::convert::AsRef::as_ref)
        .filter(|kind| kind.key.group == group && kind.version == version)
        .collect();
    let group_version = served.first()?.api_version();
    let mut entries = Vec::new();
    for kind in served {
        let mut entry = json!({
            "name": kind.key.resource,
            "singularName": kind.singular,
            "namespaced": kind.namespaced,
            "kind": kind.name,
            "verbs": ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"],
        });
        for (field, names) in [("shortNames", &kind.short_names), ("categories", &kind.categories)] {
            if !names.is_empty() {
                entry[field] = json!(names);
            }
        }
        entries.push(entry);
        if kind.has_status {
            entries.push(json!({
                "name": format!("{}/status", kind.key.resource),
                "singularName": "",
                "namespaced": kind.namespaced,
                "kind": kind.name,
                "verbs": ["get", "patch", "update"],
            }));
        }
    }
    Some(json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": entries}))
}

/// `/openapi/v3`
pub(super) fn descriptions(kinds: &Kinds) -> Value {
    let paths = kinds.all().map(|kind| {
        let path = path_of(kind);
        (path.clone(), json!({"serverRelativeURL": format!("/openapi/v3/{path}")}))
    });
    json!({"paths": paths.collect::<serde_json::Map<_, _>>()})
}

/// Where a kind is served with the others of its group and version: `api/v1` and `apis/GROUP/VERSION`.
fn path_of(kind: &Kind) -> String {
    let prefix = if kind.key.group.is_empty() { "api" } else { "apis" };
    format!("{prefix}/{}", kind.api_version())
}

/// `/openapi/v3/api/v1` and `/openapi/v3/apis/GROUP/VERSION`: the schemas, as far as clients compare and explain them, and
/// which of the parameters are known that kubectl asks about before it writes.
pub(super) fn description(cluster: &Cluster, group: &str, version: &str) -> Option<Value> {
    let (mut schemas, mut paths) = (serde_json::Map::new(), serde_json::Map::new());
    let is_it = |kind: &&Arc<Kind>| kind.key.group == group && kind.version == version;
    for kind in cluster.kinds.all().filter(is_it) {
        let group_version_kind = json!({"group": group, "kind": kind.name, "version": version});
        let mut schema = if kind.is_custom() { defined_schema(cluster, kind)? } else { builtin::schema(&kind.key) };
        schema["x-kubernetes-group-version-kind"] = json!([group_version_kind]);
        let reversed: Vec<&str> = group.split('.').rev().filter(|part| !part.is_empty()).collect();
        schemas.insert(format!("{}.{version}.{}", reversed.join("."), kind.name), schema);
        let namespace = if kind.namespaced { "/namespaces/{namespace}" } else { "" };
        let parameter =
            |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}});
        let patch = json!({
            "parameters": [parameter("dryRun"), parameter("fieldValidation")],
            "responses": {"200": {"description": "OK"}},
            "x-kubernetes-group-version-kind": group_version_kind,
        });
        paths.insert(format!("/{}{namespace}/{}/{{name}}", path_of(kind), kind.key.resource), json!({"patch": patch}));
    }
    let info = json!({"title": "Kubernetes", "version": VERSION});
    let described = || json!({"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}});
    (!schemas.is_empty()).then(described)
}

/// The schema of a kind as its definition has it.
fn defined_schema(cluster: &Cluster, kind: &Kind) -> Option<Value> {
    let key = definition::key();
    let mut definitions = cluster.all(&key).map(|(_, definition)| definition);
    let definition = definitions.find(|found| definition::defined(found) == kind.key)?;
    let served = definition::versions(definition).find(|served| served["name"] == kind.version.as_str())?;
    Some(served["schema"]["openAPIV3Schema"].clone())
}
