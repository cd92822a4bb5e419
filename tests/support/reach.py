"""Which code a Lambda function can reach: from its app.py through `oms.entrypoints`, by name.

Names are followed where the code says them: what a reachable body names is reachable. That is more than a run reaches,
never less, as long as nothing is called by a made-up name.
"""

from __future__ import annotations

import ast
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from tests.support.template import LAYER, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE: Final = "oms.entrypoints"


class Place(NamedTuple):
    """A definition at the top of a module."""

    module: str
    name: str


class Module(NamedTuple):
    """The definitions of a module, and what its imports stand for."""

    definitions: dict[str, ast.AST]
    imports: dict[str, tuple[str, str]]


@cache
def _module(name: str) -> Module:
    path = ROOT / name if name.endswith(".py") else LAYER.joinpath(*name.split(".")).with_suffix(".py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    definitions: dict[str, ast.AST] = {}
    imports: dict[str, tuple[str, str]] = {}
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            definitions[node.name] = node
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            definitions.update({each.id: node for each in targets if isinstance(each, ast.Name)})
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE):
            for alias in node.names:
                imports[alias.asname or alias.name] = (str(node.module), alias.name)
    return Module(definitions, imports)


def _named(module: Module, here: str, node: ast.AST) -> Iterator[Place]:
    """What a body names, of this package."""
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id in module.imports:
            package, name = module.imports[each.value.id]
            if package == PACKAGE:
                yield Place(f"{package}.{name}", each.attr)
        elif isinstance(each, ast.Name) and each.id in module.definitions:
            yield Place(here, each.id)
        elif isinstance(each, ast.Name) and each.id in module.imports:
            package, name = module.imports[each.id]
            if package != PACKAGE:
                yield Place(package, name)


def reached(function: str, only: str = "") -> dict[Place, ast.AST]:
    """Every definition that `functions/<function>/app.py`, or `only` one definition of it, can reach."""
    app = f"functions/{function}/app.py"
    starts = _module(app).definitions.items()
    return follow({Place(app, name): node for name, node in starts if only in ("", name)})


def definition(place: Place) -> ast.AST:
    """The definition at a place."""
    return _module(place.module).definitions[place.name]


def follow(starts: dict[Place, ast.AST]) -> dict[Place, ast.AST]:
    """These definitions and every one that they can reach."""
    found = dict(starts)
    waiting = list(found)
    while waiting:
        place = waiting.pop()
        for each in _named(_module(place.module), place.module, found[place]):
            node = _module(each.module).definitions.get(each.name)
            if node is not None and each not in found:
                found[each] = node
                waiting.append(each)
    return found


def environ(node: ast.AST) -> Iterator[tuple[str, bool]]:
    """(name, needed) of every environment variable that a body names; one read with `get` is not needed."""
    for each in ast.walk(node):
        match each:
            case ast.Subscript(value=ast.Attribute(attr="environ"), slice=ast.Constant(value=str(name))):
                yield name, True
            case ast.Call(
                func=ast.Attribute(value=ast.Attribute(attr="environ"), attr="get"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield name, False


def texts(node: ast.AST) -> set[str]:
    """Every text in a body."""
    return {each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)}
