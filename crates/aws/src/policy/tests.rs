//! How policies grow with what they are for, that STS takes those of sessions, and what IAM makes of them.

use aws_sdk_route53::error::ProvideErrorMetadata;
use aws_sdk_route53::types::{Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType};
use weir_engine::dns::{Content, RecordSet, RecordType, Routing};
use weir_engine::fact::{ErrorKind, Query};

use super::*;
use crate::route53::tests::{Fixture as Dns, record, weighted};
use crate::wire::Bed;

fn scope(balancers: &[&str], adopt: bool) -> Scope {
    Scope {
        owner: "acme".to_owned(),
        partition: "aws".to_owned(),
        account: "*".to_owned(),
        region: "*".to_owned(),
        balancers: balancers.iter().map(|name| (*name).to_owned()).collect(),
        adopt,
        roles: Vec::new(),
        names: Vec::new(),
    }
}

fn statement<'a>(policy: &'a Policy, sid: &str) -> &'a Statement {
    policy.statement.iter().find(|statement| statement.sid == sid).unwrap()
}

#[test]
fn what_changes_something_is_bound_to_the_balancers_that_are_named() {
    let policy = Policy::new(&scope(&["shop", "deals-*"], true));
    for statement in
        policy.statement.iter().filter(|statement| !["LookAround", "CountRequests"].contains(&statement.sid.as_str()))
    {
        let bound = |resource: &String| resource.contains("/app/shop/") || resource.contains("/app/deals-*/");
        assert!(statement.resource.iter().all(bound), "{statement:?}");
    }
    let rules = &statement(&policy, "ChangeMarkedRules").resource;
    assert_eq!(rules[1], "arn:aws:elasticloadbalancing:*:*:listener-rule/app/deals-*/*");
    let anywhere = Policy::new(&scope(&["*"], true));
    assert_eq!(anywhere, Policy::new(&scope(&[], true)));
}

#[test]
fn without_adoption_nothing_is_marked_but_what_is_made_and_what_is_marked() {
    let policy = Policy::new(&scope(&[], false));
    let marks = policy.statement.iter().filter(|statement| statement.action.contains(&TAG));
    for statement in marks {
        let equal = &statement.condition["StringEquals"];
        let is_bound = equal
            .get("elasticloadbalancing:CreateAction")
            .is_some_and(|made| *made == Value::One("CreateRule".to_owned()))
            || equal.get("aws:ResourceTag/weir.dev/owner").is_some_and(|owner| *owner == Value::One("acme".to_owned()));
        assert!(is_bound && statement.condition.contains_key("ForAllValues:StringLike"), "{statement:?}");
    }
    assert!(policy.statement.iter().all(|statement| statement.sid != "Mark"));
}

#[test]
fn sts_takes_the_policy_of_a_session_whoever_the_owner_is() {
    let text = Policy::of_session(&"x".repeat(128), "arn:aws-us-gov:iam::222222222222:role/weir").text();
    assert!(text.len() <= 2_048, "{} letters: {text}", text.len());
    assert!(text.contains("arn:aws-us-gov:elasticloadbalancing:*:222222222222:listener*/app/*"), "{text}");
    let short = Policy::of_session("acme-production", "arn:aws:iam::222222222222:role/weir").text();
    assert!(short.len() <= 1_450, "there is room when it is packed: {} letters: {short}", short.len());
}

/// A session may do all that the whole policy allows.
#[test]
fn a_session_keeps_every_right() {
    let whole = Policy::new(&scope_of(&ZoneId::new("Z1"), "api.shop.example"));
    let session = Policy::of_session("acme", "arn:aws:iam::1:role/r");
    let known: Vec<&str> = session.statement.iter().flat_map(|statement| statement.action.iter().copied()).collect();
    for action in whole.statement.iter().flat_map(|statement| statement.action.iter()) {
        let is_known =
            |pattern: &&str| pattern.strip_suffix('*').map_or(pattern == action, |start| action.starts_with(start));
        assert!(known.iter().any(is_known), "{action}");
    }
}

