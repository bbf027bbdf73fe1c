//! Protections of names and types.

use super::*;

const MAKE: &str = "CreateResourceRecordSetProtectionsRequest";
const UNMAKE: &str = "DeleteResourceRecordSetProtectionsRequest";

fn config(name: &str, kind: &str, rest: &str) -> String {
    format!(
        "<ResourceRecordSetProtectionConfig><RecordName>{name}</RecordName><RecordType>{kind}</RecordType>{rest}\
         </ResourceRecordSetProtectionConfig>"
    )
}

fn key(name: &str, kind: &str) -> String {
    config(name, kind, "").replace("ProtectionConfig", "ProtectionKey")
}

fn list(entries: &[String]) -> String {
    format!("<Protections>{}</Protections>", entries.concat())
}

#[test]
fn what_is_protected_is_changed_by_nobody() {
    with_zone(async |aws, zone| {
        let (path, delete_path) =
            (format!("hostedzone/{zone}/rrsetprotection"), format!("hostedzone/{zone}/rrsetprotection/delete"));
        let record = simple("a.shop.test", "192.0.2.1");
        accepted(&aws, &zone, &[create(&record)]).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let comment = "<Comment>ask ops</Comment>";
        let entries = [config("a.shop.test", "A", comment), config("b.shop.test", "TXT", "")];
        assert_eq!(post(&aws, &path, MAKE, &list(&entries)).await.code(), "OK");
        for change in [delete(&record), change("UPSERT", &record)] {
            let said = refused(&aws, &zone, &[change]).await;
            assert!(said.contains("protection exists: ask ops"), "{said}");
        }
        accepted(&aws, &zone, &[create(&simple("b.shop.test", "192.0.2.1"))]).await;
        accepted(&aws, &zone, &[delete(&simple("b.shop.test", "192.0.2.1"))]).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let page = get(&aws, &format!("{path}?maxresults=1")).await;
        assert_eq!((page.one("RecordName"), page.one("Comment")), ("a.shop.test.", "ask ops"));
        let token = page.one("NextToken").replace(' ', "%20");
        let page = get(&aws, &format!("{path}?nexttoken={token}")).await;
        assert_eq!((page.one("RecordName"), page.all("NextToken").len()), ("b.shop.test.", 0));
        assert_eq!(get(&aws, &format!("{path}?nexttoken=x")).await.code(), "InvalidPaginationToken");
        assert_eq!(get(&aws, &format!("{path}?type=A")).await.code(), "InvalidInput");
        assert_eq!(get(&aws, &format!("{path}?name=b.shop.test&type=A")).await.all("RecordName"), ["b.shop.test."]);
        let both = [key("a.shop.test", "A"), key("b.shop.test", "TXT")];
        assert_eq!(post(&aws, &delete_path, UNMAKE, &list(&both)).await.code(), "OK");
        accepted(&aws, &zone, &[delete(&record)]).await;
    });
}

#[test]
fn a_bad_entry_spoils_the_whole_and_is_named() {
    with_zone(async |aws, zone| {
        let path = format!("hostedzone/{zone}/rrsetprotection");
        let good = config("a.shop.test", "A", "");
        let bad = post(&aws, &path, MAKE, &list(&[good.clone(), config("a.other.test", "A", "")])).await;
        assert_eq!((bad.status, bad.all("Code")[0]), (400, "InvalidResourceRecordSetProtectionBatch"));
        assert_eq!((bad.one("RecordName"), bad.all("Code")[1]), ("a.other.test.", "InvalidInput"));
        let twice = post(&aws, &path, MAKE, &list(&[good.clone(), good.clone()])).await;
        assert_eq!(twice.all("Code"), ["InvalidResourceRecordSetProtectionBatch", "InvalidInput"]);
        assert_eq!(
            post(&aws, &path, MAKE, &list(std::slice::from_ref(&good))).await.code(),
            "OK",
            "nothing was made before"
        );
        let again = post(&aws, &path, MAKE, &list(std::slice::from_ref(&good))).await;
        assert_eq!((again.status, again.all("Code")[0]), (409, "ProtectionAlreadyExists"));
        let some = post(&aws, &path, MAKE, &list(&[good, config("b.shop.test", "A", "")])).await;
        assert_eq!(some.all("Code"), ["InvalidResourceRecordSetProtectionBatch", "ProtectionAlreadyExists"]);
        let none = post(&aws, &format!("{path}/delete"), UNMAKE, &list(&[key("b.shop.test", "A")])).await;
        assert_eq!(none.all("Code"), ["InvalidResourceRecordSetProtectionBatch", "ProtectionNotFound"]);
        let full = call(&aws, "DELETE", &format!("hostedzone/{zone}"), "").await;
        assert_eq!(full.code(), "HostedZoneNotEmpty");
    });
}
