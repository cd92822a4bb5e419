"""No write adds to a number without saying which operation it is: tried again, it would count twice.

An arithmetic write (`ADD x :n`, `SET x = x + :n`, `SET x = if_not_exists(x, :zero) + :n`) either names its operation in
its own condition, or is made only as the `Update` of a transaction whose `Put` appends the commit if it is absent. The
rate limiter may err on the strict side, and is exempt by name.
"""

from __future__ import annotations

import ast
import re
import textwrap
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.template import LAYER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

EXEMPT: Final = frozenset({"DynamoViews.hit"})
WRITERS: Final = LAYER / "oms" / "adapters"
_ADD: Final = re.compile(r"(^|\s)ADD\s+[#\w{]")
_SUM: Final = re.compile(r"[\w#}]\s*=\s*(if_not_exists\([^)]*\)|[\w#{}.]+)\s*[+-]\s*(:|\{|if_not_exists\(|[#\w])")
_IDENTITY: Final = re.compile(r":(id|op|operation|command|command_id|commit)\b|attribute_not_exists\(")
_ABSENT: Final = "attribute_not_exists(pk)"

Function = ast.FunctionDef | ast.AsyncFunctionDef


def texts(node: ast.AST) -> Iterator[str]:
    """Every text of a body; what an f-string fills in stands as `{}`. Docstrings are not code."""
    spared = {id(part) for joined in ast.walk(node) if isinstance(joined, ast.JoinedStr) for part in joined.values}
    spared |= {id(each.value) for each in ast.walk(node) if isinstance(each, ast.Expr)}
    for each in ast.walk(node):
        if isinstance(each, ast.JoinedStr):
            parts = (str(part.value) if isinstance(part, ast.Constant) else "{}" for part in each.values)
            yield "".join(parts)
        elif isinstance(each, ast.Constant) and isinstance(each.value, str) and id(each) not in spared:
            yield each.value


def arithmetic(text: str) -> bool:
    """It adds to what is stored."""
    return bool(_ADD.search(text) or _SUM.search(text))


def functions_of(tree: ast.AST, owner: str = "") -> Iterator[tuple[str, Function]]:
    """(qualified name, definition) of every function."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function):
            yield f"{owner}{node.name}", node
        if isinstance(node, (Function, ast.ClassDef)):
            yield from functions_of(node, f"{owner}{node.name}.")


def called(node: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    """(call, bare name) of every call."""
    for each in ast.walk(node):
        if isinstance(each, ast.Call) and isinstance(each.func, (ast.Attribute, ast.Name)):
            yield each, each.func.attr if isinstance(each.func, ast.Attribute) else each.func.id


def conditions(node: ast.AST) -> Iterator[str]:
    """Every condition that a body spells out."""
    for each in ast.walk(node):
        match each:
            case ast.keyword(arg="ConditionExpression", value=value):
                yield from texts(value)
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == "ConditionExpression":
                        yield from texts(value)


def updates(node: ast.AST) -> set[int]:
    """Calls that make the `Update` of a transaction."""
    return {
        id(value)
        for each in ast.walk(node)
        if isinstance(each, ast.Dict)
        for key, value in zip(each.keys, each.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "Update"
    }


def with_the_commit(name: str, functions: Mapping[str, Function]) -> bool:
    """The function only makes an update, and whoever calls it sends that together with a put of what must be absent."""
    if any(verb == "update_item" for _, verb in called(functions[name])):
        return False
    bare = name.rpartition(".")[2]
    callers = []
    for function in functions.values():
        for call, verb in called(function):
            if verb == bare:
                callers.append(id(call) in updates(function) and _transacts(function, functions))
    return bool(callers) and all(callers)


def _transacts(function: Function, functions: Mapping[str, Function]) -> bool:
    puts = any(
        isinstance(key, ast.Constant) and key.value == "Put" for each in ast.walk(function) for key in _keys(each)
    )
    sends = {verb for _, verb in called(function)}
    inside = {verb for name, each in functions.items() if name.rpartition(".")[2] in sends for _, verb in called(each)}
    return puts and _ABSENT in set(conditions(function)) and "transact_write_items" in sends | inside


def _keys(node: ast.AST) -> list[ast.expr | None]:
    return node.keys if isinstance(node, ast.Dict) else []


def findings(source: str) -> list[str]:
    """Functions that add without an identity."""
    functions = dict(functions_of(ast.parse(source)))
    found = []
    for name, function in functions.items():
        if name in EXEMPT or not any(arithmetic(text) for text in texts(function)):
            continue
        named = any(_IDENTITY.search(text) for text in conditions(function))
        if not named and not with_the_commit(name, functions):
            found.append(name)
    return found


@pytest.mark.parametrize("path", sorted(WRITERS.glob("*.py")), ids=lambda path: path.stem)
def test_no_adapter_adds_without_an_identity(path: Path) -> None:
    assert findings(path.read_text(encoding="utf-8")) == []


def test_the_rule_sees_what_the_adapters_do() -> None:
    """The stock's update is found and let pass for its transaction; the limiter is there to be exempt."""
    log = (WRITERS / "dynamodb_log.py").read_text(encoding="utf-8")
    functions = dict(functions_of(ast.parse(log)))
    assert [name for name, each in functions.items() if any(map(arithmetic, texts(each)))] == ["DynamoLog._move"]
    views = (WRITERS / "dynamodb_views.py").read_text(encoding="utf-8")
    hit = dict(functions_of(ast.parse(views)))["DynamoViews.hit"]
    assert any(map(arithmetic, texts(hit)))
    assert findings(views.replace("def hit(", "def count(")) == ["DynamoViews.count"]


