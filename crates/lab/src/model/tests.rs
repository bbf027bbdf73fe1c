//! The laws of `decide` and the course of whole runs, tried in the model: by hand, and on random courses.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use weir_api::entry_point::{ExistingBalancer, ListenerRef};
use weir_api::environment::{ExistingTargetGroup, TargetGroupRef};
use weir_api::requests::{Evidence, RequestsSeen};
use weir_api::traffic_shift::{
    AllAtOnce, Capacity, KnownGood, Linear, OnChange, OnFailure, Outcome, Pause, Phase, ShiftDeletionPolicy,
    Step as PlanStep, Strategy as Moves,
};
use weir_api::weighted_route::{Backend, DriftPolicy, EntryPointRef, ListenerEntry, Pace, RouteDeletionPolicy};
use weir_api::{
    AllowedRoutes, AwsAccess, Duration, EntryPointSpec, EnvironmentSpec, Match, TrafficShiftSpec, TrafficShiftStatus,
    WeightedRouteSpec, condition,
};
use weir_engine::fact::Forward;
use weir_engine::route::DELETION_DEADLINE;
use weir_engine::share;
use weir_engine::{Cluster, Grants, Key, KindName, Reason};

use super::{Model, ModelAws, NAMESPACE};

mod cases;
mod change;
mod chosen;
mod courses;
mod drift;
mod known;
mod together;

use chosen::{choose, chosen};

fn start() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

fn environment(group: &str) -> EnvironmentSpec {
    let existing = ExistingTargetGroup { arn: None, name: Some(group.to_owned()) };
    EnvironmentSpec { aws: None, target_groups: vec![TargetGroupRef { name: "web".to_owned(), existing }] }
}

fn route(listener: &str, rule: Option<i32>) -> WeightedRouteSpec {
    let backend = |name: &str| Backend { environment: name.to_owned(), part: None };
    WeightedRouteSpec {
        listener: ListenerEntry {
            entry_point: EntryPointRef { name: "public".to_owned(), namespace: None },
            listener: listener.to_owned(),
            matches: rule.map(|_| Match { hosts: vec!["shop.weir.example".to_owned()], ..Match::default() }),
            priority: rule,
        },
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
    let mut model = Model::new(start(), aws);
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
    model.aws.add_group("grey", 5);
    model.aws.forward_default(start() - minutes(60), 81, &[("grey", 1)]);
    model.aws.take_changed_listeners();
    model
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
fn a_release_moves_step_by_step() {
    let mut model = model();
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(5));
    assert_eq!(live(&model), [is("blue", 95), is("green", 5)]);
    assert_eq!(status(&model).phase, Some(Phase::Paused));
    model.run_for(minutes(10));
    assert_eq!(live(&model), [is("blue", 75), is("green", 25)]);
    model.run_for(minutes(30));
    assert_eq!(live(&model), [is("blue", 0), is("green", 100)]);
    ended(&model, Outcome::Succeeded);
    // Marked, attached, four steps, remembered.
    assert_eq!(model.writes.len(), 7, "{:#?}", model.writes);
}

#[test]
fn a_candidate_that_breaks_is_rolled_back_in_one_write() {
    let mut model = model();
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(15));
    let writes = model.writes.len();
    model.aws.group_mut("green").well = 0;
    model.run_for(minutes(1));
    assert_eq!(live(&model), [is("blue", 1), is("green", 0)]);
    ended(&model, Outcome::RolledBack);
    assert_eq!(model.writes.len(), writes + 2, "one for the weights, one to remember");
    model.aws.group_mut("green").well = 5;
    model.run_for(minutes(120));
    assert_eq!(live(&model), [is("blue", 1), is("green", 0)], "nothing is replayed");
    model.command("shop", "retry/1");
    model.run_for(minutes(60));
    ended(&model, Outcome::Succeeded);
}

#[test]
fn a_rollback_to_a_side_that_is_too_small_goes_as_fast_as_capacity_allows() {
    let mut model = model();
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(25));
    assert_eq!(live(&model), [is("blue", 50), is("green", 50)]);
    model.aws.group_mut("blue").well = 3;
    model.aws.group_mut("green").well = 2;
    model.run_for(minutes(2));
    assert_eq!(status(&model).phase, Some(Phase::RollingBack));
    assert_eq!(live(&model), [is("blue", 60), is("green", 40)]);
    let waiting = status(&model).waiting.clone().unwrap();
    assert!(waiting.message.contains("only 3 of 5 healthy targets"), "{}", waiting.message);
    model.aws.group_mut("blue").well = 5;
    model.run_for(minutes(1));
    assert_eq!(live(&model), [is("blue", 1), is("green", 0)]);
    ended(&model, Outcome::RolledBack);
}

#[test]
fn the_first_deployment_completes_even_when_unhealthy() {
    let mut model = model();
    model.apply_route("web", route("http", Some(10)));
    let key = Key::new(NAMESPACE, "web");
    model.cluster.routes.remove(&key);
    model.apply_route("web", route("http", Some(10)));
    model.aws.group_mut("green").well = 0;
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(5));
    ended(&model, Outcome::Succeeded);
    assert!(status(&model).history[0].message.contains("0 of 5 targets are healthy"), "{:?}", status(&model).history);
}

