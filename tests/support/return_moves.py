"""What may happen to the returns of an order, as rules of its machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from oms.domain.movements import Disposition
from oms.domain.order import return_commands as ret
from oms.domain.order.return_facts import Condition, InspectedUnits, Resolution, ReturnUnits
from oms.domain.return_policy import read_rules
from oms.domain.tracking import ParcelStatus
from tests.support.builders import minutes
from tests.support.order_world import NODES

if TYPE_CHECKING:
    from oms.domain.order.return_state import Return
    from tests.support.order_world import OrderWorld

PICK: Final = st.integers(0, 10**6)
HERE: Final = [Condition.OK, Condition.OK, Condition.OK, Condition.DAMAGED]


def terms(pick: int) -> Any:
    """Rules of many kinds."""
    then = {
        "refund_at": ("approval", "scan", "receipt", "inspection")[pick % 4],
        "fee": {"percent": (0, 7, 12.5)[pick % 3], "amounts": {"EUR": 1 + pick % 200}} if pick % 3 else {},
        "shipping": pick % 5 == 1,
        **({"keep_below": {"EUR": 400}} if pick % 7 == 2 else {}),
        **({"approve": "ask"} if pick % 6 == 5 else {}),
        "send_within_days": 1 + pick % 3,
    }
    return read_rules({"version": 1 + pick % 9, "document": {"rules": [{"name": "all", "then": then}]}})


class ReturnMoves(RuleBasedStateMachine):
    """Rules for `OrderMachine`, which has the world."""

    world: OrderWorld

    def _return(self, pick: int) -> Return | None:
        known = list(self.world.story.order.returns.values())
        return known[pick % len(known)] if known else None

    @rule(pick=PICK, units=st.integers(1, 3), exchange=st.booleans(), node=st.booleans())
    def ask_to_return(self, pick: int, units: int, *, exchange: bool, node: bool) -> None:
        lines = list(self.world.story.order.lines)
        asked = (ret.AskedLine(line_id=lines[pick % len(lines)], quantity=units, reason="size"),)
        self.world.run(
            ret.RequestReturn(
                command_id=self.world.story.id("ask"),
                lines=asked,
                at=minutes(pick % 100_000),
                rules=terms(pick),
                categories={},
                resolution=Resolution.EXCHANGE if exchange and pick % 3 == 0 else Resolution.REFUND,
                origin="node" if node and pick % 2 else "staff",
                override=pick % 5 == 0,
                node_id=NODES[pick % len(NODES)] if node and pick % 2 else "",
            )
        )

    @rule(pick=PICK)
    def a_person_says_of_a_return(self, pick: int) -> None:
        if known := self._return(pick):
            of = {"command_id": self.world.story.id("person"), "return_id": known.return_id}
            said: list[Any] = [
                ret.ApproveReturn(**of, at=minutes(0)),
                ret.RejectReturn(**of, reason="worn"),
                ret.CancelReturn(**of),
            ]
            self.world.run(said[0 if pick % 5 else pick % 3])

    @rule(pick=PICK, status=st.sampled_from(ParcelStatus))
    def a_return_travels(self, pick: int, status: ParcelStatus) -> None:
        if known := self._return(pick):
            number = f"R-{known.return_id}"
            self.world.run(
                ret.LabelReturn(
                    command_id=self.world.story.id("label"),
                    return_id=known.return_id,
                    carrier="dhl",
                    tracking_number=number,
                )
            )
            self.world.run(
                ret.RecordReturnScan(
                    command_id=self.world.story.id("scan"),
                    tracking_number=number,
                    status=status,
                    occurred_at=minutes(pick % 100),
                )
            )

    @rule(pick=PICK)
    def a_return_arrives(self, pick: int) -> None:
        if known := self._return(pick):
            command_id, node_id = self.world.story.id("receive"), NODES[pick % len(NODES)]
            self.world.run(ret.ReceiveReturn(command_id=command_id, return_id=known.return_id, node_id=node_id))

    @rule(pick=PICK, units=st.integers(1, 3), disposition=st.sampled_from(Disposition), last=st.booleans())
    def a_return_is_looked_at(self, pick: int, units: int, disposition: Disposition, *, last: bool) -> None:
        known = self._return(pick)
        if known is None:
            return
        lines, serials = [], []
        for line_id, line in known.lines.items():
            count = min(units, line.to_inspect) if pick % 4 else units
            absent = pick % 9 == 4
            condition = Condition.MISSING if absent else HERE[pick % len(HERE)]
            if count:
                lines.append(
                    InspectedUnits(
                        line_id=line_id,
                        quantity=count,
                        condition=condition,
                        disposition=None if absent else disposition,
                    )
                )
            out = self.world.story.order.lines[line_id].serials
            if out and not absent and count:
                serials.append((line_id, out[-count:]))
        self.world.run(
            ret.InspectReturn(
                command_id=self.world.story.id("inspect"),
                return_id=known.return_id,
                node_id=NODES[pick % len(NODES)],
                lines=tuple(lines),
                serials=tuple(serials),
                last=last,
            )
        )

    @rule(pick=PICK, amount=st.none() | st.integers(0, 400), paid=st.booleans())
    def a_person_settles_a_return(self, pick: int, amount: int | None, *, paid: bool) -> None:
        if known := self._return(pick):
            units = {line_id: line.doubtful for line_id, line in known.lines.items() if line.doubtful} if paid else {}
            self.world.run(
                ret.SettleReturn(
                    command_id=self.world.story.id("settle"),
                    return_id=known.return_id,
                    reason="looked at",
                    lines=tuple(ReturnUnits(line_id=line_id, quantity=count) for line_id, count in units.items()),
                    amount=amount if units else None,
                )
            )

    @rule(pick=PICK)
    def time_for_returns_is_over(self, pick: int) -> None:
        self.world.run(ret.ExpireReturns(command_id=self.world.story.id("expire"), at=minutes(pick % 100_000)))
