//! `to` changed again and again: the newest wish wins.

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
