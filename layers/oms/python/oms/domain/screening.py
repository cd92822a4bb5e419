"""Screening rules: data that says which orders a person looks at first, or which wait a while for their customer.

A rule: {"id", "kind", "reason", and any of "currency" + "total_from" (minor units), "countries", "channels",
"quantity_from"}; every condition it names must hold. "hold_for": so many seconds after it was placed the hold ends by
itself (the window in which a customer may regret); an order that is screened later is not held. "fallback": the rule
stands in for a scorer that cannot be asked, and is silent otherwise (`domain/fraud.py`).

Beside rules, `credit` says how much an order may be on invoice without a person.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.domain.hold_kinds import REMORSE, HoldKind, hold_of, read_kinds
from oms.domain.ids import derive
from oms.domain.order.events import OnExpiry
from oms.domain.order.tenders import ON_INVOICE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from oms.domain.order.events import HoldPlaced
    from oms.domain.order.state import Order

CREDIT: Final = "credit"


POLICY: Final = "screening"


def in_force(saved: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a saved policy says: versions keep it apart from who saved them and when."""
    document: Mapping[str, Any] = saved.get("document", saved)
    return document


def match_rules(order: Order, policy: Mapping[str, Any], now: datetime) -> tuple[HoldPlaced, ...]:
    """The hold of each rule of the policy that matches. One rule holds one order at most once."""
    return _holds(order, [rule for rule in policy.get("rules", ()) if not rule.get("fallback")], policy, now)


def fallback_holds(
    order: Order, policy: Mapping[str, Any], now: datetime, decision: Mapping[str, Any]
) -> tuple[HoldPlaced, ...]:
    """Likewise of the rules that stand in for a scorer that cannot be asked; `decision` says so in each."""
    found = _holds(order, [rule for rule in policy.get("rules", ()) if rule.get("fallback")], policy, now)
    return tuple(replace(hold, decision=dict(decision)) for hold in found)


def _holds(
    order: Order, rules: Sequence[Mapping[str, Any]], policy: Mapping[str, Any], now: datetime
) -> tuple[HoldPlaced, ...]:
    kinds = read_kinds(policy) if rules else {}
    holds = (_hold(order, rule, kinds, now) for rule in rules if _matches(order, rule))
    return tuple(hold for hold in holds if hold is not None)


def _hold(order: Order, rule: Mapping[str, Any], kinds: Mapping[str, HoldKind], now: datetime) -> HoldPlaced | None:
    window = int(rule.get("hold_for", 0))
    kind = str(rule.get("kind", REMORSE if window else "review"))
    until = order.placed.placed_at + timedelta(seconds=window) if window else None
    if until and until <= now:
        return None
    return hold_of(
        kind,
        kinds.get(kind, HoldKind()),
        derive("hld", "rule", str(rule["id"])),
        now,
        reason=str(rule.get("reason", rule["id"])),
        expires_at=until,
        on_expiry=OnExpiry.RELEASE if window else None,
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


def credit_holds(order: Order, policy: Mapping[str, Any], now: datetime) -> tuple[HoldPlaced, ...]:
    """A hold of kind `credit` for an order on invoice over more than the policy grants unasked (`credit`).

    That names minor units by currency; in a currency without a limit nothing is granted.
    """
    granted = sum(tender.amount for tender in order.placed.tenders if tender.provider == ON_INVOICE)
    if granted <= int(policy.get("credit", {}).get(order.placed.currency, 0)):
        return ()
    reason = "on invoice, for more than is granted without a person"
    applies = read_kinds(policy).get(CREDIT, HoldKind())
    return (hold_of(CREDIT, applies, derive("hld", CREDIT), now, reason=reason),)
