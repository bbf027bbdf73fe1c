"""Calls every operation of Route 53 that the simulated AWS has, in the manner of `walk.py`: zones, records, changes, health
checks, tags and protections, and every error that the simulated AWS knows for an operation. By itself it tries what a zone
refuses while it is busy, and prints what was refused."""

import json
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

from walked import call, default_network, fails, is_absent, refused, watched

ZONE = "walk.test"
NOWHERE = "Z0NOWHERE"
SERVERS = 4
MOST_ZONES = 500
# A client that tells what it was told at first, and one that waits where others make too many calls.
UNRETRIED = Config(retries={"max_attempts": 0})
PATIENT = Config(retries={"max_attempts": 20, "mode": "standard"})

NAMESPACE = "https://route53.amazonaws.com/doc/2013-04-01/"


def change(action, name, kind="A", **rest):
    """A change of a record that has one value unless it says otherwise."""
    record = {"Name": name, "Type": kind, **rest}
    if "AliasTarget" not in rest:
        record = {"TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}], **record}
    return {"Action": action, "ResourceRecordSet": record}


def weighted(action, name, identifier, weight, **rest):
    return change(action, name, SetIdentifier=identifier, Weight=weight, **rest)


def batch(*changes):
    return {"Comment": "walk", "Changes": list(changes)}


def put(client, zone, *changes):
    return call(client, "ChangeResourceRecordSets", HostedZoneId=zone, ChangeBatch=batch(*changes))["ChangeInfo"]


def is_refused(client, zone, said, *changes):
    """A batch that is refused, with what is said of it."""
    error = fails(client, "InvalidChangeBatch", "ChangeResourceRecordSets", HostedZoneId=zone, ChangeBatch=batch(*changes))
    assert said in error.response["Error"]["Message"], error


def zones(client):
    """Zones are made, told, listed and refused."""
    made = call(client, "CreateHostedZone", Name=ZONE, CallerReference="walk",
                HostedZoneConfig={"Comment": "walk", "PrivateZone": False})
    zone = made["HostedZone"]["Id"].removeprefix("/hostedzone/")
    assert made["Location"].endswith(f"/hostedzone/{zone}"), made
    assert made["ChangeInfo"]["Status"] == "PENDING", made
    assert len(set(made["DelegationSet"]["NameServers"])) == SERVERS, made
    for code, parameters in (
        ("HostedZoneAlreadyExists", {"Name": ZONE, "CallerReference": "walk"}),
        ("InvalidDomainName", {"Name": "example.com", "CallerReference": "2"}),
        ("NoSuchDelegationSet", {"Name": ZONE, "CallerReference": "2", "DelegationSetId": "N1"}),
        ("InvalidVPCId", {"Name": ZONE, "CallerReference": "2", "VPC": {"VPCId": "nothing", "VPCRegion": "eu-west-1"}}),
        ("InvalidInput", {"Name": ZONE, "CallerReference": "2", "HostedZoneConfig": {"PrivateZone": True}}),
    ):
        fails(client, code, "CreateHostedZone", **parameters)
    network = {"VPCId": "vpc-1", "VPCRegion": "eu-west-1"}
    private = call(client, "CreateHostedZone", Name=ZONE, CallerReference="private", VPC=network)
    fails(client, "ConflictingDomainExists", "CreateHostedZone", Name=ZONE, CallerReference="2", VPC=network)
    inside = private["HostedZone"]["Id"]
    assert call(client, "GetHostedZone", Id=inside)["VPCs"] == [network]
    told = call(client, "GetHostedZone", Id=zone)
    assert told["DelegationSet"] == made["DelegationSet"], told
    fails(client, "NoSuchHostedZone", "GetHostedZone", Id=NOWHERE)
    fails(client, "InvalidInput", "GetHostedZone", Id="Z" * 33)

    whole = [one["Id"] for one in call(client, "ListHostedZones")["HostedZones"]]
    pages = client.get_paginator("list_hosted_zones").paginate(PaginationConfig={"PageSize": 1})
    assert [one["Id"] for page in pages for one in page["HostedZones"]] == whole
    only = call(client, "ListHostedZones", HostedZoneType="PrivateHostedZone")["HostedZones"]
    assert [one["Id"] for one in only] == [inside], only
    fails(client, "NoSuchDelegationSet", "ListHostedZones", DelegationSetId="N1")
    fails(client, "InvalidInput", "ListHostedZones", MaxItems="none")
    page = call(client, "ListHostedZonesByName", DNSName=ZONE, MaxItems="1")
    page = call(client, "ListHostedZonesByName", DNSName=page["NextDNSName"], HostedZoneId=page["NextHostedZoneId"])
    assert not page["IsTruncated"] and len(page["HostedZones"]) == 1, page
    fails(client, "InvalidInput", "ListHostedZonesByName", HostedZoneId=zone)
    fails(client, "InvalidDomainName", "ListHostedZonesByName", DNSName="a..b")
    assert call(client, "GetHostedZoneCount")["HostedZoneCount"] == len(whole)
    call(client, "UpdateHostedZoneComment", Id=zone, Comment="walked")
    fails(client, "NoSuchHostedZone", "UpdateHostedZoneComment", Id=NOWHERE, Comment="walked")
    fails(client, "InvalidInput", "UpdateHostedZoneComment", Id=zone, Comment="x" * 257)
    call(client, "UpdateHostedZoneFeatures", HostedZoneId=zone, EnableAcceleratedRecovery=True)
    assert "AcceleratedRecoveryStatus" in call(client, "GetHostedZone", Id=zone)["HostedZone"]["Features"]
    fails(client, "NoSuchHostedZone", "UpdateHostedZoneFeatures", HostedZoneId=NOWHERE, EnableAcceleratedRecovery=True)
    fails(client, "InvalidInput", "UpdateHostedZoneFeatures", HostedZoneId=inside, EnableAcceleratedRecovery=True)
    call(client, "GetHostedZoneLimit", HostedZoneId=zone, Type="MAX_RRSETS_BY_ZONE")
    call(client, "GetHostedZoneLimit", HostedZoneId=inside, Type="MAX_VPCS_ASSOCIATED_BY_ZONE")
    fails(client, "HostedZoneNotPrivate", "GetHostedZoneLimit", HostedZoneId=zone, Type="MAX_VPCS_ASSOCIATED_BY_ZONE")
    fails(client, "NoSuchHostedZone", "GetHostedZoneLimit", HostedZoneId=NOWHERE, Type="MAX_RRSETS_BY_ZONE")
    fails(client, "InvalidInput", "GetHostedZoneLimit", HostedZoneId=zone, Type="MAX_HOPE")
    call(client, "DeleteHostedZone", Id=inside)
    return zone


def records(client, zone, balancer):
    """Records are made, listed, changed and refused."""
    alias = {"HostedZoneId": balancer["CanonicalHostedZoneId"], "DNSName": balancer["DNSName"], "EvaluateTargetHealth": True}
    blue = weighted("CREATE", f"api.{ZONE}", "blue", 9, AliasTarget=alias)
    green = weighted("CREATE", f"API.{ZONE}.", "green", 1, AliasTarget=alias)
    made = put(client, zone, blue, green, change("CREATE", f"*.{ZONE}"),
               change("CREATE", f"txt.{ZONE}", "TXT", ResourceRecords=[{"Value": '"a & b" "<c>"'}]))
    listed = call(client, "ListResourceRecordSets", HostedZoneId=zone)["ResourceRecordSets"]
    names = [(one["Name"], one["Type"], one.get("SetIdentifier")) for one in listed]
    assert names == [(f"{ZONE}.", "NS", None), (f"{ZONE}.", "SOA", None), (f"\\052.{ZONE}.", "A", None),
                     (f"api.{ZONE}.", "A", "blue"), (f"api.{ZONE}.", "A", "green"), (f"txt.{ZONE}.", "TXT", None)], names
    assert listed[3]["Weight"] == 9 and listed[3]["AliasTarget"]["EvaluateTargetHealth"], listed[3]
    assert listed[3]["AliasTarget"]["DNSName"] == balancer["DNSName"].lower() + ".", listed[3]
    assert listed[5]["ResourceRecords"] == [{"Value": '"a & b" "<c>"'}], listed[5]
    pages = client.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone, PaginationConfig={"PageSize": 1})
    assert [one for page in pages for one in page["ResourceRecordSets"]] == listed
    assert call(client, "GetChange", Id=made["Id"])["ChangeInfo"]["Status"] == "PENDING"
    client.get_waiter("resource_record_sets_changed").wait(Id=made["Id"], WaiterConfig={"Delay": 1})
    fails(client, "NoSuchChange", "GetChange", Id="C0")
    # What was told can be given back.
    put(client, zone, *({"Action": "DELETE", "ResourceRecordSet": one} for one in listed[2:5]), blue)

    is_refused(client, zone, "but it already exists", blue)
    is_refused(client, zone, "but it was not found", weighted("DELETE", f"api.{ZONE}", "grey", 9, AliasTarget=alias))
    is_refused(client, zone, "do not match the current values", change("DELETE", f"txt.{ZONE}", "TXT", ResourceRecords=[
        {"Value": '"d"'}]))
    is_refused(client, zone, "other RRSets exist", change("CREATE", f"api.{ZONE}"))
    is_refused(client, zone, "is not permitted in zone", change("CREATE", "api.other.test"))
    is_refused(client, zone, "limit of 1000", *(change("UPSERT", f"n{number}.{ZONE}") for number in range(501)))
    for code, parameters in (
        ("NoSuchHostedZone", {"HostedZoneId": NOWHERE, "ChangeBatch": batch(blue)}),
        ("NoSuchHealthCheck", {"HostedZoneId": zone, "ChangeBatch": batch(
            change("CREATE", f"a.{ZONE}", HealthCheckId="none"))}),
        ("InvalidInput", {"HostedZoneId": zone, "ChangeBatch": batch(weighted("CREATE", f"a.{ZONE}", "x", 256))}),
        ("InvalidInput", {"HostedZoneId": zone, "ChangeBatch": batch(change("CREATE", f"a.{ZONE}", SetIdentifier="x"))}),
    ):
        fails(client, code, "ChangeResourceRecordSets", **parameters)
    fails(client, "NoSuchHostedZone", "ListResourceRecordSets", HostedZoneId=NOWHERE)
    fails(client, "InvalidInput", "ListResourceRecordSets", HostedZoneId=zone, StartRecordType="A")
    return blue


