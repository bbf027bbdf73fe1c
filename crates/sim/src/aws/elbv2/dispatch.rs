//! The service as the registry knows it: its operations by name, and what a request asks for.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::Regional;
use super::super::ec2::Ec2;
use super::super::effect::Writer;
use super::super::form::Form;
use super::super::iam::Deed;
use super::super::partition::{AccountRegion, Partition};
use super::super::protocol::{Input, Output, Protocol};
use super::super::rates::Bucket;
use super::super::refusal::{Refusal, Refused};
use super::super::service::{Asks, Errand, Operation, Service, Split};
use super::super::xml::Xml;
use super::Elb;

/// Elastic Load Balancing, version 2.
pub(in crate::aws) struct Elbv2;

/// Elastic Load Balancing, version 2.
pub(in crate::aws) const ELBV2: Elbv2 = Elbv2;

/// The version by which it is told from the classic service.
pub(in crate::aws) const VERSION: &str = "2015-12-01";

/// What an operation answers, without the wrapping.
type Answer = Result<Vec<Xml>, Refusal>;

#[derive(Clone, Copy)]
enum Work {
    Read(fn(&Elb, &Form, &Writer) -> Answer),
    Write(fn(&mut Elb, &Form, &Writer) -> Answer),
    /// One that names networks or instances.
    WriteIn(fn(&mut Elb, &Form, &Writer, &Ec2) -> Answer),
}

const OPERATIONS: &[(&str, Work)] = &[
    ("AddTags", Work::Write(Elb::add_tags)),
    ("CreateListener", Work::Write(Elb::create_listener)),
    ("CreateLoadBalancer", Work::WriteIn(Elb::create_load_balancer)),
    ("CreateRule", Work::Write(Elb::create_rule)),
    ("CreateTargetGroup", Work::WriteIn(Elb::create_target_group)),
    ("DeleteListener", Work::Write(Elb::delete_listener)),
    ("DeleteLoadBalancer", Work::Write(Elb::delete_load_balancer)),
    ("DeleteRule", Work::Write(Elb::delete_rule)),
    ("DeleteTargetGroup", Work::Write(Elb::delete_target_group)),
    ("DeregisterTargets", Work::Write(Elb::deregister_targets)),
    ("DescribeAccountLimits", Work::Read(Elb::describe_account_limits)),
    ("DescribeListeners", Work::Read(Elb::describe_listeners)),
    ("DescribeLoadBalancerAttributes", Work::Read(Elb::describe_load_balancer_attributes)),
    ("DescribeLoadBalancers", Work::Read(Elb::describe_load_balancers)),
    ("DescribeRules", Work::Read(Elb::describe_rules)),
    ("DescribeTags", Work::Read(Elb::describe_tags)),
    ("DescribeTargetGroupAttributes", Work::Read(Elb::describe_target_group_attributes)),
    ("DescribeTargetGroups", Work::Read(Elb::describe_target_groups)),
    ("DescribeTargetHealth", Work::Read(Elb::describe_target_health)),
    ("ModifyListener", Work::Write(Elb::modify_listener)),
    ("ModifyLoadBalancerAttributes", Work::Write(Elb::modify_load_balancer_attributes)),
    ("ModifyRule", Work::Write(Elb::modify_rule)),
    ("ModifyTargetGroupAttributes", Work::Write(Elb::modify_target_group_attributes)),
    ("RegisterTargets", Work::WriteIn(Elb::register_targets)),
    ("RemoveTags", Work::Write(Elb::remove_tags)),
    ("SetRulePriorities", Work::Write(Elb::set_rule_priorities)),
];

fn find(name: &str) -> Option<(&'static str, Work)> {
    OPERATIONS.iter().find(|(known, _)| *known == name).copied()
}

fn bucket_of(name: &str, work: Work) -> Bucket {
    match (name, work) {
        ("RegisterTargets" | "DeregisterTargets", _) => |rates| ("register", rates.register),
        (_, Work::Write(_) | Work::WriteIn(_)) => |rates| ("modify", rates.modify),
        (_, Work::Read(_)) => |rates| ("describe", rates.describe),
    }
}

