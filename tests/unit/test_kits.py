"""Kits on whole orders, over ports in memory: bound, held, rejected and brought back as their components."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from oms.application.availability import ShowAvailability
from oms.application.decisions import ShowDecisions
from oms.application.feed import Feed
from oms.application.holds import HoldRequest, WantedUnits
from oms.application.supply import TakeSupply
from oms.domain.counting import PositionCount
from oms.domain.errors import (
    InsufficientStockError,
    InvalidInputError,
    KitWithoutStockError,
    TooManyPositionsError,
)
from oms.domain.holding import HeldUnits, HoldKind, HoldStatus, StockHeld, due_marks, fold_hold, make_hold
from oms.domain.kits import Component
from oms.domain.movements import MovementKind
from oms.domain.order import commands as cmd
from oms.domain.order import events as ev
from oms.domain.order.ledger import Place
from oms.domain.stock import MAX_POSITIONS, StockMovement, stock_deltas
from oms.domain.supply import SupplyChange, SupplyKind
from tests.proof.interleave.story import ask, at, cancel, placed_in_channel, position, receive, ship, work
from tests.proof.interleave.world import World, cause
from tests.proof.invariants.stock import balanced, positions_of_history
from tests.proof.memory import MemoryLog, MemoryPolicies, MemoryReference
from tests.support.builders import T0, line, minutes, units_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.order.state import Order

GIFT = (Component(sku="MUG", units=2), Component(sku="NOTE", units=1))


class Shop:
    """One shop with a gift set of two mugs and a notebook, and a mug rack with one mug in it."""

    def __init__(self) -> None:
        self.world = World()
        self.world.product("GIFT", components={"MUG": 2, "NOTE": 1}, weight_g=0)
        self.world.product("RACK", components={"MUG": 1})
        self.reference = MemoryReference(self.world.store)
        self.reference.keep_network()

    def stock(self, node: str = "WH1", **units: int) -> None:
        self.receive(node, units)

    def receive(self, node: str, units: Mapping[str, int]) -> None:
        for sku, count in units.items():
            receive(self.world, sku, node, count)

    def order(self, *lines: Any, number: str = "1001") -> Order:
        order_id = placed_in_channel(self.world, *lines, number=number)
        self.world.drive(order_id)
        return self.world.order(order_id)

    def reserved(self, node: str = "WH1") -> dict[str, int]:
        found = {sku: nodes[node].reserved for sku, nodes in self.world.store.positions.items() if node in nodes}
        return {sku: units for sku, units in found.items() if units}

    def hold(self, *wanted: tuple[str, int, str], key: str = "basket") -> Any:
        request = HoldRequest(
            kind=HoldKind.CHECKOUT,
            channel="shopify",
            wanted=tuple(WantedUnits(sku=sku, quantity=units, node_id=node) for sku, units, node in wanted),
            lasts=timedelta(minutes=10),
        )
        return self.world.calm.hold(key, request, cause(key, "api"))[0]

    def sound(self) -> None:
        store = self.world.store
        positions = {(sku, node): each for sku, nodes in store.positions.items() for node, each in nodes.items()}
        streams = {name: each.stored for name, each in store.streams.items()}
        assert [*balanced(positions), *positions_of_history(streams, positions)] == []


@pytest.fixture
def shop() -> Shop:
    return Shop()


def gift(number: str = "1", quantity: int = 1, sku: str = "GIFT") -> Any:
    return line(number, quantity, sku=sku)


class TestOrders:
    def test_a_kit_is_bound_as_its_components_in_one_transaction(self, shop: Shop) -> None:
        shop.stock(MUG=5, NOTE=5)
        order = shop.order(gift(quantity=2))
        assert order.lines["1"].ledger.allocated == 2
        assert shop.reserved() == {"MUG": 4, "NOTE": 2}
        assert "GIFT" not in shop.world.store.positions
        (reserved,) = [e for c in shop.world.commits(order.order_id) for e in c.events if type(e) is ev.LinesReserved]
        assert [(part.quantity, part.components) for part in reserved.units] == [(2, GIFT)]

    def test_stock_is_summed_over_the_lines_of_an_order(self, shop: Shop) -> None:
        shop.stock(MUG=4, NOTE=9)
        order = shop.order(gift(), line("2", 1, sku="MUG"), gift("3", 1, "RACK"))
        assert [each.ledger.allocated for each in order.lines.values()] == [1, 1, 1]
        assert shop.reserved() == {"MUG": 4, "NOTE": 1}

    def test_what_the_lines_ask_for_together_and_no_node_has_waits(self, shop: Shop) -> None:
        shop.stock(MUG=3, NOTE=9)
        order = shop.order(gift(), line("2", 2, sku="MUG"))
        assert [each.ledger.backordered for each in order.lines.values()] == [0, 2]
        assert shop.reserved() == {"MUG": 2, "NOTE": 1}

    def test_components_are_not_gathered_from_several_nodes(self, shop: Shop) -> None:
        shop.stock(MUG=9)
        shop.stock("WH2", NOTE=9)
        assert at(shop.order(gift()), Place.BACKORDERED) == 1

    def test_units_of_a_kit_may_come_from_several_nodes_each_whole(self, shop: Shop) -> None:
        shop.stock(MUG=2, NOTE=1)
        shop.stock("WH2", MUG=3, NOTE=1)
        assert at(shop.order(gift(quantity=2)), Place.ALLOCATED) == 2
        assert shop.reserved("WH1") == shop.reserved("WH2") == {"MUG": 2, "NOTE": 1}

    def test_an_order_keeps_what_it_was_placed_with(self, shop: Shop) -> None:
        shop.stock(MUG=4, NOTE=4)
        order = shop.order(gift(quantity=2))
        shop.world.product("GIFT", components={"NOTE": 4})
        ask(shop.world.calm, order.order_id, ship(order.order_id, "s", {"1": 1}))
        ask(shop.world.calm, order.order_id, cancel(order.order_id, "c", {"1": 1}))
        assert [(each.on_hand, each.available) for each in (position(shop.world, sku=s) for s in ("MUG", "NOTE"))] == [
            (2, 2),
            (3, 3),
        ]
        shop.sound()

    def test_a_kit_whose_sku_was_unknown_is_what_it_is_found_to_be(self, shop: Shop) -> None:
        shop.stock(MUG=2)
        order = shop.order(gift(sku="LATER"))
        assert order.active_holds
        shop.world.product("LATER", components={"MUG": 2})
        shop.world.calm.burst({"order_id": order.order_id, "step": "promise", "cause": "watchdog"})
        order = shop.world.order(order.order_id)
        assert order.lines["1"].placed.components == (Component(sku="MUG", units=2),)
        assert (at(order, Place.ALLOCATED), shop.reserved()) == (1, {"MUG": 2})

    def test_what_is_not_shipped_has_no_components(self, shop: Shop) -> None:
        order = shop.order(line("1", 1, sku="GIFT", requires_shipping=False))
        assert (at(order, Place.DELIVERED), order.lines["1"].placed.components) == (1, ())

    def test_it_waits_for_its_components_and_is_woken_by_each(self, shop: Shop) -> None:
        shop.stock(MUG=1)
        order = shop.order(gift())
        assert shop.world.commits(order.order_id)[-1].summary["waiting"] == ["MUG", "NOTE"]
        for commit in shop.world.commits(order.order_id):
            shop.world.calm.project(commit)
        for sku in ("MUG", "NOTE"):
            assert shop.world.calm.views.waiting_orders(sku, 5) == [order.order_id]
        assert shop.world.calm.views.waiting_orders("GIFT", 5) == []
        shop.stock(NOTE=1)
        receive(shop.world, "MUG", "WH1", 1, key="more mugs")
        shop.world.calm.burst({"order_id": order.order_id, "step": "promise", "cause": "woken"})
        assert at(shop.world.order(order.order_id), Place.ALLOCATED) == 1
        assert shop.world.commits(order.order_id)[-1].summary["waited"] == ["MUG", "NOTE"]

    @pytest.mark.parametrize(
        ("reason", "mugs"),
        [("no_capacity", (5, 5, 0)), ("not_found", (3, 3, 0)), ("damaged", (5, 3, 2))],
    )
    def test_rejected_as_a_whole(self, shop: Shop, reason: str, mugs: tuple[int, ...]) -> None:
        shop.stock(MUG=5, NOTE=5)
        order = shop.order(gift())
        command = cmd.RejectFulfillmentOrder(command_id="r", fulfillment_order_id=work(order.order_id), reason=reason)
        ask(shop.world.calm, order.order_id, command)
        now = position(shop.world, sku="MUG")
        assert (now.on_hand, now.available, now.damaged) == mugs
        assert position(shop.world, sku="NOTE").on_hand == (4 if reason == "not_found" else 5)
        shop.sound()

    @pytest.mark.parametrize("disposition", [ev.Disposition.RESTOCK, ev.Disposition.QC, ev.Disposition.SCRAP])
    def test_what_comes_back_is_its_components(self, shop: Shop, disposition: ev.Disposition) -> None:
        shop.stock(MUG=4, NOTE=2)
        order = shop.order(gift(quantity=2))
        ask(shop.world.calm, order.order_id, ship(order.order_id, "s", {"1": 2}))
        back = cmd.RequestRefund(command_id="b", reason="", lines=units_of({"1": 1}), disposition=disposition)
        ask(shop.world.calm, order.order_id, back)
        now = position(shop.world, sku="MUG")
        stands = {ev.Disposition.RESTOCK: (2, 2, 0), ev.Disposition.QC: (2, 0, 2), ev.Disposition.SCRAP: (0, 0, 0)}
        assert (now.on_hand, now.available, now.qc) == stands[disposition]
        assert shop.world.order(order.order_id).lines["1"].ledger.returned == 1
        shop.sound()

    def test_a_decision_is_made_again_from_what_was_kept(self, shop: Shop) -> None:
        shop.stock(MUG=3, NOTE=1)
        shop.stock("WH2", MUG=9, NOTE=9)
        order = shop.order(gift(), line("2", 2, sku="MUG"))
        shop.world.product("GIFT", components={"NOTE": 4})
        show = ShowDecisions(shop.world.calm.orders, MemoryPolicies(shop.world.store), shop.reference)
        told = show(order.order_id)[0]
        assert told["recomputed"] == "same"
        assert told["decision"]["have"]["WH1"] == [3, 1]

    def test_a_cancellation_frees_no_more_than_one_transaction_touches(self, shop: Shop) -> None:
        for kit in "ABCDEF":
            parts = {f"{kit}{number:02}": 1 for number in range(20)}
            shop.world.product(kit, components=parts)
            shop.receive("WH1", parts)
        order = shop.order(*[gift(kit, 1, kit) for kit in "ABCDEF"])
        assert at(order, Place.ALLOCATED) == 6
        event = ask(shop.world.calm, order.order_id, cancel(order.order_id, "c"))
        assert at(event, Place.CANCELLED) < 6
        for commit in shop.world.commits(order.order_id):
            touched = {
                (sku, part.node_id) for e in commit.events for part in getattr(e, "freed", ()) for sku, _ in part.parts
            }
            assert len(touched) <= MAX_POSITIONS
        shop.world.drive(order.order_id)
        assert at(shop.world.order(order.order_id), Place.CANCELLED) == 6
        shop.sound()

    def test_what_comes_back_at_once_fits_into_one_transaction(self, shop: Shop) -> None:
        for kit in "ABCDE":
            parts = {f"{kit}{number:02}": 1 for number in range(20)}
            shop.world.product(kit, components=parts)
            shop.receive("WH1", parts)
        order = shop.order(*[gift(kit, 1, kit) for kit in "ABCDE"])
        for number in range(1, len(order.fulfillment_orders) + 1):
            left = shop.world.order(order.order_id).fulfillment_orders[work(order.order_id, number)].remaining
            ask(shop.world.calm, order.order_id, ship(order.order_id, f"s{number}", left, number))
        back = cmd.RequestRefund(
            command_id="b", reason="", lines=units_of(dict.fromkeys("ABCDE", 1)), disposition=ev.Disposition.RESTOCK
        )
        with pytest.raises(TooManyPositionsError):
            ask(shop.world.calm, order.order_id, back)
        ask(shop.world.calm, order.order_id, replace(back, lines=units_of(dict.fromkeys("ABCD", 1))))
        assert at(shop.world.order(order.order_id), Place.RETURNED) == 4
        shop.sound()

    def test_a_promise_touches_no_more_positions_than_one_transaction_may(self, shop: Shop) -> None:
        for kit in "ABCDEF":
            shop.world.product(kit, components={f"{kit}{number:02}": 1 for number in range(20)})
            shop.receive("WH1", {f"{kit}{number:02}": 1 for number in range(20)})
        order = shop.order(*[gift(kit, 1, kit) for kit in "ABCDEF"])
        assert at(order, Place.ALLOCATED) == 6
        sizes = [len(stock_deltas(commit.events)) for commit in shop.world.commits(order.order_id)]
        assert [size for size in sizes if size] == [80, 40]


class TestHolds:
    def test_a_basket_with_a_kit_binds_its_components(self, shop: Shop) -> None:
        shop.stock(MUG=4, NOTE=3)
        hold = shop.hold(("GIFT", 1, ""), ("MUG", 1, "WH1"), ("RACK", 1, "WH1"))
        assert shop.reserved() == {"MUG": 4, "NOTE": 1}
        assert [(each.sku, each.quantity) for each in hold.units] == [("GIFT", 1), ("MUG", 1), ("RACK", 1)]
        with pytest.raises(InsufficientStockError) as refused:
            shop.hold(("RACK", 1, ""), key="other")
        assert refused.value.context["skus"] == ["RACK"]
        shop.world.calm.release_hold(hold.hold_id, "x", cause("x", "api"))
        assert shop.reserved() == {}
        shop.sound()

    def test_too_little_at_the_node_that_was_named(self, shop: Shop) -> None:
        shop.stock(MUG=4, NOTE=9)
        with pytest.raises(InsufficientStockError) as refused:
            shop.hold(("GIFT", 2, "WH1"), ("RACK", 1, "WH1"))
        assert refused.value.context["skus"] == ["RACK"]

    def test_an_order_takes_the_kit_over_where_it_is_held(self, shop: Shop) -> None:
        shop.stock(MUG=3, NOTE=1)
        shop.stock("WH2", MUG=9, NOTE=9)
        hold = shop.hold(("GIFT", 1, "WH2"), ("RACK", 1, "WH2"))
        order_id = placed_in_channel(shop.world, gift(), number="1", stock_hold=hold.hold_id)
        shop.world.drive(order_id)
        assert shop.reserved("WH2") == {"MUG": 2, "NOTE": 1}
        assert shop.reserved("WH1") == {}
        assert shop.world.calm.holds.get(hold.hold_id).status is HoldStatus.CLAIMED
        shop.sound()

    def test_a_kit_that_became_another_is_not_taken_over(self, shop: Shop) -> None:
        shop.stock(MUG=3, NOTE=9)
        hold = shop.hold(("GIFT", 1, "WH1"))
        shop.world.product("GIFT", components={"NOTE": 3})
        order_id = placed_in_channel(shop.world, gift(), number="1", stock_hold=hold.hold_id)
        shop.world.drive(order_id)
        assert shop.reserved() == {"NOTE": 3}
        shop.sound()

    def test_holds_that_are_over_make_room_for_a_kit(self, shop: Shop) -> None:
        shop.stock(MUG=2, NOTE=2)
        shop.hold(("GIFT", 1, ""))
        shop.world.clock += timedelta(minutes=11)
        assert shop.hold(("RACK", 2, ""), key="other").units[0].quantity == 2
        assert shop.reserved() == {"MUG": 2}

    def test_positions_are_counted_as_stock_has_them(self) -> None:
        many = tuple(Component(sku=f"P{number:02}", units=1) for number in range(20))
        units = [HeldUnits(sku=f"K{n}", node_id=f"N{n}", quantity=1, components=many) for n in range(3)]
        make_hold("h", HoldKind.QUOTE, "", units[:2], T0, timedelta(days=1))
        with pytest.raises(InvalidInputError):
            make_hold("h", HoldKind.QUOTE, "", units, T0, timedelta(days=1))
        held: StockHeld = make_hold("h", HoldKind.QUOTE, "", [units[0], units[0]], T0, timedelta(days=1))
        assert [each.quantity for each in held.units] == [2]
        hold = fold_hold([held])
        assert hold is not None
        assert due_marks(None, hold)[0].skus == tuple(each.sku for each in many)


class TestStockOfAKit:
    """There is none."""

    def test_what_would_move_it_or_count_it_is_refused(self, shop: Shop) -> None:
        calm, by = shop.world.calm, cause("x", "api")
        moved = StockMovement(sku="GIFT", node_id="WH1", kind=MovementKind.RECEIPT, quantity=1)
        with pytest.raises(KitWithoutStockError) as refused:
            calm.move("k", [replace(moved, sku="MUG"), moved], by)
        assert refused.value.context["skus"] == ["GIFT"]
        with pytest.raises(KitWithoutStockError):
            calm.count("k", [PositionCount(sku="GIFT", node_id="WH1", counted=1)], by)
        assert shop.world.store.positions == {}

    def test_what_would_be_expected_of_it_is_refused(self, shop: Shop) -> None:
        take = TakeSupply(MemoryLog(shop.world.store), shop.reference, shop.world.now)
        kind, due = SupplyKind.EXPECTED, minutes(9000)
        change = SupplyChange(supply_id="s", kind=kind, sku="GIFT", node_id="WH1", quantity=1, due=due)
        with pytest.raises(KitWithoutStockError):
            take("k", change, cause("x", "api"))

    def test_a_row_of_a_feed(self, shop: Shop) -> None:
        row = {"sku": "GIFT", "node_id": "WH1", "on_hand": 3, "as_of": minutes(1).isoformat()}
        tally = shop.world.calm.feed.said(Feed(source="erp", feed_id="f"), [(1, row), (2, {**row, "sku": "MUG"})])
        assert [(each.row, each.code) for each in tally.problems] == [(1, "kit_without_stock")]
        assert tally.accepted == 1


class TestAvailability:
    def test_the_scarcest_component_of_each_node_decides(self, shop: Shop) -> None:
        shop.stock(MUG=5, NOTE=9)
        shop.stock("WH2", MUG=9, NOTE=1)
        shop.stock("WH3", MUG=9)
        show = ShowAvailability(shop.world.calm.stock, shop.reference, shop.world.now)
        kit, mug = show(["GIFT", "MUG"])
        assert (kit["available"], kit["nodes"]) == (3, {"WH1": 2, "WH2": 1, "WH3": 0})
        assert (kit["on_hand"], kit["components"][0]) == (0, {"sku": "MUG", "units": 2})
        assert (mug["available"], mug["on_hand"], mug.get("components")) == (23, 23, None)
        assert show(["GIFT"], ["WH2"])[0]["available"] == 1
        assert (show.kit("GIFT")["available"], show.kit("MUG"), show.kit("none")) == (3, {}, {})

    def test_a_buffer_of_a_component_keeps_kits_from_a_channel(self, shop: Shop) -> None:
        shop.stock(MUG=5, NOTE=9)
        shop.reference.put("policy", "buffers", {"rules": [{"sku": "MUG", "channel": "shopify", "units": 2}]})
        show = ShowAvailability(shop.world.calm.stock, shop.reference, shop.world.now)
        assert [show(["GIFT"], (), channel)[0]["available"] for channel in ("", "shopify")] == [2, 1]
        assert at(shop.order(gift()), Place.ALLOCATED) == 1
        assert at(shop.order(gift(), number="2"), Place.BACKORDERED) == 1