def protections(client, zone, record):
    entry = {"RecordName": record["ResourceRecordSet"]["Name"], "RecordType": "A"}
    other = {"RecordName": f"b.{ZONE}", "RecordType": "TXT"}
    entries = [{**entry, "Comment": "ask ops"}, other]
    call(client, "CreateResourceRecordSetProtections", HostedZoneId=zone, Protections=entries)
    is_refused(client, zone, "ask ops", {**record, "Action": "DELETE"})
    outside = [{"RecordName": "a.other.test", "RecordType": "A"}]
    for operation in ("CreateResourceRecordSetProtections", "DeleteResourceRecordSetProtections"):
        error = fails(client, "InvalidResourceRecordSetProtectionBatch", operation, HostedZoneId=zone, Protections=outside)
        assert error.response["Errors"][0]["Code"] == "InvalidInput", error.response
        fails(client, "NoSuchHostedZone", operation, HostedZoneId=NOWHERE, Protections=[entry])
        fails(client, "InvalidInput", operation, HostedZoneId=zone, Protections=[entry] * 101)
    error = fails(client, "ProtectionAlreadyExists", "CreateResourceRecordSetProtections", HostedZoneId=zone,
                  Protections=entries)
    assert len(error.response["Errors"]) == len(entries), error.response
    many = [{"RecordName": f"n{number}.{ZONE}", "RecordType": "A"} for number in range(999)]
    for start in range(0, 900, 100):
        call(client, "CreateResourceRecordSetProtections", HostedZoneId=zone, Protections=many[start:start + 100])
    fails(client, "LimitsExceeded", "CreateResourceRecordSetProtections", HostedZoneId=zone, Protections=many[900:])
    pages = client.get_paginator("list_resource_record_set_protections").paginate(HostedZoneId=zone)
    told = [one for page in pages for one in page["ResourceRecordSetProtections"]]
    assert len(told) == 902 and told[0]["Comment"] == "ask ops", told[:3]
    call(client, "ListResourceRecordSetProtections", HostedZoneId=zone, StartRecordName=f"b.{ZONE}", MaxResults="1")
    fails(client, "InvalidPaginationToken", "ListResourceRecordSetProtections", HostedZoneId=zone, NextToken="x")
    fails(client, "InvalidInput", "ListResourceRecordSetProtections", HostedZoneId=zone, StartRecordType="A")
    fails(client, "NoSuchHostedZone", "ListResourceRecordSetProtections", HostedZoneId=NOWHERE)
    fails(client, "HostedZoneNotEmpty", "DeleteHostedZone", Id=zone)
    for start in range(0, 900, 100):
        call(client, "DeleteResourceRecordSetProtections", HostedZoneId=zone, Protections=many[start:start + 100])
    call(client, "DeleteResourceRecordSetProtections", HostedZoneId=zone, Protections=[entry, other])


