//! Watches, line by line.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::super::{Body, Kube};
use super::{MACHINES, machine, server, version};

/// Starts a watch of the machines.
async fn watch(server: &Arc<Kube>, query: &str) -> Body {
    let uri = format!("{MACHINES}?watch=true&{query}");
    let response = server.handle(http::Request::get(uri).body(Bytes::new()).unwrap()).await;
    assert_eq!(response.status(), 200);
    response.into_body()
}

/// The next event of a watch; `None` at its end.
async fn next(body: &mut Body) -> Option<Value> {
    let frame = body.frame().await?.unwrap().into_data().unwrap();
    assert!(frame.ends_with(b"\n"));
    Some(serde_json::from_slice(&frame).unwrap())
}

/// The next event in a few words.
async fn word(body: &mut Body) -> String {
    let Some(event) = next(body).await else { return "end".to_owned() };
    let object = &event["object"];
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    format!("{} {name}", event["type"].as_str().unwrap())
}

fn labelled(name: &str, label: &str) -> Value {
    let mut object = machine(name, 1);
    object["metadata"]["labels"] = json!({"l": label});
    object
}

#[tokio::test(start_paused = true)]
async fn changes_come_in_order_with_their_versions() {
    let server = server();
    let start = server.version();
    let mut body = watch(&server, &format!("resourceVersion={start}")).await;
    let made = server.apply(&machine("a", 1)).unwrap();
    let changed = server.apply(&machine("a", 2)).unwrap();
    server.delete("machines", "default", "a").unwrap();
    let mut events = Vec::new();
    for _ in 0..3 {
        events.push(next(&mut body).await.unwrap());
    }
    assert_eq!(events[0], json!({"type": "ADDED", "object": made}));
    assert_eq!(events[1], json!({"type": "MODIFIED", "object": changed}));
    assert_eq!(events[2]["type"], "DELETED");
    assert_eq!(events[2]["object"]["spec"], changed["spec"]);
    let versions: Vec<u64> = events.iter().map(|event| version(&event["object"])).collect();
    assert_eq!(versions, [start + 1, start + 2, start + 3]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_without_a_version_begins_with_what_is_there() {
    let server = server();
    server.apply(&machine("a", 1)).unwrap();
    for query in ["", "resourceVersion=0"] {
        let mut body = watch(&server, query).await;
        assert_eq!(word(&mut body).await, "ADDED a");
    }
}

#[tokio::test(start_paused = true)]
async fn a_streamed_list_ends_with_a_bookmark() {
    let server = server();
    server.apply(&machine("a", 1)).unwrap();
    let query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut body = watch(&server, query).await;
    assert_eq!(word(&mut body).await, "ADDED a");
    let bookmark = next(&mut body).await.unwrap();
    let expected = json!({"type": "BOOKMARK", "object": {"kind": "Machine", "apiVersion": "test.dev/v1", "metadata": {
        "resourceVersion": server.version().to_string(), "annotations": {"k8s.io/initial-events-end": "true"},
    }}});
    assert_eq!(bookmark, expected);
    server.apply(&machine("b", 1)).unwrap();
    assert_eq!(word(&mut body).await, "ADDED b");
}

#[tokio::test(start_paused = true)]
async fn selectors_turn_changes_into_comings_and_goings() {
    let server = server();
    let mut body = watch(&server, &format!("labelSelector=l%3Din&resourceVersion={}", server.version())).await;
    for label in ["out", "in", "in", "out", "in"] {
        server.apply(&labelled("a", label)).unwrap();
    }
    server.merge("machines", "default", "a", &json!({"spec": {"speed": 7}})).unwrap();
    server.delete("machines", "default", "a").unwrap();
    for expected in ["ADDED a", "DELETED a", "ADDED a", "MODIFIED a", "DELETED a"] {
        assert_eq!(word(&mut body).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_when_its_time_is_over() {
    let server = server();
    let begun = Instant::now();
    let mut body = watch(&server, "resourceVersion=0&timeoutSeconds=30").await;
    assert_eq!(word(&mut body).await, "end");
    let lasted = begun.elapsed();
    assert!(lasted >= Duration::from_secs(30) && lasted < Duration::from_secs(31), "{lasted:?}");
    // One that names no end is ended by the server.
    let mut body = watch(&server, "resourceVersion=0").await;
    assert_eq!(timeout(Duration::from_secs(3601), word(&mut body)).await.unwrap(), "end");
}

#[tokio::test(start_paused = true)]
async fn quiet_watches_get_bookmarks_if_they_want() {
    let server = server();
    let mut body = watch(&server, "resourceVersion=0&timeoutSeconds=150&allowWatchBookmarks=true").await;
    sleep(Duration::from_secs(30)).await;
    server.apply(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}})).unwrap();
    let bookmark = next(&mut body).await.unwrap();
    assert_eq!(bookmark["type"], "BOOKMARK");
    assert_eq!(version(&bookmark["object"]), server.version());
    assert_eq!(word(&mut body).await, "BOOKMARK ");
    assert_eq!(word(&mut body).await, "end");
}

#[tokio::test(start_paused = true)]
async fn versions_that_were_compacted_away_are_expired() {
    let server = server();
    let old = version(&server.apply(&machine("a", 1)).unwrap());
    let newest = version(&server.apply(&machine("a", 2)).unwrap());
    server.compact();
    let mut body = watch(&server, &format!("resourceVersion={old}")).await;
    let event = next(&mut body).await.unwrap();
    assert_eq!(event["type"], "ERROR");
    assert_eq!((&event["object"]["code"], &event["object"]["reason"]), (&json!(410), &json!("Expired")));
    assert_eq!(event["object"]["message"], format!("too old resource version: {old} ({newest})"));
    assert_eq!(word(&mut body).await, "end");
    let mut body = watch(&server, &format!("resourceVersion={newest}")).await;
    server.apply(&machine("b", 1)).unwrap();
    assert_eq!(word(&mut body).await, "ADDED b");
}

#[tokio::test(start_paused = true)]
async fn a_watch_from_the_future_waits_for_it() {
    let server = server();
    let mut body = watch(&server, &format!("resourceVersion={}&timeoutSeconds=9", server.version() + 1)).await;
    server.apply(&machine("a", 1)).unwrap();
    server.apply(&machine("b", 1)).unwrap();
    assert_eq!(word(&mut body).await, "ADDED b");
    assert_eq!(word(&mut body).await, "end");
}

#[tokio::test(start_paused = true)]
async fn watches_hear_of_a_change_a_little_later() {
    let server = server();
    let mut body = watch(&server, &format!("resourceVersion={}", server.version())).await;
    let begun = Instant::now();
    server.apply(&machine("a", 1)).unwrap();
    assert!(timeout(Duration::ZERO, next(&mut body)).await.is_err());
    assert_eq!(word(&mut body).await, "ADDED a");
    let delay = begun.elapsed();
    assert!(delay >= Duration::from_millis(1) && delay <= Duration::from_millis(6), "{delay:?}");
}

#[tokio::test(start_paused = true)]
async fn a_watch_of_one_object_hears_of_no_other() {
    let server = server();
    let uri = format!("{MACHINES}/a?watch=true&resourceVersion={}", server.version());
    let mut body = server.handle(http::Request::get(uri).body(Bytes::new()).unwrap()).await.into_body();
    server.apply(&machine("b", 1)).unwrap();
    server.apply(&machine("a", 1)).unwrap();
    assert_eq!(word(&mut body).await, "ADDED a");
}
