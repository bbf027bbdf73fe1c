"""Calls every operation of EC2 that the simulated AWS has, in the manner of `walk.py`: networks, subnets, security groups,
instances and tags, and the errors of EC2's guide, since its model lists none. What takes thousands of calls to provoke is left
to the tests of the simulator itself."""

import boto3
from botocore import xform_name

from walked import call, fails, is_absent, watched

NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
IMAGE = "ami-0123456789abcdef0"
MOST_VPCS, MOST_SUBNETS, MOST_INSTANCES, MOST_TAGS = 5, 200, 1000, 50
NOWHERE = {"VpcId": "vpc-00000000", "SubnetId": "subnet-00000000", "GroupId": "sg-00000000", "InstanceId": "i-00000000"}


def tagged(kind):
    return [{"ResourceType": kind, "Tags": [{"Key": "team", "Value": "walk"}]}]


def where(**filters):
    return [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in filters.items()]


def ended(client, instances):
    call(client, "TerminateInstances", InstanceIds=instances)
    client.get_waiter("instance_terminated").wait(InstanceIds=instances, WaiterConfig={"Delay": 1})


def pages(client, operation, key, **parameters):
    """Pages hold what is told at once; all that a page has less than it was asked for is the end."""
    whole = call(client, operation, **parameters)[key]
    paginator = client.get_paginator(xform_name(operation))
    paged = list(paginator.paginate(**parameters, PaginationConfig={"PageSize": 5}))
    assert [one for page in paged for one in page[key]] == whole, f"{operation}: {paged}, and not {whole}"
    assert len(paged) > 1, f"{operation} has too little for pages"
    fails(client, "InvalidNextToken", operation, **parameters, NextToken="nowhere")
    fails(client, "InvalidParameterValue", operation, **parameters, MaxResults=1001)


def filters(client):
    for operation in ("DescribeVpcs", "DescribeSubnets", "DescribeSecurityGroups", "DescribeInstances", "DescribeTags",
                      "DescribeInstanceStatus", "DescribeAvailabilityZones"):
        fails(client, "InvalidParameterValue", operation, Filters=where(llama="x"))
        values = [str(number) for number in range(201)]
        name = {"DescribeVpcs": "cidr", "DescribeTags": "key", "DescribeSecurityGroups": "group-name",
                "DescribeAvailabilityZones": "zone-name"}.get(operation, "availability-zone")
        fails(client, "FilterLimitExceeded", operation, Filters=[{"Name": name, "Values": values}])
        fails(client, "DryRunOperation", operation, DryRun=True)


