"""What is kept, how a port reaches it, and how it is put back as it was."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, Final, NamedTuple, ParamSpec, Protocol, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from oms.domain.canonical import Contact, ContactKey
    from oms.domain.commit import StoredCommit
    from oms.domain.feed import Mark
    from oms.domain.history import History
    from oms.domain.holding import DueHold
    from oms.domain.parked import Parked
    from oms.domain.stock import StockDelta
    from oms.domain.supply import Lot
    from tests.proof.memory.payments import Answered, Effect, Payment

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")
P = ParamSpec("P")
PortT = TypeVar("PortT", bound="Port")
_NOTHING: Final = object()


class Step(NamedTuple):
    """An operation that is about to be made: `op` is `<port>.<method>`."""

    op: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


class Pause(Protocol):
    """Decides how an operation is made; see the package."""

    def __call__(self, step: Step, call: Callable[[], Any]) -> Any:
        """The answer of `call`, or an error in its place."""


class Stream(NamedTuple):
    """A stream: what a reader is given, and what an auditor sees."""

    history: History
    stored: tuple[StoredCommit, ...]


@dataclass(slots=True)
class Store:
    """Everything that is kept. What is in the tables is immutable; only `put` and `drop` change them."""

    streams: dict[str, Stream] = field(default_factory=dict)
    positions: dict[str, dict[str, StockDelta]] = field(default_factory=dict)
    """By SKU, then node."""
    marks: dict[tuple[str, str], dict[str, Mark]] = field(default_factory=dict)
    """What positions (SKU and node) remember of feeds, by source."""
    lots: dict[str, dict[str, Lot]] = field(default_factory=dict)
    """What is to come by SKU, then supply."""
    held: dict[str, DueHold] = field(default_factory=dict)
    """Open holds of stock by when they end, then by id."""
    owners: dict[str, str] = field(default_factory=dict)
    """Stream by unique key."""
    tables: dict[tuple[str, str], dict[str, dict[str, Any]]] = field(default_factory=dict)
    """Items by table and partition, then sort key, of ports that run their adapter's own code."""
    kept_facts: dict[str, dict[str, Mapping[str, Any]]] = field(default_factory=dict)
    """By stream, then fact id."""
    contacts: dict[str, dict[str, tuple[str, Contact | None]]] = field(default_factory=dict)
    """Revision and contact by partition, then sort key; None where there is no contact any more."""
    reference: dict[str, dict[str, Mapping[str, Any]]] = field(default_factory=dict)
    """Master data by kind, then key."""
    items: dict[str, dict[str, Mapping[str, Any]]] = field(default_factory=dict)
    """Rows of lists by partition, then sort key."""
    listed: dict[tuple[str, str], dict[str, tuple[str, str]]] = field(default_factory=dict)
    """Keys of rows by index and its partition, then by their place in it."""
    numbers: dict[str, dict[str, ContactKey]] = field(default_factory=dict)
    """Where contacts are of orders with a number, by when and which they are."""
    hits: dict[tuple[str, int], int] = field(default_factory=dict)
    parked: dict[str, tuple[Parked, datetime]] = field(default_factory=dict)
    """With when to look at it, by its id."""
    bodies: dict[str, bytes] = field(default_factory=dict)
    """Claim checks."""
    documents: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    """Body and content type."""
    queued: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    started: dict[int, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)
    published: dict[int, tuple[str, str, Mapping[str, Any]]] = field(default_factory=dict)
    """The three outboxes by serial number, in the order in which they were filled."""
    payments: dict[str, Payment] = field(default_factory=dict)
    payment_keys: dict[str, Answered] = field(default_factory=dict)
    """What was asked, and what was answered, by idempotency key."""
    effects: dict[int, Effect] = field(default_factory=dict)
    """Every movement of money, in order: the provider's own record."""
    checks_number: bool = True
    """False: a commit goes behind whatever is there, decided on that or not."""
    checks_stock: bool = True
    checks_seen: bool = True
    """False: what was decided on a position is written whatever came or left since."""
    checks_keep: bool = True
    """False: a channel takes what others were to have."""
    checks_unique: bool = True
    checks_row: bool = True
    """False: a list shows the commit that came last, not the newest."""
    checks_revision: bool = True
    checks_payment_keys: bool = True
    """False: a key that comes back moves the money again."""
    _journal: list[tuple[dict[Any, Any], Any, Any]] | None = None

    def mark(self) -> None:
        """From here on `back` leads to this state."""
        self._journal = []

    def back(self) -> None:
        """As it was at `mark`; costs what was written since, not what is stored."""
        journal = self._journal
        if journal is None:
            raise RuntimeError("nothing was marked")
        while journal:
            table, key, old = journal.pop()
            if old is _NOTHING:
                del table[key]
            else:
                table[key] = old

    def put(self, table: dict[K, V], key: K, value: V) -> None:
        """Write one entry of one of the tables."""
        if self._journal is not None:
            self._journal.append((table, key, table.get(key, _NOTHING)))
        table[key] = value

    def drop(self, table: dict[K, V], key: K) -> None:
        """Remove one entry, if it is there."""
        if key in table:
            if self._journal is not None:
                self._journal.append((table, key, table[key]))
            del table[key]

    def put_in(self, tables: dict[T, dict[K, V]], of: T, key: K, value: V) -> None:
        """Write one entry of a table of tables. An empty table that is left behind says nothing."""
        table = tables.get(of)
        if table is None:
            table = tables[of] = {}
        self.put(table, key, value)

    def drop_in(self, tables: dict[T, dict[K, V]], of: T, key: K) -> None:
        """Remove one, if it is there."""
        if of in tables:
            self.drop(tables[of], key)

    def add(self, outbox: dict[int, V], entry: V) -> None:
        """Put behind everything that waits there."""
        self.put(outbox, next(reversed(outbox), 0) + 1, entry)

    def take(self, outbox: dict[int, V]) -> list[V]:
        """What waits, which it does no longer."""
        taken = list(outbox.values())
        for serial in reversed(list(outbox)):
            self.drop(outbox, serial)
        return taken


@dataclass(slots=True)
class Port:
    """A port over a store. `faithful`: what is read is what a round through JSON leaves."""

    store: Store = field(default_factory=Store)
    pause: Pause | None = None
    faithful: bool = False


def step(op: str) -> Callable[[Callable[Concatenate[PortT, P], T]], Callable[Concatenate[PortT, P], T]]:
    """The method is an operation: it goes through the port's `pause`."""

    def wrap(method: Callable[Concatenate[PortT, P], T]) -> Callable[Concatenate[PortT, P], T]:
        @wraps(method)
        def stopped(self: PortT, *args: P.args, **kwargs: P.kwargs) -> T:
            if self.pause is None:
                return method(self, *args, **kwargs)
            answer: T = self.pause(Step(op, args, kwargs), lambda: method(self, *args, **kwargs))
            return answer

        return cast("Callable[Concatenate[PortT, P], T]", stopped)

    return wrap


def through_json(value: Any) -> Any:
    """What is left of a value when it was kept as JSON."""
    return json.loads(json.dumps(value, ensure_ascii=False))
