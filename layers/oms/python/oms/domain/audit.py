"""Hold stock against the log, and the log against itself.

Every position is the fold of the movements of all commits. Stock and the log are not read in one instant, and both go
on meanwhile: so what was read of a position is compared with what the log says *as of when it was read*. A commit that
was being written at that instant can stand on either side of it; that is why one difference proves nothing, and the
same one at each of several readings does.
"""

from __future__ import annotations

from enum import StrEnum
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from oms.domain.commit import GENESIS, StoredCommit, Unreadable, chain_hash, verify_chain
from oms.domain.frozen import frozen
from oms.domain.stock import COMPONENTS, StockDelta, event_deltas

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

Position = tuple[str, str]
"""SKU and node."""
Counts = tuple[int, ...]
"""Units, in the order of `COMPONENTS`."""
NOTHING: Final[Counts] = (0,) * len(COMPONENTS)


@frozen
class UnreadableRow:
    """A row of stock that holds something else than units."""

    sku: str
    node_id: str


Tail = tuple[str, int, str]
"""The newest commit that was seen of a stream: stream, number, hash."""


_COUNTS: Final = attrgetter(*COMPONENTS)


def counts_of(delta: StockDelta) -> Counts:
    """Units by component."""
    counts: Counts = _COUNTS(delta)
    return counts


class Verdict(StrEnum):
    """What the readings of a position say together."""

    AGREES = "agrees"
    DIFFERS = "differs"
    """By the same units at every reading."""
    MOVES = "moves"
    """Neither: it moved at the very instants at which it was read."""


class Account:
    """One position: what was read of its row and when, and what the log says of it.

    `then` is the log as of each reading, `total` all that was seen of it.
    """

    __slots__ = ("readings", "then", "total")

    def __init__(self) -> None:
        self.readings: list[tuple[datetime, Counts]] = []
        self.then: list[Counts] = []
        self.total: Counts = NOTHING

    def read(self, at: datetime, counts: Counts) -> None:
        """A reading, begun at `at`; all of them come before the first commit."""
        self.readings.append((at, counts))
        self.then.append(NOTHING)

    def moved(self, at: datetime, units: Counts) -> None:
        """A commit of that instant moved these units."""
        self.total = _sum(self.total, units)
        for index, (read_at, _) in enumerate(self.readings):
            if at <= read_at:
                self.then[index] = _sum(self.then[index], units)

    @property
    def differences(self) -> list[Counts]:
        """What stock has more than the log, at each reading.

        A row that has all that the log says in the end agrees too: the clock of whoever moved it was ahead of ours.
        """
        return [
            NOTHING if counts == self.total else tuple([ours - told for ours, told in zip(counts, then, strict=True)])
            for (_, counts), then in zip(self.readings, self.then, strict=True)
        ]

    @property
    def verdict(self) -> Verdict:
        """AGREES when most readings do."""
        found = self.differences
        if 2 * found.count(NOTHING) > len(found):
            return Verdict.AGREES
        return Verdict.DIFFERS if len(set(found)) == 1 else Verdict.MOVES


def _sum(one: Counts, other: Counts) -> Counts:
    return tuple([a + b for a, b in zip(one, other, strict=True)])


