//! What is done about somebody else's changes, in the model: by each policy, at rest, with weights and in a run.

use weir_api::weighted_route::DriftPolicy;
use weir_engine::fact::Tags;

use super::chosen::{choose, chosen, route_status, says};
use super::*;

fn with(policy: DriftPolicy) -> Model {
    let mut model = model();
    choose(&mut model, |spec| spec.drift = policy);
    model
}

/// At 80 to 20 by the user's weights.
fn split(policy: DriftPolicy) -> Model {
    let mut model = with(policy);
    choose(&mut model, |spec| spec.weights = chosen(&[("blue", 80), ("green", 20)]));
    model.run_for(minutes(5));
    assert_eq!(live(&model), [is("blue", 80), is("green", 20)]);
    model
}

fn console(model: &mut Model, weights: &[(&str, u16)]) {
    model.aws.forward_default(model.now, 80, weights);
}

#[test]
fn a_difference_is_told_and_left_alone() {
    let mut model = split(DriftPolicy::Alert);
    let writes = model.writes.len();
    console(&mut model, &[("blue", 30), ("green", 70)]);
    model.run_for(minutes(60));
    let said = says(&model, condition::SYNCED);
    let expected = "False Drifted: found blue 30, green 70; expected blue 80, green 20, which spec.weights of \
                    generation 2 set at 2026-11-21T10:0";
    assert!(said.starts_with(expected), "{said}");
    assert!(said.contains("Somebody else has changed it; seen since 2026-11-21T10:05:"), "{said}");
    assert_eq!(model.writes.len(), writes);
    // A new wish of the user's starts from what is live.
    choose(&mut model, |spec| spec.weights = chosen(&[("blue", 60), ("green", 40)]));
    model.run_for(minutes(1));
    assert_eq!(live(&model), [is("blue", 60), is("green", 40)]);
}

#[test]
fn a_pause_lasts_until_what_was_set_is_back_or_the_difference_is_accepted() {
    let mut model = split(DriftPolicy::Pause);
    console(&mut model, &[("blue", 30), ("green", 70)]);
    model.run_for(minutes(2));
    choose(&mut model, |spec| spec.weights = chosen(&[("blue", 60), ("green", 40)]));
    model.run_for(minutes(10));
    assert_eq!(live(&model), [is("blue", 30), is("green", 70)], "{}", says(&model, condition::READY));
    console(&mut model, &[("blue", 80), ("green", 20)]);
    model.run_for(minutes(2));
    assert_eq!(live(&model), [is("blue", 60), is("green", 40)]);
    console(&mut model, &[("blue", 30), ("green", 70)]);
    model.run_for(minutes(2));
    assert_eq!(live(&model), [is("blue", 30), is("green", 70)]);
    model.command_route("web", "resume/1");
    model.run_for(minutes(1));
    assert_eq!(live(&model), [is("blue", 60), is("green", 40)]);
}

#[test]
fn a_pause_keeps_runs_from_starting() {
    let mut model = with(DriftPolicy::Pause);
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(60));
    console(&mut model, &[("blue", 1)]);
    model.run_for(minutes(2));
    model.apply_shift("shop", shift("red"));
    model.run_for(minutes(60));
    assert_eq!((live(&model), status(&model).phase), (vec![is("blue", 1)], Some(Phase::Pending)));
    let waiting = status(&model).waiting.clone().unwrap();
    assert!(waiting.message.contains("the command resume accepts what is live"), "{}", waiting.message);
    model.command_route("web", "resume/1");
    model.run_for(minutes(60));
    ended(&model, Outcome::Succeeded);
    assert_eq!(live(&model), [is("blue", 0), is("red", 100)]);
}

#[test]
fn a_difference_is_corrected_and_a_fight_is_given_up() {
    let mut model = split(DriftPolicy::Correct);
    for _ in 0..2 {
        console(&mut model, &[("blue", 30), ("green", 70)]);
        model.run_for(minutes(2));
        assert_eq!(live(&model), [is("blue", 80), is("green", 20)]);
        assert!(says(&model, condition::CONTESTED).starts_with("False"));
    }
    let writes = model.writes.len();
    console(&mut model, &[("blue", 40), ("green", 60)]);
    model.run_for(minutes(600));
    assert_eq!((live(&model), model.writes.len()), (vec![is("blue", 40), is("green", 60)], writes));
    let said = says(&model, condition::CONTESTED);
    assert!(said.starts_with("True Contested: another writer keeps changing the weights: it has set"), "{said}");
    assert!(said.contains("blue 30, green 70 at 2026-11-21T10:"), "{said}");
    assert!(said.contains("expected blue 80, green 20, which spec.weights"), "{said}");
    model.command_route("web", "resume/1");
    model.run_for(minutes(2));
    assert_eq!(live(&model), [is("blue", 80), is("green", 20)]);
    assert!(says(&model, condition::CONTESTED).starts_with("False"));
}

#[test]
fn changes_hours_apart_are_no_fight() {
    let mut model = split(DriftPolicy::Correct);
    for _ in 0..6 {
        console(&mut model, &[("blue", 30), ("green", 70)]);
        model.run_for(minutes(45));
        assert_eq!(live(&model), [is("blue", 80), is("green", 20)]);
    }
}

#[test]
fn new_weights_end_a_fight() {
    let mut model = split(DriftPolicy::Correct);
    for weight in 60..63 {
        console(&mut model, &[("blue", 100 - weight), ("green", weight)]);
        model.run_for(minutes(2));
    }
    assert!(says(&model, condition::CONTESTED).starts_with("True"));
    choose(&mut model, |spec| spec.weights = chosen(&[("blue", 70), ("green", 30)]));
    model.run_for(minutes(1));
    assert_eq!(live(&model), [is("blue", 70), is("green", 30)]);
    assert!(says(&model, condition::CONTESTED).starts_with("False"));
}