def health_checks(client):
    config = {"Type": "HTTP", "IPAddress": "192.0.2.1", "Port": 80, "ResourcePath": "/health"}
    made = call(client, "CreateHealthCheck", CallerReference="walk", HealthCheckConfig=config)
    check = made["HealthCheck"]["Id"]
    assert made["Location"].endswith(check), made
    again = call(client, "CreateHealthCheck", CallerReference="walk", HealthCheckConfig=config)
    assert again["HealthCheck"]["Id"] == check, again
    fails(client, "HealthCheckAlreadyExists", "CreateHealthCheck", CallerReference="walk",
          HealthCheckConfig={**config, "Port": 81})
    fails(client, "InvalidInput", "CreateHealthCheck", CallerReference="2", HealthCheckConfig={"Type": "TCP"})
    others = []
    for number in range(199):
        other = call(client, "CreateHealthCheck", CallerReference=f"walk-{number}", HealthCheckConfig=config)
        others.append(other["HealthCheck"]["Id"])
    fails(client, "TooManyHealthChecks", "CreateHealthCheck", CallerReference="3", HealthCheckConfig=config)
    assert call(client, "GetHealthCheck", HealthCheckId=check)["HealthCheck"]["HealthCheckConfig"] == config
    told = call(client, "GetHealthCheckStatus", HealthCheckId=check)["HealthCheckObservations"]
    assert told[0]["StatusReport"]["Status"].startswith("Success"), told
    control = {"Type": "RECOVERY_CONTROL", "RoutingControlArn": "arn:aws:route53-recovery-control::1:controlpanel/a"}
    last = others.pop()
    call(client, "DeleteHealthCheck", HealthCheckId=last)
    made = call(client, "CreateHealthCheck", CallerReference="control", HealthCheckConfig=control)["HealthCheck"]["Id"]
    fails(client, "InvalidInput", "GetHealthCheckStatus", HealthCheckId=made)
    others.append(made)
    return check, others


