//! Each thing that the guard must not let through, and what it must.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use weir_api::traffic_shift::Run;
use weir_api::weighted_route::RouteDeletionPolicy;

use super::{Recorded, Violation, guard};
use crate::Arn;
use crate::fact::{Action, ActionKind, Conditions, Fact, Forward, Health, Query, Rule, RulePriority, Tags};
use crate::object::{RouteObject, ShiftObject};
use crate::reader::Facts;
use crate::route::stand_ins;
use crate::write::{BEFORE_TAG, ListenerWrite, OWNER_TAG, ROUTE_TAG, TagWrite, Write};

mod records;
mod table;

type Weights<'a> = &'a [(&'a str, u16)];

fn began() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

fn arn(name: &str) -> Arn {
    Arn::new(name)
}

fn forward(weights: Weights<'_>) -> Forward {
    Forward { groups: weights.iter().map(|(name, weight)| (arn(name), *weight)).collect(), sticky_seconds: None }
}

fn action(kind: ActionKind) -> Action {
    Action { order: None, kind }
}

fn forwarding(weights: Weights<'_>) -> Vec<Action> {
    vec![action(ActionKind::Forward(forward(weights)))]
}

fn kept(kind: &str) -> Action {
    action(ActionKind::Kept { kind: kind.to_owned(), settings: BTreeMap::new() })
}

fn marks() -> Tags {
    Tags::from_iter([(OWNER_TAG.to_owned(), "me".to_owned()), (ROUTE_TAG.to_owned(), "shop/web".to_owned())])
}

fn remembering(text: &str) -> Tags {
    marks().into_iter().chain([(BEFORE_TAG.to_owned(), text.to_owned())]).collect()
}

fn environments(weights: Weights<'_>) -> Value {
    weights.iter().map(|(name, weight)| json!({"environment": name, "weight": weight})).collect()
}

/// A listener `l` with a default action, marked as that of the route `shop/web` and on record as its place, read just now,
/// with healthy targets by group. Environments and their groups have the same names.
struct Scene {
    actions: Vec<Action>,
    tags: Tags,
    healthy: Vec<(&'static str, u32)>,
    age: SignedDuration,
    route: RouteObject,
    shift: Option<ShiftObject>,
}

impl Scene {
    fn live(weights: Weights<'_>) -> Self {
        let route = stand_ins::settled(stand_ins::route("shop", "web", 0, Value::Null), "l");
        let mut scene = Self {
            actions: forwarding(weights),
            tags: marks(),
            healthy: vec![("green", 5)],
            age: SignedDuration::ZERO,
            route,
            shift: None,
        };
        scene.route.status.listener_rule.listener = Some("l".to_owned());
        scene
    }

    fn healthy(mut self, healthy: &[(&'static str, u32)]) -> Self {
        self.healthy = healthy.to_vec();
        self
    }

    fn tagged(mut self, tags: Tags) -> Self {
        self.tags = tags;
        self
    }

    fn adopting(mut self) -> Self {
        self.route.spec.adopt = true;
        self
    }

    /// With an intent on record: these weights, and more.
    fn intent(mut self, weights: Weights<'_>, more: Value) -> Self {
        let members: Value =
            weights.iter().map(|(name, _)| json!({"environment": name, "targetGroups": [name]})).collect();
        let mut intent = json!({"since": began(), "weights": environments(weights), "members": members});
        for (field, value) in more.as_object().into_iter().flatten() {
            intent[field] = value.clone();
        }
        self.route.status.intent = Some(serde_json::from_value(intent).unwrap());
        self
    }

    /// In a run to green that wants these weights, of which five targets were healthy when it began.
    fn run(self, weights: Weights<'_>, more: Value) -> Self {
        let mut scene = self.intent(weights, json!({"shift": "web", "uid": "uid-shop/web", "run": 1, "seq": 2}));
        let mut shift = stand_ins::going_back("shop", "web");
        let run = shift.status.run.as_mut().unwrap();
        (run.rollback, run.routes[0].baseline) = (None, 5);
        run.routes[0].weights = serde_json::from_value(environments(weights)).unwrap();
        let mut value = serde_json::to_value(&*run).unwrap();
        for (field, more) in more.as_object().into_iter().flatten() {
            value[field] = more.clone();
        }
        *run = serde_json::from_value(value).unwrap();
        scene.shift = Some(shift);
        scene
    }

    fn forwards(self, weights: Weights<'_>) -> Self {
        self.run(weights, json!({}))
    }

    fn goes_back(self, weights: Weights<'_>) -> Self {
        self.run(weights, json!({"rollback": {"reason": "Aborted", "message": "", "since": began()}}))
    }

    fn reasserted(self, weights: Weights<'_>) -> Self {
        self.run(weights, json!({"reassertedSeq": 2}))
    }

    /// On its way to weights of the spec, from others that were live before.
    fn chosen(self, weights: Weights<'_>, from: Weights<'_>) -> Self {
        let follow = json!({"generation": 1, "goal": environments(weights), "from": environments(from)});
        let mut scene = self.intent(weights, json!({"baseline": 10, "follow": follow}));
        let spec = weights.iter().map(|(name, weight)| ((*name).to_owned(), i32::from(*weight)));
        scene.route.spec.weights = Some(spec.collect());
        scene
    }

    fn leaving(mut self, policy: RouteDeletionPolicy, before: Value) -> Self {
        self.route.deleted = Some(began());
        self.route.spec.deletion_policy = policy;
        self.route.status.listener_rule.before = serde_json::from_value(before).unwrap();
        self
    }

    /// The route is being deleted and shall put these weights back.
    fn restoring(self, weights: Weights<'_>) -> Self {
        let groups: Value = weights.iter().map(|(name, weight)| json!({"arn": name, "weight": weight})).collect();
        self.leaving(RouteDeletionPolicy::Restore, json!({"forward": {"groups": groups}}))
    }

    fn recorded(&self) -> Recorded<'_> {
        Recorded { owner: "me", route: &self.route, shift: self.shift.as_ref() }
    }

    fn facts(&self) -> Facts {
        let at = began() - self.age;
        let mut facts = Facts::default();
        let rule = |name, priority| Rule {
            arn: arn(name),
            priority,
            conditions: Conditions::new(),
            actions: self.actions.clone(),
        };
        let rules = vec![rule("l/default", RulePriority::Default), rule("l/7", RulePriority::At(7))];
        facts.add(Query::Rules(arn("l")), Fact::new(at, Ok(rules)));
        for resource in ["l", "l/7", "l/default"] {
            facts.add(Query::Tags(arn(resource)), Fact::new(at, Ok(self.tags.clone())));
        }
        for (group, healthy) in &self.healthy {
            let health = Health { healthy: *healthy, ..Health::default() };
            facts.add(Query::Health(arn(group)), Fact::new(at, Ok(health)));
        }
        facts
    }

    fn judge(&self, write: &Write) -> Result<(), Violation> {
        let judged = guard((began(), began()), write, Some(self.recorded()), &self.facts());
        judged.map(|permit| assert_eq!(permit.write(), write))
    }

    fn writes(&self, weights: Weights<'_>) -> Result<(), Violation> {
        self.judge(&set(forwarding(weights)))
    }
}

fn set(actions: Vec<Action>) -> Write {
    Write::Listener(ListenerWrite::SetDefaultActions { listener: arn("l"), actions })
}

fn against(found: Result<(), Violation>, group: &str) {
    assert_eq!(found, Err(Violation::Direction { group: arn(group) }));
}

#[test]
fn lets_a_step_with_capacity_through() {
    let to = [("blue", 75), ("green", 25)];
    Scene::live(&[("blue", 95), ("green", 5)]).forwards(&to).writes(&to).unwrap();
    let attached = [("blue", 1), ("green", 0)];
    Scene::live(&[("blue", 1)]).forwards(&attached).writes(&attached).unwrap();
    Scene::live(&[("blue", 50), ("green", 50)]).goes_back(&attached).writes(&attached).unwrap();
}

#[test]
fn a_run_goes_one_way() {
    let live = || Scene::live(&[("blue", 50), ("green", 50)]);
    let (less, more) = ([("blue", 60), ("green", 40)], [("blue", 40), ("green", 60)]);
    against(live().forwards(&less).writes(&less), "blue");
    against(live().goes_back(&more).writes(&more), "green");
}

#[test]
fn a_loser_may_gain_what_rounding_gives_it_and_no_more() {
    let write = |weights: Weights<'_>| Scene::live(&[("blue", 852), ("red", 148)]).forwards(weights).writes(weights);
    write(&[("blue", 84), ("green", 1), ("red", 15)]).unwrap();
    against(write(&[("blue", 83), ("green", 1), ("red", 16)]), "red");
}

#[test]
fn only_the_weights_on_record_are_written() {
    let live = Scene::live(&[("blue", 95), ("green", 5)]);
    let (recorded, written) = ([("blue", 75), ("green", 25)], [("blue", 74), ("green", 26)]);
    let scene = live.healthy(&[("blue", 9), ("green", 9)]).forwards(&recorded);
    scene.writes(&recorded).unwrap();
    let found = scene.writes(&written);
    let Err(Violation::Unrecorded { written, recorded }) = found else { panic!("{found:?}") };
    assert_eq!((written.as_str(), recorded.as_str()), ("blue 74, green 26", "blue 75, green 25"));
    // The same shares by other numbers would not be recognised as what is on record.
    assert!(matches!(scene.writes(&[("blue", 3), ("green", 1)]), Err(Violation::Unrecorded { .. })));
}

fn run(scene: &mut Scene) -> &mut Run {
    scene.shift.as_mut().unwrap().status.run.as_mut().unwrap()
}

#[test]
fn the_run_on_record_must_be_under_way_and_want_just_this() {
    let to = [("blue", 75), ("green", 25)];
    let scene = || Scene::live(&[("blue", 95), ("green", 5)]).forwards(&to);
    scene().writes(&to).unwrap();
    let unrecorded = |scene: Scene| assert!(matches!(scene.writes(&to), Err(Violation::Unrecorded { .. })));
    let altered = |alter: fn(&mut Scene)| {
        let mut scene = scene();
        alter(&mut scene);
        unrecorded(scene);
    };
    altered(|scene| scene.shift = None);
    altered(|scene| scene.shift.as_mut().unwrap().uid = "another".into());
    altered(|scene| run(scene).seq = 3);
    altered(|scene| run(scene).ended_at = Some(began()));
    altered(|scene| run(scene).to = "red".to_owned());
    altered(|scene| run(scene).routes.clear());
    altered(|scene| scene.route.spec.weights = Some([("blue".to_owned(), 1)].into()));
}

#[test]
fn what_a_user_reasserts_needs_capacity_on_every_side_that_gains() {
    let write = |weights: Weights<'_>| {
        let live = Scene::live(&[("red", 1)]).healthy(&[("blue", 4), ("green", 5)]);
        live.reasserted(weights).writes(weights)
    };
    write(&[("blue", 75), ("green", 25)]).unwrap();
    let found = write(&[("blue", 95), ("green", 5)]);
    assert!(matches!(found, Err(Violation::Capacity { needed: 5, .. })), "{found:?}");
}

#[test]
fn weights_chosen_by_the_user_need_capacity_for_every_group_that_gains() {
    let write = |weights: Weights<'_>, healthy: &[(&'static str, u32)]| {
        Scene::live(&[("blue", 100)]).healthy(healthy).chosen(weights, &[("blue", 100)]).writes(weights)
    };
    let three = [("blue", 50), ("green", 20), ("red", 30)];
    write(&three, &[("green", 2), ("red", 3)]).unwrap();
    let found = write(&[("blue", 49), ("green", 21), ("red", 30)], &[("green", 2), ("red", 3)]);
    assert!(matches!(found, Err(Violation::Capacity { needed: 3, .. })), "{found:?}");
    assert!(write(&three, &[("green", 2)]).is_err());
    let mut other = Scene::live(&[("blue", 100)]).healthy(&[("green", 2), ("red", 3)]).chosen(&three, &[]);
    other.route.spec.weights.as_mut().unwrap().insert("red".to_owned(), 31);
    let found = other.writes(&three);
    assert!(matches!(found, Err(Violation::Unrecorded { .. })), "the spec says others now: {found:?}");
}

#[test]
fn a_return_goes_to_the_side_with_more_that_is_known_to_be_healthy() {
    let scene = |blue, green| Scene::live(&[("blue", 20), ("green", 80)]).healthy(&[("blue", blue), ("green", green)]);
    let to = |scene: Scene, weights: Weights<'_>| scene.chosen(weights, &[("blue", 100)]).writes(weights);
    let all = [("blue", 100), ("green", 0)];
    to(scene(10, 10), &all).unwrap();
    to(scene(3, 0), &all).unwrap();
    to(scene(0, 0), &all).unwrap();
    assert!(matches!(to(scene(9, 10), &all), Err(Violation::Capacity { .. })));
    to(scene(9, 10), &[("blue", 90), ("green", 10)]).unwrap();
    to(scene(3, 2), &[("blue", 60), ("green", 40)]).unwrap();
    assert!(to(scene(3, 2), &[("blue", 61), ("green", 39)]).is_err());
    let unasked = Scene::live(&[("blue", 20), ("green", 80)]).healthy(&[("blue", 3)]);
    assert!(to(unasked, &all).is_err(), "the other side was not looked at");
    let beyond = scene(3, 0).chosen(&all, &[("blue", 50), ("green", 50)]);
    assert!(beyond.writes(&all).is_err(), "more than it had before is no return");
}

#[test]
fn a_correction_is_a_return_where_it_was_live_before() {
    let all = [("blue", 100), ("green", 0)];
    let correction = |was_live: Value| {
        let correction = json!({"since": began(), "wasLiveAt": was_live});
        let scene = Scene::live(&[("blue", 20), ("green", 80)]).healthy(&[("blue", 3), ("green", 0)]);
        scene.intent(&all, json!({"baseline": 10, "correction": correction})).writes(&all)
    };
    correction(json!(began())).unwrap();
    assert!(matches!(correction(Value::Null), Err(Violation::Capacity { .. })));
}

#[test]
fn only_what_carries_our_mark_is_written() {
    let others =
        Tags::from_iter([(OWNER_TAG.to_owned(), "you".to_owned()), (ROUTE_TAG.to_owned(), "shop/web".to_owned())]);
    let attached = [("blue", 1), ("green", 0)];
    for tags in [Tags::new(), others.clone()] {
        let found = Scene::live(&[("blue", 1)]).forwards(&attached).tagged(tags).writes(&attached);
        assert!(matches!(found, Err(Violation::NotOurs { .. })), "{found:?}");
    }
    let mark = Write::Tags(TagWrite::Add { resource: arn("l"), tags: marks() });
    let unmarked = |tags| Scene::live(&[("blue", 1)]).tagged(tags);
    unmarked(Tags::new()).adopting().judge(&mark).unwrap();
    assert!(unmarked(Tags::new()).judge(&mark).is_err());
    assert!(unmarked(others).adopting().judge(&mark).is_err(), "another installation's is never adopted");
}

#[test]
fn actions_of_others_survive() {
    let attached = [("blue", 1), ("green", 0)];
    let mut scene = Scene::live(&[]).forwards(&attached);
    scene.actions = vec![kept("authenticate-oidc"), forwarding(&[("blue", 1)]).remove(0)];
    let lost = scene.writes(&attached);
    assert!(matches!(lost, Err(Violation::OtherActions(_))), "{lost:?}");
    scene.judge(&set(vec![kept("authenticate-oidc"), forwarding(&attached).remove(0)])).unwrap();
}

#[test]
fn a_fixed_response_gives_way_only_where_it_answers_everything() {
    let all = [("green", 100)];
    let mut scene = Scene::live(&[]).forwards(&all);
    for kind in ["fixed-response", "redirect"] {
        scene.actions = vec![kept(kind)];
        scene.writes(&all).unwrap();
    }
    scene.actions = vec![kept("fixed-response"), forwarding(&[("blue", 1)]).remove(0)];
    let found = scene.writes(&all);
    assert!(matches!(found, Err(Violation::OtherActions(_))), "{found:?}");
}

#[test]
fn what_was_there_before_takes_over_only_with_healthy_capacity() {
    let restore = |live: Weights<'_>, healthy: &[(&'static str, u32)]| {
        Scene::live(live).healthy(healthy).restoring(&[("blue", 100)]).writes(&[("blue", 100)])
    };
    let live = [("green", 100), ("blue", 0)];
    restore(&live, &[("green", 5), ("blue", 5)]).unwrap();
    for healthy in [&[("green", 5), ("blue", 4)][..], &[("green", 5)], &[("blue", 5)], &[("green", 0), ("blue", 0)]] {
        let found = restore(&live, healthy);
        assert!(matches!(found, Err(Violation::Capacity { .. })), "{healthy:?}: {found:?}");
    }
    // In the middle of a run both sides together have more than the traffic needs.
    restore(&[("green", 25), ("blue", 75)], &[("green", 5), ("blue", 5)]).unwrap();
    let scene = Scene::live(&live).healthy(&[("green", 5), ("blue", 5), ("red", 5)]).restoring(&[("blue", 100)]);
    assert!(scene.writes(&[("red", 100)]).is_err(), "something else was there before");
}

