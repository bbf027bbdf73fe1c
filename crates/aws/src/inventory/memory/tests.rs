//! For how long what was found is answered, and what ends it.

use std::sync::Mutex;

use weir_engine::fact::TargetGroup;
use weir_engine::reader::{ANY_AGE, Ask};
use weir_sim::aws::{Aws, GroupSettings};

use super::*;
use crate::wire::{Bed, Reply, arn, failure, seconds, simulated};

/// An account with the group `blue`, the way to it, and whether everything is refused there.
fn bed() -> (Arc<Aws>, Bed, Arc<Mutex<bool>>) {
    let (aws, denied) = (simulated(), Arc::new(Mutex::new(false)));
    aws.add_target_group(GroupSettings::named("blue"), &[]).unwrap();
    let (behind, switch) = (Arc::clone(&aws), Arc::clone(&denied));
    let answer = move |_: &_| {
        if *switch.lock().unwrap() { failure(403, "AccessDenied", "No.") } else { Reply::Of(Arc::clone(&behind)) }
    };
    (aws, Bed::new(answer), denied)
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
    let (aws, bed, _) = bed();
    let first = Arn::new(aws.group_arn("blue").unwrap());
    assert_eq!(named(&bed).await, Ok(first.clone()));
    let second = Arn::new(aws.remake_group("blue").unwrap());
    wait(3600).await;
    assert_eq!(named(&bed).await, Ok(first.clone()), "nobody has looked");
    let gone = ask(&bed, By::Arn(first), bed.now()).await.unwrap_err();
    assert_eq!(gone.kind, ErrorKind::NotFound);
    assert_eq!(named(&bed).await, Ok(second.clone()));

    aws.by_hand("DeleteTargetGroup", &[("TargetGroupArn", second.as_str())]).unwrap();
    ask(&bed, By::Arn(second), bed.now()).await.unwrap_err();
    let error = named(&bed).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(error.message.ends_with("(in account 123456789012, region eu-central-1)"), "{error}");
}

#[test]
fn what_a_clock_told_that_was_set_back_since_is_no_answer() {
    let second = |second| Timestamp::from_second(second).unwrap();
    let query = Query::Health(arn("targetgroup/blue/1"));
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
    let (aws, bed, denied) = bed();
    let (group, began) = (Arn::new(aws.group_arn("blue").unwrap()), bed.now());
    assert_eq!(named(&bed).await, Ok(group.clone()));
    *denied.lock().unwrap() = true;
    wait(60).await;
    let fresh = async || ask(&bed, By::Name("blue".to_owned()), bed.now()).await.map_err(|error| *error);
    let first = fresh().await.unwrap_err();
    assert_eq!(first.kind, ErrorKind::Denied);
    assert!(first.message.ends_with(&format!("; last read at {began:.0}")), "{first}");
    assert_eq!(named(&bed).await, Ok(group.clone()), "one failure is one failure");

    wait(30).await;
    assert_eq!(fresh().await.unwrap_err(), first, "who is told twice is told the same");
    assert_eq!(named(&bed).await, Err(first), "nobody may go by it any more");
    *denied.lock().unwrap() = false;
    wait(6).await;
    assert_eq!(named(&bed).await, Ok(group.clone()));
}
