"""Rows of spread positions: how they are read, which of them a change is made in, and what a process remembers of them.

Nothing here is asked for a position of one row, which is what all but a few are: its row says by an attribute,
`shards`, when there are more. A further row is one of the position's while it has the attribute `open`.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.adapters import keys
from oms.domain.errors import ContentionError, InsufficientStockError
from oms.domain.frozen import frozen
from oms.domain.shards import CALM_S, COOL_S, HEAT, Row, allot, total
from oms.domain.stock import COMPONENTS, DecidedDelta, KeepingDelta, StockDelta

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Place = tuple[str, str]
    Item = Mapping[str, Any]

KEEP_S: Final = 1.0
"""Seconds for which what was read of a spread position serves to plan on. Writing it is conditional all the same."""
BATCH: Final = 100
"""Keys of one BatchGetItem."""
READS: Final = 8
"""Of a position that changed its number of rows, or was short of units, while it was read."""
TRIES: Final = 2
"""Rows that were found short, after which the whole position is read. What each of them had is told by its refusal."""
COLLISIONS: Final = 8
"""Tries of a transaction that DynamoDB cancelled because another one touched the same item."""
RESHAPES: Final = 4
"""The same, of one that nobody waits for."""
BUSY: Final = ("TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded")
FAILED: Final = "ConditionalCheckFailed"
REFUSALS: Final = 24
"""Of one append, by rows that others had emptied: each time somebody else was served."""


class Known:
    """What was last read of a spread position, and what this process did to it since."""

    __slots__ = ("at", "rows", "since", "whole")

    def __init__(self, rows: list[StockDelta], since: str, at: float, *, whole: bool = True) -> None:
        self.rows = rows
        self.since = since
        """When it was spread, as its row says."""
        self.at = at
        self.whole = whole
        """All of it was read, and has had so many rows since."""


class Shards:
    """Shared by what reads stock and what writes it."""

    def __init__(self, client: Any, table: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._known: dict[Place, Known] = {}
        self._plain: dict[str, tuple[float, list[StockDelta]]] = {}
        """Of SKUs that have a spread position: the other positions, and when they were read."""

    # ---------------------------------------------------------------- reading

    def positions(self, sku: str, leads: Iterable[Item], *, consistent: bool) -> list[StockDelta]:
        """All positions of a SKU, whose rows 0 were just read."""
        found: list[StockDelta] = []
        plain: list[StockDelta] = []
        for item in leads:
            row = row_from_item(item)
            if rows_of(item) == 1:
                self._known.pop((sku, row.node_id), None)
                plain.append(row)
                found.append(row)
            else:
                found.append(total(self.read(item, consistent=consistent)))
        if len(plain) < len(found):
            self._plain[sku] = (self._clock(), plain)
        else:
            self._plain.pop(sku, None)
        return found

    def remembered(self, sku: str, units: int) -> list[StockDelta] | None:
        """What `positions` said a moment ago, if there is enough in that; None to read."""
        if sku not in self._plain:
            return None
        at, plain = self._plain[sku]
        if self._clock() - at > KEEP_S:
            return None
        spread = [each for (of, _), each in self._known.items() if of == sku]
        found = [*plain, *[total(each.rows) for each in spread]]
        return found if all(each.whole for each in spread) and sum(each.promisable for each in found) >= units else None

    def read(self, lead: Item, *, consistent: bool = True) -> list[StockDelta]:
        """All rows of a position of which row 0 was just read. Raises ContentionError when they kept changing."""
        sku, node_id, _ = keys.position_of(lead["pk"]["S"], lead["sk"]["S"])
        for _ in range(READS):
            others = self._items(sku, node_id, range(1, rows_of(lead)), consistent=consistent)
            if all("open" in each for each in others):
                rows = [row_from_item(each) for each in (lead, *others)]
                self._keep((sku, node_id), Known(rows, lead.get("spread", {}).get("S", ""), self._clock()))
                return rows
            # It was put together meanwhile: what is missing in these rows is in the lead row as it is now.
            (lead,) = self._items(sku, node_id, range(1), consistent=True)
        raise ContentionError("a position kept changing while it was read", sku=sku, node=node_id)

    def read_again(self, place: Place) -> list[StockDelta]:
        """All rows of a position, consistently."""
        known = self._known.get(place)
        if known is None:
            (lead,) = self._items(*place, range(1), consistent=True)
            return self.read(lead)
        lead, *others = self._items(*place, range(len(known.rows)), consistent=True)
        if rows_of(lead) == len(known.rows) and all("open" in each for each in others):
            rows = [row_from_item(each) for each in (lead, *others)]
            self._keep(place, Known(rows, lead.get("spread", {}).get("S", ""), self._clock()))
            return rows
        return self.read(lead)

    def _keep(self, place: Place, known: Known) -> None:
        if len(known.rows) > 1:
            self._known[place] = known
        else:
            self._known.pop(place, None)

    def _items(self, sku: str, node_id: str, shards: range, *, consistent: bool) -> list[Item]:
        """Rows of a position in their order; one that is not there has its key alone."""
        wanted = [_key(sku, node_id, shard) for shard in shards]
        found: dict[str, Item] = {}
        asked = list(wanted)
        for _ in range(READS):
            if not asked:
                break
            request = {"Keys": asked[:BATCH], "ConsistentRead": consistent}
            answer = self._client.batch_get_item(RequestItems={self._table: request})
            found.update((each["sk"]["S"], each) for each in answer["Responses"].get(self._table, ()))
            asked = [*answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", ()), *asked[BATCH:]]
        if asked:
            raise ContentionError("rows of a position could not be read", sku=sku, node=node_id)
        return [found.get(key["sk"]["S"], key) for key in wanted]

    # ---------------------------------------------------------------- writing

    def known(self, place: Place) -> Known | None:
        """What is remembered of a spread position."""
        return self._known.get(place)

    def heard(self, place: Place, row: Row, old: Item) -> bool:
        """A row was refused, as it is told to be: whether others of its position may have what it lacks."""
        known = self._known.get(place)
        if row.shard == 0 and (not old or rows_of(old) == 1):
            self.forget(place)
            return known is not None
        if known is None or (row.shard == 0 and rows_of(old) != len(known.rows)) or (row.shard and "open" not in old):
            lead = row_from_item(old) if row.shard == 0 else row.delta
            self._known[place] = Known([lead], "", self._clock(), whole=False)
        else:
            known.rows[row.shard] = row_from_item(old)
        return True

    def done(self, rows: Iterable[Row]) -> None:
        """These were written."""
        for row in rows:
            known = self._known.get((row.delta.sku, row.delta.node_id))
            if known is not None and row.shard < len(known.rows):
                known.rows[row.shard] = known.rows[row.shard].plus(row.delta)

    def forget(self, place: Place) -> None:
        """It has other rows than were known."""
        self._known.pop(place, None)
        self._plain.pop(place[0], None)

    def cool(self, place: Place, now: datetime) -> bool:
        """It was not spread just now."""
        known = self._known.get(place)
        return known is None or now - _since(known) >= timedelta(seconds=COOL_S)

    def calm(self, rows: Iterable[Row], now: datetime) -> list[Place]:
        """Of the positions of these rows, those that were spread long ago."""
        found = dict.fromkeys((row.delta.sku, row.delta.node_id) for row in rows)
        limit = timedelta(seconds=CALM_S)
        return [each for each in found if each in self._known and now - _since(self._known[each]) > limit]


class Choice:
    """The rows of one append: chosen by what is remembered, then by what refusals tell, and at last by reading all."""

    def __init__(self, shards: Shards, stock: Sequence[StockDelta], key: str) -> None:
        self._shards = shards
        self._stock = stock
        self._key = key
        self._missed: Counter[Place] = Counter()
        self._turns: Counter[Place] = Counter()
        self._refusals = 0
        self.tries = COLLISIONS

    def whole(self) -> list[Place]:
        """Spread positions that are to be written as one: decided on as a whole, or near to a channel's buffer."""
        return [(each.sku, each.node_id) for each in self._stock if self._as_one(each)]

    def _as_one(self, delta: StockDelta) -> bool:
        place = (delta.sku, delta.node_id)
        if self._shards.known(place) is None:
            return False
        if isinstance(delta, KeepingDelta):
            # No row can tell what is left in all: that is read, and written on that condition when it grows little.
            rows = self._shards.read_again(place)
            return len(rows) > 1 and 0 <= total(rows).available + delta.available - delta.keep < delta.keep
        return isinstance(delta, DecidedDelta)

    def rows(self) -> list[Row]:
        """What is done to which rows; raises InsufficientStockError when a position has too little in all of them."""
        found: list[Row] = []
        short = []
        for delta in self._stock:
            made, has = self._allotted(delta)
            if made is None:
                counts = {name: getattr(has, name) for name in delta.changes}
                short.append({"sku": delta.sku, "node": delta.node_id, "needs": dict(delta.changes), "has": counts})
            found.extend(made or ())
        if short:
            raise InsufficientStockError("not enough stock", positions=short)
        return found

    def _allotted(self, delta: StockDelta) -> tuple[tuple[Row, ...] | None, StockDelta]:
        place = (delta.sku, delta.node_id)
        known = self._shards.known(place)
        if known is None:
            return (Row(delta=delta),), delta
        if known.whole and self._missed[place] < TRIES:
            made = allot(delta, known.rows, self._key, self._turns[place])
            if made is not None:
                return made, delta
        rows = self._shards.read_again(place)
        self._missed[place] = 0
        return (Row(delta=delta),) if len(rows) == 1 else allot(delta, rows, self._key, self._turns[place]), total(rows)

    def collided(self, places: Sequence[Place]) -> dict[Place, int]:
        """Others were writing the rows of these positions: the next try begins with their next rows.

        Of those where that was so too often, how often it was.
        """
        self._turns.update(places)
        return {each: self._turns[each] for each in places if self._turns[each] % HEAT == 0}

    def again(self, rows: Sequence[Row], reasons: Sequence[Mapping[str, Any]]) -> bool:
        """Whether other rows may have what these lacked, as the reasons of the refusal tell."""
        self._refusals += 1
        pairs = zip(rows, reasons, strict=True)
        spread = [self._heard(row, why.get("Item") or {}) for row, why in pairs if why.get("Code") == FAILED]
        return bool(spread) and all(spread) and self._refusals < REFUSALS

    def _heard(self, row: Row, old: Item) -> bool:
        place = (row.delta.sku, row.delta.node_id)
        self._missed[place] += 1
        return self._shards.heard(place, row, old)

    def written(self, rows: Sequence[Row], now: datetime) -> list[Place]:
        """They were: remember it. Positions that were spread long ago, and are calm."""
        self._shards.done(rows)
        return [] if self._turns else self._shards.calm(rows, now)


