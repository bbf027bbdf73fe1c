//! Strategies, and the stops that they are parsed into.

use jiff::SignedDuration;
use weir_api::Duration;
use weir_api::traffic_shift::{AllAtOnce, Linear, Pause, Step, Strategy};

use super::{Plan, StepPause};

/// Steps from words such as `5 10m`, `5`, `10m` and `{}`, the last for a pause without end.
fn steps(words: &[&str]) -> Strategy {
    let step = |words: &&str| {
        let (mut weight, mut pause) = (None, None);
        for word in words.split(' ') {
            match (word, word.parse()) {
                ("{}", _) => pause = Some(Pause { duration: None }),
                (_, Ok(number)) => weight = Some(number),
                (_, Err(_)) => pause = Some(Pause { duration: Some(word.parse().unwrap()) }),
            }
        }
        Step { weight, pause }
    };
    Strategy { steps: Some(words.iter().map(step).collect()), linear: None, all_at_once: None }
}

fn stops(strategy: &Strategy) -> Vec<(i32, StepPause)> {
    Plan::parse(strategy).unwrap().stops().iter().map(|stop| (stop.weight, stop.pause)).collect()
}

#[test]
fn pauses_belong_to_the_weight_before_them() {
    let strategy = steps(&["1m", "5 10m", "1m", "50", "{}", "100"]);
    let minute = SignedDuration::from_secs(60);
    let eleven = SignedDuration::from_secs(660);
    assert_eq!(
        stops(&strategy),
        [(0, StepPause::For(minute)), (5, StepPause::For(eleven)), (50, StepPause::UntilTold), (100, StepPause::None)]
    );
}

#[test]
fn linear_rises_by_equal_steps_to_exactly_100() {
    let linear = |step| Strategy {
        steps: None,
        linear: Some(Linear { step, interval: Duration::from_secs(300) }),
        all_at_once: None,
    };
    let weights = |step| -> Vec<i32> { stops(&linear(step)).iter().map(|(weight, _)| *weight).collect() };
    assert_eq!(weights(30), [0, 30, 60, 90, 100]);
    assert_eq!(weights(50), [0, 50, 100]);
    assert_eq!(weights(100), [0, 100]);
    assert_eq!(weights(1).len(), 101);
}

#[test]
fn all_at_once_is_one_step() {
    let strategy = Strategy { steps: None, linear: None, all_at_once: Some(AllAtOnce {}) };
    let plan = Plan::parse(&strategy).unwrap();
    assert_eq!(
        (plan.after(0), plan.after(100), plan.progress(0), plan.progress(100)),
        (Some(100), None, "0/1".to_owned(), "1/1".to_owned())
    );
}

#[test]
fn what_a_schema_would_refuse_is_refused_with_what_to_write() {
    for wrong in [steps(&["50", "25", "100"]), steps(&["50"]), steps(&[])] {
        assert!(Plan::parse(&wrong).unwrap_err().contains("for example 5, 25, 50, 100"), "{wrong:?}");
    }
    let both = Strategy { all_at_once: Some(AllAtOnce {}), ..steps(&["100"]) };
    assert!(Plan::parse(&both).unwrap_err().contains("exactly one of"));
}
