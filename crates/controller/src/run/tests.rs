//! The loop against a small API server made by hand.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use weir_aws::Accounts;

use self::fake::{Fake, Fault};
use self::scripted::Scripted;
use super::{Controller, HEARING, NOTICES, News};
use crate::{Clock, Grants, Health, Metrics, Settings};

mod election;
mod fake;
mod scripted;

const SHIFTS: &str = "trafficshifts";
const STATUS: &str = "PUT trafficshifts/checkout/status";

fn clock() -> Clock {
    let began = Instant::now();
    let epoch: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
    Arc::new(move || epoch + began.elapsed())
}

fn controller(fake: &Fake) -> Controller<Scripted> {
    controller_of(fake, Settings::new("test"))
}

fn controller_of(fake: &Fake, settings: Settings) -> Controller<Scripted> {
    let config =
        SdkConfig::builder().behavior_version(BehaviorVersion::latest()).region(Region::new("eu-central-1")).build();
    let settings = Settings { grants: Grants::everything(), ..settings };
    let clock = clock();
    let accounts_clock = clock.clone();
    let accounts = Accounts::new(&config, "test", move || accounts_clock(), |_| panic!("no script calls AWS")).unwrap();
    Controller::deciding(fake.client(), accounts, clock, Metrics::new(), settings).unwrap()
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

fn spec(to: &str) -> Value {
    json!({"routes": ["public"], "to": to, "strategy": {"allAtOnce": {}}})
}

fn phase(fake: &Fake, name: &str) -> Value {
    fake.object(SHIFTS, name).unwrap()["status"]["phase"].clone()
}

fn watched(fake: &Fake) -> (Controller<Scripted>, Metrics, Health) {
    let controller = controller(fake);
    let (metrics, health) = (controller.metrics(), controller.health());
    (controller, metrics, health)
}

#[tokio::test(start_paused = true)]
async fn an_object_is_recorded_told_of_and_then_left_alone() {
    let fake = Fake::default();
    fake.apply(SHIFTS, "checkout", spec("green"));
    during(controller(&fake), seconds(3_600)).await;
    assert_eq!(phase(&fake, "checkout"), "Succeeded");
    let mut log = fake.log();
    log.retain(|line| !line.starts_with("GET ") || line.contains('/'));
    assert_eq!(log, [STATUS, "POST events"], "one write, one event, no GET, and nothing more for an hour");
    let event = &fake.events()[0];
    assert_eq!(event["regarding"]["uid"], "uid-checkout");
    assert_eq!(event["reason"], "StepApplied");
}

#[tokio::test(start_paused = true)]
async fn each_kind_is_listed_once() {
    let kinds = ["GET entrypoints", "GET environments", "GET weightedroutes", "GET trafficshifts"];
    let fake = Fake::default();
    during(controller(&fake), seconds(3_600)).await;
    assert_eq!(fake.log(), [&kinds[..], &["GET namespaces"]].concat());
    let fake = Fake::default();
    during(controller_of(&fake, Settings { namespace: Some("shop".to_owned()), ..Settings::new("test") }), seconds(60))
        .await;
    let log: Vec<String> = fake.log().into_iter().filter(|line| line != "GET namespaces/shop").collect();
    assert_eq!(log, kinds, "of one namespace the labels are of no use");
}

#[tokio::test(start_paused = true)]
async fn namespaces_that_may_not_be_read_are_not_waited_for() {
    let fake = Fake::default();
    for _ in 0..100 {
        fake.fault("GET namespaces", Fault::Refuse(403));
    }
    fake.apply(SHIFTS, "checkout", spec("green"));
    during(controller(&fake), seconds(60)).await;
    assert_eq!(phase(&fake, "checkout"), "Succeeded");
    let fake = Fake::default();
    fake.fault("GET namespaces", Fault::Refuse(500));
    fake.fault("GET namespaces", Fault::Delay(Duration::from_secs(20)));
    fake.apply(SHIFTS, "checkout", spec("green"));
    during(controller(&fake), async {
        seconds(15).await;
        assert_eq!(phase(&fake, "checkout"), Value::Null, "what only fails in passing is waited for");
        seconds(15).await;
        assert_eq!(phase(&fake, "checkout"), "Succeeded");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_timer_wakes_what_asked_for_it() {
    let fake = Fake::default();
    fake.apply(SHIFTS, "checkout", spec("later"));
    let (controller, metrics, _) = watched(&fake);
    during(controller, async {
        seconds(299).await;
        assert_eq!((phase(&fake, "checkout"), fake.count(STATUS)), (json!("Shifting"), 1));
        seconds(2).await;
        assert_eq!((phase(&fake, "checkout"), fake.count(STATUS)), (json!("Succeeded"), 2));
    })
    .await;
    let text = metrics.render();
    assert!(text.contains(r#"weir_step_lateness_seconds_bucket{le="0.01"} 1"#), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_change_by_a_user_is_seen_by_the_watch() {
    let fake = Fake::default();
    during(controller(&fake), async {
        seconds(1).await;
        fake.apply(SHIFTS, "checkout", spec("green"));
        seconds(1).await;
        assert_eq!(phase(&fake, "checkout"), "Succeeded");
        fake.apply(SHIFTS, "checkout", spec("later"));
        seconds(1).await;
        assert_eq!(phase(&fake, "checkout"), "Shifting");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_status_is_recorded_anew() {
    let fake = Fake::default();
    fake.apply(SHIFTS, "checkout", spec("green"));
    during(controller(&fake), async {
        seconds(1).await;
        fake.edit(SHIFTS, "checkout", |object| object["status"] = json!({"phase": "Unheard"}));
        seconds(1).await;
        assert_eq!(phase(&fake, "checkout"), "Succeeded");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_is_not_there_is_told_until_it_is() {
    let fake = Fake::default();
    let controller = controller_of(&fake, Settings { namespace: Some("shop".to_owned()), ..Settings::new("test") });
    let health = controller.health();
    during(controller, async {
        seconds(30).await;
        let missing = health.ready().unwrap_err();
        assert!(missing.contains("found no namespace shop") && missing.contains("--namespace"), "{missing}");
        fake.apply("namespaces", "shop", json!({}));
        seconds(11).await;
        assert_eq!(health.ready(), Ok(()));
        fake.remove("namespaces", "shop");
        seconds(61).await;
        assert!(health.ready().is_err());
        // Who may not look for it does not know better than before.
        fake.apply("namespaces", "shop", json!({}));
        fake.fault("GET namespaces/shop", Fault::Refuse(403));
        seconds(25).await;
        assert_eq!(health.ready(), Ok(()));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_listed_at_the_start_is_what_readiness_tells() {
    let fake = Fake::default();
    for _ in 0..5 {
        fake.fault("GET environments", Fault::Refuse(403));
    }
    let (controller, _, health) = watched(&fake);
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
        let fake = Fake::default();
        fake.apply(SHIFTS, "checkout", spec("green"));
        during(controller(&fake), async {
            seconds(5).await;
            fake.refuse_all(Some(503));
            fake.apply(SHIFTS, "checkout", spec("later"));
            seconds(outage).await;
            assert_eq!(phase(&fake, "checkout"), "Succeeded");
            fake.refuse_all(None);
            seconds(5).await;
            assert_eq!(fake.object(SHIFTS, "checkout").unwrap()["status"]["observedGeneration"], 2, "{outage} s");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_that_are_not_taken_are_told_for_as_long_as_it_lasts() {
    let fake = Fake::default();
    let (controller, _, health) = watched(&fake);
    during(controller, async {
        seconds(5).await;
        assert_eq!(health.ready(), Ok(()));
        fake.refuse_all(Some(401));
        for _ in 0..10 {
            seconds(60).await;
            let told = health.ready().unwrap_err();
            assert!(told.contains("does not take its credentials") && told.contains("renew"), "{told}");
        }
        fake.refuse_all(None);
        seconds(5).await;
        assert_eq!(health.ready(), Ok(()));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_write_is_told_as_weirs() {
    let fake = Fake::default();
    fake.apply(SHIFTS, "checkout", spec("held"));
    during(controller(&fake), seconds(10)).await;
    let writes = ["PUT leases/weir", "PATCH trafficshifts/checkout", STATUS, "POST events"];
    assert!(writes.iter().all(|write| fake.count(write) > 0), "{:?}", fake.log());
    assert_eq!(fake.writers(), ["weir".to_owned()].into());
}

#[tokio::test(start_paused = true)]
async fn whoever_writes_statuses_over_is_answered_ever_more_seldom() {
    let fake = Fake::default();
    fake.apply(SHIFTS, "checkout", spec("green"));
    let (controller, metrics, _) = watched(&fake);
    // As another installation would: as soon as the status is ours, it is made another.
    let rival = async |minutes: u64| {
        for _ in 0..minutes * 600 {
            sleep(Duration::from_millis(100)).await;
            if phase(&fake, "checkout") == "Succeeded" {
                fake.edit(SHIFTS, "checkout", |object| object["status"] = json!({"phase": "Pending"}));
            }
        }
    };
    during(controller, async {
        rival(10).await;
        let answers = fake.count(STATUS);
        assert!((9..=12).contains(&answers), "{answers} writes in ten minutes");
        assert!(metrics.render().contains(r#"weir_status_rewrites_total{kind="TrafficShift"}"#));
        let told = || fake.events().iter().filter(|event| event["reason"] == "StatusOverwritten").count();
        assert_eq!(told(), 2, "once it is no accident, and when the pauses are the longest");
        fake.apply(SHIFTS, "checkout", spec("blue"));
        seconds(1).await;
        assert_eq!(
            fake.object(SHIFTS, "checkout").unwrap()["status"]["observedGeneration"],
            2,
            "a user is not kept waiting"
        );
        rival(60).await;
        let answers = fake.count(STATUS) - answers;
        assert!((10..=15).contains(&answers), "{answers} writes in an hour");
        assert!(told() > 5);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn our_own_statuses_count_as_ours_whatever_becomes_of_the_answer() {
    let fake = Fake::default();
    fake.apply(SHIFTS, "checkout", spec("green"));
    let (controller, metrics, _) = watched(&fake);
    during(controller, async {
        seconds(1).await;
        for (number, code) in [409, 503, 409].into_iter().enumerate() {
            fake.fault(STATUS, Fault::Refuse(code));
            fake.apply(SHIFTS, "checkout", spec(if number % 2 == 0 { "later" } else { "green" }));
            seconds(10).await;
        }
        assert_eq!(phase(&fake, "checkout"), "Shifting");
    })
    .await;
    assert!(!metrics.render().contains("weir_status_rewrites_total{"), "{}", metrics.render());
}

#[tokio::test(start_paused = true)]
async fn each_controller_looks_at_the_objects_of_its_name_only() {
    let fake = Fake::default();
    fake.apply(SHIFTS, "checkout", spec("green"));
    let label = |name: Value| fake.edit(SHIFTS, "checkout", |object| object["metadata"]["labels"] = name);
    label(json!({"weir.dev/controller": "blue"}));
    let named = |name: &str| Settings { controller: Some(name.to_owned()), ..Settings::new("test") };
    for settings in [Settings::new("test"), named("green")] {
        during(controller_of(&fake, settings), seconds(60)).await;
        assert_eq!((fake.count(STATUS), phase(&fake, "checkout")), (0, Value::Null));
    }
    during(controller_of(&fake, named("blue")), async {
        seconds(60).await;
        assert_eq!((fake.count(STATUS), phase(&fake, "checkout")), (1, json!("Succeeded")));
        // It becomes another's, under a write that was begun before.
        fake.fault(STATUS, Fault::Delay(Duration::from_secs(1)));
        fake.apply(SHIFTS, "checkout", spec("later"));
        sleep(Duration::from_millis(500)).await;
        label(json!({"weir.dev/controller": "green"}));
        seconds(600).await;
        assert_eq!((fake.count(STATUS), phase(&fake, "checkout")), (2, json!("Succeeded")), "it is left alone");
        label(json!({"weir.dev/controller": "blue"}));
        seconds(1).await;
        assert_eq!((fake.count(STATUS), phase(&fake, "checkout")), (3, json!("Succeeded")), "and is looked at again");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_decided_before_every_kind_is_listed() {
    let fake = Fake::default();
    fake.apply(SHIFTS, "checkout", spec("green"));
    for code in [404, 500, 403] {
        fake.fault("GET environments", Fault::Refuse(code));
    }
    let (controller, _, health) = watched(&fake);
    during(controller, async {
        sleep(Duration::from_millis(200)).await;
        assert!(health.ready().is_err() && health.live());
        assert_eq!(fake.count(STATUS), 0);
        seconds(10).await;
        assert_eq!(health.ready(), Ok(()));
        assert_eq!((fake.count("GET environments"), fake.count(STATUS)), (4, 1));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn one_bad_object_is_stalled_alone() {
    let fake = Fake::default();
    fake.apply(SHIFTS, "bad", json!({"routes": ["public"], "to": 7, "strategy": {"allAtOnce": {}}}));
    fake.apply(SHIFTS, "checkout", spec("green"));
    during(controller(&fake), async {
        seconds(600).await;
        assert_eq!(phase(&fake, "checkout"), "Succeeded");
        let condition = fake.object(SHIFTS, "bad").unwrap()["status"]["conditions"][0].clone();
        assert_eq!(condition["type"], "Stalled");
        assert!(condition["message"].as_str().unwrap().contains("spec.to"), "{condition}");
        assert_eq!(fake.count("PUT trafficshifts/bad/status"), 1);
        fake.apply(SHIFTS, "bad", spec("green"));
        seconds(1).await;
        assert_eq!(phase(&fake, "bad"), "Succeeded");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_read_and_tried_again() {
    let fake = Fake::default();
    fake.apply(SHIFTS, "checkout", spec("green"));
    fake.fault(STATUS, Fault::Refuse(409));
    let (controller, metrics, _) = watched(&fake);
    during(controller, seconds(1)).await;
    let mut log = fake.log();
    log.retain(|line| line.contains('/'));
    assert_eq!(log, [STATUS, "GET trafficshifts/checkout", STATUS]);
    assert_eq!(phase(&fake, "checkout"), "Succeeded");
    assert!(metrics.render().contains(r#"weir_tick_errors_total{kind="TrafficShift",reason="conflict"} 1"#));
}

#[tokio::test(start_paused = true)]
async fn failures_back_off() {
    let fake = Fake::default();
    fake.apply(SHIFTS, "checkout", spec("green"));
    for _ in 0..1_000 {
        fake.fault(STATUS, Fault::Refuse(503));
    }
    during(controller(&fake), seconds(600)).await;
    let tries = fake.count(STATUS);
    assert!((10..40).contains(&tries), "{tries} tries in ten minutes");
}

#[tokio::test(start_paused = true)]
async fn a_request_without_an_answer_is_given_up_and_tried_again() {
    let fake = Fake::default();
    fake.apply(SHIFTS, "checkout", spec("green"));
    fake.fault(STATUS, Fault::Delay(Duration::from_hours(24)));
    let (controller, metrics, _) = watched(&fake);
    during(controller, async {
        seconds(4).await;
        assert_eq!(fake.count(STATUS), 1);
        seconds(3).await;
        assert_eq!(phase(&fake, "checkout"), "Succeeded");
    })
    .await;
    assert!(metrics.render().contains(r#"reason="timeout"} 1"#));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_keeps_no_status_is_not_flooded() {
    let fake = Fake::default();
    fake.apply(SHIFTS, "checkout", spec("green"));
    for _ in 0..1_000 {
        fake.fault(STATUS, Fault::Forget);
    }
    let (controller, metrics, _) = watched(&fake);
    during(controller, seconds(600)).await;
    let tries = fake.count(STATUS);
    assert!((10..40).contains(&tries), "{tries} tries in ten minutes");
    assert!(metrics.render().contains(r#"reason="invalid""#));
    assert!(fake.events().is_empty(), "what was not recorded is not told");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_never_rests_is_slowed_and_harms_nobody() {
    let fake = Fake::default();
    fake.apply(SHIFTS, "restless", spec("restless"));
    let (controller, metrics, health) = watched(&fake);
    during(controller, async {
        seconds(60).await;
        fake.apply(SHIFTS, "checkout", spec("green"));
        seconds(1).await;
        assert_eq!(phase(&fake, "checkout"), "Succeeded");
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
    let fake = Fake::default();
    fake.apply(SHIFTS, "bad", spec("panic"));
    fake.apply(SHIFTS, "checkout", spec("green"));
    let (controller, metrics, _) = watched(&fake);
    during(controller, async {
        seconds(600).await;
        assert_eq!(phase(&fake, "checkout"), "Succeeded");
        let condition = fake.object(SHIFTS, "bad").unwrap()["status"]["conditions"][0].clone();
        assert_eq!(condition["type"], "Stalled");
        assert!(condition["message"].as_str().unwrap().contains("the script says so"), "{condition}");
        assert!(metrics.render().contains("weir_panics_total 3"), "{}", metrics.render());
        fake.apply(SHIFTS, "bad", spec("green"));
        seconds(1).await;
        assert_eq!(phase(&fake, "bad"), "Succeeded");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_finalizer_comes_and_goes_beside_those_of_others() {
    let fake = Fake::default();
    fake.apply(SHIFTS, "checkout", spec("held"));
    fake.edit(SHIFTS, "checkout", |object| object["metadata"]["finalizers"] = json!(["example.org/other"]));
    let finalizers = || fake.object(SHIFTS, "checkout").map(|object| object["metadata"]["finalizers"].clone());
    during(controller(&fake), async {
        seconds(1).await;
        assert_eq!(finalizers(), Some(json!(["example.org/other", "weir.dev/undo"])));
        fake.delete(SHIFTS, "checkout");
        seconds(1).await;
        assert_eq!(finalizers(), Some(json!(["example.org/other"])));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_finalizers_of_others_stay_however_many_they_are() {
    let fake = Fake::default();
    fake.apply(SHIFTS, "checkout", spec("held"));
    let mut others: Vec<String> = (0..1_000).map(|number| format!("example.org/{number}")).collect();
    fake.edit(SHIFTS, "checkout", |object| object["metadata"]["finalizers"] = json!(others));
    let finalizers = || fake.object(SHIFTS, "checkout").map(|object| object["metadata"]["finalizers"].clone());
    during(controller(&fake), async {
        seconds(1).await;
        let without_ours = others.clone();
        others.push("weir.dev/undo".to_owned());
        assert_eq!(finalizers(), Some(json!(others)));
        fake.delete(SHIFTS, "checkout");
        seconds(1).await;
        assert_eq!(finalizers(), Some(json!(without_ours)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_decided_on_goes_all_the_same_when_it_is_deleted() {
    for spoilt in [json!({"routes": ["public"], "to": 7, "strategy": {"allAtOnce": {}}}), spec("panic")] {
        let fake = Fake::default();
        fake.apply(SHIFTS, "checkout", spoilt.clone());
        fake.edit(SHIFTS, "checkout", |object| object["metadata"]["finalizers"] = json!(["weir.dev/undo"]));
        during(controller(&fake), async {
            seconds(30 * 60).await;
            fake.delete(SHIFTS, "checkout");
            seconds(9 * 60).await;
            assert!(fake.object(SHIFTS, "checkout").is_some(), "it may still be mended: {spoilt}");
            seconds(2 * 60).await;
            assert_eq!(fake.object(SHIFTS, "checkout"), None, "{spoilt}");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_our_finalizer_held_goes_without_another_request() {
    let fake = Fake::default();
    fake.apply(SHIFTS, "checkout", spec("held"));
    let (controller, metrics, _) = watched(&fake);
    during(controller, async {
        seconds(1).await;
        assert!(metrics.render().contains(r#"shift="checkout""#));
        fake.delete(SHIFTS, "checkout");
        seconds(60).await;
        assert_eq!(fake.object(SHIFTS, "checkout"), None);
    })
    .await;
    let mut log = fake.log();
    log.retain(|line| line.contains("checkout"));
    assert_eq!(log, ["PATCH trafficshifts/checkout", STATUS, "PATCH trafficshifts/checkout"]);
    assert!(!metrics.render().contains(r#"shift="checkout""#), "its series are gone");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_be_published_harms_nothing() {
    let fake = Fake::default();
    fake.apply(SHIFTS, "checkout", spec("green"));
    fake.fault("POST events", Fault::Refuse(403));
    let (controller, metrics, _) = watched(&fake);
    during(controller, seconds(60)).await;
    assert_eq!((phase(&fake, "checkout"), fake.count("POST events")), (json!("Succeeded"), 1));
    assert!(!metrics.render().contains("weir_tick_errors_total{"));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_awaits_the_write_in_flight() {
    let fake = Fake::default();
    fake.apply(SHIFTS, "checkout", spec("green"));
    fake.fault(STATUS, Fault::Delay(Duration::from_secs(3)));
    let (controller, _, health) = watched(&fake);
    let began = Instant::now();
    controller.run(seconds(1)).await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 3);
    assert_eq!(phase(&fake, "checkout"), "Succeeded");
    assert_eq!(fake.count("POST events"), 1, "what happened is still told");
    assert!(health.ready().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_with_its_grace_period() {
    let fake = Fake::default();
    fake.apply(SHIFTS, "checkout", spec("green"));
    fake.fault(STATUS, Fault::Delay(Duration::from_secs(9)));
    let mut controller = controller(&fake);
    controller.settings.grace = Duration::from_secs(3);
    let began = Instant::now();
    controller.run(seconds(1)).await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 4);
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_time_and_begun_again_it_ends_the_same() {
    for ms in (0..30).chain([299_999, 300_001]) {
        let fake = Fake::default();
        fake.apply(SHIFTS, "checkout", spec("later"));
        fake.fault(STATUS, Fault::Delay(Duration::from_millis(7)));
        during(controller(&fake), sleep(Duration::from_millis(ms))).await;
        during(controller(&fake), seconds(400)).await;
        assert_eq!(phase(&fake, "checkout"), "Succeeded", "dropped after {ms} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_makes_the_same_requests() {
    let mut logs = Vec::new();
    for _ in 0..2 {
        let fake = Fake::default();
        for name in ["a", "b", "c", "d"] {
            fake.apply(SHIFTS, name, spec(if name == "c" { "later" } else { "green" }));
            fake.fault(&format!("PUT trafficshifts/{name}/status"), Fault::Refuse(503));
        }
        fake.fault("GET weightedroutes", Fault::Refuse(500));
        during(controller(&fake), seconds(900)).await;
        logs.push((fake.log(), fake.events()));
    }
    assert!(logs[0].0.len() > 12);
    assert_eq!(logs[0], logs[1]);
}

/// News that are there all the time keep no tick from going on: whoever floods us does not stop everybody.
#[tokio::test(start_paused = true)]
async fn ticks_go_on_after_so_many_news_or_so_long_of_them() {
    let mut news = News::default();
    assert!(!news.are_enough());
    for _ in 1..NOTICES {
        news.hear();
        assert!(!news.are_enough());
    }
    news.hear();
    assert!(news.are_enough(), "so many");
    let mut news = News::default();
    news.hear();
    sleep(HEARING).await;
    assert!(news.are_enough(), "so long");
}

/// What looks around beside the ticks panics as harmlessly as they do.
#[tokio::test(start_paused = true)]
async fn a_round_that_panics_ends_nothing_else() {
    let fake = Fake::default();
    fake.apply("entrypoints", "public", json!({"existing": {"name": "shop"}, "listeners": []}));
    let arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/shop/1";
    fake.edit("entrypoints", "public", |object| object["status"] = json!({"arn": arn, "observedGeneration": 1}));
    let (controller, metrics, _) = watched(&fake);
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
        fake.apply(SHIFTS, "checkout", spec("green"));
        seconds(5).await;
        assert_eq!(phase(&fake, "checkout"), "Succeeded");
    })
    .await;
}
