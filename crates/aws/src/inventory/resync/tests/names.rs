//! Names on Route 53: what is new of them, and how often they are read.

use std::time::Duration;

use weir_engine::fact::ErrorKind;
use weir_sim::aws::{RecordEdit, RecordSays, RecordType};

use super::*;
use crate::route53::tests::Fixture as Dns;

/// Gives a name another address.
fn edit(dns: &Dns, labels: &str, (old, new): (&str, &str)) {
    let name = dns.at(labels).name;
    let record = |address: &str| {
        let says = RecordSays::Values(60, vec![address.to_owned()]);
        RecordEdit::simple(name.as_str(), RecordType::A, says)
    };
    dns.aws.edit_records(dns.zone.as_str(), &[record(old)], &[record(new)]).unwrap();
}

#[tokio::test(start_paused = true)]
async fn names_that_have_changed_are_told_once_a_minute() {
    let dns = Dns::new();
    dns.add(&["a", "b"]);
    let bed = dns.bed();
    let names: BTreeSet<NameInZone> = ["a", "b", "nothing"].map(|labels| dns.at(labels)).into();
    let scope = ResyncScope { names: names.clone(), ..ResyncScope::default() };
    let resync = async || bed.inventory.resync(&scope, seconds(27)).await;
    assert_eq!(resync().await.names, names, "all that is seen for the first time");
    assert_eq!(bed.operations(), ["ListResourceRecordSets"], "all in one page");

    edit(&dns, "a", ("192.0.2.1", "192.0.2.2"));
    for span in [0, 15, 30] {
        tokio::time::sleep(Duration::from_secs(span)).await;
        assert_eq!((resync().await, bed.operations().len()), (ResyncReport::default(), 0));
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    let report = resync().await;
    assert_eq!((report.names, report.changed), ([dns.at("a")].into(), BTreeSet::new()));
    assert_eq!(bed.operations(), ["ListResourceRecordSets"]);
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert_eq!(resync().await, ResyncReport::default());

    // What is watched no more and then again is seen for the first time again.
    bed.inventory.resync(&ResyncScope::default(), seconds(27)).await;
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert_eq!(resync().await.names, names);
}

/// What resyncs tell of a name that has been read once, and then twice fails in a way, and then does no more.
async fn told_of_a_failure(status: u16, code: &'static str) -> [ResyncReport; 3] {
    let dns = Dns::new();
    dns.add(&["a"]);
    let (aws, is_broken) = (Arc::clone(&dns.aws), Arc::new(Mutex::new(false)));
    let broken = Arc::clone(&is_broken);
    let bed =
        Bed::new(
            move |_| {
                if *broken.lock().unwrap() { failure(status, code, "No.") } else { Reply::Of(Arc::clone(&aws)) }
            },
        );
    let scope = ResyncScope { names: [dns.at("a")].into(), ..ResyncScope::default() };
    let resync = async || {
        tokio::time::sleep(Duration::from_mins(1)).await;
        bed.inventory.resync(&scope, seconds(27)).await
    };
    resync().await;
    *is_broken.lock().unwrap() = true;
    let failed = [resync().await, resync().await];
    *is_broken.lock().unwrap() = false;
    let third = resync().await;
    let changed = |report: &ResyncReport| report.names == scope.names;
    assert_eq!([&failed[0], &failed[1], &third].map(changed), [false, true, true], "one failure tells nothing");
    let [first, second] = failed;
    [first, second, third]
}

#[tokio::test(start_paused = true)]
async fn names_that_cannot_be_read_are_told_after_a_while() {
    let [first, second, third] = told_of_a_failure(500, "InternalError").await;
    assert_eq!((first.unreadable, first.failing), (None, true));
    assert_eq!(second.unreadable.unwrap().kind, ErrorKind::Transient);
    assert_eq!((third.unreadable, third.failing), (None, false));
}

/// Whoever may not read a zone may read everything else.
#[tokio::test(start_paused = true)]
async fn a_name_that_iam_denies_tells_nothing_of_its_account() {
    for report in told_of_a_failure(403, "AccessDenied").await {
        assert_eq!((report.unreadable, report.failing), (None, false));
    }
}
