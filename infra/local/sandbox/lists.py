"""What the vendors' lists of orders have in common: orders in memory beside the samples, times, and pages by key."""

from __future__ import annotations

import base64
import json
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

Document = dict[str, Any]


class Shelf:
    """Orders that somebody gave to a vendor, by id; None for one that the vendor has no longer."""

    def __init__(self, samples: Callable[[], Iterable[tuple[str, Document]]]) -> None:
        self._samples = samples
        self._orders: dict[str, Document | None] = {}
        self._lock = threading.Lock()

    def put(self, order_id: str, order: Document | None) -> None:
        """Have this order, or (None) no such order, from now on."""
        with self._lock:
            self._orders[order_id] = order

    def get(self, order_id: str) -> Document | None:
        """The order."""
        return self.all().get(order_id)

    def all(self) -> dict[str, Document]:
        """Every order, in the order of their ids."""
        with self._lock:
            found: dict[str, Document | None] = {**dict(self._samples()), **self._orders}
        return {order_id: order for order_id, order in sorted(found.items()) if order is not None}


def moment(text: str, *, naive: bool = False) -> datetime:
    """An ISO 8601 time."""
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if naive and at.tzinfo is None else at


def page(rows: Sequence[tuple[str, Document]], size: int, after: str) -> tuple[list[Document], str]:
    """`size` of the rows, sorted by their keys, behind the key `after`; and the last key when there are more."""
    rest = sorted((row for row in rows if row[0] > after), key=lambda row: row[0])
    last = rest[size - 1][0] if len(rest) > size else ""
    return [order for _, order in rest[:size]], last


def seal(cursor: Mapping[str, Any]) -> str:
    """A cursor as it is handed out."""
    return base64.urlsafe_b64encode(json.dumps(cursor).encode()).decode()


def unseal(cursor: str) -> dict[str, Any] | None:
    """A cursor as it comes back; None for what is none."""
    try:
        found = json.loads(base64.urlsafe_b64decode(cursor))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
