"""Calls every operation of Elastic Load Balancing v2, EC2, CloudWatch, STS and Route 53 that the simulated AWS has, by boto3, which
follows pages and builds requests by Amazon's own models. Each answer is held against the shape that the models give it, and each
error against the errors that they list; every error that the simulated AWS knows for an operation comes at least once. Prints
what was called, which errors came back, and which operations are not there, as JSON."""

import datetime
import json
import os
import sys
import time
import urllib.request

import boto3
from botocore import xform_name

import walk_dns
import walk_ec2
from walked import absent, call, called, default_network, fails, is_absent, refused

# Quotas of a balancer, and of an action.
MOST_RULES, MOST_GROUPS, MOST_LISTENERS, MOST_GROUPS_OF_ACTION = 100, 100, 50, 5

VPC, SUBNETS = default_network()
TOO_MANY_TAGS = [{"Key": f"tag-{number}", "Value": ""} for number in range(51)]


def forward(*groups):
    return [{"Type": "forward", "ForwardConfig": {"TargetGroups": [
        {"TargetGroupArn": group, "Weight": weight} for group, weight in groups]}}]


def evenly(groups):
    return forward(*((group, 1) for group in groups))


def reply(code="503"):
    return [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": code}}]


def hosts(name):
    return [{"Field": "host-header", "HostHeaderConfig": {"Values": [name]}}]


def sticky(client, group, enabled):
    return {"TargetGroupArn": group, "Attributes": [{"Key": "stickiness.enabled", "Value": enabled}]}


def make_group(client, name, protocol="HTTP"):
    made = call(client, "CreateTargetGroup", Name=name, Protocol=protocol, Port=80, VpcId=VPC)
    return made["TargetGroups"][0]["TargetGroupArn"]


def make_balancer(client, name, **parameters):
    made = call(client, "CreateLoadBalancer", Name=name, Subnets=SUBNETS, **parameters)
    return made["LoadBalancers"][0]["LoadBalancerArn"]


def make_listener(client, balancer, port, actions, protocol="HTTP"):
    made = call(client, "CreateListener", LoadBalancerArn=balancer, Protocol=protocol, Port=port, DefaultActions=actions)
    return made["Listeners"][0]["ListenerArn"]


def make_rule(client, listener, priority, actions):
    made = call(client, "CreateRule", ListenerArn=listener, Priority=priority, Conditions=hosts(f"h{priority}.test"),
                Actions=actions)
    return made["Rules"][0]["RuleArn"]


def elb(client, target):
    groups = [make_group(client, name) for name in ("walk-a", "walk-b", "walk-c")]
    first, second, third = groups
    fails(client, "DuplicateTargetGroupName", "CreateTargetGroup", Name="walk-a", Protocol="HTTPS", Port=80, VpcId=VPC)
    fails(client, "InvalidConfigurationRequest", "CreateTargetGroup", Name="walk-check", Protocol="HTTP", Port=80, VpcId=VPC,
          HealthCheckProtocol="TCP")
    call(client, "RegisterTargets", TargetGroupArn=first, Targets=[{"Id": target}])
    fails(client, "InvalidTarget", "RegisterTargets", TargetGroupArn=first, Targets=[{"Id": "i-nowhere"}])
    balancer = make_balancer(client, "walk")
    fails(client, "DuplicateLoadBalancerName", "CreateLoadBalancer", Name="walk", Subnets=SUBNETS, Scheme="internal")
    client.get_waiter("load_balancer_available").wait(LoadBalancerArns=[balancer], WaiterConfig={"Delay": 1})
    listener = make_listener(client, balancer, 80, forward((first, 1)))
    fails(client, "DuplicateListener", "CreateListener", LoadBalancerArn=balancer, Protocol="HTTP", Port=80,
          DefaultActions=forward((second, 1)))
    for protocol in ("TCP", "HTTPS"):
        fails(client, "ValidationError", "CreateListener", LoadBalancerArn=balancer, Protocol=protocol, Port=81,
              DefaultActions=forward((first, 1)))
    rules = [make_rule(client, listener, priority, forward((first, 9), (second, 1))) for priority in range(1, 6)]
    fails(client, "PriorityInUse", "CreateRule", ListenerArn=listener, Priority=1, Conditions=hosts("h.test"),
          Actions=forward((first, 1)))
    call(client, "ModifyRule", RuleArn=rules[0], Actions=forward((first, 5), (second, 5)))
    call(client, "ModifyListener", ListenerArn=listener, DefaultActions=forward((first, 1), (second, 0)))
    call(client, "SetRulePriorities", RulePriorities=[{"RuleArn": rules[0], "Priority": 50}])
    fails(client, "PriorityInUse", "SetRulePriorities", RulePriorities=[{"RuleArn": rules[0], "Priority": 2}])

    for operation, key, arguments in (
        ("DescribeLoadBalancers", "LoadBalancers", {}),
        ("DescribeListeners", "Listeners", {"LoadBalancerArn": balancer}),
        ("DescribeTargetGroups", "TargetGroups", {}),
        ("DescribeRules", "Rules", {"ListenerArn": listener}),
    ):
        whole = call(client, operation, **arguments)[key]
        pages = client.get_paginator(xform_name(operation)).paginate(**arguments, PaginationConfig={"PageSize": 2})
        paged = [one for page in pages for one in page[key]]
        assert paged == whole, f"{operation}: the pages hold {paged}, and not {whole}"
    call(client, "DescribeAccountLimits")
    call(client, "DescribeLoadBalancerAttributes", LoadBalancerArn=balancer)
    changed = call(client, "ModifyLoadBalancerAttributes", LoadBalancerArn=balancer,
                   Attributes=[{"Key": "client_keep_alive.seconds", "Value": "60"}])["Attributes"]
    assert {"Key": "client_keep_alive.seconds", "Value": "60"} in changed, changed
    fails(client, "ValidationError", "ModifyLoadBalancerAttributes", LoadBalancerArn=balancer,
          Attributes=[{"Key": "client_keep_alive.seconds", "Value": "59"}])
    call(client, "DescribeTargetGroupAttributes", TargetGroupArn=third)
    call(client, "ModifyTargetGroupAttributes", TargetGroupArn=third,
         Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "5"}])
    fails(client, "ValidationError", "ModifyTargetGroupAttributes", TargetGroupArn=third,
          Attributes=[{"Key": "no.such.attribute", "Value": "1"}])
    call(client, "DescribeTargetHealth", TargetGroupArn=first)
    call(client, "AddTags", ResourceArns=[rules[0]], Tags=[{"Key": "team", "Value": "shop"}])
    tags = call(client, "DescribeTags", ResourceArns=[rules[0]])["TagDescriptions"]
    assert tags == [{"ResourceArn": rules[0], "Tags": [{"Key": "team", "Value": "shop"}]}], tags
    call(client, "RemoveTags", ResourceArns=[rules[0]], TagKeys=["team"])

    nothing_there(client, balancer, listener, rules[0], first)
    default_rules_stay(client, listener)
    split_over_sticky_groups(client, balancer, listener, first, second, third)
    wrong_actions(client, balancer, listener, rules[0], first)
    wrong_protocols(client, balancer, listener, rules[0])
    one_balancer_of_a_group(client, first)
    of_one_network(client, balancer, listener, rules[0])
    tags_that_are_refused(client, balancer, listener, rules[0])
    wrong_parameters(client, balancer, listener, rules[0], first)

    fails(client, "ResourceInUse", "DeleteTargetGroup", TargetGroupArn=first)
    call(client, "DeregisterTargets", TargetGroupArn=first, Targets=[{"Id": target}])
    for rule in rules:
        call(client, "DeleteRule", RuleArn=rule)
    fails(client, "RuleNotFound", "DeleteRule", RuleArn=rules[0])
    call(client, "DeleteListener", ListenerArn=listener)
    fails(client, "ListenerNotFound", "DeleteListener", ListenerArn=listener)
    call(client, "DeleteLoadBalancer", LoadBalancerArn=balancer)
    # What is gone already is deleted with success.
    call(client, "DeleteLoadBalancer", LoadBalancerArn=balancer)
    for group in groups:
        call(client, "DeleteTargetGroup", TargetGroupArn=group)


