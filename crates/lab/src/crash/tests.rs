//! Every crash of whole releases.

use std::time::Duration;

use serde_json::json;

use crate::stage::{self, ENTRY_POINT, environment, shift, steps};
use crate::world::{Settings, World};

use super::{Report, enumerate};

const HOUR: Duration = Duration::from_hours(1);

fn assert_endured(report: &Report, at_least: usize) {
    let failures: Vec<String> = report
        .failures
        .iter()
        .map(|(crash_point, message)| format!("{:?} write {}: {message}", crash_point.side, crash_point.write))
        .collect();
    assert_eq!(failures, Vec::<String>::new());
    assert!(report.plans >= 2 * at_least, "only {} plans for {} writes", report.plans, report.writes);
}

async fn complete(world: &mut World) -> Result<(), String> {
    world.run_until(|world| world.is_complete("checkout"), HOUR).await.map(drop)
}

#[test]
fn a_release_ends_the_same_whatever_crashes() {
    let set = async || stage::furnished(Settings::seeded(101)).await;
    let report = enumerate(set, async |world: &mut World| {
        world.apply(&shift("green", &steps(&[5, 25, 50, 100], "5s"), ""))?;
        complete(world).await
    });
    assert_endured(&report.unwrap(), 40);
}

#[test]
fn a_rollback_ends_the_same_whatever_crashes() {
    let set = async || stage::furnished(Settings::seeded(102)).await;
    let report = enumerate(set, async |world: &mut World| {
        world.apply(&shift("green", &steps(&[50, 100], "1h"), ""))?;
        let half = |world: &World| stage::live(world).get("green") == Some(&50);
        world.run_until(half, HOUR).await?;
        world.run_for(Duration::from_mins(1)).await;
        world.mark();
        world.account().break_targets("green", 4);
        complete(world).await
    });
    assert_endured(&report.unwrap(), 8);
}

#[test]
fn a_first_deployment_ends_the_same_whatever_crashes() {
    let set = async || {
        let mut world = World::new(Settings::seeded(103));
        let manifests = [ENTRY_POINT.to_owned(), environment("blue")].concat();
        world.furnish(&manifests, 2).unwrap();
        world.apply(&manifests).unwrap();
        world.apply(&stage::rule_route("checkout", &["blue"], 10, "")).unwrap();
        world
    };
    let report = enumerate(set, async |world: &mut World| {
        world.apply(&shift("blue", "{allAtOnce: {}}", ""))?;
        complete(world).await
    });
    assert_endured(&report.unwrap(), 10);
}

#[test]
fn a_deletion_that_goes_back_ends_the_same_whatever_crashes() {
    let set = async || stage::furnished(Settings::seeded(104)).await;
    let report = enumerate(set, async |world: &mut World| {
        world.apply(&shift("green", &steps(&[50, 100], "1h"), "deletionPolicy: Rollback"))?;
        let half = |world: &World| stage::live(world).get("green") == Some(&50);
        world.run_until(half, HOUR).await?;
        world.run_for(Duration::from_mins(1)).await;
        world.mark();
        world.delete("trafficshifts", "checkout")?;
        world.run_until(|world| world.shift("checkout").is_none(), HOUR).await.map(drop)
    });
    assert_endured(&report.unwrap(), 8);
}

/// The stage whose route shall put back what was there before.
async fn restoring(seed: u64) -> World {
    let world = stage::furnished(Settings::seeded(seed)).await;
    world.patch("weightedroutes", "checkout", &json!({"spec": {"deletionPolicy": "Restore"}})).unwrap();
    world
}

#[test]
fn a_route_that_restores_ends_the_same_whatever_crashes() {
    let set = async || restoring(105).await;
    let report = enumerate(set, async |world: &mut World| {
        // Adoption, and with it what was there before, is cut too.
        world.apply(&shift("green", "{allAtOnce: {}}", ""))?;
        complete(world).await?;
        world.delete("weightedroutes", "checkout")?;
        world.run_until(|world| world.route("checkout").is_none(), HOUR).await.map(drop)
    });
    assert_endured(&report.unwrap(), 16);
}

