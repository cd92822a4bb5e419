"""Serial numbers: which units left with an order, and which of them are back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from infra.local.import_rows import read_rows
from oms.adapters.projection import rows_of
from oms.domain.canonical import ChannelRefund, RefundedLine, Restock
from oms.domain.commit import Cause, Commit
from oms.domain.errors import (
    InvalidInputError,
    OmsError,
    SerialInUseError,
    SerialNotShippedError,
    SerialsDoNotFitError,
    TooManyPositionsError,
)
from oms.domain.kits import Component
from oms.domain.order import commands as cmd
from oms.domain.order import events as ev
from oms.domain.order.changing import UNKNOWN_SKU
from oms.domain.order.evolve import fold
from oms.domain.order.scanning import leaving, returning
from oms.domain.order.summary import summarize
from oms.domain.segments import Drawn
from oms.domain.serials import ByLine, Serial, serial_of, serialized_of
from oms.entrypoints.documents import fulfillment_document, order_document
from oms.entrypoints.readable import sentence
from tests.support.builders import IN_CHANNEL, T0, Story, line, minutes, paid, snapshot, units_of

PHONE, CASE, SET = "SKU-1", "CASE#1", "SKU-2"
PARTS = (Component(sku=CASE, units=1), Component(sku=PHONE, units=2))
SERIALIZED = ((PHONE, (PHONE,)), (SET, (PHONE,)))


def named(*numbers: str, line_id: str = "1", sku: str = "") -> ByLine:
    return ((line_id, tuple(Serial(sku, each) for each in numbers)),)


def units(*numbers: str) -> tuple[Serial, ...]:
    return tuple(Serial(PHONE, each) for each in numbers)


class Sold:
    """An order that is promised, ready to be packed at one node or two."""

    def __init__(self, quantity: int = 3, *, kits: int = 0, serialized: Any = SERIALIZED, nodes: Any = None) -> None:
        self.story = story = Story()
        lines = [line("1", quantity), *([line("2", kits)] if kits else [])]
        for sku in (PHONE, CASE):
            for node in ("WH1", "WH2"):
                story.stock.receive(sku, node, 300)
        story.sync(paid(snapshot(*lines)), IN_CHANNEL, serialized=serialized, kits=((SET, PARTS),))
        plan = nodes or {"WH1": {"1": quantity, **({"2": kits} if kits else {})}}
        placed = story.order.lines
        bound = [placed[each].at(node, count) for node, told in plan.items() for each, count in told.items()]
        story.do(
            cmd.PromiseOrder(command_id=story.id("promise"), units=tuple(bound), short=(), promised_by=minutes(99))
        )

    def ship(self, lines: dict[str, int], serials: ByLine = (), number: int = 1, tracking: str = "") -> Any:
        story = self.story
        parcel = cmd.ParcelToShip(
            carrier="dhl",
            tracking_number=tracking or f"T{len(story.order.parcels)}",
            lines=units_of(lines),
            serials=serials,
        )
        return story.do(
            cmd.ShipFulfillmentOrder(
                command_id=story.id("ship"), fulfillment_order_id=story.fulfillment_order(number), parcels=(parcel,)
            )
        )

    def give_back(self, count: int, *numbers: str, line_id: str = "1", sku: str = "") -> Any:
        serials = named(*numbers, line_id=line_id, sku=sku) if numbers else ()
        return self.story.refund({line_id: count}, amount=1, restock=True, serials=serials)

    def channel_takes_back(self, ref: str, count: int, line_id: str = "1") -> Any:
        """A refund in the channel, whose units came back; nobody says which."""
        part = RefundedLine(line_ref=line_id, quantity=count, restock=Restock.RETURN)
        refund = ChannelRefund(refund_ref=ref, amount=1, lines=(part,))
        return self.story.do(cmd.RecordChannelRefund(command_id=self.story.id("refund"), refund=refund))

    def name(self, *numbers: str) -> Any:
        return self.story.do(cmd.NameReturned(command_id=self.story.id("name"), serials=named(*numbers)))

    @property
    def out(self) -> tuple[Serial, ...]:
        return self.story.order.lines["1"].serials


class TestPacking:
    def test_each_unit_is_named_once(self) -> None:
        sold = Sold()
        (shipped,) = sold.ship({"1": 2}, named("A", "B"))
        assert shipped.parcels[0].units[0].serials == sold.out == units("A", "B")
        assert leaving([shipped]) == ("serial#SKU-1#A", "serial#SKU-1#B")
        assert [serial_of(each) for each in leaving([shipped])] == list(units("A", "B"))
        assert returning([shipped]) == ()

    @pytest.mark.parametrize(
        ("serials", "refusal"),
        [
            ((), SerialsDoNotFitError),
            (named("A"), SerialsDoNotFitError),
            (named("A", "B", "C"), SerialsDoNotFitError),
            (named("A", "A"), SerialsDoNotFitError),
            (named("A", "B", sku=CASE), SerialsDoNotFitError),
            (named("X", "B"), SerialInUseError),
            ((*named("A", "B"), *named("C", line_id="9")), InvalidInputError),
        ],
    )
    def test_what_does_not_fit_is_refused(self, serials: ByLine, refusal: type[OmsError]) -> None:
        sold = Sold()
        sold.ship({"1": 1}, named("X"))
        with pytest.raises(refusal):
            sold.ship({"1": 2}, serials)
        assert sold.out == units("X")

    def test_two_parcels_do_not_share_a_unit(self) -> None:
        sold = Sold(2)
        boxes = [
            cmd.ParcelToShip(carrier="dhl", tracking_number=each, lines=units_of({"1": 1}), serials=named("A"))
            for each in ("T1", "T2")
        ]
        fulfillment_order = sold.story.fulfillment_order()
        with pytest.raises(SerialInUseError):
            sold.story.do(
                cmd.ShipFulfillmentOrder(command_id="c", fulfillment_order_id=fulfillment_order, parcels=tuple(boxes))
            )

    def test_of_a_kit_it_is_its_components_that_are_named(self) -> None:
        sold = Sold(1, kits=2)
        with pytest.raises(SerialsDoNotFitError):
            sold.ship({"2": 1}, named("K1", line_id="2"))
        sold.ship({"2": 1}, named("K1", "K2", line_id="2"))
        assert sold.story.order.lines["2"].serials == units("K1", "K2")
        with pytest.raises(SerialInUseError):  # a unit is the same, alone or in a kit
            sold.ship({"1": 1}, named("K2"))
        with pytest.raises(SerialsDoNotFitError):  # the case has none, or one each
            sold.ship({"2": 1}, (("2", (*units("K3", "K4"), Serial(CASE, "C1"), Serial(CASE, "C2"))),))
        sold.ship({"2": 1}, (("2", (*units("K3", "K4"), Serial(CASE, "C1"))),))
        assert Serial(CASE, "C1") in sold.story.order.lines["2"].serials

    def test_where_the_catalogue_did_not_say_so_all_are_named_or_none(self) -> None:
        sold = Sold(serialized=())
        sold.ship({"1": 1})
        with pytest.raises(SerialsDoNotFitError):
            sold.ship({"1": 2}, named("A"))
        sold.ship({"1": 2}, named("A", "B"))
        assert sold.out == units("A", "B")
        sold.give_back(1)  # the one that has none
        with pytest.raises(SerialsDoNotFitError):
            sold.give_back(1)

    def test_no_more_than_one_transaction_takes(self) -> None:
        sold = Sold(100)
        numbers = [f"S{each}" for each in range(90)]
        with pytest.raises(TooManyPositionsError):
            sold.ship({"1": 90}, named(*numbers))
        sold.ship({"1": 89}, named(*numbers[:89]))
        sold.ship({"1": 11}, named(*(f"M{each}" for each in range(11))))
        assert returning(sold.channel_takes_back("r1", 100)) == ()  # too many at once: they come back unnamed
        assert len(returning(sold.name(*numbers[:80]))) == 80
        assert len(sold.out) == 20

    def test_a_line_that_waited_for_its_sku_learns_it(self) -> None:
        story = Story()
        story.sync(paid(snapshot(line())), IN_CHANNEL, unknown_skus=frozenset({PHONE}))
        assert [each.kind for each in story.order.active_holds] == [UNKNOWN_SKU]
        story.do(cmd.ScreenOrder(command_id=story.id("screen"), known_skus=frozenset({PHONE}), serialized=SERIALIZED))
        assert story.order.lines["1"].placed.serialized == (PHONE,)
        assert not story.order.active_holds


class TestComingBack:
    def test_a_unit_that_is_named_is_back_and_may_leave_again(self) -> None:
        sold = Sold()
        sold.ship({"1": 2}, named("A", "B"))
        events = sold.give_back(1, "B")
        assert returning(events) == ("serial#SKU-1#B",)
        assert sold.out == units("A")
        sold.ship({"1": 1}, named("B"))
        assert sold.out == units("A", "B")

    @pytest.mark.parametrize(
        ("count", "numbers", "refusal"),
        [
            (1, (), SerialsDoNotFitError),
            (1, ("A", "B"), SerialsDoNotFitError),
            (2, ("A",), SerialsDoNotFitError),
            (1, ("X",), SerialNotShippedError),
            (2, ("A", "A"), SerialsDoNotFitError),
        ],
    )
    def test_a_stranger_is_refused(self, count: int, numbers: tuple[str, ...], refusal: type[OmsError]) -> None:
        sold = Sold()
        sold.ship({"1": 3}, named("A", "B", "C"))
        with pytest.raises(refusal):
            sold.give_back(count, *numbers)
        assert sold.out == units("A", "B", "C")

    def test_all_that_are_away_need_no_names(self) -> None:
        sold = Sold()
        sold.ship({"1": 3}, named("A", "B", "C"))
        sold.give_back(1, "B")
        assert returning(sold.give_back(2)) == ("serial#SKU-1#A", "serial#SKU-1#C")
        assert sold.out == ()

    def test_money_alone_brings_nothing_back(self) -> None:
        sold = Sold()
        sold.ship({"1": 3}, named("A", "B", "C"))
        with pytest.raises(InvalidInputError):
            sold.story.refund({"1": 1}, serials=named("A"))
        with pytest.raises(InvalidInputError):
            sold.story.refund({"1": 3}, restock=True, serials=named("A", line_id="2"))
        sold.story.refund({"1": 1})
        assert len(sold.out) == 3

    def test_it_goes_back_to_where_it_was_shipped_from(self) -> None:
        sold = Sold(nodes={"WH1": {"1": 1}, "WH2": {"1": 2}})
        sold.ship({"1": 1}, named("A"))
        sold.ship({"1": 2}, named("B", "C"), number=2)
        first, second = sold.give_back(1, "C")[-1], sold.give_back(1, "A")[-1]
        assert [(part.node_id, part.serials) for part in first.units] == [("WH2", units("C"))]
        assert [(part.node_id, part.serials) for part in second.units] == [("WH1", units("A"))]

    def test_a_channel_does_not_say_which_and_staff_say_it_later(self) -> None:
        sold = Sold(nodes={"WH1": {"1": 1}, "WH2": {"1": 2}})
        sold.ship({"1": 1}, named("A"))
        sold.ship({"1": 2}, named("B", "C"), number=2)
        back = sold.channel_takes_back("r1", 1)[-1]
        assert [(part.node_id, part.serials) for part in back.units] == [("WH1", ())]
        assert sold.out == units("A", "B", "C")
        with pytest.raises(SerialNotShippedError):
            sold.name("X")
        with pytest.raises(SerialNotShippedError):
            sold.story.do(cmd.NameReturned(command_id="c", serials=named("A", line_id="7")))
        with pytest.raises(SerialsDoNotFitError):
            sold.name("B", "C")
        assert returning(sold.name("C")) == ("serial#SKU-1#C",)
        assert sold.out == units("A", "B")
        with pytest.raises(SerialsDoNotFitError):
            sold.name("A")
        (last,) = [each for each in sold.channel_takes_back("r2", 2) if isinstance(each, ev.LinesReturned)]
        # The unit that came back first was booked at WH1: now both that are left come back to WH2.
        assert [(part.node_id, part.quantity) for part in last.units] == [("WH2", 2)]
        assert set(last.units[0].serials) == set(units("A", "B"))
        assert sold.out == ()

    def test_what_came_back_by_us_does_not_come_back_by_the_channel_too(self) -> None:
        sold = Sold()
        sold.ship({"1": 3}, named("A", "B", "C"))
        sold.give_back(2, "A", "B")
        events = sold.channel_takes_back("r1", 1)
        assert not any(isinstance(each, ev.LinesReturned) for each in events)
        assert sold.out == units("C")

    def test_every_way_back_books_each_parcel_once(self) -> None:
        """Named, unnamed and named later, in every order: no parcel takes back more than it had."""
        for first in ("", "A", "B", "C"):
            for second in ("", "A", "B", "C"):
                sold = Sold(nodes={"WH1": {"1": 1}, "WH2": {"1": 2}})
                sold.ship({"1": 1}, named("A"))
                sold.ship({"1": 2}, named("B", "C"), number=2)
                for number, which in enumerate((first, second)):
                    if which in ("", *(each.number for each in sold.out)):
                        sold.give_back(1, which) if which else sold.channel_takes_back(f"r{number}", 1)
                left = sold.story.order.lines["1"].ledger
                if left.gone > left.returned:
                    sold.give_back(left.gone - left.returned)
                came = [each for each in sold.story.events if isinstance(each, ev.LinesReturned)]
                at = {"WH1": 0, "WH2": 0}
                for part in (part for event in came for part in event.units):
                    at[part.node_id] += part.quantity
                assert at == {"WH1": 1, "WH2": 2}, (first, second)
                assert sold.out == ()

    def test_of_a_kit_all_that_was_in_it_comes_back(self) -> None:
        sold = Sold(1, kits=2)
        sold.ship({"2": 2}, named("K1", "K2", "K3", "K4", line_id="2"))
        with pytest.raises(SerialsDoNotFitError):
            sold.give_back(1, "K1", line_id="2")
        back = sold.give_back(1, "K1", "K3", line_id="2")[-1]
        assert [(part.quantity, part.serials) for part in back.units] == [(1, units("K1", "K3"))]
        assert sold.story.order.lines["2"].serials == units("K2", "K4")


class TestShowing:
    def test_the_order_says_what_the_customer_has(self) -> None:
        sold = Sold()
        order = sold.story.order
        work = order.fulfillment_orders[sold.story.fulfillment_order()]
        assert fulfillment_document(order, work)["lines"][0]["serialized"] == [PHONE]
        sold.ship({"1": 2}, named("A", "B"))
        sold.give_back(1, "B")
        document = order_document(sold.story.order, 1)
        assert document["lines"][0]["serials"] == [{"sku": PHONE, "serial": "A"}]
        (parcel,) = document["parcels"]
        assert parcel["units"][0]["serials"] == [{"sku": PHONE, "number": "A"}, {"sku": PHONE, "number": "B"}]
        texts = [sentence(each, "EUR") for each in sold.story.events]
        assert any("(serial A, B)" in each for each in texts)
        assert any(each.startswith("Came back") and "(serial B)" in each for each in texts)
        assert sentence(ev.SerialsReturned(serials={"1": units("A")}), "EUR") == "What came back: line 1 (serial A)"

    def test_an_order_is_found_by_serial_number_and_by_lot(self) -> None:
        part = ev.NodeUnits(
            line_id="1",
            sku=PHONE,
            node_id="WH1",
            quantity=2,
            drawn=(Drawn(PHONE, "lot:2026-05-01:L-1", 1), Drawn(PHONE, "pool:vip", 1)),
            serials=units("A", "B"),
        )
        sold = Sold()
        shipped = ev.ShipmentShipped(
            shipment_id="s",
            fulfillment_order_id=sold.story.fulfillment_order(),
            node_id="WH1",
            parcels=(ev.ShippedParcel(parcel_id="p", carrier="dhl", tracking_number="T", units=(part, part)),),
        )
        keys = ["tracking#T", "serial#A", "serial#B", "lot#SKU-1~L-1"]
        assert [each["pk"] for each in _lookups(sold, shipped)] == keys
        plain = replace(part, drawn=(), serials=())
        shipped = replace(shipped, parcels=(replace(shipped.parcels[0], units=(plain,)),))
        assert [each["pk"] for each in _lookups(sold, shipped)] == keys[:1]


def _lookups(sold: Sold, event: ev.ShipmentShipped) -> list[Any]:
    order = sold.story.order
    commit = Commit(
        stream=f"order#{order.order_id}",
        number=9,
        command_id="c",
        cause=Cause(kind="api", ref="r", actor="a"),
        at=T0,
        events=(event,),
        previous="",
        summary=summarize(order, T0),
    )
    return [row for row in rows_of(commit) if str(row["pk"]).startswith(("tracking#", "serial#", "lot#"))]


class TestCatalogue:
    def test_products_say_whether_their_units_have_serial_numbers(self) -> None:
        head = "sku,title,weight_g,length_mm,width_mm,height_mm,serials,components"
        rows, problems = read_rows(
            "products", [head, "A,A,1,1,1,1,true,", "B,B,1,1,1,1,,", "C,C,1,1,1,1,FALSE,", "D,D,1,1,1,1,yes,"]
        )
        assert [row.get("serials") for row in rows] == [True, None, None]
        assert problems == ["line 5: serials is true or false: 'yes'"]
        _, problems = read_rows("products", [head, "K,K,1,1,1,1,true,A:1"])
        assert problems == ["line 2: a kit has no serial numbers: its components have"]

    def test_a_kit_has_those_of_its_components(self) -> None:
        made_of = {PHONE: (), SET: PARTS, CASE: ()}
        assert serialized_of(made_of, frozenset({PHONE})) == SERIALIZED
        assert serialized_of(made_of, frozenset()) == ()

    def test_nobody_pays_for_what_has_none(self) -> None:
        sold = Sold(serialized=())
        (shipped,) = sold.ship({"1": 3})
        assert leaving([shipped]) == returning([shipped]) == ()
        assert "serial" not in repr(order_document(sold.story.order, 1))
        assert fold(sold.story.order_id, sold.story.events) == sold.story.order
