//! Two controllers in one world: one leads. What becomes of a run when that changes, however it does.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;
use weir_api::traffic_shift::Outcome;
use weir_api::weighted_route::DriftPolicy;
use weir_engine::invariant::Invariant;

use crate::fault::{Absence, Fault, Moment, Side};
use crate::journal::{Entry, What};
use crate::plan::{Failure, Plan, Played, Wrong};
use crate::rollout::Rollout;
use crate::stage::{self, on_virtual_time, shift, steps};
use crate::timeline::timeline;
use crate::world::{SHORT_LEASE, Settings, World};

use super::{MINUTE, assert_sound, changes, outcome, until, until_applied, until_complete};

/// What it takes to lead and to write, beside the lease.
const PROMISE: Duration = Duration::from_secs(2);

/// Plays a scenario with the lease that production has by default, and has it judged.
fn play(seed: u64, scenario: impl AsyncFnOnce(&mut World)) {
    on_virtual_time(async {
        let mut world = stage::set(Settings { lease: SHORT_LEASE, ..Settings::seeded(seed) }).await;
        scenario(&mut world).await;
        assert_sound(&world);
    });
}

/// How many writes a process has sent to AWS.
fn writes_of(world: &World, process: u32) -> usize {
    let is_write = |what: &What| matches!(what, What::Aws(request) if request.sent.is_write);
    let writes = |entry: &&Entry| entry.process == process && is_write(&entry.what);
    world.read_entries(0, |entries| entries.iter().filter(writes).count())
}

/// A run under way, and another controller beside the one that leads, its clock wrong by so many seconds.
async fn under_way(world: &mut World, ahead: i64) {
    until(world, "the first leads", |world| world.leader() == Some(1), MINUTE).await;
    world.start_another(SignedDuration::from_secs(ahead));
    world.apply(&shift("green", &steps(&[25, 50, 75, 100], "20s"), "")).unwrap();
    until_applied(world, 25).await;
    assert_eq!(world.leader(), Some(1));
    assert_eq!(writes_of(world, 2), 0, "the other stands by");
}

/// The run goes to its end, step by step.
async fn finish(world: &mut World) {
    until_complete(world, "checkout").await;
    assert_eq!(outcome(world), Some(Outcome::Succeeded));
    let steps: Vec<_> = changes(world).into_iter().map(|change| change.after["green"]).collect();
    assert_eq!(steps, [0, 25, 50, 75, 100]);
}

#[test]
fn whoever_stands_by_does_nothing_and_takes_over_from_the_dead() {
    for (seed, ahead) in [(381, 0), (382, 45), (383, -45)] {
        play(seed, async |world| {
            under_way(world, ahead).await;
            world.crash_controller();
            world.command("checkout", "promote/1").unwrap();
            let took = until(world, "the other writes", |world| writes_of(world, 2) > 0, MINUTE).await;
            // The Lease was renewed two seconds before at the most.
            assert!(took + PROMISE >= SHORT_LEASE && took <= SHORT_LEASE + Duration::from_secs(1), "{took:?}");
            finish(world).await;
        });
    }
}

#[test]
fn whoever_is_told_to_end_lets_the_other_lead_at_once() {
    play(384, async |world| {
        under_way(world, 10).await;
        world.stop_controller();
        world.command("checkout", "promote/1").unwrap();
        let took = until(world, "the other writes", |world| writes_of(world, 2) > 0, MINUTE).await;
        assert!(took <= PROMISE, "{took:?}");
        assert!(!world.has_controller());
        assert_eq!(world.lease().unwrap()["spec"]["leaseTransitions"], 1);
        finish(world).await;
    });
}

#[test]
fn a_rollout_hands_the_lead_round_and_the_run_goes_on() {
    play(385, async |world| {
        under_way(world, 0).await;
        for _ in 0..6 {
            world.stop_controller();
            until(world, "it has ended", |world| !world.has_controller(), MINUTE).await;
            world.start_controller();
            world.run_for(Duration::from_secs(5)).await;
        }
        finish(world).await;
    });
}

