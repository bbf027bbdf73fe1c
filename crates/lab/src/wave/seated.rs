//! A wave of which some have taken seats, and what befalls them before they may go.

use std::time::Duration;

use weir_sim::aws::{Rate, Rates};

use crate::bug::{Bug, Planted};
use crate::judge::judge;
use crate::load::Load;
use crate::plan::Failure;
use crate::stage::on_virtual_time;
use crate::world::World;

use super::{Mover, Wave, is_live};

const MINUTE: Duration = Duration::from_mins(1);
pub(super) const ROUTES: usize = 30;

/// A wave of so many routes, which AWS takes slower than they come.
pub(super) fn wave(routes: usize, seed: u64) -> Wave {
    let load = Load { listeners: 1, own_environments: true, ..Load::of(routes) };
    Wave { load, mover: Mover::Weights, rates: Some(Rates::of_2026()), seed }
}

/// How many objects wait until their write may go.
pub(crate) fn seated(world: &World) -> usize {
    let text = world.metrics().map(|metrics| metrics.render()).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("weir_queue_seated "));
    line.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// A wave of which some have taken seats.
pub(super) async fn under_way(wave: &Wave) -> World {
    let mut world = wave.furnish().await;
    world.start_controller();
    world.run_until(|world| wave.load.is_settled(world), 5 * MINUTE).await.expect("the routes settle");
    begin(wave, &mut world, "g", true).await;
    world
}

/// Tells all objects where the traffic is to go, and waits until some have taken seats.
async fn begin(wave: &Wave, world: &mut World, to: &str, is_first: bool) {
    world.run_for(MINUTE).await;
    wave.begin(world, to, is_first);
    world.run_until(|world| seated(world) >= 5, MINUTE).await.expect("some have to wait");
}

/// Plays a wave back, in which all groups that would gain by the writes that wait lose their targets: none of these may go.
/// Says what went wrong.
pub(crate) fn emptied(bug: Option<Bug>) -> Vec<Failure> {
    let _planted = Planted::with(bug);
    on_virtual_time(async {
        // So slow that the last of them wait for longer than a reading may be old.
        let rates = Rates { modify: Rate { per_second: 1, burst: 15 }, ..Rates::of_2026() };
        let wave = Wave { rates: Some(rates), ..wave(ROUTES, 705) };
        let mut world = under_way(&wave).await;
        world.run_until(|world| wave.is_over(world, "g"), 10 * MINUTE).await.expect("a wave comes to its end");
        begin(&wave, &mut world, "b", false).await;
        for route in (0..ROUTES).filter(|route| !is_live(&world, &wave.load, *route, "b")) {
            world.account().empty(&format!("b{route}"));
        }
        world.run_for(MINUTE).await;
        judge(&world.evidence()).into_iter().map(Failure::from).collect()
    })
}
