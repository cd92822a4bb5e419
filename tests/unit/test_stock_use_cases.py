"""Movements, counts and availability, over ports in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from oms.application.availability import MAX_NODES, MAX_SKUS, ShowAvailability
from oms.application.relay import RelayCommit
from oms.application.stock import RECOUNTS, CountStock, MoveStock
from oms.domain.commit import Cause
from oms.domain.counting import CountSeen, PositionCount
from oms.domain.errors import (
    ContentionError,
    CountOutdatedError,
    IdempotencyKeyReusedError,
    InsufficientStockError,
    InvalidInputError,
    NoSuchNodeError,
    NoSuchSkuError,
    TooManyPositionsError,
)
from oms.domain.movements import MovementKind
from oms.domain.stock import COMPONENTS, StockDelta, StockMovement
from tests.proof.memory import MemoryBus, MemoryLog, MemoryReference, MemoryStock, MemoryViews, MemoryWorkflows, Store
from tests.support.builders import minutes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from oms.domain.stock import StockCounted

CAUSE = Cause(kind="api", ref="r:k", actor="warehouse")


class Interrupted(MemoryStock):
    """Something happens right after positions are read: `then` is what, each once."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.then: list[Callable[[], None]] = []
        self.reads = 0

    def positions(self, skus: Iterable[str]) -> list[StockDelta]:
        """See the port."""
        found = super().positions(skus)
        self.reads += 1
        if self.then:
            self.then.pop()()
        return found


@dataclass
class Shop:
    """Two nodes, an inactive one, two SKUs."""

    store: Store = field(default_factory=Store)

    def __post_init__(self) -> None:
        self.reference = MemoryReference(self.store)
        for node in ("N1", "N2", "OLD"):
            row = {"node_id": node, "country": "DE", "latitude": 50, "longitude": 8, "active": node != "OLD"}
            self.reference.put("node", node, row)
        for sku in ("A", "B"):
            self.reference.put("product", sku, {"sku": sku})
        self.log = MemoryLog(self.store)
        self.stock = Interrupted(self.store)
        self.move = MoveStock(self.log, self.reference, lambda: minutes(0))
        self.count = CountStock(self.log, self.stock, self.reference, lambda: minutes(0))
        self.availability = ShowAvailability(self.stock, self.reference, lambda: minutes(0))

    def at(self, sku: str = "A", node: str = "N1") -> StockDelta:
        return self.store.positions[sku][node]

    def receive(self, units: int, sku: str = "A", node: str = "N1") -> None:
        self.move(f"{sku}{node}{units}", [moved(units, sku=sku, node_id=node)], CAUSE)

    def receive_lot(self, units: int) -> None:
        self.move("lot", [moved(units, node_id="N2", segment=SOON)], CAUSE)

    def now_is(self, **parts: int) -> None:
        """Something else happened to A at N1."""
        known = {name: getattr(self.at(), name) for name in COMPONENTS}
        self.store.positions["A"]["N1"] = StockDelta(sku="A", node_id="N1", **{**known, **parts})


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.receive(10)
    return shop


def moved(quantity: int, kind: MovementKind = MovementKind.RECEIPT, **fields: Any) -> StockMovement:
    return StockMovement(**{"sku": "A", "node_id": "N1", "kind": kind, "quantity": quantity, **fields})


def counted(units: int, **fields: Any) -> PositionCount:
    return PositionCount(**{"sku": "A", "node_id": "N1", "counted": units, **fields})


def told(answer: dict[str, Any]) -> StockCounted:
    event: StockCounted = answer["counts"][0]
    return event


