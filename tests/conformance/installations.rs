//! Two installations in one cluster: by their names each has its objects, and where both look at the same ones by mistake
//! they do not write without end.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::bed::server::Server;

use super::bed::{Bed, condition_of};
use super::manifests::{ALL_AT_ONCE, route, shift_named, stage};
use super::process::Process;

/// For how long the versions of objects are watched.
const WATCHED: Duration = Duration::from_secs(10);
/// How often is looked.
const GLANCE: Duration = Duration::from_millis(100);
/// What a second installation is given beside the flags of the first: an owner and a Lease of its own.
const ANOTHER: [&str; 4] = ["--owner-id", "another", "--lease-name", "weir-another"];

fn another(bed: &Process, arguments: &[&str]) -> Server {
    bed.spawn_ready(&[&ANOTHER[..], arguments].concat())
}

/// By how much the version of the cluster rises in a while; it does with each write, that of an event too, and also with those
/// of other cases.
fn rise(bed: &mut Process, while_: Duration) -> u64 {
    let version = |bed: &Process| {
        let list = bed.kubernetes.kubectl(&["get", "--raw", "/apis/weir.dev/v1alpha1/weightedroutes?limit=1"]);
        let list: Value = serde_json::from_str(&list).expect("it is JSON");
        list["metadata"]["resourceVersion"].as_str().and_then(|version| version.parse::<u64>().ok()).expect("a version")
    };
    let before = version(bed);
    bed.pass(while_);
    version(bed) - before
}

/// How often objects of the case are seen to have another version than a moment before.
fn changes(bed: &mut Process, while_: Duration) -> usize {
    let (mut changes, mut passed) = (0, Duration::ZERO);
    let mut known = (bed as &dyn Bed).versions();
    while passed < while_ {
        bed.pass(GLANCE);
        passed += GLANCE;
        let versions = (bed as &dyn Bed).versions();
        changes += versions.iter().filter(|(object, version)| known.get(*object) != Some(version)).count();
        known = versions;
    }
    changes
}

fn label(user: &mut dyn Bed, name: Value) {
    for resource in ["entrypoints", "environments", "weightedroutes", "trafficshifts"] {
        for object in user.list(resource) {
            let patch = json!({"metadata": {"labels": {"weir.dev/controller": name}}});
            user.patch(resource, object["metadata"]["name"].as_str().unwrap_or_default(), &patch);
        }
    }
}

#[test]
fn by_their_names_each_installation_has_its_own_objects() {
    let Some(mut bed) = Process::open() else { return };
    let named = another(&bed, &["--controller-name", "blue"]);
    let unnamed = bed.spawn_ready(&[]);
    let user: &mut dyn Bed = &mut bed;
    user.apply(&stage(user));
    user.until_true("weightedroutes", "checkout", "Ready");
    user.rest();
    let versions = user.versions();
    user.rest();
    assert_eq!(user.versions(), versions, "nobody writes what the other has written");
    let writers = |object: &Value| -> BTreeSet<String> {
        let fields = object["metadata"]["managedFields"].as_array().into_iter().flatten();
        let of_status = fields.filter(|entry| entry["subresource"] == "status");
        of_status.filter_map(|entry| Some(entry["manager"].as_str()?.to_owned())).collect()
    };
    let object = user.get("weightedroutes", "checkout");
    assert_eq!(writers(&object), ["weir".to_owned()].into(), "who has written stands in {object}");

    // All but the entry point change hands.
    label(user, json!("blue"));
    user.patch("entrypoints", "public", &json!({"metadata": {"labels": {"weir.dev/controller": null}}}));
    let told = user.until("the new one says what it does not see", |user| {
        condition_of(&user.find("weightedroutes", "checkout")?, "Ready")
            .filter(|told| told.reason == "WaitingForEntryPoint")
    });
    assert!(told.message.contains("give it the label weir.dev/controller: blue"), "{}", told.message);
    user.patch("entrypoints", "public", &json!({"metadata": {"labels": {"weir.dev/controller": "blue"}}}));
    user.until("its rule has another owner", |user| {
        let told = condition_of(&user.find("weightedroutes", "checkout")?, "Ready")?;
        (told.reason == "OwnedByAnother").then_some(())
    });
    user.rest();
    let versions = user.versions();
    user.rest();
    assert_eq!(user.versions(), versions, "{}", unnamed.log());
    let log = unnamed.log();
    let audit = log.lines().filter(|line| line.contains("written to AWS")).map(str::to_owned).collect::<Vec<_>>();
    assert!(
        audit.iter().any(|line| {
            let says = [r#""operation":"AddTags""#, r#""arn":"arn:aws:"#, "weir.dev/owner="];
            says.iter().all(|part| line.contains(part))
        }),
        "{audit:?}"
    );
    assert!(!named.log().contains("written to AWS"));
}

#[test]
fn two_that_look_at_the_same_objects_by_mistake_write_ever_more_seldom() {
    let Some(mut bed) = Process::open() else { return };
    let _processes = [bed.spawn_ready(&[]), another(&bed, &[])];
    let user: &mut dyn Bed = &mut bed;
    // Three routes, as many as there are rules beside the default action.
    let place = |priority: u32| format!(", match: {{hosts: [h{priority}.example.org]}}, priority: {priority}");
    let routes = [20, 21].map(|priority| route(&format!("r{priority}"), &place(priority), ""));
    let shifts = ["r20", "r21"].map(|name| {
        shift_named(name, "blue", ALL_AT_ONCE, "").replace("routes: [checkout]", &format!("routes: [{name}]"))
    });
    user.apply(&[stage(user), routes.concat(), shifts.concat()].concat());
    // The one that has the rules says that they are live, the other that they are somebody else's.
    user.until("the routes have their rules", |user| {
        ["r20", "r21"]
            .iter()
            .all(|name| !user.get("weightedroutes", name)["status"]["listenerRule"]["marked"].is_null())
            .then_some(())
    });
    let at_first = rise(&mut bed, WATCHED);
    bed.pass(2 * WATCHED);
    println!("in {WATCHED:?} the cluster's version rose by {at_first}, and later by {}", rise(&mut bed, WATCHED));
    // Three routes and two shifts, each written a few times at most.
    let changes = changes(&mut bed, WATCHED);
    assert!(changes <= 15, "{changes} changes in {WATCHED:?}");
}
