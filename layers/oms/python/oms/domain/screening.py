"""Screening rules: data that says which orders a person looks at first.

A rule: {"id", "kind", "reason", and any of "currency" + "total_from" (minor units), "countries", "channels",
"quantity_from"}; every condition it names must hold.

Beside rules, `credit` says how much an order may be on invoice without a person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.domain.ids import derive
from oms.domain.order.tenders import ON_INVOICE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from oms.domain.order.state import Order

CREDIT: Final = "credit"


def match_rules(order: Order, rules: Iterable[Mapping[str, Any]]) -> tuple[tuple[str, str, str], ...]:
    """(hold id, kind, reason) of each rule that matches. One rule holds one order at most once."""
    return tuple(
        (derive("hld", "rule", str(rule["id"])), str(rule.get("kind", "review")), str(rule.get("reason", rule["id"])))
        for rule in rules
        if _matches(order, rule)
    )


def _matches(order: Order, rule: Mapping[str, Any]) -> bool:
    placed = order.placed
    country = placed.ship_to.country if placed.ship_to else ""
    tests = []
    if "total_from" in rule:
        tests.append(placed.currency == rule.get("currency") and placed.total >= int(rule["total_from"]))
    if "countries" in rule:
        tests.append(country in rule["countries"])
    if "channels" in rule:
        tests.append(placed.channel in rule["channels"])
    if "quantity_from" in rule:
        tests.append(max(line.quantity for line in placed.lines) >= int(rule["quantity_from"]))
    return bool(tests) and all(tests)


def credit_hold(order: Order, limits: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    """A hold of kind `credit` for an order on invoice over more than `limits` (currency: minor units) grants unasked.

    In a currency without a limit nothing is.
    """
    granted = sum(tender.amount for tender in order.placed.tenders if tender.provider == ON_INVOICE)
    if granted <= int(limits.get(order.placed.currency, 0)):
        return ()
    return ((derive("hld", CREDIT), CREDIT, "on invoice, for more than is granted without a person"),)
