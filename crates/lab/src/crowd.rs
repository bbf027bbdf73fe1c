//! Many routes in one account, and what they cost in calls.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use jiff::Timestamp;
use weir_sim::aws::RuleAction;

use crate::evidence::Call;
use crate::stage::{environment, on_virtual_time};
use crate::world::{Settings, World};

const MINUTE: Duration = Duration::from_mins(1);
const PORTS: [u16; 3] = [443, 8443, 9443];

/// So many balancers with three listeners each, and routes that are spread over them, each with a rule of its own.
struct Crowd {
    balancers: usize,
    routes: usize,
    /// Whether each route has environments of its own, or shares those of its balancer.
    own_environments: bool,
}

impl Crowd {
    /// The number in the names of a route's environments.
    fn environments_of(&self, route: usize) -> usize {
        if self.own_environments { route } else { route % self.balancers }
    }

    fn place(&self, route: usize) -> (usize, u16, usize) {
        let balancer = route % self.balancers;
        let within = route / self.balancers;
        (balancer, PORTS[within % PORTS.len()], 1 + within / PORTS.len())
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
            .unwrap();
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

    /// A world in which all of it is there, the rules made and marked in an earlier life of Weir, and no controller.
    async fn furnish(&self, settings: Settings) -> World {
        let mut world = World::new(settings);
        let stage = self.stage();
        world.furnish(&stage, 2).unwrap();
        for route in 0..self.routes {
            let (balancer, port, priority) = self.place(route);
            let listener = world.account().listener_arn(&format!("lb-{balancer}"), port);
            let host = format!("r{route}.shop.test");
            let live = RuleAction::forward(&[(&format!("b{}", self.environments_of(route)), 100)]);
            let priority = u32::try_from(priority).unwrap();
            let rule = world.aws().add_rule(&listener, priority, (&[&host], &[]), &live).unwrap();
            let marks = [("weir.dev/owner", "lab"), ("weir.dev/route", &format!("shop/r{route}"))];
            world.aws().add_tags(&rule, &marks).unwrap();
        }
        world.run_for(2 * MINUTE).await;
        world.apply(&stage).unwrap();
        for route in 0..self.routes {
            world.apply(&self.route(route)).unwrap();
        }
        world
    }

    fn is_settled(&self, world: &World) -> bool {
        (0..self.routes).all(|route| {
            let route = world.route(&format!("r{route}")).and_then(|route| route.status).unwrap_or_default();
            route.conditions.iter().any(|condition| condition.type_ == "Ready" && condition.reason == "Held")
        })
    }
}

fn by_operation(calls: &[Call]) -> BTreeMap<&str, usize> {
    calls.iter().fold(BTreeMap::new(), |mut counts, call| {
        *counts.entry(call.operation.as_str()).or_default() += 1;
        counts
    })
}

fn since(world: &World, from: Timestamp) -> Vec<Call> {
    world.account().calls().into_iter().filter(|call| call.at > from).collect()
}

#[test]
fn a_thousand_settled_routes_cost_a_round_of_less_than_a_hundred_calls() {
    on_virtual_time(async {
        let crowd = Crowd { balancers: 20, routes: 1000, own_environments: false };
        let mut world = crowd.furnish(Settings::seeded(301)).await;
        let began = world.now();
        world.start_controller();
        let took = world.run_until(|world| crowd.is_settled(world), 5 * MINUTE).await.unwrap();
        assert!(took <= MINUTE, "{took:?}");
        let first_sight = since(&world, began);
        let tags = by_operation(&first_sight).get("DescribeTags").copied().unwrap_or(0);
        // Twenty in each call, and one more for a listener whose rules were read last.
        assert!(tags <= 55, "{tags} calls for the tags of 1000 rules");
        assert!(first_sight.len() <= 200, "{:?}", by_operation(&first_sight));
        world.run_for(2 * MINUTE).await;

        let (began, requests) = (world.now(), world.kube().request_counts());
        world.run_for(10 * MINUTE).await;
        let rounds = since(&world, began);
        assert!(rounds.len() <= 20 * 100, "{:?}", by_operation(&rounds));
        assert!(rounds.len() >= 19 * 81, "{:?}: the rounds do not come", by_operation(&rounds));
        let settled = |mut counts: BTreeMap<(String, String), u64>| {
            counts.retain(|(verb, _), _| verb != "watch" && verb != "list");
            counts
        };
        assert_eq!(settled(world.kube().request_counts()), settled(requests), "no GET, no status write, no event");
        assert!(rounds.iter().all(|call| call.code == "OK"), "nothing is throttled");
    });
}
