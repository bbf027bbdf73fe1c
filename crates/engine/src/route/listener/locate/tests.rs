//! Which rule is whose, wherever it stands.

use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use super::*;
use crate::fact::{AwsError, Fact, Query};
use crate::object::{Cluster, RouteObject};
use crate::reader::Facts;
use crate::reason::Reason;
use crate::route::stand_ins::{cluster, context, entry_point, facts, on_listener, route, rule, settled};

fn found<'a>(route: &RouteObject, rules: &'a [Rule]) -> Result<Option<&'a Rule>, Explanation> {
    let matches = route.spec.entry.as_listener().unwrap().matches.as_ref().unwrap();
    let facts = Facts::default();
    own_rule(on_listener(route), matches, rules, &mut Reader::new(ANY_AGE, &facts)).expect("all is known")
}

#[test]
fn no_second_rule_is_made_beside_the_one_that_has_another_number() {
    let at =
        |priority: i32| route("team-a", "web", 1, json!({"match": {"hosts": ["a.example"]}, "priority": priority}));
    let rules = [rule(20, "A.example"), rule(30, "b.example")];
    assert_eq!(found(&at(20), &rules), Ok(Some(&rules[0])));
    for priority in [10, 40] {
        let reason = found(&at(priority), &rules).unwrap_err();
        assert_eq!(reason.reason, Reason::RuleElsewhere);
        assert!(reason.message.contains("for host-header A.example has the priority 20;"), "{}", reason.message);
    }
    assert_eq!(found(&at(10), &rules[1..]), Ok(None));
    // Known by its ARN, though somebody has given it another number and other hosts.
    let mut known = at(10);
    known.status.listener_rule.arn = Some("rule-30".to_owned());
    assert!(found(&known, &rules[1..]).unwrap_err().message.contains("for host-header b.example has the priority 30;"));
}

fn now() -> Timestamp {
    Timestamp::from_second(1_000).unwrap()
}

fn shared(routes: &[RouteObject]) -> Cluster {
    cluster(entry_point(json!({"namespaces": {"from": "All"}, "hosts": ["*.example"]})), routes.iter().cloned())
}

fn hosts(hosts: &[&str]) -> Value {
    json!({"match": {"hosts": hosts}})
}

/// Where the rule of a route may stand beside these, each with what its tags say of installation and route.
fn among(route: &RouteObject, others: &[RouteObject], rules: &[(Rule, (&str, &str))]) -> Result<Bounds, ReadyState> {
    let matches = route.spec.entry.as_listener().unwrap().matches.as_ref().unwrap();
    let all: Vec<Rule> = rules.iter().map(|(rule, _)| rule.clone()).collect();
    let facts = facts(now(), rules);
    let mut reader = Reader::new(now(), &facts);
    among_others(&context(now()), &shared(others), on_listener(route), matches, &all, &mut reader)
        .expect("all is known")
}

#[test]
fn a_rule_stands_behind_those_that_name_its_hosts_better() {
    let wide = route("team-a", "web", 1, json!({"match": {"hosts": ["*.shop.example"], "paths": ["/api/*"]}}));
    let theirs = route("team-b", "web", 2, hosts(&["cart.shop.example"]));
    let cart = || (rule(2_000, "cart.shop.example"), ("shop", "team-b/web"));
    let found = among(&wide, &[wide.clone(), settled(theirs, "rule-2000")], &[cart()]).unwrap();
    assert_eq!((found.after, found.before), (2_000, Bounds::NONE.before));
    // And the other way round.
    let narrow = route("team-b", "web", 2, hosts(&["cart.shop.example"]));
    let guests = settled(wide, "rule-1900");
    let found = among(&narrow, &[guests, narrow.clone()], &[(rule(1_900, "*.shop.example"), ("shop", "team-a/web"))]);
    assert_eq!(found.unwrap(), Bounds { after: 0, before: 1_900 });
}

#[test]
fn what_nobody_marked_keeps_guests_off_and_before_itself_whoever_names_a_host_better() {
    let said = |namespace: &str, host: &str| {
        let route = route(namespace, "web", 1, hosts(&[host]));
        among(&route, std::slice::from_ref(&route), &[(rule(30_000, "legacy.shop.example"), ("", ""))])
    };
    let reason = said("team-a", "legacy.shop.example").unwrap_err();
    let reason = reason.explanation();
    assert_eq!(reason.reason, Reason::Conflict);
    assert!(reason.message.contains("belongs to somebody who does not use Weir"), "{}", reason.message);
    assert_eq!(said("team-a", "*.shop.example").unwrap().after, 30_000);
    assert_eq!(said("team-a", "cart.shop.example").unwrap(), Bounds::NONE);
    assert_eq!(said("platform", "legacy.shop.example").unwrap(), Bounds::NONE, "the balancer is the platform's");
}

