"""Calls of operations by boto3, which builds requests by Amazon's own models: each answer is held against the shape that
the models give it, and each error against the errors that they list."""

from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

# Errors that no operation lists, since any may have them.
COMMON = {"ValidationError", "InvalidAction", "Throttling", "AccessDenied"}

called, refused, absent = set(), {}, []


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
    """Calls an operation that must be refused with this code, which the models list for it; the error."""
    try:
        call(client, operation, **parameters)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        assert code == expected, f"{operation} is refused with {code}, not {expected}: {error}"
        shapes = client.meta.service_model.operation_model(operation).error_shapes
        listed = {name for shape in shapes for name in (shape.name, shape.error_code)}
        assert code in listed | COMMON, f"{operation} does not list {code}"
        if code not in refused.setdefault(operation, []):
            refused[operation].append(code)
        return error
    raise AssertionError(f"{operation} is not refused with {expected}")


def is_absent(client, operation, code="InvalidAction", **parameters):
    """Calls an operation that the simulated AWS does not have."""
    try:
        getattr(client, xform_name(operation))(**parameters)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        absent.append(operation)
        return
    raise AssertionError(f"{operation} is there")
