"""Take in rows of a stock feed: in batches, without a write where nothing changes, and once however often they come."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from oms.domain import ids
from oms.domain.codec import to_plain
from oms.domain.commit import GENESIS, Cause, Commit
from oms.domain.errors import (
    ContentionError,
    DuplicateOrderNumberError,
    InsufficientStockError,
    KitWithoutStockError,
    NoSuchNodeError,
    NoSuchSkuError,
    NotMasterError,
    OmsError,
    StaleRowError,
    StockChangedError,
    VersionConflictError,
)
from oms.domain.feed import decide_row, read_row, taken_key, told
from oms.domain.frozen import frozen
from oms.domain.masters import ON_HAND, POLICY, read_masters
from oms.domain.segments import SEPARATOR
from oms.domain.stock import MAX_POSITIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from oms.application.ports import Clock, FedStock, Log, Reference
    from oms.domain.feed import Fed, FedChange, FeedRow, Told

    Place = tuple[str, str]

TRIES: Final = 8
"""Of rows whose positions kept moving; at each, half as many are written together, so that one busy position does not
hold up the others."""
MAX_ROWS: Final = 500
"""Of a call, or a message."""


@frozen
class Problem:
    """A row that was not taken."""

    row: int
    code: str
    detail: str


@dataclass(slots=True)
class Tally:
    """What became of rows."""

    accepted: int = 0
    unchanged: int = 0
    stale: int = 0
    errors: int = 0
    """Rows that were not taken, stale ones among them."""
    problems: list[Problem] = field(default_factory=list)
    """What is wrong with each of them, until it is put elsewhere; in the order in which they were found."""

    def refuse(self, row: int, error: OmsError) -> None:
        """The row is not taken. Its error's context is for logs, and may hold more than a sender may see."""
        self.errors += 1
        self.stale += isinstance(error, StaleRowError)
        self.problems.append(Problem(row=row, code=error.code, detail=str(error)))

    def document(self, shown: int) -> dict[str, Any]:
        """JSON values; the first `shown` problems by row."""
        problems = sorted(self.problems, key=lambda each: each.row)
        return {
            "accepted": self.accepted,
            "unchanged": self.unchanged,
            "stale": self.stale,
            "errors": self.errors - self.stale,
            "rows": [to_plain(each) for each in problems[:shown]],
        }


@frozen
class Feed:
    """Where rows come from: a source, and what it sent, by an id that is the same when it is sent again."""

    source: str
    feed_id: str

    @property
    def cause(self) -> Cause:
        """Why their commits are made."""
        return Cause(kind="feed", ref=self.feed_id, actor=self.source)


