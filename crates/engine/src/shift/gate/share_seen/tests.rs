//! What counts as a share that was seen.

use super::*;

fn since() -> Timestamp {
    "2026-11-21T10:00:05Z".parse().unwrap()
}

/// The words of a wait for a weight in percent; `None` where the share was seen.
fn says(weight: u64, is_sticky: bool, minutes: &[(u64, u64)]) -> Option<String> {
    let sample = Sample::of(minutes);
    enough(&sample, since()).and_then(|()| near("green", weight * 100, is_sticky, &sample)).err()
}

#[test]
fn a_share_near_the_weight_was_seen() {
    for (weight, blue, green) in [(5, 570, 30), (5, 585, 15), (5, 540, 60), (50, 330, 270), (100, 20, 580), (1, 597, 3)]
    {
        assert_eq!(says(weight, false, &[(blue, green), (blue, green)]), None, "{weight}: {blue}, {green}");
    }
}

#[test]
fn a_share_too_far_from_the_weight_was_not() {
    let cases = [(5, 588, 12), (5, 535, 65), (50, 340, 260), (50, 260, 340), (100, 40, 560), (1, 600, 2), (10, 600, 0)];
    for (weight, blue, green) in cases {
        assert!(says(weight, false, &[(blue, green), (blue, green)]).is_some(), "{weight}: {blue}, {green}");
    }
    assert_eq!(
        says(25, false, &[(500, 100), (500, 100)]).unwrap(),
        "16.6 % of 1200 requests in 2 minutes until 2026-11-21T10:02:00Z; expected 20 % to 30 % at a weight of 25 %"
    );
}

#[test]
fn it_takes_two_minutes_and_a_hundred_requests() {
    assert_eq!(
        says(50, false, &[(300, 300)]).unwrap(),
        "600 requests in 1 whole minutes until 2026-11-21T10:01:00Z; it takes 100 in at least 2"
    );
    assert_eq!(
        says(50, false, &[(25, 24), (25, 25)]).unwrap(),
        "99 requests in 2 whole minutes until 2026-11-21T10:02:00Z; it takes 100 in at least 2. Where traffic is this low, \
         set spec.evidence to Weights or give the command promote"
    );
    assert_eq!(says(50, false, &[(25, 25), (25, 25)]), None);
}

#[test]
fn without_traffic_it_is_said_so() {
    for minutes in [&[][..], &[(0, 0), (0, 0)]] {
        let says = says(50, false, minutes).unwrap();
        assert!(says.starts_with("no requests were seen since 2026-11-21T10:00:05Z; without traffic"), "{says}");
    }
}

#[test]
fn while_clients_stick_it_is_enough_that_the_candidate_answers() {
    assert_eq!(says(50, true, &[(590, 10), (590, 10)]), None);
    assert_eq!(says(5, true, &[(10, 590), (10, 590)]), None, "clients may have stuck to the candidate, too");
    assert_eq!(says(5, true, &[(10, 1), (10, 0), (10, 0), (10, 1), (70, 0)]), None, "and some minutes may go without");
    assert_eq!(
        says(50, true, &[(590, 0), (590, 10)]).unwrap(),
        "0.8 % of 1190 requests in 2 minutes until 2026-11-21T10:02:00Z; it should have answered some in at least 2 of \
         them. Where traffic is this low, set spec.evidence to Weights or give the command promote"
    );
}
