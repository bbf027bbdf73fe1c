//! Instants that a clock told which was set since.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use weir_api::{TrafficShiftStatus, WeightedRouteStatus};

use super::{Dated, Dates};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(100_000 + second).unwrap()
}

/// A run that has applied its weight at a second, and made progress then.
fn moving(second: i64, ended: bool) -> TrafficShiftStatus {
    let mut status = json!({
        "phase": "Shifting",
        "run": {
            "id": 1, "to": "green", "seq": 2, "weight": 25, "progress": "1/2", "summary": "", "routes": [],
            "startedAt": at(second), "appliedAt": at(second), "progressedAt": at(second), "degradedSince": at(second),
            "gates": [{"name": "Capacity", "reason": "Capacity", "message": "", "since": at(second)}],
        },
        "waiting": {"reason": "Capacity", "message": "", "since": at(second)},
        "lastCommand": {"command": "retry/1", "result": "", "at": at(second)},
    });
    if ended {
        status["run"]["endedAt"] = json!(at(second));
    }
    serde_json::from_value(status).unwrap()
}

fn redated<T: Dated + Clone>(status: &T, now: i64, counted_from: Timestamp) -> T {
    let (mut redated, dates) = (status.clone(), Dates::new(at(now), at(now), counted_from));
    redated.redate(&dates);
    redated
}

#[test]
fn what_is_past_stays_and_so_does_what_another_clock_told() {
    for second in [-3_600, 0, 29] {
        let status = moving(second, false);
        assert_eq!(redated(&status, 0, Timestamp::MIN), status, "{second}");
    }
}

#[test]
fn nothing_is_later_than_now() {
    assert_eq!(redated(&moving(900, false), 0, Timestamp::MIN), moving(0, false));
    assert_eq!(redated(&moving(900, true), 0, Timestamp::MIN), moving(0, true));
}

#[test]
fn spans_that_go_on_are_counted_from_the_leap() {
    let (status, leap) = (moving(-7_200, false), at(-5));
    let run = redated(&status, 0, leap).run.unwrap();
    assert_eq!((run.applied_at, run.progressed_at, run.degraded_since), (Some(leap), leap, Some(leap)));
    assert_eq!(run.gates[0].since, leap);
    assert_eq!(run.started_at, at(-7_200), "what was is not another for it");
    assert_eq!(redated(&status, 0, leap).waiting.unwrap().since, leap);
    // After the leap all goes on as ever.
    assert_eq!(redated(&moving(-3, false), 0, leap), moving(-3, false));
}

#[test]
fn what_has_ended_is_not_counted_from() {
    assert_eq!(redated(&moving(-7_200, true), 0, at(-5)).run, moving(-7_200, true).run);
}

#[test]
fn a_route_counts_its_pace_and_no_more() {
    let status = |follows: bool, second: i64| -> WeightedRouteStatus {
        let mut intent = json!({"since": at(second), "weights": [], "verifiedAt": at(second)});
        if follows {
            intent["follow"] = json!({"generation": 1, "goal": []});
        }
        serde_json::from_value(json!({"intent": intent})).unwrap()
    };
    let leap = at(-5);
    assert_eq!(redated(&status(true, -600), 0, leap), status(true, -5));
    assert_eq!(redated(&status(false, -600), 0, leap), status(false, -600));
    assert_eq!(redated(&status(false, 600), 0, Timestamp::MIN), status(false, 0));
}

#[test]
fn what_was_put_right_once_is_right() {
    let (status, dates) = (moving(900, false), Dates::new(at(0), at(0), Timestamp::MIN));
    let mut once = status;
    once.redate(&dates);
    let mut later = once.clone();
    let hour = at(0) + SignedDuration::from_hours(1);
    later.redate(&Dates::new(hour, hour, Timestamp::MIN));
    assert_eq!(once, later);
}

#[test]
fn a_decision_of_a_clock_that_is_a_little_ahead_is_as_of_this_tick() {
    let status = |second: i64| -> WeightedRouteStatus {
        serde_json::from_value(json!({"intent": {"since": at(second), "weights": []}})).unwrap()
    };
    let redated = |second: i64| {
        let mut redated = status(second);
        redated.redate(&Dates::new(at(0), at(2), Timestamp::MIN));
        redated
    };
    assert_eq!(redated(29), status(0));
    assert_eq!(redated(1), status(1), "what this tick has decided stays as it is on record");
}
