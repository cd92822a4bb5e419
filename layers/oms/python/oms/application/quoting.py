"""Delivery options for a cart: what its order would be promised now, by shipping method. Writes nothing.

A cart is planned as the order that it would be, by the code that promises orders (`PlanOrder`). What follows from the
same stock at the same instant is therefore the same.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from oms.application.planning import SOURCING
from oms.application.stock import check_known
from oms.domain.errors import InvalidInputError
from oms.domain.frozen import frozen
from oms.domain.money import minor_digits
from oms.domain.order.events import OrderPlaced, PaymentPlan, PlacedLine
from oms.domain.order.evolve import place as placed_order
from oms.domain.order.promising import wanted_units
from oms.domain.places import place
from oms.domain.sourcing.dates import leaves
from oms.domain.sourcing.terms import sites

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from oms.application.planning import Planned, PlanOrder
    from oms.application.ports import Clock, Gazetteer, Reference, Stock
    from oms.domain.canonical import ShipTo
    from oms.domain.kits import Components
    from oms.domain.order.state import Order
    from oms.domain.sourcing.deciding import Asked
    from oms.domain.sourcing.terms import Site
    from oms.domain.stock import StockDelta
    from oms.domain.supply import Lot

MAX_LINES: Final = 100
MAX_METHODS: Final = 10
ASKED: Final = "quoted"
"""Stands for the id of the order that there is not yet. It sorts behind those of orders placed at the same instant."""


@frozen
class Cart:
    """What an order would say: (SKU, units) by line, and whatever a rule of sourcing may ask of it.

    `total` is in minor units. No methods means every one that a rule names, and none.
    """

    lines: tuple[tuple[str, int], ...]
    ship_to: ShipTo
    currency: str
    city: str = ""
    channel: str = "site"
    account: str = "main"
    total: int = 0
    methods: tuple[str, ...] = ()


@frozen(kw_only=False)
class QuotePromises:
    """Reads what promising reads; positions may be a second old, and are read once for all options."""

    plan: PlanOrder
    stock: Stock
    gazetteer: Gazetteer
    now: Clock

    def __call__(self, cart: Cart) -> dict[str, Any]:
        """{'at', 'currency', 'options', 'fastest', 'cheapest', 'valid_until'}; an option is as `_option` gives it.

        Raises NoSuchSkuError, UnknownCurrencyError, InvalidInputError, a SourcingInputError for reference data that no
        plan can be made of.
        """
        _check(cart)
        made_of = check_known(self.plan.reference, [], [sku for sku, _ in cart.lines])
        now = self.now()
        plan = replace(self.plan, stock=_ReadOnce(self.stock))
        cart = replace(cart, ship_to=place(cart.ship_to, cart.city, self.gazetteer))
        planned: dict[str, tuple[Asked, Planned]] = {}
        options = []
        for method in cart.methods or _methods(self.plan.reference):
            order = _order(cart, made_of, method, now)
            asked = plan.ask(order, wanted_units(order), now)
            if asked.rule.name not in planned:
                planned[asked.rule.name] = (asked, plan.answer(order, asked))
            prices = self.plan.reference.network().prices
            options.append(_option(method, *planned[asked.rule.name], prices))
        whole = [each for each in options if each["complete"]]
        until = [each["valid_until"] for each in options if each["valid_until"]]
        return {
            "at": now.isoformat(),
            "currency": cart.currency,
            "options": options,
            "fastest": min(whole, key=_soonest)["shipping_method"] if whole else None,
            "cheapest": min(whole, key=_dearness)["shipping_method"] if whole else None,
            "valid_until": min(until) if until else None,
        }


def _check(cart: Cart) -> None:
    if not 1 <= len(cart.lines) <= MAX_LINES or len(cart.methods) > MAX_METHODS:
        raise InvalidInputError("too many lines or methods, or none", limits=[MAX_LINES, MAX_METHODS])
    if any(units < 1 for _, units in cart.lines) or cart.total < 0:
        raise InvalidInputError("quantities are 1 or more, a total is not below zero")
    minor_digits(cart.currency)
    if len(set(cart.methods)) < len(cart.methods):
        raise InvalidInputError("a shipping method is asked for twice")


def _methods(reference: Reference) -> tuple[str, ...]:
    """Those that rules of sourcing tell apart, and one that none of them names."""
    rules: Iterable[Mapping[str, Any]] = reference.policy(SOURCING).get("document", {}).get("rules", ())
    named = [str(each) for rule in rules for each in rule.get("when", {}).get("shipping_methods", ())]
    return ("", *dict.fromkeys(named))[:MAX_METHODS]


def _order(cart: Cart, made_of: Mapping[str, Components], method: str, now: datetime) -> Order:
    """The order that the cart would be, placed now: behind all others that wait."""
    placed = OrderPlaced(
        channel=cart.channel,
        account=cart.account,
        external_id=ASKED,
        number=ASKED,
        placed_at=now,
        currency=cart.currency,
        total=cart.total,
        lines=tuple(
            PlacedLine(line_id=str(number), sku=sku, quantity=units, unit_price=0, components=made_of[sku])
            for number, (sku, units) in enumerate(cart.lines, start=1)
        ),
        payment=PaymentPlan(provider="in_channel"),
        ship_to=cart.ship_to,
        shipping_method=method,
    )
    return placed_order(ASKED, placed)


def _option(method: str, asked: Asked, planned: Planned, prices: Mapping[str, int]) -> dict[str, Any]:
    """Dates in ISO 8601, money in minor units.

    {'shipping_method', 'complete', 'outcome', 'delivered_by', 'handed_over_by', 'price', 'cost', 'parcels', 'short',
    'valid_until'}

    `price` is that of the dearest zone that a parcel goes through, None unless each of them has one; `cost` is the
    plan's, which is the merchant's own business.
    """
    made = planned.made
    known = {site.node.node_id: site for site in sites(asked.request)[0]}
    used = list(dict.fromkeys(part.node_id for part in made.units))
    handed = {node: _leaves(known[node], asked.request.at) for node in used}
    asks = [prices.get(known[node].zone.name) for node in used]
    skus = {line.line_id: line.sku for line in asked.request.lines}
    told = [each for each in asks if each is not None]
    return {
        "shipping_method": method,
        "complete": not made.short and not made.hold,
        "outcome": "person" if made.hold else "promised" if made.units else "waits",
        "delivered_by": made.promised_by.isoformat() if used else None,
        "handed_over_by": max(handed.values()).isoformat() if used else None,
        "price": max(told) if used and len(told) == len(asks) else None,
        "cost": made.cost,
        "parcels": [
            {
                "node_id": node,
                "handed_over_by": handed[node].isoformat(),
                "delivered_by": known[node].arrives.isoformat(),
                "lines": [_line(part.line_id, skus, part.quantity) for part in made.units if part.node_id == node],
            }
            for node in used
        ],
        "short": [
            {**_line(part.line_id, skus, part.quantity), "expected_at": _iso(planned.expected.get(part.line_id))}
            for part in made.short
        ],
        "valid_until": _iso(min((_until(known[node], asked.request.at) for node in used), default=None)),
    }


def _line(line_id: str, skus: Mapping[str, str], quantity: int) -> dict[str, Any]:
    return {"line": int(line_id), "sku": skus[line_id], "quantity": quantity}


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _leaves(site: Site, at: datetime) -> datetime:
    leaving = leaves(at, site.node.calendar, site.node.handling_days)
    return (leaving or at).astimezone(UTC)


def _until(site: Site, at: datetime) -> datetime:
    """The last instant of deciding that gives the same day: the cut-off that counts, or without one the day's end."""
    cut_off = leaves(at, site.node.calendar, 0) if site.node.calendar else None
    if cut_off is not None:
        return cut_off.astimezone(UTC)
    return at.astimezone(UTC).replace(hour=23, minute=59, second=59, microsecond=0)


def _soonest(option: Mapping[str, Any]) -> tuple[Any, ...]:
    return option["delivered_by"], option["price"] is None, option["price"] or 0


def _dearness(option: Mapping[str, Any]) -> tuple[Any, ...]:
    return option["price"] is None, option["price"] or 0, option["delivered_by"]


class _ReadOnce:
    """Stock as it was when it was first asked for: to show, it may be a second old."""

    def __init__(self, stock: Stock) -> None:
        self._stock = stock
        self._positions: dict[tuple[str, ...], list[StockDelta]] = {}
        self._inbound: dict[str, list[Lot]] = {}

    def to_promise(self, units: Mapping[str, int]) -> list[StockDelta]:
        """See the port."""
        return self.look(units)

    def look(self, skus: Iterable[str]) -> list[StockDelta]:
        """See the port."""
        wanted = tuple(sorted(set(skus)))
        if wanted not in self._positions:
            self._positions[wanted] = self._stock.look(wanted)
        return self._positions[wanted]

    def inbound(self, sku: str) -> list[Lot]:
        """See the port."""
        if sku not in self._inbound:
            self._inbound[sku] = self._stock.inbound(sku)
        return self._inbound[sku]
