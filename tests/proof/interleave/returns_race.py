"""Races for what comes back: two nodes that have one return, and a channel that refunds what a node looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.domain import ids
from oms.domain.canonical import ChannelRefund, RefundedLine, Restock
from oms.domain.movements import Disposition
from oms.domain.order import commands as cmd
from oms.domain.order import return_commands as ret
from oms.domain.order.events import LinesReturned
from oms.domain.order.return_facts import InspectedUnits
from oms.domain.return_policy import read_rules
from tests.proof.interleave import guards
from tests.proof.interleave.money_race import ORDER
from tests.proof.interleave.scenario import Scenario
from tests.proof.interleave.story import (
    SKU,
    WEB,
    api,
    ask,
    events_of,
    expect,
    moved,
    placed_in_channel,
    placed_on_card,
    receive,
    refusal,
    ship,
    workflow,
)
from tests.support.builders import line, minutes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.order.commands import Command
    from oms.domain.order.state import Order
    from tests.proof.interleave.kernel import Ended, Worker
    from tests.proof.interleave.world import World

_LATE: Final = frozenset({"", "InvalidTransitionError"})


def _asked(order_id: str) -> Command:
    asked = ret.AskedLine(line_id="1", quantity=1, reason="size")
    command_id = ids.command_id("ask", order_id)
    return ret.RequestReturn(command_id=command_id, lines=(asked,), at=minutes(90), rules=read_rules({}), categories={})


def _inspect(order_id: str, node_id: str, key: str) -> Command:
    found = InspectedUnits(line_id="1", quantity=1, disposition=Disposition.RESTOCK)
    return ret.InspectReturn(
        command_id=ids.command_id("inspect", order_id, key),
        return_id=ids.return_id(order_id, 1),
        node_id=node_id,
        lines=(found,),
    )


def _back_once(world: World, order_id: str) -> None:
    """One unit is back in stock, once, and is no longer with the customer."""
    back = [
        part.quantity for each in events_of(world, order_id) if isinstance(each, LinesReturned) for part in each.units
    ]
    expect("I1", back == [1], f"came back: {back}")


# return-return: two nodes look at one return


def _on_its_way(world: World) -> None:
    receive(world, SKU, "WH1", 1)
    placed_on_card(world, line())
    world.drive(ORDER)
    ask(world.calm, ORDER, ship(ORDER, "1", {"1": 1}))
    world.drive(ORDER)
    ask(world.calm, ORDER, _asked(ORDER))


def _two_nodes(world: World) -> list[Worker]:
    return [
        api(world, "node", ORDER, _inspect(ORDER, "WH1", "a")),
        api(world, "other node", ORDER, _inspect(ORDER, "WH2", "b")),
        workflow(world, "workflow", ORDER, "return"),
    ]


def _paid_once(world: World, orders: Mapping[str, Order], ended: Mapping[str, Ended]) -> None:
    _back_once(world, ORDER)
    expect("I2", moved(world, "refund") == [1000], f"given back: {moved(world, 'refund')}")
    told = sorted(refusal(ended, name) for name in ("node", "other node"))
    expect("I5", told == sorted(_LATE), f"the nodes were told {told}")


# return-refund: the channel gives back what a node looks at


def _sold_in_channel(world: World) -> None:
    receive(world, SKU, "WH1", 1)
    placed_in_channel(world, line())
    world.drive(WEB)
    ask(world.calm, WEB, ship(WEB, "1", {"1": 1}))
    ask(world.calm, WEB, _asked(WEB))


def _node_and_channel(world: World) -> list[Worker]:
    part = RefundedLine(line_ref="1", quantity=1, restock=Restock.RETURN)
    told = ChannelRefund(refund_ref="r1", amount=1000, lines=(part,))
    refunded = cmd.RecordChannelRefund(command_id=ids.command_id("refund", "r1"), refund=told)
    return [
        api(world, "node", WEB, _inspect(WEB, "WH2", "a")),
        api(world, "channel", WEB, refunded),
        api(world, "node again", WEB, _inspect(WEB, "WH2", "a")),
    ]


def _once_by_either(world: World, orders: Mapping[str, Order], ended: Mapping[str, Ended]) -> None:
    _back_once(world, WEB)
    order = orders[WEB]
    given = [each.amount for each in order.payment.refunds.values() if each.counts]
    expect("I2", given == [1000], f"given back: {given}")
    expect("I6", not any(each.open for each in order.returns.values()), f"{order.returns}")
    told = {refusal(ended, name) for name in ended if name.startswith("node")}
    expect("I5", told <= _LATE and not refusal(ended, "channel"), f"they were told {told}")


SCENARIOS: Final = (
    Scenario(
        name="return-return",
        about="Two nodes look at one return, while its money is paid out.",
        prelude=_on_its_way,
        workers=_two_nodes,
        expect=_paid_once,
        guard="condition on the commit number: what is left of a return is decided on all looks before",
        without=guards.no_commit_condition,
    ),
    Scenario(
        name="return-refund",
        about="The channel refunds a unit, and takes it back, while a node looks at it.",
        prelude=_sold_in_channel,
        workers=_node_and_channel,
        expect=_once_by_either,
        guard="condition on the commit number: a return shrinks by what came back otherwise",
        without=guards.no_commit_condition,
    ),
)
