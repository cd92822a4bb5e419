"""Events to plain JSON values and back, for ever.

A stored event is `{"type": "<Class>", "v": <version>, ...fields}`; fields at their default are left out, so a field
added with a default reads old events and costs nothing. A change that defaults cannot express raises the version and
registers an upcaster. An unknown type or version raises UnknownEventError: it is parked, never skipped.
"""

from __future__ import annotations

import types
import typing
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from oms.domain.drafts import DraftEvent
from oms.domain.errors import UnknownEventError
from oms.domain.holding import HoldEvent
from oms.domain.invoices import InvoiceEvent
from oms.domain.order import events as order_events
from oms.domain.shards import ShardsChanged
from oms.domain.stock import StockCounted, StockMoved
from oms.domain.supply import SupplyEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VERSION: Final = 1

EVENT_TYPES: Final[Mapping[str, type[Any]]] = {
    each.__name__: each
    for each in (
        *typing.get_args(order_events.OrderEvent),
        *(StockMoved, StockCounted, ShardsChanged),
        *typing.get_args(SupplyEvent),
        *typing.get_args(HoldEvent),
        *typing.get_args(DraftEvent),
        *typing.get_args(InvoiceEvent),
    )
}
"""Every event that may be stored, by its stored name."""

UPCASTERS: Final[dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]]] = {}
"""(type, version) to a function that gives the plain event of the next version."""


def to_plain(value: Any) -> Any:
    """A value of the domain as JSON values: dataclasses without defaults, datetimes in ISO 8601 UTC."""
    if is_dataclass(value) and not isinstance(value, type):
        plain = {}
        for each in fields(value):
            item = getattr(value, each.name)
            if each.default is not MISSING and item == each.default:
                continue
            if each.default_factory is not MISSING and item == each.default_factory():
                continue
            plain[each.name] = to_plain(item)
        return plain
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): to_plain(item) for key, item in value.items()}
    return value


def event_to_plain(event: object) -> dict[str, Any]:
    """The stored form of an event."""
    return {"type": type(event).__name__, "v": VERSION, **to_plain(event)}


def event_from_plain(plain: Mapping[str, Any]) -> Any:
    """The event of a stored form, upcast when it is old; raises UnknownEventError."""
    data = dict(plain)
    while (data.get("type"), data.get("v")) in UPCASTERS:
        data = UPCASTERS[(data["type"], data["v"])](data)
    kind = EVENT_TYPES.get(str(data.pop("type", "")))
    if kind is None or data.pop("v", None) != VERSION:
        raise UnknownEventError("an event of unknown type or version", type=str(plain.get("type"))[:80])
    return from_plain(kind, data)


def from_plain(kind: Any, value: Any) -> Any:
    """The value of type `kind` that `to_plain` gave; raises UnknownEventError when it does not fit."""
    try:
        return _reader(kind)(value)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnknownEventError("a stored value does not fit its type", type=getattr(kind, "__name__", "")) from error


@cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    """How to read a value of this type: decided once per type, since it is on the path of every fold."""
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        inner = _reader(next(each for each in typing.get_args(kind) if each is not type(None)))
        return lambda value: None if value is None else inner(value)
    if origin is tuple:
        item = _reader(typing.get_args(kind)[0])
        return lambda value: tuple([item(each) for each in value])
    if origin is dict:
        item = _reader(typing.get_args(kind)[1])
        return lambda value: {key: item(each) for key, each in value.items()}
    if kind is datetime:
        return datetime.fromisoformat
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    if is_dataclass(kind):
        return _dataclass_reader(kind)
    return lambda value: value


def _dataclass_reader(kind: Any) -> Callable[[Any], Any]:
    hints = typing.get_type_hints(kind)
    readers = {each.name: _reader(hints[each.name]) for each in fields(kind)}
    # An additive field written by newer code is ignored by older code while both run.
    return lambda value: kind(**{name: readers[name](item) for name, item in value.items() if name in readers})