#[test]
fn whoever_was_stopped_past_its_lease_begins_no_write_when_it_goes_on() {
    play(386, async |world| {
        under_way(world, 0).await;
        world.pause_controller();
        world.run_for(2 * MINUTE).await;
        let (before, leader) = (writes_of(world, 1), world.leader());
        assert_eq!(leader, Some(2));
        world.resume_controller();
        world.run_for(MINUTE).await;
        assert_eq!((writes_of(world, 1), world.leader()), (before, Some(2)));
        finish(world).await;
    });
}

#[test]
fn whoever_cannot_reach_the_api_server_writes_to_aws_no_longer_than_its_lease() {
    for how in [Absence::Refused, Absence::Hanging, Absence::Failing] {
        let plan = Plan::undisturbed(387, Rollout::release())
            .with(Moment::Second(0), Fault::Another(0))
            .with(Moment::Second(20), Fault::KubeAway(how, 60));
        let played = plan.play();
        assert_eq!(played.failures, [], "{how:?}");
    }
}

#[test]
fn somebody_else_who_has_the_lease_is_waited_for() {
    play(388, async |world| {
        under_way(world, 0).await;
        world.take_lease(60);
        world.run_for(Duration::from_secs(3)).await;
        let before = (writes_of(world, 1), writes_of(world, 2));
        world.run_for(Duration::from_secs(50)).await;
        assert_eq!((writes_of(world, 1), writes_of(world, 2)), before, "nobody leads");
        finish(world).await;
    });
}

#[test]
fn a_lease_that_is_deleted_does_not_make_two_leaders() {
    play(389, async |world| {
        under_way(world, 0).await;
        world.kube().delete("leases", "default", "weir").unwrap();
        finish(world).await;
    });
}

#[test]
fn what_others_write_into_the_lease_stays() {
    play(390, async |world| {
        under_way(world, 0).await;
        let labelled = json!({"metadata": {"labels": {"team": "platform"}}});
        world.kube().merge("leases", "default", "weir", &labelled).unwrap();
        finish(world).await;
        assert_eq!(world.lease().unwrap()["metadata"]["labels"]["team"], "platform");
        assert_eq!(world.leader(), Some(1), "it is no reason to hand over");
    });
}

/// A process that is stopped between taking the right to write and the write itself cannot be held back. What it then writes
/// is one write, and is put right like anybody else's where the route corrects.
#[test]
fn a_write_that_a_stopped_process_sends_late_is_put_right() {
    let rollout = Rollout { drift: DriftPolicy::Correct, ..Rollout::short() };
    let beside = Plan::undisturbed(391, rollout).with(Moment::Second(0), Fault::Another(30));
    let moments = beside.play().requests;
    let writes = moments.iter().enumerate().filter(|(_, sort)| sort.is_write()).map(|(index, _)| index + 1);
    let mut late_writes = 0;
    for number in writes {
        let moment = Moment::Request(number.try_into().unwrap(), Side::Before);
        let played = beside.clone().with(moment, Fault::Pause(40)).play();
        let late = late(&played);
        late_writes += late.len();
        let is_late = |failure: &&Failure| {
            failure.wrong == Wrong::Never(Invariant::OutOfRangeOrDirection)
                && late.iter().any(|at| failure.message.starts_with(at))
        };
        let others: Vec<&Failure> = played.failures.iter().filter(|failure| !is_late(failure)).collect();
        assert!(late.len() <= 1 && others.is_empty(), "{others:?}\n{}", timeline(&played.evidence));
    }
    assert!(late_writes > 0, "nothing was tried");
}

/// When writes reached AWS that had been sent long before.
fn late(played: &Played) -> Vec<String> {
    let arrived_late = played.evidence.entries.iter().filter(|entry| {
        matches!(&entry.what, What::Aws(request)
            if request.sent.is_write && entry.at > request.issued + SignedDuration::from_secs(30))
    });
    arrived_late.map(|entry| entry.at.to_string()).collect()
}
