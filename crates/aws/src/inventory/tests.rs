//! What is remembered, shared, put together and forgotten.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use weir_engine::fact::{
    Action, ActionKind, By, Conditions, ErrorKind, Forward, Found, Health, Rule, Tags, TargetGroup,
};
use weir_engine::reader::{ANY_AGE, FRESH};
use weir_engine::tick::Urgency;
use weir_engine::write::{ListenerWrite, TagWrite, Write};

use super::*;
use crate::meter::Spent;
use crate::wire::{Bed, Form, Reply, arn, failure, members, permit, result, seconds};

fn listener() -> Arn {
    arn("listener/app/a/1/2")
}

fn group(name: &str) -> Arn {
    arn(&format!("targetgroup/{name}/1"))
}

fn any_age(query: Query) -> Ask {
    Ask::new(query, ANY_AGE)
}

/// A world with one rule, in which every resource exists unless its name holds `absent`.
fn world(form: &Form) -> Reply {
    match form["Action"].as_str() {
        "DescribeRules" => result("DescribeRules", &rule_xml(&["blue"])),
        "DescribeTags" => tags_xml(&members(form, "ResourceArns")),
        "DescribeTargetGroups" => groups_xml(&members(form, "TargetGroupArns"), &members(form, "Names")),
        "DescribeTargetHealth" => result("DescribeTargetHealth", "<TargetHealthDescriptions/>"),
        "ModifyRule" | "AddTags" | "CreateRule" => result(&form["Action"], ""),
        other => panic!("{other}"),
    }
}

fn rule_xml(groups: &[&str]) -> String {
    let tuple =
        |name: &&str| format!("<member><TargetGroupArn>{}</TargetGroupArn><Weight>1</Weight></member>", group(name));
    let groups: String = groups.iter().map(tuple).collect();
    format!(
        "<Rules><member><RuleArn>rule</RuleArn><Priority>1</Priority><Actions><member><Type>forward</Type>\
         <ForwardConfig><TargetGroups>{groups}</TargetGroups></ForwardConfig></member></Actions></member></Rules>"
    )
}

fn tags_xml(arns: &[String]) -> Reply {
    assert!(arns.len() <= 20, "DescribeTags takes twenty");
    if arns.iter().any(|arn| arn.contains("absent")) {
        return failure(400, "TargetGroupNotFound", "One or more target groups not found");
    }
    let one = |arn: &String| {
        format!(
            "<member><ResourceArn>{arn}</ResourceArn><Tags><member><Key>is</Key><Value>{arn}</Value></member></Tags></member>"
        )
    };
    // AWS promises no order.
    let all: String = arns.iter().rev().map(one).collect();
    result("DescribeTags", &format!("<TagDescriptions>{all}</TagDescriptions>"))
}

fn groups_xml(arns: &[String], names: &[String]) -> Reply {
    assert!(arns.is_empty() || names.is_empty(), "ELBv2 takes ARNs or names");
    if arns.iter().chain(names).any(|named| named.contains("absent")) {
        return failure(400, "TargetGroupNotFound", "One or more target groups not found");
    }
    let arns = arns.iter().map(|arn| (arn.clone(), arn.split('/').nth(1).unwrap().to_owned()));
    let names = names.iter().map(|name| (group(name).as_str().to_owned(), name.clone()));
    let one = |(arn, name)| {
        format!("<member><TargetGroupArn>{arn}</TargetGroupArn><TargetGroupName>{name}</TargetGroupName></member>")
    };
    let all: String = arns.chain(names).map(one).collect();
    result("DescribeTargetGroups", &format!("<TargetGroups>{all}</TargetGroups>"))
}

fn set_actions(groups: &[&str]) -> Write {
    let groups = groups.iter().map(|name| (group(name), 1)).collect();
    let forward = ActionKind::Forward(Forward { groups, sticky_seconds: None });
    let actions = vec![Action { order: None, kind: forward }];
    Write::Listener(ListenerWrite::SetRuleActions { listener: listener(), rule: Arn::new("rule"), actions })
}

async fn wait(span: SignedDuration) {
    tokio::time::sleep(span.try_into().unwrap()).await;
}

