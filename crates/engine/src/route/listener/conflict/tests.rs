//! Who has its place keeps it; else the oldest route has what several want.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::reason::Reason;

use super::*;
use crate::route::stand_ins::{cluster, entry_point, on_listener, route};

fn shared(routes: impl IntoIterator<Item = RouteObject>) -> Cluster {
    cluster(entry_point(json!({"namespaces": {"from": "All"}, "hosts": ["*"]})), routes)
}

/// What a route is told; nothing where it has what it wants.
fn told(cluster: &Cluster, namespace: &str, name: &str) -> Option<String> {
    let route = on_listener(cluster.routes.get(&Key::new(namespace, name)).unwrap());
    conflict(cluster, route, is_settled(cluster, route)).map(|reason| {
        assert_eq!(reason.reason, Reason::Conflict);
        reason.message.into()
    })
}

#[track_caller]
fn contest(older: Value, younger: Value, expected: Option<&str>) {
    let cluster = shared([route("team-a", "older", 1, older), route("team-b", "younger", 2, younger)]);
    assert_eq!(told(&cluster, "team-a", "older"), None, "the older one has it");
    let said = told(&cluster, "team-b", "younger");
    match expected {
        None => assert_eq!(said, None),
        Some(expected) => {
            let said = said.expect("the younger one waits");
            assert!(said.contains(expected), "{said}");
            assert!(said.contains("the older WeightedRoute team-a/older"), "{said}");
        }
    }
}

#[test]
fn a_host_belongs_to_the_namespace_that_named_it_first() {
    let host = |host: &str, path: &str| json!({"match": {"hosts": [host], "paths": [path]}});
    let belongs = "the host API.shop.example belongs to the namespace team-a";
    contest(host("api.shop.example", "/a"), host("API.shop.example", "/b"), Some(belongs));
    contest(host("api.shop.example", "/a"), host("web.shop.example", "/a"), None);
    contest(host("*.shop.example", "/a"), host("api.shop.example", "/a"), None);
    contest(host("api.shop.example", "/a"), host("*.shop.example", "/a"), None);
    // A pattern as wide for the same hosts is no way round; a name of its own, or one deeper, is another's.
    let is_for = |pattern: &str| format!("the host {pattern} is for hosts of *.search.shop.example, which belongs");
    for pattern in ["*?.search.shop.example", "*.?*.shop.example", "a*.search.shop.example"] {
        contest(host("*.search.shop.example", "/a"), host(pattern, "/*"), Some(&is_for(pattern)));
    }
    contest(host("*.search.shop.example", "/a"), host("*.a.search.shop.example", "/*"), None);
    contest(host("*.a.search.shop.example", "/a"), host("*.search.shop.example", "/*"), None);
    // In one namespace each may have its paths.
    let one = [("one", 1, "/a"), ("two", 2, "/b")];
    let cluster = shared(one.map(|(name, age, path)| route("team-a", name, age, host("api.shop.example", path))));
    assert_eq!(told(&cluster, "team-a", "two"), None);
}

#[test]
fn one_route_has_the_default_action_a_priority_and_a_set_of_conditions() {
    contest(Value::Null, Value::Null, Some("the default action of listener https of platform/public belongs to"));
    let at = |priority: i32, path: &str| json!({"match": {"paths": [path]}, "priority": priority});
    contest(at(10, "/a"), at(10, "/b"), Some("the rule with priority 10 of listener https of platform/public"));
    contest(at(10, "/a"), at(11, "/b"), None);
    contest(at(10, "/a"), at(11, "/a"), Some("a rule for path-pattern /a belongs to"));
    let header = |name: &str| json!({"match": {"headers": [{"name": name, "values": ["YES"]}]}});
    contest(header("X-Canary"), header("x-canary"), Some("a rule for http-header:x-canary YES"));
    contest(at(10, "/a"), Value::Null, None);
}

#[test]
fn a_number_that_was_chosen_for_an_older_route_is_its() {
    let mut older = route("team-a", "older", 1, json!({"match": {"paths": ["/a"]}}));
    older.status.listener_rule.priority = Some(1_000);
    let younger = route("team-b", "younger", 2, json!({"match": {"paths": ["/b"]}, "priority": 1_000}));
    let cluster = shared([older, younger]);
    assert!(told(&cluster, "team-b", "younger").unwrap().contains("the older WeightedRoute team-a/older"));
}

#[test]
fn one_that_may_not_be_there_keeps_nobody_off() {
    let host = json!({"match": {"hosts": ["a.example"]}});
    let allowed = json!({"namespaces": {"from": "Selector", "selector": {"matchLabels": {"team": "b"}}}});
    let routes = [route("team-a", "older", 1, host.clone()), route("team-b", "younger", 2, host)];
    let mut cluster = cluster(entry_point(allowed), routes);
    let labels = [("team".to_owned(), "b".to_owned())].into();
    cluster.namespaces.as_mut().unwrap().insert("team-b".to_owned(), labels);
    assert_eq!(told(&cluster, "team-b", "younger"), None);
}

#[test]
fn one_whose_host_belongs_to_another_keeps_nobody_of_the_owner_off() {
    let place = |path: Option<&str>| match path {
        Some(path) => json!({"match": {"hosts": ["a.example"], "paths": [path]}}),
        None => json!({"match": {"hosts": ["a.example"]}}),
    };
    let cluster = shared([
        route("team-a", "first", 1, place(Some("/a"))),
        route("team-b", "stray", 2, place(None)),
        route("team-a", "second", 3, place(None)),
    ]);
    assert_eq!(told(&cluster, "team-a", "second"), None);
    assert!(told(&cluster, "team-b", "stray").is_some());
}

