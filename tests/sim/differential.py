"""Tells the same random requests of Elastic Load Balancing v2 to the simulated AWS and to moto, another stand-in for AWS, and
holds the answers against each other: whether a request is refused, with which code, what it answers; and, every few requests,
all that can be described. Names and ARNs are compared as what they stand for.

    differential.py SIMULATED_URL MOTO_URL SEED COUNT

Both are emptied first. Prints what was asked and how often which code came back, as JSON. At the first difference it ends
with a message that has the seed, the number of the request, the request and both answers.

Where moto is known to be wrong or coarser than AWS is told in MOTO_TAKES_ANYTHING, MOTO_REFUSES, NOT_COMPARED and
`as_aws_tells_it`; each exception has its reason. With DIFFERENTIAL_LIE=tags one tag of each request that has several is held
back from moto, so that a difference is there to be found."""

import collections
import concurrent.futures
import ipaddress
import itertools
import json
import os
import random
import sys

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "eu-west-1"
# After so many requests everything is described and compared.
INTERVAL = 8
LISTED = {"balancer": "LoadBalancers", "listener": "Listeners", "rule": "Rules", "group": "TargetGroups"}
ARN = {"balancer": "LoadBalancerArn", "listener": "ListenerArn", "rule": "RuleArn", "group": "TargetGroupArn"}
NOT_FOUND = {"balancer": "LoadBalancerNotFound", "listener": "ListenerNotFound", "rule": "RuleNotFound",
             "group": "TargetGroupNotFound"}
# The protocols of the requests told here, by type of balancer: of listeners and of groups.
PROTOCOLS = {"application": {"HTTP", "HTTPS"}, "network": {"TCP"}}


# What there is, as the simulated AWS has told it, by what stands for its ARN: `<rule 3>` is the third rule that was made.


class World:
    def __init__(self):
        self.things, self.parents, self.gone, self.made = {}, {}, {}, collections.Counter()

    def of(self, kind):
        return [symbol for symbol in self.things if kind_of(symbol) == kind]

    def below(self, parent):
        return [symbol for symbol, above in self.parents.items() if above == parent and symbol in self.things]

    def name(self, kind):
        self.made[kind] += 1
        return f"<{kind} {self.made[kind]}>"

    def put(self, symbol, thing, parent=None):
        self.things[symbol] = thing
        if parent:
            self.parents[symbol] = parent

    def remove(self, symbol):
        for below in self.below(symbol):
            self.remove(below)
        if self.things.pop(symbol, None) is not None:
            self.gone[symbol] = True

    def balancer_over(self, symbol):
        while kind_of(symbol) != "balancer":
            symbol = self.parents[symbol]
        return symbol

    def balancers_of(self, group):
        """The balancers whose rules use a group."""
        return {self.balancer_over(symbol) for symbol, thing in self.things.items()
                if group in groups_in(thing.get("DefaultActions", thing.get("Actions", [])))}


def kind_of(symbol):
    return symbol.strip("<>").split()[0]


def is_symbol(value):
    return isinstance(value, str) and value.startswith("<") and kind_of(value) in ARN


def symbols_in(value):
    """All that stands for ARNs in a request."""
    if isinstance(value, dict):
        return [symbol for part in value.values() for symbol in symbols_in(part)]
    if isinstance(value, list):
        return [symbol for part in value for symbol in symbols_in(part)]
    return [value] if is_symbol(value) else []


def groups_in(actions):
    single = [action["TargetGroupArn"] for action in actions if "TargetGroupArn" in action]
    return list(dict.fromkeys(single + [pair["TargetGroupArn"] for pair in pairs_in(actions)]))


def pairs_in(actions):
    return [pair for action in actions for pair in action.get("ForwardConfig", {}).get("TargetGroups", [])]


# One of the two, and how it calls what stands for an ARN.


class Side:
    def __init__(self, url, called):
        settings = {"endpoint_url": url, "region_name": REGION, "aws_access_key_id": "testing",
                    "aws_secret_access_key": "testing",
                    "config": Config(retries={"mode": "standard", "total_max_attempts": 10}, max_pool_connections=8)}
        self.url, self.client, self.settings = url, boto3.client("elbv2", **settings), settings
        self.real, self.symbols = dict(called), {}
        for symbol, real in called.items():
            self.symbols[real] = symbol

    def call(self, symbol, arn):
        self.real[symbol], self.symbols[arn] = arn, symbol

    def translate(self, value, names):
        if isinstance(value, dict):
            return {key: self.translate(part, names) for key, part in value.items()}
        if isinstance(value, list):
            return [self.translate(part, names) for part in value]
        return names.get(value, value) if isinstance(value, str) else value

    def ask(self, operation, parameters):
        """The code of an answer, and the answer as it was given."""
        try:
            answer = getattr(self.client, xform_name(operation))(**self.translate(parameters, self.real))
        except ClientError as error:
            return error.response["Error"]["Code"], {"Message": error.response["Error"].get("Message")}
        del answer["ResponseMetadata"]
        return "OK", answer

    def told(self, answer):
        return self.translate(answer, self.symbols)

    def all(self, operation, key, **parameters):
        pages = self.client.get_paginator(xform_name(operation)).paginate(**self.translate(parameters, self.real))
        return [one for page in pages for one in page[key]]

    def empty(self):
        for balancer in self.all("DescribeLoadBalancers", "LoadBalancers"):
            self.client.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
        for group in self.all("DescribeTargetGroups", "TargetGroups"):
            self.client.delete_target_group(TargetGroupArn=group["TargetGroupArn"])

    def state(self, pool, is_moto, changed):
        """Everything that can be described, in a form that does not depend on the side."""
        each = lambda work, symbols: dict(zip(symbols, pool.map(work, symbols)))
        by = lambda key, things: {thing[key]: thing for thing in self.told(things)}
        balancers = by("LoadBalancerArn", self.all("DescribeLoadBalancers", "LoadBalancers"))
        groups = by("TargetGroupArn", self.all("DescribeTargetGroups", "TargetGroups"))
        listeners_of = lambda one: by("ListenerArn", self.all("DescribeListeners", "Listeners", LoadBalancerArn=one))
        found = each(listeners_of, balancers)
        listeners = {symbol: listener for some in found.values() for symbol, listener in some.items()}
        rules = each(lambda one: self.told(self.all("DescribeRules", "Rules", ListenerArn=one)), listeners)
        everything = [*balancers, *groups, *listeners, *(rule["RuleArn"] for some in rules.values() for rule in some)]
        parts = [everything[start:start + 20] for start in range(0, len(everything), 20)]
        described = pool.map(lambda part: self.ask("DescribeTags", {"ResourceArns": part})[1]["TagDescriptions"], parts)
        tags = {one["ResourceArn"]: {tag["Key"]: tag["Value"] for tag in one["Tags"]}
                for part in described for one in self.told(part)}
        of_group = lambda operation, key: each(lambda one: self.ask(operation, {"TargetGroupArn": one})[1][key], groups)
        attributes = of_group("DescribeTargetGroupAttributes", "Attributes")
        health = of_group("DescribeTargetHealth", "TargetHealthDescriptions")
        state = {
            "balancers": balancers,
            "groups": groups,
            "listeners": listeners,
            "rules": rules,
            "tags": tags,
            "attributes": {symbol: {pair["Key"]: pair["Value"] for pair in pairs
                                    if pair["Key"] in told_of(groups[symbol]) or (symbol, pair["Key"]) in changed}
                           for symbol, pairs in attributes.items()},
            # A target that drains is still told by AWS; moto has no such thing.
            "targets": {symbol: sorted([one["Target"]["Id"], one["Target"]["Port"]] for one in targets
                                       if one["TargetHealth"]["State"] != "draining") for symbol, targets in health.items()},
        }
        return normal(state, is_moto)


# Exceptions: what is not compared, and what moto tells otherwise than AWS.