@frozen(kw_only=False)
class TakeStockFeed:
    """Rows, each decided on its position as it stands and written with a condition that it still does.

    Nothing here is remembered: a row that was written before is told by the mark of its position, a delta by its id.
    So rows may come in any order, in any pieces, and again after a crash.
    """

    log: Log
    stock: FedStock
    reference: Reference
    now: Clock
    abreast: Callable[[Callable[[list[FedChange]], bool], Iterable[list[FedChange]]], Iterable[bool]] = map
    """Commits made at the same time."""

    def said(self, feed: Feed, said: Iterable[tuple[int, Mapping[str, Any]]]) -> Tally:
        """Rows as they were sent, with their numbers."""
        tally, rows, now = Tally(), [], self.now()
        for number, each in said:
            try:
                rows.append(read_row(number, each, now))
            except OmsError as error:
                tally.refuse(number, error)
        self(feed, rows, tally, remember=True)
        return tally

    def __call__(self, feed: Feed, rows: Sequence[FeedRow], tally: Tally, *, remember: bool) -> None:
        """Take the rows that their source may say, and count what became of them all.

        `remember` those that change nothing too: for what may be overtaken on its way. It is a small write for each.
        """
        for wave in _waves(self._its_own(feed, rows, tally)):
            self._take(feed, wave, tally, remember=remember)

    def _its_own(self, feed: Feed, rows: Sequence[FeedRow], tally: Tally) -> list[FeedRow]:
        """Without rows of nodes whose stock another integration is master of."""
        masters, kept = read_masters(self.reference.policy(POLICY)), []
        for row in rows:
            try:
                masters.check(feed.source, ON_HAND, row.node_id)
                kept.append(row)
            except NotMasterError as error:
                tally.refuse(row.number, error)
        return kept

    def _take(self, feed: Feed, rows: Sequence[FeedRow], tally: Tally, *, remember: bool) -> None:
        """Rows of different positions."""
        for attempt in range(TRIES):
            changes, quiet = self._decide(feed, rows, tally, remember=remember)
            groups = list(_groups(changes, max(1, MAX_POSITIONS >> attempt)))
            kept = self.stock.tell(feed.source, quiet) if quiet else []
            tally.unchanged += sum(kept)
            rows = [each.row for each, done in zip(quiet, kept, strict=True) if not done]
            for group, written in zip(groups, self.abreast(lambda each: self._commit(feed, each), groups), strict=True):
                if written:
                    tally.accepted += len(group)
                else:
                    rows.extend(each.row for each in group)
            if not rows:
                return
        for row in rows:
            tally.refuse(row.number, ContentionError("the position kept moving"))

    def _decide(
        self, feed: Feed, rows: Sequence[FeedRow], tally: Tally, *, remember: bool
    ) -> tuple[list[FedChange], list[Told]]:
        """(what is to be written, what is only to be remembered); all else is counted."""
        found = self.stock.fed(feed.source, (place for each in rows for place in _places(each)))
        taken = self.stock.taken(feed.source, (each.row_id for each in rows if each.change is not None))
        unknown = self._unknown(found)
        changes: list[FedChange] = []
        quiet: list[Told] = []
        for row in rows:
            place = (row.sku, row.node_id)
            if row.change is not None and row.row_id in taken:
                tally.unchanged += 1
                continue
            try:
                if place in unknown:
                    raise unknown[place]
                change = decide_row(feed.source, row, found[row.sku, row.place], found[place].position)
            except OmsError as error:
                tally.refuse(row.number, error)
                continue
            if change is not None:
                changes.append(change)
            elif remember and (word := told(row, found[row.sku, row.place])) is not None:
                quiet.append(word)
            else:
                tally.unchanged += 1
        return changes, quiet

    def _unknown(self, found: Mapping[Place, Fed]) -> dict[Place, OmsError]:
        """Places that no master data knows, or of kits: asked only where there is no position, which is proof of both.

        What has ever had a position cannot become a kit: its import is refused.
        """
        new = [place for place, fed in found.items() if not fed.known and SEPARATOR not in place[1]]
        if not new:
            return {}
        nodes = {node.node_id for node in self.reference.nodes({})}
        made_of = self.reference.made_of({sku for sku, _ in new})
        errors: dict[Place, OmsError] = {}
        for place in new:
            if place[1] not in nodes:
                errors[place] = NoSuchNodeError("unknown node")
            elif place[0] not in made_of:
                errors[place] = NoSuchSkuError("unknown SKU")
            elif made_of[place[0]]:
                errors[place] = KitWithoutStockError("a kit has no stock of its own")
        return errors

    def _commit(self, feed: Feed, group: list[FedChange]) -> bool:
        """Write changes together; False when they have to be decided again."""
        said = ((str(each.row.number), each.row.sku, each.row.place, each.row.as_of.isoformat()) for each in group)
        group_id = ids.derive("fed", feed.source, feed.feed_id, *(part for each in said for part in each))
        command_id = ids.command_id("take_stock_feed", group_id, *(str(each.delta.changes) for each in group))
        stream = f"stock#{group_id}"
        commit = Commit(
            stream=stream,
            number=1,
            command_id=command_id,
            cause=feed.cause,
            at=self.now(),
            events=tuple(each.event for each in group),
            previous=GENESIS,
        )
        try:
            self.log.append(
                commit,
                stock=[delta for each in group for delta in each.deltas],
                unique=[taken_key(feed.source, each.row.row_id) for each in group if each.row.change is not None],
            )
        except (StockChangedError, InsufficientStockError, ContentionError, DuplicateOrderNumberError):
            return False
        except VersionConflictError:  # the answer to an earlier attempt of this very call was lost
            return self.log.read(stream).find(command_id) is not None
        return True


def _places(row: FeedRow) -> tuple[Place, ...]:
    """What is read for a row: its position, and its lot."""
    place = (row.sku, row.node_id)
    return (place, (row.sku, row.place)) if row.segment else (place,)


def _waves(rows: Sequence[FeedRow]) -> Iterator[list[FeedRow]]:
    """The rows in pieces in which no position, and no row id, is there twice; those of one position in their order."""
    while rows:
        wave: list[FeedRow] = []
        later: list[FeedRow] = []
        seen: set[Place | str] = set()
        for row in rows:
            place = (row.sku, row.node_id)
            names: set[Place | str] = {place, row.row_id} if row.change is not None else {place}
            (later if seen & names else wave).append(row)
            seen |= names
        yield wave
        rows = later


def _groups(changes: Iterable[FedChange], most: int) -> Iterator[list[FedChange]]:
    """Changes as transactions take them: a delta is a position and a taken id, what is of a lot is a row more."""
    group: list[FedChange] = []
    weight = 0
    for each in changes:
        needs = len(each.deltas) + (each.row.change is not None)
        if group and weight + needs > most:
            yield group
            group, weight = [], 0
        group.append(each)
        weight += needs
    if group:
        yield group
