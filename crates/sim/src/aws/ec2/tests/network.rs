//! Tests of networks, subnets, zones and security groups.

use super::*;

#[test]
fn every_region_has_a_default_network() {
    world(async |aws| {
        for aws in [Arc::clone(&aws), aws.elsewhere("123456789012", "us-east-1")] {
            let region = aws.region();
            let call = async |body: &str| {
                let mut request = request(&format!("Action={body}"));
                let header = request.headers()[header::AUTHORIZATION].to_str().unwrap().replace("eu-west-1", &region);
                request.headers_mut().insert(header::AUTHORIZATION, header.parse().unwrap());
                send(&aws, request).await
            };
            let vpcs = call("DescribeVpcs&Filter.1.Name=is-default&Filter.1.Value.1=true").await;
            assert_eq!((vpcs.one("vpcId"), vpcs.all("cidrBlock")[0]), (DEFAULT_VPC, "172.31.0.0/16"));
            let subnets = call("DescribeSubnets").await;
            assert_eq!(subnets.all("subnetId"), DEFAULT_SUBNETS);
            let zones = ["a", "b", "c"].map(|letter| format!("{region}{letter}"));
            assert_eq!(subnets.all("availabilityZone"), zones);
            assert_eq!(subnets.all("availableIpAddressCount"), ["4091"; 3]);
            assert_eq!(call("DescribeAvailabilityZones").await.all("zoneName"), zones);
            let groups = call("DescribeSecurityGroups&GroupName.1=default").await;
            assert_eq!((groups.one("vpcId"), groups.one("groupName")), (DEFAULT_VPC, "default"));
        }
    });
}

#[test]
fn networks_and_subnets_have_their_ranges_and_quotas() {
    patient(async |aws| {
        let (vpc, subnets) = network(&aws).await;
        let create = format!("CreateSubnet&VpcId={vpc}&CidrBlock");
        for (body, code) in [
            ("CreateVpc".to_owned(), "MissingParameter"),
            ("CreateVpc&CidrBlock=10.0.0.0".to_owned(), "InvalidParameterValue"),
            ("CreateVpc&CidrBlock=10.0.0.0/8".to_owned(), "InvalidVpc.Range"),
            ("CreateVpc&CidrBlock=10.0.0.0/29".to_owned(), "InvalidVpc.Range"),
            ("CreateSubnet&VpcId=vpc-1&CidrBlock=10.0.0.0/24".to_owned(), "InvalidVpcID.NotFound"),
            (format!("{create}=10.1.0.0/24"), "InvalidSubnet.Range"),
            (format!("{create}=10.0.0.0/15"), "InvalidSubnet.Range"),
            (format!("{create}=10.0.0.0/29"), "InvalidSubnet.Range"),
            (format!("{create}=x"), "InvalidParameterValue"),
            (format!("{create}=10.0.1.128/25"), "InvalidSubnet.Conflict"),
            (format!("{create}=10.0.0.0/16"), "InvalidSubnet.Conflict"),
            (format!("{create}=10.0.9.0/24&AvailabilityZone=mars"), "InvalidParameterValue"),
            ("DescribeSubnets&SubnetId.1=subnet-1".to_owned(), "InvalidSubnetID.NotFound"),
            ("DescribeVpcs&VpcId.1=vpc-1".to_owned(), "InvalidVpcID.NotFound"),
            ("DescribeAvailabilityZones&ZoneName.1=mars".to_owned(), "InvalidParameterValue"),
            (format!("DeleteVpc&VpcId={vpc}"), "DependencyViolation"),
        ] {
            assert_eq!(call(&aws, &body).await.code(), code, "{body}");
        }
        let third = call(&aws, &format!("{create}=10.0.3.5/24&AvailabilityZoneId=euw1-az3")).await;
        assert_eq!((third.one("cidrBlock"), third.one("availabilityZone")), ("10.0.3.0/24", "eu-west-1c"));
        let fourth = call(&aws, &format!("{create}=10.0.4.0/24")).await;
        assert_eq!(fourth.one("availabilityZone"), "eu-west-1a", "where nobody says it, the zone with fewest");
        for number in 4..200 {
            let body = format!("{create}=10.0.{}.{}/28", 100 + number / 16, number % 16 * 16);
            assert_eq!(call(&aws, &body).await.code(), "OK", "{body}");
        }
        assert_eq!(call(&aws, &format!("{create}=10.0.9.0/24")).await.code(), "SubnetLimitExceeded");
        let by_zone = "DescribeSubnets&Filter.1.Name=availability-zone&Filter.1.Value.1=eu-west-1b";
        let of_vpc = format!(
            "{by_zone}&Filter.2.Name=vpc-id&Filter.2.Value.1={vpc}&Filter.3.Name=cidr&Filter.3.Value.1=10.0.2.*"
        );
        assert_eq!(call(&aws, &of_vpc).await.one("subnetId"), subnets[1]);
        for _ in 0..3 {
            assert_eq!(call(&aws, "CreateVpc&CidrBlock=10.0.0.0/16").await.code(), "OK");
        }
        assert_eq!(call(&aws, "CreateVpc&CidrBlock=10.0.0.0/16").await.code(), "VpcLimitExceeded");
    });
}

