//! Requests seen, with real clients and a CloudWatch that is late, incomplete and sometimes silent.

use std::time::Duration;

use weir_api::requests::RequestsSeen;
use weir_api::traffic_shift::Outcome;
use weir_sim::traffic::{Traffic, TrafficSettings};

use crate::stage::{self, BALANCER, PORT, on_virtual_time, route, shift, steps};
use crate::wire::{Disturbance, Mischief, Side, Which};
use crate::world::{Settings, World};

use super::{
    HOUR, MINUTE, assert_sound, changes, live, outcome, play, route_status, status, told, until, until_applied,
    until_complete,
};

fn clients(world: &World) -> Traffic {
    let settings =
        TrafficSettings { requests_per_second: 40, clients: 100, ..TrafficSettings::to(BALANCER, PORT, "shop.test") };
    world.traffic(settings)
}

fn seen(world: &World) -> RequestsSeen {
    route_status(world, "checkout").requests.unwrap_or_else(|| panic!("nothing is measured\n{}", told(world)))
}

fn percent(world: &World, environment: &str) -> i32 {
    let seen = seen(world);
    let share = seen.shares.iter().find(|share| share.environment == environment);
    share.unwrap_or_else(|| panic!("{environment} in {seen:?}")).percent
}

#[test]
fn a_step_of_five_percent_is_seen_as_about_five_percent() {
    play(401, async |world| {
        let _traffic = clients(world);
        world.apply(&shift("green", &steps(&[5, 100], "10m"), "")).unwrap();
        until_applied(world, 5).await;
        world.run_for(8 * MINUTE).await;
        assert!((4..=6).contains(&percent(world, "green")), "{:?}", seen(world));
        let (seen, shares) = (seen(world), percent(world, "blue") + percent(world, "green"));
        assert_eq!((seen.minutes, seen.note.clone(), shares), (Some(5), None, 100), "{seen:?}");
        assert!((2_300..=2_400).contains(&seen.per_minute.unwrap()), "{seen:?}");
        let metrics = world.metrics().unwrap().render();
        let green = r#"weir_route_share_percent{environment="green",namespace="shop",route="checkout"} "#;
        assert!(metrics.contains(green), "{metrics}");
        assert!(metrics.contains(r#"operation="GetMetricData",outcome="Ok",service="cloudwatch""#), "{metrics}");
        until_complete(world, "checkout").await;
        world.run_for(2 * MINUTE).await;
        assert_eq!(route_status(world, "checkout").requests, None, "all is on one group");
        assert!(!world.metrics().unwrap().render().contains(green));
    });
}

#[test]
fn clients_that_stick_are_named_as_the_reason() {
    play(402, async |world| {
        let sticky = route("checkout", &["blue", "green"], "stickiness: {enabled: true, duration: 20m}");
        world.apply(&sticky).unwrap();
        let _traffic = clients(world);
        let calm = "{steps: [{pause: {duration: 5m}}, {weight: 50, pause: {duration: 20m}}, {weight: 100}]}";
        world.apply(&shift("green", calm, "")).unwrap();
        until_applied(world, 50).await;
        world.run_for(8 * MINUTE).await;
        assert!(percent(world, "green") < 15, "{:?}", seen(world));
        let note = seen(world).note.unwrap();
        assert!(note.contains("group stickiness of 20m keeps clients"), "{note}");
        world.command("checkout", "abort/1").unwrap();
        until_complete(world, "checkout").await;
    });
}

#[test]
fn with_share_as_evidence_each_step_waits_until_it_was_seen() {
    play(403, async |world| {
        let _traffic = clients(world);
        let quick = "{steps: [{weight: 5}, {weight: 50}, {weight: 100}]}";
        world.apply(&shift("green", quick, "evidence: Share")).unwrap();
        until_applied(world, 5).await;
        world.run_for(MINUTE).await;
        let waiting = status(world).waiting.unwrap();
        assert_eq!(waiting.reason, "ShareNotSeen", "{waiting:?}");
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded), "{}", told(world));
        let moves: Vec<_> = changes(world).into_iter().filter(|change| change.after["green"] > 0).collect();
        assert_eq!(moves.len(), 3, "{moves:?}");
        for pair in moves.windows(2) {
            let seconds = pair[0].at.duration_until(pair[1].at).as_secs();
            assert!((180..=600).contains(&seconds), "{seconds} s between {pair:?}");
        }
    });
}

#[test]
fn a_step_that_nobody_follows_goes_back_at_the_deadline() {
    play(404, async |world| {
        let quick = "{steps: [{weight: 5}, {weight: 100}]}";
        world.apply(&shift("green", quick, "evidence: Share\n  progressDeadline: 10m")).unwrap();
        until_applied(world, 5).await;
        world.run_for(6 * MINUTE).await;
        let waiting = status(world).waiting.unwrap();
        assert!(waiting.message.contains("without traffic there is no evidence"), "{waiting:?}");
        let note = seen(world).note.unwrap();
        assert!(note.contains("there is no traffic, or its metrics do not arrive"), "{note}");
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::RolledBack), "{}", told(world));
        let past = status(world).history.remove(0);
        assert!(past.message.contains("no requests were seen since"), "{past:?}");
        assert_eq!(live(world), stage::weights(&[("blue", 100), ("green", 0)]));
    });
}

#[test]
fn a_cloudwatch_that_never_answers_holds_up_nothing() {
    let duration = |silent: bool| {
        on_virtual_time(async {
            let mut world = stage::set(Settings::seeded(405)).await;
            if silent {
                let mischief = Mischief::Lost(Side::Before);
                let which = Which::Operation("GetMetricData");
                world.disturb(Disturbance { which, times: u32::MAX, until: None, mischief });
            }
            world.apply(&shift("green", &steps(&[25, 100], "5m"), "")).unwrap();
            until_applied(&mut world, 25).await;
            world.run_for(4 * MINUTE).await;
            if silent {
                let seen = seen(&world);
                assert_eq!(seen.summary.as_deref(), Some("unknown"), "{seen:?}");
                assert!(seen.note.unwrap().starts_with("CloudWatch does not tell them: GetMetricData: "));
            }
            world.account().break_targets("green", 4);
            let took = until(&mut world, "the rollback", |world| live(world)["green"] == 0, HOUR).await;
            until_complete(&mut world, "checkout").await;
            assert_sound(&world);
            took
        })
    };
    let (usual, silent) = (duration(false), duration(true));
    assert!(silent < usual + Duration::from_secs(2), "{silent:?} instead of {usual:?}");
}
