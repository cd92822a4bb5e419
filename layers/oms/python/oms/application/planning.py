"""What sourcing is asked for an order: its rule, what nodes have and can do now, and what is known of its goods.

A cart is asked for as the order that it would be (`application/quoting.py`): there is one path.
"""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, Final

from oms.application.offering import offered
from oms.domain import ids
from oms.domain.buffers import POLICY as BUFFERS
from oms.domain.buffers import read_buffers
from oms.domain.frozen import frozen
from oms.domain.sourcing.deciding import Asked, request_of, usable
from oms.domain.sourcing.network import PLAIN
from oms.domain.sourcing.request import WantedLine
from oms.domain.sourcing.rules import OrderFacts, choose, customer_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from oms.application.ports import OpenWork, PlannedStock, Reference
    from oms.domain.buffers import Buffers
    from oms.domain.offers import Offer
    from oms.domain.order.state import Order
    from oms.domain.sourcing.deciding import Decided
    from oms.domain.sourcing.network import Network, Product
    from oms.domain.sourcing.request import Candidate
    from oms.domain.sourcing.rules import Rule

SOURCING: Final = "sourcing"
"""The policy document, and the kind of hold that its rules place."""
MAX_REASON: Final = 500
QUEUED: Final = 2_000
"""Orders that may wait for a SKU before one for which a date can be told: more are not counted through."""


@frozen(kw_only=False)
class Planned:
    """What was decided; `hold` (id, kind, reason) when a person is to look at it.

    `expected`: when short lines can be with the customer, of those for which supply is expected.
    """

    made: Decided
    hold: tuple[str, str, str] | None = None
    expected: Mapping[str, datetime] = field(default_factory=dict)


@frozen(kw_only=False)
class PlanOrder:
    """Stock is read as it is now; nodes, products, rules and open work may be seconds old."""

    stock: PlannedStock
    reference: Reference
    work: OpenWork
    decide: Callable[[Asked], Decided]

    def __call__(self, order: Order, wanted: Mapping[str, int], now: datetime, offer: Offer | None = None) -> Planned:
        """A plan for units by line, of an offer that was read before, if there is one.

        Raises a SourcingInputError for reference data that no plan can be made of.
        """
        return self.answer(order, self.ask(order, wanted, now, offer))

    def answer(self, order: Order, asked: Asked) -> Planned:
        """What is decided on what was asked for the order."""
        made = self.decide(asked)
        if asked.offer:
            made = replace(made, units=asked.offer.draw(made.units))
        expected = self._expected(order, asked, made) if made.short and not made.hold else {}
        return Planned(made, _hold(asked, made) if made.hold else None, expected)

    def _expected(self, order: Order, asked: Asked, made: Decided) -> Mapping[str, datetime]:
        from oms.domain.sourcing.expecting import expected_dates  # most orders are not short of anything

        short = {part.line_id for part in made.short}
        parts = [[sku for sku, _ in line.each] for line in asked.request.lines if line.line_id in short]
        skus = dict.fromkeys(sku for each in parts for sku in each)
        lots = {sku: found for sku in skus if (found := self.stock.inbound(sku))}
        hopeful = dict.fromkeys(sku for each in parts if not lots.keys().isdisjoint(each) for sku in each)
        placed_at = order.placed.placed_at
        owed = {sku: self.work.owed(sku, placed_at, order.order_id, QUEUED) for sku in hopeful}
        return expected_dates(asked.request, made.units, made.short, lots, owed)

    def ask(self, order: Order, wanted: Mapping[str, int], now: datetime, offer: Offer | None = None) -> Asked:
        """What sourcing is asked for units by line."""
        stored = self.reference.policy(SOURCING)
        network = self.reference.network()
        products: Mapping[str, Product] = {}
        if stored or network.has_capabilities:  # else what is known of products decides nothing, and is not read
            products = self.reference.products(_skus(order))
        lines = tuple(_wanted(order, line_id, units, products) for line_id, units in wanted.items())
        rule = choose(stored, _facts(order, products, stored))
        offer = offer or self.offer(order, wanted, now)
        candidates = usable(self._candidates(network, offer, order.placed.channel), order, rule)
        return Asked(
            request=request_of(lines, order, candidates, network, rule, now),
            rule=rule,
            network_id=network.network_id,
            person_asked=_hold_id(rule) in order.holds,
            offer=offer,
        )

    def offer(self, order: Order, wanted: Mapping[str, int], now: datetime) -> Offer:
        """What stock has for units by line, and for the account that the order is of."""
        units: dict[str, int] = {}
        for line_id, count in wanted.items():
            for sku, each in order.lines[line_id].parts(count):
                units[sku] = units.get(sku, 0) + each
        return offered(self.stock.to_promise(units), self.reference, order.placed.channel, order.placed.account, now)

    def buffers(self) -> Buffers:
        """What channels must leave."""
        return read_buffers(self.reference.policy(BUFFERS))

    def _candidates(self, network: Network, offer: Offer, channel: str) -> tuple[Candidate, ...]:
        available: dict[str, dict[str, int]] = {}
        for position in self.buffers().offered(offer.positions, channel):
            units = position.promisable + offer.pooled(position)
            if units:
                at_node = available.setdefault(position.node_id, {})
                at_node[position.sku] = at_node.get(position.sku, 0) + units
        limited = network.limited()
        return network.candidates(available, self.work.open_orders(limited) if limited else {})


def _facts(order: Order, products: Mapping[str, Product], stored: Mapping[str, Any]) -> OrderFacts:
    placed = order.placed
    return OrderFacts(
        channel=placed.channel,
        account=placed.account,
        country=placed.ship_to.country if placed.ship_to else "",
        customer=customer_of(stored, placed.channel, placed.account),
        shipping_method=placed.shipping_method,
        currency=placed.currency,
        total=placed.total,
        units=sum(line.placed.quantity for line in order.lines.values()),
        skus=frozenset(line.placed.sku for line in order.lines.values()),
        needs=frozenset(need for product in products.values() for need in product.needs),
    )


def _wanted(order: Order, line_id: str, units: int, products: Mapping[str, Product]) -> WantedLine:
    placed = order.lines[line_id].placed
    known = products.get(placed.sku, PLAIN)
    if placed.components:
        known = known.made_of((products.get(each.sku, PLAIN), each.units) for each in placed.components)
    return WantedLine(
        line_id=line_id,
        sku=placed.sku,
        quantity=units,
        grams=known.grams,
        needs=known.needs,
        duty=known.duty,
        components=placed.components,
    )


def _skus(order: Order) -> tuple[str, ...]:
    """Of its lines, and of what these are made of."""
    placed = [line.placed for line in order.lines.values()]
    return tuple(dict.fromkeys(sku for line in placed for sku in (line.sku, *(each.sku for each in line.components))))


def _hold_id(rule: Rule) -> str:
    """A rule holds an order once in its life: who releases the hold has decided that it goes on."""
    return ids.derive("hld", SOURCING, rule.name)


def _hold(asked: Asked, made: Decided) -> tuple[str, str, str]:
    short = {units.line_id for units in made.short}
    missing = ", ".join(sorted({line.sku for line in asked.request.lines if line.line_id in short}))
    reason = f"rule {asked.rule.name} of version {asked.rule.version}: no node has all of {missing}"
    return _hold_id(asked.rule), SOURCING, reason[:MAX_REASON]
