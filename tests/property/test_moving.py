"""Trades of planned orders: cost falls, no promise is broken, no unit appears or vanishes, nothing is overdrawn."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oms.domain.sourcing import moving
from oms.domain.sourcing.batch import Exchange, Move
from oms.domain.sourcing.moving import trades
from oms.domain.sourcing.policy import CHEAPEST, NEAREST
from tests.bench.sourcing_batch import one_by_one
from tests.proof.sourcing.batches import batch
from tests.proof.sourcing.evaluator import evaluate
from tests.proof.sourcing.shared import weigh

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oms.domain.order.events import NodeUnits
    from oms.domain.sourcing.batch import Batch
    from oms.domain.sourcing.moving import Trade
    from oms.domain.sourcing.policy import SourcingPolicy


def promised(made: Batch, units: dict[str, tuple[NodeUnits, ...]]) -> Batch:
    """Each order is promised what it gets, by when it gets it where it is."""
    told = []
    for order in made.orders:
        given_units = {(part.line_id, part.node_id): part.quantity for part in units[order.order_id]}
        told.append(replace(order, promise=evaluate(made.request(order), CHEAPEST, given_units).arrives))
    return replace(made, orders=tuple(told))


def by_line(units: Sequence[NodeUnits]) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for part in units:
        found[part.line_id, part.sku] += part.quantity
    return found


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 30), st.integers(3, 8), st.sampled_from([CHEAPEST, NEAREST]))
def test_every_trade_costs_less_and_serves_nobody_later(
    seed: int, orders: int, nodes: int, policy: SourcingPolicy
) -> None:
    made = batch(seed, orders, nodes, skus=max(6, orders // 2))
    units, left = one_by_one(made)
    left, made = promised(left, units), promised(made, units)
    money, _, _ = weigh(made, CHEAPEST, units)
    for trade in trades(left, units, policy):
        for move in trade.moves:
            assert units[move.order_id] == move.before
            assert by_line(move.before) == by_line(move.after)
            units[move.order_id] = move.after
        after, _, problems = weigh(made, CHEAPEST, units)
        assert not problems, "more than there is"
        assert trade.saved == sum(was - now for was, now in (move.cost for move in trade.moves)) > 0
        parcels = sum(len({part.node_id for part in each}) for m in trade.moves for each in (m.before, m.after))
        assert abs(money - after - trade.saved) <= parcels, "each parcel's freight is rounded once"
        money = after
        for order in made.orders:
            given_units = {(part.line_id, part.node_id): part.quantity for part in units[order.order_id]}
            arrives = evaluate(made.request(order), CHEAPEST, given_units).arrives
            if units[order.order_id]:
                assert order.promise is not None
                assert arrives is not None
                assert arrives <= order.promise


def test_something_is_traded() -> None:
    found = 0
    for seed in range(6):
        made = batch(seed, 25, 6, skus=12)
        units, left = one_by_one(made)
        found += len(trades(promised(left, units), units, CHEAPEST))
    assert found > 10


def needs(trade: Trade) -> Counter[tuple[str, str]]:
    """Units that it takes of each position beside what its orders give back."""
    found: Counter[tuple[str, str]] = Counter()
    for move in trade.moves:
        for parts, sign in ((move.before, -1), (move.after, 1)):
            for part in parts:
                found[part.sku, part.node_id] += sign * part.quantity
    return found


World = tuple["Batch", dict[str, "tuple[NodeUnits, ...]"], "Trade"]


class TestWhatIsLeftOut:
    """Whatever the solver proposes, only what pays, is in time and is there is taken."""

    @pytest.fixture
    def world(self) -> World:
        """Orders, where they are, and the first trade that they could make."""
        for seed in range(30):
            units, left = one_by_one(batch(seed, 25, 6, skus=12))
            left = promised(left, units)
            found = trades(left, units, CHEAPEST)
            if found and max(needs(found[0]).values()) > 0:
                return left, units, found[0]
        raise AssertionError("nobody trades for something that is left")

    def proposed(self, monkeypatch: pytest.MonkeyPatch, trade: Trade, *ways: str) -> None:
        """The trade, or the way back, one after the other."""
        made = []
        for way in ways:
            moves = [
                (m.order_id, m.after, m.before) if way == "back" else (m.order_id, m.before, m.after)
                for m in trade.moves
            ]
            told = tuple(Move(order_id=key, before=was, after=now, saved=9) for key, was, now in moves)
            made.append(Exchange(moves=told, saved=9))
        monkeypatch.setattr(moving, "exchanges", lambda *_: made)

    def test_the_way_back_does_not_pay(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        left, units, trade = world
        self.proposed(monkeypatch, trade, "there", "back")
        assert trades(left, units, CHEAPEST) == [trade]

    def test_what_follows_on_something_left_out(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        left, units, trade = world
        self.proposed(monkeypatch, trade, "back")
        assert trades(left, units, CHEAPEST) == []

    def test_what_would_be_late(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        left, units, trade = world
        self.proposed(monkeypatch, trade, "there")
        early = tuple(replace(each, promise=left.at) for each in left.orders)
        assert trades(replace(left, orders=early), units, CHEAPEST) == []

    def test_what_is_not_there(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        left, units, trade = world
        self.proposed(monkeypatch, trade, "there")
        place, count = max(needs(trade).items(), key=lambda item: item[1])
        bare = tuple(
            replace(node, available={**node.available, place[0]: count - 1}) if node.node_id == place[1] else node
            for node in left.candidates
        )
        assert trades(replace(left, candidates=bare), units, CHEAPEST) == []

    def test_what_a_node_cannot_do_today(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        left, units, trade = world
        self.proposed(monkeypatch, trade, "there")
        orders: Counter[str] = Counter()
        for move in trade.moves:
            orders.update({part.node_id for part in move.after})
            orders.subtract({part.node_id for part in move.before})
        more = {node for node, count in orders.items() if count > 0}
        for room, taken in ((0, not more), (1, max(orders.values()) <= 1)):
            nodes = tuple(replace(node, orders_left=room) for node in left.candidates)
            assert bool(trades(replace(left, candidates=nodes), units, CHEAPEST)) is taken
