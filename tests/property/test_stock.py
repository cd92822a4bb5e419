"""Random movements, counts and orders: positions are the fold of what happened, in balance and never below zero."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from oms.application.stock import CountStock, MoveStock
from oms.domain.commit import Cause, Commit
from oms.domain.counting import CountSeen, PositionCount
from oms.domain.errors import CountOutdatedError, InsufficientStockError, InvalidInputError
from oms.domain.movements import REASONS, Into, MovementKind
from oms.domain.offers import Offer
from oms.domain.order import events as ev
from oms.domain.pools import NO_ACCESS, Access
from oms.domain.segments import less, taken
from oms.domain.stock import COMPONENTS, PARTS, StockDelta, StockMovement, stock_deltas
from tests.proof.invariants.stock import balanced, entries_balance, positions_of_history, unheard
from tests.proof.memory import MemoryLog, MemoryReference, MemoryStock, Store
from tests.support.builders import minutes

if TYPE_CHECKING:
    from collections.abc import Callable

CAUSE: Final = Cause(kind="api", ref="r:k", actor="warehouse")
NODES: Final = ("N1", "N2")
SKUS: Final = ("A", "B")
VIP: Final = Access(pools=("pool:vip",))
LOTS: Final = ("", "lot:2026-01-01:old", "lot:2027-03-01:a", "lot:9999-12-31:b")
"""Of SKU B; nothing of the first that is named is promised any more. Lots cannot be counted, so A has none."""
SIGNED: Final = (MovementKind.ADJUSTMENT, MovementKind.SAFETY)
PLACE: Final = st.tuples(st.sampled_from(SKUS), st.sampled_from(NODES))
UNITS: Final = st.integers(1, 6)
PICK: Final = st.integers(0, 99)


class StockMachine(RuleBasedStateMachine):
    """A warehouse, its counters and its orders. `bound` is what orders have bound, kept by the orders' own count."""

    def __init__(self) -> None:
        super().__init__()
        self.store, self.log, self.stock = self.ports()
        reference = MemoryReference(Store())
        for node in NODES:
            reference.put("node", node, {"node_id": node, "country": "DE", "latitude": 50, "longitude": 8})
        for sku in SKUS:
            reference.put("product", sku, {"sku": sku})
        self.move = MoveStock(self.log, reference, lambda: minutes(0))
        self.count = CountStock(self.log, self.stock, reference, lambda: minutes(0))
        self.bound: Counter[tuple[str, str]] = Counter()
        self.parts: dict[tuple[str, str], list[ev.NodeUnits]] = {(sku, node): [] for sku in SKUS for node in NODES}
        """Of each place what orders have bound, in the order in which they did."""
        self.sent: Counter[str] = Counter()
        self.looked: dict[tuple[str, str], CountSeen] = {}
        self.done: list[tuple[Any, str, Any]] = []
        self.reached: Counter[str] = Counter()
        """How often something happened that is worth happening."""

    def ports(self) -> tuple[Any, Any, Any]:
        """What is stored, with its positions and streams; the log and the stock over it."""
        store = Store()
        return store, MemoryLog(store, faithful=True), MemoryStock(store)

    def at(self, place: tuple[str, str]) -> StockDelta:
        sku, node = place
        return self.store.positions.get(sku, {}).get(node) or StockDelta(sku=sku, node_id=node)

    def key(self) -> str:
        return f"key {len(self.done)}"

    # ---------------------------------------------------------------- people and goods

    @initialize()
    def opens(self) -> None:
        for sku in SKUS:
            for node in NODES:
                self.moves((sku, node), MovementKind.RECEIPT, 6, back=False, pick=0)

    @rule(place=PLACE, kind=st.sampled_from(MovementKind), units=UNITS, back=st.booleans(), pick=PICK)
    def moves(self, place: tuple[str, str], kind: MovementKind, units: int, *, back: bool, pick: int) -> None:
        sku, node = place
        pools = kind in (MovementKind.POOL_FILL, MovementKind.POOL_RELEASE)
        codes, comes_in = sorted(REASONS[kind]), kind in (MovementKind.RECEIPT, MovementKind.TRANSFER_IN)
        movement = StockMovement(
            sku=sku,
            node_id=node,
            kind=kind,
            quantity=-units if back and kind in SIGNED else units,
            code=codes[pick % len(codes)],
            into=list(Into)[pick % 3] if comes_in else Into.AVAILABLE,
            to_node_id=NODES[1 - NODES.index(node)] if kind is MovementKind.TRANSFER_OUT else "",
            segment="pool:vip" if pools else LOTS[pick % len(LOTS)] if sku == "B" else "",
        )
        before, key = self.at(place), self.key()
        try:
            self.move(key, [movement], CAUSE)
        except InsufficientStockError:
            assert self.at(place) == before
            return
        self.done.append((self.move, key, [movement]))
        self.reached[kind.value] += 1
        if kind is MovementKind.TRANSFER_OUT:
            self.sent[sku] += units
        elif kind in (MovementKind.TRANSFER_IN, MovementKind.TRANSFER_LOSS):
            self.sent[sku] -= units

    @rule(place=PLACE)
    def looks(self, place: tuple[str, str]) -> None:
        """A counter takes down what the book says, and comes back later."""
        self.looked[place] = CountSeen(on_hand=self.at(place).on_hand, counts=self.at(place).counts)

    @rule(place=PLACE, found=st.integers(0, 30), knows=st.booleans())
    def counts(self, place: tuple[str, str], found: int, *, knows: bool) -> None:
        sku, node = place
        seen = self.looked.get(place) if knows else None
        count = PositionCount(sku=sku, node_id=node, counted=found, seen=seen)
        before, key = self.at(place), self.key()
        left = before.on_hand + found - (seen or before).on_hand
        try:
            self.count(key, [count], CAUSE)
        except InvalidInputError:
            lots = [self.at((sku, f"{node}~{lot}")) for lot in LOTS[1:]]
            assert any(each.on_hand or each.short for each in lots)
            assert self.at(place) == before
            self.reached["not by lot"] += 1
            return
        except CountOutdatedError:
            assert seen is not None
            assert seen.counts != before.counts or left < 0
            assert self.at(place) == before
            self.reached["counted meanwhile" if seen.counts != before.counts else "more has left"] += 1
            return
        self.done.append((self.count, key, [count]))
        self.reached["found again" if before.short and not self.at(place).short else "counted"] += 1
        self.reached["missing"] += self.at(place).short > 0
        after = self.at(place)
        assert after.in_transit == before.in_transit
        assert after.on_hand - after.short == left
        assert (after.reserved, after.pooled) == (before.reserved, before.pooled)
        spoken_for = after.reserved + after.pooled
        assert after.short == max(0, spoken_for - left)
        assert not after.short or sum(getattr(after, part) for part in PARTS) == spoken_for
        assert all(getattr(after, part) <= getattr(before, part) for part in ("safety", "damaged", "qc"))

    @rule(node=st.sampled_from(NODES), pick=PICK, found=st.integers(0, 12))
    def counts_a_lot(self, node: str, pick: int, found: int) -> None:
        """What is found of a lot is so of its position too; neither takes a unit from an order."""
        lot = LOTS[1 + pick % 3]
        row, whole = ("B", f"{node}~{lot}"), ("B", node)
        count = PositionCount(sku="B", node_id=node, counted=found, segment=lot)
        before, position, key = self.at(row), self.at(whole), self.key()
        try:
            self.count(key, [count], CAUSE)
        except InvalidInputError:
            assert (self.at(row), self.at(whole)) == (before, position)
            lacks = {name: getattr(position, name) - getattr(before, name) for name in (*PARTS, "short")}
            assert min(lacks.values()) < 0  # units were moved without their lot
            return
        self.done.append((self.count, key, [count]))
        after, moved = self.at(row), self.at(whole)
        self.reached["lot found again" if before.short and not after.short else "lot counted"] += 1
        self.reached["missing of a lot"] += after.short > 0
        assert (after.on_hand - after.short, after.counts) == (found, before.counts + 1)
        assert after.reserved == before.reserved
        changed = {name: getattr(after, name) - getattr(before, name) for name in COMPONENTS}
        assert {name: getattr(moved, name) - getattr(position, name) for name in COMPONENTS} == {**changed, "counts": 0}

    # ---------------------------------------------------------------- orders

    def commit(self, event: object) -> None:
        """An order's commit, with its stock."""
        stream = f"order#{len(self.done)}"
        commit = Commit(
            stream=stream,
            number=1,
            command_id=stream,
            cause=CAUSE,
            at=minutes(0),
            events=(event,),
            previous=self.log.read(stream).head,
        )
        self.log.append(commit, stock=stock_deltas([event]))
        self.done.append((None, "", None))

    @staticmethod
    def units(place: tuple[str, str], quantity: int) -> tuple[ev.NodeUnits, ...]:
        return (ev.NodeUnits(line_id="1", sku=place[0], node_id=place[1], quantity=quantity),)

    @rule(place=PLACE, units=UNITS, vip=st.booleans())
    def promises(self, place: tuple[str, str], units: int, *, vip: bool) -> None:
        """Exactly what can be promised to somebody is bound, and nothing where units are missing."""
        offer = Offer(self.store.positions[place[0]].values(), minutes(0), VIP if vip else NO_ACCESS)
        (offered,) = [each for each in offer.positions if each.node_id == place[1]]
        can = offered.promisable + offer.pooled(offered)
        if offered.available < self.at(place).available and units > can:
            self.reached["over"] += 1  # units that are there and nobody is offered: no condition of a row says so
            return
        event = ev.LinesReserved(
            units=offer.draw(self.units(place, units)),
            fulfillment_orders={"ful_1": place[1]},
            promised_by=minutes(0),
        )
        try:
            self.commit(event)
        except InsufficientStockError:
            assert units > can
            self.reached["closed while units are missing"] += units <= self.at(place).available
            return
        assert units <= can
        self.parts[place] += event.units
        self.bound[place] += units
        for each in event.units[0].drawn:
            self.reached[each.segment.partition(":")[0]] += 1

    def let_go(self, place: tuple[str, str], pick: int) -> tuple[ev.NodeUnits, ...]:
        """Some units of what was bound first, or last."""
        last = bool(pick % 2)
        part = self.parts[place].pop(-1 if last else 0)
        count = min(part.quantity, 1 + pick % 4)
        gone = taken(part.drawn, ((part.sku, count),), of=part.parts, last=last)
        if rest := part.quantity - count:
            left = replace(part, quantity=rest, drawn=less(part.drawn, gone))
            self.parts[place].insert(len(self.parts[place]) if last else 0, left)
        return (replace(part, quantity=count, drawn=gone),)

    @rule(place=PLACE, pick=PICK)
    def ends(self, place: tuple[str, str], pick: int) -> None:
        """Units that are bound leave, are cancelled or cannot be found: no count can stop that."""
        if not self.parts[place]:
            return
        parts = self.let_go(place, pick)
        rejected = {"fulfillment_order_id": "ful_1", "node_id": place[1], "units": parts}
        parcel = ev.ShippedParcel(parcel_id="p", carrier="c", tracking_number="t", units=parts)
        self.commit(
            (
                ev.LinesCancelled(lines=(), origin="oms", freed=parts, fulfillment_orders=("ful_1",)),
                ev.ShipmentShipped(shipment_id="s", fulfillment_order_id="ful_1", node_id=place[1], parcels=(parcel,)),
                *(
                    ev.FulfillmentOrderRejected(reason=reason, **rejected)  # type: ignore[arg-type]
                    for reason in ("not_found", "damaged", "no_capacity")
                ),
            )[pick % 5]
        )
        self.bound[place] -= parts[0].quantity

    @rule(place=PLACE, pick=PICK)
    def goes_elsewhere(self, place: tuple[str, str], pick: int) -> None:
        """Units that are bound are bound at the other node, if it can promise them; else nothing happens."""
        if not self.parts[place]:
            return
        sku, other = place[0], NODES[1 - NODES.index(place[1])]
        kept = list(self.parts[place])
        freed = self.let_go(place, pick)
        offer = Offer(self.store.positions[sku].values(), minutes(0), VIP if pick % 3 else NO_ACCESS)
        units = offer.draw(self.units((sku, other), freed[0].quantity))
        before = (self.at(place), self.at((sku, other)))
        event = ev.LinesMoved(
            freed=freed,
            out_of=("ful_1",),
            units=units,
            fulfillment_orders={"ful_2": other},
            promised_by=minutes(0),
            release_at=minutes(0),
        )
        try:
            self.commit(event)
        except InsufficientStockError:
            assert (self.at(place), self.at((sku, other))) == before
            self.parts[place] = kept
            self.reached["cannot move"] += 1
            return
        self.parts[sku, other] += units
        self.bound[place] -= freed[0].quantity
        self.bound[sku, other] += freed[0].quantity
        self.reached["moved"] += 1

    @rule(place=PLACE, units=UNITS, disposition=st.sampled_from(ev.Disposition))
    def comes_back(self, place: tuple[str, str], units: int, disposition: ev.Disposition) -> None:
        self.commit(ev.LinesReturned(units=self.units(place, units), disposition=disposition))

    @rule(pick=PICK)
    def again(self, pick: int) -> None:
        """A request that comes again under its key changes nothing."""
        asked = [each for each in self.done if each[0] is not None]
        if asked:
            use, key, what = asked[pick % len(asked)]
            before = {sku: dict(at) for sku, at in self.store.positions.items()}
            assert use(key, what, CAUSE)["replayed"]
            assert self.store.positions == before

    # ---------------------------------------------------------------- what holds

    @invariant()
    def positions_are_what_happened(self) -> None:
        streams = {name: each.stored for name, each in self.store.streams.items()}
        positions = {(sku, node): at for sku, nodes in self.store.positions.items() for node, at in nodes.items()}
        for found in (
            balanced(positions),
            positions_of_history(streams, positions),
            unheard(streams, positions),
            entries_balance(streams),
        ):
            assert list(found) == []
        folded: dict[tuple[str, str], StockDelta] = {}
        for stream in streams:
            for delta in stock_deltas(self.log.read(stream).events()):
                place = delta.sku, delta.node_id
                folded[place] = folded[place].plus(delta) if place in folded else delta
        for place, at in positions.items():
            assert at.balanced
            assert min(getattr(at, name) for name in COMPONENTS) >= 0
            assert folded.get(place, StockDelta(sku=place[0], node_id=place[1])) == at

    @invariant()
    def orders_keep_what_they_have_bound(self) -> None:
        for sku in SKUS:
            for node in NODES:
                assert self.at((sku, node)).reserved == self.bound[sku, node]

    @invariant()
    def pools_have_what_positions_set_aside(self) -> None:
        for sku in SKUS:
            for node in NODES:
                assert self.at((sku, node)).pooled == self.at((sku, f"{node}~pool:vip")).free

    @invariant()
    def what_left_a_node_is_on_its_way(self) -> None:
        for sku in SKUS:
            assert sum(self.at((sku, node)).in_transit for node in NODES) == self.sent[sku]


