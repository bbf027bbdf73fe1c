//! Tests of the buckets.

use super::*;

fn millisecond(number: i64) -> Timestamp {
    Timestamp::from_millisecond(number).unwrap()
}

fn taken(buckets: &mut Buckets, operation: &str, writes: bool, at: i64, calls: u32) -> usize {
    let take = |buckets: &mut Buckets| buckets.take(Rates::of_2026(), operation, writes, millisecond(at)).is_ok();
    (0..calls).filter(|_| take(buckets)).count()
}

#[test]
fn a_burst_is_taken_and_then_so_many_a_second() {
    let mut buckets = Buckets::default();
    assert_eq!(taken(&mut buckets, "ModifyRule", true, 0, 100), 20);
    assert_eq!(taken(&mut buckets, "ModifyRule", true, 333, 1), 0, "a third of a second is not quite enough");
    assert_eq!(taken(&mut buckets, "ModifyRule", true, 334, 2), 1);
    assert_eq!(taken(&mut buckets, "ModifyRule", true, 10_334, 100), 20, "a bucket does not overflow");
}

#[test]
fn each_kind_of_call_has_its_own_bucket() {
    let mut buckets = Buckets::default();
    assert_eq!(taken(&mut buckets, "ModifyRule", true, 0, 100), 20);
    assert_eq!(taken(&mut buckets, "AddTags", true, 0, 1), 0, "all that modify share one");
    assert_eq!(taken(&mut buckets, "DeregisterTargets", true, 0, 100), 20);
    assert_eq!(taken(&mut buckets, "RegisterTargets", true, 0, 1), 0);
    assert_eq!(taken(&mut buckets, "DescribeRules", false, 0, 500), 200);
}
