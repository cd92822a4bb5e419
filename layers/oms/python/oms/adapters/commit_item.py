"""How a commit is stored: one item, with what it holds in one compact attribute.

| attribute | what |
|---|---|
| `pk`, `sk` | stream, number |
| `id` | command id |
| `by` | `<kind>|<actor>|<ref>`: the cause |
| `at` | when |
| `z` | `{"ev": events, "sm": summary}`, as `compact` packs it |
| `ph`, `h` | hash of the commit before, and of this one |
"""

from __future__ import annotations

import base64
from datetime import datetime
from typing import TYPE_CHECKING, Any

from oms.adapters import keys
from oms.adapters.compact import pack, unpack
from oms.domain.codec import event_from_plain, event_to_plain
from oms.domain.commit import Cause, Commit, StoredCommit, Unreadable, chain_hash
from oms.domain.errors import UnknownEventError

if TYPE_CHECKING:
    from collections.abc import Mapping


def commit_to_item(commit: Commit) -> dict[str, Any]:
    """The stored form of a commit; raises nothing. Names are short because every byte of every commit is billed."""
    plain = [event_to_plain(event) for event in commit.events]
    held = {"ev": plain, **({"sm": commit.summary} if commit.summary else {})}
    return {
        "pk": {"S": commit.stream},
        "sk": {"S": keys.commit_sk(commit.number)},
        "id": {"S": commit.command_id},
        "by": {"S": f"{commit.cause.kind}|{commit.cause.actor}|{commit.cause.ref}"},
        "at": {"S": keys.instant(commit.at)},
        "z": {"B": pack(held)},
        "ph": {"S": commit.previous},
        "h": {"S": chain_hash(commit, plain)},
    }


def commit_from_item(item: Mapping[str, Any]) -> Commit:
    """The commit of a stored item or stream image; raises UnknownEventError."""
    return stored_commit(item).commit


def stored_commit(item: Mapping[str, Any]) -> StoredCommit:
    """The commit with its events in their stored form and its stored hash; raises UnknownEventError."""
    held = unpacked(item)
    kind, actor, ref = item["by"]["S"].split("|", 2)
    commit = Commit(
        stream=item["pk"]["S"],
        number=int(item["sk"]["S"].removeprefix(keys.COMMIT_PREFIX)),
        command_id=item["id"]["S"],
        cause=Cause(kind=kind, ref=ref, actor=actor),
        at=datetime.fromisoformat(item["at"]["S"]),
        events=tuple([event_from_plain(plain) for plain in held["ev"]]),
        previous=item["ph"]["S"],
        summary=held.get("sm", {}),
    )
    return StoredCommit(commit=commit, plain_events=held["ev"], hash=item["h"]["S"])


def readable(item: Mapping[str, Any]) -> StoredCommit | Unreadable:
    """`stored_commit`, or what can be said of a commit that has lost its form."""
    try:
        return stored_commit(item)
    except (UnknownEventError, KeyError, TypeError, ValueError):
        number = item["sk"]["S"].removeprefix(keys.COMMIT_PREFIX)
        return Unreadable(stream=item["pk"]["S"], number=int(number) if number.isdigit() else 0)


def unpacked(item: Mapping[str, Any]) -> dict[str, Any]:
    """`{"ev": plain events, "sm": summary}` of a stored item; raises UnknownEventError.

    Bytes are bytes out of a table, and base64 text in a stream's record as Lambda hands it over.
    """
    try:
        packed = item["z"]["B"]
        held: dict[str, Any] = unpack(base64.b64decode(packed) if isinstance(packed, str) else bytes(packed))
    except (KeyError, ValueError) as error:
        raise UnknownEventError("a commit that this code cannot read", stream=str(item["pk"]["S"])[:80]) from error
    return held