def nothing_there(client, balancer, listener, rule, group):
    """Names and ARNs of which there is nothing."""
    nowhere = {"balancer": balancer + "0", "listener": listener + "0", "rule": rule + "0", "group": group + "0"}
    actions = forward((nowhere["group"], 1))
    target = {"Targets": [{"Id": "i-nowhere"}]}
    attribute = {"Attributes": [{"Key": "stickiness.enabled", "Value": "false"}]}
    for code, operation, parameters in (
        ("LoadBalancerNotFound", "DescribeLoadBalancers", {"Names": ["nobody"]}),
        ("LoadBalancerNotFound", "DescribeLoadBalancers", {"LoadBalancerArns": [nowhere["balancer"]]}),
        ("LoadBalancerNotFound", "DescribeListeners", {"LoadBalancerArn": nowhere["balancer"]}),
        ("LoadBalancerNotFound", "DescribeTargetGroups", {"LoadBalancerArn": nowhere["balancer"]}),
        ("LoadBalancerNotFound", "CreateListener", {
            "LoadBalancerArn": nowhere["balancer"], "Protocol": "HTTP", "Port": 81, "DefaultActions": reply()}),
        ("ListenerNotFound", "DescribeListeners", {"ListenerArns": [nowhere["listener"]]}),
        ("ListenerNotFound", "DescribeRules", {"ListenerArn": nowhere["listener"]}),
        ("ListenerNotFound", "ModifyListener", {"ListenerArn": nowhere["listener"], "DefaultActions": reply()}),
        ("ListenerNotFound", "CreateRule", {
            "ListenerArn": nowhere["listener"], "Priority": 9, "Conditions": hosts("h.test"), "Actions": reply()}),
        ("RuleNotFound", "DescribeRules", {"RuleArns": [nowhere["rule"]]}),
        ("RuleNotFound", "ModifyRule", {"RuleArn": nowhere["rule"], "Actions": reply()}),
        ("RuleNotFound", "SetRulePriorities", {"RulePriorities": [{"RuleArn": nowhere["rule"], "Priority": 9}]}),
        ("TargetGroupNotFound", "DescribeTargetGroups", {"Names": ["nobody"]}),
        ("TargetGroupNotFound", "DescribeTargetGroups", {"TargetGroupArns": [nowhere["group"]]}),
        ("TargetGroupNotFound", "DescribeTargetGroupAttributes", {"TargetGroupArn": nowhere["group"]}),
        ("TargetGroupNotFound", "ModifyTargetGroupAttributes", {"TargetGroupArn": nowhere["group"], **attribute}),
        ("TargetGroupNotFound", "DescribeTargetHealth", {"TargetGroupArn": nowhere["group"]}),
        ("TargetGroupNotFound", "RegisterTargets", {"TargetGroupArn": nowhere["group"], **target}),
        ("TargetGroupNotFound", "DeregisterTargets", {"TargetGroupArn": nowhere["group"], **target}),
        ("TargetGroupNotFound", "CreateListener", {
            "LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 81, "DefaultActions": actions}),
        ("TargetGroupNotFound", "ModifyListener", {"ListenerArn": listener, "DefaultActions": actions}),
        ("TargetGroupNotFound", "CreateRule", {
            "ListenerArn": listener, "Priority": 9, "Conditions": hosts("h.test"), "Actions": actions}),
        ("TargetGroupNotFound", "ModifyRule", {"RuleArn": rule, "Actions": actions}),
    ):
        fails(client, code, operation, **parameters)
    for code, arn in (("LoadBalancerNotFound", nowhere["balancer"]), ("ListenerNotFound", nowhere["listener"]),
                      ("RuleNotFound", nowhere["rule"]), ("TargetGroupNotFound", nowhere["group"])):
        fails(client, code, "AddTags", ResourceArns=[arn], Tags=[{"Key": "team", "Value": "shop"}])
        fails(client, code, "RemoveTags", ResourceArns=[arn], TagKeys=["team"])
        fails(client, code, "DescribeTags", ResourceArns=[arn])


def default_rules_stay(client, listener):
    """The default rule is changed with its listener."""
    rules = call(client, "DescribeRules", ListenerArn=listener)["Rules"]
    default = next(rule["RuleArn"] for rule in rules if rule["IsDefault"])
    fails(client, "OperationNotPermitted", "ModifyRule", RuleArn=default, Actions=reply())
    fails(client, "OperationNotPermitted", "DeleteRule", RuleArn=default)
    fails(client, "OperationNotPermitted", "SetRulePriorities", RulePriorities=[{"RuleArn": default, "Priority": 9}])


def split_over_sticky_groups(client, balancer, listener, first, second, third):
    """A client that is held to a target must be held to its group."""
    call(client, "ModifyTargetGroupAttributes", **sticky(client, third, "true"))
    split = forward((first, 1), (third, 1))
    fails(client, "InvalidConfigurationRequest", "CreateListener", LoadBalancerArn=balancer, Protocol="HTTP", Port=81,
          DefaultActions=split)
    fails(client, "InvalidConfigurationRequest", "ModifyListener", ListenerArn=listener, DefaultActions=split)
    fails(client, "InvalidConfigurationRequest", "CreateRule", ListenerArn=listener, Priority=9, Conditions=hosts("h.test"),
          Actions=split)
    fails(client, "InvalidConfigurationRequest", "ModifyTargetGroupAttributes", **sticky(client, second, "true"))
    call(client, "ModifyTargetGroupAttributes", **sticky(client, third, "false"))


def wrong_actions(client, balancer, listener, rule, group):
    """Actions that make no sense, or are too many."""
    loop = [{"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301"}}]
    answers_twice = [{**reply()[0], "Order": 1}, {**forward((group, 1))[0], "Order": 2}]
    many = [{**reply()[0], "Order": order} for order in range(1, 7)]
    for code, actions in (("InvalidLoadBalancerAction", loop), ("InvalidLoadBalancerAction", answers_twice),
                          ("TooManyActions", many)):
        everywhere_fails(client, code, balancer, listener, rule, actions)


def everywhere_fails(client, code, balancer, listener, rule, actions):
    """The four operations that take actions must refuse these."""
    fails(client, code, "CreateListener", LoadBalancerArn=balancer, Protocol="HTTP", Port=81, DefaultActions=actions)
    fails(client, code, "ModifyListener", ListenerArn=listener, DefaultActions=actions)
    fails(client, code, "CreateRule", ListenerArn=listener, Priority=5000, Conditions=hosts("h.test"), Actions=actions)
    fails(client, code, "ModifyRule", RuleArn=rule, Actions=actions)


def wrong_protocols(client, balancer, listener, rule):
    """Groups and balancers that do not speak a listener's protocol."""
    group = make_group(client, "walk-tcp", protocol="TCP")
    everywhere_fails(client, "IncompatibleProtocols", balancer, listener, rule, forward((group, 1)))
    network = make_balancer(client, "walk-network", Type="network")
    passing = make_listener(client, network, 80, forward((group, 1)), protocol="TCP")
    fails(client, "UnsupportedProtocol", "CreateRule", ListenerArn=passing, Priority=1, Conditions=hosts("h.test"),
          Actions=forward((group, 1)))
    fails(client, "InvalidLoadBalancerAction", "ModifyListener", ListenerArn=passing, DefaultActions=forward((group, 0)))
    call(client, "DeleteLoadBalancer", LoadBalancerArn=network)
    call(client, "DeleteTargetGroup", TargetGroupArn=group)


def one_balancer_of_a_group(client, group):
    """A group belongs to one balancer at a time."""
    other = make_balancer(client, "walk-other")
    listener = make_listener(client, other, 80, reply())
    fails(client, "DuplicateListener", "ModifyListener", ListenerArn=make_listener(client, other, 82, reply()), Port=80)
    rule = make_rule(client, listener, 1, reply())
    everywhere_fails(client, "TargetGroupAssociationLimit", other, listener, rule, forward((group, 1)))
    call(client, "DeleteLoadBalancer", LoadBalancerArn=other)


def of_one_network(client, balancer, listener, rule):
    """Balancers, their subnets and security groups, and their target groups are of one network."""
    ec2 = boto3.client("ec2")
    made = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=made, CidrBlock="10.0.0.0/24", AvailabilityZone=f"{client.meta.region_name}c")
    subnet = subnet["Subnet"]["SubnetId"]
    [other] = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [made]}])["SecurityGroups"]
    for code, parameters in (
        ("SubnetNotFound", {"Subnets": [SUBNETS[0], "subnet-1"]}),
        ("InvalidConfigurationRequest", {"Subnets": [SUBNETS[0], SUBNETS[0]]}),
        ("InvalidConfigurationRequest", {"Subnets": [SUBNETS[0], subnet]}),
        ("InvalidSecurityGroup", {"Subnets": SUBNETS, "SecurityGroups": [other["GroupId"]]}),
    ):
        fails(client, code, "CreateLoadBalancer", Name="walk-network", **parameters)
    fails(client, "ValidationError", "CreateTargetGroup", Name="walk-nowhere", Protocol="HTTP", Port=80, VpcId="vpc-1")
    group = call(client, "CreateTargetGroup", Name="walk-elsewhere", Protocol="HTTP", Port=80, VpcId=made)
    group = group["TargetGroups"][0]["TargetGroupArn"]
    split = forward((group, 1))
    fails(client, "InvalidConfigurationRequest", "CreateListener", LoadBalancerArn=balancer, Protocol="HTTP", Port=81,
          DefaultActions=split)
    fails(client, "InvalidConfigurationRequest", "ModifyListener", ListenerArn=listener, DefaultActions=split)
    fails(client, "InvalidConfigurationRequest", "CreateRule", ListenerArn=listener, Priority=9, Conditions=hosts("h.test"),
          Actions=split)
    call(client, "DeleteTargetGroup", TargetGroupArn=group)
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=made)


