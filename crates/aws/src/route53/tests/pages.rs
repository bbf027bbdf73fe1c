//! How many calls it takes to read names, and that each is told as it is.

use super::*;

/// A zone with a thousand names, an address at each.
fn thousand() -> Fixture {
    let fixture = Fixture::new();
    let names: Vec<String> = (0..1_000).map(|number| format!("name-{number:03}")).collect();
    fixture.add(&names.iter().map(String::as_str).collect::<Vec<&str>>());
    fixture
}

#[tokio::test(start_paused = true)]
async fn calls_are_the_pages_that_hold_a_wanted_name() {
    let fixture = thousand();
    let table = [(1, 1), (2, 2), (10, 4), (100, 4), (1_000, 4)];
    for (wanted, calls) in table {
        let bed = fixture.bed();
        let names: Vec<String> = (0..wanted).map(|number| format!("name-{:03}", number * 1_000 / wanted)).collect();
        let asks = fixture.asks(&bed, &names.iter().map(String::as_str).collect::<Vec<_>>());
        let answers = bed.answer_all(&asks).await;
        for (name, (_, fact)) in names.iter().zip(&answers) {
            assert_eq!(records(fact), [record(name, Routing::Simple, 60, &["192.0.2.1"])]);
            assert_eq!(fact.at, answers[0].1.at, "all are dated by the first page");
        }
        assert_eq!(bed.operations(), vec!["ListResourceRecordSets"; calls], "{wanted} names");
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_at_which_nothing_stands_is_empty() {
    let fixture = thousand();
    let bed = fixture.bed();
    let asks = fixture.asks(&bed, &["name-500", "a", "name-5005", "zzz", "name-501.name-500", "*"]);
    let found: Vec<usize> = bed.answer_all(&asks).await.iter().map(|(_, fact)| records(fact).len()).collect();
    assert_eq!(found, [1, 0, 0, 0, 0, 0]);
    // One from `a` or `*` on, which are beside each other; one from name-500 on; the last page.
    assert_eq!(bed.operations().len(), 3);
    // The last page tells of all that would be behind it.
    let asks = fixture.asks(&bed, &["name-999", "zz1", "zz2", "zz3"]);
    bed.answer_all(&asks).await;
    assert_eq!(bed.operations().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_name_at_which_a_page_ends_is_told_whole() {
    let fixture = thousand();
    // From name-000 on, a page ends within the records of name-298.
    for edge in ["name-298", "name-299"] {
        for (identifier, address) in [("one", "2001:db8::1"), ("two", "2001:db8::2")] {
            let says = RecordSays::Values(60, vec![address.to_owned()]);
            let edit = RecordEdit::weighted(&whole(edge), SimType::Aaaa, (identifier, 1), says);
            fixture.aws.add_records(fixture.zone.as_str(), &[edit]).unwrap();
        }
    }
    let bed = fixture.bed();
    let asks = fixture.asks(&bed, &["name-000", "name-296", "name-297", "name-298", "name-299", "name-300"]);
    let found: Vec<usize> = bed.answer_all(&asks).await.iter().map(|(_, fact)| records(fact).len()).collect();
    assert_eq!(found, [1, 1, 1, 3, 3, 1]);
    assert_eq!(bed.operations().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_name_with_more_records_than_a_page_is_followed() {
    let fixture = Fixture::new();
    let kinds = [SimType::A, SimType::Aaaa, SimType::Txt, SimType::Mx];
    for kind in kinds {
        let one = |number: usize| {
            let value = match kind {
                SimType::A => format!("192.0.2.{number}"),
                SimType::Aaaa => format!("2001:db8::{number}"),
                SimType::Txt => format!("\"{number}\""),
                _ => format!("{number} mail.example."),
            };
            let identifier = format!("{number:03}");
            RecordEdit::weighted(&whole("big"), kind, (&identifier, 1), RecordSays::Values(60, vec![value]))
        };
        let edits: Vec<RecordEdit> = (0..100).map(one).collect();
        fixture.aws.add_records(fixture.zone.as_str(), &edits).unwrap();
    }
    fixture.add(&["bigger", "after"]);
    let bed = fixture.bed();
    let asks = fixture.asks(&bed, &["after", "big", "bigger"]);
    let found: Vec<usize> = bed.answer_all(&asks).await.iter().map(|(_, fact)| records(fact).len()).collect();
    assert_eq!(found, [1, 400, 1]);
    // From `after` on, and both pages from `big` on, of which the second tells of what is behind it.
    assert_eq!(bed.operations().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_list_without_an_end_is_nonsense() {
    let bed = Bed::new(|_| {
        let xml = "<ListResourceRecordSetsResponse><ResourceRecordSets/><IsTruncated>true</IsTruncated>\
                   <NextRecordName>api.shop.example.</NextRecordName><NextRecordType>A</NextRecordType>\
                   <MaxItems>300</MaxItems></ListResourceRecordSetsResponse>";
        Reply::Http(200, xml.to_owned(), Duration::ZERO)
    });
    let at = NameInZone { zone: ZoneId::new("Z1"), name: DnsName::new("api.shop.example") };
    let error = failed(&bed.fresh(Query::Records(at)).await);
    assert_eq!(error.kind, ErrorKind::Transient);
    assert!(error.message.contains("did not end within 20 pages"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn names_that_are_not_plain_are_asked_for_alone() {
    let fixture = Fixture::new();
    fixture.add(&["a", "a\\041b", "b"]);
    let bed = fixture.bed();
    let asks = fixture.asks(&bed, &["a", "a\\041b", "a\\042b", "b"]);
    let found: Vec<usize> = bed.answer_all(&asks).await.iter().map(|(_, fact)| records(fact).len()).collect();
    assert_eq!(found, [1, 1, 0, 1]);
    assert_eq!(bed.operations().len(), 3);
    // One that AWS does not take is its own mistake, and no other's.
    let asks = fixture.asks(&bed, &["a", "a..b", "b"]);
    let answers = bed.answer_all(&asks).await;
    assert_eq!([0, 2].map(|index: usize| records(&answers[index].1).len()), [1, 1]);
    assert_eq!(failed(&answers[1].1).kind, ErrorKind::Invalid);
    assert_eq!(bed.operations().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_zone_that_is_gone_is_so_for_all_names_at_once() {
    let fixture = Fixture::new();
    let bed = fixture.bed();
    for _ in 0..2 {
        let asks: Vec<Ask> = (0..50)
            .map(|number| {
                let name = DnsName::new(&whole(&format!("name-{number}")));
                bed.ask(Query::Records(NameInZone { zone: ZoneId::new("Z0"), name }))
            })
            .collect();
        for (_, fact) in bed.answer_all(&asks).await {
            assert_eq!(failed(&fact).kind, ErrorKind::NotFound);
        }
        assert_eq!(bed.operations(), ["ListResourceRecordSets"]);
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn zones_are_read_apart_and_names_are_remembered() {
    let fixture = Fixture::new();
    fixture.add(&["a", "b"]);
    let other = ZoneId::new(&fixture.aws.add_zone("other.example").unwrap());
    let bed = fixture.bed();
    let elsewhere = NameInZone { zone: other, name: DnsName::new("other.example") };
    let mut asks = fixture.asks(&bed, &["a", "b"]);
    asks.push(bed.ask(Query::Records(elsewhere)));
    let found: Vec<usize> = bed.answer_all(&asks).await.iter().map(|(_, fact)| records(fact).len()).collect();
    assert_eq!(found, [1, 1, 2], "the apex has its name servers and its head");
    assert_eq!(bed.operations().len(), 2);
    tokio::time::sleep(Duration::from_secs(30)).await;
    bed.answer_all(&asks).await;
    assert_eq!(bed.operations().len(), 0, "as old as they may be");
    bed.answer(&Ask::new(Query::Records(fixture.at("a")), bed.now() - seconds(10))).await;
    assert_eq!(bed.operations().len(), 1);
}
