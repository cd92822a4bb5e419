"""Why units came back: what was looked at of returns, by reason, SKU, lot, carrier and channel."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from oms.domain.frozen import frozen
from oms.domain.lots import lot_of
from oms.domain.order.events import LinesReturned
from oms.domain.order.evolve import fold
from oms.domain.order.return_facts import ReturnInspected

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from oms.domain.commit import Commit
    from oms.domain.order.state import Order


@frozen
class Why:
    """What units have in common. `carrier` brought them to the customer; `lot` is '' where none is known."""

    reason: str
    sku: str
    lot: str
    carrier: str
    channel: str
    condition: str
    disposition: str


def reasons(order_id: str, commits: Iterable[Commit], since: datetime, until: datetime) -> Mapping[Why, int]:
    """Units by why, of an order's returns that were looked at between two instants."""
    found: Counter[Why] = Counter()
    order: Order | None = None
    for commit in commits:
        order = fold(order_id, commit.events, order)
        if order is None or not since <= commit.at < until:
            continue
        lots = _lots(commit.events)
        for event in commit.events:
            if isinstance(event, ReturnInspected):
                found.update(_inspected(order, event, lots))
    return found


def _inspected(order: Order, event: ReturnInspected, lots: Mapping[tuple[str, str], str]) -> Counter[Why]:
    found: Counter[Why] = Counter()
    for each in event.lines:
        disposition = each.disposition.value if each.disposition else ""
        why = Why(
            reason=order.returns[event.return_id].lines[each.line_id].reason,
            sku=order.lines[each.line_id].placed.sku,
            lot=lots.get((each.line_id, disposition), ""),
            carrier=_carrier(order, each.line_id),
            channel=order.placed.channel,
            condition=each.condition.value,
            disposition=disposition,
        )
        found[why] += each.quantity
    return found


def _lots(events: Iterable[object]) -> dict[tuple[str, str], str]:
    """By line and disposition the lots of what came back; several are told together."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for event in events:
        if not isinstance(event, LinesReturned):
            continue
        for part in event.units:
            named = {lot_of(each.segment)[0]: None for each in part.drawn if not each.pooled}
            found.setdefault((part.line_id, event.disposition.value), {}).update(named)
    return {key: "|".join(named) for key, named in found.items()}


def _carrier(order: Order, line_id: str) -> str:
    """Of the parcels that the line left in; several are told together."""
    left = [each for each in order.parcels.values() if any(part.line_id == line_id for part in each.units)]
    return "|".join(dict.fromkeys(parcel.carrier for parcel in left))
