"""A position spread over rows is the position: the same operations, asked of either, end alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from oms.adapters.dynamodb_log import DynamoLog, DynamoStock
from oms.adapters.dynamodb_scan import DynamoScan
from oms.adapters.shards import Shards
from oms.application.stock import CountStock, MoveStock
from oms.domain.audit import UnreadableRow
from oms.domain.commit import Cause, Commit
from oms.domain.counting import PositionCount
from oms.domain.errors import CountOutdatedError, InsufficientStockError
from oms.domain.movements import MovementKind
from oms.domain.order import events as ev
from oms.domain.shards import MAX_SHARDS, Row, allot, gather, path, spread, total
from oms.domain.stock import COMPONENTS, PARTS, KeepingDelta, StockDelta, StockMovement, stock_deltas
from tests.proof.memory import MemoryLog, MemoryReference, MemoryStock, Store
from tests.proof.memory.tables import Tables
from tests.support.builders import minutes

if TYPE_CHECKING:
    from collections.abc import Sequence

CAUSE: Final = Cause(kind="api", ref="r:k", actor="warehouse")
SKU: Final = "A"
UNITS: Final = st.integers(1, 9)
COUNTS: Final = st.sampled_from((1, 2, 4, 8, 16))
KEYS: Final = st.text(min_size=1, max_size=9)


def row(**units: int) -> StockDelta:
    return StockDelta(sku=SKU, node_id="N1", **units)


@st.composite
def rows_of(draw: st.DrawFn) -> list[StockDelta]:
    """Rows of a position, each in balance."""
    count = draw(COUNTS)
    found = []
    for shard in range(count):
        parts = {part: draw(st.integers(0, 30)) for part in PARTS}
        lead = {"in_transit": draw(st.integers(0, 5))} if shard == 0 else {}
        found.append(row(on_hand=sum(parts.values()), **parts, **lead))
    return found


@st.composite
def deltas(draw: st.DrawFn) -> StockDelta:
    """A balanced change of a position."""
    parts = {part: draw(st.integers(-40, 20)) for part in PARTS if draw(st.booleans())}
    return row(on_hand=sum(parts.values()), in_transit=draw(st.integers(-3, 3)), **parts)


def applied(rows: Sequence[StockDelta], made: Sequence[Row]) -> list[StockDelta]:
    after = list(rows)
    for each in made:
        after[each.shard] = after[each.shard].plus(each.delta)
    return after


@given(rows_of(), deltas(), KEYS)
def test_a_change_is_made_in_rows_if_and_only_if_the_position_has_what_it_takes(
    rows: list[StockDelta], delta: StockDelta, key: str
) -> None:
    whole = total(rows).plus(delta)
    made = allot(delta, rows, key)
    assert (made is not None) == all(getattr(whole, name) >= 0 for name in COMPONENTS)
    if made is not None:
        after = applied(rows, made)
        assert total(after) == whole
        assert all(each.balanced and min(getattr(each, name) for name in COMPONENTS) >= 0 for each in after)
        assert len({each.shard for each in made}) == len(made)


@given(rows_of(), st.integers(1, 5), KEYS)
def test_a_reservation_that_one_row_can_take_is_taken_in_one_row(rows: list[StockDelta], units: int, key: str) -> None:
    made = allot(row(available=-units, reserved=units), rows, key)
    home = rows[path(key, len(rows))[0]]
    if home.available >= units:
        assert made is not None
        assert [each.shard for each in made] == [path(key, len(rows))[0]]


@given(KEYS, st.sampled_from((1, 2, 4, 8, 16, 32, MAX_SHARDS)))
def test_every_row_is_tried_once(key: str, shards: int) -> None:
    assert sorted(path(key, shards)) == list(range(shards))


@given(rows_of(), st.sampled_from((2, 4, 8)))
def test_spreading_and_gathering_change_no_position(rows: list[StockDelta], factor: int) -> None:
    count = len(rows)
    wider = [*rows, *[row()] * (count * (factor - 1))]
    if factor > 1:
        after = applied(wider, spread(rows[0], count, count * factor, minutes(0)))
        assert total(after) == total(rows)
        assert all(each.balanced and each.available >= 0 for each in after)
    lead, *others = applied(rows, gather(rows))
    assert lead == total(rows)
    assert not any(each.changes for each in others)


class SpreadMachine(RuleBasedStateMachine):
    """Two systems that are asked the same: one keeps a position whole, the other in as many rows as it likes.

    The second has two processes, each with what it remembers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.store = Store()
        self.tables = Tables()
        self.time = 0.0
        reference = MemoryReference(self.store)
        for node in ("N1", "N2"):
            reference.put("node", node, {"node_id": node, "country": "DE", "latitude": 50, "longitude": 8})
        reference.put("product", SKU, {"sku": SKU})
        self.whole: Any = (MemoryLog(self.store, faithful=True), MemoryStock(self.store))
        self.parted: list[Any] = []
        self.shards: list[Shards] = []
        for _ in range(2):
            shards = Shards(self.tables, "stock", lambda: self.time)
            log = DynamoLog(self.tables, "events", "stock", shards, lambda _: None)
            self.parted.append((log, DynamoStock(self.tables, "stock", shards)))
            self.shards.append(shards)
        self.reference = reference
        self.number = 0
        self.bound = 0

    def both(self, what: Any, process: int) -> bool:
        """Whether it was done; the same of both."""
        ends = []
        for log, stock in (self.whole, self.parted[process]):
            try:
                what(log, stock)
                ends.append("")
            except (InsufficientStockError, CountOutdatedError) as error:
                ends.append(type(error).__name__)
        assert ends[0] == ends[1], ends
        return not ends[0]

    def append(self, event: object, process: int, keep: int = 0) -> bool:
        """An order's event and what it does to stock, in a stream of its own."""
        self.number += 1
        stream = f"order#{self.number}"

        def write(log: Any, _stock: Any) -> None:
            commit = Commit(
                stream=stream,
                number=1,
                command_id=f"cmd_{self.number}",
                cause=CAUSE,
                at=minutes(self.number),
                events=(event,),
                previous="0" * 16,
            )
            deltas: list[StockDelta] = list(stock_deltas([event]))
            if keep:
                deltas = [KeepingDelta(sku=SKU, node_id="N1", keep=keep, **each.changes) for each in deltas]
            log.append(commit, stock=deltas)

        return self.both(write, process)

    @initialize(units=st.integers(0, 200))
    def opening(self, units: int) -> None:
        self.move(MovementKind.RECEIPT, units + 1, 0)

    @rule(
        kind=st.sampled_from([each for each in MovementKind if each.value != "transfer_out"]),
        units=st.integers(1, 40),
        process=st.integers(0, 1),
    )
    def move(self, kind: MovementKind, units: int, process: int) -> None:
        self.number += 1
        segment = "pool:vip" if kind in (MovementKind.POOL_FILL, MovementKind.POOL_RELEASE) else ""
        moved = [StockMovement(sku=SKU, node_id="N1", kind=kind, quantity=units, segment=segment)]
        key = f"k{self.number}"
        self.both(
            lambda log, _: MoveStock(log, self.reference, lambda: minutes(self.number))(key, moved, CAUSE), process
        )

    @rule(units=UNITS, process=st.integers(0, 1))
    def transfer(self, units: int, process: int) -> None:
        self.number += 1
        moved = [
            StockMovement(sku=SKU, node_id="N2", kind=MovementKind.RECEIPT, quantity=units),
            StockMovement(sku=SKU, node_id="N2", kind=MovementKind.TRANSFER_OUT, quantity=units, to_node_id="N1"),
        ]
        key = f"k{self.number}"
        self.both(
            lambda log, _: MoveStock(log, self.reference, lambda: minutes(self.number))(key, moved, CAUSE), process
        )

    @rule(units=st.integers(1, 20), keep=st.integers(1, 60), process=st.integers(0, 1))
    def reserve_for_a_channel(self, units: int, keep: int, process: int) -> None:
        """A buffer holds for the position, in however many rows it lies."""
        parts = (ev.NodeUnits(line_id="1", sku=SKU, node_id="N1", quantity=units),)
        event = ev.LinesReserved(units=parts, fulfillment_orders={"f": "N1"}, promised_by=minutes(0))
        if self.append(event, process, keep):
            self.bound += units

    @rule(units=st.integers(1, 60), process=st.integers(0, 1))
    def reserve(self, units: int, process: int) -> None:
        parts = (ev.NodeUnits(line_id="1", sku=SKU, node_id="N1", quantity=units),)
        event = ev.LinesReserved(units=parts, fulfillment_orders={"f": "N1"}, promised_by=minutes(0))
        if self.append(event, process):
            self.bound += units

    @rule(
        units=st.integers(1, 60), how=st.sampled_from(("ship", "cancel", "reject", "lose")), process=st.integers(0, 1)
    )
    def release(self, units: int, how: str, process: int) -> None:
        if units > self.bound:
            return
        parts = (ev.NodeUnits(line_id="1", sku=SKU, node_id="N1", quantity=units),)
        lines = (ev.LineUnits(line_id="1", quantity=units),)
        parcel = ev.ShippedParcel(parcel_id="p", carrier="DHL", tracking_number="1", units=parts)
        event: object = {
            "ship": ev.ShipmentShipped(shipment_id="s", fulfillment_order_id="f", node_id="N1", parcels=(parcel,)),
            "cancel": ev.LinesCancelled(lines=lines, origin="api", freed=parts),
            "reject": ev.FulfillmentOrderRejected(
                fulfillment_order_id="f", node_id="N1", reason="damaged", units=parts
            ),
            "lose": ev.FulfillmentOrderRejected(
                fulfillment_order_id="f", node_id="N1", reason="not_found", units=parts
            ),
        }[how]
        assert self.append(event, process), "units that orders have bound can always leave"
        self.bound -= units

    @rule(counted=st.integers(0, 300), process=st.integers(0, 1))
    def count(self, counted: int, process: int) -> None:
        self.number += 1
        counts = [PositionCount(sku=SKU, node_id="N1", counted=counted)]
        key = f"k{self.number}"
        self.both(
            lambda log, stock: CountStock(log, stock, self.reference, lambda: minutes(self.number))(key, counts, CAUSE),
            process,
        )

    @rule(times=st.integers(3, 6), process=st.integers(0, 1))
    def heat(self, times: int, process: int) -> None:
        """The position is spread, or spread further, as after so many collisions."""
        self.number += 1
        self.parted[process][1].positions([SKU])
        self.parted[process][0].reshape.heat({(SKU, "N1"): times}, minutes(self.number))

    @rule(process=st.integers(0, 1))
    def cool(self, process: int) -> None:
        """It is put together again."""
        self.parted[process][0].reshape.gather((SKU, "N1"), minutes(self.number))

    @rule(seconds=st.sampled_from((0.1, 2.0)))
    def wait(self, seconds: float) -> None:
        """What processes remember grows old."""
        self.time += seconds

    @rule(process=st.integers(0, 1), units=st.integers(1, 50))
    def plan(self, process: int, units: int) -> None:
        """What a plan is made on says sold out only when it is."""
        found = self.parted[process][1].to_promise({SKU: units})
        told = sum(each.promisable for each in found)
        there = sum(each.promisable for each in self.whole[1].positions([SKU]))
        assert told >= min(units, there)

    @invariant()
    def the_position_is_the_same(self) -> None:
        wanted = [each for each in self.whole[1].positions([SKU]) if each.changes]
        scanned = DynamoScan(self.tables, "events", "stock")
        for found in (
            self.parted[0][1].look([SKU]),
            sorted((each for page in scanned.stock_pages() for each in page), key=lambda each: each.node_id),
        ):
            assert [each for each in found if isinstance(each, UnreadableRow) or each.changes] == wanted

    @invariant()
    def every_row_is_in_balance(self) -> None:
        for item in self.tables.scan(TableName="stock")["Items"]:
            units = {name: int(item[name]["N"]) for name in COMPONENTS if name in item}
            at = row(**units)
            assert at.balanced, item
            assert not any(number < 0 for number in units.values()), item
            assert "open" in item or not at.changes or item["sk"]["S"].endswith("#0"), item


TestSpread = SpreadMachine.TestCase
