//! Releases that fail and go back.

use weir_api::traffic_shift::{Outcome, Phase};

use crate::journal::What;
use crate::stage::{self, BALANCER, PORT, shift, steps};

use super::{
    HOUR, MINUTE, changes, live, outcome, play, status, told, until, until_applied, until_complete, until_phase,
};

#[test]
fn a_candidate_that_breaks_is_rolled_back_in_one_write() {
    play(11, async |world| {
        world.apply(&shift("green", &steps(&[25, 50, 100], "10m"), "")).unwrap();
        until_applied(world, 50).await;
        world.run_for(MINUTE).await;
        let before = changes(world).len();
        world.account().break_targets("green", 4);
        let took = until(world, "the rollback", |world| live(world)["green"] == 0, HOUR).await;
        // Two failed checks ten seconds apart make it known, at most 15 s pass until somebody looks.
        assert!(took.as_secs() <= 45, "{took:?}");
        until_complete(world, "checkout").await;
        assert_eq!(changes(world).len(), before + 1);
        assert_eq!(outcome(world), Some(Outcome::RolledBack));
        assert_eq!(status(world).phase, Some(Phase::RolledBack));
        let message = &status(world).history[0].message;
        assert!(message.contains("green has 0 of the 2 healthy targets that it needs"), "{message}");
        assert_eq!(
            world.account().listener_tags(BALANCER, PORT)["weir.dev/last-run"],
            "shop/checkout green RolledBack"
        );
        assert!(told(world).contains("RollingBack"), "{}", told(world));
        // And there it stays, whatever happens to the candidate.
        world.account().mend_targets("green");
        world.run_for(10 * MINUTE).await;
        assert_eq!(live(world), stage::weights(&[("blue", 100), ("green", 0)]));
        assert_eq!(changes(world).len(), before + 1);
    });
}

#[test]
fn a_candidate_that_is_a_little_short_is_given_time() {
    play(12, async |world| {
        world.apply(&shift("green", &steps(&[50, 100], "10m"), "")).unwrap();
        until_applied(world, 50).await;
        world.run_for(MINUTE).await;
        world.account().break_targets("green", 3);
        world.run_for(25 * MINUTE / 60).await;
        assert_eq!(live(world)["green"], 50);
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::RolledBack));
    });
}

#[test]
fn a_side_that_is_too_small_takes_back_what_it_can_carry() {
    play(13, async |world| {
        world.apply(&shift("green", &steps(&[50, 100], "10m"), "")).unwrap();
        until_applied(world, 50).await;
        // The old side has one target left that is healthy: it can carry a quarter.
        world.account().break_targets("blue", 3);
        world.run_for(MINUTE).await;
        world.command("checkout", "abort/1").unwrap();
        until_phase(world, Phase::RollingBack).await;
        world.run_for(5 * MINUTE).await;
        // Half of the traffic is there already, and the share of green never rises.
        assert_eq!(live(world), stage::weights(&[("blue", 50), ("green", 50)]));
        let waiting = status(world).waiting.unwrap();
        assert_eq!(waiting.reason, "RollbackCapacity");
        // What has not come within a minute is looked for more seldom: many may wait for it.
        let before = world.evidence().calls.len();
        world.run_for(5 * MINUTE).await;
        let calls = world.evidence().calls.into_iter().skip(before);
        let looked = calls.filter(|call| call.operation == "DescribeTargetHealth").count();
        assert!((38..=45).contains(&looked), "{looked} looks at two groups in five minutes");
        world.account().mend_targets("blue");
        until_complete(world, "checkout").await;
        assert_eq!(live(world)["green"], 0);
        assert_eq!(outcome(world), Some(Outcome::RolledBack));
    });
}

#[test]
fn a_broken_candidate_is_left_even_for_a_small_side() {
    play(14, async |world| {
        world.apply(&shift("green", &steps(&[50, 100], "10m"), "")).unwrap();
        until_applied(world, 50).await;
        world.account().break_targets("blue", 3);
        world.run_for(MINUTE).await;
        world.account().break_targets("green", 4);
        until_complete(world, "checkout").await;
        assert_eq!(live(world)["green"], 0);
        assert_eq!(outcome(world), Some(Outcome::RolledBack));
    });
}

#[test]
fn a_shift_that_has_ended_is_deleted_at_once() {
    play(19, async |world| {
        world.apply(&shift("green", "{allAtOnce: {}}", "deletionPolicy: Rollback")).unwrap();
        until_complete(world, "checkout").await;
        world.run_for(MINUTE).await;
        world.delete("trafficshifts", "checkout").unwrap();
        assert!(world.shift("checkout").is_none());
        world.run_for(10 * MINUTE).await;
        assert_eq!(live(world)["green"], 100);
    });
}

#[test]
fn a_run_that_turns_round_says_so_in_one_write_of_its_status() {
    play(110, async |world| {
        world.apply(&shift("green", &steps(&[50, 100], "10m"), "")).unwrap();
        until_applied(world, 50).await;
        world.command("checkout", "abort/1").unwrap();
        until_complete(world, "checkout").await;
        let entries = world.evidence().entries;
        let written = entries.iter().filter_map(|entry| match &entry.what {
            What::Kube(request) if request.method == "PUT" => request.object.as_deref(),
            _ => None,
        });
        // Until what is wanted was seen to be live.
        let turned = written.filter(|object| {
            let run = &object["status"]["run"];
            run["rollback"].is_object() && run["appliedAt"].is_null() && run["outcome"].is_null()
        });
        let messages: Vec<&serde_json::Value> = turned.map(|object| &object["status"]["waiting"]["message"]).collect();
        assert_eq!(messages.len(), 1, "{messages:#?}");
    });
}
