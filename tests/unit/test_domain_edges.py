"""The edges of the small modules: the last value that is taken, the first that is not, the order of equals."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import pytest

from oms.domain import ids
from oms.domain.canonical import CanonicalLine, ShipTo, check_order
from oms.domain.codec import from_plain, to_plain
from oms.domain.commit import GENESIS, Cause, Commit, chain_hash, verify_chain
from oms.domain.geo import EARTH_RADIUS_KM, distance_km, locate
from oms.domain.history import History
from oms.domain.movements import MovementKind
from oms.domain.order import events as ev
from oms.domain.order.state import Payment, Refund, RefundStatus
from oms.domain.sourcing.engine import source
from oms.domain.sourcing.request import ESTIMATE, Candidate, SourcingPlan, SourcingRequest, WantedLine
from oms.domain.sourcing.terms import FAR_KM, zone_at
from oms.domain.stock import StockDelta, StockMoved, StockMovement, event_deltas, freed_skus
from tests.support.builders import BERLIN, T0, line, minutes, snapshot, units_of

STREAM = "order#ord_1"


def commit(number: int, at: float, **fields: object) -> Commit:
    made = Commit(
        stream=STREAM,
        number=number,
        command_id=f"cmd_{number}",
        cause=Cause(kind="api", ref="r"),
        at=minutes(at),
        events=(f"event {number}",),
        previous=GENESIS,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


class TestCanonical:
    def test_the_longest_texts(self) -> None:
        longest = "x" * 200
        order = snapshot(line(longest, sku=longest), external_id=longest)
        assert check_order(order) is order

    @pytest.mark.parametrize("changes", [{"cancelled": 2}, {"discount": 2000}, {"unit_price": 0}, {"tax": 0}])
    def test_a_line_may_be_cancelled_whole_or_cost_nothing(self, changes: dict[str, int]) -> None:
        order = snapshot(line("1", 2, **{"unit_price": 1000, **changes}))
        assert check_order(order) is order

    def test_what_a_line_costs(self) -> None:
        each = CanonicalLine(line_ref="1", sku="A", quantity=3, unit_price=100, discount=20)
        assert each.net == 280

    def test_the_shortest_id(self) -> None:
        assert snapshot(external_id="7").external_id == "7"

    def test_gift_cards_may_pay_all_of_it(self) -> None:
        assert snapshot(gift_cards=1000).gift_cards == 1000


class TestCodec:
    def test_a_field_at_its_default_does_not_hide_those_behind_it(self) -> None:
        """Payment has maps (made anew for each) before maps."""
        refund = Refund(refund_id="r", amount=1, status=RefundStatus.FAILED)
        assert to_plain(Payment(refunds={"r": refund})) == {
            "refunds": {"r": {"refund_id": "r", "amount": 1, "status": "failed"}}
        }

    def test_what_is_inside_a_map_and_what_may_be_absent(self) -> None:
        assert from_plain(dict[str, ev.LineUnits], {"a": {"line_id": "1", "quantity": 2}}) == {
            "a": ev.LineUnits(line_id="1", quantity=2)
        }
        assert from_plain(ShipTo | None, None) is None
        assert from_plain(ShipTo | None, {"country": "DE"}) == ShipTo(country="DE")


class TestHistory:
    HISTORY = History(stream=STREAM, commits=(commit(3, 1), commit(4, 2)), head="h")

    def test_events_up_to_an_instant_include_those_of_that_instant(self) -> None:
        assert list(self.HISTORY.events(minutes(1))) == ["event 3"]
        assert list(self.HISTORY.events(minutes(0.5))) == []
        assert list(self.HISTORY.events()) == ["event 3", "event 4"]

    def test_it_is_numbered_by_its_last_commit(self) -> None:
        assert self.HISTORY.number == 4
        assert self.HISTORY.find("cmd_4") == commit(4, 2)


class TestIds:
    ORDER = "ord_R6XSVE615BS3QYHDFHZA17KFYB"

    @pytest.mark.parametrize(
        ("text", "is_one"),
        [
            (ORDER, True),
            (ORDER[:-1], False),
            (ORDER + "0", False),
            (ORDER + "\n", False),
            (ORDER.lower(), False),
            (ORDER.replace("R", "U"), False),
            ("", False),
        ],
    )
    def test_the_form_of_an_order_id(self, text: str, *, is_one: bool) -> None:
        assert ids.is_order_id(text) is is_one

    @pytest.mark.parametrize(
        ("ordinal", "is_one"),
        [("_1", True), ("_999999", True), ("_1000000", False), ("_0", False), ("_01", False), ("", False)],
    )
    def test_the_form_of_a_fulfillment_order_id(self, ordinal: str, *, is_one: bool) -> None:
        assert ids.is_fulfillment_order_id(self.ORDER.replace("ord_", "ful_") + ordinal) is is_one

    def test_only_the_ordinal_is_taken_off(self) -> None:
        assert ids.fulfillment_order_id("ord_A", 12) == "ful_A_12"
        assert ids.order_of_fulfillment_order("ful_A_B_1") == "ord_A_B"
        assert ids.order_of_fulfillment_order("ful_") == "ord_"


def test_a_chain_of_texts_that_are_no_unicode_can_be_hashed() -> None:
    """JSON may carry half of a surrogate pair, and what was accepted once must be verifiable for ever."""
    assert chain_hash(commit(1, 0), [{"note": "\ud800"}]) == chain_hash(commit(1, 0), [{"note": "\ud800"}])
    assert chain_hash(commit(1, 0), [{"a": 1, "b": 2}]) == chain_hash(commit(1, 0), [{"b": 2, "a": 1}])


def test_a_chain_of_which_nothing_is_left_is_missed_at_its_first_place() -> None:
    assert verify_chain(STREAM, [], "f" * 16) == 1


class TestPlaces:
    def test_half_a_place_is_none(self) -> None:
        assert locate(ShipTo(country="DE", latitude=52.5)) == ((51.1, 10.4), "country")
        assert locate(ShipTo(country="DE", longitude=13.4)) == ((51.1, 10.4), "country")
        assert locate(ShipTo(country="GA", latitude=0.0, longitude=0.0)) == ((0.0, 0.0), "channel")

    def test_known_distances(self) -> None:
        quarter = EARTH_RADIUS_KM * math.pi / 2
        assert distance_km((0, 0), (90, 0)) == pytest.approx(quarter)
        assert distance_km((0, 0), (0, 90)) == pytest.approx(quarter)
        opposite = EARTH_RADIUS_KM * math.pi
        assert distance_km((-12.0, -54.8), (12.0, 125.2)) == pytest.approx(opposite), "rounded to beyond the far side"
        assert distance_km((60, 10), (60, 70)) == pytest.approx(2 * EARTH_RADIUS_KM * math.asin(0.25))
        assert distance_km((-33.87, 151.21), (51.51, -0.13)) == pytest.approx(16993.9, abs=1)


def node(node_id: str, latitude: float = 52.5, longitude: float = 13.4, **fields: object) -> Candidate:
    made = Candidate(node_id=node_id, country="DE", latitude=latitude, longitude=longitude, available={"A": 1})
    return replace(made, **fields)  # type: ignore[arg-type]


def plan(*nodes: Candidate, **units: int) -> SourcingPlan:
    lines = tuple(WantedLine(line_id=name, sku=name.partition("_")[0], quantity=count) for name, count in units.items())
    return source(SourcingRequest(lines=lines, ship_to=BERLIN, candidates=nodes, at=T0))


class TestSourcing:
    def test_the_whole_plan_with_its_reasons(self) -> None:
        made = plan(
            node("far", 48.1, 11.6, available={"A": 9, "B": 1}, handling_days=2),
            node("near", available={"A": 1}),
            node("shut", excluded="closed"),
            A=2,
            B=1,
            C=4,
        )
        assert (made.units, made.short, made.promised_by, made.decision) == (
            (
                ev.NodeUnits(line_id="A", sku="A", node_id="far", quantity=2),
                ev.NodeUnits(line_id="B", sku="B", node_id="far", quantity=1),
            ),
            units_of({"C": 4}),
            T0 + timedelta(days=2 + 3),
            {
                "policy": "nearest-complete/1",
                "located_by": "channel",
                "candidates": [
                    {"node": "near", "km": 4, "has_all": False, "has": {"A": 1}},
                    {"node": "far", "km": 509, "has_all": True},
                ],
                "excluded": {"shut": "closed"},
                "chosen": ["far"],
                "short": ["C"],
            },
        )

    @pytest.mark.parametrize(
        ("km", "days"),
        [(0, 1), (300.0, 1), (300.1, 3), (1500.0, 3), (1500.1, 5), (4000.0, 5), (4000.1, 8), (FAR_KM, 8), (3e4, 8)],
    )
    def test_days_on_the_road(self, km: float, days: int) -> None:
        assert zone_at(ESTIMATE, km).transit_days == days

    def test_a_line_that_fits_exactly_is_sourced_and_what_is_left_serves_the_next(self) -> None:
        made = plan(node("x", available={"A": 3}), A=2, A_2=1, A_3=1)
        assert [(part.line_id, part.quantity) for part in made.units] == [("A", 2), ("A_2", 1)]
        assert made.short == units_of({"A_3": 1})

    def test_the_largest_line_chooses_first(self) -> None:
        """Else the small line would take from the only node that has the large one whole."""
        made = plan(node("near", available={"A": 3}), node("far", 48.1, 11.6, available={"A": 1}), A=1, A_2=3)
        assert {(part.line_id, part.node_id): part.quantity for part in made.units} == {
            ("A_2", "near"): 3,
            ("A", "far"): 1,
        }

    def test_a_node_that_has_nothing_of_it_is_not_among_those_considered(self) -> None:
        """Fourteen nearer nodes without the SKU do not push out the one that has it."""
        empty = [node(f"e{number:02}", available={"B": 1}) for number in range(14)]
        made = plan(*empty, node("last", 48.1, 11.6, available={"A": 1}), A=1)
        assert [part.node_id for part in made.units] == ["last"]

    def test_the_fewest_are_looked_for_among_those_that_have_something_of_it(self) -> None:
        """Twelve nearer nodes without any of it; the far ones could all be used, and two are enough."""
        empty = [node(f"e{number:02}", available={"C": 1}) for number in range(12)]
        useful = [
            node("x", 49.0, available={"A": 1}),
            node("y", 48.0, available={"A": 1}),
            node("z", 47.0, available={"A": 1, "B": 1}),
        ]
        for nodes in (useful, [*empty, *useful]):
            assert plan(*nodes, A=2, B=1).decision["chosen"] == ["x", "z"]

    def test_a_line_is_split_past_a_node_that_does_not_have_its_sku(self) -> None:
        made = plan(
            node("x", available={"A": 2}),
            node("y", 49.0, available={"B": 1}),
            node("z", 48.0, available={"A": 1}),
            A=3,
            B=1,
        )
        assert {(part.line_id, part.node_id): part.quantity for part in made.units} == {
            ("A", "x"): 2,
            ("A", "z"): 1,
            ("B", "y"): 1,
        }

    def test_all_of_twelve_nodes_can_be_chosen_together(self) -> None:
        nodes = [node(f"n{number:02}", 52.5 - number / 10) for number in range(13)]
        made = plan(*nodes, A=12)
        assert [part.node_id for part in made.units] == [f"n{number:02}" for number in range(12)]
        two = plan(node("a"), node("b", 48.1, 11.6), node("c", 40.0, -3.0), A=2)
        assert two.decision["chosen"] == ["a", "b"]

    def test_of_sets_of_equal_size_the_nearest_and_of_those_the_first_by_id(self) -> None:
        made = plan(node("d", available={"A": 1}), node("c", available={"A": 1}), node("b", available={"A": 1}), A=2)
        assert made.decision["chosen"] == ["b", "c"]

    def test_the_date_is_not_put_off_by_a_node_that_ships_nothing(self) -> None:
        nodes = [node(f"n{number:02}", available={"A": 1}) for number in range(13)]
        slow = node("slow", handling_days=30, available={"A": 1})
        made = plan(*nodes, slow, A=13)
        assert made.promised_by == T0 + timedelta(days=2)

    def test_nothing_wanted_is_nothing_planned(self) -> None:
        made = plan(node("x"))
        assert (made.units, made.short, made.promised_by, made.decision["chosen"]) == ((), (), T0, [])


class TestStock:
    UNIT = ev.NodeUnits(line_id="1", sku="A", node_id="WH1", quantity=2)
    PARCEL = ev.ShippedParcel(parcel_id="p", carrier="c", tracking_number="t", units=(UNIT,))

    def at(self, **changes: int) -> list[StockDelta]:
        return [StockDelta(sku="A", node_id="WH1", **changes)]

    def rejected(self, reason: str) -> ev.FulfillmentOrderRejected:
        return ev.FulfillmentOrderRejected(fulfillment_order_id="f", node_id="WH1", reason=reason, units=(self.UNIT,))

    def test_what_each_event_does(self) -> None:
        reserved = ev.LinesReserved(units=(self.UNIT,), fulfillment_orders={}, promised_by=T0)
        assert event_deltas(reserved) == self.at(available=-2, reserved=2)
        cancelled = ev.LinesCancelled(lines=(), origin="oms", freed=(self.UNIT,), fulfillment_orders=("f",))
        assert event_deltas(cancelled) == self.at(available=2, reserved=-2)
        assert event_deltas(self.rejected("not_found")) == self.at(on_hand=-2, reserved=-2)
        assert event_deltas(self.rejected("damaged")) == self.at(damaged=2, reserved=-2)
        assert event_deltas(self.rejected("no_capacity")) == self.at(available=2, reserved=-2)
        shipped = ev.ShipmentShipped(shipment_id="s", fulfillment_order_id="f", node_id="WH1", parcels=(self.PARCEL,))
        assert event_deltas(shipped) == self.at(on_hand=-2, reserved=-2)
        assert event_deltas(ev.LinesReturned(units=(self.UNIT,))) == self.at(on_hand=2, available=2)
        moved = StockMovement(sku="A", node_id="WH1", kind=MovementKind.DAMAGE, quantity=1)
        assert event_deltas(StockMoved(movements=(moved,))) == self.at(available=-1, damaged=1)

    def test_one_unit_is_a_quantity(self) -> None:
        for kind in MovementKind:
            pool = "pool:vip" if kind.value.startswith("pool_") else ""
            moved = StockMovement(sku="A", node_id="WH1", kind=kind, quantity=1, segment=pool)
            delta = event_deltas(StockMoved(movements=(moved,)))[0]
            assert (delta.sku, delta.node_id) == ("A", "WH1")

    def test_a_position_that_only_lost_or_kept_what_can_be_promised_frees_nothing(self) -> None:
        damaged_here = self.rejected("damaged")
        assert freed_skus([damaged_here]) == ()
        assert freed_skus([self.rejected("no_capacity")]) == ("A",)
