//! Getting, listing in pages, selecting, discovering.

use serde_json::{Value, json};

use super::{MACHINES, ask, machine, names, server, version};

#[tokio::test(start_paused = true)]
async fn pages_show_one_state_even_while_it_changes() {
    let server = server();
    for name in ["a", "b", "c", "d"] {
        server.apply(&machine(name, 1)).unwrap();
    }
    let (_, first) = ask(&server, "GET", &format!("{MACHINES}?limit=2"), Value::Null).await;
    assert_eq!(names(&first), ["a", "b"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 2);
    let token = first["metadata"]["continue"].as_str().unwrap().to_owned();

    server.delete("machines", "default", "c").unwrap();
    server.apply(&machine("d", 9)).unwrap();
    server.apply(&machine("e", 1)).unwrap();
    let rest = format!("{MACHINES}?limit=2&continue={token}");
    let (_, second) = ask(&server, "GET", &rest, Value::Null).await;
    assert_eq!(names(&second), ["c", "d"]);
    assert_eq!(second["items"][1]["spec"]["speed"], 1);
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    assert_eq!(second["metadata"]["continue"], "");

    server.compact();
    let (code, expired) = ask(&server, "GET", &rest, Value::Null).await;
    assert_eq!((code, &expired["reason"]), (410, &json!("Expired")));
    let token = expired["metadata"]["continue"].as_str().unwrap();
    let (_, now) = ask(&server, "GET", &format!("{MACHINES}?continue={token}"), Value::Null).await;
    assert_eq!(names(&now), ["d", "e"]);
}

#[tokio::test(start_paused = true)]
async fn an_exact_version_shows_the_past() {
    let server = server();
    let before = version(&server.apply(&machine("a", 1)).unwrap());
    server.apply(&machine("a", 2)).unwrap();
    server.apply(&machine("b", 2)).unwrap();
    let path = format!("{MACHINES}?resourceVersion={before}&resourceVersionMatch=Exact");
    let (_, past) = ask(&server, "GET", &path, Value::Null).await;
    assert_eq!(names(&past), ["a"]);
    assert_eq!(past["items"][0]["spec"]["speed"], 1);
    let path = format!("{MACHINES}?resourceVersion={before}&resourceVersionMatch=NotOlderThan");
    let (_, present) = ask(&server, "GET", &path, Value::Null).await;
    assert_eq!(names(&present), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn label_selectors_choose() {
    let server = server();
    for (name, labels) in
        [("a", json!({"tier": "web", "zone": "one"})), ("b", json!({"tier": "data"})), ("c", json!({}))]
    {
        let mut object = machine(name, 1);
        object["metadata"]["labels"] = labels;
        server.apply(&object).unwrap();
    }
    for (selector, expected) in [
        ("tier=web", vec!["a"]),
        ("tier==web,zone=one", vec!["a"]),
        ("tier!=web", vec!["b", "c"]),
        ("tier in (web, data)", vec!["a", "b"]),
        ("tier notin (web)", vec!["b", "c"]),
        ("tier", vec!["a", "b"]),
        ("!zone", vec!["b", "c"]),
        ("tier in (web),!zone", vec![]),
    ] {
        let query: String = form_urlencoded::byte_serialize(selector.as_bytes()).collect();
        let (_, list) = ask(&server, "GET", &format!("{MACHINES}?labelSelector={query}"), Value::Null).await;
        assert_eq!(names(&list), expected, "{selector}");
    }
}

#[tokio::test(start_paused = true)]
async fn field_selectors_choose() {
    let server = server();
    server.apply(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}})).unwrap();
    server.apply(&machine("a", 1)).unwrap();
    let mut elsewhere = machine("a", 2);
    elsewhere["metadata"]["namespace"] = json!("team");
    server.apply(&elsewhere).unwrap();
    for (selector, expected) in [
        ("metadata.name=a", 2),
        ("metadata.name!=a", 0),
        ("metadata.name=a,metadata.namespace=team", 1),
        ("metadata.namespace!=team", 1),
    ] {
        let path = format!("/apis/test.dev/v1/machines?fieldSelector={selector}");
        let (_, list) = ask(&server, "GET", &path, Value::Null).await;
        assert_eq!(names(&list).len(), expected, "{selector}");
    }
}

#[tokio::test(start_paused = true)]
async fn clients_can_find_out_what_is_served() {
    let server = server();
    let (_, core) = ask(&server, "GET", "/api", Value::Null).await;
    assert_eq!(core["versions"], json!(["v1"]));
    let (_, groups) = ask(&server, "GET", "/apis", Value::Null).await;
    let found: Vec<&str> =
        groups["groups"].as_array().unwrap().iter().map(|group| group["name"].as_str().unwrap()).collect();
    assert_eq!(found, ["apiextensions.k8s.io", "coordination.k8s.io", "events.k8s.io", "test.dev"]);
    let (_, resources) = ask(&server, "GET", "/apis/test.dev/v1", Value::Null).await;
    let machines = &resources["resources"][0];
    assert_eq!((&machines["name"], &machines["shortNames"]), (&json!("machines"), &json!(["mc"])));
    assert_eq!(resources["resources"][1]["name"], "machines/status");
    assert_eq!(ask(&server, "GET", "/readyz", Value::Null).await, (200, json!("ok")));
    assert_eq!(ask(&server, "GET", "/version", Value::Null).await.1["minor"], "36");
    assert_eq!(ask(&server, "GET", "/apis/nowhere.dev/v1", Value::Null).await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn requests_are_logged_and_counted() {
    let server = server();
    server.apply(&machine("a", 1)).unwrap();
    assert_eq!(server.requests(), []);
    ask(&server, "GET", &format!("{MACHINES}/a"), Value::Null).await;
    ask(&server, "GET", &format!("{MACHINES}/b"), Value::Null).await;
    ask(&server, "PATCH", &format!("{MACHINES}/a/status"), json!({"status": {"seen": 1}})).await;
    ask(&server, "GET", "/readyz", Value::Null).await;
    let log: Vec<String> = server
        .requests()
        .iter()
        .map(|r| format!("{} {} {} {} {} {}", r.verb, r.resource, r.subresource, r.namespace, r.name, r.code))
        .collect();
    let expected = [
        "get machines.test.dev  default a 200",
        "get machines.test.dev  default b 404",
        "patch machines.test.dev status default a 200",
        "get /readyz    200",
    ];
    assert_eq!(log, expected);
    let counts = server.request_counts();
    assert_eq!(counts[&("get".to_owned(), "machines.test.dev".to_owned())], 2);
    assert_eq!(counts[&("patch".to_owned(), "machines.test.dev/status".to_owned())], 1);
    server.forget_requests();
    assert!(server.requests().is_empty() && server.request_counts().is_empty());
}
