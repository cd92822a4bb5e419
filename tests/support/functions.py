"""The Lambda functions as Python modules: their routes, and what a route asks of its caller."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from oms.entrypoints import console
from tests.support import reach
from tests.support.template import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

FOLDER: Final = ROOT / "functions"


class Operation(NamedTuple):
    """A route and what it asks of its caller."""

    roles: frozenset[str]
    idempotent: bool
    session: bool = False


def names() -> list[str]:
    """Every function by its folder."""
    return sorted(path.parent.name for path in FOLDER.glob("*/app.py"))


@cache
def load(function: str) -> ModuleType:
    """Its module, imported once under a name of its own."""
    spec = importlib.util.spec_from_file_location(f"lambda_{function}", FOLDER / function / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def served() -> dict[tuple[str, str], list[str]]:
    """(method, path as in OpenAPI) to the functions whose resolvers serve it."""
    found: dict[tuple[str, str], list[str]] = {}
    for function in names():
        for method, path, _ in _routes(function):
            found.setdefault((method, path), []).append(function)
    return found


def operations() -> dict[tuple[str, str], Operation]:
    """What every route asks of its caller, read from the code."""
    found = {}
    for function in names():
        for method, path, name in _routes(function):
            if not function.endswith("console"):
                code = reach.reached(function, name)
                found[method, path] = Operation(_roles(code), _calls(code, "idempotency_key"))
    for route in console.ROUTES:
        found[route.method, _braces(route.path)] = Operation(frozenset(route.roles), False, bool(route.roles))  # noqa: FBT003
    return found


def _routes(function: str) -> Iterator[tuple[str, str, str]]:
    app = getattr(load(function), "app", None)
    for route in (*app._static_routes, *app._dynamic_routes) if app else ():
        yield str(route.method).upper(), _braces(route.path), getattr(route.func, "__name__", "")


def _braces(path: str) -> str:
    return re.sub(r"<(\w+)>", r"{\1}", path)


def _roles(code: dict[reach.Place, ast.AST]) -> frozenset[str]:
    roles: set[str] = set()
    for place, node in code.items():
        for call in ast.walk(node):
            match call:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="http"), attr="require"), args=[_, *allowed]):
                    roles.update(*(_words(place.module, each) for each in allowed))
    return frozenset(roles)


def _words(module: str, argument: ast.expr) -> tuple[str, ...]:
    if isinstance(argument, ast.Starred) and isinstance(argument.value, ast.Name):
        words: Any = getattr(importlib.import_module(module), argument.value.id)
        return tuple(words)
    return (str(ast.literal_eval(argument)),)


def _calls(code: dict[reach.Place, ast.AST], name: str) -> bool:
    return any(
        isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == name
        for node in code.values()
        for call in ast.walk(node)
    )