class TestMovements:
    def test_a_transfer_there_and_back(self, shop: Shop) -> None:
        shop.move("out", [moved(4, MovementKind.TRANSFER_OUT, to_node_id="N2")], CAUSE)
        assert (shop.at().on_hand, shop.at(node="N2").in_transit, shop.at(node="N2").on_hand) == (6, 4, 0)
        arrived = [moved(3, MovementKind.TRANSFER_IN, node_id="N2"), moved(1, MovementKind.TRANSFER_LOSS, node_id="N2")]
        shop.move("in", arrived, CAUSE)
        there = shop.at(node="N2")
        assert (there.on_hand, there.available, there.in_transit) == (3, 3, 0)
        with pytest.raises(InsufficientStockError):
            shop.move("more", [moved(1, MovementKind.TRANSFER_IN, node_id="N2")], CAUSE)

    @pytest.mark.parametrize(
        ("wrong", "error"),
        [
            ({"node_id": "NX"}, NoSuchNodeError),
            ({"kind": MovementKind.TRANSFER_OUT, "to_node_id": "NX"}, NoSuchNodeError),
            ({"sku": "X"}, NoSuchSkuError),
            ({"to_node_id": "N2"}, InvalidInputError),
        ],
    )
    def test_what_nobody_knows_is_refused_by_name(
        self, shop: Shop, wrong: dict[str, Any], error: type[Exception]
    ) -> None:
        before = shop.store.positions["A"].copy()
        with pytest.raises(error):
            shop.move("k", [moved(1, **wrong)], CAUSE)
        assert shop.store.positions["A"] == before
        shop.move("k", [moved(1)], CAUSE)

    def test_the_fingerprint_of_an_older_request_stays(self, shop: Shop) -> None:
        """Keys do not expire: what was added to a movement since is left out where it says nothing."""
        (commit,) = shop.log.read(next(iter(shop.store.streams))).commits
        assert commit.command_id == "cmd_WKD2AN964TPVY9XT2TNZQ22YHT"


class TestCounts:
    def test_a_count_corrects_the_book_once(self, shop: Shop) -> None:
        answer = shop.count("k", [counted(8)], CAUSE)
        assert not answer["replayed"]
        assert (shop.at().on_hand, shop.at().available, shop.at().counts) == (8, 8, 1)
        again = shop.count("k", [counted(8)], CAUSE)
        assert again == {**answer, "replayed": True}
        assert shop.at().counts == 1
        with pytest.raises(IdempotencyKeyReusedError):
            shop.count("k", [counted(7)], CAUSE)

    def test_a_count_that_finds_what_the_book_says_is_kept(self, shop: Shop) -> None:
        assert told(shop.count("k", [counted(10)], CAUSE)).on_hand == 0
        assert shop.at() == StockDelta(sku="A", node_id="N1", on_hand=10, available=10, counts=1)

    def test_what_was_never_stocked_can_be_counted(self, shop: Shop) -> None:
        shop.count("k", [counted(3, sku="B", node_id="N2")], CAUSE)
        assert shop.at("B", "N2").available == 3

    def test_a_reservation_that_comes_between_is_kept(self, shop: Shop) -> None:
        shop.stock.then = [lambda: shop.now_is(available=1, reserved=9)]
        event = told(shop.count("k", [counted(8)], CAUSE))
        assert (event.missing, shop.at().reserved, shop.at().available, shop.at().short) == (1, 9, 0, 1)
        assert shop.at().on_hand == 9

    def test_a_shipment_that_comes_between_is_not_undone(self, shop: Shop) -> None:
        shop.stock.then = [lambda: shop.now_is(on_hand=6, available=6)]
        assert told(shop.count("k", [counted(9)], CAUSE)).book == 10
        assert (shop.at().on_hand, shop.at().available) == (5, 5)

    def test_a_count_that_comes_between_counts_as_newer_knowledge(self, shop: Shop) -> None:
        shop.stock.then = [lambda: shop.now_is(on_hand=9, available=9, counts=1)]
        assert told(shop.count("k", [counted(9)], CAUSE)).on_hand == 0
        assert (shop.at().on_hand, shop.at().counts) == (9, 2)

    def test_a_counter_who_says_what_he_knew_is_held_to_it(self, shop: Shop) -> None:
        seen = CountSeen(on_hand=10, counts=0)
        shop.now_is(on_hand=7, available=7)
        shop.count("k", [counted(9, seen=seen)], CAUSE)
        assert (shop.at().on_hand, shop.at().counts) == (6, 1)
        with pytest.raises(CountOutdatedError):
            shop.count("k2", [counted(9, seen=seen)], CAUSE)
        assert shop.count("k", [counted(9, seen=seen)], CAUSE)["replayed"]

    def test_positions_that_keep_moving_end_in_a_name(self, shop: Shop) -> None:
        shop.stock.then = [partial(shop.now_is, on_hand=units, available=units) for units in range(11, 30)]
        with pytest.raises(ContentionError):
            shop.count("k", [counted(9)], CAUSE)
        assert shop.stock.reads == RECOUNTS

    def test_one_position_is_counted_once_in_a_request(self, shop: Shop) -> None:
        for counts in ([], [counted(1), counted(2)]):
            with pytest.raises(InvalidInputError):
                shop.count("k", counts, CAUSE)

    def test_unknown_names_are_refused(self, shop: Shop) -> None:
        with pytest.raises(NoSuchNodeError):
            shop.count("k", [counted(1, node_id="NX")], CAUSE)
        with pytest.raises(NoSuchSkuError):
            shop.count("k", [counted(1, sku="X")], CAUSE)

    def test_missing_units_are_put_before_a_person_once(self, shop: Shop) -> None:
        shop.now_is(available=4, reserved=6)
        answer = shop.count("k", [counted(5)], CAUSE)
        (commit,) = shop.log.read(f"stock#{answer['count_id']}").commits
        views = MemoryViews(shop.store)
        relay = RelayCommit(views, MemoryWorkflows(shop.store), MemoryBus(shop.store))
        relay(commit)
        relay(commit)
        (alert,), _ = views.list_rows("alert", 10, "")
        assert (alert["kind"], alert["sku"], alert["node_id"], alert["missing"]) == ("stock_missing", "A", "N1", 1)
        shop.now_is(reserved=5, on_hand=5)
        answer = shop.count("k2", [counted(5)], CAUSE)
        (commit,) = shop.log.read(f"stock#{answer['count_id']}").commits
        relay(commit)
        assert len(views.list_rows("alert", 10, "")[0]) == 1


