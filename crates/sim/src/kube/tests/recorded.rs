//! The server answers as a real kube-apiserver did: `recorded/answers.json` holds what version 1.36.3 said to
//! `recorded/steps.json`, written by `recorded/record.py`.

use bytes::Bytes;
use http_body_util::BodyExt;
use regex::Regex;
use serde_json::{Map, Value, json};

use super::super::{Kube, KubeOptions};
use crate::clock::Clock;

/// Replaces what differs from run to run, as the recorder does.
fn normal(value: &Value, key: &str) -> Value {
    let varies = ["uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "lastTransitionTime"];
    match value {
        _ if varies.contains(&key) => json!(key),
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| *name != "managedFields");
            Value::Object(kept.map(|(name, part)| (name.clone(), normal(part, name))).collect::<Map<_, _>>())
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(|item| normal(item, "")).collect();
            if key == "causes" {
                // A real server goes through the fields of an object in no order.
                items.sort_by_key(|cause| {
                    format!("{}{}", cause["field"].as_str().unwrap(), cause["message"].as_str().unwrap())
                });
            }
            Value::Array(items)
        }
        Value::String(text) => {
            let uid = Regex::new("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").unwrap();
            let version = Regex::new(r"(record \(|current: )[0-9]+").unwrap();
            let text = uid.replace_all(text, "UID");
            let text = match text.strip_suffix(']').and_then(|text| text.split_once(" is invalid: [")) {
                Some((object, list)) if key == "message" => {
                    let mut list: Vec<&str> = list.split(", ").collect();
                    list.sort_unstable();
                    format!("{object} is invalid: [{}]", list.join(", "))
                }
                _ => text.into_owned(),
            };
            json!(version.replace_all(&text, "${1}VERSION"))
        }
        other => other.clone(),
    }
}

/// A request that a step describes.
async fn request(server: &std::sync::Arc<Kube>, step: &Value) -> http::Request<Bytes> {
    let text = |field: &str| step[field].as_str().unwrap();
    let mut body = step["body"].clone();
    if !body["$file"].is_null() {
        assert_eq!(body["$file"], "gadgets.json");
        body = serde_json::from_str(include_str!("recorded/gadgets.json")).unwrap();
    }
    if let Some(path) = step["version_of"].as_str() {
        let (_, current) = super::ask(server, "GET", path, Value::Null).await;
        body["metadata"]["resourceVersion"] = current["metadata"]["resourceVersion"].clone();
    }
    let body = match step["raw"].as_str() {
        Some(raw) => Bytes::from(raw.to_owned()),
        None if body.is_null() => Bytes::new(),
        None => Bytes::from(body.to_string()),
    };
    http::Request::builder()
        .method(text("method"))
        .uri(text("path"))
        .header("content-type", step["type"].as_str().unwrap_or("application/json"))
        .body(body)
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn answers_like_a_real_server() {
    let steps = include_str!("recorded/steps.json");
    let answers = include_str!("recorded/answers.json");
    compare(steps, answers).await;
}

/// Puts the steps to a server of their own and compares what it answers.
async fn compare(steps: &str, answers: &str) {
    let clock = Clock::starting_at("2026-11-21T10:00:00Z".parse().unwrap());
    let server = Kube::new(clock, 1, KubeOptions::default());
    let steps: Vec<Value> = serde_json::from_str(steps).unwrap();
    let answers: Vec<Value> = serde_json::from_str(answers).unwrap();
    assert_eq!(steps.len(), answers.len());
    let mut differences = Vec::new();
    for (step, expected) in steps.iter().zip(&answers) {
        assert_eq!(step["name"], expected["name"]);
        let request = request(&server, step).await;
        let (parts, body) = server.handle(request).await.into_parts();
        let mut found = json!({"name": step["name"], "code": parts.status.as_u16()});
        if step["only"] != "code" {
            let bytes = body.collect().await.unwrap().to_bytes();
            let warnings: Vec<&str> =
                parts.headers.get_all("warning").iter().map(|value| value.to_str().unwrap()).collect();
            found["warnings"] = json!(warnings);
            found["body"] = normal(&serde_json::from_slice(&bytes).unwrap(), "");
        }
        let part = |answer: &Value| match step["only"].as_str() {
            Some("status") => json!([answer["code"], answer["body"]["status"]]),
            _ => answer.clone(),
        };
        if part(&found) != part(expected) {
            differences.push(format!("expected {:#}\nfound {:#}", part(expected), part(&found)));
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {} answers differ:\n{}",
        differences.len(),
        steps.len(),
        differences.join("\n")
    );
}