#[test]
fn a_fixed_response_comes_back_in_a_restoration_only() {
    let response = json!({"fixedResponse": {}});
    let scene = || Scene::live(&[("green", 100)]);
    let write = set(vec![kept("fixed-response")]);
    scene().leaving(RouteDeletionPolicy::Restore, response.clone()).judge(&write).unwrap();
    assert!(scene().leaving(RouteDeletionPolicy::Retain, response).judge(&write).is_err());
    assert!(
        scene()
            .leaving(RouteDeletionPolicy::Restore, json!({"fixedResponse": {"StatusCode": "404"}}))
            .judge(&write)
            .is_err()
    );
    assert!(scene().judge(&write).is_err());
}

#[test]
fn marks_are_given_up_only_by_the_route_that_leaves_and_has_them() {
    let unmark = |keys: &[&str]| {
        Write::Tags(TagWrite::Remove {
            resource: arn("l"),
            keys: keys.iter().map(|key| (*key).to_owned()).collect::<BTreeSet<_>>(),
        })
    };
    let ours = [OWNER_TAG, ROUTE_TAG];
    let scene = || Scene::live(&[("green", 100)]).leaving(RouteDeletionPolicy::Restore, json!({}));
    scene().judge(&unmark(&ours)).unwrap();
    let found = scene().judge(&unmark(&[OWNER_TAG, "team"]));
    assert!(matches!(found, Err(Violation::GivenUp { .. })), "{found:?}");
    assert!(matches!(scene().tagged(Tags::new()).judge(&unmark(&ours)), Err(Violation::NotOurs { .. })));
    let old = Scene { age: SignedDuration::from_secs(11), ..scene() };
    assert!(matches!(old.judge(&unmark(&ours)), Err(Violation::Stale(_))));
}

