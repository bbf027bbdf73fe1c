//! For how long what was found is answered, and what ends it.

use std::sync::Mutex;

use weir_engine::fact::TargetGroup;
use weir_engine::sight::{ANY_AGE, Ask};

use super::*;
use crate::wire::{Answer, Bed, Form, failure, members, result, seconds};

/// What becomes of the group `blue`.
#[derive(Clone, Copy)]
enum Fate {
    /// It is there, made for the so manieth time.
    Made(u32),
    Gone,
    Denied,
}

fn arn(number: u32) -> Arn {
    Arn::new(format!("arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/blue/{number}"))
}

fn answer(fate: Fate, form: &Form) -> Answer {
    let absent = || failure(400, "TargetGroupNotFound", "One or more target groups not found");
    let number = match fate {
        Fate::Denied => return failure(403, "AccessDenied", "No."),
        Fate::Gone => return absent(),
        Fate::Made(number) => number,
    };
    if members(form, "TargetGroupArns").iter().any(|asked| *asked != arn(number).to_string()) {
        return absent();
    }
    let group =
        format!("<TargetGroupArn>{}</TargetGroupArn><TargetGroupName>blue</TargetGroupName>", arn(number).as_str());
    result("DescribeTargetGroups", &format!("<TargetGroups><member>{group}</member></TargetGroups>"))
}

fn bed() -> (Bed, Arc<Mutex<Fate>>) {
    let fate = Arc::new(Mutex::new(Fate::Made(1)));
    let now = Arc::clone(&fate);
    (Bed::new(move |form| answer(*now.lock().unwrap(), form)), fate)
}

async fn ask(bed: &Bed, by: By, not_before: Timestamp) -> Result<Arc<TargetGroup>, Box<AwsError>> {
    let (_, fact) = bed.answer(&Ask::new(Query::Group(by), not_before)).await;
    match fact.found? {
        Found::Group(group) => Ok(group),
        other => panic!("{other:?}"),
    }
}

async fn named(bed: &Bed) -> Result<Arn, AwsError> {
    let found = ask(bed, By::Name("blue".to_owned()), ANY_AGE).await;
    found.map(|group| group.arn.clone()).map_err(|error| *error)
}

async fn wait(span: i64) {
    tokio::time::sleep(seconds(span).try_into().unwrap()).await;
}

#[tokio::test(start_paused = true)]
async fn a_name_leads_to_what_bears_it_once_the_other_is_known_to_be_gone() {
    let (bed, fate) = bed();
    assert_eq!(named(&bed).await, Ok(arn(1)));
    *fate.lock().unwrap() = Fate::Made(2);
    wait(3600).await;
    assert_eq!(named(&bed).await, Ok(arn(1)), "nobody has looked");
    let gone = ask(&bed, By::Arn(arn(1)), bed.now()).await.unwrap_err();
    assert_eq!(gone.kind, ErrorKind::NotFound);
    assert_eq!(named(&bed).await, Ok(arn(2)));

    *fate.lock().unwrap() = Fate::Gone;
    ask(&bed, By::Arn(arn(2)), bed.now()).await.unwrap_err();
    let error = named(&bed).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(error.message.ends_with("(in account 123456789012, region eu-central-1)"), "{error}");
}

#[test]
fn what_a_clock_told_that_was_set_back_since_is_no_answer() {
    let second = |second| Timestamp::from_second(second).unwrap();
    let query = Query::Health(arn(1));
    let fact = |at| Fact::new(second(at), Ok(weir_engine::fact::Health::default()));
    let mut memory = Memory::default();
    memory.keep(&query, &fact(1_000), second(1_000));
    assert_eq!(memory.recall(&query, second(990), second(1_001)), Some(fact(1_000)));
    assert_eq!(memory.recall(&query, second(90), second(100)), None, "read later than now");
    memory.keep(&query, &fact(100), second(100));
    assert_eq!(memory.recall(&query, second(90), second(101)), Some(fact(100)), "what is read now takes its place");
}

#[tokio::test(start_paused = true)]
async fn what_was_found_is_answered_until_reads_have_failed_for_a_while() {
    let (bed, fate) = bed();
    let began = bed.now();
    assert_eq!(named(&bed).await, Ok(arn(1)));
    *fate.lock().unwrap() = Fate::Denied;
    wait(60).await;
    let fresh = async || ask(&bed, By::Name("blue".to_owned()), bed.now()).await.map_err(|error| *error);
    let first = fresh().await.unwrap_err();
    assert_eq!(first.kind, ErrorKind::Denied);
    assert!(first.message.ends_with(&format!("; last read at {began:.0}")), "{first}");
    assert_eq!(named(&bed).await, Ok(arn(1)), "one failure is one failure");

    wait(30).await;
    assert_eq!(fresh().await.unwrap_err(), first, "who is told twice is told the same");
    assert_eq!(named(&bed).await, Err(first), "nobody may go by it any more");
    *fate.lock().unwrap() = Fate::Made(1);
    wait(6).await;
    assert_eq!(named(&bed).await, Ok(arn(1)));
}
