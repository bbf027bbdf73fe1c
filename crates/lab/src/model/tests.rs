//! The laws of `decide` and the course of whole runs, tried in the model: on random courses, and by cases as text.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use weir_api::entry_point::{ExistingBalancer, ListenerRef};
use weir_api::environment::{ExistingTargetGroup, Role, TargetGroupRef};
use weir_api::requests::{Evidence, RequestsSeen};
use weir_api::traffic_shift::{
    AllAtOnce, Capacity, KnownGood, Linear, OnChange, OnFailure, Outcome, Pause, ShiftDeletionPolicy, Step as PlanStep,
    Strategy as Moves,
};
use weir_api::weighted_route::{Backend, DriftPolicy, Entry, EntryPointRef, ListenerEntry, Pace, RouteDeletionPolicy};
use weir_api::{
    AllowedRoutes, AwsAccess, Duration, EntryPointSpec, EnvironmentSpec, Match, TrafficShiftSpec, TrafficShiftStatus,
    WeightedRouteSpec, WeightedRouteStatus, condition,
};
use weir_engine::route::DELETION_DEADLINE;
use weir_engine::share;
use weir_engine::{Cluster, Grants, Key, KindName, Reason};

use super::{Model, ModelAws, NAMESPACE};

mod cases;
mod change;
mod courses;
mod forecast;

fn start() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

fn environment(group: &str) -> EnvironmentSpec {
    let existing = ExistingTargetGroup { arn: None, name: Some(group.to_owned()) };
    let target_groups = vec![TargetGroupRef { name: "web".to_owned(), existing }];
    EnvironmentSpec { aws: None, target_groups, load_balancers: Vec::new() }
}

fn route(listener: &str, rule: Option<i32>) -> WeightedRouteSpec {
    let backend = |name: &str| Backend { environment: name.to_owned(), part: None };
    WeightedRouteSpec {
        entry: Entry::Listener(ListenerEntry {
            entry_point: EntryPointRef { name: "public".to_owned(), namespace: None },
            listener: listener.to_owned(),
            matches: rule.map(|_| Match { hosts: vec!["shop.weir.example".to_owned()], ..Match::default() }),
            priority: rule,
        }),
        backends: ["blue", "green", "red"].map(backend).to_vec(),
        weights: None,
        pace: None,
        capacity: Capacity::default(),
        drift: DriftPolicy::Alert,
        stickiness: None,
        adopt: true,
        deletion_policy: RouteDeletionPolicy::Retain,
    }
}

fn step(weight: i32, pause: Option<u32>) -> PlanStep {
    let pause = pause.map(|minutes| Pause { duration: Some(Duration::from_secs(minutes * 60)) });
    PlanStep { weight: Some(weight), pause }
}

fn steps() -> Moves {
    let steps = vec![step(5, Some(10)), step(25, Some(10)), step(50, Some(10)), step(100, None)];
    Moves { steps: Some(steps), linear: None, all_at_once: None }
}

fn shift(to: &str) -> TrafficShiftSpec {
    TrafficShiftSpec {
        routes: vec!["web".to_owned()],
        to: to.to_owned(),
        strategy: steps(),
        capacity: Capacity::default(),
        known_good: KnownGood::Immediate,
        on_failure: OnFailure::Rollback,
        on_change: OnChange::Replace,
        progress_deadline: Duration::from_secs(3_600),
        paused: false,
        evidence: Evidence::Weights,
        deletion_policy: ShiftDeletionPolicy::Hold,
    }
}

/// The one entry point, reached by a role or not.
fn entry_point(by_role: bool) -> EntryPointSpec {
    let listener = |name: &str, port| ListenerRef { name: name.to_owned(), port };
    let role_arn = by_role.then(|| "arn:aws:iam::1:role/weir".to_owned());
    EntryPointSpec {
        aws: role_arn.map(|role| AwsAccess { role_arn: Some(role), ..AwsAccess::default() }),
        existing: ExistingBalancer { arn: None, name: Some("shop".to_owned()) },
        listeners: vec![listener("http", 80), listener("other", 81)],
        allowed_routes: AllowedRoutes::default(),
    }
}

/// Roles are allowed, or none is: that is said when the process starts.
fn grant(model: &mut Model, all: bool) {
    model.grants = Arc::new(if all { Grants::everything() } else { Grants::default() });
    model.restart();
}

/// Blue carries everything on port 80; green and red stand by; no shift yet.
fn model() -> Model {
    let mut aws = ModelAws::new(&[80, 81]);
    for name in ["blue", "green", "red"] {
        aws.add_group(name, 5);
    }
    aws.forward_default(start() - minutes(60), 80, &[("blue", 1)]);
    aws.forward_default(start() - minutes(60), 81, &[("blue", 1)]);
    aws.take_changed_listeners();
    made(start(), aws)
}