#[test]
fn a_foreign_change_pauses_the_run_until_it_is_undone_or_resumed() {
    let mut model = model();
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(5));
    let now = model.now;
    model.aws.forward_default(now, 80, &[("blue", 50), ("green", 50)]);
    model.run_for(minutes(30));
    assert_eq!((status(&model).phase, live(&model)), (Some(Phase::Held), vec![is("blue", 50), is("green", 50)]));
    let waiting = status(&model).waiting.clone().unwrap();
    assert!(waiting.message.contains("found blue 50, green 50; expected blue 95, green 5"), "{}", waiting.message);
    model.command("shop", "resume/1");
    model.run_for(minutes(1));
    assert_eq!(live(&model), [is("blue", 95), is("green", 5)]);
    model.run_for(minutes(60));
    ended(&model, Outcome::Succeeded);
}

#[test]
fn a_lost_status_takes_over_what_is_live() {
    let mut model = model();
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(15));
    model.lose_statuses();
    model.run_for(SignedDuration::from_secs(30));
    let least = model.aws.history.iter().rev().take(1).map(|(_, _, forward, _)| forward.clone());
    assert!(least.into_iter().all(|forward| *forward.groups.values().last().unwrap() >= 25), "{:?}", model.aws.history);
    model.run_for(minutes(60));
    ended(&model, Outcome::Succeeded);
}

#[test]
fn a_command_is_not_given_twice_when_the_status_is_lost() {
    let mut model = model();
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(5));
    model.command("shop", "abort/1");
    model.run_for(minutes(1));
    model.command("shop", "retry/1");
    model.run_for(minutes(1));
    model.command("shop", "abort/2");
    model.run_for(minutes(1));
    model.command("shop", "retry/1");
    let writes = model.writes.len();
    model.lose_statuses();
    model.run_for(minutes(60));
    assert_eq!((model.writes.len(), status(&model).phase), (writes, Some(Phase::RolledBack)));
}

#[test]
fn a_wish_that_comes_back_before_another_has_begun_is_taken_up_again() {
    let mut model = model();
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(5));
    model.apply_shift("shop", shift("nowhere"));
    model.run_for(minutes(5));
    assert_eq!(status(&model).phase, Some(Phase::Pending));
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(60));
    ended(&model, Outcome::Succeeded);
}

#[test]
fn a_route_that_is_added_later_is_moved_too() {
    let mut model = model();
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(60));
    ended(&model, Outcome::Succeeded);
    model.apply_route("other", route("other", None));
    model
        .apply_shift("shop", TrafficShiftSpec { routes: vec!["web".to_owned(), "other".to_owned()], ..shift("green") });
    model.run_for(minutes(60));
    ended(&model, Outcome::Succeeded);
    assert_eq!(model.aws.default_weights(81).into_iter().collect::<Vec<_>>(), [is("blue", 0), is("green", 100)]);
}

#[test]
fn nothing_is_replayed_when_all_objects_are_made_anew_after_a_rollback() {
    let mut model = model();
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(15));
    model.command("shop", "abort/1");
    model.run_for(minutes(1));
    ended(&model, Outcome::RolledBack);
    let (aws, writes) = (model.aws.clone(), model.writes.len());
    let mut restored = super::Model::new(model.now, aws);
    let public = &model.cluster.entry_points[&Key::new(NAMESPACE, "public")];
    restored.apply_entry_point("public", public.spec.clone());
    for name in ["blue", "green", "red"] {
        restored.apply_environment(name, environment(name));
    }
    restored.apply_route("web", route("http", None));
    restored.apply_shift("shop", shift("green"));
    restored.run_for(minutes(60));
    assert_eq!((restored.writes.len(), status(&restored).phase), (0, Some(Phase::RolledBack)), "{writes}");
}

#[test]
fn a_deleted_shift_does_what_its_policy_says() {
    for (policy, expected) in [
        (ShiftDeletionPolicy::Hold, vec![is("blue", 75), is("green", 25)]),
        (ShiftDeletionPolicy::Rollback, vec![is("blue", 1), is("green", 0)]),
    ] {
        let mut model = model();
        model.apply_shift("shop", TrafficShiftSpec { deletion_policy: policy, ..shift("green") });
        model.run_for(minutes(15));
        model.delete_shift("shop");
        model.run_for(minutes(30));
        assert!(model.cluster.shifts.keys().next().is_none(), "{policy:?}");
        assert_eq!((live(&model), model.violations.len()), (expected, 0), "{policy:?}");
    }
}

#[test]
fn setting_to_back_rolls_back_at_once_and_another_candidate_takes_over() {
    let mut model = model();
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(15));
    model.apply_shift("shop", shift("blue"));
    model.run_for(minutes(1));
    assert_eq!(live(&model), [is("blue", 1), is("green", 0)]);
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(15));
    model.apply_shift("shop", shift("red"));
    model.run_for(minutes(2));
    assert_eq!(live(&model), [is("blue", 71), is("green", 24), is("red", 5)]);
    model.run_for(minutes(60));
    assert_eq!(live(&model), [is("blue", 0), is("green", 0), is("red", 100)]);
    ended(&model, Outcome::Succeeded);
}

