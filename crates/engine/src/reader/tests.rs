//! What is known already, and what is asked.

use jiff::ToSpan;

use super::*;
use crate::Arn;
use crate::fact::{By, Rule, TargetGroup};

fn group() -> TargetGroup {
    TargetGroup {
        arn: Arn::new("arn:group"),
        name: "group".to_owned(),
        protocol: None,
        port: None,
        balancers: Vec::new(),
        vpc_id: None,
        target_type: None,
        protocol_version: None,
    }
}

#[test]
fn a_name_is_known_by_the_access_that_it_was_asked_by_and_an_arn_by_any() {
    let there = Access { region: Some("eu-west-1".to_owned()), ..Access::default() };
    let mut facts = Facts::default();
    for by in [By::Arn(group().arn), By::Name(group().name)] {
        let ask = Ask { access: there.clone(), ..Ask::new(Query::Group(by), ANY_AGE) };
        facts.answer(ask, Fact::new(ANY_AGE, Ok(group())));
    }
    let mut reader = Reader::new(Timestamp::UNIX_EPOCH, &facts);
    let mut is_known = |by: By| {
        let is_known_there = reader.by(&there, |reader| reader.group(&by, ANY_AGE).is_some());
        (reader.group(&by, ANY_AGE).is_some(), is_known_there)
    };
    assert_eq!(is_known(By::Arn(group().arn)), (true, true));
    assert_eq!(is_known(By::Name(group().name)), (false, true));
    assert_eq!(reader.into_asks(), [Ask::new(Query::Group(By::Name(group().name)), ANY_AGE)]);
}

#[test]
fn all_is_asked_in_one_round_and_an_answer_to_something_else_is_none() {
    let arns = ["a", "b"].map(Arn::new);
    let mut facts = Facts::default();
    for _ in 0..2 {
        let mut reader = Reader::new(Timestamp::UNIX_EPOCH, &facts);
        assert_eq!(all(arns.iter().map(|arn| reader.rules(arn, ANY_AGE))), None);
        let asks = reader.into_asks();
        assert_eq!(asks.len(), 2);
        facts.answer(asks[0].clone(), Fact::new(ANY_AGE, Ok(group())));
    }
    for arn in &arns {
        facts.add(Query::Rules(arn.clone()), Fact::new(ANY_AGE, Ok(Vec::<Rule>::new())));
    }
    let mut reader = Reader::new(Timestamp::UNIX_EPOCH, &facts);
    assert!(all(arns.iter().map(|arn| reader.rules(arn, ANY_AGE))).is_some());
}

#[test]
fn what_was_read_in_this_tick_will_do_whatever_instant_is_on_record() {
    let began: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
    let (listener, mut facts) = (Arn::new("arn:listener"), Facts::default());
    let ahead = began + 15.minutes();
    let mut reader = Reader::new(began, &facts);
    assert_eq!(reader.rules(&listener, ahead), None);
    let [ask] = reader.into_asks().try_into().unwrap();
    assert_eq!(ask.not_before, began, "nothing is asked that only a later tick could be told");
    facts.answer(ask, Fact::new(began, Ok(Vec::<Rule>::new())));
    let mut reader = Reader::new(began, &facts);
    assert!(reader.rules(&listener, ahead).is_some());
    assert!(reader.into_asks().is_empty());
}