#[test]
fn a_namespace_goes_the_same_way_whatever_crashes() {
    let set = async || restoring(106).await;
    let report = enumerate(set, async |world: &mut World| {
        world.apply(&shift("green", &steps(&[50, 100], "1h"), "deletionPolicy: Rollback"))?;
        let half = |world: &World| stage::live(world).get("green") == Some(&50);
        world.run_until(half, HOUR).await?;
        world.run_for(Duration::from_mins(1)).await;
        world.mark();
        world.kube().delete("namespaces", "", "shop").map_err(|failure| failure.to_string())?;
        world.run_until(|world| world.kube().get("namespaces", "", "shop").is_none(), HOUR).await.map(drop)
    });
    assert_endured(&report.unwrap(), 8);
}

#[test]
fn a_rule_is_deleted_the_same_way_whatever_crashes() {
    let set = async || {
        let mut world = World::new(Settings::seeded(107));
        let manifests = [ENTRY_POINT.to_owned(), environment("blue")].concat();
        world.furnish(&manifests, 2).unwrap();
        world.apply(&manifests).unwrap();
        world.apply(&stage::rule_route("checkout", &["blue"], 10, "deletionPolicy: Delete")).unwrap();
        world.apply(&shift("blue", "{allAtOnce: {}}", "")).unwrap();
        world
    };
    let report = enumerate(set, async |world: &mut World| {
        complete(world).await?;
        world.run_for(Duration::from_mins(1)).await;
        world.mark();
        world.delete("weightedroutes", "checkout")?;
        world.run_until(|world| world.route("checkout").is_none(), HOUR).await.map(drop)
    });
    assert_endured(&report.unwrap(), 3);
}

#[test]
fn instants_and_identities_do_not_count() {
    let value = json!({"metadata": {"uid": "x", "name": "n"}, "at": "2026-11-21T10:00:00Z", "list": ["2026-11-21T10:00:00.5Z", "a"]});
    assert_eq!(super::timeless(&value), json!({"metadata": {"name": "n"}, "at": null, "list": [null, "a"]}));
}

#[test]
fn weights_by_hand_end_the_same_whatever_crashes() {
    let set = async || stage::furnished(Settings::seeded(105)).await;
    let report = enumerate(set, async |world: &mut World| {
        let pace = json!({"maxStep": 20, "interval": "5s"});
        let spec = json!({"weights": {"blue": 30, "green": 70}, "pace": pace, "drift": "Correct"});
        world.patch("weightedroutes", "checkout", &json!({ "spec": spec }))?;
        let there = |world: &World| stage::live(world).get("green") == Some(&70);
        world.run_until(there, HOUR).await?;
        world.run_for(Duration::from_mins(1)).await;
        world.account().forward(stage::BALANCER, stage::PORT, &[("blue", 90), ("green", 10)]);
        world.run_until(there, HOUR).await.map(drop)
    });
    assert_endured(&report.unwrap(), 12);
}

#[test]
fn a_return_to_what_is_known_to_be_good_ends_the_same_whatever_crashes() {
    let set = async || stage::furnished(Settings::seeded(105)).await;
    let report = enumerate(set, async |world: &mut World| {
        world.apply(&shift("green", "{allAtOnce: {}}", ""))?;
        complete(world).await?;
        world.run_for(Duration::from_mins(1)).await;
        world.mark();
        world.apply(&shift("blue", &steps(&[50, 100], "30m"), ""))?;
        complete(world).await
    });
    assert_endured(&report.unwrap(), 8);
}

#[test]
fn a_change_of_mind_ends_the_same_whatever_crashes() {
    let set = async || {
        let mut world = stage::furnished(Settings::seeded(106)).await;
        world.furnish(&environment("red"), 4).unwrap();
        world.apply(&environment("red")).unwrap();
        world.apply(&stage::route("checkout", &["blue", "green", "red"], "")).unwrap();
        world.run_for(Duration::from_mins(1)).await;
        world
    };
    let report = enumerate(set, async |world: &mut World| {
        world.apply(&shift("green", &steps(&[50, 100], "1h"), ""))?;
        let half = |world: &World| stage::live(world).get("green") == Some(&50);
        world.run_until(half, HOUR).await?;
        world.mark();
        world.apply(&shift("red", &steps(&[50, 100], "5s"), ""))?;
        complete(world).await
    });
    assert_endured(&report.unwrap(), 15);
}
