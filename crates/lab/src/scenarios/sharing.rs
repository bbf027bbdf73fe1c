//! Several teams, each in a namespace of its own, share one balancer.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use weir_api::WeightedRoute;
use weir_api::condition::{READY, STALLED, find, holds};
use weir_api::weighted_route::WeightedRouteStatus;
use weir_sim::aws::{HttpRequest, RuleAction};
use weir_sim::traffic::{Cause, TrafficSettings};

use crate::evidence::Weights;
use crate::stage::{self, BALANCER, PORT};
use crate::world::World;

use super::{MINUTE, play, told, until};

/// Long enough for everything that follows from a change to have happened.
const AFTER: Duration = Duration::from_mins(2);

/// The platform team lets namespaces with a label have hosts under `shop.test`.
pub(super) fn open(world: &World) {
    let from = json!({"from": "Selector", "selector": {"matchLabels": {"ingress": "public"}}});
    share(world, &json!({"namespaces": from, "hosts": ["*.shop.test"]}));
}

fn share(world: &World, allowed_routes: &Value) {
    world.patch("entrypoints", "public", &json!({"spec": {"allowedRoutes": allowed_routes}})).unwrap();
}

fn label(world: &World, namespace: &str, ingress: Option<&str>) {
    let patch = json!({"metadata": {"labels": {"ingress": ingress}}});
    world.kube().merge("namespaces", "", namespace, &patch).unwrap();
}

/// A namespace with a route and two environments; the shift moves the traffic to the first of them at once. `place`
/// is put into the route's listener entry.
pub(super) async fn join(world: &mut World, namespace: &str, place: &str) {
    let environments = ["v1", "v2"].map(|name| {
        let metadata = format!("metadata: {{name: {name}, namespace: {namespace}}}");
        stage::environment(name)
            .replace(&format!("metadata: {{name: {name}}}"), &metadata)
            .replace(&format!("existing: {{name: {name}}}"), &format!("existing: {{name: {namespace}-{name}}}"))
    });
    let environments = environments.concat();
    world.furnish(&environments, 4).unwrap();
    let rest = format!(
        "---
apiVersion: v1
kind: Namespace
metadata: {{name: {namespace}, labels: {{ingress: public}}}}
{environments}---
apiVersion: weir.dev/v1alpha1
kind: WeightedRoute
metadata: {{name: web, namespace: {namespace}}}
spec:
  listener: {{entryPoint: {{name: public, namespace: shop}}, listener: https, {place}}}
  backends: [{{environment: v1}}, {{environment: v2}}]
---
apiVersion: weir.dev/v1alpha1
kind: TrafficShift
metadata: {{name: web, namespace: {namespace}}}
spec: {{routes: [web], to: v1, strategy: {{steps: [{{weight: 50, pause: {{duration: 5m}}}}, {{weight: 100}}]}}}}
"
    );
    world.apply(&rest).unwrap();
    world.run_for(AFTER).await;
}

pub(super) fn host(name: &str) -> String {
    format!("match: {{hosts: [{name}.shop.test]}}")
}

pub(super) fn route(world: &World, namespace: &str) -> WeightedRouteStatus {
    let route = world.kube().get("weightedroutes", namespace, "web").expect("the route is there");
    let route: WeightedRoute = WeightedRoute::deserialize(&*route).expect("it is well formed");
    route.status.unwrap_or_default()
}

/// The reason and message of a route that stands still.
#[track_caller]
fn stalled(world: &World, namespace: &str, reason: &str) -> String {
    let status = route(world, namespace);
    let stalled = find(&status.conditions, STALLED).expect("it was looked at");
    assert!(holds(&status.conditions, STALLED) && stalled.reason == reason, "{status:#?}\n{}", told(world));
    stalled.message.to_string()
}

#[track_caller]
fn ready(world: &World, namespace: &str) {
    let status = route(world, namespace);
    assert!(holds(&status.conditions, READY), "{status:#?}\n{}", told(world));
}

/// What is live on a team's rule.
pub(super) fn weights(world: &World, namespace: &str) -> Weights {
    let priority = route(world, namespace).listener_rule.priority.and_then(|priority| u32::try_from(priority).ok());
    priority.map(|priority| world.account().rule_weights(BALANCER, PORT, priority)).unwrap_or_default()
}

