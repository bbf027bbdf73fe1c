//! Weights that the user owns, in the model: followed at once and by pace, handed over and taken back.

use std::collections::BTreeMap;

use weir_api::WeightedRouteStatus;

use super::*;

#[expect(clippy::unnecessary_wraps, reason = "it stands where the spec has an option")]
pub(super) fn chosen(entries: &[(&str, i32)]) -> Option<BTreeMap<String, i32>> {
    Some(entries.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect())
}

/// The route `web` with other weights.
pub(super) fn choose(model: &mut Model, change: impl FnOnce(&mut WeightedRouteSpec)) {
    let Some(known) = model.cluster.routes.get(&Key::new(NAMESPACE, "web")) else { return };
    let mut spec = known.spec.clone();
    change(&mut spec);
    model.apply_route("web", spec);
}

pub(super) fn route_status(model: &Model) -> &WeightedRouteStatus {
    &model.cluster.routes[&Key::new(NAMESPACE, "web")].status
}

/// What a condition of the route says.
pub(super) fn says(model: &Model, type_: &str) -> String {
    let found = condition::find(&route_status(model).conditions, type_);
    found.map(|found| format!("{:?} {}: {}", found.status, found.reason, found.message)).unwrap_or_default()
}

/// The parts of green over time, as they were written.
fn trail(model: &Model) -> Vec<u16> {
    let green = |forward: &Forward| {
        let (name, _) = forward.groups.iter().find(|(arn, _)| arn.as_str().ends_with("/green"))?;
        Some(forward.groups[name])
    };
    let mut trail: Vec<u16> =
        model.aws.history.iter().skip(2).map(|(_, _, forward, _)| green(forward).unwrap_or(0)).collect();
    trail.dedup();
    trail
}

#[test]
fn chosen_weights_are_followed_and_reverted_at_once() {
    let mut model = model();
    choose(&mut model, |spec| spec.weights = chosen(&[("blue", 80), ("green", 20)]));
    model.run_for(minutes(2));
    assert_eq!(live(&model), [is("blue", 80), is("green", 20)]);
    assert_eq!(says(&model, condition::SYNCED), "True Applied: blue 80, green 20 is live, as spec.weights says");
    // Marked, attached for its health, moved.
    assert_eq!(model.writes.len(), 3, "{:#?}", model.writes);
    choose(&mut model, |spec| spec.weights = chosen(&[("blue", 50), ("green", 50)]));
    model.run_for(SignedDuration::from_secs(5));
    assert_eq!((live(&model), model.writes.len()), (vec![is("blue", 50), is("green", 50)], 4), "in real time");
    choose(&mut model, |spec| spec.weights = chosen(&[("blue", 100), ("green", 0)]));
    model.run_for(SignedDuration::from_secs(5));
    assert_eq!((live(&model), model.writes.len()), (vec![is("blue", 100), is("green", 0)], 5));
    let ticks = model.ticks;
    model.run_for(minutes(120));
    assert_eq!((model.writes.len(), model.ticks - ticks), (5, 0), "nothing more");
    assert_eq!(model.violations, Vec::<String>::new());
}

#[test]
fn an_environment_that_is_not_named_is_dropped_a_while_after_it_carries_nothing() {
    let mut model = model();
    choose(&mut model, |spec| spec.weights = chosen(&[("green", 100)]));
    model.run_for(SignedDuration::from_secs(50));
    assert_eq!(live(&model), [is("blue", 0), is("green", 100)]);
    model.run_for(minutes(2));
    assert_eq!(live(&model), [is("green", 100)]);
}

#[test]
fn the_pace_is_kept_and_a_change_in_its_middle_starts_from_what_is_live() {
    let mut model = model();
    let pace = Pace { max_step: 20, interval: Duration::from_secs(60) };
    choose(&mut model, |spec| {
        spec.weights = chosen(&[("blue", 10), ("green", 90)]);
        spec.pace = Some(pace);
    });
    model.run_for(minutes(4));
    assert_eq!(trail(&model), [0, 20, 40, 60, 80]);
    choose(&mut model, |spec| spec.weights = chosen(&[("blue", 75), ("green", 25)]));
    model.run_for(minutes(6));
    assert_eq!(trail(&model), [0, 20, 40, 60, 80, 60, 40, 25]);
    assert_eq!(live(&model), [is("blue", 75), is("green", 25)]);
    assert_eq!(model.violations, Vec::<String>::new());
}

#[test]
fn an_environment_without_capacity_is_waited_for() {
    let mut model = model();
    model.aws.group_mut("green").well = 2;
    choose(&mut model, |spec| spec.weights = chosen(&[("blue", 20), ("green", 80)]));
    model.run_for(minutes(10));
    assert_eq!(live(&model), [is("blue", 1), is("green", 0)]);
    assert!(says(&model, condition::READY).contains("green has 2 of the 4 healthy targets that it needs"));
    model.aws.group_mut("green").well = 4;
    model.run_for(minutes(1));
    assert_eq!(live(&model), [is("blue", 20), is("green", 80)]);
}

#[test]
fn a_revert_takes_back_what_the_old_side_can_carry() {
    let mut model = model();
    choose(&mut model, |spec| spec.weights = chosen(&[("blue", 20), ("green", 80)]));
    model.run_for(minutes(2));
    model.aws.group_mut("blue").well = 4;
    choose(&mut model, |spec| spec.weights = chosen(&[("blue", 100), ("green", 0)]));
    model.run_for(minutes(1));
    assert_eq!(live(&model), [is("blue", 80), is("green", 20)]);
    model.aws.group_mut("blue").well = 5;
    model.run_for(minutes(1));
    assert_eq!(live(&model), [is("blue", 100), is("green", 0)]);
    // To a side that has more than the one that fails, everything goes back at once.
    choose(&mut model, |spec| spec.weights = chosen(&[("blue", 20), ("green", 80)]));
    model.run_for(minutes(2));
    model.aws.group_mut("blue").well = 1;
    model.aws.group_mut("green").well = 0;
    choose(&mut model, |spec| spec.weights = chosen(&[("blue", 100), ("green", 0)]));
    model.run_for(minutes(1));
    assert_eq!(live(&model), [is("blue", 100), is("green", 0)]);
    assert_eq!(model.violations, Vec::<String>::new());
}

