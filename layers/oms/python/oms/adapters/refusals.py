"""Why DynamoDB cancelled a transaction of the log, told in the words of the port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.adapters.feed_marks import mark_moved
from oms.domain.errors import (
    DuplicateOrderNumberError,
    InsufficientStockError,
    PaymentAlreadyUsedError,
    SerialInUseError,
    SerialNotShippedError,
    StockChangedError,
    VersionConflictError,
)
from oms.domain.feed import FedDelta
from oms.domain.serials import PREFIX, serial_of, shown
from oms.domain.stock import SEEN, DecidedDelta

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.domain.commit import Commit
    from oms.domain.stock import StockDelta


def moved_on(commit: Commit) -> VersionConflictError:
    """Somebody else wrote the commit of this number."""
    return VersionConflictError("the stream moved on", stream=commit.stream, number=commit.number)


def refusal_of(
    reasons: Sequence[Mapping[str, Any]],
    commits: Sequence[Commit],
    stock: Sequence[StockDelta],
    unique: Sequence[str],
) -> Exception | None:
    """Why a transaction was cancelled; None when only other transactions were in the way.

    The commits' own conditions come first: when a number is taken, nothing else that the plan said still counts.
    """
    failed = [index for index, reason in enumerate(reasons) if reason.get("Code") == "ConditionalCheckFailed"]
    if not failed:
        return None
    first = failed[0]
    if first < len(commits):
        return moved_on(commits[first])
    before = len(commits) + len(unique)
    if first < before:
        return taken([unique[index - len(commits)] for index in failed if index < before])
    refused = [
        (stock[index - before], reasons[index].get("Item") or {}) for index in failed if index < before + len(stock)
    ]
    if not refused:
        return SerialNotShippedError("another order has these units out")
    changed = [delta for delta, old in refused if _moved(delta, old)]
    if changed:
        places = [{"sku": delta.sku, "node": delta.node_id} for delta in changed]
        return StockChangedError("units came or left since the position was read", positions=places)
    short = [
        {"sku": delta.sku, "node": delta.node_id, "needs": dict(delta.changes), "has": _has(delta, old)}
        for delta, old in refused
    ]
    return InsufficientStockError("not enough stock", positions=short)


def taken(unique: Sequence[str]) -> Exception:
    """Keys that other streams hold: what the first of them is of decides."""
    if unique[0].startswith("payment#"):
        return PaymentAlreadyUsedError("this payment pays for another order")
    if unique[0].startswith(PREFIX):
        return SerialInUseError(
            "these units have shipped, and have not come back", serials=shown(map(serial_of, unique))
        )
    return DuplicateOrderNumberError("another order has this number")


def _has(delta: StockDelta, old: Mapping[str, Any]) -> dict[str, int]:
    """What there was of what changes, and of what stood in the way."""
    names = (*delta.changes, "short") if delta.reserved > 0 else delta.changes
    return {name: int(old[name]["N"]) for name in names if name in old}


def decided(delta: StockDelta) -> dict[str, int]:
    """What a position must still be for a change that was decided on it."""
    return {name: getattr(delta.seen, name) for name in SEEN} if isinstance(delta, DecidedDelta) else {}


def _moved(delta: StockDelta, old: Mapping[str, Any]) -> bool:
    if isinstance(delta, FedDelta) and mark_moved(delta, old):
        return True
    return any(int(old.get(name, {"N": "0"})["N"]) != units for name, units in decided(delta).items())