class Given(Choice):
    """Rows that are decided: all of them or none."""

    def __init__(self, shards: Shards, rows: Sequence[Row]) -> None:
        super().__init__(shards, (), "")
        self._rows = list(rows)
        self.tries = RESHAPES

    def rows(self) -> list[Row]:
        """They."""
        return self._rows

    def again(self, rows: Sequence[Row], reasons: Sequence[Mapping[str, Any]]) -> bool:  # noqa: ARG002 - as Choice has it
        """There are no others."""
        return False

    def collided(self, places: Sequence[Place]) -> dict[Place, int]:  # noqa: ARG002 - as Choice has it
        """These are what is done about it."""
        return {}

    def written(self, rows: Sequence[Row], now: datetime) -> list[Place]:  # noqa: ARG002 - as Choice has it
        """The position is another: it is read when it is needed."""
        self._shards.forget((rows[0].delta.sku, rows[0].delta.node_id))
        return []


@frozen
class Shape:
    """What the update of a row says about the rows of its position."""

    names: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    conditions: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    removes: tuple[str, ...] = ()


_PLAIN: Final = Shape()
_OPEN: Final = {"#open": "open"}
_SHARDS: Final = {"#shards": "shards"}


def shape(row: Row) -> Shape:
    """Nothing for a change of row 0, which is there while the position is."""
    if row.opens:
        one = {":one": {"N": "1"}}
        return Shape(names=_OPEN, values=one, conditions=("attribute_not_exists(#open)",), sets=("#open = :one",))
    if row.shard:
        removes = ("REMOVE #open",) if row.closes else ()
        return Shape(names=_OPEN, conditions=("attribute_exists(#open)",), removes=removes)
    if row.was:
        return _reshaped(row)
    if isinstance(row.delta, DecidedDelta):
        return Shape(names=_SHARDS, conditions=("attribute_not_exists(#shards)",))
    return _PLAIN


