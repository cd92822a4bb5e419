"""Counting a position: what somebody found, against what the book says.

A count is absolute, and positions change while people count. So it is made relative first: what was found, less the
on_hand that the counter knew, is what the book is wrong by, whatever has been received or shipped since. What is found
belongs first to the orders that have bound units, then it is damaged, in quality control, safety stock, and last
available. Reservations and pools are never touched: of units that orders have bound or pools keep, and nobody finds,
`short` keeps the number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.domain.errors import CountOutdatedError, InvalidInputError
from oms.domain.frozen import frozen
from oms.domain.movements import COUNT_REASONS, ReasonCode
from oms.domain.stock import StockCounted, check_note

if TYPE_CHECKING:
    from datetime import datetime

    from oms.domain.stock import StockDelta

_FIRST_KEPT: Final = ("damaged", "qc", "safety")


@frozen
class CountSeen:
    """The position as the counter knew it: its `on_hand`, and how often it had been counted."""

    on_hand: int
    counts: int


@frozen
class PositionCount:
    """One position's count, as asked for. Without `seen`, the position as it is when the count comes in."""

    sku: str
    node_id: str
    counted: int
    seen: CountSeen | None = None
    code: ReasonCode = ReasonCode.UNSPECIFIED
    reason: str = ""
    segment: str = ""
    """The lot that was counted, where lots are told apart; `seen` is then of the lot."""


def check_count(count: PositionCount) -> None:
    """Raises InvalidInputError when the fields do not fit."""
    if count.counted < 0:
        raise InvalidInputError("nobody finds less than nothing", sku=count.sku, node=count.node_id)
    if count.code not in COUNT_REASONS:
        raise InvalidInputError("the reason code does not fit a count", code=count.code.value)
    check_note(count.reason)


def decide_count(
    count: PositionCount, at: StockDelta, seen: CountSeen, *, as_of: datetime | None = None
) -> StockCounted:
    """What a count means for the position or lot `at`; `as_of` is when it was true, where a feed says so.

    Raises CountOutdatedError when the position was counted after `seen`, or when more has left since than was found.
    """
    if at.counts != seen.counts:
        raise CountOutdatedError("the position was counted meanwhile", sku=at.sku, node=at.node_id, counts=at.counts)
    there = at.on_hand + count.counted - seen.on_hand
    if there < 0:
        raise CountOutdatedError(
            "more has left since than was found", sku=at.sku, node=at.node_id, on_hand=at.on_hand, counts=at.counts
        )
    spoken_for = at.reserved + at.pooled
    missing = max(0, spoken_for - there)
    left = max(0, there - spoken_for)
    kept: dict[str, int] = {}
    for part in _FIRST_KEPT:
        kept[part] = min(left, getattr(at, part))
        left -= kept[part]
    return StockCounted(
        sku=at.sku,
        node_id=count.node_id,
        segment=count.segment,
        counted=count.counted,
        book=seen.on_hand,
        on_hand=spoken_for + sum(kept.values()) + left - at.on_hand,
        short=missing - at.short,
        missing=missing,
        code=count.code,
        reason=count.reason,
        as_of=as_of,
        **{part: kept[part] - getattr(at, part) for part in _FIRST_KEPT},
    )
