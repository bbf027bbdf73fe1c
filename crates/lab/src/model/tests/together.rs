//! Several routes of one shift: they wait for each other, and are brought back together.

use super::*;

/// Two routes half way to green.
fn half_way(change: impl FnOnce(&mut TrafficShiftSpec)) -> Model {
    let mut model = model();
    model.apply_route("other", route("other", None));
    let mut wish = TrafficShiftSpec { routes: vec!["web".to_owned(), "other".to_owned()], ..shift("green") };
    change(&mut wish);
    model.apply_shift("shop", wish);
    model.run_for(minutes(15));
    assert_eq!(
        [live(&model), other(&model)],
        [vec![is("blue", 75), is("green", 25)], vec![is("blue", 75), is("green", 25)]]
    );
    model
}

fn other(model: &Model) -> Vec<(String, u16)> {
    model.aws.default_weights(81).into_iter().collect()
}

#[test]
fn a_route_that_is_gone_brings_the_others_back() {
    let mut model = half_way(|_| ());
    model.delete_route("other");
    model.run_for(SignedDuration::from_secs(40));
    assert_eq!(live(&model), [is("blue", 75), is("green", 25)], "it may be made anew");
    model.run_for(minutes(2));
    assert_eq!(live(&model), [is("blue", 1), is("green", 0)]);
    ended(&model, Outcome::RolledBack);
    assert!(
        status(&model).history[0].message.contains("the WeightedRoute other is gone"),
        "{:?}",
        status(&model).history
    );
}

#[test]
fn a_route_that_is_gone_holds_the_others_where_the_user_wants_that() {
    let mut model = half_way(|wish| wish.on_failure = OnFailure::Pause);
    model.delete_route("other");
    model.run_for(minutes(60));
    assert_eq!((status(&model).phase, live(&model)), (Some(Phase::Degraded), vec![is("blue", 75), is("green", 25)]));
    model.command("shop", "abort/1");
    model.run_for(minutes(1));
    assert_eq!(live(&model), [is("blue", 1), is("green", 0)]);
}

#[test]
fn a_route_that_comes_back_in_time_goes_on() {
    let mut model = half_way(|_| ());
    model.delete_route("other");
    model.run_for(SignedDuration::from_secs(20));
    model.apply_route("other", route("other", None));
    model.run_for(minutes(60));
    ended(&model, Outcome::Succeeded);
    assert_eq!(other(&model), [is("blue", 0), is("green", 100)]);
}

#[test]
fn a_route_that_the_shift_does_not_name_any_more_is_left() {
    let mut model = half_way(|_| ());
    model.apply_shift("shop", shift("green"));
    model.delete_route("other");
    model.run_for(minutes(60));
    assert_eq!(live(&model), [is("blue", 0), is("green", 100)]);
    assert_eq!(other(&model), [is("blue", 75), is("green", 25)]);
}

#[test]
fn an_abort_does_not_wait_for_a_route_that_is_gone() {
    let mut model = half_way(|_| ());
    model.delete_route("other");
    model.command("shop", "abort/1");
    model.run_for(SignedDuration::from_secs(5));
    assert_eq!(live(&model), [is("blue", 1), is("green", 0)]);
}

#[test]
fn a_route_that_may_not_be_written_brings_the_others_back() {
    let mut model = half_way(|_| ());
    model.aws.denied_ports.insert(81);
    model.run_for(minutes(10));
    assert_eq!(live(&model), [is("blue", 50), is("green", 50)], "one step ahead, and no further");
    model.run_for(minutes(4));
    assert_eq!(
        [live(&model), other(&model)],
        [vec![is("blue", 1), is("green", 0)], vec![is("blue", 75), is("green", 25)]]
    );
    assert_eq!(status(&model).phase, Some(Phase::RollingBack), "the other is tried on");
    let waiting = status(&model).waiting.clone().unwrap();
    assert!(waiting.message.contains("route other: AWS refused the write"), "{}", waiting.message);
    model.aws.denied_ports.clear();
    model.run_for(minutes(2));
    assert_eq!(other(&model), [is("blue", 1), is("green", 0)]);
    ended(&model, Outcome::RolledBack);
}