fn of_names(names: &[(&ZoneId, &str)]) -> Policy {
    let names = names.iter().map(|(zone, pattern)| ZoneName { zone: (*zone).clone(), pattern: (*pattern).to_owned() });
    Policy::new(&Scope { names: names.collect(), ..scope(&[], true) })
}

#[test]
fn without_names_nothing_is_allowed_on_route_53() {
    let text = Policy::new(&scope(&[], true)).text();
    assert!(!text.contains("route53"), "{text}");
}

#[test]
fn names_are_written_as_iam_compares_them() {
    let table = [
        ("API.shop.example.", ["api.shop.example", "_weir.api.shop.example"]),
        ("api-*.shop.example", ["api-*.shop.example", "_weir.api-*.shop.example"]),
        ("*.shop.example", ["*.shop.example", "_weir._any.shop.example"]),
        ("\\052.shop.example", ["\\052.shop.example", "_weir._any.shop.example"]),
    ];
    for (pattern, expected) in table {
        assert_eq!(record_names(pattern), expected);
    }
    let (one, two) = (ZoneId::new("Z1"), ZoneId::new("Z2"));
    let names = [(&two, "b.shop.example"), (&one, "a.shop.example"), (&one, "\\052.shop.example")];
    let policy = of_names(&names);
    let zones = ["Z1", "Z2"].map(|zone| format!("arn:aws:route53:::hostedzone/{zone}"));
    assert_eq!(statement(&policy, "ReadZones").resource, zones);
    let first = serde_json::to_value(statement(&policy, "ReplaceRecords1")).unwrap();
    let expected = serde_json::json!({
        "Sid": "ReplaceRecords1",
        "Effect": "Allow",
        "Action": ["route53:ChangeResourceRecordSets"],
        "Resource": ["arn:aws:route53:::hostedzone/Z1"],
        "Condition": {
            "ForAllValues:StringLike": {"route53:ChangeResourceRecordSetsNormalizedRecordNames":
                ["a.shop.example", "_weir.a.shop.example", "\\052.shop.example", "_weir._any.shop.example"]},
            "ForAllValues:StringEquals": {
                "route53:ChangeResourceRecordSetsActions": ["CREATE", "DELETE"],
                "route53:ChangeResourceRecordSetsRecordTypes": ["A", "AAAA", "CNAME", "TXT"],
            },
        },
    });
    assert_eq!(first, expected);
    let china = Policy::new(&Scope { partition: "aws-cn".to_owned(), ..scope_of(&one, "a.shop.example") });
    assert_eq!(statement(&china, "FollowChanges").resource, ["arn:aws-cn:route53:::change/*"]);
}

/// Source: "IAM JSON policy elements: Sid" in the IAM User Guide.
#[test]
fn identifiers_of_statements_have_letters_and_digits_and_are_unique() {
    let zones = ["*", "Z*", "*Z", "Z1"].map(ZoneId::new);
    let policy = of_names(&zones.each_ref().map(|zone| (zone, "*")));
    let mut sids: Vec<&str> = policy.statement.iter().map(|statement| statement.sid.as_str()).collect();
    assert!(sids.iter().all(|sid| sid.bytes().all(|byte| byte.is_ascii_alphanumeric())), "{sids:?}");
    let count = sids.len();
    sids.sort_unstable();
    sids.dedup();
    assert_eq!(sids.len(), count, "{sids:?}");
}

fn scope_of(zone: &ZoneId, pattern: &str) -> Scope {
    let names = vec![ZoneName { zone: zone.clone(), pattern: pattern.to_owned() }];
    Scope { names, ..scope(&[], true) }
}

/// Writes by whatever client, without Weir's own guards.
async fn change(bed: &Bed, zone: &ZoneId, action: ChangeAction, (name, kind): (&str, RrType)) -> Option<String> {
    let value = if kind == RrType::Txt { "\"text\"" } else { "192.0.2.1" };
    let value = ResourceRecord::builder().value(value).build().unwrap();
    let record = ResourceRecordSet::builder().name(name).r#type(kind).ttl(60).resource_records(value).build().unwrap();
    let change = Change::builder().action(action).resource_record_set(record).build().unwrap();
    let batch = ChangeBatch::builder().changes(change).build().unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let client = aws_sdk_route53::Client::new(&bed.config);
    let request = client.change_resource_record_sets().hosted_zone_id(zone.as_str()).change_batch(batch);
    request.send().await.err().map(|error| error.code().unwrap_or_default().to_owned())
}

