"""Ports in memory, as far as pages need them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from oms.application.intake import Taken
from oms.domain.canonical import ContactKey
from oms.domain.codec import event_to_plain, to_plain
from oms.domain.commit import chain_hash
from oms.domain.errors import QuarantineNotFoundError
from oms.domain.history import History

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterable, Mapping

    from oms.domain.canonical import Contact
    from oms.domain.commit import Commit
    from oms.domain.parked import Parked


@dataclass
class MemoryLog:
    """The event log."""

    streams: dict[str, list[Commit]] = field(default_factory=dict)
    kept: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)

    def read(self, stream: str) -> History:
        """All commits of a stream."""
        commits = tuple(self.streams.get(stream, ()))
        head = chain_hash(commits[-1], [event_to_plain(each) for each in commits[-1].events]) if commits else "0" * 16
        return History(stream=stream, commits=commits, head=head)

    def append(
        self,
        commit: Commit,
        *,
        stock: Iterable[Any] = (),
        unique: Iterable[str] = (),
        released: Iterable[str] = (),
        lots: Iterable[Any] = (),
        due: Iterable[Any] = (),
        beside: Iterable[Commit] = (),
    ) -> None:
        """Keep it."""
        for each in (commit, *beside):
            self.streams.setdefault(each.stream, []).append(each)

    def put_fact(self, stream: str, fact_id: str, fact: Mapping[str, Any]) -> bool:
        """Keep it."""
        self.kept.setdefault(stream, []).append(fact)
        return True

    def facts(self, stream: str) -> list[Mapping[str, Any]]:
        """All of them."""
        return self.kept.get(stream, [])


@dataclass
class MemoryViews:
    """Lists made of the log; `asked` remembers what was asked for."""

    log: MemoryLog
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    hits: Counter[str] = field(default_factory=Counter)
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    def _all(self) -> list[dict[str, Any]]:
        found = [dict(commits[-1].summary) for commits in self.log.streams.values()]
        return sorted(found, key=lambda row: str(row["placed_at"]), reverse=True)

    def list_orders(self, *asked: Any) -> tuple[list[dict[str, Any]], str]:
        """By stage, channel, customer or number."""
        self.asked.append(asked)
        by, value, since, until, limit, cursor = asked
        start = int(cursor or 0)
        found = [
            row
            for row in self._all()
            if (by == "all" or row.get(by) == value) and since <= datetime.fromisoformat(row["placed_at"]) <= until
        ]
        more = str(start + limit) if len(found) > start + limit else ""
        return found[start : start + limit], more

    def orders_with(self, kind: str, value: str) -> list[str]:
        """By number."""
        return [row["order_id"] for row in self._all() if row.get(kind) == value]

    def contacts_of(self, number: str) -> list[ContactKey]:
        """By number."""
        return [
            ContactKey(
                customer_id=row.get("customer", ""),
                placed_at=datetime.fromisoformat(row["placed_at"]),
                order_id=row["order_id"],
            )
            for row in self._all()
            if row.get("number") == number
        ]

    def list_rows(self, kind: str, limit: int, cursor: str) -> tuple[list[dict[str, Any]], str]:
        """Rows of a kind."""
        start = int(cursor or 0)
        found = self.rows.get(kind, [])
        return found[start : start + limit], str(start + limit) if len(found) > start + limit else ""

    def hit(self, key: str, window_s: int, now: datetime) -> int:
        """Count."""
        self.hits[key] += 1
        return self.hits[key]


@dataclass
class MemoryContacts:
    """Personal data."""

    of: dict[ContactKey, Contact] = field(default_factory=dict)
    reads: int = 0

    def get(self, where: ContactKey) -> Contact | None:
        """One of them."""
        self.reads += 1
        return self.of.get(where)


@dataclass
class MemoryQuarantine:
    """Parked inputs."""

    of: dict[str, Parked] = field(default_factory=dict)

    def park(self, parked: Parked) -> None:
        """Keep it."""
        self.of[parked.parked_id] = parked

    def get(self, parked_id: str) -> Parked:
        """One of them."""
        if parked_id not in self.of:
            raise QuarantineNotFoundError("no such quarantined input", parked_id=parked_id)
        return self.of[parked_id]

    def list(self, limit: int, cursor: str) -> tuple[list[Mapping[str, Any]], str]:
        """Without their bodies."""
        start = int(cursor or 0)
        rows: Any = [
            {name: value for name, value in to_plain(each).items() if name != "message"} for each in self.of.values()
        ]
        return rows[start : start + limit], str(start + limit) if len(rows) > start + limit else ""

    def waiting(self, now: datetime, limit: int) -> builtins.list[Mapping[str, Any]]:
        """Those that wait for something."""
        return [row for row in self.list(limit, "")[0] if row.get("waits_for")]

    def look_again(self, parked_id: str, at: datetime) -> None:
        """Nothing waits here."""

    def remove(self, parked_id: str) -> None:
        """It was processed."""
        self.of.pop(parked_id, None)


@dataclass
class Take:
    """Stands for `TakeDelivery`: succeeds, or refuses with `refusal`."""

    quarantine: MemoryQuarantine
    refusal: Exception | None = None
    order_id: str = ""

    def process(self, message: Mapping[str, Any]) -> Taken:
        """As told."""
        if self.refusal:
            raise self.refusal
        return Taken("taken", "orders/create", self.order_id)

    def park(self, message: Mapping[str, Any], error: Any) -> Taken:
        """The newest reason."""
        for parked_id, known in self.quarantine.of.items():
            if known.message == message:
                self.quarantine.of[parked_id] = replace(
                    known, code=error.code, reason=str(error), detail=to_plain(error.context)
                )
        return Taken("quarantined", code=error.code)


@dataclass
class Cognito:
    """Knows one user; `answer` or `error` say otherwise."""

    token: str
    error: Exception | None = None
    answer: dict[str, Any] | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)

    def initiate_auth(self, **asked: Any) -> dict[str, Any]:
        """Sign in."""
        self.asked.append(asked)
        if self.error:
            raise self.error
        return self.answer or {"AuthenticationResult": {"IdToken": self.token}}
