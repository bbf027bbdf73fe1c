//! A write that is taken: how far it comes, and what is read after it.

use super::*;

async fn sync(bed: &Bed, change: &ChangeId) -> ChangeSync {
    let fact = bed.fresh(Query::Change(change.clone())).await;
    *fact.reading::<ChangeSync>().unwrap().found.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_change_is_pending_and_then_in_sync() {
    let fixture = Fixture::new();
    fixture.aws.set_zone_sync(Duration::from_secs(40)..=Duration::from_secs(40));
    let bed = fixture.bed();
    let write = fixture.write("api", Vec::new(), vec![record("api", weighted("blue", 100), 60, &["192.0.2.1"])]);
    let change = bed.send(&write).await.unwrap().change.unwrap();
    let call = bed.calls().remove(0);
    assert_eq!((call.operation, call.spent.unwrap().family), ("ChangeResourceRecordSets", Family::Route53));
    assert_eq!(sync(&bed, &change).await, ChangeSync::Pending);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(sync(&bed, &change).await, ChangeSync::Pending);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(sync(&bed, &change).await, ChangeSync::InSync);
    // One that is asked for with an older answer is answered by it.
    bed.operations();
    bed.answer(&Ask::new(Query::Change(change), bed.now() - seconds(5))).await;
    assert!(bed.operations().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_change_that_a_failover_lost_is_not_found() {
    let fixture = Fixture::new();
    let bed = fixture.bed();
    let write = fixture.write("api", Vec::new(), vec![record("api", weighted("blue", 100), 60, &["192.0.2.1"])]);
    let change = bed.send(&write).await.unwrap().change.unwrap();
    assert_eq!(fixture.aws.fail_over(fixture.zone.as_str()).unwrap(), [change.as_str()]);
    let error = failed(&bed.fresh(Query::Change(change.clone())).await);
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert_eq!(error.message, format!("NoSuchChange: A change with id {change} does not exist"));
    assert_eq!(fixture.read(&bed, "api").await, []);
}

#[tokio::test(start_paused = true)]
async fn a_write_makes_its_names_be_read_again_and_no_others() {
    let fixture = Fixture::new();
    fixture.add(&["api", "other"]);
    let bed = fixture.bed();
    let labels = ["api", "_weir.api", "other"];
    let known = || labels.map(|labels| Ask::new(Query::Records(fixture.at(labels)), weir_engine::reader::ANY_AGE));
    bed.answer_all(&known()).await;
    let [old] = fixture.read(&bed, "api").await.try_into().unwrap();
    let new = record("api", weighted("blue", 100), 60, &["192.0.2.9"]);
    let memory = RecordSet {
        kind: RecordType::Txt,
        content: Content::Values { ttl: 300, values: vec!["\"heritage=weir\"".to_owned()] },
        ..record("_weir.api", Routing::Simple, 300, &[])
    };
    bed.operations();
    bed.send(&fixture.write("api", vec![old], vec![new.clone(), memory.clone()])).await.unwrap();
    let answers = bed.answer_all(&known()).await;
    assert_eq!((records(&answers[0].1), records(&answers[1].1)), (vec![new.clone()], vec![memory]));
    assert_eq!(bed.operations(), ["ChangeResourceRecordSets", "ListResourceRecordSets"]);
    assert!(answers[0].1.at >= answers[2].1.at, "what was not touched is known still, or is told along");

    // Also where no record of the memory is written.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let newer = record("api", weighted("blue", 50), 60, &["192.0.2.9"]);
    bed.send(&fixture.write("api", vec![new], vec![newer.clone()])).await.unwrap();
    let again = bed.answer_all(&known()).await;
    assert_eq!(records(&again[0].1), [newer]);
    assert!(again[1].1.at > answers[1].1.at);
    // What was not touched stood on the page that was read before.
    assert_eq!(again[2].1.at, answers[0].1.at);
    assert_eq!(bed.operations(), ["ChangeResourceRecordSets", "ListResourceRecordSets"]);
}
