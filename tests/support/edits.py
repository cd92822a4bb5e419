"""Edits of an order in a story."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.domain.order.edit_commands import EditOrder, EditPlan, OrderEdit
from oms.domain.order.events import NodeUnits, PlacedLine
from tests.support.builders import minutes, units_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.order.events import OrderEvent
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
