"""What is wrong with a document of rules for returns: all of it, each with the names of the rules that it is about.

code          what
no_rules      too many rules
name          a rule without a usable name, or two of one name
unknown       a field that nobody reads
field         a value that its field cannot have
contradiction what follows cannot hold together
unreachable   a rule before it takes every line that it asks for; it is named
no_node       a node that there is not
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from oms.domain.order.return_facts import LabelBy, RefundAt, Resolution
from oms.domain.sourcing.rules_check import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MAX_RULES: Final = 200
MAX_WORDS: Final = 1000
MAX_DAYS: Final = 3650
MAX_AMOUNT: Final = 10**15
GIVERS: Final = ("service", "finance")
"""Roles that refund."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,59}", re.ASCII)
_REASON: Final = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_COUNTRY: Final = re.compile(r"[A-Z]{2}", re.ASCII)
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_ACCOUNT: Final = re.compile(r"easypost/[A-Za-z0-9._-]{1,100}", re.ASCII)
_WHEN: Final = ("channels", "countries", "skus", "categories", "reasons")
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "returnable": ("yes", "never", "final_sale"),
    "refund_at": tuple(each.value for each in RefundAt),
    "exchange_at": tuple(each.value for each in RefundAt),
    "approve": ("yes", "ask"),
    "label": tuple(each.value for each in LabelBy),
}
_AMOUNTS: Final = ("keep_below", "approve_below")
_DAYS: Final = ("window_days", "send_within_days")
_THEN: Final = (*_WORDS, *_AMOUNTS, *_DAYS, "fee", "label_account", "return_node", "shipping", "resolutions")


def problems(document: object, nodes: Iterable[str]) -> tuple[Problem, ...]:
    """Everything that is wrong with a document."""
    if not isinstance(document, dict):
        return (Problem("field", "the document is not an object"),)
    found = [Problem("unknown", "nobody reads this field", at=str(each)[:80]) for each in document]
    found = [each for each in found if each.at not in ("rules", "reasons", "goodwill")]
    found.extend(_of_goodwill(document.get("goodwill", {})))
    if "reasons" in document and not _words(document["reasons"], _REASON):
        found.append(Problem("field", "a list of codes: letters a to z, digits and _", at="reasons"))
    rules = document.get("rules")
    if not isinstance(rules, list) or len(rules) > MAX_RULES:
        return (*found, Problem("no_rules", f"a list of up to {MAX_RULES} rules", at="rules"))
    known, codes, names = frozenset(nodes), document.get("reasons"), [_name(each) for each in rules]
    for rule, name in zip(rules, names, strict=True):
        found.extend(_of_rule(rule, name, names, known, codes))
    return tuple(found) or tuple(_unreachable(rules))


def _name(rule: object) -> str:
    name = rule.get("name") if isinstance(rule, dict) else None
    return name if isinstance(name, str) else ""


def _of_rule(rule: object, name: str, names: list[str], nodes: frozenset[str], codes: object) -> Iterator[Problem]:
    if not isinstance(rule, dict) or not _NAME.fullmatch(name):
        yield Problem("name", "a rule is called by 1 to 60 letters, digits, spaces and _ . -", at="name")
        return
    if names.count(name) > 1:
        yield Problem("name", "two rules have one name", (name,))
    for each in rule:
        if each not in ("name", "when", "then"):
            yield Problem("unknown", "nobody reads this field", (name,), at=str(each)[:80])
    when, then = rule.get("when", {}), rule.get("then")
    if not isinstance(when, dict) or not isinstance(then, dict):
        yield Problem(
            "field", "`when` and `then` are objects", (name,), at="when" if isinstance(then, dict) else "then"
        )
        return
    yield from _of_when(when, name, codes)
    yield from _of_then(then, name, nodes)


def _of_goodwill(limits: object) -> Iterator[Problem]:
    if not isinstance(limits, dict) or set(limits) - set(GIVERS):
        yield Problem("field", f"limits by role: {', '.join(GIVERS)}", at="goodwill")
        return
    for role, limit in limits.items():
        if not _fee(limit):
            message = "`percent`, 0 to 100 with two decimals, and `amounts`, minor units by currency"
            yield Problem("field", message, at=f"goodwill.{role}")


