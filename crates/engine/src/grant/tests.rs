//! What may be named, and what a pattern is for.

use super::{Grant, Grants, Subject, fits};
use crate::Arn;
use crate::fact::By;
use crate::reason::Reason;

const ROLE: &str = "arn:aws:iam::222222222222:role/weir-shop";

fn balancer(name: &str) -> Arn {
    Arn::new(format!("arn:aws:elasticloadbalancing:eu-west-1:111111111111:loadbalancer/app/{name}/50dc6c495c0c9188"))
}

fn grants(subject: Subject, pairs: &[(&str, &str)]) -> Grants {
    let grant = |(namespace, pattern): &(&str, &str)| Grant {
        namespace: (*namespace).to_owned(),
        subject,
        pattern: (*pattern).to_owned(),
    };
    Grants(pairs.iter().map(grant).collect())
}

#[test]
fn nothing_may_be_named_unless_somebody_says_so() {
    let none = Grants::default();
    let reason = none.refusal("shop", Subject::Role, ROLE).unwrap();
    assert_eq!(reason.reason, Reason::RoleNotAllowed);
    assert!(reason.message.contains(&format!("--allow-role shop={ROLE}")), "{}", reason.message);
    assert_eq!(none.refusal("shop", Subject::Region, "us-east-1").unwrap().reason, Reason::RegionNotAllowed);
    for (subject, reason) in
        [(Subject::Balancer, Reason::BalancerNotAllowed), (Subject::TargetGroup, Reason::TargetGroupNotAllowed)]
    {
        assert_eq!(none.refusal_by("shop", subject, &By::Name("web".to_owned())).unwrap().reason, reason);
        assert_eq!(Grants::everything().refusal_by("any", subject, &By::Name("web".to_owned())), None);
        assert_eq!(Grants::everything().refusal_by("any", subject, &By::Arn(balancer("web"))), None);
    }
    assert_eq!(Grants::everything().refusal("any", Subject::Role, "arn:aws:iam::2:role/path/weir"), None);
}

#[test]
fn what_is_allowed_is_allowed_for_a_namespace_and_a_subject_only() {
    let roles = grants(Subject::Role, &[("shop", ROLE), ("*", "arn:aws:iam::333333333333:role/weir")]);
    assert_eq!(roles.refusal("shop", Subject::Role, ROLE), None);
    assert!(roles.refusal("other", Subject::Role, ROLE).is_some());
    assert_eq!(roles.refusal("other", Subject::Role, "arn:aws:iam::333333333333:role/weir"), None);
    assert!(roles.refusal("shop", Subject::Region, ROLE).is_some());
}

#[test]
fn a_balancer_is_granted_by_its_name_or_its_arn() {
    let refuses = |pattern: &str, by: By| {
        grants(Subject::Balancer, &[("shop", pattern)]).refusal_by("shop", Subject::Balancer, &by).is_some()
    };
    let (name, arn) = (|name: &str| By::Name(name.to_owned()), |name: &str| By::Arn(balancer(name)));
    let pattern = "arn:aws:elasticloadbalancing:eu-west-1:111111111111:loadbalancer/app/shop-*/*";
    for pattern in ["shop-*", pattern] {
        assert!(!refuses(pattern, name("shop-public")));
        assert!(!refuses(pattern, arn("shop-public")));
        assert!(refuses(pattern, name("platform")));
        assert!(refuses(pattern, arn("platform")));
    }
    // By its name one of another account may be meant, which its ARN tells when it is found.
    let elsewhere = pattern.replace("111111111111", "222222222222");
    assert!(!refuses(&elsewhere, name("shop-public")));
    assert!(refuses(&elsewhere, arn("shop-public")));
}

#[test]
fn the_balancer_of_a_listener_or_rule_is_judged() {
    let place = |kind: &str, rest: &str| {
        Arn::new(format!("arn:aws:elasticloadbalancing:eu-west-1:111111111111:{kind}/app/shop/50dc6c495c0c9188/{rest}"))
    };
    let some = grants(Subject::Balancer, &[("shop", "shop")]);
    for place in [place("listener", "f2f7dc8efc522ab2"), place("listener-rule", "f2f7dc8efc522ab2/9683b2d02a6cabee")] {
        assert_eq!(place.balancer(), Some(balancer("shop")));
        assert_eq!(some.refusal_on("shop", &place), None);
        assert!(some.refusal_on("other", &place).is_some());
    }
}

#[test]
fn a_star_stays_within_its_part() {
    assert!(fits("arn:aws:iam::*:role/weir-*", ROLE));
    assert!(fits("team-*", "team-a"));
    assert!(fits("*-shop", "weir-shop"));
    assert!(fits("a*b*c", "abbbc"));
    assert!(fits("*a*", "bab"));
    assert!(!fits("a*b*c", "abbb"));
    assert!(!fits("arn:aws:iam::2*:role/weir", "arn:aws:iam::2:x:role/weir"));
    assert!(!fits("arn:aws:iam::222222222222:role/*", "arn:aws:iam::222222222222:role/admin/root"));
    assert!(fits("arn:aws:iam::222222222222:role/*/*", "arn:aws:iam::222222222222:role/admin/root"));
    assert!(!fits("", "x"));
    assert!(fits("*", "arn:aws:iam::222222222222:role/admin/root"));
}

#[test]
fn many_stars_take_no_long_time() {
    let pattern = format!("arn:aws:iam::222222222222:role/{}b", "*a".repeat(200));
    assert!(!fits(&pattern, &format!("arn:aws:iam::222222222222:role/{}", "a".repeat(2_000))));
}
