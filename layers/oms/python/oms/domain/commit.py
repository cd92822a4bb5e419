"""Commits: the events of one command, chained by hash.

The hash of a commit covers its place, its cause, its time, its events and the hash before it, so a changed, removed or
inserted commit is found by whoever folds the stream.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import field
from typing import TYPE_CHECKING, Any, Final

from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

GENESIS: Final = "0" * 16


@frozen
class Cause:
    """Why a commit was made.

    `kind` is webhook, poll, api, workflow, carrier, payment, feed, watchdog or system; `ref` names the very event or
    request; `actor` the role or system that acted (never a person's name).
    """

    kind: str
    ref: str
    actor: str = ""


@frozen
class Commit:
    """One command's events in one stream. `number` starts at 1."""

    stream: str
    number: int
    command_id: str
    cause: Cause
    at: datetime
    events: tuple[Any, ...]
    previous: str
    summary: Mapping[str, Any] = field(default_factory=dict)
    """What lists show of the aggregate after this commit; derived, not hashed."""


def chain_hash(commit: Commit, plain_events: list[dict[str, Any]]) -> str:
    """16 hexadecimal digits over the commit's content and the hash before it."""
    content = [
        commit.previous,
        commit.stream,
        commit.number,
        commit.command_id,
        [commit.cause.kind, commit.cause.ref, commit.cause.actor],
        commit.at.isoformat(),
        plain_events,
    ]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@frozen
class StoredCommit:
    """A commit as it was read back: with its events in their stored form, and the hash stored beside it."""

    commit: Commit
    plain_events: list[dict[str, Any]]
    hash: str


@frozen
class Unreadable:
    """A commit that this code cannot read: altered, or written by newer code."""

    stream: str
    number: int


def verify_chain(stream: str, stored: Iterable[StoredCommit], head: str | None = None) -> int:
    """Number of the first commit that is not as it was written, counted by its place in the chain; 0 when all are.

    A chain that was cut at its end is sound in itself: only `head`, the last hash as it is known elsewhere, tells.
    """
    previous = GENESIS
    place = 0
    for place, each in enumerate(stored, start=1):
        commit = each.commit
        in_place = (commit.stream, commit.number, commit.previous) == (stream, place, previous)
        if not in_place or each.hash != chain_hash(commit, each.plain_events):
            return place
        previous = each.hash
    return 0 if head in (None, previous) else place + 1
