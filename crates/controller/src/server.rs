//! The API server as ticks use it: one object at a time, each request bounded in time, each write with its token.

use std::future::Future;
use std::time::Duration;

use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use smol_str::SmolStr;
use weir_engine::ObjectRef;

use crate::convert::Metadata;
use crate::document::{self, Document};
use crate::errors::Failure;
use crate::leadership::{WRITE_TIME, WriteToken};

/// The name under which `managedFields` of objects and the API server's audit tell what Weir wrote.
const FIELD_MANAGER: &str = "weir";

/// The parameters of a write of Weir's.
pub fn as_weir() -> PostParams {
    PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() }
}

/// A client of the API server.
pub struct Server {
    client: kube::Client,
    patience: Duration,
}

impl Server {
    /// A client whose reads take no longer than the given time.
    pub fn new(client: kube::Client, patience: Duration) -> Self {
        Self { client, patience }
    }

    /// The object as it is now; `None` when there is none.
    pub async fn get(&self, object: &ObjectRef) -> Result<Option<Document>, Failure> {
        let api = self.api(object);
        match bounded(object, "get", self.patience, api.get(&object.key.name)).await {
            Ok(document) => Ok(Some(document)),
            Err(Failure::Gone(_)) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Replaces the whole status, so that fields that are no more vanish, if the object still has the version it is
    /// known by. The API server takes nothing but the status from such a request, so nothing else is sent.
    pub async fn write_status(
        &self,
        _: WriteToken,
        object: &ObjectRef,
        metadata: &Metadata,
        status: Value,
    ) -> Result<Document, Failure> {
        let resource = document::resource(object.kind);
        let mut document = Document {
            api_version: Some(resource.api_version),
            kind: Some(resource.kind),
            status,
            ..Document::default()
        };
        document.metadata.namespace = Some(object.key.namespace.to_string());
        document.metadata.name = Some(object.key.name.to_string());
        document.metadata.uid = Some(metadata.uid.to_string());
        document.metadata.resource_version = Some(metadata.version.to_string());
        let (api, parameters) = (self.api(object), as_weir());
        let request = api.replace_status(&object.key.name, &parameters, &document);
        bounded(object, "write the status of", WRITE_TIME, request).await
    }

    /// Replaces the finalizers if the object still has the version it is known by.
    pub async fn write_finalizers(
        &self,
        _: WriteToken,
        object: &ObjectRef,
        metadata: &Metadata,
        finalizers: &[SmolStr],
    ) -> Result<Document, Failure> {
        let patch = Patch::Merge(json!({
            "metadata": {"uid": metadata.uid, "resourceVersion": metadata.version, "finalizers": finalizers}
        }));
        let (api, parameters) =
            (self.api(object), PatchParams { field_manager: as_weir().field_manager, ..PatchParams::default() });
        let request = api.patch(&object.key.name, &parameters, &patch);
        bounded(object, "write the finalizers of", WRITE_TIME, request).await
    }

    /// Publishes an event about an object.
    pub async fn publish(&self, _: WriteToken, object: &ObjectRef, event: &Event) -> Result<(), Failure> {
        let api: Api<Event> = Api::namespaced(self.client.clone(), &object.key.namespace);
        let parameters = as_weir();
        bounded(object, "publish an event about", WRITE_TIME, api.create(&parameters, event)).await.map(drop)
    }

    fn api(&self, object: &ObjectRef) -> Api<Document> {
        Api::namespaced_with(self.client.clone(), &object.key.namespace, &document::resource(object.kind))
    }
}

async fn bounded<T>(
    object: &ObjectRef,
    verb: &'static str,
    patience: Duration,
    request: impl Future<Output = kube::Result<T>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(patience, request).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(Failure::from_client(error, object, verb)),
        Err(_) => Err(Failure::Timeout { object: object.clone(), verb, seconds: patience.as_secs() }),
    }
}
