"""Positions that are spread over rows, and put together again: each time one transaction, whose commit says so."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from oms.adapters.shards import Given
from oms.domain import ids
from oms.domain.commit import Cause, Commit
from oms.domain.errors import (
    ContentionError,
    InsufficientStockError,
    OmsError,
    StockChangedError,
    VersionConflictError,
)
from oms.domain.shards import Row, ShardsChanged, further, gather, spread, total

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from oms.adapters.shards import Shards
    from oms.domain.history import History

    Place = tuple[str, str]

_IN_VAIN: Final = (OmsError, ClientError, BotoCoreError)
GATHERINGS: Final = 4
"""Tries to put a position together whose rows move."""


class Reshape:
    """`read` and `append` are those of the log."""

    def __init__(self, shards: Shards, read: Callable[[str], History], append: Callable[[Commit, Given], None]) -> None:
        self._shards = shards
        self._read = read
        self._append = append

    def heat(self, met: Mapping[Place, int], at: datetime) -> None:
        """Spread positions at which others were so many times in the way of one transaction, or learn that they are."""
        with suppress(*_IN_VAIN):
            for place, times in met.items():
                self._spread(place, times, at)

    def calm(self, places: Sequence[Place], at: datetime) -> None:
        """Put these together. The commit that met them so calm stands, whatever becomes of this."""
        with suppress(*_IN_VAIN):
            for place in places:
                self.write(place, gather(self._shards.read_again(place)), at)

    def _spread(self, place: Place, times: int, at: datetime) -> None:
        known = self._shards.known(place)
        before = len(known.rows) if known else 1
        rows = self._shards.read_again(place)
        after = further(before, times, total(rows).available)
        # If somebody else has spread it since, what was met there tells nothing of how it is now.
        if len(rows) == before < after and self._shards.cool(place, at):
            self.write(place, spread(rows[0], before, after, at), at)
            self._shards.read_again(place)

    def gather(self, place: Place, at: datetime) -> None:
        """The position is one row again; raises ContentionError when its rows kept moving."""
        for _ in range(GATHERINGS):
            rows = self._shards.read_again(place)
            if len(rows) == 1:
                return
            with suppress(InsufficientStockError, StockChangedError, VersionConflictError):
                self.write(place, gather(rows), at)
                return
        raise ContentionError("the rows of a position kept moving", sku=place[0], node=place[1])

    def write(self, place: Place, rows: Sequence[Row], at: datetime) -> None:
        """Rows that `spread` or `gather` gave, in one transaction with the commit that says so."""
        sku, node_id = place
        before, after = rows[0].was, rows[0].becomes
        if before == after:
            return
        history = self._read(f"shards#{ids.derive('shd', sku, node_id)}")
        number = history.number + 1
        commit = Commit(
            stream=history.stream,
            number=number,
            command_id=ids.command_id("reshape", history.stream, str(number)),
            cause=Cause(kind="system", ref="load"),
            at=max(at, history.commits[-1].at) if history.commits else at,
            events=(ShardsChanged(sku=sku, node_id=node_id, before=before, after=after),),
            previous=history.head,
        )
        self._append(commit, Given(self._shards, rows))