#[test]
fn one_that_has_its_place_keeps_it_from_older_ones() {
    let host = |path: &str| json!({"match": {"hosts": ["a.example"], "paths": [path]}});
    let mut younger = route("team-b", "younger", 2, host("/b"));
    younger.status.listener_rule.arn = Some("rule".to_owned());
    younger.status.listener_rule.marked = Some("rule".to_owned());
    younger.status.listener_rule.listener = Some("listener".to_owned());
    let mut cluster = shared([route("team-a", "older", 1, host("/a")), younger]);
    assert_eq!(told(&cluster, "team-b", "younger"), None);
    let said = told(&cluster, "team-a", "older").unwrap();
    assert!(said.contains("by the WeightedRoute team-b/younger, which has its place already"), "{said}");
    let younger = Key::new("team-b", "younger");
    let mut settled = cluster.clone();
    // Its rule is gone: the place is where the listener is.
    cluster.routes.edit(&younger, |route| route.status.listener_rule.arn = Some("listener".to_owned()));
    assert_eq!(told(&cluster, "team-a", "older"), None);
    // Its rule is on a balancer that is not meant any more.
    settled.routes.edit(&younger, |route| route.status.listener_rule.listener = Some("former".to_owned()));
    assert_eq!(told(&settled, "team-a", "older"), None);
}

#[test]
fn another_door_to_the_same_listener_is_no_way_round() {
    let host = json!({"match": {"hosts": ["a.example"]}});
    let mut cluster = shared([route("team-a", "older", 1, host.clone()), route("team-b", "younger", 2, host)]);
    let mut door = entry_point(json!({}));
    door.key = Key::new("team-b", "mine");
    cluster.entry_points.insert(door);
    cluster.routes.edit(&Key::new("team-b", "younger"), |younger| {
        younger.spec.entry.as_listener_mut().unwrap().entry_point.name = "mine".to_owned();
        younger.spec.entry.as_listener_mut().unwrap().entry_point.namespace = None;
    });
    assert!(told(&cluster, "team-b", "younger").unwrap().contains("belongs to the namespace team-a"));
}

fn place() -> impl Strategy<Value = Value> {
    let hosts = vec!["a.example", "b.example", "C.example", "*.example", "?.example", "a*.example"];
    let hosts = prop::collection::vec(prop::sample::select(hosts), 0..3);
    let path = prop::option::of(prop::sample::select(vec!["/a", "/b"]));
    let priority = prop::option::of(1..3_i32);
    (hosts, path, priority).prop_map(|(hosts, path, priority)| {
        let paths: Vec<&str> = path.into_iter().collect();
        if hosts.is_empty() && paths.is_empty() {
            return Value::Null;
        }
        let mut place = json!({"match": {"hosts": hosts, "paths": paths}});
        if let Some(priority) = priority {
            place["priority"] = json!(priority);
        }
        place
    })
}

proptest! {
    /// No two routes win the same thing, the oldest of all always wins, and who has won does not lose because another
    /// goes that was not of its own namespace.
    #[test]
    fn there_is_one_winner_and_it_stays(
        places in prop::collection::vec((place(), 0..3_usize), 1..7),
        goes in any::<prop::sample::Index>(),
    ) {
        let namespaces = ["team-a", "team-b", "team-c"];
        let routes = places.iter().enumerate().map(|(age, (place, namespace))| {
            route(namespaces[*namespace], &format!("r{age}"), i64::try_from(age).unwrap(), place.clone())
        });
        let routes: Vec<RouteObject> = routes.collect();
        let mut cluster = shared(routes.clone());
        let wins = |cluster: &Cluster| -> Vec<RouteObject> {
            let has_won = |route: &&RouteObject| {
                let route = on_listener(route);
                conflict(cluster, route, is_settled(cluster, route)).is_none()
            };
            cluster.routes.values().filter(has_won).cloned().collect()
        };
        let winners = wins(&cluster);
        prop_assert!(winners.contains(&routes[0]));
        for (index, one) in winners.iter().enumerate() {
            for other in &winners[index + 1..] {
                let (a, b) = (one.spec.entry.as_listener().unwrap(), other.spec.entry.as_listener().unwrap());
                prop_assert!(a.matches.is_some() || b.matches.is_some(), "two default actions");
                prop_assert!(a.priority.is_none() || a.priority != b.priority, "one priority twice");
                if let (Some(one_match), Some(other_match)) = (&a.matches, &b.matches) {
                    prop_assert!(!is_same_match(one_match, other_match), "one rule twice");
                }
                let shares = hosts(on_listener(one)).any(|host| hosts(on_listener(other)).any(|theirs| relate(host, theirs) == Relation::Same));
                prop_assert!(!shares || one.key.namespace == other.key.namespace, "one host for two namespaces");
            }
        }
        let gone = goes.get(&routes);
        cluster.routes.remove(&gone.key);
        for winner in winners.iter().filter(|winner| winner.key.namespace != gone.key.namespace) {
            // A third one may have been waiting for what went, and it may be older than this winner.
            let waited = wins(&cluster).into_iter().any(|other| {
                !winners.contains(&other) && other.creation_order() < winner.creation_order()
            });
            prop_assert!(waited || conflict(&cluster, on_listener(winner), false).is_none(), "{winner:?} lost because {gone:?} went");
        }
    }
}
