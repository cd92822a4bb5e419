"""Draws docs/lifecycle.md from the tables in the domain.

`PYTHONPATH=layers/oms/python .venv/bin/python -m tests.support.lifecycle` writes it.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from oms.domain.order.fulfilling import _RANK
from oms.domain.order.ledger import MOVES, Place
from oms.domain.order.return_state import RETURN_MOVES, ReturnStatus
from oms.domain.order.state import FULFILLMENT_ORDER_MOVES, REFUND_MOVES, FulfillmentOrderStatus, RefundStatus
from oms.domain.order.status import LIFECYCLE, OrderStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

S = TypeVar("S", bound=StrEnum)
DOC: Final = Path(__file__).resolve().parents[2] / "docs" / "lifecycle.md"

_HEAD: Final = """# Lifecycles

Drawn from the tables in `oms.domain.order`; a test fails when this page differs. To draw it again:
`PYTHONPATH=layers/oms/python .venv/bin/python -m tests.support.lifecycle`.
Nothing stores a status: each is derived from quantities and money whenever it is asked for.
"""
_ORDER: Final = """\
`pending`: some live unit is not promised. `confirmed`: all are. `closed`: all are with the customer or came back, and
nobody owes anybody. `cancelled`: no unit is live."""
_FULFILLMENT_ORDER: Final = """\
The part of an order that one node ships. `planned`: its units are bound and its release waits, as its rule says; until
then they may move to another node, and it is `cancelled` when all of them have. A part of it may ship or be cancelled:
the status changes when nothing remains."""
_RETURN: Final = """\
`approved`: it may be sent. `inspected`: all of it was looked at, and a person decides on what is doubtful. `settled`:
nothing is left to do. A part of it may be looked at, and paid, before the rest arrives."""
_PARCEL: Final = """\
The newest scan by the carrier's own time wins; of two at the same time the one of higher rank. `delivered` is final and
is believed however late it comes."""


def diagram(moves: Mapping[S, frozenset[S]], *first: S) -> str:
    """A mermaid state diagram of a table of moves."""
    lines = ["```mermaid", "stateDiagram-v2", *[f"    [*] --> {each.value}" for each in first]]
    for source, targets in moves.items():
        lines += [f"    {source.value} --> {target.value}" for target in sorted(targets)]
        if not targets:
            lines.append(f"    {source.value} --> [*]")
    return "\n".join([*lines, "```"])


def ranks() -> str:
    """The ranks of a parcel's statuses as a table."""
    rows = [f"| {rank} | {status.value} |" for status, rank in sorted(_RANK.items(), key=lambda item: item[1])]
    return "\n".join(["| rank | status |", "|---|---|", *rows])


def render() -> str:
    """The whole page."""
    sections = (
        (
            "A unit of a line",
            "Every ordered unit is in exactly one place; the places of a line always sum to what was ordered.",
            diagram(MOVES, Place.OPEN),
        ),
        (
            "An order",
            _ORDER,
            diagram(LIFECYCLE, OrderStatus.PENDING),
        ),
        (
            "A fulfillment order",
            _FULFILLMENT_ORDER,
            diagram(FULFILLMENT_ORDER_MOVES, FulfillmentOrderStatus.RELEASED, FulfillmentOrderStatus.PLANNED),
        ),
        (
            "A refund",
            "`succeeded` to `failed`: the bank sent the money back.",
            diagram(REFUND_MOVES, RefundStatus.REQUESTED),
        ),
        (
            "A return",
            _RETURN,
            diagram(RETURN_MOVES, ReturnStatus.REQUESTED),
        ),
        (
            "A parcel",
            _PARCEL,
            ranks(),
        ),
    )
    return "\n".join([_HEAD, *(f"## {title}\n\n{text}\n\n{drawing}\n" for title, text, drawing in sections)])


if __name__ == "__main__":
    DOC.parent.mkdir(exist_ok=True)
    DOC.write_text(render(), encoding="utf-8")
