//! `to` changed in the middle of a run: another takes over, waits, or the traffic goes back.

use super::*;

const ENVIRONMENTS: [&str; 6] = ["blue", "green", "red", "amber", "black", "white"];

/// The model with six environments.
fn many() -> Model {
    let mut model = model();
    for name in &ENVIRONMENTS[3..] {
        model.aws.add_group(name, 5);
        model.apply_environment(name, environment(name));
    }
    let backends = ENVIRONMENTS.map(|name| Backend { environment: name.to_owned(), part: None }).to_vec();
    model.apply_route("web", WeightedRouteSpec { backends, ..route("http", None) });
    model
}

fn wish(model: &mut Model, to: &str) {
    model.apply_shift("shop", shift(to));
}

/// Half of the traffic is on green, and red has begun to take over.
fn chain() -> Model {
    let mut model = many();
    wish(&mut model, "green");
    model.run_for(minutes(25));
    assert_eq!(live(&model), [is("blue", 50), is("green", 50)]);
    wish(&mut model, "red");
    model.run_for(minutes(2));
    assert_eq!(live(&model), [is("blue", 48), is("green", 47), is("red", 5)]);
    model
}

fn past(model: &Model) -> Vec<(String, Outcome)> {
    status(model).history.iter().map(|past| (past.to.clone(), past.outcome)).collect()
}

fn was(to: &str, outcome: Outcome) -> (String, Outcome) {
    (to.to_owned(), outcome)
}

#[test]
fn after_a_change_of_mind_the_first_side_is_gone_back_to_at_once() {
    let mut model = chain();
    let writes = model.writes.len();
    wish(&mut model, "blue");
    model.run_for(minutes(1));
    assert_eq!(live(&model), [is("blue", 1), is("green", 0), is("red", 0)]);
    assert_eq!(past(&model), [was("red", Outcome::RolledBack), was("green", Outcome::Superseded)]);
    // The wish is fulfilled, and no run is needed to say so.
    assert_eq!(status(&model).phase, Some(Phase::Succeeded));
    assert_eq!((status(&model).run.as_ref().unwrap().id, model.writes.len() - writes), (2, 2), "{:#?}", model.writes);
    model.run_for(minutes(120));
    assert_eq!((model.writes.len() - writes, model.violations.len()), (2, 0));
}

#[test]
fn a_run_that_took_over_goes_back_to_where_the_first_began() {
    for cause in ["unhealthy", "abort"] {
        let mut model = chain();
        match cause {
            "unhealthy" => model.aws.group_mut("red").well = 0,
            _ => model.command("shop", "abort/1"),
        }
        model.run_for(minutes(1));
        assert_eq!(live(&model), [is("blue", 1), is("green", 0), is("red", 0)], "{cause}");
        assert_eq!(past(&model)[0], was("red", Outcome::RolledBack));
    }
}

#[test]
fn what_was_left_half_way_takes_what_the_first_side_cannot() {
    let mut model = chain();
    model.aws.group_mut("red").well = 0;
    model.aws.group_mut("blue").well = 3;
    model.run_for(minutes(2));
    assert_eq!(live(&model), [is("blue", 60), is("green", 40), is("red", 0)]);
    model.aws.group_mut("blue").well = 5;
    model.run_for(minutes(1));
    assert_eq!(live(&model), [is("blue", 1), is("green", 0), is("red", 0)]);
}

#[test]
fn what_was_left_half_way_and_breaks_is_left_too() {
    let mut model = chain();
    model.aws.group_mut("green").well = 0;
    model.run_for(minutes(1));
    assert_eq!(live(&model), [is("blue", 1), is("green", 0), is("red", 0)]);
    let rollback = status(&model).run.as_ref().unwrap().rollback.clone().unwrap();
    assert_eq!(rollback.reason, "RemainderUnhealthy", "{}", rollback.message);
}

#[test]
fn a_change_back_to_one_that_is_partly_live_goes_on_from_there() {
    let mut model = chain();
    wish(&mut model, "green");
    model.run_for(minutes(1));
    assert_eq!(live(&model), [is("blue", 45), is("green", 50), is("red", 5)], "the step after what it has");
    model.run_for(minutes(60));
    assert_eq!(live(&model), [is("blue", 0), is("green", 100), is("red", 0)]);
    ended(&model, Outcome::Succeeded);
}

#[test]
fn a_change_does_not_wait_for_a_pause_to_end() {
    let mut model = many();
    let forever = vec![PlanStep { weight: Some(25), pause: Some(Pause { duration: None }) }, step(100, None)];
    let strategy = Moves { steps: Some(forever), linear: None, all_at_once: None };
    model.apply_shift("shop", TrafficShiftSpec { strategy, ..shift("green") });
    model.run_for(minutes(60));
    assert_eq!(live(&model), [is("blue", 75), is("green", 25)]);
    wish(&mut model, "red");
    model.run_for(minutes(1));
    assert_eq!(live(&model), [is("blue", 71), is("green", 24), is("red", 5)]);
}

