//! Tests of the buckets.

use super::super::elbv2::ELBV2;
use super::super::service::Service;
use super::*;

fn millisecond(number: i64) -> Timestamp {
    Timestamp::from_millisecond(number).unwrap()
}

fn taken(buckets: &mut Buckets, operation: &str, at: i64, calls: u32) -> usize {
    let (name, rate) = (ELBV2.operation(operation).unwrap().bucket.unwrap())(&Rates::of_2026());
    let fare = Fare::one(name, rate);
    let take = |buckets: &mut Buckets| buckets.take("elasticloadbalancing", fare, millisecond(at)).is_ok();
    (0..calls).filter(|_| take(buckets)).count()
}

#[test]
fn a_burst_is_taken_and_then_so_many_a_second() {
    let mut buckets = Buckets::default();
    assert_eq!(taken(&mut buckets, "ModifyRule", 0, 100), 20);
    assert_eq!(taken(&mut buckets, "ModifyRule", 333, 1), 0, "a third of a second is not quite enough");
    assert_eq!(taken(&mut buckets, "ModifyRule", 334, 2), 1);
    assert_eq!(taken(&mut buckets, "ModifyRule", 10_334, 100), 20, "a bucket does not overflow");
}

#[test]
fn each_kind_of_call_has_its_own_bucket() {
    let mut buckets = Buckets::default();
    assert_eq!(taken(&mut buckets, "ModifyRule", 0, 100), 20);
    assert_eq!(taken(&mut buckets, "AddTags", 0, 1), 0, "all that modify share one");
    assert_eq!(taken(&mut buckets, "DeregisterTargets", 0, 100), 20);
    assert_eq!(taken(&mut buckets, "RegisterTargets", 0, 1), 0);
    assert_eq!(taken(&mut buckets, "DescribeRules", 0, 500), 200);
}