fn all_on(group: &str) -> Weights {
    stage::weights(&[(group, 100)])
}

async fn delete_rule(world: &World, priority: i32) {
    let arn = world.account().rule_arn(BALANCER, PORT, u32::try_from(priority).unwrap()).expect("the rule is there");
    world.account().call("DeleteRule", &[("RuleArn".to_owned(), arn)]).await.unwrap();
}

/// To which group a request for a host goes.
pub(super) async fn answered_by(world: &mut World, request: HttpRequest) -> Result<String, Cause> {
    let settings = TrafficSettings { request, ..TrafficSettings::to(BALANCER, PORT, "any.test") };
    let mut traffic = world.traffic(settings);
    world.run_for(Duration::from_secs(5)).await;
    traffic.advance_to(world.now());
    match traffic.by_group().into_keys().next() {
        Some(group) => Ok(group),
        None => Err(traffic.failures().into_keys().next().expect("something became of it").1),
    }
}

#[test]
fn the_older_of_two_teams_has_the_host_and_the_younger_takes_over() {
    play(401, async |world| {
        open(world);
        join(world, "cart", &host("cart")).await;
        join(world, "search", &host("search")).await;
        join(world, "hunt", &host("Search")).await;
        for team in ["cart", "search"] {
            ready(world, team);
            assert_eq!(weights(world, team), all_on(&format!("{team}-v1")));
            let group = answered_by(world, HttpRequest::get(format!("{team}.shop.test"), "/")).await;
            assert_eq!(group, Ok(format!("{team}-v1")));
        }
        assert_ne!(route(world, "cart").listener_rule.priority, route(world, "search").listener_rule.priority);
        let said = stalled(world, "hunt", "Conflict");
        assert!(
            said.contains(
                "the host Search.shop.test belongs to the namespace search by the older WeightedRoute search/web"
            ),
            "{said}"
        );
        assert_eq!(route(world, "hunt").listener_rule.priority, None, "nothing was set out on");

        let priority = route(world, "search").listener_rule.priority.unwrap();
        delete_rule(world, priority).await;
        for resource in ["trafficshifts", "weightedroutes"] {
            world.kube().delete(resource, "search", "web").unwrap();
        }
        let took_over = |world: &World| weights(world, "hunt") == all_on("hunt-v1");
        until(world, "the younger one takes over", took_over, 5 * MINUTE).await;
    });
}

#[test]
fn what_is_live_is_held_when_it_is_not_allowed_any_more() {
    play(402, async |world| {
        open(world);
        join(world, "cart", &host("cart")).await;
        let to_v2 = json!({"spec": {"to": "v2"}});
        world.kube().merge("trafficshifts", "cart", "web", &to_v2).unwrap();
        let half = stage::weights(&[("cart-v1", 50), ("cart-v2", 50)]);
        until(world, "half is live", |world| weights(world, "cart") == half, 5 * MINUTE).await;
        world.run_for(Duration::from_secs(30)).await;

        label(world, "cart", None);
        world.run_for(20 * MINUTE).await;
        let said = stalled(world, "cart", "NotAllowed");
        assert!(said.contains("does not select the namespace cart"), "{said}");
        let rule = u32::try_from(route(world, "cart").listener_rule.priority.expect("it is kept")).unwrap();
        assert_eq!(world.account().rule_weights(BALANCER, PORT, rule), half, "held where it was");

        // Traffic may always go back.
        let abort = json!({"metadata": {"annotations": {"weir.dev/command": "abort/1"}}});
        world.kube().merge("trafficshifts", "cart", "web", &abort).unwrap();
        let back = |world: &World| world.account().rule_weights(BALANCER, PORT, rule).get("cart-v2") == Some(&0);
        until(world, "it went back", back, 5 * MINUTE).await;
        world.run_for(AFTER).await;
        stalled(world, "cart", "NotAllowed");
        label(world, "cart", Some("public"));
        world.run_for(AFTER).await;
        ready(world, "cart");
    });
}