impl Service for Elbv2 {
    fn signing_name(&self) -> &'static str {
        "elasticloadbalancing"
    }

    fn version(&self) -> &'static str {
        VERSION
    }

    fn protocol(&self) -> Protocol {
        Protocol::Query("http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/")
    }

    fn operations(&self) -> Vec<&'static str> {
        OPERATIONS.iter().map(|(name, _)| *name).collect()
    }

    fn operation(&self, name: &str) -> Option<Operation> {
        let (name, work) = find(name)?;
        Some(Operation { name, writes: !matches!(work, Work::Read(_)), bucket: Some(bucket_of(name, work)) })
    }

    /// Reads a request as it stands, also one that is refused for what it says.
    fn asks(&self, operation: &Operation, input: &Input) -> Asks {
        let (name, form) = (operation.name, &input.form);
        let actions = match name {
            "CreateRule" | "ModifyRule" => Some(form.list("Actions")),
            "CreateListener" | "ModifyListener" => Some(form.list("DefaultActions")),
            _ => None,
        };
        Asks {
            resources: resources(form),
            creates: name.starts_with("Create"),
            removes: name.starts_with("Delete") || name.starts_with("Remove"),
            split: actions.map(|actions| split(&actions)),
            tags: form.list("Tags").into_iter().filter_map(tag).collect(),
            changes: 0,
        }
    }

    fn deeds(
        &self,
        operation: &Operation,
        input: &Input,
        place: &AccountRegion,
        partition: &mut Partition,
    ) -> Vec<Deed> {
        partition.regional(place).elbv2.deeds(operation.name, &input.form)
    }

    fn perform(
        &self,
        operation: &Operation,
        input: &Input,
        errand: &Errand,
        partition: &mut Partition,
    ) -> Result<Output, Refused> {
        let Regional { elbv2, ec2, .. } = partition.regional(&errand.place);
        Ok(Output::Xml(elbv2.perform(operation.name, &input.form, &errand.writer, ec2)?))
    }
}

impl Elb {
    /// Does what an operation of this name does.
    pub(in crate::aws) fn perform(&mut self, operation: &str, form: &Form, writer: &Writer, ec2: &Ec2) -> Answer {
        match find(operation) {
            Some((_, Work::Read(work))) => work(self, form, writer),
            Some((_, Work::Write(work))) => work(self, form, writer),
            Some((_, Work::WriteIn(work))) => work(self, form, writer, ec2),
            None => Err(Refusal::new("InvalidAction", format!("Could not find operation {operation}"))),
        }
    }
}

/// What a request is about, by the parameters that name resources.
fn resources(form: &Form) -> Vec<Arc<str>> {
    const ONE: &[&str] = &["LoadBalancerArn", "ListenerArn", "RuleArn", "TargetGroupArn", "Name"];
    const MANY: &[&str] = &["LoadBalancerArns", "ListenerArns", "RuleArns", "TargetGroupArns", "ResourceArns", "Names"];
    let one = ONE.iter().filter_map(|name| form.text(name));
    let many = MANY.iter().flat_map(|name| form.texts(name));
    one.chain(many).map(Arc::from).collect()
}

/// The split of the forward among actions.
fn split(actions: &[&Form]) -> Split {
    let mut split = Split::default();
    for action in actions {
        let Some(config) = action.field("ForwardConfig") else {
            // A group that is alone has all.
            split.weights.extend(action.text("TargetGroupArn").map(|group| (group.to_owned(), 1)));
            continue;
        };
        let weight = |tuple: &Form| {
            let weight = tuple.text("Weight").map_or(Some(1), |weight| weight.parse().ok());
            Some((tuple.text("TargetGroupArn")?.to_owned(), weight?))
        };
        split.weights.extend(config.list("TargetGroups").into_iter().filter_map(weight));
        let sticky =
            config.field("TargetGroupStickinessConfig").filter(|sticky| sticky.text("Enabled") == Some("true"));
        split.sticky_seconds = sticky.and_then(|sticky| sticky.text("DurationSeconds")?.parse().ok());
    }
    split
}

fn tag(form: &Form) -> Option<(String, String)> {
    Some((form.text("Key")?.to_owned(), form.text("Value").unwrap_or_default().to_owned()))
}

/// Tags by key.
pub(super) type Tags = BTreeMap<String, String>;