# Attributes that moto tells of each group from the start; others it tells once they were changed.
COMMON_ATTRIBUTES = {"deregistration_delay.timeout_seconds", "stickiness.enabled", "stickiness.type",
                     "load_balancing.cross_zone.enabled"}
# And those that it tells of all, AWS of groups behind application balancers.
OF_APPLICATIONS = {"slow_start.duration_seconds", "load_balancing.algorithm.type", "stickiness.lb_cookie.duration_seconds",
                   "stickiness.app_cookie.cookie_name"}


def told_of(group):
    """The attributes that both tell of a group from the start."""
    return COMMON_ATTRIBUTES | (set() if group["Protocol"] == "TCP" else {
        "slow_start.duration_seconds", "load_balancing.algorithm.type"})


NOT_COMPARED = {
    "LoadBalancerName": {
        "DNSName": "ends in what each draws by itself",
        "CanonicalHostedZoneId": "belongs to AWS's own account; moto tells an example",
        "CreatedTime": "is when each was asked",
        "State": "a new balancer of AWS is provisioned for minutes; moto's is active once it was described",
        "SecurityGroups": "moto gives none where AWS gives those of the network",
    },
    "TargetGroupName": {
        "LoadBalancerArns": "moto only ever adds to it; the rules are compared, and so is whether a group is in use",
        "ProtocolVersion": "moto tells none for groups of HTTP that were made with another default",
    },
    "DefaultActions": {
        "SslPolicy": "moto tells one for listeners without TLS",
        "AlpnPolicy": "moto tells an empty one for listeners without TLS",
        "Certificates": "moto keeps them when a listener no longer speaks TLS",
    },
}

# The answers of these operations: AWS tells all attributes, moto those of the request; the state has them.
ANSWERS_NOT_COMPARED = {"ModifyTargetGroupAttributes"}


def normal(value, is_moto):
    """An answer without what is not compared."""
    if isinstance(value, list):
        return [normal(part, is_moto) for part in value]
    if not isinstance(value, dict):
        return value
    value = {key: normal(part, is_moto) for key, part in value.items() if key not in ("NextMarker",)}
    for mark, left_out in NOT_COMPARED.items():
        if mark in value:
            value = {key: part for key, part in value.items() if key not in left_out}
    return as_aws_tells_it(value) if is_moto else value


def as_aws_tells_it(value):
    """A structure that moto tells in fewer words."""
    if "LoadBalancerName" in value:
        # The default is told only where it was asked for.
        value.setdefault("Scheme", "internet-facing")
        for zone in value["AvailabilityZones"]:
            zone.setdefault("LoadBalancerAddresses", [])
    if value.get("Type") == "forward":
        # A group that is alone is told in both forms, whichever it was written in.
        config = value.setdefault("ForwardConfig", {})
        config.setdefault("TargetGroups", [{"TargetGroupArn": value.get("TargetGroupArn"), "Weight": 1}])
        config.setdefault("TargetGroupStickinessConfig", {"Enabled": False})
        if len(config["TargetGroups"]) == 1:
            value["TargetGroupArn"] = config["TargetGroups"][0]["TargetGroupArn"]
    if value.get("Type") == "redirect":
        for key, default in {"Protocol": "#{protocol}", "Port": "#{port}", "Host": "#{host}", "Path": "/#{path}",
                             "Query": "#{query}"}.items():
            value["RedirectConfig"].setdefault(key, default)
    if value.get("Type") == "authenticate-oidc":
        # AWS never shows the secret, and tells defaults.
        config = value["AuthenticateOidcConfig"]
        for secret in ("ClientSecret", "UseExistingClientSecret"):
            config.pop(secret, None)
        for key, default in {"SessionCookieName": "AWSELBAuthSessionCookie", "Scope": "openid", "SessionTimeout": 604800,
                             "OnUnauthenticatedRequest": "authenticate"}.items():
            config.setdefault(key, default)
    if value.get("Field") in ("host-header", "path-pattern"):
        # Values are told in both places, whichever they were written in.
        place = {"host-header": "HostHeaderConfig", "path-pattern": "PathPatternConfig"}[value["Field"]]
        values = value.get("Values") or value[place]["Values"]
        value["Values"], value[place] = values, {"Values": values}
    for rules in value.values():
        # Rules are told in the order in which they are tried; moto tells them in that in which they were made.
        if isinstance(rules, list) and rules and all(isinstance(rule, dict) and "IsDefault" in rule for rule in rules):
            rules.sort(key=lambda rule: (rule["IsDefault"], int(rule["Priority"]) if not rule["IsDefault"] else 0))
    return value


# Exceptions: what AWS refuses and moto takes. Such a request goes to the simulated AWS alone, which must refuse it with the
# code; whatever else is wrong with it may be told instead, since AWS does not say what it tells first.

MOTO_TAKES_ANYTHING = []


def refused_by_aws(code, reason, *operations):
    def add(judge):
        MOTO_TAKES_ANYTHING.append((code, reason, operations, judge))
        return judge
    return add


WITH_ACTIONS = ("CreateListener", "ModifyListener", "CreateRule", "ModifyRule")
WITH_TAGS = ("CreateLoadBalancer", "CreateTargetGroup", "CreateListener", "CreateRule", "AddTags")


def actions_in(parameters):
    return parameters.get("DefaultActions", parameters.get("Actions", []))


def place_of(parameters):
    """The balancer, listener or rule in which something is made or changed."""
    return parameters.get("RuleArn") or parameters.get("ListenerArn") or parameters.get("LoadBalancerArn")


def is_there(world, symbol):
    return symbol in world.things


def listener_at(world, symbol):
    while kind_of(symbol) != "listener":
        symbol = world.parents[symbol]
    return world.things[symbol]


@refused_by_aws("ValidationError", "TargetGroupTuple: the range of a weight is 0 to 999", *WITH_ACTIONS)
def _(parameters, world):
    return any(not 0 <= pair.get("Weight", 1) <= 999 for pair in pairs_in(actions_in(parameters)))


@refused_by_aws("ValidationError", "TargetGroupStickinessConfig: 1-604800 seconds, and must be given where it is enabled",
                *WITH_ACTIONS)
def _(parameters, world):
    configs = [action.get("ForwardConfig", {}).get("TargetGroupStickinessConfig", {}) for action in actions_in(parameters)]
    return any(config.get("Enabled") and not 1 <= config.get("DurationSeconds", 0) <= 604800 for config in configs)


@refused_by_aws("InvalidLoadBalancerAction", "Quotas: 5 target groups of an action", *WITH_ACTIONS)
def _(parameters, world):
    return len(pairs_in(actions_in(parameters))) > 5


@refused_by_aws("InvalidLoadBalancerAction", "Action: exactly one routing action, the last, and an order for each of several",
                *WITH_ACTIONS)
def _(parameters, world):
    actions = actions_in(parameters)
    routing = [action for action in actions if action["Type"] in ("forward", "redirect", "fixed-response")]
    orders = [action.get("Order") for action in actions]
    last = max(actions, key=lambda action: action.get("Order", 0), default=None)
    is_ordered = len(actions) < 2 or None not in orders and len(set(orders)) == len(orders)
    return actions != [] and (len(routing) != 1 or last not in routing or not is_ordered)


@refused_by_aws("InvalidLoadBalancerAction", "RedirectActionConfig: something besides the query must change, or it loops",
                *WITH_ACTIONS)
def _(parameters, world):
    configs = [action["RedirectConfig"] for action in actions_in(parameters) if action["Type"] == "redirect"]
    return any(not {"Protocol", "Port", "Host", "Path"} & set(config) for config in configs)


@refused_by_aws("InvalidLoadBalancerAction", "Action: clients are authenticated on listeners of HTTPS only", *WITH_ACTIONS)
def _(parameters, world):
    if not any(action["Type"] == "authenticate-oidc" for action in actions_in(parameters)):
        return False
    place = place_of(parameters)
    present = listener_at(world, place)["Protocol"] if is_there(world, place) and kind_of(place) != "balancer" else None
    return parameters.get("Protocol", present) != "HTTPS"


