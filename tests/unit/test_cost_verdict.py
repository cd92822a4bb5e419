"""The order path's verdict finds what was planted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from oms.adapters.commit_item import commit_to_item
from oms.domain.commit import GENESIS, Cause, Commit
from oms.domain.order import events as ev
from oms.domain.tracking import ParcelStatus
from tests.proof.cost.path import NODE, Journey
from tests.proof.cost.verdict import Verdict, judge

AT = datetime(2026, 11, 25, tzinfo=UTC)
Item = dict[str, Any]


def units(journey: Journey, count: int = 1) -> tuple[ev.NodeUnits, ...]:
    pairs = zip(journey.line_ids, journey.skus, strict=True)
    return tuple(ev.NodeUnits(line_id=line, sku=sku, node_id=NODE, quantity=count) for line, sku in pairs)


def placed(journey: Journey) -> ev.OrderPlaced:
    lines = [
        ev.PlacedLine(line_id=line, sku=sku, quantity=1, unit_price=100)
        for line, sku in zip(journey.line_ids, journey.skus, strict=True)
    ]
    return ev.OrderPlaced(
        channel="shopify",
        account="main",
        external_id=journey.external_id,
        number="1",
        placed_at=AT,
        currency="USD",
        total=300,
        lines=tuple(lines),
        payment=ev.PaymentPlan(provider="in_channel"),
    )


def log(journey: Journey, *, reserved: int = 1, delivered: int = 1, again: bool = False) -> list[Item]:
    """The commits of an order that was delivered."""
    parcel = ev.ShippedParcel(parcel_id="p", carrier="USPS", tracking_number=journey.tracking, units=units(journey))
    shipped = ev.ShipmentShipped(
        shipment_id="s", fulfillment_order_id=journey.fulfillment_order_id, node_id=NODE, parcels=(parcel,)
    )
    moved = ev.ParcelStatusChanged(parcel_id="p", status=ParcelStatus.DELIVERED, occurred_at=AT)
    bound = ev.LinesReserved(units=units(journey, reserved), fulfillment_orders={}, promised_by=AT)
    events = [placed(journey), *([placed(journey)] if again else []), bound, shipped, *([moved] * delivered)]
    return [
        commit_to_item(
            Commit(
                stream=f"order#{journey.order_id}",
                number=number,
                command_id=f"cmd-{number}",
                cause=Cause(kind="test", ref="", actor=""),
                at=AT,
                events=(event,),
                previous=GENESIS,
                summary={},
            )
        )
        for number, event in enumerate(events, 1)
    ]


def verdict(items: list[Item], *journeys: Journey, stock: int = 0, each: int = 1) -> Verdict:
    loaded = {sku: each for journey in journeys for sku in journey.skus}
    position = {"pk": {"S": "X"}, "sk": {"S": "n#0"}, "available": {"N": str(stock)}}
    return judge({journey.order_id: journey for journey in journeys}, loaded, items, [position])


ONE, TWO = Journey(1), Journey(2)


def test_orders_that_arrived() -> None:
    assert verdict([*log(ONE), *log(TWO)], ONE, TWO).document() == {
        "orders": 2,
        "lost": 0,
        "duplicated": 0,
        "oversold": 0,
    }


def test_an_order_that_is_nowhere_is_lost() -> None:
    assert verdict(log(ONE), ONE, TWO).lost == 1


def test_an_order_that_was_not_delivered_is_lost() -> None:
    assert verdict(log(ONE, delivered=0), ONE).lost == 1


def test_an_order_that_nobody_sent_is_one_too_many() -> None:
    assert verdict([*log(ONE), *log(TWO)], ONE).duplicated == 1


def test_an_order_placed_or_delivered_twice_is_one_too_many() -> None:
    assert verdict(log(ONE, again=True), ONE).duplicated == 1
    assert verdict(log(ONE, delivered=2), ONE).duplicated == 1


def test_units_bound_twice_are_oversold() -> None:
    found = verdict(log(ONE, reserved=2), ONE)
    assert (found.oversold, found.duplicated) == (3, 1)


def test_stock_below_nothing_is_oversold() -> None:
    assert verdict(log(ONE), ONE, stock=-2).oversold == 2