#[test]
fn what_is_empty_is_deleted() {
    world(async |aws| {
        let (vpc, subnets) = network(&aws).await;
        for subnet in &subnets {
            assert_eq!(call(&aws, &format!("DeleteSubnet&SubnetId={subnet}")).await.one("return"), "true");
        }
        assert_eq!(call(&aws, &format!("DeleteVpc&VpcId={vpc}")).await.one("return"), "true");
        assert_eq!(call(&aws, &format!("DeleteVpc&VpcId={vpc}")).await.code(), "InvalidVpcID.NotFound");
        let groups = call(&aws, "DescribeSecurityGroups").await;
        assert_eq!(groups.one("vpcId"), DEFAULT_VPC, "its default group goes with it");
        for subnet in DEFAULT_SUBNETS {
            call(&aws, &format!("DeleteSubnet&SubnetId={subnet}")).await;
        }
        let run = format!("RunInstances&ImageId={IMAGE}&MinCount=1&MaxCount=1");
        assert_eq!(call(&aws, &run).await.code(), "MissingInput");
        call(&aws, &format!("DeleteVpc&VpcId={DEFAULT_VPC}")).await;
        assert_eq!(call(&aws, &run).await.code(), "VPCIdNotSpecified");
        let group = "CreateSecurityGroup&GroupName=web&GroupDescription=x";
        assert_eq!(call(&aws, group).await.code(), "VPCIdNotSpecified");
    });
}

#[test]
fn security_groups_are_told_by_name_and_identifier() {
    patient(async |aws| {
        let (vpc, [subnet, _]) = network(&aws).await;
        let create = "CreateSecurityGroup&GroupDescription=web servers&GroupName";
        let made = call(&aws, &format!("{create}=web&VpcId={vpc}")).await;
        let group = made.one("groupId").to_owned();
        let default =
            call(&aws, &format!("DescribeSecurityGroups&Filter.1.Name=vpc-id&Filter.1.Value.1={DEFAULT_VPC}")).await;
        let default = default.one("groupId").to_owned();
        let long = "x".repeat(256);
        for (body, code) in [
            (format!("{create}=web&VpcId={vpc}"), "InvalidGroup.Duplicate"),
            (format!("{create}=web&VpcId=vpc-1"), "InvalidVpcID.NotFound"),
            (format!("{create}=default"), "InvalidGroup.Reserved"),
            (format!("{create}=sg-x"), "InvalidParameterValue"),
            (format!("{create}={long}"), "InvalidParameterValue"),
            (create.to_owned(), "MissingParameter"),
            ("DescribeSecurityGroups&GroupName.1=web".to_owned(), "InvalidGroup.NotFound"),
            ("DescribeSecurityGroups&GroupId.1=sg-1".to_owned(), "InvalidGroup.NotFound"),
            ("DescribeSecurityGroups&GroupId.1=web".to_owned(), "InvalidGroupId.Malformed"),
            ("DeleteSecurityGroup".to_owned(), "MissingParameter"),
            ("DeleteSecurityGroup&GroupName=web".to_owned(), "InvalidGroup.NotFound"),
            ("DeleteSecurityGroup&GroupName=web&GroupId=sg-1".to_owned(), "InvalidParameterCombination"),
            (format!("DeleteSecurityGroup&GroupId={default}"), "CannotDelete"),
            ("DeleteSecurityGroup&GroupName=default".to_owned(), "CannotDelete"),
            (format!("DeleteVpc&VpcId={vpc}"), "DependencyViolation"),
        ] {
            assert_eq!(call(&aws, &body).await.code(), code, "{body}");
        }
        let run = format!("RunInstances&ImageId={IMAGE}&MinCount=1&MaxCount=1&SecurityGroupId.1");
        assert_eq!(call(&aws, &format!("{run}={group}")).await.code(), "InvalidParameter", "of another network");
        let made = call(&aws, &format!("{run}={group}&SubnetId={subnet}")).await;
        assert_eq!((made.one("groupId"), made.all("groupName")[1]), (group.as_str(), "web"));
        let delete = format!("DeleteSecurityGroup&GroupId={group}");
        assert_eq!(call(&aws, &delete).await.code(), "DependencyViolation");
        call(&aws, &format!("TerminateInstances&InstanceId.1={}", made.one("instanceId"))).await;
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!(call(&aws, &delete).await.one("groupId"), group);
        for number in 0..2_494 {
            assert_eq!(call(&aws, &format!("{create}=g{number}")).await.code(), "OK", "{number}");
        }
        let vpcs = call(&aws, "DescribeSecurityGroups&MaxResults=1000").await;
        assert_eq!(vpcs.all("groupId").len(), 1_000);
        for number in 2_494..2_498 {
            assert_eq!(call(&aws, &format!("{create}=g{number}")).await.code(), "OK", "{number}");
        }
        assert_eq!(call(&aws, &format!("{create}=more")).await.code(), "SecurityGroupLimitExceeded");
    });
}
