//! Counting shares: what counts as a minute, and what a few of them add up to.

use proptest::prelude::*;

use super::*;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_795_255_200 + minute * 60).unwrap()
}

fn requests(counts: &[(i64, u64)]) -> Requests {
    Requests { by_minute: counts.iter().map(|(minute, count)| (at(*minute), *count)).collect() }
}

fn counts(asked: Timestamp, total: &[(i64, u64)], blue: &[(i64, u64)], green: &[(i64, u64)]) -> Counts {
    let (blue, green) = (requests(blue), requests(green));
    let names = ["blue".to_owned(), "green".to_owned()];
    Counts::new(asked, &requests(total), &BTreeMap::from([(&names[0], &blue), (&names[1], &green)]))
}

fn of(sample: &Sample) -> (u32, u64, Option<i32>) {
    (sample.minutes, sample.total, sample.percent("green"))
}

#[test]
fn a_share_is_a_part_of_all_requests_of_the_minutes_that_count() {
    let both = [(0, 600), (1, 600)];
    let counts = counts(at(10), &both, &[(0, 570), (1, 570)], &[(0, 30), (1, 30)]);
    let sample = counts.newest(at(0), |_| false);
    assert_eq!(of(&sample), (2, 1_200, Some(5)));
    assert_eq!(sample.share("green"), Some(500));
    assert_eq!(sample.until, Some(at(2)));
    assert_eq!(of(&counts.newest(at(1), |_| false)), (1, 600, Some(5)), "only minutes from then on");
    assert_eq!(of(&counts.newest(at(0), |sample| sample.minutes >= 1)), (1, 600, Some(5)), "the newest one");
}

#[test]
fn a_minute_of_which_the_balancer_has_no_count_is_not_zero() {
    let counts = counts(at(10), &[(0, 100), (2, 100)], &[(0, 50), (1, 50), (2, 50)], &[(0, 50), (2, 50)]);
    assert_eq!(of(&counts.newest(at(0), |_| false)), (2, 200, Some(50)));
}

#[test]
fn a_group_without_a_count_in_a_minute_that_arrived_had_no_requests() {
    let counts = counts(at(10), &[(0, 100), (1, 100)], &[(0, 100), (1, 80)], &[(1, 20)]);
    let sample = counts.newest(at(0), |_| false);
    assert_eq!(of(&sample), (2, 200, Some(10)));
    assert_eq!((sample.busy_minutes("blue"), sample.busy_minutes("green")), (2, 1));
}

#[test]
fn a_minute_that_has_just_ended_is_left_alone() {
    let asked = |seconds| counts(at(1) + SignedDuration::from_secs(seconds), &[(0, 9)], &[(0, 9)], &[]);
    assert_eq!(asked(59).newest(at(0), |_| false).minutes, 0);
    assert_eq!(asked(60).newest(at(0), |_| false).minutes, 1);
}

#[test]
fn without_requests_there_is_no_share() {
    let counts = counts(at(10), &[(0, 100)], &[], &[]);
    let sample = counts.newest(at(0), |_| false);
    assert_eq!(of(&sample), (1, 0, None));
    assert_eq!(sample.share("green"), None);
}

proptest! {
    /// Shares lie between none and all, their sum is all but for rounding, and a minute that has not arrived changes
    /// nothing.
    #[test]
    fn shares_add_up_and_missing_minutes_change_nothing(
        blue in prop::collection::vec(0..10_000_u64, 1..10),
        green in prop::collection::vec(0..10_000_u64, 10),
        missing in 0..10_usize,
    ) {
        let minutes = |counts: &[u64]| -> Vec<(i64, u64)> { (0_i64..).zip(counts.iter().copied()).collect() };
        let (blue, green) = (minutes(&blue), minutes(&green[..blue.len()]));
        let total: Vec<(i64, u64)> = blue.iter().zip(&green).map(|(b, g)| (b.0, b.1 + g.1)).collect();
        let whole = counts(at(20), &total, &blue, &green).newest(at(0), |_| false);
        if whole.total > 0 {
            let (blue, green) = (whole.percent("blue").unwrap(), whole.percent("green").unwrap());
            prop_assert!((0..=100).contains(&blue) && (0..=100).contains(&green));
            prop_assert!((99..=101).contains(&(blue + green)));
        }
        let without = |list: &[(i64, u64)]| -> Vec<(i64, u64)> {
            list.iter().copied().enumerate().filter(|(index, _)| *index != missing).map(|(_, entry)| entry).collect()
        };
        let late = counts(at(20), &without(&total), &blue, &green).newest(at(0), |_| false);
        let never = counts(at(20), &without(&total), &without(&blue), &without(&green)).newest(at(0), |_| false);
        prop_assert_eq!(late, never);
    }
}
