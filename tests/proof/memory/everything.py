"""The whole log and all of stock, read through; and where a long run is put down."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from tests.proof.memory.store import Port, step, through_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from oms.domain.commit import StoredCommit
    from oms.domain.stock import StockDelta

PAGE = 2
"""Streams of a page: few, so that much happens between two."""


class Page(NamedTuple):
    """A LogPage."""

    part: int
    commits: Sequence[StoredCommit]
    mark: tuple[str, str] | None


@dataclass(slots=True)
class MemoryEverything(Port):
    """Everything port. Each page is read when it is asked for."""

    def stock_pages(self) -> Iterator[Sequence[StockDelta]]:
        """A SKU each."""
        for sku in sorted(self.store.positions):
            yield self.rows(sku)

    @step("everything.rows")
    def rows(self, sku: str) -> Sequence[StockDelta]:
        """A page of stock."""
        return list(self.store.positions[sku].values())

    def positions(self, skus: Iterable[str]) -> Sequence[StockDelta]:
        """See the port."""
        return [each for sku in dict.fromkeys(skus) for each in self.store.positions.get(sku, {}).values()]

    def log_pages(self, marks: Mapping[int, tuple[str, str] | None], parts: int) -> Iterator[Page]:
        """In the order of their names; a stream that begins meanwhile is not seen."""
        waiting: deque[tuple[int, list[str]]] = deque()
        for part, mark in marks.items():
            mine = sorted(each for each in self.store.streams if crc32(each.encode()) % parts == part)
            waiting.append((part, [each for each in mine if mark is None or each > mark[0]]))
        while waiting:
            part, names = waiting.popleft()
            here, later = names[:PAGE], names[PAGE:]
            if later:
                waiting.append((part, later))
            yield Page(part, self.commits(tuple(here)), (here[-1], "") if later else None)

    @step("everything.commits")
    def commits(self, streams: tuple[str, ...]) -> Sequence[StoredCommit]:
        """A page of the log."""
        return [stored for name in streams for stored in self.stream(name)]

    def stream(self, stream: str) -> Sequence[StoredCommit]:
        """See the port."""
        known = self.store.streams.get(stream)
        return known.stored if known else ()


@dataclass(slots=True)
class MemoryCheckpoint:
    """Checkpoint port."""

    document: Mapping[str, Any] | None = None
    saved: int = field(default=0)

    def load(self) -> Mapping[str, Any] | None:
        """See the port."""
        return self.document

    def save(self, document: Mapping[str, Any]) -> None:
        """See the port."""
        self.document = through_json(document)
        self.saved += 1

    def clear(self) -> None:
        """See the port."""
        self.document = None
