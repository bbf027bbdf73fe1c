//! Tests of values over time.

use super::*;

fn second(number: i64) -> Timestamp {
    Timestamp::from_second(number).unwrap()
}

#[test]
fn the_last_value_up_to_an_instant_holds() {
    let mut line = Timeline::starting(second(10), 'a');
    line.then(second(20), 'b');
    assert_eq!(line.at(second(9)), None);
    assert_eq!(line.at(second(10)), Some(&'a'));
    assert_eq!(line.at(second(19)), Some(&'a'));
    assert_eq!(line.at(second(20)), Some(&'b'));
    assert_eq!(line.next_after(second(10)), Some(second(20)));
    assert_eq!(line.next_after(second(20)), None);
}

#[test]
fn what_is_set_now_replaces_what_was_expected() {
    let mut line = Timeline::starting(second(10), 'a');
    line.then(second(20), 'b');
    line.set(second(15), 'c');
    assert_eq!(line.at(second(30)), Some(&'c'));
    line.set(second(15), 'd');
    assert_eq!(line.at(second(15)), Some(&'d'));
    line.then(second(25), 'e');
    line.forget_after(second(15));
    assert_eq!(line.at(second(30)), Some(&'d'));
}

#[test]
fn what_is_expected_never_overtakes() {
    let mut line = Timeline::starting(second(10), 'a');
    line.then(second(20), 'b');
    line.then(second(18), 'c');
    assert_eq!(line.at(second(19)), Some(&'a'), "a later change does not arrive before an earlier one");
    assert_eq!(line.at(second(20)), Some(&'c'));
}

#[test]
fn what_is_forgotten_changes_nothing_from_then_on() {
    let mut line = Timeline::starting(second(10), 'a');
    line.then(second(20), 'b');
    line.then(second(30), 'c');
    line.forget_before(second(25));
    assert_eq!((line.at(second(15)), line.at(second(25)), line.at(second(30))), (None, Some(&'b'), Some(&'c')));
    assert_eq!((line.rests_since(second(29)), line.rests_since(second(30))), (false, true));
    line.forget_before(second(90));
    assert_eq!(line.at(second(90)), Some(&'c'));
}
