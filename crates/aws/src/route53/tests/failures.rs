//! What AWS refuses or leaves unanswered, and the kinds that it comes out as.

use weir_sim::aws::{DnsRates, Rate, Rates};

use super::*;
use crate::wire::failure;

fn api(weight: u16) -> RecordSet {
    record("api", weighted("blue", weight), 60, &["192.0.2.1"])
}

#[tokio::test(start_paused = true)]
async fn what_somebody_has_changed_is_a_conflict_in_both_forms() {
    for old_error_form in [false, true] {
        let fixture = Fixture::with(|options| AwsOptions {
            route53: Route53Options { old_error_form, ..Route53Options::default() },
            ..options
        });
        let bed = fixture.bed();
        let says = RecordSays::Values(60, vec!["192.0.2.1".to_owned()]);
        let edit = RecordEdit::weighted(&whole("api"), SimType::A, ("blue", 100), says);
        fixture.aws.add_records(fixture.zone.as_str(), &[edit]).unwrap();
        let moved = record("api", weighted("blue", 100), 60, &["192.0.2.2"]);
        let table = [
            (vec![], vec![api(50)], ErrorKind::Conflict, "but it already exists"),
            (
                vec![record("api", weighted("green", 1), 60, &["192.0.2.1"])],
                vec![],
                ErrorKind::Conflict,
                "but it was not found",
            ),
            (vec![moved], vec![], ErrorKind::Conflict, "do not match the current values"),
            (vec![], vec![record("api", weighted("green", 1), 90, &["192.0.2.2"])], ErrorKind::Invalid, "the same TTL"),
            (
                vec![],
                vec![record("api", Routing::Simple, 60, &["192.0.2.2"])],
                ErrorKind::Conflict,
                "other RRSets exist",
            ),
        ];
        for (delete, create, kind, words) in table {
            let error = bed.send(&fixture.write("api", delete, create)).await.unwrap_err();
            assert_eq!((error.kind, error.operation.as_str()), (kind, "ChangeResourceRecordSets"), "{error}");
            assert!(error.message.starts_with("InvalidChangeBatch: ") && error.message.contains(words), "{error}");
            assert!(!error.message.contains("region"), "Route 53 is in none: {error}");
        }
        assert_eq!(fixture.read(&bed, "api").await, [api(100)], "nothing was done");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_of_messages_is_told_whole() {
    let words =
        ["Tried to delete resource record set [name='api.shop.example.', type='A'] but it was not found", "and more"];
    let messages = words.map(|words| format!("<Message>{words}</Message>")).concat();
    let xml = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidChangeBatch</Code><messages>{messages}</messages></Error>\
         <RequestId>5d1a7a4b</RequestId></ErrorResponse>"
    );
    let bed = Bed::new(move |_| Reply::Http(400, xml.clone(), Duration::ZERO));
    let error = bed.send(&Fixture::new().write("api", vec![], vec![api(1)])).await.unwrap_err();
    assert_eq!((error.kind, error.message), (ErrorKind::Conflict, format!("InvalidChangeBatch: {}", words.join(", "))));
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_not_there_is_no_conflict() {
    let fixture = Fixture::new();
    let target = DnsName::new("gone-1.eu-central-1.elb.amazonaws.com");
    let alias = Content::Alias(Alias { zone: "Z215JYRZR1TBD5".into(), target, evaluate_target_health: false });
    let write = fixture.write("api", vec![], vec![RecordSet { content: alias, ..api(1) }]);
    let error = fixture.bed().send(&write).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.message.contains("that target was not found"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_busy_zone_is_waited_for_and_slows_nobody_down() {
    let fixture = Fixture::new();
    let bed = fixture.bed();
    fixture.aws.occupy_zone(fixture.zone.as_str(), Duration::from_secs(1)).unwrap();
    let rates = || bed.budget.statuses().into_iter().map(|status| status.per_second).collect::<Vec<_>>();
    let before = rates();
    let write = fixture.write("api", vec![], vec![api(100)]);
    bed.send(&write).await.unwrap();
    // After a quarter of a second, another half, and another second.
    assert_eq!((bed.operations().len(), rates()), (4, before.clone()));
    // As long as what the write is founded on is new enough.
    fixture.aws.occupy_zone(fixture.zone.as_str(), Duration::from_secs(30)).unwrap();
    let error = bed.send(&fixture.write("www", vec![], vec![api(100)])).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Throttled);
    assert!(error.message.starts_with("PriorRequestNotComplete: "), "{error}");
    assert_eq!(rates(), before);
}

#[tokio::test(start_paused = true)]
async fn throttling_slows_down() {
    let few = Rate { per_second: 1, burst: 1 };
    let rates = Rates { dns: DnsRates { calls: few, each: None, ..DnsRates::of_2026() }, ..Rates::of_2026() };
    let fixture = Fixture::with(|options| AwsOptions { rates: Some(rates), ..options });
    fixture.add(&["api"]);
    let bed = fixture.bed();
    assert_eq!(fixture.read(&bed, "api").await.len(), 1);
    bed.send(&fixture.write("www", vec![], vec![RecordSet { name: fixture.at("www").name, ..api(1) }])).await.unwrap();
    let outcomes: Vec<_> = bed.calls().into_iter().map(|call| call.outcome).collect();
    assert!(outcomes.contains(&Err(ErrorKind::Throttled)), "{outcomes:?}");
    bed.calls();
    assert_eq!(fixture.read(&bed, "api").await.len(), 1, "a read is sent again until AWS takes it");
    assert!(bed.calls()[0].attempts > 1);
    for family in [Family::Route53, Family::Route53Change] {
        let status = bed.budget.statuses().into_iter().find(|status| status.family == family).unwrap();
        assert!(status.per_second < status.ceiling * 0.8, "{status:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_an_answer_the_outcome_is_unknown() {
    let fixture = Fixture::new();
    let write = fixture.write("api", vec![], vec![api(1)]);
    let kind = async |reply: fn() -> Reply| Bed::new(move |_| reply()).send(&write).await.unwrap_err().kind;
    assert_eq!(kind(|| Reply::Silence).await, ErrorKind::OutcomeUnknown);
    assert_eq!(kind(|| Reply::Broken).await, ErrorKind::OutcomeUnknown);
    assert_eq!(kind(|| failure(500, "InternalFailure", "Try again.")).await, ErrorKind::OutcomeUnknown);
    assert_eq!(kind(|| Reply::Http(200, "<html>".to_owned(), Duration::ZERO)).await, ErrorKind::OutcomeUnknown);
    assert_eq!(kind(|| Reply::Refused).await, ErrorKind::Transient);
    let refused = Bed::new(|_| Reply::Refused).send(&write).await.unwrap_err();
    assert!(refused.message.contains("The service could not be reached"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn codes_have_kinds() {
    let table = [
        ("NoSuchHostedZone", 404, ErrorKind::NotFound),
        ("NoSuchChange", 404, ErrorKind::NotFound),
        ("InvalidChangeBatch", 400, ErrorKind::Invalid),
        ("InvalidInput", 400, ErrorKind::Invalid),
        ("NoSuchHealthCheck", 404, ErrorKind::Invalid),
        ("LimitsExceeded", 400, ErrorKind::Quota),
        ("AccessDenied", 403, ErrorKind::Denied),
        ("Throttling", 400, ErrorKind::Throttled),
        ("ThrottlingException", 400, ErrorKind::Throttled),
        ("PriorRequestNotComplete", 400, ErrorKind::Throttled),
        ("ExpiredToken", 403, ErrorKind::Expired),
    ];
    let fixture = Fixture::new();
    for (code, status, kind) in table {
        let bed = Bed::new(move |_| failure(status, code, "So says AWS."));
        let message = format!("{code}: So says AWS.");
        let written = bed.send(&fixture.write("api", vec![], vec![api(1)])).await.unwrap_err();
        let operation = "ChangeResourceRecordSets".to_owned();
        assert_eq!(written, AwsError { kind, operation, message: message.clone() });
        let bed = Bed::new(move |_| failure(status, code, "So says AWS."));
        let read = failed(&bed.fresh(Query::Change(ChangeId::new("C1"))).await);
        assert_eq!(read, AwsError { kind, operation: "GetChange".to_owned(), message });
    }
}
