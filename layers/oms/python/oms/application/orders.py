"""Run commands on orders exactly once, and read them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from oms.application.exactly_once import Aggregate, Asked, Read, next_commit, run_once
from oms.domain.codec import event_to_plain
from oms.domain.commit import chain_hash
from oms.domain.errors import InvalidTransitionError, OrderNotFoundError, VersionConflictError
from oms.domain.frozen import frozen
from oms.domain.order.decider import decide
from oms.domain.order.evolve import fold
from oms.domain.order.scanning import leaving, returning
from oms.domain.order.summary import summarize
from oms.domain.order.tenders import named_payments
from oms.domain.stock import stock_deltas

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from oms.application.ports import Clock, Log
    from oms.domain.commit import Cause, Commit
    from oms.domain.history import History
    from oms.domain.holding import DueHold
    from oms.domain.order.commands import Command
    from oms.domain.order.events import OrderEvent
    from oms.domain.order.state import Order
    from oms.domain.stock import StockDelta


def stream_of(order_id: str) -> str:
    """The event stream of an order."""
    return f"order#{order_id}"


@frozen
class Outcome:
    """What a command did: the order after it, its events, and whether it had run before."""

    order: Order
    events: tuple[OrderEvent, ...]
    replayed: bool = False
    loaded: Loaded | None = None
    """What was decided on."""
    commit: Commit | None = None
    """What was appended to it."""


@frozen
class Loaded:
    """An order and the stream it was folded from; `order` is None when the stream is empty."""

    order: Order | None
    history: History


def loaded_after(outcome: Outcome) -> Loaded | None:
    """The order as it was left, for the next of many commands on a large one.

    It is as good as read again as long as nobody else writes; who does is met by the next append.
    """
    loaded, commit = outcome.loaded, outcome.commit
    if loaded is None or commit is None:
        return loaded
    head = chain_hash(commit, [event_to_plain(event) for event in commit.events])
    history = replace(loaded.history, commits=(*loaded.history.commits, commit), head=head)
    return Loaded(order=outcome.order, history=history)


@frozen
class Beside:
    """What is written with an order's commit or not at all: the next commit of another stream."""

    history: History
    command_id: str
    events: tuple[Any, ...]
    due: tuple[DueHold, ...] = ()


def _as_they_are(deltas: Sequence[StockDelta]) -> Sequence[StockDelta]:
    return deltas


@frozen
class Along:
    """What goes with a command's commit: perhaps another one, and on what conditions stock moves."""

    beside: Beside | None = None
    on: Callable[[Sequence[StockDelta]], Sequence[StockDelta]] = _as_they_are


ALONE: Final = Along()


@frozen(kw_only=False)
class Orders:
    """The order aggregate over the log."""

    log: Log
    now: Clock

    def load(self, order_id: str, at: datetime | None = None) -> Loaded:
        """The order now, or as it was known at an instant."""
        history = self.log.read(stream_of(order_id))
        return Loaded(order=fold(order_id, history.events(at)), history=history)

    def get(self, order_id: str, at: datetime | None = None) -> Order:
        """The order; raises OrderNotFoundError."""
        order = self.load(order_id, at).order
        if order is None:
            raise OrderNotFoundError("no such order", order_id=order_id)
        return order

    def execute(
        self,
        order_id: str,
        command: Command | Callable[[Loaded], Command],
        cause: Cause,
        *,
        unique: Sequence[str] = (),
        loaded: Loaded | None = None,
        along: Callable[[Sequence[OrderEvent]], Along] = lambda _: ALONE,
    ) -> Outcome:
        """Run a command exactly once: a command id that is in the log answers with what it did then.

        After a lost race the order is loaded and decided again; a command that depends on what was read (a plan over
        stock) is given as the function that makes it. `loaded` is the order as the caller has just read it, `along`
        says what goes with the events that were decided. Raises the command's typed refusals,
        InsufficientStockError, SerialInUseError, ContentionError after too many lost races.
        """

        def asked(read: Read[Order]) -> Asked[Order]:
            made = command(_loaded(read)) if callable(command) else command
            return Asked(command_id=made.command_id, decide=lambda order, _: decide(order_id, order, made))

        def append(commit: Commit, before: Order | None, after: Order) -> Commit:
            commit = _summarized(commit, before, after)
            self._append(commit, unique if commit.number == 1 else (), along(commit.events))
            return commit

        def load() -> Read[Order]:
            return _read(self.load(order_id))

        ran = run_once(
            Aggregate(
                read=load,
                fold=lambda events, order: fold(order_id, events, order),
                append=append,
                now=self.now,
                missing=OrderNotFoundError,
                named={"order_id": order_id},
            ),
            asked,
            cause,
            _read(loaded) if loaded else None,
        )
        return Outcome(
            order=ran.state,
            events=ran.events,
            replayed=ran.replayed,
            loaded=_loaded(ran.read),
            commit=ran.commit,
        )

    def execute_together(
        self,
        asked: Sequence[tuple[Loaded, Command]],
        cause: Cause,
        on: Callable[[Sequence[StockDelta]], Sequence[StockDelta]] = _as_they_are,
    ) -> tuple[Outcome, ...]:
        """Run a command on each of several orders, as it was loaded, in one transaction: all of them or none.

        Nothing is tried again: what belongs together is read anew together. Raises VersionConflictError when one of the
        orders moved on, what `execute` raises, and InvalidTransitionError for a command that changes nothing.
        """
        made = []
        for loaded, command in asked:
            order_id = loaded.order.order_id if loaded.order else ""
            events = decide(order_id, loaded.order, command)
            after = fold(order_id, events, loaded.order)
            if after is None or not events:
                raise InvalidTransitionError("there is nothing to do for one of them", order_id=order_id)
            commit = next_commit(loaded.history, command.command_id, cause, self.now(), events)
            commit = _summarized(commit, loaded.order, after)
            made.append(Outcome(order=after, events=events, loaded=loaded, commit=commit))
        first, *others = [each.commit for each in made if each.commit]
        stock = on(stock_deltas([event for each in made for event in each.events]))
        try:
            self.log.append(first, stock=stock, beside=others)
        except VersionConflictError:
            # A lost acknowledgement looks the same: then all of them are in the log, as they were decided here.
            for each in (first, *others):
                done = self.log.read(each.stream).find(each.command_id)
                if done is None or done.events != each.events:
                    raise
        return tuple(made)

    def _append(self, commit: Commit, unique: Sequence[str], along: Along) -> None:
        other = along.beside
        paid = [f"payment#{provider}#{ref}" for each in commit.events for provider, ref in named_payments(each)]
        unique, released = (*unique, *paid, *leaving(commit.events)), returning(commit.events)
        if other is None:
            stock = along.on(stock_deltas(commit.events))
            self.log.append(commit, stock=stock, unique=unique, released=released)
            return
        second = next_commit(other.history, other.command_id, commit.cause, commit.at, other.events)
        stock = along.on(stock_deltas((*commit.events, *second.events)))
        self.log.append(commit, stock=stock, unique=unique, released=released, due=other.due, beside=[second])


def _loaded(read: Read[Order]) -> Loaded:
    return Loaded(order=read.state, history=read.history)


def _read(loaded: Loaded) -> Read[Order]:
    return Read(state=loaded.order, history=loaded.history)


def _summarized(commit: Commit, before: Order | None, after: Order) -> Commit:
    return replace(commit, summary=summarize(after, commit.at, before))