class Fold:
    """The movements of all commits, position by position: as much memory as there are positions."""

    __slots__ = ("accounts", "begun", "only", "unreadable")

    def __init__(self, begun: datetime, only: Iterable[Position] | None = None) -> None:
        self.accounts: dict[Position, Account] = {}
        self.begun = begun
        """When the first reading began; a position without a row was read as nothing then."""
        self.only = None if only is None else frozenset(only)
        """Positions that are looked at; None for all."""
        self.unreadable: dict[Position, None] = {}
        """Positions whose row could not be read: they are wrong whatever the log says."""

    def read(self, at: datetime, rows: Iterable[StockDelta | UnreadableRow]) -> None:
        """A part of all rows, of which the reading began at `at`."""
        for row in self._readable(rows):
            self._account((row.sku, row.node_id)).read(at, counts_of(row))

    def read_again(self, at: datetime, rows: Iterable[StockDelta | UnreadableRow]) -> None:
        """The rows of what is looked at, once more; whatever is not among them is not there."""
        found = {(row.sku, row.node_id): counts_of(row) for row in self._readable(rows)}
        for position in self.only or ():
            self._account(position).read(at, found.get(position, NOTHING))

    def add(self, stored: StoredCommit) -> None:
        """One commit."""
        at = stored.commit.at
        for event in stored.commit.events:
            for delta in event_deltas(event):
                position = (delta.sku, delta.node_id)
                if self.only is not None and position not in self.only:
                    continue
                account = self._account(position)
                if not account.readings:
                    account.read(self.begun, NOTHING)
                account.moved(at, counts_of(delta))

    def _account(self, position: Position) -> Account:
        account = self.accounts.get(position)
        if account is None:
            account = self.accounts[position] = Account()
        return account

    def unlike(self) -> Iterator[tuple[Position, Account]]:
        """Positions whose readings do not all but agree with the log."""
        for position, account in self.accounts.items():
            if position not in self.unreadable and account.verdict is not Verdict.AGREES:
                yield position, account

    def _readable(self, rows: Iterable[StockDelta | UnreadableRow]) -> Iterator[StockDelta]:
        for row in rows:
            if not isinstance(row, UnreadableRow):
                yield row
            elif self.only is None or (row.sku, row.node_id) in self.only:
                self.unreadable[row.sku, row.node_id] = None


def describe(position: Position, account: Account) -> dict[str, Any]:
    """{'sku', 'node', 'components': [{'component', 'log', 'stock'}]}, of the last reading."""
    (_, stock), log = account.readings[-1], account.then[-1]
    return {
        "sku": position[0],
        "node": position[1],
        "components": [
            {"component": name, "log": told, "stock": ours}
            for name, told, ours in zip(COMPONENTS, log, stock, strict=True)
            if told != ours
        ],
    }


def describe_unreadable(position: Position) -> dict[str, Any]:
    """The same of a row that could not be read: {'sku', 'node', 'components': [], 'problem': 'unreadable'}."""
    return {"sku": position[0], "node": position[1], "components": [], "problem": "unreadable"}


class Chain:
    """Follows streams commit by commit, and keeps nothing but the newest commit of the one it is in.

    A commit that does not follow the one before it makes its stream a suspect, no more: a stream that comes in pieces,
    or in another order, is one too, and is found sound when it is read by itself.
    """

    __slots__ = ("tail",)

    def __init__(self, tail: Tail = ("", 0, GENESIS)) -> None:
        self.tail = tail

    def follows(self, stored: StoredCommit | Unreadable) -> bool:
        """It is as it was written, and stands behind the commit before."""
        if isinstance(stored, Unreadable):
            self.tail = (stored.stream, stored.number, "")
            return False
        commit = stored.commit
        stream, number, head = self.tail
        if commit.stream != stream:
            number, head = 0, GENESIS
        self.tail = (commit.stream, commit.number, stored.hash)
        in_place = commit.number == number + 1 and commit.previous == head
        return in_place and stored.hash == chain_hash(commit, stored.plain_events)


def broken_at(stream: str, stored: Sequence[StoredCommit | Unreadable]) -> dict[str, Any] | None:
    """{'stream', 'commit', 'problem'} of the first commit that is not as it was written; None when all are.

    `problem` is `missing` (the number is not there), `altered` (the hash is not that of what it holds), `unlinked` (it
    names another commit as the one before it) or `unreadable`.
    """
    sound = list(_until_unreadable(stored))
    place = verify_chain(stream, sound)
    if not place and len(sound) == len(stored):
        return None
    return {"stream": stream, **_first_fault(sound, place or len(sound) + 1, stored)}


def _first_fault(
    sound: Sequence[StoredCommit], place: int, stored: Sequence[StoredCommit | Unreadable]
) -> dict[str, Any]:
    found = stored[place - 1]
    number = found.number if isinstance(found, Unreadable) else found.commit.number
    if number != place:
        return {"commit": place, "problem": "missing"}
    if isinstance(found, Unreadable):
        return {"commit": place, "problem": "unreadable"}
    before = sound[place - 2].hash if place > 1 else GENESIS
    return {"commit": place, "problem": "altered" if found.commit.previous == before else "unlinked"}


def _until_unreadable(stored: Sequence[StoredCommit | Unreadable]) -> Iterator[StoredCommit]:
    for each in stored:
        if isinstance(each, Unreadable):
            return
        yield each
