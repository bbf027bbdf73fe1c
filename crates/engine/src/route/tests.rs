//! What a look at a route comes to where others have to do with its place.

use jiff::Timestamp;
use serde_json::json;

use super::stand_ins::{cluster, context, entry_point, route};
use super::*;
use crate::sight::Facts;

fn now() -> Timestamp {
    Timestamp::from_second(1_000).unwrap()
}

/// What is decided about a route; all that is asked for is known.
#[track_caller]
fn decided(cluster: &Cluster, route: &RouteObject, facts: &Facts) -> Verdict<WeightedRouteStatus> {
    let mut sight = Sight::new(now(), facts);
    let verdict = decide(&context(now()), cluster, route, &mut sight);
    verdict.unwrap_or_else(|| panic!("asks for {:?}", sight.into_asks()))
}

fn stalled(status: &WeightedRouteStatus) -> (&str, &str) {
    let stalled = find(&status.conditions, STALLED).filter(|_| holds(&status.conditions, STALLED)).unwrap();
    (&stalled.reason, &stalled.message)
}

#[test]
fn a_policy_given_while_the_route_is_refused_is_kept() {
    let mut route = route("team-a", "web", 1, json!({"match": {"hosts": ["a.example"]}}));
    let closed = cluster(entry_point(json!({})), [route.clone()]);
    route.spec.deletion_policy = RouteDeletionPolicy::Delete;
    let verdict = decided(&closed, &route, &Facts::default());
    assert_eq!(stalled(&verdict.status).0, "NotAllowed");
    assert!(!verdict.finalizer, "nothing is to be undone");
    route.status.arn = Some("rule-1000".to_owned());
    route.status.marked.clone_from(&route.status.arn);
    assert!(decided(&closed, &route, &Facts::default()).finalizer);
}
