//! Tests of instances and networks behind balancers.

use super::*;
use crate::aws::{AppBehaviour, GroupSettings, HttpRequest, RuleAction, TargetState};

/// A group in a network; its ARN.
async fn group(aws: &Arc<Aws>, name: &str, vpc: &str) -> String {
    let body = format!("CreateTargetGroup&Name={name}&Protocol=HTTP&Port=8080&VpcId={vpc}");
    balance(aws, &body).await.one("TargetGroupArn").to_owned()
}

fn words(aws: &Aws, group: &str) -> Vec<&'static str> {
    aws.health(group).into_values().map(TargetState::word).collect()
}

#[test]
fn a_world_is_built_with_calls_alone() {
    world(async |aws| {
        let (vpc, [first, second]) = network(&aws).await;
        let made = run(&aws, &first, 2).await;
        let arn = group(&aws, "blue", &vpc).await;
        let register = format!("RegisterTargets&TargetGroupArn={arn}&Targets.member.1.Id={}", made[0]);
        let early = balance(&aws, &register).await;
        assert_eq!(early.code(), "InvalidTarget", "it does not run yet");
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(balance(&aws, &register).await.code(), "OK");
        let subnets = format!("Subnets.member.1={first}&Subnets.member.2={second}");
        let balancer = balance(&aws, &format!("CreateLoadBalancer&Name=public&{subnets}")).await;
        assert_eq!((balancer.one("VpcId"), balancer.all("ZoneName")), (vpc.as_str(), vec!["eu-west-1a", "eu-west-1b"]));
        let groups = call(&aws, &format!("DescribeSecurityGroups&Filter.1.Name=vpc-id&Filter.1.Value.1={vpc}")).await;
        assert!(balancer.one("SecurityGroups").contains(groups.one("groupId")), "{}", balancer.text);
        aws.add_listener("public", "HTTP", 80, &RuleAction::forward(&[("blue", 1)])).unwrap();
        tokio::time::sleep(Duration::from_mins(3)).await;
        let passage = aws.passage("public", 80, &HttpRequest::get("a.test", "/"), aws.clock().now());
        assert!(passage.way.is_some());
        assert_eq!(words(&aws, "blue"), ["healthy"]);
        assert_eq!(call(&aws, &format!("DeleteSubnet&SubnetId={second}")).await.code(), "DependencyViolation");
    });
}

#[test]
fn targets_follow_what_befalls_their_instance() {
    world(async |aws| {
        let made = run(&aws, DEFAULT_SUBNETS[0], 1).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        aws.add_balancer("public").unwrap();
        aws.add_target_group(GroupSettings::named("blue"), &[(&made[0], 8080)]).unwrap();
        aws.add_target_group(GroupSettings::named("other"), &[]).unwrap();
        let listener = aws.add_listener("public", "HTTP", 80, &RuleAction::forward(&[("blue", 1)])).unwrap();
        tokio::time::sleep(Duration::from_mins(3)).await;
        assert_eq!(words(&aws, "blue"), ["healthy"]);
        let tell =
            async |what: &str| assert_eq!(call(&aws, &format!("{what}&InstanceId.1={}", made[0])).await.code(), "OK");
        tell("StopInstances").await;
        assert_eq!(words(&aws, "blue"), ["unused"], "as soon as it is told to");
        tokio::time::sleep(Duration::from_secs(20)).await;
        tell("StartInstances").await;
        // What happens while it is on its way counts from when it runs.
        assert_eq!(words(&aws, "blue"), ["unused"]);
        aws.set_app("blue", AppBehaviour::broken()).unwrap();
        aws.edit_weights(&listener, &[("other", 1)]).unwrap();
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(aws.health("blue").into_values().collect::<Vec<_>>(), [TargetState::NotInUse]);
        aws.edit_weights(&listener, &[("blue", 1)]).unwrap();
        tell("StopInstances").await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        tell("StartInstances").await;
        aws.set_app("blue", AppBehaviour::well()).unwrap();
        aws.set_app("blue", AppBehaviour::broken()).unwrap();
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(words(&aws, "blue"), ["initial"]);
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!(words(&aws, "blue"), ["unhealthy"]);
        tell("TerminateInstances").await;
        assert_eq!(words(&aws, "blue"), ["draining"]);
        tokio::time::sleep(Duration::from_mins(5)).await;
        assert!(words(&aws, "blue").is_empty());
    });
}

#[test]
fn a_target_that_is_deregistered_on_the_way_does_not_come_back() {
    world(async |aws| {
        let made = run(&aws, DEFAULT_SUBNETS[0], 1).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        let arn = aws.add_target_group(GroupSettings::named("blue"), &[(&made[0], 8080)]).unwrap();
        call(&aws, &format!("StopInstances&InstanceId.1={}", made[0])).await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        call(&aws, &format!("StartInstances&InstanceId.1={}", made[0])).await;
        balance(&aws, &format!("DeregisterTargets&TargetGroupArn={arn}&Targets.member.1.Id={}", made[0])).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert!(words(&aws, "blue").is_empty());
    });
}