@refused_by_aws("TargetGroupAssociationLimit", "Quotas: one load balancer of a target group", *WITH_ACTIONS)
def _(parameters, world):
    place = place_of(parameters)
    if not is_there(world, place):
        return False
    here = world.balancer_over(place)
    return any(world.balancers_of(group) - {here} for group in groups_in(actions_in(parameters)))


@refused_by_aws("IncompatibleProtocols", "Groups behind an application balancer are of HTTP or HTTPS, those behind a network "
                "balancer of the protocol of the listener", *WITH_ACTIONS)
def _(parameters, world):
    place = place_of(parameters)
    if not is_there(world, place):
        return False
    fits = PROTOCOLS[world.things[world.balancer_over(place)]["Type"]]
    return any(world.things[group]["Protocol"] not in fits for group in groups_in(actions_in(parameters))
               if is_there(world, group))


@refused_by_aws("InvalidLoadBalancerAction", "RedirectConfig, FixedResponseConfig: for application balancers", *WITH_ACTIONS)
def _(parameters, world):
    place = place_of(parameters)
    is_network = is_there(world, place) and world.things[world.balancer_over(place)]["Type"] == "network"
    return is_network and any(action["Type"] != "forward" for action in actions_in(parameters))


@refused_by_aws("InvalidLoadBalancerAction", "A listener of a network balancer must have a weight above 0", *WITH_ACTIONS)
def _(parameters, world):
    place, pairs = place_of(parameters), pairs_in(actions_in(parameters))
    is_network = is_there(world, place) and world.things[world.balancer_over(place)]["Type"] == "network"
    return is_network and pairs != [] and all(pair.get("Weight", 1) == 0 for pair in pairs)


@refused_by_aws("InvalidConfigurationRequest", "Sticky sessions: groups that are sticky themselves need a sticky split; "
                "cookies of applications are not supported with weighted target groups", *WITH_ACTIONS)
def _(parameters, world):
    for action in actions_in(parameters):
        config = action.get("ForwardConfig", {})
        groups = groups_in([action])
        is_sticky = config.get("TargetGroupStickinessConfig", {}).get("Enabled")
        if len(groups) > 1 and any(group in STICKY and (not is_sticky or group in BY_APPLICATION) for group in groups):
            return True
    return False


@refused_by_aws("InvalidConfigurationRequest", "Sticky sessions: no group of a split that is not sticky becomes sticky itself",
                "ModifyTargetGroupAttributes")
def _(parameters, world):
    group = parameters["TargetGroupArn"]
    turned_on = {"Key": "stickiness.enabled", "Value": "true"} in parameters["Attributes"] and group not in STICKY
    actions = [action for thing in world.things.values() for action in thing.get("DefaultActions", thing.get("Actions", []))]
    split = [action for action in actions if group in groups_in([action]) and len(pairs_in([action])) > 1]
    return turned_on and any(not action["ForwardConfig"]["TargetGroupStickinessConfig"]["Enabled"] for action in split)


@refused_by_aws("TargetGroupNotFound", "ModifyListener lists it; moto does not look", "ModifyListener")
def _(parameters, world):
    return any(not is_there(world, group) for group in groups_in(actions_in(parameters)))


@refused_by_aws("ValidationError", "FixedResponseActionConfig: the code is 2XX, 4XX or 5XX; moto does not look here",
                "ModifyListener")
def _(parameters, world):
    return any(action.get("FixedResponseConfig", {}).get("StatusCode", "200")[0] not in "245"
               for action in actions_in(parameters))


@refused_by_aws("ValidationError", "Action: Type is one of six words; moto does not look here", "ModifyListener")
def _(parameters, world):
    return any(action["Type"] == "vanish" for action in actions_in(parameters))


@refused_by_aws("DuplicateListener", "A listener with the specified port already exists", "CreateListener", "ModifyListener")
def _(parameters, world):
    listener = parameters.get("ListenerArn")
    place = listener or parameters["LoadBalancerArn"]
    if not is_there(world, place):
        return False
    others = [other for other in world.below(world.balancer_over(place)) if other != listener]
    same = [other for other in others if world.things[other]["Port"] == parameters.get("Port")]
    return any(not is_made_again(parameters, world.things[other]) for other in same)


def is_made_again(parameters, listener):
    """Whether a listener is asked for as it is there."""
    wished = as_aws_tells_it({"actions": [as_aws_tells_it(json.loads(json.dumps(action)))
                                          for action in actions_in(parameters)]})["actions"]
    return parameters.get("Protocol") == listener["Protocol"] and wished == listener["DefaultActions"]


@refused_by_aws("ValidationError", "CreateRule, SetRulePriorities: the range of a priority is 1 to 50000", "CreateRule",
                "SetRulePriorities")
def _(parameters, world):
    pairs = parameters.get("RulePriorities", [parameters])
    return any(not 1 <= pair["Priority"] <= 50000 for pair in pairs)


@refused_by_aws("OperationNotPermitted", "The default rule is changed with its listener, and deleted with it", "ModifyRule",
                "DeleteRule", "SetRulePriorities")
def _(parameters, world):
    return any(world.things.get(symbol, {}).get("IsDefault") for symbol in symbols_in(parameters) if kind_of(symbol) == "rule")


@refused_by_aws("RuleNotFound", "DeleteRule lists it; moto deletes nothing with success", "DeleteRule")
def _(parameters, world):
    return not is_there(world, parameters["RuleArn"])


@refused_by_aws("UnsupportedProtocol", "A network balancer with one stack of addresses has no rules", "CreateRule")
def _(parameters, world):
    listener = parameters["ListenerArn"]
    return is_there(world, listener) and world.things[world.balancer_over(listener)]["Type"] == "network"


@refused_by_aws("ValidationError", "RuleCondition: one of each but of http-header and query-string; quotas: 5 values, 5 "
                "wildcards; no value is empty; methods are of capitals; networks are in CIDR form", "CreateRule", "ModifyRule")
def _(parameters, world):
    conditions = parameters.get("Conditions", [{}])
    fields = [condition.get("Field") for condition in conditions]
    fields = [field for field in fields if field not in ("http-header", "query-string")]
    values = [(condition["Field"], value) for condition in conditions if condition for value in values_in(condition)]
    texts = [text for _, text in values]
    wildcards = sum(letter in "*?" for _, text in values for letter in text)
    return (len(set(fields)) != len(fields) or len(texts) > 5 or wildcards > 5 or "" in texts
            or any(field == "http-request-method" and not text.isupper() for field, text in values)
            or any(field == "source-ip" and not is_network(text) for field, text in values))


def values_in(condition):
    config = next((part for key, part in condition.items() if key.endswith("Config")), {})
    values = config.get("Values") or condition.get("Values") or [""]
    return [value["Value"] if isinstance(value, dict) else value for value in values]


def is_network(text):
    try:
        return "/" in text and bool(ipaddress.ip_network(text, strict=False))
    except ValueError:
        return False


@refused_by_aws("DuplicateLoadBalancerName", "A load balancer with the specified name already exists, with other settings",
                "CreateLoadBalancer")
def _(parameters, world):
    return any(not is_same_balancer(parameters, world.things[one]) for one in world.of("balancer")
               if world.things[one]["LoadBalancerName"] == parameters["Name"])


def is_same_balancer(parameters, balancer):
    return (parameters.get("Type", "application") == balancer["Type"]
            and parameters.get("Scheme", "internet-facing") == balancer["Scheme"])


@refused_by_aws("ValidationError", "CreateLoadBalancer: subnets of two zones; what a name consists of", "CreateLoadBalancer")
def _(parameters, world):
    name = parameters["Name"]
    is_wrong = name.startswith(("-", "internal-")) or name.endswith("-") or len(name) > 32
    return is_wrong or len(parameters["Subnets"]) < 2 and parameters.get("Type") != "network"


