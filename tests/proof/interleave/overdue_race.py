"""Races of an order's hold whose time is over: the watchdog, who releases it, who cancels."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from oms.domain import ids
from oms.domain.order import commands as cmd
from oms.domain.order.events import OnExpiry
from oms.domain.order.ledger import Place
from tests.proof.interleave import guards
from tests.proof.interleave.kernel import Worker
from tests.proof.interleave.scenario import Scenario
from tests.proof.interleave.story import (
    SKU,
    WEB,
    api,
    ask,
    at,
    cancel,
    events_of,
    expect,
    placed_in_channel,
    position,
    receive,
)
from tests.support.builders import line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.order.state import Order
    from tests.proof.interleave.kernel import Ended
    from tests.proof.interleave.world import World

HOLD: Final = "hld_1"


def _overdue(world: World) -> None:
    """Three units of one line are bound; the hold of the whole order ends by cancelling, now."""
    receive(world, SKU, "WH1", 5)
    world.drive(placed_in_channel(world, line(quantity=3)))
    held = cmd.PlaceHold(
        command_id=ids.command_id("hold"),
        hold_id=HOLD,
        kind="payment",
        expires_at=world.now() + timedelta(minutes=5),
        on_expiry=OnExpiry.CANCEL,
    )
    ask(world.calm, WEB, held)
    for commit in world.commits(WEB):
        world.calm.project(commit, late=True)
    world.clock += timedelta(minutes=5)


def _at_once(world: World) -> list[Worker]:
    let_go = cmd.ReleaseHold(command_id=ids.command_id("release"), hold_id=HOLD, reason="paid", role="finance")
    return [
        Worker(name="watchdog", body=lambda _try, _last: world.racing.watchdog()),
        api(world, "finance releases", WEB, let_go),
        api(world, "the customer cancels a unit", WEB, cancel(WEB, "one", {"1": 1})),
    ]


def _one_winner(world: World, orders: Mapping[str, Order], _ended: Mapping[str, Ended]) -> None:
    released = [each for each in events_of(world, WEB) if type(each).__name__ == "HoldReleased"]
    expect("I5", len(released) == 1, f"{len(released)} ends of one hold")
    cancelled, bound = at(orders[WEB], Place.CANCELLED), at(orders[WEB], Place.ALLOCATED)
    left = {"expired": [0], "paid": [2, 3]}[released[0].reason]
    expect("I4", bound in left and cancelled + bound == 3, f"{cancelled} cancelled, {bound} allocated")
    expect("I1", position(world).reserved == bound, "what is bound is not what the order has")


SCENARIOS: Final = (
    Scenario(
        name="hold-expiry-release-cancel",
        about="The time of a hold is over, a person releases it, and the customer cancels a unit, all at once.",
        prelude=_overdue,
        workers=_at_once,
        expect=_one_winner,
        guard="condition on the commit number: who ends the hold decides on the order as it is",
        without=guards.no_commit_condition,
    ),
)