#[test]
fn a_change_while_a_write_is_on_its_way_starts_from_what_became_of_it() {
    for took_effect in [true, false] {
        let mut model = many();
        wish(&mut model, "green");
        model.run_for(minutes(10));
        // The step after the pause is written, and nobody hears what became of it.
        model.aws.failing_writes = (10_000, took_effect);
        model.run_for(SignedDuration::from_secs(30));
        wish(&mut model, "red");
        model.run_for(SignedDuration::from_secs(1));
        model.aws.failing_writes = (0, false);
        model.run_for(minutes(1));
        let expected = if took_effect { [71, 24, 5] } else { [90, 5, 5] };
        let [blue, green, red] = expected;
        assert_eq!(live(&model), [is("blue", blue), is("green", green), is("red", red)], "{took_effect}");
        assert_eq!(status(&model).run.as_ref().map(|run| run.hold.clone()), Some(None));
        model.run_for(minutes(60));
        ended(&model, Outcome::Succeeded);
    }
}

#[test]
fn a_change_is_taken_up_while_nothing_can_be_written() {
    let mut model = many();
    wish(&mut model, "green");
    model.run_for(minutes(5));
    model.aws.failing_writes = (10_000, false);
    model.run_for(minutes(10));
    wish(&mut model, "red");
    model.run_for(minutes(1));
    assert_eq!(status(&model).run.as_ref().map(|run| run.to.clone()), Some("red".to_owned()));
    // And taken back.
    wish(&mut model, "blue");
    model.run_for(minutes(1));
    assert_eq!(status(&model).phase, Some(Phase::RollingBack));
    model.aws.failing_writes = (0, false);
    model.run_for(minutes(1));
    assert_eq!(past(&model)[0], was("red", Outcome::RolledBack));
    assert_eq!(model.aws.default_weights(80)["blue"], 1);
}

#[test]
fn a_broken_candidate_is_left_before_another_takes_over() {
    let mut model = many();
    wish(&mut model, "green");
    model.run_for(minutes(25));
    model.aws.group_mut("green").well = 0;
    wish(&mut model, "red");
    model.run_for(SignedDuration::from_secs(2));
    assert_eq!(model.aws.default_weights(80).get("green").copied().unwrap_or(0), 0, "not step by step");
    model.run_for(minutes(60));
    assert_eq!(past(&model), [was("red", Outcome::Succeeded), was("green", Outcome::RolledBack)]);
}

#[test]
fn a_rollback_that_waits_for_capacity_lets_another_take_over() {
    let mut model = many();
    wish(&mut model, "green");
    model.run_for(minutes(25));
    model.aws.group_mut("blue").well = 2;
    model.aws.group_mut("green").well = 2;
    model.run_for(minutes(2));
    assert_eq!(status(&model).phase, Some(Phase::RollingBack));
    wish(&mut model, "red");
    model.run_for(minutes(60));
    assert_eq!(past(&model), [was("red", Outcome::Succeeded), was("green", Outcome::Superseded)]);
    assert_eq!(model.aws.default_weights(80)["red"], 100);
    assert_eq!(model.violations, Vec::<String>::new());
}

#[test]
fn while_the_next_run_cannot_begin_the_present_one_is_still_watched() {
    let mut model = many();
    wish(&mut model, "green");
    model.run_for(minutes(25));
    wish(&mut model, "nowhere");
    model.run_for(minutes(5));
    assert_eq!((status(&model).phase, live(&model)), (Some(Phase::Pending), vec![is("blue", 50), is("green", 50)]));
    model.run_for(minutes(180));
    assert_eq!(live(&model), [is("blue", 50), is("green", 50)], "it waits for the user, who has no deadline");
    model.aws.group_mut("green").well = 0;
    model.run_for(minutes(1));
    assert_eq!(live(&model), [is("blue", 1), is("green", 0)]);
}

#[test]
fn a_sixth_group_is_refused_with_the_reason() {
    let mut model = many();
    for name in &ENVIRONMENTS[1..5] {
        wish(&mut model, name);
        model.run_for(minutes(5));
        assert_eq!(model.aws.default_weights(80)[*name], 5);
    }
    wish(&mut model, "white");
    model.run_for(minutes(5));
    let stalled = condition::find(&status(&model).conditions, condition::STALLED).unwrap();
    assert_eq!(stalled.reason, "TooManyGroups", "{}", stalled.message);
    wish(&mut model, "blue");
    model.run_for(minutes(1));
    assert_eq!(model.aws.default_weights(80).into_iter().filter(|(_, weight)| *weight > 0).count(), 1);
    assert_eq!(status(&model).phase, Some(Phase::Succeeded));
    judge(&model);
}

