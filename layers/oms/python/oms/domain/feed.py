"""Stock as another system tells it: rows of a feed, held against positions as they stand.

A row is a snapshot (`on_hand`: what physically is there) or a delta (`change`: units that came or left), and says of
which instant it is (`as_of`, by the clock of its source). A snapshot is decided as a count is, so that it touches no
reservation: see `counting`. A delta is an adjustment, once by its source and row id.

A position remembers of each source its `Mark`. Sources may send late, twice and out of order:

- a snapshot that is not newer than what was taken from its source before is stale, one way or the other: the deltas
  that were taken after it are not in it;
- a delta that is not newer than the last snapshot is in that snapshot already, and stale too. Deltas may overtake each
  other: they add up to the same.

A row that says what stands there, or what its source said before of the same instant, changes nothing. That it came may
be remembered (`told`), or an older one that comes later would be taken; see `FedStock.tell`.

A row may be of a lot: then the lot's row of stock is what it is held against and what remembers the source, and what
changes there, changes at the position too.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from oms.domain.counting import CountSeen, PositionCount, decide_count
from oms.domain.errors import InsufficientStockError, InvalidInputError, MalformedRowError, StaleRowError
from oms.domain.frozen import frozen
from oms.domain.lots import day, lot_segment
from oms.domain.movements import MovementKind
from oms.domain.segments import SEPARATOR, place_of
from oms.domain.stock import DecidedDelta, StockMoved, StockMovement, check_note, counted_deltas, movement_deltas

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.stock import StockCounted, StockDelta

COLUMNS: Final = ("sku", "node_id", "on_hand", "change", "as_of", "row_id", "lot", "best_before")
"""What a row may say; `on_hand` or `change`, and a `row_id` with the latter."""
MAX_TEXT: Final = 200
MAX_UNITS: Final = 1_000_000_000
AHEAD: Final = timedelta(minutes=5)
"""By how much a source's clock may be ahead of ours: a row from the far future would make all that follow it stale."""
_OLDEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_SOURCE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,12}", re.ASCII)


@frozen
class FeedRow:
    """One row. `number` is its place in the feed, from 1; one of `on_hand` and `change` is None."""

    number: int
    sku: str
    node_id: str
    as_of: datetime
    on_hand: int | None = None
    change: int | None = None
    row_id: str = ""
    segment: str = ""
    """The lot that it is of, where lots are told apart."""

    @property
    def place(self) -> str:
        """Where the row of stock is that it is held against."""
        return place_of(self.node_id, self.segment)


@frozen
class Mark:
    """What a position remembers of a source: its last snapshot (`at`, `said`), and its newest delta (`moved`)."""

    at: datetime | None = None
    said: int = 0
    moved: datetime | None = None

    @property
    def newest(self) -> datetime | None:
        """The newest instant of which anything was taken."""
        return max((each for each in (self.at, self.moved) if each is not None), default=None)


NO_MARK: Final = Mark()


@frozen
class Fed:
    """A position as it was read for a source; `known` says that it was there at all."""

    position: StockDelta
    mark: Mark = NO_MARK
    known: bool = True


@frozen
class FedDelta(DecidedDelta):
    """A change that a row of `source` makes: written only while the source's mark is as it was `marked`."""

    source: str
    marked: Mark
    mark: Mark


@frozen
class Told:
    """That a row came which changes nothing: the mark as it was read, and as it is to be."""

    row: FeedRow
    marked: Mark
    mark: Mark


@frozen
class FedChange:
    """What a row does: the event, and the change of the position with it; of a lot, of both."""

    row: FeedRow
    event: StockCounted | StockMoved
    delta: FedDelta
    beside: StockDelta | None = None
    """What the position of a lot changes by."""

    @property
    def deltas(self) -> tuple[StockDelta, ...]:
        """Everything that changes."""
        return (self.delta, self.beside) if self.beside else (self.delta,)


def check_source(source: str) -> str:
    """The name of a source; raises InvalidInputError."""
    if not _SOURCE.fullmatch(source):
        raise InvalidInputError("a source is called by 1 to 40 letters a to z, digits and hyphens", source=source[:80])
    return source


def taken_key(source: str, row_id: str) -> str:
    """What only one commit may hold: a delta of a source."""
    return f"feed#{source}#{row_id}"


# ---------------------------------------------------------------- rows in


def read_row(number: int, said: Mapping[str, Any], now: datetime) -> FeedRow:
    """The row of what a line says, as text (CSV) or as JSON values; raises MalformedRowError."""
    on_hand, change = said.get("on_hand"), said.get("change")
    row = FeedRow(
        number=number,
        sku=_text(said, "sku"),
        node_id=_text(said, "node_id"),
        as_of=_instant(said, now),
        on_hand=None if on_hand in (None, "") else _units(on_hand, "on_hand", 0),
        change=None if change in (None, "") else _units(change, "change", -MAX_UNITS),
        row_id=_text(said, "row_id") if said.get("row_id") not in (None, "") else "",
        segment=_lot(said),
    )
    if SEPARATOR in row.node_id:
        raise MalformedRowError(f"no node has {SEPARATOR} in its id")
    if (row.on_hand is None) == (row.change is None):
        raise MalformedRowError("a row says either on_hand or change")
    if row.change is not None and not row.row_id:
        raise MalformedRowError("a change needs its row_id, or it would count twice when it comes twice")
    if row.change == 0:
        raise MalformedRowError("a change of none")
    return row


