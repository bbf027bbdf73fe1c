//! Attributes of balancers: `DescribeLoadBalancerAttributes` and `ModifyLoadBalancerAttributes`, of which only
//! `client_keep_alive.seconds` is here.
//!
//! Source: the API reference of `LoadBalancerAttribute`.

use std::ops::RangeInclusive;

use super::super::effect::Writer;
use super::super::form::Form;
use super::super::refusal::Refusal;
use super::super::xml::Xml;
use super::arn::Resource;
use super::{Balancer, Elb};

const KEEP_ALIVE: &str = "client_keep_alive.seconds";
/// What it can be.
const SECONDS: RangeInclusive<u32> = 60..=604_800;

impl Elb {
    pub(super) fn describe_load_balancer_attributes(&self, form: &Form, _: &Writer) -> Result<Vec<Xml>, Refusal> {
        let arn = form.required("LoadBalancerArn")?;
        Ok(vec![describe(self.balancers.get(arn).ok_or_else(|| Resource::Balancer.not_found())?)])
    }

    pub(super) fn modify_load_balancer_attributes(&mut self, form: &Form, _: &Writer) -> Result<Vec<Xml>, Refusal> {
        let arn = form.required("LoadBalancerArn")?;
        let balancer = self.balancers.get_mut(arn).ok_or_else(|| Resource::Balancer.not_found())?;
        for attribute in form.list("Attributes") {
            let (key, value) = (attribute.required("Key")?, attribute.text("Value").unwrap_or_default());
            if key != KEEP_ALIVE {
                return Err(Refusal::invalid(format!("Load balancer attribute key '{key}' is not recognized")));
            }
            balancer.set_client_keep_alive(value)?;
        }
        Ok(vec![describe(balancer)])
    }
}

impl Balancer {
    /// From now on it closes connections of clients so many seconds after their begin; those that are open are left out.
    pub(super) fn set_client_keep_alive(&mut self, seconds: &str) -> Result<(), Refusal> {
        if !self.is_application() {
            return Err(Refusal::invalid(format!("'{KEEP_ALIVE}' is an attribute of application load balancers")));
        }
        let chosen = seconds.parse().ok().filter(|seconds| SECONDS.contains(seconds));
        self.client_keep_alive = chosen.ok_or_else(|| {
            let (least, most) = (SECONDS.start(), SECONDS.end());
            Refusal::invalid(format!("'{KEEP_ALIVE}' is '{seconds}'; it can be from {least} to {most}"))
        })?;
        Ok(())
    }
}

fn describe(balancer: &Balancer) -> Xml {
    let keep_alive = balancer.is_application().then(|| balancer.client_keep_alive.to_string());
    let pairs = keep_alive.into_iter().map(|value| vec![Xml::text("Key", KEEP_ALIVE), Xml::text("Value", value)]);
    Xml::list("Attributes", pairs)
}
