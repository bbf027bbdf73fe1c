//! Environments that are known to be good, and what environments say they are to a route.

use weir_api::environment::Role;

use super::*;

/// Green has carried everything since a release from blue.
fn released() -> Model {
    let mut model = model();
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(60));
    ended(&model, Outcome::Succeeded);
    model
}

fn course(model: &Model) -> (bool, String) {
    let course = status(model).run.as_ref().and_then(|run| run.course.clone()).expect("there was a choice");
    (course.immediate, format!("{}: {}", course.reason, course.message))
}

/// How many writes of weights there were since.
fn written(model: &Model, since: usize) -> usize {
    model.writes[since..].iter().filter(|(_, _, step)| step.forward().is_some()).count()
}

#[test]
fn a_release_goes_by_the_strategy_and_says_why() {
    let model = released();
    let (immediate, why) = course(&model);
    assert!(!immediate && why.starts_with("NeverCarriedAll: by the strategy"), "{why}");
}

#[test]
fn back_to_what_carried_everything_is_one_write() {
    let mut model = released();
    let since = model.writes.len();
    model.apply_shift("shop", shift("blue"));
    model.run_for(minutes(1));
    assert_eq!((live(&model), written(&model, since)), (vec![is("blue", 100), is("green", 0)], 1));
    let (immediate, why) = course(&model);
    assert!(
        immediate && why.starts_with("KnownGood: everything at once, since blue carried all the traffic until"),
        "{why}"
    );
    ended(&model, Outcome::Succeeded);
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(1));
    assert_eq!(live(&model), [is("blue", 0), is("green", 100)], "and forth");
}

#[test]
fn one_that_was_dropped_is_attached_and_seen_to_be_healthy_first() {
    let mut model = released();
    let now = model.now;
    model.aws.forward_default(now, 81, &[("green", 1)]);
    model.apply_shift("shop", shift("red"));
    model.run_for(minutes(60));
    assert_eq!(live(&model), [is("green", 0), is("red", 100)]);
    let since = model.writes.len();
    model.apply_shift("shop", shift("blue"));
    model.run_for(SignedDuration::from_secs(10));
    assert_eq!(live(&model), [is("blue", 0), is("red", 100)]);
    let waiting = status(&model).waiting.clone().unwrap();
    assert!(waiting.message.contains("waiting to move everything at once"), "{}", waiting.message);
    model.run_for(minutes(2));
    assert_eq!((live(&model), written(&model, since)), (vec![is("blue", 100), is("red", 0)], 2));
}

#[test]
fn a_user_s_pause_holds_it_and_those_of_the_strategy_do_not() {
    let mut model = released();
    let mut steps = vec![PlanStep { weight: None, pause: Some(Pause { duration: None }) }];
    steps.extend([step(5, Some(10)), step(100, Some(10))]);
    let strategy = Moves { steps: Some(steps), linear: None, all_at_once: None };
    let wish = TrafficShiftSpec { strategy, ..shift("blue") };
    model.apply_shift("shop", wish.clone());
    model.run_for(SignedDuration::from_secs(1));
    model.apply_shift("shop", TrafficShiftSpec { paused: true, ..wish.clone() });
    model.run_for(minutes(30));
    model.apply_shift("shop", wish);
    model.run_for(minutes(1));
    ended(&model, Outcome::Succeeded);
    assert_eq!(live(&model), [is("blue", 100), is("green", 0)]);
}

#[test]
fn too_little_capacity_makes_it_gradual() {
    let mut model = released();
    model.aws.group_mut("blue").well = 3;
    model.apply_shift("shop", shift("blue"));
    model.run_for(minutes(2));
    assert_eq!(live(&model), [is("blue", 5), is("green", 95)]);
    let (immediate, why) = course(&model);
    assert!(!immediate && why.contains("CapacityShort") && why.contains("blue has 3 of the 5 healthy"), "{why}");
}

#[test]
fn another_target_group_makes_it_gradual() {
    let mut model = released();
    model.aws.add_group("blue-2", 5);
    model.apply_environment("blue", environment("blue-2"));
    model.run_for(minutes(2));
    model.apply_shift("shop", shift("blue"));
    model.run_for(minutes(3));
    let (immediate, why) = course(&model);
    assert!(!immediate && why.contains("had another target group"), "{why}");
    assert_eq!(model.aws.default_weights(80)["blue-2"], 5);
}

#[test]
fn a_candidate_that_had_to_be_left_at_100_is_not_known_to_be_good() {
    let mut model = model();
    model.aws.group_mut("blue").sticky = true;
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(33));
    assert_eq!((status(&model).phase, live(&model)), (Some(Phase::Baking), vec![is("blue", 0), is("green", 100)]));
    model.aws.group_mut("green").well = 0;
    model.run_for(minutes(5));
    ended(&model, Outcome::RolledBack);
    model.aws.group_mut("green").well = 5;
    model.command("shop", "retry/1");
    model.run_for(minutes(2));
    let (immediate, why) = course(&model);
    assert!(!immediate && why.contains("green is not known to have carried all"), "{why}");
}

#[test]
fn the_policy_may_say_gradual() {
    let mut model = released();
    model.apply_shift("shop", TrafficShiftSpec { known_good: KnownGood::Gradual, ..shift("blue") });
    model.run_for(minutes(2));
    assert_eq!(live(&model), [is("blue", 5), is("green", 95)]);
    assert!(course(&model).1.starts_with("Gradual"), "{:?}", course(&model));
}

#[test]
fn after_a_loss_of_status_only_the_present_one_is_known() {
    let mut model = released();
    model.lose_statuses();
    model.run_for(minutes(5));
    model.apply_shift("shop", shift("blue"));
    model.run_for(minutes(2));
    assert_eq!(live(&model), [is("blue", 5), is("green", 95)]);
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(1));
    assert_eq!(model.aws.default_weights(80)["blue"], 0, "back at once");
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
