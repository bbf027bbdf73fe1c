//! What a look at a route comes to where others have to do with its place.

use jiff::Timestamp;
use serde_json::json;

use super::stand_ins::{cluster, context, entry_point, going_back, route};
use super::*;
use crate::Arn;
use crate::fact::{Fact, Query, Reading, Rule};
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

/// A listener with these rules, just read.
fn rules(rules: Vec<Rule>) -> Facts {
    let mut facts = Facts::default();
    facts.add(Query::Rules(Arn::new("listener")), Fact::Rules(Reading::new(now(), Ok(rules))));
    facts
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

#[test]
fn no_rule_is_made_to_go_back_on_for_a_route_that_is_refused() {
    let route = route("team-a", "web", 1, json!({"match": {"hosts": ["a.example"]}}));
    let mut closed = cluster(entry_point(json!({})), [route.clone()]);
    closed.entry_points.values_mut().for_each(|entry_point| entry_point.status.arn = None);
    closed.shifts = [going_back("team-a", "web")].map(|shift| (shift.key.clone(), shift)).into();
    assert!(wanted::wanted(&closed, &route).is_some_and(|wanted| wanted.goes_back()));
    let verdict = decided(&closed, &route, &rules(Vec::new()));
    assert_eq!((stalled(&verdict.status).0, verdict.proposal), ("NotAllowed", None));
}
