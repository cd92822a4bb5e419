"""Edits of an order in a story."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from oms.domain.order.charging import chargeable, owed
from oms.domain.order.covering import PAYMENT_DUE, uncovered
from oms.domain.order.edit_commands import EditOrder, EditPlan, OrderEdit
from oms.domain.order.events import NodeUnits, OrderEdited, PlacedLine, RefundRequested
from tests.support.builders import minutes, units_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from oms.domain.order.events import OrderEvent
    from oms.domain.order.state import Order
    from tests.support.builders import Story


def more(line_id: str, quantity: int = 1, unit_price: int = 1000, **changes: Any) -> PlacedLine:
    """A line to be added, of the SKU `SKU-<line_id>`."""
    fields: dict[str, Any] = {"sku": f"SKU-{line_id}", **changes}
    return PlacedLine(line_id=line_id, quantity=quantity, unit_price=unit_price, **fields)


def edit(
    story: Story,
    *add: PlacedLine,
    remove: Mapping[str, int] | None = None,
    plan: EditPlan | None = None,
    **changes: Any,
) -> tuple[OrderEvent, ...]:
    """Lines added, units taken off, and whatever else an edit changes."""
    asked = OrderEdit(add=add, remove=units_of(remove or {}), **changes)
    command_id = story.id("edit")
    return story.do(EditOrder(command_id=command_id, edit_id=f"edt_{command_id[4:]}", edit=asked, plan=plan))


def from_node(story: Story, days: int = 3, **units: Mapping[str, int]) -> EditPlan:
    """Units by node and line that are bound with the edit; what it adds is named `SKU-<line>`."""
    lines = story.order.lines
    planned = tuple(
        NodeUnits(
            line_id=line_id,
            sku=lines[line_id].placed.sku if line_id in lines else f"SKU-{line_id}",
            node_id=node_id,
            quantity=count,
        )
        for node_id, of_lines in units.items()
        for line_id, count in of_lines.items()
    )
    return EditPlan(units=planned, promised_by=minutes(60 * 24 * days), decision={"policy": "test"})


def assert_edited(before: Order, after: Order, events: Iterable[OrderEvent]) -> None:
    """What an edit must leave alone, and what it must add up to, whatever it was."""
    (fact,) = [each for each in events if isinstance(each, OrderEdited)]
    assert fact.total == after.placed.total == chargeable(after)
    assert fact.change == owed(after) - owed(before)
    assert after.handovers == before.handovers
    asked_back = sum(each.amount for each in events if isinstance(each, RefundRequested))
    assert asked_back <= max(0, -fact.change)
    held = not before.placed.payment.in_channel and (before.payment.authorized or before.payment.captured)
    if held and uncovered(after) > uncovered(before):
        assert any(hold.kind == PAYMENT_DUE for hold in after.active_holds)
    for line_id, line in before.lines.items():
        now = after.lines[line_id].placed
        assert replace(now, tax=line.placed.tax) == line.placed
        assert now.tax == line.placed.tax or not line.ledger.gone, "what has left keeps its tax"
