//! The service as the registry knows it: its operations by name with the parameters that they take, and what a request asks
//! for.

use std::sync::Arc;

use http::StatusCode;

use super::super::Regional;
use super::super::effect::Writer;
use super::super::elbv2::Elb;
use super::super::form::Form;
use super::super::iam::Deed;
use super::super::partition::{AccountRegion, Partition};
use super::super::protocol::{Input, Output, Protocol};
use super::super::rates::{Fare, Rates};
use super::super::refusal::{Refusal, Refused};
use super::super::service::{Asks, Errand, Operation, Service};
use super::super::xml::Xml;
use super::Ec2;
use super::fields::{flag, only, texts};

/// Elastic Compute Cloud.
pub(in crate::aws) struct ElasticCompute;

/// Elastic Compute Cloud.
pub(in crate::aws) const EC2: ElasticCompute = ElasticCompute;

/// What an operation answers, without the wrapping.
type Answer = Result<Vec<Xml>, Refusal>;

#[derive(Clone, Copy)]
enum Work {
    Read(fn(&Ec2, &Form, &Writer) -> Answer),
    Write(fn(&mut Ec2, &Form, &Writer) -> Answer),
    /// One that concerns balancers too, or must ask them.
    WriteBeside(fn(&mut Ec2, &Form, &Writer, &mut Elb) -> Answer),
}

