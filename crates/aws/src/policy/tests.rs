//! How policies grow with what they are for, and that STS takes those of sessions.

use super::*;

fn scope(balancers: &[&str], adopt: bool) -> Scope {
    Scope {
        owner: "acme".to_owned(),
        partition: "aws".to_owned(),
        account: "*".to_owned(),
        region: "*".to_owned(),
        balancers: balancers.iter().map(|name| (*name).to_owned()).collect(),
        adopt,
        roles: Vec::new(),
    }
}

fn statement<'a>(policy: &'a Policy, sid: &str) -> &'a Statement {
    policy.statement.iter().find(|statement| statement.sid == sid).unwrap()
}

#[test]
fn what_changes_something_is_bound_to_the_balancers_that_are_named() {
    let policy = Policy::new(&scope(&["shop", "deals-*"], true));
    for statement in
        policy.statement.iter().filter(|statement| !["LookAround", "CountRequests"].contains(&statement.sid))
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
        let is_bound = equal.get("elasticloadbalancing:CreateAction").is_some_and(|made| made == "CreateRule")
            || equal.get("aws:ResourceTag/weir.dev/owner").is_some_and(|owner| owner == "acme");
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
    assert!(short.len() <= 1_300, "there is room when it is packed: {} letters: {short}", short.len());
}

/// A session may do all that the whole policy allows.
#[test]
fn a_session_keeps_every_right() {
    let (whole, session) = (Policy::new(&scope(&[], true)), Policy::of_session("acme", "arn:aws:iam::1:role/r"));
    let known: Vec<&str> = session.statement.iter().flat_map(|statement| statement.action.iter().copied()).collect();
    for action in whole.statement.iter().flat_map(|statement| statement.action.iter()) {
        let is_known =
            |pattern: &&str| pattern.strip_suffix('*').map_or(pattern == action, |start| action.starts_with(start));
        assert!(known.iter().any(is_known), "{action}");
    }
}