@refused_by_aws("InvalidScheme", "CreateLoadBalancer lists it", "CreateLoadBalancer")
def _(parameters, world):
    return parameters.get("Scheme", "internal") not in ("internet-facing", "internal")


@refused_by_aws("ValidationError", "CreateTargetGroup: ranges of the settings of health checks", "CreateTargetGroup")
def _(parameters, world):
    return any(not least <= parameters.get(key, least) <= most for key, least, most in (
        ("HealthCheckIntervalSeconds", 5, 300), ("HealthCheckTimeoutSeconds", 2, 120), ("HealthyThresholdCount", 2, 10),
        ("UnhealthyThresholdCount", 2, 10), ("Port", 1, 65535)))


@refused_by_aws("ValidationError", "CreateTargetGroup: checks are on traffic-port or a port; their protocol is a known one",
                "CreateTargetGroup")
def _(parameters, world):
    return (parameters.get("HealthCheckPort") in ("0", "65536", "none")
            or parameters.get("HealthCheckProtocol") == "FTP")


@refused_by_aws("InvalidConfigurationRequest", "CreateTargetGroup: UDP is no protocol of checks, TCP not for groups of HTTP; "
                "told by AWS: 'Health check matchers are not supported for TCP health checks', and paths", "CreateTargetGroup")
def _(parameters, world):
    protocol = parameters.get("Protocol")
    checked_by = parameters.get("HealthCheckProtocol", protocol)
    return (checked_by == "UDP" or checked_by == "TCP" and protocol != "TCP"
            or checked_by == "TCP" and ("HealthCheckPath" in parameters or "Matcher" in parameters))


@refused_by_aws("ValidationError", "CreateTargetGroup: the timeout is smaller than the interval; moto looks only where both are "
                "given", "CreateTargetGroup")
def _(parameters, world):
    return (parameters.get("Protocol") != "TCP"
            and parameters.get("HealthCheckTimeoutSeconds", 5) >= parameters.get("HealthCheckIntervalSeconds", 30))


@refused_by_aws("ValidationError", "TargetGroupAttribute: known keys, and their values", "ModifyTargetGroupAttributes")
def _(parameters, world):
    return any(pair["Key"] not in ATTRIBUTES or pair["Value"] not in ATTRIBUTES[pair["Key"]]
               for pair in parameters["Attributes"])


@refused_by_aws("InvalidConfigurationRequest", "TargetGroupAttribute: some are for application balancers only",
                "ModifyTargetGroupAttributes")
def _(parameters, world):
    group = parameters["TargetGroupArn"]
    is_network = is_there(world, group) and world.things[group]["Protocol"] == "TCP"
    return is_network and any(pair["Key"] in OF_APPLICATIONS for pair in parameters["Attributes"])


@refused_by_aws("InvalidTarget", "RegisterTargets: instances must run, addresses must be addresses", "RegisterTargets")
def _(parameters, world):
    group = parameters["TargetGroupArn"]
    is_ip = is_there(world, group) and world.things[group]["TargetType"] == "ip"
    return is_there(world, group) and any(not is_ip or not is_address(one["Id"]) for one in parameters["Targets"])


def is_address(text):
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        return False


@refused_by_aws("DuplicateTagKeys", "AddTags lists it", "AddTags", "CreateLoadBalancer")
def _(parameters, world):
    keys = [tag["Key"] for tag in parameters.get("Tags", [])]
    return len(set(keys)) != len(keys)


@refused_by_aws("ValidationError", "Tag: `aws:` is reserved", *WITH_TAGS)
def _(parameters, world):
    return any(tag["Key"].startswith("aws:") for tag in parameters.get("Tags", []))


@refused_by_aws("ValidationError", "Told by AWS: 'A certificate must be specified for HTTPS listeners', 'A certificate cannot be "
                "specified for HTTP listeners'", "CreateListener", "ModifyListener")
def _(parameters, world):
    listener = world.things.get(parameters.get("ListenerArn"), {})
    protocol = parameters.get("Protocol", listener.get("Protocol"))
    has_one = "Certificates" in parameters or protocol == listener.get("Protocol") == "HTTPS"
    return protocol == "HTTPS" and not has_one or protocol == "HTTP" and "Certificates" in parameters


@refused_by_aws("ValidationError", "Told by AWS: 'You cannot provide both Values and HostHeaderConfig'; moto looks at paths only",
                "CreateRule", "ModifyRule")
def _(parameters, world):
    return any("Values" in condition and "HostHeaderConfig" in condition for condition in parameters.get("Conditions", []))


def missing(parameters, world):
    """The codes for what a request names and is not there."""
    return {NOT_FOUND[kind_of(symbol)] for symbol in symbols_in(parameters) if not is_there(world, symbol)}


@refused_by_aws(None, "The operation lists the code; moto describes no tags, or looks for what is above first",
                "DescribeTags", "AddTags", "RemoveTags")
def _(parameters, world):
    return missing(parameters, world)


# Exceptions: what AWS grants and moto refuses or does twice. Such a request goes to the simulated AWS alone, which must grant it
# and, as it is granted already, change nothing.

MOTO_REFUSES = []


def granted_by_aws(reason, *operations):
    def add(judge):
        MOTO_REFUSES.append((reason, operations, judge))
        return judge
    return add


@granted_by_aws("CreateListener is idempotent: with the same settings each call succeeds", "CreateListener")
def _(parameters, world):
    balancer = parameters["LoadBalancerArn"]
    return is_there(world, balancer) and any(
        world.things[one]["Port"] == parameters["Port"] and is_made_again(parameters, world.things[one])
        for one in world.below(balancer))


@granted_by_aws("CreateLoadBalancer is idempotent: with the same settings each call succeeds", "CreateLoadBalancer")
def _(parameters, world):
    return any(world.things[one]["LoadBalancerName"] == parameters["Name"] and is_same_balancer(parameters, world.things[one])
               for one in world.of("balancer"))


@granted_by_aws("CreateTargetGroup is idempotent: with the same settings each call succeeds", "CreateTargetGroup")
def _(parameters, world):
    return any(is_same_group(parameters, world.things[one]) for one in groups_named(parameters, world))


def groups_named(parameters, world):
    return [one for one in world.of("group") if world.things[one]["TargetGroupName"] == parameters["Name"]]


def is_same_group(parameters, group):
    protocol = parameters.get("Protocol")
    is_by_http = protocol != "TCP" or parameters.get("HealthCheckProtocol", "TCP") != "TCP"
    answers = {"HealthCheckPath": "/", "Matcher": {"HttpCode": "200"}} if is_by_http else {}
    defaults = {"Protocol": None, "Port": None, "VpcId": None, "TargetType": "instance", "HealthCheckPort": "traffic-port",
                "HealthCheckProtocol": protocol, **answers, "HealthCheckIntervalSeconds": 30,
                "HealthCheckTimeoutSeconds": 10 if protocol == "TCP" else 5,
                "HealthyThresholdCount": 5, "UnhealthyThresholdCount": 2}
    return all(parameters.get(key, default) == group.get(key, default) for key, default in defaults.items())


@granted_by_aws("DeregisterTargets: if the specified target does not exist, the action returns successfully",
                "DeregisterTargets")
def _(parameters, world):
    group = parameters["TargetGroupArn"]
    return is_there(world, group) and any((group, one["Id"]) not in REGISTERED for one in parameters["Targets"])


def in_steps(operation, parameters, world):
    """What moto is asked instead: it does not let rules change places at once, which AWS does."""
    if operation != "SetRulePriorities" or missing(parameters, world):
        return [parameters]
    pairs = parameters["RulePriorities"]
    moved = {pair["RuleArn"] for pair in pairs}
    wanted = {str(pair["Priority"]) for pair in pairs}
    siblings = [world.things[one] for rule in moved for one in world.below(world.parents[rule])]
    held = {rule["Priority"] for rule in siblings if rule["RuleArn"] not in moved}
    own = {rule["Priority"] for rule in siblings if rule["RuleArn"] in moved}
    if wanted & held or not wanted & own:
        return [parameters]
    aside = [{"RuleArn": pair["RuleArn"], "Priority": 60001 + number} for number, pair in enumerate(pairs)]
    return [{"RulePriorities": aside}, parameters]


