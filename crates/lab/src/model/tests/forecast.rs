//! What is forecast is what then happens.

use jiff::civil::Time;
use weir_engine::ObjectRef;
use weir_engine::forecast::{End, Forecast, Question, What, forecast};
use weir_engine::reader::Facts;
use weir_engine::write::Write;

use super::super::OWNER;
use super::*;

/// What the shift of a model will do, with what AWS has now.
fn foretold(model: &Model) -> Forecast {
    let question = Question {
        now: model.now,
        owner: OWNER.to_owned(),
        grants: Arc::clone(&model.grants),
        shifts: vec![Key::new(NAMESPACE, "shop")],
    };
    let mut facts = Facts::default();
    for _ in 0..16 {
        match forecast(&question, &model.cluster, &facts) {
            Ok(forecast) => return forecast,
            Err(asks) => {
                for ask in asks {
                    let (_, fact) = model.aws.answer(model.now, ask.query.clone());
                    facts.answer(ask, fact);
                }
            }
        }
    }
    panic!("what is not known is asked without end");
}

/// A write in words that are the same whatever a rule is called.
fn words(object: &ObjectRef, write: &Write) -> String {
    format!("{object}: {} {}", write.operation(), write.words())
}

/// The writes that change something. Where a call takes no time, as in the model, what was read before a change began is from
/// after it, so what is live already is not written once more; with time it is.
fn changing(live: &str, mut lines: Vec<String>) -> Vec<String> {
    let mut live = live.to_owned();
    lines.retain(|line| {
        let Some((_, weights)) = line.split_once("ModifyListener ").or(line.split_once("ModifyRule ")) else {
            return true;
        };
        std::mem::replace(&mut live, weights.to_owned()) != weights
    });
    lines
}

fn strategy() -> impl Strategy<Value = Moves> {
    let all_at_once = Moves { steps: None, linear: None, all_at_once: Some(AllAtOnce {}) };
    let linear = (10..=50_i32).prop_map(|step| {
        let linear = Linear { step, interval: Duration::from_secs(60) };
        Moves { steps: None, linear: Some(linear), all_at_once: None }
    });
    prop_oneof![Just(steps()), Just(all_at_once), linear]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_forecast_is_what_then_happens(
        strategy in strategy(),
        rule in prop::option::of(Just(7)),
        evidence in prop::sample::select(vec![Evidence::Weights, Evidence::Share]),
        well in 1..=5_u32,
        good in any::<bool>(),
    ) {
        let mut model = model();
        model.apply_route("web", route("http", rule));
        model.apply_shift("shop", shift("blue"));
        model.run_for(minutes(10));
        if good {
            // Green has carried everything, and goes back to blue at once.
            model.apply_shift("shop", TrafficShiftSpec { strategy: strategy.clone(), ..shift("green") });
            model.run_for(minutes(90));
        }
        model.aws.group_mut("green").targets = well;
        model.aws.group_mut("green").well = well;
        let to = if good { "blue" } else { "green" };
        let wish = TrafficShiftSpec { strategy, evidence, progress_deadline: Duration::from_secs(1_200), ..shift(to) };
        model.apply_shift("shop", wish);
        let foretold = foretold(&model);
        let weights = &model.cluster.routes[&Key::new(NAMESPACE, "web")].status.weights;
        let live: Vec<String> = weights.iter().map(|entry| format!("{} {}", entry.environment, entry.weight)).collect();
        let live = live.join(", ");
        let before = model.writes.len();
        model.run_for(minutes(180));
        let written: Vec<String> = model.writes[before..].iter().map(|(_, object, write)| words(object, write)).collect();
        let entries = foretold.entries.iter();
        let expected: Vec<String> = entries.filter_map(|entry| match &entry.what {
            What::Write { write, .. } => Some(words(&entry.object, write)),
            What::Waits { .. } | What::Resumed => None,
        }).collect();
        let (written, expected) = (changing(&live, written), changing(&live, expected));
        prop_assert_eq!(&written, &expected, "{:#?}", foretold);
        let past = model.cluster.shifts[&Key::new(NAMESPACE, "shop")].status.history[0].clone();
        let [End::Ends { outcome, message, .. }] = &foretold.ends[..] else { panic!("{foretold:#?}") };
        prop_assert!(*outcome == past.outcome && says_the_same(message, &past.message), "{message}\n{}", past.message);
    }
}

/// Whether two messages are the same but for instants that are a second apart: a forecast may look a tick later than what happens.
fn says_the_same(foretold: &str, happened: &str) -> bool {
    let (foretold, happened): (Vec<&str>, Vec<&str>) = (foretold.split(' ').collect(), happened.split(' ').collect());
    let time = |word: &str| word.trim_end_matches(':').parse::<Time>().ok();
    let is_near = |(one, other): (&&str, &&str)| match (time(one), time(other)) {
        (Some(one), Some(other)) => one.duration_until(other).as_secs().abs() <= 1,
        _ => one == other,
    };
    foretold.len() == happened.len() && foretold.iter().zip(&happened).all(is_near)
}

#[test]
fn a_pause_without_an_end_is_told_and_passed_over() {
    let mut model = model();
    model.apply_shift("shop", shift("blue"));
    model.run_for(minutes(10));
    let open = PlanStep { weight: Some(20), pause: Some(Pause { duration: None }) };
    let strategy = Moves { steps: Some(vec![open, step(100, None)]), linear: None, all_at_once: None };
    model.apply_shift("shop", TrafficShiftSpec { strategy, ..shift("green") });
    let told = foretold(&model);
    assert_eq!(told.entries.iter().filter(|entry| entry.what == What::Resumed).count(), 1, "{told:#?}");
    assert!(matches!(told.ends[0], End::Ends { outcome: Outcome::Succeeded, .. }), "{told:#?}");
}

#[test]
fn what_stands_in_the_way_is_told() {
    let mut model = model();
    model.apply_shift("shop", shift("blue"));
    model.run_for(minutes(10));
    assert_eq!(foretold(&model).ends, [End::Rests]);
    model.apply_shift("shop", TrafficShiftSpec { routes: vec!["nowhere".to_owned()], ..shift("green") });
    let told = foretold(&model);
    assert!(matches!(&told.ends[0], End::Blocked(why) if why.contains("nowhere")), "{told:#?}");
    model.apply_shift("shop", TrafficShiftSpec { paused: true, ..shift("green") });
    let told = foretold(&model);
    assert!(matches!(&told.ends[0], End::Blocked(why) if why.contains("spec.paused")), "{told:#?}");
}
