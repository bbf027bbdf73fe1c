"""Calls every operation of Elastic Load Balancing v2 and STS that the simulated AWS has, by boto3, which follows pages and
builds requests by Amazon's own models. Each answer is held against the shape that the models give it, and each error against
the errors that they list. Prints what was called and which errors came back, as JSON."""

import json
import sys

import boto3
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

# Errors that no operation lists, since any may have them.
COMMON = {"ValidationError", "InvalidAction", "Throttling", "AccessDenied"}

called, refused = set(), {}


def call(client, operation, **parameters):
    """Calls an operation, and holds its answer against the models."""
    shape = client.meta.service_model.operation_model(operation).output_shape
    answer = getattr(client, xform_name(operation))(**parameters)
    called.add(operation)
    told = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
    report = ParamValidator().validate(told, shape) if shape else None
    assert not report or not report.has_errors(), f"{operation}: {report.generate_report()}"
    return answer


def fails(client, expected, operation, **parameters):
    """Calls an operation that must be refused with this code, which the models list for it."""
    try:
        call(client, operation, **parameters)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        assert code == expected, f"{operation} is refused with {code}, not {expected}: {error}"
        listed = {shape.name for shape in client.meta.service_model.operation_model(operation).error_shapes}
        codes = {shape.error_code or shape.name for shape in client.meta.service_model.operation_model(operation).error_shapes}
        assert code in listed | codes | COMMON, f"{operation} does not list {code}"
        refused.setdefault(operation, []).append(code)
        return
    raise AssertionError(f"{operation} is not refused with {expected}")


def forward(*groups):
    return [{"Type": "forward", "ForwardConfig": {"TargetGroups": [
        {"TargetGroupArn": group, "Weight": weight} for group, weight in groups]}}]


def hosts(name):
    return [{"Field": "host-header", "HostHeaderConfig": {"Values": [name]}}]


def elb(target):
    client = boto3.client("elbv2")
    groups = [
        call(client, "CreateTargetGroup", Name=name, Protocol="HTTP", Port=80, VpcId="vpc-1")["TargetGroups"][0]["TargetGroupArn"]
        for name in ("walk-a", "walk-b", "walk-c")
    ]
    first, second, third = groups
    fails(client, "DuplicateTargetGroupName", "CreateTargetGroup", Name="walk-a", Protocol="HTTPS", Port=80, VpcId="vpc-1")
    call(client, "RegisterTargets", TargetGroupArn=first, Targets=[{"Id": target}])
    fails(client, "InvalidTarget", "RegisterTargets", TargetGroupArn=first, Targets=[{"Id": "i-nowhere"}])
    created = call(client, "CreateLoadBalancer", Name="walk", Subnets=["subnet-1", "subnet-2"])["LoadBalancers"][0]
    balancer = created["LoadBalancerArn"]
    fails(client, "DuplicateLoadBalancerName", "CreateLoadBalancer", Name="walk", Subnets=["subnet-1", "subnet-2"], Scheme="internal")
    client.get_waiter("load_balancer_available").wait(LoadBalancerArns=[balancer], WaiterConfig={"Delay": 1})
    created = call(client, "CreateListener", LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=forward((first, 1)))
    listener = created["Listeners"][0]["ListenerArn"]
    fails(client, "DuplicateListener", "CreateListener", LoadBalancerArn=balancer, Protocol="HTTP", Port=80,
          DefaultActions=forward((second, 1)))
    rules = [
        call(client, "CreateRule", ListenerArn=listener, Priority=priority, Conditions=hosts(f"h{priority}.test"),
             Actions=forward((first, 9), (second, 1)))["Rules"][0]["RuleArn"]
        for priority in range(1, 6)
    ]
    fails(client, "PriorityInUse", "CreateRule", ListenerArn=listener, Priority=1, Conditions=hosts("h.test"),
          Actions=forward((first, 1)))
    fails(client, "TargetGroupNotFound", "CreateRule", ListenerArn=listener, Priority=9, Conditions=hosts("h.test"),
          Actions=forward((first + "0", 1)))
    call(client, "ModifyRule", RuleArn=rules[0], Actions=forward((first, 5), (second, 5)))
    fails(client, "RuleNotFound", "ModifyRule", RuleArn=rules[0] + "0", Actions=forward((first, 1)))
    call(client, "ModifyListener", ListenerArn=listener, DefaultActions=forward((first, 1), (second, 0)))
    fails(client, "ListenerNotFound", "ModifyListener", ListenerArn=listener + "0", DefaultActions=forward((first, 1)))
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
    fails(client, "LoadBalancerNotFound", "DescribeLoadBalancers", Names=["nobody"])
    fails(client, "TargetGroupNotFound", "DescribeTargetGroups", Names=["nobody"])
    fails(client, "ListenerNotFound", "DescribeRules", ListenerArn=listener + "0")
    call(client, "DescribeAccountLimits")
    call(client, "DescribeTargetGroupAttributes", TargetGroupArn=third)
    call(client, "ModifyTargetGroupAttributes", TargetGroupArn=third,
         Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "5"}])
    fails(client, "ValidationError", "ModifyTargetGroupAttributes", TargetGroupArn=third,
          Attributes=[{"Key": "no.such.attribute", "Value": "1"}])
    call(client, "DescribeTargetHealth", TargetGroupArn=first)
    call(client, "AddTags", ResourceArns=[rules[0]], Tags=[{"Key": "team", "Value": "shop"}])
    tags = call(client, "DescribeTags", ResourceArns=[rules[0]])["TagDescriptions"]
    assert tags == [{"ResourceArn": rules[0], "Tags": [{"Key": "team", "Value": "shop"}]}], tags
    fails(client, "DuplicateTagKeys", "AddTags", ResourceArns=[rules[0]],
          Tags=[{"Key": "team", "Value": "a"}, {"Key": "team", "Value": "b"}])
    call(client, "RemoveTags", ResourceArns=[rules[0]], TagKeys=["team"])

    fails(client, "ResourceInUse", "DeleteTargetGroup", TargetGroupArn=first)
    call(client, "DeregisterTargets", TargetGroupArn=first, Targets=[{"Id": target}])
    for rule in rules:
        call(client, "DeleteRule", RuleArn=rule)
    fails(client, "RuleNotFound", "DeleteRule", RuleArn=rules[0])
    call(client, "DeleteListener", ListenerArn=listener)
    call(client, "DeleteLoadBalancer", LoadBalancerArn=balancer)
    for group in groups:
        call(client, "DeleteTargetGroup", TargetGroupArn=group)


def sts():
    client = boto3.client("sts")
    identity = call(client, "GetCallerIdentity")
    role = f"arn:aws:iam::{identity['Account']}:role/nobody"
    fails(client, "AccessDenied", "AssumeRole", RoleArn=role, RoleSessionName="walk")


elb(sys.argv[1])
sts()
print(json.dumps({"called": sorted(called), "refused": refused}))
