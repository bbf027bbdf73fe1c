//! Back to what is known to be good, at once, and without a failed request.

use weir_api::traffic_shift::Outcome;
use weir_sim::traffic::TrafficSettings;

use crate::stage::{BALANCER, PORT, shift, steps};
use crate::world::World;

use super::{MINUTE, changes, outcome, play, told, until_complete};

/// The strategy of all these releases: by itself it would take ten minutes.
fn slow() -> String {
    steps(&[25, 50, 100], "5m")
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
