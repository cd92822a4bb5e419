"""Races for units that are held for a buyer, and for the instant at which they no longer are."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from oms.application.holds import ExpireHolds, HoldRequest, StockHolds, WantedUnits, stream_of_hold
from oms.domain import ids
from oms.domain.holding import HoldKind, StockHoldExtended
from oms.domain.order.ledger import Place
from tests.proof.interleave import guards
from tests.proof.interleave.kernel import Worker
from tests.proof.interleave.scenario import Scenario
from tests.proof.interleave.story import (
    SKU,
    at,
    expect,
    placed_in_channel,
    placed_on_card,
    position,
    receive,
    refusal,
    site_id,
    workflow,
)
from tests.proof.interleave.world import cause
from tests.support.builders import line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from oms.domain.order.state import Order
    from tests.proof.interleave.kernel import Ended
    from tests.proof.interleave.world import Uses, World

BASKET: Final = "basket"
HELD: Final = ids.derive("sth", BASKET)
OWN: Final = site_id("K1")
OTHER: Final = ids.order_id("shopify", "shop-1", "2")
LASTS: Final = timedelta(minutes=10)


def _hold(uses: Uses, key: str, units: int) -> object:
    request = HoldRequest(
        kind=HoldKind.CHECKOUT, channel="site", wanted=(WantedUnits(sku=SKU, quantity=units),), lasts=LASTS
    )
    return uses.hold(key, request, cause(key, "api"))


def _turns(world: World, hold_id: str = HELD) -> list[str]:
    """What happened to the hold, in order."""
    stream = world.store.streams.get(stream_of_hold(hold_id))
    events = [event for each in stream.history.commits for event in each.events] if stream else []
    return [type(event).__name__ for event in events if not isinstance(event, StockHoldExtended)]


# hold-claim-expire: the order is promised while, by another clock, the time of its hold is over


def _held_then_ordered(world: World) -> None:
    receive(world, SKU, "WH1", 2)
    _hold(world.calm, BASKET, 2)
    placed_in_channel(world, line(), number="2")
    world.drive(OTHER)
    placed_on_card(world, line(quantity=2), stock_hold=HELD)


def _sweep(world: World) -> Worker:
    def later() -> datetime:
        return world.now() + LASTS

    sweep = ExpireHolds(StockHolds(world.racing.holds.log, later), world.racing.stock, later)
    return Worker(name="sweep", body=lambda _try, _last: sweep())


def _claim_and_expire(world: World) -> list[Worker]:
    return [workflow(world, "workflow", OWN), _sweep(world), workflow(world, "who waits", OTHER)]


def _one_end(world: World, orders: Mapping[str, Order], _ended: Mapping[str, Ended]) -> None:
    turns = _turns(world)
    expect("I6", len(turns) == 2 and turns[1] in ("StockHoldClaimed", "StockHoldExpired"), f"the hold lived as {turns}")
    own, other = at(orders[OWN], Place.ALLOCATED), at(orders[OTHER], Place.ALLOCATED)
    expect("I1", position(world).reserved == own + other, f"{own} and {other} bound, {position(world)}")
    expect("I4", own == 2 or turns[1] == "StockHoldExpired", f"claimed, and {own} bound")
    expect("I1", not world.store.held, "an ended hold is still to be looked at")


# hold-last-unit: two baskets and an order


def _one_unit(world: World) -> None:
    receive(world, SKU, "WH1", 1)
    placed_in_channel(world, line(), number="2")


def _baskets(world: World) -> list[Worker]:
    def basket(name: str) -> Worker:
        return Worker(name=name, body=lambda _try, _last: _hold(world.racing, name, 1))

    return [basket("one"), basket("two"), workflow(world, "buyer", OTHER)]


def _one_has_it(world: World, orders: Mapping[str, Order], ended: Mapping[str, Ended]) -> None:
    held = [bool(_turns(world, ids.derive("sth", name))) for name in ("one", "two")]
    told = [refusal(ended, name) for name in ("one", "two")]
    bound = at(orders[OTHER], Place.ALLOCATED)
    expect("I1", sum(held) + bound == 1 == position(world).reserved, f"held {held}, bound {bound}, {position(world)}")
    for has, answer in zip(held, told, strict=True):
        expect("I8", answer == ("" if has else "InsufficientStockError"), f"held {held}, told {told}")


# hold-release-claim: the buyer gives up in one window and orders in another


def _release(world: World) -> Worker:
    return Worker(
        name="shop", body=lambda _try, _last: world.racing.release_hold(HELD, "give up", cause("give up", "api"))
    )


def _claim_and_release(world: World) -> list[Worker]:
    return [workflow(world, "workflow", OWN), workflow(world, "watchdog's", OWN), _release(world)]


def _claimed_or_released(world: World, orders: Mapping[str, Order], ended: Mapping[str, Ended]) -> None:
    turns = _turns(world)
    expect("I6", len(turns) == 2, f"the hold lived as {turns}")
    told = refusal(ended, "shop")
    wanted = {"StockHoldClaimed": "InvalidTransitionError", "StockHoldReleased": ""}
    expect("I6", told == wanted[turns[1]], f"told {told} of a hold that lived as {turns}")
    own = at(orders[OWN], Place.ALLOCATED)
    other = at(orders[OTHER], Place.ALLOCATED)
    expect("I1", position(world).reserved == own + other and own in (0, 2), f"{own} and {other}, {position(world)}")
    expect("I4", own == 2 or turns[1] == "StockHoldReleased", f"claimed, and {own} bound")


SCENARIOS: Final = (
    Scenario(
        name="hold-claim-expire",
        about="An order takes over the units that were held for it, while the sweep's clock says their time is over.",
        prelude=_held_then_ordered,
        workers=_claim_and_expire,
        expect=_one_end,
        guard="condition on the number of the hold's next commit, in the order's transaction and in the sweep's",
        without=guards.no_commit_condition,
    ),
    Scenario(
        name="hold-last-unit",
        about="Two baskets and an order want the last unit.",
        prelude=_one_unit,
        workers=_baskets,
        expect=_one_has_it,
        guard="condition on what is available",
        without=guards.no_stock_condition,
    ),
    Scenario(
        name="hold-release-claim",
        about="A buyer gives a basket up while the order made of it is being promised.",
        prelude=_held_then_ordered,
        workers=_claim_and_release,
        expect=_claimed_or_released,
        guard="condition on the number of the hold's next commit",
        without=guards.no_commit_condition,
    ),
)
