"""From what is asked to what is done: a plan under the order's rule, what becomes of the rest, and what is kept of it.

What is kept stands in the order's log with the promise, and is small: nodes and freight are named by the id of their
content, the rule by its name and its document's version. `restored` makes the request again of it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.domain.errors import RecordAlteredError
from oms.domain.frozen import frozen
from oms.domain.kits import able, parts_of
from oms.domain.order.events import LineUnits
from oms.domain.sourcing.engine import source
from oms.domain.sourcing.request import SourcingRequest, WantedLine
from oms.domain.sourcing.rules import Rule, Short

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from oms.domain.offers import Offer
    from oms.domain.order.events import NodeUnits
    from oms.domain.order.state import Order
    from oms.domain.sourcing.network import Network
    from oms.domain.sourcing.request import Candidate, SourcingPlan

MOST_KEPT: Final = 1_000
"""Pairs of node and SKU whose availability is kept; what more there is makes the log heavy, and is left out."""
NOT_IN_RULE: Final = "not in the rule"
REJECTED: Final = "rejected this order"


@frozen
class Asked:
    """A request under a rule. `person_asked` says that the rule's hold was placed on this order before."""

    request: SourcingRequest
    rule: Rule
    network_id: str = ""
    person_asked: bool = False
    offer: Offer | None = None
    """The stock that the request's candidates have, with the segments that bound units are drawn from."""


@frozen
class Decided:
    """What is bound now, what waits, until when, and why. `hold` asks for a person: then nothing is bound."""

    units: tuple[NodeUnits, ...]
    short: tuple[LineUnits, ...]
    promised_by: datetime
    decision: Mapping[str, Any]
    hold: bool = False
    retry_at: datetime | None = None
    cancel_at: datetime | None = None
    cost: int = 0
    """Of what is bound, to the merchant, in minor units."""
    release_at: datetime | None = None
    """Until when its release waits; None when it does not."""


def decide_sourcing(asked: Asked) -> Decided:
    """The same for the same; raises a SourcingInputError for what no plan can be made of."""
    rule, request = asked.rule, asked.request
    plan = source(request, rule.policy)
    short = plan.short
    if short and rule.after.short is Short.SPLIT:
        request, plan = _split(request, plan, rule)
        short = _missing(asked.request, plan)
    decision = {**plan.decision, **_kept(asked, request)}
    made = Decided(units=plan.units, short=short, promised_by=plan.promised_by, decision=decision, cost=plan.cost)
    made = _after(made, asked) if short else made
    return _waiting(made, request, rule) if made.units and rule.release_minutes else made


def _waiting(made: Decided, request: SourcingRequest, rule: Rule) -> Decided:
    from oms.domain.sourcing.releasing import release_time  # most rules release at once

    nodes = {part.node_id for part in made.units}
    return replace(made, release_at=release_time(request, nodes, made.promised_by, rule))


def _after(made: Decided, asked: Asked) -> Decided:
    """What the rule says becomes of an order of which something is short."""
    after, at = asked.rule.after, asked.request.at
    if after.short is Short.PERSON and not asked.person_asked:
        return replace(made, units=(), promised_by=at, hold=True, cost=0)
    if after.cancel_after_days:
        made = replace(made, cancel_at=at + timedelta(days=after.cancel_after_days))
    if after.short is Short.WAIT:
        everything = tuple(LineUnits(line_id=line.line_id, quantity=line.quantity) for line in asked.request.lines)
        retry_at = at + timedelta(minutes=after.wait_minutes)
        return replace(made, units=(), short=everything, promised_by=at, retry_at=retry_at, cost=0)
    return made


def _split(request: SourcingRequest, plan: SourcingPlan, rule: Rule) -> tuple[SourcingRequest, SourcingPlan]:
    """Lines that cannot be filled whole, asked for again as far as there is stock; the better of the two plans."""
    filled = {part.line_id for part in plan.units}
    nodes = [node for node in request.candidates if not node.excluded and node.orders_left != 0]
    left = {node.node_id: dict(node.available) for node in nodes}
    for part in plan.units:
        _take(left[part.node_id], part.parts)
    lines = []
    for line in request.lines:
        quantity = line.quantity
        if line.line_id not in filled:
            quantity = 0
            for node in nodes:
                at_node = left[node.node_id]
                if set(line.needs) <= set(node.capabilities):
                    here = min(line.quantity - quantity, able(at_node, line.sku, line.components))
                    _take(at_node, parts_of(line.sku, line.components, here))
                    quantity += here
        if quantity:
            lines.append(replace(line, quantity=quantity))
    reduced = replace(request, lines=tuple(lines))
    if reduced.lines == request.lines or not lines:
        return request, plan
    again = source(reduced, rule.policy)
    more = sum(part.quantity for part in again.units) > sum(part.quantity for part in plan.units)
    return (reduced, again) if more else (request, plan)