#[test]
fn a_queued_wish_waits_for_the_end_and_can_be_taken_back() {
    let mut model = many();
    let queue = |to: &str| TrafficShiftSpec { on_change: OnChange::Queue, ..shift(to) };
    model.apply_shift("shop", queue("green"));
    model.run_for(minutes(5));
    model.apply_shift("shop", queue("red"));
    model.run_for(minutes(1));
    assert_eq!(status(&model).queued.as_deref(), Some("red"));
    let ready = condition::find(&status(&model).conditions, condition::READY).unwrap();
    assert!(ready.message.contains("the run to red follows"), "{}", ready.message);
    model.apply_shift("shop", queue("green"));
    model.run_for(minutes(1));
    assert_eq!(status(&model).queued, None);
    model.apply_shift("shop", queue("red"));
    model.run_for(minutes(120));
    assert_eq!(past(&model), [was("red", Outcome::Succeeded), was("green", Outcome::Succeeded)]);
    assert_eq!((status(&model).queued.clone(), live(&model)), (None, vec![is("green", 0), is("red", 100)]));
}

#[test]
fn with_a_queue_the_emergency_brake_still_works_and_a_failure_lets_the_next_begin() {
    let mut model = many();
    let queue = |to: &str| TrafficShiftSpec { on_change: OnChange::Queue, ..shift(to) };
    model.apply_shift("shop", queue("green"));
    model.run_for(minutes(25));
    model.apply_shift("shop", queue("blue"));
    model.run_for(minutes(1));
    assert_eq!(live(&model), [is("blue", 1), is("green", 0)]);
    assert_eq!(past(&model), [was("green", Outcome::RolledBack)]);
    model.apply_shift("shop", queue("red"));
    model.run_for(minutes(5));
    model.apply_shift("shop", queue("amber"));
    model.aws.group_mut("red").well = 0;
    model.run_for(minutes(60));
    assert_eq!(past(&model)[..2], [was("amber", Outcome::Succeeded), was("red", Outcome::RolledBack)]);
}

/// What a user may do to a run while nothing fails.
#[derive(Clone, Debug)]
enum Whim {
    To(usize),
    Queue(bool),
    Quick(bool),
    Command(&'static str),
}

fn whim() -> impl Strategy<Value = Whim> {
    prop_oneof![
        6 => (0..5_usize).prop_map(Whim::To),
        1 => any::<bool>().prop_map(Whim::Queue),
        1 => any::<bool>().prop_map(Whim::Quick),
        1 => prop::sample::select(vec!["promote/", "abort/"]).prop_map(Whim::Command),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, ..ProptestConfig::default() })]

    /// However often a user changes their mind, an action never has more than five groups, and the newest wish wins:
    /// its run has begun within a minute, unless the one before may end first, and ends with everything there.
    #[test]
    fn the_newest_wish_wins(
        known_good in prop::sample::select(vec![KnownGood::Immediate, KnownGood::Gradual]),
        sticky in any::<bool>(),
        course in prop::collection::vec((0..1_200_i64, whim()), 1..14),
    ) {
        let mut model = many();
        model.aws.group_mut("red").sticky = sticky;
        let mut wish = TrafficShiftSpec { known_good, ..shift("green") };
        model.apply_shift("shop", wish.clone());
        for (index, (seconds, what)) in course.iter().enumerate() {
            model.run_for(SignedDuration::from_secs(*seconds));
            match what {
                Whim::To(number) => ENVIRONMENTS[*number].clone_into(&mut wish.to),
                Whim::Queue(queue) => wish.on_change = if *queue { OnChange::Queue } else { OnChange::Replace },
                Whim::Quick(true) => wish.strategy = Moves { all_at_once: Some(AllAtOnce {}), steps: None, linear: None },
                Whim::Quick(false) => wish.strategy = steps(),
                Whim::Command(verb) => model.command("shop", &format!("{verb}{index}")),
            }
            model.apply_shift("shop", wish.clone());
        }
        model.run_for(minutes(1));
        let replaces = wish.on_change == OnChange::Replace;
        let begun = status(&model).run.as_ref().is_some_and(|run| run.to == wish.to || run.ended_at.is_some() || run.rollback.is_some());
        prop_assert!(begun || !replaces, "{:#?}", status(&model));
        model.command("shop", "retry/last");
        model.run_for(minutes(120));
        if model.aws.default_weights(80)[&wish.to] == 0 {
            // It was told to go back, and stays there until somebody says retry.
            model.command("shop", "retry/again");
            model.run_for(minutes(60));
        }
        judge(&model);
        let all: Vec<_> = live(&model).into_iter().filter(|(_, weight)| *weight > 0).collect();
        prop_assert_eq!(all.len(), 1, "{:#?}", status(&model));
        prop_assert_eq!(&all[0].0, &wish.to, "{:#?}", status(&model));
        prop_assert!(condition::holds(&status(&model).conditions, condition::COMPLETE));
    }
}
