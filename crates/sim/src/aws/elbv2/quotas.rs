//! Quotas of the account: `DescribeAccountLimits`.

use super::super::effect::Writer;
use super::super::form::Form;
use super::super::refusal::Refusal;
use super::super::xml::Xml;
use super::Elb;
use super::page::Page;

/// Quotas that the world does not let anyone change.
const FIXED: &[(&str, usize)] = &[
    ("application-load-balancers", 50),
    ("certificates-per-application-load-balancer", 25),
    ("condition-values-per-alb-rule", 5),
    ("condition-wildcards-per-alb-rule", 5),
    ("listeners-per-application-load-balancer", 50),
    ("listeners-per-network-load-balancer", 50),
    ("network-load-balancers", 50),
    ("target-groups", 3000),
    ("target-groups-per-action-on-application-load-balancer", 5),
    ("target-id-registrations-per-application-load-balancer", 1000),
    ("targets-per-application-load-balancer", 1000),
    ("targets-per-network-load-balancer", 3000),
];

impl Elb {
    pub(super) fn describe_account_limits(&self, form: &Form, _: &Writer) -> Result<Vec<Xml>, Refusal> {
        let own = [
            ("rules-per-application-load-balancer", self.options.rules_per_balancer),
            ("target-groups-per-application-load-balancer", self.options.groups_per_balancer),
        ];
        let mut limits: Vec<(String, usize)> =
            FIXED.iter().chain(&own).map(|(name, most)| ((*name).to_owned(), *most)).collect();
        limits.sort();
        let keyed = limits.into_iter().map(|(name, most)| (name.clone(), (name, most)));
        let describe = |(name, most): (String, usize)| vec![Xml::text("Name", name), Xml::text("Max", most)];
        Ok(Page::of(form, keyed)?.describe("Limits", describe))
    }
}
