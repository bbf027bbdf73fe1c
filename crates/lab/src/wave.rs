//! A wave of weights: many routes are to change at once, and do as fast as AWS lets them.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;
use weir_sim::aws::Rates;

use crate::load::Load;
use crate::stage::on_virtual_time;
use crate::world::{Settings, World};

/// How long a wave may take.
const PATIENCE: Duration = Duration::from_hours(1);
/// How long routes rest between two waves.
const REST: Duration = Duration::from_mins(3);

/// Who moves the traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mover {
    /// The routes' own `spec.weights`.
    Weights,
    /// A `TrafficShift` for each route, which moves everything at once.
    Shifts,
}

/// A wave.
#[derive(Clone, Copy, Debug)]
pub struct Wave {
    /// The routes.
    pub load: Load,
    /// Who moves them.
    pub mover: Mover,
    /// What AWS takes; `None` where it takes everything.
    pub rates: Option<Rates>,
    /// The seed of the world.
    pub seed: u64,
}

/// What a wave took.
#[derive(Clone, Debug, Default)]
pub struct Cost {
    /// From the first change of an object until the last weight was live.
    pub live: SignedDuration,
    /// The same until all shifts were complete, where shifts move the traffic.
    pub complete: Option<SignedDuration>,
    /// The calls of AWS until then, by operation.
    pub calls: BTreeMap<String, usize>,
    /// How many of them were throttled.
    pub throttled: usize,
}

impl Cost {
    /// All calls.
    pub fn all_calls(&self) -> usize {
        self.calls.values().sum()
    }
}

impl Wave {
    /// Plays so many waves, one after the other, from blue to green and back, in a world that has just begun.
    ///
    /// # Panics
    ///
    /// When a wave does not end within an hour, or the world cannot be made.
    pub fn play(&self, waves: usize) -> Vec<Cost> {
        on_virtual_time(async {
            let mut world = self.furnish().await;
            world.start_controller();
            world.run_until(|world| self.load.is_settled(world), PATIENCE).await.expect("the routes settle");
            let mut costs = Vec::new();
            for wave in 0..waves {
                world.run_for(REST).await;
                costs.push(self.roll(&mut world, wave).await);
            }
            costs
        })
    }

    /// The world in which waves are played, without a controller.
    pub(crate) async fn furnish(&self) -> World {
        let mut settings = Settings::seeded(self.seed);
        settings.aws.rates = self.rates;
        self.load.furnish(settings).await
    }

    async fn roll(&self, world: &mut World, wave: usize) -> Cost {
        let began = world.now();
        let to = if wave.is_multiple_of(2) { "g" } else { "b" };
        self.begin(world, to, wave == 0);
        world.run_until(|world| self.is_over(world, to), PATIENCE).await.expect("a wave comes to its end");
        let last = world.changes().iter().map(|change| change.at).max().unwrap_or(began);
        let mut cost = Cost { live: last.duration_since(began), ..Cost::default() };
        cost.complete = (self.mover == Mover::Shifts).then(|| world.now().duration_since(began));
        for call in world.account().calls().into_iter().filter(|call| call.at > began) {
            cost.throttled += usize::from(call.code == "Throttling");
            *cost.calls.entry(call.operation).or_default() += 1;
        }
        cost
    }

    /// Tells all objects where the traffic is to go.
    pub(crate) fn begin(&self, world: &World, to: &str, is_first: bool) {
        for route in 0..self.load.routes {
            self.set_out(world, route, to, is_first);
        }
    }

    /// Whether all traffic goes there, and the objects say so. Routes that are gone do not count.
    pub(crate) fn is_over(&self, world: &World, to: &str) -> bool {
        let is_told = |route: usize| match self.mover {
            Mover::Weights => has_applied(world, route),
            Mover::Shifts => world.is_complete(&format!("s{route}")),
        };
        let is_there = |route: &usize| world.route(&format!("r{route}")).is_some();
        (0..self.load.routes).filter(is_there).all(|route| is_told(route) && is_live(world, &self.load, route, to))
    }

    /// Tells the objects of a route where its traffic is to go.
    fn set_out(&self, world: &World, route: usize, to: &str, is_first: bool) {
        let number = self.load.environments_of(route);
        let set = match self.mover {
            Mover::Weights => {
                let weight = |name: &str| i32::from(name == to) * 100;
                let weights = json!({format!("b{number}"): weight("b"), format!("g{number}"): weight("g")});
                world.patch("weightedroutes", &format!("r{route}"), &json!({"spec": {"weights": weights}}))
            }
            Mover::Shifts if is_first => {
                world.apply(&Load::shift(route, &format!("{to}{number}"), "strategy: {allAtOnce: {}}"))
            }
            Mover::Shifts => {
                world.patch("trafficshifts", &format!("s{route}"), &json!({"spec": {"to": format!("{to}{number}")}}))
            }
        };
        set.expect("the objects of a wave are valid");
    }
}

/// Whether the route has said that what is wanted is live.
fn has_applied(world: &World, route: usize) -> bool {
    let route = world.route(&format!("r{route}"));
    route.is_some_and(|route| {
        let status = route.status.unwrap_or_default();
        let is_synced = |condition: &weir_api::Condition| {
            condition.type_ == "Synced"
                && condition.status == weir_api::condition::Truth::True
                && condition.observed_generation == route.metadata.generation
        };
        status.conditions.iter().any(is_synced)
    })
}

/// Whether all traffic of a route goes where the wave brings it.
fn is_live(world: &World, load: &Load, route: usize, to: &str) -> bool {
    let live = load.live(world, route);
    let carrying: Vec<&String> = live.iter().filter(|(_, weight)| **weight > 0).map(|(group, _)| group).collect();
    carrying == [&format!("{to}{}", load.environments_of(route))]
}

pub(crate) mod seated;
#[cfg(test)]
mod tests;
