//! What tests and the demo do to the server without HTTP.

use serde_json::json;

use super::{machine, server, version};

#[tokio::test(start_paused = true)]
async fn applying_removes_what_was_applied_before_and_keeps_what_others_wrote() {
    let server = server();
    let mut first = machine("a", 1);
    first["spec"]["note"] = json!("mine");
    first["metadata"]["labels"] = json!({"mine": "1"});
    server.apply(&first).unwrap();
    let theirs = json!({"metadata": {"labels": {"theirs": "1"}}, "spec": {"retired": true}});
    server.merge("machines", "default", "a", &theirs).unwrap();
    server.merge_status("machines", "default", "a", &json!({"status": {"seen": 4}})).unwrap();

    let mut second = machine("a", 2);
    second["metadata"]["labels"] = json!({"new": "1"});
    let object = server.apply(&second).unwrap();
    assert_eq!(object["spec"], json!({"speed": 2, "mode": "Slow", "retired": true}));
    assert_eq!(object["metadata"]["labels"], json!({"theirs": "1", "new": "1"}));
    assert_eq!(object["status"], json!({"seen": 4}));
    assert_eq!(object["metadata"]["generation"], 3);

    let again = server.apply(&second).unwrap();
    assert_eq!(version(&again), version(&object));
}

#[tokio::test(start_paused = true)]
async fn applying_is_strict_and_needs_a_known_kind() {
    let server = server();
    let mut object = machine("a", 1);
    object["spec"]["sped"] = json!(2);
    let refused = server.apply(&object).unwrap_err();
    let expected = "Machine in version \"v1\" cannot be handled as a Machine: strict decoding error: unknown field \
        \"spec.sped\"";
    assert_eq!((refused.code, refused.message.as_str()), (400, expected));
    let unknown = json!({"apiVersion": "test.dev/v9", "kind": "Engine", "metadata": {"name": "x"}});
    let refused = server.apply(&unknown).unwrap_err();
    let expected = "no matches for kind \"Engine\" in version \"test.dev/v9\": ensure CRDs are installed first";
    assert_eq!(refused.message, expected);
}

#[tokio::test(start_paused = true)]
async fn kinds_are_found_by_all_their_names() {
    let server = server();
    server.apply(&machine("a", 1)).unwrap();
    for name in ["machines", "machine", "mc", "Machine", "machines.test.dev"] {
        assert!(server.get(name, "default", "a").is_some(), "{name}");
    }
    assert!(server.get("machines.other.dev", "default", "a").is_none());
    assert_eq!(server.list("machines", "default").len(), 1);
    assert!(server.list("machines", "elsewhere").is_empty());
    assert_eq!(server.delete("engines", "default", "a").unwrap_err().code, 400);
}

#[tokio::test(start_paused = true)]
async fn a_status_can_be_lost() {
    let server = server();
    server.apply(&machine("a", 1)).unwrap();
    server.merge_status("machines", "default", "a", &json!({"status": {"seen": 4}})).unwrap();
    let before = server.version();
    server.wipe_status("machines", "default", "a").unwrap();
    assert!(server.get("machines", "default", "a").unwrap()["status"].is_null());
    assert_eq!(server.version(), before + 1);
    server.wipe_status("machines", "default", "a").unwrap();
    assert_eq!(server.version(), before + 1);
    assert_eq!(server.wipe_status("machines", "default", "b").unwrap_err().code, 404);
}
