//! The loop against the simulated API server.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use weir_aws::Accounts;

use self::bed::{Bed, Fault, NAMESPACE, SHIFTS};
use self::scripted::Scripted;
use super::{Controller, HEARING, NOTICES, NoticeBudget};
use crate::{Grants, Health, Metrics, Settings};

mod bed;
mod election;
mod scripted;

const STATUS: &str = "PUT trafficshifts/checkout/status";

fn controller(bed: &Bed) -> Controller<Scripted> {
    controller_of(bed, Settings::new("test"))
}

fn controller_of(bed: &Bed, settings: Settings) -> Controller<Scripted> {
    let config =
        SdkConfig::builder().behavior_version(BehaviorVersion::latest()).region(Region::new("eu-central-1")).build();
    let settings = Settings { grants: Grants::everything(), ..settings };
    let clock = bed.clock;
    let accounts = Accounts::new(&config, "test", move || clock.now(), |_| panic!("no script calls AWS")).unwrap();
    Controller::deciding(bed.client(), accounts, Arc::new(move || clock.now()), Metrics::new(), settings).unwrap()
}

/// Runs a controller for as long as a script takes, then drops it.
async fn during<T>(controller: Controller<Scripted>, script: impl Future<Output = T>) -> T {
    tokio::select! {
        biased;
        ended = controller.run(std::future::pending()) => panic!("the loop ended by itself: {ended:?}"),
        result = script => result,
    }
}

fn seconds(count: u64) -> tokio::time::Sleep {
    sleep(Duration::from_secs(count))
}

fn watched(bed: &Bed) -> (Controller<Scripted>, Metrics, Health) {
    let controller = controller(bed);
    let (metrics, health) = (controller.metrics(), controller.health());
    (controller, metrics, health)
}

#[tokio::test(start_paused = true)]
async fn an_object_is_recorded_told_of_and_then_left_alone() {
    let bed = Bed::with("green");
    during(controller(&bed), seconds(3_600)).await;
    assert_eq!(bed.phase("checkout"), "Succeeded");
    let mut log = bed.log();
    log.retain(|line| !line.starts_with("GET ") || line.contains('/'));
    assert_eq!(log, [STATUS, "POST events"], "one write, one event, no GET, and nothing more for an hour");
    let event = &bed.events()[0];
    assert_eq!(event["regarding"]["uid"], bed.shift("checkout").unwrap()["metadata"]["uid"]);
    assert_eq!(event["reason"], "StepApplied");
}

#[tokio::test(start_paused = true)]
async fn each_kind_is_listed_once() {
    let kinds = ["GET entrypoints", "GET environments", "GET weightedroutes", "GET trafficshifts"];
    let bed = Bed::new();
    during(controller(&bed), seconds(3_600)).await;
    assert_eq!(bed.log(), [&kinds[..], &["GET namespaces"]].concat());
    let bed = Bed::new();
    during(controller_of(&bed, Settings { namespace: Some("shop".to_owned()), ..Settings::new("test") }), seconds(60))
        .await;
    let log: Vec<String> = bed.log().into_iter().filter(|line| line != "GET namespaces/shop").collect();
    assert_eq!(log, kinds, "of one namespace the labels are of no use");
}

