"""Draws docs/lifecycle.md from the tables in the domain.

`PYTHONPATH=layers/oms/python .venv/bin/python -m tests.support.lifecycle` writes it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from oms.domain.order.fulfilling import _RANK
from oms.domain.order.ledger import MOVES, Place
from oms.domain.order.state import FULFILLMENT_ORDER_MOVES, REFUND_MOVES, FulfillmentOrderStatus, RefundStatus
from oms.domain.order.status import LIFECYCLE, OrderStatus
from oms.domain.tracking import ParcelStatus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from enum import StrEnum

DOC: Final = Path(__file__).resolve().parents[2] / "docs" / "lifecycle.md"

_HEAD: Final = """# Lifecycles

Drawn from the tables in `oms.domain.order`; a test fails when this page differs. To draw it again:
`PYTHONPATH=layers/oms/python .venv/bin/python -m tests.support.lifecycle`.
Nothing stores a status: each is derived from quantities and money whenever it is asked for.
"""


def diagram(moves: Mapping[StrEnum, frozenset[StrEnum]], first: StrEnum) -> str:
    """A mermaid state diagram of a table of moves."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {first.value}"]
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
            "`pending`: some live unit is not promised. `confirmed`: all are. `closed`: all are with the customer or came "
            "back, and nobody\nowes anybody. `cancelled`: no unit is live.",
            diagram(LIFECYCLE, OrderStatus.PENDING),
        ),
        (
            "A fulfillment order",
            "The part of an order that one node ships. A part of it may ship, be cancelled or be rejected: the status "
            "changes when nothing\nremains.",
            diagram(FULFILLMENT_ORDER_MOVES, FulfillmentOrderStatus.RELEASED),
        ),
        (
            "A refund",
            "`succeeded` to `failed`: the bank sent the money back.",
            diagram(REFUND_MOVES, RefundStatus.REQUESTED),
        ),
        (
            "A parcel",
            "The newest scan by the carrier's own time wins; of two at the same time the one of higher rank. "
            f"`{ParcelStatus.DELIVERED.value}` is final and\nis believed however late it comes.",
            ranks(),
        ),
    )
    return "\n".join([_HEAD, *(f"## {title}\n\n{text}\n\n{drawing}\n" for title, text, drawing in sections)])


if __name__ == "__main__":
    DOC.parent.mkdir(exist_ok=True)
    DOC.write_text(render(), encoding="utf-8")