def tags_that_are_refused(client, balancer, listener, rule):
    """A key twice, and more tags than a resource can have."""
    twice = [{"Key": "team", "Value": "a"}, {"Key": "team", "Value": "b"}]
    fails(client, "DuplicateTagKeys", "AddTags", ResourceArns=[rule], Tags=twice)
    fails(client, "DuplicateTagKeys", "CreateLoadBalancer", Name="walk-tags", Subnets=SUBNETS, Tags=twice)
    fails(client, "TooManyTags", "AddTags", ResourceArns=[rule], Tags=TOO_MANY_TAGS)
    call(client, "AddTags", ResourceArns=[rule], Tags=TOO_MANY_TAGS[:50])
    fails(client, "TooManyTags", "AddTags", ResourceArns=[rule], Tags=TOO_MANY_TAGS[50:])
    call(client, "RemoveTags", ResourceArns=[rule], TagKeys=[tag["Key"] for tag in TOO_MANY_TAGS])
    fails(client, "TooManyTags", "CreateLoadBalancer", Name="walk-tags", Subnets=SUBNETS, Tags=TOO_MANY_TAGS)
    fails(client, "TooManyTags", "CreateTargetGroup", Name="walk-tags", Protocol="HTTP", Port=80, VpcId=VPC,
          Tags=TOO_MANY_TAGS)
    fails(client, "TooManyTags", "CreateListener", LoadBalancerArn=balancer, Protocol="HTTP", Port=81,
          DefaultActions=reply(), Tags=TOO_MANY_TAGS)
    fails(client, "TooManyTags", "CreateRule", ListenerArn=listener, Priority=9, Conditions=hosts("h.test"), Actions=reply(),
          Tags=TOO_MANY_TAGS)