def _words(given: object, pattern: re.Pattern[str] | None = None) -> bool:
    if not isinstance(given, list) or not 0 < len(given) <= MAX_WORDS:
        return False
    texts = [each for each in given if isinstance(each, str) and 0 < len(each) <= 200]  # noqa: PLR2004 - of any SKU
    return len(texts) == len(given) and (pattern is None or all(pattern.fullmatch(each) for each in texts))


def _of_when(when: Mapping[Any, Any], name: str, codes: object) -> Iterator[Problem]:
    for field, given in when.items():
        if field not in _WHEN:
            yield Problem("unknown", "nobody reads this field", (name,), at=str(field)[:80])
        elif not _words(given, _COUNTRY if field == "countries" else None):
            yield Problem("field", f"a list of 1 to {MAX_WORDS} words", (name,), at=field)
        elif field == "reasons" and isinstance(codes, list):
            for each in sorted(set(given) - {str(code) for code in codes}):
                yield Problem("contradiction", "the document has no such reason", (name,), at=each[:80])


def _of_then(then: Mapping[Any, Any], name: str, nodes: frozenset[str]) -> Iterator[Problem]:
    for field, given in then.items():
        message = _wrong(str(field), given)
        if field not in _THEN:
            yield Problem("unknown", "nobody reads this field", (name,), at=str(field)[:80])
        elif message:
            yield Problem("field", message, (name,), at=str(field))
    node = then.get("return_node")
    if isinstance(node, str) and node not in nodes:
        yield Problem("no_node", "there is no such node", (name,), at=node[:80])
    more = sorted(str(each) for each in then if each != "returnable")
    if then.get("returnable", "yes") != "yes" and more:
        yield Problem("contradiction", "what cannot be returned has no terms", (name,), at=more[0])
    bought = then.get("label") == LabelBy.MERCHANT.value
    if "label_account" in then and not bought:
        yield Problem("contradiction", "a label is bought only where the merchant pays", (name,), at="label_account")
    if "label_account" in then and "return_node" not in then:
        yield Problem("contradiction", "a label that is bought says where it goes", (name,), at="return_node")


def _wrong(field: str, given: Any) -> str:
    """Why a field cannot have the value; '' when it can."""
    if field in _WORDS:
        return "" if given in _WORDS[field] else f"one of {', '.join(_WORDS[field])}"
    if field in _DAYS:
        return "" if type(given) is int and 0 < given <= MAX_DAYS else f"whole days, 1 to {MAX_DAYS}"
    if field in _AMOUNTS:
        return "" if _amounts(given) else "minor units by currency"
    if field == "fee":
        return "" if _fee(given) else "`percent`, 0 to 100 with two decimals, and `amounts`, minor units by currency"
    if field == "shipping":
        return "" if isinstance(given, bool) else "true or false"
    if field == "resolutions":
        allowed = [each.value for each in Resolution]
        return "" if _words(given) and set(given) <= set(allowed) else f"a list of {', '.join(allowed)}"
    if field == "label_account":
        return "" if isinstance(given, str) and _ACCOUNT.fullmatch(given) else "easypost/<account>"
    return "" if isinstance(given, str) else "the id of a node"


def _amounts(given: Any) -> bool:
    return isinstance(given, dict) and all(
        isinstance(name, str) and _CURRENCY.fullmatch(name) and type(amount) is int and 0 < amount <= MAX_AMOUNT
        for name, amount in given.items()
    )


def _fee(given: Any) -> bool:
    if not isinstance(given, dict) or set(given) - {"percent", "amounts"}:
        return False
    percent = given.get("percent", 0)
    if isinstance(percent, bool) or not isinstance(percent, (int, float)) or not 0 <= percent <= 100:  # noqa: PLR2004
        return False
    points = Decimal(str(percent)) * 100
    return points == int(points) and _amounts(given.get("amounts", {}))


def _unreachable(rules: list[Mapping[str, Any]]) -> Iterator[Problem]:
    """A rule of which an earlier one takes every line: each of its conditions is there, and as wide."""
    for at, rule in enumerate(rules):
        asks = {name: set(given) for name, given in rule.get("when", {}).items()}
        for other in rules[:at]:
            wide = other.get("when", {})
            if all(name in asks and asks[name] <= set(given) for name, given in wide.items()):
                names = (other["name"], rule["name"])
                yield Problem("unreachable", "the first takes every line that the second asks for", names, at="when")
                break