def test_an_update_taken_out_of_its_transaction_is_found() -> None:
    log = (WRITERS / "dynamodb_log.py").read_text(encoding="utf-8")
    alone = log.replace(
        "    def image(self,",
        "    def alone(self, delta):\n        self._client.update_item(**self._move(delta))\n\n    def image(self,",
    )
    assert alone != log
    assert findings(alone) == ["DynamoLog._move"]
    assert findings(log.replace(_ABSENT, "attribute_exists(pk)")) == ["DynamoLog._move"]


REFUSED: Final = {
    "bare ADD": """
        def count(self):
            self._client.update_item(UpdateExpression="ADD hits :one")
    """,
    "a sum": """
        def count(self):
            self._client.update_item(UpdateExpression="SET total = total + :n")
    """,
    "a difference of a made-up name": """
        def count(self, name):
            self._client.update_item(UpdateExpression=f"SET #{name} = #{name} - :n")
    """,
    "a default": """
        def count(self):
            self._client.update_item(UpdateExpression="SET total = if_not_exists(total, :zero) + :n")
    """,
    "a condition on something else": """
        def count(self):
            self._client.update_item(UpdateExpression="ADD total :n", ConditionExpression="total >= :n")
    """,
    "a transaction without a commit": """
        def move(self):
            return {"UpdateExpression": "ADD total :n"}
        def send(self):
            self._client.transact_write_items(TransactItems=[{"Update": self.move()}])
    """,
    "a transaction whose put replaces": """
        def move(self):
            return {"UpdateExpression": "ADD total :n"}
        def send(self):
            self._client.transact_write_items(TransactItems=[{"Put": {"Item": {}}}, {"Update": self.move()}])
    """,
}
TAKEN: Final = {
    "its operation in the condition": """
        def count(self):
            self._client.update_item(
                UpdateExpression="ADD total :n SET last = :op", ConditionExpression="last <> :op"
            )
    """,
    "with the commit": """
        def move(self):
            return {"UpdateExpression": "ADD total :n"}
        def send(self):
            put = {"Item": {}, "ConditionExpression": "attribute_not_exists(pk)"}
            self._client.transact_write_items(TransactItems=[{"Put": put}, {"Update": self.move()}])
    """,
    "no arithmetic": """
        def look_again(self):
            self._client.update_item(UpdateExpression="SET tries = :tries, dpk = :dpk", Key={"a": 1 + 1})
    """,
    "words about it": '''
        def words(self):
            """SET x = x + :n, or ADD x :n."""
    ''',
}


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused(name: str) -> None:
    assert len(findings(textwrap.dedent(REFUSED[name]))) == 1


@pytest.mark.parametrize("name", TAKEN)
def test_is_taken(name: str) -> None:
    assert findings(textwrap.dedent(TAKEN[name])) == []
