"""Replay the orders of the log under another policy. Nothing is written: only `Everything` and master data are read.

Each promise in the log is one decision. What was known then is rebuilt from it: the lines that it bound or left
waiting, the destination as it was, the instant, and of every candidate what it had of these lines. Where nodes are,
and how long they take, is master data of today: a node that is gone since is no candidate, and a promise that was made
on it is left out and counted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from oms.domain.codec import from_plain
from oms.domain.commit import StoredCommit
from oms.domain.errors import InvalidInputError, UnknownEventError
from oms.domain.frozen import frozen
from oms.domain.order.events import LinesBackordered, LinesReserved, OrderPlaced, ShipToChanged
from oms.domain.sourcing.check import check_policy
from oms.domain.sourcing.request import FREE, SourcingRequest, WantedLine
from oms.domain.sourcing.whatif import Past, Scenario, Tally, replay

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from oms.application.ports import Everything, LogPage, Reference
    from oms.domain.canonical import ShipTo
    from oms.domain.commit import Commit, Unreadable
    from oms.domain.sourcing.request import Candidate

ORDER: Final = "order#"


@frozen
class Replayed:
    """Sums over the promises of some parts of the log, and how many promises could not be decided again."""

    tally: Tally
    left_out: int


def read_scenario(document: Mapping[str, Any]) -> Scenario:
    """A scenario as people write it: `policy`, and rates. Raises InvalidInputError."""
    try:
        scenario: Scenario = from_plain(Scenario, document)
        check_policy(scenario.policy)
    except (UnknownEventError, AttributeError) as error:
        raise InvalidInputError("not a scenario") from error
    return scenario


@frozen(kw_only=False)
class WhatIf:
    """What other nodes past orders would have come from, and what that would have cost."""

    everything: Everything
    reference: Reference

    def __call__(self, scenario: Scenario, parts: Sequence[int] = (0,), of: int = 1) -> Replayed:
        """Of these of so many parts of the log: workers take parts, and merge their tallies in any order."""
        nodes = {node.node_id: node for node in self.reference.nodes({})}
        reading = _Reading(scenario, nodes)
        pages = self.everything.log_pages(dict.fromkeys(parts), of)
        return Replayed(tally=replay(reading.pasts(pages), scenario), left_out=reading.left_out)


class _Order:
    """What is remembered of an order while its stream is read."""

    __slots__ = ("ship_to", "skus", "stream")

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.ship_to: ShipTo | None = None
        self.skus: dict[str, str] = {}


class _Reading:
    """One stream after the other, as a part of the log has them: what is remembered is the order being read."""

    def __init__(self, scenario: Scenario, nodes: Mapping[str, Candidate]) -> None:
        self.scenario = scenario
        self.nodes = {
            node_id: replace(node, excluded="", costs=scenario.costs.get(node_id, FREE))
            for node_id, node in nodes.items()
        }
        self.left_out = 0
        self.orders: dict[int, _Order] = {}
        """By part: the order whose stream is being read."""

    def pasts(self, pages: Iterable[LogPage]) -> Iterator[Past]:
        for page in pages:
            for stored in page.commits:
                yield from self._commit(page.part, stored)

    def _commit(self, part: int, stored: StoredCommit | Unreadable) -> Iterator[Past]:
        if not isinstance(stored, StoredCommit) or not stored.commit.stream.startswith(ORDER):
            return
        commit = stored.commit
        order = self.orders.get(part)
        if order is None or order.stream != commit.stream:
            order = self.orders[part] = _Order(commit.stream)
        for event in commit.events:
            if isinstance(event, (OrderPlaced, ShipToChanged)):
                order.ship_to = event.ship_to
            if isinstance(event, OrderPlaced):
                order.skus = {line.line_id: line.sku for line in event.lines}
        for event in commit.events:
            if isinstance(event, LinesReserved):
                past = self._past(commit, event, order)
                if past is None:
                    self.left_out += 1
                else:
                    yield past

    def _past(self, commit: Commit, event: LinesReserved, order: _Order) -> Past | None:
        lines = self._lines(commit, event, order)
        given: dict[str, dict[str, int]] = {}
        for unit in event.units:
            at_node = given.setdefault(unit.node_id, {})
            at_node[unit.sku] = at_node.get(unit.sku, 0) + unit.quantity
        bound: dict[str, int] = {}
        for unit in event.units:
            bound[unit.sku] = bound.get(unit.sku, 0) + unit.quantity
        candidates = []
        for each in event.decision.get("candidates", ()):
            node = self.nodes.get(str(each.get("node")))
            if node is not None:
                candidates.append(replace(node, available=_had(each, bound, given.get(node.node_id, {}))))
        if not set(given) <= {node.node_id for node in candidates}:
            return None
        scenario = self.scenario
        request = SourcingRequest(
            lines=lines,
            ship_to=order.ship_to,
            candidates=tuple(candidates),
            at=commit.at,
            tariff=scenario.tariff,
            extra_parcel=scenario.extra_parcel,
            union=scenario.union,
        )
        return Past(request=request, units=event.units, due=event.promised_by)

    def _lines(self, commit: Commit, event: LinesReserved, order: _Order) -> tuple[WantedLine, ...]:
        """What was wanted: bound, or left waiting in the same commit."""
        skus = {**order.skus, **{unit.line_id: unit.sku for unit in event.units}}
        wanted: dict[str, int] = {}
        for unit in event.units:
            wanted[unit.line_id] = wanted.get(unit.line_id, 0) + unit.quantity
        for other in commit.events:
            for short in other.lines if isinstance(other, LinesBackordered) else ():
                if short.line_id in skus:
                    wanted[short.line_id] = wanted.get(short.line_id, 0) + short.quantity
        grams = self.scenario.grams
        return tuple(
            [
                WantedLine(line_id=line_id, sku=skus[line_id], quantity=count, grams=grams.get(skus[line_id], 0))
                for line_id, count in wanted.items()
            ]
        )


def _had(candidate: Mapping[str, Any], bound: Mapping[str, int], given: Mapping[str, int]) -> dict[str, int]:
    """What a candidate had of what was bound, as far as the decision says, and what it gave at least."""
    if candidate.get("has_all"):
        return dict(bound)
    had = {str(sku): int(units) for sku, units in dict(candidate.get("has", {})).items()}
    return {sku: max(had.get(sku, 0), given.get(sku, 0)) for sku in {**had, **given}}
