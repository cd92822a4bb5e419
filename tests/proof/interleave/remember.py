"""Pure work is done once.

The domain decides and folds the same things over and over in a million schedules; here its answers are kept, so that
a schedule costs what is new in it.

What is kept is keyed by identity (an order, its events) where the object came out of here, else by value; an entry
keeps alive what its key names.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from oms.adapters.projection import rows_of
from oms.application import intake, orders, promise, settle
from oms.application.orders import Loaded, Orders, stream_of
from oms.domain import ids
from oms.domain.codec import to_plain
from oms.domain.order.charging import due_captures, due_refunds, due_voids
from oms.domain.order.commands import SyncOrder
from oms.domain.order.decider import decide
from oms.domain.order.evolve import fold
from oms.domain.order.promising import wanted_units
from oms.domain.order.status import next_step, payment_cleared
from oms.domain.order.summary import summarize
from oms.domain.sourcing.deciding import decide_sourcing
from oms.domain.stock import stock_deltas
from tests.proof.memory import views
from tests.proof.memory.log import MemoryLog, stored_form

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator
    from datetime import datetime

    from oms.domain.commit import Commit, StoredCommit
    from oms.domain.order.state import Order
    from oms.domain.sourcing.deciding import Asked, Decided

MOST: Final = 40_000
"""Answers kept of one function; then it begins anew."""


class Remembered:
    """A pure function whose answers are kept. What cannot be a key is computed; so is what raises."""

    def __init__(self, function: Callable[..., Any], key: Callable[..., Hashable]) -> None:
        self._function = function
        self._key = key
        self._known: dict[Hashable, tuple[Any, object]] = {}

    def __call__(self, *args: Any) -> Any:
        """The function's answer."""
        try:
            key = self._key(*args)
            found = self._known.get(key)
        except TypeError:
            return self._function(*args)
        if found is None:
            if len(self._known) >= MOST:
                self._known.clear()
            found = self._known[key] = (self._function(*args), args)
        return found[0]


_NAMES: Final[dict[type[Any], tuple[str, ...]]] = {}


def _names(kind: type[Any]) -> tuple[str, ...]:
    known = _NAMES.get(kind)
    if known is None:
        # A snapshot is told by its digest.
        names = [each.name for each in fields(kind) if not (kind is SyncOrder and each.name == "snapshot")]
        known = _NAMES[kind] = tuple(names)
    return known


def _of_command(order_id: str, order: Order | None, command: Any) -> Hashable:
    kind = type(command)
    values = [getattr(command, name) for name in _names(kind)]
    return (kind, order_id, id(order), *[id(each) if isinstance(each, dict) else each for each in values])


def _of_fold(order_id: str, events: object, state: Order | None) -> Hashable:
    return (order_id, id(events), id(state)) if isinstance(events, tuple) else None


def _of_summary(order: Order, at: datetime, before: Order | None) -> Hashable:
    return (id(order), at, id(before))


def _of_asked(asked: Asked) -> Hashable:
    request = asked.request
    nodes = [(each.node_id, each.excluded, each.orders_left, *each.available.items()) for each in request.candidates]
    return (request.lines, request.ship_to, request.at, asked.rule, asked.network_id, asked.person_asked, *nodes)


def _by_identity(one: object) -> Hashable:
    return id(one)


remembered_fold: Final = Remembered(fold, _of_fold)
remembered_step: Final = Remembered(next_step, _by_identity)
_FOLDED: Final[dict[str, tuple[Order | None, object]]] = {}
_DECIDED: Final = Remembered(decide_sourcing, _of_asked)
_FORMS: Final[dict[Hashable, tuple[StoredCommit, object]]] = {}


def remembered_decision(asked: Asked) -> Decided:
    """`decide_sourcing`, whose decision is the same object for the same question."""
    made: Decided = _DECIDED(asked)
    return made


class RememberingOrders(Orders):
    """An order is folded once for every head of its stream: the hash covers all that leads to it."""

    __slots__ = ()

    def load(self, order_id: str, at: datetime | None = None) -> Loaded:
        """See Orders."""
        if at is not None:
            return super().load(order_id, at)
        history = self.log.read(stream_of(order_id))
        if not history.commits:
            return Loaded(order=None, history=history)
        found = _FOLDED.get(history.head)
        if found is None:
            if len(_FOLDED) >= MOST:
                _FOLDED.clear()
            found = _FOLDED[history.head] = (self._folded(order_id, history.commits), history)
        return Loaded(order=found[0], history=history)

    @staticmethod
    def _folded(order_id: str, commits: tuple[Commit, ...]) -> Order | None:
        """Commit by commit, so that the order a command led to and the order that is read are one object."""
        state: Order | None = None
        for commit in commits:
            state = remembered_fold(order_id, commit.events, state)
        return state


class RememberingLog(MemoryLog):
    """A commit of the same events behind the same head is brought into its stored form once."""

    __slots__ = ()

    def form(self, commit: Commit) -> StoredCommit:
        """See MemoryLog."""
        key = (commit.stream, commit.previous, commit.number, commit.command_id, commit.cause, id(commit.events))
        found = _FORMS.get((*key, commit.at))
        if found is None:
            if len(_FORMS) >= MOST:
                _FORMS.clear()
            found = _FORMS[(*key, commit.at)] = (stored_form(commit), commit)
        return found[0]


_ROWS: Final = Remembered(lambda commit, late: tuple(rows_of(commit, late=late)), lambda *key: (id(key[0]), key[1]))


def _remembered_rows(commit: Commit, *, late: bool = False) -> Any:
    return _ROWS(commit, late)


_PATCHES: Final = (
    (orders, "decide", Remembered(decide, _of_command)),
    (orders, "fold", remembered_fold),
    (orders, "summarize", Remembered(summarize, _of_summary)),
    (orders, "stock_deltas", Remembered(stock_deltas, _by_identity)),
    (promise, "next_step", remembered_step),
    (promise, "wanted_units", Remembered(wanted_units, _by_identity)),
    (promise, "payment_cleared", Remembered(payment_cleared, _by_identity)),
    (settle, "due_captures", Remembered(due_captures, _by_identity)),
    (settle, "due_refunds", Remembered(due_refunds, _by_identity)),
    (settle, "due_voids", Remembered(due_voids, _by_identity)),
    (intake, "to_plain", Remembered(to_plain, _by_identity)),
    (views, "rows_of", _remembered_rows),
    (ids, "derive", lru_cache(MOST)(ids.derive)),
)


@contextmanager
def remembering() -> Iterator[None]:
    """The product's own modules call these meanwhile."""
    before = [(module, name, getattr(module, name)) for module, name, _ in _PATCHES]
    for module, name, function in _PATCHES:
        setattr(module, name, function)
    try:
        yield
    finally:
        for module, name, function in before:
            setattr(module, name, function)