class TestAvailability:
    def test_by_sku_and_node(self, shop: Shop) -> None:
        shop.receive(3, node="N2")
        shop.receive(7, node="OLD")
        shop.move("out", [moved(2, MovementKind.TRANSFER_OUT, to_node_id="N2")], CAUSE)
        assert shop.availability(["A", "B", "A"]) == [
            {"sku": "A", "available": 11, "on_hand": 11, "in_transit": 2, "nodes": {"N1": 8, "N2": 3}},
            {"sku": "B", "available": 0, "on_hand": 0, "in_transit": 0, "nodes": {"N1": 0, "N2": 0}},
        ]
        assert shop.availability(["A"], ["N2"])[0] == {
            "sku": "A",
            "available": 3,
            "on_hand": 3,
            "in_transit": 2,
            "nodes": {"N2": 3},
        }

    def test_what_cannot_be_promised_is_not_available(self, shop: Shop) -> None:
        shop.receive(7, node="OLD")
        shop.now_is(short=1)
        (found,) = shop.availability(["A"], ["N1", "OLD"])
        assert (found["available"], found["on_hand"], found["nodes"]) == (0, 17, {"N1": 0, "OLD": 0})

    def test_unknown_names_and_too_many_are_refused(self, shop: Shop) -> None:
        with pytest.raises(NoSuchSkuError) as unknown:
            shop.availability(["A", "X", "Y"])
        assert unknown.value.context == {"skus": ["X", "Y"]}
        with pytest.raises(NoSuchNodeError):
            shop.availability(["A"], ["N1", "NX"])
        with pytest.raises(TooManyPositionsError):
            shop.availability([f"S{number}" for number in range(MAX_SKUS + 1)])
        with pytest.raises(TooManyPositionsError):
            shop.availability(["A"], [f"N{number}" for number in range(MAX_NODES + 1)])