def wrong_parameters(client, balancer, listener, rule, group):
    """What no operation takes, whatever there is."""
    fails(client, "InvalidScheme", "CreateLoadBalancer", Name="walk-scheme", Subnets=SUBNETS, Scheme="elsewhere")
    for operation, parameters in (
        ("CreateLoadBalancer", {"Name": "walk-one", "Subnets": SUBNETS[:1]}),
        ("CreateLoadBalancer", {"Name": "internal-walk", "Subnets": SUBNETS}),
        ("DescribeLoadBalancers", {"LoadBalancerArns": [balancer], "Names": ["walk"]}),
        ("DescribeLoadBalancers", {"PageSize": 1, "Marker": "nowhere"}),
        ("DeleteLoadBalancer", {"LoadBalancerArn": group}),
        ("CreateTargetGroup", {"Name": "-walk", "Protocol": "HTTP", "Port": 80, "VpcId": VPC}),
        ("CreateTargetGroup", {"Name": "walk-type", "TargetType": "cloud"}),
        ("CreateTargetGroup", {"Name": "walk-lambda", "TargetType": "lambda", "Port": 80}),
        ("CreateTargetGroup", {"Name": "walk-vpc", "Protocol": "HTTP", "Port": 80}),
        ("CreateTargetGroup", {"Name": "walk-port", "Protocol": "HTTP", "VpcId": VPC}),
        ("CreateTargetGroup", {"Name": "walk-time", "Protocol": "HTTP", "Port": 80, "VpcId": VPC,
                               "HealthCheckIntervalSeconds": 10, "HealthCheckTimeoutSeconds": 20}),
        ("DescribeTargetGroups", {"Names": ["walk-a"], "TargetGroupArns": [group]}),
        ("ModifyTargetGroupAttributes", {"TargetGroupArn": group, "Attributes": [
            {"Key": "deregistration_delay.timeout_seconds", "Value": "3601"}]}),
        ("DeleteTargetGroup", {"TargetGroupArn": "walk-a"}),
        ("RegisterTargets", {"TargetGroupArn": group, "Targets": []}),
        ("DeregisterTargets", {"TargetGroupArn": group, "Targets": []}),
        ("DescribeTargetHealth", {"TargetGroupArn": balancer}),
        ("DescribeListeners", {}),
        ("DescribeListeners", {"LoadBalancerArn": balancer, "ListenerArns": [listener]}),
        ("CreateListener", {"LoadBalancerArn": balancer, "Port": 81, "DefaultActions": reply()}),
        ("CreateListener", {"LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 81, "DefaultActions": reply("302")}),
        ("ModifyListener", {"ListenerArn": listener, "DefaultActions": forward((group, 1000))}),
        ("DescribeRules", {}),
        ("DescribeRules", {"ListenerArn": listener, "RuleArns": [rule]}),
        ("CreateRule", {"ListenerArn": listener, "Priority": 50001, "Conditions": hosts("h.test"), "Actions": reply()}),
        ("CreateRule", {"ListenerArn": listener, "Priority": 9, "Conditions": [], "Actions": reply()}),
        ("CreateRule", {"ListenerArn": listener, "Priority": 9, "Conditions": [
            {"Field": "path-pattern", "PathPatternConfig": {"Values": [f"/{letter}" for letter in "abcdef"]}}],
            "Actions": reply()}),
        ("ModifyRule", {"RuleArn": rule, "Actions": [{"Type": "vanish"}]}),
        ("SetRulePriorities", {"RulePriorities": [{"RuleArn": rule, "Priority": 50001}]}),
        ("AddTags", {"ResourceArns": [rule], "Tags": [{"Key": "aws:team", "Value": "shop"}]}),
        ("RemoveTags", {"ResourceArns": [rule], "TagKeys": []}),
        ("DescribeTags", {"ResourceArns": [rule] * 21}),
    ):
        fails(client, "ValidationError", operation, **parameters)


def quotas(client):
    """What there can only be so many of on one balancer."""
    groups = [make_group(client, f"walk-{number}") for number in range(MOST_GROUPS + 1)]
    balancer = make_balancer(client, "walk-quotas")
    listener = make_listener(client, balancer, 80, reply())
    bare = make_rule(client, listener, 1, reply())
    many = evenly(groups[:MOST_GROUPS_OF_ACTION + 1])
    everywhere_fails(client, "InvalidLoadBalancerAction", balancer, listener, bare, many)
    parts = [groups[start:start + MOST_GROUPS_OF_ACTION] for start in range(0, MOST_GROUPS, MOST_GROUPS_OF_ACTION)]
    rules = [make_rule(client, listener, priority, evenly(part)) for priority, part in enumerate(parts, 2)]
    over = forward((groups[MOST_GROUPS], 1))
    everywhere_fails(client, "TooManyUniqueTargetGroupsPerLoadBalancer", balancer, listener, bare, over)
    # Those that leave with the change make room.
    call(client, "ModifyRule", RuleArn=rules[0], Actions=over)

    for priority in range(len(rules) + 2, MOST_RULES + 1):
        make_rule(client, listener, priority, reply())
    fails(client, "TooManyRules", "CreateRule", ListenerArn=listener, Priority=5000, Conditions=hosts("h.test"),
          Actions=reply())
    for port in range(81, 80 + MOST_LISTENERS):
        make_listener(client, balancer, port, reply())
    fails(client, "TooManyListeners", "CreateListener", LoadBalancerArn=balancer, Protocol="HTTP", Port=9999,
          DefaultActions=reply())
    call(client, "DeleteLoadBalancer", LoadBalancerArn=balancer)
    for group in groups:
        call(client, "DeleteTargetGroup", TargetGroupArn=group)


def sts():
    client = boto3.client("sts")
    identity = call(client, "GetCallerIdentity")
    role = f"arn:aws:iam::{identity['Account']}:role/nobody"
    fails(client, "AccessDenied", "AssumeRole", RoleArn=role, RoleSessionName="walk")
    fails(client, "ValidationError", "AssumeRole", RoleArn=role, RoleSessionName="no name")
    fails(client, "MalformedPolicyDocument", "AssumeRole", RoleArn=role, RoleSessionName="walk", Policy="no policy")


def cloudwatch(balancer):
    """Counts requests of clients that come to a balancer, page by page."""
    settings = json.dumps({"balancer": "shop-public", "port": 443}).encode()
    traffic = urllib.request.Request(os.environ["WEIR_SIM_CONTROL"] + "/traffic", settings, method="PUT")
    urllib.request.urlopen(traffic).close()
    client = boto3.client("cloudwatch")
    dimension = {"Name": "LoadBalancer", "Value": balancer.split("loadbalancer/")[1]}
    metric = {"Namespace": "AWS/ApplicationELB", "MetricName": "RequestCount", "Dimensions": [dimension]}
    now, day = datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(days=1)
    asked = {"MetricDataQueries": [{"Id": "all", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}],
             "StartTime": now - day, "EndTime": now + day, "ScanBy": "TimestampAscending"}
    result = None
    for _ in range(300):
        [result] = call(client, "GetMetricData", **asked)["MetricDataResults"]
        if len(result["Values"]) > 2:
            break
        time.sleep(0.5)
    assert len(result["Values"]) == len(result["Timestamps"]) > 2 and result["StatusCode"] == "Complete", result
    first = call(client, "GetMetricData", **asked, MaxDatapoints=1)
    [cut] = first["MetricDataResults"]
    assert (cut["Timestamps"], cut["StatusCode"]) == (result["Timestamps"][:1], "PartialData"), first
    second = call(client, "GetMetricData", **asked, MaxDatapoints=1, NextToken=first["NextToken"])
    assert second["MetricDataResults"][0]["Timestamps"] == result["Timestamps"][1:2], second
    fails(client, "InvalidNextToken", "GetMetricData", **asked, NextToken="nowhere")
    fails(client, "ValidationError", "GetMetricData", **(asked | {"EndTime": asked["StartTime"]}))


balancing = boto3.client("elbv2")
elb(balancing, sys.argv[1])
quotas(balancing)
is_absent(balancing, "DescribeSSLPolicies")
cloudwatch(balancing.describe_load_balancers(Names=["shop-public"])["LoadBalancers"][0]["LoadBalancerArn"])
sts()
walk_ec2.walk()
walk_dns.walk()
print(json.dumps({"called": sorted(called), "refused": refused, "absent": absent}))