def networks(client):
    """A network with subnets in two zones, and what is refused of networks."""
    made = call(client, "CreateVpc", CidrBlock="10.0.0.0/16", TagSpecifications=tagged("vpc"))["Vpc"]
    vpc = made["VpcId"]
    client.get_waiter("vpc_available").wait(VpcIds=[vpc], WaiterConfig={"Delay": 1})
    told = call(client, "DescribeVpcs", Filters=where(cidr="10.0.*", is_default="false"))["Vpcs"]
    assert told == [made], told
    for code, parameters in (("MissingParameter", {}), ("InvalidParameterValue", {"CidrBlock": "everywhere"}),
                             ("InvalidVpc.Range", {"CidrBlock": "10.0.0.0/8"}),
                             ("UnknownParameter", {"CidrBlock": "10.0.0.0/16", "Ipv6Pool": "p"})):
        fails(client, code, "CreateVpc", **parameters)
    others = [call(client, "CreateVpc", CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"] for _ in range(MOST_VPCS - 2)]
    fails(client, "VpcLimitExceeded", "CreateVpc", CidrBlock="10.0.0.0/16")
    for other in others:
        call(client, "DeleteVpc", VpcId=other)
    fails(client, "InvalidVpcID.NotFound", "DescribeVpcs", VpcIds=others)
    fails(client, "InvalidVpcID.NotFound", "DeleteVpc", VpcId=others[0])
    fails(client, "InvalidParameterCombination", "DescribeVpcs", VpcIds=[vpc], MaxResults=5)

    zones = [zone["ZoneName"] for zone in call(client, "DescribeAvailabilityZones")["AvailabilityZones"]]
    fails(client, "InvalidParameterValue", "DescribeAvailabilityZones", ZoneNames=["mars-1a"])
    subnets = []
    for number, zone in enumerate(zones[:2]):
        made = call(client, "CreateSubnet", VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=zone,
                    TagSpecifications=tagged("subnet"))["Subnet"]
        subnets.append(made["SubnetId"])
    client.get_waiter("subnet_available").wait(SubnetIds=subnets, WaiterConfig={"Delay": 1})
    told = call(client, "DescribeSubnets", Filters=where(vpc_id=vpc, availability_zone=zones[1]))["Subnets"]
    assert told == [made] and made["AvailableIpAddressCount"] == 251, told
    for code, parameters in (
        ("InvalidVpcID.NotFound", {"VpcId": NOWHERE["VpcId"], "CidrBlock": "10.0.9.0/24"}),
        ("InvalidSubnet.Range", {"VpcId": vpc, "CidrBlock": "10.1.0.0/24"}),
        ("InvalidSubnet.Conflict", {"VpcId": vpc, "CidrBlock": "10.0.0.128/25"}),
        ("InvalidParameterValue", {"VpcId": vpc, "CidrBlock": "10.0.9.0/24", "AvailabilityZone": "mars-1a"}),
        ("InvalidParameterCombination", {"VpcId": vpc, "CidrBlock": "10.0.9.0/24", "AvailabilityZone": zones[0],
                                         "AvailabilityZoneId": "euw1-az1"}),
        ("MissingParameter", {"VpcId": vpc}),
        ("UnknownParameter", {"VpcId": vpc, "CidrBlock": "10.0.9.0/24", "Ipv6CidrBlock": "::/64"}),
    ):
        fails(client, code, "CreateSubnet", **parameters)
    fails(client, "InvalidSubnetID.NotFound", "DescribeSubnets", SubnetIds=[NOWHERE["SubnetId"]])
    fails(client, "InvalidSubnetID.NotFound", "DeleteSubnet", SubnetId=NOWHERE["SubnetId"])
    fails(client, "DependencyViolation", "DeleteVpc", VpcId=vpc)
    small = [call(client, "CreateSubnet", VpcId=vpc, CidrBlock=f"10.0.{100 + number // 16}.{number % 16 * 16}/28")
             ["Subnet"]["SubnetId"] for number in range(MOST_SUBNETS - 2)]
    fails(client, "SubnetLimitExceeded", "CreateSubnet", VpcId=vpc, CidrBlock="10.0.9.0/24")
    pages(client, "DescribeSubnets", "Subnets")
    fails(client, "InsufficientFreeAddressesInSubnet", "RunInstances", ImageId=IMAGE, MinCount=12, MaxCount=12,
          SubnetId=small[0])
    for subnet in small:
        call(client, "DeleteSubnet", SubnetId=subnet)
    return vpc, subnets


def groups(client, vpc):
    """A security group, and what is refused of them."""
    wish = {"GroupName": "walk", "Description": "walk"}
    made = call(client, "CreateSecurityGroup", **wish, VpcId=vpc, TagSpecifications=tagged("security-group"))
    group = made["GroupId"]
    client.get_waiter("security_group_exists").wait(GroupIds=[group], WaiterConfig={"Delay": 1})
    told = call(client, "DescribeSecurityGroups", Filters=where(vpc_id=vpc))["SecurityGroups"]
    assert {one["GroupName"] for one in told} == {"default", "walk"}, told
    default = next(one["GroupId"] for one in told if one["GroupName"] == "default")
    for code, parameters in (("InvalidGroup.Duplicate", {**wish, "VpcId": vpc}),
                             ("InvalidVpcID.NotFound", {**wish, "VpcId": NOWHERE["VpcId"]}),
                             ("InvalidGroup.Reserved", {**wish, "GroupName": "default"}),
                             ("InvalidParameterValue", {**wish, "GroupName": "sg-x"})):
        fails(client, code, "CreateSecurityGroup", **parameters)
    fails(client, "InvalidGroup.NotFound", "DescribeSecurityGroups", GroupIds=[NOWHERE["GroupId"]])
    fails(client, "InvalidGroup.NotFound", "DescribeSecurityGroups", GroupNames=["walk"])
    fails(client, "InvalidGroupId.Malformed", "DescribeSecurityGroups", GroupIds=["walk"])
    fails(client, "InvalidGroup.NotFound", "DeleteSecurityGroup", GroupId=NOWHERE["GroupId"])
    fails(client, "CannotDelete", "DeleteSecurityGroup", GroupId=default)
    fails(client, "MissingParameter", "DeleteSecurityGroup")
    fails(client, "InvalidParameterCombination", "DeleteSecurityGroup", GroupId=default, GroupName="default")
    more = [call(client, "CreateSecurityGroup", GroupName=f"walk-{number}", Description="walk")["GroupId"]
            for number in range(6)]
    pages(client, "DescribeSecurityGroups", "SecurityGroups")
    for one in more:
        call(client, "DeleteSecurityGroup", GroupId=one)
    return group, default


def instances(client, subnet, group, foreign):
    """Instances live and end, and what is refused of them."""
    wish = {"ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 2, "SubnetId": subnet,
            "SecurityGroupIds": [group], "ClientToken": "walk", "TagSpecifications": tagged("instance")}
    made = call(client, "RunInstances", **wish)
    ids = [one["InstanceId"] for one in made["Instances"]]
    again = call(client, "RunInstances", **wish)
    assert [one["InstanceId"] for one in again["Instances"]] == ids, again
    one = {"ImageId": IMAGE, "MinCount": 1, "MaxCount": 1}
    for code, parameters in (
        ("IdempotentParameterMismatch", {**wish, "MaxCount": 1}),
        ("MissingParameter", {"MinCount": 1, "MaxCount": 1}),
        ("InvalidAMIID.Malformed", {**one, "ImageId": "llama"}),
        ("InvalidParameterValue", {**one, "MinCount": 2}),
        ("InvalidParameterValue", {**one, "InstanceType": "large"}),
        ("InvalidSubnetID.NotFound", {**one, "SubnetId": NOWHERE["SubnetId"]}),
        ("InvalidGroup.NotFound", {**one, "SecurityGroupIds": [NOWHERE["GroupId"]]}),
        ("InvalidParameter", {**one, "SecurityGroupIds": [group]}),
        ("SecurityGroupsPerInstanceLimitExceeded", {**one, "SecurityGroupIds": foreign}),
        ("InstanceLimitExceeded", {**one, "MinCount": MOST_INSTANCES + 1, "MaxCount": MOST_INSTANCES + 1}),
        ("UnknownParameter", {**one, "KeyName": "mine"}),
        ("DryRunOperation", {**one, "DryRun": True}),
    ):
        fails(client, code, "RunInstances", **parameters)
    fails(client, "DependencyViolation", "DeleteSubnet", SubnetId=subnet)
    fails(client, "DependencyViolation", "DeleteSecurityGroup", GroupId=group)
    for operation in ("StartInstances", "StopInstances", "TerminateInstances", "DescribeInstances", "DescribeInstanceStatus"):
        fails(client, "InvalidInstanceID.NotFound", operation, InstanceIds=[NOWHERE["InstanceId"]])
        fails(client, "InvalidInstanceID.Malformed", operation, InstanceIds=["llama"])
    for operation in ("DescribeInstances", "DescribeInstanceStatus"):
        fails(client, "InvalidParameterCombination", operation, InstanceIds=ids, MaxResults=5)
    client.get_waiter("instance_running").wait(InstanceIds=ids, WaiterConfig={"Delay": 1})
    told = call(client, "DescribeInstances", Filters=where(subnet_id=subnet, instance_state_name="running"))["Reservations"]
    assert [one["InstanceId"] for one in told[0]["Instances"]] == ids and told[0]["Instances"][0]["PrivateIpAddress"], told
    client.get_waiter("instance_status_ok").wait(InstanceIds=ids, WaiterConfig={"Delay": 2})
    call(client, "DescribeInstanceStatus", InstanceIds=ids, IncludeAllInstances=True)
    call(client, "StopInstances", InstanceIds=ids)
    fails(client, "IncorrectInstanceState", "StartInstances", InstanceIds=ids)
    client.get_waiter("instance_stopped").wait(InstanceIds=ids, WaiterConfig={"Delay": 1})
    call(client, "StartInstances", InstanceIds=ids)
    many = call(client, "RunInstances", ImageId=IMAGE, MinCount=6, MaxCount=6)["Instances"]
    many = [one["InstanceId"] for one in many]
    client.get_waiter("instance_running").wait(InstanceIds=many, WaiterConfig={"Delay": 1})
    pages(client, "DescribeInstanceStatus", "InstanceStatuses")
    found = [one for page in client.get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 5})
             for reservation in page["Reservations"] for one in reservation["Instances"]]
    assert set(ids + many) <= {one["InstanceId"] for one in found}, found
    fails(client, "InvalidNextToken", "DescribeInstances", NextToken="nowhere")
    ended(client, many)
    return ids


