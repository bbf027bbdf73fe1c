//! Whose groups a listener may forward to.

use std::collections::BTreeMap;

use serde_json::Value;

use super::*;
use crate::backend::Member;
use crate::route::stand_ins::{on_listener, route};

#[test]
fn groups_of_another_account_are_told() {
    let arn = |account: &str, what: &str| Arn::new(format!("arn:aws:elasticloadbalancing:eu-west-1:{account}:{what}"));
    let groups = BTreeMap::from([
        ("blue".to_owned(), Ok(Member::of_group(arn("111111111111", "targetgroup/blue/1")))),
        ("green".to_owned(), Ok(Member::of_group(arn("222222222222", "targetgroup/green/1")))),
        ("red".to_owned(), Err("not there".to_owned())),
    ]);
    let object = route("team-a", "web", 1, Value::Null);
    let place = Place {
        route: on_listener(&object),
        listener: arn("111111111111", "listener/app/a/1/2"),
        read_at: Timestamp::UNIX_EPOCH,
        priority: None,
        rule: None,
        resource: None,
        gone: None,
    };
    let reason = place.mismatch(&groups, |_| true).unwrap();
    assert_eq!(reason.reason, Reason::AccountMismatch);
    let says = |words: &str| assert!(reason.message.contains(words), "{}", reason.message);
    says("the environment green in account 222222222222");
    says("the entry point public in account 111111111111");
    assert_eq!(place.mismatch(&groups, |environment| environment == "blue"), None);
}