fn found_group(fact: &Fact) -> Result<&TargetGroup, ErrorKind> {
    fact.reading().unwrap().found.map_err(|error| error.kind)
}

#[tokio::test(start_paused = true)]
async fn without_a_region_nothing_begins() {
    let config = SdkConfig::builder().build();
    let error = Inventory::new(&config, || Timestamp::UNIX_EPOCH, |_| ()).err().unwrap();
    assert!(error.to_string().contains("AWS_REGION or --region"));
}

#[tokio::test(start_paused = true)]
async fn what_is_young_enough_is_answered_from_memory() {
    let bed = Bed::new(world);
    let first = bed.fresh(Query::Rules(listener())).await;
    wait(seconds(30)).await;
    let ask = Ask::new(Query::Rules(listener()), first.at);
    assert_eq!(bed.answer(&ask).await, (Query::Rules(listener()), first.clone()));
    assert_eq!(bed.operations(), ["DescribeRules"]);

    let ask = Ask { not_before: first.at + seconds(1), ..ask };
    let (_, second) = bed.answer(&ask).await;
    assert_eq!(second.at, first.at + seconds(30) + Duration::from_millis(10));
    assert_eq!(bed.operations(), ["DescribeRules"]);
}

#[tokio::test(start_paused = true)]
async fn an_asker_from_the_future_gets_what_is_read_now() {
    let bed = Bed::new(world);
    let ask = Ask::new(Query::Rules(listener()), bed.now() + seconds(60));
    let began = bed.now();
    assert_eq!(bed.answer(&ask).await.1.at, began);
}

