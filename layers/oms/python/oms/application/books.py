"""Every order's money held to itself, and a day's entries for accounting, by whoever reads the whole log.

Orders are folded commit by commit as they come. A stream that comes in pieces, or that was half read when a run was put
down, is read by itself at the end. A prefix of a stream is an order as it was once: what is said of it holds too.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from oms.domain.commit import Unreadable
from oms.domain.frozen import frozen
from oms.domain.money import format_minor
from oms.domain.order import accounts
from oms.domain.order.evolve import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from oms.domain.commit import Commit, StoredCommit
    from oms.domain.order.state import Order

ORDERS: Final = "order#"
NAMED: Final = 1000
"""Orders that are named; of more, only how many is said."""
COLUMNS: Final = (
    "at", "order_id", "number", "channel", "channel_account", "commit", "account", "currency", "debit", "credit",
)  # fmt: skip
TOTALS: Final = ("day", "currency", "account", "debit", "credit")


@frozen
class Day:
    """The day whose entries are kept: its name, and the instants between which it was that day."""

    name: str
    since: datetime
    until: datetime

    def has(self, at: datetime) -> bool:
        """It happened on that day."""
        return self.since <= at < self.until


class _Stream:
    """An order while its commits come; `sound` until one is not the next."""

    __slots__ = ("_ledger", "drift", "entries", "folded", "name", "number", "order", "sound", "stands")

    def __init__(self, name: str) -> None:
        self.name = name
        self.number = 0
        self.order: Order | None = None
        self._ledger = accounts.Ledger()
        self.stands: Mapping[str, int] = {}
        self.entries: list[tuple[int, datetime, str, int]] = []
        self.sound = True
        self.folded = True
        self.drift = 0

    def take(self, commit: Commit, day: Day, since: int) -> None:
        self.number = commit.number
        try:
            self.order = order = fold(self.name.removeprefix(ORDERS), commit.events, self.order)
        except Exception:  # noqa: BLE001 - whatever a damaged log raises: the other orders are read, and this one named
            order = None
        if order is None:
            self.folded = False
            return
        before, self.stands = self.stands, self._ledger.follow(order, commit)
        self.drift = max(self.drift, accounts.imbalance(self.stands))
        if day.has(commit.at) and commit.number >= since:
            for account in sorted(before.keys() | self.stands.keys()):
                amount = self.stands.get(account, 0) - before.get(account, 0)
                if amount:
                    self.entries.append((commit.number, commit.at, account, amount))


class Books:
    """`lines` are the day's entries that no file has yet, `sums` the debits and credits by currency and account."""

    __slots__ = ("_open", "again", "day", "drift", "entries", "files", "lines", "orders", "sums", "unbalanced", "wrong")

    def __init__(self, day: Day) -> None:
        self.day = day
        self.orders = 0
        self.drift = 0
        """Minor units, of all orders together."""
        self.wrong = 0
        """Orders that are not balanced."""
        self.unbalanced: list[dict[str, Any]] = []
        self.entries = 0
        self.files = 0
        self.lines: list[list[str]] = []
        self.sums: dict[tuple[str, str], list[int]] = {}
        self.again: dict[str, int] = {}
        """Streams that are read by themselves, and from which commit on their entries are not counted yet."""
        self._open: dict[int, _Stream] = {}

    def take(self, part: int, stored: StoredCommit | Unreadable) -> None:
        """The next commit of a part of the log."""
        name = stored.stream if isinstance(stored, Unreadable) else stored.commit.stream
        stream = self._open.get(part)
        if stream is None or stream.name != name:
            self.end(part)
            if not name.startswith(ORDERS):
                return
            stream = self._open[part] = _Stream(name)
            stream.sound = name not in self.again
        number = stored.number if isinstance(stored, Unreadable) else stored.commit.number
        if number == 1 and not stream.sound:
            self.again[name] = 1
        if stream.sound and (isinstance(stored, Unreadable) or number != stream.number + 1):
            # A piece that came before it, as far as this one's first commit, is counted; of this one nothing is.
            self.again[name] = 1 if stream.number else number
            stream.sound = False
        if stream.sound and not isinstance(stored, Unreadable):
            stream.take(stored.commit, self.day, 1)

    def end(self, part: int) -> None:
        """Nothing more of a stream comes in this part."""
        stream = self._open.pop(part, None)
        if stream is not None and stream.sound:
            self._close(stream, counted=True)

    def read(self, name: str, stored: Iterable[StoredCommit | Unreadable]) -> None:
        """A stream of `again`, whole; what cannot be read of it, and what follows, is named by others."""
        since = self.again.pop(name)
        stream = _Stream(name)
        for each in stored:
            if isinstance(each, Unreadable) or each.commit.number != stream.number + 1:
                break
            stream.take(each.commit, self.day, since)
        self._close(stream, counted=since == 1)

    def _close(self, stream: _Stream, *, counted: bool) -> None:
        order = stream.order
        if not stream.number:
            return
        self.orders += counted
        if order is None or not stream.folded:
            self._name({"order_id": stream.name.removeprefix(ORDERS), "problem": "unreadable"})
        if order is None:
            return
        wrong = max(stream.drift, accounts.drift(order))
        currency = order.placed.currency
        if wrong:
            self.drift += wrong
            self._name({"order_id": order.order_id, "currency": currency, "drift": wrong})
        for number, at, account, amount in stream.entries:
            self.lines.append(_line(order, number, at, account, amount))
            debit_credit = self.sums.setdefault((currency, account), [0, 0])
            debit_credit[amount < 0] += abs(amount)
        self.entries += len(stream.entries)

    def _name(self, order: dict[str, Any]) -> None:
        self.wrong += 1
        if len(self.unbalanced) < NAMED:
            self.unbalanced.append(order)

    def totals(self) -> list[list[str]]:
        """`TOTALS` of each account and currency, in major units."""
        return [
            [self.day.name, currency, account, *(format_minor(each, currency) for each in both)]
            for (currency, account), both in sorted(self.sums.items())
        ]

    def report(self) -> dict[str, Any]:
        """Counts, and the orders that are not balanced."""
        return {
            "ledger_day": self.day.name,
            "ledger_orders": self.orders,
            "ledger_entries": self.entries,
            "ledger_files": self.files,
            "ledger_drift": self.drift,
            "ledger_wrong": self.wrong,
            "unbalanced": sorted(self.unbalanced, key=lambda each: str(each["order_id"])),
        }

    # ---------------------------------------------------------------- put down, taken up

    def document(self) -> dict[str, Any]:
        """JSON values. A stream of which a part was read is read by itself when the run goes on."""
        half = {stream.name: 1 for stream in self._open.values() if stream.sound}
        return {
            "day": [self.day.name, self.day.since.isoformat(), self.day.until.isoformat()],
            "counts": [self.orders, self.drift, self.wrong, self.entries, self.files],
            "unbalanced": self.unbalanced,
            "lines": self.lines,
            "sums": [[*key, *both] for key, both in self.sums.items()],
            "again": {**self.again, **half},
        }


def taken_up(document: Mapping[str, Any]) -> Books:
    """The books as they were put down."""
    name, since, until = document["day"]
    books = Books(Day(name=name, since=datetime.fromisoformat(since), until=datetime.fromisoformat(until)))
    books.orders, books.drift, books.wrong, books.entries, books.files = document["counts"]
    books.unbalanced, books.lines = list(document["unbalanced"]), list(document["lines"])
    books.sums = {(currency, account): both for currency, account, *both in document["sums"]}
    books.again = dict(document["again"])
    return books


def _line(order: Order, number: int, at: datetime, account: str, amount: int) -> list[str]:
    placed, currency = order.placed, order.placed.currency
    both = (format_minor(max(0, each), currency) for each in (amount, -amount))
    of = (at.isoformat(), order.order_id, placed.number, placed.channel, placed.account, str(number), account, currency)
    return [*of, *both]
