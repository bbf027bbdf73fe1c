//! That the printed definitions are the kept ones, and that every field of them is explained.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray,
};

use super::{Yaml, file_name, print};

/// Where the definitions are kept: for those who apply files, and in the chart, which must stand alone.
const FOLDERS: [&str; 2] = ["crds", "charts/weir/files/crds"];

#[test]
fn the_kept_files_are_what_is_printed() {
    FOLDERS.into_iter().for_each(keeps_what_is_printed);
}

fn keeps_what_is_printed(kept_in: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(kept_in);
    let kept: BTreeSet<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.'))
        .collect();
    let printed: BTreeSet<String> = weir_api::crds().iter().map(file_name).collect();
    assert_eq!(kept, printed, "{kept_in}: run `just generate`");
    for definition in weir_api::crds() {
        let name = file_name(&definition);
        let kept = fs::read_to_string(folder.join(&name)).unwrap();
        assert!(kept == Yaml(&definition).to_string(), "{kept_in}/{name} is out of date; run `just generate`");
    }
}

#[test]
fn what_is_printed_reads_back_as_the_same_definitions() {
    let mut text = Vec::new();
    print(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let read: Vec<CustomResourceDefinition> = serde_saphyr::from_multiple(&text).unwrap();
    assert_eq!(read, weir_api::crds());
}

#[test]
fn every_field_is_described() {
    let mut bare = Vec::new();
    for definition in weir_api::crds() {
        for version in &definition.spec.versions {
            let schema = version.schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref()).unwrap();
            undescribed(&definition.spec.names.kind, schema, &mut bare);
        }
    }
    assert_eq!(bare, Vec::<String>::new());
}

/// The metadata are Kubernetes' own, which lets a definition narrow them, and not describe them.
fn undescribed(path: &str, schema: &JSONSchemaProps, bare: &mut Vec<String>) {
    for (name, field) in schema.properties.iter().flatten().filter(|(name, _)| *name != "metadata") {
        let path = format!("{path}.{name}");
        if field.description.as_deref().is_none_or(str::is_empty) {
            bare.push(path.clone());
        }
        undescribed(&path, field, bare);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items {
        undescribed(path, items, bare);
    }
}

#[test]
fn formats_are_those_that_an_api_server_knows() {
    let mut unknown = Vec::new();
    for definition in weir_api::crds() {
        for version in &definition.spec.versions {
            let schema = version.schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref()).unwrap();
            strange_formats(&definition.spec.names.kind, schema, &mut unknown);
        }
    }
    assert_eq!(unknown, Vec::<String>::new());
}

fn strange_formats(path: &str, schema: &JSONSchemaProps, unknown: &mut Vec<String>) {
    if let Some(format) = schema.format.as_deref().filter(|format| !["int32", "int64", "date-time"].contains(format)) {
        unknown.push(format!("{path}: {format}"));
    }
    for (name, field) in schema.properties.iter().flatten() {
        strange_formats(&format!("{path}.{name}"), field, unknown);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items {
        strange_formats(path, items, unknown);
    }
}
