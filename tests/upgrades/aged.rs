//! Routes and shifts whose statuses an earlier version has stored, in the middle of a run and at rest: they go on as if
//! today's had.

use std::time::Duration;

use regex::Regex;
use serde_json::{Map, Value, json};
use weir_lab::World;
use weir_lab::stage::{self, on_virtual_time, rule_route, shift, steps};

use super::{NAMESPACE, kept, todays_definitions};

/// The only version that stored statuses in another form.
const ALPHA: &str = "0.1.0-alpha";
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// What happens while no controller runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meanwhile {
    Nothing,
    /// The statuses take the form of the earlier version.
    Ages,
}

/// The statuses of routes and shifts as they are stored, less what is counted anew each minute.
fn statuses(world: &World) -> Vec<(String, Value)> {
    let stored = ["weightedroutes", "trafficshifts"].into_iter().flat_map(|kind| world.kube().list(kind, NAMESPACE));
    let status = |object: &Value| {
        let mut status = object["status"].clone();
        status.as_object_mut().unwrap().remove("requests");
        (format!("{}/{}", object["kind"], object["metadata"]["name"]), status)
    };
    stored.map(|object| status(&object)).collect()
}

/// The writes to AWS so far, by operation and resources.
fn writes(world: &World) -> Vec<(String, Vec<String>)> {
    let calls = world.evidence().calls.into_iter().filter(|call| call.write);
    calls.map(|call| (call.operation, call.resources)).collect()
}

/// One life of the controller ends and another begins; what happens in between, happens.
fn restart(world: &mut World, meanwhile: Meanwhile) {
    world.crash_controller();
    if meanwhile == Meanwhile::Ages {
        age(world);
    }
    world.start_controller();
}

/// Has every status stored as the earlier version stored it: what the definitions of that one do not name, the API server
/// drops. Then today's definitions come, and somebody writes each object, so that they too drop what they do not name.
fn age(world: &World) {
    let define = |definitions: Vec<Value>| {
        for definition in &definitions {
            world.kube().apply(definition).unwrap();
        }
    };
    define(kept(ALPHA, "crds.yaml"));
    for kind in ["weightedroutes", "trafficshifts"] {
        for object in world.kube().list(kind, NAMESPACE) {
            let name = object["metadata"]["name"].as_str().unwrap();
            world.kube().wipe_status(kind, NAMESPACE, name).unwrap();
            let status = json!({"status": former(&object["status"])});
            let stored = world.kube().merge_status(kind, NAMESPACE, name, &status).unwrap();
            assert_eq!(stored["status"], status["status"], "{ALPHA} stores it so");
        }
    }
    define(todays_definitions());
    for kind in ["weightedroutes", "trafficshifts"] {
        for object in world.kube().list(kind, NAMESPACE) {
            let name = object["metadata"]["name"].as_str().unwrap();
            world.patch(kind, name, &json!({"metadata": {"labels": {"touched": "yes"}}})).unwrap();
        }
    }
}

/// A status in the form of the earlier version.
fn former(status: &Value) -> Value {
    let mut status = status.as_object().unwrap().clone();
    unfold(&mut status);
    if let Some(intent) = status.get_mut("intent").and_then(Value::as_object_mut) {
        unfold(intent);
    }
    for full in status.get_mut("fullTraffic").and_then(Value::as_array_mut).into_iter().flatten() {
        full["group"] = full.as_object_mut().unwrap().remove("targetGroups").unwrap()[0].clone();
    }
    if let Some(run) = status.get_mut("run").and_then(Value::as_object_mut) {
        run.remove("gates");
        if let Some(released) = run.get_mut("released").and_then(Value::as_object_mut) {
            let gates = released.remove("gates").unwrap();
            let wait = match gates.as_array().unwrap().last().and_then(Value::as_str) {
                Some("ShareSeen") => "ShareNotSeen",
                Some(same) => same,
                None => panic!("{released:?} says of no gate"),
            };
            released.insert("wait".to_owned(), json!(wait));
        }
    }
    if let Some(command) = status.get_mut("lastCommand").and_then(Value::as_object_mut)
        && command.remove("effect").unwrap() == "Refused"
    {
        command.insert("refused".to_owned(), json!(true));
    }
    Value::Object(status)
}

/// The fields of the rule stand beside it, and each member is a pair.
fn unfold(holder: &mut Map<String, Value>) {
    if let Some(Value::Object(rule)) = holder.remove("listenerRule") {
        holder.extend(rule);
    }
    if let Some(Value::Array(members)) = holder.remove("members") {
        let pair = |member: &Value| json!({"environment": member["environment"], "arn": member["targetGroups"][0]});
        holder.insert("groups".to_owned(), members.iter().map(pair).collect());
    }
}