def _take(available: dict[str, int], parts: Iterable[tuple[str, int]]) -> None:
    for sku, units in parts:
        available[sku] = available.get(sku, 0) - units


def _missing(request: SourcingRequest, plan: SourcingPlan) -> tuple[LineUnits, ...]:
    """What the plan leaves of what was asked for first."""
    given: dict[str, int] = {}
    for part in plan.units:
        given[part.line_id] = given.get(part.line_id, 0) + part.quantity
    rest = [(line.line_id, line.quantity - given.get(line.line_id, 0)) for line in request.lines]
    return tuple(LineUnits(line_id=line_id, quantity=quantity) for line_id, quantity in rest if quantity)


# ---------------------------------------------------------------- what is kept, and made again of it


def _kept(asked: Asked, request: SourcingRequest) -> dict[str, Any]:
    """Beside the plan's own decision: rule and version, and of the inputs what nothing else keeps."""
    rule = asked.rule
    named: dict[str, Any] = {"rule": rule.name, "rules": rule.version}
    skus = _stocked(request.lines)
    having = [node for node in request.candidates if any(node.available.get(sku, 0) for sku in skus)]
    if not asked.network_id or len(having) * len(skus) > MOST_KEPT:
        return named
    left = {node.node_id: [node.orders_left, node.load] for node in request.candidates if node.orders_left is not None}
    return {
        **named,
        "network": asked.network_id,
        "at": request.at.isoformat(),
        "lines": {line.line_id: [line.quantity, line.grams, line.duty, *line.needs] for line in request.lines},
        "have": {node.node_id: [node.available.get(sku, 0) for sku in skus] for node in having},
        **({"left": left} if left else {}),
    }


def _stocked(lines: Iterable[WantedLine]) -> list[str]:
    """SKUs under which nodes have what the lines want, in their order."""
    return list(dict.fromkeys(sku for line in lines for sku, _ in line.each))


def restored(decision: Mapping[str, Any], before: Order, network: Network, rule: Rule) -> SourcingRequest:
    """The request that a decision was made from. `before` is the order as it was when it was decided on.

    Raises RecordAlteredError when the decision does not keep it, or keeps what does not fit the order.
    """
    try:
        lines = tuple(
            WantedLine(
                line_id=line_id,
                sku=before.lines[line_id].placed.sku,
                quantity=told[0],
                grams=told[1],
                duty=told[2],
                needs=tuple(told[3:]),
                components=before.lines[line_id].placed.components,
            )
            for line_id, told in decision["lines"].items()
        )
        skus = _stocked(lines)
        available = {
            node: {sku: units for sku, units in zip(skus, have, strict=True) if units}
            for node, have in decision["have"].items()
        }
        candidates = tuple(
            _left(node, decision.get("left", {})) for node in usable(network.candidates(available), before, rule)
        )
        at = datetime.fromisoformat(decision["at"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise RecordAlteredError("this decision does not keep what it was made from") from error
    return request_of(lines, before, candidates, network, rule, at)


def _left(node: Candidate, left: Mapping[str, Any]) -> Candidate:
    if node.node_id not in left:
        return node
    orders_left, load = left[node.node_id]
    return replace(node, orders_left=orders_left, load=load)


def usable(candidates: tuple[Candidate, ...], order: Order, rule: Rule) -> tuple[Candidate, ...]:
    """Nodes with what the rule and the order exclude."""
    return tuple(_excluded(node, order, rule) for node in candidates)


def _excluded(node: Candidate, order: Order, rule: Rule) -> Candidate:
    if node.excluded:
        return node
    if node.node_id in order.rejected_nodes:
        return replace(node, excluded=REJECTED)
    return replace(node, excluded=NOT_IN_RULE) if rule.excludes(node.node_id) else node


def request_of(
    lines: tuple[WantedLine, ...],
    order: Order,
    candidates: tuple[Candidate, ...],
    network: Network,
    rule: Rule,
    at: datetime,
) -> SourcingRequest:
    """The request for an order's lines."""
    return SourcingRequest(
        lines=lines,
        ship_to=order.placed.ship_to,
        candidates=candidates,
        at=at,
        tariff=network.tariff,
        extra_parcel=rule.extra_parcel,
        union=rule.union,
    )
