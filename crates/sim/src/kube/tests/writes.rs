//! Writes: what counts as a change, what goes with it, and what outlives its caller.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tower::Service;

use super::super::KubeService;
use super::{MACHINES, ask, machine, machines, server, version};

#[tokio::test(start_paused = true)]
async fn what_changes_nothing_takes_no_version() {
    let server = server();
    let object = server.apply(&machine("a", 1)).unwrap();
    let path = format!("{MACHINES}/a");
    let current = server.version();
    for (method, path, body) in [
        ("PATCH", path.clone(), json!({"spec": {"speed": 1}})),
        ("PATCH", path.clone(), json!({})),
        ("PATCH", path.clone(), json!({"spec": {"nonsense": 1}})),
        ("PATCH", format!("{path}/status"), json!({"spec": {"speed": 9}})),
        ("PUT", path.clone(), object.clone()),
        ("PUT", format!("{path}/status"), object.clone()),
        ("PATCH", format!("{path}?dryRun=All"), json!({"spec": {"speed": 9}})),
        ("DELETE", format!("{path}?dryRun=All"), Value::Null),
    ] {
        let (code, _) = ask(&server, method, &path, body).await;
        assert_eq!(code, 200, "{method} {path}");
        assert_eq!(server.version(), current, "{method} {path}");
    }
    assert_eq!(server.get("machines", "default", "a").as_deref(), Some(&object));
}

#[tokio::test(start_paused = true)]
async fn objects_get_their_own_uid_time_and_name() {
    let server = server();
    sleep(Duration::from_secs(90)).await;
    let mut object = machine("", 1);
    object["metadata"] = json!({"generateName": "mach-"});
    let (code, one) = ask(&server, "POST", MACHINES, object.clone()).await;
    let (_, other) = ask(&server, "POST", MACHINES, object).await;
    assert_eq!(code, 201);
    let name = one["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("mach-") && name.len() == 10, "{name}");
    assert_ne!(one["metadata"]["name"], other["metadata"]["name"]);
    assert_ne!(one["metadata"]["uid"], other["metadata"]["uid"]);
    assert_eq!(one["metadata"]["creationTimestamp"], "2026-11-21T10:01:30Z");
    assert_eq!(one["metadata"]["uid"].as_str().unwrap().len(), 36);
}

#[tokio::test(start_paused = true)]
async fn equal_seeds_make_equal_worlds() {
    let mut worlds = Vec::new();
    for _ in 0..2 {
        let server = server();
        let begun = Instant::now();
        let (_, object) = ask(&server, "POST", MACHINES, machine("a", 1)).await;
        worlds.push((object, begun.elapsed()));
    }
    assert_eq!(worlds[0], worlds[1]);
    let latency = worlds[0].1;
    assert!(latency >= Duration::from_millis(1) && latency <= Duration::from_millis(6), "{latency:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_caller_gave_up_still_counts() {
    let server = server();
    let request = |name: &str| {
        let body = http_body_util::Full::new(Bytes::from(machine(name, 1).to_string()));
        http::Request::post(MACHINES).body(body).unwrap()
    };
    let mut service = KubeService::new(server.clone());
    drop(service.call(request("never-polled")));
    let reply = service.call(request("given-up"));
    assert!(tokio::time::timeout(Duration::from_micros(1), reply).await.is_err());
    assert!(server.get("machines", "default", "never-polled").is_some());
    assert!(server.get("machines", "default", "given-up").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_namespace_goes_with_what_is_in_it() {
    let server = server();
    let team = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}});
    server.apply(&team).unwrap();
    for (name, finalizers) in [("free", json!([])), ("held", json!(["test.dev/hold"]))] {
        let mut object = machine(name, 1);
        object["metadata"]["namespace"] = json!("team");
        object["metadata"]["finalizers"] = finalizers;
        server.apply(&object).unwrap();
    }
    server.delete("ns", "", "team").unwrap();
    assert_eq!(server.get("ns", "", "team").unwrap()["status"]["phase"], "Terminating");
    assert!(server.get("machines", "team", "free").is_none());
    assert!(!server.get("machines", "team", "held").unwrap()["metadata"]["deletionTimestamp"].is_null());
    let mut late = machine("late", 1);
    late["metadata"]["namespace"] = json!("team");
    let refused = server.apply(&late).unwrap_err();
    assert_eq!(refused.code, 403);
    let expected = "machines.test.dev \"late\" is forbidden: unable to create new content in namespace team because \
        it is being terminated";
    assert_eq!(refused.message, expected);

    server.merge("machines", "team", "held", &json!({"metadata": {"finalizers": null}})).unwrap();
    assert!(server.get("machines", "team", "held").is_none());
    assert!(server.get("ns", "", "team").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_definition_goes_with_its_objects() {
    let server = server();
    server.apply(&machine("a", 1)).unwrap();
    let mut held = machine("held", 1);
    held["metadata"]["finalizers"] = json!(["test.dev/hold"]);
    server.apply(&held).unwrap();
    server.delete("crd", "", "machines.test.dev").unwrap();
    assert!(server.get("machines", "default", "a").is_none());
    assert!(server.get("crd", "", "machines.test.dev").is_some());
    server.merge("machines", "default", "held", &json!({"metadata": {"finalizers": []}})).unwrap();
    assert!(server.get("crd", "", "machines.test.dev").is_none());
    assert_eq!(ask(&server, "GET", MACHINES, Value::Null).await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn what_was_stored_under_a_laxer_schema_can_still_be_changed_elsewhere() {
    let server = server();
    server.apply(&machine("fast", 90)).unwrap();
    let mut definition = machines();
    let spec = &mut definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    spec["properties"]["speed"]["maximum"] = json!(50);
    spec["properties"]["note"]["x-kubernetes-validations"] = json!([{"rule": "self != 'bad'", "message": "not bad"}]);
    server.apply(&definition).unwrap();
    assert_eq!(server.apply(&machine("new", 90)).unwrap_err().code, 422);
    let patch = |patch: Value| server.merge("machines", "default", "fast", &patch);
    assert_eq!(patch(json!({"spec": {"note": "good"}})).unwrap()["spec"]["speed"], 90);
    let refused = patch(json!({"spec": {"note": "bad"}})).unwrap_err();
    assert_eq!(refused.message, "Machine.test.dev \"fast\" is invalid: spec.note: Invalid value: \"bad\": not bad");
    assert_eq!(patch(json!({"spec": {"speed": 91}})).unwrap_err().code, 422);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_can_ask_for_a_certain_object() {
    let server = server();
    let object = server.apply(&machine("a", 1)).unwrap();
    let path = format!("{MACHINES}/a");
    let wrong = json!({"preconditions": {"uid": "other"}});
    assert_eq!(ask(&server, "DELETE", &path, wrong).await.0, 409);
    let right = json!({"preconditions": {
        "uid": object["metadata"]["uid"], "resourceVersion": version(&object).to_string(),
    }});
    assert_eq!(ask(&server, "DELETE", &path, right).await.0, 200);
    assert!(server.get("machines", "default", "a").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_collection_is_deleted_by_its_selector() {
    let server = server();
    for name in ["a", "b"] {
        server.apply(&machine(name, 1)).unwrap();
    }
    let path = format!("{MACHINES}?fieldSelector=metadata.name=a");
    let (code, list) = ask(&server, "DELETE", &path, Value::Null).await;
    assert_eq!((code, list["items"].as_array().unwrap().len()), (200, 1));
    assert_eq!(server.list("machines", "").len(), 1);
}
