"""Which units of a line they are, where units have serial numbers: as they are packed, and as they come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.domain.errors import SerialInUseError, SerialNotShippedError, SerialsDoNotFitError
from oms.domain.order.events import LinesReturned, SerialsReturned, ShipmentShipped
from oms.domain.serials import Serial, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oms.domain.order.commands import NameReturned
    from oms.domain.order.events import OrderEvent
    from oms.domain.order.state import Line, Order


def packed(line: Line, units: int, serials: tuple[Serial, ...], out: set[Serial]) -> tuple[Serial, ...]:
    """The serial numbers of units that are packed; those of the order that are `out` already are added to.

    Each unit has one where units have serial numbers. Where the catalogue did not say so when the order was placed,
    all have one or none has. Raises SerialsDoNotFitError, SerialInUseError for one that is out already.
    """
    if not serials and not line.placed.serialized:
        return ()
    named = _named(line, serials)
    for sku, wanted in line.parts(units):
        count = _of(named, sku)
        if count != wanted and (count or sku in line.placed.serialized):
            _refuse("each unit needs its serial number", line, sku, wanted, count)
    again = [each for each in named if each in out]
    if again:
        raise SerialInUseError("the order has these units already", serials=shown(again))
    out.update(named)
    return named


def all_back(line: Line, units: int) -> tuple[Serial, ...]:
    """The serial numbers of units that come back, where nobody has to say which: all that are away come back."""
    return line.serials if units == line.ledger.gone - line.ledger.returned else ()


def came_back(line: Line, units: int, serials: tuple[Serial, ...]) -> tuple[Serial, ...]:
    """The serial numbers of units that come back, of which `serials` are named.

    Raises SerialNotShippedError for one that the line does not have out, SerialsDoNotFitError when it cannot be told
    which units come back.
    """
    if not serials:
        serials = all_back(line, units)
        if serials or not line.serials:
            return serials
    named = _out(line, serials)
    for (sku, count), (_, away) in zip(
        line.parts(units), line.parts(line.ledger.gone - line.ledger.returned), strict=True
    ):
        without_number = max(0, away - _of(line.serials, sku))
        if not count - without_number <= _of(named, sku) <= count:
            _refuse("it cannot be told which units come back", line, sku, count, _of(named, sku))
    return named


def name_returned(order: Order, command: NameReturned) -> tuple[OrderEvent, ...]:
    """Which units they were that came back unnamed.

    Raises SerialNotShippedError, SerialsDoNotFitError for more than came back unnamed.
    """
    found = {}
    for line_id, serials in command.serials:
        line = order.lines.get(line_id)
        if line is None:
            raise SerialNotShippedError("the order has no such line", line=line_id)
        named = _out(line, serials)
        left = _shipped(order, line_id)
        for sku, back in line.parts(line.ledger.returned):
            unnamed = max(0, back - (_of(left, sku) - _of(line.serials, sku)))
            if _of(named, sku) > unnamed:
                _refuse("fewer came back unnamed", line, sku, unnamed, _of(named, sku))
        if named:
            found[line_id] = named
    return (SerialsReturned(serials=found),) if found else ()


def _shipped(order: Order, line_id: str) -> list[Serial]:
    parts = (units for parcel in order.parcels.values() for units in parcel.units)
    return [each for units in parts if units.line_id == line_id for each in units.serials]


def _of(serials: Iterable[Serial], sku: str) -> int:
    return sum(each.sku == sku for each in serials)


def _named(line: Line, serials: Iterable[Serial]) -> tuple[Serial, ...]:
    """Each with the SKU it is kept under: where none is told, the only one that it can be."""
    skus = [sku for sku, _ in line.parts(1)]
    likely = line.placed.serialized or skus
    only = likely[0] if len(likely) == 1 else ""
    named = tuple([Serial(each.sku or only, each.number) for each in serials])
    wrong = [each for each in named if each.sku not in skus]
    if wrong or len(set(named)) != len(named):
        what = "serial numbers are of what the line is made of, each once"
        raise SerialsDoNotFitError(what, line=line.placed.line_id, serials=shown(wrong))
    return named


def _out(line: Line, serials: Iterable[Serial]) -> tuple[Serial, ...]:
    named = _named(line, serials)
    strange = [each for each in named if each not in line.serials]
    if strange:
        raise SerialNotShippedError("these units are not out with this order", serials=shown(strange))
    return named


def _refuse(why: str, line: Line, sku: str, units: int, serials: int) -> None:
    raise SerialsDoNotFitError(why, line=line.placed.line_id, sku=sku, units=units, serials=serials)


def leaving(events: Iterable[object]) -> tuple[str, ...]:
    """Keys of the units that go out with these events: no other order may have them out."""
    shipped = (parcel for event in events if isinstance(event, ShipmentShipped) for parcel in event.parcels)
    return tuple([each.key for parcel in shipped for units in parcel.units for each in units.serials])


def returning(events: Iterable[object]) -> tuple[str, ...]:
    """Keys of those that are back, and may go out with any order."""
    found: list[Serial] = []
    for event in events:
        if isinstance(event, LinesReturned):
            found += [each for units in event.units for each in units.serials]
        elif isinstance(event, SerialsReturned):
            found += [each for serials in event.serials.values() for each in serials]
    return tuple([each.key for each in found])