# Random requests.

NUMBERS = {str(number) for number in range(3600)}
ATTRIBUTES = {
    "deregistration_delay.timeout_seconds": NUMBERS,
    "stickiness.enabled": {"true", "false"},
    "stickiness.lb_cookie.duration_seconds": {str(number) for number in range(1, 604801)},
    "slow_start.duration_seconds": {"0", *map(str, range(30, 901))},
    "load_balancing.cross_zone.enabled": {"true", "false", "use_load_balancer_configuration"},
    "load_balancing.algorithm.type": {"round_robin", "least_outstanding_requests", "weighted_random"},
    "stickiness.type": {"lb_cookie", "app_cookie", "source_ip"},
    "stickiness.app_cookie.cookie_name": {"session"},
}
# Groups that are sticky themselves, those that are so by a cookie of the application, those of which its name is known, and
# targets.
STICKY, BY_APPLICATION, NAMED, REGISTERED = set(), set(), set(), set()
OPERATIONS = {
    "CreateLoadBalancer": 7, "DeleteLoadBalancer": 1, "DescribeLoadBalancers": 3,
    "CreateTargetGroup": 11, "DeleteTargetGroup": 4, "DescribeTargetGroups": 4, "ModifyTargetGroupAttributes": 6,
    "CreateListener": 10, "ModifyListener": 10, "DeleteListener": 2, "DescribeListeners": 3,
    "CreateRule": 16, "ModifyRule": 14, "DeleteRule": 5, "DescribeRules": 4, "SetRulePriorities": 8,
    "AddTags": 8, "RemoveTags": 5, "DescribeTags": 3, "RegisterTargets": 7, "DeregisterTargets": 5,
}


