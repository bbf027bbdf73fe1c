//! What policies allow, statement by statement and on the wire.

use serde_json::json;

use super::*;

fn deed(action: &str, resource: &str) -> Deed {
    Deed { action: action.to_owned(), resource: resource.to_owned(), ..Deed::default() }
}

fn tags(tags: &[(&str, &str)]) -> BTreeMap<String, String> {
    tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn policy(statement: Value) -> Policy {
    Policy::read(&json!({"Version": "2012-10-17", "Statement": [statement]})).unwrap()
}

fn refused(statement: Value) -> String {
    Policy::read(&json!({"Version": "2012-10-17", "Statement": [statement]})).unwrap_err()
}

#[test]
fn action_and_resource_must_fit() {
    let policy = policy(json!({
        "Sid": "Some", "Effect": "Allow", "Action": ["s:Get*", "s:Put"], "Resource": "arn:aws:s:*:1:box/*",
    }));
    assert_eq!(policy.unused().len(), 2);
    assert!(policy.admit("me", &deed("s:GetThat", "arn:aws:s:eu:1:box/a")).is_ok());
    assert!(policy.admit("me", &deed("s:Put", "arn:aws:s:eu:1:box/a")).is_ok());
    assert_eq!(policy.unused(), BTreeSet::from([("Some".to_owned(), "s:Get*".to_owned())]));
    for (action, resource) in
        [("s:Delete", "arn:aws:s:eu:1:box/a"), ("s:Put", "arn:aws:s:eu:2:box/a"), ("s:GetThat", "*")]
    {
        let refusal = policy.admit("me", &deed(action, resource)).unwrap_err();
        assert_eq!((refusal.code, refusal.status.as_u16()), ("AccessDenied", 403));
        assert!(refusal.message.contains(action), "{refusal}");
    }
}

#[test]
fn conditions_on_tags_must_hold() {
    let mine = policy(json!({
        "Effect": "Allow", "Action": "s:Change", "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/owner": "me"}},
    }));
    let change = deed("s:Change", "*");
    assert!(mine.admit("me", &change).is_err(), "a tag that is not there equals nothing");
    assert!(mine.admit("me", &Deed { has: tags(&[("owner", "you")]), ..change.clone() }).is_err());
    assert!(mine.admit("me", &Deed { given: tags(&[("owner", "me")]), ..change.clone() }).is_err());
    assert!(mine.admit("me", &Deed { has: tags(&[("owner", "me")]), ..change }).is_ok());

    let keys = policy(json!({
        "Effect": "Allow", "Action": "s:Tag", "Resource": "*",
        "Condition": {"ForAllValues:StringLike": {"aws:TagKeys": ["my/*"]}},
    }));
    let with = |keys: &[&str]| Deed { keys: keys.iter().map(|key| (*key).to_owned()).collect(), ..deed("s:Tag", "*") };
    assert!(keys.admit("me", &with(&["my/a", "my/b"])).is_ok());
    assert!(keys.admit("me", &with(&["my/a", "your/b"])).is_err());
    assert!(keys.admit("me", &with(&[])).is_ok(), "ForAllValues holds where there is no value");
}

#[test]
fn tags_may_be_allowed_to_what_is_being_made_only() {
    let creating = policy(json!({
        "Effect": "Allow", "Action": "s:Tag", "Resource": "*",
        "Condition": {"StringEquals": {"elasticloadbalancing:CreateAction": "Make"}},
    }));
    let by = |operation: Option<&str>| Deed { creating: operation.map(str::to_owned), ..deed("s:Tag", "*") };
    assert!(creating.admit("me", &by(Some("Make"))).is_ok());
    assert!(creating.admit("me", &by(Some("Change"))).is_err());
    assert!(creating.admit("me", &by(None)).is_err());
}

#[test]
fn what_is_not_judged_is_refused() {
    let plain = || json!({"Effect": "Allow", "Action": "s:Get", "Resource": "*"});
    let with = |key: &str, value: Value| {
        let mut statement = plain();
        statement[key] = value;
        statement
    };
    assert!(refused(with("Effect", json!("Deny"))).contains("Deny"));
    assert!(refused(with("NotAction", json!("s:Put"))).contains("NotAction"));
    assert!(refused(with("Condition", json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))).contains("IpAddress"));
    let key = json!({"StringEquals": {"aws:PrincipalTag/team": "shop"}});
    assert!(refused(with("Condition", key)).contains("aws:PrincipalTag/team"));
    assert!(Policy::read(&json!({"Version": "2008-10-17", "Statement": []})).is_err());
}
