"""Calls of operations by boto3, which builds requests by Amazon's own models: each answer is held against the shape that
the models give it, and each error against the errors that they list, where they list any (those of EC2 list none)."""

from functools import partial
from xml.etree import ElementTree

import boto3
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

# Errors that no operation lists, since any may have them.
COMMON = {"ValidationError", "InvalidAction", "Throttling", "AccessDenied"}

# Of services by the names by which their requests are signed.
called, refused, absent = set(), {}, []


def named(client, operation):
    return f"{client.meta.service_model.signing_name}:{operation}"


def call(client, operation, **parameters):
    """Calls an operation, and holds its answer against the models."""
    shape = client.meta.service_model.operation_model(operation).output_shape
    answer = getattr(client, xform_name(operation))(**parameters)
    called.add(named(client, operation))
    told = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
    report = ParamValidator().validate(told, shape) if shape else None
    assert not report or not report.has_errors(), f"{operation}: {report.generate_report()}"
    return answer


def fails(client, expected, operation, **parameters):
    """Calls an operation that must be refused with this code, which the models list for it; the error."""
    try:
        call(client, operation, **parameters)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        assert code == expected, f"{operation} is refused with {code}, not {expected}: {error}"
        model = client.meta.service_model
        shapes = model.operation_model(operation).error_shapes
        listed = {name for shape in shapes for name in (shape.name, shape.error_code)}
        assert code in listed | COMMON or not model.error_shapes, f"{operation} does not list {code}"
        codes = refused.setdefault(named(client, operation), [])
        if code not in codes:
            codes.append(code)
        return error
    raise AssertionError(f"{operation} is not refused with {expected}")


def is_absent(client, operation, code="InvalidAction", **parameters):
    """Calls an operation that the simulated AWS does not have."""
    try:
        getattr(client, xform_name(operation))(**parameters)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        absent.append(named(client, operation))
        return
    raise AssertionError(f"{operation} is there")


def default_network():
    """The network that every region has from the start, and its subnets in two zones."""
    found = boto3.client("ec2").describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    return found[0]["VpcId"], [subnet["SubnetId"] for subnet in found[:2]]


# What the models would read past.

WRAPPING = {"ErrorResponse", "Error", "Type", "Code", "Message", "RequestId", "Response", "Errors", "RequestID", "requestId",
            "return"}


def elements(shape, seen):
    """The names of the elements in which a shape is written."""
    if shape is None or shape.name in seen:
        return set()
    seen.add(shape.name)
    if shape.type_name == "list":
        return {shape.member.serialization.get("name", "member")} | elements(shape.member, seen)
    members = getattr(shape, "members", {})
    return {member.serialization.get("name", name) for name, member in members.items()}.union(
        *(elements(member, seen) for member in members.values()))


def has_names_of_the_model(operation_model, response_dict, namespace, **_):
    """Holds the names of all elements of an answer, or of an error, against the model, which reads past others."""
    if not response_dict["body"]:
        return
    seen = set()
    known = WRAPPING | {f"{operation_model.name}Response"}
    for shape in (operation_model.output_shape, *operation_model.error_shapes):
        known |= elements(shape, seen)
    for element in ElementTree.fromstring(response_dict["body"]).iter():
        name = element.tag.removeprefix(f"{{{namespace}}}")
        assert name in known, f"{operation_model.name} is answered with an element {element.tag}"


def has_values_of_the_model(parsed, model, **_):
    """Holds the values of an answer against those that the model lists."""
    def check(shape, value):
        listed = getattr(shape, "enum", [])
        assert not listed or value in listed, f"{model.name}: {value} is none of {listed}"
        if shape.type_name == "structure":
            for name, inner in value.items():
                if name in shape.members:
                    check(shape.members[name], inner)
        if shape.type_name == "list":
            for inner in value:
                check(shape.member, inner)

    if "Error" not in parsed and model.output_shape:
        check(model.output_shape, parsed)


def watched(client, namespace):
    """The same client, each of whose answers is held against the model."""
    service = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register(f"before-parse.{service}.*", partial(has_names_of_the_model, namespace=namespace))
    client.meta.events.register(f"after-call.{service}.*", has_values_of_the_model)
    return client