#[test]
fn two_full_environments_that_share_the_traffic_are_not_added_up() {
    let mut model = model();
    choose(&mut model, |spec| spec.weights = chosen(&[("blue", 50), ("green", 50)]));
    model.run_for(minutes(120));
    choose(&mut model, |spec| spec.weights = chosen(&[("blue", 0), ("green", 100)]));
    model.run_for(minutes(1));
    assert_eq!(live(&model), [is("blue", 0), is("green", 100)]);
}

#[test]
fn the_first_deployment_by_weights_makes_the_rule_healthy_or_not() {
    let mut model = model();
    model.cluster.routes = weir_engine::objects::Objects::default();
    model.aws.group_mut("green").well = 0;
    let weights = chosen(&[("blue", 0), ("green", 100)]);
    model.apply_route("web", WeightedRouteSpec { weights, ..route("http", Some(10)) });
    model.run_for(minutes(5));
    let said = says(&model, condition::READY);
    assert!(said.starts_with("False NoHealthyTarget: blue 0, green 100 is live, and nothing is healthy yet"), "{said}");
    assert_eq!(model.writes.len(), 1, "{:#?}", model.writes);
}

#[test]
fn handing_a_route_over_and_back_changes_no_traffic() {
    let mut model = model();
    model.apply_shift("shop", TrafficShiftSpec { known_good: KnownGood::Gradual, ..shift("green") });
    model.run_for(minutes(60));
    ended(&model, Outcome::Succeeded);
    let changes = model.aws.history.len();
    choose(&mut model, |spec| spec.weights = chosen(&[("blue", 0), ("green", 100)]));
    model.run_for(minutes(10));
    let stalled = condition::find(&status(&model).conditions, condition::STALLED).unwrap();
    assert_eq!((stalled.status, stalled.reason.as_str()), (condition::Truth::True, "WeightsOwned"));
    choose(&mut model, |spec| spec.weights = None);
    model.run_for(minutes(60));
    assert_eq!(model.aws.history.len(), changes, "no weight was written");
    ended(&model, Outcome::Succeeded);
    // After weights that moved the traffic, the shift starts from there.
    choose(&mut model, |spec| spec.weights = chosen(&[("blue", 70), ("green", 30)]));
    model.run_for(minutes(10));
    choose(&mut model, |spec| spec.weights = None);
    model.run_for(minutes(1));
    assert_eq!(live(&model), [is("blue", 50), is("green", 50)], "the step after 30 %");
    let part = &status(&model).run.as_ref().unwrap().routes[0];
    assert_eq!((weir_engine::weights::words(&part.from).as_str(), part.baseline), ("blue 70, green 30", 5));
    model.run_for(minutes(60));
    assert_eq!(live(&model), [is("blue", 0), is("green", 100)]);
    ended(&model, Outcome::Succeeded);
}

#[test]
fn a_run_whose_route_gets_weights_is_superseded() {
    let mut model = model();
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(15));
    choose(&mut model, |spec| spec.weights = chosen(&[("blue", 90), ("green", 10)]));
    model.run_for(minutes(1));
    assert_eq!(live(&model), [is("blue", 90), is("green", 10)]);
    let past = &status(&model).history[0];
    assert_eq!(past.outcome, Outcome::Superseded);
    assert!(past.message.contains("take spec.weights out of it"), "{}", past.message);
    model.run_for(minutes(60));
    assert_eq!(live(&model), [is("blue", 90), is("green", 10)]);
}

#[test]
fn a_pace_over_more_than_five_environments_says_what_to_do() {
    let mut model = model();
    let names = ["a", "b", "c", "d", "e", "f"];
    for name in names {
        model.aws.add_group(name, 5);
        model.apply_environment(name, environment(name));
    }
    choose(&mut model, |spec| {
        spec.backends = names.map(|name| Backend { environment: name.to_owned(), part: None }).to_vec();
        spec.weights = chosen(&[("a", 20), ("b", 20), ("c", 20), ("d", 20), ("e", 20)]);
    });
    model.aws.forward_default(model.now, 80, &[("a", 20), ("b", 20), ("c", 20), ("d", 20), ("e", 20)]);
    model.run_for(minutes(5));
    assert!(says(&model, condition::READY).starts_with("True Applied"), "{}", says(&model, condition::READY));
    choose(&mut model, |spec| {
        spec.weights = chosen(&[("a", 20), ("b", 20), ("c", 20), ("d", 20), ("f", 20)]);
        spec.pace = Some(Pace { max_step: 5, interval: Duration::from_secs(30) });
        spec.capacity.min_healthy_percent = 10;
    });
    model.run_for(minutes(5));
    assert!(says(&model, condition::READY).contains("take the weight from one of them first, or leave out spec.pace"));
    // Without a pace, it is one write; the health of a group that fits in no action is known where another listener has it.
    model.aws.forward_default(model.now, 81, &[("f", 1)]);
    choose(&mut model, |spec| spec.pace = None);
    model.run_for(minutes(5));
    assert_eq!(live(&model), ["a", "b", "c", "d", "f"].map(|name| is(name, 20)));
}