/// The rights on Route 53 of which no use was made.
fn unused(dns: &Dns) -> Vec<String> {
    let rights = dns.aws.unused_rights("AKID").into_iter().map(|(_, action)| action);
    rights.filter(|action| action.starts_with("route53:")).collect()
}

#[tokio::test(start_paused = true)]
async fn iam_lets_weir_do_what_it_does_and_nothing_else() {
    let dns = Dns::new();
    let other = ZoneId::new(&dns.aws.add_zone("other.example").unwrap());
    let bed = dns.bed();
    let policy = serde_json::to_value(of_names(&[(&dns.zone, "api.shop.example")])).unwrap();
    dns.aws.restrict("AKID", &policy).unwrap();

    let made = vec![record("api", weighted("blue", 1), 60, &["192.0.2.1"])];
    let memory = RecordSet {
        kind: RecordType::Txt,
        content: Content::Values { ttl: 300, values: vec!["\"heritage=weir\"".to_owned()] },
        ..record("_weir.api", Routing::Simple, 300, &[])
    };
    let write = dns.write("api", Vec::new(), [made, vec![memory]].concat());
    let taken = bed.send(&write).await.unwrap();
    let queries = [Query::Zone(dns.zone.clone()), Query::Records(dns.at("api")), Query::Change(taken.change.unwrap())];
    for query in queries {
        assert!(bed.fresh(query).await.found.is_ok());
    }
    assert_eq!(unused(&dns), Vec::<String>::new());

    let denied = Some("AccessDenied".to_owned());
    assert_eq!(change(&bed, &dns.zone, ChangeAction::Upsert, ("api.shop.example", RrType::A)).await, denied);
    assert_eq!(change(&bed, &dns.zone, ChangeAction::Create, ("api2.shop.example", RrType::A)).await, denied);
    assert_eq!(change(&bed, &dns.zone, ChangeAction::Create, ("\\052.api.shop.example", RrType::A)).await, denied);
    assert_eq!(change(&bed, &dns.zone, ChangeAction::Create, ("api.shop.example", RrType::Mx)).await, denied);
    assert_eq!(change(&bed, &other, ChangeAction::Create, ("api.shop.example", RrType::A)).await, denied);
    let elsewhere = bed.fresh(Query::Zone(other)).await;
    assert_eq!(elsewhere.failure().unwrap().kind, ErrorKind::Denied);
}

#[tokio::test(start_paused = true)]
async fn iam_knows_wildcards() {
    let dns = Dns::new();
    let bed = dns.bed();
    let may = async |pattern: &str, names: [&str; 4]| {
        dns.aws.restrict("AKID", &serde_json::to_value(of_names(&[(&dns.zone, pattern)])).unwrap()).unwrap();
        let mut found = Vec::new();
        for name in names {
            let (name, kind) =
                (format!("{name}.shop.example"), if name.starts_with('_') { RrType::Txt } else { RrType::A });
            let refused = change(&bed, &dns.zone, ChangeAction::Create, (&name, kind.clone())).await;
            if refused.is_none() {
                change(&bed, &dns.zone, ChangeAction::Delete, (&name, kind)).await;
            }
            found.push(refused.as_deref() != Some("AccessDenied"));
        }
        found
    };
    let names = ["*", "_weir._any", "api", "_weir.api"];
    assert_eq!(may("*.shop.example", names).await, [true, true, true, true]);
    assert_eq!(may("\\052.shop.example", names).await, [true, true, false, false]);
    assert_eq!(may("a*.shop.example", names).await, [false, false, true, true]);
    assert_eq!(may("*", names).await, [true, true, true, true]);
}