/// The objects beside an account.
fn made(now: Timestamp, aws: ModelAws) -> Model {
    let mut model = Model::new(now, aws);
    model.apply_entry_point("public", entry_point(false));
    for name in ["blue", "green", "red"] {
        model.apply_environment(name, environment(name));
    }
    model.apply_route("web", route("http", None));
    model
}

/// The same with groups that nobody else uses, so that their requests can be told apart.
fn model_alone() -> Model {
    let mut model = model();
    stand_alone(&mut model);
    model
}

fn stand_alone(model: &mut Model) {
    model.aws.add_group("grey", 5);
    model.aws.forward_default(start() - minutes(60), 81, &[("grey", 1)]);
    model.aws.take_changed_listeners();
}

/// The route `web` with another spec.
fn choose(model: &mut Model, change: impl FnOnce(&mut WeightedRouteSpec)) {
    let Some(known) = model.cluster.routes.get(&Key::new(NAMESPACE, "web")) else { return };
    let mut spec = known.spec.clone();
    change(&mut spec);
    model.apply_route("web", spec);
}

fn route_status(model: &Model) -> &WeightedRouteStatus {
    &model.cluster.routes[&Key::new(NAMESPACE, "web")].status
}

fn seen(model: &Model) -> Option<&RequestsSeen> {
    model.cluster.routes[&Key::new(NAMESPACE, "web")].status.requests.as_ref()
}

fn status(model: &Model) -> &TrafficShiftStatus {
    &model.cluster.shifts[&Key::new(NAMESPACE, "shop")].status
}

fn live(model: &Model) -> Vec<(String, u16)> {
    model.aws.default_weights(80).into_iter().collect()
}

fn is(name: &str, weight: u16) -> (String, u16) {
    (name.to_owned(), weight)
}

fn ended(model: &Model, outcome: Outcome) {
    let run = status(model).run.as_ref().expect("a run has started");
    assert_eq!((run.outcome, run.ended_at.is_some()), (Some(outcome), true), "{:#?}", status(model));
    assert!(condition::holds(&status(model).conditions, condition::COMPLETE));
    assert_eq!(model.violations, Vec::<String>::new());
}

#[test]
fn the_share_is_seen_while_it_matters_and_only_then() {
    let mut model = model_alone();
    model.run_for(minutes(30));
    assert_eq!(seen(&model), None, "everything is on one group");
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(5));
    assert_eq!(seen(&model).unwrap().summary.as_deref(), Some("blue 95 %, green 5 %"));
    assert_eq!(seen(&model).unwrap().per_minute, Some(600));
    assert_eq!(seen(&model).unwrap().note, None);
    model.run_for(minutes(7));
    assert_eq!(live(&model), [is("blue", 75), is("green", 25)]);
    assert_eq!(seen(&model).unwrap().shares, [], "what was seen of the weights before says nothing of these");
    model.run_for(minutes(60));
    ended(&model, Outcome::Succeeded);
    assert_eq!(seen(&model), None);
}

#[test]
fn a_group_that_serves_others_too_has_no_share() {
    let mut model = model();
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(5));
    let seen = seen(&model).unwrap();
    assert_eq!(seen.summary.as_deref(), Some("unknown"));
    assert_eq!(
        seen.note.as_deref().unwrap(),
        "the target group of blue also serves the default action of port 81, and CloudWatch counts requests by target \
         group only; give each its own group"
    );
}

fn role(model: &Model, environment: &str) -> Role {
    let routes = &model.cluster.environments[&Key::new(NAMESPACE, environment)].status.routes;
    assert_eq!(routes.len(), 1, "{routes:?}");
    routes[0].role
}

#[test]
fn environments_say_what_they_are() {
    let mut model = model();
    model.run_for(minutes(1));
    assert_eq!([role(&model, "blue"), role(&model, "green")], [Role::Live, Role::Idle]);
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(5));
    assert_eq!([role(&model, "blue"), role(&model, "green")], [Role::Live, Role::Candidate]);
    model.run_for(minutes(60));
    assert_eq!([role(&model, "blue"), role(&model, "green")], [Role::Standby, Role::Live]);
    let blue = &model.cluster.environments[&Key::new(NAMESPACE, "blue")].status.routes[0];
    assert!(blue.full_traffic_since.is_some() && blue.full_traffic_until.is_some(), "{blue:?}");
    assert_eq!((blue.route.as_str(), blue.weight), ("shop/web", 0));
}

/// What must hold of every forward that was ever written, whatever happened.
fn judge(model: &Model) {
    assert_eq!(model.violations, Vec::<String>::new());
    for (at, _, forward, _) in &model.aws.history {
        assert!(forward.groups.values().any(|weight| *weight > 0), "all zero at {at}");
        assert!(forward.groups.len() <= 5, "too many groups at {at}");
    }
}
