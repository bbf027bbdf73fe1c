//! The operations by name.

use super::super::form::Form;
use super::super::refusal::Refusal;
use super::super::xml::Xml;
use super::{Elb, Writer};

/// What an operation answers, without the wrapping.
type Answer = Result<Vec<Xml>, Refusal>;

/// An operation of ELBv2.
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    work: Work,
}

#[derive(Clone, Copy)]
enum Work {
    Read(fn(&Elb, &Form, &Writer) -> Answer),
    Write(fn(&mut Elb, &Form, &Writer) -> Answer),
}

const fn read(name: &'static str, work: fn(&Elb, &Form, &Writer) -> Answer) -> Operation {
    Operation { name, work: Work::Read(work) }
}

const fn write(name: &'static str, work: fn(&mut Elb, &Form, &Writer) -> Answer) -> Operation {
    Operation { name, work: Work::Write(work) }
}

const OPERATIONS: &[Operation] = &[
    write("AddTags", Elb::add_tags),
    write("CreateListener", Elb::create_listener),
    write("CreateLoadBalancer", Elb::create_load_balancer),
    write("CreateRule", Elb::create_rule),
    write("CreateTargetGroup", Elb::create_target_group),
    write("DeleteListener", Elb::delete_listener),
    write("DeleteLoadBalancer", Elb::delete_load_balancer),
    write("DeleteRule", Elb::delete_rule),
    write("DeleteTargetGroup", Elb::delete_target_group),
    write("DeregisterTargets", Elb::deregister_targets),
    read("DescribeAccountLimits", Elb::describe_account_limits),
    read("DescribeListeners", Elb::describe_listeners),
    read("DescribeLoadBalancers", Elb::describe_load_balancers),
    read("DescribeRules", Elb::describe_rules),
    read("DescribeTags", Elb::describe_tags),
    read("DescribeTargetGroupAttributes", Elb::describe_target_group_attributes),
    read("DescribeTargetGroups", Elb::describe_target_groups),
    read("DescribeTargetHealth", Elb::describe_target_health),
    write("ModifyListener", Elb::modify_listener),
    write("ModifyRule", Elb::modify_rule),
    write("ModifyTargetGroupAttributes", Elb::modify_target_group_attributes),
    write("RegisterTargets", Elb::register_targets),
    write("RemoveTags", Elb::remove_tags),
    write("SetRulePriorities", Elb::set_rule_priorities),
];

/// The operation of this name.
pub(crate) fn operation(name: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.name == name)
}

impl Operation {
    /// Whether it changes anything.
    pub(crate) fn writes(&self) -> bool {
        matches!(self.work, Work::Write(_))
    }

    /// Does it.
    pub(crate) fn perform(&self, elb: &mut Elb, form: &Form, writer: &Writer) -> Answer {
        match self.work {
            Work::Read(work) => work(elb, form, writer),
            Work::Write(work) => work(elb, form, writer),
        }
    }
}
