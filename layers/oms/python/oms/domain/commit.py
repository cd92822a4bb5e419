"""Commits: the events of one command, chained by hash.

The hash of a commit covers its place, its cause, its time, its events and the hash before it, so a changed, removed or
inserted commit is found by whoever folds the stream.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

GENESIS: Final = "0" * 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a commit was made. `kind` is webhook, api, workflow, carrier, payment, watchdog or system; `ref` names the
    very event or request; `actor` the role or system that acted (never a person's name).
    """

    kind: str
    ref: str
    actor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
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
