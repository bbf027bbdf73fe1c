//! Whatever is sent is answered, and what is answered can be read.

use super::*;
use crate::aws::operations;
use crate::aws::xml::element::Element;

const NAMES: [&str; 30] = [
    "VpcId",
    "VpcId.1",
    "VpcId.1.1",
    "SubnetId",
    "SubnetId.1",
    "GroupId",
    "GroupId.2",
    "GroupName",
    "GroupName.1",
    "GroupDescription",
    "CidrBlock",
    "AvailabilityZone",
    "AvailabilityZoneId",
    "InstanceId.1",
    "InstanceId.99999999999999999999",
    "ResourceId.1",
    "Tag.1.Key",
    "Tag.1.Value",
    "TagSpecification.1.ResourceType",
    "TagSpecification.1.Tag.1.Key",
    "ImageId",
    "MinCount",
    "MaxCount",
    "SecurityGroupId.1",
    "ClientToken",
    "Filter.1.Name",
    "Filter.1.Value.1",
    "MaxResults",
    "NextToken",
    "DryRun",
];
const VALUES: [&str; 34] = [
    "",
    "x",
    "0",
    "1",
    "5",
    "-1",
    "4294967295",
    "99999999999999999999",
    "true",
    "false",
    "%00",
    "%FF",
    "ä",
    "*",
    "?",
    "<&>",
    "vpc-",
    DEFAULT_VPC,
    "subnet-0a1b2c3d",
    "sg-0123456789abcdef0",
    "i-0123456789abcdef0",
    "i-hand",
    "ami-0123456789abcdef0",
    "vpc",
    "subnet",
    "instance",
    "security-group",
    "10.0.0.0/16",
    "0.0.0.0/0",
    "255.255.255.255/32",
    "172.31.64.0/20",
    "eu-west-1c",
    "tag:x",
    "instance-state-name",
];

#[test]
fn whatever_is_sent_is_answered() {
    patient(async |aws| {
        aws.start_instance("i-hand");
        let all: Vec<&str> = operations()
            .into_iter()
            .filter(|(name, _)| *name == "ec2")
            .flat_map(|(_, operations)| operations)
            .collect();
        let mut chance = fastrand::Rng::with_seed(11);
        let mut granted = 0;
        for _ in 0..6_000 {
            let mut parts = vec![(*chance.choice(&all).unwrap()).to_owned()];
            for _ in 0..chance.usize(0..6) {
                let (name, value) = (chance.choice(&NAMES).unwrap(), chance.choice(&VALUES).unwrap());
                parts.push(format!("{name}={}", value.replace('&', "%26")));
            }
            let body = parts.join("&");
            let reply = call(&aws, &body).await;
            assert!(reply.status != 500, "{body}: {}", reply.text);
            granted += u32::from(reply.status == 200);
            if !body.contains("%00") {
                Element::parse(reply.text.as_bytes()).unwrap_or_else(|error| panic!("{body}: {error}: {}", reply.text));
            }
        }
        assert!(granted > 300, "{granted}");
    });
}
