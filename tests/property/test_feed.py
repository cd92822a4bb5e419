"""Feeds in any order, in any pieces, twice, and cut off anywhere, while orders bind, ship and free units."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final

from hypothesis import given
from hypothesis import strategies as st

from oms.application.feed import Feed, TakeStockFeed
from oms.domain.commit import Cause, Commit
from oms.domain.errors import InsufficientStockError
from oms.domain.order import events as ev
from oms.domain.stock import COMPONENTS, StockDelta, stock_deltas
from tests.proof.invariants.stock import balanced, positions_of_history, unheard
from tests.proof.memory import MemoryFeed, MemoryLog, MemoryReference, Store
from tests.support.builders import minutes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.proof.memory import Step

SKUS: Final = ("A", "B", "C")
NODES: Final = ("N1", "N2")
PLACES: Final = [(sku, node) for sku in SKUS for node in NODES]
Row = dict[str, Any]

PLACE: Final = st.sampled_from(PLACES)
MINUTE: Final = st.integers(0, 30)
SNAPSHOT: Final = st.builds(
    lambda place, minute, units: _row(place, minute, on_hand=units), PLACE, MINUTE, st.integers(0, 9)
)
CHANGE: Final = st.builds(
    lambda place, minute, units, row_id: _row(place, minute, change=units, row_id=f"r{row_id}-{place}-{units}"),
    PLACE,
    MINUTE,
    st.integers(-4, 6).filter(bool),
    st.integers(0, 5),
)


def _row(place: tuple[str, str], minute: int, **says: Any) -> Row:
    return {"sku": place[0], "node_id": place[1], "as_of": minutes(minute).isoformat(), **says}


class DiedError(BaseException):
    """The worker is gone."""


class Shop:
    """A shop whose positions move by orders between any two operations of the feed, and whose worker may die."""

    def __init__(self, seed: int, *, busy: float = 0.0, dies: float = 0.0) -> None:
        self.draw = random.Random(seed)
        self.store = Store()
        self.busy, self.dies = busy, dies
        reference = MemoryReference(self.store)
        for node in NODES:
            reference.put("node", node, {"node_id": node, "country": "DE", "latitude": 50, "longitude": 8})
        for sku in SKUS:
            reference.put("product", sku, {"sku": sku})
        self.orders = MemoryLog(self.store)
        log, stock = MemoryLog(self.store, self._pause), MemoryFeed(self.store, self._pause)
        self.take = TakeStockFeed(log, stock, reference, lambda: minutes(60))
        self.bound = dict.fromkeys(PLACES, 0)
        self.made = 0

    def _pause(self, step: Step, call: Callable[[], Any]) -> Any:
        if self.draw.random() < self.busy:
            self._order()
        if step.op in ("log.append", "feed.tell") and self.draw.random() < self.dies:
            if self.draw.random() < 0.5:
                call()
            raise DiedError
        return call()

    def _order(self) -> None:
        """An order binds up to three units of a position, or units that are bound ship or are freed."""
        place = self.draw.choice(PLACES)
        units = self.draw.randint(1, 3)
        parts = (ev.NodeUnits(line_id="1", sku=place[0], node_id=place[1], quantity=units),)
        parcel = ev.ShippedParcel(parcel_id="p", carrier="c", tracking_number="t", units=parts)
        event: Any = ev.LinesReserved(units=parts, fulfillment_orders={"ful_1": place[1]}, promised_by=minutes(0))
        if self.bound[place] >= units and self.draw.random() < 0.5:
            units = -units
            event = self.draw.choice(
                (
                    ev.LinesCancelled(lines=(), origin="oms", freed=parts, fulfillment_orders=("ful_1",)),
                    ev.ShipmentShipped(
                        shipment_id="s", fulfillment_order_id="ful_1", node_id=place[1], parcels=(parcel,)
                    ),
                )
            )
        self.made += 1
        stream = f"order#{self.made}"
        commit = Commit(
            stream=stream,
            number=1,
            command_id=stream,
            cause=Cause(kind="api", ref=stream, actor="shop"),
            at=minutes(0),
            events=(event,),
            previous=self.orders.history(stream).head,
        )
        try:
            self.orders.append(commit, stock=stock_deltas([event]))
        except InsufficientStockError:
            assert units > self.at(place).promisable
            return
        self.bound[place] += units

    def at(self, place: tuple[str, str]) -> StockDelta:
        return self.store.positions.get(place[0], {}).get(place[1]) or StockDelta(sku=place[0], node_id=place[1])

    def told(self, rows: Sequence[Row], feed_id: str = "f") -> None:
        """Send rows until nobody dies of them."""
        while True:
            try:
                self.take.said(Feed(source="erp", feed_id=feed_id), enumerate(rows, start=1))
            except DiedError:
                continue
            return

    def sound(self) -> None:
        """Nothing oversold, no reservation touched, and positions are the fold of the log."""
        folded: dict[tuple[str, str], StockDelta] = {}
        for each in self.store.streams.values():
            for delta in stock_deltas(each.history.events()):
                place = delta.sku, delta.node_id
                folded[place] = folded[place].plus(delta) if place in folded else delta
        for place in PLACES:
            at = self.at(place)
            assert at == folded.get(place, StockDelta(sku=place[0], node_id=place[1]))
            assert at.balanced
            assert min(getattr(at, name) for name in COMPONENTS) >= 0
            assert at.reserved == self.bound[place]
        streams = {name: each.stored for name, each in self.store.streams.items()}
        positions = {(sku, node): at for sku, nodes in self.store.positions.items() for node, at in nodes.items()}
        for found in (balanced(positions), positions_of_history(streams, positions), unheard(streams, positions)):
            assert list(found) == []


def _pieces(rows: Sequence[Row], draw: random.Random) -> list[list[Row]]:
    """The rows in pieces of any size."""
    pieces = []
    rest = list(rows)
    while rest:
        size = draw.randint(1, len(rest))
        pieces.append(rest[:size])
        rest = rest[size:]
    return pieces


@given(st.lists(st.one_of(SNAPSHOT, CHANGE), max_size=25), st.integers(0, 2**32))
def test_no_feed_oversells_or_touches_what_orders_have_bound(rows: list[Row], seed: int) -> None:
    shop = Shop(seed, busy=0.5, dies=0.1)
    shop.told([_row(place, 0, on_hand=6) for place in PLACES], "opening")
    for number, piece in enumerate(_pieces([*rows, *rows], shop.draw)):
        shop.told(piece, f"f{number}")
        shop.sound()


@given(st.lists(SNAPSHOT, max_size=20, unique_by=lambda row: (row["sku"], row["node_id"], row["as_of"])), st.data())
def test_the_newest_snapshot_stands_whatever_the_order(rows: list[Row], data: st.DataObject) -> None:
    shop = Shop(data.draw(st.integers(0, 2**32)), dies=0.2)
    newest: dict[tuple[str, str], Row] = {}
    for row in rows:
        place = row["sku"], row["node_id"]
        if place not in newest or newest[place]["as_of"] < row["as_of"]:
            newest[place] = row
    order = data.draw(st.permutations([*rows, *rows]))
    for number, piece in enumerate(_pieces(order, shop.draw)):
        shop.told(piece, f"f{number}")
    for place, row in newest.items():
        assert shop.at(place).on_hand == row["on_hand"]
    shop.sound()


@given(st.lists(CHANGE, max_size=20, unique_by=lambda row: row["row_id"]), st.data())
def test_each_change_counts_once_whatever_the_order(rows: list[Row], data: st.DataObject) -> None:
    shop = Shop(data.draw(st.integers(0, 2**32)), dies=0.2)
    shop.told([_row(place, 0, on_hand=200) for place in PLACES], "opening")
    late = [{**row, "as_of": minutes(40).isoformat()} for row in rows]
    order = data.draw(st.permutations([*late, *late]))
    for number, piece in enumerate(_pieces(order, shop.draw)):
        shop.told(piece, f"f{number}")
    for place in PLACES:
        units = sum(row["change"] for row in rows if (row["sku"], row["node_id"]) == place)
        assert shop.at(place).on_hand == 200 + units
    shop.sound()


def test_the_world_of_these_tests_is_busy() -> None:
    """Orders bind, workers die, rows are stale and positions are short in it: or the tests above would prove little."""
    shop = Shop(7, busy=0.6, dies=0.1)
    shop.told([_row(place, 0, on_hand=6) for place in PLACES], "opening")
    short = 0
    for minute in range(1, 60):
        shop.told([_row(place, minute, on_hand=shop.draw.randint(0, 9)) for place in PLACES], f"f{minute}")
        short += any(shop.at(place).short for place in PLACES)
        shop.sound()
    assert shop.made > 90
    assert sum(shop.bound.values()) > 0
    assert short > 5
