//! Many routes in one account.

use std::fmt::Write;
use std::time::Duration;

use weir_sim::aws::RuleAction;

use crate::evidence::Weights;
use crate::stage::environment;
use crate::world::{Settings, World};

const MINUTE: Duration = Duration::from_mins(1);
const PORTS: [u16; 3] = [443, 8443, 9443];
const EXPECTED: &str = "what a load needs can be made";

/// Balancers with listeners, and routes that are spread over them, each with a rule of its own.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// How many balancers.
    pub balancers: usize,
    /// How many listeners each of them has, at most three.
    pub listeners: usize,
    /// How many routes.
    pub routes: usize,
    /// Whether each route has environments of its own, or shares those of its balancer.
    pub own_environments: bool,
}

impl Load {
    /// So many routes on one balancer of three listeners, which share two environments.
    pub fn of(routes: usize) -> Self {
        Self { balancers: 1, listeners: PORTS.len(), routes, own_environments: false }
    }

    /// The number in the names of a route's environments.
    pub(crate) fn environments_of(&self, route: usize) -> usize {
        if self.own_environments { route } else { route % self.balancers }
    }

    /// The balancer of a route, the port of its listener, and the priority of its rule.
    pub(crate) fn place(&self, route: usize) -> (usize, u16, u32) {
        let balancer = route % self.balancers;
        let within = route / self.balancers;
        let priority = u32::try_from(1 + within / self.listeners).expect(EXPECTED);
        (balancer, PORTS[within % self.listeners], priority)
    }

    /// Entry points and environments.
    fn stage(&self) -> String {
        let mut text = String::new();
        for balancer in 0..self.balancers {
            write!(
                text,
                "---
apiVersion: weir.dev/v1alpha1
kind: EntryPoint
metadata: {{name: e{balancer}}}
spec:
  existing: {{name: lb-{balancer}}}
  listeners: [{{name: l443, port: 443}}, {{name: l8443, port: 8443}}, {{name: l9443, port: 9443}}]
"
            )
            .expect(EXPECTED);
        }
        let environments = if self.own_environments { self.routes } else { self.balancers };
        for number in 0..environments {
            text.push_str(&environment(&format!("b{number}")));
            text.push_str(&environment(&format!("g{number}")));
        }
        text
    }

    fn route(&self, route: usize) -> String {
        let (balancer, port, priority) = self.place(route);
        let number = self.environments_of(route);
        format!(
            "---
apiVersion: weir.dev/v1alpha1
kind: WeightedRoute
metadata: {{name: r{route}}}
spec:
  listener:
    entryPoint: {{name: e{balancer}}}
    listener: l{port}
    match: {{hosts: [r{route}.shop.test]}}
    priority: {priority}
  backends: [{{environment: b{number}}}, {{environment: g{number}}}]
"
        )
    }

    /// A world in which all of it is there, the rules made and marked in an earlier process of Weir, and no controller.
    pub(crate) async fn furnish(&self, settings: Settings) -> World {
        let mut world = World::new(settings);
        let stage = self.stage();
        world.furnish(&stage, 2).expect(EXPECTED);
        for route in 0..self.routes {
            let (balancer, port, priority) = self.place(route);
            let listener = world.account().listener_arn(&format!("lb-{balancer}"), port);
            let host = format!("r{route}.shop.test");
            let live = RuleAction::forward(&[(&format!("b{}", self.environments_of(route)), 100)]);
            let rule = world.aws().add_rule(&listener, priority, (&[&host], &[]), &live).expect(EXPECTED);
            let marks = [("weir.dev/owner", "lab"), ("weir.dev/route", &format!("shop/r{route}"))];
            world.aws().add_tags(&rule, &marks).expect(EXPECTED);
        }
        world.run_for(2 * MINUTE).await;
        world.apply(&stage).expect(EXPECTED);
        for route in 0..self.routes {
            world.apply(&self.route(route)).expect(EXPECTED);
        }
        world
    }

    /// A shift of one route; `spec` is what its spec says besides.
    pub(crate) fn shift(route: usize, to: &str, spec: &str) -> String {
        format!(
            "---
apiVersion: weir.dev/v1alpha1
kind: TrafficShift
metadata: {{name: s{route}}}
spec:
  routes: [r{route}]
  to: {to}
  {spec}
"
        )
    }

    /// The weights that are live on the rule of a route.
    pub(crate) fn live(&self, world: &World, route: usize) -> Weights {
        let (balancer, port, priority) = self.place(route);
        world.account().rule_weights(&format!("lb-{balancer}"), port, priority)
    }

    /// Whether every route holds what is live.
    pub(crate) fn is_settled(&self, world: &World) -> bool {
        (0..self.routes).all(|route| {
            let route = world.route(&format!("r{route}")).and_then(|route| route.status).unwrap_or_default();
            route.conditions.iter().any(|condition| condition.type_ == "Ready" && condition.reason == "Held")
        })
    }
}
