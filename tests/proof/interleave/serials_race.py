"""Races for one unit, told apart from others by its serial number."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from oms.domain import ids
from oms.domain.order import commands as cmd
from oms.domain.order.events import Disposition
from oms.domain.serials import Serial
from tests.proof.interleave import guards
from tests.proof.interleave.scenario import Scenario
from tests.proof.interleave.story import SKU, WEB, api, ask, expect, placed_in_channel, receive, refusal, ship
from tests.support.builders import line, units_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.order.commands import Command
    from oms.domain.order.state import Order
    from tests.proof.interleave.kernel import Ended, Worker
    from tests.proof.interleave.world import World

OTHER: Final = ids.order_id("shopify", "shop-1", "1002")
UNIT: Final = Serial(SKU, "A-1")


def _pack(order_id: str, key: str) -> Command:
    """One and the same unit is scanned."""
    asked = ship(order_id, key, {"1": 1})
    assert isinstance(asked, cmd.ShipFulfillmentOrder)
    (parcel,) = asked.parcels
    return replace(asked, parcels=(replace(parcel, serials=(("1", (UNIT,)),)),))


def _two_promised(world: World) -> None:
    world.product(SKU, serials=True)
    receive(world, SKU, "WH1", 3)
    for number in ("1001", "1002"):
        world.drive(placed_in_channel(world, line(), number=number))


def _one_unit_twice(world: World) -> list[Worker]:
    return [
        api(world, "packer", WEB, _pack(WEB, "S1")),
        api(world, "packer again", WEB, _pack(WEB, "S1")),
        api(world, "other packer", OTHER, _pack(OTHER, "S2")),
    ]


def _with_one(orders: Mapping[str, Order]) -> list[str]:
    """Orders that have the unit out."""
    out = [each.order_id for each in orders.values() if UNIT in each.lines["1"].serials]
    expect("I1", len(out) <= 1, f"one unit is with {out}")
    return out


def _shipped_once(_world: World, orders: Mapping[str, Order], ended: Mapping[str, Ended]) -> None:
    (won,) = _with_one(orders) or ("nobody",)
    expect("I1", won in (WEB, OTHER), f"the unit is with {won}")
    told = {name: refusal(ended, name) for name in ended}
    ours, theirs = ("", "SerialInUseError") if won == WEB else ("SerialInUseError", "")
    wanted = {name: theirs if name.startswith("other") else ours for name in ended}
    expect("I1", told == wanted, f"the packers were told {told}")


def _one_shipped(world: World) -> None:
    _two_promised(world)
    ask(world.calm, WEB, _pack(WEB, "S1"))


def _back_and_out(world: World) -> list[Worker]:
    back = cmd.RequestRefund(
        command_id=ids.command_id("refund", WEB),
        reason="returned",
        amount=1,
        lines=units_of({"1": 1}),
        disposition=Disposition.RESTOCK,
        serials=(("1", (UNIT,)),),
    )
    return [
        api(world, "service", WEB, back),
        api(world, "packer", OTHER, _pack(OTHER, "S2")),
        api(world, "service again", WEB, back),
    ]


def _out_again(_world: World, orders: Mapping[str, Order], ended: Mapping[str, Ended]) -> None:
    packers = {refusal(ended, each) for each in ended if each.startswith("packer")}
    expect("I1", packers <= {"", "SerialInUseError"}, f"the packer was told {packers}")
    expect("I1", _with_one(orders) == ([OTHER] if "" in packers else []), "the unit is not where it was shipped to")
    expect("I5", not any(refusal(ended, each) for each in ended if each.startswith("service")), "it did not come back")


SCENARIOS: Final = (
    Scenario(
        name="serial-serial",
        about="One unit is scanned into the parcels of two orders, into one of them twice.",
        prelude=_two_promised,
        workers=_one_unit_twice,
        expect=_shipped_once,
        guard="unique guard on the serial number, in the transaction of the shipment",
        without=guards.no_unique_guard,
    ),
    Scenario(
        name="serial-return",
        about="A unit comes back while it is scanned into the parcel of another order.",
        prelude=_one_shipped,
        workers=_back_and_out,
        expect=_out_again,
        guard="the guard is let go of in the transaction of the return",
        without=guards.no_unique_guard,
    ),
)