#[test]
fn hosts_outside_and_the_default_action_are_refused() {
    play(403, async |world| {
        open(world);
        join(world, "cart", "match: {hosts: [cart.elsewhere.test]}").await;
        let said = stalled(world, "cart", "NotAllowed");
        assert!(said.contains("found the host cart.elsewhere.test; expected hosts under *.shop.test"), "{said}");
        join(world, "search", "match: {paths: [/search/*]}").await;
        assert!(stalled(world, "search", "NotAllowed").contains("must say for which hosts it is"));
        share(world, &json!({"namespaces": {"from": "Same", "selector": null}}));
        world.run_for(AFTER).await;
        assert!(stalled(world, "cart", "NotAllowed").contains("takes routes of its own namespace shop only"));
        assert!(world.account().calls().iter().all(|call| call.operation != "CreateRule"), "nothing was made");
    });
}

#[test]
fn a_full_balancer_is_told_and_waited_for() {
    play(404, async |world| {
        open(world);
        let listener = world.account().listener_arn(BALANCER, PORT);
        for number in 1..=100 {
            let host = format!("h{number}.shop.test");
            world.aws().add_rule(&listener, number, (&[&host], &[]), &RuleAction::FixedResponse(404)).unwrap();
        }
        world.run_for(AFTER).await;
        join(world, "cart", &host("cart")).await;
        let said = stalled(world, "cart", "Quota");
        assert!(said.contains("The maximum number of rules on load balancer"), "{said}");
        assert!(said.contains("have the quota of the account raised"), "{said}");
        let rules = world.entry_point("public").and_then(|entry| entry.status).and_then(|status| status.rules).unwrap();
        assert_eq!(rules.used, 100);
        delete_rule(world, 7).await;
        until(world, "there is room", |world| weights(world, "cart") == all_on("cart-v1"), 10 * MINUTE).await;
    });
}

#[test]
fn chosen_priorities_stay_put() {
    play(405, async |world| {
        open(world);
        join(world, "wide", "match: {hosts: ['*.shop.test']}").await;
        join(world, "exact", &host("exact")).await;
        join(world, "deep", "match: {hosts: [deep.shop.test], paths: [/api/*]}").await;
        let chosen =
            |world: &World| ["deep", "exact", "wide"].map(|team| route(world, team).listener_rule.priority.unwrap());
        let before = chosen(world);
        assert!(before.windows(2).all(|pair| pair[0] < pair[1]), "more specific ones come first: {before:?}");
        let exact = answered_by(world, HttpRequest::get("exact.shop.test", "/")).await;
        assert_eq!(exact, Ok("exact-v1".to_owned()));

        world.lose_statuses();
        world.run_for(AFTER).await;
        assert_eq!(chosen(world), before, "found again by what they are for");
        delete_rule(world, before[1]).await;
        for resource in ["trafficshifts", "weightedroutes"] {
            world.kube().delete(resource, "exact", "web").unwrap();
        }
        world.run_for(AFTER).await;
        join(world, "late", &host("late")).await;
        let [deep, _, wide] = before;
        let now = ["deep", "late", "wide"].map(|team| route(world, team).listener_rule.priority.unwrap());
        assert_eq!(now, [deep, before[1], wide], "the free number is used again, the others stay");
    });
}

#[test]
fn every_condition_reaches_the_balancer() {
    play(406, async |world| {
        open(world);
        let place = "match: {hosts: [cart.shop.test], headers: [{name: X-Canary, values: ['yes']}], methods: [POST], \
                     queryStrings: [{key: beta, value: 'on'}], sourceIps: [10.0.0.0/8]}";
        join(world, "cart", place).await;
        ready(world, "cart");
        let pair = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
        let meant = HttpRequest {
            method: "POST".to_owned(),
            headers: pair("x-canary", "yes"),
            query: pair("beta", "on"),
            source: [10, 0, 0, 9].into(),
            ..HttpRequest::get("cart.shop.test", "/")
        };
        assert_eq!(answered_by(world, meant.clone()).await, Ok("cart-v1".to_owned()));
        let others = [
            HttpRequest { method: "GET".to_owned(), ..meant.clone() },
            HttpRequest { headers: Vec::new(), ..meant.clone() },
            HttpRequest { query: pair("beta", "off"), ..meant.clone() },
            HttpRequest { source: [11, 0, 0, 9].into(), ..meant },
        ];
        for other in others {
            assert_eq!(answered_by(world, other.clone()).await, Ok("blue".to_owned()), "{other:?}");
        }
        world.lose_statuses();
        world.run_for(AFTER).await;
        ready(world, "cart");
    });
}
