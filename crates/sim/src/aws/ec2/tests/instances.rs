//! Tests of instances: how they are made, live and end.

use std::collections::BTreeSet;

use super::*;

async fn states(aws: &Arc<Aws>) -> Vec<String> {
    let told = call(aws, "DescribeInstances").await;
    let names = told.all("instanceState").into_iter();
    names.map(|state| state.split("<name>").nth(1).unwrap().trim_end_matches("</name>").to_owned()).collect()
}

async fn wait(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[test]
fn an_instance_goes_its_way_by_the_clock() {
    world(async |aws| {
        let (vpc, [subnet, _]) = network(&aws).await;
        let made = run(&aws, &subnet, 1).await;
        let id = &made[0];
        assert_eq!(states(&aws).await, ["pending"]);
        let all = format!("DescribeInstanceStatus&IncludeAllInstances=true&InstanceId.1={id}");
        assert_eq!(call(&aws, &all).await.all("status"), ["not-applicable"; 2]);
        assert!(call(&aws, "DescribeInstanceStatus").await.all("instanceId").is_empty(), "it does not run yet");
        assert_eq!(call(&aws, &format!("StopInstances&InstanceId.1={id}")).await.code(), "IncorrectInstanceState");
        wait(10).await;
        assert_eq!(states(&aws).await, ["running"]);
        let told = call(&aws, "DescribeInstances").await;
        assert_eq!((told.one("vpcId"), told.one("privateIpAddress")), (vpc.as_str(), "10.0.1.4"));
        assert_eq!(call(&aws, "DescribeInstanceStatus").await.all("status")[0], "initializing");
        wait(120).await;
        let ok = "DescribeInstanceStatus&Filter.1.Name=instance-status.status&Filter.1.Value.1=ok";
        assert_eq!(call(&aws, ok).await.one("instanceId"), id);
        let stopped = call(&aws, &format!("StopInstances&InstanceId.1={id}")).await;
        assert_eq!(stopped.all("name"), ["stopping", "running"]);
        assert_eq!(call(&aws, &format!("StartInstances&InstanceId.1={id}")).await.code(), "IncorrectInstanceState");
        wait(20).await;
        assert_eq!(states(&aws).await, ["stopped"]);
        let again = call(&aws, &format!("StopInstances&InstanceId.1={id}")).await;
        assert_eq!(again.all("name"), ["stopped", "stopped"]);
        assert_eq!(call(&aws, &format!("StartInstances&InstanceId.1={id}")).await.all("name"), ["pending", "stopped"]);
        wait(10).await;
        let end = format!("TerminateInstances&InstanceId.1={id}");
        assert_eq!(call(&aws, &end).await.all("name"), ["shutting-down", "running"]);
        wait(20).await;
        assert_eq!(states(&aws).await, ["terminated"]);
        assert_eq!(call(&aws, &end).await.code(), "OK", "once more is no error");
        let told = call(&aws, "DescribeInstances").await;
        assert!(told.all("vpcId").is_empty() && told.all("privateIpAddress").is_empty());
        assert_eq!(call(&aws, &format!("StartInstances&InstanceId.1={id}")).await.code(), "IncorrectInstanceState");
        assert_eq!(call(&aws, &format!("DeleteSubnet&SubnetId={subnet}")).await.code(), "OK");
        wait(3_600).await;
        assert!(states(&aws).await.is_empty(), "it is told of for an hour");
        assert_eq!(call(&aws, &end).await.code(), "InvalidInstanceID.NotFound");
    });
}

#[test]
fn wrong_wishes_are_refused() {
    world_with(AwsOptions { rates: None, ..AwsOptions::default() }, async |aws| {
        let start = format!("RunInstances&ImageId={IMAGE}&MinCount=1&MaxCount");
        let long = "x".repeat(65);
        for (body, code) in [
            ("RunInstances&MinCount=1&MaxCount=1".to_owned(), "MissingParameter"),
            ("RunInstances&ImageId=llama&MinCount=1&MaxCount=1".to_owned(), "InvalidAMIID.Malformed"),
            ("RunInstances&ImageId=ami-1&MinCount=1&MaxCount=1".to_owned(), "InvalidAMIID.Malformed"),
            (format!("RunInstances&ImageId={IMAGE}&MaxCount=1"), "MissingParameter"),
            (format!("RunInstances&ImageId={IMAGE}&MinCount=2&MaxCount=1"), "InvalidParameterValue"),
            (format!("{start}=0"), "InvalidParameterValue"),
            (format!("{start}=-1"), "InvalidParameterValue"),
            (format!("{start}=many"), "InvalidParameterValue"),
            (format!("{start}=1&InstanceType=large"), "InvalidParameterValue"),
            (format!("{start}=1&SubnetId=subnet-1"), "InvalidSubnetID.NotFound"),
            (format!("{start}=1&SecurityGroupId.1=sg-1"), "InvalidGroup.NotFound"),
            (format!("{start}=1&ClientToken={long}"), "InvalidParameterValue"),
            (format!("{start}=1&TagSpecification.1.ResourceType=volume"), "InvalidParameterValue"),
            (format!("RunInstances&ImageId={IMAGE}&MinCount=4294967295&MaxCount=4294967295"), "InstanceLimitExceeded"),
            ("DescribeInstances&InstanceId.1=i-1".to_owned(), "InvalidInstanceID.Malformed"),
            ("DescribeInstances&InstanceId.1=i-00000000".to_owned(), "InvalidInstanceID.NotFound"),
            ("StopInstances".to_owned(), "MissingParameter"),
        ] {
            assert_eq!(call(&aws, &body).await.code(), code, "{body}");
        }
    });
}

#[test]
fn a_wish_with_a_token_is_granted_once() {
    patient(async |aws| {
        let wish = format!("RunInstances&ImageId={IMAGE}&MinCount=1&MaxCount=2&ClientToken=once");
        let made = call(&aws, &wish).await;
        assert_eq!(made.all("instanceId").len(), 2);
        let again = call(&aws, &wish).await;
        assert_eq!(again.one("reservationId"), made.one("reservationId"));
        assert_eq!(call(&aws, "DescribeInstances").await.all("instanceId").len(), 2);
        let other = format!("{wish}&InstanceType=t3.large");
        assert_eq!(call(&aws, &other).await.code(), "IdempotentParameterMismatch");
    });
}

#[test]
fn there_are_only_so_many_instances_and_addresses() {
    patient(async |aws| {
        let vpc = call(&aws, "CreateVpc&CidrBlock=10.0.0.0/16").await.one("vpcId").to_owned();
        let small = call(&aws, &format!("CreateSubnet&VpcId={vpc}&CidrBlock=10.0.0.0/28")).await;
        let small = small.one("subnetId").to_owned();
        let wish = format!("RunInstances&ImageId={IMAGE}&SubnetId={small}&MinCount");
        let full = call(&aws, &format!("{wish}=12&MaxCount=12")).await;
        assert_eq!(full.code(), "InsufficientFreeAddressesInSubnet");
        let made = call(&aws, &format!("{wish}=1&MaxCount=5000")).await;
        let addresses: BTreeSet<&str> = made.all("privateIpAddress").into_iter().collect();
        assert_eq!((addresses.len(), addresses.first()), (11, Some(&"10.0.0.10")), "as many as there are");
        let wish = format!("RunInstances&ImageId={IMAGE}&MinCount");
        assert_eq!(call(&aws, &format!("{wish}=990&MaxCount=990")).await.code(), "InstanceLimitExceeded");
        assert_eq!(call(&aws, &format!("{wish}=1&MaxCount=990")).await.all("instanceId").len(), 989);
        // However often all of them end within an hour, no more are held.
        for _ in 0..3 {
            let all = call(&aws, "DescribeInstances&Filter.1.Name=instance-state-name&Filter.1.Value.1=pending").await;
            let ids = (1..).zip(all.all("instanceId")).map(|(number, id)| format!("&InstanceId.{number}={id}"));
            call(&aws, &format!("TerminateInstances{}", ids.collect::<String>())).await;
            tokio::time::sleep(Duration::from_mins(1)).await;
            assert_eq!(call(&aws, &format!("{wish}=1000&MaxCount=1000")).await.code(), "OK");
            assert!(aws.regional().ec2.instances.len() <= 2_000);
        }
    });
}

#[test]
fn instances_are_told_in_pages_and_by_filters() {
    patient(async |aws| {
        let (vpc, [first, second]) = network(&aws).await;
        let (mut made, other) = (run(&aws, &first, 9).await, run(&aws, &second, 3).await);
        made.extend(other.clone());
        let (mut found, mut next) = (Vec::new(), String::new());
        loop {
            let page = call(&aws, &format!("DescribeInstances&MaxResults=5&NextToken={next}")).await;
            found.extend(page.all("instanceId").into_iter().map(str::to_owned));
            assert!(found.len() == made.len() || page.all("instanceId").len() == 5);
            let Some(token) = page.all("nextToken").first().map(|token| (*token).to_owned()) else { break };
            next = token;
        }
        made.sort();
        let mut all = found.clone();
        all.sort();
        assert_eq!(all, made);
        let [one] = &run(&aws, DEFAULT_SUBNETS[0], 1).await[..] else { panic!("one instance") };
        for (name, value, expected) in [
            ("vpc-id", vpc.as_str(), 12),
            ("subnet-id", second.as_str(), 3),
            ("instance-id", one.as_str(), 1),
            ("instance-id", "i-*", 13),
            ("instance-state-name", "running", 0),
            ("instance-state-name", "pend?ng", 13),
            ("instance-state-code", "0", 13),
            ("availability-zone", "eu-west-1b", 3),
            ("image-id", IMAGE, 13),
            ("instance-type", "m1.small", 13),
            ("private-ip-address", "172.31.0.4", 1),
            ("instance.group-name", "default", 13),
            ("tag:team", "shop", 0),
            ("tag-key", "*", 0),
        ] {
            let told = call(&aws, &format!("DescribeInstances&Filter.1.Name={name}&Filter.1.Value.1={value}")).await;
            assert_eq!(told.all("instanceId").len(), expected, "{name} {value}");
        }
    });
}