SOON, LATE = "lot:2026-05-01:L-1", "lot:9999-12-31:L-2"


class TestLots:
    @pytest.fixture
    def kept(self, shop: Shop) -> Shop:
        """Ten units without a lot at N1; at N2 four of one lot and six of another, of which two are bound."""
        for segment, units in ((SOON, 4), (LATE, 6)):
            shop.move(segment, [moved(units, node_id="N2", segment=segment)], CAUSE)
        for node in ("N2", f"N2~{SOON}"):
            known = self.row(shop, node)
            shop.store.positions["A"][node] = replace(known, available=known.available - 2, reserved=2)
        return shop

    @staticmethod
    def row(shop: Shop, node: str) -> StockDelta:
        return shop.store.positions["A"][node]

    def test_a_lot_is_counted_and_its_position_with_it(self, kept: Shop) -> None:
        answer = kept.count(
            "k", [counted(3, node_id="N2", segment=SOON), counted(7, node_id="N2", segment=LATE)], CAUSE
        )
        assert [each.on_hand for each in answer["counts"]] == [-1, 1]
        row, position = self.row(kept, f"N2~{SOON}"), self.row(kept, "N2")
        assert (row.on_hand, row.available, row.reserved, row.counts) == (3, 1, 2, 1)
        assert (position.on_hand, position.available, position.reserved, position.counts) == (10, 8, 2, 0)
        assert kept.count("k", [counted(3, node_id="N2", segment=SOON), counted(7, node_id="N2", segment=LATE)], CAUSE)[
            "replayed"
        ]

    def test_what_orders_have_bound_of_a_lot_and_nobody_finds_is_short_at_both(self, kept: Shop) -> None:
        event = told(kept.count("k", [counted(1, node_id="N2", segment=SOON)], CAUSE))
        assert (event.missing, event.node_id, event.segment) == (1, "N2", SOON)
        assert (self.row(kept, f"N2~{SOON}").short, self.row(kept, "N2").short) == (1, 1)
        with pytest.raises(InvalidInputError):
            kept.count("k2", [counted(5, node_id="N2")], CAUSE)
        kept.count("k3", [counted(2, node_id="N2", segment=SOON)], CAUSE)
        assert (self.row(kept, f"N2~{SOON}").short, self.row(kept, "N2").short) == (0, 0)

    def test_a_counter_of_a_lot_knows_the_lot(self, kept: Shop) -> None:
        seen = CountSeen(on_hand=4, counts=0)
        kept.move("more", [moved(5, node_id="N2", segment=SOON)], CAUSE)
        kept.count("k", [counted(3, node_id="N2", segment=SOON, seen=seen)], CAUSE)
        assert self.row(kept, f"N2~{SOON}").on_hand == 8
        with pytest.raises(CountOutdatedError):
            kept.count("k2", [counted(3, node_id="N2", segment=SOON, seen=seen)], CAUSE)

    def test_what_cannot_be_counted_together_or_is_not_there(self, kept: Shop) -> None:
        with pytest.raises(InvalidInputError):
            kept.count("k", [counted(3, segment=SOON), counted(3)], CAUSE)
        kept.move("fence", [moved(7, MovementKind.POOL_FILL, node_id="N2", segment="pool:vip")], CAUSE)
        with pytest.raises(InvalidInputError):
            kept.count("k2", [counted(0, node_id="N2", segment=LATE)], CAUSE)
        many = [counted(1, segment=f"lot:9999-12-31:{number}") for number in range(90)]
        with pytest.raises(InvalidInputError):
            kept.count("k3", many, CAUSE)
        kept.count("k4", many[:89], CAUSE)
        assert self.row(kept, "N1").on_hand == 10 + 89

    def test_a_movement_between_is_counted_again(self, kept: Shop) -> None:
        kept.stock.then.append(partial(kept.receive_lot, 2))
        kept.count("k", [counted(3, node_id="N2", segment=SOON)], CAUSE)
        assert (self.row(kept, f"N2~{SOON}").on_hand, self.row(kept, "N2").on_hand) == (5, 11)