#[test]
fn sticky_groups_get_group_stickiness_that_ends_with_the_old_group() {
    let mut model = model();
    model.aws.group_mut("blue").sticky = true;
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(5));
    let last = |model: &Model| -> Forward { model.aws.history.last().unwrap().2.clone() };
    assert_eq!(last(&model).sticky_seconds, Some(300));
    model.run_for(minutes(28));
    assert_eq!(status(&model).phase, Some(Phase::Baking));
    model.run_for(minutes(10));
    assert_eq!((live(&model), last(&model).sticky_seconds), (vec![is("green", 100)], None));
    ended(&model, Outcome::Succeeded);
}

#[test]
fn the_older_of_two_shifts_has_the_route() {
    let mut model = model();
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(1));
    model.apply_shift("other", shift("red"));
    model.run_for(minutes(60));
    ended(&model, Outcome::Succeeded);
    let other = &model.cluster.shifts[&Key::new(NAMESPACE, "other")].status;
    let stalled = condition::find(&other.conditions, condition::STALLED).unwrap();
    assert!(stalled.message.contains("moved by the older TrafficShift shop/shop"), "{}", stalled.message);
}

#[test]
fn two_routes_move_in_lockstep() {
    let mut model = model();
    model.apply_route("other", route("other", None));
    let routes = vec!["web".to_owned(), "other".to_owned()];
    let linear =
        Moves { steps: None, linear: Some(Linear { step: 20, interval: Duration::from_secs(60) }), all_at_once: None };
    model.apply_shift("shop", TrafficShiftSpec { routes, strategy: linear, ..shift("green") });
    for _ in 0..40 {
        model.run_for(SignedDuration::from_secs(15));
        assert_eq!(live(&model), model.aws.default_weights(81).into_iter().collect::<Vec<_>>());
    }
    ended(&model, Outcome::Succeeded);
}

#[test]
fn without_progress_a_run_goes_back_at_its_deadline() {
    let mut model = model();
    model.aws.group_mut("green").well = 1;
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(30));
    let waiting = status(&model).waiting.clone().unwrap();
    assert!(waiting.message.contains("green has 1 of the 2 healthy targets that it needs"), "{}", waiting.message);
    model.run_for(minutes(60));
    ended(&model, Outcome::RolledBack);
    assert!(status(&model).history[0].message.contains("no progress for 1h"), "{:?}", status(&model).history);
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

#[test]
fn the_next_step_waits_for_the_share_where_that_is_wanted() {
    let mut model = model_alone();
    model.aws.traffic = 30;
    let quick = Moves { steps: Some(vec![step(5, None), step(100, None)]), linear: None, all_at_once: None };
    model.apply_shift("shop", TrafficShiftSpec { evidence: Evidence::Share, strategy: quick, ..shift("green") });
    model.run_for(minutes(5));
    let waiting = status(&model).waiting.clone().unwrap();
    assert_eq!((live(&model), waiting.reason.as_str()), (vec![is("blue", 95), is("green", 5)], "ShareNotSeen"));
    assert!(waiting.message.contains("it takes 100 in at least 2"), "{}", waiting.message);
    model.aws.traffic = 600;
    model.run_for(minutes(3));
    assert_eq!(live(&model), [is("blue", 0), is("green", 100)]);
    assert_eq!(status(&model).waiting.clone().unwrap().reason, "ShareNotSeen", "the last step is to be seen as well");
    model.run_for(minutes(10));
    ended(&model, Outcome::Succeeded);
}

#[test]
fn a_run_without_traffic_says_so_and_ends_by_its_deadline_or_by_a_word() {
    let run = |model: &mut Model| {
        model.aws.traffic = 0;
        model.apply_shift("shop", TrafficShiftSpec { evidence: Evidence::Share, ..shift("green") });
        model.run_for(minutes(30));
        let waiting = status(model).waiting.clone().unwrap();
        assert!(waiting.message.contains("without traffic there is no evidence"), "{}", waiting.message);
    };
    let mut left = model_alone();
    run(&mut left);
    left.run_for(minutes(120));
    ended(&left, Outcome::RolledBack);
    assert!(status(&left).history[0].message.contains("no requests were seen since"), "{:?}", status(&left).history);
    let mut told = model_alone();
    run(&mut told);
    told.command("shop", "promote/1");
    told.run_for(minutes(1));
    assert_eq!(live(&told), [is("blue", 75), is("green", 25)]);
    // A rollback waits for nobody.
    told.command("shop", "abort/1");
    told.run_for(minutes(1));
    ended(&told, Outcome::RolledBack);
}

/// What must hold of every forward that was ever written, whatever happened.
fn judge(model: &Model) {
    assert_eq!(model.violations, Vec::<String>::new());
    for (at, _, forward, _) in &model.aws.history {
        assert!(forward.groups.values().any(|weight| *weight > 0), "all zero at {at}");
        assert!(forward.groups.len() <= 5, "too many groups at {at}");
    }
}
