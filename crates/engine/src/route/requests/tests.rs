//! What a route's status says of requests.

use weir_api::weighted_route::ListenerRule;

use super::*;

fn since() -> Timestamp {
    "2026-11-21T10:00:05Z".parse().unwrap()
}

fn status(weights: &[(&str, i32)], sticky_seconds: Option<i32>) -> WeightedRouteStatus {
    let weights = weights.iter();
    let weights = weights.map(|(name, weight)| EnvironmentWeight { environment: (*name).to_owned(), weight: *weight });
    let listener_rule = ListenerRule { sticky_seconds, ..ListenerRule::default() };
    WeightedRouteStatus { weights: weights.collect(), listener_rule, ..WeightedRouteStatus::default() }
}

/// The words about shares in a sample of blue's and green's requests.
fn words(status: &WeightedRouteStatus, blue: u64, green: u64) -> Option<String> {
    let sample = Sample::of(&[(blue, green)]);
    let share = |environment: &str| EnvironmentShare {
        environment: environment.to_owned(),
        percent: sample.percent(environment).unwrap(),
    };
    difference(status, &[share("blue"), share("green")], &sample)
}

#[test]
fn shares_like_the_weights_need_no_words() {
    let split = status(&[("blue", 90), ("green", 10)], None);
    assert_eq!(words(&split, 900, 100), None);
    assert_eq!(words(&split, 800, 200), None, "ten points are not noticeable");
    assert_eq!(words(&status(&[("blue", 3), ("green", 1)], None), 740, 260), None);
}

#[test]
fn stickiness_is_named_with_its_duration() {
    let split = status(&[("blue", 50), ("green", 50)], Some(300));
    assert_eq!(
        words(&split, 880, 120).unwrap(),
        "green has 50 % of the weight and 12 % of the requests: group stickiness of 5m keeps clients with the group that \
         answered them first; new clients follow the weights"
    );
    let over = status(&[("blue", 0), ("green", 100)], Some(3_600));
    assert!(words(&over, 50, 950).unwrap().starts_with("blue has 0 % of the weight and 5 % of the requests: group"));
}

#[test]
fn few_requests_are_named_and_what_is_unexplained_as_well() {
    let split = status(&[("blue", 90), ("green", 10)], None);
    assert_eq!(words(&split, 3, 2).unwrap(), "green has 10 % of the weight and 40 % of the requests: few requests (5)");
    assert_eq!(
        words(&split, 700, 300).unwrap(),
        "green has 10 % of the weight and 30 % of the requests, which is unexplained: stickiness between groups is off"
    );
}

#[test]
fn numbers_are_written_only_when_they_say_something_new() {
    let seen = |until: &str, percent: i32| RequestsSeen {
        until: Some(until.parse().unwrap()),
        summary: Some(format!("green {percent} %")),
        shares: vec![EnvironmentShare { environment: "green".to_owned(), percent }],
        note: None,
        ..waiting(since())
    };
    let recorded = seen("2026-11-21T10:03:00Z", 5);
    assert!(!tells_more(&recorded, &recorded));
    assert!(!tells_more(&recorded, &seen("2026-11-21T10:04:00Z", 5)), "the same again");
    assert!(tells_more(&recorded, &seen("2026-11-21T10:04:00Z", 6)));
    assert!(tells_more(&recorded, &seen("2026-11-21T10:08:00Z", 5)), "it shows that it is still so");
    assert!(tells_more(&waiting(since()), &recorded));
    assert!(!tells_more(&waiting(since()), &waiting(since())));
    assert!(tells_more(&recorded, &unknown(since(), "denied".to_owned())));
    assert!(tells_more(&unknown(since(), "denied".to_owned()), &unknown(since(), "throttled".to_owned())));
}