def tags(client, zone, check):
    for kind, resource in (("hostedzone", zone), ("healthcheck", check)):
        call(client, "ChangeTagsForResource", ResourceType=kind, ResourceId=resource,
             AddTags=[{"Key": "team", "Value": "shop"}, {"Key": "tier", "Value": ""}])
        call(client, "ChangeTagsForResource", ResourceType=kind, ResourceId=resource, RemoveTagKeys=["tier"])
        told = call(client, "ListTagsForResource", ResourceType=kind, ResourceId=resource)["ResourceTagSet"]
        assert told["Tags"] == [{"Key": "team", "Value": "shop"}], told
        sets = call(client, "ListTagsForResources", ResourceType=kind, ResourceIds=[resource])["ResourceTagSets"]
        assert sets == [told], sets
    tag = [{"Key": "team", "Value": "shop"}]
    for code, kind, resource in (("NoSuchHostedZone", "hostedzone", NOWHERE), ("NoSuchHealthCheck", "healthcheck", "none"),
                                 ("InvalidInput", "bucket", "none")):
        fails(client, code, "ChangeTagsForResource", ResourceType=kind, ResourceId=resource, AddTags=tag)
        fails(client, code, "ListTagsForResource", ResourceType=kind, ResourceId=resource)
        fails(client, code, "ListTagsForResources", ResourceType=kind, ResourceIds=[resource])