#[test]
fn a_correction_needs_capacity() {
    let mut model = split(DriftPolicy::Correct);
    console(&mut model, &[("blue", 0), ("green", 100)]);
    model.aws.group_mut("blue").well = 1;
    model.run_for(minutes(10));
    assert_eq!(live(&model), [is("blue", 0), is("green", 100)]);
    assert!(
        says(&model, condition::READY).contains("blue has 1 of the 4 healthy targets"),
        "{}",
        says(&model, "Ready")
    );
    model.aws.group_mut("blue").well = 5;
    model.run_for(minutes(1));
    assert_eq!(live(&model), [is("blue", 80), is("green", 20)]);
    assert_eq!(model.violations, Vec::<String>::new());
}

#[test]
fn what_a_run_left_is_corrected_too() {
    let mut model = with(DriftPolicy::Correct);
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(60));
    ended(&model, Outcome::Succeeded);
    console(&mut model, &[("blue", 1)]);
    model.run_for(minutes(2));
    assert_eq!(live(&model), [is("blue", 0), is("green", 100)]);
    ended(&model, Outcome::Succeeded);
}

#[test]
fn the_weights_of_a_run_are_corrected_and_it_goes_on() {
    let mut model = with(DriftPolicy::Correct);
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(5));
    console(&mut model, &[("blue", 50), ("green", 50)]);
    model.run_for(minutes(2));
    assert_eq!(live(&model), [is("blue", 95), is("green", 5)]);
    assert!(status(&model).run.as_ref().unwrap().hold.is_none());
    model.run_for(minutes(60));
    ended(&model, Outcome::Succeeded);
}

#[test]
fn a_run_that_is_fought_holds() {
    let mut model = with(DriftPolicy::Correct);
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(5));
    for _ in 0..3 {
        console(&mut model, &[("blue", 50), ("green", 50)]);
        model.run_for(minutes(2));
    }
    assert_eq!((live(&model), status(&model).phase), (vec![is("blue", 50), is("green", 50)], Some(Phase::Held)));
    assert!(says(&model, condition::CONTESTED).starts_with("True"));
    model.command("shop", "resume/1");
    model.run_for(minutes(60));
    ended(&model, Outcome::Succeeded);
}

#[test]
fn what_is_live_is_adopted_at_rest() {
    let mut model = with(DriftPolicy::Adopt);
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(60));
    let writes = model.writes.len();
    console(&mut model, &[("blue", 30), ("green", 70)]);
    model.run_for(minutes(2));
    assert_eq!(says(&model, condition::SYNCED), "True Held: blue 30, green 70 is live and held");
    assert_eq!(model.writes.len(), writes);
}

#[test]
fn a_run_goes_on_from_what_it_adopts() {
    let mut model = with(DriftPolicy::Adopt);
    model.apply_shift("shop", shift("green"));
    model.run_for(minutes(5));
    console(&mut model, &[("blue", 60), ("green", 40)]);
    model.run_for(minutes(2));
    assert_eq!(live(&model), [is("blue", 50), is("green", 50)], "the step after 40 %");
    console(&mut model, &[("red", 90), ("green", 10)]);
    model.run_for(minutes(2));
    let run = status(&model).run.clone().unwrap();
    assert_eq!(
        (run.hold, run.weight, weir_engine::weights::words(&run.routes[0].from)),
        (None, 25, "red 100".to_owned())
    );
    assert_eq!(live(&model), [is("green", 25), is("red", 75)]);
    model.run_for(minutes(60));
    ended(&model, Outcome::Succeeded);
    assert_eq!(live(&model), [is("green", 100), is("red", 0)]);
}

#[test]
fn a_balancer_that_another_controller_takes_over_is_left_alone() {
    let mut model = split(DriftPolicy::Correct);
    model.aws.tag_balancer("elbv2.k8s.aws/cluster", "prod");
    // Also before the tags are looked at in the course of things: no correction goes out.
    console(&mut model, &[("blue", 30), ("green", 70)]);
    let writes = model.writes.len();
    model.run_for(minutes(30));
    assert_eq!((live(&model), model.writes.len()), (vec![is("blue", 30), is("green", 70)], writes));
    let said = says(&model, condition::STALLED);
    assert!(said.starts_with("True OwnedByAnother: ") && said.contains("elbv2.k8s.aws/cluster=prod"), "{said}");
}

#[test]
fn marks_that_were_removed_are_not_put_back_until_somebody_says_so() {
    let mut model = split(DriftPolicy::Alert);
    let writes = model.writes.len();
    model.aws.set_listener_tags(80, Tags::new());
    model.run_for(minutes(15));
    choose(&mut model, |spec| spec.weights = chosen(&[("blue", 50), ("green", 50)]));
    model.run_for(minutes(15));
    assert_eq!((live(&model), model.writes.len()), (vec![is("blue", 80), is("green", 20)], writes));
    assert!(says(&model, condition::STALLED).starts_with("True MarksRemoved"), "{}", says(&model, condition::STALLED));
    model.command_route("web", "resume/1");
    model.run_for(minutes(2));
    assert_eq!(live(&model), [is("blue", 50), is("green", 50)]);
    let marked = model.aws.listener_tags(80);
    model.aws.set_listener_tags(80, Tags::from_iter([("weir.dev/owner".to_owned(), "you".to_owned())]));
    model.run_for(minutes(15));
    assert!(says(&model, condition::STALLED).starts_with("True OwnedByAnother"), "{marked:?}");
    assert_eq!(route_status(&model).last_command.as_ref().unwrap().command, "resume/1");
}