/// Name, work, and the parameters that are known; others are refused.
type Entry = (&'static str, Work, &'static [&'static str]);

const OPERATIONS: &[Entry] = &[
    (
        "CreateSecurityGroup",
        Work::Write(Ec2::create_security_group),
        &["GroupName", "GroupDescription", "VpcId", "TagSpecification"],
    ),
    (
        "CreateSubnet",
        Work::Write(Ec2::create_subnet),
        &["VpcId", "CidrBlock", "AvailabilityZone", "AvailabilityZoneId", "TagSpecification"],
    ),
    ("CreateTags", Work::Write(Ec2::create_tags), &["ResourceId", "Tag"]),
    ("CreateVpc", Work::Write(Ec2::create_vpc), &["CidrBlock", "InstanceTenancy", "TagSpecification"]),
    ("DeleteSecurityGroup", Work::WriteBeside(Ec2::delete_security_group), &["GroupId", "GroupName"]),
    ("DeleteSubnet", Work::WriteBeside(Ec2::delete_subnet), &["SubnetId"]),
    ("DeleteTags", Work::Write(Ec2::delete_tags), &["ResourceId", "Tag"]),
    ("DeleteVpc", Work::Write(Ec2::delete_vpc), &["VpcId"]),
    (
        "DescribeAvailabilityZones",
        Work::Read(Ec2::describe_availability_zones),
        &["ZoneName", "ZoneId", "AllAvailabilityZones", "Filter"],
    ),
    (
        "DescribeInstanceStatus",
        Work::Read(Ec2::describe_instance_status),
        &["InstanceId", "IncludeAllInstances", "Filter", "MaxResults", "NextToken"],
    ),
    ("DescribeInstances", Work::Read(Ec2::describe_instances), &["InstanceId", "Filter", "MaxResults", "NextToken"]),
    (
        "DescribeSecurityGroups",
        Work::Read(Ec2::describe_security_groups),
        &["GroupId", "GroupName", "Filter", "MaxResults", "NextToken"],
    ),
    ("DescribeSubnets", Work::Read(Ec2::describe_subnets), &["SubnetId", "Filter", "MaxResults", "NextToken"]),
    ("DescribeTags", Work::Read(Ec2::describe_tags), &["Filter", "MaxResults", "NextToken"]),
    ("DescribeVpcs", Work::Read(Ec2::describe_vpcs), &["VpcId", "Filter", "MaxResults", "NextToken"]),
    (
        "RunInstances",
        Work::Write(Ec2::run_instances),
        &[
            "ImageId",
            "InstanceType",
            "MinCount",
            "MaxCount",
            "SubnetId",
            "SecurityGroupId",
            "TagSpecification",
            "ClientToken",
        ],
    ),
    ("StartInstances", Work::WriteBeside(Ec2::start_instances), &["InstanceId"]),
    ("StopInstances", Work::WriteBeside(Ec2::stop_instances), &["InstanceId"]),
    ("TerminateInstances", Work::WriteBeside(Ec2::terminate_instances), &["InstanceId"]),
];

fn find(name: &str) -> Option<&'static Entry> {
    OPERATIONS.iter().find(|(known, ..)| *known == name)
}

impl Service for ElasticCompute {
    fn signing_name(&self) -> &'static str {
        "ec2"
    }

    fn version(&self) -> &'static str {
        "2016-11-15"
    }

    fn protocol(&self) -> Protocol {
        Protocol::Ec2("http://ec2.amazonaws.com/doc/2016-11-15/")
    }

    fn operations(&self) -> Vec<&'static str> {
        OPERATIONS.iter().map(|(name, ..)| *name).collect()
    }

    fn operation(&self, name: &str) -> Option<Operation> {
        let (name, work, _) = find(name)?;
        Some(Operation { name, writes: !matches!(work, Work::Read(_)), bucket: None })
    }

    /// Reads a request as it stands, also one that is refused for what it says.
    fn asks(&self, operation: &Operation, input: &Input) -> Asks {
        let (name, form) = (operation.name, &input.form);
        let one = ["VpcId", "SubnetId", "GroupId"].into_iter().filter_map(|name| form.text(name));
        let many = ["InstanceId", "ResourceId"].into_iter().flat_map(|name| texts(form, name));
        Asks {
            resources: one.chain(many).map(Arc::from).collect(),
            creates: name == "RunInstances" || name.starts_with("Create") && name != "CreateTags",
            removes: name == "TerminateInstances" || name.starts_with("Delete"),
            split: None,
            tags: if name == "DeleteTags" { super::Tags::new() } else { Ec2::tags_in(form) },
            changes: 0,
        }
    }

    /// Each operation has a bucket of its own.
    fn fares(&self, operation: &Operation, _: &Input, rates: &Rates) -> Vec<Fare> {
        let rate = match operation.name {
            "RunInstances" | "StartInstances" => rates.ec2.launch,
            _ if operation.writes => rates.ec2.modify,
            _ => rates.ec2.describe,
        };
        vec![Fare::one(operation.name, rate)]
    }

    fn deeds(
        &self,
        operation: &Operation,
        input: &Input,
        place: &AccountRegion,
        partition: &mut Partition,
    ) -> Vec<Deed> {
        partition.regional(place).ec2.deeds(operation.name, &input.form)
    }

    fn perform(
        &self,
        operation: &Operation,
        input: &Input,
        errand: &Errand,
        partition: &mut Partition,
    ) -> Result<Output, Refused> {
        let Regional { ec2, elbv2, .. } = partition.regional(&errand.place);
        let (form, writer) = (&input.form, &errand.writer);
        let Some((_, work, known)) = find(operation.name) else { return Err(self.protocol().unknown(input).into()) };
        only(form, known)?;
        if flag(form, "DryRun")? {
            let message = "Request would have succeeded, but DryRun flag is set.";
            let refusal = Refusal::new("DryRunOperation", message).with_status(StatusCode::PRECONDITION_FAILED);
            return Err(refusal.into());
        }
        if !matches!(work, Work::Read(_)) {
            ec2.forget_instances(writer.now);
        }
        let elements = match work {
            Work::Read(work) => work(ec2, form, writer),
            Work::Write(work) => work(ec2, form, writer),
            Work::WriteBeside(work) => work(ec2, form, writer, elbv2),
        };
        Ok(Output::Document(elements?))
    }

    /// EC2 has names of its own for what all services may refuse.
    fn in_own_words(&self, refusal: Refusal) -> Refusal {
        let (code, status, start) = match refusal.code {
            "Throttling" => ("RequestLimitExceeded", StatusCode::SERVICE_UNAVAILABLE, "Request limit exceeded."),
            "AccessDenied" => {
                ("UnauthorizedOperation", StatusCode::FORBIDDEN, "You are not authorized to perform this operation.")
            }
            "SignatureDoesNotMatch" | "InvalidClientTokenId" => {
                let message = "AWS was not able to validate the provided access credentials.";
                ("AuthFailure", StatusCode::UNAUTHORIZED, message)
            }
            "ExpiredToken" => ("RequestExpired", StatusCode::BAD_REQUEST, "Request has expired."),
            _ => return refusal,
        };
        let message =
            if code == "RequestLimitExceeded" { start.to_owned() } else { format!("{start} {}", refusal.message) };
        Refusal { code, message, status }
    }
}