def ends(client, zone, record, check, others):
    """All of it is taken away."""
    fails(client, "HostedZoneNotEmpty", "DeleteHostedZone", Id=zone)
    put(client, zone, {**record, "Action": "DELETE"}, change("DELETE", f"txt.{ZONE}", "TXT", ResourceRecords=[
        {"Value": '"a & b" "<c>"'}]))
    call(client, "DeleteHostedZone", Id=zone)
    fails(client, "NoSuchHostedZone", "DeleteHostedZone", Id=zone)
    fails(client, "InvalidInput", "DeleteHostedZone", Id="Z" * 33)
    for one in [check, *others]:
        call(client, "DeleteHealthCheck", HealthCheckId=one)
    for operation in ("GetHealthCheck", "GetHealthCheckStatus", "DeleteHealthCheck"):
        fails(client, "NoSuchHealthCheck", operation, HealthCheckId=check)


def quota(client):
    """An account has so many zones; they are made by several at once, since each takes its time."""
    def make(number):
        return client.create_hosted_zone(Name=ZONE, CallerReference=f"quota-{number}")

    with ThreadPoolExecutor(8) as makers:
        list(makers.map(make, range(MOST_ZONES)))
    fails(client, "TooManyHostedZones", "CreateHostedZone", Name=ZONE, CallerReference="one more")


def busy():
    """While a zone is busy with a batch, it takes nothing else that writes. What comes too late is refused for another reason,
    or does no harm, and is sent again. It is for a world in which time goes as on the machine, since batches take their own."""
    client = watched(boto3.client("route53", config=PATIENT), NAMESPACE)
    swift = watched(boto3.client("route53", config=UNRETRIED), NAMESPACE)
    zone = call(client, "CreateHostedZone", Name=ZONE, CallerReference="busy")["HostedZone"]["Id"]
    protection = [{"RecordName": f"p.{ZONE}", "RecordType": "A"}]
    call(client, "CreateResourceRecordSetProtections", HostedZoneId=zone, Protections=protection)
    absent = [{"RecordName": f"q.{ZONE}", "RecordType": "A"}]
    names = [f"n{number}.{ZONE}" for number in range(100)]
    action = "CREATE"
    for operation, parameters in (
        ("ChangeResourceRecordSets", {"HostedZoneId": zone, "ChangeBatch": batch(change("DELETE", f"q.{ZONE}"))}),
        ("UpdateHostedZoneComment", {"Id": zone, "Comment": "walked"}),
        ("UpdateHostedZoneFeatures", {"HostedZoneId": zone, "EnableAcceleratedRecovery": True}),
        ("CreateResourceRecordSetProtections", {"HostedZoneId": zone, "Protections": protection}),
        ("DeleteResourceRecordSetProtections", {"HostedZoneId": zone, "Protections": absent}),
        ("DeleteHostedZone", {"Id": zone}),
    ):
        for _ in range(20):
            put(client, zone, *(change(action, name) for name in names))
            action = "DELETE" if action == "CREATE" else "CREATE"
            try:
                fails(swift, "PriorRequestNotComplete", operation, **parameters)
                break
            except AssertionError:
                continue
        else:
            raise AssertionError(f"{operation} never meets a busy zone")


def walk():
    client = watched(boto3.client("route53"), NAMESPACE)
    patient = watched(boto3.client("route53", config=PATIENT), NAMESPACE)
    balancing = boto3.client("elbv2")
    _, subnets = default_network()
    made = call(balancing, "CreateLoadBalancer", Name="walk-dns", Subnets=subnets, IpAddressType="dualstack")
    balancer = made["LoadBalancers"][0]
    zone = zones(client)
    record = records(client, zone, balancer)
    protections(client, zone, record)
    check, others = health_checks(client)
    tags(client, zone, check)
    ends(client, zone, record, check, others)
    quota(patient)
    is_absent(client, "ListTrafficPolicies", code="UnknownOperationException")
    call(balancing, "DeleteLoadBalancer", LoadBalancerArn=balancer["LoadBalancerArn"])


if __name__ == "__main__":
    busy()
    print(json.dumps(refused))
