"""Stock held for a buyer for a time: a basket at the checkout, a quote.

A stock hold is the fold of its own stream. Its units are reserved from the commit that makes it to the commit that ends
it: released, expired, or claimed by an order, which takes the units over. It cannot be claimed from `expires_at` on,
whether or not anybody has written down that it expired; the units are free once somebody has.

Not to be taken for the holds of an order (`oms.domain.order`), which stop it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from oms.domain.errors import HoldExpiredError, InvalidInputError, InvalidTransitionError, StockHoldNotFoundError
from oms.domain.frozen import frozen
from oms.domain.kits import Components, parts_of
from oms.domain.segments import Drawn, less, place_of, together

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_HELD: Final = 40
"""Positions of one hold: with the order that claims it, they fit into one transaction."""


class HoldKind(StrEnum):
    """What the units are held for; how long they may be follows from it."""

    CHECKOUT = "checkout"
    QUOTE = "quote"


LONGEST: Final[Mapping[HoldKind, timedelta]] = {
    HoldKind.CHECKOUT: timedelta(hours=2),
    HoldKind.QUOTE: timedelta(days=90),
}
"""From the making of a hold to its end, extensions included."""


class HoldStatus(StrEnum):
    """Where a hold stands."""

    OPEN = "open"
    RELEASED = "released"
    EXPIRED = "expired"
    CLAIMED = "claimed"


@frozen
class HeldUnits:
    """Units of a position; of a kit, of the positions of its components."""

    sku: str
    node_id: str
    quantity: int
    components: Components = ()
    drawn: tuple[Drawn, ...] = ()
    """Of these, units that come from pools of their positions."""

    @property
    def parts(self) -> tuple[tuple[str, int], ...]:
        """(SKU, units) as they are kept in stock."""
        return parts_of(self.sku, self.components, self.quantity)

    @property
    def places(self) -> set[tuple[str, str]]:
        """(SKU, place) of all rows of stock that they touch."""
        segments = {(each.sku, place_of(self.node_id, each.segment)) for each in self.drawn}
        return segments | {(sku, self.node_id) for sku, _ in self.parts}

    def without(self, quantity: int, drawn: tuple[Drawn, ...]) -> HeldUnits:
        """What is left of them."""
        return replace(self, quantity=self.quantity - quantity, drawn=less(self.drawn, drawn))


@frozen
class StockHeld:
    """Units were bound for a buyer of a channel until `expires_at`."""

    hold_id: str
    kind: HoldKind
    channel: str
    units: tuple[HeldUnits, ...]
    held_at: datetime
    expires_at: datetime


@frozen
class StockHoldExtended:
    """The buyer was given more time."""

    expires_at: datetime


@frozen
class StockHoldReleased:
    """The buyer does not want them; `freed` are available again."""

    freed: tuple[HeldUnits, ...]


@frozen
class StockHoldExpired:
    """The time was over; `freed` are available again."""

    freed: tuple[HeldUnits, ...]


@frozen
class StockHoldClaimed:
    """An order took units over in the same transaction; `freed`, which it did not need, are available again."""

    order_id: str
    freed: tuple[HeldUnits, ...] = ()


HoldEvent = StockHeld | StockHoldExtended | StockHoldReleased | StockHoldExpired | StockHoldClaimed


@frozen
class StockHold:
    """A hold as it stands. `units` are those that it was made of; they are bound while it is open."""

    hold_id: str
    kind: HoldKind
    channel: str
    units: tuple[HeldUnits, ...]
    held_at: datetime
    expires_at: datetime
    status: HoldStatus = HoldStatus.OPEN
    order_id: str = ""

    def is_due(self, now: datetime) -> bool:
        """Its time is over, and nobody has written that down."""
        return self.status is HoldStatus.OPEN and now >= self.expires_at

    def is_live(self, now: datetime) -> bool:
        """It can be claimed."""
        return self.status is HoldStatus.OPEN and now < self.expires_at

    def status_at(self, now: datetime) -> HoldStatus:
        """What a reader is told."""
        return HoldStatus.EXPIRED if self.is_due(now) else self.status


@frozen
class DueHold:
    """An open hold where the sweep finds it; `open` is False of one that is to be found there no longer."""

    hold_id: str
    due: datetime
    skus: tuple[str, ...] = ()
    open: bool = True


def positions_of(units: Iterable[HeldUnits]) -> int:
    """Positions that these units touch."""
    return len({place for each in units for place in each.places})


def fold_hold(events: Iterable[object], hold: StockHold | None = None) -> StockHold | None:
    """The hold after these events; None when nothing was held."""
    for event in events:
        hold = _after(hold, event)
    return hold


def _after(hold: StockHold | None, event: object) -> StockHold | None:
    if isinstance(event, StockHeld):
        return StockHold(
            hold_id=event.hold_id,
            kind=event.kind,
            channel=event.channel,
            units=event.units,
            held_at=event.held_at,
            expires_at=event.expires_at,
        )
    if hold is None:
        return None
    match event:
        case StockHoldExtended():
            return replace(hold, expires_at=event.expires_at)
        case StockHoldReleased():
            return replace(hold, status=HoldStatus.RELEASED)
        case StockHoldExpired():
            return replace(hold, status=HoldStatus.EXPIRED)
        case StockHoldClaimed():
            return replace(hold, status=HoldStatus.CLAIMED, order_id=event.order_id)
        case _:
            return hold


def make_hold(
    hold_id: str, kind: HoldKind, channel: str, units: Iterable[HeldUnits], now: datetime, lasts: timedelta
) -> StockHeld:
    """The event of a new hold, a position named once; raises InvalidInputError."""
    if not timedelta(0) < lasts <= LONGEST[kind]:
        raise InvalidInputError("no hold of this kind lasts as long", longest_s=int(LONGEST[kind].total_seconds()))
    held = _summed(units)
    positions = positions_of(held)
    if not 0 < positions <= MAX_HELD or any(each.quantity <= 0 for each in held):
        raise InvalidInputError("a hold is of 1 to 40 positions, with units of each", positions=positions)
    return StockHeld(hold_id=hold_id, kind=kind, channel=channel, units=held, held_at=now, expires_at=now + lasts)


def _summed(units: Iterable[HeldUnits]) -> tuple[HeldUnits, ...]:
    summed: dict[tuple[str, str], HeldUnits] = {}
    for each in units:
        place = each.sku, each.node_id
        known = summed.get(place)
        if known:
            drawn = together((*known.drawn, *each.drawn))
            summed[place] = replace(known, quantity=known.quantity + each.quantity, drawn=drawn)
        else:
            summed[place] = each
    return tuple(summed[place] for place in sorted(summed))


def extend(hold: StockHold | None, now: datetime, lasts: timedelta) -> tuple[HoldEvent, ...]:
    """More time, `lasts` from now on; none when it has as much already.

    Raises StockHoldNotFoundError, HoldExpiredError, InvalidTransitionError (ended), InvalidInputError (too long).
    """
    hold = _known(hold)
    if hold.status_at(now) is HoldStatus.EXPIRED:
        raise HoldExpiredError("the hold has expired", hold_id=hold.hold_id)
    if hold.status is not HoldStatus.OPEN:
        raise InvalidTransitionError("the hold has ended", hold_id=hold.hold_id, status=hold.status.value)
    until = now + lasts
    if until > hold.held_at + LONGEST[hold.kind]:
        raise InvalidInputError("no hold of this kind lasts as long", longest_s=int(LONGEST[hold.kind].total_seconds()))
    return (StockHoldExtended(expires_at=until),) if until > hold.expires_at else ()


def release(hold: StockHold | None, now: datetime) -> tuple[HoldEvent, ...]:
    """Let go of it; of one that is due, that it expired; nothing when it was let go of before.

    Raises StockHoldNotFoundError, InvalidTransitionError when an order has the units.
    """
    hold = _known(hold)
    if hold.status is HoldStatus.CLAIMED:
        raise InvalidTransitionError("an order has the units", hold_id=hold.hold_id, order_id=hold.order_id)
    if hold.is_live(now):
        return (StockHoldReleased(freed=hold.units),)
    return expire(hold, now)


def expire(hold: StockHold | None, now: datetime) -> tuple[HoldEvent, ...]:
    """That its time is over; nothing when it is not, or when the hold has ended."""
    return (StockHoldExpired(freed=hold.units),) if hold is not None and hold.is_due(now) else ()


def claim(hold: StockHold, order_id: str, taken: Iterable[HeldUnits]) -> StockHoldClaimed:
    """An order takes over these of its units, and the others are free. Raises InvalidTransitionError."""
    if hold.status is not HoldStatus.OPEN:
        raise InvalidTransitionError("the hold has ended", hold_id=hold.hold_id, status=hold.status.value)
    left = {(each.sku, each.node_id, each.components): each for each in hold.units}
    for each in taken:
        place = each.sku, each.node_id, each.components
        if place not in left:
            raise InvalidTransitionError("more than is held", hold_id=hold.hold_id)
        left[place] = left[place].without(each.quantity, each.drawn)
    if any(each.quantity < 0 or any(part.units < 0 for part in each.drawn) for each in left.values()):
        raise InvalidTransitionError("more than is held", hold_id=hold.hold_id)
    return StockHoldClaimed(order_id=order_id, freed=tuple([each for each in left.values() if each.quantity]))


def due_marks(before: StockHold | None, after: StockHold) -> tuple[DueHold, ...]:
    """Where the sweep is to find the hold after a commit, and where no longer."""
    skus = tuple(sorted({sku for each in after.units for sku, _ in each.parts}))
    marks = []
    if before is not None and (after.status is not HoldStatus.OPEN or before.expires_at != after.expires_at):
        marks.append(DueHold(hold_id=before.hold_id, due=before.expires_at, open=False))
    if after.status is HoldStatus.OPEN and (before is None or before.expires_at != after.expires_at):
        marks.append(DueHold(hold_id=after.hold_id, due=after.expires_at, skus=skus))
    return tuple(marks)


def _known(hold: StockHold | None) -> StockHold:
    if hold is None:
        raise StockHoldNotFoundError("no such hold")
    return hold
