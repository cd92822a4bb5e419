"""Decorated functions as plain ones and an assignment, so that they can be mutated.

mutmut leaves every decorated function alone. Here that would be each fold of an event and each derived quantity:

    @evolve.register(ev.HoldPlaced)         def on_HoldPlaced(...): ...
    def _(...): ...                   ->    evolve.register(ev.HoldPlaced)(on_HoldPlaced)

    @property                               def plain_live(self): ...
    def live(self): ...               ->    live = property(plain_live)

which is what a decorator means. Caches are left out: mutants are forked from one process, and what it had cached would
hide them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import libcst as cst

if TYPE_CHECKING:
    from collections.abc import Iterable

PLAIN: Final = "plain_"
_CACHES: Final = frozenset({"cache"})
_LEFT_ALONE: Final = frozenset({"staticmethod", "classmethod"})


def undecorate(source: str) -> str:
    """The module with no decorated function at its top level or in its classes; the same in what it does."""
    module = cst.parse_module(source)
    body = [part for statement in module.body for part in _statement(statement)]
    return module.with_changes(body=body).code


def _statement(statement: cst.BaseStatement | cst.BaseSmallStatement) -> Iterable[cst.CSTNode]:
    if isinstance(statement, cst.FunctionDef):
        return _function(statement)
    if isinstance(statement, cst.ClassDef) and isinstance(statement.body, cst.IndentedBlock):
        inner = [part for each in statement.body.body for part in _statement(each)]
        return [statement.with_changes(body=statement.body.with_changes(body=inner))]
    return [statement]


def _function(function: cst.FunctionDef) -> list[cst.CSTNode]:
    name = function.name.value
    decorators = [each.decorator for each in function.decorators]
    decorators = [each for each in decorators if not _is_one_of(each, _CACHES)]
    if not decorators or any(_is_one_of(each, _LEFT_ALONE) for each in decorators):
        return [function.with_changes(decorators=[cst.Decorator(each) for each in decorators])]
    plain = _plain_name(name, decorators)
    value: cst.BaseExpression = cst.Name(plain)
    for decorator in reversed(decorators):
        value = cst.Call(decorator, [cst.Arg(value)])
    assign: cst.BaseSmallStatement = cst.Expr(value)
    if name != "_":
        assign = cst.Assign([cst.AssignTarget(cst.Name(name))], value)
    return [
        function.with_changes(name=cst.Name(plain), decorators=[]),
        cst.SimpleStatementLine([assign]),
    ]


def _is_one_of(decorator: cst.BaseExpression, names: frozenset[str]) -> bool:
    return isinstance(decorator, cst.Name) and decorator.value in names


def _plain_name(name: str, decorators: list[cst.BaseExpression]) -> str:
    """`_` is the name of many: `@evolve.register(ev.HoldPlaced)` makes it `on_HoldPlaced`."""
    if name != "_":
        return PLAIN + name
    for decorator in decorators:
        if isinstance(decorator, cst.Call) and decorator.args and isinstance(decorator.args[0].value, cst.Attribute):
            return f"on_{decorator.args[0].value.attr.value}"
    raise ValueError("a function called `_` whose decorator does not say what it is for")
