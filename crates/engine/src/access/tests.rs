//! Who may use which role, and what a manifest leads to.

use std::collections::BTreeMap;

use weir_api::AwsAccess;

use super::{Access, Grant, Grants, fits, mismatch};
use crate::Arn;

const ROLE: &str = "arn:aws:iam::222222222222:role/weir-shop";

fn grants(pairs: &[(&str, &str)]) -> Grants {
    let grant =
        |(namespace, role): &(&str, &str)| Grant { namespace: (*namespace).to_owned(), role: (*role).to_owned() };
    Grants(pairs.iter().map(grant).collect())
}

fn naming(role: &str) -> AwsAccess {
    AwsAccess { role_arn: Some(role.to_owned()), ..AwsAccess::default() }
}

#[test]
fn no_role_is_allowed_unless_somebody_says_so() {
    let reason = Grants::default().access("shop", Some(&naming(ROLE))).unwrap_err();
    assert_eq!(reason.word, "RoleNotAllowed");
    assert!(reason.message.contains(&format!("--allow-role shop={ROLE}")), "{}", reason.message);
    assert_eq!(Grants::default().access("shop", None), Ok(Access::default()));
    let region = AwsAccess { region: Some("eu-central-1".to_owned()), ..AwsAccess::default() };
    assert_eq!(Grants::default().access("shop", Some(&region)).unwrap().region.as_deref(), Some("eu-central-1"));
}

#[test]
fn a_role_is_allowed_for_a_namespace_only() {
    let grants = grants(&[("shop", ROLE), ("*", "arn:aws:iam::333333333333:role/weir")]);
    assert!(grants.allow("shop", ROLE));
    assert!(!grants.allow("other", ROLE));
    assert!(grants.allow("other", "arn:aws:iam::333333333333:role/weir"));
    assert!(Grants::all().allow("any", ROLE));
}

#[test]
fn a_star_stays_within_its_part() {
    assert!(fits("arn:aws:iam::*:role/weir-*", ROLE));
    assert!(fits("team-*", "team-a"));
    assert!(fits("*-shop", "weir-shop"));
    assert!(fits("a*b*c", "abbbc"));
    assert!(!fits("a*b*c", "abbb"));
    assert!(!fits("arn:aws:iam::2*:role/weir", "arn:aws:iam::2:x:role/weir"));
    assert!(!fits("arn:aws:iam::222222222222:role/*", "arn:aws:iam::222222222222:role/admin/root"));
    assert!(fits("arn:aws:iam::222222222222:role/*/*", "arn:aws:iam::222222222222:role/admin/root"));
    assert!(!fits("", "x"));
}

#[test]
fn an_access_reaches_its_account_and_region_only() {
    let access = Access { region: Some("eu-west-1".to_owned()), role_arn: Some(ROLE.to_owned()), external_id: None };
    let arn = |region: &str, account: &str| {
        Arn::new(format!("arn:aws:elasticloadbalancing:{region}:{account}:listener/app/a/1/2"))
    };
    assert!(access.reaches(&arn("eu-west-1", "222222222222")));
    assert!(!access.reaches(&arn("eu-west-1", "111111111111")));
    assert!(!access.reaches(&arn("us-east-1", "222222222222")));
    assert!(Access::default().reaches(&arn("us-east-1", "111111111111")));
    assert_eq!(access.to_string(), format!("the role {ROLE} in eu-west-1"));
}

#[test]
fn groups_of_another_account_are_told() {
    let arn = |account: &str, what: &str| Arn::new(format!("arn:aws:elasticloadbalancing:eu-west-1:{account}:{what}"));
    let listener = arn("111111111111", "listener/app/a/1/2");
    let groups = BTreeMap::from([
        ("blue".to_owned(), Ok(arn("111111111111", "targetgroup/blue/1"))),
        ("green".to_owned(), Ok(arn("222222222222", "targetgroup/green/1"))),
        ("red".to_owned(), Err("not there".to_owned())),
    ]);
    let reason = mismatch(&listener, "public", &groups, |_| true).unwrap();
    assert_eq!(reason.word, "AccountMismatch");
    let says = |words: &str| assert!(reason.message.contains(words), "{}", reason.message);
    says("the environment green in account 222222222222");
    says("the entry point public in account 111111111111");
    assert_eq!(mismatch(&listener, "public", &groups, |environment| environment == "blue"), None);
}
