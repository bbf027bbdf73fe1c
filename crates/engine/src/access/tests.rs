//! Who may use which role, and what a manifest leads to.

use weir_api::AwsAccess;

use super::Access;
use crate::Arn;
use crate::grant::{Grants, Subject};
use crate::reason::Reason;

const ROLE: &str = "arn:aws:iam::222222222222:role/weir-shop";

#[test]
fn a_role_and_a_region_need_leave() {
    let spec = AwsAccess { region: Some("us-east-1".to_owned()), role_arn: Some(ROLE.to_owned()), external_id: None };
    let refused = |grants: &[Subject], spec: &AwsAccess| {
        let everything = Grants::everything().0.into_iter();
        let grants = Grants(everything.filter(|grant| grants.contains(&grant.subject)).collect());
        grants.access("shop", Some(spec)).err().map(|why| why.reason)
    };
    assert_eq!(refused(&[], &spec), Some(Reason::RoleNotAllowed));
    assert_eq!(refused(&[Subject::Role], &spec), Some(Reason::RegionNotAllowed));
    assert_eq!(refused(&[Subject::Role, Subject::Region], &spec), None);
    assert_eq!(refused(&[], &AwsAccess::default()), None);
    assert_eq!(Grants::default().access("shop", None), Ok(Access::default()));
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
