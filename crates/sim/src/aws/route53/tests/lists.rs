//! Lists of records: their order, where they begin, and their pages.

use super::*;

/// The keys of records on a page, and where the next one begins.
fn read(reply: &Reply) -> (Vec<String>, Option<String>) {
    assert_eq!(reply.code(), "OK", "{}", reply.text);
    let sets = reply.text.split("<ResourceRecordSet>").skip(1).map(|set| {
        let of = |element: &str| Some(set.split_once(&format!("<{element}>"))?.1.split('<').next()?.to_owned());
        let parts = [of("Name"), of("Type"), of("SetIdentifier")];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    });
    let next = |element: &str| reply.all(element).first().map(|text| (*text).to_owned());
    let cursor = next("NextRecordName").map(|name| {
        let kind = next("NextRecordType").unwrap();
        let identifier = next("NextRecordIdentifier").map(|text| format!("&identifier={text}")).unwrap_or_default();
        format!("&name={}&type={kind}{identifier}", name.replace('\\', "%5C"))
    });
    (sets.collect(), cursor)
}

async fn pages(aws: &Arc<Aws>, zone: &str, size: usize) -> Vec<String> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let reply = get(aws, &format!("hostedzone/{zone}/rrset?maxitems={size}{cursor}")).await;
        let (page, next) = read(&reply);
        assert!(page.len() <= size.min(300));
        assert_eq!(reply.one("IsTruncated"), next.is_some().to_string());
        all.extend(page);
        match next {
            Some(next) => cursor = next,
            None => return all,
        }
    }
}

#[test]
fn records_are_in_the_order_of_reversed_labels_types_and_identifiers() {
    with_zone(async |aws, zone| {
        let txt = record("b.shop.test", "TXT", &values(60, &["\"x\""]));
        let changes = [
            create(&weighted("b.shop.test", "two", 1, "192.0.2.1")),
            create(&weighted("b.shop.test", "one", 1, "192.0.2.1")),
            create(&txt),
            create(&simple("z.a.shop.test", "192.0.2.1")),
            create(&simple("a.shop.test", "192.0.2.1")),
            create(&simple("*.shop.test", "192.0.2.1")),
            create(&simple("a-b.shop.test", "192.0.2.1")),
            create(&simple("_weir.b.shop.test", "192.0.2.1")),
        ];
        accepted(&aws, &zone, &changes).await;
        assert_eq!(
            pages(&aws, &zone, 300).await,
            [
                "shop.test. NS",
                "shop.test. SOA",
                "\\052.shop.test. A",
                // A hyphen comes before the dot behind a label.
                "a-b.shop.test. A",
                "a.shop.test. A",
                "z.a.shop.test. A",
                "b.shop.test. A one",
                "b.shop.test. A two",
                "b.shop.test. TXT",
                "_weir.b.shop.test. A",
            ]
        );
        for (start, first) in [
            ("name=b.shop.test", "b.shop.test. A one"),
            ("name=B.Shop.Test.&type=A&identifier=onf", "b.shop.test. A two"),
            ("name=b.shop.test&type=AAAA", "b.shop.test. TXT"),
            ("name=b.shop.test&type=TXT", "b.shop.test. TXT"),
            ("name=aa.shop.test", "b.shop.test. A one"),
            ("name=%5C052.shop.test&type=A", "\\052.shop.test. A"),
            ("name=*.shop.test", "\\052.shop.test. A"),
            ("name=test", "shop.test. NS"),
        ] {
            let (page, _) = read(&get(&aws, &format!("hostedzone/{zone}/rrset?{start}&maxitems=1")).await);
            assert_eq!(page, [first], "{start}");
        }
        for start in ["type=A", "identifier=one", "name=a.shop.test&identifier=one", "name=a..b", "name=a&type=B"] {
            let reply = get(&aws, &format!("hostedzone/{zone}/rrset?{start}")).await;
            assert_eq!(reply.code(), "InvalidInput", "{start}");
        }
    });
}

#[test]
fn a_page_has_three_hundred_records_at_most() {
    with_zone(async |aws, zone| {
        let one = |number: usize| create(&simple(&format!("n{number}.shop.test"), "192.0.2.1"));
        accepted(&aws, &zone, &(0..400).map(one).collect::<Vec<_>>()).await;
        for size in ["", "?maxitems=1000"] {
            let reply = get(&aws, &format!("hostedzone/{zone}/rrset{size}")).await;
            assert_eq!((read(&reply).0.len(), reply.one("MaxItems")), (300, "300"));
        }
    });
}

#[test]
fn the_pages_of_any_size_hold_the_whole_whatever_the_records_are() {
    let mut chance = fastrand::Rng::with_seed(11);
    for _ in 0..20 {
        with_zone(async |aws, zone| {
            let labels = ["a", "b", "a-b", "_x", "*", "0"];
            let mut records = BTreeSet::new();
            for _ in 0..chance.usize(1..40) {
                let depth = chance.usize(1..3);
                let mut name = NAME.to_owned();
                for _ in 0..depth {
                    name = format!("{}.{name}", labels[chance.usize(..labels.len())]);
                }
                let identifier = format!("i{}", chance.u8(..5));
                let kind = ["A", "TXT"][chance.usize(..2)];
                records.insert((name, kind, identifier));
            }
            let create = |(name, kind, identifier): &(String, &str, String)| {
                let value = if *kind == "A" { "192.0.2.1" } else { "\"x\"" };
                create(&record(
                    name,
                    kind,
                    &format!("{}{}", policy(identifier, "<Weight>1</Weight>"), values(60, &[value])),
                ))
            };
            accepted(&aws, &zone, &records.iter().map(create).collect::<Vec<_>>()).await;
            let whole = pages(&aws, &zone, 300).await;
            assert_eq!(whole.len(), records.len() + 2);
            for size in [1, 2, 3, 7, chance.usize(4..20)] {
                assert_eq!(pages(&aws, &zone, size).await, whole, "{size}");
            }
            let reversed = |line: &String| {
                let mut parts = line.split(' ');
                let name = parts.next().unwrap().trim_end_matches('.');
                let labels = name.rsplit('.').collect::<Vec<_>>().join(".") + ".";
                (labels, parts.map(str::to_owned).collect::<Vec<_>>())
            };
            assert!(whole.is_sorted_by_key(reversed), "{whole:?}");
        });
    }
}
