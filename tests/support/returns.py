"""Returns of a story, in a few words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.domain.movements import Disposition
from oms.domain.order import return_commands as ret
from oms.domain.order.return_facts import Condition, InspectedUnits, ReturnUnits
from oms.domain.return_policy import read_rules
from oms.domain.tracking import ParcelStatus
from tests.support.builders import minutes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.order.events import OrderEvent
    from oms.domain.order.return_state import Return
    from tests.support.builders import Story

DAY = 24 * 60
LATER = 1000 + DAY
"""A day after `Story.deliver_all`, in minutes."""
NOBODY_SAID = read_rules({})


def rules(*found: Mapping[str, Any], **document: Any) -> Any:
    """A saved version with these rules."""
    return read_rules({"version": 7, "document": {"rules": list(found), **document}})


def rule(name: str = "all", when: Mapping[str, Any] | None = None, **then: Any) -> dict[str, Any]:
    """One rule."""
    return {"name": name, **({"when": when} if when else {}), "then": then}


def unit(line_id: str = "1", quantity: int = 1, condition: str = "ok", disposition: str | None = "restock") -> Any:
    """How units were found."""
    absent = condition in ("missing", "wrong_item")
    return InspectedUnits(
        line_id=line_id,
        quantity=quantity,
        condition=Condition(condition),
        disposition=None if absent or disposition is None else Disposition(disposition),
    )


class Returning:
    """The returns of a story."""

    def __init__(self, story: Story) -> None:
        """Of this one."""
        self.story = story

    def ask(
        self, lines: Mapping[str, int] | None = None, *, reason: str = "size", at: float = LATER, **changes: Any
    ) -> Return:
        """Ask to return units of lines; one of line 1 if nothing is said."""
        asked = tuple(
            ret.AskedLine(line_id=line_id, quantity=units, reason=reason)
            for line_id, units in (lines or {"1": 1}).items()
        )
        fields: dict[str, Any] = {"rules": NOBODY_SAID, "categories": {}, **changes}
        self.story.do(ret.RequestReturn(command_id=self.story.id("ask"), lines=asked, at=minutes(at), **fields))
        return self.last

    @property
    def last(self) -> Return:
        """The newest."""
        return list(self.story.order.returns.values())[-1]

    def label(self, number: str = "RET1") -> tuple[OrderEvent, ...]:
        """It has a number."""
        return self.story.do(
            ret.LabelReturn(
                command_id=self.story.id("label"),
                return_id=self.last.return_id,
                carrier="dhl",
                tracking_number=number,
            )
        )

    def scan(self, status: ParcelStatus = ParcelStatus.IN_TRANSIT, number: str = "RET1") -> tuple[OrderEvent, ...]:
        """The carrier's word on it."""
        return self.story.do(
            ret.RecordReturnScan(
                command_id=self.story.id("scan"), tracking_number=number, status=status, occurred_at=minutes(LATER)
            )
        )

    def receive(self, node: str = "WH2", **known: Any) -> tuple[OrderEvent, ...]:
        """It is at a node."""
        return self.story.do(
            ret.ReceiveReturn(
                command_id=self.story.id("receive"), return_id=known.get("of", self.last.return_id), node_id=node
            )
        )

    def inspect(self, *lines: Any, node: str = "WH2", **changes: Any) -> tuple[OrderEvent, ...]:
        """Somebody looked at units."""
        fields: dict[str, Any] = {"return_id": self.last.return_id, **changes}
        return self.story.do(
            ret.InspectReturn(command_id=self.story.id("inspect"), node_id=node, lines=lines, **fields)
        )

    def settle(self, lines: Mapping[str, int] | None = None, **changes: Any) -> tuple[OrderEvent, ...]:
        """A person decides."""
        units = tuple(ReturnUnits(line_id=line_id, quantity=count) for line_id, count in (lines or {}).items())
        fields: dict[str, Any] = {"reason": "looked at", "lines": units, **changes}
        return self.story.do(
            ret.SettleReturn(command_id=self.story.id("settle"), return_id=self.last.return_id, **fields)
        )

    def refunds(self) -> list[int]:
        """Amounts that go back."""
        return [each.amount for each in self.story.order.payment.refunds.values()]
