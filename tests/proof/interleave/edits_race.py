"""Races over what an order is of: it is edited while it ships, and while it is cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Never

from oms.application.edit_prices import AskedEdit, AskedLine, PriceEdit
from oms.application.edits import EditOrders, ProposeEdit
from oms.domain import ids
from oms.domain.errors import NoTaxRatesError
from oms.domain.order.ledger import Place
from tests.proof.interleave import guards
from tests.proof.interleave.kernel import Worker
from tests.proof.interleave.scenario import Scenario
from tests.proof.interleave.story import (
    SKU,
    api,
    at,
    cancel,
    expect,
    has,
    moved,
    placed_on_card,
    position,
    receive,
    refusal,
    ship,
    site_id,
)
from tests.proof.interleave.world import cause
from tests.support.builders import line, nowhere, units_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.order.state import Order
    from tests.proof.interleave.kernel import Ended
    from tests.proof.interleave.world import Uses, World

OTHER: Final = "SKU-2"
SWAP: Final = AskedEdit(add=(AskedLine(sku=OTHER, quantity=1),), remove=units_of({"1": 1}))
"""A unit of another SKU in place of one of two, for the same price."""


class _NoTaxes:
    def reckon(self, _question: object) -> Never:
        """Nobody has imported any rates."""
        raise NoTaxRatesError("no rates")


def _edits(world: World, uses: Uses) -> EditOrders:
    price = PriceEdit(uses.plan.reference, _NoTaxes(), 0)
    propose = ProposeEdit(uses.orders, price, uses.plan, nowhere, world.now)
    return EditOrders(propose, uses.sync.contacts)


def _promised(world: World) -> None:
    """Two units that are paid and bound, and one of another SKU on the shelf."""
    world.product(OTHER, list_prices={"EUR": 1000})
    receive(world, SKU, "WH1", 3)
    receive(world, OTHER, "WH1", 1)
    placed_on_card(world, line(quantity=2))
    world.drive(site_id("K1"))


def _service(world: World) -> Worker:
    """Somebody who has seen the preview, and repeats his request with its key until it is answered."""
    order_id = site_id("K1")
    basis = str(_edits(world, world.calm).propose(order_id, SWAP, "service")["basis"])
    apply, command_id = _edits(world, world.racing), ids.command_id("edit", order_id)
    asked = cause("edit", "api")
    return Worker(
        name="service",
        body=lambda _try, _last: apply(order_id, SWAP, basis, "service", command_id, asked).order,
    )


def _with_the_warehouse(world: World) -> list[Worker]:
    order_id = site_id("K1")
    return [_service(world), api(world, "warehouse", order_id, ship(order_id, "S1", {"1": 2}))]


def _one_of_them(world: World, orders: Mapping[str, Order], ended: Mapping[str, Ended]) -> None:
    order = orders[site_id("K1")]
    edited, shipped = has(world, order.order_id, "OrderEdited"), at(order, Place.SHIPPED)
    expect("I6", edited == (shipped == 0), f"edited: {edited}, {shipped} shipped")
    told = refusal(ended, "service"), refusal(ended, "warehouse")
    wanted = ("", "InvalidTransitionError") if edited else ("EditOutdatedError", "")
    expect("I6", told == wanted, f"service and warehouse were told {told}")
    bound = position(world).reserved, position(world, sku=OTHER).reserved
    expect("I1", bound == ((1, 1) if edited else (0, 0)), f"bound: {bound}")
    expect("I2", sum(moved(world, "capture")) == 1000 * shipped, f"captured {moved(world, 'capture')}")


def _with_the_shop(world: World) -> list[Worker]:
    order_id = site_id("K1")
    return [_service(world), api(world, "shop", order_id, cancel(order_id, "all"))]


def _nothing_left(world: World, orders: Mapping[str, Order], ended: Mapping[str, Ended]) -> None:
    order = orders[site_id("K1")]
    live = sum(each.ledger.live for each in order.lines.values())
    expect("I6", live == 0, f"{live} units are not cancelled")
    edited = has(world, order.order_id, "OrderEdited")
    told = refusal(ended, "service"), refusal(ended, "shop")
    expect("I6", told == ("" if edited else "EditOutdatedError", ""), f"service and shop were told {told}")
    bound = position(world).reserved, position(world, sku=OTHER).reserved
    expect("I1", bound == (0, 0), f"bound: {bound}")
    expect("I2", world.store.payments["pi_1"].capturable == 0, "the card still holds the money")


SCENARIOS: Final = (
    Scenario(
        name="edit-ship",
        about="An order is edited while it leaves.",
        prelude=_promised,
        workers=_with_the_warehouse,
        expect=_one_of_them,
        guard="condition on the commit number",
        without=guards.no_commit_condition,
    ),
    Scenario(
        name="edit-cancel",
        about="An order is edited while all of it is cancelled.",
        prelude=_promised,
        workers=_with_the_shop,
        expect=_nothing_left,
        guard="condition on the commit number",
        without=guards.no_commit_condition,
    ),
)
