"""Where our code calls AWS, read from the code: what a sweep has to have reached."""

from __future__ import annotations

import ast
from functools import cache
from typing import TYPE_CHECKING, Final

import botocore.session
from botocore import xform_name

from tests.support.template import LAYER

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICES: Final = (
    "dynamodb",
    "dynamodbstreams",
    "s3",
    "sqs",
    "secretsmanager",
    "events",
    "stepfunctions",
    "cognito-idp",
)
FOLDERS: Final = ("adapters", "entrypoints")

CallSite = tuple[str, str, str]
"""(file below `oms/`, qualified name of the function, operation as AWS names it)."""


@cache
def operations() -> dict[str, str]:
    """AWS's name of every operation, by the name of the client's method."""
    session = botocore.session.get_session()
    models = (session.get_service_model(service) for service in SERVICES)
    return {xform_name(name): name for model in models for name in model.operation_names}


def of_source(source: str, file: str) -> set[CallSite]:
    """The call sites of a module: calls of a method that is named as an operation, on something that is a client."""
    return {
        (file, owner, operations()[call.func.attr])
        for owner, call in _calls(ast.parse(source), "")
        if isinstance(call.func, ast.Attribute) and call.func.attr in operations() and _is_client(call.func.value)
    }


def of_code() -> set[CallSite]:
    """Every call site of adapters and entrypoints."""
    found: set[CallSite] = set()
    for folder in FOLDERS:
        for path in sorted((LAYER / "oms" / folder).glob("*.py")):
            found |= of_source(path.read_text(encoding="utf-8"), f"{folder}/{path.name}")
    return found


def _is_client(value: ast.expr) -> bool:
    """`client`, `self._client`, `wiring.client(…)`, `client(…)`."""
    match value:
        case ast.Call(func=inner):
            return _is_client(inner)
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name.strip("_").endswith("client")
    return False


def _calls(node: ast.AST, owner: str) -> Iterator[tuple[str, ast.Call]]:
    """(qualified name as Python gives it, call) of every call."""
    for each in ast.iter_child_nodes(node):
        inside = owner
        if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inside = f"{owner}{each.name}.<locals>."
        elif isinstance(each, ast.ClassDef):
            inside = f"{owner}{each.name}."
        if isinstance(each, ast.Call):
            yield owner.removesuffix(".<locals>."), each
        yield from _calls(each, inside)
