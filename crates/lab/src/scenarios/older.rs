//! An API server whose definitions are older than the program, and statuses that a newer program has written.

use std::time::Duration;

use serde_json::{Value, json};
use weir_api::traffic_shift::{Outcome, Phase};

use crate::World;
use crate::stage::{self, on_virtual_time, shift, steps};
use crate::world::Settings;

use super::{
    HOUR, MINUTE, assert_sound, live, outcome, play, status, told, until, until_applied, until_complete, until_phase,
};

/// The definition of a kind, changed.
fn define(world: &World, kind: &str, change: impl FnOnce(&mut Value)) {
    let definitions = weir_api::crds().into_iter().map(|definition| serde_json::to_value(definition).unwrap());
    let mut definition = definitions.into_iter().find(|found| found["spec"]["names"]["kind"] == kind).unwrap();
    change(&mut definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]);
    world.kube().apply(&definition).unwrap();
}

/// The definitions know less of statuses.
fn grow_old(world: &World) {
    for (kind, field) in [("TrafficShift", "weights"), ("WeightedRoute", "live")] {
        define(world, kind, |status| drop(status.as_object_mut().unwrap().remove(field).unwrap()));
    }
}

fn counts(world: &World, series: &str) -> u64 {
    let text = world.metrics().unwrap().render();
    let line = text.lines().find(|line| line.starts_with(series));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_default()
}

#[test]
fn older_definitions_hold_no_rollback_back() {
    for (seed, dies) in [(1421, true), (1422, false)] {
        play(seed, async |world| {
            world.apply(&shift("green", &steps(&[50, 100], "120m"), "")).unwrap();
            until_applied(world, 50).await;
            world.run_for(MINUTE).await;
            if dies {
                world.account().break_targets("green", 4);
            } else {
                world.command("checkout", "abort/1").unwrap();
            }
            grow_old(world);
            until(world, "the traffic is back", |world| live(world)["green"] == 0, 3 * MINUTE).await;
            until_complete(world, "checkout").await;
            assert_eq!(outcome(world), Some(Outcome::RolledBack), "{}", told(world));
        });
    }
}

#[test]
fn with_older_definitions_nothing_moves_on_and_that_is_told() {
    on_virtual_time(async {
        let mut world = stage::furnished(Settings { compares: true, ..Settings::seeded(1423) }).await;
        grow_old(&world);
        world.start_controller();
        let world = &mut world;
        world.apply(&shift("green", &steps(&[50, 100], "1m"), "")).unwrap();
        world.run_for(10 * MINUTE).await;
        assert_eq!(live(world), stage::weights(&[("blue", 100)]));
        for kind in ["TrafficShift", "WeightedRoute"] {
            assert!(counts(world, &format!("weir_definition_outdated{{kind=\"{kind}\"}}")) > 0);
            assert!(counts(world, &format!("weir_tick_errors_total{{kind=\"{kind}\",reason=\"invalid\"}}")) > 0);
        }
        for kind in ["TrafficShift", "WeightedRoute"] {
            define(world, kind, |_| ());
        }
        let is_told = |world: &World| counts(world, "weir_definition_outdated") > 0;
        until(world, "it is not told any more", |world| !is_told(world), MINUTE).await;
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded), "{}", told(world));
        assert_sound(world);
    });
}

#[test]
fn definitions_of_the_same_version_are_as_they_should_be() {
    on_virtual_time(async {
        let mut world = stage::set(Settings { compares: true, ..Settings::seeded(1424) }).await;
        world.run_for(HOUR).await;
        assert!(!world.metrics().unwrap().render().contains("weir_definition_outdated{"));
    });
}

#[test]
fn one_unknown_word_restarts_no_run() {
    play(1425, async |world| {
        world.apply(&shift("green", &steps(&[50, 100], "10m"), "")).unwrap();
        until_applied(world, 50).await;
        world.run_for(MINUTE).await;
        let before = status(world).run.unwrap();
        define(world, "TrafficShift", |status| status["phase"]["enum"].as_array_mut().unwrap().push(json!("Dreaming")));
        let dreaming = json!({"status": {"phase": "Dreaming"}});
        world.kube().merge_status("trafficshifts", "shop", "checkout", &dreaming).unwrap();
        world.run_for(Duration::from_secs(5)).await;
        assert_eq!(counts(world, r#"weir_status_unreadable_total{kind="TrafficShift"}"#), 1);
        until_phase(world, Phase::Paused).await;
        let after = status(world).run.unwrap();
        assert_eq!((after.id, after.seq, after.started_at), (before.id, before.seq, before.started_at));
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded), "{}", told(world));
        assert_eq!(status(world).history.len(), 1);
    });
}
