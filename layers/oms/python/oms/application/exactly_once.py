"""The one loop that runs commands on a stream: orders, holds of stock, drafts and lots are all written through it.

Read the stream; a command id that is in it has run. Otherwise decide, and append under the next number; whoever was
faster makes the append fail, and everything is read and decided again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from oms.domain.commit import Commit
from oms.domain.errors import ContentionError, IdempotencyKeyReusedError, OmsError, VersionConflictError
from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from oms.application.ports import Clock
    from oms.domain.commit import Cause
    from oms.domain.history import History

ATTEMPTS: Final = 8
"""Reloads after a lost race before giving up: each lost race means that somebody else won one."""

State = TypeVar("State")


@frozen
class Read(Generic[State]):
    """What a stream says, and the stream; `state` is None when it is empty."""

    state: State | None
    history: History


@frozen
class Asked(Generic[State]):
    """A command: its id, and what it decides on a state at an instant. It may raise its refusals."""

    command_id: str
    decide: Callable[[State | None, datetime], tuple[Any, ...]]


@frozen
class Ran(Generic[State]):
    """What a command did: the state after it, its events, what it was decided on, and the commit if it was made now."""

    state: State
    events: tuple[Any, ...]
    read: Read[State]
    replayed: bool = False
    commit: Commit | None = None


@frozen
class Aggregate(Generic[State]):
    """How one kind of stream is read, folded and written."""

    read: Callable[[], Read[State]]
    fold: Callable[[tuple[Any, ...], State | None], State | None]
    append: Callable[[Commit, State | None, State], Commit]
    """Writes a commit, given the state before and after it, and returns it as it was written."""
    now: Clock
    missing: type[OmsError]
    """Raised when a command leaves the stream empty."""
    named: Mapping[str, str]
    """The stream's name for those who are refused: {'order_id': …}."""


def run_once(
    aggregate: Aggregate[State],
    command: Callable[[Read[State]], Asked[State]],
    cause: Cause,
    read: Read[State] | None = None,
) -> Ran[State]:
    """Run a command exactly once. It is made anew of what was read after each lost race; `read`: as it was just read.

    Raises what the command and `append` raise, the aggregate's `missing`, IdempotencyKeyReusedError, ContentionError.
    """
    for attempt in range(ATTEMPTS):
        if read is None or attempt:
            read = aggregate.read()
        asked = command(read)
        done = read.history.find(asked.command_id)
        if done is not None and read.state is not None:
            if done.cause.kind == "api" and done.cause.ref != cause.ref:
                raise IdempotencyKeyReusedError("this Idempotency-Key was used for another request")
            return Ran(state=read.state, events=done.events, read=read, replayed=True)
        now = aggregate.now()
        events = asked.decide(read.state, now)
        after = aggregate.fold(events, read.state)
        if after is None:
            raise aggregate.missing(f"no such {_word(aggregate)}", **aggregate.named)
        if not events:
            return Ran(state=after, events=(), read=read)
        commit = next_commit(read.history, asked.command_id, cause, now, events)
        try:
            commit = aggregate.append(commit, read.state, after)
        except VersionConflictError:
            continue
        return Ran(state=after, events=events, read=read, commit=commit)
    raise ContentionError(f"too many writers on one {_word(aggregate)}", **aggregate.named)


def _word(aggregate: Aggregate[State]) -> str:
    return next(iter(aggregate.named)).removesuffix("_id")


def next_commit(history: History, command_id: str, cause: Cause, at: datetime, events: tuple[Any, ...]) -> Commit:
    """The next commit of a stream, without what lists show of it; a clock that goes back does not reorder it."""
    return Commit(
        stream=history.stream,
        number=history.number + 1,
        command_id=command_id,
        cause=cause,
        at=max(at, history.commits[-1].at) if history.commits else at,
        events=events,
        previous=history.head,
    )
