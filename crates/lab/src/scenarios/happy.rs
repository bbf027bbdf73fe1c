//! Releases that go well.

use weir_api::traffic_shift::Outcome;

use crate::stage::{self, BALANCER, PORT, shift, steps};

use super::{changes, live, outcome, play, status, until_complete};

#[test]
fn a_release_moves_in_steps_and_is_remembered() {
    play(1, async |world| {
        world.apply(&shift("green", &steps(&[5, 25, 50, 100], "2m"), "")).unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(live(world), stage::weights(&[("blue", 0), ("green", 100)]));
        assert_eq!(outcome(world), Some(Outcome::Succeeded));
        let steps: Vec<_> = changes(world).into_iter().map(|change| change.after["green"]).collect();
        assert_eq!(steps, [0, 5, 25, 50, 100]);
        let tags = world.account().listener_tags(BALANCER, PORT);
        assert_eq!(tags["weir.dev/last-run"], "shop/checkout green Succeeded");
        assert_eq!(tags["weir.dev/owner"], "lab");
        assert_eq!(tags["weir.dev/route"], "shop/checkout");
    });
}

#[test]
fn a_linear_release_moves_at_its_interval() {
    play(2, async |world| {
        world.apply(&shift("green", "{linear: {step: 30, interval: 5m}}", "")).unwrap();
        until_complete(world, "checkout").await;
        let changes = changes(world);
        let steps: Vec<_> = changes.iter().map(|change| change.after["green"]).collect();
        assert_eq!(steps, [0, 30, 60, 90, 100]);
        let waited: Vec<_> =
            changes[1..].windows(2).map(|pair| pair[1].at.duration_since(pair[0].at).as_secs()).collect();
        assert!(waited.iter().all(|waited| (300..310).contains(waited)), "{waited:?}");
    });
}

#[test]
fn all_at_once_waits_for_capacity_and_moves_in_one_step() {
    play(3, async |world| {
        world.apply(&shift("green", "{allAtOnce: {}}", "")).unwrap();
        until_complete(world, "checkout").await;
        let steps: Vec<_> = changes(world).into_iter().map(|change| change.after["green"]).collect();
        assert_eq!(steps, [0, 100]);
    });
}

#[test]
fn what_is_live_already_is_only_put_on_record() {
    play(4, async |world| {
        world.apply(&shift("blue", "{allAtOnce: {}}", "")).unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(changes(world).len(), 0);
        assert_eq!(outcome(world), Some(Outcome::Succeeded));
        assert!(status(world).run.unwrap().note.unwrap().contains("already"));
    });
}

#[test]
fn a_candidate_without_enough_targets_is_waited_for() {
    play(5, async |world| {
        world.account().break_targets("green", 3);
        world.apply(&shift("green", &steps(&[25, 50, 100], "1m"), "")).unwrap();
        super::until_applied(world, 25).await;
        world.run_for(10 * super::MINUTE).await;
        // One healthy target carries a quarter of what four did, and no more.
        assert_eq!(live(world), stage::weights(&[("blue", 75), ("green", 25)]));
        let waiting = status(world).waiting.unwrap();
        assert_eq!(waiting.reason, "Capacity");
        assert!(waiting.message.contains("green has 1 of the 2 healthy targets"), "{}", waiting.message);
        world.account().mend_targets("green");
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded));
    });
}
