"""The words for what moves stock: kinds of movements, the states that units come into, and reason codes."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class Disposition(StrEnum):
    """What becomes of units that came back."""

    RESTOCK = "restock"
    """For sale again."""
    QC = "qc"
    """On hand, to be looked at first."""
    DAMAGED = "damaged"
    """On hand, until they are written off."""
    REFURBISH = "refurbish"
    """On hand, to be made good before they are for sale."""
    SCRAP = "scrap"
    """Thrown away; they enter no stock."""
    VENDOR = "vendor"
    """Sent on to their vendor; they enter no stock."""


class MovementKind(StrEnum):
    """Why stock moved, other than for an order. A quantity is positive unless its kind says otherwise."""

    RECEIPT = "receipt"
    """Goods came in, `into` a state."""
    ADJUSTMENT = "adjustment"
    """A correction of what is on hand; any sign."""
    DAMAGE = "damage"
    """Units for sale turned out damaged."""
    WRITE_OFF = "write_off"
    """Damaged units left."""
    SAFETY = "safety"
    """Units kept back from promising; any sign."""
    QC_HOLD = "qc_hold"
    """Units for sale are to be looked at."""
    QC_RELEASE = "qc_release"
    """Looked at, and for sale."""
    QC_REJECT = "qc_reject"
    """Looked at, and damaged."""
    TRANSFER_OUT = "transfer_out"
    """Units left for `to_node_id`, where they are in transit."""
    TRANSFER_IN = "transfer_in"
    """Units in transit arrived, `into` a state."""
    TRANSFER_LOSS = "transfer_loss"
    """Units in transit will not arrive."""
    POOL_FILL = "pool_fill"
    """Units for sale are ring-fenced: they go into `pool`."""
    POOL_RELEASE = "pool_release"
    """Units of `pool` are for sale to all."""


class Into(StrEnum):
    """The state in which units come in."""

    AVAILABLE = "available"
    QC = "qc"
    DAMAGED = "damaged"


class ReasonCode(StrEnum):
    """Why, in words that can be counted; `REASONS` says which belong to which kind."""

    UNSPECIFIED = "unspecified"
    PURCHASE = "purchase"
    PRODUCTION = "production"
    RETURN = "return"
    OPENING = "opening"
    FOUND = "found"
    LOST = "lost"
    THEFT = "theft"
    DATA_ENTRY = "data_entry"
    HANDLING = "handling"
    TRANSPORT = "transport"
    DEFECT = "defect"
    EXPIRED = "expired"
    WRONG_ITEM = "wrong_item"
    SCRAPPED = "scrapped"
    VENDOR = "vendor"
    DONATED = "donated"
    DEMAND = "demand"
    POLICY = "policy"
    SUSPICION = "suspicion"
    PASSED = "passed"
    REPLENISHMENT = "replenishment"
    REBALANCING = "rebalancing"
    CLOSING = "closing"
    MISCOUNTED = "miscounted"
    CYCLE = "cycle"
    STOCKTAKE = "stocktake"
    SPOT_CHECK = "spot_check"


_R = ReasonCode
REASONS: Final[Mapping[MovementKind, frozenset[ReasonCode]]] = {
    kind: frozenset((_R.UNSPECIFIED, *codes))
    for kind, codes in {
        MovementKind.RECEIPT: (_R.PURCHASE, _R.PRODUCTION, _R.RETURN, _R.OPENING),
        MovementKind.ADJUSTMENT: (_R.FOUND, _R.LOST, _R.THEFT, _R.DATA_ENTRY),
        MovementKind.DAMAGE: (_R.HANDLING, _R.TRANSPORT, _R.DEFECT, _R.EXPIRED),
        MovementKind.WRITE_OFF: (_R.SCRAPPED, _R.VENDOR, _R.DONATED),
        MovementKind.SAFETY: (_R.DEMAND, _R.POLICY),
        MovementKind.QC_HOLD: (_R.SUSPICION, _R.RETURN),
        MovementKind.QC_RELEASE: (_R.PASSED,),
        MovementKind.QC_REJECT: (_R.DEFECT, _R.EXPIRED, _R.WRONG_ITEM),
        MovementKind.TRANSFER_OUT: (_R.REPLENISHMENT, _R.REBALANCING, _R.CLOSING),
        MovementKind.TRANSFER_IN: (),
        MovementKind.TRANSFER_LOSS: (_R.LOST, _R.THEFT, _R.TRANSPORT, _R.MISCOUNTED),
        MovementKind.POOL_FILL: (_R.DEMAND, _R.POLICY),
        MovementKind.POOL_RELEASE: (_R.DEMAND, _R.POLICY),
    }.items()
}
"""Codes that a kind may have."""
COUNT_REASONS: Final = frozenset((_R.UNSPECIFIED, _R.CYCLE, _R.STOCKTAKE, _R.SPOT_CHECK))
