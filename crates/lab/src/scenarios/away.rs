//! A region with many routes that does not answer, when the leader changes: nobody else waits for it.

use std::time::Duration;

use weir_api::traffic_shift::{Outcome, Phase};
use weir_sim::aws::{AppBehaviour, TargetState};

use crate::stage::{self, environment, on_virtual_time, rule_route, shift, steps};
use crate::wire::{Disturbance, Mischief, Side, Which};
use crate::world::{Settings, World};

use super::{HOUR, MINUTE, assert_sound_but, changes, outcome, status, told, until, until_applied};

const REGION: &str = "us-east-1";
/// How many routes are there, more than twice as many as ticks may run at once.
const ROUTES: usize = 40;

fn name(number: usize) -> String {
    format!("far{number}")
}

/// An entry point and two environments in the other region, and routes with a rule each.
fn far() -> String {
    let entry_point = stage::ENTRY_POINT
        .replace("name: public", "name: far")
        .replace("shop-public", "far-public")
        .replace("spec:\n", &format!("spec:\n  aws: {{region: {REGION}}}\n"));
    let environments = ["red", "orange"]
        .map(|name| environment(name).replace("spec: {", &format!("spec: {{aws: {{region: {REGION}}}, ")));
    let route = |number| {
        let priority = u32::try_from(number).unwrap() + 1;
        rule_route(&name(number), &["red", "orange"], priority, "").replace("name: public", "name: far")
    };
    let routes: Vec<String> = (0..ROUTES).map(route).collect();
    [entry_point, environments.concat(), routes.concat()].concat()
}

fn far_shifts(to: &str) -> String {
    let strategy = steps(&[50, 100], "2h");
    (0..ROUTES).map(|number| shift(to, &strategy, "").replace("checkout", &name(number))).collect()
}

/// Both runs are half way, and then the region does not answer any more.
fn play(seed: u64, scenario: impl AsyncFnOnce(&mut World)) {
    on_virtual_time(async {
        let mut world = stage::furnished(Settings { lease: Duration::from_secs(15), ..Settings::seeded(seed) }).await;
        world.furnish(&far(), 4).unwrap();
        world.apply(&far()).unwrap();
        world.start_controller();
        world.apply(&far_shifts("red")).unwrap();
        until(&mut world, "they are deployed", |world| all(world, Phase::Succeeded), HOUR).await;
        world.apply(&far_shifts("orange")).unwrap();
        world.apply(&shift("green", &steps(&[50, 100], "2h"), "")).unwrap();
        until(&mut world, "they are half way", |world| all(world, Phase::Paused), HOUR).await;
        until_applied(&mut world, 50).await;
        let (which, mischief) = (Which::Region(REGION), Mischief::Lost(Side::Before));
        world.disturb(Disturbance { which, times: u32::MAX, until: None, mischief });
        scenario(&mut world).await;
        world.end_disturbances();
        world.run_for(5 * MINUTE).await;
        // Forty rules are made on one listener, and each is told in the statuses of the environments.
        assert_sound_but(&world, |breach| breach.contains("EndlessFight"));
    });
}

fn all(world: &World, phase: Phase) -> bool {
    (0..ROUTES).all(|number| world.phase(&name(number)) == Some(phase))
}

#[test]
fn the_candidates_of_others_are_watched() {
    play(811, async |world| {
        world.crash_controller();
        world.start_controller();
        world.run_for(MINUTE).await;
        for (target, _) in world.aws().health("green") {
            world.aws().set_app_on("green", &target.id, AppBehaviour::broken()).unwrap();
        }
        let ill = |world: &World| world.aws().health("green").values().all(|state| *state != TargetState::Healthy);
        until(world, "they are ill", ill, MINUTE).await;
        let took = until(world, "it goes back", |world| outcome(world) == Some(Outcome::RolledBack), HOUR).await;
        assert!(took < Duration::from_secs(20), "{took:?}\n{}", told(world));
    });
}

#[test]
fn the_rollbacks_of_others_are_written_at_once() {
    play(812, async |world| {
        for number in 0..ROUTES {
            world.command(&name(number), "abort/1").unwrap();
        }
        world.run_for(MINUTE).await;
        world.crash_controller();
        world.start_controller();
        world.run_for(Duration::from_secs(30)).await;
        assert_eq!(status(world).phase, Some(Phase::Paused));
        let asked = world.now();
        world.command("checkout", "abort/1").unwrap();
        until(world, "it goes back", |world| outcome(world) == Some(Outcome::RolledBack), HOUR).await;
        let written = changes(world).last().unwrap().at;
        assert!(written.duration_since(asked).as_secs_f64() < 2.0, "{}", written.duration_since(asked));
    });
}