#[test]
fn what_rests_goes_on_resting_and_is_stored_anew() {
    on_virtual_time(async {
        let mut world = stage::set(weir_lab::Settings::seeded(1)).await;
        let sticky = "stickiness: {enabled: true, duration: 10m}";
        let by_hand = format!("weights: {{blue: 80, green: 20}}\n  {sticky}");
        world.apply(&rule_route("by-hand", &["blue", "green"], 10, &by_hand)).unwrap();
        world.apply(&shift("green", &steps(&[50, 100], "1m"), "")).unwrap();
        world.run_until(|world| world.is_complete("checkout"), HOUR).await.unwrap();
        world.command("checkout", "abort/1").unwrap();
        let annotation = json!({"metadata": {"annotations": {"weir.dev/command": "abort/1"}}});
        world.patch("weightedroutes", "checkout", &annotation).unwrap();
        world.run_for(10 * MINUTE).await;
        let (written, stored) = (writes(&world), statuses(&world));
        restart(&mut world, Meanwhile::Ages);
        assert_ne!(statuses(&world), stored, "the statuses are as {ALPHA} stored them");
        world.run_for(5 * MINUTE).await;
        assert_eq!(writes(&world), written);
        assert_eq!(statuses(&world), stored);
        let effects = ["weightedroutes", "trafficshifts"].map(|kind| {
            world.kube().get(kind, NAMESPACE, "checkout").unwrap()["status"]["lastCommand"]["effect"].clone()
        });
        assert_eq!(effects, ["Refused", "Refused"]);
    });
}

/// A run that is interrupted so long after it was wanted, and goes on to its end; the writes to AWS that it took, and the
/// statuses in the end, less instants.
fn run(interrupted: Duration, meanwhile: Meanwhile) -> (Vec<(String, Vec<String>)>, String) {
    on_virtual_time(async {
        let mut world = stage::set(weir_lab::Settings::seeded(1)).await;
        world.run_for(MINUTE).await;
        world.apply(&shift("green", &steps(&[25, 100], "30m"), "")).unwrap();
        world.run_for(interrupted).await;
        let identity = |world: &World| {
            let run = world.shift("checkout")?.status?.run?;
            Some((run.id, run.seq, run.started_at))
        };
        let (before, stored) = (identity(&world).unwrap(), statuses(&world));
        restart(&mut world, meanwhile);
        // The lease of the life that has ended is waited for.
        world.run_for(3 * MINUTE).await;
        let after = identity(&world).unwrap();
        assert_eq!((after.0, after.2), (before.0, before.2), "the run is not begun again");
        if interrupted > MINUTE {
            assert_eq!(after.1, before.1, "nor is its change");
            assert_eq!(statuses(&world), stored);
        }
        world.run_until(|world| world.is_complete("checkout"), HOUR).await.unwrap();
        assert_eq!(stage::live(&world), stage::weights(&[("blue", 0), ("green", 100)]));
        let history = world.shift("checkout").unwrap().status.unwrap().history;
        assert_eq!(history.iter().map(|past| past.id).collect::<Vec<_>>(), [before.0]);
        let instant = Regex::new(r"\d{4}-\d\d-\d\dT[\d:.]+Z").unwrap();
        let statuses = format!("{:#?}", statuses(&world));
        (writes(&world), instant.replace_all(&statuses, "INSTANT").into_owned())
    })
}

#[test]
fn a_run_that_is_on_its_way_goes_on_and_is_not_begun_again() {
    // At once, while the first change is on its way, and in the middle of the pause.
    for millis in [100, 200, 400, 800, 1_600, 5 * 60_000] {
        let interrupted = Duration::from_millis(millis);
        let course = run(interrupted, Meanwhile::Ages);
        assert_eq!(course, run(interrupted, Meanwhile::Nothing), "interrupted after {millis} ms");
    }
}

#[test]
fn a_run_goes_back_by_what_an_earlier_version_has_recorded() {
    on_virtual_time(async {
        let mut world = stage::set(weir_lab::Settings::seeded(1)).await;
        world.run_for(MINUTE).await;
        world.apply(&shift("green", &steps(&[25, 100], "30m"), "")).unwrap();
        world.run_for(5 * MINUTE).await;
        world.crash_controller();
        age(&world);
        world.delete("environments", "blue").unwrap();
        world.delete("entrypoints", "public").unwrap();
        world.command("checkout", "abort/1").unwrap();
        world.start_controller();
        world.run_until(|world| world.is_complete("checkout"), HOUR).await.unwrap();
        assert_eq!(stage::live(&world), stage::weights(&[("blue", 100), ("green", 0)]));
    });
}
