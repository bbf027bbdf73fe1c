//! Scenarios: whole releases in the simulated world, through the real clients. Each ends before the judges.

mod absence;
mod accounts;
mod adopted;
mod away;
mod blind;
mod chosen;
mod clocks;
mod deletions;
mod deployments;
mod dns;
mod drift;
mod faulty_deletions;
mod forecast;
mod foreign;
mod functions;
mod known;
mod large;
mod leaders;
mod lockstep;
mod manual_changes;
mod memory;
mod names;
mod network;
mod older;
mod repointed;
mod requests;
mod rights;
mod rollback;
mod shadows;
mod shares;
mod sharing;
mod sticky;
mod superseded;
mod tenants;
mod tokens;
mod unusable;
mod watched;
mod zones;

use std::time::Duration;

use weir_api::traffic_shift::{Outcome, Phase, TrafficShiftStatus};
use weir_api::weighted_route::WeightedRouteStatus;
use weir_engine::grant::{Grant, Grants, Subject};

use crate::evidence::{Change, Weights};
use crate::judge::judge;
use crate::stage::{self, BALANCER, PORT, on_virtual_time};
use crate::world::{Settings, World};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// Plays a scenario on the stage, and has it judged.
fn play(seed: u64, scenario: impl AsyncFnOnce(&mut World)) {
    on_virtual_time(async {
        let mut world = stage::set(Settings::seeded(seed)).await;
        scenario(&mut world).await;
        assert_sound(&world);
    });
}

/// Everything may be named, and of roles only those that are granted.
fn naming_roles(grants: impl IntoIterator<Item = Grant>) -> Grants {
    let others = Grants::everything().0.into_iter().filter(|grant| grant.subject != Subject::Role);
    Grants(others.chain(grants).collect())
}

fn assert_sound(world: &World) {
    assert_sound_but(world, |_| false);
}

/// The same, but for what a scenario means to happen.
fn assert_sound_but(world: &World, is_meant: impl Fn(&str) -> bool) {
    let breaches = judge(&world.evidence()).into_iter().map(|breach| breach.to_string());
    let breaches: Vec<String> = breaches.filter(|breach| !is_meant(breach)).collect();
    assert_eq!(breaches, Vec::<String>::new(), "{}", told(world));
}

/// What people were told, for the messages of tests.
fn told(world: &World) -> String {
    let events = world.events();
    let lines = events.iter().map(|told| format!("{} {} {} {}\n", told.at, told.about, told.reason, told.note));
    lines.collect()
}

async fn until(world: &mut World, what: &str, is_so: impl FnMut(&World) -> bool, limit: Duration) -> Duration {
    match world.run_until(is_so, limit).await {
        Ok(took) => took,
        Err(message) => {
            panic!("{what}: {message}\n{}{:?}", told(world), world.shift("checkout").and_then(|s| s.status))
        }
    }
}

async fn until_complete(world: &mut World, shift: &str) {
    until(world, "the shift completes", |world| world.is_complete(shift), 3 * HOUR).await;
}

async fn until_phase(world: &mut World, phase: Phase) {
    until(world, &format!("{phase:?}"), |world| world.phase("checkout") == Some(phase), HOUR).await;
}

/// Waits until a weight is live and was seen to be.
async fn until_applied(world: &mut World, weight: i32) {
    let applied = |world: &World| {
        let run = status(world).run;
        run.is_some_and(|run| run.weight == weight && run.applied_at.is_some())
    };
    until(world, &format!("{weight} % is applied"), applied, HOUR).await;
}

fn live(world: &World) -> Weights {
    world.account().weights(BALANCER, PORT)
}

fn status(world: &World) -> TrafficShiftStatus {
    world.shift("checkout").and_then(|shift| shift.status).unwrap_or_default()
}

fn route_status(world: &World, route: &str) -> WeightedRouteStatus {
    world.route(route).and_then(|route| route.status).unwrap_or_default()
}

fn outcome(world: &World) -> Option<Outcome> {
    status(world).run.and_then(|run| run.outcome)
}

/// The changes of weights that the controllers made.
fn changes(world: &World) -> Vec<Change<Weights>> {
    world.changes().into_iter().filter(|change| !change.by_hand).collect()
}
