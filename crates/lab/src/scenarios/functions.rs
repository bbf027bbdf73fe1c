//! Target groups of Lambda functions, whose health AWS does not check unless it is told to.

use weir_api::traffic_shift::Outcome;

use crate::stage::{self, BALANCER, PORT, environment, on_virtual_time, route, shift, steps};
use crate::world::{Settings, World};

use super::{MINUTE, assert_sound, live, outcome, status, told, until, until_applied, until_complete};

/// A stage on which blue has one function and green has one, neither of them checked.
async fn functions(seed: u64) -> World {
    let mut world = World::new(Settings::seeded(seed));
    for name in ["blue", "green"] {
        world.add_function(name).unwrap();
    }
    let manifests = [stage::ENTRY_POINT.to_owned(), environment("blue"), environment("green")].concat();
    world.furnish(&manifests, 0).unwrap();
    world.account().forward(BALANCER, PORT, &[("blue", 100)]);
    world.run_for(MINUTE).await;
    world.apply(&manifests).unwrap();
    world.apply(&route("checkout", &["blue", "green"], "")).unwrap();
    world.start_controller();
    world
}

#[test]
fn functions_without_checks_carry_traffic() {
    on_virtual_time(async {
        let mut world = functions(1201).await;
        world.apply(&shift("green", &steps(&[25, 100], "2m"), "")).unwrap();
        until_complete(&mut world, "checkout").await;
        assert_eq!(outcome(&world), Some(Outcome::Succeeded), "{}", told(&world));
        assert_eq!(live(&world), stage::weights(&[("blue", 0), ("green", 100)]));
        assert_sound(&world);
    });
}

#[test]
fn a_function_takes_over_from_instances_when_fewer_targets_are_enough() {
    on_virtual_time(async {
        let mut world = stage::set(Settings::seeded(1202)).await;
        world.add_function("function").unwrap();
        world.apply(&environment("function")).unwrap();
        world.apply(&route("checkout", &["blue", "function"], "")).unwrap();
        world.apply(&shift("function", &steps(&[25, 100], "2m"), "")).unwrap();
        until_applied(&mut world, 25).await;
        let message = |world: &World| status(world).waiting.map(|waiting| waiting.message).unwrap_or_default();
        let waits = |world: &World| message(world).contains("has 1 of the 4 healthy targets");
        until(&mut world, "the function is too small by number", waits, 5 * MINUTE).await;
        assert!(message(&world).contains("lower spec.capacity.minHealthyPercent"), "{}", message(&world));
        let shift = shift("function", &steps(&[25, 100], "2m"), "capacity: {minHealthyPercent: 25}");
        world.apply(&shift).unwrap();
        until_complete(&mut world, "checkout").await;
        assert_eq!(outcome(&world), Some(Outcome::Succeeded), "{}", told(&world));
        assert_eq!(live(&world), stage::weights(&[("blue", 0), ("function", 100)]));
        assert_sound(&world);
    });
}
