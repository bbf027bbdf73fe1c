//! Which rule is whose, wherever it stands.

use serde_json::json;

use super::super::stand_ins::{route, rule};
use super::*;
use crate::sight::Facts;

fn found<'a>(route: &RouteObject, rules: &'a [Rule]) -> Result<Option<&'a Rule>, Reason> {
    let matches = route.spec.listener.matches.as_ref().unwrap();
    let facts = Facts::default();
    own_rule(route, matches, rules, &mut Sight::new(ANY_AGE, &facts)).expect("all is known")
}

#[test]
fn no_second_rule_is_made_beside_the_one_that_has_another_number() {
    let at =
        |priority: i32| route("team-a", "web", 1, json!({"match": {"hosts": ["a.example"]}, "priority": priority}));
    let rules = [rule(20, "A.example"), rule(30, "b.example")];
    assert_eq!(found(&at(20), &rules), Ok(Some(&rules[0])));
    for priority in [10, 40] {
        let reason = found(&at(priority), &rules).unwrap_err();
        assert_eq!(reason.word, "RuleElsewhere");
        assert!(reason.message.contains("for host-header A.example has the priority 20;"), "{}", reason.message);
    }
    assert_eq!(found(&at(10), &rules[1..]), Ok(None));
    // Known by its ARN, though somebody has given it another number and other hosts.
    let mut known = at(10);
    known.status.arn = Some("rule-30".to_owned());
    assert!(found(&known, &rules[1..]).unwrap_err().message.contains("for host-header b.example has the priority 30;"));
}