#[test]
fn tags_that_cannot_be_read_are_nobodys_leave() {
    let route = route("team-a", "web", 1, hosts(&["a.example"]));
    let rules = [rule(2_000, "a.example")];
    let mut facts = facts(now(), &[(rules[0].clone(), ("shop", "team-b/web"))]);
    let error =
        AwsError { kind: ErrorKind::Throttled, operation: "DescribeTags".to_owned(), message: "slow down".to_owned() };
    facts.add(Query::Tags(rules[0].arn.clone()), Fact::failed(now(), error));
    let mut reader = Reader::new(now(), &facts);
    let matches = route.spec.entry.as_listener().unwrap().matches.as_ref().unwrap();
    let cluster = shared(std::slice::from_ref(&route));
    let found = among_others(&context(now()), &cluster, on_listener(&route), matches, &rules, &mut reader).unwrap();
    assert!(matches!(found, Err(ReadyState::Working(_))), "{found:?}");
}

/// A match of few values.
fn some_match() -> impl Strategy<Value = Value> {
    let names = vec![
        "a.s.example",
        "b.s.example",
        "*.s.example",
        "?.s.example",
        "*.?.example",
        "*.t.s.example",
        "x.t.s.example",
    ];
    let hosts = subsequence(names, 1..=2);
    let paths = subsequence(vec!["/a", "/a/*", "/*", "/b*"], 0..=2);
    let headers = select(vec![json!([]), json!([{"name": "user-agent", "values": ["*"]}])]);
    (hosts, paths, headers)
        .prop_map(|(hosts, paths, headers)| json!({"match": {"hosts": hosts, "paths": paths, "headers": headers}}))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Whatever guests ask for and in whichever order they come, nobody's rule stands before one of another namespace that
    /// names a host of both better.
    #[test]
    fn no_rule_of_a_guest_takes_what_another_names_better(
        wishes in prop::collection::vec((some_match(), select(vec!["team-a", "team-b", "team-c"])), 2..8),
    ) {
        let mut routes: Vec<RouteObject> = Vec::new();
        let mut made: Vec<(Rule, String)> = Vec::new();
        for (age, (place, namespace)) in (1..).zip(wishes) {
            let route = route(namespace, &format!("r{age}"), age, place);
            routes.push(route.clone());
            let cluster = shared(&routes);
            if conflict::conflict(&cluster, on_listener(&route), false).is_some() {
                continue;
            }
            let matches = route.spec.entry.as_listener().unwrap().matches.clone().unwrap();
            let tags: Vec<_> = made.iter().map(|(rule, mark)| (rule.clone(), ("shop", mark.as_str()))).collect();
            let rules: Vec<Rule> = made.iter().map(|(rule, _)| rule.clone()).collect();
            let Ok(among) = among(&route, &routes, &tags) else { continue };
            let Ok(number) = free_priority(&cluster, on_listener(&route), &matches, &rules, among) else { continue };
            let arn = crate::Arn::new(format!("rule-{number}"));
            let rule = Rule { arn, priority: RulePriority::At(number), conditions: conditions(&matches), actions: Vec::new() };
            let last = routes.pop().unwrap();
            routes.push(settled(last, rule.arn.as_str()));
            made.push((rule, route.key.to_string()));
        }
        let host = |rule: &Rule| rule.conditions.get("host-header").cloned().unwrap_or_default();
        for (one, mark) in &made {
            for (other, _) in made.iter().filter(|(_, other)| other.split('/').next() != mark.split('/').next()) {
                for (mine, theirs) in host(one).iter().flat_map(|mine| host(other).into_iter().map(move |theirs| (mine.clone(), theirs))) {
                    prop_assert!(relate(&mine, &theirs) != Relation::Same, "{mine} of {one:?} and {theirs} of {other:?}");
                    let comes_first = one.priority < other.priority;
                    prop_assert!(relate(&mine, &theirs) != Relation::Narrower || comes_first, "{one:?} behind {other:?}");
                }
            }
        }
    }
}