TestStock = StockMachine.TestCase


def walk(seed: int, steps: int) -> StockMachine:
    """A long way through the same rules, drawn evenly: hypothesis shrinks better, this gets further."""
    draw = random.Random(seed)
    machine = StockMachine()
    machine.opens()

    def place() -> tuple[str, str]:
        return draw.choice(SKUS), draw.choice(NODES)

    often = (MovementKind.RECEIPT, MovementKind.TRANSFER_OUT, MovementKind.TRANSFER_IN, MovementKind.POOL_FILL)

    def moves() -> None:
        kind = draw.choice([*MovementKind, *often])
        machine.moves(place(), kind, draw.randint(1, 6), back=draw.random() < 0.5, pick=draw.randrange(99))

    rules: list[Callable[[], object]] = [
        *(moves, moves, moves),
        lambda: machine.looks(place()),
        lambda: machine.counts(place(), draw.choice([0, *range(25)]), knows=draw.random() < 0.7),
        lambda: machine.counts_a_lot(draw.choice(NODES), draw.randrange(99), draw.randrange(8)),
        lambda: machine.promises(place(), draw.randint(1, 6), vip=draw.random() < 0.4),
        lambda: machine.ends(place(), draw.randrange(99)),
        lambda: machine.goes_elsewhere(place(), draw.randrange(99)),
        lambda: machine.comes_back(place(), draw.randint(1, 6), draw.choice(list(ev.Disposition))),
        lambda: machine.again(draw.randrange(99)),
    ]
    for _ in range(steps):
        draw.choice(rules)()
        machine.positions_are_what_happened()
        machine.orders_keep_what_they_have_bound()
        machine.pools_have_what_positions_set_aside()
        machine.what_left_a_node_is_on_its_way()
    return machine


def test_a_long_way_through_a_warehouse() -> None:
    reached: Counter[str] = Counter()
    for seed in range(25):
        reached += walk(seed, steps=100).reached
    assert set(reached) == {
        *(each.value for each in MovementKind),
        "counted",
        "missing",
        "found again",
        "counted meanwhile",
        "more has left",
        "closed while units are missing",
        *("pool", "lot", "over", "not by lot"),
        *("lot counted", "lot found again", "missing of a lot"),
        *("moved", "cannot move"),
    }