def _lot(said: Mapping[str, Any]) -> str:
    lot, best_before = [_text(said, each) if said.get(each) not in (None, "") else "" for each in COLUMNS[-2:]]
    if not lot and best_before:
        raise MalformedRowError("best_before is of a lot")
    try:
        return lot_segment(lot, day(best_before)) if lot else ""
    except InvalidInputError as error:
        raise MalformedRowError(str(error)) from error


def _text(said: Mapping[str, Any], name: str) -> str:
    text = said.get(name)
    if not isinstance(text, str) or not (text := text.strip()):
        raise MalformedRowError(f"{name} is missing")
    if len(text) > MAX_TEXT or not text.isprintable():  # isprintable also keeps lone surrogates out
        raise MalformedRowError(f"{name} has 1 to {MAX_TEXT} printable characters")
    return text


def _units(value: object, name: str, least: int) -> int:
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise MalformedRowError(f"{name} is not a whole number")
    if not least <= value <= MAX_UNITS:
        raise MalformedRowError(f"{name} lies between {least} and {MAX_UNITS}")
    return value


def _instant(said: Mapping[str, Any], now: datetime) -> datetime:
    text = said.get("as_of")
    if not isinstance(text, str) or not text:
        raise MalformedRowError("as_of is missing")
    at = _parsed(text)
    if at is None:
        raise MalformedRowError("as_of is not an ISO 8601 instant with its zone")
    if not _OLDEST <= at <= now + AHEAD:
        raise MalformedRowError("as_of lies in the future, or before 2000")
    return at


@lru_cache(maxsize=256)
def _parsed(text: str) -> datetime | None:
    """Remembered: the rows of a file are of few instants."""
    try:
        at = datetime.fromisoformat(text.strip())
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None


# ---------------------------------------------------------------- decided


def decide_row(source: str, row: FeedRow, fed: Fed, whole: StockDelta | None = None) -> FedChange | None:
    """What the row does to the position as it was read; None when nothing.

    Of a lot, `fed` is the lot, and `whole` the position. Raises StaleRowError, InsufficientStockError.
    """
    change = _snapshot(source, row, row.on_hand, fed) if row.on_hand is not None else _delta(source, row, fed)
    if change and change.beside and whole:
        short = [name for name, units in change.beside.changes.items() if getattr(whole, name) + units < 0]
        if short:
            raise InsufficientStockError("the position does not have what the lot does", components=short)
    return change


def told(row: FeedRow, fed: Fed) -> Told | None:
    """What is to be remembered of a row that changes nothing; None of a delta, and where something newer is."""
    mark = fed.mark
    if row.on_hand is None or (mark.newest is not None and row.as_of <= mark.newest):
        return None
    return Told(row=row, marked=mark, mark=Mark(at=row.as_of, said=row.on_hand, moved=mark.moved))


def _snapshot(source: str, row: FeedRow, on_hand: int, fed: Fed) -> FedChange | None:
    at, mark = fed.position, fed.mark
    if (row.as_of, on_hand) == (mark.at, mark.said) or (on_hand == at.on_hand and not at.short):
        return None
    seen = CountSeen(on_hand=at.on_hand, counts=at.counts)
    count = PositionCount(sku=row.sku, node_id=row.node_id, counted=on_hand, segment=row.segment)
    event = decide_count(count, at, seen, as_of=row.as_of)
    delta, *beside = counted_deltas(event)
    if set(delta.changes) == {"counts"}:
        return None
    _check_newer(row, mark.newest)
    after = Mark(at=row.as_of, said=on_hand, moved=mark.moved)
    return _change(source, row, event, (delta, *beside), fed, after)


def _delta(source: str, row: FeedRow, fed: Fed) -> FedChange:
    mark, units = fed.mark, row.change or 0
    _check_newer(row, mark.at)
    if fed.position.available + units < 0:
        raise InsufficientStockError("not enough stock", available=fed.position.available, needs=-units)
    movement = StockMovement(
        sku=row.sku,
        node_id=row.node_id,
        kind=MovementKind.ADJUSTMENT,
        quantity=units,
        reason=_note(row.row_id),
        segment=row.segment,
    )
    *beside, delta = movement_deltas(movement)
    moved = row.as_of if mark.moved is None else max(mark.moved, row.as_of)
    after = Mark(at=mark.at, said=mark.said, moved=moved)
    return _change(source, row, StockMoved(movements=(movement,)), (delta, *beside), fed, after)


def _check_newer(row: FeedRow, than: datetime | None) -> None:
    if than is not None and row.as_of <= than:
        raise StaleRowError("the source has said something newer of this position", newest=than.isoformat())


def _note(row_id: str) -> str:
    """The row's id as the note of its movement, unless it looks like an address: events are for ever."""
    try:
        check_note(row_id)
    except InvalidInputError:
        return ""
    return row_id


def _change(
    source: str, row: FeedRow, event: StockCounted | StockMoved, deltas: tuple[StockDelta, ...], fed: Fed, mark: Mark
) -> FedChange:
    delta, *beside = deltas
    fed_delta = FedDelta(
        sku=row.sku,
        node_id=row.place,
        seen=fed.position,
        source=source,
        marked=fed.mark,
        mark=mark,
        **delta.changes,
    )
    return FedChange(row=row, event=event, delta=fed_delta, beside=beside[0] if beside else None)
