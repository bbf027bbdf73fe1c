//! What becomes of the requests of clients while the traffic moves.

use weir_sim::traffic::{Counts, Traffic, TrafficSettings};

use crate::stage::{self, BALANCER, PORT, shift, steps};
use crate::world::World;

use super::{MINUTE, live, play, until, until_applied, until_complete};

fn clients(world: &World) -> Traffic {
    world.traffic(TrafficSettings { requests_per_second: 20, ..TrafficSettings::to(BALANCER, PORT, "shop.test") })
}

fn failed(traffic: &Traffic) -> u64 {
    traffic.failures().values().sum()
}

#[test]
fn a_release_that_goes_well_fails_no_request_and_moves_the_share_it_says() {
    play(301, async |world| {
        let mut traffic = clients(world);
        world.apply(&shift("green", &steps(&[25, 100], "5m"), "")).unwrap();
        until_applied(world, 25).await;
        world.run_for(4 * MINUTE).await;
        traffic.advance_to(world.now());
        let share = traffic.shares_permille(180)["green"];
        assert!((220..=280).contains(&share), "{share}");
        until_complete(world, "checkout").await;
        world.run_for(MINUTE).await;
        traffic.advance_to(world.now());
        assert_eq!(traffic.shares_permille(30), [("green".to_owned(), 1_000)].into());
        assert_eq!(failed(&traffic), 0, "{:?}", traffic.failures());
        assert!(traffic.totals().sent > 5_000, "{:?}", traffic.totals());
    });
}

#[test]
fn a_broken_candidate_hurts_its_share_of_the_requests_and_no_longer_than_it_takes_to_see() {
    play(302, async |world| {
        world.apply(&shift("green", &steps(&[25, 100], "10m"), "")).unwrap();
        until_applied(world, 25).await;
        world.run_for(MINUTE).await;
        let mut traffic = clients(world);
        world.account().break_targets("green", 4);
        until(world, "the rollback", |world| live(world)["green"] == 0, 5 * MINUTE).await;
        // The data plane follows within two seconds.
        world.run_for(MINUTE / 20).await;
        traffic.advance_to(world.now());
        let (before, sent) = (failed(&traffic), traffic.totals().sent);
        assert!(before * 100 <= sent * 35, "{before} of {sent} failed");
        world.run_for(5 * MINUTE).await;
        traffic.advance_to(world.now());
        assert_eq!(failed(&traffic), before, "none after that");
        let blue: Counts = traffic.by_group()["blue"];
        assert!(blue.sent > 5_000, "{blue:?}");
        assert_eq!(live(world), stage::weights(&[("blue", 100), ("green", 0)]));
    });
}
