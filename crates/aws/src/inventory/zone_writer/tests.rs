//! What is wanted of many names at once, over a zone of the simulated AWS.

use std::collections::BTreeSet;

use futures::future::join_all;
use weir_engine::dns::{Alias, Content, RecordSet};
use weir_engine::tick::Urgency;
use weir_engine::write::Write;
use weir_sim::aws::{AwsOptions, Rates};

use super::*;
use crate::route53::tests::{Fixture, record, weighted};
use crate::wire::{Bed, in_time, within};

/// A write that makes so many records at a name.
fn making(fixture: &Fixture, name: &str, count: usize) -> Write {
    let one = |number: usize| record(name, weighted(&format!("w{number}"), 1), 60, &["192.0.2.1"]);
    fixture.write(name, Vec::new(), (0..count).map(one).collect())
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("n{number}")).collect()
}

/// Sends writes that are decided at the same moment.
async fn all_at_once(bed: &Bed, writes: &[Write]) -> Vec<Result<Receipt, AwsError>> {
    let sent = writes.iter().map(|write| bed.send_as(write, (Urgency::Progress, 4), in_time()));
    join_all(sent).await.into_iter().map(|sent| sent.expect("it is time")).collect()
}

/// How many requests there were since this was last asked, and for how many of them the zone was too busy.
fn requests(bed: &Bed) -> (usize, usize) {
    let calls = bed.calls();
    let busy = calls.iter().filter(|call| call.outcome == Err(ErrorKind::Throttled)).count();
    (calls.iter().filter(|call| call.operation == "ChangeResourceRecordSets").count(), busy)
}

#[tokio::test(start_paused = true)]
async fn what_is_wanted_of_many_names_goes_in_one_request() {
    let fixture = Fixture::new();
    let bed = fixture.bed();
    let writes: Vec<Write> = names(125).iter().map(|name| making(&fixture, name, 4)).collect();
    let sent = all_at_once(&bed, &writes).await;
    let changes: BTreeSet<_> = sent.into_iter().map(|sent| sent.unwrap().change.unwrap()).collect();
    assert_eq!((requests(&bed), changes.len()), ((1, 0), 1), "all have the change of the one batch");
}

#[tokio::test(start_paused = true)]
async fn a_request_has_a_thousand_records_at_most() {
    let fixture = Fixture::new();
    let bed = fixture.bed();
    let writes: Vec<Write> = names(300).iter().map(|name| making(&fixture, name, 4)).collect();
    assert!(all_at_once(&bed, &writes).await.iter().all(Result::is_ok));
    let (requests, busy) = requests(&bed);
    assert_eq!(requests - busy, 2);
}

