"""What the log knows of an order that speaks against a dispute: what was sold, sent, delivered, given back.

Worked out from commits up to a given one, so that it is the same whenever it is asked for. There is no personal data in
it: names and addresses are with the contacts.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - part of the values
from typing import TYPE_CHECKING, Final

from oms.domain.frozen import frozen
from oms.domain.money import format_minor
from oms.domain.order import events as ev
from oms.domain.order.charging import line_total
from oms.domain.order.dispute_facts import DisputeAnswerRequested
from oms.domain.order.evolve import fold
from oms.domain.order.state import RefundStatus
from oms.domain.tracking import ParcelStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from oms.domain.commit import Commit
    from oms.domain.order.state import Order

MAX_SHOWN: Final = 100
"""Lines, parcels, scans and the like that a text names; of more, how many is said."""


@frozen
class SoldLine:
    """A line of the order; `total` in minor units."""

    sku: str
    title: str
    quantity: int
    total: int


@frozen
class SentParcel:
    """A parcel and what its carrier said, oldest first."""

    carrier: str
    tracking_number: str
    shipped_at: datetime
    units: int
    scans: tuple[tuple[datetime, str], ...] = ()
    delivered_at: datetime | None = None


@frozen
class GivenBack:
    """A refund that went through, or is on its way; in minor units."""

    amount: int
    at: datetime
    status: str


@frozen
class CameBack:
    """Units that came back."""

    sku: str
    quantity: int
    at: datetime


@frozen
class Evidence:
    """All of it, as of a commit. Money is minor units of `currency`."""

    order_id: str
    number: str
    channel: str
    placed_at: datetime
    currency: str
    total: int
    captured: int
    country: str
    postal_code: str
    shipping_method: str
    lines: tuple[SoldLine, ...]
    parcels: tuple[SentParcel, ...]
    refunds: tuple[GivenBack, ...]
    returns: tuple[CameBack, ...]
    as_of: datetime

    @property
    def delivered_at(self) -> datetime | None:
        """When the last parcel arrived, if all did."""
        times = [each.delivered_at for each in self.parcels]
        return max((each for each in times if each), default=None) if times and all(times) else None


def evidence(order_id: str, commits: Sequence[Commit]) -> Evidence:
    """Of an order that was placed."""
    order: Order | None = None
    shipped: dict[str, datetime] = {}
    scans: dict[str, list[tuple[datetime, str]]] = {}
    asked: dict[str, datetime] = {}
    returns: list[CameBack] = []
    for commit in commits:
        order = fold(order_id, commit.events, order)
        for event in commit.events:
            match event:
                case ev.ShipmentShipped():
                    shipped |= {parcel.parcel_id: commit.at for parcel in event.parcels}
                case ev.ParcelStatusChanged():
                    scans.setdefault(event.parcel_id, []).append((event.occurred_at, event.status.value))
                case ev.RefundRequested():
                    asked[event.refund_id] = commit.at
                case ev.LinesReturned():
                    returns += [CameBack(sku=each.sku, quantity=each.quantity, at=commit.at) for each in event.units]
    if order is None:
        raise ValueError("nothing was placed")
    placed = order.placed
    return Evidence(
        order_id=order_id,
        number=placed.number,
        channel=placed.channel,
        placed_at=placed.placed_at,
        currency=placed.currency,
        total=placed.total,
        captured=order.payment.captured,
        country=placed.ship_to.country if placed.ship_to else "",
        postal_code=placed.ship_to.postal_code if placed.ship_to else "",
        shipping_method=placed.shipping_method,
        lines=tuple(
            SoldLine(
                sku=line.sku,
                title=line.title,
                quantity=line.quantity,
                total=line_total(line, tax_included=placed.tax_included),
            )
            for line in placed.lines
        ),
        parcels=_parcels(order, shipped, scans),
        refunds=tuple(
            GivenBack(amount=each.amount, at=asked[refund_id], status=each.status.value)
            for refund_id, each in order.payment.refunds.items()
            if each.amount and each.status is not RefundStatus.FAILED
        ),
        returns=tuple(returns),
        as_of=commits[-1].at,
    )


def _parcels(
    order: Order, shipped: dict[str, datetime], scans: dict[str, list[tuple[datetime, str]]]
) -> tuple[SentParcel, ...]:
    found = []
    for parcel_id, parcel in order.parcels.items():
        seen = sorted(scans.get(parcel_id, []))
        delivered = [at for at, word in seen if word == ParcelStatus.DELIVERED.value]
        found.append(
            SentParcel(
                carrier=parcel.carrier,
                tracking_number=parcel.tracking_number,
                shipped_at=shipped[parcel_id],
                units=sum(each.quantity for each in parcel.units),
                scans=tuple(seen),
                delivered_at=delivered[0] if delivered else None,
            )
        )
    return tuple(found)


def as_asked(commits: Sequence[Commit], answer_id: str) -> Sequence[Commit]:
    """The commits up to the one that asked for an answer: what is sent is the same on every attempt."""
    for count, commit in enumerate(commits, start=1):
        if any(isinstance(each, DisputeAnswerRequested) and each.answer_id == answer_id for each in commit.events):
            return commits[:count]
    return commits


def sentences(told: Evidence) -> tuple[str, ...]:
    """The same in plain sentences, for whoever decides on the dispute."""

    def money(amount: int) -> str:
        return f"{format_minor(amount, told.currency)} {told.currency}"

    to = " ".join(part for part in (told.postal_code, told.country) if part)
    said = [
        f"Order {told.number} was placed on {told.placed_at:%Y-%m-%d %H:%M} UTC.",
        f"It costs {money(told.total)}; {money(told.captured)} was captured.",
        *_some(f"{each.quantity} x {each.title or each.sku}: {money(each.total)}." for each in told.lines),
    ]
    for parcel in told.parcels[:MAX_SHOWN]:
        said.append(
            f"Parcel {parcel.tracking_number} was handed to {parcel.carrier} on {parcel.shipped_at:%Y-%m-%d %H:%M} UTC"
            + (f", to {to}." if to else ".")
        )
        said += _some(
            f"{parcel.tracking_number}: {word.replace('_', ' ')} {at:%Y-%m-%d %H:%M} UTC." for at, word in parcel.scans
        )
    if len(told.parcels) > MAX_SHOWN:
        said.append(f"{len(told.parcels) - MAX_SHOWN} more parcels.")
    said += _some(
        f"{money(each.amount)} was given back on {each.at:%Y-%m-%d} ({each.status})." for each in told.refunds
    )
    said += _some(f"{each.quantity} x {each.sku} came back on {each.at:%Y-%m-%d}." for each in told.returns)
    if not told.refunds:
        said.append("Nothing was given back.")
    if not told.returns:
        said.append("Nothing came back.")
    return tuple(said)


def _some(lines: Iterable[str]) -> list[str]:
    found = list(lines)
    return found[:MAX_SHOWN] + ([f"{len(found) - MAX_SHOWN} more."] if len(found) > MAX_SHOWN else [])
