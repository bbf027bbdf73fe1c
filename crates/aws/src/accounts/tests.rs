//! Which session a question goes by, how long it lasts, and what becomes of one that is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::sleep;
use weir_engine::Access;
use weir_engine::fact::{By, ErrorKind, Found, Query, Rule};
use weir_engine::reader::Ask;

use super::session_name;
use crate::ResyncScope;
use crate::wire::{Bed, Form, Reply, arn, arns, failure, result, routine};

const ROLE: &str = "arn:aws:iam::222222222222:role/weir";

fn role(name: &str) -> Access {
    Access {
        region: Some("us-east-1".to_owned()),
        role_arn: Some(format!("{ROLE}-{name}")),
        external_id: Some("acme".to_owned()),
    }
}

/// STS's answer: credentials that last for an hour and are numbered.
fn credentials(number: u32, ends: jiff::Timestamp) -> Reply {
    let inside = format!(
        "<Credentials><AccessKeyId>ASIA{number}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
         <SessionToken>t</SessionToken><Expiration>{ends}</Expiration></Credentials>"
    );
    result("AssumeRole", &inside)
}

/// What a role may do, switched from outside.
#[derive(Clone, Default)]
struct Switches {
    /// STS refuses.
    refused: Arc<AtomicBool>,
    /// STS does not answer.
    silent: Arc<AtomicBool>,
    /// ELBv2 refuses the credentials.
    denied: Arc<AtomicBool>,
    issued: Arc<AtomicU32>,
}

impl Switches {
    fn set(switch: &AtomicBool, on: bool) {
        switch.store(on, Ordering::Relaxed);
    }

    /// A world in which STS gives credentials, and ELBv2 lists no rules.
    fn bed(&self) -> Bed {
        let (switches, start) = (self.clone(), tokio::time::Instant::now());
        let on = |switch: &AtomicBool| switch.load(Ordering::Relaxed);
        Bed::new(move |form: &Form| {
            let now = "2026-11-21T10:00:00Z".parse::<jiff::Timestamp>().unwrap() + start.elapsed();
            match form["Action"].as_str() {
                "AssumeRole" if on(&switches.silent) => Reply::Refused,
                "AssumeRole" if on(&switches.refused) => failure(403, "AccessDenied", "not for you"),
                "AssumeRole" => {
                    let number = switches.issued.fetch_add(1, Ordering::Relaxed) + 1;
                    credentials(number, now + SignedDuration::from_hours(1))
                }
                _ if on(&switches.denied) => failure(403, "AccessDenied", "revoked"),
                operation => result(operation, "<Rules></Rules>"),
            }
        })
    }
}

fn rules(bed: &Bed, name: &str) -> Ask {
    Ask { access: role(name), ..bed.ask(Query::Rules(arn("listener/app/a/1/2"))) }
}

/// Asks for rules by a role; `Ok` with the access keys that were used, STS included.
async fn ask(bed: &Bed, name: &str) -> Result<Vec<String>, (ErrorKind, String)> {
    bed.keys();
    let answers = bed.accounts.answer_all(&[rules(bed, name)], &routine()).await;
    let found = answers[0].1.reading::<Vec<Rule>>().unwrap().found;
    found.map(|_| bed.keys()).map_err(|error| (error.kind, error.message.clone()))
}

