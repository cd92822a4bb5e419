"""How a commit is stored: one item, with what it holds in one compact attribute.

| attribute | what |
|---|---|
| `pk`, `sk` | stream, number |
| `id` | command id |
| `by` | `<kind>|<actor>|<ref>`: the cause |
| `at` | when |
| `z` | `{"ev": events, "sm": summary}`, as `compact` packs it |
| `ph`, `h` | hash of the commit before, and of this one |
| `np` | how many parts follow: only where `z` is too long for one item |
| `npk`, `nsk`, `cu` | of what places an order, for the index `by_number`: number, when and which, whose |

The rest of a long `z` stands in items of its own behind the commit, `<sk>#p01` and so on, each with its piece as `z`,
written in the commit's transaction. Put together again they are the item that would have been (`joined`).
"""

from __future__ import annotations

import base64
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from oms.adapters import keys
from oms.adapters.compact import pack, unpack
from oms.domain.codec import event_from_plain, event_to_plain
from oms.domain.commit import Cause, Commit, StoredCommit, Unreadable, chain_hash
from oms.domain.errors import CommitTooLargeError, UnknownEventError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

PIECE: Final = 350_000
"""Bytes of `z` in one item: with its other attributes it stays under the 400 kB that DynamoDB takes."""
MAX_PIECES: Final = 10
"""Pieces of a commit: with the rest of its transaction they stay under the 4 MB that DynamoDB takes."""


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
        **_numbered(commit),
    }


def _numbered(commit: Commit) -> dict[str, Any]:
    row = commit.summary
    if commit.number != 1 or not row.get("number"):
        return {}
    placed_at = keys.instant(datetime.fromisoformat(row["placed_at"]))
    return {
        "npk": {"S": keys.number_pk(row["number"])},
        "nsk": {"S": keys.at_sk(placed_at, row["order_id"])},
        **({"cu": {"S": row["customer"]}} if row.get("customer") else {}),
    }


def commit_to_items(commit: Commit) -> list[dict[str, Any]]:
    """The stored form of a commit: its item, and the parts that follow if it is long. Raises CommitTooLargeError."""
    item = commit_to_item(commit)
    packed: bytes = item["z"]["B"]
    if len(packed) <= PIECE:
        return [item]
    pieces = [packed[start : start + PIECE] for start in range(0, len(packed), PIECE)]
    if len(pieces) > MAX_PIECES:
        raise CommitTooLargeError("more than can be stored at once", bytes=len(packed), limit=PIECE * MAX_PIECES)
    sk = item["sk"]["S"]
    parts = [
        {"pk": item["pk"], "sk": {"S": keys.part_sk(sk, number)}, "z": {"B": piece}}
        for number, piece in enumerate(pieces[1:], start=1)
    ]
    return [{**item, "z": {"B": pieces[0]}, "np": {"N": str(len(parts))}}, *parts]


def joined(items: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Commits' items out of a stream's items in the order of their keys, each with its parts put back.

    One whose parts are not all there is left as it is: nobody can read it.
    """
    head: Mapping[str, Any] | None = None
    pieces: list[bytes] = []
    for item in items:
        if not keys.is_commit_sk(item["sk"]["S"]):
            pieces.append(_bytes(item["z"]["B"]))
            continue
        if head is not None:
            yield _whole(head, pieces)
        head, pieces = item, []
    if head is not None:
        yield _whole(head, pieces)


def in_parts(item: Mapping[str, Any]) -> bool:
    """The rest of this commit stands in items of their own."""
    return "np" in item


def _whole(head: Mapping[str, Any], pieces: list[bytes]) -> Mapping[str, Any]:
    if not in_parts(head) or int(head["np"]["N"]) != len(pieces):
        return head
    whole = {name: value for name, value in head.items() if name != "np"}
    return {**whole, "z": {"B": b"".join((_bytes(head["z"]["B"]), *pieces))}}


def _bytes(packed: Any) -> bytes:
    """Bytes are bytes out of a table, and base64 text in a stream's record as Lambda hands it over."""
    return base64.b64decode(packed) if isinstance(packed, str) else bytes(packed)


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
    """`{"ev": plain events, "sm": summary}` of a stored item; raises UnknownEventError."""
    try:
        held: dict[str, Any] = unpack(_bytes(item["z"]["B"]))
    except (KeyError, ValueError) as error:
        raise UnknownEventError("a commit that this code cannot read", stream=str(item["pk"]["S"])[:80]) from error
    return held