def _reshaped(row: Row) -> Shape:
    """The lead row of a position that gets, or loses, others."""
    was = {":was": {"N": str(row.was)}} if row.was > 1 else {}
    conditions = ("#shards = :was" if was else "attribute_not_exists(#shards)",)
    names = {**_SHARDS, "#spread": "spread"}
    if row.becomes == 1:
        return Shape(names=names, values=was, conditions=conditions, removes=("REMOVE #shards, #spread",))
    values = {**was, ":becomes": {"N": str(row.becomes)}, ":at": {"S": keys.instant(row.at)} if row.at else {}}
    return Shape(names=names, values=values, conditions=conditions, sets=("#shards = :becomes", "#spread = :at"))


def places_in_the_way(rows: Sequence[Row], reasons: Sequence[Mapping[str, Any]]) -> list[Place]:
    """Positions whose rows others were writing, or that were written too often."""
    pairs = zip(rows, reasons, strict=False)
    return [(row.delta.sku, row.delta.node_id) for row, reason in pairs if reason.get("Code") in BUSY]


def _since(known: Known) -> datetime:
    return datetime.fromisoformat(known.since) if known.since else datetime.fromisoformat("2000-01-01T00:00:00Z")


def _key(sku: str, node_id: str, shard: int) -> dict[str, Any]:
    return {"pk": {"S": keys.position_pk(sku, shard)}, "sk": {"S": keys.position_sk(node_id, shard)}}


def rows_of(item: Item) -> int:
    """Of how many rows the position is whose row 0 this is."""
    return int(item["shards"]["N"]) if "shards" in item else 1


def is_lead(item: Item) -> bool:
    """Row 0 of a position; neither a further row, nor a lot that is to come."""
    return "due" not in item and item["sk"]["S"].endswith("#0")


def row_from_item(item: Item) -> StockDelta:
    """What a stored row of a position holds."""
    sku, node_id, _ = keys.position_of(item["pk"]["S"], item["sk"]["S"])
    counts = {name: int(item[name]["N"]) for name in COMPONENTS if name in item}
    return StockDelta(sku=sku, node_id=node_id, **counts)
