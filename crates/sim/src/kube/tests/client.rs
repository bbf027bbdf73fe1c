//! The real kube client and its watcher against the server.

use futures::{StreamExt, TryStreamExt};
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::runtime::watcher::{self, Event, watcher};
use serde_json::{Value, json};

use super::super::KubeService;
use super::{machine, server};

fn api(server: &std::sync::Arc<super::Kube>) -> Api<DynamicObject> {
    let client = kube::Client::new(KubeService::new(server.clone()), "default");
    let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("test.dev", "v1", "Machine"), "machines");
    Api::default_namespaced_with(client, &resource)
}

fn object(value: Value) -> DynamicObject {
    serde_json::from_value(value).unwrap()
}

#[tokio::test(start_paused = true)]
async fn creates_reads_changes_and_deletes() {
    let server = server();
    let machines = api(&server);
    let made = machines.create(&PostParams::default(), &object(machine("a", 3))).await.unwrap();
    assert_eq!(made.data["spec"], json!({"speed": 3, "mode": "Slow"}));
    assert_eq!(made.metadata.generation, Some(1));

    let taken = machines.create(&PostParams::default(), &object(machine("a", 3))).await.unwrap_err();
    let kube::Error::Api(status) = taken else { panic!("expected a Status, found {taken}") };
    assert_eq!((status.code, status.reason.as_str()), (409, "AlreadyExists"));
    assert_eq!(status.message, "machines.test.dev \"a\" already exists");

    let patch = Patch::Merge(json!({"spec": {"speed": 4}}));
    let changed = machines.patch("a", &PatchParams::default(), &patch).await.unwrap();
    assert_eq!(changed.metadata.generation, Some(2));
    let mut stale = made.clone();
    stale.data["spec"]["speed"] = json!(9);
    let conflict = machines.replace("a", &PostParams::default(), &stale).await.unwrap_err();
    let kube::Error::Api(status) = conflict else { panic!("expected a Status, found {conflict}") };
    assert_eq!((status.code, status.reason.as_str()), (409, "Conflict"));

    let patch = Patch::Merge(json!({"status": {"running": true}, "spec": {"speed": 50}}));
    let reported = machines.patch_status("a", &PatchParams::default(), &patch).await.unwrap();
    assert_eq!(reported.data["status"], json!({"running": true}));
    assert_eq!(reported.data["spec"]["speed"], json!(4));
    assert_eq!(reported.metadata.generation, Some(2));

    assert_eq!(machines.list(&ListParams::default()).await.unwrap().items.len(), 1);
    machines.delete("a", &DeleteParams::default()).await.unwrap();
    assert!(machines.get_opt("a").await.unwrap().is_none());
}

/// What a watcher saw, in one word each.
fn word(event: &Event<DynamicObject>) -> String {
    let name = |object: &DynamicObject| object.metadata.name.clone().unwrap();
    match event {
        Event::Init => "init".to_owned(),
        Event::InitApply(object) => format!("there {}", name(object)),
        Event::InitDone => "ready".to_owned(),
        Event::Apply(object) => format!("apply {} {}", name(object), object.data["spec"]["speed"]),
        Event::Delete(object) => format!("gone {}", name(object)),
    }
}

async fn see(config: watcher::Config) {
    let server = server();
    server.apply(&machine("old", 1)).unwrap();
    let mut events = Box::pin(watcher(api(&server), config));
    for expected in ["init", "there old", "ready"] {
        assert_eq!(word(&events.try_next().await.unwrap().unwrap()), expected);
    }
    server.apply(&machine("new", 2)).unwrap();
    server.apply(&machine("old", 5)).unwrap();
    server.delete("machines", "default", "new").unwrap();
    for expected in ["apply new 2", "apply old 5", "gone new"] {
        assert_eq!(word(&events.try_next().await.unwrap().unwrap()), expected);
    }
    // The watch outlives its own time limit, and what happens between two watches is not lost.
    let hour = std::time::Duration::from_hours(1);
    assert!(tokio::time::timeout(hour, events.next()).await.is_err());
    server.apply(&machine("late", 6)).unwrap();
    assert_eq!(word(&events.try_next().await.unwrap().unwrap()), "apply late 6");
    // A watcher whose version was compacted away lists again.
    server.apply(&machine("lost", 7)).unwrap();
    server.compact();
    assert!(events.try_next().await.is_err());
    for expected in ["init", "there late", "there lost", "there old", "ready"] {
        assert_eq!(word(&events.try_next().await.unwrap().unwrap()), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_lists_first_sees_everything() {
    see(watcher::Config::default()).await;
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_streams_its_list_sees_everything() {
    see(watcher::Config::default().streaming_lists()).await;
}
