//! An object as it stands on the wire, read so leniently that one bad object cannot hide the others.
//!
//! Only metadata is typed here; spec and status stay what they are until [`crate::convert`] reads them.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::{ApiResource, DynamicResourceScope, Resource};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use weir_engine::{Key, KindName};

/// An object as it stands on the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    /// Group and version. Absent on objects that came in a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// The kind. Absent on objects that came in a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What every object has.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What the user wants, unread.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub spec: Value,
    /// What Weir recorded, unread.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub status: Value,
}

impl Document {
    /// Namespace and name, unless one of them is missing.
    pub fn key(&self) -> Option<Key> {
        Some(Key::new(self.metadata.namespace.as_deref()?, self.metadata.name.as_deref()?))
    }
}

impl Resource for Document {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(resource: &ApiResource) -> Cow<'_, str> {
        resource.kind.as_str().into()
    }

    fn group(resource: &ApiResource) -> Cow<'_, str> {
        resource.group.as_str().into()
    }

    fn version(resource: &ApiResource) -> Cow<'_, str> {
        resource.version.as_str().into()
    }

    fn plural(resource: &ApiResource) -> Cow<'_, str> {
        resource.plural.as_str().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// The kind of an object, where it is one of Weir's.
pub fn kind_of(object: &Value) -> Option<KindName> {
    let group = object["apiVersion"].as_str()?.split_once('/')?.0;
    KindName::ALL.into_iter().find(|kind| group == weir_api::GROUP && object["kind"] == kind.word())
}

/// How the API server calls a kind.
pub fn resource(kind: KindName) -> ApiResource {
    match kind {
        KindName::EntryPoint => ApiResource::erase::<weir_api::EntryPoint>(&()),
        KindName::Environment => ApiResource::erase::<weir_api::Environment>(&()),
        KindName::WeightedRoute => ApiResource::erase::<weir_api::WeightedRoute>(&()),
        KindName::TrafficShift => ApiResource::erase::<weir_api::TrafficShift>(&()),
    }
}
