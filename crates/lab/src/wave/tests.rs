//! What a wave costs at most, and that it comes to the same end whatever befalls those that have taken seats.

use super::seated::{ROUTES, seated, under_way, wave};
use super::*;
use crate::crash::enumerate;
use crate::judge::judge;
use crate::wire::{Disturbance, Mischief, Which};

const MINUTE: Duration = Duration::from_mins(1);

/// The wave comes to its end, nothing is left waiting, and no judge has found anything.
async fn assert_ends(wave: &Wave, world: &mut World) {
    world.run_until(|world| wave.is_over(world, "g"), 10 * MINUTE).await.unwrap();
    world.run_for(3 * MINUTE).await;
    assert_eq!(seated(world), 0);
    let breaches: Vec<String> = judge(&world.evidence()).iter().map(ToString::to_string).collect();
    assert_eq!(breaches, Vec::<String>::new());
}

#[test]
fn fifty_weights_cost_little_beside_what_each_of_them_needs() {
    let load = Load { listeners: 1, own_environments: true, ..Load::of(50) };
    let costs = Wave { load, mover: Mover::Weights, rates: None, seed: 7 }.play(3);
    for cost in &costs[1..] {
        let count = |operation: &str| cost.calls.get(operation).copied().unwrap_or(0);
        // The health of what gains, and of what it is measured against, each once.
        assert_eq!((count("ModifyRule"), count("DescribeTargetHealth")), (50, 100), "{cost:?}");
        assert!(cost.all_calls() <= 185, "{cost:?}");
        assert!(cost.live <= SignedDuration::from_secs(5), "{cost:?}");
    }
}

#[test]
fn a_wave_ends_the_same_whatever_crashes() {
    let wave = wave(13, 701);
    let report = enumerate(
        async || wave.furnish().await,
        async |world: &mut World| {
            world.run_until(|world| wave.load.is_settled(world), 5 * MINUTE).await?;
            world.run_for(MINUTE).await;
            wave.begin(world, "g", true);
            world.run_until(|world| seated(world) > 0, MINUTE).await?;
            world.mark();
            world.run_until(|world| wave.is_over(world, "g"), 10 * MINUTE).await.map(drop)
        },
    );
    let report = report.unwrap();
    let failures: Vec<String> = report.failures.iter().map(|(at, message)| format!("{at:?}: {message}")).collect();
    assert_eq!(failures, Vec::<String>::new());
    assert!(report.plans >= 40, "only {} plans for {} writes", report.plans, report.writes);
}

#[test]
fn who_has_a_seat_loses_it_with_the_lease_and_the_next_leader_goes_on() {
    on_virtual_time(async {
        let wave = wave(ROUTES, 702);
        let mut world = under_way(&wave).await;
        world.start_another(SignedDuration::ZERO);
        world.pause_controller();
        world.run_for(MINUTE).await;
        world.resume_controller();
        assert_ends(&wave, &mut world).await;
    });
}

#[test]
fn who_is_deleted_while_it_has_a_seat_goes_and_holds_nobody_up() {
    on_virtual_time(async {
        let wave = wave(ROUTES, 703);
        let mut world = under_way(&wave).await;
        let waits = |world: &World, route: &usize| !is_live(world, &wave.load, *route, "g");
        let waiting: Vec<usize> = (0..ROUTES).filter(|route| waits(&world, route)).collect();
        for route in waiting.iter().rev().take(3) {
            world.delete("weightedroutes", &format!("r{route}")).unwrap();
        }
        assert_ends(&wave, &mut world).await;
        let gone = (0..ROUTES).filter(|route| world.route(&format!("r{route}")).is_none()).count();
        assert_eq!(gone, 3);
    });
}

#[test]
fn what_cannot_be_read_for_one_that_boards_holds_up_no_other() {
    on_virtual_time(async {
        let wave = wave(ROUTES, 704);
        let mut world = under_way(&wave).await;
        let health = Which::Operation("DescribeTargetHealth");
        world.disturb(Disturbance { which: health, times: 4, until: None, mischief: Mischief::Failed(503) });
        assert_ends(&wave, &mut world).await;
    });
}