class Dice:
    def __init__(self, seed, world):
        self.random, self.world = random.Random(seed), world

    def often(self, share):
        return self.random.random() < share

    def one(self, kind):
        """Something of a kind that is there, or rarely that was."""
        there, gone = self.world.of(kind), [symbol for symbol in self.world.gone if kind_of(symbol) == kind]
        if kind == "rule" and self.often(0.9):
            there = [symbol for symbol in there if not self.world.things[symbol]["IsDefault"]]
        chosen = gone if self.often(0.05) else there
        return self.random.choice(chosen) if chosen else None

    def request(self):
        while True:
            operation = self.random.choices(list(OPERATIONS), OPERATIONS.values())[0]
            parameters = getattr(self, xform_name(operation))()
            if parameters:
                return operation, parameters

    def tags(self):
        keys = ["team", "stage", "owner", "cost", "a b", "weir.example/lease", "ä"]
        keys = self.random.sample(keys, self.random.randint(1, 3))
        tags = [{"Key": key, "Value": self.random.choice(["", "shop", "x y", "1:2/3=4+5-6@7_8.9"])} for key in keys]
        return tags + ([{"Key": "aws:team", "Value": ""}] if self.often(0.03) else [])

    def with_tags(self, parameters):
        return {**parameters, "Tags": self.tags()} if self.often(0.3) else parameters

    def groups(self, most, place):
        """Groups that mostly can be used together, and at this place."""
        groups = self.world.of("group")
        if is_there(self.world, place) and self.often(0.9):
            here = self.world.balancer_over(place)
            protocols = PROTOCOLS[self.world.things[here]["Type"]]
            groups = [group for group in groups
                      if not self.world.balancers_of(group) - {here} and self.world.things[group]["Protocol"] in protocols]
        return self.random.sample(groups, min(len(groups), self.random.randint(1, most)))

    def forward(self, place):
        groups = self.groups(1 if self.often(0.5) else 6 if self.often(0.1) else 4, place)
        if self.often(0.03):
            groups = [group for group in (self.one("group"),) if group]
        if not groups:
            return None
        if len(groups) == 1 and self.often(0.5):
            return {"Type": "forward", "TargetGroupArn": groups[0]}
        weight = lambda: self.random.choice([-1, 1000] if self.often(0.02) else [0, 1, 5, 10, 90, 100, 999])
        config = {"TargetGroups": [{"TargetGroupArn": group, "Weight": weight()} for group in groups]}
        if self.often(0.2):
            for pair in config["TargetGroups"]:
                del pair["Weight"]
        if self.often(0.4):
            config["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": self.random.choice([1, 300, 604800])}
            if self.often(0.05):
                del config["TargetGroupStickinessConfig"]["DurationSeconds"]
        elif self.often(0.3):
            config["TargetGroupStickinessConfig"] = {"Enabled": False}
        action = {"Type": "forward", "ForwardConfig": config}
        if len(groups) == 1 and self.often(0.3):
            action["TargetGroupArn"] = groups[0]
        return action

    def routing(self, place):
        is_network = is_there(self.world, place) and self.world.things[self.world.balancer_over(place)]["Type"] == "network"
        action = self.forward(place) if self.often(0.95 if is_network else 0.75) else None
        if action:
            return action
        if self.often(0.6):
            code = self.random.choice(["200", "404", "503"]) if self.often(0.95) else self.random.choice(["302", "100"])
            config = {"StatusCode": code}
            if self.often(0.5):
                config |= {"ContentType": "text/plain", "MessageBody": "<no & yes>"}
            return {"Type": "fixed-response", "FixedResponseConfig": config}
        config = {key: value for key, value in {"Protocol": "HTTPS", "Port": "443", "Host": "other.test", "Path": "/#{path}x",
                                                "Query": "a=b"}.items() if self.often(0.5)}
        return {"Type": "redirect", "RedirectConfig": {**config, "StatusCode": self.random.choice(["HTTP_301", "HTTP_302"])}}

    def actions(self, place):
        action = self.routing(place)
        if self.often(0.02):
            return [{"Type": "vanish"}]
        if self.often(0.03):
            return [{**action, "Order": 2}, {**self.routing(place), "Order": 1}]
        is_listener = kind_of(place) != "balancer" and is_there(self.world, place)
        if self.often(0.3 if is_listener and listener_at(self.world, place)["Protocol"] == "HTTPS" else 0.02):
            client = {"Issuer": "https://id.test", "AuthorizationEndpoint": "https://id.test/a", "ClientId": "weir",
                      "TokenEndpoint": "https://id.test/t", "UserInfoEndpoint": "https://id.test/u", "ClientSecret": "s"}
            first = {"Type": "authenticate-oidc", "AuthenticateOidcConfig": client}
            actions = [{**first, "Order": 1}, {**action, "Order": 2}]
            if self.often(0.1):
                del actions[0]["Order"]
            return actions
        return [{**action, "Order": 1} if self.often(0.2) else action]

    def condition(self):
        field = self.random.choice(["host-header"] * 3 + ["path-pattern"] * 3 + [
            "http-header", "http-request-method", "query-string", "source-ip"])
        values = {
            "host-header": ["a.test", "*.b.test", "c?.test"], "path-pattern": ["/", "/img/*", "/a?c/*"],
            "http-header": ["curl*", "x"], "query-string": [{"Key": "v", "Value": "1"}, {"Value": "*x*"}],
            "http-request-method": ["GET", "POST", "get"], "source-ip": ["10.0.0.0/8", "::/0", "10.0.0.1"],
        }[field]
        if field in ("http-request-method", "source-ip") and self.often(0.9):
            values = values[:2]
        chosen = self.random.choices(values, k=7 if self.often(0.03) else self.random.randint(1, 2))
        if field in ("host-header", "path-pattern") and self.often(0.3):
            return {"Field": field, "Values": chosen[:1]}
        place = {"host-header": "HostHeaderConfig", "path-pattern": "PathPatternConfig", "http-header": "HttpHeaderConfig",
                 "http-request-method": "HttpRequestMethodConfig", "query-string": "QueryStringConfig",
                 "source-ip": "SourceIpConfig"}[field]
        more = {"HttpHeaderName": "User-Agent"} if field == "http-header" else {}
        if field in ("host-header", "path-pattern") and self.often(0.03):
            return {"Field": field, "Values": chosen[:1], place: {"Values": chosen[:1]}}
        return {"Field": field, place: {**more, "Values": chosen}}

    def conditions(self):
        if self.often(0.02):
            return [{"Field": "moon-phase", "Values": ["full"]}]
        conditions = [self.condition() for _ in range(self.random.randint(1, 3))]
        return list({condition["Field"]: condition for condition in conditions}.values()) if self.often(0.9) else conditions

    def priority(self):
        return 50001 if self.often(0.02) else self.random.choice([1, 2, 3, 4, 5, 6, 7, 8, 9, 100, 49999, 50000])

    def create_load_balancer(self):
        if len(self.world.of("balancer")) > 2 and self.often(0.8):
            return None
        parameters = {"Name": f"balancer-{self.random.randint(1, 5)}", "Subnets": ["<subnet 1>", "<subnet 2>"]}
        if self.often(0.06):
            parameters["Name"] = self.random.choice(["internal-x", "-x", "x-", "x" * 33])
        if self.often(0.04):
            del parameters["Subnets"][1]
        if self.often(0.2):
            parameters["Type"] = self.random.choice(["network", "network", "application"])
        if self.often(0.3):
            parameters["Scheme"] = self.random.choice(["internal", "internet-facing", "internal", "elsewhere"])
        return self.with_tags(parameters)

    def delete_load_balancer(self):
        balancer = self.one("balancer")
        return balancer and {"LoadBalancerArn": balancer}

    def describe(self, kind):
        symbol = self.one(kind)
        return symbol and {ARN[kind] + "s": [symbol]}

    def describe_load_balancers(self):
        return {"Names": [f"balancer-{self.random.randint(1, 5)}"]} if self.often(0.5) else self.describe("balancer")

    def create_target_group(self):
        parameters = {"Name": f"group-{self.random.randint(1, 9)}", "VpcId": "<vpc>", "Port": self.random.choice([80, 8080]),
                      "Protocol": self.random.choice(["HTTP"] * 6 + ["HTTPS", "TCP"])}
        if self.often(0.05):
            parameters["Name"] = self.random.choice(["-x", "x-", "x" * 33, "a_b", "internal-x"])
        if self.often(0.08):
            del parameters[self.random.choice(["Protocol", "Port", "VpcId"])]
        if self.often(0.02):
            parameters["Protocol"] = "FTP"
        if self.often(0.15):
            parameters["HealthCheckPort"] = self.random.choice(["8081", "1", "65535", "traffic-port"])
            if self.often(0.1):
                parameters["HealthCheckPort"] = self.random.choice(["0", "65536", "none"])
        if self.often(0.15):
            protocols = ["HTTP", "HTTPS"] * 3 + ["TCP", "UDP", "FTP"]
            parameters["HealthCheckProtocol"] = self.random.choice(protocols)
        if self.often(0.6):
            parameters["TargetType"] = self.random.choice(["ip", "ip", "instance"])
        if self.often(0.3):
            parameters["HealthCheckIntervalSeconds"] = self.random.choice([5, 10, 30, 300, 301])
            parameters["HealthCheckTimeoutSeconds"] = self.random.choice([2, 4, 5, 10, 30, 120])
        if self.often(0.2):
            parameters["HealthyThresholdCount"] = self.random.choice([2, 3, 10, 11])
            parameters["UnhealthyThresholdCount"] = self.random.choice([2, 3, 10])
        is_by_http = parameters.get("HealthCheckProtocol") in ("HTTP", "HTTPS")
        if self.often(0.2) or is_by_http and parameters.get("Protocol") == "TCP":
            parameters["HealthCheckPath"], parameters["Matcher"] = "/health", {"HttpCode": "200-299"}
        if is_by_http and parameters.get("Protocol") == "TCP":
            # moto has one default for groups of TCP, AWS one for each protocol of their checks.
            parameters.setdefault("HealthCheckTimeoutSeconds", 5)
        return self.with_tags(parameters)

    def delete_target_group(self):
        group = self.one("group")
        return group and {"TargetGroupArn": group}

    def describe_target_groups(self):
        return {"Names": [f"group-{self.random.randint(1, 9)}"]} if self.often(0.5) else self.describe("group")

    def modify_target_group_attributes(self):
        group = self.one("group")
        values = {
            "deregistration_delay.timeout_seconds": ["0", "5", "300", "3599", "3601"], "stickiness.enabled": ["true", "false"],
            "stickiness.lb_cookie.duration_seconds": ["1", "86400", "604801"], "slow_start.duration_seconds": ["0", "30", "29"],
            "load_balancing.cross_zone.enabled": ["true", "use_load_balancer_configuration"],
            "load_balancing.algorithm.type": ["least_outstanding_requests", "weighted_random", "round_robin", "random"],
            "stickiness.type": ["lb_cookie", "app_cookie", "source_ip", "cookie"], "no.such.attribute": ["1"],
        }
        keys = self.random.sample(list(values)[:7] if self.often(0.95) else list(values), self.random.randint(1, 2))
        pairs = [{"Key": key, "Value": self.random.choice(values[key] if self.often(0.2) else values[key][:2])} for key in keys]
        if group in NAMED or self.often(0.7):
            # moto asks for the name of the cookie again each time.
            pairs += [{"Key": "stickiness.app_cookie.cookie_name", "Value": "session"} for pair in pairs
                      if pair == {"Key": "stickiness.type", "Value": "app_cookie"}]
        return group and {"TargetGroupArn": group, "Attributes": pairs}

    def port_and_protocol(self, balancer):
        kind = self.world.things.get(balancer, {}).get("Type", "application")
        port = self.random.choice([80, 81, 82, 443, 8443])
        if kind == "network":
            return {"Port": port, "Protocol": "TCP"}
        if port in (443, 8443):
            return {"Port": port, "Protocol": "HTTPS", "Certificates": [{"CertificateArn": "<certificate>"}]}
        return {"Port": port, "Protocol": "HTTP"}

    def create_listener(self):
        balancer = self.one("balancer")
        if not balancer:
            return None
        if self.often(0.12) and self.world.below(balancer):
            # As one that is there.
            there = self.world.things[self.random.choice(self.world.below(balancer))]
            wished = {"Port": there["Port"], "Protocol": there["Protocol"], "DefaultActions": there["DefaultActions"]}
            if "Certificates" not in self.port_and_protocol(balancer) and there["Protocol"] == "HTTP":
                return {"LoadBalancerArn": balancer, **wished}
        parameters = {"LoadBalancerArn": balancer, **self.port_and_protocol(balancer),
                      "DefaultActions": self.actions(balancer)}
        if self.often(0.03):
            parameters.pop("Certificates", None)
        if self.often(0.03):
            parameters["Protocol"] = self.random.choice(["HTTP", "TCP", "FTP"])
        return self.with_tags(parameters)

    def modify_listener(self):
        listener = self.one("listener")
        if not listener:
            return None
        parameters = {"ListenerArn": listener}
        if self.often(0.8):
            parameters["DefaultActions"] = self.actions(listener)
        if self.often(0.3):
            parameters["Port"] = self.random.choice([80, 81, 82, 443, 8443])
        if self.often(0.1):
            balancer = self.world.parents.get(listener)
            parameters |= self.port_and_protocol(balancer)
            if self.often(0.2):
                parameters.pop("Certificates", None)
        return parameters

    def delete_listener(self):
        listener = self.one("listener")
        return listener and {"ListenerArn": listener}

    def describe_listeners(self):
        balancer = self.one("balancer")
        return {"LoadBalancerArn": balancer} if balancer and self.often(0.4) else self.describe("listener")

    def create_rule(self):
        listener = self.one("listener")
        if not listener:
            return None
        return self.with_tags({"ListenerArn": listener, "Priority": self.priority(), "Conditions": self.conditions(),
                               "Actions": self.actions(listener)})

    def modify_rule(self):
        rule = self.one("rule")
        if not rule:
            return None
        conditions = {"Conditions": self.conditions()} if self.often(0.4) else {}
        actions = {"Actions": self.actions(rule)} if not conditions or self.often(0.7) else {}
        return {"RuleArn": rule, **conditions, **actions}

    def delete_rule(self):
        rule = self.one("rule")
        return rule and {"RuleArn": rule}

    def describe_rules(self):
        listener = self.one("listener")
        return {"ListenerArn": listener} if listener and self.often(0.5) else self.describe("rule")

    def set_rule_priorities(self):
        listener = self.one("listener")
        rules = [rule for rule in self.world.below(listener) if not self.world.things[rule]["IsDefault"] or self.often(0.1)]
        if not rules:
            return None
        rules = self.random.sample(rules, min(len(rules), self.random.randint(1, 3)))
        priorities = self.random.sample([1, 2, 3, 4, 5, 6, 7, 8, 9, 100, 50000], len(rules))
        if self.often(0.4):
            # Among themselves.
            own = [int(priority) for rule in rules if (priority := self.world.things[rule]["Priority"]) != "default"]
            priorities = self.random.sample(own, len(own)) if len(own) == len(rules) else priorities
        if self.often(0.02):
            priorities[0] = 50001
        return {"RulePriorities": [{"RuleArn": rule, "Priority": priority} for rule, priority in zip(rules, priorities)]}

    def resources(self):
        kinds = [kind for kind in ARN if self.world.of(kind)]
        symbols = {self.one(self.random.choice(kinds)) for _ in range(self.random.randint(1, 3))} if kinds else set()
        # moto does not find default rules by their ARNs.
        return sorted(symbol for symbol in symbols - {None} if not self.world.things.get(symbol, {}).get("IsDefault"))

    def add_tags(self):
        resources, tags = self.resources(), self.tags()
        if self.often(0.03):
            tags.append(dict(tags[0]))
        return {"ResourceArns": resources, "Tags": tags} if resources else None

    def remove_tags(self):
        resources = self.resources()
        return {"ResourceArns": resources, "TagKeys": [tag["Key"] for tag in self.tags()]} if resources else None

    def describe_tags(self):
        resources = self.resources()
        return {"ResourceArns": resources} if resources else None

    def targets(self):
        numbers = self.random.sample(range(1, 7), self.random.randint(1, 2))
        # moto tells targets apart by their ids alone, so that one id has one port here.
        targets = [{"Id": f"10.0.0.{number}", **({"Port": 9000 + number} if number % 2 else {})} for number in numbers]
        return targets if self.often(0.95) else [{"Id": self.random.choice(["i-0123456789abcdef0", "nowhere"])}]

    def group_of_targets(self):
        """Mostly one of addresses: there are no instances."""
        groups = [group for group in self.world.of("group") if self.world.things[group]["TargetType"] == "ip"]
        return self.random.choice(groups) if groups and self.often(0.85) else self.one("group")

    def register_targets(self):
        group = self.group_of_targets()
        return group and {"TargetGroupArn": group, "Targets": self.targets()}

    def deregister_targets(self):
        group = self.group_of_targets()
        registered = [target for target in self.targets() if (group, target["Id"]) in REGISTERED]
        targets = registered if registered and self.often(0.9) else self.targets()
        return group and {"TargetGroupArn": group, "Targets": targets}