#[tokio::test(start_paused = true)]
async fn equal_questions_under_way_share_a_call() {
    let bed = Bed::new(world);
    let ask = bed.ask(Query::Health(group("blue")));
    let late = async {
        wait(SignedDuration::from_millis(5)).await;
        bed.answer(&ask).await
    };
    let (one, other, late) = futures::join!(bed.answer(&ask), bed.answer(&ask), late);
    assert_eq!((&one, &one), (&other, &late));
    assert_eq!(bed.operations(), ["DescribeTargetHealth"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_sent_too_early_is_not_shared() {
    let bed = Bed::new(world);
    let picky = async {
        wait(SignedDuration::from_millis(5)).await;
        bed.fresh(Query::Health(group("blue"))).await
    };
    let (one, other) = futures::join!(bed.fresh(Query::Health(group("blue"))), picky);
    assert_eq!(other.at.duration_since(one.at), SignedDuration::from_millis(5));
    assert_eq!(bed.operations().len(), 2);
    let kept = bed.answer(&any_age(Query::Health(group("blue")))).await.1;
    assert_eq!(kept.at, other.at, "the newer reading is the one remembered");
    assert!(bed.operations().is_empty());
}

#[tokio::test(start_paused = true)]
async fn questions_of_several_askers_go_in_one_call() {
    let bed = Bed::new(world);
    let asks = |range: std::ops::Range<u32>| -> Vec<Ask> {
        range.map(|number| any_age(Query::Tags(arn(&format!("targetgroup/g{number}/1"))))).collect()
    };
    let (mine, yours) = (asks(0..12), asks(8..25));
    let answers = futures::join!(bed.answer_all(&mine), bed.answer_all(&yours));
    assert_eq!(bed.operations(), ["DescribeTags", "DescribeTags"], "25 resources, 20 a call");
    for (asks, answers) in [(mine, answers.0), (yours, answers.1)] {
        assert_eq!(asks.len(), answers.len());
        for (ask, (query, fact)) in asks.iter().zip(answers) {
            let Query::Tags(arn) = &query else { panic!("{query:?}") };
            assert_eq!(query, ask.query);
            assert_eq!(fact.reading::<Tags>().unwrap().found.unwrap().get("is").unwrap(), arn.as_str());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn arns_and_names_go_apart() {
    let bed = Bed::new(world);
    let by = [By::Arn(group("a")), By::Name("b".to_owned()), By::Arn(group("c")), By::Name("d".to_owned())];
    let asks: Vec<Ask> = by.into_iter().map(|by| any_age(Query::Group(by))).collect();
    let answers = bed.answer_all(&asks).await;
    let names: Vec<_> = answers.iter().map(|(_, fact)| found_group(fact).unwrap().name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
    assert_eq!(bed.operations(), ["DescribeTargetGroups"; 2]);

    // What was found under one name is known under the other.
    let other_names = [By::Name("a".to_owned()), By::Arn(group("b"))].map(|by| any_age(Query::Group(by)));
    let answers = bed.answer_all(&other_names).await;
    assert!(answers.iter().all(|(_, fact)| found_group(fact).is_ok()));
    assert!(bed.operations().is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_exist_spoils_nothing_for_the_others() {
    let bed = Bed::new(world);
    let names = ["a", "b", "c", "absent", "e", "f", "g", "h"];
    let asks = names.map(|name| any_age(Query::Group(By::Arn(group(name)))));
    let answers = bed.answer_all(&asks).await;
    for (name, (_, fact)) in names.iter().zip(&answers) {
        let expected = if *name == "absent" { Err(ErrorKind::NotFound) } else { Ok(*name) };
        assert_eq!(found_group(fact).map(|group| group.name.as_str()), expected);
    }
    assert_eq!(bed.operations().len(), 7, "eight are halved three times");

    // From then on it goes alone.
    wait(seconds(60)).await;
    let asks = names.map(|name| bed.ask(Query::Group(By::Arn(group(name)))));
    assert_eq!(bed.answer_all(&asks).await.len(), 8);
    assert_eq!(bed.operations().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_leaves_something_out_means_it_is_not_there() {
    let bed = Bed::new(|_| result("DescribeTargetGroups", "<TargetGroups/>"));
    let fact = bed.fresh(Query::Group(By::Name("blue".to_owned()))).await;
    assert_eq!(found_group(&fact), Err(ErrorKind::NotFound));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_shared_for_a_while_and_then_tried_again() {
    let bed = Bed::new(|_| failure(400, "Throttling", "Rate exceeded"));
    let ask = any_age(Query::Rules(listener()));
    let first = bed.answer(&ask).await;
    let calls = bed.operations().len();
    assert_eq!(bed.answer(&ask).await, first);
    assert_eq!((calls, bed.operations().len()), (1, 0));
    wait(seconds(6)).await;
    assert_ne!(bed.answer(&ask).await, first);
    assert_eq!(bed.operations().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn few_calls_run_at_once_and_each_is_dated_by_its_sending() {
    let bed = Bed::new(world);
    let asks: Vec<Ask> = (0..20).map(|number| bed.ask(Query::Health(group(&number.to_string())))).collect();
    let began = bed.now();
    let answers = bed.answer_all(&asks).await;
    let sent = answers.iter().map(|(_, fact)| fact.at.duration_since(began).as_millis());
    let mut by_instant: BTreeMap<i128, usize> = BTreeMap::new();
    sent.for_each(|instant| *by_instant.entry(instant).or_default() += 1);
    assert_eq!(by_instant, BTreeMap::from([(0, 8), (10, 8), (20, 4)]));
}

#[tokio::test(start_paused = true)]
async fn who_joins_outlives_who_asked_first() {
    let bed = Bed::new(world);
    let ask = bed.ask(Query::Health(group("blue")));
    let mut first = Box::pin(bed.answer(&ask));
    assert!(futures::poll!(&mut first).is_pending());
    let mut second = Box::pin(bed.answer(&ask));
    assert!(futures::poll!(&mut second).is_pending());
    drop(first);
    second.await;
    assert_eq!(bed.operations(), ["DescribeTargetHealth"]);

    // When all have gone, nothing is left of the call.
    wait(seconds(1)).await;
    let ask = bed.ask(Query::Health(group("blue")));
    let mut third = Box::pin(bed.answer(&ask));
    assert!(futures::poll!(&mut third).is_pending());
    drop(third);
    let asked = bed.now();
    assert_eq!(bed.answer(&ask).await.1.at, asked);
}

#[tokio::test(start_paused = true)]
async fn a_write_makes_the_next_question_be_asked() {
    let bed = Bed::new(world);
    let rules = any_age(Query::Rules(listener()));
    let tags = any_age(Query::Tags(listener()));
    bed.answer_all(&[rules.clone(), tags.clone()]).await;
    bed.perform(permit(set_actions(&["blue"]))).await.unwrap();
    bed.operations();
    bed.answer_all(&[rules.clone(), tags.clone()]).await;
    assert_eq!(bed.operations(), ["DescribeRules"], "the tags were not touched");

    let write = Write::Tags(TagWrite::Add {
        resource: listener(),
        tags: Tags::from_iter([("weir.dev/last-run".to_owned(), "shop/web green Succeeded".to_owned())]),
    });
    bed.perform(permit(write)).await.unwrap();
    bed.operations();
    bed.answer_all(&[rules, tags]).await;
    assert_eq!(bed.operations(), ["DescribeTags"], "the rules were not touched");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_failed_or_was_dropped_forgets_too() {
    let bed = Bed::new(|form| match form["Action"].as_str() {
        "ModifyRule" => Reply::Silence,
        _ => world(form),
    });
    let rules = any_age(Query::Rules(listener()));
    bed.answer(&rules).await;
    assert!(bed.perform(permit(set_actions(&["blue"]))).await.is_err());
    bed.operations();
    bed.answer(&rules).await;
    assert_eq!(bed.operations(), ["DescribeRules"]);

    let mut write = Box::pin(bed.perform(permit(set_actions(&["blue"]))));
    assert!(futures::poll!(&mut write).is_pending());
    bed.answer(&rules).await;
    drop(write);
    bed.answer(&rules).await;
    assert_eq!(bed.operations(), ["DescribeRules"; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_reading_that_a_write_has_overtaken_is_not_kept() {
    // The reading is sent before the write and arrives after it.
    let bed = Bed::new(|form| match form["Action"].as_str() {
        "DescribeRules" => match result("DescribeRules", "<Rules/>") {
            Reply::Http(status, body, _) => Reply::Http(status, body, Duration::from_millis(50)),
            other => other,
        },
        _ => world(form),
    });
    let rules = any_age(Query::Rules(listener()));
    let write = async {
        wait(SignedDuration::from_millis(5)).await;
        bed.perform(permit(set_actions(&["blue"]))).await.unwrap();
        // The old call is still under way; it is not joined.
        bed.answer(&rules).await
    };
    let ((_, before), (_, after)) = futures::join!(bed.answer(&rules), write);
    assert_eq!(after.at.duration_since(before.at), SignedDuration::from_millis(15));
    let (_, kept) = bed.answer(&rules).await;
    assert_eq!(kept, after);
    assert_eq!(bed.operations(), ["ModifyRule", "DescribeRules", "DescribeRules"]);
}

#[tokio::test(start_paused = true)]
async fn the_health_of_groups_is_forgotten_when_they_come_or_go() {
    let bed = Bed::new(world);
    let by_arn = |name: &str| any_age(Query::Group(By::Arn(group(name))));
    let health = |name: &str| any_age(Query::Health(group(name)));
    bed.answer_all(&[by_arn("green"), health("blue"), health("green"), any_age(Query::Rules(listener()))]).await;
    bed.operations();

    // Blue stays, green comes.
    bed.perform(permit(set_actions(&["blue", "green"]))).await.unwrap();
    bed.operations();
    bed.answer_all(&[by_arn("green"), health("blue")]).await;
    assert!(bed.operations().is_empty(), "what a group is does not change by its use");
    bed.answer(&health("green")).await;
    assert_eq!(bed.operations(), ["DescribeTargetHealth"]);
}

#[tokio::test(start_paused = true)]
async fn what_no_one_asks_for_is_forgotten() {
    let bed = Bed::new(world);
    bed.fresh(Query::Health(group("old"))).await;
    for _ in 0..5 {
        wait(SignedDuration::from_mins(15)).await;
        bed.answer(&any_age(Query::Health(group("young")))).await;
        bed.fresh(Query::Rules(listener())).await;
    }
    bed.operations();
    let asks = ["young", "old"].map(|name| any_age(Query::Health(group(name))));
    let answers = bed.answer_all(&asks).await;
    assert_eq!(bed.operations(), ["DescribeTargetHealth"]);
    assert_eq!(answers[1].1.at.duration_since(bed.now()), -SignedDuration::from_millis(10), "the old one is new");
}

#[tokio::test(start_paused = true)]
async fn calls_are_metered() {
    let bed = Bed::new(world);
    bed.fresh(Query::Health(group("blue"))).await;
    let took = SignedDuration::from_millis(10);
    let call = Call {
        service: "elbv2",
        operation: "DescribeTargetHealth",
        outcome: Ok(()),
        attempts: 1,
        spent: Some(Spent {
            family: Family::Describe,
            urgency: Urgency::Routine,
            waited: SignedDuration::ZERO,
            throttled: 0,
        }),
        took,
    };
    assert_eq!(bed.calls(), [call]);
    assert_eq!(call.outcome_word(), "Ok");
}

#[tokio::test(start_paused = true)]
async fn a_health_is_the_one_of_its_group() {
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (counter, asked) = (Arc::clone(&count), Arc::clone(&seen));
    let bed = Bed::new(move |form| {
        counter.fetch_add(1, Ordering::Relaxed);
        asked.lock().unwrap().push(form["TargetGroupArn"].clone());
        let target = "<member><TargetHealth><State>healthy</State></TargetHealth></member>";
        let targets = if form["TargetGroupArn"].contains("blue") { target } else { "" };
        result("DescribeTargetHealth", &format!("<TargetHealthDescriptions>{targets}</TargetHealthDescriptions>"))
    });
    let asks = ["green", "blue"].map(|name| bed.ask(Query::Health(group(name))));
    let answers = bed.answer_all(&asks).await;
    let healthy = answers.iter().map(|(_, fact)| fact.reading::<Health>().unwrap().found.unwrap().healthy);
    assert_eq!(healthy.collect::<Vec<_>>(), [0, 1]);
    assert_eq!(count.load(Ordering::Relaxed), 2);
    assert_eq!(*seen.lock().unwrap(), [group("green").to_string(), group("blue").to_string()], "in the askers' order");
}

#[test]
fn a_rule_is_found_by_its_arn() {
    let rule = |name: &str, groups: &[&str]| {
        let Write::Listener(ListenerWrite::SetRuleActions { actions, .. }) = set_actions(groups) else { panic!() };
        let priority = weir_engine::fact::RulePriority::At(1);
        Rule { arn: Arn::new(name), priority, conditions: Conditions::new(), actions }
    };
    let mut memory = Memory::default();
    let rules = vec![rule("other", &["red"]), rule("rule", &["blue"])];
    let now = Timestamp::UNIX_EPOCH;
    memory.keep(&Query::Rules(listener()), &Fact::new(now, Ok(rules)), now);
    let invalidation = Invalidation::of(&set_actions(&["green"]), &memory);
    let is_touched = |name: &str| invalidation.queries().contains(&Query::Health(group(name)));
    assert_eq!(["blue", "green", "red"].map(is_touched), [true, true, false]);
}

#[tokio::test(start_paused = true)]
async fn questions_that_wait_for_their_turn_travel_together() {
    let bed = Bed::new(world);
    // As many calls as may be under way at once.
    let busy: Vec<Ask> = (0..8).map(|number| bed.ask(Query::Health(group(&format!("busy-{number}"))))).collect();
    let one_by_one = (0..12).map(|number| {
        let bed = &bed;
        async move {
            wait(SignedDuration::from_millis(number / 2)).await;
            bed.answer(&bed.ask(Query::Tags(arn(&format!("listener-rule/app/a/1/2/{number}"))))).await
        }
    });
    let (_, answers) = future::join(bed.answer_all(&busy), future::join_all(one_by_one)).await;
    assert!(answers.iter().all(|(_, fact)| matches!(fact.found, Ok(Found::Tags(_)))));
    assert_eq!(bed.operations().iter().filter(|operation| **operation == "DescribeTags").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_somebody_urgent_joins_goes_first() {
    let bed = Bed::new(world);
    let busy: Vec<Ask> = (0..8).map(|number| bed.ask(Query::Health(group(&format!("busy-{number}"))))).collect();
    let health = bed.ask(Query::Health(group("green")));
    let began = bed.now();
    let (urgent, routine) = (CallPriority::new(Urgency::Rollback), CallPriority::new(Urgency::Routine));
    let late = async {
        wait(SignedDuration::from_millis(2)).await;
        let fact = bed.inventory.answer(&health, &urgent).await;
        (fact, bed.now())
    };
    let (_, first, (second, at)) =
        future::join3(bed.answer_all(&busy), bed.inventory.answer(&health, &routine), late).await;
    assert_eq!(first, second);
    // It did not wait for one of the eight, which take ten milliseconds.
    assert_eq!(at, began + Duration::from_millis(12));
    assert_eq!(bed.calls().len(), 9);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_read_is_sent_again_more_slowly() {
    let mut refused = 0;
    let bed = Bed::new(move |form| {
        refused += 1;
        if refused <= 4 { failure(400, "Throttling", "Rate exceeded") } else { world(form) }
    });
    let fact = bed.fresh(Query::Health(group("blue"))).await;
    assert!(matches!(fact.found, Ok(Found::Health(_))));
    let calls = bed.calls();
    let spent = calls[0].spent.unwrap();
    assert_eq!((calls.len(), calls[0].attempts, spent.throttled), (1, 5, 4));
    assert!(spent.waited > SignedDuration::from_millis(500), "{spent:?}");
    let describe = bed.budget.statuses()[0];
    assert!(describe.per_second < 10.0, "{describe:?}");
}

/// A world in which a listener has thirty rules, the first of which is gone when `gone` says so.
fn thirty_rules(form: &Form, gone: bool) -> Reply {
    let rules = members(form, "ResourceArns");
    match form["Action"].as_str() {
        "DescribeRules" => {
            let one = |number: usize| {
                let priority = if number == 0 { "default".to_owned() } else { number.to_string() };
                format!("<member><RuleArn>rule-{number:02}</RuleArn><Priority>{priority}</Priority></member>")
            };
            let all: String = (0..=30).map(one).collect();
            result("DescribeRules", &format!("<Rules>{all}</Rules>"))
        }
        "DescribeTags" if gone && rules.iter().any(|rule| rule == "rule-01") => {
            failure(400, "RuleNotFound", "One or more rules not found")
        }
        _ => tags_xml(&rules),
    }
}

fn tags_of(rule: usize) -> Query {
    Query::Tags(Arn::new(format!("rule-{rule:02}")))
}

#[tokio::test(start_paused = true)]
async fn the_tags_of_the_rules_beside_are_read_in_the_same_call() {
    let bed = Bed::new(|form| thirty_rules(form, false));
    bed.answer(&any_age(Query::Rules(listener()))).await;
    for rule in 1..=30 {
        let (_, fact) = bed.answer(&any_age(tags_of(rule))).await;
        assert!(matches!(fact.found, Ok(Found::Tags(_))));
    }
    assert_eq!(bed.operations(), ["DescribeRules", "DescribeTags", "DescribeTags"]);
    let asked: Vec<usize> = bed.forms()[1..].iter().map(|form| members(form, "ResourceArns").len()).collect();
    assert_eq!(asked, [20, 10]);
    // What must be read anew is, alone: the others are known well enough, until they are too old for a write.
    bed.fresh(tags_of(3)).await;
    assert_eq!(members(&bed.forms()[0], "ResourceArns"), ["rule-03"]);
    wait(FRESH * 2).await;
    bed.fresh(tags_of(3)).await;
    assert_eq!(members(&bed.forms()[0], "ResourceArns").len(), 20);
}

#[tokio::test(start_paused = true)]
async fn nobody_suffers_from_what_was_read_ahead() {
    let bed = Bed::new(|form| thirty_rules(form, true));
    bed.answer(&any_age(Query::Rules(listener()))).await;
    let (_, fact) = bed.answer(&any_age(tags_of(30))).await;
    assert!(matches!(fact.found, Ok(Found::Tags(_))));
    assert_eq!(bed.forms()[2]["ResourceArns.member.1"], "rule-30", "what was asked for is asked again at once");
    let (_, gone) = bed.answer(&any_age(tags_of(1))).await;
    assert!(gone.failure().is_some_and(|error| error.kind == ErrorKind::NotFound));
    let (_, beside) = bed.answer(&any_age(tags_of(2))).await;
    assert!(matches!(beside.found, Ok(Found::Tags(_))));
}
