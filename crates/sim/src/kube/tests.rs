//! The server as its clients see it.

mod client;
mod control;
mod reads;
mod recorded;
mod watches;
mod writes;

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::{Body, Kube, KubeOptions};
use crate::clock::Clock;

/// A definition made for these tests: machines that have a speed, a mode and parts.
fn machines() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "machines.test.dev"},
        "spec": {
            "group": "test.dev",
            "names": {"plural": "machines", "singular": "machine", "kind": "Machine", "shortNames": ["mc"]},
            "scope": "Namespaced",
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {
                    "type": "object",
                    "required": ["spec"],
                    "properties": {
                        "spec": {
                            "type": "object",
                            "required": ["speed"],
                            "properties": {
                                "speed": {"type": "integer", "format": "int32", "minimum": 0, "maximum": 100},
                                "mode": {"type": "string", "enum": ["Slow", "Fast"], "default": "Slow"},
                                "note": {"type": "string"},
                                "retired": {"type": "boolean"},
                            },
                        },
                        "status": {
                            "type": "object",
                            "properties": {"running": {"type": "boolean"}, "seen": {"type": "integer"}},
                        },
                    },
                }},
            }],
        },
    })
}

fn machine(name: &str, speed: i64) -> Value {
    json!({
        "apiVersion": "test.dev/v1", "kind": "Machine",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"speed": speed},
    })
}

/// A server that knows machines.
fn server() -> Arc<Kube> {
    let clock = Clock::starting_at("2026-11-21T10:00:00Z".parse().unwrap());
    let server = Kube::new(clock, 7, KubeOptions::default());
    server.apply(&machines()).unwrap();
    server
}

const MACHINES: &str = "/apis/test.dev/v1/namespaces/default/machines";

/// Sends a request and returns the code, the headers and the body of the answer.
async fn send(server: &Arc<Kube>, method: &str, path: &str, body: &Value) -> (u16, http::HeaderMap, Value) {
    let content_type = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    let request =
        http::Request::builder().method(method).uri(path).header("content-type", content_type).body(body).unwrap();
    let response: http::Response<Body> = server.handle(request).await;
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let value = serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)));
    (parts.status.as_u16(), parts.headers, value)
}

/// Sends a request whose headers do not matter.
async fn ask(server: &Arc<Kube>, method: &str, path: &str, body: Value) -> (u16, Value) {
    let (code, _, body) = send(server, method, path, &body).await;
    (code, body)
}

/// The version of an object.
fn version(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}

/// The names in a list.
fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
}