#[test]
fn a_rule_is_deleted_only_where_its_policy_says_so() {
    let delete = |policy, before, rule: &str| {
        let mut scene = Scene::live(&[("green", 100)]).leaving(policy, before);
        scene.route.status.listener_rule.arn = Some(rule.to_owned());
        scene.judge(&Write::Listener(ListenerWrite::DeleteRule { listener: arn("l"), rule: arn(rule) }))
    };
    let blue = json!({"forward": {"groups": [{"arn": "blue", "weight": 1}]}});
    delete(RouteDeletionPolicy::Delete, blue.clone(), "l/7").unwrap();
    delete(RouteDeletionPolicy::Restore, json!({}), "l/7").unwrap();
    for (policy, before) in [(RouteDeletionPolicy::Retain, json!({})), (RouteDeletionPolicy::Restore, blue)] {
        let found = delete(policy, before, "l/7");
        assert!(matches!(found, Err(Violation::GivenUp { .. })), "{policy:?}: {found:?}");
    }
    let found = delete(RouteDeletionPolicy::Delete, json!({}), "l/default");
    assert!(matches!(found, Err(Violation::GivenUp { .. })), "a default action is not deleted: {found:?}");
}

#[test]
fn what_was_there_before_is_remembered_once() {
    let scene = Scene::live(&[("green", 100)]).tagged(remembering("nothing+."));
    let add = |tags| Write::Tags(TagWrite::Add { resource: arn("l"), tags });
    scene.judge(&add(remembering("nothing+."))).unwrap();
    let mut longer = remembering("nothing+.");
    longer.insert(format!("{BEFORE_TAG}-2"), "blue=1+.".to_owned());
    for tags in [remembering("forward+0+blue=1+."), longer] {
        let found = scene.judge(&add(tags));
        assert!(matches!(found, Err(Violation::Forgotten { .. })), "{found:?}");
    }
}