def tags(client, vpc, instance):
    """Tags are given, found and taken away."""
    resources = [vpc, instance]
    call(client, "CreateTags", Resources=resources, Tags=[{"Key": "Name", "Value": "walk"}, {"Key": "tier", "Value": ""}])
    told = call(client, "DescribeTags", Filters=[{"Name": "resource-id", "Values": resources}])["Tags"]
    assert {one["Key"] for one in told} == {"Name", "team", "tier"} and len(told) == 6, told
    found = call(client, "DescribeVpcs", Filters=[{"Name": "tag:Name", "Values": ["wal?"]}])["Vpcs"]
    assert [one["VpcId"] for one in found] == [vpc], found
    call(client, "DeleteTags", Resources=resources, Tags=[{"Key": "Name", "Value": "other"}, {"Key": "tier"}])
    told = call(client, "DescribeTags", Filters=where(resource_type="vpc", key="*"))["Tags"]
    assert [one["Key"] for one in told] == ["Name", "team"], told
    tag = [{"Key": "team", "Value": "walk"}]
    for code, resource in (("InvalidVpcID.NotFound", NOWHERE["VpcId"]), ("InvalidSubnetID.NotFound", NOWHERE["SubnetId"]),
                           ("InvalidGroup.NotFound", NOWHERE["GroupId"]), ("InvalidID", "llama"),
                           ("InvalidInstanceID.NotFound", NOWHERE["InstanceId"])):
        fails(client, code, "CreateTags", Resources=[resource], Tags=tag)
        fails(client, code, "DeleteTags", Resources=[resource], Tags=tag)
    fails(client, "InvalidParameterValue", "CreateTags", Resources=[vpc], Tags=[{"Key": "aws:team", "Value": "walk"}])
    fails(client, "InvalidParameterValue", "CreateVpc", CidrBlock="10.0.0.0/16", TagSpecifications=tagged("subnet"))
    many = [{"Key": f"walk-{number}", "Value": ""} for number in range(MOST_TAGS)]
    fails(client, "TagLimitExceeded", "CreateTags", Resources=[vpc], Tags=many)
    call(client, "CreateTags", Resources=[vpc], Tags=many[2:])
    pages(client, "DescribeTags", "Tags")
    call(client, "DeleteTags", Resources=[vpc])


def walk():
    client = watched(boto3.client("ec2"), NAMESPACE)
    filters(client)
    vpc, subnets = networks(client)
    group, default = groups(client, vpc)
    foreign = [call(client, "CreateSecurityGroup", GroupName=f"walk-{number}", Description="walk")["GroupId"]
               for number in range(6)]
    ids = instances(client, subnets[0], group, foreign)
    tags(client, vpc, ids[0])
    ended(client, ids)
    fails(client, "IncorrectInstanceState", "StartInstances", InstanceIds=ids)
    fails(client, "IncorrectInstanceState", "StopInstances", InstanceIds=ids)
    for one in [group, *foreign]:
        call(client, "DeleteSecurityGroup", GroupId=one)
    for subnet in subnets:
        call(client, "DeleteSubnet", SubnetId=subnet)
    call(client, "DeleteVpc", VpcId=vpc)
    is_absent(client, "DescribeKeyPairs")
    is_absent(client, "AuthorizeSecurityGroupIngress", GroupId=default)
