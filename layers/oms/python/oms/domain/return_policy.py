"""What may be returned, and on what terms: rules as data, in one document. The first rule that a line meets decides.

    {"reasons": ["size", "damaged", …],
     "rules": [{"name": "underwear", "when": {"categories": ["underwear"]}, "then": {"returnable": "never"}},
               {"name": "faulty", "when": {"reasons": ["defective", "damaged"]},
                "then": {"window_days": 730, "label": "merchant", "label_account": "easypost/main", "shipping": true}},
               {"name": "everything else",
                "then": {"window_days": 30, "fee": {"percent": 5, "amounts": {"EUR": 299}}, "refund_at": "scan",
                         "keep_below": {"EUR": 800}, "approve_below": {"EUR": 50000}}}],

     "goodwill": {"service": {"percent": 10, "amounts": {"EUR": 2500}}}}

`goodwill`: what a role may give on an order for which nothing comes back (`order.goodwill`).

`when`: channels, countries (of the destination), skus, categories, reasons; each a list, all of them must hold.
`then`:

    returnable        yes (if not said), never, or final_sale: what is refused says which
    window_days       after delivery; what no carrier delivered yet has not begun (30)
    fee               percent of what units are worth (two decimals), amounts once per return by currency
    refund_at         approval, scan, receipt or inspection (inspection)
    exchange_at       the same for what pays for other goods: approval sends them in advance (as refund_at)
    keep_below        by currency: a return of less is refunded at once, and the customer keeps the goods
    approve           yes, or ask: a person approves each (yes)
    approve_below     by currency: a return of more asks a person
    label             customer or merchant: who pays for the way back (customer)
    label_account     of the carrier that labels are bought from: easypost/<account>
    return_node       where labels send it
    shipping          true: what shipping cost goes back when everything does (false)
    send_within_days  after approval (30)
    resolutions       of refund, exchange (both)

A return has one set of terms: of its lines' rules the fee that is highest, the money that goes back latest, the fewest
days; a person is asked if one rule asks; the goods are kept if every rule lets them be; a label is bought and shipping
goes back if one rule says so. Percentages are each line's own.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from oms.domain.errors import NotReturnableError, ReturnWindowClosedError
from oms.domain.frozen import frozen
from oms.domain.order.return_facts import LabelBy, RefundAt, Resolution, ReturnTerms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

POLICY: Final = "returns"
REASONS: Final = ("size", "damaged", "not_as_described", "late", "changed_mind", "wrong_item", "defective", "other")
"""Codes that hold while the document names none."""
WINDOW_DAYS: Final = 30
BUILT_IN: Final[Mapping[str, Any]] = {"name": "built-in", "then": {}}
"""What holds for a line that no rule is for, and while nothing was saved."""
_LATEST: Final = (RefundAt.APPROVAL, RefundAt.SCAN, RefundAt.RECEIPT, RefundAt.INSPECTION)


@frozen
class ReturnRules:
    """A saved version; of none, version 0 without rules."""

    version: int
    rules: tuple[Mapping[str, Any], ...]
    reasons: tuple[str, ...] = REASONS


@frozen
class Candidate:
    """Units of a line as the rules see them. `worth`: of all of them; `arrived`: (units, when) of what may come back.

    `when` is None for units that no carrier has delivered yet.
    """

    line_id: str
    sku: str
    category: str
    reason: str
    quantity: int
    worth: int
    arrived: tuple[tuple[int, datetime | None], ...]


@frozen
class Ruling:
    """What the rules say of a return: its terms, and by line the rule and its part of the fee in basis points."""

    terms: ReturnTerms
    rules: Mapping[str, tuple[str, int]]


def read_rules(stored: Mapping[str, Any]) -> ReturnRules:
    """Of the saved document, which was checked when it was saved."""
    document = stored.get("document", {})
    return ReturnRules(
        version=stored.get("version", 0),
        rules=tuple(document.get("rules", ())),
        reasons=tuple(document.get("reasons", REASONS)),
    )


def rule_for(rules: ReturnRules, channel: str, country: str, candidate: Candidate) -> Mapping[str, Any]:
    """The first that the line meets."""
    of = {
        "channels": channel,
        "countries": country,
        "skus": candidate.sku,
        "categories": candidate.category,
        "reasons": candidate.reason,
    }
    for rule in rules.rules:
        if all(of[name] in allowed for name, allowed in rule.get("when", {}).items()):
            return rule
    return BUILT_IN


def eligible(rule: Mapping[str, Any], candidate: Candidate, at: datetime) -> int:
    """Units of the candidate that may be returned at that time."""
    then = rule.get("then", {})
    if then.get("returnable", "yes") != "yes":
        return 0
    begun = at - timedelta(days=then.get("window_days", WINDOW_DAYS))
    return sum(units for units, arrived in candidate.arrived if arrived is None or arrived >= begun)


def rule_on(
    rules: ReturnRules,
    sale: tuple[str, str, str],
    candidates: Sequence[Candidate],
    resolution: Resolution,
    at: datetime,
    *,
    override: bool = False,
) -> Ruling:
    """Terms of a return; `sale` is its order's channel, country of destination, and currency.

    Raises NotReturnableError (a final sale, or never; or not for an exchange) and ReturnWindowClosedError, each with
    the rule and the version that refuse, unless a person overrides them.
    """
    channel, country, currency = sale
    found = [(each, rule_for(rules, channel, country, each)) for each in candidates]
    for each, rule in found if not override else ():
        _check(rules, rule, each, resolution, at)
    thens = [rule.get("then", {}) for _, rule in found]
    worth = sum(each.worth for each, _ in found)
    by_line = {each.line_id: (rule["name"], basis_points(rule.get("then", {}))) for each, rule in found}
    return Ruling(terms=_terms(rules.version, thens, worth, currency, override=override), rules=by_line)


def _check(
    rules: ReturnRules, rule: Mapping[str, Any], candidate: Candidate, resolution: Resolution, at: datetime
) -> None:
    then = rule.get("then", {})
    about = {"line": candidate.line_id, "rule": rule["name"], "version": rules.version}
    kind = then.get("returnable", "yes")
    if kind != "yes":
        raise NotReturnableError("this cannot be returned", why=kind, **about)
    if resolution.value not in then.get("resolutions", [each.value for each in Resolution]):
        raise NotReturnableError("this cannot be returned for that", why=resolution.value, **about)
    if eligible(rule, candidate, at) < candidate.quantity:
        days = then.get("window_days", WINDOW_DAYS)
        raise ReturnWindowClosedError("the time for returning this is over", window_days=days, **about)


def _terms(
    version: int, thens: Sequence[Mapping[str, Any]], worth: int, currency: str, *, override: bool
) -> ReturnTerms:
    merchant = next((then for then in thens if then.get("label") == LabelBy.MERCHANT.value), None)
    words = {RefundAt(then.get("refund_at", RefundAt.INSPECTION.value)) for then in thens}
    keep = all(worth < then.get("keep_below", {}).get(currency, 0) for then in thens)
    over = any(worth >= then["approve_below"].get(currency, worth + 1) for then in thens if "approve_below" in then)
    asks = any(then.get("approve", "yes") == "ask" for then in thens)
    return ReturnTerms(
        version=version,
        fee=max((then.get("fee", {}).get("amounts", {}).get(currency, 0) for then in thens), default=0),
        refund_at=max(words, key=_LATEST.index, default=RefundAt.INSPECTION),
        exchange_at=_exchange_at(thens),
        keep=keep and bool(thens),
        shipping=any(then.get("shipping", False) for then in thens),
        label=LabelBy.MERCHANT if merchant is not None else LabelBy.CUSTOMER,
        label_account=merchant.get("label_account", "") if merchant is not None else "",
        return_node=next((then["return_node"] for then in thens if then.get("return_node")), ""),
        send_within_days=min((then.get("send_within_days", 30) for then in thens), default=30),
        ask="" if override else "rule" if asks else "amount" if over else "",
    )


def _exchange_at(thens: Sequence[Mapping[str, Any]]) -> RefundAt | None:
    """The latest, where a rule says one; of a rule that does not, when its money goes back."""
    if not any("exchange_at" in then for then in thens):
        return None
    words = [then.get("exchange_at", then.get("refund_at", RefundAt.INSPECTION.value)) for then in thens]
    return max((RefundAt(word) for word in words), key=_LATEST.index)


def basis_points(then: Mapping[str, Any]) -> int:
    """A percentage of up to two decimals as whole basis points."""
    return int(Decimal(str(then.get("fee", {}).get("percent", 0))) * 100)