#[tokio::test(start_paused = true)]
async fn who_is_blamed_is_answered_and_the_others_go_again() {
    let fixture = Fixture::new();
    fixture.add(&["n7"]);
    let bed = fixture.bed();
    let writes: Vec<Write> = names(125).iter().map(|name| making(&fixture, name, 4)).collect();
    let sent = all_at_once(&bed, &writes).await;
    let refused: Vec<(usize, &AwsError)> =
        sent.iter().enumerate().filter_map(|(number, sent)| Some((number, sent.as_ref().err()?))).collect();
    let [(7, error)] = refused[..] else { panic!("{refused:?}") };
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(error.message.contains("n7.shop.example") && !error.message.contains("n8."), "{error}");
    assert_eq!(requests(&bed), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn who_is_not_named_is_found_by_halves() {
    let fixture = Fixture::new();
    let bed = fixture.bed();
    let mut writes: Vec<Write> = names(125).iter().map(|name| making(&fixture, name, 4)).collect();
    let target = DnsName::new("gone-1.eu-central-1.elb.amazonaws.com");
    let alias = Content::Alias(Alias { zone: "Z215JYRZR1TBD5".into(), target, evaluate_target_health: false });
    let nowhere = RecordSet { content: alias, ..record("n7", weighted("w", 1), 60, &[]) };
    writes[7] = fixture.write("n7", Vec::new(), vec![nowhere]);
    let began = Instant::now();
    let sent = all_at_once(&bed, &writes).await;
    let refused: Vec<usize> = (0..sent.len()).filter(|number| sent[*number].is_err()).collect();
    assert_eq!(refused, [7]);
    let (requests, busy) = requests(&bed);
    assert!(
        requests <= 16 && busy == 0 && began.elapsed() <= Duration::from_secs(5),
        "{requests} in {:?}",
        began.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn who_is_about_to_hand_something_in_is_waited_for_half_a_second_and_by_no_rollback() {
    for (urgency, waits) in [(Urgency::Progress, true), (Urgency::Rollback, false)] {
        let fixture = Fixture::new();
        let bed = fixture.bed();
        let priority = CallPriority::new(Urgency::Progress);
        let coming = bed.inventory.acquire(Family::Route53Change, 4, &priority).await;
        let began = Instant::now();
        bed.send_as(&making(&fixture, "n0", 4), (urgency, 4), in_time()).await.unwrap().unwrap();
        assert_eq!(began.elapsed() >= BOARDING_TIME, waits, "{urgency:?}: {:?}", began.elapsed());
        // Whoever has nothing to hand in after all is not waited for any longer.
        sleep(Duration::from_secs(1)).await;
        let began = Instant::now();
        let (write, leaves) = (making(&fixture, "n1", 4), async {
            sleep(Duration::from_millis(100)).await;
            drop(coming);
        });
        let (sent, ()) = futures::join!(bed.send_as(&write, (urgency, 4), in_time()), leaves);
        sent.unwrap().unwrap();
        assert!(began.elapsed() < Duration::from_millis(200), "{urgency:?}: {:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_behind_a_request_goes_when_that_is_answered_the_most_urgent_first() {
    let latency = Duration::from_secs(1)..=Duration::from_secs(1);
    let fixture = Fixture::with(|options| AwsOptions { latency, ..options });
    let bed = fixture.bed();
    let sent = |name: &'static str, count: usize, urgency: Urgency, after: u64| {
        let (bed, write) = (&bed, making(&fixture, name, count));
        async move {
            sleep(Duration::from_millis(after)).await;
            let sent = bed.send_as(&write, (urgency, 4), in_time()).await;
            (name, Instant::now(), sent.unwrap().map(drop))
        }
    };
    // The zone takes the first one meanwhile. The third one and the last one together are too much for one request.
    let all = [
        sent("n0", 4, Urgency::Progress, 0),
        sent("n1", 90, Urgency::Progress, 100),
        sent("n2", 90, Urgency::Rollback, 200),
    ];
    let ended = join_all(all).await;
    assert!(ended.iter().all(|(_, _, sent)| sent.is_ok()), "{ended:?}");
    let (requests, busy) = requests(&bed);
    assert_eq!(requests - busy, 2);
    assert!(ended[0].1 < ended[1].1 && ended[2].1 <= ended[1].1, "{ended:?}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_go_in_time_is_not_sent() {
    let latency = Duration::from_secs(3)..=Duration::from_secs(3);
    let fixture = Fixture::with(|options| AwsOptions { latency, ..options });
    let bed = fixture.bed();
    let (first, second) = (making(&fixture, "n0", 4), making(&fixture, "n1", 4));
    let late = async {
        sleep(Duration::from_millis(100)).await;
        bed.send_as(&second, (Urgency::Progress, 4), within(Duration::from_secs(1))).await
    };
    let (first, late) = futures::join!(bed.send_as(&first, (Urgency::Progress, 4), in_time()), late);
    assert!(first.unwrap().is_ok() && late.is_none());
    assert_eq!(requests(&bed), (1, 0));
    let tokens = bed.budget.statuses().into_iter().find(|status| status.family == Family::Route53Change).unwrap();
    assert_eq!(tokens.tokens, 1_500, "what was not sent costs nothing, and the rest has come back");
}

#[tokio::test(start_paused = true)]
async fn changes_are_paid_for_one_by_one() {
    let fixture = Fixture::with(|options| AwsOptions { rates: Some(Rates::of_2026()), ..options });
    let bed = fixture.bed();
    let tokens = || {
        let status = bed.budget.statuses().into_iter().find(|status| status.family == Family::Route53Change);
        status.unwrap().tokens
    };
    assert!(all_at_once(&bed, &[making(&fixture, "n0", 90)]).await[0].is_ok());
    let left = tokens();
    assert!((1_410..=1_420).contains(&left), "{left} of 1,500");
}

#[tokio::test(start_paused = true)]
async fn a_zone_that_refuses_again_and_again_gets_few_requests() {
    let fixture = Fixture::new();
    let bed = fixture.bed();
    all_at_once(&bed, &[making(&fixture, "n0", 1)]).await;
    let began = Instant::now();
    for _ in 0..40 {
        // The same records are there already.
        assert!(all_at_once(&bed, &[making(&fixture, "n0", 1)]).await[0].is_err());
    }
    assert!(began.elapsed() >= SLOW * 9, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_goes_back_passes_those_that_a_busy_zone_or_a_refusal_holds_up() {
    for is_busy in [true, false] {
        let fixture = Fixture::new();
        let bed = fixture.bed();
        let target = DnsName::new("gone-1.eu-central-1.elb.amazonaws.com");
        let alias = Content::Alias(Alias { zone: "Z215JYRZR1TBD5".into(), target, evaluate_target_health: false });
        let mut writes: Vec<Write> = names(125).iter().map(|name| making(&fixture, name, 4)).collect();
        if is_busy {
            fixture.aws.occupy_zone(fixture.zone.as_str(), Duration::from_millis(1_500)).unwrap();
        } else {
            let nowhere = RecordSet { content: alias, ..record("n7", weighted("w", 1), 60, &[]) };
            writes[7] = fixture.write("n7", Vec::new(), vec![nowhere]);
        }
        let back = async {
            sleep(Duration::from_millis(700)).await;
            let began = Instant::now();
            bed.send_as(&making(&fixture, "back", 4), (Urgency::Rollback, 4), in_time()).await.unwrap().unwrap();
            began.elapsed()
        };
        let began = Instant::now();
        let others = async {
            all_at_once(&bed, &writes).await;
            began.elapsed()
        };
        let (took, others) = futures::join!(back, others);
        assert!(took <= Duration::from_millis(2_500), "{is_busy}: {took:?}");
        assert!(took + Duration::from_millis(700) < others, "{is_busy}: {took:?}, {others:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_in_another_way_is_found_by_halves_too() {
    let fixture = Fixture::new();
    let bed = fixture.bed();
    let mut writes: Vec<Write> = names(125).iter().map(|name| making(&fixture, name, 4)).collect();
    let unchecked =
        RecordSet { health_check: Some("gone".into()), ..record("n7", weighted("w", 1), 60, &["192.0.2.1"]) };
    writes[7] = fixture.write("n7", Vec::new(), vec![unchecked]);
    let sent = all_at_once(&bed, &writes).await;
    let refused: Vec<usize> = (0..sent.len()).filter(|number| sent[*number].is_err()).collect();
    assert_eq!(refused, [7]);
    let error = sent[7].as_ref().unwrap_err();
    assert!(error.message.starts_with("NoSuchHealthCheck"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_is_overtaken_by_something_more_urgent_is_not_sent() {
    let latency = Duration::from_secs(1)..=Duration::from_secs(1);
    let fixture = Fixture::with(|options| AwsOptions { latency, ..options });
    let bed = fixture.bed();
    let (first, second) = (making(&fixture, "n0", 4), making(&fixture, "n1", 4));
    let priority = CallPriority::new(Urgency::Progress);
    let overtaken = async {
        sleep(Duration::from_millis(100)).await;
        let call_token = bed.inventory.acquire(Family::Route53Change, 4, &priority).await;
        bed.inventory.send_without_permit(&second, call_token, &priority, in_time()).await
    };
    let aborted = async {
        sleep(Duration::from_millis(200)).await;
        priority.raise(Urgency::Rollback);
    };
    let first = bed.send_as(&first, (Urgency::Progress, 4), in_time());
    let (first, overtaken, ()) = futures::join!(first, overtaken, aborted);
    assert!(first.unwrap().is_ok() && overtaken.is_none());
    assert_eq!(requests(&bed), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn who_does_not_lead_any_more_sends_nothing_that_waits() {
    let latency = Duration::from_secs(1)..=Duration::from_secs(1);
    let fixture = Fixture::with(|options| AwsOptions { latency, ..options });
    let bed = fixture.bed();
    let (first, second) = (making(&fixture, "n0", 4), making(&fixture, "n1", 4));
    let began = Instant::now();
    let holds = Rc::new(move || began.elapsed() < Duration::from_millis(500));
    let late = async {
        sleep(Duration::from_millis(100)).await;
        bed.send_as(&second, (Urgency::Rollback, 4), Right { until: None, holds }).await
    };
    let (first, late) = futures::join!(bed.send_as(&first, (Urgency::Progress, 4), in_time()), late);
    assert!(first.unwrap().is_ok() && late.is_none());
}
