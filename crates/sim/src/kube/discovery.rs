//! What is served, for clients that ask before they act.

use serde_json::{Value, json};

use super::kinds::{Kind, Kinds};

/// `/version`
pub(super) fn version() -> Value {
    json!({
        "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36",
        "minCompatibilityMajor": "1", "minCompatibilityMinor": "35",
        "gitVersion": "v1.36.3", "gitCommit": "", "gitTreeState": "", "buildDate": "",
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

/// `/openapi/v3/apis/GROUP/VERSION`, of kinds that were defined: their schemas, as far as clients compare them.
pub(super) fn description<'a>(
    definitions: impl Iterator<Item = &'a Value>,
    group: &str,
    version: &str,
) -> Option<Value> {
    let mut schemas = serde_json::Map::new();
    for spec in definitions.map(|definition| &definition["spec"]).filter(|spec| spec["group"] == group) {
        let mut versions = spec["versions"].as_array().into_iter().flatten();
        let Some(served) = versions.find(|served| served["name"] == version) else { continue };
        let kind = spec["names"]["kind"].as_str().unwrap_or_default();
        let mut schema = served["schema"]["openAPIV3Schema"].clone();
        schema["x-kubernetes-group-version-kind"] = json!([{"group": group, "kind": kind, "version": version}]);
        let reversed: Vec<&str> = group.split('.').rev().collect();
        schemas.insert(format!("{}.{version}.{kind}", reversed.join(".")), schema);
    }
    (!schemas.is_empty()).then(|| json!({"openapi": "3.0.0", "components": {"schemas": schemas}}))
}
