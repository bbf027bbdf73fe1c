//! What a file says is there, and a mistake in it is told.

use std::sync::Arc;

use weir_sim::aws::AwsOptions;
use weir_sim::clock::Clock;

use super::*;
use crate::stage::on_virtual_time;

const SHOP: &str = "
targetGroups:
- {name: blue, targets: 3}
- {name: green, stickiness: lb_cookie}
balancers:
- name: public
  listeners:
  - port: 443
    forward: {blue: 100}
    rules:
    - {priority: 5, hosts: [shop.test], forward: {blue: 90}}
";

fn furnish(text: &str) -> Result<Arc<Aws>, String> {
    let aws = Aws::new(Clock::starting_at(jiff::Timestamp::UNIX_EPOCH), 1, AwsOptions::default());
    WorldFile::parse(text)?.furnish(&aws)?;
    Ok(aws)
}

#[test]
fn what_a_file_says_is_there() {
    on_virtual_time(async {
        let aws = furnish(SHOP).unwrap();
        let listener = aws.listener_arn("public", 443).unwrap();
        assert_eq!(aws.weights(&listener), [("blue".to_owned(), 100)].into());
        let rules = aws.rule_arns(&listener);
        assert_eq!(aws.weights(&rules[&5]), [("blue".to_owned(), 90)].into());
        assert_eq!((aws.health("blue").len(), aws.health("green").len()), (3, 2));
    });
}

#[test]
fn a_mistake_is_told_with_its_line_and_what_was_expected() {
    on_virtual_time(async {
        let unknown = SHOP.replace("targets: 3", "target: 3");
        let said = furnish(&unknown).unwrap_err();
        assert!(said.contains("line 3") && said.contains("target") && said.contains("targets"), "{said}");
        let said = furnish(&SHOP.replace("port: 443", "port: https")).unwrap_err();
        assert!(said.contains("line 8"), "{said}");
        let said = furnish(&SHOP.replace("forward: {blue: 100}", "forward: {red: 100}")).unwrap_err();
        assert!(said.contains("listener 443 of balancer public cannot be made") && said.contains("red"), "{said}");
    });
}