#[tokio::test(start_paused = true)]
async fn a_role_is_assumed_once_and_serves_until_shortly_before_its_end() {
    let bed = Switches::default().bed();
    assert_eq!(ask(&bed, "a").await.unwrap(), ["AKID", "ASIA1"]);
    let form = bed.forms().remove(0);
    assert_eq!(form["RoleArn"], format!("{ROLE}-a"));
    assert_eq!(form["ExternalId"], "acme");
    assert_eq!(form["RoleSessionName"], "weir-acme-production");
    let policy = &form["Policy"];
    for bound in ["arn:aws:elasticloadbalancing:*:222222222222:listener*/app/*", "\"acme/production\""] {
        assert!(policy.contains(bound), "however much the role may do: {policy}");
    }
    sleep(Duration::from_mins(54)).await;
    assert_eq!(ask(&bed, "a").await.unwrap(), ["ASIA1"]);
    sleep(Duration::from_mins(2)).await;
    assert_eq!(ask(&bed, "a").await.unwrap(), ["AKID", "ASIA2"]);
    let calls = bed.calls();
    assert_eq!(calls.iter().filter(|call| (call.service, call.operation) == ("sts", "AssumeRole")).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn many_who_ask_at_once_share_one_request_to_sts() {
    let bed = Switches::default().bed();
    let asks: Vec<Ask> = (1..=8)
        .map(|number| Ask { access: role("a"), ..bed.ask(Query::Rules(arn(&format!("listener/app/a/1/{number}")))) })
        .collect();
    bed.accounts.answer_all(&asks, &routine()).await;
    assert_eq!(bed.keys().iter().filter(|key| *key == "AKID").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_role_that_cannot_be_assumed_is_told_in_words_and_is_no_storm() {
    let switches = Switches::default();
    Switches::set(&switches.refused, true);
    let bed = switches.bed();
    for _ in 0..5 {
        let (kind, message) = ask(&bed, "a").await.unwrap_err();
        assert_eq!(kind, ErrorKind::Denied);
        assert_eq!(
            message,
            format!("the role {ROLE}-a could not be assumed: AccessDenied: not for you (in region us-east-1)")
        );
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(bed.forms().len(), 1, "STS is asked once");
    Switches::set(&switches.refused, false);
    sleep(Duration::from_secs(10)).await;
    ask(&bed, "a").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn another_account_is_not_touched_by_one_that_cannot_be_reached() {
    let switches = Switches::default();
    Switches::set(&switches.refused, true);
    let bed = switches.bed();
    let own = bed.ask(Query::Rules(arn("listener/app/a/1/2")));
    let answers = bed.accounts.answer_all(&[rules(&bed, "a"), own.clone()], &routine()).await;
    let found = answers.iter().map(|(_, fact)| matches!(fact.found, Ok(Found::Rules(_))));
    assert_eq!(found.collect::<Vec<_>>(), [false, true]);
    assert_eq!(answers[1].0, own);
}

#[tokio::test(start_paused = true)]
async fn good_credentials_serve_to_their_end_while_sts_is_away() {
    let switches = Switches::default();
    let bed = switches.bed();
    ask(&bed, "a").await.unwrap();
    Switches::set(&switches.silent, true);
    sleep(Duration::from_mins(57)).await;
    assert_eq!(ask(&bed, "a").await.unwrap().last().unwrap(), "ASIA1");
    sleep(Duration::from_mins(3)).await;
    let (kind, message) = ask(&bed, "a").await.unwrap_err();
    assert_eq!(kind, ErrorKind::Transient);
    assert!(message.contains("could not be assumed"), "{message}");
    Switches::set(&switches.silent, false);
    sleep(Duration::from_secs(11)).await;
    assert_eq!(ask(&bed, "a").await.unwrap().last().unwrap(), "ASIA2");
}

#[tokio::test(start_paused = true)]
async fn credentials_that_aws_refuses_are_got_afresh() {
    let switches = Switches::default();
    let bed = switches.bed();
    ask(&bed, "a").await.unwrap();
    sleep(Duration::from_mins(10)).await;
    Switches::set(&switches.denied, true);
    Switches::set(&switches.refused, true);
    let (_, message) = ask(&bed, "a").await.unwrap_err();
    assert!(message.starts_with("AccessDenied: revoked (in "), "{message}");
    sleep(Duration::from_secs(10)).await;
    assert!(ask(&bed, "a").await.unwrap_err().1.contains("could not be assumed"));
    Switches::set(&switches.denied, false);
    Switches::set(&switches.refused, false);
    sleep(Duration::from_secs(15)).await;
    assert_eq!(ask(&bed, "a").await.unwrap(), ["AKID", "ASIA2"]);
}

#[tokio::test(start_paused = true)]
async fn what_may_simply_not_be_done_is_no_reason_to_ask_sts_each_time() {
    let switches = Switches::default();
    Switches::set(&switches.denied, true);
    let bed = switches.bed();
    for _ in 0..6 {
        ask(&bed, "a").await.unwrap_err();
        sleep(Duration::from_secs(6)).await;
    }
    assert!(switches.issued.load(Ordering::Relaxed) <= 2);
}

#[tokio::test(start_paused = true)]
async fn names_of_two_accounts_are_not_mixed() {
    let bed = Switches::default().bed();
    let query = Query::Balancer(By::Name("shop".to_owned()));
    let asks = [bed.ask(query.clone()), Ask { access: role("a"), ..bed.ask(query.clone()) }];
    bed.accounts.answer_all(&asks, &routine()).await;
    assert_eq!(bed.operations().iter().filter(|operation| **operation == "DescribeLoadBalancers").count(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_own_region_said_and_left_out_is_one_place() {
    let bed = Switches::default().bed();
    let said = Access { region: Some("eu-central-1".to_owned()), ..Access::default() };
    assert_eq!(bed.accounts.resolve(&Access::default()), said);
    let query = Query::Rules(arn("listener/app/a/1/2"));
    bed.accounts.answer_all(&[bed.ask(query.clone()), Ask { access: said, ..bed.ask(query) }], &routine()).await;
    assert_eq!(bed.operations(), ["DescribeRules"]);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_uses_is_dropped() {
    let bed = Switches::default().bed();
    ask(&bed, "a").await.unwrap();
    assert_eq!(bed.accounts.inventories.borrow().open.len(), 1);
    for _ in 0..14 {
        sleep(Duration::from_mins(5)).await;
        ask(&bed, "b").await.unwrap();
    }
    let open: Vec<Access> = bed.accounts.inventories.borrow().open.keys().cloned().collect();
    assert_eq!(open, [role("b")]);
}

#[tokio::test(start_paused = true)]
async fn each_access_has_rounds_of_its_own() {
    let bed = Switches::default().bed();
    let round = async |access: &Access| {
        let scope = ResyncScope { balancers: arns(&["loadbalancer/app/a/1"]), ..ResyncScope::default() };
        bed.accounts.resync(access, &scope, SignedDuration::ZERO).await
    };
    let access = role("a");
    futures::future::join(round(&access), round(&Access::default())).await;
    let keys = bed.keys();
    assert!(keys.contains(&"ASIA1".to_owned()) && keys.contains(&"AKID".to_owned()), "{keys:?}");
}

#[test]
fn session_names_are_such_as_sts_takes() {
    assert_eq!(session_name("acme/production:eu"), "weir-acme-production-eu");
    assert_eq!(session_name(&"x".repeat(100)).len(), 64);
}

#[tokio::test(start_paused = true)]
async fn so_many_accounts_and_regions_are_open_at_once_and_the_controllers_own_always() {
    let bed = Switches::default().bed();
    let there = |number: usize| {
        let access = Access { region: Some(format!("aa-bb-{number}")), ..Access::default() };
        Ask { access, ..bed.ask(Query::Rules(arn("listener/app/a/1/2"))) }
    };
    let ask = async |ask: Ask| {
        let answers = bed.accounts.answer_all(&[ask], &routine()).await;
        answers[0].1.failure().map(|error| (error.kind, error.message.clone()))
    };
    for number in 0..2_000 {
        let (kind, message) = ask(there(number)).await.unzip();
        assert_eq!(kind, (number >= 64).then_some(ErrorKind::Quota), "{number} {message:?}");
        assert!(message.is_none_or(|message| message.starts_with("64 other accounts")));
    }
    assert_eq!(bed.accounts.budget_statuses().len(), 64, "and so are the series about them");
    let round = bed.accounts.resync(&there(100).access, &ResyncScope::default(), SignedDuration::ZERO).await;
    assert!(round.failing && round.unreadable.is_some(), "what is not looked at does not count as read: {round:?}");
    assert_eq!(ask(bed.ask(Query::Rules(arn("listener/app/a/1/2")))).await, None);
    assert_eq!(ask(there(3)).await, None, "who is in stays");
    sleep(Duration::from_mins(6)).await;
    assert_eq!(ask(there(3)).await, None);
    assert_eq!(ask(there(100)).await, None, "what nobody uses makes room");
    assert!(bed.accounts.budget_statuses().len() < 64);
}