# The comparison.


class Differential:
    def __init__(self, simulated_url, moto_url, seed):
        self.seed, self.world = seed, World()
        self.simulated = Side(simulated_url, {"<certificate>": f"arn:aws:acm:{REGION}:123456789012:certificate/1"})
        self.moto = Side(moto_url, {})
        acm = boto3.client("acm", **self.moto.settings)
        self.moto.call("<certificate>", acm.request_certificate(DomainName="weir.test")["CertificateArn"])
        for side in (self.simulated, self.moto):
            for name, real in network(side).items():
                side.call(name, real)
        self.dice = Dice(seed, self.world)
        self.pool = concurrent.futures.ThreadPoolExecutor(8)
        self.requests, self.refused, self.alone = collections.Counter(), {}, collections.Counter()
        self.changed, self.states = set(), 0

    def run(self, count):
        self.simulated.empty()
        self.moto.empty()
        for number in range(1, count + 1):
            operation, parameters = self.dice.request()
            self.request(number, operation, parameters)
            if number % INTERVAL == 0 or number == count:
                self.compare_states(number, operation, parameters)
        self.simulated.empty()
        self.moto.empty()

    def request(self, number, operation, parameters):
        self.requests[operation] += 1
        expected, reasons = self.expected_of_aws(operation, parameters)
        code, told = self.simulated.ask(operation, parameters)
        if expected:
            self.alone.update(reasons)
            if code not in expected:
                self.differ(number, operation, parameters, f"{code} {told}", f"one of {sorted(expected)}, as AWS's pages say")
            if code == "OK":
                # What is granted once more is not made once more: it has a name already.
                self.told_again(number, operation, parameters, told)
        else:
            its_code, its_told = self.ask_moto(operation, parameters)
            # With several things wrong AWS does not say which is told first.
            several = self.plain_errors(operation, parameters) | missing(parameters, self.world)
            if code != its_code and not {code, its_code} <= several:
                self.differ(number, operation, parameters, f"{code} {told}", f"{its_code} {its_told}")
            if code == its_code == "OK":
                self.learn(operation, parameters, told, its_told)
                found = normal(self.simulated.told(told), False)
                its = normal(self.moto.told(its_told), True)
                if operation == "SetRulePriorities":
                    # AWS does not say in which order it answers.
                    found["Rules"].sort(key=lambda rule: int(rule["Priority"]))
                if operation not in ANSWERS_NOT_COMPARED and as_sets(found) != as_sets(its):
                    self.differ(number, operation, parameters, found, its)
        if code != "OK":
            codes = self.refused.setdefault(operation, collections.Counter())
            codes[code] += 1

    def ask_moto(self, operation, parameters):
        if os.environ.get("DIFFERENTIAL_LIE") == "tags" and len(parameters.get("Tags", [])) > 1:
            parameters = {**parameters, "Tags": parameters["Tags"][1:]}
        answers = [self.moto.ask(operation, step) for step in in_steps(operation, parameters, self.world)]
        return answers[-1]

    def expected_of_aws(self, operation, parameters):
        """The codes of which the simulated AWS must answer one by itself, and why; none where moto can be asked too."""
        found = [(code, reason) for code, reason, operations, judge in MOTO_TAKES_ANYTHING
                 if operation in operations and judge(parameters, self.world)]
        if found:
            codes = {code for code, _ in found if code}
            codes |= missing(parameters, self.world) | self.plain_errors(operation, parameters)
            return codes, [reason for _, reason in found]
        grants = [reason for reason, operations, judge in MOTO_REFUSES
                  if operation in operations and judge(parameters, self.world)]
        return ({"OK"}, grants) if grants and not missing(parameters, self.world) else (set(), [])

    def plain_errors(self, operation, parameters):
        """Codes for what both look at and may be wrong with a request."""
        codes = set()
        if operation == "CreateRule" and self.priority_in_use([parameters], parameters["ListenerArn"]):
            codes.add("PriorityInUse")
        if operation == "SetRulePriorities":
            listeners = {self.world.parents[rule] for rule in symbols_in(parameters)}
            if any(self.priority_in_use(parameters["RulePriorities"], listener) for listener in listeners):
                codes.add("PriorityInUse")
        if operation in WITH_ACTIONS + ("CreateTargetGroup",) and is_malformed(parameters):
            codes.add("ValidationError")
        if operation in ("CreateListener", "ModifyListener") and is_of_another_balancer(parameters, self.world):
            codes.add("ValidationError")
        if operation == "CreateTargetGroup" and groups_named(parameters, self.world):
            codes.add("DuplicateTargetGroupName")
        if operation == "ModifyTargetGroupAttributes" and "stickiness.type" in {pair["Key"] for pair in parameters["Attributes"]}:
            # Each type is for some protocols, and one of them wants the name of a cookie.
            codes.add("InvalidConfigurationRequest")
        return codes

    def priority_in_use(self, pairs, listener):
        held = {self.world.things[rule]["Priority"] for rule in self.world.below(listener)}
        return any(str(pair["Priority"]) in held for pair in pairs)

    def told_again(self, number, operation, parameters, told):
        again = symbols_in(self.simulated.told(told))
        if operation.startswith("Create"):
            if not again:
                self.differ(number, operation, parameters, told, "what is there already, as AWS's pages say")
            if "Tags" in parameters:
                # AWS does not say what becomes of other tags.
                self.moto.ask("AddTags", {"ResourceArns": again[:1], "Tags": parameters["Tags"]})
                self.simulated.ask("AddTags", {"ResourceArns": again[:1], "Tags": parameters["Tags"]})
        if operation == "DeregisterTargets":
            for target in parameters["Targets"]:
                if (parameters["TargetGroupArn"], target["Id"]) in REGISTERED:
                    self.moto.ask(operation, {**parameters, "Targets": [target]})
                    REGISTERED.discard((parameters["TargetGroupArn"], target["Id"]))

    def learn(self, operation, parameters, told, its_told):
        """Gives names to what was made, and keeps in mind how things are now."""
        world = self.world
        for kind, key in LISTED.items():
            if not operation.startswith("Describe") and key in told:
                for one, its in zip(told[key], its_told[key]):
                    self.keep(kind, one, its, parameters)
        if operation == "CreateListener":
            # Its default rule is told with the others.
            listener = self.simulated.symbols[told["Listeners"][0]["ListenerArn"]]
            ones, its = (side.all("DescribeRules", "Rules", ListenerArn=listener) for side in (self.simulated, self.moto))
            self.keep("rule", ones[0], its[0], {"ListenerArn": listener})
        if operation == "ModifyListener":
            default = next(rule for rule in world.below(parameters["ListenerArn"]) if world.things[rule]["IsDefault"])
            world.things[default]["Actions"] = world.things[parameters["ListenerArn"]]["DefaultActions"]
        if operation.startswith("Delete"):
            world.remove(next(iter(parameters.values())))
        group = parameters.get("TargetGroupArn")
        if operation == "ModifyTargetGroupAttributes":
            for pair in parameters["Attributes"]:
                self.changed.add((group, pair["Key"]))
                if pair["Key"] == "stickiness.app_cookie.cookie_name":
                    NAMED.add(group)
                if pair["Key"] == "stickiness.type":
                    (BY_APPLICATION.add if pair["Value"] == "app_cookie" else BY_APPLICATION.discard)(group)
                if pair["Key"] == "stickiness.enabled":
                    (STICKY.add if pair["Value"] == "true" else STICKY.discard)(group)
        if operation in ("RegisterTargets", "DeregisterTargets"):
            for target in parameters["Targets"]:
                (REGISTERED.add if operation == "RegisterTargets" else REGISTERED.discard)((group, target["Id"]))

    def keep(self, kind, one, its, parameters):
        arn = one[ARN[kind]]
        if arn not in self.simulated.symbols:
            symbol = self.world.name(kind)
            self.simulated.call(symbol, arn)
            self.moto.call(symbol, its[ARN[kind]])
        symbol = self.simulated.symbols[arn]
        parent = {"listener": "LoadBalancerArn", "rule": "ListenerArn"}.get(kind)
        above = self.world.parents.get(symbol) or (parameters.get(parent) if parent else None)
        self.world.put(symbol, self.simulated.told(one), above)

    def compare_states(self, number, operation, parameters):
        self.states += 1
        found, its = self.simulated.state(self.pool, False, self.changed), self.moto.state(self.pool, True, self.changed)
        for part in found:
            if as_sets(found[part]) != as_sets(its[part]):
                one, other = difference(found[part], its[part])
                self.differ(number, operation, parameters, one, other, f"all {part} after ")

    def differ(self, number, operation, parameters, found, other, what=""):
        sys.exit(f"seed {self.seed}, {what}request {number}: {operation} {json.dumps(parameters, ensure_ascii=False)}\n"
                 f"the simulated AWS: {found}\nmoto: {other}")


