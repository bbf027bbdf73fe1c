//! Zones from which the traffic is shifted away: targets there are healthy, get no requests, and are no capacity.

use weir_api::traffic_shift::Outcome;

use crate::stage::{self, shift, steps};
use crate::world::World;

use super::{MINUTE, live, outcome, play, status, told, until, until_applied, until_complete};

/// The traffic goes away from the first two targets of a group, or comes back to them.
fn shift_zone(world: &World, group: &str, away: bool) {
    let targets = [format!("i-{group}-1"), format!("i-{group}-2")];
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    world.aws().shift_zone(group, &targets, away).unwrap();
}

fn waits(world: &World, words: &str) -> bool {
    status(world).waiting.is_some_and(|waiting| waiting.message.contains(words))
}

#[test]
fn a_step_waits_while_half_of_the_candidate_is_in_a_zone_without_traffic() {
    play(1601, async |world| {
        world.apply(&shift("green", &steps(&[25, 100], "2m"), "")).unwrap();
        until_applied(world, 25).await;
        shift_zone(world, "green", true);
        let words =
            "green has 2 of the 4 healthy targets that it needs (2 in a zone that the traffic was shifted away from)";
        until(world, "the step waits", |world| waits(world, words), 10 * MINUTE).await;
        world.run_for(20 * MINUTE).await;
        assert_eq!(live(world), stage::weights(&[("blue", 75), ("green", 25)]), "{}", told(world));
        shift_zone(world, "green", false);
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded), "{}", told(world));
    });
}

#[test]
fn what_is_needed_is_counted_by_what_carries_traffic() {
    play(1602, async |world| {
        shift_zone(world, "blue", true);
        shift_zone(world, "green", true);
        world.apply(&shift("green", &steps(&[25, 100], "2m"), "")).unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded), "{}", told(world));
        assert_eq!(live(world), stage::weights(&[("blue", 0), ("green", 100)]));
    });
}
