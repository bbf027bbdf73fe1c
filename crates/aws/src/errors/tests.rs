//! Failures on the wire, and the kinds they come out as.

use std::time::Duration;

use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider};
use weir_engine::fact::{AwsError, ErrorKind, Query, Tags};
use weir_engine::write::{TagWrite, Write};

use crate::wire::{Bed, Reply, arn, failure, permit};

async fn read(bed: &Bed) -> AwsError {
    *bed.fresh(Query::Rules(arn("listener/app/a/1/2"))).await.found.unwrap_err()
}

async fn write(bed: &Bed) -> AwsError {
    let write = Write::Tags(TagWrite::Add {
        resource: arn("listener/app/a/1/2"),
        tags: Tags::from_iter([("weir.dev/last-run".to_owned(), "shop/web green Succeeded".to_owned())]),
    });
    bed.perform(permit(write)).await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn codes_have_kinds() {
    let table = [
        ("Throttling", 400, ErrorKind::Throttled),
        ("ThrottlingException", 400, ErrorKind::Throttled),
        ("RequestLimitExceeded", 503, ErrorKind::Throttled),
        ("TooManyRequestsException", 429, ErrorKind::Throttled),
        ("LoadBalancerNotFound", 400, ErrorKind::NotFound),
        ("ListenerNotFound", 400, ErrorKind::NotFound),
        ("RuleNotFound", 400, ErrorKind::NotFound),
        ("TargetGroupNotFound", 400, ErrorKind::NotFound),
        ("AccessDenied", 403, ErrorKind::Denied),
        ("AccessDeniedException", 403, ErrorKind::Denied),
        ("UnauthorizedOperation", 403, ErrorKind::Denied),
        ("PriorityInUse", 400, ErrorKind::Conflict),
        ("ResourceInUse", 400, ErrorKind::Conflict),
        ("TargetGroupAssociationLimit", 400, ErrorKind::Conflict),
        ("TooManyRules", 400, ErrorKind::Quota),
        ("TooManyTargets", 400, ErrorKind::Quota),
        ("TooManyActions", 400, ErrorKind::Quota),
        ("TooManyTags", 400, ErrorKind::Quota),
        ("TooManyUniqueTargetGroupsPerLoadBalancer", 400, ErrorKind::Quota),
        ("InvalidConfigurationRequest", 400, ErrorKind::Invalid),
        ("InvalidLoadBalancerAction", 400, ErrorKind::Invalid),
        ("OperationNotPermitted", 400, ErrorKind::Invalid),
        ("ValidationError", 400, ErrorKind::Invalid),
        ("ACodeNobodyHasSeen", 400, ErrorKind::Invalid),
        ("ACodeNobodyHasSeen", 403, ErrorKind::Denied),
        ("ExpiredToken", 403, ErrorKind::Expired),
        ("ExpiredTokenException", 403, ErrorKind::Expired),
        ("InvalidClientTokenId", 403, ErrorKind::Expired),
        ("SignatureDoesNotMatch", 403, ErrorKind::Expired),
        ("UnrecognizedClientException", 403, ErrorKind::Expired),
    ];
    for (code, status, kind) in table {
        let bed = Bed::new(move |_| failure(status, code, "So says AWS."));
        let error = read(&bed).await;
        // Where it was asked is said of what depends on it.
        let depends = matches!(kind, ErrorKind::NotFound | ErrorKind::Denied | ErrorKind::Invalid);
        let place = if depends { " (in region eu-central-1)" } else { "" };
        let message = format!("{code}: So says AWS.{place}");
        let expected = AwsError { kind, operation: "DescribeRules".to_owned(), message };
        assert_eq!(error, expected);
        assert_eq!(write(&bed).await, AwsError { operation: "AddTags".to_owned(), ..expected });
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_in_passing_leaves_a_write_unknown() {
    for (code, status) in [("InternalFailure", 500), ("ServiceUnavailable", 503), ("ACodeNobodyHasSeen", 502)] {
        let bed = Bed::new(move |_| failure(status, code, "Try again."));
        assert_eq!(read(&bed).await.kind, ErrorKind::Transient, "{code}");
        assert_eq!(write(&bed).await.kind, ErrorKind::OutcomeUnknown, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn reads_are_sent_again_and_writes_never() {
    let bed = Bed::new(|_| failure(503, "ServiceUnavailable", "Try again."));
    read(&bed).await;
    assert_eq!((bed.forms().len(), bed.calls()[0].attempts), (3, 3));
    write(&bed).await;
    assert_eq!((bed.forms().len(), bed.calls()[0].attempts), (1, 1));

    let bed = Bed::new(|_| failure(400, "Throttling", "Rate exceeded"));
    assert_eq!(write(&bed).await.kind, ErrorKind::Throttled);
    assert_eq!(bed.forms().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_write_without_an_answer_is_unknown_after_five_seconds() {
    let bed = Bed::new(|_| Reply::Silence);
    let began = tokio::time::Instant::now();
    assert_eq!(write(&bed).await.kind, ErrorKind::OutcomeUnknown);
    assert_eq!(began.elapsed(), Duration::from_secs(5));
    assert_eq!(bed.forms().len(), 1);
    let call = bed.calls()[0];
    assert_eq!((call.outcome, call.outcome_word()), (Err(ErrorKind::OutcomeUnknown), "OutcomeUnknown"));
    assert_eq!(call.took, jiff::SignedDuration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_read_without_an_answer_ends() {
    let bed = Bed::new(|_| Reply::Silence);
    let began = tokio::time::Instant::now();
    assert_eq!(read(&bed).await.kind, ErrorKind::Transient);
    assert!(began.elapsed() <= Duration::from_secs(20));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_met_no_connection_did_not_happen() {
    assert_eq!(write(&Bed::new(|_| Reply::Refused)).await.kind, ErrorKind::Transient);
    assert_eq!(write(&Bed::new(|_| Reply::Broken)).await.kind, ErrorKind::OutcomeUnknown);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_xml_is_judged_by_its_status() {
    let page = |status| move |_: &_| Reply::Http(status, "<html>Bad gateway".to_owned(), Duration::ZERO);
    assert_eq!(read(&Bed::new(page(502))).await.kind, ErrorKind::Transient);
    assert_eq!(write(&Bed::new(page(502))).await.kind, ErrorKind::OutcomeUnknown);
    assert_eq!(read(&Bed::new(page(200))).await.kind, ErrorKind::Transient);
    assert_eq!(read(&Bed::new(page(403))).await.kind, ErrorKind::Denied);
    assert_eq!(read(&Bed::new(page(404))).await.kind, ErrorKind::Transient);
}

#[tokio::test(start_paused = true)]
async fn a_region_that_does_not_exist_is_named() {
    let told = "The region eu-central-1 could not be reached: does it exist, is it enabled for the account";
    assert!(read(&Bed::new(|_| Reply::Refused)).await.message.contains(told));
    let page = |_: &_| Reply::Http(500, "<html>Internal server error".to_owned(), Duration::ZERO);
    assert!(read(&Bed::new(page)).await.message.contains(told));
    let answered = read(&Bed::new(|_| failure(500, "InternalFailure", "Try again."))).await;
    assert!(!answered.message.contains("region"), "{answered}");
}

#[tokio::test(start_paused = true)]
async fn equal_failures_are_equal() {
    let mut count = 0;
    let bed = Bed::new(move |_| {
        count += 1;
        let body = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>No.</Message></Error>\
             <RequestId>request-{count}</RequestId></ErrorResponse>"
        );
        Reply::Http(403, body, Duration::ZERO)
    });
    let first = read(&bed).await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(first, read(&bed).await);
    assert_eq!(bed.forms().len(), 2);
}

#[derive(Debug)]
struct NoCredentials;

impl ProvideCredentials for NoCredentials {
    fn provide_credentials<'a>(&'a self) -> provider::future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let error = provider::error::CredentialsError::not_loaded("no providers in chain provided credentials");
        provider::future::ProvideCredentials::ready(Err(error))
    }
}

#[tokio::test(start_paused = true)]
async fn missing_credentials_say_where_to_put_them() {
    let bed = Bed::configured(
        |_| panic!("nothing can be sent without credentials"),
        |config| config.credentials_provider(SharedCredentialsProvider::new(NoCredentials)),
    );
    for error in [read(&bed).await, write(&bed).await] {
        assert_eq!(error.kind, ErrorKind::Expired);
        assert!(error.message.contains("AWS_PROFILE") && error.message.contains("no providers in chain"), "{error}");
    }
    assert_eq!(bed.calls().iter().map(|call| call.attempts).sum::<u32>(), 0);
}

#[derive(Debug)]
struct SlowCredentials;

impl ProvideCredentials for SlowCredentials {
    fn provide_credentials<'a>(&'a self) -> provider::future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        provider::future::ProvideCredentials::new(std::future::pending())
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_waited_for_credentials_did_not_happen() {
    let bed = Bed::configured(
        |_| panic!("nothing can be sent without credentials"),
        |config| config.credentials_provider(SharedCredentialsProvider::new(SlowCredentials)),
    );
    assert_ne!(write(&bed).await.kind, ErrorKind::OutcomeUnknown);
}
