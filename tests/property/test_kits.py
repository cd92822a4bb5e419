"""Random orders of kits, of their components and of both: nothing is bound twice, and stock is the fold of events."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from oms.domain.order import commands as cmd
from oms.domain.order.events import Disposition
from oms.domain.order.ledger import Place
from oms.domain.order.state import FulfillmentOrderStatus, Order
from tests.proof.interleave.story import ask, at, cancel, placed_in_channel, receive, ship
from tests.proof.interleave.world import World
from tests.proof.invariants.books import books_of
from tests.proof.invariants.stock import balanced, bound, entries_balance, positions_of_history, unheard
from tests.support.builders import line, units_of

PARTS: Final = ("SKU-1", "SKU-2", "SKU-3")
NODES: Final = ("WH1", "WH2")
KITS: Final[dict[str, dict[str, int]]] = {
    "PAIR": {"SKU-1": 1, "SKU-2": 1},
    "PACK": {"SKU-1": 3},
    "SET": {"SKU-1": 1, "SKU-2": 2, "SKU-3": 1},
}
LINES: Final = st.lists(st.tuples(st.sampled_from([*KITS, *PARTS]), st.integers(1, 3)), min_size=1, max_size=3)
PICK: Final = st.integers(0, 99)


class KitMachine(RuleBasedStateMachine):
    """A shop with few units, whose kits share components, and whose catalogue changes."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.kits = dict(KITS)
        self.orders: list[str] = []
        self.reached: Counter[str] = Counter()

    @initialize(units=st.lists(st.integers(0, 7), min_size=6, max_size=6))
    def opens(self, units: list[int]) -> None:
        for sku, components in KITS.items():
            self.world.product(sku, components=components)
        places = [(sku, node) for sku in PARTS for node in NODES]
        for (sku, node), count in zip(places, units, strict=True):
            if count:
                receive(self.world, sku, node, count)

    def pick(self, number: int) -> Order | None:
        return self.world.order(self.orders[number % len(self.orders)]) if self.orders else None

    def available(self, node: str) -> Counter[str]:
        positions = self.world.store.positions
        return Counter({sku: positions[sku][node].available for sku in positions if node in positions[sku]})

    @rule(wanted=LINES)
    def buys(self, wanted: list[tuple[str, int]]) -> None:
        """What one node has all of is promised, whatever the lines share; what all nodes together lack is not."""
        asked: Counter[str] = Counter()
        for sku, units in wanted:
            for part, each in self.kits.get(sku, {sku: 1}).items():
                asked[part] += each * units
        have = [self.available(node) for node in NODES]
        lines = [line(str(number), units, sku=sku) for number, (sku, units) in enumerate(wanted)]
        order_id = placed_in_channel(self.world, *lines, number=str(len(self.orders)))
        self.orders.append(order_id)
        order = self.world.drive(order_id)
        assert order is not None
        total = sum(units for _, units in wanted)
        if any(all(node[part] >= count for part, count in asked.items()) for node in have):
            assert at(order, Place.ALLOCATED) == total
            self.reached["from one node"] += 1
        if any(sum(node[part] for node in have) < count for part, count in asked.items()):
            assert at(order, Place.ALLOCATED) < total
            self.reached["short"] += 1
        assert at(order, Place.ALLOCATED) + at(order, Place.BACKORDERED) == total

    @rule(
        sku=st.sampled_from([*KITS]), components=st.dictionaries(st.sampled_from(PARTS), st.integers(1, 3), min_size=1)
    )
    def changes_the_catalogue(self, sku: str, components: dict[str, int]) -> None:
        self.kits[sku] = components
        self.world.product(sku, components=components)

    @rule(pick=PICK)
    def cancels(self, pick: int) -> None:
        order = self.pick(pick)
        if order and any(each.ledger.cancellable for each in order.lines.values()):
            ask(self.world.calm, order.order_id, cancel(order.order_id, f"c{pick}"))
            self.reached["cancelled"] += 1

    @rule(pick=PICK, reason=st.sampled_from(["no_capacity", "not_found", "damaged"]))
    def rejects(self, pick: int, reason: str) -> None:
        order = self.pick(pick)
        for each in order.fulfillment_orders.values() if order else ():
            if order and each.status is FulfillmentOrderStatus.RELEASED:
                fields: Any = {"fulfillment_order_id": each.fulfillment_order_id, "reason": reason}
                ask(self.world.calm, order.order_id, cmd.RejectFulfillmentOrder(command_id=f"r{each}", **fields))
                self.world.drive(order.order_id)
                self.reached[reason] += 1
                return

    @rule(pick=PICK)
    def ships(self, pick: int) -> None:
        order = self.pick(pick)
        for number, each in enumerate(order.fulfillment_orders.values() if order else (), start=1):
            if order and each.status is FulfillmentOrderStatus.RELEASED:
                ask(self.world.calm, order.order_id, ship(order.order_id, f"s{number}", dict(each.remaining), number))
                self.reached["shipped"] += 1

    @rule(pick=PICK, disposition=st.sampled_from([*Disposition]))
    def gives_back(self, pick: int, disposition: Disposition) -> None:
        order = self.pick(pick)
        for line_id, each in order.lines.items() if order else ():
            if order and each.ledger.gone > each.ledger.returned and each.refunded < each.ledger.gone:
                back = cmd.RequestRefund(
                    command_id=f"b{line_id}{each.refunded}",
                    reason="",
                    lines=units_of({line_id: 1}),
                    disposition=disposition,
                )
                ask(self.world.calm, order.order_id, back)
                self.reached["came back"] += 1
                return

    @invariant()
    def stock_is_what_events_say(self) -> None:
        store = self.world.store
        streams = {name: each.stored for name, each in store.streams.items()}
        positions = {(sku, node): each for sku, nodes in store.positions.items() for node, each in nodes.items()}
        books = [
            found
            for name, stored in streams.items()
            if name.startswith("order#")
            and (found := books_of(event for each in stored for event in each.commit.events)) is not None
        ]
        assert not [problem for each in books for problem in each.problems]
        assert not {sku for sku, _ in positions} & {*KITS}, "a kit has stock of its own"
        for problems in (
            balanced(positions),
            positions_of_history(streams, positions),
            unheard(streams, positions),
            entries_balance(streams),
            bound(books, positions, {}),
        ):
            assert [*problems] == []


def test_random_orders_of_kits() -> None:
    run_state_machine_as_test(KitMachine, settings=settings(max_examples=40))
