//! Back to what is known to be good, at once, and without a failed request.

use weir_api::traffic_shift::Outcome;
use weir_sim::traffic::TrafficSettings;

use crate::stage::{self, BALANCER, PORT, environment, route, shift, steps};
use crate::world::World;

use super::{MINUTE, changes, live, outcome, play, status, told, until_complete};

/// The strategy of all these releases: by itself it would take ten minutes.
fn slow() -> String {
    steps(&[25, 50, 100], "5m")
}

fn add_red(world: &mut World) {
    world.furnish(&environment("red"), 4).unwrap();
    world.apply(&environment("red")).unwrap();
    world.apply(&route("checkout", &["blue", "green", "red"], "")).unwrap();
}

async fn release(world: &mut World, to: &str) {
    world.apply(&shift(to, &slow(), "")).unwrap();
    until_complete(world, "checkout").await;
    assert_eq!(outcome(world), Some(Outcome::Succeeded), "{}", told(world));
}

#[test]
fn yesterday_s_release_is_back_in_seconds_and_no_request_fails() {
    play(321, async |world| {
        release(world, "green").await;
        world.run_for(5 * MINUTE).await;
        let mut traffic = world
            .traffic(TrafficSettings { requests_per_second: 20, ..TrafficSettings::to(BALANCER, PORT, "shop.test") });
        let (before, began) = (changes(world).len(), world.now());
        release(world, "blue").await;
        let took = world.now().duration_since(began);
        assert!(took.as_secs() < 30, "{took:?}");
        assert_eq!(changes(world)[before..].iter().map(|change| change.after["blue"]).collect::<Vec<_>>(), [100]);
        world.run_for(5 * MINUTE).await;
        traffic.advance_to(world.now());
        assert_eq!(traffic.failures().values().sum::<u64>(), 0, "{:?}", traffic.failures());
        assert!(traffic.totals().sent > 5_000, "{:?}", traffic.totals());
        assert!(
            told(world).contains("everything at once, since blue carried all the traffic until"),
            "{}",
            told(world)
        );
    });
}

#[test]
fn one_that_stands_by_no_more_is_attached_and_checked_first() {
    play(322, async |world| {
        add_red(world);
        release(world, "green").await;
        release(world, "red").await;
        let before = changes(world).len();
        release(world, "blue").await;
        let course: Vec<_> = changes(world)[before..].iter().map(|change| change.after.clone()).collect();
        assert_eq!(
            course,
            [stage::weights(&[("blue", 0), ("red", 100)]), stage::weights(&[("blue", 100), ("red", 0)])],
            "attached, and then everything"
        );
    });
}

#[test]
fn one_that_has_shrunk_goes_by_the_strategy_and_says_why() {
    play(323, async |world| {
        release(world, "green").await;
        world.account().break_targets("blue", 2);
        world.run_for(5 * MINUTE).await;
        world.apply(&shift("blue", &slow(), "")).unwrap();
        world.run_for(2 * MINUTE).await;
        assert_eq!(live(world), stage::weights(&[("blue", 25), ("green", 75)]), "{}", told(world));
        let course = status(world).run.unwrap().course.unwrap();
        assert_eq!((course.immediate, course.reason.as_str()), (false, "CapacityShort"), "{}", course.message);
        world.account().mend_targets("blue");
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded));
    });
}
