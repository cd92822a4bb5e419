"""Screening rules: data that says which orders a person looks at first.

A rule: {"id", "kind", "reason", and any of "currency" + "total_from" (minor units), "countries", "channels",
"quantity_from"}; every condition it names must hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.domain.ids import derive

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from oms.domain.order.state import Order


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