#[test]
fn balancers_groups_and_targets_are_of_one_network() {
    world(async |aws| {
        let (vpc, [first, second]) = network(&aws).await;
        let create = "CreateLoadBalancer&Name=public&Subnets.member.1";
        let [a, b, _] = DEFAULT_SUBNETS;
        let web = format!("CreateSecurityGroup&VpcId={vpc}&GroupName=web&GroupDescription=x");
        let web = call(&aws, &web).await.one("groupId").to_owned();
        for (body, code) in [
            (format!("{create}={a}&Subnets.member.2=subnet-1"), "SubnetNotFound"),
            (format!("{create}={a}&Subnets.member.2={second}"), "InvalidConfigurationRequest"),
            (format!("{create}={a}&Subnets.member.2={first}"), "InvalidConfigurationRequest"),
            (format!("{create}={a}&Subnets.member.2={a}"), "InvalidConfigurationRequest"),
            (format!("{create}={a}&Subnets.member.2={b}&SecurityGroups.member.1={web}"), "InvalidSecurityGroup"),
            (format!("{create}={a}&Subnets.member.2={b}&SecurityGroups.member.1=sg-1"), "InvalidSecurityGroup"),
            (format!("{create}={a}"), "ValidationError"),
            ("CreateTargetGroup&Name=x&Protocol=HTTP&Port=80&VpcId=vpc-1".to_owned(), "ValidationError"),
        ] {
            assert_eq!(balance(&aws, &body).await.code(), code, "{body}");
        }
        let body = format!("{create}={first}&Subnets.member.2={second}&SecurityGroups.member.1={web}");
        assert_eq!(balance(&aws, &body).await.code(), "OK");
        assert_eq!(call(&aws, &format!("DeleteSecurityGroup&GroupId={web}")).await.code(), "DependencyViolation");
        let (here, there) = (group(&aws, "here", &vpc).await, group(&aws, "there", DEFAULT_VPC).await);
        let refused = aws.add_listener("public", "HTTP", 80, &RuleAction::forward(&[("there", 1)])).unwrap_err();
        assert_eq!(refused.code, "InvalidConfigurationRequest");
        aws.add_listener("public", "HTTP", 80, &RuleAction::forward(&[("here", 1)])).unwrap();
        let made = run(&aws, &first, 1).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        let register = |group: &str| format!("RegisterTargets&TargetGroupArn={group}&Targets.member.1.Id={}", made[0]);
        let refused = balance(&aws, &register(&there)).await;
        assert_eq!(refused.code(), "InvalidTarget");
        assert!(refused.one("Message").contains("not in the target group VPC"), "{}", refused.text);
        assert_eq!(balance(&aws, &register(&here)).await.code(), "OK");
    });
}

#[test]
fn instances_made_by_hand_are_told_of_as_running_ones() {
    world(async |aws| {
        aws.add_target_group(GroupSettings::named("blue"), &[("i-checkout-blue-1", 8080), ("i-blue-2", 8080)]).unwrap();
        let told = call(&aws, "DescribeInstances&Filter.1.Name=instance-state-name&Filter.1.Value.1=running").await;
        assert_eq!(told.all("instanceId").len(), 2);
        assert_eq!(told.all("vpcId"), [DEFAULT_VPC; 2]);
        let one = "InstanceId.1=i-checkout-blue-1";
        assert_eq!(call(&aws, &format!("StopInstances&{one}")).await.code(), "OK");
        assert_eq!(words(&aws, "blue"), ["unused", "unused"]);
        aws.stop_instance("i-blue-2");
        tokio::time::sleep(Duration::from_secs(20)).await;
        let told = call(&aws, "DescribeInstances&Filter.1.Name=instance-state-name&Filter.1.Value.1=stopped").await;
        assert_eq!(told.all("instanceId").len(), 2);
        aws.start_instance("i-blue-2");
        assert_eq!(call(&aws, "DescribeInstanceStatus").await.one("instanceId"), "i-blue-2");
        let tag = "CreateTags&ResourceId.1=i-blue-2&Tag.1.Key=team&Tag.1.Value=shop";
        assert_eq!(call(&aws, tag).await.code(), "OK");
        aws.terminate_instance("i-blue-2");
        assert_eq!(call(&aws, "StartInstances&InstanceId.1=i-blue-2").await.code(), "IncorrectInstanceState");
        aws.start_instance("i-blue-2");
        assert_eq!(call(&aws, "DescribeInstanceStatus").await.one("instanceId"), "i-blue-2", "one of that name again");
    });
}