def network(side):
    """The default network, and its subnets in two zones."""
    subnets = boto3.client("ec2", **side.settings).describe_subnets()["Subnets"]
    subnets.sort(key=lambda subnet: subnet["AvailabilityZone"])
    return {"<vpc>": subnets[0]["VpcId"], "<subnet 1>": subnets[0]["SubnetId"], "<subnet 2>": subnets[1]["SubnetId"]}


def is_of_another_balancer(parameters, world):
    """Whether a listener would have a protocol that balancers of this type do not speak."""
    place = place_of(parameters)
    fits = is_there(world, place) and PROTOCOLS[world.things[world.balancer_over(place)]["Type"]]
    return bool(fits) and "Protocol" in parameters and parameters["Protocol"] not in fits


def is_malformed(parameters):
    """Whether moto would tell a ValidationError."""
    actions = actions_in(parameters)
    codes = [action.get("FixedResponseConfig", {}).get("StatusCode", "200") for action in actions]
    name = parameters.get("Name", "x")
    return (any(action["Type"] == "vanish" for action in actions) or any(code[0] not in "245" for code in codes)
            or any(condition["Field"] == "moon-phase" for condition in parameters.get("Conditions", []))
            or any("Values" in condition and len(condition) > 2 for condition in parameters.get("Conditions", []))
            or name.startswith("-") or name.endswith("-") or len(name) > 32 or "_" in name
            or name.startswith("group") and not {"Protocol", "Port", "VpcId"} <= set(parameters)
            or parameters.get("Protocol") == "FTP"
            or parameters.get("HealthCheckTimeoutSeconds", 5) >= parameters.get("HealthCheckIntervalSeconds", 30))


def as_sets(value):
    """Without the order of things that have none: those with ARNs of their own, and tags."""
    if isinstance(value, dict):
        return {key: as_sets(part) for key, part in value.items()}
    if isinstance(value, list):
        parts = [as_sets(part) for part in value]
        is_free = all(isinstance(part, dict) and {"TargetGroupName", "ListenerArn", "Key", "ResourceArn"} & set(part)
                      for part in parts)
        return sorted(parts, key=lambda part: json.dumps(part, sort_keys=True, default=str)) if is_free else parts
    return value


def difference(one, other):
    """The smallest parts in which two values differ, with the way to them."""
    way = []
    while isinstance(one, dict) and isinstance(other, dict):
        keys = [key for key in sorted(set(one) | set(other)) if as_sets(one.get(key)) != as_sets(other.get(key))]
        if len(keys) != 1:
            break
        way.append(keys[0])
        one, other = one.get(keys[0]), other.get(keys[0])
    if isinstance(one, dict) and isinstance(other, dict):
        keys = [key for key in set(one) | set(other) if as_sets(one.get(key)) != as_sets(other.get(key))]
        one, other = ({key: part.get(key) for key in keys} for part in (one, other))
    return f"{' '.join(way)}: {one}", f"{' '.join(way)}: {other}"


def main():
    simulated_url, moto_url, seed, count = sys.argv[1:]
    run = Differential(simulated_url, moto_url, int(seed))
    run.run(int(count))
    print(json.dumps({
        "seed": int(seed), "requests": sum(run.requests.values()), "operations": dict(sorted(run.requests.items())),
        "refused": {operation: dict(codes) for operation, codes in sorted(run.refused.items())},
        "simulated_alone": dict(run.alone.most_common()), "states": run.states}))


main()