#[tokio::test(start_paused = true)]
async fn namespaces_that_may_not_be_read_are_not_waited_for() {
    let bed = Bed::new();
    bed.faults("GET namespaces", [Fault::Refuse(403); 100]);
    bed.apply("checkout", "green");
    during(controller(&bed), seconds(60)).await;
    assert_eq!(bed.phase("checkout"), "Succeeded");
    let bed = Bed::new();
    bed.faults("GET namespaces", [Fault::Refuse(500), Fault::Delay(Duration::from_secs(20))]);
    bed.apply("checkout", "green");
    during(controller(&bed), async {
        seconds(15).await;
        assert_eq!(bed.phase("checkout"), Value::Null, "what only fails in passing is waited for");
        seconds(15).await;
        assert_eq!(bed.phase("checkout"), "Succeeded");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_timer_wakes_what_asked_for_it() {
    let bed = Bed::with("later");
    let (controller, metrics, _) = watched(&bed);
    during(controller, async {
        seconds(299).await;
        assert_eq!((bed.phase("checkout"), bed.count(STATUS)), (json!("Shifting"), 1));
        seconds(2).await;
        assert_eq!((bed.phase("checkout"), bed.count(STATUS)), (json!("Succeeded"), 2));
    })
    .await;
    let text = metrics.render();
    assert!(text.contains(r#"weir_step_lateness_seconds_bucket{le="0.01"} 1"#), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_is_not_there_is_told_until_it_is() {
    let bed = Bed::new();
    let remove = || bed.kube.delete("namespaces", "", NAMESPACE).unwrap();
    remove();
    let controller = controller_of(&bed, Settings { namespace: Some("shop".to_owned()), ..Settings::new("test") });
    let health = controller.health();
    during(controller, async {
        seconds(30).await;
        let missing = health.ready().unwrap_err();
        assert!(missing.contains("found no namespace shop") && missing.contains("--namespace"), "{missing}");
        bed.make_namespace();
        seconds(11).await;
        assert_eq!(health.ready(), Ok(()));
        remove();
        seconds(61).await;
        assert!(health.ready().is_err());
        // Who may not look for it does not know better than before.
        bed.make_namespace();
        bed.faults("GET namespaces/shop", [Fault::Refuse(403)]);
        seconds(25).await;
        assert_eq!(health.ready(), Ok(()));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_listed_at_the_start_is_what_readiness_tells() {
    let bed = Bed::new();
    bed.faults("GET environments", [Fault::Refuse(403); 5]);
    let (controller, _, health) = watched(&bed);
    during(controller, async {
        seconds(2).await;
        let refused = health.ready().unwrap_err();
        assert!(refused.contains("environments.weir.dev") && refused.contains("grant list and watch"), "{refused}");
        seconds(30).await;
        assert_eq!(health.ready(), Ok(()));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn after_an_outage_what_was_asked_meanwhile_is_seen_within_five_seconds() {
    for outage in [10, 60, 90, 300] {
        let bed = Bed::with("green");
        during(controller(&bed), async {
            seconds(5).await;
            bed.refuse_all(Some(503));
            bed.apply("checkout", "later");
            seconds(outage).await;
            assert_eq!(bed.phase("checkout"), "Succeeded");
            bed.refuse_all(None);
            seconds(5).await;
            assert_eq!(bed.shift("checkout").unwrap()["status"]["observedGeneration"], 2, "{outage} s");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_that_are_not_taken_are_told_for_as_long_as_it_lasts() {
    let bed = Bed::new();
    let (controller, _, health) = watched(&bed);
    during(controller, async {
        seconds(5).await;
        assert_eq!(health.ready(), Ok(()));
        bed.refuse_all(Some(401));
        for _ in 0..10 {
            seconds(60).await;
            let told = health.ready().unwrap_err();
            assert!(told.contains("does not take its credentials") && told.contains("renew"), "{told}");
        }
        bed.refuse_all(None);
        seconds(5).await;
        assert_eq!(health.ready(), Ok(()));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_write_is_told_as_weirs() {
    let bed = Bed::with("held");
    during(controller(&bed), seconds(10)).await;
    let writes = ["PUT leases/weir", "PATCH trafficshifts/checkout", STATUS, "POST events"];
    assert!(writes.iter().all(|write| bed.count(write) > 0), "{:?}", bed.log());
    assert_eq!(bed.writers(), ["weir".to_owned()].into());
}

#[tokio::test(start_paused = true)]
async fn whoever_writes_statuses_over_is_answered_ever_more_seldom() {
    let bed = Bed::with("green");
    let (controller, metrics, _) = watched(&bed);
    // As another installation would: as soon as the status is ours, it is made another.
    let rival = async |minutes: u64| {
        for _ in 0..minutes * 600 {
            sleep(Duration::from_millis(100)).await;
            if bed.phase("checkout") == "Succeeded" {
                let status = json!({"status": {"phase": "Pending", "observedGeneration": null}});
                bed.kube.merge_status(SHIFTS, NAMESPACE, "checkout", &status).unwrap();
            }
        }
    };
    during(controller, async {
        rival(10).await;
        let answers = bed.count(STATUS);
        assert!((9..=12).contains(&answers), "{answers} writes in ten minutes");
        assert!(metrics.render().contains(r#"weir_status_rewrites_total{kind="TrafficShift"}"#));
        let told = || bed.events().iter().filter(|event| event["reason"] == "StatusOverwritten").count();
        assert_eq!(told(), 2, "once it is no accident, and when the pauses are the longest");
        bed.apply("checkout", "blue");
        seconds(1).await;
        assert_eq!(bed.shift("checkout").unwrap()["status"]["observedGeneration"], 2, "a user is not kept waiting");
        rival(60).await;
        let answers = bed.count(STATUS) - answers;
        assert!((10..=15).contains(&answers), "{answers} writes in an hour");
        assert!(told() > 5);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn our_own_statuses_count_as_ours_whatever_becomes_of_the_answer() {
    let bed = Bed::with("green");
    let (controller, metrics, _) = watched(&bed);
    during(controller, async {
        seconds(1).await;
        for (number, code) in [409, 503, 409].into_iter().enumerate() {
            bed.faults(STATUS, [Fault::Refuse(code)]);
            bed.apply("checkout", if number % 2 == 0 { "later" } else { "green" });
            seconds(10).await;
        }
        assert_eq!(bed.phase("checkout"), "Shifting");
    })
    .await;
    assert!(!metrics.render().contains("weir_status_rewrites_total{"), "{}", metrics.render());
}

#[tokio::test(start_paused = true)]
async fn each_controller_looks_at_the_objects_of_its_name_only() {
    let bed = Bed::with("green");
    let label = |name: &str| bed.edit(&json!({"labels": {"weir.dev/controller": name}}));
    label("blue");
    let named = |name: &str| Settings { controller: Some(name.to_owned()), ..Settings::new("test") };
    for settings in [Settings::new("test"), named("green")] {
        during(controller_of(&bed, settings), seconds(60)).await;
        assert_eq!((bed.count(STATUS), bed.phase("checkout")), (0, Value::Null));
    }
    during(controller_of(&bed, named("blue")), async {
        seconds(60).await;
        assert_eq!((bed.count(STATUS), bed.phase("checkout")), (1, json!("Succeeded")));
        // It becomes another's, under a write that was begun before.
        bed.faults(STATUS, [Fault::Delay(Duration::from_secs(1))]);
        bed.apply("checkout", "later");
        sleep(Duration::from_millis(500)).await;
        label("green");
        seconds(600).await;
        assert_eq!((bed.count(STATUS), bed.phase("checkout")), (2, json!("Succeeded")), "it is left alone");
        label("blue");
        seconds(1).await;
        assert_eq!((bed.count(STATUS), bed.phase("checkout")), (3, json!("Succeeded")), "and is looked at again");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_decided_before_every_kind_is_listed() {
    let bed = Bed::with("green");
    bed.faults("GET environments", [404, 500, 403].map(Fault::Refuse));
    let (controller, _, health) = watched(&bed);
    during(controller, async {
        sleep(Duration::from_millis(200)).await;
        assert!(health.ready().is_err() && health.live());
        assert_eq!(bed.count(STATUS), 0);
        seconds(10).await;
        assert_eq!(health.ready(), Ok(()));
        assert_eq!((bed.count("GET environments"), bed.count(STATUS)), (4, 1));
    })
    .await;
}

/// A bed whose API server takes any spec, as one does that got the definitions from somebody else.
fn lax() -> Bed {
    Bed::defining("spec", json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}))
}

#[tokio::test(start_paused = true)]
async fn one_bad_object_is_stalled_alone() {
    let bed = lax();
    bed.apply("bad", 7);
    bed.apply("checkout", "green");
    during(controller(&bed), async {
        seconds(600).await;
        assert_eq!(bed.phase("checkout"), "Succeeded");
        let condition = bed.shift("bad").unwrap()["status"]["conditions"][0].clone();
        assert_eq!(condition["type"], "Stalled");
        assert!(condition["message"].as_str().unwrap().contains("spec.to"), "{condition}");
        assert_eq!(bed.count("PUT trafficshifts/bad/status"), 1);
        bed.apply("bad", "green");
        seconds(1).await;
        assert_eq!(bed.phase("bad"), "Succeeded");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_read_and_tried_again() {
    let bed = Bed::with("green");
    bed.faults(STATUS, [Fault::Refuse(409)]);
    let (controller, metrics, _) = watched(&bed);
    during(controller, seconds(1)).await;
    let mut log = bed.log();
    log.retain(|line| line.contains('/'));
    assert_eq!(log, [STATUS, "GET trafficshifts/checkout", STATUS]);
    assert_eq!(bed.phase("checkout"), "Succeeded");
    assert!(metrics.render().contains(r#"weir_tick_errors_total{kind="TrafficShift",reason="conflict"} 1"#));
}

#[tokio::test(start_paused = true)]
async fn failures_back_off() {
    let bed = Bed::with("green");
    bed.faults(STATUS, [Fault::Refuse(503); 1_000]);
    during(controller(&bed), seconds(600)).await;
    let tries = bed.count(STATUS);
    assert!((10..40).contains(&tries), "{tries} tries in ten minutes");
}

#[tokio::test(start_paused = true)]
async fn a_request_without_an_answer_is_given_up_and_tried_again() {
    let bed = Bed::with("green");
    bed.faults(STATUS, [Fault::Delay(Duration::from_hours(24))]);
    let (controller, metrics, _) = watched(&bed);
    during(controller, async {
        seconds(4).await;
        assert_eq!(bed.count(STATUS), 1);
        seconds(3).await;
        assert_eq!(bed.phase("checkout"), "Succeeded");
    })
    .await;
    assert!(metrics.render().contains(r#"reason="timeout"} 1"#));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_keeps_no_status_is_not_flooded() {
    let bed = Bed::defining("status", json!({"type": "object"}));
    bed.apply("checkout", "green");
    let (controller, metrics, _) = watched(&bed);
    during(controller, seconds(600)).await;
    let tries = bed.count(STATUS);
    assert!((10..40).contains(&tries), "{tries} tries in ten minutes");
    assert!(metrics.render().contains(r#"reason="invalid""#));
    assert!(bed.events().is_empty(), "what was not recorded is not told");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_never_rests_is_slowed_and_harms_nobody() {
    let bed = Bed::new();
    bed.apply("restless", "restless");
    let (controller, metrics, health) = watched(&bed);
    during(controller, async {
        seconds(60).await;
        bed.apply("checkout", "green");
        seconds(1).await;
        assert_eq!(bed.phase("checkout"), "Succeeded");
    })
    .await;
    assert!(health.live());
    let text = metrics.render();
    let ticks = text.lines().find_map(|line| line.strip_prefix(r#"weir_tick_seconds_count{kind="TrafficShift"} "#));
    let ticks: u64 = ticks.unwrap().parse().unwrap();
    assert!((55..70).contains(&ticks), "{ticks} ticks in a minute");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_panics_is_stalled_and_the_others_go_on() {
    let bed = Bed::new();
    bed.apply("bad", "panic");
    bed.apply("checkout", "green");
    let (controller, metrics, _) = watched(&bed);
    during(controller, async {
        seconds(600).await;
        assert_eq!(bed.phase("checkout"), "Succeeded");
        let condition = bed.shift("bad").unwrap()["status"]["conditions"][0].clone();
        assert_eq!(condition["type"], "Stalled");
        assert!(condition["message"].as_str().unwrap().contains("the script says so"), "{condition}");
        assert!(metrics.render().contains("weir_panics_total 3"), "{}", metrics.render());
        bed.apply("bad", "green");
        seconds(1).await;
        assert_eq!(bed.phase("bad"), "Succeeded");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_finalizer_comes_and_goes_beside_those_of_others_however_many_they_are() {
    for count in [1, 1_000] {
        let bed = Bed::with("held");
        let mut others: Vec<String> = (0..count).map(|number| format!("example.org/{number}")).collect();
        bed.edit(&json!({"finalizers": others}));
        let finalizers = || bed.shift("checkout").map(|object| object["metadata"]["finalizers"].clone());
        during(controller(&bed), async {
            seconds(1).await;
            let without_ours = others.clone();
            others.push("weir.dev/undo".to_owned());
            assert_eq!(finalizers(), Some(json!(others)));
            bed.delete();
            seconds(1).await;
            assert_eq!(finalizers(), Some(json!(without_ours)));
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_decided_on_goes_all_the_same_when_it_is_deleted() {
    for spoilt in [json!(7), json!("panic")] {
        let bed = lax();
        bed.apply("checkout", spoilt.clone());
        bed.edit(&json!({"finalizers": ["weir.dev/undo"]}));
        during(controller(&bed), async {
            seconds(30 * 60).await;
            bed.delete();
            seconds(9 * 60).await;
            assert!(bed.shift("checkout").is_some(), "it may still be mended: {spoilt}");
            seconds(2 * 60).await;
            assert_eq!(bed.shift("checkout"), None, "{spoilt}");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_our_finalizer_held_goes_without_another_request() {
    let bed = Bed::with("held");
    let (controller, metrics, _) = watched(&bed);
    during(controller, async {
        seconds(1).await;
        assert!(metrics.render().contains(r#"shift="checkout""#));
        bed.delete();
        seconds(60).await;
        assert_eq!(bed.shift("checkout"), None);
    })
    .await;
    let mut log = bed.log();
    log.retain(|line| line.contains("checkout"));
    // The deletion counts as a generation, which is recorded.
    assert_eq!(log, ["PATCH trafficshifts/checkout", STATUS, STATUS, "PATCH trafficshifts/checkout"]);
    assert!(!metrics.render().contains(r#"shift="checkout""#), "its series are gone");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_be_published_harms_nothing() {
    let bed = Bed::with("green");
    bed.faults("POST events", [Fault::Refuse(403)]);
    let (controller, metrics, _) = watched(&bed);
    during(controller, seconds(60)).await;
    assert_eq!((bed.phase("checkout"), bed.count("POST events")), (json!("Succeeded"), 1));
    assert!(!metrics.render().contains("weir_tick_errors_total{"));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_awaits_the_write_in_flight() {
    let bed = Bed::with("green");
    bed.faults(STATUS, [Fault::Delay(Duration::from_secs(3))]);
    let (controller, _, health) = watched(&bed);
    let began = Instant::now();
    controller.run(seconds(1)).await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 3);
    assert_eq!(bed.phase("checkout"), "Succeeded");
    assert_eq!(bed.count("POST events"), 1, "what happened is still told");
    assert!(health.ready().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_with_its_grace_period() {
    let bed = Bed::with("green");
    bed.faults(STATUS, [Fault::Delay(Duration::from_secs(9))]);
    let mut controller = controller(&bed);
    controller.settings.grace = Duration::from_secs(3);
    let began = Instant::now();
    controller.run(seconds(1)).await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_makes_the_same_requests() {
    let mut logs = Vec::new();
    for _ in 0..2 {
        let bed = Bed::new();
        for name in ["a", "b", "c", "d"] {
            bed.apply(name, if name == "c" { "later" } else { "green" });
            bed.faults(&format!("PUT trafficshifts/{name}/status"), [Fault::Refuse(503)]);
        }
        bed.faults("GET weightedroutes", [Fault::Refuse(500)]);
        during(controller(&bed), seconds(900)).await;
        logs.push((bed.log(), bed.events()));
    }
    assert!(logs[0].0.len() > 12);
    assert_eq!(logs[0], logs[1]);
}

/// News that are there all the time keep no tick from going on: whoever floods us does not stop everybody.
#[tokio::test(start_paused = true)]
async fn ticks_go_on_after_so_many_news_or_so_long_of_them() {
    let mut notices = NoticeBudget::default();
    assert!(!notices.is_spent());
    for _ in 1..NOTICES {
        notices.record();
        assert!(!notices.is_spent());
    }
    notices.record();
    assert!(notices.is_spent(), "so many");
    let mut notices = NoticeBudget::default();
    notices.record();
    sleep(HEARING).await;
    assert!(notices.is_spent(), "so long");
}

/// What looks around beside the ticks panics as harmlessly as they do.
#[tokio::test(start_paused = true)]
async fn a_round_that_panics_ends_nothing_else() {
    let bed = Bed::new();
    let spec = json!({"existing": {"name": "shop"}, "listeners": [{"name": "https", "port": 443}]});
    let metadata = json!({"namespace": NAMESPACE, "name": "public"});
    let kind = json!({"apiVersion": "weir.dev/v1alpha1", "kind": "EntryPoint", "metadata": metadata, "spec": spec});
    bed.kube.apply(&kind).unwrap();
    let arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/shop/1";
    let status = json!({"status": {"arn": arn, "observedGeneration": 1}});
    bed.kube.merge_status("entrypoints", NAMESPACE, "public", &status).unwrap();
    let (controller, metrics, _) = watched(&bed);
    let panics = || -> u64 {
        let text = metrics.render();
        let line = text.lines().find_map(|line| line.strip_prefix("weir_panics_total "));
        line.and_then(|line| line.parse().ok()).unwrap_or(0)
    };
    during(controller, async {
        seconds(20).await;
        let of_ticks = panics();
        seconds(280).await;
        assert!(panics() >= of_ticks + 5, "each call of AWS panics here: {} {of_ticks}", panics());
        bed.apply("checkout", "green");
        seconds(5).await;
        assert_eq!(bed.phase("checkout"), "Succeeded");
    })
    .await;
}
